"""How long an upgrade keeps people out, and what everything around the release's own steps costs.

Everything is measured in one run, on one private lab. Each round has two prefeituras with the same rows and files, both
of the old version and in use; one is rehearsed. Then in the other the release's scripts are run bare, one after the
other, by hand, and right after it the rehearsed one is upgraded by the product: machines change their speed within
minutes, and five rounds tell more than three. All the while a client asks the edge for the sign-in page over and over.
Down is from the first answer that is not that page to the next one that is. The median of the rounds of average
prefeituras counts; a round of a large one, with ten times their rows, shows what of the overhead grows with them.

The lab's scripts take seconds where the release itself expects minutes (`catalog/releases.yaml`): the ratios are of
what was measured, and `downtime_over_steps_as_expected` says what the same overhead is beside steps of that length.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import TYPE_CHECKING

import httpx

from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio, median_ratio
from bench.synthetic import Size, fill
from cli.output import talk

if TYPE_CHECKING:
    from pydantic import SecretStr

    from tasks.instance import Instance

LIMIT = 1.5
OLD, NEW = "4.0.0", "4.1.0"
Place = tuple[str, str, int]
"""IBGE code, name and population."""

AVERAGE: tuple[tuple[Place, Place], ...] = (
    (("3168606", "Teófilo Otoni", 141269), ("3138203", "Lavras", 105756)),
    (("3144805", "Nova Lima", 97378), ("3170404", "Unaí", 87000)),
    (("3147907", "Passos", 115970), ("3125101", "Extrema", 37649)),
    (("3105608", "Barbacena", 139061), ("3103504", "Araguari", 118361)),
    (("3170701", "Varginha", 137608), ("3118304", "Conselheiro Lafaiete", 130584)),
)
LARGE: tuple[Place, Place] = (("3143302", "Montes Claros", 417478), ("3127701", "Governador Valadares", 282164))
# An upgrade leaves files alone: as many as an average prefeitura has, and short ones.
LARGE_SIZE = replace(Size().part(10), attachments=Size().attachments, attachment_bytes=2_000)
_ASK_SECONDS = 0.05
# A backup does not vouch for a table that was written within the seconds before it: it would be taken a second time.
_AT_REST_SECONDS = 8


@dataclass
class Rounds:
    """Seconds of each round."""

    bare: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    rehearsal: list[float] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)

    def ratio(self) -> float:
        """The downtime over the bare steps, the median of the rounds."""
        return median_ratio(self.down, self.bare)


def measure() -> BenchResult:
    """Both sides of every round, the bare one first."""
    average, large = Rounds(), Rounds()
    with private_lab():
        for number, pair in enumerate(AVERAGE):
            _round(pair, Size(), number, average)
        _round(LARGE, LARGE_SIZE, len(AVERAGE), large)
    overhead = median(down - bare for down, bare in zip(average.down, average.bare, strict=True))
    return BenchResult(
        name="upgrade",
        figures={
            "bare_steps": Figure(value=median(average.bare), unit="s"),
            "downtime": Figure(value=median(average.down), unit="s"),
            "whole_upgrade": Figure(value=median(average.whole), unit="s"),
            "rehearsal": Figure(value=median(average.rehearsal), unit="s"),
            "overhead_while_closed": Figure(value=overhead, unit="s"),
            "downtime_over_steps_as_expected": Figure(value=1 + overhead / _expected_seconds(), unit="×"),
            "bare_steps_of_a_large_one": Figure(value=median(large.bare), unit="s"),
            "downtime_of_a_large_one": Figure(value=median(large.down), unit="s"),
            **{
                f"step_{name.replace(' ', '_')}": Figure(value=median(one[name] for one in average.steps), unit="s")
                for name in average.steps[0]
            },
        },
        ratios={
            "downtime_over_bare_steps": Ratio(value=average.ratio(), limit=LIMIT),
            "downtime_over_bare_steps_of_a_large_one": Ratio(value=large.ratio(), limit=LIMIT),
        },
    )


def _round(pair: tuple[Place, Place], size: Size, seed: int, rounds: Rounds) -> None:
    by_hand, upgraded = (_create(*place, size, seed) for place in pair)
    time.sleep(_AT_REST_SECONDS)
    _rehearse(upgraded, rounds)
    with asking_the_edge(by_hand):
        rounds.bare.append(_run_bare(by_hand))
    _upgrade(upgraded, rounds)
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in rounds.steps[-1].items())
    talk.print(f"passos {rounds.bare[-1]:.1f} s; fechado {rounds.down[-1]:.1f} s; {told}", highlight=False)


def _expected_seconds() -> float:
    """How long the catalog expects the release's steps to take."""
    from blocks.catalog import Catalog

    release = Catalog().releases().find(NEW)
    way = release.upgrade_from(OLD) if release else None
    return 60.0 * (way.minutes if way else 1)


