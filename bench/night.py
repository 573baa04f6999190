"""A fleet's night: the nightly flow over many average prefeituras, and what that makes for all of the programme.

Each environment is created and filled with two years of work from a seed of its own. The night is their first, when
every byte is new, and so the longest that the fleet ever has at once; it runs as the schedule runs it, as many at once
as the catalog says. `IMPLANTA_BENCH_ENVIRONMENTS` changes how many there are.
"""

import os
from itertools import islice
from pathlib import Path
from statistics import median
from time import monotonic

from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio
from cli.output import talk
from domain.errors import ImplantaError

ENVIRONMENTS = 40
FLEET = 853
WINDOW_SECONDS = 4 * 3600
_UF = "MG"
_POPULATION = 91_268  # only the plan comes of it; the work is the average of the programme's members


def measure() -> BenchResult:
    """Create and fill them, then time one night."""
    count = int(os.environ.get("IMPLANTA_BENCH_ENVIRONMENTS", ENVIRONMENTS))
    with private_lab():
        names = [_make(*member) for member in enumerate(_members(count))]
        from flows.nightly_backup import nightly_backup

        started = monotonic()
        try:
            report = nightly_backup(names)
        except ImplantaError:
            _tell_reasons(names)  # the lab, with the artifact that has them, is about to go
            raise
        seconds = monotonic() - started
    each = seconds / count
    own = sorted(
        sum(one.seconds.get(part, 0) for part in ("cópia", "verificação")) for one in report.certificates.values()
    )
    return BenchResult(
        name="night",
        figures={
            "environments": Figure(value=count, unit=""),
            "night": Figure(value=seconds, unit="s"),
            "each": Figure(value=each, unit="s"),
            "own_time_median": Figure(value=median(own), unit="s"),
            "own_time_longest": Figure(value=own[-1], unit="s"),
            "fleet": Figure(value=each * FLEET / 3600, unit="h"),
        },
        ratios={"fleet_over_4_hours": Ratio(value=each * FLEET / WINDOW_SECONDS, limit=1)},
    )


def _members(count: int) -> list[tuple[str, str]]:
    """Codes and names of so many municipalities of one state."""
    from blocks.catalog import Catalog

    table = Catalog().ibge_table()
    return [(code, name) for name, code in islice(sorted(table.codes_by_uf[_UF].items()), count)]


def _tell_reasons(names: list[str]) -> None:
    from tasks.backup_history import backups_of
    from tasks.instance import load_instance

    for name in names:
        for record in backups_of(load_instance(name)):
            if record.certificate is not None and not record.proved:
                talk.print(f"{name}: {record.certificate.reasons}", highlight=False)


def _make(seed: int, member: tuple[str, str]) -> str:
    from bench.backup import FIRST_DAY
    from bench.synthetic import Size, fill
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
    municipality = municipality_from(member[0], member[1].title(), _POPULATION, catalog.ibge_table())
    adhere(open_registry(), municipality, choose_plan(_POPULATION, catalog.plans()))
    create_environment(municipality.slug, Purpose.PRODUCAO)
    name = EnvironmentName(municipality=municipality.slug, purpose=Purpose.PRODUCAO)
    instance = load_instance(name.slug)
    repository = Path(doors.runtime().repository_path(name))
    fill(instance.server, name.database_sip, name.database_sei, repository, size=Size(), seed=seed, today=FIRST_DAY)
    talk.print(f"{seed + 1} · {name.slug}", highlight=False)
    return name.slug
