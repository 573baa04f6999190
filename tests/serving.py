"""A server of the product, started by its command as an operator starts it."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from blocks.settings import PROJECT_ROOT
from tests.operator import operator_environment
from tests.waiting import wait_until


@dataclass
class Serving:
    """`said` is what it wrote, once it was told to stop."""

    client: httpx.Client
    said: str = ""


@contextmanager
def serving(lab: Path, arguments: Sequence[str], port: str) -> Iterator[Serving]:
    """Run `./implanta` with these arguments until the block ends; it answers at its port by then."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cli", *arguments],
        cwd=PROJECT_ROOT,
        env=operator_environment(lab, official=False),
        stderr=subprocess.PIPE,
        text=True,
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        server = Serving(client)

        def answers() -> bool:
            assert process.poll() is None
            try:
                return bool(client.get("/saude").json() == {"situacao": "no ar"})
            except httpx.TransportError:
                return False

        try:
            wait_until(answers, "the server answers", seconds=60)
            yield server
        finally:
            process.terminate()
            _, server.said = process.communicate(timeout=30)
