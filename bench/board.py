"""How fast the board answers with all of Minas Gerais and of Brazil, at rest and while events come in."""

import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx
import psutil

from bench.board_fleet import fill_registry, members_of
from bench.result import BenchResult, Figure, Ratio
from domain.municipality import IbgeMunicipality
from gateway.form_tokens import FIELD
from lab import down, processes, up
from lab.layout import Layout
from lab.record import read_record
from lab.state import LabState
from painel.gate import PREFIX, SIGN_IN
from registry import Registry, migrate
from registry.board import BoardReader
from tasks.board_reading import read_board

MINAS_GERAIS, BRAZIL = "31", ""
_SERVICES = ("mariadb", "ldap", "painel")
_LIMIT_MS = 200.0
_TIMES = 20
_NIGHTS = {MINAS_GERAIS: 30, BRAZIL: 2}
_NEWS_SECONDS = 0.2
_PAGES = {
    "results": "",
    "matrix": "/prefeituras",
    "matrix_sought": "/prefeituras?q=sao&ordem=atraso",
    "matrix_whole": "/prefeituras?todas=sim",
    "clocks": "/prazos?situacao=todas",
    "environments": "/ambientes",
    "map": "/mapa",
}


def measure() -> BenchResult:
    """Milliseconds until the first byte of every page, the median and the worst of some, over HTTP and signed in."""
    figures: dict[str, Figure] = {}
    ratios: dict[str, Ratio] = {}
    for name, prefix in (("mg", MINAS_GERAIS), ("brazil", BRAZIL)):
        found = _measure(members_of(prefix), _NIGHTS[prefix])
        figures |= {f"{name}_{what}": figure for what, figure in found.items()}
        if name == "mg":
            for state in ("", "_with_news"):
                worst = max(found[f"{page}{state}"].value for page in _PAGES)
                ratios[f"mg_first_byte_ms{state}"] = Ratio(value=worst, limit=_LIMIT_MS)
    return BenchResult(name="board", figures=figures, ratios=ratios)


def _measure(places: tuple[IbgeMunicipality, ...], nights: int) -> dict[str, Figure]:
    with tempfile.TemporaryDirectory(prefix="implanta-bench-") as name:
        folder = Path(name)
        try:
            state = up(folder, services=_SERVICES)
            migrate(state.mariadb.registry_url)
            events = fill_registry(state.mariadb.registry_url, places, datetime.now(UTC), nights=nights)
            figures = {
                "prefeituras": Figure(value=len(places), unit="prefeituras"),
                "events": Figure(value=events, unit="events"),
                **_reading(state),
            }
            with _signed_in(state) as client:
                for page, path in _PAGES.items():
                    figures |= _times(page, client, path)
                with _news(state):
                    for page, path in _PAGES.items():
                        figures |= _times(f"{page}_with_news", client, path)
            return figures | {"memory": Figure(value=_memory_mib(folder), unit="MiB")}
        finally:
            down(folder)


def _reading(state: LabState) -> dict[str, Figure]:
    """How long the whole board takes to read: the first time with the law's holidays of all states, then without."""
    reader, taken = BoardReader(state.mariadb.registry_url), []
    for _ in range(2):
        began = perf_counter()
        read_board(reader, datetime.now(UTC))
        taken.append(perf_counter() - began)
    reader.dispose()
    return {"read_first": Figure(value=taken[0], unit="s"), "read_again": Figure(value=taken[1], unit="s")}


@contextmanager
def _signed_in(state: LabState) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=state.painel.url.removesuffix(PREFIX), trust_env=False, timeout=120) as client:
        found = re.search(rf'name="{FIELD}" value="([^"]*)"', client.get(SIGN_IN).text)
        assert found
        form = {FIELD: found[1], "login": "leitura", "senha": state.painel.password.get_secret_value()}
        client.post(SIGN_IN, data=form)
        client.get(PREFIX).raise_for_status()  # the first page of all waits for the first reading
        yield client


def _times(name: str, client: httpx.Client, path: str) -> dict[str, Figure]:
    taken = []
    for _ in range(_TIMES):
        began = perf_counter()
        with client.stream("GET", PREFIX + path) as answer:
            answer.raise_for_status()
            pieces = answer.iter_raw()
            next(pieces)
            taken.append(1000 * (perf_counter() - began))
            for _piece in pieces:
                pass
    return {name: Figure(value=median(taken), unit="ms"), f"{name}_worst": Figure(value=max(taken), unit="ms")}


@contextmanager
def _news(state: LabState) -> Iterator[None]:
    """Something happens five times a second, so that the board is read anew all the time."""
    registry, ended = Registry(state.mariadb.registry_url), threading.Event()
    ibge = registry.list_municipalities()[0].ibge

    def tell() -> None:
        while not ended.wait(_NEWS_SECONDS):
            registry.record_event("message.sent", ibge=ibge, actor="implanta", details={})

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        registry.dispose()


def _memory_mib(folder: Path) -> float:
    record = read_record(Layout(folder.resolve()).record_file)
    assert record is not None
    process: psutil.Process | None = processes.find(record.processes["painel"], folder.resolve())
    return process.memory_info().rss / (1 << 20) if process else 0.0
