"""A prefeitura's people on real servers: who comes, moves, leaves and returns, and what stops a wrong spreadsheet."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from openpyxl import load_workbook
from prefect.artifacts import Artifact
from typer.testing import CliRunner

from blocks.sip import SEI_SYSTEM_ID
from cli.__main__ import app
from cli.intake import send_sheets
from domain.account import Account
from domain.environment import Purpose
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.sip_user import SipUser
from domain.users_report import UsersReport
from flows.create_environment import create_environment
from flows.import_users import import_users
from flows.seed import seed
from flows.users import apply_users, plan_undo, plan_users, undo_users
from registry import Registry
from tasks import doors
from tasks.instance import Instance, load_instance
from tasks.users import ensure_accounts, ensure_sip_users
from tasks.users_batches import find_open, list_batches
from tasks.users_plan import open_import
from tasks.users_sheet import load_returned
from tests.cli.examples import example_of
from tests.domain.examples import make_cpf
from tests.flows.conftest import Join

UNITS = ("sigla;descricao;superior;email", "PMB;Prefeitura Municipal;;", "SEMAD;Administração;PMB;", "SEMUS;Saúde;PMB;")
HEADER = "nome;cpf;email;login;unidade;perfil;matricula"
WORDS = ("Ana", "Bruno", "Célia", "Davi", "Elisa", "Fábio", "Gilda", "Hugo", "Inês", "João", "Kátia", "Luís")

Send = Callable[..., None]


def row(  # the columns of the spreadsheet
    number: int,
    *,
    nome: str | None = None,
    cpf: str | None = None,
    login: str | None = None,
    email: str | None = None,
    unidade: str = "SEMAD",
    perfil: str = "Básico",
) -> str:
    """One person; the first of them administers and signs everywhere."""
    nome = (
        nome or f"{WORDS[number % len(WORDS)]} Sobrenome de Teste {'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[number // len(WORDS)]}"
    )
    cells = (
        nome,
        cpf or make_cpf(300_000_000 + number),
        email or f"pessoa{number}@bambui.example",
        login or f"pessoa.{number}",
        unidade,
        perfil,
        str(7000 + number),
    )
    return ";".join(cells)


CHIEF = row(0, unidade="PMB, SEMAD, SEMUS", perfil="Básico, Administrador")
TEAM = [CHIEF, *(row(number) for number in range(1, 20))]


@pytest.fixture(scope="module")
def instance(join: Join, tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """A training environment with units and nobody in it."""
    units = tmp_path_factory.mktemp("bambui") / "unidades.csv"
    units.write_text("\n".join(UNITS), encoding="utf-8")
    municipality = join("3105103", "Bambuí", units)
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    found = load_instance(f"{municipality.slug}-treinamento")
    seed(municipality.slug, Purpose.TREINAMENTO)
    return found


@pytest.fixture
def send(instance: Instance, tmp_path: Path) -> Send:
    def run(*rows: str) -> None:
        (tmp_path / "usuarios.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
        send_sheets(instance.municipality.slug, [tmp_path / "usuarios.csv"])

    return run


@pytest.fixture
def team(instance: Instance, send: Send) -> Instance:
    """The environment with twenty people, whatever the test before left."""
    send(*TEAM)
    accept(instance)
    return instance


def accept(instance: Instance) -> UsersReport:
    """Apply the newest spreadsheet, with a person's yes where it needs one."""
    done = apply_users(instance.name.slug)
    return apply_users(instance.name.slug, done.code) if done.waiting_for else done


def user_of(instance: Instance, login: str) -> SipUser:
    (found,) = [user for user in instance.users.list_users() if user.state.sigla == login and user.state.ativo]
    return found


def works(instance: Instance) -> set[str]:
    """Who can sign in and work: every condition of both databases, and an account that is open."""
    opened = {user.account.uid for user in doors.ssc().list_users(instance.name) if not user.blocked}
    return {login for login in instance.users.list_ready_logins() if login in opened} - {"implanta"}


def logins(*numbers: int) -> set[str]:
    return {f"pessoa.{number}" for number in numbers}


