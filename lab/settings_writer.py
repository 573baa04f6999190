"""The settings file through which commands and flow runs find the lab."""

import json
import os
import tomllib
from pathlib import Path

from lab.layout import Layout, write_private
from lab.state import LabState

WORKERS_OF_A_SERVER = 2
"""How many workers of the profile `scale` work on the databases of one server."""


def write_settings(state: LabState) -> None:
    """Write the lab's addresses into its settings file; what an operator added there stays.

    `IMPLANTA_REFERENCE_DIR` is remembered: a later shell without it would quietly work from the reduced references.
    """
    ours: dict[str, object] = {
        "registry_url": state.mariadb.registry_url.get_secret_value(),
        "prefect_api_url": state.prefect.api_url,
        "prefect_api_auth": state.prefect.auth.get_secret_value(),
        "prefect_database": state.prefect.database_url.get_secret_value(),
        "lab_dir": str(state.lab_dir),
        "scratch_dir": str(Layout(state.lab_dir).scratch_dir),
        "dns_block": "implanta-rfc2136-zone/principal",
        "training_block": "implanta-moodle/principal",
        "board_url": state.painel.url,
        "door_url": state.porta.url,
        "door_trail": str(state.porta.trail),
        "operators_url": state.painel.operators_url,
        "operators_account": state.painel.operators_account,
        "operators_password": state.painel.operators_password.get_secret_value(),
        "operators_people": state.painel.operators_people,
        "operators_groups": state.painel.operators_groups,
        "operators_authority": str(state.painel.operators_authority),
    }
    if state.prefect.is_in_parts:
        ours["fleet_parts_per_server"] = WORKERS_OF_A_SERVER
    if reference_dir := os.environ.get("IMPLANTA_REFERENCE_DIR"):
        ours["reference_dir"] = str(Path(reference_dir).resolve())
    present = _read(state.settings_file)
    wanted = present | ours
    if wanted != present:
        # The settings are flat texts, numbers and truth values: JSON writes those as TOML does.
        lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in wanted.items())
        write_private(state.settings_file, "".join(lines))


def reference_dir(settings_file: Path) -> Path | None:
    """The directory of references that commands will find in the settings; None for the project's own."""
    named = os.environ.get("IMPLANTA_REFERENCE_DIR") or _read(settings_file).get("reference_dir")
    return Path(str(named)) if named else None


def _read(settings_file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(settings_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
