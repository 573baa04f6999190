"""`./implanta training class add|list|cancel`: the classes that prefeituras are invited to."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.training_class import ClassState, Meeting, ScheduledClass

app = typer.Typer(no_args_is_help=True)

Slug = Annotated[str, typer.Argument(help="Nome curto do município (timoteo).")]
Course = Annotated[str, typer.Argument(help="Curso: código ou título de catalog/training.yaml.")]
Code = Annotated[str, typer.Argument(help="Código da turma no município, como 1 ou manha-2.")]
COLUMNS = {
    "course": "Curso",
    "code": "Turma",
    "when": "Quando",
    "place": "Local",
    "seats": "Vagas",
    "state": "Situação",
}
MOMENT = ["%Y-%m-%dT%H:%M"]


@app.command("add")
def add(
    municipality: Slug,
    course: Course,
    code: Code,
    starts: Annotated[datetime, typer.Option("--starts", formats=MOMENT, help="Início, hora de Brasília.")],
    ends: Annotated[datetime, typer.Option("--ends", formats=MOMENT, help="Fim, hora de Brasília.")],
    place: Annotated[str, typer.Option("--place", help="Onde é: sala, endereço ou página; sem nomes de pessoas.")],
    seats: Annotated[int, typer.Option("--seats", min=1, help="Vagas.")],
    as_json: JsonOption = False,
) -> None:
    """Marca uma turma, ou remarca a que já existe, e põe na fila o convite com a agenda.

    Exemplo: ./implanta training class add timoteo sei-usar 1 --starts 2097-03-04T13:30 --ends 2097-03-04T17:30
    --place 'Sala de informática' --seats 40
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.classes import schedule_class

        meeting = _meeting(course=course, code=code, starts=starts, ends=ends, place=place, seats=seats)
        planned, change = schedule_class(municipality, meeting)
    if as_json:
        print_json(_facts(planned) | {"change": change.model_dump()})
        return
    what = "já estava assim" if not change.total else "remarcada" if change.updated else "marcada"
    out.print(f"Turma {planned.code} de {planned.course} {what}: {_when(planned)}.", highlight=False, markup=False)


@app.command("list")
def list_all(municipality: Slug, as_json: JsonOption = False) -> None:
    """Lista as turmas de um município, pela data. Exemplo: ./implanta training class list timoteo"""
    with errors_as_lines():
        registry = open_registry()
        found = registry.find_municipality(municipality)
        classes = registry.training_classes(found.ibge)
    if as_json:
        print_json([_facts(one) for one in classes])
        return
    as_rows([_row(one) for one in classes], COLUMNS, f"Turmas de {found.name}")


@app.command("cancel")
def cancel(municipality: Slug, course: Course, code: Code, as_json: JsonOption = False) -> None:
    """Cancela uma turma e retira o convite da fila, ou da agenda de quem já o tem.

    Exemplo: ./implanta training class cancel timoteo sei-usar 1
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.classes import cancel_class

        planned, change = cancel_class(municipality, course, code)
    if as_json:
        print_json(_facts(planned) | {"change": change.model_dump()})
        return
    what = "cancelada" if change.total else "já estava cancelada"
    out.print(f"Turma {planned.code} de {planned.course} {what}.", highlight=False, markup=False)


def _meeting(*, course: str, code: str, starts: datetime, ends: datetime, place: str, seats: int) -> "Meeting":
    from pydantic import ValidationError

    from domain.calendar import BRASILIA
    from domain.catalog_problem import field_at, problem_in
    from domain.errors import InvalidInputError
    from domain.training_class import Meeting

    try:
        return Meeting(
            course=course,
            code=code,
            starts_at=starts.replace(tzinfo=BRASILIA),
            ends_at=ends.replace(tzinfo=BRASILIA),
            place=place,
            seats=seats,
        )
    except ValidationError as error:
        problems = "; ".join(f"{field_at(one['loc'])}: {problem_in(one)}" for one in error.errors())
        raise InvalidInputError(f"A turma não pode ser marcada: {problems}", f"turma {code}", "Confira.") from None


def _facts(one: "ScheduledClass") -> dict[str, object]:
    return {**one.model_dump(mode="json"), "state": _state(one).value}


def _row(one: "ScheduledClass") -> dict[str, object]:
    return {**dict(one), "when": _when(one), "state": _state(one).label}


def _state(one: "ScheduledClass") -> "ClassState":
    from datetime import UTC

    return one.state(datetime.now(tz=UTC))


def _when(one: "ScheduledClass") -> str:
    from domain.calendar import BRASILIA

    starts, ends = one.starts_at.astimezone(BRASILIA), one.ends_at.astimezone(BRASILIA)
    until = f"{ends:%H:%M}" if starts.date() == ends.date() else f"{ends:%d/%m/%Y %H:%M}"
    return f"{starts:%d/%m/%Y %H:%M} a {until}"
