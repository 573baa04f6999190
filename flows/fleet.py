"""How a fleet's routine goes over its environments: in its own process, or in parts on the workers of each server."""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from prefect import Task
from prefect.runtime import flow_run

from blocks.settings import load_settings
from domain.fleet_parts import MOST_ATTEMPTS, Outcomes, Part, PartLimits, error_from, gave_up, next_part
from flows.stage import results_of
from tasks.clock import now
from tasks.fleet_parts import outcomes_of, parts_of, servers_of, start_part, wait_for_an_end

# A part's start takes three to four seconds of a core; ten looks into databases take about as long.
_LEAST, _MOST = 10, 25
_MANY = 1000


def parts_per_server() -> int | None:
    """How many parts run at once on a database server; None where everything is done in the routine's own process.

    Only a run can follow others.
    """
    return load_settings().fleet_parts_per_server if flow_run.id else None


def over_fleet(unit: Task[[str], Any], environments: Sequence[str], *, at_once: int) -> dict[str, Any]:
    """Do a short step to each environment, so many at once in a process; None of each that is done, or its error."""
    per_server = parts_per_server()
    if per_server is None:
        return results_of(environments, unit.map(environments))
    limits = PartLimits(per_server=per_server, in_all=_MANY, least=_LEAST, most=_MOST)
    return in_parts(unit, environments, limits, at_once=at_once)


def in_parts(
    unit: Task[[str], Any],
    environments: Sequence[str],
    limits: PartLimits,
    *,
    at_once: int = 1,
    until: datetime | None = None,
    late: Callable[[str], BaseException] | None = None,
) -> dict[str, BaseException | None]:
    """The same in parts, each a run of its own; what has not begun at `until` does not begin, and fails with `late`.

    A run that is tried again goes on with the parts that it had started: nobody is done twice for it. The environments
    of a part that died go into another, `MOST_ATTEMPTS` times.

    Raises:
        RetryableError: Prefect does not answer any more.
        InvalidInputError: a database server has no pool.
    """
    fan = _Fan(unit.name, environments)
    while fan.waiting or fan.running:
        if until is not None and late is not None and now() >= until:
            fan.results |= {name: late(name) for names in fan.waiting.values() for name in names}
            fan.waiting.clear()
        while part := next_part(fan.waiting, fan.running.values(), limits, fan.next_number):
            fan.start(part, at_once)
        for ended in wait_for_an_end(list(fan.running)) if fan.running else ():
            fan.settle(ended)
    return {name: fan.results[name] for name in environments}


class _Fan:
    """What one run knows of its parts: who waits, which run, and what came of whom."""

    def __init__(self, unit: str, environments: Sequence[str]) -> None:
        self.unit = unit
        self.parent = str(flow_run.id)
        self.results: dict[str, BaseException | None] = {}
        self.running: dict[UUID, Part] = parts_of(self.parent)
        self._of_before = frozenset(self.running)
        self._servers = servers_of(environments)
        self._attempts = dict.fromkeys(environments, 0)
        taken = {name for part in self.running.values() for name in part.environments}
        self._numbers = count(1 + max((part.number for part in self.running.values()), default=0))
        self.next_number = next(self._numbers)
        self.waiting: dict[str, list[str]] = {}
        self._queue([name for name in environments if name not in taken])

    def start(self, part: Part, at_once: int) -> None:
        run = start_part(self.unit, part, at_once, self.parent)
        self.next_number = next(self._numbers)
        self.running[run] = part
        self.waiting[part.server] = self.waiting[part.server][len(part.environments) :]
        if not self.waiting[part.server]:
            del self.waiting[part.server]
        for name in part.environments:
            self._attempts[name] += 1

    def settle(self, run: UUID) -> None:
        """Take up what an ended part did, and let the rest wait again; what failed in an earlier attempt as well."""
        part = self.running.pop(run)
        found = outcomes_of(run, self.unit, part)
        if run in self._of_before:
            found = Outcomes(done=found.done)
        self.results |= dict.fromkeys(found.done)
        self.results |= {name: error_from(why) for name, why in found.failed.items()}
        left = [name for name in found.left_of(part) if name in self._attempts]
        lost = [name for name in left if self._attempts[name] >= MOST_ATTEMPTS]
        self.results |= {name: gave_up(name) for name in lost}
        self._queue([name for name in left if name not in lost])

    def _queue(self, names: Sequence[str]) -> None:
        for name in names:
            self.waiting.setdefault(self._servers[name], []).append(name)
