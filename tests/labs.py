"""Labs that end with whoever started them."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from blocks.settings import Settings
from lab import down, up


def prefect_credentials(settings: Settings) -> tuple[str, str]:
    """User and password of programs at the lab's Prefect server."""
    assert settings.prefect_api_auth is not None
    user, _, password = settings.prefect_api_auth.get_secret_value().partition(":")
    return user, password


@contextmanager
def lab_up(services: Sequence[str]) -> Iterator[Path]:
    """The directory of a lab whose services are up."""
    directory = Path(tempfile.mkdtemp(prefix="implanta-lab-")).resolve()
    try:
        up(directory, services=services)
        yield directory
    finally:
        down(directory, destroy=True)
