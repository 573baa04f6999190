"""Small labs for the tests that stop, destroy or fill them; the session's own stays up."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import down


@pytest.fixture
def small_lab() -> Iterator[Path]:
    """The directory of a lab that is not up yet; whatever the test starts in it is stopped at the end."""
    directory = Path(tempfile.mkdtemp(prefix="implanta-small-")).resolve()
    try:
        yield directory
    finally:
        down(directory, destroy=True)
        shutil.rmtree(directory, ignore_errors=True)
