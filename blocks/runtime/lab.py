"""The lab's host of applications: the SEI stand-in."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx
from pydantic import Field, SecretStr

from blocks import file_repository
from blocks.held_directory import held_directory
from blocks.plain_http import TRUSTS_NOBODY
from blocks.private_files import TEMPORARY_PREFIX, ensure_private_files
from blocks.rehearsal import is_rehearsal
from blocks.runtime.interface import (
    ApplicationRuntime,
    ApplicationServices,
    Configuration,
    Health,
    OpenedCopy,
    ScheduledTask,
    ScriptOutput,
    ServiceAddress,
    ask_sign_in_page,
    checked_script,
    script_input,
)
from blocks.scripts import run_program
from domain.change import Change
from domain.code import PACKAGES_DIRECTORY, Code
from domain.configuration import CONFIGURATION_FILES, InstanceConfiguration, changed_keys, render_php
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.quota import RepositoryUsage
from domain.runtime_resources import PHP_SETTINGS_FILES, Workload, render_php_settings

_JSON_FILE = "configuracao.json"
_CODE_FILE = "versao-do-codigo"
_STOPPED_MARK = "parado"
_UNSCHEDULED_MARK = "sem-agendador"
# The slug of every environment ends in its purpose, which no eight hexadecimal digits are.
_COPY_PREFIX = "copia-"
_SCRIPTS = "scripts"
# What a script sees of our environment: nothing of Prefect's, nothing of this installation's.
_INHERITED = ("PATH", "HOME", "TZ")


class LabRuntime(ApplicationRuntime):
    """The lab's host: the SEI stand-in, configured by files and a local control address."""

    _block_type_name = "Implanta Aplicação (laboratório)"
    _block_type_slug = "implanta-lab-runtime"

    apps_dir: Path = Field(description="Diretório das configurações, um por ambiente.")
    files_dir: Path = Field(description="Diretório dos repositórios de arquivos, um por ambiente.")
    code_dir: Path | None = Field(
        default=None, description="Diretório dos códigos: um por versão do SEI, e em modulos um por versão de módulo."
    )
    port: int = Field(description="Porta em que a aplicação atende, em 127.0.0.1.")
    token: SecretStr = Field(description="Senha do endereço de controle.")
    log_file: Path | None = Field(default=None, description="Arquivo em que a aplicação registra o que faz.")

    def url(self, environment: EnvironmentName) -> str:
        return f"http://{self.address(environment).host}"

    def address(self, environment: EnvironmentName) -> ServiceAddress:
        # Names under .localhost need no DNS, and not every resolver knows them: connect by address, ask by name.
        return ServiceAddress(
            connect_to=f"http://127.0.0.1:{self.port}", host=environment.hostname(f"localhost:{self.port}")
        )

    def repository_path(self, environment: EnvironmentName) -> str:
        return str(self.files_dir / environment.slug)

    def ensure_repository(self, environment: EnvironmentName) -> Change:
        return file_repository.ensure_directory(Path(self.repository_path(environment)))

    def repository_usage(self, environment: EnvironmentName) -> RepositoryUsage:
        return file_repository.measure(Path(self.repository_path(environment)))

    def file_roots(self, environment: EnvironmentName) -> tuple[Path, ...]:
        return (self._home(environment), Path(self.repository_path(environment)))

    def secret_files(self, environment: EnvironmentName) -> tuple[Path, ...]:
        names = (_JSON_FILE, *(file.name for file in CONFIGURATION_FILES))
        return tuple(path for path in (self._home(environment) / name for name in names) if path.exists())

    def opened_on_copy(
        self,
        environment: EnvironmentName,  # noqa: ARG002  # a copy has a name of its own
        configuration: InstanceConfiguration,
        files: Path,
        code: Code | None = None,
    ) -> AbstractContextManager[OpenedCopy] | None:
        return None if is_rehearsal() else self._opened(configuration, files, code)

    @contextmanager
    def _opened(self, configuration: InstanceConfiguration, files: Path, code: Code | None) -> Iterator[OpenedCopy]:
        with ExitStack() as stack:
            try:
                home = stack.enter_context(held_directory(self.apps_dir, _COPY_PREFIX))
            except OSError as e:
                raise RetryableError(
                    f"Não foi possível abrir a aplicação sobre a cópia ({e.strerror})",
                    str(self.apps_dir),
                    "Confira espaço e permissões e execute de novo.",
                ) from e
            host = f"{home.name}.localhost:{self.port}"
            groups = configuration.at(f"http://{host}", str(files)).groups()
            text = json.dumps(groups, ensure_ascii=False, indent=2, sort_keys=True)
            of_code = {}
            if code is not None:
                self._require_code(code)
                self._lay_code(home, code)
                of_code = {_CODE_FILE: _code_line(code)}
            # From the moment that its JSON is there the stand-in serves it.
            ensure_private_files(home, {_UNSCHEDULED_MARK: b"", **of_code})
            ensure_private_files(home, {_JSON_FILE: text.encode()})
            yield OpenedCopy(
                ServiceAddress(connect_to=f"http://127.0.0.1:{self.port}", host=host),
                partial(_run_script, home),
            )

    def services(self, environment: EnvironmentName) -> ApplicationServices:  # noqa: ARG002  # the same for all
        # The stand-in searches, caches and converts nothing: these are the ports where the real ones would be.
        return ApplicationServices(
            solr_url="http://127.0.0.1:8983/solr",
            memcached_host="127.0.0.1",
            memcached_port=11211,
            jod_url="http://127.0.0.1:8080/conversion?format=pdf",
        )

    def _home(self, environment: EnvironmentName) -> Path:
        return self.apps_dir / environment.slug

    def apply(
        self, environment: EnvironmentName, configuration: Configuration, workload: Workload | None = None
    ) -> Change:
        home = self._home(environment)
        wanted = {file.name: source for file, source in render_php(configuration).items()}
        if workload is not None:
            wanted |= render_php_settings(workload.resources)
            wanted[_CODE_FILE] = _code_line(workload.code)
        text = json.dumps(configuration, ensure_ascii=False, indent=2, sort_keys=True)
        keys = self._changed_keys(home, configuration)
        self.ensure_repository(environment)
        # The stand-in reads the JSON, so it comes last: whoever sees it new sees the others new.
        change = ensure_private_files(
            home, {**wanted, _JSON_FILE: text.encode()}, unwanted=[file.name for file in CONFIGURATION_FILES]
        )
        if workload is not None:
            change += self._lay_code(home, workload.code)
        return change + Change(details=keys)

    def deployed_code(self, environment: EnvironmentName) -> str | None:
        try:
            return (self._home(environment) / _CODE_FILE).read_text(encoding="ascii").strip() or None
        except OSError:
            return None

    def deploy(self, environment: EnvironmentName, code: Code, configuration: Configuration) -> Change:
        """Put the code's scripts in place, and tell the stand-in which code it is from now on."""
        home = self._home(environment)
        if not (home / _JSON_FILE).exists():
            raise InvalidInputError("O ambiente não está neste servidor", str(home), "Crie o ambiente antes.")
        self._require_code(code)
        change = self.apply(environment, configuration) + self._lay_code(home, code)
        return change + ensure_private_files(home, {_CODE_FILE: _code_line(code)})

    def _trees(self, code: Code) -> tuple[Path, ...]:
        """SEI's own tree, and those of the modules that are merged over it, in this order."""
        if self.code_dir is None:
            return ()
        return (
            self.code_dir / code.version,
            *(self.code_dir / PACKAGES_DIRECTORY / package for package in code.packages),
        )

    def _require_code(self, code: Code) -> None:
        trees = self._trees(code) or (self.apps_dir / code.version,)
        missing = next((tree for tree in trees if not tree.is_dir()), None)
        if missing is not None:
            raise InvalidInputError(
                f"Não há código da versão {missing.name} neste servidor",
                str(missing),
                "Copie o pacote da versão para o diretório dos códigos e execute de novo.",
            )

    def _lay_code(self, home: Path, code: Code) -> Change:
        """Replace the directory of scripts as a whole: no script of another version may stay."""
        trees, target = self._trees(code), home / _SCRIPTS
        if not trees or not all(tree.is_dir() for tree in trees):
            return Change()
        merged = {name: text for tree in trees for name, text in _contents(tree).items()}
        if merged == _contents(target):
            return Change()
        if not is_rehearsal():
            fresh = home / f"{TEMPORARY_PREFIX}{_SCRIPTS}"
            try:
                shutil.rmtree(fresh, ignore_errors=True)
                for tree in trees:
                    shutil.copytree(tree, fresh, dirs_exist_ok=True)
                if target.exists():
                    shutil.rmtree(target)
                fresh.rename(target)
            except OSError as e:
                raise RetryableError(
                    f"Não foi possível copiar o código da versão {code.name} ({e.strerror})",
                    str(target),
                    "Libere espaço ou acerte as permissões e execute de novo.",
                ) from e
        return Change(updated=1, details=(f"código da versão {code.name}",))

    def _changed_keys(self, home: Path, configuration: Configuration) -> tuple[str, ...]:
        try:
            before = json.loads((home / _JSON_FILE).read_bytes())
        except (OSError, ValueError):
            return ()
        return tuple(f"configuração {key}" for key in changed_keys(before, configuration))

    def start(self, environment: EnvironmentName) -> Change:
        mark = self._home(environment) / _STOPPED_MARK
        if not mark.exists():
            return Change(unchanged=1)
        if not is_rehearsal():
            mark.unlink()
        return Change(updated=1, details=("aplicação parada",))

    def stop(self, environment: EnvironmentName) -> Change:
        mark = self._home(environment) / _STOPPED_MARK
        if mark.exists() or not mark.parent.exists():  # what was never configured serves nothing anyway
            return Change(unchanged=1)
        if not is_rehearsal():
            mark.touch()
        return Change(updated=1, details=("aplicação no ar",))

    def health(self, environment: EnvironmentName) -> Health:
        return ask_sign_in_page(self.address(environment))

    def schedulers(self, environment: EnvironmentName) -> int:
        # One process serves all environments, and runs the tasks of each that is configured and not stopped.
        home = self._home(environment)
        return int((home / _JSON_FILE).exists() and not (home / _STOPPED_MARK).exists())

    def run_scheduled(self, environment: EnvironmentName, task: ScheduledTask) -> Change:
        if is_rehearsal():
            return Change()
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{self.port}/_lab/{environment.slug}/agendamentos/{task}",
                headers={"Authorization": f"Bearer {self.token.get_secret_value()}"},
                timeout=600,
                trust_env=False,
                verify=TRUSTS_NOBODY,
            )
        except httpx.HTTPError as e:
            raise RetryableError(
                f"A aplicação não respondeu ({type(e).__name__})",
                f"127.0.0.1:{self.port}",
                "Confira o estado com ./implanta lab status e execute de novo.",
            ) from None
        body = answer.json() if answer.status_code == httpx.codes.OK else {}
        if not body.get("sucesso"):
            raise IntegrityError(
                f"A tarefa agendada falhou: {body.get('mensagem', f'HTTP {answer.status_code}')}",
                f"{environment.slug}, {task}",
                "Leia o registro da aplicação com ./implanta lab logs sei.",
            )
        return Change(created=body["criados"], updated=body["atualizados"], unchanged=body["inalterados"])

    def exec_script(
        self, environment: EnvironmentName, script: str, stdin_lines: Sequence[SecretStr], timeout_seconds: float
    ) -> ScriptOutput:
        """Run any executable that the operator laid below the environment's directory of scripts."""
        return _run_script(self._home(environment), script, stdin_lines, timeout_seconds)

    def logs(self, environment: EnvironmentName, lines: int) -> str:
        """The stand-in writes one log for all; only the lines that name this environment are its own."""
        if self.log_file is None or not self.log_file.exists():
            return ""
        mark = f"ambiente={environment.slug} "
        with self.log_file.open(encoding="utf-8", errors="replace") as file:
            own = [line for line in file if mark in line]
        return "".join(own[-lines:])

    def remove(self, environment: EnvironmentName) -> Change:
        home = self._home(environment)
        if not home.exists():
            return Change()
        change = Change(removed=1, details=("aplicação",))
        if is_rehearsal():
            return change
        names = (
            _JSON_FILE,
            _CODE_FILE,
            _STOPPED_MARK,
            *PHP_SETTINGS_FILES,
            *(file.name for file in CONFIGURATION_FILES),
        )
        try:
            # A kill in the middle of `apply` leaves its temporary file, which holds passwords as well.
            for path in (*(home / name for name in names), *home.glob(f"{TEMPORARY_PREFIX}*")):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            if (home / _SCRIPTS).exists():
                shutil.rmtree(home / _SCRIPTS)
            home.rmdir()
        except OSError as e:
            raise RetryableError(
                f"Não foi possível remover a configuração ({e.strerror})",
                str(home),
                "Confira as permissões e o que mais há no diretório e execute de novo.",
            ) from e
        return change


def _run_script(home: Path, script: str, stdin_lines: Sequence[SecretStr], timeout_seconds: float) -> ScriptOutput:
    root = home / _SCRIPTS
    program = root / checked_script(script)
    where = f"{home.name}, {script}"
    if not program.is_file() or root.resolve() not in program.resolve().parents:
        raise InvalidInputError(
            "O script não existe", where, f"Copie os scripts da versão para {root} e execute de novo."
        )
    if is_rehearsal():
        return ScriptOutput(exit_code=0, output="", executed=False)
    finished = run_program(
        [str(program)],
        stdin=script_input(stdin_lines),
        timeout_seconds=timeout_seconds,
        where=where,
        cwd=program.parent,
        environment={name: os.environ[name] for name in _INHERITED if name in os.environ}
        | {"LANG": "pt_BR.ISO-8859-1"},
        dies_with_caller=True,
    )
    return ScriptOutput.of(finished)


def _code_line(code: Code) -> bytes:
    return f"{code.name}\n".encode("ascii")


def _contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
