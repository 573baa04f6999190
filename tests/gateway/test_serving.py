"""The gateway as its own process, and the command that starts it."""

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from blocks.settings import PROJECT_ROOT, Settings
from domain.errors import InvalidInputError
from gateway.serving import serve
from lab.ports import choose
from tests.cli.examples import example_of
from tests.operator import operator_environment
from tests.waiting import wait_until


def test_the_command_serves_until_it_is_told_to_stop(lab: Path, programme: Settings) -> None:
    assert programme
    port = str(choose(["gateway"], avoid=())["gateway"])
    arguments = example_of("gateway serve", {"8600": port})
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cli", *arguments],
        cwd=PROJECT_ROOT,
        env=operator_environment(lab, official=False),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:

            def answers() -> bool:
                assert process.poll() is None
                try:
                    return bool(client.get("/saude").json() == {"situacao": "no ar"})
                except httpx.TransportError:
                    return False

            wait_until(answers, "the gateway answers", seconds=60)
            assert client.get("/acesso/nao-existe-producao/senha").status_code == 404
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert "GET /acesso/{environment}/senha 404" in said
    assert "nao-existe" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "nao.existe.invalid"])
def test_an_address_where_nobody_can_listen_is_told_with_what_to_do(host: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(InvalidInputError, match="--port") as refusal,
    ):
        serve(host, taken.getsockname()[1])
    assert host in str(refusal.value)
