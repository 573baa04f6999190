"""How long activities take: from what the fleet has seen where that is enough, else from the catalog's estimates."""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from domain.instruments.timetable import Activity, ThreePoint
from domain.model import Frozen
from domain.planning.days import Days

_POINTS = 1000


class Basis(StrEnum):
    """Where a duration comes from."""

    HISTORY = "history"
    ESTIMATE = "estimate"
    PLAN = "plan"

    @property
    def label(self) -> str:
        """The source as operators read it."""
        return {"history": "histórico da frota", "estimate": "estimativa do catálogo", "plan": "duração planejada"}[
            self
        ]


class Durations(Frozen):
    """The business days that one activity may take, in ascending order, each as likely as any other."""

    days: tuple[int, ...]
    basis: Basis
    observed: int

    def draw(self, chances: NDArray[np.float64], elapsed: int = 0) -> Days:
        """A duration for each chance between 0 and 1, given that the activity has already taken `elapsed` days.

        A greater chance is never a shorter duration. Who has taken as long as anybody ever did takes one day more.
        """
        longer = _as_array(self.days)
        longer = longer[longer > elapsed]
        if not len(longer):
            return np.full(len(chances), elapsed + 1, dtype=np.int32)
        return longer[(chances * len(longer)).astype(np.int64)]


@lru_cache(maxsize=256)
def _as_array(days: tuple[int, ...]) -> Days:
    return np.array(days, dtype=np.int32)


def durations_of(activity: Activity, observed: Sequence[int], *, enough: int, planned_days: int) -> Durations:
    """What is known of an activity; `observed` are the real durations of the fleet, of which `enough` must be there."""
    if len(observed) >= enough:
        return Durations(days=tuple(sorted(observed)), basis=Basis.HISTORY, observed=len(observed))
    if activity.estimate is not None:
        return Durations(days=_triangle(activity.estimate), basis=Basis.ESTIMATE, observed=len(observed))
    return Durations(days=(planned_days,), basis=Basis.PLAN, observed=len(observed))


@lru_cache(maxsize=64)
def _triangle(estimate: ThreePoint) -> tuple[int, ...]:
    """The triangular distribution, whose ends are the first and the last of the days."""
    least, usual, most = estimate.least - 0.5, float(estimate.usual), estimate.most + 0.5
    chance = (np.arange(_POINTS) + 0.5) / _POINTS
    rising = least + np.sqrt(chance * (most - least) * (usual - least))
    falling = most - np.sqrt((1 - chance) * (most - least) * (most - usual))
    days = np.rint(np.where(chance < (usual - least) / (most - least), rising, falling))
    return tuple(int(day) for day in np.clip(days, estimate.least, estimate.most))
