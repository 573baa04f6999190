"""The attendance list of a prefeitura's training classes: who finished which course, and when."""

from collections.abc import Sequence
from datetime import date, datetime

from domain.completion import Completion, completion
from domain.courses import CourseTable
from domain.errors import InvalidInputError
from domain.spreadsheet import Row, filled_rows
from domain.text import unaccent

TRAINING_COLUMNS = ("login", "curso", "situacao", "data")
_FINISHED = "concluido"
_ABSENT = "ausente"


def read_training_rows(
    rows: Sequence[Row], courses: CourseTable, today: date, *, where: str = "lista de presença"
) -> list[Completion]:
    """The completions of a list; who was absent finished nothing. A course is named by its title or its code.

    Raises:
        InvalidInputError: unknown course or situation, a malformed day or one that is still to come, with every row
            at fault.
    """
    found: list[Completion] = []
    problems: list[str] = []
    titles = " ou ".join(course.title for course in courses.courses)
    for number, values in filled_rows(rows, TRAINING_COLUMNS, where):
        course = courses.find(values["curso"])
        situation = unaccent(values["situacao"]).lower()
        day = _read_day(values["data"])
        if course is None:
            problems.append(f"linha {number}: curso desconhecido (use {titles})")
        if situation not in {_FINISHED, _ABSENT}:
            problems.append(f"linha {number}: situação deve ser concluído ou ausente")
        if day is None:
            problems.append(f"linha {number}: data deve ser dd/mm/aaaa")
        elif day > today and situation == _FINISHED:
            problems.append(f"linha {number}: ninguém concluiu ainda um curso de {day:%d/%m/%Y}")
        elif course and situation == _FINISHED:
            found.append(completion(values["login"], course.code, day))
    if problems:
        raise InvalidInputError(
            f"A lista tem {len(problems)} problema(s): {' | '.join(problems)}",
            where,
            "Corrija a lista e envie de novo.",
        )
    return found


def _read_day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007  # a day has no time zone
    except ValueError:
        return None
