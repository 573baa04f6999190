"""Another system that sends webhooks: signs by itself, from the specification."""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from itertools import count

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.client.schemas.objects import FlowRun
from pydantic import SecretStr

from domain.webhook.contracts import Source
from domain.webhook.delivery import idempotency_key

NUMBERS = count(1)
RUN = time.time_ns()  # numbers of another session's tests are others
SHA = "ab" * 32

MESSAGES: dict[Source, dict[str, str]] = {
    Source.ADHESION: {"municipality": "olhos-dagua", "sha256": SHA},
    Source.HUMAN_RESOURCES: {"municipality": "olhos-dagua", "object_key": "rh/2026-12-01.csv", "sha256": SHA},
    Source.TRAINING: {"municipality": "olhos-dagua"},
    Source.TICKET: {
        "id": "2027-15",
        "kind": "senha",
        "municipality": "olhos-dagua",
        "environment": "olhos-dagua-treinamento",
        "sha256": SHA,
    },
    Source.BUCKET: {"bucket": "olhos-dagua-entrada", "object_key": "usuarios.csv"},
    Source.RELEASE_PUBLISHED: {"release": "4.1.0"},
    Source.STATE_UPGRADED: {"release": "4.1.0", "ready_on": "2026-10-05"},
}


def new_id() -> str:
    return f"msg_{RUN}_{next(NUMBERS)}"


def sign(secret: SecretStr, webhook_id: str, timestamp: int | str, body: bytes) -> str:
    key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))
    signed = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


@dataclass
class Sender:
    """Sends for one source."""

    client: httpx.Client
    source: Source
    secret: SecretStr
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    def stamp(self, webhook_id: str, body: bytes, *, age: int = 0) -> dict[str, str]:
        timestamp = int(time.time()) - age
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self.secret, webhook_id, timestamp, body),
        }

    def send(self, webhook_id: str | None = None, body: bytes | None = None, **changes: str) -> httpx.Response:
        """Send the source's message, as it is in `MESSAGES` but for the changes, or another body."""
        number = webhook_id or new_id()
        content = json.dumps({**MESSAGES[self.source], **changes}).encode() if body is None else body
        return self.client.post(self.path, content=content, headers={**self.headers, **self.stamp(number, content)})

    def ask(self, webhook_id: str) -> httpx.Response:
        return self.client.get(f"{self.path}/{webhook_id}", headers=self.stamp(webhook_id, b""))

    @property
    def path(self) -> str:
        return f"/webhooks/{self.source.value}"


def runs_of(source: Source, webhook_id: str) -> list[FlowRun]:
    """The flow runs that a webhook started."""
    key = FlowRunFilterIdempotencyKey(any_=[idempotency_key(source, webhook_id)])
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(idempotency_key=key))
