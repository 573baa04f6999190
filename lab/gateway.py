"""The gateway: the pages where people choose their own password."""

import sys

import httpx

from blocks.settings import PROJECT_ROOT
from lab.layout import make_private_dir
from lab.mariadb import registry_url
from lab.ports import HOST
from lab.prefect_server import ANSWER_TIMEOUT_SECONDS, api_url, auth_string
from lab.processes import Launch
from lab.service import NotReadyError, Service


class Gateway(Service):
    """Runs `./implanta gateway serve` behind the lab's edge."""

    name = "gateway"
    title = "Páginas de acesso"
    port_names = ("gateway",)
    is_client = True
    # Only for their ports, which a first start may still move: while they are down, a page says so.
    needs = ("prefect", "mariadb")

    def prepare(self) -> None:
        make_private_dir(self.home)

    def launch(self) -> Launch:
        return Launch(
            argv=(
                *(sys.executable, "-P", "-m", "cli", "gateway", "serve"),
                *("--host", HOST, "--port", str(self.port()), "--proxy", HOST),
            ),
            cwd=PROJECT_ROOT,
            env={
                "PREFECT_HOME": str(self.home),
                "IMPLANTA_SETTINGS": str(self.layout.settings_file),
                "IMPLANTA_LAB_DIR": str(self.layout.root),
                # The first `up` writes the settings file when everything is up.
                "IMPLANTA_REGISTRY_URL": registry_url(self.record),
                "IMPLANTA_PREFECT_API_URL": api_url(self.port("prefect")),
                "IMPLANTA_PREFECT_API_AUTH": auth_string(self.record),
            },
        )

    def probe(self) -> None:
        try:
            answer = httpx.get(f"{self.address()}/saude", timeout=ANSWER_TIMEOUT_SECONDS, trust_env=False)
            answer.raise_for_status()
        except httpx.HTTPError as e:
            raise NotReadyError(str(e)) from e

    def address(self) -> str:
        return url(self.port())


def url(port: int) -> str:
    """Where the edge finds it."""
    return f"http://{HOST}:{port}"
