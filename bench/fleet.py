"""A fleet's nightly routine on the lab's profile `scale`: how many environments a second, and what dies on the way.

Each environment is registered, with the two databases of the reduced reference (178 tables) on one of two servers. The
routine is the map of the versions, as its schedule runs it: for each environment it opens both databases, reads
versions, modules and parameters, holds the structure of every table against the reference's, and tells the registry
what is new. It is the shortest routine that looks into every environment, so what is measured is the fan-out.
"""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from time import monotonic

from bench.fleet_watch import FLEET_WORKERS, Night, children_too, kill, run_routine
from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio
from cli.output import talk

FLEET = 853
SIZES = (50, 200)
_UF = "MG"
_POPULATION = 12_000
_LOADS_AT_ONCE = 4
# One look more or less is nothing; a queue that grows faster than the fleet would be.
FLAT_LIMIT = 1.25
_SERVICES = (
    *("postgres", "redis", "prefect-api-1", "prefect-api-2", "prefect-services", "prefect"),
    *("mariadb", "mariadb2", "worker", *FLEET_WORKERS),
)


def measure(environments: int = FLEET) -> BenchResult:
    """Let the fleet grow to so many, run the routine at each size, and at the last lose a worker and an API."""
    os.environ.pop("IMPLANTA_REFERENCE_DIR", None)  # small data: the project's own reduced reference
    sizes = [size for size in SIZES if size < environments] + [environments]
    with private_lab(profile="scale", services=_SERVICES) as folder:
        _share_files()
        nights: dict[int, Night] = {}
        names: list[str] = []
        for size in sizes:
            names += _register(size - len(names), after=len(names))
            if not nights:
                run_routine(names)  # the first one pays for what every worker loads once, and is not counted
            nights[size] = _told(f"{size} ambientes, 4 workers", run_routine(names))
        hurt = _told("um worker e uma API mortos no meio", run_routine(names, on_third=lambda: kill(folder)))
        alone = _alone(folder, names[: sizes[-2]] if len(sizes) > 1 else names)
    return _result(nights, hurt, alone)


def _alone(folder: Path, names: Sequence[str]) -> Night:
    """The environments of the first server by one worker; the others are stopped."""
    import lab

    lab.up(folder, services=_SERVICES)
    for name in FLEET_WORKERS[1:]:
        children_too(folder, name)
    return _told("um worker", run_routine(names[::2]))


def _result(nights: dict[int, Night], hurt: Night, alone: Night) -> BenchResult:
    smallest, largest = min(nights), max(nights)
    per_size = {size: night.seconds / size for size, night in nights.items()}
    four = nights[sorted(nights)[-2]] if len(nights) > 1 else nights[largest]
    begun, done = Counter(hurt.begun), Counter(hurt.done)
    doubles = sum(times - 1 for times in done.values())
    lost = sum(not done[name] and name not in hurt.reported for name in hurt.names)
    return BenchResult(
        name="fleet",
        figures={
            **{f"each_of_{size}": Figure(value=seconds, unit="s") for size, seconds in per_size.items()},
            **{f"night_of_{size}": Figure(value=night.seconds, unit="s") for size, night in nights.items()},
            "one_worker": Figure(value=alone.rate, unit="ambientes/s"),
            "four_workers": Figure(value=four.rate, unit="ambientes/s"),
            "with_deaths": Figure(value=hurt.seconds, unit="s"),
            "with_deaths_parts": Figure(value=hurt.parts, unit=""),
            "with_deaths_parts_dead": Figure(value=hurt.dead, unit=""),
            "with_deaths_begun_again": Figure(value=sum(times - 1 for times in begun.values()), unit=""),
            "with_deaths_reported": Figure(value=len(hurt.reported), unit=""),
        },
        ratios={
            "each_of_largest_over_each_of_smallest": Ratio(
                value=per_size[largest] / per_size[smallest], limit=FLAT_LIMIT
            ),
            "one_worker_over_four": Ratio(value=alone.rate / four.rate, limit=1),
            "done_twice": Ratio(value=doubles, limit=0),
            "lost": Ratio(value=lost, limit=0),
            "nobody_died": Ratio(value=0 if hurt.dead else 1, limit=0),
            "failed_without_deaths": Ratio(value=sum(len(night.reported) for night in nights.values()), limit=0),
        },
    )


def _told(label: str, night: Night) -> Night:
    talk.print(f"{label}: {night.seconds:.1f} s, {night.parts} partes, {night.rate:.2f} ambientes/s", highlight=False)
    return night


def _share_files() -> None:
    """Let the servers keep new tables in one file: making 150,000 files would be most of the bench's time."""
    from tasks import doors

    for server in doors.mariadb_servers().values():
        with server.transaction() as cursor:
            cursor.execute("SET GLOBAL innodb_file_per_table = 0")


def _register(count: int, *, after: int) -> list[str]:
    """So many more environments, every other one on the second server; their names."""
    from blocks.catalog import Catalog

    table = Catalog().ibge_table()
    codes = list(islice(sorted(table.codes_by_uf[_UF].items()), after, after + count))
    servers = [("principal", "segundo")[(after + place) % 2] for place in range(len(codes))]
    started = monotonic()
    with ThreadPoolExecutor(_LOADS_AT_ONCE) as pool:
        names = list(pool.map(_make, (code for _, code in codes), (name for name, _ in codes), servers))
    talk.print(f"{len(names)} ambientes registrados em {monotonic() - started:.1f} s", highlight=False)
    return names


def _make(code: str, name: str, server: str) -> str:
    """One production with its databases, and nothing around them."""
    from blocks.catalog import Catalog
    from domain.environment import EnvironmentName, Purpose, orgao_sigla
    from domain.municipality import municipality_from
    from domain.plan import choose_plan
    from registry import EnvironmentRecord
    from tasks import doors
    from tasks.environment import ensure_databases

    catalog, registry = Catalog(), doors.registry()
    municipality = municipality_from(code, name.title(), _POPULATION, catalog.ibge_table())
    registry.ensure_municipality(municipality)
    registry.ensure_contract(municipality.ibge, choose_plan(_POPULATION, catalog.plans()))
    environment = EnvironmentName(municipality=municipality.slug, purpose=Purpose.PRODUCAO)
    registry.ensure_environment(
        EnvironmentRecord(
            slug=environment.slug,
            ibge=municipality.ibge,
            purpose=Purpose.PRODUCAO,
            release_version=catalog.releases().default,
            hostname=f"{environment.slug}.sei.localhost",
            database_server=server,
            database_sip=environment.database_sip,
            database_sei=environment.database_sei,
            directory_ou=environment.ou,
            bucket=environment.bucket,
            orgao_sigla=orgao_sigla(municipality),
        )
    )
    ensure_databases.fn(environment.slug)
    return environment.slug
