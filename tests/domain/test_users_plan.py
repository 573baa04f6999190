"""Who comes, moves and leaves by a spreadsheet: nobody gets another's account; only what a sheet brought is taken."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.person import RESERVED_LOGINS, Person, every_lotacao
from domain.sip_user import Grant, Place, SipUser, UserState
from domain.text import collation_key
from domain.users_plan import StepKind, UsersPlan, UserStep, mention, plan_users
from tests.domain.examples import make_cpf
from tests.domain.sip_in_memory import DAY, LONG_AGO, OTHER_SYSTEM, PROFILES, SEI, UNITS, SipInMemory, person, place

YESTERDAY = DAY - timedelta(days=1)


def kinds(plan: UsersPlan) -> list[StepKind]:
    return [step.kind for step in plan.steps]


def only(plan: UsersPlan) -> UserStep:
    (step,) = plan.steps
    return step


def reasons(plan: UsersPlan) -> str:
    (row,) = plan.refused
    return str(row)


@pytest.fixture
def sip() -> SipInMemory:
    return SipInMemory()


# Matching


def test_cpf_wins_over_login(sip: SipInMemory) -> None:
    known = sip.add(1, sigla="antigo")
    step = only(sip.plan(person(1, sigla="novo")))
    assert (step.kind, step.before and step.before.id_usuario, step.after.sigla) == (StepKind.CHANGE, known, "novo")
    assert "corrige login" in step.told(DAY)


def test_user_made_by_hand_without_cpf_is_found_by_login_and_name(sip: SipInMemory) -> None:
    known = sip.add(1, cpf=None, email="de.casa@example.org", nome="PESSOA 1 DE TESTE")
    step = only(sip.plan(person(1)))
    assert step.before and step.before.id_usuario == known
    assert step.after.cpf == make_cpf(1)


def test_login_without_cpf_of_another_name_is_not_handed_over(sip: SipInMemory) -> None:
    sip.add(1, cpf=None, nome="Maria Aparecida")
    plan = sip.plan(person(1, nome="Mariana Souza"))
    assert not plan.steps
    assert "o login já está no SIP sem este CPF" in reasons(plan)


def test_user_without_cpf_is_found_by_matricula_and_name(sip: SipInMemory) -> None:
    known = sip.add(1, cpf=None, sigla="mat123", id_origem="123")
    step = only(sip.plan(person(1, matricula="123")))
    assert step.before and step.before.id_usuario == known
    assert not sip.plan(person(1, matricula="123", nome="Outra")).steps, "the matrícula is of another"


@pytest.mark.parametrize(
    ("row", "same"),
    [
        pytest.param({}, True, id="same name, e-mail too"),
        pytest.param({"email": "novo@example.org"}, False, id="homonym with a mailbox of their own"),
        pytest.param({"nome": "Outra Pessoa"}, False, id="another name"),
        pytest.param({"matricula": "77"}, True, id="SIP had no matrícula to compare"),
    ],
)
def test_cpf_is_corrected_only_for_the_same_person(sip: SipInMemory, row: dict[str, str], same: bool) -> None:
    known = sip.add(1)
    plan = sip.plan(person(1, cpf=make_cpf(99), **row))  # type: ignore[arg-type]  # names of `person`
    if same:
        step = only(plan)
        assert step.before and step.before.id_usuario == known
        assert "corrige CPF" in step.told(DAY)
    else:
        assert not plan.steps
        assert plan.refused


@pytest.mark.parametrize(
    ("row", "same"),
    [
        pytest.param({"matricula": "55"}, True, id="same matrícula and name"),
        pytest.param({"matricula": "55", "nome": "Pessoa Casada"}, True, id="same matrícula, married"),
        pytest.param({"matricula": "55", "nome": "Joaquim da Silva"}, False, id="row given to a successor"),
        pytest.param({"matricula": "56"}, False, id="homonym with a matrícula of their own"),
    ],
)
def test_matricula_decides_where_both_have_one(sip: SipInMemory, row: dict[str, str], same: bool) -> None:
    sip.add(1, id_origem="55")
    plan = sip.plan(person(1, cpf=make_cpf(99), **row))  # type: ignore[arg-type]  # names of `person`
    assert bool(plan.steps) is same
    assert bool(plan.refused) is not same


def test_cpf_of_one_user_with_the_login_of_another_is_refused(sip: SipInMemory) -> None:
    sip.add(1)
    sip.add(2)
    plan = sip.plan(person(1, sigla="pessoa.2"))
    assert not plan.steps
    assert "o CPF é de um usuário do SIP e o login é de outro" in reasons(plan)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_for_one_user_the_cpf_wins_in_any_order(sip: SipInMemory, order: int) -> None:
    known = sip.add(1)
    owner = person(1, sigla="pessoa.1.nova", linha=2)
    homonym = person(9, nome=owner.nome, sigla="pessoa.1", email=owner.email, linha=3)
    plan = sip.plan(*[owner, homonym][::order])
    step = only(plan)
    assert step.before and step.before.id_usuario == known
    assert step.after.cpf == owner.cpf
    assert reasons(plan) == "linha 3: é o mesmo usuário do SIP que a linha 2"


def test_blocked_user_is_refused(sip: SipInMemory) -> None:
    sip.add(1, bloqueado=True)
    plan = sip.plan(person(1, unidades=("SEMED",)))
    assert not plan.steps
    assert "só uma pessoa o desbloqueia" in reasons(plan)


@pytest.mark.parametrize(
    ("row", "label"),
    [({"email": "PESSOA2@example.org"}, "o e-mail"), ({"matricula": "222"}, "a matrícula")],
)
@pytest.mark.parametrize("known", [True, False])
def test_email_and_matricula_of_another_active_user_are_refused(
    sip: SipInMemory, row: dict[str, str], label: str, known: bool
) -> None:
    if known:
        sip.add(1)
    other = sip.add(2, id_origem="222")
    plan = sip.plan(person(1, **row))  # type: ignore[arg-type]  # names of `person`
    assert not plan.steps
    assert f"{label} já é de outro usuário do SIP" in reasons(plan)
    sip.edit(other, ativo=False)
    assert sip.plan(person(1, **row)).steps  # type: ignore[arg-type]  # names of `person`


def test_email_shared_already_in_sip_refuses_nobody(sip: SipInMemory) -> None:
    sip.add(1, email="setor@example.org")
    sip.add(2, email="setor@example.org")
    assert kinds(sip.plan(person(1, email="setor@example.org"))) == [StepKind.CHANGE]


def test_active_user_counts_of_two_of_one_cpf(sip: SipInMemory) -> None:
    current = sip.add(1)
    sip.add(1, sigla="velho", ativo=False)
    step = only(sip.plan(person(1)))
    assert step.before and step.before.id_usuario == current
    assert "o login é de outro" in reasons(sip.plan(person(1, sigla="velho")))


def test_login_of_the_row_decides_between_two_active_users_of_one_cpf(sip: SipInMemory) -> None:
    wanted = sip.add(1)
    sip.add(1, sigla="repetido", email="repetido@example.org")
    step = only(sip.plan(person(1)))
    assert step.before and step.before.id_usuario == wanted


def test_active_user_counts_of_two_of_one_login(sip: SipInMemory) -> None:
    sip.add(8, sigla="pessoa.1", ativo=False)
    current = sip.add(1)
    step = only(sip.plan(person(1)))
    assert step.before and step.before.id_usuario == current


@pytest.mark.parametrize("login", sorted(RESERVED_LOGINS))
def test_reserved_accounts_are_never_touched(sip: SipInMemory, login: str) -> None:
    account = sip.add(1, sigla=login.upper(), grants=(Grant(place(), LONG_AGO),))
    sip.brought = {account: frozenset({place()})}
    plan = sip.plan(person(1, sigla="pessoa.1"), person(2))
    assert kinds(plan) == [StepKind.JOIN, StepKind.JOIN], "not even by CPF or e-mail, and it does not leave"
    assert (plan.active_before, plan.strangers) == (0, 0)


# Permissions


def test_joiner_has_every_profile_in_every_unit_from_today(sip: SipInMemory) -> None:
    step = only(sip.plan(person(1, unidades=("SEMAD", "SEMED"), perfis=("Básico", "Administrador"))))
    assert step.kind is StepKind.JOIN
    assert {grant.place for grant in step.given(DAY)} == {
        place(unit, profile) for unit in ("SEMAD", "SEMED") for profile in ("Básico", "Administrador")
    }
    assert step.told(DAY) == "linha 2: entra; recebe 4 permissões"


def test_mover_loses_only_what_a_sheet_brought(sip: SipInMemory) -> None:
    sip.bring(person(1))
    known = sip.find("pessoa.1")
    sip.give(known, Grant(place("SEMUS"), LONG_AGO, subunidades=True))
    sip.give(known, Grant(place(system=OTHER_SYSTEM), LONG_AGO))
    sip.sleep()
    step = only(sip.plan(person(1, unidades=("SEMED",))))
    assert step.told(sip.day) == "linha 2: muda; recebe 1 permissão; perde 1 permissão"
    sip.bring(person(1, unidades=("SEMED",)))
    assert sip.in_force(known) == {place("SEMED"), place("SEMUS"), place(system=OTHER_SYSTEM)}
    assert sip.state(known).by_place[place("SEMAD")].fim == DAY


@pytest.mark.parametrize("put_off", [False, True])
def test_permission_ended_or_put_off_by_hand_stays_so_and_is_told(sip: SipInMemory, put_off: bool) -> None:
    both = person(1, unidades=("SEMAD", "SEMED"))
    sip.bring(both)
    known = sip.find("pessoa.1")
    by_hand = Grant(place(), DAY + timedelta(days=30)) if put_off else Grant(place(), DAY, DAY)
    sip.give(known, by_hand)
    for _ in range(3):
        sip.sleep()
        plan = sip.plan(both)
        assert (plan.steps, plan.left_ended, plan.unchanged) == ((), 1, 1)
        sip.bring(both)
    assert sip.state(known).by_place[place()] == by_hand


def test_permission_that_a_sheet_took_is_given_again_by_a_later_one(sip: SipInMemory) -> None:
    for units in (("SEMAD",), ("SEMED",), ("SEMAD",)):
        sip.bring(person(1, unidades=units))
        sip.sleep()
    assert sip.in_force(sip.find("pessoa.1")) == {place()}


def test_leaver_loses_everything_everywhere(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2))
    known = sip.find("pessoa.1")
    sip.give(known, Grant(place("SEMUS"), DAY + timedelta(days=9)))
    sip.give(known, Grant(place("SEMED"), LONG_AGO, subunidades=True))
    sip.give(known, Grant(place("SEMED", system=OTHER_SYSTEM), LONG_AGO, DAY + timedelta(days=400)))
    sip.sleep()
    step = only(sip.plan(person(2)))
    assert step.told(sip.day) == f"usuário {known} do SIP: sai; perde 4 permissões"
    sip.bring(person(2))
    assert not sip.state(known).ativo
    assert all(grant.has_ended(sip.day) for grant in sip.state(known).grants)


def test_only_who_was_brought_leaves(sip: SipInMemory) -> None:
    sip.add(1, grants=(Grant(place(), LONG_AGO),))
    plan = sip.plan(person(2))
    assert kinds(plan) == [StepKind.JOIN]
    assert (plan.strangers, plan.active_before, plan.active_after) == (1, 1, 2)


def test_leaver_with_an_inactive_user_of_the_same_login_only_loses_the_permissions(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2))
    known = sip.find("pessoa.1")
    sip.add(8, sigla="pessoa.1", ativo=False)
    plan = sip.plan(person(2))
    assert "fica ativo no SIP, sem permissão" in only(plan).told(DAY)
    assert plan.active_after == 2
    sip.bring(person(2))
    assert not sip.in_force(known)
    assert not sip.plan(person(2)).steps


def test_returning_user_has_what_the_sheet_says_and_nothing_that_stood_open(sip: SipInMemory) -> None:
    known = sip.add(
        1,
        ativo=False,
        grants=(
            Grant(place(), LONG_AGO, YESTERDAY, subunidades=True),
            Grant(place("SEMED", "Administrador"), LONG_AGO),
            Grant(place("SEMED", system=OTHER_SYSTEM), DAY + timedelta(days=3)),
        ),
    )
    step = only(sip.plan(person(1)))
    assert step.kind is StepKind.RETURN
    assert step.told(DAY) == "linha 2: volta; recebe 1 permissão; perde 2 permissões"
    sip.bring(person(1))
    assert sip.access()[known] == (True, frozenset({Grant(place(), DAY)}))


def test_user_deactivated_by_hand_while_in_the_sheet_stays_inactive(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2))
    known = sip.find("pessoa.1")
    sip.edit(known, ativo=False)
    for _ in range(2):
        plan = sip.plan(person(1), person(2))
        assert not plan.steps
        assert "alguém desativou o usuário no SIP" in reasons(plan)
        sip.bring(person(1), person(2))
        assert known in sip.brought
    # Also when the row cannot even be read one day.
    sip.bring(person(2), mentioned={mention(make_cpf(1))})
    assert known in sip.brought
    # A person reactivates: it is as it was. Without the row the hand's decision is forgotten with the person.
    sip.edit(known, ativo=True)
    assert not sip.plan(person(1), person(2)).steps


# Who is there, though the row cannot be used


@pytest.mark.parametrize(
    "cell",
    [
        "PESSOA.1",
        "Pessôa  1 de  Teste",
        "pessoa1@EXAMPLE.org",
        make_cpf(1),
        f"{make_cpf(1)[:3]}.{make_cpf(1)[3:6]}.{make_cpf(1)[6:9]}-{make_cpf(1)[9:]}",
        make_cpf(1).lstrip("0"),
        "000123",
    ],
)
def test_who_is_mentioned_in_a_rejected_row_does_not_leave(sip: SipInMemory, cell: str) -> None:
    sip.bring(person(1, matricula="123"), person(2))
    known, before = sip.find("pessoa.1"), sip.brought
    plan = sip.plan(person(2), mentioned={mention(cell), mention("")})
    assert (plan.steps, plan.strangers) == ((), 0)
    sip.bring(person(2), mentioned={mention(cell)})
    assert sip.brought == before
    assert kinds(sip.plan(person(2), mentioned={mention("outra coisa")})) == [StepKind.LEAVE]
    assert sip.state(known).ativo


def test_refused_row_keeps_its_people_and_their_memory(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2), person(3))
    before = sip.brought
    wrong = person(1, sigla="pessoa.2", linha=7)  # person 1's CPF with person 2's login
    plan = sip.plan(wrong, person(3))
    assert not plan.steps
    assert len(plan.refused) == 1
    sip.bring(wrong, person(3))
    assert sip.brought == before


# The code of the plan


def test_code_is_the_same_on_another_day(sip: SipInMemory) -> None:
    sip.bring(person(1), person(2, unidades=("SEMED",)), person(4))
    sip.add(3, ativo=False, grants=(Grant(place(), LONG_AGO, YESTERDAY),))
    people = (person(1, unidades=("SEMUS",)), person(3), person(4), person(5))
    first = sip.plan(*people)
    assert {*kinds(first)} == {*StepKind}
    sip.sleep(1)
    second = sip.plan(*people)
    assert first.steps != second.steps
    assert first.digest == second.digest


OTHER_FIELDS: dict[str, object] = {
    "sigla": "outro",
    "nome": "Outro",
    "nome_social": "Outro",
    "cpf": make_cpf(77),
    "email": "outro@example.org",
    "id_origem": "77",
    "ativo": False,
    "grants": (),
}
OTHER_GRANTS: tuple[Callable[[Grant], Grant], ...] = (
    lambda grant: grant._replace(inicio=grant.inicio - timedelta(days=1)),
    lambda grant: grant._replace(fim=DAY + timedelta(days=10)),
    lambda grant: grant._replace(fim=LONG_AGO),
    lambda grant: grant._replace(subunidades=True),
    lambda grant: grant._replace(place=grant.place._replace(id_unidade=999)),
    lambda grant: grant._replace(place=grant.place._replace(id_perfil=999)),
    lambda grant: grant._replace(place=grant.place._replace(id_sistema=999)),
)


@pytest.mark.parametrize("side", ["before", "after"])
def test_any_other_field_or_permission_has_another_code(sip: SipInMemory, side: str) -> None:
    sip.add(1, id_origem="1", grants=(Grant(place("SEMED"), LONG_AGO),))
    plan = sip.plan(person(1))
    step = only(plan)
    assert step.before
    state = step.before.state if side == "before" else step.after
    others = [replace(state, **{name: value}) for name, value in OTHER_FIELDS.items()]  # type: ignore[arg-type]
    others += [
        state.with_grants([change(grant), *(g for g in state.grants if g != grant)])
        for grant in state.grants
        for change in OTHER_GRANTS
    ]
    codes = [plan.digest]
    for other in others:
        changed = (
            replace(step, before=replace(step.before, state=other)) if side == "before" else replace(step, after=other)
        )
        codes.append(UsersPlan(day=plan.day, steps=(changed,)).digest)
    assert len(set(codes)) == len(codes)


def test_nothing_shown_has_personal_data(sip: SipInMemory) -> None:
    sip.add(2)
    sip.bring(person(1), person(3))
    plan = sip.plan(person(1, sigla="outro.login"), person(2, sigla="pessoa.1"), person(4))
    shown = repr(plan) + repr(plan.steps) + repr(plan.kept) + "".join(step.told(DAY) for step in plan.steps)
    shown += "".join(map(str, plan.refused))
    for number in range(1, 5):
        for secret in (make_cpf(number), f"pessoa.{number}", f"Pessoa {number}", f"pessoa{number}@", "outro.login"):
            assert secret not in shown


# Any sequence of spreadsheets

NUMBERS = range(1, 7)


@st.composite
def rows(draw: st.DrawFn, number: int) -> Person | None:
    """A person as one day's spreadsheet has them, or does not."""
    if not draw(st.integers(0, 3)):
        return None
    return person(
        number,
        nome=draw(st.sampled_from((None, f"Pessoa {number} Casada"))),
        sigla=draw(st.sampled_from((None, f"p{number}"))),
        email=draw(st.sampled_from((None, f"p{number}@example.org"))),
        matricula=draw(st.sampled_from((None, f"{number}00"))),
        unidades=draw(st.lists(st.sampled_from(sorted(UNITS)), min_size=1, max_size=3, unique=True)),
        perfis=draw(st.lists(st.sampled_from(sorted(PROFILES)), min_size=1, max_size=2, unique=True)),
    )


