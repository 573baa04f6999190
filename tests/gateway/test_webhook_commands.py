"""`./implanta webhook …`, with every example of its help."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from blocks.catalog import Catalog
from domain.webhook.contracts import Source
from registry import ArrivedWebhook, Registry
from tasks.webhook_secrets import find_secrets
from tests.cli.conftest import CommandLine, cli
from tests.cli.examples import example_of
from tests.gateway.webhook_sender import SHA, new_id, runs_of

__all__ = ["cli"]


@pytest.fixture
def number(registry: Registry, olhos_dagua: str) -> str:
    """A message of the HR system that waits."""
    number = new_id()
    body = f'{{"municipality":"{olhos_dagua}","object_key":"rh/x.csv","sha256":"{SHA}"}}'
    arrived = ArrivedWebhook(
        source=Source.HUMAN_RESOURCES, webhook_id=number, municipality=olhos_dagua, sha256=SHA, body=body
    )
    registry.webhooks.accept(arrived, datetime.now(tz=UTC))
    return number


def test_a_message_is_listed_shown_delivered_and_when_it_fails_replayed(
    cli: CommandLine, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead = {"msg-1": number}
    listed = cli.run(*example_of("webhook list"), "--state", "na-fila", "--json").json_result
    assert [one["municipality"] for one in listed if one["id"] == number] == ["olhos-dagua"]
    table = Catalog().webhooks()
    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "webhooks", lambda self: table.model_copy(update={"rules": ()}))
        failed = cli.run(*example_of("webhook deliver"))
    assert failed.exit_code == 20
    assert "com falha: 1" in failed.stdout
    assert "não está mais no catálogo" in cli.run(*example_of("webhook show", instead)).stdout
    assert "na fila" in cli.run(*example_of("webhook replay", instead)).stdout
    assert cli.run(*example_of("webhook deliver"), "--json").json_result["started"] == 1
    shown = cli.run(*example_of("webhook show", instead), "--json").json_result
    (run,) = runs_of(Source.HUMAN_RESOURCES, number)
    assert (shown["state"], shown["flow_run_id"]) == ("started", str(run.id))
    with get_client(sync_client=True) as client:
        client.delete_flow_run(run.id)
    assert "já foi iniciada" in cli.refuse(*example_of("webhook replay", instead))


def test_a_secret_is_made_rotated_and_retired_and_is_written_for_its_owner_alone(
    cli: CommandLine, tmp_path: Path
) -> None:
    target = tmp_path / "rh.segredo"
    command = example_of("webhook secret", {"rh.segredo": str(target)})
    assert cli.run("webhook", "secret", "rh", "--retire").exit_code == 0
    made = cli.run(*command)
    assert made.exit_code == 0, made.stderr
    secret = target.read_text().strip()
    assert secret.startswith("whsec_")
    assert secret not in made.stdout + made.stderr
    assert target.stat().st_mode & 0o077 == 0
    cli.run("webhook", "secret", "rh", "--retire")
    assert cli.run(*command).exit_code == 0
    found = find_secrets(Source.HUMAN_RESOURCES)
    assert found is not None
    assert [one.get_secret_value() for one in found.accepted()] == [target.read_text().strip(), secret]
    assert "ainda vale" in cli.refuse(*command), "a third one would lock the sender out that still has the first"
    assert cli.run("webhook", "secret", "rh", "--retire").exit_code == 0
    assert "Diga uma coisa só" in cli.refuse("webhook", "secret", "rh")
    assert "Origem desconhecida" in cli.refuse("webhook", "secret", "outra", "--retire")
    assert "O diretório não existe" in cli.refuse("webhook", "secret", "rh", "--to", str(tmp_path / "x" / "y"))


def test_what_does_not_exist_is_refused(cli: CommandLine) -> None:
    assert "Não há webhook" in cli.refuse("webhook", "show", "rh", "nao-existe")
    assert "Não há webhook" in cli.refuse("webhook", "replay", "rh", "não-existe")
    assert "Situação desconhecida" in cli.refuse("webhook", "list", "--state", "x")
