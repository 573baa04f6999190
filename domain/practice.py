"""What a person did in the training environment, and whether that is a completion: what people learn by doing."""

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from domain.catalog_entry import CatalogEntry
from domain.completion import Completion

PRACTICE = "pratica"
"""What a required practice is called where courses are told by code; no course may have it."""


class PracticeStep(StrEnum):
    """Something that SEI's databases know a person did."""

    SIGNED_IN = "entrou"
    STARTED_PROCESS = "criou_processo"
    SIGNED_DOCUMENT = "assinou_documento"


class PracticeWorth(StrEnum):
    """What practice is worth to the gate."""

    IGNORED = "ignorada"
    COUNTS = "conta"
    """Who did every step finished the course, as if a class had said so."""
    REQUIRED = "exigida"
    """Who must finish the course must also have done every step."""


class PracticeRule(CatalogEntry):
    """What practice is, and what it is worth; `course` is the one whose content it is."""

    worth: PracticeWorth = Field(alias="vale", default=PracticeWorth.IGNORED)
    course: str = Field(alias="curso", default="")
    steps: tuple[PracticeStep, ...] = Field(alias="passos", default=tuple(PracticeStep), min_length=1)


class Practised(NamedTuple):
    """That somebody last did a step on a day; `login` is as the collation compares it. Personal data."""

    login: str
    step: PracticeStep
    on: date


def completions_of(practised: Iterable[Practised], rule: PracticeRule, today: date) -> Iterator[Completion]:
    """The completions that practice proves by the rule: of who did every step, on the day of the one longest ago.

    What is dated after today did not happen yet. Doing more never takes a completion back, nor makes it older.
    """
    if rule.worth is PracticeWorth.IGNORED:
        return
    newest: dict[str, dict[PracticeStep, date]] = {}
    for login, step, day in practised:
        if step in rule.steps and day <= today:
            mine = newest.setdefault(login, {})
            mine[step] = max(day, mine.get(step, day))
    course = PRACTICE if rule.worth is PracticeWorth.REQUIRED else rule.course
    for login, days in newest.items():
        if len(days) == len(set(rule.steps)):
            yield Completion(login, course, min(days.values()))
