"""`./implanta release build|check`: what leads from one version of SEI to another, proved before it is used."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json, talk

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from blocks.scratch_server import ScratchServer
    from domain.upgrade.package import ReleasePackage

_POOL_MIB = 256


def build(
    from_version: Annotated[str, typer.Option("--from", help="Versão de partida (4.0.0).")],
    to_version: Annotated[str, typer.Option("--to", help="Versão de destino (4.1.0).")],
    output: Annotated[
        Path | None, typer.Option("--output", help="Arquivo do pacote; sem ele, sei-DE-PARA.pacote nesta pasta.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Gera o pacote que leva os bancos de uma versão à outra, a partir dos bancos de referência das duas, e o prova.

    Exemplo: ./implanta release build --from 4.0.0 --to 4.1.0
    """
    with errors_as_lines():
        from blocks.reference import find_reference
        from blocks.release_package import build_package, write_package
        from blocks.settings import load_settings

        settings = load_settings()
        source = find_reference(from_version, settings.reference_dir)
        target = find_reference(to_version, settings.reference_dir)
        path = output or Path(f"sei-{from_version}-{to_version}.pacote")
        with talk.status("Comparando as duas versões"), _server(settings.scratch_dir) as scratch:
            package = build_package(scratch.server, source, target)
        write_package(package, path)
    _show(package, path, as_json=as_json)


def check(
    file: Annotated[Path, typer.Argument(help="O arquivo do pacote.")],
    as_json: JsonOption = False,
) -> None:
    """Aplica um pacote a cópias novas dos bancos de referência e os compara com os de destino; sai com 40 se diferirem.

    Exemplo: ./implanta release check sei-4.0.0-4.1.0.pacote
    """
    with errors_as_lines():
        from blocks.reference import find_reference
        from blocks.release_package import check_package, read_package
        from blocks.settings import load_settings

        settings = load_settings()
        package = read_package(file)
        source = find_reference(package.from_version, settings.reference_dir)
        target = find_reference(package.to_version, settings.reference_dir)
        with talk.status("Aplicando e comparando"), _server(settings.scratch_dir) as scratch:
            check_package(scratch.server, package, source, target)
    _show(package, file, as_json=as_json)


def _server(parent: Path) -> "AbstractContextManager[ScratchServer]":
    """A private server, gone at the end with the copies of the references."""
    from blocks.scratch_server import scratch_server

    return scratch_server(parent, buffer_pool_mib=_POOL_MIB)


def _show(package: "ReleasePackage", path: Path, *, as_json: bool) -> None:
    """What a package changes, by database and kind."""
    rows = [
        {
            "database": part.database,
            "kind": kind.value,
            "label": kind.label,
            "statements": statements,
            "runs": sum(statement.count for statement in part.statements if statement.kind is kind),
        }
        for part in package.parts
        for kind, statements in Counter(statement.kind for statement in part.statements).items()
    ]
    if as_json:
        print_json(
            {
                "file": str(path),
                "from": package.from_version,
                "to": package.to_version,
                "digest": package.digest,
                "from_reference": package.from_digest,
                "to_reference": package.to_digest,
                "changes": rows,
                "left_out": {part.database: part.left_out for part in package.parts},
            }
        )
        return
    columns = {"database": "Banco", "label": "O que muda", "statements": "Comandos", "runs": "Execuções"}
    as_rows(rows, columns, f"SEI {package.from_version} → {package.to_version}")
    for part in package.parts:
        if part.left_out:
            out.print(f"{part.database}: linhas que o pacote não toca: {', '.join(part.left_out)}", highlight=False)
    out.print(f"Provado nos bancos de referência: {path} ({package.digest[:12]})", highlight=False, soft_wrap=True)
