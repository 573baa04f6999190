"""The one shape in which every bench reports."""

from collections.abc import Sequence
from statistics import median

from domain.model import Frozen


class Figure(Frozen):
    """A measured quantity."""

    value: float
    unit: str


class Ratio(Frozen):
    """Two things measured in one run, the first divided by the second, held against a limit."""

    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the ratio keeps its limit."""
        return self.value <= self.limit


class BenchResult(Frozen):
    """One bench: `holds` is true when every ratio does."""

    name: str
    figures: dict[str, Figure]
    ratios: dict[str, Ratio]

    @property
    def holds(self) -> bool:
        """Whether every ratio keeps its limit."""
        return all(ratio.holds for ratio in self.ratios.values())

    def as_json(self) -> dict[str, object]:
        """The object that `./implanta bench NAME --json` prints."""
        return {
            "name": self.name,
            "figures": {name: figure.model_dump() for name, figure in self.figures.items()},
            "ratios": {name: {**ratio.model_dump(), "holds": ratio.holds} for name, ratio in self.ratios.items()},
            "holds": self.holds,
        }


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The first over the second, round by round, and of that the median."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))
