"""`./implanta self-backup`: Implanta's own registry and Prefect, copied, proved, and brought back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.backup_keys import PasswordFile, passphrase
from cli.output import BackupOption, JsonOption, as_rows, errors_as_lines, out, print_json, print_markdown, talk

if TYPE_CHECKING:
    from blocks.object_storage import ObjectStorage
    from domain.backup.certificate import BackupCertificate
    from tasks.own_vault import OwnVault

app = typer.Typer(no_args_is_help=True)

COLUMNS = {"stamp": "Cópia", "result": "Resultado", "tables": "Tabelas", "rows": "Linhas", "bytes": "Bytes no S3"}


@app.command("now")
def backup_now(as_json: JsonOption = False) -> None:
    """Copia agora o registro e o banco do Prefect, restaura e compara; sai com 40 se a cópia for recusada.

    Exemplo: ./implanta self-backup now
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.self_backup import self_backup

        with talk.status("Copiando, restaurando e comparando"), explaining_failures():
            certificate = self_backup()
    _show(certificate, as_json)


@app.command("list")
def list_all(as_json: JsonOption = False) -> None:
    """Lista as cópias do Implanta que estão no S3, com o que cada uma prova. Exemplo: ./implanta self-backup list"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.own_vault import OwnVault

        vault = OwnVault.of_blocks()
        rows = [_row(vault, stamp) for stamp in vault.stamps()]
    if as_json:
        print_json(rows)
        return
    as_rows(rows, COLUMNS, "Cópias do Implanta")


@app.command("verify")
def verify(backup: BackupOption = None, as_json: JsonOption = False) -> None:
    """Restaura e compara de novo uma cópia do Implanta; sai com 40 se ela for recusada.

    Exemplo: ./implanta self-backup verify
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.self_backup import prove_again

        with talk.status("Restaurando e comparando"):
            certificate = prove_again(backup)
    _show(certificate, as_json)
    if not certificate.proved:
        from domain.errors import IntegrityError

        raise typer.Exit(IntegrityError.exit_code)


@app.command("restore")
def restore(
    keys: Annotated[Path, typer.Option("--keys", help="Arquivo gravado por backup keys export.")],
    storage: Annotated[Path, typer.Option("--storage", help="TOML: endpoint, access_key, secret_key e region do S3.")],
    password_file: PasswordFile = None,
    backup: BackupOption = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="A palavra implanta, se o registro ou o Prefect não está vazio.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Põe a última cópia provada no registro e no Prefect da configuração, com o Prefect parado.

    Exemplo: ./implanta self-backup restore --keys chaves.json --storage s3.toml --password-file frase.txt
    """
    with errors_as_lines():
        from domain.errors import InvalidInputError
        from tasks.own_vault import OwnVault
        from tasks.self_restore import restore_itself

        if not keys.is_file():
            raise InvalidInputError("O arquivo de chaves não existe", str(keys), "Confira o caminho.")
        vault = OwnVault.of_files(_storage(storage), keys.read_bytes(), passphrase(password_file, confirm=False))
        with talk.status("Conferindo, restaurando e comparando"):
            manifest = restore_itself(vault, backup, confirm=confirm)
    told = {"tables": manifest.dump.tables, "rows": manifest.dump.rows, "taken_at": manifest.taken_at.isoformat()}
    if as_json:
        print_json(told)
        return
    out.print(
        f"Restaurado: {told['tables']} tabelas e {told['rows']} linhas. Suba o servidor do Prefect e execute"
        " ./implanta deploy e ./implanta self-backup resume.",
        highlight=False,
    )


@app.command("resume")
def resume(as_json: JsonOption = False) -> None:
    """Depois da restauração, encerra o que estava em andamento ou vencido e reabre a fila: nada começa duas vezes.

    Exemplo: ./implanta self-backup resume
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from cli.fleet_pools import WORK_POOL
        from tasks.clock import now
        from tasks.self_restore import settle

        change = settle(WORK_POOL, now())
    if as_json:
        print_json(change.model_dump())
        return
    for detail in change.details:
        out.print(detail, highlight=False)


def _storage(file: Path) -> "ObjectStorage":
    import tomllib

    from pydantic import ValidationError

    from blocks.object_storage import ObjectStorage
    from domain.errors import InvalidInputError

    try:
        return ObjectStorage.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        raise InvalidInputError(
            "O arquivo do S3 não existe ou não serve", str(file), "Escreva endpoint, access_key, secret_key e region."
        ) from None  # the error may quote the secret


def _row(vault: "OwnVault", stamp: str) -> dict[str, object]:
    from domain.backup.findings import FoundError

    try:
        certificate = vault.certificate(stamp)
    except FoundError as e:
        return {"stamp": stamp, "result": str(e.finding.cause), "tables": 0, "rows": 0, "bytes": 0}
    if certificate is None:
        return {"stamp": stamp, "result": "não examinada", "tables": 0, "rows": 0, "bytes": 0}
    return {
        "stamp": stamp,
        "result": f"provada até {certificate.level}" if certificate.proved else certificate.reasons,
        "tables": certificate.tables,
        "rows": certificate.rows,
        "bytes": certificate.stored_bytes,
    }


def _show(certificate: "BackupCertificate", as_json: bool) -> None:  # as the option came
    if as_json:
        print_json(certificate.model_dump(mode="json") | {"proved": certificate.proved})
        return
    print_markdown(certificate.markdown())
