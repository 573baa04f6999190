"""The loop that starts the flows of the webhooks that were accepted, in the process that accepts them.

Any number of processes may run it: each webhook is one's alone while it is delivered. Killed anywhere, nothing is lost.
"""

import logging
import threading
import time

from domain.errors import told
from gateway.webhook_keys import WebhookKeys

logger = logging.getLogger("gateway")

PAUSE_SECONDS = 5.0
CLEANING_SECONDS = 3600.0


class Deliverer:
    """Looks at the outbox when it is woken, and every few seconds for what waits for another attempt."""

    def __init__(self, keys: WebhookKeys, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._keys = keys
        self._pause_seconds = pause_seconds
        self._news = threading.Event()
        self._ended = threading.Event()
        self._cleaned_at: float | None = None

    def wake(self) -> None:
        """There is something to deliver."""
        self._news.set()

    def stop(self) -> None:
        """End after what is being delivered now."""
        self._ended.set()
        self._news.set()

    def run(self) -> None:
        """Deliver until it is stopped."""
        while not self._ended.is_set():
            self._work()
            self._news.wait(self._pause_seconds)
            self._news.clear()

    def _work(self) -> None:
        from tasks.webhooks import deliver_due, drop_old_bodies  # noqa: PLC0415  # as in gateway/systems.py

        try:
            delivery = deliver_due()
            for problem in delivery.problems:
                logger.error("webhook %s", problem)
            if delivery.started:
                logger.info("webhooks iniciados: %d", delivery.started)
            if self._cleaned_at is None or time.monotonic() - self._cleaned_at > CLEANING_SECONDS:
                drop_old_bodies()
                self._cleaned_at = time.monotonic()
            self._keys.refresh()
        except Exception as error:  # nothing may end the loop: the next round begins anew
            logger.error("webhooks: %s", told(error))
