"""`./implanta environment certificate` and `certificates`: what each address serves, and the ones that are brought."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.municipality import open_registry
from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr

    from domain.certificate import IssuedCertificate
    from registry.records import EventRecord

COLUMNS = {"environment": "Ambiente", "expires": "Vence em", "days_left": "Dias", "source": "Origem"}


def certificates(as_json: JsonOption = False) -> None:
    """Lista até quando vale o certificado de cada ambiente. Exemplo: ./implanta environment certificates"""
    with errors_as_lines():
        rows = _rows()
    if as_json:
        print_json(rows)
        return
    as_rows([_shown(row) for row in rows], COLUMNS, "Certificados")


def certificate(
    environment: Annotated[str, typer.Argument(help="Ambiente, como timoteo-producao.")],
    file: Annotated[Path | None, typer.Option("--file", help="Certificado a instalar: .pfx, .p12 ou .pem.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Chave privada em PEM, se veio em outro arquivo.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="Arquivo com a senha; sem ele, ela é pedida no terminal.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Mostra o certificado de um ambiente, ou instala o que a prefeitura trouxe.

    Exemplo: ./implanta environment certificate timoteo-producao --file timoteo.pfx
    """
    change = None
    with errors_as_lines():
        record = open_registry().environment(environment)
        if file is not None:
            from cli.prefect import connect

            connect()
            change = _install(record.slug, _read_brought(file, key, password_file))
        rows = [row for row in _rows() if row["environment"] == record.slug]
    if as_json:
        print_json({**rows[0], "change": change} if change is not None else rows[0])
        return
    if change is not None:
        out.print(f"{record.slug}: certificado instalado" if change["total"] else f"{record.slug}: já era este")
    as_rows([_shown(row) for row in rows], COLUMNS, "Certificado")


def _install(environment: str, brought: "IssuedCertificate") -> dict[str, object]:
    from cli.prefect import explaining_failures
    from tasks.certificates import bring_certificate, publish_certificate

    with explaining_failures():
        change = bring_certificate(environment, brought) + publish_certificate(environment)
    return {**change.model_dump(), "total": change.total}


def _read_brought(file: Path, key: Path | None, password_file: Path | None) -> "IssuedCertificate":
    from domain.certificate_import import import_certificate, needs_password

    content = _read(file)
    key_content = _read(key) if key is not None else None
    password = _password(password_file) if password_file or needs_password(content, key_content) else None
    return import_certificate(content, password=password, where=file.name, key=key_content)


def _password(file: Path | None) -> "SecretStr":
    from pydantic import SecretStr

    if file is not None:
        # An editor ends the file with a line break, which is no part of the password.
        return SecretStr(_read(file).decode(errors="replace").rstrip("\r\n"))
    return SecretStr(typer.prompt("Senha do certificado", hide_input=True, err=True))


def _read(path: Path) -> bytes:
    from domain.errors import InvalidInputError

    try:
        return path.read_bytes()
    except OSError as e:
        raise InvalidInputError(
            f"O arquivo não pôde ser lido ({e.strerror})", str(path), "Confira o caminho e as permissões."
        ) from None


def _rows() -> list[dict[str, object]]:
    """Every environment with its newest certificate; the registry knows it without any key."""
    from datetime import UTC, datetime

    from domain.certificate_renewal import CERTIFICATE_ISSUED

    registry = open_registry()
    newest = {event.environment: event for event in registry.events(kinds=[CERTIFICATE_ISSUED])}
    now = datetime.now(tz=UTC)
    return [_row(record.slug, newest.get(record.slug), now) for record in registry.list_environments()]


def _row(environment: str, event: "EventRecord | None", now: "datetime") -> dict[str, object]:
    from datetime import datetime

    if event is None:
        return {"environment": environment, "not_after": None, "days_left": None, "source": None, "fingerprint": None}
    not_after = datetime.fromisoformat(str(event.details["not_after"]))
    return {
        "environment": environment,
        "not_after": not_after.isoformat(),
        "days_left": (not_after - now).days,
        "source": event.details["source"],
        "fingerprint": event.details["fingerprint"],
    }


def _shown(row: dict[str, object]) -> dict[str, object]:
    from datetime import datetime

    from domain.calendar import local_day
    from domain.certificate import SOURCE_LABELS

    if row["not_after"] is None:
        return {**row, "expires": "sem certificado", "days_left": "", "source": ""}
    labels: dict[object, str] = dict(SOURCE_LABELS.items())
    return {
        **row,
        "expires": f"{local_day(datetime.fromisoformat(str(row['not_after']))):%d/%m/%Y}",
        "source": labels.get(row["source"], row["source"]),
    }
