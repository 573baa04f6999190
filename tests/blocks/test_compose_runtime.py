"""Environments as Compose projects: what is written, what docker is told, and what it is never told."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr, ValidationError

from blocks.rehearsal import rehearsing
from blocks.runtime import ComposeRuntime, ScheduledTask
from blocks.schemas import container_variables, refuse_invalid_compose
from domain.change import Change
from domain.code import Code
from domain.configuration import MASK, Mail
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.render_compose import COMPOSE_FILE
from domain.runtime_resources import Workload
from tests.domain.examples import PLANS, make_configuration
from tests.sizes import resources_for

ENVIRONMENT = EnvironmentName.parse("timoteo-treinamento")
WORKLOAD = Workload(release_version="4.1.0", resources=resources_for(PLANS.ranges[2].plan))
GROUPS = make_configuration().groups()
SECRETS = ("senha-banco", "chave-sei", "chave-sip", "senha-smtp", "senha-solr")


class Docker:
    """The stand-in of docker, from behind."""

    def __init__(self, home: Path) -> None:
        self.home = home
        source = Path(__file__).with_name("fake_docker.py").read_text()
        self.program = home / "docker"
        self.program.write_text(f"#!{sys.executable} -IS\n{source}")
        self.program.chmod(0o700)

    def calls(self) -> list[list[str]]:
        """Everything that docker was told since the last look."""
        file = self.home / "calls.jsonl"
        if not file.exists():
            return []
        found = [json.loads(line) for line in file.read_text().splitlines()]
        file.unlink()
        return found

    def commands(self) -> list[str]:
        """The commands of `docker compose` since the last look."""
        return [next(word for word in call[1:][6:]) for call in self.calls() if call[0] == "compose"]

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.home / "state.json").read_text())
        return state

    def change(self, **values: object) -> None:
        (self.home / "state.json").write_text(json.dumps(self.state | values))


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    home = tmp_path / "docker"
    home.mkdir()
    return Docker(home)


@pytest.fixture
def runtime(docker: Docker, tmp_path: Path) -> ComposeRuntime:
    return ComposeRuntime(
        projects_dir=tmp_path / "projetos",
        code_dir=Path("/srv/fontes"),
        files_dir=Path("/srv/arquivos"),
        domain="sei.example.gov.br",
        program=str(docker.program),
    )


def project_of(runtime: ComposeRuntime, workload: Workload = WORKLOAD) -> dict[str, Any]:
    files = {file.name: file for file in runtime.render(ENVIRONMENT, GROUPS, workload)}
    project: dict[str, Any] = yaml.safe_load(files["compose.yaml"].content)
    return project


def test_no_secret_is_in_the_file_that_people_pass_around(runtime: ComposeRuntime) -> None:
    for file in runtime.render(ENVIRONMENT, GROUPS, WORKLOAD):
        text = file.content.decode("latin-1")
        assert file.is_secret == any(secret in text for secret in SECRETS), file.name
    masked = runtime.render(ENVIRONMENT, make_configuration().masked_groups(), WORKLOAD)
    assert not [file.name for file in masked if any(secret.encode() in file.content for secret in SECRETS)]
    assert any(MASK.encode() in file.content for file in masked)


def test_the_containers_are_told_what_sei_dockers_images_know_and_nothing_else(runtime: ComposeRuntime) -> None:
    files = {file.name: file.content.decode("latin-1") for file in runtime.render(ENVIRONMENT, GROUPS, WORKLOAD)}
    secret = dict(line.split("=", 1) for line in files["segredos.env"].splitlines())
    services = project_of(runtime)["services"]
    for name in ("app", "app-agendador"):
        told = services[name]["environment"]
        assert told.keys() | secret.keys() <= container_variables()
        assert not told.keys() & secret.keys()
        assert services[name]["env_file"] == ["segredos.env"]
    assert services["app"]["environment"]["APP_HOST"] == "timoteo-treinamento.sei.example.gov.br"
    assert services["app"]["environment"]["APP_MAIL_PROTEGIDO"] == "caixa@example.org"
    assert secret["APP_DB_ROOT_USERNAME"] == secret["APP_DB_SEI_USERNAME"] == "'timoteo_treinamento'"
    assert secret["APP_DB_ROOT_PASSWORD"] == "'senha-banco'", "no container knows a superuser"
    installs = {key: value for key, value in services["app"]["environment"].items() if key.endswith("_INSTALAR")}
    assert set(installs.values()) == {"false"}


def test_the_images_are_those_of_the_releases_line(runtime: ComposeRuntime) -> None:
    def images(version: str) -> dict[str, str]:
        project = project_of(runtime, WORKLOAD.model_copy(update={"release_version": version}))
        return {name: service["image"].partition("/")[2] for name, service in project["services"].items()}

    four, five = images("4.1.0"), images("5.0.4")
    assert (four["app"], four["solr"]) == ("app-ci:3.6.11", "solr8.2.0:3.6.11")
    assert (five["app-agendador"], five["solr"]) == ("app-ci-php8-agendador:3.6.11", "solr9.6.1:3.6.11")
    sessions = [
        project_of(runtime, WORKLOAD.model_copy(update={"release_version": version}))["services"]["app"]["environment"][
            "APP_MEMCACHED_SESSION"
        ]
        for version in ("4.1.0", "5.0.4")
    ]
    assert sessions == ["false", "true"]


def test_one_scheduler_one_network_and_one_set_of_volumes_for_each_environment(runtime: ComposeRuntime) -> None:
    project = project_of(runtime)
    scheduler = project["services"]["app-agendador"]
    assert scheduler["container_name"] == "timoteo-treinamento-agendador"  # Compose never runs two under one name
    assert project["name"] == "timoteo-treinamento"
    assert [name for name, service in project["services"].items() if "borda" in service.get("networks", {})] == ["app"]
    assert not any("ports" in service for service in project["services"].values())
    mounts = [volume for service in project["services"].values() for volume in service.get("volumes", [])]
    assert {mount.split(":")[0] for mount in mounts if mount.startswith("/")} == {
        "/srv/fontes/timoteo-treinamento/4.1.0",
        "/srv/arquivos/timoteo-treinamento",
    }
    memory = project["services"]["app"]["deploy"]["resources"]["limits"]["memory"]
    assert memory == f"{WORKLOAD.resources.app_memory_mb}M"


def test_dollars_in_values_stay_dollars(runtime: ComposeRuntime) -> None:
    groups = make_configuration(mail=Mail(server="smtp", user="a$HOME", protected_box="x@y.org")).groups()
    files = {file.name: file.content for file in runtime.render(ENVIRONMENT, groups, WORKLOAD)}
    assert b"APP_MAIL_USUARIO: a$$HOME" in files["compose.yaml"]


@pytest.mark.parametrize("password", ["com'apóstrofo", "fim\\", "duas\nlinhas"])
def test_a_password_that_composes_env_files_cannot_carry_is_refused_and_not_quoted(
    runtime: ComposeRuntime, password: str
) -> None:
    mail = Mail(server="smtp", password=SecretStr(password), protected_box="x@y.org")
    with pytest.raises(InvalidInputError, match="APP_MAIL_SENHA") as refusal:
        runtime.render(ENVIRONMENT, make_configuration(mail=mail).groups(), WORKLOAD)
    assert password not in str(refusal.value)


def test_the_published_schema_refuses_what_compose_does_not_know(runtime: ComposeRuntime) -> None:
    project = project_of(runtime)
    refuse_invalid_compose(project, "x")
    project["services"]["app"]["mem"] = "1g"
    with pytest.raises(IntegrityError, match=r"services\.app \("):
        refuse_invalid_compose(project, "x")


def test_an_incomplete_configuration_is_refused_with_what_it_lacks(runtime: ComposeRuntime) -> None:
    groups = {name: group for name, group in GROUPS.items() if name != "Solr"}
    with pytest.raises(InvalidInputError, match=r"Solr\.Servidor, Solr\.Usuario"):
        runtime.apply(ENVIRONMENT, groups, WORKLOAD)


def test_files_are_private_written_once_and_mended_by_name(runtime: ComposeRuntime) -> None:
    assert runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD).created == 7
    home = runtime.projects_dir / ENVIRONMENT.slug
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert runtime.apply(ENVIRONMENT, GROUPS).total == 0, "release and sizes stay without being told again"
    (home / "segredos.env").write_text("APP_DB_SEI_PASSWORD=outra\n")
    assert runtime.apply(ENVIRONMENT, GROUPS).details == ("arquivo segredos.env refeito",)
    with rehearsing():
        assert runtime.apply(ENVIRONMENT, make_configuration(is_production=True).groups()).updated >= 2
    assert runtime.apply(ENVIRONMENT, GROUPS).total == 0


def test_what_was_never_sized_is_refused(runtime: ComposeRuntime) -> None:
    with pytest.raises(InvalidInputError, match="ainda não tem versão e porte"):
        runtime.apply(ENVIRONMENT, GROUPS)


def test_containers_follow_their_files_and_nothing_else_restarts_them(runtime: ComposeRuntime, docker: Docker) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    assert runtime.schedulers(ENVIRONMENT) == 0
    assert runtime.start(ENVIRONMENT).updated == 6
    assert docker.commands() == ["ps", "config", "ps", "up"]
    assert runtime.start(ENVIRONMENT) == Change(unchanged=6)
    assert runtime.schedulers(ENVIRONMENT) == 1
    assert "up" not in docker.commands()
    closed = GROUPS | {"Manutencao": {**GROUPS["Manutencao"], "Ativada": True}}
    runtime.apply(ENVIRONMENT, closed)
    assert runtime.start(ENVIRONMENT).details == ("contêiner preparacao",), "maintenance restarts no application"
    bigger = WORKLOAD.model_copy(update={"resources": resources_for(PLANS.ranges[3].plan)})
    runtime.apply(ENVIRONMENT, GROUPS, bigger)
    assert {"contêiner app", "contêiner app-agendador"} <= set(runtime.start(ENVIRONMENT).details)
    crashed = docker.state["containers"]
    crashed["app"][1] = "exited"
    docker.change(containers=crashed)
    assert runtime.start(ENVIRONMENT).details == ("contêiner app",)


def test_another_release_is_another_directory_of_code_and_going_back_is_the_old_one(
    runtime: ComposeRuntime, docker: Docker
) -> None:
    def code() -> set[str]:
        project = yaml.safe_load((runtime.projects_dir / ENVIRONMENT.slug / "compose.yaml").read_bytes())
        volumes = [volume for service in project["services"].values() for volume in service.get("volumes", [])]
        return {volume.split(":")[0] for volume in volumes if volume.endswith(":/opt")}

    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    runtime.start(ENVIRONMENT)
    before = docker.state["containers"]
    newer = WORKLOAD.model_copy(update={"release_version": "4.1.5"})  # of one line: the images are the same
    for workload, directory in ((newer, "4.1.5"), (WORKLOAD, "4.1.0")):
        runtime.apply(ENVIRONMENT, GROUPS, workload)
        assert code() == {f"/srv/fontes/timoteo-treinamento/{directory}"}, "application, scheduler and preparation"
        assert set(runtime.start(ENVIRONMENT).details) == {
            *("contêiner app", "contêiner app-agendador", "contêiner preparacao"),
        }
    assert docker.state["containers"] == before


def test_a_mount_without_code_ends_the_preparation_before_it_writes(runtime: ComposeRuntime, tmp_path: Path) -> None:
    *_, script = project_of(runtime)["services"]["preparacao"]["entrypoint"]
    finished = subprocess.run(
        ["/bin/sh", "-euc", script.replace("/opt", str(tmp_path)).replace("/sei/controlador", f"{tmp_path}/marcas")],
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 1
    assert f"Falta o código do SEI em {tmp_path}".encode() in finished.stderr
    assert not (tmp_path / "sei").exists()


@pytest.mark.parametrize("version", ["../4.1.0", "4.1.0/..", "4.1.0:/etc", "", "novo"])
def test_a_release_that_is_no_version_becomes_no_path(version: str) -> None:
    with pytest.raises(ValidationError, match="release_version"):
        Workload(release_version=version, resources=WORKLOAD.resources)


def test_stop_and_remove_are_done_once_and_a_rehearsal_does_neither(runtime: ComposeRuntime, docker: Docker) -> None:
    assert runtime.stop(ENVIRONMENT) == Change(unchanged=1)
    assert runtime.remove(ENVIRONMENT) == Change()
    assert docker.calls() == []
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    with rehearsing():
        assert runtime.start(ENVIRONMENT).updated == 6
    assert "up" not in docker.commands()
    runtime.start(ENVIRONMENT)
    with rehearsing():
        assert runtime.stop(ENVIRONMENT).updated == 5
        assert runtime.remove(ENVIRONMENT).removed == 1
        assert not runtime.exec_script(ENVIRONMENT, "sip/scripts/a.php", [], 5).executed
        assert runtime.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT) == Change()
    assert not {"stop", "down", "run", "exec"} & set(docker.commands())
    assert [runtime.stop(ENVIRONMENT).updated for _ in range(2)] == [5, 0]
    assert runtime.schedulers(ENVIRONMENT) == 0
    assert runtime.remove(ENVIRONMENT).removed == 1
    assert docker.state["containers"] == {}
    assert not (runtime.projects_dir / ENVIRONMENT.slug).exists()


def test_another_version_brings_its_images_and_going_back_brings_the_old_ones(runtime: ComposeRuntime) -> None:
    assert runtime.deployed_code(ENVIRONMENT) is None
    with pytest.raises(InvalidInputError, match="ainda não tem versão e porte"):
        runtime.deploy(ENVIRONMENT, Code(version="5.0.0"), GROUPS)
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    compose = runtime.projects_dir / ENVIRONMENT.slug / COMPOSE_FILE
    before = compose.read_bytes()
    assert b"app-ci:" in before
    with rehearsing():
        assert runtime.deploy(ENVIRONMENT, Code(version="5.0.0"), GROUPS).updated
    assert runtime.deployed_code(ENVIRONMENT) == WORKLOAD.release_version
    assert runtime.deploy(ENVIRONMENT, Code(version="5.0.0"), GROUPS).updated
    assert runtime.deployed_code(ENVIRONMENT) == "5.0.0"
    assert b"app-ci-php8:" in compose.read_bytes()
    assert runtime.deploy(ENVIRONMENT, Code(version="5.0.0"), GROUPS).total == 0
    runtime.deploy(ENVIRONMENT, WORKLOAD.code, GROUPS)
    assert compose.read_bytes() == before


def test_a_script_runs_in_its_own_container_with_its_credentials_on_standard_input_only(
    runtime: ComposeRuntime, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLANTA_REGISTRY_URL", "mysql://segredo-do-registro")
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    lines = [SecretStr("migracao"), SecretStr("senha-de-migração")]
    output = runtime.exec_script(ENVIRONMENT, "sip/scripts/atualizar_versao_sip.php", lines, timeout_seconds=20)
    assert (output.exit_code, output.output) == (7, "JÁ ESTÁ INSTALADA\n")
    assert docker.state["stdin"] == "migracao\nsenha-de-migração\n"
    (call,) = docker.calls()
    script = "/opt/sip/scripts/atualizar_versao_sip.php"
    assert call[-8:] == ["--entrypoint", "timeout", "app", "-s", "KILL", "50", "php", script]
    assert output.seconds > 0
    assert "senha-de-migração" not in " ".join(call)
    assert "segredo-do-registro" not in (docker.home / "environment.json").read_text()


def test_a_script_that_hangs_takes_its_container_with_it(runtime: ComposeRuntime, docker: Docker) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    with pytest.raises(IntegrityError, match=r"não terminou em 1 s"):
        runtime.exec_script(ENVIRONMENT, "sip/scripts/presa.php", [], timeout_seconds=1)
    run, removal = docker.calls()
    assert removal == ["rm", "--force", run[run.index("--name") + 1]]


def test_a_scheduled_task_and_the_logs_are_asked_of_the_environments_own_project(
    runtime: ComposeRuntime, docker: Docker
) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    assert runtime.run_scheduled(ENVIRONMENT, ScheduledTask.REPLICATE_USERS).total == 0
    assert runtime.logs(ENVIRONMENT, 10) == "app  | pronto\n"
    task, logs = docker.calls()
    assert re.search(r"\(new AgendamentoRN\(\)\)->replicarTodosUsuariosSEI\(\);$", task[-1])
    assert logs[-4:] == ["--tail", "10", "app", "app-agendador"]
    assert task[task.index("--project-name") + 1] == ENVIRONMENT.slug


def test_what_docker_refuses_is_told_without_its_words(runtime: ComposeRuntime, docker: Docker) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    runtime.start(ENVIRONMENT)
    docker.change(broken="logs")
    with pytest.raises(RetryableError, match="O docker compose logs terminou com o código 1"):
        runtime.logs(ENVIRONMENT, 10)
    absent = runtime.model_copy(update={"program": "/nada/docker"})
    with pytest.raises(InvalidInputError, match="Não foi possível executar docker"):
        absent.start(ENVIRONMENT)