def test_the_first_import_brings_everybody_in_and_the_second_changes_nothing(team: Instance) -> None:
    assert works(team) == logins(*range(20))
    again = apply_users(team.name.slug)
    assert (again.touched, again.batch, again.unchanged) == (0, None, 20)
    assert user_of(team, "pessoa.1").state.id_origem == "7001"


def test_joiners_movers_and_leavers_are_the_difference_to_yesterdays_file(team: Instance, send: Send) -> None:
    send(CHIEF, row(1, unidade="SEMUS"), *TEAM[3:], row(20))
    done = apply_users(team.name.slug)
    assert (done.joining, done.changing, done.leaving) == (1, 1, 1)
    assert works(team) == logins(0, 1, *range(3, 21))
    moved = [grant for grant in user_of(team, "pessoa.1").state.grants if grant.fim is None]
    assert {grant.place.id_unidade for grant in moved} == {
        unit.id_unidade for unit in team.people.list_units() if unit.sigla == "SEMUS"
    }


def test_who_leaves_is_deactivated_everywhere_and_deleted_nowhere(team: Instance, send: Send) -> None:
    gone = user_of(team, "pessoa.5").id_usuario
    send(*[line for line in TEAM if "pessoa.5;" not in line])
    apply_users(team.name.slug)
    (left,) = [user for user in team.users.list_users() if user.id_usuario == gone]
    assert not left.state.ativo
    assert left.state.grants
    assert all(grant.fim is not None for grant in left.state.grants)
    with team.server.transaction(team.name.database_sei) as cursor:
        cursor.execute("SELECT sin_ativo FROM usuario WHERE id_usuario = %s", (gone,))
        assert cursor.fetchone() == ("N",)
    (account,) = [user for user in doors.ssc().list_users(team.name) if user.account.uid == "pessoa.5"]
    assert account.blocked


def test_who_returns_gets_a_new_first_password(team: Instance, send: Send) -> None:
    send(*TEAM[:-1])
    apply_users(team.name.slug)
    send(*TEAM)
    done = apply_users(team.name.slug)
    assert done.returning == 1
    assert "pessoa.19" in works(team)
    (account,) = [user for user in doors.ssc().list_users(team.name) if user.account.uid == "pessoa.19"]
    assert account.must_change


def test_a_new_login_keeps_user_permissions_and_password(team: Instance, send: Send) -> None:
    before = user_of(team, "pessoa.3")
    send(*[line.replace("pessoa.3;", "pessoa.casada;") for line in TEAM])
    done = apply_users(team.name.slug)
    assert (done.changing, done.joining, done.leaving) == (1, 0, 0)
    after = user_of(team, "pessoa.casada")
    assert after.id_usuario == before.id_usuario
    assert "pessoa.casada" in works(team)
    assert "pessoa.3" not in {user.account.uid for user in doors.ssc().list_users(team.name)}


def test_a_corrected_cpf_is_the_same_person(team: Instance, send: Send) -> None:
    before = user_of(team, "pessoa.4").id_usuario
    send(*[row(4, cpf=make_cpf(399_999_999)) if "pessoa.4;" in line else line for line in TEAM])
    done = apply_users(team.name.slug)
    assert (done.changing, done.joining, done.refused) == (1, 0, 0)
    assert user_of(team, "pessoa.4").id_usuario == before
    assert user_of(team, "pessoa.4").state.cpf == make_cpf(399_999_999)


def test_too_many_leavers_stop_and_a_person_says_yes_to_that_very_plan(team: Instance, send: Send) -> None:
    send(*TEAM[:8])
    stopped = apply_users(team.name.slug)
    assert "Pessoas que sairiam: 12, e o limite é 10." in stopped.waiting_for
    assert works(team) == logins(*range(20))
    report = import_users(team.municipality.slug, Purpose.TREINAMENTO)
    assert report.waiting_for == stopped.waiting_for
    with pytest.raises(GateClosedError, match="plano mudou"):
        apply_users(team.name.slug, "0" * 12)
    with pytest.raises(InvalidInputError, match="curto demais"):
        apply_users(team.name.slug, stopped.code[:4])
    done = apply_users(team.name.slug, stopped.code[:12])
    assert done.leaving == 12
    assert works(team) == logins(*range(8))


