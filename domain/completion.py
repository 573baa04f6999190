"""A course that a person finished: what every source of training tells, whatever its form. Personal data."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from domain.text import collation_key


class Completion(NamedTuple):
    """`login` is the person's, as the collation compares it; `course` is a `codigo` of `catalog/training.yaml`."""

    login: str
    course: str
    finished_on: date


def completion(login: str, course: str, finished_on: date) -> Completion:
    """A completion, of a login as it is written."""
    return Completion(collation_key(login), course, finished_on)


def newest(completions: Iterable[Completion]) -> dict[tuple[str, str], date]:
    """The last day on which each person finished each course, by login and course; sources may tell it twice."""
    found: dict[tuple[str, str], date] = {}
    for login, course, day in completions:
        key = (login, course)
        found[key] = max(day, found.get(key, day))
    return found