def files() -> st.SearchStrategy[list[Person]]:
    return st.tuples(*map(rows, NUMBERS)).map(lambda found: [row for row in found if row])


def wanted(row: Person) -> set[Place]:
    return {place(each.unidade, each.perfil) for each in row.lotacoes}


@settings(max_examples=200, deadline=None)
@given(st.lists(files(), min_size=1, max_size=5))
def test_after_each_file_exactly_its_people_are_active_and_the_strangers(sheets: list[list[Person]]) -> None:
    sip = SipInMemory()
    stranger = sip.add(50, grants=(Grant(place(), LONG_AGO),))
    known = sip.state(stranger)
    by_hand = Place(SEI, 99, 99)
    for sheet in sheets:
        plan = sip.plan(*sheet)
        assert not plan.refused
        sip.bring(*sheet)
        assert sip.active() == {row.sigla for row in sheet} | {"pessoa.50"}
        assert plan.active_after == len(sip.active())
        assert sip.state(stranger) == known
        for row in sheet:
            user = sip.find(row.sigla)
            assert sip.in_force(user) - {by_hand} == wanted(row)
            assert sip.brought[user] == wanted(row)
            sip.give(user, Grant(by_hand, sip.day))
        assert len(sip.brought) == len(sheet)
        again = sip.plan(*sheet)
        assert (again.steps, again.unchanged) == ((), len(sheet))
        assert {kept.id_usuario: frozenset(kept.places) for kept in again.kept} == sip.brought
        sip.sleep()
        assert not sip.plan(*sheet).steps


