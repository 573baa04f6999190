"""Freeze windows: the days of every year and the dates of one, in and around them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import InvalidInputError
from domain.freeze import FreezeRule, FreezeWindow, freeze_on, list_freezes, next_free_day
from tests.domain.examples import CATALOG

TIMOTEO, LAVRAS = "3168705", "3138203"
YEAR_END = FreezeWindow(reason="Fim do exercício", first="15/12", last="10/01")
ELECTIONS = FreezeWindow(reason="Eleições", first="2028-09-18", last="2028-10-30")
FESTIVAL = FreezeWindow(reason="Festa da cidade", first="20/04", last="03/05")
RULE = FreezeRule(national=(YEAR_END, ELECTIONS), by_municipality={TIMOTEO: (FESTIVAL,)})
DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2026, 12, 14), None),
        (date(2026, 12, 15), "Fim do exercício"),
        (date(2026, 12, 31), "Fim do exercício"),
        (date(2027, 1, 10), "Fim do exercício"),
        (date(2027, 1, 11), None),
        (date(2028, 9, 17), None),
        (date(2028, 9, 18), "Eleições"),
        (date(2028, 10, 30), "Eleições"),
        (date(2027, 10, 1), None),
        (date(2027, 4, 20), "Festa da cidade"),
    ],
)
def test_a_freeze_holds_from_its_first_to_its_last_day(day: date, reason: str | None) -> None:
    found = freeze_on(day, RULE, TIMOTEO)
    assert (found.reason if found else None) == reason
    if found:
        assert found.first <= day <= found.last


def test_a_freeze_of_one_municipality_does_not_hold_in_another() -> None:
    assert freeze_on(date(2027, 4, 20), RULE, LAVRAS) is None


def test_of_two_freezes_on_a_day_the_longer_one_is_told() -> None:
    longer = FreezeWindow(reason="Mudança de sede", first="2026-12-20", last="2027-02-28")
    rule = FreezeRule(national=(YEAR_END, longer), by_municipality={})
    found = freeze_on(date(2027, 1, 5), rule, LAVRAS)
    assert found is not None
    assert str(found) == "Mudança de sede, de 20/12/2026 a 28/02/2027"


def test_the_end_of_february_ends_with_it() -> None:
    rule = FreezeRule(national=(FreezeWindow(reason="Férias", first="01/02", last="29/02"),), by_municipality={})
    assert [next_free_day(date(year, 2, 10), rule, LAVRAS) for year in (2027, 2028)] == [
        date(2027, 3, 1),
        date(2028, 3, 1),
    ]


@given(DAYS, st.sampled_from([TIMOTEO, LAVRAS]), st.sampled_from([RULE, CATALOG.freezes()]))
def test_the_next_free_day_is_free_and_no_earlier_one_was(day: date, ibge: str, rule: FreezeRule) -> None:
    found = next_free_day(day, rule, ibge)
    assert found >= day
    assert freeze_on(found, rule, ibge) is None
    assert all(freeze_on(day + timedelta(days=n), rule, ibge) for n in range((found - day).days))


@given(DAYS, st.integers(0, 700), st.sampled_from([TIMOTEO, LAVRAS]))
def test_the_freezes_of_a_time_are_those_of_its_days(first: date, length: int, ibge: str) -> None:
    last = first + timedelta(days=length)
    listed = list_freezes(first, last, RULE, ibge)
    days = [first + timedelta(days=n) for n in range(length + 1)]
    assert {day for day in days if any(one.first <= day <= one.last for one in listed)} == {
        day for day in days if freeze_on(day, RULE, ibge)
    }
    assert all(one.first <= last and one.last >= first for one in listed)
    assert listed == sorted(listed, key=lambda one: one.first)


def test_freezes_that_leave_no_day_are_refused_instead_of_searched_for_ever() -> None:
    whole_year = FreezeWindow(reason="Sempre", first="01/01", last="31/12")
    with pytest.raises(InvalidInputError, match="não deixam dia livre a partir de 02/03/2027"):
        next_free_day(date(2027, 3, 2), FreezeRule(national=(whole_year,), by_municipality={}), LAVRAS)


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("15/13", "10/01", "dd/mm"),
        ("15/12", "2027-01-10", "dd/mm"),
        ("2027-02-30", "2027-03-10", "dd/mm"),
        ("2027-03-10", "2027-03-01", "termina antes de começar"),
    ],
)
def test_a_window_that_is_none_is_refused(first: str, last: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FreezeWindow(reason="Errado", first=first, last=last)


def test_the_shipped_catalog_freezes_the_end_of_the_year_everywhere() -> None:
    assert freeze_on(date(2026, 12, 24), CATALOG.freezes(), LAVRAS) is not None
