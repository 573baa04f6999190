"""Every command of the command line, and the example that its help gives."""

import re
import shlex
from collections.abc import Iterator, Mapping

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cli.__main__ import app


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


def example_of(command: str, instead: Mapping[str, str] | None = None) -> list[str]:
    """The words of a command's example, after `./implanta`; some of them put in place of those of the demo."""
    text = " ".join((COMMANDS[command].help or "").replace("\b", "").split())
    found = re.search(r"Exemplo: \./implanta (.*?)(?= Código de saída|\. [A-Z]| Com vários| Termina|$)", text)
    assert found, command
    return [(instead or {}).get(word, word) for word in shlex.split(found[1])]
