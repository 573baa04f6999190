"""Both ways into SIP: the same steps leave the same users, whatever was cut off, and nothing that nobody planned."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from time import process_time
from typing import Any, Literal, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from blocks.directory import Directory
from blocks.rehearsal import rehearsing
from blocks.runtime import ScheduledTask, ServiceAddress
from blocks.sei_browser import SeiBrowser
from blocks.sip import SEI_SYSTEM_ID, DirectoryServer
from blocks.ssc_ldap import LdapSsc
from blocks.users_channel import SqlChannel, UsersChannel
from blocks.users_soap import SoapChannel
from domain.access_key import AccessKey
from domain.account import Account
from domain.change import Change
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from domain.person import every_lotacao
from domain.sip_user import UserState
from domain.users_plan import UserStep
from tests.blocks.application import SECRETS, Application
from tests.blocks.conftest import ENVIRONMENT, one_version
from tests.blocks.instance import Databases
from tests.blocks.users import TODAY, change, find, granted, join, joining, leave, place, state_of
from tests.domain.examples import make_cpf, make_person

UNIT, OTHER = "TESTE_1_1", "TESTE_1_2"
LOTACOES = every_lotacao([UNIT], ["Básico"])
BEFORE = TODAY - timedelta(days=30)
Kind = Literal["sql", "soap"]
BOTH = pytest.mark.parametrize("kind", ["sql", "soap"])

Channel = Callable[..., UsersChannel]


@pytest.fixture
def ready(application: Application) -> Databases:
    """An environment whose SIP answers, with its units in SEI."""
    application.databases.sip.ensure_access_keys(SECRETS.access_keys())
    application.runtime.run_scheduled(ENVIRONMENT, ScheduledTask.REPLICATE_UNITS)
    return application.databases


@pytest.fixture
def channel(application: Application) -> Channel:
    """Makes a channel of a kind."""

    def make(kind: Kind, *, chunk: int = 3) -> UsersChannel:
        if kind == "sql":
            return SqlChannel(application.databases.server, ENVIRONMENT)
        key = SECRETS.access_keys()[SEI_SYSTEM_ID]
        return SoapChannel(application.databases.users, application.runtime.address(ENVIRONMENT), key, chunk=chunk)

    return make


def staff(databases: Databases) -> list[UserStep]:
    """Six people who came a month ago."""
    return [
        join(state_of(make_person(number, matricula=f"m{number}", nome=f"José Conceição {number}"),
                      granted(place(databases, UNIT), BEFORE)), linha=number + 1)
        for number in range(1, 7)
    ]  # fmt: skip


def a_day(databases: Databases) -> list[UserStep]:
    """What one spreadsheet may bring: everybody of `staff` but one is changed, in a way of their own."""
    new = granted(place(databases, OTHER))
    mover, renamed, corrected, social, leaver, returner = (find(databases, f"pessoa.{n}") for n in range(1, 7))
    gone = [grant.ended(TODAY) for grant in mover.state.grants]
    return [
        join(state_of(make_person(7, matricula="m7"), new, granted(place(databases, UNIT, "Arquivamento")))),
        change(mover, mover.state.with_grants([*gone, new])),
        change(renamed, replace(renamed.state, sigla="pessoa.casada", nome="Pessoa Casada")),
        change(corrected, replace(corrected.state, cpf=make_cpf(12_345), email="nova@example.org")),
        change(social, replace(social.state, nome_social="Ângela Conceição")),
        leave(leaver),
        change(
            returner,
            replace(returner.state, ativo=True, grants=tuple(grant.reopened(TODAY) for grant in returner.state.grants)),
        ),
    ]


def set_up(databases: Databases) -> list[UserStep]:
    """Staff in SIP, one of them away; the steps of the day."""
    SqlChannel(databases.server, ENVIRONMENT).apply(staff(databases), today=BEFORE)
    away = find(databases, "pessoa.6")
    SqlChannel(databases.server, ENVIRONMENT).apply([leave(away, BEFORE + timedelta(days=9))], today=BEFORE)
    return a_day(databases)


def seen(databases: Databases) -> dict[tuple[str, bool], UserState]:
    """Everybody in SIP by login, besides those that the reference brings."""
    return {
        (user.state.sigla, user.state.ativo): user.state
        for user in databases.users.list_users()
        if user.state.sigla not in {"SIP", "teste"}
    }


def require_done(databases: Databases, steps: Sequence[UserStep]) -> None:
    found = databases.users.list_users()
    by_id = {user.id_usuario: user.state for user in found}
    for step in steps:
        if step.before:
            assert by_id[step.before.id_usuario] == step.after
        else:
            assert step.after in by_id.values()
    ahead = databases.one(
        "sip",
        "SELECT num_atual - (SELECT MAX(id_usuario) FROM usuario WHERE id_usuario < 150000000)"
        " FROM infra_sequencia WHERE nome_tabela = 'usuario'",
    )
    assert ahead >= 0


def require_reveals_nobody(error: ImplantaError, *states: UserState) -> None:
    text = repr(error) + str(error) + repr(error.__cause__)
    for state in states:
        for value in (state.nome, state.nome_social, state.sigla, state.email, state.cpf, state.id_origem):
            assert value is None or value not in text


@BOTH
def test_a_day_of_changes_is_brought_about_and_again_changes_nothing(
    ready: Databases, channel: Channel, kind: Kind
) -> None:
    steps = set_up(ready)
    # One comes with two permissions, one moves, one returns with one; one leaves with one, one of the mover's ends.
    assert channel(kind).apply(steps, today=TODAY) == Change(created=1 + 2 + 1 + 1, updated=3 + 1, removed=2 + 1)
    require_done(ready, steps)
    assert ready.rows(
        "sip", "SELECT nome, nome_registro_civil, nome_social FROM usuario WHERE nome_social IS NOT NULL"
    ) == [("Ângela Conceição", "José Conceição 4", "Ângela Conceição")]
    before = ready.contents()
    assert channel(kind).apply(steps, today=TODAY) == Change(unchanged=len(steps))
    assert ready.contents() == before


@BOTH
def test_sei_follows_and_only_who_may_work_signs_in(
    application: Application, ready: Databases, channel: Channel, kind: Kind, directory: Directory
) -> None:
    steps = set_up(ready)
    application.runtime.run_scheduled(ENVIRONMENT, ScheduledTask.REPLICATE_USERS)
    channel(kind).apply(steps, today=TODAY)
    done = application.runtime.run_scheduled(ENVIRONMENT, ScheduledTask.REPLICATE_USERS)
    assert (done.total == 0) is (kind == "soap"), "by web service SIP tells SEI by itself"
    assert set(ready.users.count_replication_gaps().values()) == {0}
    ready.sip.ensure_directory_authentication(
        DirectoryServer(
            name=ENVIRONMENT.slug,
            host=directory.host,
            port=directory.port,
            search_dn=directory.search_dn(ENVIRONMENT),
            search_password=SECRETS.directory_password,
            people_dn=directory.people_dn(ENVIRONMENT),
        )
    )
    ssc = LdapSsc(directory=directory)
    passwords = {}
    for sigla in ("pessoa.7", "pessoa.5", "pessoa.3"):
        ssc.ensure_users(ENVIRONMENT, [Account(uid=sigla, name="Pessoa", email=f"{sigla}@example.org")])
        first = ssc.reset_password(ENVIRONMENT, sigla)
        passwords[sigla] = SecretStr(f"escolhida-por-{sigla}")
        ssc.change_own_password(ENVIRONMENT, sigla, first, passwords[sigla])
    address = application.runtime.address(ENVIRONMENT)

    def signs_in(sigla: str) -> bool:
        with SeiBrowser(address) as browser:
            return browser.sign_in(sigla, passwords[sigla])

    assert signs_in("pessoa.7"), "who joined"
    assert signs_in("pessoa.3"), "who stayed"
    channel(kind).apply([leave(find(ready, "pessoa.3"))], today=TODAY)
    assert not signs_in("pessoa.3"), "who left"


class Killed(BaseException):
    """The process dies: nothing of the programme may catch it."""


@one_version
def test_a_run_by_web_service_that_dies_after_each_call_is_finished_by_the_next_ones(
    ready: Databases, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = set_up(ready)
    send = SoapChannel._send

    def send_and_die(self: SoapChannel, operation: str, items: Sequence[Any]) -> NoReturn:
        send(self, operation, items)
        raise Killed

    monkeypatch.setattr(SoapChannel, "_send", send_and_die)
    deaths = 0
    while True:
        try:
            channel("soap", chunk=1).apply(steps, today=TODAY)
        except Killed:
            deaths += 1
            assert deaths < 30
            continue
        break
    assert deaths > len(steps), "users and permissions are calls of their own"
    require_done(ready, steps)


@one_version
def test_a_run_by_sql_that_dies_leaves_nothing_and_is_done_whole_by_the_next(
    ready: Databases, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = set_up(ready)
    before = ready.contents()

    def die(*_: object) -> NoReturn:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("blocks.users_channel._write_grants", die)
        channel("sql").apply(steps, today=TODAY)
    assert ready.contents() == before
    channel("sql").apply(steps, today=TODAY)
    require_done(ready, steps)


@one_version
@pytest.mark.parametrize(("first", "second"), [("sql", "soap"), ("soap", "sql")])
def test_one_channel_finds_done_what_the_other_did(
    ready: Databases, channel: Channel, first: Kind, second: Kind
) -> None:
    steps = set_up(ready)
    channel(first).apply(steps, today=TODAY)
    assert channel(second).apply(steps, today=TODAY).total == 0


@one_version
@BOTH
@pytest.mark.parametrize(
    "meanwhile",
    [
        "UPDATE usuario SET email = 'outro@example.org' WHERE sigla = 'pessoa.1'",
        "UPDATE permissao p JOIN usuario u USING (id_usuario) SET p.dta_fim = '2026-11-01' WHERE u.sigla = 'pessoa.5'",
        "UPDATE usuario SET sin_ativo = 'S' WHERE sigla = 'pessoa.6'; -- who returns has returned: nothing to refuse",
    ],
)
def test_what_somebody_changed_since_the_plan_is_not_written_over(
    ready: Databases, channel: Channel, kind: Kind, meanwhile: str
) -> None:
    steps = set_up(ready)
    ready.rows("sip", meanwhile.partition(";")[0])
    if "nothing to refuse" in meanwhile:
        channel(kind).apply(steps, today=TODAY)
        require_done(ready, steps)
        return
    before = ready.contents()
    with pytest.raises(IntegrityError, match=r"1 usuário\(s\) mudaram no SIP depois que o plano foi feito") as refusal:
        channel(kind).apply(steps, today=TODAY)
    assert ready.contents() == before
    require_reveals_nobody(refusal.value, *(step.after for step in steps))


@one_version
@BOTH
def test_a_rehearsal_counts_what_would_be_done_and_writes_nothing(
    ready: Databases, channel: Channel, kind: Kind
) -> None:
    steps = set_up(ready)
    before = ready.contents()
    with rehearsing():
        told = channel(kind).apply(steps, today=TODAY)
    assert ready.contents() == before
    assert channel(kind).apply(steps, today=TODAY) == told
    assert channel(kind).apply([], today=TODAY) == Change()


@one_version
@BOTH
def test_a_character_that_sip_cannot_store_stops_everything(ready: Databases, channel: Channel, kind: Kind) -> None:
    people = [make_person(1, matricula="m1"), make_person(2, matricula="m2", nome="Fulana Sigilosa → Silva")]
    steps = joining(ready, *(replace(person, lotacoes=LOTACOES) for person in people))
    before = ready.contents()
    with pytest.raises(InvalidInputError, match=r"U\+2192.*cp1252") as refusal:
        channel(kind).apply(steps, today=TODAY)
    assert ready.contents() == before
    require_reveals_nobody(refusal.value, *(step.after for step in steps))


@one_version
@BOTH
def test_a_permission_that_a_step_leaves_out_is_ended_and_kept(ready: Databases, channel: Channel, kind: Kind) -> None:
    set_up(ready)
    user = find(ready, "pessoa.1")
    step = change(user, user.state.with_grants(()))
    assert channel(kind).apply([step], today=TODAY) == Change(removed=1)
    assert find(ready, "pessoa.1").state.grants == (user.state.grants[0].ended(TODAY),)
    assert channel(kind).apply([step], today=TODAY) == Change(unchanged=1)


@one_version
@BOTH
def test_logins_move_on_from_one_to_the_next(ready: Databases, channel: Channel, kind: Kind) -> None:
    set_up(ready)
    names = ["pessoa.1", "pessoa.2", "pessoa.3", "novo.login"]
    users = [find(ready, sigla) for sigla in names[:3]]
    steps = [change(user, replace(user.state, sigla=sigla)) for user, sigla in zip(users, names[1:], strict=True)]
    channel(kind, chunk=1).apply(steps, today=TODAY)
    require_done(ready, steps)


def swap(ready: Databases) -> list[UserStep]:
    set_up(ready)
    first, second = find(ready, "pessoa.1"), find(ready, "pessoa.2")
    return [
        change(first, replace(first.state, sigla=second.state.sigla)),
        change(second, replace(second.state, sigla=first.state.sigla)),
    ]


@one_version
def test_two_people_swap_their_logins_by_sql(ready: Databases, channel: Channel) -> None:
    steps = swap(ready)
    assert channel("sql").apply(steps, today=TODAY) == Change(updated=2)
    require_done(ready, steps)


@one_version
def test_swapped_logins_are_refused_by_web_service_before_anything_is_sent(ready: Databases, channel: Channel) -> None:
    steps = swap(ready)
    before = ready.contents()
    ids = [step.before.id_usuario for step in steps if step.before]
    with pytest.raises(IntegrityError, match=rf"não troca logins entre pessoas: usuário {ids[0]}; usuário {ids[1]}"):
        channel("soap").apply([*a_day(ready)[:1], *steps], today=TODAY)
    assert ready.contents() == before


@one_version
@BOTH
def test_a_second_inactive_user_of_one_login_is_refused_by_id(ready: Databases, channel: Channel, kind: Kind) -> None:
    steps = set_up(ready)
    ready.rows(
        "sip",
        "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, sin_ativo, sin_bloqueado)"
        " VALUES (150000000, 0, 'PESSOA.5', 'Antiga', 'Antiga', 'N', 'N')",
    )
    before = ready.contents()
    with pytest.raises(
        IntegrityError, match=r"mudaram no SIP depois que o plano foi feito: usuário \d+ do SIP"
    ) as refusal:
        channel(kind).apply(steps, today=TODAY)
    assert ready.contents() == before
    require_reveals_nobody(refusal.value, *(step.after for step in steps))


@one_version
@BOTH
def test_a_login_that_somebody_else_took_since_the_plan_is_refused(
    ready: Databases, channel: Channel, kind: Kind
) -> None:
    steps = set_up(ready)
    ready.rows(
        "sip",
        "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, sin_ativo, sin_bloqueado)"
        " VALUES (150000000, 0, 'PESSOA.CASADA', 'Outra', 'Outra', 'S', 'N')",
    )
    before = ready.contents()
    with pytest.raises(IntegrityError, match=r"1 usuário.s. mudaram no SIP depois que o plano foi feito"):
        channel(kind).apply(steps, today=TODAY)
    assert ready.contents() == before


@one_version
@BOTH
def test_who_came_by_hand_since_the_plan_is_not_brought_a_second_time(
    ready: Databases, channel: Channel, kind: Kind
) -> None:
    steps = set_up(ready)
    newcomer = steps[0].after
    ready.rows(
        "sip",
        "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, cpf, sin_ativo, sin_bloqueado)"
        " VALUES (150000000, 0, 'outro.login', 'Pessoa', 'Pessoa', %s, 'S', 'N')",
        (int(newcomer.cpf or 0),),
    )
    before = ready.contents()
    with pytest.raises(IntegrityError, match=r"1 usuário.s. mudaram no SIP depois que o plano foi feito: linha 2"):
        channel(kind).apply(steps, today=TODAY)
    assert ready.contents() == before


@BOTH
def test_users_of_another_orgao_are_neither_seen_nor_in_the_way(ready: Databases, channel: Channel, kind: Kind) -> None:
    steps = set_up(ready)
    ready.rows("sip", "INSERT INTO orgao SELECT 1, 'CAMARA', 'Câmara', sin_ativo, sin_autenticar, 1 FROM orgao")
    ready.rows(
        "sip",
        "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, id_origem, sin_ativo,"
        " sin_bloqueado) VALUES (150000000, 1, 'pessoa.casada', 'Outra', 'Outra', 'm2', 'S', 'N')",
    )
    channel(kind).apply(steps, today=TODAY)
    require_done(ready, steps)
    assert ready.one("sip", "SELECT nome FROM usuario WHERE id_usuario = 150000000") == "Outra"


@one_version
@pytest.mark.parametrize(
    ("spoil", "update", "why"),
    [
        ("id_origem = NULL", {"email": "x@example.org"}, "não tem matrícula no SIP"),
        ("id_origem = id_origem", {"id_origem": "m99"}, "mudaria de matrícula"),
        ("id_origem = 'm2'", {"email": "x@example.org"}, "outro usuário tem a mesma matrícula"),
    ],
)
def test_who_cannot_be_told_by_matricula_is_refused_by_web_service_and_named_by_id(
    ready: Databases, channel: Channel, spoil: str, update: dict[str, Any], why: str
) -> None:
    set_up(ready)
    ready.rows("sip", f"UPDATE usuario SET {spoil} WHERE sigla = 'pessoa.1'")
    user = find(ready, "pessoa.1")
    step = change(user, replace(user.state, **update))
    before = ready.contents()
    with pytest.raises(IntegrityError, match=rf"usuário {user.id_usuario} \({why}\)"):
        channel("soap").apply([step], today=TODAY)
    assert ready.contents() == before
    assert channel("sql").apply([step], today=TODAY) == Change(updated=1)
    moved = find(ready, "pessoa.1")
    channel("soap").apply([change(moved, moved.state.with_grants(()))], today=TODAY)
    assert find(ready, "pessoa.1").state.grants[0].has_ended(TODAY), "permissions go by SIP's own id"


@one_version
def test_a_newcomer_with_somebodys_matricula_is_refused_by_web_service(ready: Databases, channel: Channel) -> None:
    set_up(ready)
    step = join(state_of(make_person(50, matricula="m2")), linha=14)
    with pytest.raises(IntegrityError, match=r"linha 14 \(a matrícula já é de outro usuário do SIP\)"):
        channel("soap").apply([step], today=TODAY)


@one_version
def test_of_many_the_one_whom_the_service_refuses_is_named_by_row(ready: Databases, channel: Channel) -> None:
    steps = [*staff(ready), join(state_of(make_person(7, matricula="m7"), granted(place(ready, OTHER))), linha=99)]
    ready.rows("sip", "UPDATE unidade SET sin_ativo = 'N' WHERE sigla = %s", (OTHER,))
    with pytest.raises(IntegrityError, match="recusou replicarPermissao de linha 99") as refusal:
        channel("soap", chunk=50).apply(steps, today=TODAY)
    require_reveals_nobody(refusal.value, *(step.after for step in steps))
    assert all(find(ready, step.after.sigla).state == step.after for step in steps[:-1]), "the others are in"
    ready.rows("sip", "UPDATE unidade SET sin_ativo = 'S' WHERE sigla = %s", (OTHER,))
    assert channel("soap").apply(steps, today=TODAY) == Change(created=1, unchanged=6)


@one_version
def test_a_wrong_key_or_nobody_there_says_nothing_of_anybody(application: Application, ready: Databases) -> None:
    steps = staff(ready)
    address = application.runtime.address(ENVIRONMENT)
    stranger = AccessKey.generate(SEI_SYSTEM_ID)
    with pytest.raises(IntegrityError, match="recusou replicarUsuario de linha 2") as refusal:
        SoapChannel(ready.users, address, stranger).apply(steps, today=TODAY)
    require_reveals_nobody(refusal.value, *(step.after for step in steps))
    assert stranger.text.get_secret_value() not in repr(refusal.value)
    nowhere = ServiceAddress(connect_to="http://127.0.0.1:9", host=address.host)
    with pytest.raises(RetryableError, match="O web service do SIP não respondeu"):
        SoapChannel(ready.users, nowhere, stranger).apply(steps, today=TODAY)
    assert seen(ready) == {}


@one_version
def test_a_counter_that_is_used_up_stops_the_import(ready: Databases, channel: Channel) -> None:
    ready.rows("sip", "UPDATE infra_sequencia SET num_maximo = num_atual + 1 WHERE nome_tabela = 'usuario'")
    before = ready.contents()
    with pytest.raises(IntegrityError, match=r"Contador .* esgotado"):
        channel("sql").apply(staff(ready), today=TODAY)
    assert ready.contents() == before


@one_version
def test_while_the_import_looks_nobody_comes_in_by_sips_own_screens(ready: Databases, channel: Channel) -> None:
    with ready.server.transaction(ENVIRONMENT.database_sip) as cursor:
        cursor.execute("SET innodb_lock_wait_timeout = 1")
        cursor.execute("SELECT num_atual FROM infra_sequencia WHERE nome_tabela = 'usuario' FOR UPDATE")
        short = ready.server.model_copy(update={"answer_timeout_seconds": 2})
        with pytest.raises(RetryableError):
            SqlChannel(short, ENVIRONMENT).apply(staff(ready), today=TODAY)
    assert channel("sql").apply(staff(ready), today=TODAY).created == 12


@one_version
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(4)),
    active=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_any_exchange_of_logins_and_of_who_is_active_is_brought_about_by_sql(
    databases: Databases, order: list[int], active: list[bool]
) -> None:
    channel = SqlChannel(databases.server, ENVIRONMENT)
    channel.apply([join(state_of(make_person(n))) for n in range(1, 5)] if not seen(databases) else [], today=TODAY)
    users = sorted(
        (user for user in databases.users.list_users() if user.state.sigla.startswith("pessoa.")),
        key=lambda user: user.id_usuario,
    )
    steps = [
        change(user, replace(user.state, sigla=f"pessoa.{place + 1}", ativo=works))
        for user, place, works in zip(users, order, active, strict=True)
    ]
    channel.apply(steps, today=TODAY)
    require_done(databases, steps)


@one_version
def test_ten_thousand_who_come_cost_little_more_than_the_bare_rows(databases: Databases) -> None:
    grant = granted(place(databases, UNIT))
    states = [
        UserState(sigla=f"p{n}", nome=f"Pessoa Conceição {n}", cpf=f"{n:011}", email=f"p{n}@example.org",
                  id_origem=f"m{n}", grants=(grant,))
        for n in range(10_000)
    ]  # fmt: skip
    started = process_time()
    with databases.server.transaction(ENVIRONMENT.database_sip) as cursor:
        cursor.executemany(
            "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, nome_registro_civil, nome_social, cpf, email,"
            " id_origem, sin_ativo, sin_bloqueado) VALUES (%s, 0, %s, %s, %s, %s, %s, %s, %s, 'S', 'N')",
            [
                (160_000_000 + n, f"x{n}", s.nome, s.nome, None, int(s.cpf or 0), s.email, s.id_origem)
                for n, s in enumerate(states)
            ],
        )
        cursor.executemany(
            "INSERT INTO permissao (id_sistema, id_perfil, id_unidade, id_usuario, id_tipo_permissao, dta_inicio,"
            " dta_fim, sin_subunidades) VALUES (%s, %s, %s, %s, %s, %s, %s, 'N')",
            [(*grant.place, 160_000_000 + n, 1, TODAY, None) for n in range(10_000)],
        )
        databases_time = process_time() - started
        cursor.connection.rollback()
    steps = [join(state) for state in states]
    started = process_time()
    SqlChannel(databases.server, ENVIRONMENT).apply(steps, today=TODAY)
    assert process_time() - started < 2.5 * databases_time
    started = process_time()
    assert len(databases.users.list_users()) > 10_000
    assert process_time() - started < 1
