"""Running the program as an operator does: on a lab of one's own, with nothing of the session's in the environment."""

import os
from pathlib import Path

REFERENCE = "IMPLANTA_REFERENCE_DIR"


def operator_environment(lab: Path, *, official: bool = True) -> dict[str, str]:
    """The environment variables of a run on this lab; without `official` it knows no directory of official dumps.

    Whatever the session's own lab left there would send a part of the run to that one.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("IMPLANTA_", "PREFECT_"))}
    reference = {REFERENCE: os.environ[REFERENCE]} if official and REFERENCE in os.environ else {}
    return inherited | reference | {"IMPLANTA_LAB_DIR": str(lab)}
