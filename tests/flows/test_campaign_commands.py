"""The commands of campaigns, as their help shows them, one after the other on one campaign."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.settings import Settings
from domain.environment import Purpose
from lab.state import LabState
from tests.cli.conftest import CommandLine, as_operator
from tests.cli.examples import example_of
from tests.flows.campaign_world import MONDAY, STATE, World, at, world_in
from tests.flows.mailbox import own_registry

TOWN = "cidade-x-producao"
INSTEAD = {"timoteo-producao": TOWN}


@pytest.fixture(scope="module")
def world(lab_state: LabState, programme: Settings) -> Iterator[World]:
    with own_registry(lab_state) as url, world_in(url, complexity="alta") as world:
        world.add(STATE, "3100104", Purpose.PRODUCAO)
        world.add("cidade-x", "3100203", Purpose.PRODUCAO)
        world.add("cidade-y", "3100302", Purpose.PRODUCAO)
        world.back_up()
        yield world


@pytest.fixture
def cli(world: World, programme: Settings, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return as_operator(programme, world.url, monkeypatch)


def answer(cli: CommandLine, *arguments: str) -> Any:  # noqa: ANN401  # each command has a shape of its own
    return cli.run(*arguments, "--json").json_result


def test_a_campaign_is_planned_started_steered_and_ended_by_commands(
    cli: CommandLine, world: World, tmp_path: Path
) -> None:
    run = example_of("upgrade plan", INSTEAD)
    planned = answer(cli, *run)
    assert [unit["environment"] for unit in planned["units"]] == [
        "estado-producao",
        "cidade-x-producao",
        "cidade-y-producao",
    ]
    assert planned["units"][0]["why"] == "ambiente do estado: vai primeiro"
    assert planned["ends_on"] > str(MONDAY)
    shown = cli.run(*run, "--to", str(tmp_path / "ondas.png"))
    assert "Campanha da versão 4.1.0" in shown.stdout
    assert (tmp_path / "ondas.png").read_bytes().startswith(b"\x89PNG")
    assert "Indique outro lugar em --to" in cli.refuse(*run, "--to", str(tmp_path / "nada" / "ondas.png"))
    assert "Comece uma com ./implanta upgrade start" in cli.refuse("upgrade", "status")

    run = example_of("upgrade start", INSTEAD)
    assert "traz dado pessoal" in cli.refuse(*run[:-1], "pedido de ana@exemplo.gov.br")
    started = answer(cli, *run)
    assert started["environments"] == [TOWN, "cidade-y-producao", "estado-producao"]
    assert "só uma anda de cada vez" in cli.refuse(*run, exit_code=30)
    run = example_of("upgrade status", INSTEAD)
    found = answer(cli, *run)
    assert (found["campaign"], found["story"][0]["actor"]) == ("4.1.0", "gerência")
    assert found["story"][0]["told"] == "campanha aberta, 3 ambientes"
    assert "História" in cli.run(*run).stdout

    run = example_of("upgrade night", INSTEAD)
    world.now = at(MONDAY, 22)
    assert answer(cli, *run)["upgraded"] == ["estado-producao"]
    run = example_of("upgrade promote", INSTEAD)
    assert "a observação vai até" in cli.refuse(*run, exit_code=30)
    steered = (
        (example_of("upgrade pause", INSTEAD), "paused"),
        (example_of("upgrade resume", INSTEAD), "open"),
        (example_of("upgrade skip", INSTEAD), "open"),
        (example_of("upgrade retry", INSTEAD), "open"),
        (example_of("upgrade leave", INSTEAD), "open"),
        (example_of("upgrade join", INSTEAD), "open"),
        (example_of("upgrade blackout", INSTEAD), "open"),
        (example_of("upgrade close-failure", INSTEAD), "open"),
    )
    for run, expected in steered:
        assert answer(cli, *run)["status"] == expected
    assert "lavras-producao não está entre os ambientes em uso" in cli.refuse(
        "upgrade", "join", "lavras-producao", "--role", "gerência", "--reason", "entrou"
    )
    assert "não é da campanha" in cli.refuse(
        "upgrade", "skip", "lavras-producao", "--role", "gerência", "--reason", "não entrou", exit_code=30
    )
    kinds = [line["kind"] for line in answer(cli, "upgrade", "status")["story"]]
    assert kinds[-8:] == [
        "campaign.paused",
        "campaign.resumed",
        "campaign.environment_skipped",
        "campaign.environment_retried",
        "campaign.environment_left",
        "campaign.environment_joined",
        "campaign.blackout_claimed",
        "campaign.quarantine_closed",
    ]
    run = example_of("upgrade abort", INSTEAD)
    assert "campanha encerrada" in cli.run(*run).stdout
    assert "A campanha já foi encerrada" in cli.refuse(*example_of("upgrade pause", INSTEAD), exit_code=30)
    assert "Nenhuma campanha a levar adiante" in cli.run("upgrade", "night").stdout


def test_an_incident_of_the_state_holds_everybody_until_it_is_over(cli: CommandLine, world: World) -> None:
    run = example_of("upgrade incident", INSTEAD | {"timoteo-producao": "estado-producao"})
    assert answer(cli, *run)["open"] == 1
    out = {one["environment"]: one["reason"] for one in answer(cli, "upgrade", "plan", "4.1.0")["left_out"]}
    assert out[TOWN] == "primeiro o estado: estado-producao tem incidente aberto"
    assert answer(cli, *run, "--over")["open"] == 0
    assert answer(cli, *run, "--over") == {
        "environment": "estado-producao",
        "open": 0,
        "change": {"created": 0, "updated": 0, "removed": 0, "unchanged": 1, "details": []},
    }
    assert TOWN in {unit["environment"] for unit in answer(cli, "upgrade", "plan", "4.1.0")["units"]}


def test_the_map_says_who_is_behind_the_state(cli: CommandLine, world: World, tmp_path: Path) -> None:
    run = example_of("upgrade map", INSTEAD)
    found = answer(cli, *run)
    rows = {row["environment"]: row for row in found["rows"]}
    assert found["counts"] == {"4.1.1": 1, "4.0.0": 2}
    assert (rows["estado-producao"]["sei"], rows["estado-producao"]["behind"]) == ("4.1.1", 0)
    assert rows[TOWN]["behind"] == 1
    assert "2 atrás do estado" in " ".join(cli.run(*run, "--to", str(tmp_path / "mapa.png")).stdout.split())
    assert (tmp_path / "mapa.png").stat().st_size > 1000


def test_what_the_catalog_does_not_know_and_a_fleet_without_the_state_are_refused(
    cli: CommandLine, lab_state: LabState
) -> None:
    assert "A versão '9.9.9' não está no catálogo" in cli.refuse("upgrade", "plan", "9.9.9")
    with own_registry(lab_state) as url, world_in(url) as world:
        world.add("cidade-z", "3100401", Purpose.PRODUCAO)
        refused = cli.refuse(
            "upgrade", "start", "4.1.0", "--role", "gerência", "--reason", "sem o estado", exit_code=30
        )
        assert "Nada se sabe do SEI do próprio estado" in refused
