"""Freeze windows: days on which no prefeitura goes live, such as elections or the end of the financial year."""

from calendar import monthrange
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from domain.calendar import DayOfYear
from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.municipality import IbgeCode

_LONGEST_SEARCH = timedelta(days=5 * 366)
_ONE_DAY = timedelta(days=1)
_DAY_OF_YEAR = TypeAdapter(DayOfYear)


class Freeze(Frozen):
    """One freeze as it falls in the calendar; both ends are inside."""

    first: date
    last: date
    reason: str

    def __str__(self) -> str:
        return f"{self.reason}, de {self.first:%d/%m/%Y} a {self.last:%d/%m/%Y}"


class FreezeWindow(CatalogEntry):
    """A freeze of every year, from `dd/mm` to `dd/mm` and perhaps past its end, or once, between two dates."""

    reason: str = Field(alias="motivo", min_length=1, max_length=100)
    first: str = Field(alias="de")
    last: str = Field(alias="ate")

    @model_validator(mode="after")
    def _is_one_window(self) -> Self:
        once = [_date_or_none(text) for text in (self.first, self.last)]
        if once[0] and once[1]:
            if once[1] < once[0]:
                msg = f"o congelamento {self.reason!r} termina antes de começar"
                raise ValueError(msg)
            return self
        for text in (self.first, self.last):
            try:
                _DAY_OF_YEAR.validate_python(text)
            except ValidationError as error:
                msg = f"o congelamento {self.reason!r} vai de dd/mm a dd/mm, ou de aaaa-mm-dd a aaaa-mm-dd"
                raise ValueError(msg) from error
        return self

    def begins_in(self, year: int) -> Freeze | None:
        """The freeze that begins in this year, if one does."""
        first, last = _date_or_none(self.first), _date_or_none(self.last)
        if first is None or last is None:
            first, last = _in_year(self.first, year), _in_year(self.last, year)
            last = last if first <= last else _in_year(self.last, year + 1)
        return Freeze(first=first, last=last, reason=self.reason) if first.year == year else None


class FreezeRule(CatalogEntry):
    """The freezes of all municipalities, and those of single ones by IBGE code."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # an IBGE code is a number to YAML

    national: tuple[FreezeWindow, ...] = Field(alias="nacionais")
    by_municipality: dict[IbgeCode, tuple[FreezeWindow, ...]] = Field(alias="municipais")

    def windows_of(self, ibge: str) -> tuple[FreezeWindow, ...]:
        """Everything that holds in a municipality."""
        return self.national + self.by_municipality.get(ibge, ())


def freeze_on(day: date, rule: FreezeRule, ibge: str) -> Freeze | None:
    """The freeze of a municipality on a day, of several the one that lasts longest; None when it may go live."""
    return _freezes_by_day(rule.windows_of(ibge), day.year).get(day)


def list_freezes(first: date, last: date, rule: FreezeRule, ibge: str) -> list[Freeze]:
    """The freezes of a municipality that touch a time, in order of their beginning."""
    windows = rule.windows_of(ibge)
    found = {freeze for year in range(first.year, last.year + 1) for freeze in _freezes_touching(windows, year)}
    touching = (freeze for freeze in found if freeze.first <= last and freeze.last >= first)
    return sorted(touching, key=lambda freeze: (freeze.first, freeze.last, freeze.reason))


def frozen_days(year: int, rule: FreezeRule, ibge: str) -> Collection[date]:
    """Every day of a year on which a municipality is not to go live."""
    return _freezes_by_day(rule.windows_of(ibge), year).keys()


def next_free_day(day: date, rule: FreezeRule, ibge: str) -> date:
    """The day itself, or the first one after it on which no freeze holds; of any kind, a Sunday too.

    Raises:
        InvalidInputError: the freezes leave no day for years.
    """
    found = day
    while freeze := freeze_on(found, rule, ibge):
        found = freeze.last + _ONE_DAY
        if found - day > _LONGEST_SEARCH:
            raise InvalidInputError(
                f"Os congelamentos não deixam dia livre a partir de {day:%d/%m/%Y}",
                f"catalog/freezes.yaml, município {ibge}",
                "Encurte os períodos.",
            )
    return found


def _date_or_none(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _in_year(day_of_year: str, year: int) -> date:
    day, month = map(int, day_of_year.split("/"))
    return date(year, month, min(day, monthrange(year, month)[1]))  # 29/02 is the end of February in every year


@lru_cache(maxsize=4096)
def _freezes_by_day(windows: tuple[FreezeWindow, ...], year: int) -> dict[date, Freeze]:
    days: dict[date, Freeze] = {}
    for freeze in _freezes_touching(windows, year):
        for number in range((freeze.last - freeze.first).days + 1):
            day = freeze.first + number * _ONE_DAY
            if day.year == year and (day not in days or days[day].last < freeze.last):
                days[day] = freeze
    return days


def _freezes_touching(windows: tuple[FreezeWindow, ...], year: int) -> Iterator[Freeze]:
    for window in windows:
        once = _date_or_none(window.first)
        years = (once.year,) if once else (year - 1, year)
        yield from filter(None, map(window.begins_in, years))
