"""Environments, decisions, deploy and the lab's state: their results and their keys, which scripts rely on."""

from pathlib import Path

import pytest

from cli.lab import STATES
from registry import Registry
from tests.cli.conftest import CommandLine, register_environment
from tests.cli.test_municipality import CHANGE_KEYS, COUNTS

DECISION = ("--name", "Ana Lúcia Lima", "--reason", "Ofício 12/2026")


def test_environments_are_listed_with_stable_keys(cli: CommandLine, olhos_dagua: str, registry: Registry) -> None:
    register_environment(registry, "olhos-dagua-treinamento", "3145455")
    rows = cli.run("environment", "list", "--json").json_result
    # Other environments may have been registered by other tests of this registry.
    assert [row for row in rows if row["slug"] == "olhos-dagua-treinamento"] == [
        {
            "slug": "olhos-dagua-treinamento",
            "purpose": "treinamento",
            "release": "4.1.0",
            "reference": "",
            "standing": "active",
            "state": "ativo",
            "address": "https://olhos-dagua-treinamento.sei.localhost:18443/sei",
        }
    ]
    table = cli.run("environment", "list")
    assert (table.exit_code, table.stderr) == (0, "")
    assert "4.1.0" in table.stdout


def test_a_decision_is_recorded_with_name_and_reason(cli: CommandLine, olhos_dagua: str, registry: Registry) -> None:
    rejected = cli.run("approve", olhos_dagua, *DECISION, "--reject", "--json").json_result
    assert rejected == {"slug": olhos_dagua, "gate": "go-live", "decision": "reject"}
    approved = cli.run("approve", "3145455", *DECISION, "--json").json_result
    assert approved == {"slug": olhos_dagua, "gate": "go-live", "decision": "approve"}
    last, newest = registry.decisions("3145455")[-2:]
    assert (last.decision, newest.decision) == ("reject", "approve")
    assert (newest.name, newest.reason) == ("Ana Lúcia Lima", "Ofício 12/2026")
    text = cli.run("approve", olhos_dagua, *DECISION).stdout
    assert " ".join(text.split()) == "olhos-dagua: aprovação registrada. Execute ./implanta implant olhos-dagua."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--gate", "capacitacao", *DECISION), "A dispensa não diz até quando vale"),
        (("--gate", "almoxarifado", *DECISION), "O portão almoxarifado não tem a resposta 'dispensar'"),
        (("--name", "  ", "--reason", "Ofício"), "A decisão sobre 'go-live' veio sem nome"),
        (("--name", "Ana", "--reason", ""), "A decisão sobre 'go-live' veio sem motivo"),
    ],
)
def test_a_decision_without_gate_name_or_reason_is_refused(
    cli: CommandLine, olhos_dagua: str, registry: Registry, options: tuple[str, ...], message: str
) -> None:
    before = registry.decisions("3145455")
    assert message in cli.refuse("approve", olhos_dagua, *options)
    assert registry.decisions("3145455") == before


def test_deploying_again_changes_nothing(cli: CommandLine) -> None:
    result = cli.run("deploy", "--json").json_result
    assert set(result) == {"registro", "blocos", "deployments", "automações"}
    assert all(set(change) == CHANGE_KEYS for change in result.values())
    assert [sum(change[kind] for kind in COUNTS) for change in result.values()] == [0] * len(result)


def test_the_labs_state_is_told_with_stable_keys(cli: CommandLine, lab: Path) -> None:
    state = cli.run("lab", "status", "--json").json_result
    assert set(state) == {"lab_dir", "ok", "services"}
    assert (state["lab_dir"], state["ok"]) == (str(lab), True)
    assert {service["service"] for service in state["services"]} == {
        *(
            "mariadb",
            "mariadb2",
            "ldap",
            "s3",
            "smtp",
            "dns",
            "prefect",
            "sei",
            "moodle",
            "gateway",
            "painel",
            "porta",
            "edge",
            "worker",
        )
    }
    for service in state["services"]:
        assert set(service) == {"service", "title", "state", "pid", "address"}
        assert service["state"] in STATES


def test_a_lab_that_was_never_up_is_not_in_the_air(cli: CommandLine, tmp_path: Path) -> None:
    outcome = cli.run("lab", "status", "--lab-dir", str(tmp_path), "--json")
    assert outcome.exit_code == 10
    assert '"ok": false' in outcome.stdout
    assert "não" in cli.refuse("lab", "logs", "prefect", "--lab-dir", str(tmp_path))
    assert "prefect" in cli.refuse("lab", "logs", "apache", "--lab-dir", str(tmp_path))
    assert "--yes" in cli.refuse("lab", "down", "--destroy", "--lab-dir", str(tmp_path))


def test_releases_are_listed_and_shown_with_stable_keys(cli: CommandLine) -> None:
    rows = {row["code"]: row for row in cli.run("release", "list", "--json").json_result}
    assert rows["4.1.0"] == {
        "code": "4.1.0",
        "kind": "nucleo",
        "complexity": "alta",
        "sei": "4.1.1",
        "sip": "3.1.1",
        "from": ["4.0"],
        "minutes": 24,
        "default": True,
    }
    assert (rows["4.1.5"]["kind"], rows["wssei-2.2.0"]["kind"]) == ("correcao", "modulo")
    shown = cli.run("release", "show", "4.1.0", "--json").json_result
    assert [step["path"] for step in shown["upgrades"][0]["steps"]] == [
        "sip/scripts/atualizar_versao_sip.php",
        "sip/scripts/atualizar_recursos_sei.php",
        "sei/scripts/atualizar_versao_sei.php",
    ]
    text = cli.run("release", "show", "4.1.0").stdout
    assert "script sip/scripts/atualizar_recursos_sei.php" in " ".join(text.split())
    assert "plano de trabalho" in " ".join(text.split())
    text = " ".join(cli.run("release", "show", "pen-3.7.0").stdout.split())
    assert "pen-3.7.0: módulo, complexidade média A partir de 4.0, 4.1, 7 min:" in text
    assert "1. script sip/scripts/mod-pen/sip_atualizar_versao_modulo_pen.php: 2 min; só se desfaz com a cópia" in text
    assert "A versão '9.9.9' não está no catálogo" in cli.refuse("release", "show", "9.9.9")
