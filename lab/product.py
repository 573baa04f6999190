"""How the lab starts a server of the product itself."""

import sys

from blocks.settings import PROJECT_ROOT
from lab.mariadb import registry_url
from lab.ports import HOST
from lab.prefect_server import api_url, auth_string
from lab.processes import Launch
from lab.service import Service


def product_launch(service: Service, group: str, **more: str) -> Launch:
    """`./implanta GROUP serve` at the service's port, behind a proxy of this machine; `more` is its own settings."""
    return Launch(
        argv=(
            *(sys.executable, "-P", "-m", "cli", group, "serve"),
            *("--host", HOST, "--port", str(service.port()), "--proxy", HOST),
        ),
        cwd=PROJECT_ROOT,
        env={
            "PREFECT_HOME": str(service.home),
            "IMPLANTA_SETTINGS": str(service.layout.settings_file),
            "IMPLANTA_LAB_DIR": str(service.layout.root),
            # The first `up` writes the settings file when everything is up.
            "IMPLANTA_REGISTRY_URL": registry_url(service.record),
            "IMPLANTA_PREFECT_API_URL": api_url(service.port("prefect")),
            "IMPLANTA_PREFECT_API_AUTH": auth_string(service.record),
            **more,
        },
    )
