"""`./implanta message`: what an operator lists, tries and sends."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.catalog import Catalog
from domain.message import Event
from registry import QueuedMessage, Registry
from tests.cli.conftest import CommandLine

CONTACT = "Ana Lúcia Lima;ana.lima@correio.mg.example;ponto focal"


@pytest.mark.parametrize("event", list(Event))
def test_a_preview_writes_the_files_of_every_event(
    cli: CommandLine, olhos_dagua: str, tmp_path: Path, event: Event
) -> None:
    target = tmp_path / "previa"
    files = cli.run("message", "preview", event, olhos_dagua, "--out", str(target), "--json").json_result["files"]
    invited = Catalog().messages().rule(event).invitation is not None
    kinds = ("txt", "html", "ics") if invited else ("txt", "html")
    assert [Path(file).name for file in files] == [f"{event.value}.{kind}" for kind in kinds]
    # An address that receives webhooks, and what is common to many, is the programme's, not one prefeitura's.
    of_nobody = {Event.ALERTA_WEBHOOK: "monitoracao", Event.ALERTA_INCIDENTE: "servidor de banco (principal)"}
    told = of_nobody.get(event)
    text, html = (told, told) if told else ("Olhos-d'Água", "Olhos-d&#39;Água")
    assert text in (target / f"{event.value}.txt").read_text(encoding="utf-8")
    assert html in (target / f"{event.value}.html").read_text(encoding="utf-8")
    if invited:
        assert (target / f"{event.value}.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")


def test_a_preview_without_a_directory_is_shown(cli: CommandLine, olhos_dagua: str) -> None:
    outcome = cli.run("message", "preview", "adesao", olhos_dagua)
    assert outcome.stdout.startswith("Assunto: Olhos-d'Água: adesão ao Programa SEI!MG Municípios registrada\n\nOlá, ")


def test_what_does_not_exist_or_cannot_be_written_is_refused(
    cli: CommandLine, olhos_dagua: str, tmp_path: Path
) -> None:
    assert "Não há mensagem do evento 'aniversario'" in cli.refuse("message", "preview", "aniversario", olhos_dagua)
    assert "não está registrado" in cli.refuse("message", "list", "municipio-nenhum")
    (tmp_path / "arquivo").write_text("x")
    line = cli.refuse("message", "preview", "adesao", olhos_dagua, "--out", str(tmp_path / "arquivo" / "x"))
    assert "Não foi possível gravar a prévia" in line


def test_what_joining_queued_is_listed_and_what_is_queued_is_sent_and_listed_as_sent(
    cli: CommandLine, olhos_dagua: str, registry: Registry
) -> None:
    key = "relatorio_mensal:3145455:teste"
    rule = Catalog().messages().rule(Event.RELATORIO_MENSAL)
    cli.run("municipality", "contact", olhos_dagua, CONTACT)
    registry.queue_message(QueuedMessage(key=key, ibge="3145455", event=rule.event, variables=rule.examples))
    rows = {row["key"]: row for row in cli.run("message", "list", olhos_dagua, "--json").json_result}
    assert rows["adesao:3145455"]["variables"] == {"usuarios": 150, "simultaneos": 10, "dias_uteis": 15}
    assert "done" not in rows[key]
    assert key in cli.run("message", "send", "--json").json_result["sent"]
    rows = {row["key"]: row for row in cli.run("message", "list", olhos_dagua, "--json").json_result}
    assert rows[key]["sent_by_role"] == {"ponto focal": 1}
    assert "Ana" not in cli.run("message", "list", olhos_dagua).stdout


def test_what_left_the_queue_without_being_sent_says_why(
    cli: CommandLine, olhos_dagua: str, registry: Registry
) -> None:
    key, now = "lembrete_portao:3145455:teste", datetime.now(tz=UTC)
    rule = Catalog().messages().rule(Event.LEMBRETE_PORTAO)
    registry.queue_message(
        QueuedMessage(key=key, ibge="3145455", event=rule.event, variables=rule.examples, expires_at=now)
    )
    assert cli.refuse("message", "send").count("venceu antes de sair") == 1
    registry.queue_message(QueuedMessage(key=f"{key}.2", ibge="3145455", event=rule.event, variables=rule.examples))
    assert registry.withdraw_messages("3145455", [key, f"{key}.2"], now) == [f"{key}.2"]
    shown = cli.run("message", "list", olhos_dagua).stdout
    assert "venceu" in shown
    rows = {row["key"]: row for row in cli.run("message", "list", olhos_dagua, "--json").json_result}
    assert (rows[key]["dropped_because"], rows[f"{key}.2"]["dropped_because"]) == ("expired", "withdrawn")
