"""The gateway as its own process, and the command that starts it."""

import socket
from pathlib import Path

import pytest

from blocks.settings import Settings
from domain.errors import InvalidInputError
from gateway.serving import serve
from lab.ports import choose
from tests.cli.examples import example_of
from tests.serving import serving


def test_the_command_serves_until_it_is_told_to_stop(lab: Path, programme: Settings) -> None:
    assert programme
    port = str(choose(["gateway"], avoid=())["gateway"])
    with serving(lab, example_of("gateway serve", {"8600": port}), port) as server:
        assert server.client.get("/acesso/nao-existe-producao/senha").status_code == 404
    assert "GET /acesso/{environment}/senha 404" in server.said
    assert "nao-existe" not in server.said


@pytest.mark.parametrize("host", ["127.0.0.1", "nao.existe.invalid"])
def test_an_address_where_nobody_can_listen_is_told_with_what_to_do(host: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(InvalidInputError, match="--port") as refusal,
    ):
        serve(host, taken.getsockname()[1])
    assert host in str(refusal.value)
