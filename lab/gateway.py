"""The gateway: the pages where people choose their own password."""

import httpx

from lab.layout import make_private_dir
from lab.ports import HOST
from lab.prefect_server import ANSWER_TIMEOUT_SECONDS
from lab.processes import Launch
from lab.product import product_launch
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
        return product_launch(self, "gateway")

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
