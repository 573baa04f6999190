"""How the command line speaks: results on standard output, talk on standard error, one line for an error."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from domain.errors import ImplantaError

out = Console()
talk = Console(stderr=True)

Target = Annotated[str, typer.Argument(help="Nome do ambiente (timoteo-treinamento).")]
PlanOption = Annotated[
    str | None, typer.Option("--plan", help="Só aplica se o plano ainda for este (código mostrado por plan).")
]
BackupOption = Annotated[
    str | None, typer.Option("--backup", help="Qual cópia, como em backup list (20261128T010000Z); sem ela, a última.")
]
RoleOption = Annotated[
    str | None, typer.Option("--role", help="Equipe ou papel de quem decide (infraestrutura); nunca o nome.")
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Resultado em JSON, com chaves estáveis, para programas.")]


def print_json(value: object) -> None:
    """Print one JSON document; Portuguese text stays readable."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def fail(error: ImplantaError) -> NoReturn:
    """End the command with the error's own line and exit code."""
    talk.print(f"[bold red]Erro:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    raise typer.Exit(error.exit_code)


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Turn the project's own errors into one line and an exit code; anything else is a defect and keeps its trace."""
    try:
        yield
    except ImplantaError as e:
        fail(e)


def print_markdown(lines: list[str]) -> None:
    """Print a report as the Prefect UI shows it."""
    from rich.markdown import Markdown

    out.print(Markdown("\n".join(lines)))


def write_file(target: Path, content: bytes, fix: str = "Indique outro lugar em --to.") -> None:
    """Write what a command was asked to keep; `fix` is what to do where that cannot be.

    Raises:
        InvalidInputError: it cannot be written there.
    """
    from domain.errors import InvalidInputError

    try:
        target.write_bytes(content)
    except OSError as error:
        raise InvalidInputError(f"Não foi possível gravar o arquivo ({error.strerror})", str(target), fix) from None


def as_rows(values: list[dict[str, Any]], columns: dict[str, str], title: str) -> None:
    """Print a table; `columns` maps keys to headings."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in columns.values():
        table.add_column(heading)
    for value in values:
        table.add_row(*(escape(str(value.get(key, ""))) for key in columns))
    out.print(table)
