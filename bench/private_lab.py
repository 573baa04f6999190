"""A lab of the bench's own, and this process as an installation of the product on it."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_lab(profile: str = "embedded", services: Iterable[str] | None = None) -> Iterator[Path]:
    """Run what is inside on fresh servers; Prefect is imported only now, when it can be told where to go."""
    import lab

    with tempfile.TemporaryDirectory(prefix="implanta-bench-") as name:
        folder = Path(name)
        os.environ["IMPLANTA_LAB_DIR"] = str(folder)
        os.environ.pop("IMPLANTA_SETTINGS", None)
        try:
            lab.up(folder, profile=profile, services=services)
            from cli.prefect import connect

            settings = connect()
            from cli.deploy import deploy

            deploy(settings)
            yield folder
        finally:
            lab.down(folder)
