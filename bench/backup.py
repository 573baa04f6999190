"""What a proved backup costs: the product's night of one average prefeitura, against an operator's pipeline.

Everything is measured in one run, on one private lab. Each round has a prefeitura of its own, created and filled with
two years of work from the round's seed, so that both sides begin with an empty bucket; then come its nights: the first
whole, the others after one more working day (1 % more of everything). Product and pipeline take turns, the product
first, on the same rows and files. Ratios are of one night, and their median counts. Both sides restore: the product as
it does every night, the pipeline into a MariaDB as a package leaves it, whose start is not counted. The product's night
is a process of its own, as in production. Its memory is taken in one more night that nobody times, because looking at
it takes time.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.peak_memory import peak_memory
from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio, median_ratio
from bench.shell_backup import run_shell_cycle
from bench.synthetic import Size, fill, grow
from cli.output import talk

if TYPE_CHECKING:
    from tasks.instance import Instance

FIRST_LIMIT = 0.9
FOLLOWING_LIMIT = 0.6
MEMORY_LIMIT_MB = 600
FLEET = 853
WINDOW_SECONDS = 4 * 3600

# Members of the programme, by IBGE code: one a round.
PREFEITURAS = (
    ("3168606", "Teófilo Otoni", 141269),
    ("3138203", "Lavras", 105756),
    ("3144805", "Nova Lima", 97378),
)
FOLLOWING_NIGHTS = 1
DAILY_SHARE = 0.01
FIRST_DAY = date(2026, 11, 27)
SHELL_BUCKET = "bancada-roteiro"


@dataclass
class Nights:
    """Seconds of both sides, night by night."""

    product: list[float] = field(default_factory=list)
    shell: list[float] = field(default_factory=list)
    stages: list[dict[str, float]] = field(default_factory=list)

    def ratio(self) -> float:
        """The product's seconds over the pipeline's, the median of the nights."""
        return median_ratio(self.product, self.shell)


def measure() -> BenchResult:
    """Three rounds of nights, and one night more for memory."""
    with private_lab():
        first, following = Nights(), Nights()
        for number, prefeitura in enumerate(PREFEITURAS):
            instance = _create(*prefeitura)
            _fill(instance, seed=number)
            _night(instance, FIRST_DAY, first)
            for night in range(1, FOLLOWING_NIGHTS + 1):
                day = FIRST_DAY + timedelta(days=night)
                _grow(instance, day)
                _night(instance, day, following)
        day += timedelta(days=1)
        _grow(instance, day)
        memory = _memory(instance)
    return BenchResult(
        name="backup",
        figures={
            "first_night": Figure(value=median(first.product), unit="s"),
            "first_night_pipeline": Figure(value=median(first.shell), unit="s"),
            "following_night": Figure(value=median(following.product), unit="s"),
            "following_night_pipeline": Figure(value=median(following.shell), unit="s"),
            **{
                f"pipeline_{stage}": Figure(value=median(night[stage] for night in first.stages), unit="s")
                for stage in first.stages[0]
            },
            "memory": Figure(value=memory, unit="MB"),
        },
        ratios={
            "first_night_over_pipeline": Ratio(value=first.ratio(), limit=FIRST_LIMIT),
            "following_night_over_pipeline": Ratio(value=following.ratio(), limit=FOLLOWING_LIMIT),
            "memory_over_600_mb": Ratio(value=memory / MEMORY_LIMIT_MB, limit=1),
            "fleet_over_4_hours": Ratio(value=median(following.product) * FLEET / WINDOW_SECONDS, limit=1),
        },
    )


def _create(ibge: str, name: str, population: int) -> "Instance":
    """A prefeitura's production environment, as a creation leaves it, and the pipeline's bucket for it."""
    from blocks.catalog import Catalog
    from cli.municipality import open_registry
    from domain.environment import EnvironmentName, Purpose
    from domain.municipality import municipality_from
    from domain.plan import choose_plan
    from flows.create_environment import create_environment
    from tasks import doors
    from tasks.adhesion import adhere
    from tasks.instance import load_instance

    catalog = Catalog()
    municipality = municipality_from(ibge, name, population, catalog.ibge_table())
    adhere(open_registry(), municipality, choose_plan(population, catalog.plans()))
    create_environment(municipality.slug, Purpose.PRODUCAO)
    doors.object_storage().ensure_bucket(SHELL_BUCKET)
    return load_instance(EnvironmentName(municipality=municipality.slug, purpose=Purpose.PRODUCAO).slug)


def _repository(instance: "Instance") -> Path:
    from tasks import doors

    return Path(doors.runtime().repository_path(instance.name))


def _fill(instance: "Instance", seed: int) -> None:
    name = instance.name
    fill(
        instance.server,
        name.database_sip,
        name.database_sei,
        _repository(instance),
        size=Size(),
        seed=seed,
        today=FIRST_DAY,
    )


def _grow(instance: "Instance", day: date) -> None:
    name = instance.name
    grow(
        instance.server,
        name.database_sip,
        name.database_sei,
        _repository(instance),
        share=DAILY_SHARE,
        seed=day.toordinal(),
        today=day,
    )


def _night(instance: "Instance", day: date, nights: Nights) -> None:
    """Both sides, one after the other."""
    _product(instance, nights)
    _shell(instance, day, nights)
    talk.print(
        f"{instance.name.slug} · {day}: {nights.product[-1]:.1f} s; roteiro {nights.shell[-1]:.1f} s", highlight=False
    )


def _product(instance: "Instance", nights: Nights) -> None:
    done = subprocess.run(_command(instance), check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout)
    nights.product.append(float(told["whole"]))
    talk.print(", ".join(f"{stage} {seconds:.1f}" for stage, seconds in told.items()), highlight=False)


def _memory(instance: "Instance") -> float:
    """The peak of one night of the product, in MB."""
    with (
        subprocess.Popen(_command(instance), stdout=subprocess.DEVNULL) as process,
        peak_memory(process.pid) as peak,
    ):
        code = process.wait()
    if code:
        raise subprocess.CalledProcessError(code, process.args)
    return peak.mib * 1.048576


def _command(instance: "Instance") -> list[str]:
    return [sys.executable, "-m", "bench.backup_night", instance.name.slug]


def _shell(instance: "Instance", day: date, nights: Nights) -> None:
    from tasks import doors

    name = instance.name
    stages = run_shell_cycle(
        instance.server,
        name.database_sip,
        name.database_sei,
        _repository(instance),
        doors.object_storage(),
        bucket=SHELL_BUCKET,
        night=f"{name.slug}/{day}",
    )
    nights.shell.append(sum(stages.values()))
    nights.stages.append(stages)
