"""Servers that go down in the middle, loads that were cut off, registries that forgot."""

import os
import signal
from pathlib import Path

import pytest

import lab as lab_module
from domain.environment import Purpose
from domain.errors import IntegrityError, RetryableError
from domain.report import StageReport
from flows.create_environment import create_environment
from flows.import_users import import_users
from flows.seed import seed
from registry import Registry
from tasks.instance import load_instance
from tests.flows.conftest import EXAMPLES, Join

CASES = {
    "mariadb": ("3100708", "Água Comprida"),
    "ldap": ("3100807", "Aguanil"),
    "s3": ("3100906", "Águas Formosas"),
    "sei": ("3101003", "Águas Vermelhas"),
}


def kill(lab: Path, service: str) -> None:
    (status,) = [status for status in lab_module.status(lab) if status.service == service]
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)


@pytest.mark.parametrize("service", CASES)
def test_a_server_that_is_down_fails_the_run_in_one_line_and_a_rerun_finishes(
    service: str, lab: Path, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLANTA_RETRIES", "1")
    municipality = join(*CASES[service])
    kill(lab, service)
    try:
        with pytest.raises(RetryableError) as failure:
            create_environment(municipality.slug, Purpose.TREINAMENTO)
    finally:
        lab_module.up(lab)
    message = str(failure.value)
    assert "não respondeu" in message
    assert "\n" not in message
    report = create_environment(municipality.slug, Purpose.TREINAMENTO)
    assert isinstance(report, StageReport)
    assert report.waiting_for == ()
    again = create_environment(municipality.slug, Purpose.TREINAMENTO)
    assert again.change.total == 0


def test_a_load_that_was_cut_off_is_done_again(join: Join) -> None:
    municipality = join("3101102", "Aimorés")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    instance = load_instance(f"{municipality.slug}-treinamento")
    homologation = instance.name.model_copy(update={"purpose": Purpose.HOMOLOGACAO})
    # What a run killed in the middle of the load leaves: one schema half full, the other missing.
    instance.server.ensure_database(homologation.database_sei)
    with instance.server.transaction(homologation.database_sei) as cursor:
        cursor.execute("CREATE TABLE uf (id_uf int)")
    report = create_environment(municipality.slug, Purpose.HOMOLOGACAO)
    assert any("Estrutura igual à referência" in fact for fact in report.facts)


def test_databases_in_which_people_worked_are_never_loaded_over(join: Join, registry: Registry) -> None:
    """As after restoring an old copy of the registry: it does not know that the databases are in use."""
    municipality = join("3101201", "Aiuruoca")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    instance = load_instance(f"{municipality.slug}-treinamento")
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(
            "INSERT INTO procedimento (id_procedimento, id_tipo_procedimento, sta_ouvidoria, sin_ciencia)"
            " SELECT 1, MIN(id_tipo_procedimento), 'N', 'N' FROM tipo_procedimento"
        )
    with instance.server.transaction("implanta") as cursor:
        cursor.execute("UPDATE environment SET reference_digest = NULL WHERE slug = %s", (instance.name.slug,))
    with pytest.raises(IntegrityError, match="1 em procedimento"):
        create_environment(municipality.slug, Purpose.TREINAMENTO)
    assert instance.sei.count_work()["procedimento"] == 1


def test_drift_in_the_structure_fails_the_certificate_by_name(join: Join) -> None:
    municipality = join("3101300", "Alagoa")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    instance = load_instance(f"{municipality.slug}-treinamento")
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("ALTER TABLE serie MODIFY nome varchar(99) NOT NULL")
    with pytest.raises(IntegrityError, match="serie"):
        create_environment(municipality.slug, Purpose.TREINAMENTO)


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
        assert f"Estrutura igual à referência {release} (reduzida" in report.facts[0]
        assert seed(municipality.slug, Purpose.TREINAMENTO).change.total > 0
        assert import_users(municipality.slug, Purpose.TREINAMENTO).facts[0].startswith("60 pessoas podem entrar")
        for stage in (create_environment, seed, import_users):
            assert stage(municipality.slug, Purpose.TREINAMENTO).change.total == 0