def test_a_small_town_is_guarded_by_percentage(team: Instance, send: Send) -> None:
    send(*TEAM[:17])
    assert any("sairiam: 3, 15,0%" in reason for reason in apply_users(team.name.slug).waiting_for)


def test_the_last_administrator_and_the_last_who_signs_stay_whatever_anybody_says(team: Instance, send: Send) -> None:
    send(*TEAM[1:], row(40, unidade="PMB, SEMUS"))
    stopped = apply_users(team.name.slug)
    assert stopped.waiting_for[0] == "O ambiente ficaria sem nenhum administrador do SEI."
    with pytest.raises(GateClosedError, match="ninguém pode permitir"):
        apply_users(team.name.slug, stopped.code)
    send(CHIEF.replace("PMB, SEMAD, SEMUS", "PMB, SEMAD"), *TEAM[1:])
    stopped = apply_users(team.name.slug)
    assert stopped.waiting_for[0] == "A unidade SEMUS ficaria sem ninguém que assine."
    assert works(team) == logins(*range(20))


def test_refused_rows_go_back_and_the_rest_waits_for_a_yes(team: Instance, send: Send) -> None:
    send(*TEAM, row(21), row(22, cpf="111.111.111-11"), row(23, unidade="NADA"))
    stopped = apply_users(team.name.slug)
    assert stopped.refused == 2
    assert any("2 de 23 linhas foram recusadas" in reason for reason in stopped.waiting_for)
    lines = list(load_workbook(io.BytesIO(load_returned(team)))["usuarios"].values)
    assert len(lines) == 3
    assert lines[0][-1] == "Motivo da recusa"
    assert [line[3] for line in lines[1:]] == ["pessoa.22", "pessoa.23"]
    assert all(line[-1] for line in lines[1:])
    assert "pessoa.21" not in works(team)
    done = apply_users(team.name.slug, stopped.code[:12])
    assert done.joining == 1
    assert works(team) == logins(*range(20), 21)
    again = import_users(team.municipality.slug, Purpose.TREINAMENTO)
    assert again.waiting_for == ()
    assert again.change.total == 0


def test_who_is_behind_a_refused_row_does_not_leave(team: Instance, send: Send) -> None:
    send(*[line.replace(make_cpf(300_000_006), "123") for line in TEAM])
    stopped = apply_users(team.name.slug)
    assert (stopped.leaving, stopped.refused) == (0, 1)
    apply_users(team.name.slug, stopped.code)
    assert "pessoa.6" in works(team)


def test_a_batch_is_put_back_as_it_was_everywhere(team: Instance, send: Send) -> None:
    before = {user.id_usuario: user.state for user in team.users.list_users()}
    send(CHIEF, row(1, unidade="SEMUS", email="outro@bambui.example"), *TEAM[3:], row(30))
    batch = apply_users(team.name.slug).batch
    assert batch is not None
    assert plan_undo(team.name.slug, batch).touched == 3
    undone = undo_users(team.name.slug, batch)
    assert undone.touched == 3
    after = {user.id_usuario: user.state for user in team.users.list_users()}
    assert {user: state for user, state in after.items() if user in before} == before
    (came,) = [state for user, state in after.items() if user not in before]
    assert not came.ativo
    assert works(team) == logins(*range(20))
    assert "pessoa.30" not in {user.account.uid for user in doors.ssc().list_users(team.name)}
    (mail,) = [u.account.email for u in doors.ssc().list_users(team.name) if u.account.uid == "pessoa.1"]
    assert mail == "pessoa1@bambui.example"
    assert undo_users(team.name.slug, batch).touched == 0


def test_an_undone_spreadsheet_is_not_applied_again_by_itself(team: Instance, send: Send) -> None:
    send(*TEAM[:-1])
    batch = apply_users(team.name.slug).batch
    assert batch is not None
    undo_users(team.name.slug, batch)
    waiting = import_users(team.municipality.slug, Purpose.TREINAMENTO).waiting_for
    assert any("foi desfeita" in reason for reason in waiting)
    assert "pessoa.19" in works(team)


