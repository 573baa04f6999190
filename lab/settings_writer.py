"""The settings file through which commands and flow runs find the lab."""

import json
import tomllib

from lab.layout import write_private
from lab.state import LabState


def write_settings(state: LabState) -> None:
    """Write the lab's addresses into its settings file; what an operator added there stays."""
    ours: dict[str, object] = {
        "registry_url": state.mariadb.registry_url.get_secret_value(),
        "prefect_api_url": state.prefect.api_url,
        "lab_dir": str(state.lab_dir),
    }
    try:
        present = tomllib.loads(state.settings_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        present = {}
    wanted = present | ours
    if wanted != present:
        # The settings are flat texts, numbers and truth values: JSON writes those as TOML does.
        lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in wanted.items())
        write_private(state.settings_file, "".join(lines))
