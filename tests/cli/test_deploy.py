"""What `deploy` makes of a Prefect server, in a lab and outside of one."""

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.schedules import CronSchedule
from prefect.utilities.callables import parameter_schema_from_entrypoint

from blocks.directory import Directory
from blocks.settings import PROJECT_ROOT, Settings
from blocks.ssc_ldap import LdapSsc
from cli import deploy as deploying
from cli.deploy import deploy, missing_blocks, read_deployments
from cli.fleet_pools import WORK_POOL, ensure_pool
from domain.change import Change
from lab.blocks import ensure_blocks
from lab.state import LabState
from tasks.doors import BLOCK_TYPES

# What runs by itself, and when, in America/Sao_Paulo: at a minute of the night, but for mail, campaign and report.
NIGHTLY = {
    "copias-da-noite": "0 22 * * *",
    "exercicio-das-copias": "0 20 1 * *",
    "copia-do-implanta": "30 3 * * *",
    "copias-em-falta": "0 7 * * *",
    "logs-binarios": "20 * * * *",
    "renovacao-de-certificados": "15 1 * * *",
    "segregacao": "30 1 * * *",
    "desvio-dos-ambientes": "45 3 * * *",
    "desvio-do-modelo": "45 1 * * *",
    "validacao-dos-modelos": "15 2 * * *",
    "conciliacao-dos-usuarios": "45 2 * * *",
    "painel": "30 4 * * *",
    "portoes-da-capacitacao": "30 5 * * *",
    "previsao": "45 5 * * *",
    "lembretes-das-turmas": "45 5 * * *",
    "relatorio-mensal": "0 7 1 * *",
    "faturamento": "0 6 1 * *",
    "aberturas-do-dia": "0 6 * * *",
    "consultas-vencidas": "30 0 * * *",
    "correio": "*/5 * * * *",
    "monitoramento": "*/5 * * * *",
    "operacao-assistida": "*/30 7-19 * * 1-5",
    "campanha": "*/30 * * * *",
    "mapa-das-versoes": "0 3 * * *",
}


@pytest.fixture
def no_lab(programme: Settings) -> Settings:
    """The same installation, as if its servers had come from somewhere else."""
    return programme.model_copy(update={"lab_dir": None})


@pytest.mark.parametrize("entrypoint", [one.entrypoint for one in read_deployments().deployments])
def test_every_parameter_says_in_the_form_what_it_asks_for(entrypoint: str) -> None:
    schema = parameter_schema_from_entrypoint(entrypoint)
    for name, field in schema.properties.items():
        assert field["title"] != name, "Prefect's own"
        assert field.get("description"), name


def test_every_block_type_can_be_filled_in_on_the_servers_screen_without_a_lab(no_lab: Settings) -> None:
    assert deploy(no_lab)["blocos"] == Change(unchanged=len(BLOCK_TYPES))
    with get_client(sync_client=True) as client:
        for kind in BLOCK_TYPES:
            assert client.read_block_type_by_slug(kind.get_block_type_slug()).name == kind.get_block_type_name()


def test_the_blocks_that_nobody_has_saved_are_named(no_lab: Settings) -> None:
    assert missing_blocks(no_lab) == ()
    elsewhere = no_lab.model_copy(update={"runtime_block": "implanta-lab-runtime/outro"})
    assert missing_blocks(elsewhere) == ("implanta-lab-runtime/outro",)


def test_the_security_system_follows_the_directory_that_it_was_saved_with(
    programme: Settings, lab_state: LabState
) -> None:
    assert ensure_blocks(lab_state).total == 0, "what is saved once is not saved again"
    directory = Directory.load("principal")
    assert isinstance(directory, Directory)
    try:
        directory.model_copy(update={"host": "ldap.exemplo"}).save("principal", overwrite=True)
        ssc = LdapSsc.load("principal")
        assert isinstance(ssc, LdapSsc)
        assert ssc.directory.host == "ldap.exemplo"
        assert ssc.directory.admin_password == directory.admin_password
    finally:
        assert ensure_blocks(lab_state).updated == 1
    assert ensure_blocks(lab_state).total == 0


@pytest.mark.usefixtures("programme")
def test_a_work_pool_keeps_what_operators_gave_it() -> None:
    with get_client(sync_client=True) as client:
        client.update_work_pool(WORK_POOL, WorkPoolUpdate(concurrency_limit=7))
        try:
            ensure_pool(client)
            assert client.read_work_pool(WORK_POOL).concurrency_limit == 7
        finally:
            client.update_work_pool(WORK_POOL, WorkPoolUpdate(concurrency_limit=None))


def test_a_checkout_that_moved_is_deployed_again(
    programme: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "movido"
    moved.symlink_to(PROJECT_ROOT)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(deploying, "PROJECT_ROOT", moved)
            assert deploy(programme)["deployments"].updated > 0
    finally:
        assert deploy(programme)["deployments"].updated > 0
    assert deploy(programme)["deployments"].updated == 0


@pytest.mark.usefixtures("programme")
def test_every_deployment_of_the_file_is_on_the_server_with_its_hours() -> None:
    declared = {deployment.name for deployment in read_deployments().deployments}
    assert {
        "implantacao",
        "decisao",
        "volta-da-entrada",
        "ambientes",
        "plano",
        "conferencia",
        "manutencao",
        "encerramento",
        "instrumentos",
        "atendimento",
        "adesao",
        "planilha-do-rh",
        "versao-publicada",
        "versao-aplicada",
        *NIGHTLY,
    } <= declared
    with get_client(sync_client=True) as client:
        found = client.read_deployments()
    assert {deployment.name for deployment in found} == declared
    hours = {
        (deployment.name, schedule.schedule.cron, schedule.schedule.timezone)
        for deployment in found
        for schedule in deployment.schedules
        if isinstance(schedule.schedule, CronSchedule)
    }
    assert hours == {(name, cron, "America/Sao_Paulo") for name, cron in NIGHTLY.items()}
    assert all(deployment.description for deployment in found)