def test_undo_leaves_who_moved_on_and_asks(team: Instance, send: Send) -> None:
    send(row(0, unidade="PMB, SEMAD, SEMUS", perfil="Básico, Administrador"), row(1, unidade="SEMUS"), *TEAM[2:-1])
    batch = apply_users(team.name.slug).batch
    assert batch is not None
    with team.server.transaction(team.name.database_sip) as cursor:
        cursor.execute("UPDATE usuario SET email = 'mao@bambui.example' WHERE sigla = 'pessoa.1'")
    plan = undo_users(team.name.slug, batch)
    assert plan.refused == 1
    assert plan.waiting_for
    assert "pessoa.19" not in works(team)
    undo_users(team.name.slug, batch, plan.code)
    assert "pessoa.19" in works(team)
    assert user_of(team, "pessoa.1").state.email == "mao@bambui.example"


def test_the_undo_of_a_first_import_passes_the_limits_and_asks(team: Instance, send: Send) -> None:
    send(*TEAM, *(row(number) for number in range(50, 62)))
    batch = apply_users(team.name.slug).batch
    assert batch is not None
    plan = undo_users(team.name.slug, batch)
    assert any("sairiam: 12" in reason for reason in plan.waiting_for)
    assert len(works(team)) == 32
    undo_users(team.name.slug, batch, plan.code[:12])
    assert works(team) == logins(*range(20))


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_run_that_was_cut_off_is_finished_by_the_next(team: Instance, send: Send, done: int) -> None:
    send(CHIEF, row(1, unidade="SEMUS"), *TEAM[3:], row(31))
    name = team.name.slug
    opened = open_import(name)
    for step in (ensure_accounts, ensure_sip_users)[:done]:
        step(name)
    assert find_open(team) is not None
    with pytest.raises(GateClosedError, match="não terminou"):
        undo_users(name, str(list_batches(team)[0][0].details["batch"]))
    assert plan_users(name).batch == opened.batch
    send(*TEAM, row(32))  # a newer spreadsheet waits for its turn
    import_users(team.municipality.slug, Purpose.TREINAMENTO)
    assert find_open(team) is None
    assert works(team) == logins(*range(20), 32)


def test_somebodys_change_meanwhile_is_not_overwritten(team: Instance, send: Send) -> None:
    send(*[line.replace("pessoa7@", "nova7@") for line in TEAM])
    open_import(team.name.slug)
    with team.server.transaction(team.name.database_sip) as cursor:
        cursor.execute("UPDATE usuario SET email = 'mao7@bambui.example' WHERE sigla = 'pessoa.7'")
    with pytest.raises(IntegrityError, match="mudaram no SIP"):
        apply_users(team.name.slug)
    assert user_of(team, "pessoa.7").state.email == "mao7@bambui.example"
    assert apply_users(team.name.slug).changing == 1  # planned anew, with what SIP has now
    assert user_of(team, "pessoa.7").state.email == "nova7@bambui.example"


def test_more_people_than_were_contracted_are_refused_with_the_choice(team: Instance, send: Send) -> None:
    send(
        *TEAM,
        *(
            row(100 + number, nome=f"Pessoa Extra {'abcdefghij'[number % 10]} {'abcdefghijklmnop'[number // 10]}")
            for number in range(140)
        ),
    )
    with pytest.raises(InvalidInputError, match="150"):
        apply_users(team.name.slug)
    assert works(team) == logins(*range(20))


