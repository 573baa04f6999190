"""An environment of the old version in which people have worked, and how one knows of which version it is."""

from pathlib import Path

from typer.testing import CliRunner, Result

from bench.synthetic import Size, fill
from blocks.catalog import Catalog
from blocks.dump_writer import digest
from blocks.installed_versions import read_installed_versions
from cli.__main__ import app
from domain.backup.facts import TableDigest
from domain.environment import Purpose
from flows.create_environment import create_environment
from tasks import clock, doors
from tasks.closing import closing_of
from tasks.instance import Instance, load_instance
from tests.flows.conftest import Join

SMALL = Size(
    processes=12, documents=40, html_bytes=2_000, attachments=10, attachment_bytes=3_000, users=6, activities=60
)
OLD, NEW = "4.0.0", "4.1.0"
# The schedulers' own marks of when they last ran: they run again as soon as it is open.
MARKS = "infra_agendamento_tarefa"


def make(join: Join, ibge: str, name: str, purpose: Purpose = Purpose.TREINAMENTO, size: Size = SMALL) -> Instance:
    municipality = join(ibge, name)
    create_environment(municipality.slug, purpose, OLD)
    found = load_instance(f"{municipality.slug}-{purpose}")
    sip, sei = found.name.database_sip, found.name.database_sei
    fill(found.server, sip, sei, repository(found), size=size, seed=1, today=clock.today())
    return found


def repository(instance: Instance) -> Path:
    return Path(doors.runtime().repository_path(instance.name))


def files(instance: Instance) -> dict[str, bytes]:
    root = repository(instance)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def rows(instance: Instance) -> dict[str, TableDigest]:
    """Every table of both databases, in digests of its rows and of its definition."""
    found = digest(instance.server, [instance.name.database_sip, instance.name.database_sei])
    return {
        f"{schema}.{table}": content
        for schema, one in found.schemas.items()
        for table, content in one.tables.items()
        if table != MARKS
    }


def fault_file(instance: Instance) -> Path:
    """Where the lab's scripts look for where to stop: script, number of a change, and how."""
    return doors.runtime().file_roots(instance.name)[0] / "falha-no-script"


def is_old(instance: Instance, before: dict[str, TableDigest], stored: dict[str, bytes]) -> None:
    """Databases, files, code and registry are those of before, and it serves."""
    now = rows(instance)
    assert {table for table in now.keys() | before.keys() if before.get(table) != now.get(table)} == set()
    assert files(instance) == stored
    assert doors.runtime().deployed_code(instance.name) == OLD
    assert load_instance(instance.name.slug).record.release_version == OLD
    _serves(instance)


def is_new(instance: Instance, *, serving: bool = True) -> None:
    """Databases, code and registry are of the new version."""
    release = Catalog().releases().find(NEW)
    assert release is not None
    found = read_installed_versions(instance.server, instance.name, Catalog().modules())
    assert (found.sei, found.sip, found.resources) == (
        release.sei_version,
        release.sip_version,
        release.resources_version,
    )
    assert doors.runtime().deployed_code(instance.name) == NEW
    assert load_instance(instance.name.slug).record.release_version == NEW
    if serving:
        _serves(instance)


def _serves(instance: Instance) -> None:
    assert closing_of(instance) is None
    assert doors.runtime().health(instance.name).serving
    assert doors.runtime().schedulers(instance.name) == 1
    assert not instance.server.list_databases("implanta_restauro")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)
