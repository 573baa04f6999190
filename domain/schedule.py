"""Which of SEI's and SIP's own scheduled tasks run in an environment, and when (`sei.md` 2.6)."""

from pydantic import Field

from domain.catalog_entry import CatalogEntry
from domain.model import Frozen
from domain.reference import MinorLine, minor_line


class Schedule(Frozen):
    """One row of `infra_agendamento_tarefa` as it is to be; what is None stays as it is."""

    command: str
    active: bool
    periodicity: str | None = None
    when: str | None = None


class ScheduleRule(CatalogEntry):
    """One task of the catalogue: the same in every version, but for its hours."""

    command: str = Field(alias="comando")
    active: bool = Field(alias="ligada")
    active_in_copy: bool = Field(alias="ligada_em_copia", default=False)
    periodicity: str = Field(alias="periodicidade", pattern="^[NDSMA]$")
    when: dict[MinorLine, str] = Field(alias="quando", description="Version line to the hours of its reference.")

    def of(self, version: str, *, in_copy: bool = False) -> Schedule:
        """The task in one version; in a line that the catalogue does not know, its hours are not ours to judge.

        `in_copy` is for an environment whose data is a neutralised copy of production.
        """
        when = self.when.get(minor_line(version))
        return Schedule(
            command=self.command,
            active=self.active and (self.active_in_copy or not in_copy),
            periodicity=self.periodicity if when else None,
            when=when,
        )


class ScheduleTable(CatalogEntry):
    """The tasks of both schedulers. A task that a version lacks is left out; one that is not here is a module's."""

    sei: tuple[ScheduleRule, ...] = Field(min_length=1)
    sip: tuple[ScheduleRule, ...] = Field(min_length=1)
