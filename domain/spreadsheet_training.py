"""The attendance list of a prefeitura's training classes: who of its people finished which course, counted by unit."""

from collections.abc import Sequence
from datetime import date, datetime

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.person import Person
from domain.spreadsheet import Row, filled_rows
from domain.text import collation_key, unaccent
from domain.training import TrainingClass, UnitTraining

TRAINING_COLUMNS = ("login", "curso", "situacao", "data")
USE_COURSE = "SEI Usar"
ADMINISTER_COURSE = "SEI Administrar"
ADMINISTRATOR_PROFILE = "Administrador"
_FINISHED = "concluido"
_ABSENT = "ausente"


class Attendance(Frozen):
    """What a list proves: counts by unit, and how many of its people the prefeitura's own list does not know."""

    units: tuple[UnitTraining, ...]
    unknown_people: int


def read_training_rows(
    rows: Sequence[Row], people: Sequence[Person], *, where: str = "lista de presença"
) -> Attendance:
    """Count the people of each unit who finished every course that they must take; who works in two counts in both.

    Everybody takes "SEI Usar"; who has the profile Administrador takes "SEI Administrar" too, and counts as trained
    from the day of the later one. A course finished twice counts from the newer day.

    Raises:
        InvalidInputError: unknown course or situation, or a malformed day, with every row at fault.
    """
    finished: dict[str, dict[str, date]] = {}
    known = {collation_key(person.sigla) for person in people}
    unknown: set[str] = set()
    problems: list[str] = []
    courses = {collation_key(course): course for course in (USE_COURSE, ADMINISTER_COURSE)}
    for number, values in filled_rows(rows, TRAINING_COLUMNS, where):
        course = courses.get(collation_key(values["curso"]))
        situation = unaccent(values["situacao"]).lower()
        day = _read_day(values["data"])
        if course is None:
            problems.append(f"linha {number}: curso desconhecido (use {' ou '.join(courses.values())})")
        if situation not in {_FINISHED, _ABSENT}:
            problems.append(f"linha {number}: situação deve ser concluído ou ausente")
        if day is None:
            problems.append(f"linha {number}: data deve ser dd/mm/aaaa")
        login = collation_key(values["login"])
        if login not in known:
            unknown.add(login)
        elif course and day and situation == _FINISHED:
            mine = finished.setdefault(login, {})
            mine[course] = max(day, mine.get(course, day))
    if problems:
        raise InvalidInputError(
            f"A lista tem {len(problems)} problema(s): {' | '.join(problems)}",
            where,
            "Corrija a lista e envie de novo.",
        )
    return Attendance(units=_by_unit(people, finished), unknown_people=len(unknown))


def _by_unit(people: Sequence[Person], finished: dict[str, dict[str, date]]) -> tuple[UnitTraining, ...]:
    units: dict[str, list[Person]] = {}
    for person in people:
        for unidade in person.unidades:
            units.setdefault(unidade, []).append(person)
    return tuple(
        UnitTraining(
            unidade=unit,
            users=len(members),
            administrators=sum(map(_is_administrator, members)),
            classes=_classes(members, finished),
        )
        for unit, members in sorted(units.items())
    )


def _classes(members: Sequence[Person], finished: dict[str, dict[str, date]]) -> tuple[TrainingClass, ...]:
    trained: dict[date, list[Person]] = {}
    for person in members:
        required = {USE_COURSE} | ({ADMINISTER_COURSE} if _is_administrator(person) else set())
        mine = finished.get(collation_key(person.sigla), {})
        if required <= mine.keys():
            trained.setdefault(max(mine[course] for course in required), []).append(person)
    return tuple(
        TrainingClass(finished_on=day, trained=len(who), trained_administrators=sum(map(_is_administrator, who)))
        for day, who in sorted(trained.items())
    )


def _is_administrator(person: Person) -> bool:
    return ADMINISTRATOR_PROFILE in person.perfis


def _read_day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007  # a day has no time zone
    except ValueError:
        return None
