"""What every host of SEI applications can do."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Self

import httpx
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from blocks.plain_http import TRUSTS_NOBODY
from blocks.scripts import Finished
from domain.change import Change
from domain.code import Code
from domain.configuration import Configuration, InstanceConfiguration
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError, RetryableError
from domain.model import Frozen
from domain.quota import RepositoryUsage
from domain.runtime_resources import Workload

__all__ = [
    "ApplicationRuntime",
    "ApplicationServices",
    "Configuration",
    "Health",
    "OpenedCopy",
    "ScheduledTask",
    "ScriptOutput",
    "ServiceAddress",
    "ask_sign_in_page",
    "checked_script",
    "script_input",
]

SIGN_IN_PATH = "/sip/login.php?sigla_sistema=SEI"
# Scripts of SEI, of SIP and of modules write what PHP writes: ISO-8859-1, which decodes any byte.
SCRIPT_ENCODING = "iso-8859-1"


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


class ServiceAddress(Frozen):
    """Where an application answers: the address to connect to, and the host name that it is asked for."""

    connect_to: str
    host: str


class ApplicationServices(Frozen):
    """The servers that an application talks to beside its databases, as the application reaches them."""

    solr_url: str
    memcached_host: str
    memcached_port: int
    jod_url: str


class ScriptOutput(Frozen):
    """What a script of SEI left. In a rehearsal it was not run: `executed` is false and nothing else means anything."""

    exit_code: int
    output: str = Field(description="All that it wrote, decoded as ISO-8859-1: encoding it so gives the bytes back.")
    seconds: float = 0.0
    executed: bool = True

    @classmethod
    def of(cls, finished: Finished) -> Self:
        """What a program left, in the encoding of SEI's scripts."""
        text = finished.output.decode(SCRIPT_ENCODING)
        return cls(exit_code=finished.exit_code, output=text, seconds=finished.seconds)


class OpenedCopy(NamedTuple):
    """A temporary instance of an application: where it answers, and how a script of its code is run (`exec_script`)."""

    address: ServiceAddress
    exec_script: Callable[[str, Sequence[SecretStr], float], ScriptOutput]


class ApplicationRuntime(Block, ABC):
    """The host of SEI applications: configured, started, stopped and asked to run scheduled tasks and scripts.

    In a rehearsal every method looks and counts, and none writes. What SEI itself would do cannot be known without
    letting it: `run_scheduled` and `exec_script` then do nothing.
    """

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

    def ensure_repository(self, environment: EnvironmentName) -> Change:  # noqa: ARG002  # others need to know which
        """Make that place ready for the application's user alone; a host that mounts a volume has nothing to do."""
        return Change()

    def repository_usage(self, environment: EnvironmentName) -> RepositoryUsage | None:  # noqa: ARG002  # see above
        """What the application keeps there; None where the host cannot be asked."""
        return None

    def file_roots(self, environment: EnvironmentName) -> tuple[Path, ...]:  # noqa: ARG002  # see above
        """The environment's directories on this machine; none where its files are volumes of their own."""
        return ()

    def secret_files(self, environment: EnvironmentName) -> tuple[Path, ...]:  # noqa: ARG002  # see above
        """The files with the environment's secrets on this machine."""
        return ()

    def opened_on_copy(
        self,
        environment: EnvironmentName,  # noqa: ARG002  # see above
        configuration: InstanceConfiguration,  # noqa: ARG002  # see above
        files: Path,  # noqa: ARG002  # see above
        code: Code | None = None,  # noqa: ARG002  # see above
    ) -> AbstractContextManager[OpenedCopy] | None:
        """A second, temporary instance of the environment's application, for as long as the block runs.

        It works on the databases that `configuration` names and on the files below `files`, answers this machine only,
        under a name that no environment can have, and runs no scheduled task. With a `code` it has that code's scripts.
        None where this host has no way to do so yet.

        Raises:
            InvalidInputError: the host has not that code.
        """
        return None

    @abstractmethod
    def services(self, environment: EnvironmentName) -> ApplicationServices:
        """Solr, memcached and the document converter of this application."""

    @abstractmethod
    def apply(
        self, environment: EnvironmentName, configuration: Configuration, workload: Workload | None = None
    ) -> Change:
        """Put configuration (groups and keys of `domain.configuration`), release and sizes in place.

        Without a workload the one that is in place stays; a host of containers that has none yet refuses.
        """

    @abstractmethod
    def deployed_code(self, environment: EnvironmentName) -> str | None:
        """The name of the code that the environment runs (`Code.name`); None where nothing is in place yet."""

    @abstractmethod
    def deploy(self, environment: EnvironmentName, code: Code, configuration: Configuration) -> Change:
        """Put another code in place, with its configuration; sizes stay. Going back is the same.

        The databases are not touched: until their scripts have run, the application refuses to serve.

        Raises:
            InvalidInputError: the environment is not on this host, or the host has not that code.
        """

    @abstractmethod
    def start(self, environment: EnvironmentName) -> Change:
        """Let the application serve, and exactly one scheduler run."""

    @abstractmethod
    def stop(self, environment: EnvironmentName) -> Change:
        """Make the application serve nothing and run no scheduled task."""

    @abstractmethod
    def health(self, environment: EnvironmentName) -> Health:
        """Ask the application's sign-in page."""

    @abstractmethod
    def schedulers(self, environment: EnvironmentName) -> int:
        """How many schedulers run now: one when started, none when stopped, and anything else is a defect."""

    @abstractmethod
    def run_scheduled(self, environment: EnvironmentName, task: ScheduledTask) -> Change:
        """Run one of SEI's or SIP's own scheduled tasks now."""

    @abstractmethod
    def exec_script(
        self, environment: EnvironmentName, script: str, stdin_lines: Sequence[SecretStr], timeout_seconds: float
    ) -> ScriptOutput:
        """Run one script of SEI, SIP or a module, such as `sip/scripts/atualizar_versao_sip.php`, to its end.

        Since 4.0 scripts ask for the database user and password on standard input (`sei.md` 1.5): they come as lines,
        never as arguments. Whether the script succeeded is for the caller to judge from code and output.

        Raises:
            InvalidInputError: the script does not exist, or its name leaves the directory of the code.
            IntegrityError: it did not end in time and was killed, with everything that it had started.
        """

    @abstractmethod
    def logs(self, environment: EnvironmentName, lines: int) -> str:
        """The last lines that this application said, oldest first; they may hold personal data."""

    @abstractmethod
    def remove(self, environment: EnvironmentName) -> Change:
        """Forget the application and its configuration; its files stay."""


