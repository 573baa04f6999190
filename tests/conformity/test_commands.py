"""The commands that hold an environment against its declaration, as their help shows them."""

import json
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.cli.examples import example_of
from tests.conformity.breakage import BREAKAGES
from tests.conformity.conftest import ATTACKER, NEIGHBOUR, PRODUCTION, Fleet

HERE = {"timoteo-treinamento": ATTACKER, "timoteo-producao": PRODUCTION}

KEYS: dict[str, set[str]] = {
    "plan": {"environment", "steps", "facts", "problems", "drift", "digest"},
    "verify": {"environment", "steps", "facts", "problems", "drift"},
    "apply": {"reports", "failures", "worst_exit_code"},
    "segregation": {"environment", "neighbour", "results"},
}


def test_the_plan_of_what_is_as_declared_is_empty(cli: CommandLine) -> None:
    outcome = cli.run(*example_of("environment plan", HERE))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert f"{PRODUCTION}: 0 mudanças; nada a aplicar." in outcome.stdout
    assert "limite" in outcome.stdout.lower() or "conexões" in outcome.stdout


def test_an_apply_of_what_is_as_declared_changes_nothing(cli: CommandLine) -> None:
    outcome = cli.run(*example_of("environment apply", HERE))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert "0 mudanças" in outcome.stdout
    assert "criado" not in outcome.stdout.replace("certificado", "")


def test_verify_finds_nothing(cli: CommandLine) -> None:
    outcome = cli.run(*example_of("environment verify", HERE))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert "difere" not in outcome.stdout
    assert "recusadas" in " ".join(outcome.stdout.split())


def test_the_certificate_is_shown(cli: CommandLine, fleet: Fleet) -> None:
    outcome = cli.run(*example_of("environment show", HERE))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert fleet.instance(ATTACKER).record.hostname in "".join(outcome.stdout.split())


def test_the_attempts_are_listed_with_their_outcome(cli: CommandLine) -> None:
    outcome = cli.run(*example_of("environment segregation", HERE))
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert f"{PRODUCTION} → {NEIGHBOUR}" in outcome.stdout
    assert "ABERTO" not in outcome.stdout
    assert outcome.stdout.count("recusado") >= 40
    assert ", 0 abertas." in outcome.stdout


def test_an_open_door_ends_the_command_with_40_and_its_name(cli: CommandLine, fleet: Fleet) -> None:
    attacker, neighbour = fleet.instance(ATTACKER), fleet.instance(NEIGHBOUR)
    breakage = BREAKAGES["a grant on one table of the neighbour's"]
    breakage.open(attacker, neighbour)
    try:
        outcome = cli.run("environment", "segregation", ATTACKER, "--json")
    finally:
        breakage.mend(ATTACKER)
    assert outcome.exit_code == 40
    opened = {r["title"] for r in json.loads(outcome.stdout)["results"] if r["got_through"] and not r["control"]}
    assert opened >= {"ler os documentos do vizinho"}
    assert outcome.stderr.startswith(f"Erro: A segregação da frota não está provada: {ATTACKER} alcança {NEIGHBOUR}")


@pytest.mark.parametrize("command", KEYS)
def test_what_scripts_read_has_the_same_keys_for_ever(cli: CommandLine, command: str) -> None:
    result: dict[str, Any] = cli.run("environment", command, ATTACKER, "--json").json_result
    assert set(result) == KEYS[command]


@pytest.mark.parametrize("command", ["plan", "verify", "show", "segregation", "apply"])
def test_an_environment_that_nobody_knows_is_refused_in_one_line(cli: CommandLine, command: str) -> None:
    outcome = cli.run("environment", command, "ninguem-producao")
    assert outcome.exit_code == 20
    assert "ninguem" in outcome.stderr
