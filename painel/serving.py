"""The board as a process."""

import threading
import time
from collections.abc import Sequence

from blocks.catalog import Catalog
from blocks.operators import OperatorDirectory
from blocks.settings import Settings
from domain.board.access import Role
from gateway.serving import keep_log, listen, run
from painel.app import create_app
from painel.door import Door
from painel.exports import Exports
from painel.gate import Gate
from painel.pages import warm
from painel.prefect_subjects import PrefectSubjects
from painel.store import BoardStore
from painel.trail import Trail
from painel.views import Views
from registry.board import BoardReader


def serve(settings: Settings, host: str, port: int, proxies: Sequence[str] = ()) -> None:
    """Serve until a signal ends the process.

    Raises:
        InvalidInputError: nobody can listen there, or the operator's directory is not configured.
    """
    listener = listen(host, port)
    keep_log()
    warm()
    store = BoardStore(BoardReader(settings.board_registry_url or settings.registry_url))
    catalog = Catalog()
    gate = Gate(OperatorDirectory(settings), catalog.board().role_of, time.monotonic)
    # Without a door whoever reaches Prefect may do everything there.
    prefect_url = f"{settings.door_url}/v2/" if settings.door_url else settings.prefect_api_url.removesuffix("/api")
    prefect_for = Role.LEITURA if settings.door_url else Role.OPERACAO
    views = Views(store, gate, Exports(), prefect_url, settings.municipality_places, prefect_for=prefect_for)
    subjects = PrefectSubjects(settings.prefect_api_url, settings.prefect_api_auth)
    trail = Trail(settings.door_trail) if settings.door_trail else None
    door = Door(gate, catalog.prefect_access(), subjects, trail)
    threading.Thread(target=store.run, daemon=True).start()
    run(create_app(views, gate, door, proxies=proxies), listener)
