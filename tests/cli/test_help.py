"""The help of every command: one sentence, an example that runs, every option described."""

import re
import shlex
from collections.abc import Iterator

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cli.__main__ import app
from tests.cli.conftest import CommandLine


def commands_below(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, TyperCommand]]:
    """Every command that does something, by what is typed after `./implanta`."""
    for name, child in group.commands.items():
        if isinstance(child, TyperGroup):
            yield from commands_below(child, (*path, name))
        elif isinstance(child, TyperCommand):
            yield " ".join((*path, name)), child


def everything() -> dict[str, TyperCommand]:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    return dict(commands_below(root))


COMMANDS = everything()
# Run elsewhere, or not to be run in a test: they start labs, other suites, measurements, a whole implantation.
ELSEWHERE = {"demo", "test", "check", "implant", "bench overhead", "lab down"}


def example_of(command: str) -> list[str]:
    """The words of a command's example, after `./implanta`."""
    text = " ".join((COMMANDS[command].help or "").split())
    found = re.search(r"Exemplo: \./implanta (.*?)(?= Código de saída|\. [A-Z]| Termina|$)", text)
    assert found, command
    return shlex.split(found[1])


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


@pytest.mark.parametrize("group", ["", "lab", "municipality", "environment", "bench"])
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
def of_this_test(olhos_dagua: str) -> dict[str, str]:
    """What stands in an example for the municipality that belongs to the demo."""
    return {"timoteo": olhos_dagua, "3168705": "3145455", "Timóteo": "Olhos-d'Água", "91268": "6032"}


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - ELSEWHERE))
@pytest.mark.usefixtures("storage")
def test_the_example_of_the_help_runs(cli: CommandLine, command: str, of_this_test: dict[str, str]) -> None:
    words = [of_this_test.get(word, word) for word in example_of(command)]
    # The log of a lab's server is printed by a program of the system, past this process.
    outcome = cli.run(*words)
    assert outcome.exit_code == 0, outcome.stderr
    assert "Erro" not in outcome.stderr


def test_a_command_that_does_not_exist_is_refused_with_the_one_that_was_meant(cli: CommandLine) -> None:
    outcome = cli.run("municpality")
    assert outcome.exit_code == 2
    assert "municipality" in outcome.stderr
