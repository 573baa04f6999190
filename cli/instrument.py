"""`./implanta instrument list|generate|register`: the documents that a prefeitura signs."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json, talk

if TYPE_CHECKING:
    from domain.instruments.version import InstrumentsReport

app = typer.Typer(no_args_is_help=True)

Ref = Annotated[str, typer.Argument(help="Nome curto (timoteo) ou código IBGE do município.")]
Names = Annotated[
    list[str] | None, typer.Argument(help="Instrumentos, como decreto; sem nenhum, todos os que a prefeitura tem.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Diretório em que os arquivos também são gravados.")]


@app.command("list")
def list_all(ref: Ref, as_json: JsonOption = False) -> None:
    """Lista os instrumentos de um município e diz quais estão em dia. Exemplo: ./implanta instrument list timoteo"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.history import require_adhesion
        from tasks.instruments import inspect_instruments

        report = inspect_instruments(require_adhesion(ref))
    _show(report, as_json=as_json)


@app.command("generate")
def generate(ref: Ref, names: Names = None, out_dir: Out = None, as_json: JsonOption = False) -> None:
    """Gera os instrumentos cujo modelo ou cujos dados mudaram, em DOCX e PDF.

    Exemplo: ./implanta instrument generate timoteo
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.instruments import instruments

        with talk.status("Gerando os instrumentos; os PDF levam alguns segundos"), explaining_failures():
            report = instruments(ref, names)
        written = _copy(report, out_dir) if out_dir else []
    _show(report, as_json=as_json)
    if not as_json:
        for path in written:
            out.print(str(path), soft_wrap=True, highlight=False)


@app.command("register")
def register(
    ref: Ref,
    act: Annotated[str, typer.Argument(help="contrato ou decreto.")],
    number: Annotated[str, typer.Option("--number", help="Número, como 1.234/2026.")],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Data da assinatura ou publicação.")],
    published_in: Annotated[str, typer.Option("--published-in", help="Onde foi publicado; sem nomes de pessoas.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Registra o contrato ou o decreto, que a entrada em produção exige.

    Exemplo: ./implanta instrument register timoteo decreto --number 1.234/2026 --date 2026-11-03
    """
    with errors_as_lines():
        from pydantic import ValidationError

        from domain.act import Act, RegisteredAct
        from domain.errors import InvalidInputError
        from tasks.acts import register_act

        try:
            registered = RegisteredAct(act=Act(act), number=number, day=day.date(), published_in=published_in)
        except (ValidationError, ValueError):
            raise InvalidInputError(
                "O ato não serve", f"{act} {number}", "Use contrato ou decreto, com um número de até 60 caracteres."
            ) from None
        change = register_act(ref, registered)
    if as_json:
        print_json({"municipality": ref, "act": registered.model_dump(mode="json"), "change": change.model_dump()})
        return
    out.print(f"{ref}: {registered} registrado ({change}).")


def _copy(report: "InstrumentsReport", directory: Path) -> list[Path]:
    from blocks.private_files import ensure_private_files
    from domain.errors import InvalidInputError, RetryableError
    from tasks.instruments import fetch_instruments

    files = fetch_instruments(report)
    try:
        # They tell who signs: personal data, for their owner only.
        ensure_private_files(directory, files)
    except RetryableError as error:
        raise InvalidInputError(
            "Não foi possível gravar os documentos em --out", str(directory), "Indique outro diretório, com espaço."
        ) from error
    return [directory / name for name in files]


def _show(report: "InstrumentsReport", *, as_json: bool) -> None:
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    rows = [
        {
            "instrument": status.instrument,
            "title": status.title,
            "version": status.version or "–",
            "pages": status.pages or "–",
            "standing": status.told,
        }
        for status in report.instruments
    ]
    columns = {
        "instrument": "Instrumento",
        "title": "Título",
        "version": "Versão",
        "pages": "Páginas",
        "standing": "Situação",
    }
    as_rows(rows, columns, f"Instrumentos de {report.municipality} (balde {report.bucket})")
