"""People in the directory, in SIP and in SEI: each difference is named, mending leaves none, nobody is told by name."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from time import perf_counter
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.account import Account, User
from domain.errors import GateClosedError, IntegrityError, RetryableError
from domain.person import RESERVED_LOGINS
from domain.sip_user import Grant, Place, SipUser, UserState
from domain.users_difference import Comparison, Difference, FleetComparison, Kind, Remedy
from domain.users_reconciliation import Facts, Mends, SeiUser, Snapshot, compare

TODAY = date(2026, 3, 9)
SIP, SEI = 100000099, 100000100
EVERYWHERE, TOWN_HALL, CLOSED, OUTSIDE = 110000000, 110000010, 110000011, 110000012
PROFILE = 100000938
WORKING = frozenset({(SEI, TOWN_HALL), (SEI, EVERYWHERE), (SIP, TOWN_HALL), (SIP, EVERYWHERE)})
PLACED = frozenset({(SEI, TOWN_HALL), (SEI, CLOSED), (SIP, TOWN_HALL), (SIP, CLOSED)})
ENVIRONMENT = "timoteo-treinamento"


def cpf_of(number: int) -> str:
    """Eleven digits: whether they check is not this rule's matter."""
    return f"{52_998_000_000 + number}"


def make_grant(unit: int = TOWN_HALL, *, days: int | None = None, subunits: bool = False, system: int = SEI) -> Grant:
    return Grant(
        place=Place(id_sistema=system, id_perfil=PROFILE, id_unidade=unit),
        inicio=TODAY - timedelta(days=30),
        fim=None if days is None else TODAY + timedelta(days=days),
        subunidades=subunits,
    )


def make_user(number: int, **changes: Any) -> SipUser:  # noqa: ANN401  # whatever a user has
    blocked = bool(changes.pop("bloqueado", False))
    state = UserState(
        sigla=f"fulana.{number}",
        nome=f"Fulana Sobrenome {number}",
        cpf=cpf_of(number),
        email=f"fulana{number}@correio.example",
        id_origem=str(7000 + number),
        grants=(make_grant(),),
    )
    return SipUser(id_usuario=100_000_100 + number, state=replace(state, **changes), bloqueado=blocked)


@dataclass
class World:
    """The three systems, changed as the blocks and SIP's replication change them."""

    sip: dict[int, SipUser] = field(default_factory=dict)
    accounts: dict[str, User] = field(default_factory=dict)
    sei: dict[int, SeiUser] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=lambda: {"sip.usuario": 3, "sei.contato": 0})
    foreign: frozenset[str] = frozenset()
    copied: bool = False

    def add(self, *users: SipUser) -> None:
        """Users as an import leaves them."""
        for user in users:
            self.sip[user.id_usuario] = user
            self.open_account(user.state.sigla, user.state.shown_name, user.state.email or "")
        self.replicate()

    def open_account(self, uid: str, name: str = "Alguém", email: str = "alguem@correio.example") -> None:
        account = Account(uid=uid, name=name, email=email)
        self.accounts[uid.lower()] = User(account=account, blocked=False, must_change=False, uninvited=False)

    def change(self, user_id: int, **changes: Any) -> Self:  # noqa: ANN401  # whatever a user has
        user = self.sip[user_id]
        self.sip[user_id] = replace(user, state=replace(user.state, **changes))
        return self

    def change_sei(self, user_id: int, **changes: object) -> None:
        self.sei[user_id] = self.sei[user_id].model_copy(update=changes)

    def set_blocked(self, uid: str, *, blocked: bool) -> Self:
        self.accounts[uid] = self.accounts[uid].model_copy(update={"blocked": blocked})
        return self

    def replicate(self) -> Self:
        """`replicarTodosUsuariosSEI`: all that have an id at the source; who is inactive is not brought anew."""
        for user in self.sip.values():
            state, known = user.state, self.sei.get(user.id_usuario)
            if not state.id_origem or (known is None and not state.ativo):
                continue
            assert known is None or known.has_contato, "a user without contato stops the replication"
            self.sei[user.id_usuario] = SeiUser(
                id_usuario=user.id_usuario,
                sigla=state.sigla,
                nome=state.shown_name,
                ativo=state.ativo,
                sta_tipo="0",
                has_contato=True,
                cpf=state.cpf or (known.cpf if known else None),
                email=state.email or (known.email if known else None),
            )
        return self

    def compare(self) -> tuple[Comparison, Mends]:
        facts = Facts(
            sei=tuple(self.sei.values()),
            working=WORKING,
            placed=PLACED,
            counters=self.counters,
            foreign_logins=self.foreign,
        )
        snapshot = Snapshot(
            accounts=tuple(self.accounts.values()),
            sip=tuple(self.sip.values()),
            facts=facts,
            system=SEI,
            copied=self.copied,
        )
        return compare(ENVIRONMENT, snapshot, TODAY)

    def mend(self, mends: Mends) -> None:
        """What the task does with a plan."""
        for uid in mends.block:
            self.set_blocked(uid.lower(), blocked=True)
        for account in mends.accounts:
            found = self.accounts.get(account.uid.lower())
            self.accounts[account.uid.lower()] = User(
                account=account, blocked=bool(found and found.blocked), must_change=False, uninvited=found is None
            )
        for uid in mends.open:
            self.set_blocked(uid.lower(), blocked=False)
        if mends.replicate:
            self.replicate()

    def told(self) -> list[str]:
        return [difference.told for difference in self.compare()[0].differences]


