"""The systems behind the pages, through the doors that tasks use; every call here blocks."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.model import Frozen
from registry import ArrivedWebhook, WebhookRecord

if TYPE_CHECKING:
    from blocks.ssc import SecuritySystem
    from registry.webhooks import WebhookOutbox

# A process that runs for weeks must notice when somebody changes a block: an address, a service account's password.
RELOAD_SECONDS = 60


class Place(Frozen):
    """One registered environment, as its people know it."""

    environment: EnvironmentName
    municipality: str
    sei_url: str

    @property
    def label(self) -> str:
        """`Timóteo · treinamento`."""
        return f"{self.municipality} · {self.environment.purpose.label}"


class Systems:
    """Where the pages find the registry and the security system."""

    def __init__(self) -> None:
        self._loaded_at = time.monotonic()

    def find_place(self, slug: str) -> Place | None:
        """The environment of a slug; None when there is none."""
        from tasks import doors  # noqa: PLC0415  # three seconds of libraries, which probes need not wait for

        try:
            environment = EnvironmentName.parse(slug)
        except InvalidInputError:
            return None
        registry = doors.registry()
        try:
            record = registry.environment(environment.slug)
        except InvalidInputError:
            registry.list_environments(ibge="")  # a registry that refuses everything is another failure, told here
            return None
        municipality = registry.find_municipality(record.ibge)
        return Place(environment=environment, municipality=municipality.name, sei_url=f"https://{record.hostname}/sei")

    def knows_municipality(self, slug: str) -> bool:
        """Whether the registry has it."""
        from tasks import doors  # noqa: PLC0415  # as above

        registry = doors.registry()
        try:
            registry.find_municipality(slug)
        except InvalidInputError:
            registry.list_environments(ibge="")  # as above
            return False
        return True

    def outbox(self) -> "WebhookOutbox":
        """Where webhooks are kept until their flows are started."""
        from tasks import doors  # noqa: PLC0415  # as above

        return doors.registry().webhooks

    def accept_webhook(self, arrived: ArrivedWebhook) -> WebhookRecord:
        """Store a webhook, as arrived now."""
        return self.outbox().accept(arrived, datetime.now(tz=UTC))

    def ssc(self) -> "SecuritySystem":
        """The corporate security system that the settings name now."""
        from tasks import doors  # noqa: PLC0415  # as above

        if time.monotonic() - self._loaded_at > RELOAD_SECONDS:
            doors.forget_blocks()
            self._loaded_at = time.monotonic()
        return doors.ssc()
