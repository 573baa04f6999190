"""What orchestration costs: the demo's lifecycle through Prefect against the same task functions called plainly.

Both sides run in turn in one process, on one private lab, each time with a municipality that is new to it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import monotonic
from types import ModuleType

from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio
from cli.output import talk

LIMIT = 1.5
PAIRS = 3
# Members of the programme, by IBGE code, all given Timóteo's example people so that every lifecycle does the same work.
MUNICIPALITIES = (
    ("3154606", "Ribeirão das Neves"),
    ("3168606", "Teófilo Otoni"),
    ("3138203", "Lavras"),
    ("3144805", "Nova Lima"),
    ("3170404", "Unaí"),
    ("3152006", "Pompéu"),
    ("3117504", "Conceição do Mato Dentro"),
)
POPULATION = 91268


def measure() -> BenchResult:
    """Time both sides on a warm server, taking turns at going first; the ratio is the median of the pairs'."""
    with private_lab():
        municipalities = iter(MUNICIPALITIES)
        _time("aquecimento", _lifecycle, next(municipalities))
        through_prefect: list[float] = []
        plain: list[float] = []
        for pair in range(PAIRS):
            for side in ("prefect", "plain") if pair % 2 == 0 else ("plain", "prefect"):
                if side == "prefect":
                    through_prefect.append(_time("pelo Prefect", _told_lifecycle, next(municipalities)))
                else:
                    with _without_prefect():
                        plain.append(_time("sem o Prefect", _lifecycle, next(municipalities)))
    ratio = median(told / untold for told, untold in zip(through_prefect, plain, strict=True))
    return BenchResult(
        name="overhead",
        figures={
            "prefect": Figure(value=median(through_prefect), unit="s"),
            "plain": Figure(value=median(plain), unit="s"),
        },
        ratios={"prefect_over_plain": Ratio(value=ratio, limit=LIMIT)},
    )


def _time(label: str, work: Callable[[str, str], None], municipality: tuple[str, str]) -> float:
    started = monotonic()
    work(*municipality)
    seconds = monotonic() - started
    talk.print(f"{label} · {municipality[1]}: {seconds:.2f} s", highlight=False)
    return seconds


def _lifecycle(ibge: str, name: str) -> None:
    from blocks.catalog import Catalog
    from cli.demo import Demo, implant_one
    from cli.demo_people import Prefeitura
    from domain.municipality import municipality_from

    slug = municipality_from(ibge, name, POPULATION, Catalog().ibge_table()).slug
    demo = Demo(quiet=True)
    implant_one(
        demo,
        Prefeitura(ibge=ibge, name=name, slug=slug, population=POPULATION, example="timoteo", waives_training=True),
    )


def _told_lifecycle(ibge: str, name: str) -> None:
    """The lifecycle, and whatever of it is still to be told to the server when it ends: that is part of the cost."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    _lifecycle(ibge, name)
    EventsWorker.drain_all()
    APILogWorker.drain_all()


@contextmanager
def _without_prefect() -> Iterator[None]:
    """Put the plain function in the place of every task and flow, and publish no artifact."""
    from prefect import Flow, Task

    import flows.implantation
    import tasks.history
    import tasks.inspection

    def plain(value: object) -> object:
        if not isinstance(value, Flow | Task):
            return value
        # Where one step calls another as a plain function, it asks for it by this name.
        value.fn.__dict__["fn"] = value.fn
        return value.fn

    ours = [module for name, module in sys.modules.items() if name.split(".")[0] in {"flows", "tasks"}]
    before: list[tuple[ModuleType, str, object]] = []

    def put(module: ModuleType, name: str, value: object) -> None:
        before.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    for module in ours:
        for name, value in list(vars(module).items()):
            if plain(value) is not value:
                put(module, name, plain(value))
    put(
        flows.implantation,
        "PROCEDURE",
        tuple((plain(stage), arguments) for stage, arguments in flows.implantation.PROCEDURE),
    )
    for module in (tasks.history, tasks.inspection):
        put(module, "create_markdown_artifact", lambda **_: None)
    try:
        yield
    finally:
        for module, name, value in reversed(before):
            setattr(module, name, value)
