"""What creating environments costs: the databases against the plain load of the same dumps, one whole, and twenty.

Everything is measured in one run, on one private lab: ten prefeituras of the programme with two environments each, and
the floor (`mariadb < dump` of both dumps into new schemas) before and after each creation that it is compared with.
"""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from time import monotonic

from bench.private_lab import private_lab
from bench.result import BenchResult, Figure, Ratio
from cli.output import talk

DATABASE_LIMIT = 1.3
ONE_LIMIT_SECONDS = 20.0
TWENTY_LIMIT_SECONDS = 240.0
FLOOR_RUNS = 3
SINGLE = 4
AT_ONCE = 2
# The programme's prefeituras, with their population in 2021.
PREFEITURAS = (
    ("3168705", "Timóteo", 91268),
    ("3154606", "Ribeirão das Neves", 341415),
    ("3168606", "Teófilo Otoni", 141269),
    ("3138203", "Lavras", 105756),
    ("3144805", "Nova Lima", 97378),
    ("3170404", "Unaí", 85461),
    ("3152006", "Pompéu", 32337),
    ("3117504", "Conceição do Mato Dentro", 17438),
    ("3155009", "Rio Doce", 2630),
    ("3121605", "Diamantina", 48230),
)
# What a creation does in the databases; the two steps that spend their time on hashing keys (bcrypt) are left out.
DATABASE_STEPS = (
    "bancos de referência",
    "usuário de banco",
    "identidade do órgão",
    "cidades",
    "endereços",
    "parâmetros",
    "feriados",
    "autenticação LDAP",
    "usuário de teste",
    "tarefas agendadas",
)


def measure() -> BenchResult:
    """Create four environments one by one, each between two floors, then the other sixteen two at a time."""
    with private_lab():
        environments = [f"{slug}-{purpose}" for slug in _adhere() for purpose in ("treinamento", "producao")]
        _create(environments[0])  # measures the reference once, warms what only the first run pays
        single = environments[1 : 1 + SINGLE]
        floor = [_floor()]
        alone: list[tuple[float, float]] = []
        for environment in single:
            alone.append(_create(environment))
            floor.append(_floor())
        rest = environments[1 + SINGLE :]
        started = monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            together = [whole for whole, _ in pool.map(_create, rest)]
        # As if all twenty had been created so.
        twenty = (monotonic() - started) * len(environments) / len(rest)
    ratio = median(database / fmean(floor[at : at + 2]) for at, (_, database) in enumerate(alone))
    one = median(whole for whole, _ in alone)
    return BenchResult(
        name="environment",
        figures={
            "floor": Figure(value=median(floor), unit="s"),
            "database": Figure(value=median(database for _, database in alone), unit="s"),
            "one": Figure(value=one, unit="s"),
            "each_of_twenty": Figure(value=median(together), unit="s"),
            "twenty": Figure(value=twenty, unit="s"),
        },
        ratios={
            "database_over_floor": Ratio(value=ratio, limit=DATABASE_LIMIT),
            "one_over_20_seconds": Ratio(value=one / ONE_LIMIT_SECONDS, limit=1),
            "twenty_over_4_minutes": Ratio(value=twenty / TWENTY_LIMIT_SECONDS, limit=1),
        },
    )


def _floor() -> float:
    """Seconds of `mariadb < dump` for both plain dumps of the default release into new schemas; the median of some."""
    from blocks.catalog import Catalog
    from blocks.reference import find_reference, open_dump
    from blocks.settings import load_settings
    from tasks import doors

    server = doors.mariadb_server()
    reference = find_reference(Catalog().releases().default, load_settings().reference_dir)
    login = ["--host", server.host, "--port", str(server.port), "--user", server.user]
    secret = {**os.environ, "MYSQL_PWD": server.password.get_secret_value()}
    seconds = []
    with TemporaryDirectory(prefix="implanta-bench-dumps-") as folder:
        plain: dict[str, Path] = {}
        for dump in reference.dumps:
            plain[f"implanta_bench_{dump.database}"] = path = Path(folder) / f"{dump.database}.sql"
            with open_dump(dump) as packed, path.open("wb") as file:
                shutil.copyfileobj(packed, file)
        for _ in range(FLOOR_RUNS):
            started = monotonic()
            for schema, path in plain.items():
                server.ensure_database(schema)
                with path.open("rb") as source:
                    subprocess.run(["mariadb", *login, schema], stdin=source, env=secret, check=True)
            seconds.append(monotonic() - started)
            for schema in plain:
                server.drop_database(schema)
    return median(seconds)


def _adhere() -> list[str]:
    """Enter the prefeituras with the plan of their population; their slugs."""
    from blocks.catalog import Catalog
    from cli.municipality import open_registry
    from domain.municipality import municipality_from
    from domain.plan import choose_plan
    from tasks.adhesion import adhere

    catalog, slugs = Catalog(), []
    for ibge, name, population in PREFEITURAS:
        municipality = municipality_from(ibge, name, population, catalog.ibge_table())
        adhere(open_registry(), municipality, choose_plan(population, catalog.plans()))
        slugs.append(municipality.slug)
    return slugs


def _create(environment: str) -> tuple[float, float]:
    """Seconds of one whole creation, and of its database steps."""
    from domain.environment import EnvironmentName
    from flows.create_environment import create_environment

    name = EnvironmentName.parse(environment)
    started = monotonic()
    report = create_environment(name.municipality, name.purpose)
    seconds = monotonic() - started
    talk.print(f"{environment}: {seconds:.1f} s", highlight=False)
    return seconds, sum(step.seconds for step in report.steps if step.name in DATABASE_STEPS)