ANA, BIA, CAIO = (make_user(number) for number in range(1, 4))
WHO = "usuário 100000101"


@pytest.fixture
def world() -> World:
    found = World()
    found.add(ANA, BIA, CAIO)
    return found


Plant = Callable[[World], object]
PLANTED: dict[Kind, tuple[Plant, str]] = {
    Kind.LEAVER_OPEN: (lambda w: w.change(ANA.id_usuario, ativo=False).replicate(), WHO),
    Kind.BARRED_OPEN: (lambda w: w.sip.update({ANA.id_usuario: make_user(1, bloqueado=True)}), WHO),
    Kind.ACTIVE_BLOCKED: (lambda w: w.set_blocked("fulana.1", blocked=True), WHO),
    Kind.ACCOUNT_MISSING: (lambda w: w.accounts.pop("fulana.1"), WHO),
    Kind.ACCOUNT_DIFFERS: (lambda w: w.open_account("fulana.1", "Fulana Sobrenome 1"), f"{WHO}: … (e-mail)"),
    Kind.SEI_MISSING: (lambda w: w.sei.pop(ANA.id_usuario), WHO),
    Kind.SEI_INACTIVE: (lambda w: w.change_sei(ANA.id_usuario, ativo=False), WHO),
    Kind.SEI_ACTIVE: (
        lambda w: w.change(ANA.id_usuario, ativo=False).set_blocked("fulana.1", blocked=True),
        WHO,
    ),
    Kind.SEI_DIFFERS: (lambda w: w.change_sei(ANA.id_usuario, sigla="outra", nome="X"), f"{WHO}: … (login e nome)"),
    Kind.CONTACT_DIFFERS: (lambda w: w.change_sei(ANA.id_usuario, cpf=None), f"{WHO}: … (CPF)"),
    Kind.CONTACT_MISSING: (lambda w: w.change_sei(ANA.id_usuario, has_contato=False, cpf=None, email=None), WHO),
    Kind.SEI_ALONE: (
        lambda w: (w.sip.pop(ANA.id_usuario), w.accounts.pop("fulana.1")),
        f"{WHO}: … (ativo)",
    ),
    Kind.OTHER_TYPE: (lambda w: w.change_sei(ANA.id_usuario, sta_tipo="3"), WHO),
    Kind.WITHOUT_ORIGIN: (lambda w: w.change(ANA.id_usuario, id_origem=None), WHO),
    Kind.WITHOUT_PERMISSION: (lambda w: w.change(ANA.id_usuario, grants=(make_grant(days=-1),)), WHO),
    Kind.UNIT_CLOSED: (
        lambda w: w.change(ANA.id_usuario, grants=(make_grant(CLOSED), make_grant(OUTSIDE))),
        f"{WHO}: … (unidade 110000011, 110000012)",
    ),
    Kind.SUBUNITS_OUTSIDE: (
        lambda w: w.change(ANA.id_usuario, grants=(make_grant(), make_grant(OUTSIDE, subunits=True))),
        f"{WHO}: … (unidade 110000012)",
    ),
    Kind.COUNTER_BEHIND: (lambda w: w.counters.update({"sip.usuario": -2}), "contador sip.usuario: … (2 atrás)"),
}


