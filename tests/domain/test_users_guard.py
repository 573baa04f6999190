"""Limits of a spreadsheet of users: what stops, what is asked, and what nobody may allow."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.catalog import Catalog
from domain.sip_user import Grant
from domain.users_guard import Alarm, Roles, UserLimits, judge_plan
from domain.users_plan import UsersPlan
from tests.domain.examples import make_cpf
from tests.domain.sip_in_memory import LONG_AGO, PROFILES, SEI, UNITS, SipInMemory, person, place

SIGNS = ("Básico", "Administrador")
ROLES = Roles(
    system=SEI,
    administrators=frozenset({PROFILES["Administrador"]}),
    signers=frozenset(PROFILES[name] for name in SIGNS),
    units={number: sigla for sigla, number in UNITS.items()},
)
LOOSE = UserLimits(
    leavers=10_000, leavers_percent=100, changes=10_000, changes_percent=100, identities=10_000, refused_percent=100
)
LIMITS = Catalog().users().limits
LAST_ADMINISTRATOR = Alarm(text="o ambiente ficaria sem nenhum administrador do SEI", forbidden=True)
# Somebody whom no test takes away, so that only what the test is about is lost.
CLERK = person(90, unidades=tuple(UNITS))


def judge(
    sip: SipInMemory, plan: UsersPlan, limits: UserLimits = LOOSE, *, refused: int = 0, rows: int = 100
) -> tuple[Alarm, ...]:
    return judge_plan(plan, sip.users.values(), limits, ROLES, today=sip.day, refused=refused, rows=rows)


def texts(alarms: Iterable[Alarm]) -> str:
    assert not [alarm for alarm in alarms if alarm.forbidden]
    return "; ".join(alarm.text for alarm in alarms)


def town(size: int) -> SipInMemory:
    sip = SipInMemory()
    sip.bring(*(person(number) for number in range(1, size + 1)))
    return sip


# Numbers


def test_one_leaver_of_a_small_town_passes_and_five_of_forty_ask() -> None:
    sip = town(40)
    assert judge(sip, sip.plan(*(person(number) for number in range(2, 41))), LIMITS) == ()
    asked = texts(judge(sip, sip.plan(*(person(number) for number in range(6, 41))), LIMITS))
    assert asked == "pessoas que sairiam: 5, 12,5% das ativas, e o limite é 10%"


def test_one_leaver_of_the_smallest_town_is_no_percentage() -> None:
    sip = town(2)
    assert judge(sip, sip.plan(person(2)), LIMITS) == ()


def test_number_of_leavers_counts_where_the_percentage_is_small() -> None:
    sip = town(200)
    asked = texts(judge(sip, sip.plan(*(person(number) for number in range(12, 201))), LIMITS))
    assert asked == "pessoas que sairiam: 11, e o limite é 10"


def test_people_already_there_are_counted_leavers_among_them() -> None:
    sip = town(20)
    moved = [person(number, unidades=("SEMED",)) for number in range(1, 7)]
    same = [person(number) for number in range(7, 21)]
    limits = LOOSE.model_copy(update={"changes": 6})
    unit = Alarm(text="a unidade SEMAD ficaria sem ninguém que assine", forbidden=True)
    assert judge(sip, sip.plan(*moved, *same), limits) == ()
    assert (
        texts(judge(sip, sip.plan(*moved, *same[1:]), limits)) == "pessoas que mudariam ou sairiam: 7, e o limite é 6"
    )
    percent = LOOSE.model_copy(update={"changes_percent": 29.9})
    assert "6, 30,0% das ativas" in texts(judge(sip, sip.plan(*moved, *same), percent))
    assert unit not in judge(sip, sip.plan(*moved, *same), LOOSE)


def test_changed_logins_and_cpfs_are_limited() -> None:
    sip = town(9)
    limits = LOOSE.model_copy(update={"identities": 2})
    rest = [person(number) for number in range(4, 10)]
    renamed = [person(1, sigla="novo.1"), person(2, cpf=make_cpf(99)), person(3, nome="Casada")]
    assert judge(sip, sip.plan(*renamed, *rest), limits) == ()
    renamed[2] = person(3, sigla="novo.3")
    assert texts(judge(sip, sip.plan(*renamed, *rest), limits)) == (
        "pessoas que mudariam de login ou CPF: 3, e o limite é 2"
    )


@pytest.mark.parametrize(("refused", "percent", "asks"), [(0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1.5, 1), (100, 100, 0)])
def test_refused_rows_ask_past_their_percentage(refused: int, percent: float, asks: int) -> None:
    sip = town(1)
    limits = LOOSE.model_copy(update={"refused_percent": percent})
    alarms = judge(sip, sip.plan(person(1)), limits, refused=refused)
    assert len(alarms) == asks
    assert not any(alarm.forbidden for alarm in alarms)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 8), st.integers(0, 60))
def test_who_comes_or_comes_back_never_stops_a_plan(known: int, joiners: int) -> None:
    sip = town(known)
    everybody = [person(number) for number in range(1, known + joiners + 1)]
    if known:
        sip.edit(sip.find("pessoa.1"), ativo=False)
        sip.brought.pop(sip.find("pessoa.1"))
    strict = UserLimits(leavers=0, leavers_percent=0, changes=0, changes_percent=0, identities=0, refused_percent=0)
    assert judge(sip, sip.plan(*everybody), strict, rows=len(everybody)) == ()


# Who may not be lost


def with_administrator() -> SipInMemory:
    sip = SipInMemory()
    sip.bring(CLERK, person(1, perfis=("Básico", "Administrador")))
    return sip


@pytest.mark.parametrize(
    "people",
    [
        pytest.param([CLERK], id="leaves"),
        pytest.param([CLERK, person(1)], id="has another profile"),
    ],
)
def test_last_administrator_is_never_taken_away(people: list[object]) -> None:
    sip = with_administrator()
    alarms = judge(sip, sip.plan(*people))  # type: ignore[arg-type]  # people
    assert alarms == (LAST_ADMINISTRATOR,)


def test_administrator_who_moves_to_another_unit_is_one_still() -> None:
    sip = with_administrator()
    moved = person(1, unidades=("SEMED",), perfis=("Básico", "Administrador"))
    assert judge(sip, sip.plan(CLERK, moved)) == ()


def test_administrator_may_be_replaced_in_the_same_file() -> None:
    sip = with_administrator()
    assert judge(sip, sip.plan(CLERK, person(1), person(2, perfis=("Básico", "Administrador")))) == ()


@pytest.mark.parametrize(
    ("ativo", "bloqueado", "sigla", "system"),
    [
        (False, False, "outro", SEI),
        (True, True, "outro", SEI),
        (True, False, "SIP", SEI),
        (True, False, "outro", SEI - 1),
    ],
)
def test_who_cannot_work_is_no_administrator(ativo: bool, bloqueado: bool, sigla: str, system: int) -> None:
    sip = with_administrator()
    grant = Grant(place(perfil="Administrador", system=system), LONG_AGO)
    sip.add(5, sigla=sigla, ativo=ativo, bloqueado=bloqueado, grants=(grant,))
    assert judge(sip, sip.plan(CLERK)) == (LAST_ADMINISTRATOR,)


def test_administrator_made_by_hand_is_enough() -> None:
    sip = with_administrator()
    sip.add(5, grants=(Grant(place(perfil="Administrador"), LONG_AGO),))
    assert judge(sip, sip.plan(CLERK)) == ()


def test_instance_that_has_no_administrator_yet_loses_none() -> None:
    sip = SipInMemory()
    assert judge(sip, sip.plan(person(1))) == ()


@pytest.mark.parametrize(
    "row",
    [
        None,
        person(1, unidades=("SEMUS",)),
        person(1, unidades=("SEMED",), perfis=("Colaborador (Básico sem Assinatura)",)),
    ],
)
def test_no_unit_is_left_without_anybody_who_signs(row: object) -> None:
    sip = SipInMemory()
    clerk = person(90, unidades=("SEMAD", "SEMUS"))
    sip.bring(clerk, person(1, unidades=("SEMED",)))
    people = [clerk, row] if row else [clerk]
    (alarm,) = judge(sip, sip.plan(*people))
    assert alarm == Alarm(text="a unidade SEMED ficaria sem ninguém que assine", forbidden=True)
    successor = person(2, unidades=("SEMED",))
    assert judge(sip, sip.plan(*people, successor)) == ()


def test_unit_that_is_no_more_needs_nobody() -> None:
    sip = SipInMemory()
    sip.bring(person(1, unidades=("SEMED",)), replace(CLERK, lotacoes=person(1).lotacoes))
    roles = ROLES.model_copy(update={"units": {UNITS["SEMAD"]: "SEMAD"}})
    plan = sip.plan(replace(CLERK, lotacoes=person(1).lotacoes))
    assert judge_plan(plan, sip.users.values(), LOOSE, roles, today=sip.day, refused=0, rows=1) == ()


# Undo


def test_undo_of_a_first_import_asks_and_may_be_allowed() -> None:
    sip = SipInMemory()
    batch = sip.bring(*(person(number, perfis=("Básico", "Administrador")) for number in range(1, 13)))
    asked = texts(judge(sip, sip.plan_undo(batch), LIMITS))
    assert "pessoas que sairiam: 12, e o limite é 10" in asked
    assert "o ambiente ficaria sem nenhum administrador do SEI" in asked
    assert "a unidade SEMAD ficaria sem ninguém que assine" in asked


def test_undo_that_brings_many_back_asks() -> None:
    sip = town(20)
    batch = sip.bring(*(person(number) for number in range(13, 21)))
    assert "pessoas que mudariam ou sairiam: 12, 150,0% das ativas" in texts(judge(sip, sip.plan_undo(batch), LIMITS))
