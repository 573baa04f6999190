"""The basis of the bill, from what the registry was told: shown, exported, and of nobody who was not measured."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook
from pydantic import SecretStr

from blocks.settings import Settings
from domain.billing import USE_BILLED, BilledUse
from domain.environment import Purpose
from lab.state import LabState
from tasks import clock
from tests.cli.conftest import CommandLine, as_operator
from tests.cli.examples import example_of
from tests.flows.campaign_world import World, world_in
from tests.flows.mailbox import own_registry

NOW = datetime(2027, 4, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def url(lab_state: LabState, programme: Settings) -> Iterator[SecretStr]:
    """A registry of these tests alone."""
    with own_registry(lab_state) as url:
        yield url


@pytest.fixture(scope="module")
def world(url: SecretStr) -> Iterator[World]:
    """Two prefeituras, one of them over its plan for three months and the other never measured."""
    with world_in(url) as world:
        world.add("cidade-a", "3110105", Purpose.TREINAMENTO, Purpose.PRODUCAO)
        world.add("cidade-b", "3110204", Purpose.PRODUCAO)
        for month, users in (("2027-01", 100), ("2027-02", 200), ("2027-03", 250), ("2027-04", 900)):
            for slug, counted in (("cidade-a-producao", users), ("cidade-a-treinamento", None)):
                use = BilledUse(month=month, users=counted, databases_bytes=10**10, files_bytes=5, backups_bytes=10**10)
                world.tell(USE_BILLED, slug, use.model_dump(mode="json"))
        yield world


@pytest.fixture
def cli(world: World, programme: Settings, url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return as_operator(programme, url, monkeypatch)


def test_the_last_month_is_shown_with_its_proposal_and_the_reasons(cli: CommandLine) -> None:
    shown = cli.run(*example_of("billing show"), "--json").json_result
    assert shown["month"] == "2027-03"
    (only,) = shown["municipalities"]
    assert (only["municipality"], only["month"]["users"]) == ("cidade-a", 250)
    assert only["month"]["stored_bytes"] == 4 * 10**10 + 10
    assert (only["proposal"]["verdict"], only["proposal"]["faixa"]) == ("subir", 2)
    assert only["proposal"]["reasons"] == ["usuários ativos acima de 150 em 2 de 3 meses (até 250)"]
    told = " ".join(cli.run("billing", "show").stdout.split())
    assert "Cidade-A: usuários ativos acima de 150 em 2 de 3 meses (até 250)" in told
    january = cli.run("billing", "show", "--month", "2027-01", "--json").json_result["municipalities"]
    assert january[0]["proposal"]["verdict"] == "manter"


def test_what_is_exported_has_the_same_numbers_and_a_dash_is_an_empty_cell(cli: CommandLine, tmp_path: Path) -> None:
    target = tmp_path / "faturamento.xlsx"
    assert cli.run(*example_of("billing export", {"faturamento.xlsx": str(target)})).exit_code == 0
    headings, row = load_workbook(target).active.iter_rows(values_only=True)  # type: ignore[union-attr]
    written = cli.run("billing", "export", str(tmp_path / "a.csv"), "--json").json_result
    assert written == {"file": str(tmp_path / "a.csv"), "month": "2027-03", "rows": 1}
    lines = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8-sig")), delimiter=";"))
    assert lines[0] == list(headings)
    assert lines[1] == ["" if value is None else str(value) for value in row]
    assert row[:6] == ("Cidade-A", "faixa 1", 150, 250, 10, None)


def test_a_month_that_has_not_ended_and_another_kind_of_file_are_refused(cli: CommandLine, tmp_path: Path) -> None:
    assert "ainda não acabou" in cli.refuse("billing", "show", "--month", "2027-04")
    assert "não é um mês" in cli.refuse("billing", "show", "--month", "abril")
    assert "tipo de arquivo" in cli.refuse("billing", "export", str(tmp_path / "a.pdf"))
    assert list(tmp_path.iterdir()) == []
