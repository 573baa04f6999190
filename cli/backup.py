"""`./implanta backup`: copies of environments, restored and compared before anybody calls them backups."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import backup_keys, restoration
from cli.output import (
    BackupOption,
    JsonOption,
    Target,
    as_rows,
    errors_as_lines,
    out,
    print_json,
    print_markdown,
    talk,
)

if TYPE_CHECKING:
    from domain.backup.certificate import BackupCertificate
    from domain.backup.history import BackupRecord
    from tasks.instance import Instance

app = typer.Typer(no_args_is_help=True)
app.add_typer(backup_keys.app, name="keys", help="As chaves das cópias, fora do Prefect e de volta.")


class Switch(StrEnum):
    """What is typed."""

    ON = "on"
    OFF = "off"


COLUMNS = {
    "stamp": "Cópia",
    "taken_at": "Dados de",
    "result": "Resultado",
    "size": "No S3",
    "keep_until": "Guardada até",
}


@app.command("now")
def backup_now(environment: Target, as_json: JsonOption = False) -> None:
    """Faz agora a cópia de um ambiente, restaura-a e compara-a; sai com 40 se ela for recusada.

    Exemplo: ./implanta backup now timoteo-producao
    """
    with errors_as_lines():
        _connect()
        from cli.prefect import explaining_failures
        from flows.backup_environment import backup_environment
        from tasks.instance import load_instance

        load_instance(environment)
        with talk.status("Copiando, restaurando e comparando"), explaining_failures():
            certificate = backup_environment(environment)
    _show(certificate, as_json)


@app.command("verify")
def verify(environment: Target, backup: BackupOption = None, as_json: JsonOption = False) -> None:
    """Restaura e compara de novo uma cópia que está guardada; sai com 40 se ela for recusada.

    Exemplo: ./implanta backup verify timoteo-producao
    """
    with errors_as_lines():
        _connect()
        from tasks.backup_cycle import prove_again
        from tasks.instance import load_any_instance

        instance = load_any_instance(environment)
        record = _chosen(instance, backup)
        with talk.status("Restaurando e comparando"):
            certificate = prove_again(instance, record.reference)
    _show(certificate, as_json)
    if not certificate.proved:
        from domain.errors import IntegrityError

        raise typer.Exit(IntegrityError.exit_code)


@app.command("list")
def list_all(environment: Target, as_json: JsonOption = False) -> None:
    """Lista as cópias guardadas de um ambiente, com o que cada uma prova.

    Exemplo: ./implanta backup list timoteo-producao
    """
    with errors_as_lines():
        _connect()
        from tasks.backup_history import backups_of
        from tasks.instance import load_any_instance

        rows = [_row(record) for record in backups_of(load_any_instance(environment))]
    if as_json:
        print_json(rows)
        return
    as_rows(rows, COLUMNS, f"Cópias de {environment}")


@app.command("show")
def show(
    environment: Target,
    backup: BackupOption = None,
    page: Annotated[Path | None, typer.Option("--page", help="Grava o certificado como página HTML.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Mostra o certificado de uma cópia, como está no S3, conferida a assinatura.

    Exemplo: ./implanta backup show timoteo-producao --page certificado.html
    """
    with errors_as_lines():
        _connect()
        from tasks.backup_cycle import check_certificate
        from tasks.instance import load_any_instance

        instance = load_any_instance(environment)
        record = _chosen(instance, backup)
        if record.certificate is None:
            from domain.errors import GateClosedError

            raise GateClosedError(
                "A cópia ainda não foi examinada", record.stamp, f"Execute ./implanta backup verify {environment}."
            )
        certificate = check_certificate(instance, record.reference)
        if page is not None:
            from blocks.backup_page import render_certificate

            page.write_text(render_certificate(certificate), encoding="utf-8")
    _show(certificate, as_json)


