"""What a run did, in the shape that the Prefect UI, the command line and the demo all show."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import Field, NonNegativeFloat

from domain.change import Change
from domain.errors import exit_code_of, kind_of, told
from domain.lifecycle import Stage
from domain.model import Frozen
from domain.party import Party

FIRST = 5

R = TypeVar("R")


def table_cell(text: str) -> str:
    """A text as one cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def first_of(sentences: Sequence[str]) -> str:
    """The first of a list, and how many more there are: for a message that nobody would read whole."""
    more = f" e mais {len(sentences) - FIRST}" if len(sentences) > FIRST else ""
    return "; ".join(sentences[:FIRST]) + more


def sort_results(results: Mapping[str, object], kind: type[R]) -> tuple[tuple[R, ...], dict[str, str]]:
    """What the units of a fleet flow returned, and why each of the others failed; an exception stands for its run."""
    return (
        tuple(result for result in results.values() if isinstance(result, kind)),
        {
            name: told(result) if isinstance(result, BaseException) else "sem resultado"
            for name, result in results.items()
            if not isinstance(result, kind)
        },
    )


class StepResult(Frozen):
    """One step of a stage: its Portuguese name, what it changed and how long that took."""

    name: str
    change: Change
    seconds: NonNegativeFloat = 0


class StageReport(Frozen):
    """One stage of one municipality: its steps, and what is now known to be true."""

    stage: Stage
    subject: str = Field(description="Slug of the environment or municipality.")
    steps: tuple[StepResult, ...] = ()
    facts: tuple[str, ...] = Field(default=(), description="Portuguese sentences, no personal data.")
    waiting_for: tuple[str, ...] = Field(default=(), description="Why the stage is not finished; empty when it is.")
    owed_by: tuple[Party, ...] = Field(
        default=(), description="Whom each of these reasons waits for; without any, all wait for the prefeitura."
    )
    seconds: NonNegativeFloat = 0

    @property
    def owed(self) -> tuple[tuple[Party, str], ...]:
        """Each reason with whom it waits for."""
        return tuple(zip(self.owed_by or (Party.PREFEITURA,) * len(self.waiting_for), self.waiting_for, strict=True))

    @property
    def change(self) -> Change:
        """Everything that the stage's steps changed."""
        return Change.sum(step.change for step in self.steps)


class Journey(Frozen):
    """How far one municipality has come in one run."""

    municipality: str
    stages: tuple[StageReport, ...] = ()

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """The reasons for which the journey stopped; empty when the municipality is live."""
        return self.stages[-1].waiting_for if self.stages else ()

    @property
    def change(self) -> Change:
        """Everything that the run changed."""
        return Change.sum(stage.change for stage in self.stages)

    def with_stage(self, stage: StageReport) -> "Journey":
        """The same journey, one stage further."""
        return self.model_copy(update={"stages": (*self.stages, stage)})


class FleetReport(Frozen):
    """What came of several environments at once."""

    reports: tuple[StageReport, ...]
    failures: dict[str, str] = Field(default_factory=dict, description="Environment to why it failed.")
    worst_exit_code: int = 0

    @classmethod
    def of(cls, results: Mapping[str, object]) -> "FleetReport":
        """Sort what came of each environment: its report, or the error with which it failed."""
        failed = {slug: result for slug, result in results.items() if not isinstance(result, StageReport)}
        return cls(
            reports=tuple(result for result in results.values() if isinstance(result, StageReport)),
            failures={slug: told(result) for slug, result in failed.items()},
            worst_exit_code=max(map(exit_code_of, failed.values()), default=0),
        )

    def raise_if_any_failed(self) -> None:
        """Raise the kind of error with which the worst one failed, naming all of them."""
        if not self.failures:
            return
        total = len(self.reports) + len(self.failures)
        raise kind_of(self.worst_exit_code)(
            f"{len(self.failures)} de {total} ambientes falharam: {next(iter(self.failures.values()))}",
            ", ".join(self.failures),
            "Corrija a causa e execute de novo: os que deram certo não mudam.",
        )
