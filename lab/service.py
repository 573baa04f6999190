"""What every server of the lab is to the orchestration."""

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from domain.errors import InvalidInputError, RetryableError
from lab.disk import full_disk_error, looks_full
from lab.layout import PRIVATE_UMASK, Layout
from lab.ports import HOST
from lab.processes import Launch
from lab.record import Record

LOG_TAIL_BYTES = 8192
LAST_LINES = 3
LAST_CHARACTERS = 300
SYSTEM_PROGRAM_DIRS = "/usr/sbin:/usr/bin:/sbin:/bin"  # an ordinary user's PATH lacks the first


class NotReadyError(Exception):
    """The server does not answer its own protocol yet."""


class Service(ABC):
    """One server: how its data directory is made, how it is started, and when it is ready."""

    name: ClassVar[str]
    title: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[str, ...]] = ()
    is_client: ClassVar[bool] = False
    """Whether it works with the lab's other servers, and so is stopped before them."""
    start_seconds: ClassVar[float] = 60.0
    stop_seconds: ClassVar[float] = 10.0

    def __init__(self, layout: Layout, record: Record) -> None:
        self.layout = layout
        self.record = record
        self.home = layout.service_dir(self.name)
        # Only what is said from now on explains a failure of now.
        log = layout.log(self.name)
        self._log_start = log.stat().st_size if log.exists() else 0

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs on disk; only the first time makes data, and a killed one is begun anew."""

    @abstractmethod
    def launch(self) -> Launch:
        """The command that starts the server in the foreground."""

    @abstractmethod
    def probe(self) -> None:
        """Return when the server answers its own protocol.

        Raises:
            NotReadyError: it does not yet.
        """

    @abstractmethod
    def address(self) -> str:
        """Where people and programs reach it."""

    def is_outdated(self, command: Sequence[str]) -> bool:  # noqa: ARG002  # most services start as they always did
        """Whether a running server of this lab was started by an older version, in a way that no longer serves."""
        return False

    def clean_after_stop(self) -> None:
        """Remove what a stopped server leaves outside its directory."""
        return

    def port(self, name: str | None = None) -> int:
        return self.record.ports[name or self.name]

    def host_and_port(self) -> str:
        return f"{HOST}:{self.port()}"

    def run_once(self, argv: Sequence[str]) -> None:
        """Run a program that prepares data; what it says goes to the service's log.

        Raises:
            RetryableError: it failed; its last words are in the message.
            InvalidInputError: it failed because the disk is full.
        """
        log = self.layout.log(self.name)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            done = subprocess.run(
                argv,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                umask=PRIVATE_UMASK,
                check=False,
            )
        finally:
            os.close(descriptor)
        if done.returncode:
            raise self.failed(f"{Path(argv[0]).name} terminou com código {done.returncode}")

    def failed(self, what: str) -> RetryableError | InvalidInputError:
        """The error of a server that did not come up: the server's last words, or the full disk behind them."""
        said = self._said()
        if looks_full(self.layout.root, said):
            return full_disk_error(self.layout.root)
        last_words = " | ".join([line.strip() for line in said.splitlines() if line.strip()][-LAST_LINES:])
        said = f"; últimas linhas: {last_words[-LAST_CHARACTERS:]}" if last_words else ""
        return RetryableError(
            f"{self.title} não subiu: {what}{said}",
            str(self.layout.log(self.name)),
            "Corrija a causa e rode ./implanta lab up de novo.",
        )

    def _said(self) -> str:
        """The end of what the server wrote to its log since this object was made."""
        log = self.layout.log(self.name)
        if not log.exists():
            return ""
        with log.open("rb") as file:
            file.seek(max(self._log_start, log.stat().st_size - LOG_TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace")


def program(name: str, package: str) -> str:
    """The path of an installed program.

    Raises:
        InvalidInputError: it is not installed; the message names the Debian package.
    """
    found = shutil.which(name) or shutil.which(name, path=SYSTEM_PROGRAM_DIRS)
    if found is None:
        raise InvalidInputError(
            f"Falta o programa {name}", f"pacote Debian {package}", f"Instale-o: apt-get install {package}"
        )
    return found