@st.composite
def colliding_rows(draw: st.DrawFn) -> list[Person]:
    """People with each other's logins, CPFs, names, e-mails and matrículas; the spreadsheet itself has none twice."""
    size = draw(st.integers(0, 4))

    def numbers() -> list[int]:
        return draw(st.lists(st.integers(1, 5), min_size=size, max_size=size, unique=True))

    logins, cpfs, emails, matriculas = numbers(), numbers(), numbers(), numbers()
    return [
        person(
            cpfs[index],
            nome=f"Pessoa {draw(st.integers(1, 3))}",
            sigla=f"pessoa.{logins[index]}",
            email=f"pessoa{emails[index]}@example.org",
            matricula=draw(st.sampled_from((None, str(matriculas[index])))),
            unidades=(draw(st.sampled_from(sorted(UNITS))),),
            linha=index + 2,
        )
        for index in range(size)
    ]


@st.composite
def states(draw: st.DrawFn) -> UserState:
    number = st.integers(1, 5)
    days = st.integers(-3, 3).map(lambda days: DAY + timedelta(days=days))
    grants = {
        place(unit): Grant(place(unit), draw(days), draw(st.none() | days), draw(st.booleans()))
        for unit in draw(st.sets(st.sampled_from(sorted(UNITS))))
    }
    return UserState(
        sigla=draw(number.map(lambda n: f"pessoa.{n}") | st.just("SIP")),
        nome=f"Pessoa {draw(st.integers(1, 3))}",
        cpf=draw(st.none() | number.map(make_cpf)),
        email=draw(st.none() | number.map(lambda n: f"pessoa{n}@example.org")),
        id_origem=draw(st.none() | number.map(str)),
        ativo=draw(st.booleans()),
    ).with_grants(grants.values())