def test_people_who_are_the_same_everywhere_differ_in_nothing(world: World) -> None:
    found, mends = world.compare()
    assert (found.differences, found.mendable, mends.block, mends.accounts) == ((), 0, (), ())
    assert found.summary() == "nenhuma diferença (3 contas, 3 usuários no SIP, 3 no SEI)"
    found.raise_if_wrong()


@pytest.mark.parametrize("kind", PLANTED)
def test_each_difference_is_named_alone_and_mended_if_a_machine_may(world: World, kind: Kind) -> None:
    plant, told = PLANTED[kind]
    plant(world)
    found, mends = world.compare()
    who, _, detail = told.partition(": …")
    assert [difference.told for difference in found.differences] == [f"{who}: {kind.label}{detail}"]
    (difference,) = found.differences
    assert difference.to_do
    world.mend(mends)
    assert world.told() == ([] if difference.remedy else [difference.told])


def test_two_active_users_of_one_cpf_are_both_named(world: World) -> None:
    world.change(BIA.id_usuario, cpf=ANA.state.cpf)
    world.replicate()
    assert world.told() == [
        f"usuário 100000101: {Kind.CPF_TWICE.label} (e usuário 100000102)",
        f"usuário 100000102: {Kind.CPF_TWICE.label} (e usuário 100000101)",
    ]
    world.change(BIA.id_usuario, ativo=False)
    world.set_blocked("fulana.2", blocked=True)
    world.replicate()
    assert world.told() == []


def test_every_kind_is_planted_and_has_something_to_do() -> None:
    assert set(PLANTED) | {Kind.CPF_TWICE} == set(Kind)
    assert all(Difference(kind=kind, who=WHO).to_do for kind in Kind)


def test_an_account_of_nobody_is_told_by_a_digest(world: World) -> None:
    world.open_account("Ex.Servidor")
    (told,) = world.told()
    assert told == f"conta 911758a3: {Kind.LEAVER_OPEN.label} (não existe no SIP)"
    found, mends = world.compare()
    assert mends.block == ("Ex.Servidor",)
    with pytest.raises(IntegrityError, match="Conta aberta de quem não está ativo no SIP: 1"):
        found.raise_if_wrong()


def test_who_came_back_under_the_login_of_an_old_row_keeps_the_account(world: World) -> None:
    old = make_user(90, sigla="FULANA.1", ativo=False, cpf=None, grants=())
    world.sip[old.id_usuario] = old
    assert world.told() == []


def test_accounts_of_the_system_and_of_other_orgaos_are_nobodys_difference(world: World) -> None:
    for login in RESERVED_LOGINS:
        world.open_account(login.upper())
    world.open_account("vereadora")
    world.foreign = frozenset({"Vereadora", "fulana.1"})
    assert world.told() == []
    world.change(ANA.id_usuario, ativo=False)
    world.replicate()
    assert world.told() == [f"{WHO}: {Kind.LEAVER_OPEN.label}"], "another órgão's same login protects nobody"


