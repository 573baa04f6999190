"""The running nginx of an edge: what it says of a configuration, what it serves, and making it take another over."""

import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from blocks.plain_http import TRUSTS_NOBODY
from blocks.waiting import comes_true
from domain.errors import InvalidInputError, RetryableError
from domain.model import Frozen

PROBE_INTERVAL_SECONDS = 0.05
BRING_UP = "Suba-a (no laboratório: ./implanta lab up) e execute de novo."

# In what nginx says of a configuration: which site's file it stumbled over, and the paths that tell nobody anything.
_NAMED_SITE = re.compile(r"/sites/([a-z0-9-]+)\.(?:conf|pem|key)")
_LOG_TIME = r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}"
_OWN_PATHS = re.compile(r"/\S*/releases/[^/\s]+/")


class NginxServer(Frozen):
    """The nginx that reads `live/nginx.conf` below `home`, and tells on `status_port` which generation it serves."""

    home: Path
    program: Path
    pid_file: Path
    status_port: int
    reload_seconds: float

    def test(self, root: Path, slug: str | None) -> None:
        """Let nginx itself judge a configuration that nobody serves yet; `slug` is the site that it was made for.

        Raises:
            InvalidInputError: nginx refuses it, or is not installed.
            RetryableError: it does not come to an end.
        """
        try:
            done = subprocess.run(
                [self.program, "-t", "-q", "-e", "stderr", "-p", self.home, "-c", root / "nginx.conf"],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.reload_seconds,
                check=False,
            )
        except FileNotFoundError:
            raise InvalidInputError(
                "Falta o programa nginx",
                str(self.program),
                "Instale-o: apt-get install nginx libnginx-mod-http-modsecurity",
            ) from None
        except subprocess.TimeoutExpired:
            raise RetryableError(
                f"O nginx não terminou de conferir a configuração em {self.reload_seconds:.0f} s",
                slug or str(self.home),
                "Nada mudou. Veja a carga da máquina e execute de novo.",
            ) from None
        if done.returncode:
            raise self._refused(done.stderr, slug)

    def _refused(self, said: str, slug: str | None) -> InvalidInputError:
        serious = [line for line in said.splitlines() if "[emerg]" in line] or said.splitlines() or ["sem mensagem"]
        named = _NAMED_SITE.search(serious[0])
        what = _OWN_PATHS.sub("", serious[0].partition("[emerg]")[2].strip() or serious[0])
        return InvalidInputError(
            f"O nginx recusou a configuração do ambiente {named[1] if named else slug}: {what}"
            if named or slug
            else f"O nginx recusou a configuração: {what}",
            slug or str(self.home),
            "Nada mudou: o que era servido continua. Corrija o certificado ou a configuração e execute de novo.",
        )

    def find_master(self) -> psutil.Process:
        """The main process. Raises RetryableError when it is not there."""
        try:
            master = psutil.Process(int(self.pid_file.read_text()))
            if master.name() == "nginx" and master.status() != psutil.STATUS_ZOMBIE:
                return master
        except (OSError, ValueError, psutil.Error):
            pass  # told below, in the words of who has to act
        raise RetryableError("O nginx da borda não está no ar", str(self.home), BRING_UP)

    def reload(self, master: psutil.Process, generation: str) -> None:
        """Make nginx take the live configuration over; returns when nothing else is served to new connections.

        Raises:
            InvalidInputError: nginx refuses it.
            RetryableError: it ended, or does not take it over in time.
        """
        log, refusal = self.home / "log" / "error.log", re.compile(rf"{_LOG_TIME} \[emerg\] {master.pid}#")
        log_start = log.stat().st_size if log.exists() else 0
        try:
            old_workers = master.children()
            master.send_signal(signal.SIGHUP)
        except psutil.Error:
            raise RetryableError("O nginx da borda acaba de sair do ar", str(self.home), BRING_UP) from None

        def has_taken_over() -> bool:
            if _said_since(log, log_start, refusal):
                return True
            return self.served_generation() == generation and not any(map(_accepts_connections, old_workers))

        if not comes_true(has_taken_over, seconds=self.reload_seconds, every=PROBE_INTERVAL_SECONDS):
            raise RetryableError(
                f"O nginx não passou a servir a nova configuração em {self.reload_seconds:.0f} s",
                str(log),
                "A anterior foi reposta. Veja a carga da máquina e execute de novo.",
            )
        if said := _said_since(log, log_start, refusal):
            raise self._refused(said, None)

    def served_generation(self) -> str | None:
        """The generation that nginx serves now; None when it does not answer."""
        try:
            answer = httpx.get(
                f"http://127.0.0.1:{self.status_port}/geracao", timeout=5, trust_env=False, verify=TRUSTS_NOBODY
            )
        except httpx.HTTPError:
            return None
        return answer.text if answer.status_code == httpx.codes.OK else None


def _said_since(log: Path, start: int, refusal: re.Pattern[str]) -> str:
    """What nginx's main process gave as the reason for not taking a configuration over, if it did.

    Its workers write to the same file, and what strangers ask for is in their lines.
    """
    with suppress(OSError), log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").splitlines()
        return "\n".join(line for line in lines if refusal.match(line))
    return ""


def _accepts_connections(worker: psutil.Process) -> bool:
    """Whether a worker of an earlier configuration still takes new connections: nginx tells it in its title."""
    try:
        if worker.status() == psutil.STATUS_ZOMBIE:
            return False
        return "shutting down" not in " ".join(worker.cmdline())
    except psutil.Error:
        return False