def _create(ibge: str, name: str, population: int, size: Size, seed: int) -> "Instance":
    """A training environment of the old version, with two years of work of that size."""
    from blocks.catalog import Catalog
    from cli.municipality import open_registry
    from domain.environment import EnvironmentName, Purpose
    from domain.municipality import municipality_from
    from domain.plan import choose_plan
    from flows.create_environment import create_environment
    from tasks import clock, doors
    from tasks.adhesion import adhere
    from tasks.instance import load_instance
    from tasks.use_test import prove_use

    catalog = Catalog()
    municipality = municipality_from(ibge, name, population, catalog.ibge_table())
    adhere(open_registry(), municipality, choose_plan(population, catalog.plans()))
    create_environment(municipality.slug, Purpose.TREINAMENTO, OLD)
    found = load_instance(EnvironmentName(municipality=municipality.slug, purpose=Purpose.TREINAMENTO).slug)
    names, root = found.name, Path(doors.runtime().repository_path(found.name))
    fill(found.server, names.database_sip, names.database_sei, root, size=size, seed=seed, today=clock.today())
    # It is in use: of one in which nobody ever signed in, the first sign-in pays for both access keys (bcrypt).
    if not (used := prove_use(found)).passed:
        raise RuntimeError(used.text)
    return found


def _run_bare(instance: "Instance") -> float:
    """Only what the release itself asks for: its scripts, on databases that nobody works in."""
    from domain.code import Code
    from domain.upgrade.release import ScriptStep
    from tasks import doors
    from tasks.configuration import configuration
    from tasks.upgrade_plan import plan_upgrade

    application, secrets = doors.runtime(), doors.environment_secrets(instance.name.slug)
    steps = [step for step in plan_upgrade(instance, NEW).way.steps if isinstance(step, ScriptStep)]
    application.stop(instance.name)
    made = configuration(instance, application, secrets, maintenance=True, modules=()).groups()
    application.deploy(instance.name, Code(version=NEW), made)
    credentials = _login(instance)
    started = time.perf_counter()
    for step in steps:
        output = application.exec_script(instance.name, step.path, credentials, 3600)
        if output.exit_code:
            raise RuntimeError(output.output)
    return time.perf_counter() - started


def _login(instance: "Instance") -> list["SecretStr"]:
    from pydantic import SecretStr

    return [SecretStr(instance.server.user), instance.server.password]


def _rehearse(instance: "Instance", rounds: Rounds) -> None:
    from tasks.upgrade_rehearsal import rehearse

    started = time.perf_counter()
    record = rehearse(instance.name.slug, NEW)
    rounds.rehearsal.append(time.perf_counter() - started)
    if not record.ok:
        raise RuntimeError(str(record.failure))


def _upgrade(instance: "Instance", rounds: Rounds) -> None:
    from flows.upgrade_environment import upgrade_environment

    with asking_the_edge(instance) as down:
        report = upgrade_environment(instance.name.slug, NEW, "operação", "medição")
    rounds.whole.append(report.seconds)
    rounds.down.append(sum(down))
    rounds.steps.append({step.name: step.seconds for step in report.steps})


@contextmanager
def asking_the_edge(instance: "Instance") -> Iterator[list[float]]:
    """Ask for the sign-in page as the public does; the list has the seconds of each time without it."""
    from blocks.http_client import client_for
    from tasks import doors

    down: list[float] = []
    left = Event()

    def ask() -> None:
        since: float | None = None
        with client_for(doors.edge().address(instance.name)) as client:
            while not left.is_set():
                try:
                    answer = client.get("/sip/login.php", params={"sigla_sistema": "SEI"})
                    serves = answer.status_code == HTTPStatus.OK and "txtUsuario" in answer.text
                except httpx.HTTPError:
                    serves = False
                now = time.perf_counter()
                if not serves and since is None:
                    since = now
                elif serves and since is not None:
                    down.append(now - since)
                    since = None
                left.wait(_ASK_SECONDS)

    asking = Thread(target=ask)
    asking.start()
    try:
        yield down
        time.sleep(1)  # the first page after the opening has to be seen
    finally:
        left.set()
        asking.join()