@pytest.mark.parametrize(
    ("changes", "obstacle"),
    [
        ({"email": None}, "e-mail"),
        ({"sigla": "fulana,dc=x"}, "login"),
        ({"nome": " "}, "nome"),
    ],
)
def test_an_account_that_cannot_be_made_is_told_with_what_is_missing(
    world: World, changes: dict[str, Any], obstacle: str
) -> None:
    world.change(ANA.id_usuario, **changes)
    world.accounts.pop("fulana.1")
    world.replicate()
    found, mends = world.compare()
    (difference,) = found.differences
    assert (difference.kind, difference.remedy, mends.accounts) == (Kind.ACCOUNT_MISSING, None, ())
    assert obstacle in difference.to_do


def test_an_email_that_sip_does_not_know_stays_in_the_account_and_in_the_contato(world: World) -> None:
    world.change(ANA.id_usuario, email=None, cpf=None)
    assert world.told() == []
    world.change(ANA.id_usuario, nome="Fulana de Tal")
    world.mend(world.compare()[1])
    assert world.accounts["fulana.1"].account == Account(
        uid="fulana.1", name="Fulana de Tal", email=ANA.state.email or ""
    )


def test_who_the_replication_skips_is_told_and_not_promised(world: World) -> None:
    world.change(ANA.id_usuario, id_origem=None)
    world.sei.pop(ANA.id_usuario)
    found, mends = world.compare()
    assert {difference.kind for difference in found.differences} == {Kind.SEI_MISSING, Kind.WITHOUT_ORIGIN}
    assert (found.mendable, mends.replicate) == (0, ())


def test_who_has_a_permission_in_another_system_only_need_not_be_in_sei(world: World) -> None:
    world.change(ANA.id_usuario, grants=(make_grant(system=SIP),))
    world.sei.pop(ANA.id_usuario)
    assert world.told() == []


def test_a_permission_in_every_unit_is_one_and_an_ended_one_breaks_nothing(world: World) -> None:
    world.change(ANA.id_usuario, grants=(make_grant(EVERYWHERE), make_grant(OUTSIDE, days=-1, subunits=True)))
    assert world.told() == []
    world.change(ANA.id_usuario, grants=(make_grant(days=0),))
    assert world.told() == [], "the last day counts"


def test_in_a_neutralised_copy_only_who_may_sign_in_is_compared(world: World) -> None:
    world.copied = True
    world.accounts.pop("fulana.2")
    world.change(CAIO.id_usuario, nome="Pseudônimo")
    world.replicate()
    world.open_account("egresso")
    assert [difference.kind for difference in world.compare()[0].differences] == [Kind.LEAVER_OPEN]


def test_shutting_out_more_than_half_is_refused_and_a_few_are_not(world: World) -> None:
    for user in (ANA, BIA):
        world.change(user.id_usuario, ativo=False)
    world.compare()[0].require_reasonable()
    world.change(CAIO.id_usuario, ativo=False)
    with pytest.raises(GateClosedError, match="bloquearia 3 das 3 contas abertas"):
        world.compare()[0].require_reasonable()
    world.add(*(make_user(number) for number in range(10, 13)))
    world.compare()[0].require_reasonable()


def test_the_code_is_of_what_would_be_changed_and_nothing_else(world: World) -> None:
    world.open_account("fulana.1", "Outro Nome")
    code = world.compare()[0].code
    world.counters["sip.usuario"] = -1
    assert world.compare()[0].code == code
    world.change(ANA.id_usuario, nome="Terceiro Nome")
    assert world.compare()[0].code != code


