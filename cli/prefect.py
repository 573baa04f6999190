"""Prefect as this installation uses it: settled before its library is imported, because it reads settings then."""

import os

from blocks.settings import PROJECT_ROOT, Settings, load_settings, settings_file


def connect(*, quiet: bool = True) -> Settings:
    """Point this process's Prefect at the configured server.

    Raises:
        InvalidInputError: this installation is not configured.
    """
    settings = load_settings()
    os.environ.update(
        PREFECT_API_URL=settings.prefect_api_url,
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        IMPLANTA_ROOT=str(PROJECT_ROOT),
        IMPLANTA_SETTINGS=str(settings_file()),
    )
    if quiet:
        # The command line tells the story itself. What failed is kept beside its run all the same, in the server.
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    return settings