def worlds() -> st.SearchStrategy[SipInMemory]:
    def build(drawn: list[tuple[UserState, bool, bool]]) -> SipInMemory:
        sip = SipInMemory()
        for state, bloqueado, was_brought in drawn:
            user = sip.put(state, bloqueado=bloqueado)
            if was_brought:
                sip.brought[user] = frozenset(state.by_place)
        return sip

    return st.lists(
        st.tuples(states(), st.sampled_from((False, False, True)), st.booleans()),
        max_size=5,
        unique_by=lambda each: (collation_key(each[0].sigla), each[0].ativo),
    ).map(build)


def is_proved(before: UserState, row: Person) -> bool:
    return (
        before.cpf == row.cpf
        or collation_key(before.nome) == collation_key(row.nome)
        or (before.id_origem == row.matricula and before.nome.split()[0] == row.nome.split()[0])
    )


@settings(max_examples=300, deadline=None)
@given(worlds(), colliding_rows())
def test_whatever_collides_nobody_gets_anothers_account(sip: SipInMemory, sheet: list[Person]) -> None:
    before = dict(sip.users)
    brought = dict(sip.brought)
    plan = sip.plan(*sheet)
    by_row = {row.linhas: row for row in sheet}
    refused = {row.linha for row in plan.refused}
    for step in plan.steps:
        assert not (step.before and step.before.bloqueado and step.kind is not StepKind.LEAVE)
        if step.before and step.linhas:
            assert is_proved(step.before.state, by_row[step.linhas])
        if step.kind is StepKind.LEAVE:
            assert step.before
            assert step.before.id_usuario in brought
            assert not step.given(DAY)
    sip.bring(*sheet)  # and SIP's UNIQUE holds after every write
    accepted = [row for row in sheet if row.linhas[0] not in refused]
    assert len({sip.find(row.sigla) for row in accepted}) == len(accepted)
    for row in accepted:
        state = sip.state(sip.find(row.sigla))
        assert (state.ativo, state.cpf) == (True, row.cpf)
    touched = {step.before.id_usuario for step in plan.steps if step.before}
    for user, old in before.items():
        if user not in touched:
            assert sip.users[user] == old
        if old.state.sigla == "SIP" or (user not in brought and user not in sip.brought):
            assert sip.users[user] == old
    for row in sheet:
        if row.linhas[0] in refused:
            behind = {sip.users[user].state.cpf: user for user in before if before[user].state.cpf == row.cpf}
            for user in behind.values():
                assert sip.state(user).ativo == before[user].state.ativo or user in touched
    again = sip.plan(*sheet)
    # A row that had to wait for somebody else's may have its turn now; who was brought about stays so.
    assert not {step.linhas[0] for step in again.steps if step.linhas} - refused


