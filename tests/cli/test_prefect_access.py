"""A Prefect server that asks for a password, or is no Prefect server: told by what the reader must do next."""

import base64
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.settings import PROJECT_ROOT, Settings
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from tasks import doors
from tasks.prefect_errors import explaining_prefect
from tests.cli.test_errors import implanta, settings_file

PASSWORD = "admin:senha-do-prefect"


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server that tells anybody its health, and to whoever shows no password only `status`, as Prefect's does."""
    expected = f"Basic {base64.b64encode(PASSWORD.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_welcome = self.path.endswith("/health") or self.headers["Authorization"] == expected
            self.send_response(200 if is_welcome else status)
            self.end_headers()
            self.wfile.write(b"true")

        def log_message(self, format: str, *arguments: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, InvalidInputError),
        (403, InvalidInputError),
        (408, RetryableError),
        (429, RetryableError),
        (500, RetryableError),
        (503, RetryableError),
        (404, IntegrityError),
        (422, IntegrityError),
    ],
)
def test_each_answer_is_sorted_by_what_to_do_next(status: int, kind: type[ImplantaError]) -> None:
    with answering(status) as url, pytest.raises(kind, match=str(status)), explaining_prefect(url):
        httpx.get(f"{url}/admin/version").raise_for_status()


def test_a_transport_that_breaks_in_the_clients_first_question_is_worth_a_retry() -> None:
    with pytest.raises(RetryableError, match="não respondeu"), explaining_prefect("http://127.0.0.1:1/api"):
        try:
            httpx.get("http://127.0.0.1:1/api")
        except httpx.HTTPError as e:
            raise RuntimeError("Failed to reach API") from e


def test_another_failure_passes_as_it_is() -> None:
    with pytest.raises(RuntimeError, match="outra"), explaining_prefect("http://127.0.0.1:1/api"):
        raise RuntimeError("outra")


def test_prefect_is_the_configured_one_even_when_it_was_imported_before(programme: Settings) -> None:
    """As where the lab is brought up first: else it would start a server of its own, and keep everything there."""
    program = (
        "import prefect; from cli.prefect import connect; connect(); import logging;"
        " from prefect.settings import get_current_settings as now;"
        " print(now().api.url, logging.getLogger('prefect').level)"
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_ROOT, env=inherited, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [programme.prefect_api_url, str(logging.ERROR)], done.stderr


def test_a_command_whose_password_is_wrong_says_so(tmp_path: Path) -> None:
    with answering(401) as url:
        path = settings_file(tmp_path, registry_port=1, prefect_port=int(url.rpartition(":")[2].removesuffix("/api")))
        done = implanta(
            "deploy",
            IMPLANTA_SETTINGS=path,
            PREFECT_HOME=str(tmp_path),
            PREFECT_API_AUTH_STRING="admin:senha-errada",
        )
    assert (done.returncode, done.stdout) == (20, ""), done.stderr
    assert "O Prefect recusou o acesso (código 401)" in done.stderr
    assert "PREFECT_API_AUTH_STRING" in done.stderr
    assert "senha-errada" not in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("status", "kind"), [(401, InvalidInputError), (500, RetryableError)])
def test_a_step_whose_block_cannot_be_read_tells_why(
    programme: Settings, monkeypatch: pytest.MonkeyPatch, status: int, kind: type[ImplantaError]
) -> None:
    with answering(status) as url:
        monkeypatch.setenv("IMPLANTA_PREFECT_API_URL", url)
        with temporary_settings({PREFECT_API_URL: url}), pytest.raises(kind, match=str(status)):
            doors.environment_secrets("ninguem-treinamento")
