"""Where the SEI application of an environment runs."""

import json
import os
import tempfile
from abc import ABC, abstractmethod
from enum import StrEnum
from pathlib import Path

import httpx
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, JsonValue, SecretStr

from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, RetryableError
from domain.model import Frozen


class ScheduledTask(StrEnum):
    """Tasks of SEI's and SIP's own schedulers, as `infra_agendamento_tarefa.comando` spells them (`sei.md` 2.6)."""

    HEARTBEAT = "AgendamentoRN::testarAgendamento"
    REPLICATE_UNITS = "AgendamentoRN::replicarUnidadesHierarquiaSEI"
    REPLICATE_USERS = "AgendamentoRN::replicarTodosUsuariosSEI"


class Health(Frozen):
    """What a probe of the running application saw."""

    serving: bool
    maintenance: bool
    detail: str


_TEMPORARY_PREFIX = ".configuracao-"

Configuration = dict[str, dict[str, JsonValue]]


class ServiceAddress(Frozen):
    """Where an application answers: the address to connect to, and the host name that it is asked for."""

    connect_to: str
    host: str


class ApplicationRuntime(Block, ABC):
    """The host of SEI applications: configured, started, stopped and asked to run scheduled tasks."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Aplicação (interface)"
    _block_type_slug = "implanta-runtime"

    @abstractmethod
    def url(self, environment: EnvironmentName) -> str:
        """The public address of one environment, without a path."""

    @abstractmethod
    def address(self, environment: EnvironmentName) -> ServiceAddress:
        """How this machine reaches the application, which may differ from the public address."""

    @abstractmethod
    def repository_path(self, environment: EnvironmentName) -> str:
        """Where the application keeps its files: SEI's `RepositorioArquivos`."""

    @abstractmethod
    def apply(self, environment: EnvironmentName, configuration: Configuration) -> Change:
        """Put the configuration (groups and keys of ConfiguracaoSEI.php and ConfiguracaoSip.php) in place."""

    @abstractmethod
    def start(self, environment: EnvironmentName) -> Change:
        """Let the application serve."""

    @abstractmethod
    def stop(self, environment: EnvironmentName) -> Change:
        """Make the application serve nothing and run no scheduled task."""

    @abstractmethod
    def health(self, environment: EnvironmentName) -> Health:
        """Ask the application's sign-in page."""

    @abstractmethod
    def run_scheduled(self, environment: EnvironmentName, task: ScheduledTask) -> Change:
        """Run one of SEI's or SIP's own scheduled tasks now."""

    @abstractmethod
    def remove(self, environment: EnvironmentName) -> Change:
        """Forget the application and its configuration."""


class LabRuntime(ApplicationRuntime):
    """The lab's host: the SEI stand-in, configured by files and a local control address."""

    _block_type_name = "Implanta Aplicação (laboratório)"
    _block_type_slug = "implanta-lab-runtime"

    apps_dir: Path = Field(description="Diretório das configurações, um por ambiente.")
    files_dir: Path = Field(description="Diretório dos repositórios de arquivos, um por ambiente.")
    port: int = Field(description="Porta em que a aplicação atende, em 127.0.0.1.")
    token: SecretStr = Field(description="Senha do endereço de controle.")

    def url(self, environment: EnvironmentName) -> str:
        return f"http://{self.address(environment).host}"

    def address(self, environment: EnvironmentName) -> ServiceAddress:
        # Names under .localhost need no DNS, and not every resolver knows them: connect by address, ask by name.
        return ServiceAddress(
            connect_to=f"http://127.0.0.1:{self.port}", host=environment.hostname(f"localhost:{self.port}")
        )

    def repository_path(self, environment: EnvironmentName) -> str:
        return str(self.files_dir / environment.slug)

    def _home(self, environment: EnvironmentName) -> Path:
        return self.apps_dir / environment.slug

    def apply(self, environment: EnvironmentName, configuration: Configuration) -> Change:
        target = self._home(environment) / "configuracao.json"
        text = json.dumps(configuration, ensure_ascii=False, indent=2, sort_keys=True)
        try:
            Path(self.repository_path(environment)).mkdir(parents=True, exist_ok=True, mode=0o750)
            existed = target.exists()
            if existed and target.read_text(encoding="utf-8") == text:
                return Change(unchanged=1)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(target, text)
        except OSError as e:
            raise RetryableError(
                f"Não foi possível gravar a configuração ({e.strerror})",
                str(target),
                "Libere espaço ou acerte as permissões e execute de novo.",
            ) from e
        return Change(updated=1) if existed else Change(created=1)

    def start(self, environment: EnvironmentName) -> Change:
        mark = self._home(environment) / "parado"
        if not mark.exists():
            return Change(unchanged=1)
        mark.unlink()
        return Change(updated=1)

    def stop(self, environment: EnvironmentName) -> Change:
        mark = self._home(environment) / "parado"
        if mark.exists() or not mark.parent.exists():  # what was never configured serves nothing anyway
            return Change(unchanged=1)
        mark.touch()
        return Change(updated=1)

    def _ask(self, method: str, path: str, headers: dict[str, str], timeout: float) -> httpx.Response:
        try:
            return httpx.request(
                method, f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=timeout, trust_env=False
            )
        except httpx.HTTPError as e:
            raise RetryableError(
                f"A aplicação não respondeu ({type(e).__name__})",
                f"127.0.0.1:{self.port}",
                "Confira o estado com ./implanta lab status e execute de novo.",
            ) from None

    def health(self, environment: EnvironmentName) -> Health:
        headers = {"Host": self.address(environment).host}
        answer = self._ask("GET", "/sip/login.php?sigla_sistema=SEI", headers, timeout=30)
        serving = answer.status_code == httpx.codes.OK and "txtUsuario" in answer.text
        maintenance = answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and "manuten" in answer.text.lower()
        return Health(serving=serving, maintenance=maintenance, detail=f"HTTP {answer.status_code}")

    def run_scheduled(self, environment: EnvironmentName, task: ScheduledTask) -> Change:
        answer = self._ask(
            "POST",
            f"/_lab/{environment.slug}/agendamentos/{task}",
            {"Authorization": f"Bearer {self.token.get_secret_value()}"},
            timeout=600,
        )
        body = answer.json() if answer.status_code == httpx.codes.OK else {}
        if not body.get("sucesso"):
            raise IntegrityError(
                f"A tarefa agendada falhou: {body.get('mensagem', f'HTTP {answer.status_code}')}",
                f"{environment.slug}, {task}",
                "Leia o registro da aplicação com ./implanta lab logs sei.",
            )
        return Change(created=body["criados"], updated=body["atualizados"], unchanged=body["inalterados"])

    def remove(self, environment: EnvironmentName) -> Change:
        home = self._home(environment)
        if not home.exists():
            return Change()
        try:
            # A kill in the middle of `apply` leaves its temporary file, which holds passwords as well.
            for path in (home / "configuracao.json", home / "parado", *home.glob(f"{_TEMPORARY_PREFIX}*")):
                path.unlink(missing_ok=True)
            home.rmdir()
        except OSError as e:
            raise RetryableError(
                f"Não foi possível remover a configuração ({e.strerror})",
                str(home),
                "Confira as permissões e o que mais há no diretório e execute de novo.",
            ) from e
        return Change(removed=1)


def _replace(target: Path, text: str) -> None:
    """Write a private file so that a reader sees the old text or the new one, never half of it."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_TEMPORARY_PREFIX)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
