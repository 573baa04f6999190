"""`./implanta webhook endpoint …`, `webhook sent` and `webhook resend`, with every example of their help."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.catalog import Catalog
from domain.webhook.outgoing_rule import OutgoingRule
from registry import Registry
from tasks.outgoing import block_name, send_due
from tasks.webhook_secrets import find_secrets
from tests.cli.conftest import CommandLine, cli
from tests.cli.examples import example_of
from tests.gateway.receiver import Receiver, receiving

__all__ = ["cli"]

NAME, URL = "monitoracao", "https://avisos.exemplo/sei"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Another system on this machine, which the catalog lets messages go to."""
    shipped = Catalog().webhook_events().model_dump(by_alias=True)
    rule = OutgoingRule.model_validate({**shipped, "redes_permitidas": ["127.0.0.1/32"]})
    monkeypatch.setattr(Catalog, "webhook_events", lambda self: rule)
    with receiving() as found:
        yield found


def test_an_endpoint_from_its_registration_to_its_end(
    cli: CommandLine, registry: Registry, olhos_dagua: str, receiver: Receiver, tmp_path: Path
) -> None:
    target = tmp_path / "monitoracao.segredo"
    file = {"monitoracao.segredo": str(target)}
    added = cli.run(*example_of("webhook endpoint add", {**file, URL: receiver.url}))
    assert added.exit_code == 0, added.stderr
    secret = target.read_text().strip()
    assert target.stat().st_mode & 0o077 == 0
    assert secret not in added.stdout + added.stderr
    assert "Já há um endereço" in cli.refuse(*example_of("webhook endpoint add", {**file, URL: receiver.url}))
    assert target.read_text().strip() == secret
    assert [(one["name"], one["state"]) for one in cli.run("webhook", "endpoint", "list", "--json").json_result] == [
        (NAME, "active")
    ]
    assert "aceitou" in cli.run(*example_of("webhook endpoint test")).stdout

    assert cli.run(*example_of("webhook endpoint rotate", file)).exit_code == 0
    found = find_secrets(block_name(NAME))
    assert found is not None
    assert [one.get_secret_value() for one in found.accepted()] == [target.read_text().strip(), secret]
    assert "segredo anterior" in cli.refuse(*example_of("webhook endpoint rotate", file))
    assert cli.run("webhook", "endpoint", "rotate", NAME, "--retire").exit_code == 0
    assert "uma coisa só" in cli.refuse("webhook", "endpoint", "rotate", NAME)

    registry.record_event("backup.refused", ibge="3145455", actor="implanta", details={})
    receiver.always = 410
    send_due()
    (failed,) = cli.run(*example_of("webhook sent"), "--json").json_result
    assert (failed["type"], failed["problem"], failed["told"]) == ("copia.recusada", "resposta 410", "com falha")
    assert "resposta 410" in cli.refuse(*example_of("webhook endpoint test"), exit_code=10)
    receiver.always = 204
    assert cli.run(*example_of("webhook endpoint test")).exit_code == 0
    assert "Na fila de novo: 1" in cli.run(*example_of("webhook resend", {"12": str(failed["id"])})).stdout
    assert send_due().delivered == 1
    assert cli.run(*example_of("webhook sent"), "--json").json_result == []
    since = cli.run("webhook", "resend", "--since", "2026-01-01", "--endpoint", NAME, "--json").json_result
    assert since == {"queued": 1}

    assert "removido" in cli.run(*example_of("webhook endpoint remove")).stdout
    assert find_secrets(block_name(NAME)) is None
    assert "Não há endereço" in cli.refuse(*example_of("webhook endpoint remove"))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("endpoint", "add", "X", "--url", URL), "não se chama"),
        (("endpoint", "add", "x", "--url", "http://u:p@a.example/"), "mais que servidor"),
        (("endpoint", "add", "x", "--url", URL, "--type", "nada"), "Tipo desconhecido"),
        (("resend",), "um só dos dois"),
        (("resend", "1", "--since", "2026-01-01"), "um só dos dois"),
        (("resend", "--since", "ontem"), "não é um momento"),
        (("resend", "999999999"), "Não há aviso"),
        (("resend", "--since", "2026-01-01", "--endpoint", "nenhum"), "Não há endereço"),
        (("endpoint", "test", "nenhum"), "Não há endereço"),
    ],
)
def test_what_is_wrong_is_refused_in_a_line(
    cli: CommandLine, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    more = ("--to", str(tmp_path / "x")) if "add" in arguments else ()
    assert problem in cli.refuse("webhook", *arguments, *more)
    assert not (tmp_path / "x").exists()
    assert find_secrets(block_name("x")) is None
