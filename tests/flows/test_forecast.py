"""The programme in time, read from a real registry: standings, recorded plans, one broken prefeitura, the artifact."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from prefect.artifacts import Artifact
from typer.testing import CliRunner

from blocks.catalog import Catalog
from blocks.settings import Settings
from cli.__main__ import app
from cli.intake import send_text
from domain.calendar import BRASILIA, local_day
from domain.environment import EnvironmentName, Purpose, intake_bucket
from domain.errors import GateClosedError, InvalidInputError
from domain.lifecycle import Stage
from domain.municipality import Municipality, municipality_from
from domain.plan import choose_plan
from domain.planning.forecast import FleetForecast, Schedule
from domain.planning.progress import State
from flows.forecast import forecast_fleet_live
from lab.state import LabState
from registry import Registry
from registry.records import EnvironmentRecord
from tasks import clock, doors
from tasks.adhesion import adhere
from tasks.schedule import PLANNED, forecast, read_fleet, read_schedule
from tests.cli.examples import example_of
from tests.registries import registry_apart

RULES = Catalog().planning()
NOW = datetime(2026, 11, 30, 12, tzinfo=BRASILIA)
JOINED = datetime(2026, 9, 1, 12, tzinfo=BRASILIA)
STAGES = tuple(Stage)


@pytest.fixture
def registry(programme: Settings, lab_state: LabState, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """An empty registry, on the last Monday of November 2026."""
    with registry_apart(lab_state, "previsao") as url:
        monkeypatch.setenv("IMPLANTA_REGISTRY_URL", url.get_secret_value())
        monkeypatch.setattr(clock, "now", lambda: NOW)
        opened = Registry(url)
        yield opened
        opened.dispose()


def join(
    registry: Registry, ibge: str, name: str, *done: tuple[Stage, datetime], joined: datetime = JOINED
) -> Municipality:
    found = municipality_from(ibge, name, 8_000, Catalog().ibge_table())
    registry.ensure_municipality(found)
    registry.ensure_contract(found.ibge, choose_plan(8_000, Catalog().plans()))
    for stage, moment in ((Stage.ADHESION, joined), *done):
        registry.record_event(
            "stage.finished", ibge=ibge, actor="teste", details={"stage": stage.value}, occurred_at=moment
        )
    return found


@pytest.fixture
def start_told(registry: Registry) -> Iterator[str]:
    """A prefeitura whose own sheet says when its timetable starts, wrongly until it is mended."""
    found = join(registry, "3170404", "Unaí")
    doors.object_storage().ensure_bucket(intake_bucket(found.slug))
    send_text(found.slug, "prefeitura.csv", "campo;valor\ninicio_do_cronograma;32/13/2026\n")
    yield found.slug
    doors.object_storage().remove_bucket(intake_bucket(found.slug))


def artifact() -> str:
    published = cast(Artifact | None, Artifact.get("previsao"))
    assert published is not None
    return str(published.data)


def test_the_nightly_forecast_leaves_one_broken_prefeitura_out_and_says_so(registry: Registry, start_told: str) -> None:
    live = [(stage, JOINED + timedelta(days=8 * n)) for n, stage in enumerate(STAGES[1:7], start=1)]
    join(registry, "3152006", "Pompéu", *live)
    join(registry, "3138203", "Lavras")
    with pytest.raises(InvalidInputError, match="Fora da previsão: 1 de 3 prefeituras"):
        forecast_fleet_live(rounds=20)
    lines = artifact().splitlines()
    assert any(line.startswith(f"| {start_told} | **falhou** |") and "32/13" not in line for line in lines)
    assert any(line.startswith("| lavras | Ambiente de treinamento | ") for line in lines)
    assert "1 de 2 prefeituras em produção" in artifact()
    planned = registry.events(kinds=[PLANNED])
    assert sorted(event.key or "" for event in planned) == ["schedule.planned:lavras", "schedule.planned:pompeu"]

    send_text(start_told, "prefeitura.csv", "campo;valor\ninicio_do_cronograma;05/10/2026\n")
    found = forecast_fleet_live(rounds=20)
    assert isinstance(found, FleetForecast)
    assert len(found.lines) == 3
    unai = next(one for one in read_fleet(RULES).members if one.slug == start_told)
    assert f"{unai.start:%d/%m/%Y}" == "05/10/2026"
    assert unai.joined == local_day(JOINED)
    forecast_fleet_live(rounds=20)
    assert len(registry.events(kinds=[PLANNED])) == 3, "a plan is recorded once"


def test_a_recorded_plan_stays_whoever_joins_and_whatever_the_catalog_says(registry: Registry) -> None:
    lavras = join(registry, "3138203", "Lavras")
    forecast_fleet_live(rounds=5)
    before = read_fleet(RULES).plans[lavras.ibge]
    join(registry, "3100104", "Abadia dos Dourados", joined=JOINED - timedelta(days=30))
    one_slot = RULES.model_copy(update={"teams": RULES.teams.with_slots({"nuvem": 1, "instrutores": 1})})
    assert read_fleet(one_slot).plans[lavras.ibge] == before
    assert [one.slug for one in read_fleet(one_slot).unrecorded] == ["abadia-dos-dourados"]


def test_a_schedule_tells_what_the_registry_knows_and_who_was_waited_for(registry: Registry) -> None:
    delivered = datetime(2026, 9, 15, 12, tzinfo=BRASILIA)
    seeded = datetime(2026, 10, 9, 12, tzinfo=BRASILIA)
    lavras = join(registry, "3138203", "Lavras", (Stage.ENVIRONMENT_TRAINING, delivered), (Stage.SEEDING, seeded))
    owed = {"sla.paused": datetime(2026, 9, 24, 12, tzinfo=BRASILIA), "sla.resumed": seeded}
    for kind, moment in owed.items():
        registry.record_event(
            kind, ibge=lavras.ibge, actor="teste", details={"stage": Stage.SEEDING.value}, occurred_at=moment
        )
    found = read_schedule("lavras", RULES, rounds=50, seed=1)
    assert isinstance(found, Schedule)
    activities = {one.code: one for one in found.activities}
    made = activities["ambiente_de_treinamento"]
    assert (made.state, made.end, made.deviation.team) == (State.DONE, local_day(delivered), -6)
    seeding = activities["parametrizacao"]
    # Its turn came on the 22nd, after the mapping; five days were planned, and it took fourteen.
    assert (seeding.planned_end, seeding.end) == (local_day(datetime(2026, 9, 30, 12, tzinfo=UTC)), local_day(seeded))
    assert seeding.deviation.total == 7
    assert (seeding.deviation.inherited, seeding.deviation.prefeitura, seeding.deviation.team) == (-2, 9, 0)
    assert activities["usuarios"].state is State.WAITING
    assert not found.live
    assert found.go_live.early >= local_day(NOW)
    assert found == read_schedule(lavras.ibge, RULES, rounds=50, seed=1)


def test_an_environment_that_is_registered_is_being_made(registry: Registry) -> None:
    lavras = join(registry, "3138203", "Lavras")
    name = EnvironmentName(municipality=lavras.slug, purpose=Purpose.TREINAMENTO)
    registry.ensure_environment(
        EnvironmentRecord(
            slug=name.slug,
            ibge=lavras.ibge,
            purpose=name.purpose,
            release_version="4.1.0",
            hostname=name.hostname("sei.localhost:18443"),
            database_server="principal",
            database_sei=name.database_sei,
            database_sip=name.database_sip,
            directory_ou=name.ou,
            bucket=name.bucket,
            orgao_sigla="PM-LAVRAS",
        )
    )
    (member,) = read_fleet(RULES).members
    assert set(member.begun) == {Stage.ENVIRONMENT_TRAINING}


def test_only_who_joined_has_a_schedule(registry: Registry) -> None:
    found = municipality_from("3138203", "Lavras", 8_000, Catalog().ibge_table())
    registry.ensure_municipality(found)
    with pytest.raises(GateClosedError, match="ainda não aderiu"):
        read_schedule("lavras", RULES, rounds=5, seed=1)
    with pytest.raises(InvalidInputError, match="não está registrado"):
        read_schedule("atlantida", RULES, rounds=5, seed=1)
    assert forecast(RULES, rounds=5, seed=1).all_live is None


def run(*arguments: str, exit_code: int = 0) -> str:
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == exit_code, outcome.stderr
    return outcome.stdout if exit_code == 0 else outcome.stderr


def test_the_command_line_shows_a_schedule_and_writes_page_and_picture(registry: Registry, tmp_path: Path) -> None:
    catalog = Catalog()
    found = municipality_from("3168705", "Timóteo", 91_268, catalog.ibge_table())
    adhere(registry, found, choose_plan(found.population, catalog.plans()))
    assert "Entrada em produção:" in run(*example_of("schedule show"))
    page, picture = tmp_path / "timoteo.html", tmp_path / "timoteo.png"
    shown = json.loads(run("schedule", "show", "timoteo", "--rounds", "50", "--to", str(page), "--json"))
    assert {"slug", "live", "planned_go_live", "go_live", "deviation", "activities", "file"} <= shown.keys()
    assert shown["file"] == str(page)
    assert "<h1>Cronograma da implantação</h1>" in page.read_text(encoding="utf-8")
    run("schedule", "show", "timoteo", "--to", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_command_line_answers_what_more_slots_would_bring(registry: Registry, tmp_path: Path) -> None:
    for ibge, name in (("3138203", "Lavras"), ("3152006", "Pompéu"), ("3100104", "Abadia dos Dourados")):
        join(registry, ibge, name)
    few = json.loads(run("schedule", "fleet", "--with", "instrutores=1", "--rounds", "50", "--json"))
    many = json.loads(run(*example_of("schedule fleet"), "--rounds", "50", "--json"))
    assert many["all_live"]["median"] < few["all_live"]["median"]
    assert next(team["slots"] for team in many["teams"] if team["code"] == "instrutores") == 4
    assert "O gargalo é Instrutores" in run("schedule", "fleet", "--with", "instrutores=1")
    page = tmp_path / "frota.html"
    assert f"Gravado em {page}" in run("schedule", "fleet", "--to", str(page), "--rounds", "5")
    assert "Quando todas estarão em produção" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fleet", "--with", "instrutores"), "Não entendi a equipe"),
        (("fleet", "--with", "marketing=3"), "Não há equipe 'marketing'"),
        (("fleet", "--with", "nuvem=0"), "não pode ter 0 vagas"),
        (("fleet", "--to", "frota.png"), "termine em .html"),
        (("show", "lavras", "--to", "lavras.pdf"), "termine em .html ou .png"),
        (("fleet", "--to", "/nao/existe/frota.html", "--rounds", "1"), "Não foi possível gravar o arquivo"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_one_line(
    registry: Registry, arguments: tuple[str, ...], message: str
) -> None:
    join(registry, "3138203", "Lavras")
    assert message in run("schedule", *arguments, exit_code=20)
