"""What is read out of a backup for consultation: a table, or a process with its files, for its owner only."""

import csv
import hashlib
import json
import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench.synthetic import Size, fill
from blocks.settings import load_settings
from cli.__main__ import app
from domain.environment import Purpose
from flows.create_environment import create_environment
from registry import Registry
from tasks import clock, doors
from tasks.backup_cycle import back_up
from tasks.backup_export import EXPORTED, README
from tasks.backup_storage import BackupVault
from tasks.instance import Instance, load_instance
from tests.cli.examples import example_of
from tests.flows.conftest import Join

SMALL = Size(
    processes=6, documents=30, html_bytes=1_000, attachments=12, attachment_bytes=2_000, users=6, activities=60
)


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    """An environment that people have worked in, whose backup is proved and whose databases have changed since."""
    municipality = join("3106705", "Betim")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    found = load_instance(f"{municipality.slug}-{Purpose.TREINAMENTO}")
    sip, sei = found.name.database_sip, found.name.database_sei
    root = Path(doors.runtime().repository_path(found.name))
    fill(found.server, sip, sei, root, size=SMALL, seed=3, today=clock.today())
    assert back_up(found).proved
    return found


def ask(instance: Instance, query: str, *values: object) -> list[tuple[object, ...]]:
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def export(instance: Instance, *options: str) -> Result:
    return CliRunner().invoke(app, ["backup", "export", instance.name.slug, *options], catch_exceptions=False)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def require_private(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_table_is_written_as_it_was(instance: Instance, tmp_path: Path) -> None:
    out = tmp_path / "consulta"
    words = {"timoteo-producao": instance.name.slug, "./consulta": str(out)}
    outcome = CliRunner().invoke(app, example_of("backup export", words))
    assert outcome.exit_code == 0, outcome.stderr
    (found,) = rows(out / "sei.orgao.csv")
    assert found["sigla"] == instance.record.orgao_sigla
    require_private(out)
    assert "CONTÉM DADOS PESSOAIS" in (out / README).read_text(encoding="utf-8")
    assert export(instance, "--table", "sei.orgao", "--out", str(out)).exit_code == 20, "it is there already"
    assert not list(load_settings().scratch_dir.glob("rascunho-*"))


def test_all_of_a_process_is_written_with_its_files_and_nothing_of_others(
    instance: Instance, registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ((process, number),) = ask(
        instance,
        "SELECT p.id_protocolo, p.protocolo_formatado FROM protocolo p"
        " JOIN documento d ON d.id_procedimento = p.id_protocolo JOIN anexo a ON a.id_protocolo = d.id_documento"
        " WHERE a.sin_ativo = 'S' GROUP BY 1, 2 ORDER BY COUNT(*) DESC LIMIT 1",
    )
    documents = {
        str(row[0]) for row in ask(instance, "SELECT id_documento FROM documento WHERE id_procedimento = %s", process)
    }
    out = tmp_path / "processo"
    outcome = export(instance, "--process", str(number), "--out", str(out), "--json")
    assert outcome.exit_code == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert {row["id_protocolo"] for row in rows(out / "protocolo.csv")} == documents | {str(process)}
    assert {row["id_documento"] for row in rows(out / "documento.csv")} == documents
    for table, column in (("atividade", "id_protocolo"), ("participante", "id_protocolo"), ("anexo", "id_protocolo")):
        wanted = ask(instance, f"SELECT COUNT(*) FROM {table} WHERE {column} IN %s", tuple(documents | {str(process)}))
        assert [(told["rows"].get(table, 0),)] == wanted, table
    attributes = ask(
        instance,
        "SELECT COUNT(*) FROM atributo_andamento x JOIN atividade a ON a.id_atividade = x.id_atividade"
        " WHERE a.id_protocolo IN %s",
        tuple(documents | {str(process)}),
    )
    assert [(told["rows"].get("atributo_andamento", 0),)] == attributes, "rows of rows"
    assert not {"usuario", "unidade", "contato"} & told["rows"].keys()
    digests = {row["hash"] for row in rows(out / "anexo.csv") if row["sin_ativo"] == "S"}
    written = [path for path in (out / "arquivos").rglob("*") if path.is_file()]
    assert digests <= {hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in written}
    assert len(written) == told["files"] > 0
    assert {path.name for path in out.iterdir() if not path.name.endswith(".csv")} == {"arquivos", README}
    require_private(out)
    assert str(number) not in caplog.text
    (event,) = [
        e for e in registry.events(ibge=instance.municipality.ibge, kinds=[EXPORTED]) if e.details["what"] == "processo"
    ]
    assert str(number) not in str(event.details)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--process", "0000.01.0000001/2020-00"), "não tem um processo"),
        (("--table", "sei.nada"), "não tem essa tabela"),
        (("--table", "mysql.user"), "Não é o nome de uma tabela"),
        (("--table", "sei.orgao", "--process", "1"), "uma tabela ou um processo"),
        ((), "uma tabela ou um processo"),
    ],
)
def test_what_is_not_there_leaves_nothing(
    instance: Instance, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    out = tmp_path / "nada"
    outcome = export(instance, *options, "--out", str(out))
    assert outcome.exit_code == 20
    assert problem in " ".join(outcome.stderr.split())
    assert not out.exists()


def test_a_damaged_backup_leaves_nothing(instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = BackupVault._fetched
    monkeypatch.setattr(BackupVault, "_fetched", lambda self, part: iter([b"".join(real(self, part))[:-20]]))
    out = tmp_path / "nada"
    assert export(instance, "--table", "sei.orgao", "--out", str(out)).exit_code == 40
    assert not out.exists()
