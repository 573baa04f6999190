"""The plan of what is not there yet, the code that ties an apply to its plan, and a fleet of which one fails."""

import re

import pytest

from blocks.catalog import Catalog
from blocks.secrets import EnvironmentSecrets
from domain.environment import EnvironmentName, Purpose
from domain.municipality import municipality_from
from flows.plan_environment import plan_environment
from tasks import doors
from tests.cli.conftest import CommandLine
from tests.conformity.breakage import execute
from tests.conformity.conftest import ATTACKER, NEIGHBOUR, NEWCOMER, Fleet, join

DIGEST = re.compile(r"--plan ([0-9a-f]{12})")


def test_the_plan_of_an_environment_that_is_not_there_says_what_and_why_and_makes_nothing(fleet: Fleet) -> None:
    name = EnvironmentName(municipality=join(fleet.registry, *NEWCOMER).slug, purpose=Purpose.HOMOLOGACAO)
    plan = plan_environment(name.slug)
    text = "\n".join(plan.facts)
    for part in (
        f"https://{name.slug}.",
        f"bancos {name.database_sei} e {name.database_sip}",
        f"balde {name.bucket}",
        f"ou={name.ou},",
        "Colocação: servidor de banco escolhido: ",
        "conexões",
    ):
        assert part in text, part
    assert plan.steps == ()
    assert name.slug not in {record.slug for record in fleet.registry.list_environments()}
    for server in doors.mariadb_servers().values():
        assert server.list_databases(name.database_user) == []
    assert name.bucket not in doors.object_storage().list_buckets()
    assert doors.environment_certificate(name.slug) is None
    with pytest.raises(ValueError, match="Unable to find block document"):
        EnvironmentSecrets.load(name.slug)
    assert not [root for root in doors.runtime().file_roots(name) if root.exists()]
    assert name not in {site.environment for site in doors.edge().list_sites()}


def test_the_command_line_plans_what_is_not_there(cli: CommandLine, fleet: Fleet) -> None:
    slug = f"{join(fleet.registry, *NEWCOMER).slug}-treinamento"
    outcome = cli.run("environment", "plan", slug)
    assert outcome.exit_code == 0
    assert f"{slug}: ainda não existe. Crie-o com: " in " ".join(outcome.stdout.split())
    assert "0 mudanças" not in outcome.stdout


def test_an_apply_goes_on_only_while_the_plan_is_the_one_that_was_shown(cli: CommandLine, fleet: Fleet) -> None:
    instance = fleet.instance(ATTACKER)

    def set_parameter(name: str, value: str) -> None:
        execute(
            instance,
            "UPDATE infra_parametro SET valor = %s WHERE nome = %s",
            (value, name),
            database=instance.name.database_sei,
        )

    set_parameter("SEI_WS_NUM_MAX_DOCS", "77")
    shown = cli.run("environment", "plan", ATTACKER).stdout
    (digest,) = DIGEST.findall(" ".join(shown.split()))
    plan = cli.run("environment", "plan", ATTACKER, "--json").json_result
    assert plan["digest"].startswith(digest)
    assert plan["drift"] == ["parâmetros: parâmetro SEI_WS_NUM_MAX_DOCS: 77 → 5"]

    set_parameter("SEI_TIPO_CAPTCHA", "1")
    refusal = cli.refuse("environment", "apply", ATTACKER, "--plan", digest, exit_code=30)
    assert "O plano mudou desde que foi mostrado" in refusal
    verified = cli.run("environment", "verify", ATTACKER)
    assert verified.exit_code == 40
    assert "SEI_WS_NUM_MAX_DOCS: 77 → 5" in " ".join(verified.stdout.split()), "nothing was applied"

    current = cli.run("environment", "plan", ATTACKER, "--json").json_result["digest"]
    applied = cli.run("environment", "apply", ATTACKER, "--plan", current, "--json").json_result
    assert applied["failures"] == {}
    assert cli.run("environment", "verify", ATTACKER).exit_code == 0


@pytest.mark.parametrize("digest", ["", "a", "0123456789a"])
def test_a_code_that_could_be_any_plans_is_refused(cli: CommandLine, digest: str) -> None:
    assert "curto demais" in cli.refuse("environment", "apply", ATTACKER, "--plan", digest)


def test_one_code_is_not_for_two_environments(cli: CommandLine) -> None:
    refusal = cli.refuse("environment", "apply", ATTACKER, NEIGHBOUR, "--plan", "0" * 12)
    assert "um ambiente de cada vez" in refusal


def test_a_fleet_of_which_one_cannot_be_made_finishes_the_others(cli: CommandLine, fleet: Fleet) -> None:
    """A population beyond the price table needs a negotiated plan, which nobody has entered."""
    large = municipality_from("3106200", "Belo Horizonte", 2_300_000, Catalog().ibge_table())
    fleet.registry.ensure_municipality(large)
    broken = f"{large.slug}-treinamento"
    outcome = cli.run("environment", "apply", broken, ATTACKER, NEIGHBOUR, "--json")
    assert outcome.exit_code == 20
    assert "1 de 3 ambientes falharam" in outcome.stderr
    assert broken in outcome.stderr
    result = outcome.stdout
    assert '"worst_exit_code": 20' in result
    for slug in (ATTACKER, NEIGHBOUR):
        assert f'"subject": "{slug}"' in result
    assert broken not in {record.slug for record in fleet.registry.list_environments()}
