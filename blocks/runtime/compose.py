"""A host that runs each environment as a Docker Compose project, in the terms of the public sei-docker project."""

import json
import math
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import Field, SecretStr

from blocks.private_files import TEMPORARY_PREFIX, ensure_private_files
from blocks.rehearsal import is_rehearsal
from blocks.runtime.interface import (
    SCRIPT_ENCODING,
    ApplicationRuntime,
    ApplicationServices,
    Configuration,
    Health,
    ScheduledTask,
    ScriptOutput,
    ServiceAddress,
    ask_sign_in_page,
    checked_script,
    script_input,
)
from blocks.runtime.php_calls import scheduled_task_call
from blocks.schemas import refuse_invalid_compose
from blocks.scripts import Finished, run_program
from domain.application_facts import RenderedFile
from domain.change import Change
from domain.code import Code
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError, RetryableError
from domain.render_compose import (
    APP,
    COMPOSE_FILE,
    FILE_NAMES,
    PREPARATION,
    SCHEDULER,
    WORKLOAD_FILE,
    ComposeHost,
    render_compose,
)
from domain.runtime_resources import Workload
from domain.sei_docker import CODE_PATH, REPOSITORY_PATH

_QUICK_SECONDS = 60
_START_SECONDS = 900  # images may have to be fetched
_TASK_SECONDS = 3600
_GRACE_SECONDS = 30
_HASH_LABEL = "com.docker.compose.config-hash"
# What the docker client needs of our environment; nothing else of it may end up in a compose file.
_INHERITED = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK")


