"""The Moodle stand-in: the training platform of the lab, with the courses of the catalog and nobody in them yet."""

import sys
from http import HTTPStatus

import httpx

from blocks.plain_http import TRUSTS_NOBODY
from blocks.settings import PROJECT_ROOT
from lab.layout import make_private_dir, write_private
from lab.moodle_standin.server import SERVER_PATH
from lab.processes import Launch
from lab.service import NotReadyError, Service

ANSWER_TIMEOUT_SECONDS = 5


class MoodleStandIn(Service):
    """Runs `lab.moodle_standin`; whoever has its state's path enrols people and completes courses (`Store`)."""

    name = "moodle"
    title = "Moodle (simulado)"
    port_names = ("moodle",)

    def prepare(self) -> None:
        make_private_dir(self.home)
        write_private(self.home / "token", self.record.secrets.moodle_token)

    def launch(self) -> Launch:
        return Launch(
            argv=(
                *(sys.executable, "-m", "lab.moodle_standin", "--port", str(self.port())),
                *("--state", str(self.layout.moodle_state_file), "--token-file", str(self.home / "token")),
            ),
            cwd=PROJECT_ROOT,
        )

    def probe(self) -> None:
        """Ask as the block does: Moodle says with HTTP 200 that it refuses a token."""
        form = {
            "wstoken": self.record.secrets.moodle_token,
            "wsfunction": "core_course_get_courses_by_field",
            "moodlewsrestformat": "json",
            "field": "idnumber",
            "value": "",
        }
        try:
            answer = httpx.post(
                f"{self.address()}{SERVER_PATH}",
                data=form,
                timeout=ANSWER_TIMEOUT_SECONDS,
                trust_env=False,
                verify=TRUSTS_NOBODY,
            )
        except httpx.HTTPError as e:
            raise NotReadyError(str(e)) from e
        # Whatever its people did to it (web services off, maintenance) it answers: it is up.
        if answer.status_code not in {HTTPStatus.OK, HTTPStatus.FORBIDDEN}:
            raise NotReadyError(f"HTTP {answer.status_code}")

    def address(self) -> str:
        return f"http://{self.host_and_port()}"