def test_a_permission_that_somebody_gave_stays_and_one_that_somebody_ended_stays_ended(
    team: Instance, send: Send
) -> None:
    by_hand, ended = user_of(team, "pessoa.8"), user_of(team, "pessoa.9")
    (profile,) = [grant.place.id_perfil for grant in by_hand.state.grants if grant.fim is None]
    (unit,) = [unit.id_unidade for unit in team.people.list_units() if unit.sigla == "PMB"]
    with team.server.transaction(team.name.database_sip) as cursor:
        cursor.execute(
            "INSERT INTO permissao (id_perfil, id_sistema, id_usuario, id_unidade, id_tipo_permissao, dta_inicio,"
            " sin_subunidades) VALUES (%s, %s, %s, %s, 1, CURDATE(), 'N')",
            (profile, SEI_SYSTEM_ID, by_hand.id_usuario, unit),
        )
        cursor.execute(
            "UPDATE permissao SET dta_fim = CURDATE() - INTERVAL 1 DAY WHERE id_usuario = %s", (ended.id_usuario,)
        )
    send(*TEAM, row(33))
    done = apply_users(team.name.slug)
    assert (done.joining, done.changing, done.left_ended) == (1, 0, 1)
    assert unit in {grant.place.id_unidade for grant in user_of(team, "pessoa.8").state.grants if grant.fim is None}
    assert "pessoa.9" not in works(team)


def test_what_is_published_and_remembered_has_no_personal_data(team: Instance, send: Send, registry: Registry) -> None:
    send(*TEAM, row(34), row(35, cpf="1"))
    stopped = apply_users(team.name.slug)
    apply_users(team.name.slug, stopped.code)
    artifact = cast("Artifact | None", Artifact.get(f"usuarios-{team.name.slug}"))
    assert artifact is not None
    said = str(artifact.data) + repr(registry.events(ibge=team.municipality.ibge)) + stopped.model_dump_json()
    assert "linha" in said
    for word in ("pessoa.34", "pessoa34@", make_cpf(300_000_034), WORDS[34 % len(WORDS)] + " Sobrenome"):
        assert word not in said


def test_the_command_line_shows_applies_returns_and_takes_back(team: Instance, send: Send, tmp_path: Path) -> None:
    name = team.name.slug
    send(*TEAM[:-1], row(36, cpf="1"))

    def run(words: list[str], *more: str) -> dict[str, Any]:
        outcome = CliRunner().invoke(app, [*words, *more, "--json"])
        assert outcome.exit_code in {0, 30}, outcome.output
        found: dict[str, Any] = {"exit": outcome.exit_code, "found": json.loads(outcome.stdout)}
        return found

    instead = {"timoteo-treinamento": name, "volta.xlsx": str(tmp_path / "volta.xlsx")}
    plan = run(example_of("users plan", instead))["found"]
    assert (plan["leaving"], plan["refused"]) == (1, 1)
    assert run(example_of("users apply", instead))["exit"] == 30
    assert run(example_of("users returned", instead))["found"]["bytes"] > 0
    assert (tmp_path / "volta.xlsx").stat().st_mode & 0o077 == 0
    done = run(example_of("users apply", instead), "--plan", plan["code"][:12])
    assert (done["exit"], done["found"]["leaving"]) == (0, 1)
    newest = run(example_of("users batches", instead))["found"][0]
    assert (newest["batch"], newest["outcome"], newest["leaving"]) == (done["found"]["batch"], "applied", 1)
    instead["LOTE"] = newest["batch"]
    assert run(example_of("users undo", instead))["found"]["returning"] == 1
    assert "pessoa.19" not in works(team)
    outcome = CliRunner().invoke(app, ["users", "undo", name, newest["batch"]])
    assert outcome.exit_code == 0, outcome.output
    assert "1 voltam" in outcome.output
    assert "pessoa.19" in works(team)


def test_an_account_that_was_lost_is_made_again(team: Instance) -> None:
    doors.ssc().remove_users(team.name, ["pessoa.10"])
    done = import_users(team.municipality.slug, Purpose.TREINAMENTO)
    assert done.change.created >= 1
    assert "pessoa.10" in works(team)


def test_accounts_that_are_not_the_spreadsheets_stay(team: Instance) -> None:
    doors.ssc().ensure_users(team.name, [Account(uid="de.fora", name="De Fora", email="fora@bambui.example")])
    apply_users(team.name.slug)
    assert "de.fora" in {user.account.uid for user in doors.ssc().list_users(team.name)}


@pytest.fixture(scope="module", autouse=True)
def _nobody_is_left_open(instance: Instance) -> Iterator[None]:
    yield
    assert find_open(instance) is None