def ask_sign_in_page(address: ServiceAddress, *, verify: bool | str = True) -> Health:
    """What SIP's sign-in page says of an application.

    Raises:
        RetryableError: nobody answers.
    """
    try:
        answer = httpx.get(
            address.connect_to + SIGN_IN_PATH,
            headers={"Host": address.host},
            timeout=30,
            trust_env=False,
            verify=TRUSTS_NOBODY if address.connect_to.startswith("http://") else verify,
        )
    except httpx.HTTPError as e:
        raise RetryableError(
            f"A aplicação não respondeu ({type(e).__name__})",
            address.connect_to.partition("://")[2],
            "Confira se o servidor da aplicação está no ar e execute de novo.",
        ) from None
    serving = answer.status_code == httpx.codes.OK and "txtUsuario" in answer.text
    maintenance = answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and "manuten" in answer.text.lower()
    return Health(serving=serving, maintenance=maintenance, detail=f"HTTP {answer.status_code}")


def checked_script(script: str) -> PurePosixPath:
    """The path of a script below the code's directory. Raises InvalidInputError for any other path."""
    path = PurePosixPath(script)
    if not re.fullmatch(r"[\w./-]+", script, re.ASCII) or path.is_absolute() or ".." in path.parts:
        raise InvalidInputError(
            f"{script!r} não é um script do SEI",
            "nome do script",
            "Informe um caminho dentro do código, como sip/scripts/atualizar_versao_sip.php.",
        )
    return path


def script_input(lines: Sequence[SecretStr]) -> bytes:
    """The standard input of a script. Raises InvalidInputError for a line that would become two."""
    texts = [line.get_secret_value() for line in lines]
    if any("\n" in text or "\r" in text for text in texts):
        raise InvalidInputError(
            "Um usuário ou senha tem quebra de linha", "entrada do script", "Troque a senha no bloco e execute de novo."
        )
    try:
        return "".join(f"{text}\n" for text in texts).encode(SCRIPT_ENCODING)
    except UnicodeEncodeError:
        raise InvalidInputError(  # without the cause, which quotes the text
            "Um usuário ou senha tem caractere fora de ISO-8859-1",
            "entrada do script",
            "Troque a senha no bloco e execute de novo.",
        ) from None