# Speed


def make_city(size: int) -> tuple[list[Person], list[SipUser], dict[int, frozenset[Place]], dict[str, int]]:
    """A city of which a tenth comes, a tenth leaves, and everybody else moves by a unit and has two."""
    units = {f"U{number}": 1_000 + number for number in range(200)}
    profiles = ("Básico", "Administrador")
    people = [
        Person(
            nome=f"Pessoa {number}",
            cpf=f"{number:011d}",
            email=f"p{number}@example.org",
            sigla=f"pessoa.{number}",
            lotacoes=every_lotacao((f"U{number % 200}", f"U{(number + 1) % 200}"), profiles),
            matricula=str(number + 1),
            linhas=(number + 2,),
        )
        for number in range(size)
    ]
    users = [
        SipUser(
            id_usuario=100_000_000 + number,
            state=UserState(
                sigla=f"pessoa.{number}",
                nome=f"Pessoa {number}",
                cpf=f"{number:011d}",
                email=f"p{number}@example.org",
                id_origem=str(number + 1),
            ).with_grants(
                Grant(Place(SEI, PROFILES[profile], 1_000 + (number + 1 + offset) % 200), LONG_AGO)
                for offset in range(2)
                for profile in profiles
            ),
        )
        for number in range(size // 10, size // 10 + size)
    ]
    return people, users, {user.id_usuario: frozenset(user.state.by_place) for user in users}, units


def test_ten_thousand_people_are_planned_within_a_second() -> None:
    people, users, brought, units = make_city(10_000)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        plan = plan_users(people, users, units=units, profiles=PROFILES, system=SEI, brought=brought, today=DAY)
        seconds.append(time.process_time() - start)
    assert [plan.count(kind) for kind in StepKind] == [1_000, 9_000, 0, 1_000]
    assert min(seconds) < 1.0
