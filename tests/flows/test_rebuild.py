"""A database server is lost: its environments are back on another, certified, and one that fails stops no other."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.synthetic import Size, fill
from blocks.mariadb import MariaDBServer
from blocks.paperwork import count_paperwork
from cli.__main__ import app
from domain.environment import Purpose
from domain.errors import GateClosedError, InvalidInputError
from domain.paperwork import Paperwork
from flows.create_environment import create_environment
from flows.rebuild_server import rebuild_server
from registry import Registry
from tasks import clock, doors
from tasks.backup_cycle import back_up
from tasks.instance import Instance, load_instance
from tasks.neighbourhood import list_delivered
from tests.cli.examples import example_of
from tests.flows.conftest import Join

# Two for every day's suite; `pytest -m slow` drills with as many as the issue asks for.
CITIES = (
    ("3105202", "Bandeira"),
    ("3105301", "Bandeira do Sul"),
    ("3105400", "Barão de Cocais"),
    ("3105509", "Barão de Monte Alto"),
    ("3105608", "Barbacena"),
    ("3105707", "Barra Longa"),
    ("3105905", "Barroso"),
    ("3106002", "Bela Vista de Minas"),
    ("3106101", "Belmiro Braga"),
    ("3106408", "Belo Vale"),
)
DRILL = int(os.environ.get("IMPLANTA_DRILL_ENVIRONMENTS", "10"))
SMALL = Size(processes=8, documents=20, html_bytes=2_000, attachments=5, attachment_bytes=3_000, users=4, activities=30)
LOST, OTHER = "segundo", "principal"

MakeLost = Callable[[int], list[Instance]]


@pytest.fixture(scope="module")
def make(join: Join) -> MakeLost:
    """So many training environments on the server that will be lost, each with work and a proved backup."""

    def run(number: int) -> list[Instance]:
        made = []
        for ibge, name in CITIES[:number]:
            slug = join(ibge, name).slug
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(doors, "mariadb_servers", _only_the_lost)
                create_environment(slug, Purpose.TREINAMENTO)
            one = load_instance(f"{slug}-treinamento")
            if one.record.database_server == LOST and _count(one).empty:
                sip, sei = one.name.database_sip, one.name.database_sei
                files = Path(doors.runtime().repository_path(one.name))
                fill(one.server, sip, sei, files, size=SMALL, seed=int(ibge), today=clock.today())
            assert back_up(one).proved
            made.append(one)
        return made

    return run


def _only_the_lost() -> dict[str, MariaDBServer]:
    return {LOST: doors.mariadb_server(LOST)}


def _count(instance: Instance) -> Paperwork:
    return count_paperwork(instance.server, instance.name.database_sei)


def lose(instances: list[Instance]) -> None:
    for one in instances:
        one.server.drop_database(one.name.database_sip)
        one.server.drop_database(one.name.database_sei)


def only(instances: list[Instance]) -> list[str]:
    return [one.name.slug for one in instances]


def drill(instances: list[Instance]) -> None:
    """All are back on the other server with what they had, and certified."""
    before = {one.name.slug: _count(one) for one in instances}
    lose(instances)
    report = rebuild_server(LOST, OTHER, LOST, only=only(instances))
    assert report.rebuilt.keys() == before.keys()
    for slug, had in before.items():
        back = load_instance(slug)
        assert back.record.database_server == OTHER
        assert _count(back) == had
        assert doors.runtime().health(back.name).serving
        assert any("Certificado de entrega" in fact for fact in report.rebuilt[slug].facts)
        assert back_up(back).proved
    table = "\n".join(report.markdown())
    assert f"**{len(before)} ambientes de volta e certificados, 0 não.**" in table
    assert all(f"| {slug} | certificado |" in table for slug in before)
    print(f"{len(before)} environments in {report.seconds:.1f} s")  # noqa: T201


@pytest.mark.slow
def test_the_environments_of_a_lost_server_are_back_on_another(make: MakeLost, registry: Registry) -> None:
    first, second = instances = make(2)
    with pytest.raises(GateClosedError, match="ainda tem os bancos de"):
        rebuild_server(LOST, OTHER, LOST, only=only(instances))
    with pytest.raises(InvalidInputError, match="são o mesmo"):
        rebuild_server(LOST, LOST, LOST)
    with pytest.raises(InvalidInputError, match="não está cadastrado"):
        rebuild_server(LOST, "terceiro", LOST)
    before = {one.name.slug: _count(one) for one in instances}
    lose(instances)
    with pytest.MonkeyPatch.context() as patch:
        narrow = {
            name: server.model_copy(update={"max_environments": 1}) for name, server in doors.mariadb_servers().items()
        }
        patch.setattr(doors, "mariadb_servers", lambda: narrow)
        patch.setattr(doors, "mariadb_server", narrow.__getitem__)
        with pytest.raises(InvalidInputError, match=r"ficaria com ambientes \d+ de 1"):
            rebuild_server(LOST, OTHER, LOST, only=only(instances))
    options = [word for name in only(instances) for word in ("--only", name)]
    refused = CliRunner().invoke(app, ["backup", "rebuild", LOST, "--on", OTHER, "--confirm", "principal", *options])
    assert refused.exit_code == 30
    assert "2 ambientes seriam restaurados" in " ".join(refused.stderr.split())
    assert registry.environment(first.name.slug).database_server == LOST

    with pytest.MonkeyPatch.context() as patch:
        real = MariaDBServer.ensure_database

        def broken(self: MariaDBServer, name: str) -> object:
            if name == _scratch_of(second):
                raise InvalidInputError("O servidor não aceita este banco", name, "Confira.")
            return real(self, name)

        patch.setattr(MariaDBServer, "ensure_database", broken)
        with pytest.raises(InvalidInputError, match="1 ambientes não voltaram"):
            rebuild_server(LOST, OTHER, LOST, only=only(instances))
    assert _count(load_instance(first.name.slug)) == before[first.name.slug], "the other one is back all the same"
    assert first.name.slug in list_delivered()
    assert second.name.slug not in list_delivered(), "nobody's neighbour, and nobody's certificate waits for it"

    outcome = CliRunner().invoke(app, [*example_of("backup rebuild"), "--only", second.name.slug, "--json"])
    assert outcome.exit_code == 0, outcome.stderr
    assert list(json.loads(outcome.stdout)["rebuilt"]) == [second.name.slug], "who was cut off goes on"
    for slug, had in before.items():
        back = load_instance(slug)
        assert back.record.database_server == OTHER
        assert _count(back) == had
        assert doors.runtime().health(back.name).serving
    told = registry.events(ibge=second.municipality.ibge, kinds=["restore.begun"])
    assert [event.details["lost_server"] for event in told] == [LOST]


def _scratch_of(instance: Instance) -> str:
    from tasks.restore import scratch_schemas

    return scratch_schemas(instance)["sei"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_drill_brings_all_back(make: MakeLost) -> None:
    drill([one for one in make(DRILL) if one.record.database_server == LOST])
