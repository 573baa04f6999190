"""The settings file through which commands and flow runs find the lab."""

import json
import os
import tomllib
from pathlib import Path

from lab.layout import write_private
from lab.state import LabState


def write_settings(state: LabState) -> None:
    """Write the lab's addresses into its settings file; what an operator added there stays.

    `IMPLANTA_REFERENCE_DIR` is remembered: a later shell without it would quietly work from the reduced references.
    """
    ours: dict[str, object] = {
        "registry_url": state.mariadb.registry_url.get_secret_value(),
        "prefect_api_url": state.prefect.api_url,
        "lab_dir": str(state.lab_dir),
        "scratch_dir": str(state.lab_dir / "rascunhos"),
        "dns_block": "implanta-rfc2136-zone/principal",
        "training_block": "implanta-moodle/principal",
    }
    if reference_dir := os.environ.get("IMPLANTA_REFERENCE_DIR"):
        ours["reference_dir"] = str(Path(reference_dir).resolve())
    try:
        present = tomllib.loads(state.settings_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        present = {}
    wanted = present | ours
    if wanted != present:
        # The settings are flat texts, numbers and truth values: JSON writes those as TOML does.
        lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in wanted.items())
        write_private(state.settings_file, "".join(lines))
