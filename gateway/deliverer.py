"""The loops beside the pages: one starts the flows of the webhooks that were accepted, one sends others' webhooks.

Any number of processes may run them: each webhook is one's alone while it is delivered. Killed anywhere, none is lost.
"""

import logging
import threading
import time
from collections.abc import Callable

from domain.errors import told
from gateway.webhook_keys import WebhookKeys

logger = logging.getLogger("gateway")

PAUSE_SECONDS = 5.0
CLEANING_SECONDS = 3600.0


class Loop:
    """Works when it is woken, and every few seconds for what waits for another attempt."""

    def __init__(self, *, pause_seconds: float = PAUSE_SECONDS) -> None:
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
            try:
                self.work()
            except Exception as error:  # nothing may end the loop: the next round begins anew
                logger.error("webhooks: %s", told(error))
            self._news.wait(self._pause_seconds)
            self._news.clear()

    def work(self) -> None:
        """One round."""
        raise NotImplementedError

    def _now_and_then(self, clean: Callable[[], int]) -> None:
        if self._cleaned_at is None or time.monotonic() - self._cleaned_at > CLEANING_SECONDS:
            clean()
            self._cleaned_at = time.monotonic()


class Deliverer(Loop):
    """Starts the flows of what other systems told us."""

    def __init__(self, keys: WebhookKeys, *, pause_seconds: float = PAUSE_SECONDS) -> None:
        super().__init__(pause_seconds=pause_seconds)
        self._keys = keys

    def work(self) -> None:
        """Start what is due, forget what is old, know the secrets."""
        from tasks.webhooks import deliver_due, drop_old_bodies  # noqa: PLC0415  # as in gateway/systems.py

        delivery = deliver_due()
        for problem in delivery.problems:
            logger.error("webhook %s", problem)
        if delivery.started:
            logger.info("webhooks iniciados: %d", delivery.started)
        self._now_and_then(drop_old_bodies)
        self._keys.refresh()


class Sender(Loop):
    """Tells other systems what happened."""

    def work(self) -> None:
        """Send what is due, forget what is old."""
        from tasks.outgoing import forget_old, send_due  # noqa: PLC0415  # as above

        sending = send_due()
        for problem in sending.problems:
            logger.warning("webhook para %s", problem)
        if sending.delivered:
            logger.info("webhooks entregues: %d", sending.delivered)
        self._now_and_then(forget_old)
