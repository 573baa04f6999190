"""People who went different ways in a real LDAP, SIP and SEI: told without a name, mended, one failure stays one."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from prefect.artifacts import Artifact
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from blocks.runtime import ScheduledTask
from blocks.settings import Settings
from blocks.sip import ORGAO_ID, SEI_SYSTEM_ID, SIP_SYSTEM_ID, TEST_UNIT_ID
from cli.__main__ import app
from domain.account import Account
from domain.environment import Purpose
from domain.errors import GateClosedError, IntegrityError
from domain.users_difference import Comparison, Kind
from domain.users_reconciliation import account_of_nobody
from flows.create_environment import create_environment
from flows.reconcile_users import mend_environment_users, reconcile_fleet, reconcile_users
from registry import Registry
from tasks import clock, doors
from tasks.instance import Instance, load_instance
from tasks.users_reconciliation import MENDED, RECONCILED, list_reconcilable
from tests.cli.examples import example_of
from tests.flows.conftest import Join
from tests.flows.planted import insert

FIRST_ID = 100_000_700
PEOPLE = 24
OUTSIDE = 110_000_777
STRANGER = "quixaba.egressa"
PROFILE = 100_000_938

# Whoever each difference is planted on.
(
    LEAVER, BARRED, BLOCKED, LOST_ACCOUNT, OTHER_NAME, LOST_SEI, SEI_OFF, SEI_ON, SEI_NAME, CONTACT, NO_ORIGIN,
    NO_GRANT, CLOSED_UNIT, SUBUNITS, CPF_A, CPF_B,
) = range(FIRST_ID, FIRST_ID + 16)  # fmt: skip
NO_CONTATO, SEI_ONLY = FIRST_ID + 20, FIRST_ID + 90


def login_of(user_id: int) -> str:
    return f"quixaba.{user_id - FIRST_ID}"


def name_of(user_id: int) -> str:
    return f"Quixabeira Umburana {user_id - FIRST_ID}"


def email_of(user_id: int) -> str:
    return f"{login_of(user_id)}@umburana.example"


def cpf_of(user_id: int) -> int:
    return 71_428_793_000 + user_id - FIRST_ID


def execute(instance: Instance, database: str, statement: str, *values: object) -> None:
    schema = instance.name.database_sei if database == "sei" else instance.name.database_sip
    with instance.server.transaction(schema) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(statement, values)


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    municipality = join("3109907", "Caetanópolis")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    return load_instance(f"{municipality.slug}-treinamento")


@pytest.fixture
def settled(instance: Instance) -> Instance:
    """The environment with its people the same everywhere, whatever the test before left."""
    settle(instance, PEOPLE)
    return instance


def settle(instance: Instance, people: int) -> None:
    ids = range(FIRST_ID, FIRST_ID + people)
    with instance.server.transaction(instance.name.database_sip) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("DELETE FROM permissao WHERE id_usuario >= %s", (FIRST_ID,))
        cursor.execute("DELETE FROM usuario WHERE id_usuario >= %s", (FIRST_ID,))
        cursor.execute("DELETE FROM unidade WHERE id_unidade = %s", (OUTSIDE,))
        cursor.executemany(
            "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, cpf, email, id_origem,"
            " sin_ativo, sin_bloqueado) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'S', 'N')",
            [
                (user, ORGAO_ID, login_of(user), name_of(user), name_of(user), cpf_of(user), email_of(user), str(user))
                for user in ids
            ],
        )
        cursor.executemany(
            "INSERT INTO permissao (id_perfil, id_sistema, id_usuario, id_unidade, id_tipo_permissao, dta_inicio,"
            " sin_subunidades) VALUES (%s, %s, %s, %s, 1, '2026-01-01', 'N')",
            [(PROFILE, SEI_SYSTEM_ID, user, TEST_UNIT_ID) for user in ids],
        )
        cursor.execute(
            "UPDATE infra_sequencia SET num_atual = %s WHERE nome_tabela = 'usuario'", (FIRST_ID + people + 100,)
        )
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("DELETE FROM contato WHERE sigla LIKE 'quixaba%%' OR sigla = 'outra'")
        cursor.execute("DELETE FROM usuario WHERE id_usuario >= %s", (FIRST_ID,))
        cursor.execute("INSERT INTO seq_contato (campo) VALUES (NULL)")
    doors.runtime().run_scheduled(instance.name, ScheduledTask.REPLICATE_USERS)
    known = [user.account.uid for user in doors.ssc().list_users(instance.name)]
    doors.ssc().remove_users(instance.name, [uid for uid in known if uid.startswith("quixaba")])
    doors.ssc().ensure_users(
        instance.name, [Account(uid=login_of(user), name=name_of(user), email=email_of(user)) for user in ids]
    )


def plant(instance: Instance) -> set[tuple[Kind, str]]:
    """Every kind of difference at once, but the one that stops the replication; what must be told of it."""
    yesterday = clock.today() - timedelta(days=1)  # in Brasília: elsewhere it may be tomorrow already

    def sip(assignment: str, user: int, table: str = "usuario") -> None:
        execute(instance, "sip", f"UPDATE {table} SET {assignment} WHERE id_usuario = %s", user)

    def sei(assignment: str, user: int) -> None:
        execute(instance, "sei", f"UPDATE usuario SET {assignment} WHERE id_usuario = %s", user)

    sip("sin_ativo = 'N'", LEAVER)
    sei("sin_ativo = 'N'", LEAVER)
    sip("sin_bloqueado = 'S'", BARRED)
    doors.ssc().block_users(instance.name, [login_of(BLOCKED), login_of(SEI_ON)])
    doors.ssc().remove_users(instance.name, [login_of(LOST_ACCOUNT)])
    changed = Account(uid=login_of(OTHER_NAME), name="Quixabeira Antiga", email="antiga@umburana.example")
    alone = Account(uid=STRANGER, name="Quixabeira Egressa", email="egressa@umburana.example")
    doors.ssc().ensure_users(instance.name, [changed, alone])
    execute(instance, "sei", "DELETE FROM usuario WHERE id_usuario = %s", LOST_SEI)
    sei("sin_ativo = 'N'", SEI_OFF)
    sip("sin_ativo = 'N'", SEI_ON)
    sei("sigla = 'outra', nome = 'Quixabeira Errada'", SEI_NAME)
    execute(instance, "sei", "UPDATE contato SET cpf = 191 WHERE sigla = %s", login_of(CONTACT))
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        insert(cursor, "contato", id_contato=1, id_contato_associado=1, nome="Quixabeira Só", sigla=login_of(SEI_ONLY))
        insert(
            cursor, "usuario", id_usuario=SEI_ONLY, id_contato=1, id_orgao=ORGAO_ID, sta_tipo="0", sin_ativo="S",
            sigla=login_of(SEI_ONLY), nome="Quixabeira Só",
        )  # fmt: skip
    sip("id_origem = NULL", NO_ORIGIN)
    execute(instance, "sip", "UPDATE permissao SET dta_fim = %s WHERE id_usuario = %s", yesterday, NO_GRANT)
    with instance.server.transaction(instance.name.database_sip) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        insert(cursor, "unidade", id_unidade=OUTSIDE, id_orgao=ORGAO_ID, sigla="FORA", sin_ativo="S", sin_global="N")
    sip(f"id_unidade = {OUTSIDE}", CLOSED_UNIT, "permissao")
    sip(f"id_unidade = {OUTSIDE}, id_sistema = {SIP_SYSTEM_ID}, sin_subunidades = 'S'", SUBUNITS, "permissao")
    sip(f"cpf = {cpf_of(CPF_A)}", CPF_B)
    execute(instance, "sei", "UPDATE contato SET cpf = %s WHERE sigla = %s", cpf_of(CPF_A), login_of(CPF_B))
    execute(instance, "sip", "UPDATE infra_sequencia SET num_atual = 100000001 WHERE nome_tabela = 'usuario'")
    told = {
        Kind.LEAVER_OPEN: (LEAVER,),
        Kind.BARRED_OPEN: (BARRED,),
        Kind.ACTIVE_BLOCKED: (BLOCKED,),
        Kind.ACCOUNT_MISSING: (LOST_ACCOUNT,),
        Kind.ACCOUNT_DIFFERS: (OTHER_NAME,),
        Kind.SEI_MISSING: (LOST_SEI,),
        Kind.SEI_INACTIVE: (SEI_OFF,),
        Kind.SEI_ACTIVE: (SEI_ON,),
        Kind.SEI_DIFFERS: (SEI_NAME,),
        Kind.CONTACT_DIFFERS: (CONTACT,),
        Kind.SEI_ALONE: (SEI_ONLY,),
        Kind.WITHOUT_ORIGIN: (NO_ORIGIN,),
        Kind.WITHOUT_PERMISSION: (NO_GRANT,),
        Kind.UNIT_CLOSED: (CLOSED_UNIT,),
        Kind.SUBUNITS_OUTSIDE: (SUBUNITS,),
        Kind.CPF_TWICE: (CPF_A, CPF_B),
    }
    return {(kind, f"usuário {user}") for kind, users in told.items() for user in users} | {
        (Kind.LEAVER_OPEN, account_of_nobody(STRANGER)),
        (Kind.COUNTER_BEHIND, "contador sip.usuario"),
    }


def named(found: Comparison) -> set[tuple[Kind, str]]:
    return {(difference.kind, difference.who) for difference in found.differences}


def blocked(instance: Instance) -> set[str]:
    return {user.account.uid for user in doors.ssc().list_users(instance.name) if user.blocked}


def test_people_who_are_the_same_everywhere_differ_in_nothing(settled: Instance) -> None:
    found = reconcile_users(settled.name.slug)
    assert [difference.told for difference in found.differences] == []
    assert (found.accounts, found.sip_users, found.sei_users) == (PEOPLE, PEOPLE, PEOPLE)


def test_every_difference_is_named_mended_where_a_machine_may_and_then_there_is_peace(
    settled: Instance, registry: Registry
) -> None:
    slug = settled.name.slug
    planted = plant(settled)
    found = reconcile_users(slug)
    assert named(found) == planted
    with pytest.raises(GateClosedError, match="O plano mudou desde que foi mostrado"):
        mend_environment_users(slug, "0" * 12)
    assert named(reconcile_users(slug)) == planted, "a comparison and a refusal write nothing"

    left = mend_environment_users(slug, found.code[:12])
    assert left.mendable == 0
    assert named(left) == {
        (difference.kind, difference.who) for difference in found.differences if difference.remedy is None
    }
    assert {kind for kind, _ in named(left)} == {
        Kind.SEI_ALONE, Kind.WITHOUT_ORIGIN, Kind.WITHOUT_PERMISSION, Kind.UNIT_CLOSED, Kind.SUBUNITS_OUTSIDE,
        Kind.CPF_TWICE, Kind.COUNTER_BEHIND,
    }  # fmt: skip
    assert blocked(settled) == {login_of(LEAVER), login_of(BARRED), login_of(SEI_ON), STRANGER}
    assert named(mend_environment_users(slug, found.code)) == named(left), (
        "with nothing left to do there is no other plan"
    )

    events = registry.events(ibge=settled.municipality.ibge, kinds=[RECONCILED, MENDED])
    assert [event.details["block"] for event in events if event.kind == MENDED] == [3]
    assert cast("dict[str, int]", events[-1].details["differences"])["cpf_twice"] == 2
    assert events[-1].environment == slug


def test_a_user_of_sei_without_contato_is_told_and_nothing_is_tried(settled: Instance) -> None:
    execute(settled, "sei", "DELETE FROM contato WHERE sigla = %s", login_of(NO_CONTATO))
    execute(settled, "sei", "UPDATE usuario SET sta_tipo = '3' WHERE id_usuario = %s", NO_CONTATO + 1)
    found = reconcile_users(settled.name.slug)
    assert named(found) == {
        (Kind.CONTACT_MISSING, f"usuário {NO_CONTATO}"),
        (Kind.OTHER_TYPE, f"usuário {NO_CONTATO + 1}"),
    }
    assert found.mendable == 0


def test_a_sip_from_an_older_backup_shuts_nobody_out(settled: Instance) -> None:
    execute(settled, "sip", "UPDATE usuario SET sin_ativo = 'N' WHERE id_usuario > %s", FIRST_ID + 5)
    found = reconcile_users(settled.name.slug)
    with pytest.raises(GateClosedError, match=r"bloquearia 18 das 24 contas abertas.*cópia antiga"):
        mend_environment_users(settled.name.slug, found.code)
    assert blocked(settled) == set()


def test_an_operator_reads_it_on_the_terminal_and_sees_logins_only_when_asked(settled: Instance) -> None:
    slug, run = settled.name.slug, CliRunner()
    quiet = run.invoke(app, example_of("users reconcile", {"timoteo-treinamento": slug}))
    assert quiet.exit_code == 0, quiet.stderr
    plant(settled)
    shown = run.invoke(app, ["users", "reconcile", slug, "--json"])
    assert shown.exit_code == IntegrityError.exit_code
    assert "Conta aberta de quem não está ativo no SIP: 2" in shown.stderr
    result = json.loads(shown.stdout)
    assert result["counts"]["cpf_twice"] == 2
    assert "quixab" not in (shown.stdout + shown.stderr).casefold()
    open_eyed = run.invoke(app, ["users", "reconcile", slug, "--json", "--show-logins"])
    logins = {item["who"]: item["login"] for item in json.loads(open_eyed.stdout)["differences"]}
    assert logins[f"usuário {LEAVER}"] == login_of(LEAVER)
    assert logins[account_of_nobody(STRANGER)] == STRANGER
    assert logins[f"usuário {SEI_ONLY}"] == login_of(SEI_ONLY)

    instead = {"timoteo-treinamento": slug, "3f1c9a0b77de": result["code"][:12]}
    mended = run.invoke(app, example_of("users mend", instead))
    assert mended.exit_code == 0, mended.stderr
    assert "0 com conserto automático" in mended.stdout
    refused = run.invoke(app, ["users", "mend", slug, "--plan", "curto"])
    assert refused.exit_code == 20
    assert f"./implanta users reconcile {slug}" in " ".join(refused.stderr.split())


@pytest.fixture(scope="module")
def fleet(instance: Instance, join: Join) -> Iterator[tuple[Instance, Instance, Instance]]:
    """Three environments, the second of which cannot be compared: a table of its SIP is gone."""
    others = []
    for ibge, name in (("3110202", "Cajuri"), ("3110301", "Caldas")):
        municipality = join(ibge, name)
        create_environment(municipality.slug, Purpose.TREINAMENTO)
        others.append(load_instance(f"{municipality.slug}-treinamento"))
    broken, fine = others
    execute(broken, "sip", "RENAME TABLE permissao TO permissao_sumida")
    yield instance, broken, fine
    execute(broken, "sip", "RENAME TABLE permissao_sumida TO permissao")


@pytest.mark.usefixtures("settled")
def test_an_environment_that_cannot_be_compared_stops_neither_the_others_nor_the_report(
    fleet: tuple[Instance, Instance, Instance], registry: Registry
) -> None:
    wrong, broken, fine = fleet
    doors.ssc().ensure_users(wrong.name, [Account(uid=STRANGER, name="Quixabeira", email="egressa@umburana.example")])
    assert {found.name.slug for found in fleet} <= set(list_reconcilable())
    with pytest.raises(IntegrityError) as raised:
        reconcile_fleet()
    assert f"{wrong.name.slug}: 1 conta(s) aberta(s) de quem não está ativo no SIP" in str(raised.value)
    assert f"{broken.name.slug} não foi comparado: O MariaDB recusou um comando (erro 1146" in str(raised.value)
    artifact = cast("Artifact | None", Artifact.get(key="conciliacao-dos-usuarios"))  # sync outside of a loop
    assert artifact is not None
    assert f"| ✖ | {wrong.name.slug} | {PEOPLE + 1} | {PEOPLE} | {PEOPLE} | 1 | 1 | 1 |" in str(artifact.data)
    assert f"| ✔ | {fine.name.slug} | 0 | 0 | 0 | 0 | 0 | 0 |" in str(artifact.data)
    assert f"- **{broken.name.slug}**: O MariaDB recusou" in str(artifact.data)
    told = {event.environment for event in registry.events(kinds=[RECONCILED])}
    assert {wrong.name.slug, fine.name.slug} <= told
    assert broken.name.slug not in told


def test_nobody_is_named_in_the_orchestrator_in_a_log_or_in_the_history(
    settled: Instance, lab: Path, programme: Settings
) -> None:
    plant(settled)
    found = reconcile_users(settled.name.slug)
    mend_environment_users(settled.name.slug, found.code)
    words = ("quixab", "umburana", str(cpf_of(FIRST_ID))[:8])
    (path,) = lab.glob("prefect/**/prefect.db")
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    said = {
        table: repr(database.execute(f'SELECT * FROM "{table}"').fetchall())
        for table in ("flow_run", "flow_run_state", "task_run", "task_run_state", "log", "artifact", "events")
    }
    database.close()
    assert str(LEAVER) in said["artifact"], "what is looked through does tell of people"
    said |= {log.name: log.read_text(encoding="utf-8", errors="replace") for log in (lab / "log").glob("*.log")}
    engine = create_engine(programme.registry_url.get_secret_value())
    with engine.connect() as connection:
        said["event"] = repr(connection.execute(text("SELECT * FROM event")).fetchall())
    engine.dispose()
    assert {name: word for name, text_ in said.items() for word in words if word in text_.casefold()} == {}
