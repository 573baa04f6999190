"""What completions prove of a prefeitura's people: counts for the gate, and who is still missing what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from domain.completion import Completion, newest
from domain.courses import Course, CourseTable
from domain.person import Person
from domain.text import collation_key
from domain.training import Headcount, TrainingClass, TrainingFacts, TrainingRule, UnitTraining

ADMINISTRATOR_PROFILE = "Administrador"


@dataclass(frozen=True)
class Missing:
    """A person who has still to finish something, or whose completion ran out. Personal data."""

    person: Person
    courses: tuple[Course, ...]


def count_training(
    people: Sequence[Person], completions: Iterable[Completion], courses: CourseTable, today: date
) -> TrainingFacts:
    """Count who finished every course that is theirs, in the prefeitura and in each unit; who works in two is in both.

    Who must take several counts from the oldest of them, which is the first to run out. What is told of a day to come
    is no completion yet.
    """
    known = [told for told in completions if told.finished_on <= today]
    finished = newest(known)
    trained = {person.sigla: day for person in people if (day := _trained_on(person, finished, courses))}
    units: dict[str, list[Person]] = {}
    for person in people:
        for unidade in person.unidades:
            units.setdefault(unidade, []).append(person)
    logins = {collation_key(person.sigla) for person in people}
    return TrainingFacts(
        prefeitura=_headcount(people, trained),
        unidades=tuple(
            UnitTraining(unidade=unit, **dict(_headcount(members, trained))) for unit, members in sorted(units.items())
        ),
        desconhecidos=len({told.login for told in known} - logins),
    )


def list_missing(
    people: Sequence[Person],
    completions: Iterable[Completion],
    courses: CourseTable,
    rule: TrainingRule,
    today: date,
) -> Iterator[Missing]:
    """Who has still to finish what for the gate, in the order of the people."""
    finished = newest(told for told in completions if rule.is_valid(told.finished_on, today))
    for person in people:
        owed = tuple(course for course in _required(person, courses) if _key(person, course) not in finished)
        if owed:
            yield Missing(person, owed)


def is_administrator(person: Person) -> bool:
    """Whether the person administers SEI in any unit."""
    return ADMINISTRATOR_PROFILE in person.perfis


def _required(person: Person, courses: CourseTable) -> tuple[Course, ...]:
    return courses.required_of(person.perfis, person.unidades)


def _key(person: Person, course: Course) -> tuple[str, str]:
    return collation_key(person.sigla), course.code


def _trained_on(person: Person, finished: Mapping[tuple[str, str], date], courses: CourseTable) -> date | None:
    days = [finished.get(_key(person, course)) for course in _required(person, courses)]
    done = [day for day in days if day]
    return min(done) if len(done) == len(days) else None


def _headcount(members: Sequence[Person], trained: Mapping[str, date]) -> Headcount:
    by_day: dict[date, list[Person]] = {}
    for person in members:
        if day := trained.get(person.sigla):
            by_day.setdefault(day, []).append(person)
    return Headcount(
        users=len(members),
        administrators=sum(map(is_administrator, members)),
        classes=tuple(
            TrainingClass(finished_on=day, trained=len(who), trained_administrators=sum(map(is_administrator, who)))
            for day, who in sorted(by_day.items())
        ),
    )
