"""The help of every command: one sentence, an example that runs, every option described."""

import re

import pytest

from blocks.settings import PROJECT_ROOT
from registry import Registry
from tests.cli.conftest import CommandLine, register_environment
from tests.cli.examples import COMMANDS, example_of

# Not to be run inside a test: they start labs, other suites, measurements, a whole implantation.
TOO_MUCH = {
    "demo",
    "test",
    "check",
    "implant",
    "bench overhead",
    "bench environment",
    "bench seed",
    "bench users",
    "bench board",
    "bench planning",
    "bench backup",
    "bench night",
    "bench fleet",
    "bench upgrade",
    "bench sweep",
    "lab down",
}
# What these need exists only there: an environment, its certificate's file, a production that people have used.
ELSEWHERE = {
    **dict.fromkeys(
        (f"environment {name}" for name in ("apply", "plan", "verify", "show", "segregation")),
        "tests/conformity/test_commands.py",
    ),
    **dict.fromkeys(
        (f"seed {name}" for name in ("plan", "apply", "verify", "explain", "export", "drift")),
        "tests/demo/test_seed.py",
    ),
    "units plan": "tests/flows/test_units.py",
    "units apply": "tests/flows/test_units.py",
    **dict.fromkeys(
        (f"users {name}" for name in ("plan", "apply", "batches", "undo", "returned")), "tests/flows/test_users.py"
    ),
    "training status": "tests/flows/test_gates.py",
    "go-live check": "tests/flows/test_go_live.py",
    "go-live undo": "tests/flows/test_go_live.py",
    "training missing": "tests/flows/test_gates.py",
    "schedule show": "tests/flows/test_forecast.py",
    "schedule fleet": "tests/flows/test_forecast.py",
    **dict.fromkeys((f"training class {name}" for name in ("add", "list", "cancel")), "tests/flows/test_classes.py"),
    "message announce": "tests/flows/test_announcements.py",
    "go-live schedule": "tests/flows/test_announcements.py",
    **dict.fromkeys(
        ("support submit", "support answer", "support list", "support show"), "tests/flows/test_support.py"
    ),
    "support link": "tests/flows/test_consultation.py",
    **dict.fromkeys(
        (
            f"backup {name}"
            for name in (
                "now",
                "verify",
                "list",
                "show",
                "night",
                "drill",
                "hold",
                "cost",
                "accept",
                "keys export",
                "keys import",
            )
        ),
        "tests/flows/test_backup.py",
    ),
    **dict.fromkeys((f"self-backup {name}" for name in ("now", "list", "verify")), "tests/flows/test_self_backup.py"),
    **dict.fromkeys(("self-backup restore", "self-backup resume"), "tests/slow/test_self_restore.py"),
    "backup restore": "tests/flows/test_restore.py",
    "backup export": "tests/flows/test_backup_export.py",
    "backup rebuild": "tests/flows/test_rebuild.py",
    "backup package": "tests/flows/test_backup_package.py",
    **dict.fromkeys((f"upgrade {name}" for name in ("run", "rehearse", "history")), "tests/flows/test_upgrade.py"),
    **dict.fromkeys(("release build", "release check"), "tests/upgrade/test_commands.py"),
    **dict.fromkeys(
        (
            f"upgrade {name}"
            for name in (
                *("plan", "start", "status", "night", "pause", "resume", "abort", "promote", "skip", "retry"),
                *("close-failure", "join", "leave", "blackout", "incident", "map"),
            )
        ),
        "tests/flows/test_campaign_commands.py",
    ),
    "users reconcile": "tests/flows/test_reconcile.py",
    "users mend": "tests/flows/test_reconcile.py",
    "environment certificate": "tests/cli/test_certificate.py",
    "environment maintenance": "tests/flows/test_maintenance.py",
    "environment clone": "tests/flows/test_clone.py",
    "gateway serve": "tests/gateway/test_serving.py",
    "billing export": "tests/flows/test_billing.py",
    **dict.fromkeys(
        (f"monitoring {name}" for name in ("now", "show", "availability")), "tests/flows/test_monitoring.py"
    ),
    **dict.fromkeys(("board serve", "board open", "board export", "board door"), "tests/painel/test_commands.py"),
    **dict.fromkeys(
        (f"webhook {name}" for name in ("show", "deliver", "replay", "secret")),
        "tests/gateway/test_webhook_commands.py",
    ),
    **dict.fromkeys(
        (
            f"webhook {name}"
            for name in ("resend", *(f"endpoint {verb}" for verb in ("add", "remove", "rotate", "test")))
        ),
        "tests/gateway/test_outgoing_commands.py",
    ),
    **dict.fromkeys(
        ("environment retire", "environment reinstate", "environment destroy"), "tests/flows/test_retire.py"
    ),
}


