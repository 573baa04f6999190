"""How long a backup is kept: the first proved one of a year, a month or a week for longer than those of a day."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field, PositiveInt

from domain.backup.growth import GrowthRule
from domain.backup.night import NightRule
from domain.calendar import BRASILIA
from domain.catalog_entry import CatalogEntry
from domain.environment import Purpose

_DAYS_OF_A_WEEK, _DAYS_OF_A_MONTH, _DAYS_OF_A_YEAR = 7, 31, 366  # never a day too short


class Period(StrEnum):
    """What a backup stands for."""

    DAY = "diária"
    WEEK = "semanal"
    MONTH = "mensal"
    YEAR = "anual"


class KeepingRule(CatalogEntry):
    """How many of each period are kept."""

    days: PositiveInt = Field(alias="diarias")
    weeks: PositiveInt = Field(alias="semanais")
    months: PositiveInt = Field(alias="mensais")
    years: PositiveInt = Field(alias="anuais")

    def until(self, taken_at: datetime, period: Period) -> datetime:
        """Until when a backup may not be deleted."""
        days = {
            Period.DAY: self.days,
            Period.WEEK: self.weeks * _DAYS_OF_A_WEEK,
            Period.MONTH: self.months * _DAYS_OF_A_MONTH,
            Period.YEAR: self.years * _DAYS_OF_A_YEAR,
        }[period]
        return taken_at + timedelta(days=days)


class BackupRule(CatalogEntry):
    """The backups' own file of the catalog, `backup.yaml`."""

    night: NightRule = Field(alias="noite")
    drill_environments: PositiveInt = Field(alias="ambientes_por_exercicio")
    keeping: dict[Purpose, KeepingRule] = Field(alias="guarda")
    own_days: PositiveInt = Field(alias="guarda_do_implanta_dias")
    growth: GrowthRule = Field(alias="crescimento")


def period_of(taken_at: datetime, proved_before: Iterable[datetime]) -> Period:
    """The longest period of which this is the first proved backup; days are those of Brasília."""
    day = taken_at.astimezone(BRASILIA)
    earlier = [moment.astimezone(BRASILIA) for moment in proved_before if moment < taken_at]
    if not any(moment.year == day.year for moment in earlier):
        return Period.YEAR
    if not any((moment.year, moment.month) == (day.year, day.month) for moment in earlier):
        return Period.MONTH
    if not any(moment.isocalendar()[:2] == day.isocalendar()[:2] for moment in earlier):
        return Period.WEEK
    return Period.DAY
