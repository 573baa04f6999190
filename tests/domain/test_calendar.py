"""Business days."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import BusinessCalendar, HolidayRule, local_day
from tests.domain.examples import CATALOG, make_municipality

TIMOTEO = CATALOG.holidays().calendar_for(make_municipality())
RIO_DOCE = CATALOG.holidays().calendar_for(make_municipality("3155009", "Rio Doce", "rio-doce"))
LAVRAS = CATALOG.holidays().calendar_for(make_municipality("3138203", "Lavras", "lavras"))
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("day", "business"),
    [
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 4, 21), False),  # Tiradentes, and the date of Minas Gerais
        (date(2026, 11, 20), False),  # national since 2024
        (date(2026, 2, 17), True),  # Carnaval is optional: no law makes it a holiday there
        (date(2026, 4, 29), False),  # anniversary of Timóteo
        (date(2026, 6, 4), False),  # Corpus Christi, by municipal law
        (date(2027, 5, 27), False),  # Corpus Christi moves
        (date(2026, 10, 10), False),  # Saturday
        (date(2026, 10, 13), True),
    ],
)
def test_timoteo_works_on_business_days_only(day: date, business: bool) -> None:
    assert TIMOTEO.is_business_day(day) is business


def test_a_municipal_holiday_is_of_that_municipality_only() -> None:
    day = date(2026, 4, 29)
    assert (TIMOTEO.is_business_day(day), RIO_DOCE.is_business_day(day), LAVRAS.is_business_day(day)) == (
        False,
        True,
        True,
    )


def test_the_holidays_of_a_year_come_in_order_and_fit_seis_column() -> None:
    holidays = TIMOTEO.list_holidays(2026)
    days = [holiday.day for holiday in holidays]
    assert days == sorted(set(days))
    assert {holiday.description for holiday in holidays} >= {"Natal", "Aniversário de Timóteo", "Corpus Christi"}


def test_a_dated_holiday_counts_in_its_year_only() -> None:
    rule = HolidayRule(description="Centenário", once=date(2027, 3, 18))
    calendar = BusinessCalendar(uf="MG", rules=(rule,))
    assert not calendar.is_business_day(date(2027, 3, 18))
    assert calendar.is_business_day(date(2026, 3, 18))


def test_a_holiday_on_29_february_exists_in_leap_years_only() -> None:
    rule = HolidayRule(description="Bissexto", yearly="29/02")
    assert rule.days_in(2028) == [date(2028, 2, 29)]
    assert rule.days_in(2027) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "só um deles"),
        ({"dia": "01/03", "data": "2026-03-01"}, "só um deles"),
        ({"dia": "30/02"}, "dd/mm"),
        ({"dia": "1/3"}, "dd/mm"),
        ({"dia": "01/13"}, "dd/mm"),
        ({"ponto_facultativo": "Micareta"}, "não é ponto facultativo"),
    ],
)
def test_a_rule_that_names_no_day_or_two_does_not_build(fields: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        HolidayRule.model_validate({"descricao": "Feriado", **fields})


@given(DAYS, DAYS, DAYS)
def test_business_days_of_two_intervals_add_up(one: date, two: date, three: date) -> None:
    first, middle, last = sorted((one, two, three))
    between = TIMOTEO.business_days_between
    assert between(first, middle) + between(middle, last) == between(first, last)
    assert between(last, first) == 0 or first == last


@given(DAYS)
def test_the_next_business_day_is_one_business_day_away(day: date) -> None:
    following = next(iter(TIMOTEO.business_days_after(day)))
    assert TIMOTEO.is_business_day(following)
    assert TIMOTEO.business_days_between(day, following) == 1


def test_a_moment_belongs_to_its_day_in_brasilia() -> None:
    assert local_day(datetime(2026, 3, 2, 2, 30, tzinfo=UTC)) == date(2026, 3, 1)
    with pytest.raises(ValueError, match="without time zone"):
        local_day(datetime(2026, 3, 2, 2, 30))  # noqa: DTZ001 — the refusal of such a moment is the test
