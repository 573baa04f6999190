"""The SEI stand-in: one application that answers for every environment, by host name."""

import sys

import httpx

from blocks.plain_http import TRUSTS_NOBODY
from blocks.settings import PROJECT_ROOT
from lab.layout import make_private_dir, write_private
from lab.processes import Launch
from lab.service import NotReadyError, Service

ANSWER_TIMEOUT_SECONDS = 5


class SeiStandIn(Service):
    """Runs `lab.sei_standin`, which reads each environment's configuration from the directory of applications."""

    name = "sei"
    title = "SEI (simulado)"
    port_names = ("sei",)
    is_client = True

    def prepare(self) -> None:
        make_private_dir(self.home)
        make_private_dir(self.layout.apps_dir)
        make_private_dir(self.layout.files_dir)
        make_private_dir(self.layout.code_dir)
        write_private(self.home / "token", self.record.secrets.sei_token)

    def launch(self) -> Launch:
        return Launch(
            argv=(
                sys.executable,
                "-m",
                "lab.sei_standin",
                "--port",
                str(self.port()),
                "--apps-dir",
                str(self.layout.apps_dir),
                "--token-file",
                str(self.home / "token"),
            ),
            cwd=PROJECT_ROOT,
        )

    def probe(self) -> None:
        try:
            answer = httpx.get(
                f"{self.address()}/_lab/saude", timeout=ANSWER_TIMEOUT_SECONDS, trust_env=False, verify=TRUSTS_NOBODY
            )
            answer.raise_for_status()
        except httpx.HTTPError as e:
            raise NotReadyError(str(e)) from e

    def address(self) -> str:
        return f"http://{self.host_and_port()}"
