"""`./implanta instrument`: what an operator lists, makes and takes along."""

import stat
from pathlib import Path

import pytest
from pypdf import PdfReader

from blocks.object_storage import ObjectStorage
from tests.cli.conftest import CommandLine


@pytest.mark.usefixtures("storage")
def test_documents_are_made_listed_and_copied_into_files_of_the_owner(
    cli: CommandLine, olhos_dagua: str, tmp_path: Path
) -> None:
    rows = cli.run("instrument", "list", olhos_dagua, "--json").json_result["instruments"]
    assert {row["standing"] for row in rows} == {"nunca gerado"}
    target = tmp_path / "para-assinar"
    outcome = cli.run("instrument", "generate", olhos_dagua, "decreto", "--out", str(target))
    assert outcome.exit_code == 0, outcome.stderr
    assert "gerado agora" in outcome.stdout
    files = sorted(target.iterdir())
    assert [path.name for path in files] == [f"decreto-{olhos_dagua}-v1.{kind}" for kind in ("docx", "pdf")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    reader = PdfReader(files[1])
    assert "Prefeitura Municipal de Olhos-d'Água" in reader.pages[0].extract_text()
    assert reader.metadata is not None
    assert reader.metadata.title == "Decreto de instituição do SEI – Olhos-d'Água/MG"
    again = cli.run("instrument", "generate", olhos_dagua, "decreto", "--json").json_result
    assert [(row["version"], row["created"]) for row in again["instruments"]] == [(1, False)]
    rows = cli.run("instrument", "list", olhos_dagua, "--json").json_result["instruments"]
    assert {row["instrument"]: row["standing"] for row in rows}["decreto"] == "em dia"


def test_an_instrument_that_does_not_exist_is_refused(
    cli: CommandLine, olhos_dagua: str, storage: ObjectStorage
) -> None:
    line = cli.refuse("instrument", "generate", olhos_dagua, "ata")
    assert "Não há instrumento 'ata' para prefeitura" in line
    assert storage.list_keys(f"{olhos_dagua}-instrumentos") == ()


@pytest.mark.usefixtures("storage")
def test_a_municipality_that_did_not_join_is_refused(cli: CommandLine) -> None:
    assert "não está registrado" in cli.refuse("instrument", "list", "atlantida")