class ComposeRuntime(ApplicationRuntime):
    """A Docker host: one Compose project per environment, published by the reverse proxy of its edge network.

    Checked without a Docker daemon: the files against the published schema, the commands against a stand-in that
    records them. sei-docker calls itself a tool for development and homologation; production is the operator's choice.
    """

    _block_type_name = "Implanta Aplicação (Docker Compose)"
    _block_type_slug = "implanta-compose-runtime"

    projects_dir: Path = Field(description="Diretório dos projetos do Compose, um por ambiente.")
    code_dir: Path = Field(description="Diretório dos códigos do SEI: em cada ambiente, um por versão.")
    files_dir: Path = Field(description="Diretório dos repositórios de arquivos, um por ambiente.")
    domain: str = Field(description="Domínio DNS em que cada ambiente tem seu nome.")
    protocol: str = Field(default="https", description="Protocolo público: https ou http.", pattern="^https?$")
    registry: str = Field(default="processoeletronico", description="Registro das imagens do sei-docker.")
    tag: str = Field(default="3.6.11", description="Versão das imagens do sei-docker.")
    edge_network: str = Field(default="implanta-borda", description="Rede do Docker em que está o proxy reverso.")
    ca_file: str | None = Field(default=None, description="Arquivo da CA que assina os certificados do proxy.")
    program: str = Field(default="docker", description="Programa do Docker.")

    def url(self, environment: EnvironmentName) -> str:
        return f"{self.protocol}://{environment.hostname(self.domain)}"

    def address(self, environment: EnvironmentName) -> ServiceAddress:
        return ServiceAddress(connect_to=self.url(environment), host=environment.hostname(self.domain))

    def repository_path(self, environment: EnvironmentName) -> str:  # noqa: ARG002  # each container has its own
        return REPOSITORY_PATH

    def services(self, environment: EnvironmentName) -> ApplicationServices:  # noqa: ARG002  # names in the project
        return ApplicationServices(
            solr_url="http://solr:8983/solr",
            memcached_host="memcached",
            memcached_port=11211,
            jod_url="http://jod:8080/conversion?format=pdf",
        )

    def render(
        self, environment: EnvironmentName, configuration: Configuration, workload: Workload
    ) -> tuple[RenderedFile, ...]:
        """Every file of the environment's project, valid by the Compose Specification."""
        host = ComposeHost(
            hostname=environment.hostname(self.domain),
            protocol=self.protocol,
            registry=self.registry,
            tag=self.tag,
            code_dir=str(self.code_dir),
            files_dir=str(self.files_dir),
            edge_network=self.edge_network,
        )
        files = render_compose(environment, configuration, workload, host)
        text = next(file.content for file in files if file.name == COMPOSE_FILE)
        refuse_invalid_compose(yaml.safe_load(text), f"{environment.slug}/{COMPOSE_FILE}")
        return files

    def _home(self, environment: EnvironmentName) -> Path:
        return self.projects_dir / environment.slug

    def apply(
        self, environment: EnvironmentName, configuration: Configuration, workload: Workload | None = None
    ) -> Change:
        """Write the project's files; `start` then makes the containers follow them."""
        home = self._home(environment)
        files = self.render(environment, configuration, workload or self._workload(environment))
        return ensure_private_files(home, {file.name: file.content for file in files}, unwanted=FILE_NAMES)

    def _workload(self, environment: EnvironmentName) -> Workload:
        found = self._find_workload(environment)
        if found is None:
            path = self._home(environment) / WORKLOAD_FILE
            raise InvalidInputError(
                "O ambiente ainda não tem versão e porte neste servidor", str(path), "Crie o ambiente antes."
            )
        return found

    def _find_workload(self, environment: EnvironmentName) -> Workload | None:
        try:
            return Workload.model_validate_json((self._home(environment) / WORKLOAD_FILE).read_bytes())
        except (OSError, ValueError):
            return None

    def deployed_code(self, environment: EnvironmentName) -> str | None:
        workload = self._find_workload(environment)
        return workload.code.name if workload else None

    def deploy(self, environment: EnvironmentName, code: Code, configuration: Configuration) -> Change:
        """Write the project with the version's images and its own directory of the environment's code."""
        workload = self._workload(environment).running(code)
        return self.apply(environment, configuration, workload)

    def start(self, environment: EnvironmentName) -> Change:
        """Bring up what does not run, or runs from files that have changed since."""
        wanted = dict(
            line.split(" ", 1)
            for line in self._compose(environment, "config", "--hash", "*").output.decode().splitlines()
            if " " in line
        )
        found = {str(row.get("Service")): row for row in self._containers(environment)}
        stale = sorted(name for name, digest in wanted.items() if not _is_right(found.get(name), name, digest))
        if not stale:
            return Change(unchanged=len(wanted))
        if not is_rehearsal():
            self._compose(environment, "up", "--detach", "--remove-orphans", timeout_seconds=_START_SECONDS)
        return Change(
            updated=len(stale),
            unchanged=len(wanted) - len(stale),
            details=tuple(f"contêiner {name}" for name in stale),
        )

    def stop(self, environment: EnvironmentName) -> Change:
        if not self._exists(environment):  # what was never configured serves nothing anyway
            return Change(unchanged=1)
        running = sorted(str(row["Service"]) for row in self._containers(environment) if row.get("State") == "running")
        if not running:
            return Change(unchanged=1)
        if not is_rehearsal():
            self._compose(environment, "stop", timeout_seconds=_START_SECONDS)
        return Change(updated=len(running), details=tuple(f"contêiner {name} no ar" for name in running))

    def health(self, environment: EnvironmentName) -> Health:
        return ask_sign_in_page(self.address(environment), verify=self.ca_file or True)

    def schedulers(self, environment: EnvironmentName) -> int:
        if not self._exists(environment):
            return 0
        rows = self._containers(environment)
        return sum(row.get("Service") == SCHEDULER and row.get("State") == "running" for row in rows)

    def run_scheduled(self, environment: EnvironmentName, task: ScheduledTask) -> Change:
        """Have PHP call the task's own method. What it did is not told: count afterwards, in the databases."""
        if is_rehearsal():
            return Change()
        self._compose(
            environment,
            *("exec", "--no-TTY", SCHEDULER, "php", "-r", scheduled_task_call(task, CODE_PATH)),
            timeout_seconds=_TASK_SECONDS,
        )
        return Change(unchanged=1)

    def exec_script(
        self, environment: EnvironmentName, script: str, stdin_lines: Sequence[SecretStr], timeout_seconds: float
    ) -> ScriptOutput:
        """Run the script in a container of its own, whether the application is up or down."""
        path = f"{CODE_PATH}/{checked_script(script)}"
        if is_rehearsal():
            return ScriptOutput(exit_code=0, output="", executed=False)
        name = f"{environment.slug}-script-{secrets.token_hex(4)}"
        try:
            finished = run_program(
                self._command(
                    environment,
                    *("run", "--rm", "--no-TTY", "--no-deps", "--name", name, "--entrypoint", "timeout", APP),
                    # Whoever kills us cannot end the container: it has a limit of its own, a little later than ours.
                    *("-s", "KILL", str(math.ceil(timeout_seconds) + _GRACE_SECONDS), "php", path),
                ),
                stdin=script_input(stdin_lines),
                timeout_seconds=timeout_seconds,
                where=f"{environment.slug}, {script}",
                environment=_own_environment(),
            )
        except BaseException:
            # Killing the client leaves its container running.
            self._docker("rm", "--force", name)
            raise
        return ScriptOutput.of(finished)

    def logs(self, environment: EnvironmentName, lines: int) -> str:
        if not self._exists(environment):
            return ""
        finished = self._compose(environment, "logs", "--no-color", "--tail", str(lines), APP, SCHEDULER)
        return finished.output.decode(SCRIPT_ENCODING)

    def remove(self, environment: EnvironmentName) -> Change:
        home = self._home(environment)
        if not home.exists():
            return Change()
        change = Change(removed=1, details=("aplicação",))
        if is_rehearsal():
            return change
        if self._exists(environment):
            self._compose(environment, "down", "--remove-orphans", "--volumes", timeout_seconds=_START_SECONDS)
        try:
            for path in (*(home / name for name in FILE_NAMES), *home.glob(f"{TEMPORARY_PREFIX}*")):
                path.unlink(missing_ok=True)
            home.rmdir()
        except OSError as e:
            raise RetryableError(
                f"Não foi possível remover a configuração ({e.strerror})",
                str(home),
                "Confira as permissões e o que mais há no diretório e execute de novo.",
            ) from e
        return change

    def _exists(self, environment: EnvironmentName) -> bool:
        return (self._home(environment) / COMPOSE_FILE).exists()

    def _containers(self, environment: EnvironmentName) -> list[dict[str, object]]:
        # One JSON object a line in Compose 2.21 and later, one array before.
        text = self._compose(environment, "ps", "--all", "--format", "json").output.decode().strip()
        if text.startswith("["):
            return list(json.loads(text))
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def _command(self, environment: EnvironmentName, *arguments: str) -> list[str]:
        home = self._home(environment)
        if not self._exists(environment):
            raise InvalidInputError(
                "O ambiente não tem projeto neste servidor", str(home / COMPOSE_FILE), "Crie o ambiente antes."
            )
        where = ("--project-name", environment.slug, "--project-directory", str(home), "--file")
        return [self.program, "compose", *where, str(home / COMPOSE_FILE), *arguments]

    def _compose(
        self,
        environment: EnvironmentName,
        *arguments: str,
        timeout_seconds: float = _QUICK_SECONDS,
    ) -> Finished:
        finished = run_program(
            self._command(environment, *arguments),
            timeout_seconds=timeout_seconds,
            where=f"{environment.slug}, docker compose {arguments[0]}",
            environment=_own_environment(),
        )
        if finished.exit_code:
            # Its output is not quoted: it may repeat a line of the file of secrets.
            raise RetryableError(
                f"O docker compose {arguments[0]} terminou com o código {finished.exit_code}",
                str(self._home(environment)),
                f"Execute docker compose {arguments[0]} nesse diretório para ler a mensagem, corrija e tente de novo.",
            )
        return finished

    def _docker(self, *arguments: str) -> None:
        run_program(
            [self.program, *arguments], timeout_seconds=_QUICK_SECONDS, where="docker", environment=_own_environment()
        )


def _own_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _is_right(row: dict[str, object] | None, service: str, digest: str) -> bool:
    """Whether a container is what its service says now: made from the same file, and running or well finished."""
    if row is None:
        return False
    labels = dict(pair.split("=", 1) for pair in str(row.get("Labels", "")).split(",") if "=" in pair)
    if labels.get(_HASH_LABEL) != digest:
        return False
    if service == PREPARATION:
        return row.get("State") == "exited" and row.get("ExitCode") == 0
    return row.get("State") == "running"
