"""A fleet's routine in parts: which environments go together, whose turn it is, and what came of each.

A part is worked through by one worker, of the pool of one database server: its limits are that server's. A part that
dies takes nothing along: what it had done is done, and the rest goes into another part.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from pydantic import Field, PositiveInt

from domain.errors import ImplantaError, RetryableError
from domain.model import Frozen

MOST_ATTEMPTS = 3
"""In how many parts an environment is tried, when parts die, before that is told instead."""

_SENTENCE = re.compile(r"(?P<what>.*) \((?P<where>[^()]*)\)\. (?P<fix>.*)", re.DOTALL)
_FAILURE = re.compile(r"Task run encountered an exception (?P<kind>\w+): (?P<text>.*)", re.DOTALL)


class PartLimits(Frozen):
    """How large parts are and how many run at once, on one database server and in all."""

    per_server: PositiveInt
    in_all: PositiveInt
    least: PositiveInt = Field(description="Environments that are worth a run of its own, which takes seconds.")
    most: PositiveInt = Field(description="Environments that are tried again at worst, when a part dies.")

    def size(self, waiting: int) -> int:
        """How many of those that wait the next part takes: fewer towards the end, so that all parts end together."""
        return min(waiting, max(self.least, min(self.most, -(-waiting // (2 * self.per_server)))))


class Part(Frozen):
    """Environments of one database server that one worker takes."""

    number: PositiveInt
    server: str
    environments: tuple[str, ...] = Field(min_length=1)


def next_part(
    waiting: Mapping[str, Sequence[str]], running: Collection[Part], limits: PartLimits, number: int
) -> Part | None:
    """The part that may begin now, by server the environments that wait; None when all servers are busy or done.

    The server with most to do goes first; its environments keep their order.
    """
    if len(running) >= limits.in_all:
        return None
    free = [
        server
        for server, names in waiting.items()
        if names and sum(part.server == server for part in running) < limits.per_server
    ]
    if not free:
        return None
    server = max(free, key=lambda name: (len(waiting[name]), name))
    names = waiting[server]
    return Part(number=number, server=server, environments=tuple(names[: limits.size(len(names))]))


class Outcomes(Frozen):
    """What is known of a part's environments: who is done, and who failed with what."""

    done: frozenset[str] = frozenset()
    failed: dict[str, str] = Field(default_factory=dict, description="What Prefect kept of each one's error.")

    def left_of(self, part: Part) -> tuple[str, ...]:
        """Whom the part did not come to, or died with."""
        return tuple(name for name in part.environments if name not in self.done and name not in self.failed)


def error_from(message: str | None) -> BaseException:
    """The error of a task in another process, from what Prefect keeps of it: of our own kinds as it was."""
    failure = _FAILURE.fullmatch(message or "")
    if failure is None:
        return RuntimeError(message or "")
    kinds = {kind.__name__: kind for kind in ImplantaError.__subclasses__()}
    kind, sentence = kinds.get(failure["kind"]), _SENTENCE.fullmatch(failure["text"])
    if kind is None or sentence is None:
        return RuntimeError(failure["kind"])
    return kind(sentence["what"], sentence["where"], sentence["fix"])


def gave_up(environment: str) -> RetryableError:
    """The error of an environment whose parts died every time."""
    return RetryableError(
        f"As {MOST_ATTEMPTS} partes em que ele estava foram interrompidas",
        environment,
        "Confira os workers do servidor de banco dele e execute só para ele.",
    )
