"""How many prefeituras each team works for at once."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.instruments.timetable import Code

MOST_SLOTS = 1000
Slots = Annotated[int, Field(ge=1, le=MOST_SLOTS)]


class Team(CatalogEntry):
    """A team, and how many of each of its activities it does at once: two activities never wait for each other."""

    code: Code = Field(alias="codigo")
    title: str = Field(alias="titulo", min_length=1, max_length=60)
    slots: Slots = Field(alias="vagas")
    activities: tuple[Code, ...] = Field(alias="atividades", min_length=1)


class TeamTable(CatalogEntry):
    """The teams; an activity of none waits for nobody's slot."""

    teams: tuple[Team, ...] = Field(alias="equipes")

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        for named in ([team.code for team in self.teams], [code for team in self.teams for code in team.activities]):
            twice = next((code for code in named if named.count(code) > 1), None)
            if twice:
                msg = f"{twice!r} aparece duas vezes"
                raise ValueError(msg)
        return self

    def unknown_activities(self, known: Iterable[str]) -> list[str]:
        """The activities that the timetable does not have."""
        there = set(known)
        return [code for team in self.teams for code in team.activities if code not in there]

    def of_activity(self, code: str) -> Team | None:
        """The team that does an activity, or None."""
        return next((team for team in self.teams if code in team.activities), None)

    def with_slots(self, slots: Mapping[str, int]) -> Self:
        """The same teams, some of them with other numbers of slots.

        Raises:
            InvalidInputError: there is no such team, or nobody can have so many slots.
        """
        unknown = sorted(slots.keys() - {team.code for team in self.teams})
        if unknown:
            known = ", ".join(team.code for team in self.teams)
            raise InvalidInputError(f"Não há equipe {unknown[0]!r}", "equipes", f"As equipes são {known}.")
        wrong = next((code for code, number in slots.items() if not 1 <= number <= MOST_SLOTS), None)
        if wrong:
            raise InvalidInputError(
                f"A equipe {wrong} não pode ter {slots[wrong]} vagas", "equipes", f"Use de 1 a {MOST_SLOTS}."
            )
        teams = tuple(team.model_copy(update={"slots": slots.get(team.code, team.slots)}) for team in self.teams)
        return self.model_copy(update={"teams": teams})
