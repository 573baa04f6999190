"""People at the door before Prefect, each with a browser without JavaScript, and Prefect behind it."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx

from gateway.form_tokens import FIELD
from lab.ports import HOST
from lab.state import LabState

API = "/api"


class Guest:
    """Somebody at the door."""

    def __init__(self, state: LabState) -> None:
        self._state = state
        self._name = state.porta.name
        self.origin = state.porta.url
        self.client = httpx.Client(
            base_url=f"https://{HOST}:{state.porta.port}",
            headers={"Host": f"{self._name}:{state.porta.port}"},
            verify=trust(state),
            trust_env=False,
            timeout=60,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def ask(self, method: str, path: str, *, json: object = None, **headers: str) -> httpx.Response:
        """One request as a page of the door's makes it; an empty header is left out."""
        usual = {"origin": self.origin, "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}
        sent = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.request(
            method,
            path,
            json=json,
            headers={name: value for name, value in sent.items() if value},
            extensions={"sni_hostname": self._name},
        )

    def visit(self, path: str) -> httpx.Response:
        """Open a page."""
        return self.ask("GET", path, origin="", sec_fetch_mode="navigate", accept="text/html")

    def sign_in(self, login: str, to: str = "/v2/") -> httpx.Response:
        """Through the board's form."""
        found = re.search(rf'name="{FIELD}" value="([^"]*)"', self.visit("/painel/entrar").text)
        assert found
        form = {FIELD: found[1], "login": login, "senha": self._state.painel.password.get_secret_value(), "para": to}
        return self.client.post(
            "/painel/entrar",
            data=form,
            headers={"origin": self.origin},
            extensions={"sni_hostname": self._name},
        )

    @property
    def cookie(self) -> str:
        """The session, as the browser has it."""
        return self.client.cookies["__Host-painel"]


def trust(state: LabState) -> ssl.SSLContext:
    """Who believes the lab's authority, and nobody else."""
    return ssl.create_default_context(cafile=state.ca_file)


@contextmanager
def guest(state: LabState, login: str | None = None) -> Iterator[Guest]:
    """Somebody at the door; with a login, signed in."""
    with Guest(state) as somebody:
        if login is not None:
            answer = somebody.sign_in(login)
            assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
        yield somebody


class Prefect:
    """The server behind the door, as programs reach it."""

    def __init__(self, state: LabState) -> None:
        self.client = httpx.Client(
            base_url=state.prefect.api_url, auth=state.prefect.credentials, trust_env=False, timeout=60
        )

    def ensure_deployment(self, name: str, tags: list[str]) -> str:
        """A deployment that no worker runs; its id."""
        flow = self._made("/flows/", {"name": f"prova-{name}"})
        return self._made(
            "/deployments/", {"name": name, "flow_id": flow, "tags": tags, "enforce_parameter_schema": False}
        )

    def start(self, deployment: str) -> str:
        """A run of it; its id."""
        return self._made(f"/deployments/{deployment}/create_flow_run", {})

    def count_runs(self, deployment: str) -> int:
        which = {"deployments": {"id": {"any_": [deployment]}}}
        return int(self.client.post("/flow_runs/count", json=which).raise_for_status().json())

    def _made(self, path: str, content: dict[str, Any]) -> str:
        return str(self.client.post(path, json=content).raise_for_status().json()["id"])
