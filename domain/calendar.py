"""Business days of a municipality: national and state holidays by law, municipal ones from the catalog."""

import calendar
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from domain.catalog_entry import CatalogEntry
from domain.model import Frozen
from domain.municipality import UF_BY_IBGE_PREFIX, IbgeCode, Municipality

BRASILIA = ZoneInfo("America/Sao_Paulo")  # the legal time of Minas Gerais and of the programme
OPTIONAL_DAYS = ("Carnaval", "Início da Quaresma", "Corpus Christi", "Dia do Servidor Público")
_SATURDAY = 5
_LEAP_YEAR = 2024  # accepts 29/02 as a day of the year


def _is_a_day_of_the_year(value: str) -> str:
    match = re.fullmatch(r"(\d{2})/(\d{2})", value)
    if not match or not _exists(int(match[1]), int(match[2]), _LEAP_YEAR):
        msg = f"{value!r} não é um dia do ano no formato dd/mm"
        raise ValueError(msg)
    return value


DayOfYear = Annotated[str, AfterValidator(_is_a_day_of_the_year)]


class Holiday(Frozen):
    """A day without business."""

    day: date
    description: str = Field(min_length=1, max_length=100)  # sei.feriado.descricao


class HolidayRule(CatalogEntry):
    """A holiday by state or municipal law: every year on `dia` (dd/mm), once on `data`, or a national optional day
    (`ponto_facultativo`) that the law made a holiday there."""

    description: str = Field(alias="descricao", min_length=1, max_length=100)
    yearly: DayOfYear | None = Field(default=None, alias="dia")
    once: date | None = Field(default=None, alias="data")
    optional_day: str | None = Field(default=None, alias="ponto_facultativo")

    @field_validator("optional_day")
    @classmethod
    def _is_a_known_optional_day(cls, value: str | None) -> str | None:
        if value is not None and value not in OPTIONAL_DAYS:
            msg = f"{value!r} não é ponto facultativo nacional ({', '.join(OPTIONAL_DAYS)})"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _says_when_once(self) -> Self:
        if sum(given is not None for given in (self.yearly, self.once, self.optional_day)) != 1:
            msg = f"o feriado {self.description!r} precisa de dia, data ou ponto_facultativo (só um deles)"
            raise ValueError(msg)
        return self

    def days_in(self, year: int) -> list[date]:
        """The days of this holiday in a year: usually one, none for another year's date or 29 February."""
        if self.once is not None:
            return [self.once] if self.once.year == year else []
        if self.optional_day is not None:
            return [day for day, name in _optional_days(year) if name == self.optional_day]
        day, month = map(int, (self.yearly or "").split("/"))
        return [date(year, month, day)] if _exists(day, month, year) else []


class MunicipalHolidays(CatalogEntry):
    """The holidays of one municipality."""

    name: str = Field(alias="municipio")
    rules: tuple[HolidayRule, ...] = Field(alias="feriados")


class HolidayCatalog(CatalogEntry):
    """Holidays that the `holidays` library does not know: by UF and by IBGE code."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # an IBGE code is a number to YAML

    by_state: dict[str, tuple[HolidayRule, ...]] = Field(alias="estaduais")
    by_municipality: dict[IbgeCode, MunicipalHolidays] = Field(alias="municipais")

    @field_validator("by_state")
    @classmethod
    def _states_exist(cls, value: dict[str, tuple[HolidayRule, ...]]) -> dict[str, tuple[HolidayRule, ...]]:
        unknown = sorted(set(value) - set(UF_BY_IBGE_PREFIX.values()))
        if unknown:
            msg = f"UF desconhecida: {', '.join(unknown)}"
            raise ValueError(msg)
        return value

    def calendar_for(self, municipality: Municipality) -> "BusinessCalendar":
        """The calendar of a municipality: its state's holidays, and its own when the catalog has them."""
        own = self.by_municipality.get(municipality.ibge)
        rules = self.by_state.get(municipality.uf, ()) + (own.rules if own else ())
        return BusinessCalendar(uf=municipality.uf, rules=rules)


class BusinessCalendar(Frozen):
    """Which days are business days: Monday to Friday, except national, state and given holidays.

    National optional days (Carnaval, Corpus Christi…) are business days unless a rule makes them holidays.
    """

    uf: str
    rules: tuple[HolidayRule, ...] = ()

    def is_business_day(self, day: date) -> bool:
        """Whether the prefeitura and the state IT company work on this day."""
        return day.weekday() < _SATURDAY and day not in _holidays_by_day(self.uf, self.rules, day.year)

    def list_holidays(self, year: int) -> list[Holiday]:
        """The holidays of a year in order, those on weekends included, one line a day."""
        by_day = _holidays_by_day(self.uf, self.rules, year)
        return [Holiday(day=day, description=by_day[day]) for day in sorted(by_day)]

    def business_days_after(self, day: date) -> Iterator[date]:
        """Every business day after this one, without end."""
        return self._business_days(day, timedelta(days=1))

    def business_days_before(self, day: date) -> Iterator[date]:
        """Every business day before this one, the nearest first, without end."""
        return self._business_days(day, timedelta(days=-1))

    def _business_days(self, day: date, step: timedelta) -> Iterator[date]:
        while True:
            day += step
            if self.is_business_day(day):
                yield day

    def business_days_between(self, start: date, end: date) -> int:
        """How many business days follow `start` up to `end`, which counts; 0 when `end` is not after `start`."""
        days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
        return sum(self.is_business_day(day) for day in days)


def local_moment(moment: datetime) -> str:
    """`28/11/2026 22:14`: a moment in Brasília time, as reports write it."""
    return f"{moment.astimezone(BRASILIA):%d/%m/%Y %H:%M}"


def as_local(moment: datetime | None) -> datetime | None:
    """A moment that somebody typed without a time zone is of Brasília."""
    return moment.replace(tzinfo=BRASILIA) if moment is not None and moment.tzinfo is None else moment


def local_second(moment: datetime, *, typed: bool = False) -> str:
    """`28/11/2026 22:14:05`, or as it is typed in a command: `2026-11-28 22:14:05`; in Brasília time."""
    local = moment.astimezone(BRASILIA)
    return f"{local:%Y-%m-%d %H:%M:%S}" if typed else f"{local:%d/%m/%Y %H:%M:%S}"


def local_day(moment: datetime) -> date:
    """The day of a moment in Brasília time. The moment must have a time zone."""
    if moment.tzinfo is None:
        msg = "a moment without time zone has no day"
        raise ValueError(msg)
    return moment.astimezone(BRASILIA).date()


def _exists(day: int, month: int, year: int) -> bool:
    return month in range(1, 13) and day in range(1, calendar.monthrange(year, month)[1] + 1)


@lru_cache(maxsize=256)
def _holidays_by_day(uf: str, rules: tuple[HolidayRule, ...], year: int) -> dict[date, str]:
    by_law = holidays.country_holidays("BR", subdiv=uf, years=year, language="pt_BR")
    days = {day: name[:100] for day, name in by_law.items()}
    for rule in rules:
        for day in rule.days_in(year):
            days.setdefault(day, rule.description)
    return days


@lru_cache(maxsize=64)
def _optional_days(year: int) -> tuple[tuple[date, str], ...]:
    days = holidays.country_holidays("BR", years=year, language="pt_BR", categories=(holidays.OPTIONAL,))
    return tuple(sorted((day, name) for day, name in days.items()))
