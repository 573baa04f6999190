"""kill -9 after each step of a creation, then a rerun: certified, nothing doubled, as if nobody had disturbed it."""

import os
import signal
import subprocess
import sys

import pytest

from blocks.catalog import Catalog
from blocks.settings import PROJECT_ROOT, Settings
from domain.environment import EnvironmentName, Purpose
from domain.municipality import municipality_from
from domain.plan import choose_plan
from flows.create_environment import PROCEDURE, create_environment
from registry import Registry
from tasks import doors
from tasks.adhesion import adhere
from tasks.certificate import DELIVERED, JSON_KEY, PAGE_KEY, find_certificate
from tasks.instance import Instance, load_instance
from tests.conformity.breakage import connect_iam
from tests.conformity.snapshot import APPLICATIONS_OWN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

POPULATION = 8_000
# The registry's record comes before the procedure, the certificate after it.
MOMENTS = ["registro do ambiente", *(name for name, _ in PROCEDURE), "certificado"]
CHILD_SECONDS = 120

# Kills itself when a step is done, as a machine that loses power: nothing is closed, told or cleaned up.
RUNNER = """
import os, signal, sys

import flows.create_environment as creation
from domain.environment import Purpose

municipality, victim = sys.argv[1:]


def dying(name, task):
    def run(*arguments, **named):
        result = task(*arguments, **named)
        if name == victim:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return run


record = creation.ensure_environment_record
creation.ensure_environment_record = dying("registro do ambiente", record)
creation.PROCEDURE = tuple((name, dying(name, task)) for name, task in creation.PROCEDURE)
creation.certify_environment = dying("certificado", creation.certify_environment)
creation.create_environment(municipality, Purpose.TREINAMENTO)
"""


def join(settings: Settings, ibge: str, name: str) -> EnvironmentName:
    registry = Registry(settings.registry_url)
    municipality = municipality_from(ibge, name, POPULATION, Catalog().ibge_table())
    adhere(registry, municipality, choose_plan(POPULATION, Catalog().plans()))
    registry.dispose()
    return EnvironmentName(municipality=municipality.slug, purpose=Purpose.TREINAMENTO)


def create_and_die(environment: EnvironmentName, moment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, environment.municipality, moment],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PREFECT_LOGGING_LEVEL": "CRITICAL", "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=CHILD_SECONDS,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, f"{moment}: {done.returncode} {done.stderr[-2000:]}"


def count_rows(instance: Instance) -> dict[str, int]:
    """Rows of every table of both databases; counters tell how often an id was asked for, not what there is."""
    counts = {}
    for database in (instance.name.database_sei, instance.name.database_sip):
        with instance.server.transaction(database) as cursor:
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (database,))
            for (table,) in cursor.fetchall():
                if table in APPLICATIONS_OWN or table.startswith("seq_"):
                    continue
                cursor.execute(f"SELECT COUNT(*) FROM `{table}`")
                counts[f"{database.rpartition('_')[2]}.{table}"] = int(cursor.fetchall()[0][0])
    return counts


def count_parts(instance: Instance) -> dict[str, int]:
    """How many there are of each thing outside the databases."""
    name, directory, storage = instance.name, doors.directory(), doors.object_storage()
    with directory.connect(directory.admin_dn, directory.admin_password) as connection:
        entries = connection.search(directory.environment_dn(name), "(objectClass=*)", attributes=["1.1"])[2]
    with instance.server.transaction() as cursor:
        cursor.execute("SELECT COUNT(*) FROM mysql.user WHERE user LIKE %s", (f"{name.database_user}%",))
        accounts = int(cursor.fetchall()[0][0])
    identity = f"ambiente-{name.slug}"
    versions = storage.client.list_object_versions(Bucket=name.bucket).get("Versions", [])
    registry = doors.registry()
    return {
        "ldap": len(entries),
        "contas de banco": accounts,
        "chaves do S3": len(connect_iam().list_access_keys(UserName=identity)["AccessKeyMetadata"]),
        "políticas do S3": len(connect_iam().list_user_policies(UserName=identity)["PolicyNames"]),
        "sites": sum(site.environment == name for site in doors.edge().list_sites()),
        "versões da página": sum(version["Key"] == PAGE_KEY for version in versions),
        "versões do certificado": sum(version["Key"] == JSON_KEY for version in versions),
        "registros": sum(record.slug == name.slug for record in registry.list_environments()),
        "entregas": len(registry.events(ibge=instance.municipality.ibge, kinds=[DELIVERED])),
        "serviços": one(instance, "sei", "SELECT COUNT(*) FROM servico WHERE identificacao = 'implanta'"),
        "sistemas": one(instance, "sei", "SELECT COUNT(*) FROM usuario WHERE sigla = 'IMPLANTA' AND sta_tipo = '1'"),
        "usuários técnicos": one(instance, "sip", "SELECT COUNT(*) FROM usuario WHERE sigla = 'implanta'"),
        "servidores LDAP": one(
            instance, "sip", f"SELECT COUNT(*) FROM servidor_autenticacao WHERE nome = '{name.slug}'"
        ),
    }


def one(instance: Instance, system: str, query: str) -> int:
    database = instance.name.database_sei if system == "sei" else instance.name.database_sip
    with instance.server.transaction(database) as cursor:
        cursor.execute(query)
        return int(cursor.fetchall()[0][0])


def test_a_creation_killed_after_each_step_in_turn_ends_as_one_that_nobody_disturbed(programme: Settings) -> None:
    undisturbed, victim = join(programme, "3109402", "Buritizeiro"), join(programme, "3110806", "Campanário")
    create_environment(undisturbed.municipality, Purpose.TREINAMENTO)
    for moment in MOMENTS:
        create_and_die(victim, moment)
    doors.forget_blocks()
    report = create_environment(victim.municipality, Purpose.TREINAMENTO)
    assert {step.name: str(step.change) for step in report.steps if step.change.total} == {}
    certificate = find_certificate(victim.slug)
    assert certificate is not None
    assert certificate.report.problems() == []
    reference, killed = load_instance(undisturbed.slug), load_instance(victim.slug)
    assert count_rows(killed) == count_rows(reference)
    parts = count_parts(killed)
    assert parts == count_parts(reference)
    assert {what: count for what, count in parts.items() if count != 1} == {
        "ldap": parts["ldap"],
        "contas de banco": 2,
    }