@app.command("night")
def night(as_json: JsonOption = False) -> None:
    """Mostra quem está sem cópia provada e quando a próxima noite termina. Exemplo: ./implanta backup night"""
    with errors_as_lines():
        _connect()
        from blocks.catalog import Catalog
        from domain.backup.night import forecast, in_order
        from tasks.backup_night import candidates
        from tasks.clock import now

        rule = Catalog().backup().night
        due = in_order(candidates(None), now())
        expected = forecast(due, rule, rule.next_begin(now()))
    rows = [
        {
            "environment": candidate.environment,
            "server": candidate.server,
            "proved_at": candidate.proved_at,
            "proved": _local(candidate.proved_at) if candidate.proved_at else "nunca",
            "expected_seconds": round(candidate.expected_seconds, 1),
            "late": "sim" if candidate.environment in expected.late else "",
        }
        for candidate in due
    ]
    if as_json:
        print_json({"forecast": expected.model_dump(mode="json"), "environments": rows})
        return
    columns = {
        "environment": "Ambiente",
        "server": "Servidor",
        "proved": "Última provada",
        "expected_seconds": "Segundos previstos",
        "late": "Fora da janela",
    }
    as_rows(rows, columns, f"Próxima noite: termina às {_local(expected.finishes_at)}")


@app.command("accept")
def accept(
    environment: Target,
    role: Annotated[str, typer.Option("--role", help="Equipe ou papel de quem decide (infraestrutura); nunca o nome.")],
    reason: Annotated[str, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")],
    as_json: JsonOption = False,
) -> None:
    """Aceita que arquivos de anexos faltam ou mudaram no próprio ambiente, e prova de novo a última cópia.

    Exemplo: ./implanta backup accept timoteo-producao --role infraestrutura --reason 'Perdidos antes da migração'
    """
    with errors_as_lines():
        _connect()
        from tasks.backup_accept import accept_source_faults
        from tasks.backup_cycle import prove_again
        from tasks.instance import load_any_instance
        from tasks.maintenance import require_impersonal

        require_impersonal(environment, role, reason)
        instance = load_any_instance(environment)
        record = _chosen(instance, None)
        accept_source_faults(instance, record, role=role, reason=reason)
        with talk.status("Restaurando e comparando"):
            certificate = prove_again(instance, record.reference)
    _show(certificate, as_json)


@app.command("package")
def package(
    environment: Target,
    folder: Annotated[Path, typer.Option("--out", help="Pasta nova, onde o pacote é gravado.")],
    backup: BackupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grava o pacote de saída de uma prefeitura: bancos, arquivos e diretório, com o roteiro que os confere e restaura.

    Exemplo: ./implanta backup package timoteo-producao --out pacote-timoteo
    """
    with errors_as_lines():
        _connect()
        from tasks.backup_package import write_package
        from tasks.instance import load_any_instance

        instance = load_any_instance(environment)
        record = _chosen(instance, backup)
        with talk.status("Gravando o pacote"):
            number = write_package(instance, record, folder)
    if as_json:
        print_json({"environment": environment, "backup": record.stamp, "folder": str(folder), "files": number})
        return
    out.print(f"{folder}: {number} arquivos, com dados pessoais; confira com {folder}/verificar.sh", highlight=False)


@app.command("hold")
def hold(
    environment: Target,
    switch: Annotated[Switch, typer.Argument(help="on guarda a cópia sem prazo; off volta ao prazo dela.")],
    role: Annotated[str, typer.Option("--role", help="Equipe ou papel de quem decide (procuradoria); nunca o nome.")],
    reason: Annotated[str, typer.Option("--reason", help="Motivo, que fica registrado; sem nomes de pessoas.")],
    backup: BackupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Põe uma cópia sob guarda legal, ou a libera; sob guarda ninguém a apaga, vencido o prazo ou não.

    Exemplo: ./implanta backup hold timoteo-producao on --role procuradoria --reason 'Ofício 31/2026'
    """
    with errors_as_lines():
        _connect()
        from tasks.backup_hold import set_hold
        from tasks.instance import load_any_instance
        from tasks.maintenance import require_impersonal

        require_impersonal(environment, role, reason)
        instance = load_any_instance(environment)
        record = _chosen(instance, backup)
        change = set_hold(instance, record, held=switch is Switch.ON, role=role, reason=reason)
    if as_json:
        print_json({"environment": environment, "backup": record.stamp, **change.model_dump()})
        return
    out.print(f"{environment}, cópia {record.stamp}: {'sob guarda' if switch is Switch.ON else 'liberada'}; {change}")


@app.command("cost")
def cost(as_json: JsonOption = False) -> None:
    """Mostra quanto as cópias de cada ambiente ocupam, quanto crescem e o que se espera em um ano.

    Exemplo: ./implanta backup cost
    """
    with errors_as_lines():
        _connect()
        from tasks.backup_night import costs

        found = costs()
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    from domain.backup.sizes import shown_size

    rows = [
        {
            "environment": one.environment,
            "backups": one.backups,
            "stored": shown_size(one.stored_bytes),
            "growth": f"{shown_size(one.growth_bytes_per_day)} por dia",
            "expected": shown_size(one.expected_bytes),
        }
        for one in found
    ]
    total = shown_size(sum(one.stored_bytes for one in found))
    columns = {
        "environment": "Ambiente",
        "backups": "Cópias",
        "stored": "No S3",
        "growth": "Arquivos novos",
        "expected": "Em um ano",
    }
    as_rows(rows, columns, f"Cópias no S3: {total}")


@app.command("drill")
def drill(environment: Target, as_json: JsonOption = False) -> None:
    """Danifica de propósito cópias da última cópia de um ambiente; sai com 40 se a verificação não vir o dano.

    Exemplo: ./implanta backup drill timoteo-producao
    """
    with errors_as_lines():
        _connect()
        from domain.backup.drill import DrillReport
        from tasks.backup_drill import drill_environment

        with talk.status("Danificando e verificando"):
            report = DrillReport(results={environment: drill_environment.fn(environment)})
        if not as_json:
            print_markdown(report.markdown())
        report.raise_if_blind()
    if as_json:
        print_json(report.model_dump(mode="json"))


def _connect() -> None:
    from cli.prefect import connect

    connect()


def _chosen(instance: "Instance", stamp: str | None) -> "BackupRecord":
    from domain.errors import InvalidInputError
    from tasks.backup_history import backups_of

    records = backups_of(instance)
    for record in reversed(records):
        if stamp in {None, record.stamp}:
            return record
    raise InvalidInputError(
        f"Não há a cópia {stamp} deste ambiente" if records else "O ambiente ainda não tem cópia",
        instance.name.slug,
        f"Veja as que há com ./implanta backup list {instance.name.slug}."
        if records
        else f"Faça uma com ./implanta backup now {instance.name.slug}.",
    )


def _row(record: "BackupRecord") -> dict[str, object]:
    from domain.backup.sizes import shown_size

    if record.certificate is None:
        result = "não examinada"
    else:
        result = (
            f"provada até {record.certificate.level}" if record.proved else f"recusada: {record.certificate.reasons}"
        )
    return {
        "stamp": record.stamp,
        "taken_at": _local(record.reference.taken_at),
        "result": result,
        "proved": record.proved,
        "stored_bytes": record.stored_bytes,
        "size": shown_size(record.stored_bytes),
        "keep_until": "sob guarda, sem prazo" if record.held else _local(record.keep_until),
        "held": record.held,
    }


def _local(moment: "datetime") -> str:
    from domain.calendar import local_moment

    return local_moment(moment)


def _show(certificate: "BackupCertificate", as_json: bool) -> None:
    if as_json:
        print_json({**certificate.model_dump(mode="json"), "level": certificate.level, "proved": certificate.proved})
        return
    print_markdown(certificate.markdown())


app.command("restore")(restoration.restore)
app.command("rebuild")(restoration.rebuild)
app.command("export")(restoration.export)
