"""What the slow tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: nowhere that lasts, unless somebody asks for them."""
    wanted = os.environ.get("IMPLANTA_SCREENSHOTS")
    return Path(wanted).resolve() if wanted else tmp_path_factory.mktemp("telas")