def words_of_help(text: str) -> str:
    return " ".join(text.replace("\b", "").split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_in_one_sentence_and_gives_an_example(command: str) -> None:
    sentence, _, rest = words_of_help(COMMANDS[command].help or "").partition(" Exemplo: ")
    assert re.fullmatch(r"[A-ZÀ-Ú].*\.", sentence)
    assert not re.search(r"\. [A-ZÀ-Ú]", sentence)
    assert rest.startswith("./implanta ")
    assert example_of(command)[: len(command.split())] == command.split()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_and_option_is_described(command: str) -> None:
    for parameter in COMMANDS[command].params:
        assert getattr(parameter, "help", None), parameter.name


@pytest.mark.parametrize(
    "group",
    [
        *("", "lab", "municipality", "schedule", "environment", "seed", "units", "users"),
        *("training", "training class", "go-live", "release", "upgrade", "instrument", "message", "gateway", "webhook"),
        "webhook endpoint",
        *("billing", "monitoring", "board", "bench", "self-backup"),
    ],
)
def test_a_group_lists_its_commands_with_their_sentences(cli: CommandLine, group: str) -> None:
    outcome = cli.run(*group.split(), "--help")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    for command in COMMANDS:
        parent, _, name = command.rpartition(" ")
        if parent == group:
            assert re.search(rf"^  {name} ", outcome.stdout, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_shown(cli: CommandLine, command: str) -> None:
    outcome = cli.run(*command.split(), "--help")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert words_of_help(COMMANDS[command].help or "") in words_of_help(outcome.stdout)


@pytest.fixture
def of_this_test(olhos_dagua: str, registry: Registry) -> dict[str, str]:
    """What stands in an example for the municipality that belongs to the demo, and for its environment."""
    environment = f"{olhos_dagua}-treinamento"
    register_environment(registry, environment, "3145455")
    return {
        "timoteo": olhos_dagua,
        "timoteo-treinamento": environment,
        "3168705": "3145455",
        "Timóteo": "Olhos-d'Água",
        "91268": "6032",
    }


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - TOO_MUCH - ELSEWHERE.keys()))
@pytest.mark.usefixtures("storage")
def test_the_example_of_the_help_runs(cli: CommandLine, command: str, of_this_test: dict[str, str]) -> None:
    # The log of a lab's server is printed by a program of the system, past this process.
    outcome = cli.run(*example_of(command, of_this_test))
    assert outcome.exit_code == 0, outcome.stderr
    assert "Erro" not in outcome.stderr


@pytest.mark.parametrize(("command", "file"), ELSEWHERE.items())
def test_the_example_that_needs_more_is_run_where_it_says(command: str, file: str) -> None:
    assert f'example_of("{command}"' in (PROJECT_ROOT / file).read_text(encoding="utf-8")


def test_a_command_that_does_not_exist_is_refused_with_the_one_that_was_meant(cli: CommandLine) -> None:
    outcome = cli.run("municpality")
    assert outcome.exit_code == 2
    assert "municipality" in outcome.stderr