BOOLEANS = st.booleans()


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Whatever may have come of three systems that went their own ways."""
    world = World()
    for number in range(draw(st.integers(0, 6))):
        user = make_user(
            number,
            ativo=draw(BOOLEANS),
            bloqueado=draw(BOOLEANS),
            email=draw(st.sampled_from([None, f"fulana{number}@correio.example"])),
            id_origem=draw(st.sampled_from([None, str(number)])),
            cpf=draw(st.sampled_from([None, cpf_of(0), cpf_of(number)])),
            nome_social=draw(st.sampled_from([None, f"Social {number}"])),
            sigla=draw(st.sampled_from([f"fulana.{number}", f"Fulana.{number}", "fulana.0"])),
            grants=draw(st.sampled_from([(), (make_grant(),), (make_grant(OUTSIDE, subunits=True),)])),
        )
        world.sip[user.id_usuario] = user
        if draw(BOOLEANS):
            world.sei[user.id_usuario] = SeiUser(
                id_usuario=user.id_usuario,
                sigla=user.state.sigla if draw(BOOLEANS) else "outra",
                nome=user.state.shown_name,
                ativo=draw(BOOLEANS),
                sta_tipo="0",
                has_contato=True,
                cpf=draw(st.sampled_from([None, cpf_of(number)])),
                email=None,
            )
    for number in range(draw(st.integers(0, 6))):
        world.open_account(f"fulana.{number}", draw(st.sampled_from(["Alguém", f"Social {number}"])))
        world.set_blocked(f"fulana.{number}", blocked=draw(BOOLEANS))
    return world


@given(worlds())
@settings(max_examples=300, deadline=None)
def test_after_a_mend_nothing_is_left_that_a_machine_mends_and_nobody_comes_in_whom_sip_keeps_out(world: World) -> None:
    _, mends = world.compare()
    world.mend(mends)
    found, again = world.compare()
    assert found.mendable == 0, world.told()
    assert again == replace(again, block=(), open=(), accounts=(), replicate=())
    entering = {user.state.sigla.lower() for user in world.sip.values() if user.state.ativo and not user.bloqueado}
    assert {login for login, user in world.accounts.items() if not user.blocked} <= entering


@given(worlds())
@settings(deadline=None)
def test_nothing_that_is_returned_says_who_a_person_is(world: World) -> None:
    found, mends = world.compare()
    said = json.dumps(found.model_dump(mode="json"), ensure_ascii=False).casefold() + repr((found, mends)).casefold()
    assert "fulana" not in said
    assert "social" not in said
    assert "@" not in said
    assert not any(user.state.cpf and user.state.cpf in said for user in world.sip.values())


def test_the_fleet_fails_for_an_open_door_and_for_who_could_not_be_compared(world: World) -> None:
    fine, _ = world.compare()
    world.open_account("egresso")
    wrong, _ = world.compare()
    FleetComparison.of({"a-producao": fine}).raise_if_wrong()
    silent = FleetComparison.of(
        {"a-producao": fine, "b-producao": RetryableError("O SSC não respondeu", "b", "Espere.")}
    )
    with pytest.raises(RetryableError, match="b-producao não foi comparado: O SSC não respondeu"):
        silent.raise_if_wrong()
    both = FleetComparison.of({"a-producao": wrong, "b-producao": ValueError("fulana.1")})
    with pytest.raises(IntegrityError, match=r"2 ambiente\(s\).*1 conta\(s\) aberta\(s\).*defeito do programa"):
        both.raise_if_wrong()


def test_ten_thousand_people_are_compared_in_seconds() -> None:
    world = World()
    world.add(*(make_user(number) for number in range(10_000)))
    started = perf_counter()
    found, _ = world.compare()
    assert perf_counter() - started < 2, "0.4 s on two busy cores"
    assert found.differences == ()


def test_remedies_are_counted_in_the_summary(world: World) -> None:
    world.open_account("egresso")
    world.accounts.pop("fulana.1")
    world.counters["sip.usuario"] = -1
    found, _ = world.compare()
    assert {remedy: found.count(remedy) for remedy in Remedy if found.count(remedy)} == {
        Remedy.BLOCK: 1,
        Remedy.ACCOUNT: 1,
    }
    assert found.summary().startswith(
        "3 diferenças, 2 com conserto automático (bloquear a conta: 1; criar ou corrigir a conta: 1)"
    )
