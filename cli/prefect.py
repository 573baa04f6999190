"""Prefect as this installation uses it: settled in the environment, which its library and its programs read."""

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from blocks.settings import PROJECT_ROOT, Settings, load_settings, settings_file
from domain.errors import InvalidInputError
from lab.layout import Layout
from tasks.prefect_errors import explaining_prefect, require_answer


def connect(*, quiet: bool = True) -> Settings:
    """Point this process's Prefect at the configured server.

    Raises:
        InvalidInputError: this installation is not configured, or the server does not accept its credentials.
        RetryableError: the server does not answer.
    """
    settings = load_settings()
    require_answer(settings.prefect_api_url)
    settle(settings, quiet=quiet)
    _require_access()
    return settings


def settle(settings: Settings, *, quiet: bool = True) -> None:
    """Point this process's Prefect at the configured server, without asking whether it is there."""
    os.environ.update(
        PREFECT_API_URL=settings.prefect_api_url,
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        IMPLANTA_ROOT=str(PROJECT_ROOT),
        IMPLANTA_SETTINGS=str(settings_file()),
    )
    if settings.prefect_api_auth is not None:
        os.environ["PREFECT_API_AUTH_STRING"] = settings.prefect_api_auth.get_secret_value()
    if settings.lab_dir is not None:
        # Each of Prefect's clients would read the roots of the whole web, for an address without TLS.
        os.environ.setdefault("PREFECT_API_SSL_CERT_FILE", str(Layout(settings.lab_dir).ca_file))
    if quiet:
        # The command line tells the story itself. What failed is kept beside its run all the same, in the server.
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        # A server that fails takes no logs either: that it did not is no second error beside the first.
        logging.raiseExceptions = False
    _settle_again()


def _settle_again() -> None:
    """Let a Prefect that is imported already read what was just settled.

    Bringing the lab up imports it, for the edge is a block; left as it is, it would start a server of its own and keep
    blocks and runs there.
    """
    if "prefect" in sys.modules:
        from prefect.context import refresh_global_settings_context
        from prefect.logging.configuration import setup_logging

        refresh_global_settings_context()
        setup_logging()


def _require_access() -> None:
    # The server tells its health to anybody; only its client knows every way in which credentials are configured.
    from prefect.client.orchestration import get_client

    with explaining_failures(), get_client(sync_client=True) as client:
        client.api_version()


@contextmanager
def explaining_failures() -> Iterator[None]:
    """Turn what Prefect's client raises when its server fails, refuses or is away into one line.

    Raises:
        RetryableError: the server did not answer, or failed.
        InvalidInputError: it does not accept this installation's credentials, or the flow not what was typed.
        IntegrityError: it does not understand the call.
    """
    from prefect.exceptions import ParameterTypeError

    try:
        with explaining_prefect(os.environ["PREFECT_API_URL"]):
            yield
    except ParameterTypeError as e:
        fields = ", ".join(re.findall(r"^ - (\w+)", str(e), re.MULTILINE))
        raise InvalidInputError(
            f"Valor recusado: {fields}",
            "linha de comando",
            "Escreva por inteiro: um motivo tem ao menos 5 letras, um papel 3. Veja o comando com --help.",
        ) from None  # the error may quote what was typed
