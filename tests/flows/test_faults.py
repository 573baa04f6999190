"""Servers that go down in the middle, loads that were cut off, registries that forgot."""

from pathlib import Path

import pytest

import lab as lab_module
from domain.environment import Purpose
from domain.errors import IntegrityError, RetryableError
from domain.report import StageReport
from flows.create_environment import create_environment
from flows.import_users import import_users
from flows.seed import seed
from tasks import doors
from tasks.environment import ensure_databases, ensure_environment_record, ensure_secrets
from tasks.instance import Instance, load_instance
from tasks.neighbourhood import list_neighbours
from tests.flows.conftest import EXAMPLES, Join
from tests.waiting import end

# In the order in which a creation needs them: each outage meets it further on.
SERVERS = ("mariadb", "ldap", "s3", "sei")


def kill(lab: Path, service: str) -> None:
    (status,) = [status for status in lab_module.status(lab) if status.service == service]
    assert status.pid is not None
    end(status.pid)


def test_servers_that_go_down_fail_the_run_in_one_line_and_a_rerun_finishes(
    lab: Path, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One creation that meets an outage at four of its steps goes on from each, and ends as any other."""
    monkeypatch.setenv("IMPLANTA_RETRIES", "1")
    municipality = join("3100708", "Água Comprida")
    for service in SERVERS:
        kill(lab, service)
        try:
            with pytest.raises(RetryableError) as failure:
                create_environment(municipality.slug, Purpose.TREINAMENTO)
        finally:
            lab_module.up(lab)
        message = str(failure.value)
        assert "não respondeu" in message, service
        assert "\n" not in message, service
    report = create_environment(municipality.slug, Purpose.TREINAMENTO)
    assert isinstance(report, StageReport)
    assert report.waiting_for == ()
    again = create_environment(municipality.slug, Purpose.TREINAMENTO)
    assert again.change.total == 0


def test_an_environment_whose_creation_was_cut_off_is_nobodys_neighbour(join: Join) -> None:
    """Found by kill -9: the next prefeitura waited for a site that only its own end would have let be made."""
    cut_off = f"{join('3103108', 'Antônio Prado de Minas').slug}-treinamento"
    ensure_environment_record.fn(cut_off, None)
    ensure_secrets.fn(cut_off)
    ensure_databases.fn(cut_off)
    assert cut_off not in list_neighbours()
    # Alphabetically right before it: of the environments that there are, the one that would have tried to reach it.
    whole = create_environment(join("3103009", "Antônio Dias").slug, Purpose.TREINAMENTO)
    assert whole.waiting_for == ()
    assert whole.subject in list_neighbours()


def test_a_load_that_was_cut_off_is_done_again(join: Join) -> None:
    homologation = f"{join('3101102', 'Aimorés').slug}-homologacao"
    ensure_environment_record.fn(homologation, None)
    instance = load_instance(homologation)
    # What a run killed in the middle of the load leaves: one schema half full, the other missing.
    instance.server.ensure_database(instance.name.database_sei)
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("CREATE TABLE uf (id_uf int)")
    report = create_environment(instance.name.municipality, Purpose.HOMOLOGACAO)
    assert any("Estrutura igual à referência" in fact for fact in report.facts)


@pytest.fixture(scope="module")
def damaged(join: Join) -> Instance:
    """One environment for what is done to databases; each test leaves it as it was, but the last one."""
    municipality = join("3101201", "Aiuruoca")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    return load_instance(f"{municipality.slug}-treinamento")


def test_drift_in_the_structure_fails_the_certificate_by_name(damaged: Instance) -> None:
    with damaged.server.transaction(damaged.name.database_sei) as cursor:
        cursor.execute("SHOW COLUMNS FROM serie LIKE 'nome'")
        row = cursor.fetchone()
        assert row is not None
        cursor.execute("ALTER TABLE serie MODIFY nome varchar(99) NOT NULL")
    with pytest.raises(IntegrityError, match="serie"):
        create_environment(damaged.name.municipality, Purpose.TREINAMENTO)
    with damaged.server.transaction(damaged.name.database_sei) as cursor:
        cursor.execute(f"ALTER TABLE serie MODIFY nome {row[1]} {'NULL' if row[2] == 'YES' else 'NOT NULL'}")
    assert create_environment(damaged.name.municipality, Purpose.TREINAMENTO).change.total == 0


def test_databases_in_which_people_worked_are_never_loaded_over(damaged: Instance) -> None:
    """As after restoring an old copy of the registry: it does not know that the databases are in use."""
    with damaged.server.transaction(damaged.name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(
            "INSERT INTO procedimento (id_procedimento, id_tipo_procedimento, sta_ouvidoria, sin_ciencia)"
            " SELECT 1, MIN(id_tipo_procedimento), 'N', 'N' FROM tipo_procedimento"
        )
    with doors.mariadb_server().transaction("implanta") as cursor:
        cursor.execute("UPDATE environment SET reference_digest = NULL WHERE slug = %s", (damaged.name.slug,))
    with pytest.raises(IntegrityError, match="1 em procedimento"):
        create_environment(damaged.name.municipality, Purpose.TREINAMENTO)
    assert damaged.sei.count_work()["procedimento"] == 1


def test_without_official_dumps_both_versions_start_from_the_projects_own(
    join: Join, lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMPLANTA_REFERENCE_DIR", raising=False)
    lines = (lab / "settings.toml").read_text(encoding="utf-8").splitlines()
    (tmp_path / "settings.toml").write_text("\n".join(line for line in lines if "reference_dir" not in line))
    monkeypatch.setenv("IMPLANTA_SETTINGS", str(tmp_path / "settings.toml"))
    for release, ibge, name in (("4.0.0", "3101409", "Albertina"), ("4.1.0", "3101508", "Além Paraíba")):
        municipality = join(ibge, name, EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
        report = create_environment(municipality.slug, Purpose.TREINAMENTO, release=release)
        assert any(f"Estrutura igual à referência {release} (reduzida" in fact for fact in report.facts)
        assert seed(municipality.slug, Purpose.TREINAMENTO).change.total > 0
        assert import_users(municipality.slug, Purpose.TREINAMENTO).facts[0].startswith("60 pessoas podem entrar")
        for stage in (create_environment, seed, import_users):
            assert stage(municipality.slug, Purpose.TREINAMENTO).change.total == 0
