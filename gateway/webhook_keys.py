"""The secrets of the sources as this process knows them: what it knew last serves while Prefect is down."""

from collections.abc import Callable
from threading import Lock

from pydantic import SecretStr

from domain.errors import RetryableError
from domain.model import Frozen
from domain.webhook.contracts import Source
from gateway.systems import RELOAD_SECONDS


class _Known(Frozen):
    secrets: tuple[SecretStr, ...]
    looked_at: float


class WebhookKeys:
    """Looks at a source's block once a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[Source, _Known] = {}
        self._lock = Lock()

    def of(self, source: Source) -> tuple[SecretStr, ...]:
        """Every secret that a signature of the source may be of; none while nobody made one.

        Raises:
            RetryableError: Prefect does not answer, and did not yet since this process began.
        """
        with self._lock:
            known, now = self._known.get(source), self._clock()
            if known is None or now - known.looked_at >= RELOAD_SECONDS:
                known = _Known(secrets=self._look(source, known), looked_at=now)
                self._known[source] = known
            return known.secrets

    def refresh(self) -> None:
        """Know the secrets of every source before somebody sends anything.

        Raises:
            RetryableError: as `of`.
        """
        for source in Source:
            self.of(source)

    @staticmethod
    def _look(source: Source, known: _Known | None) -> tuple[SecretStr, ...]:
        from tasks.webhook_secrets import find_secrets  # noqa: PLC0415  # seconds of libraries, as in gateway/systems.py

        try:
            found = find_secrets(source)
        except RetryableError:
            if known is None:
                raise
            return known.secrets
        return () if found is None else found.accepted()
