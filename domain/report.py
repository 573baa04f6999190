"""What a run did, in the shape that the Prefect UI, the command line and the demo all show."""

from pydantic import Field, NonNegativeFloat

from domain.change import Change
from domain.lifecycle import Stage
from domain.model import Frozen


class StepResult(Frozen):
    """One step of a stage: its Portuguese name and what it changed."""

    name: str
    change: Change


class StageReport(Frozen):
    """One stage of one municipality: its steps, and what is now known to be true."""

    stage: Stage
    subject: str = Field(description="Slug of the environment or municipality.")
    steps: tuple[StepResult, ...] = ()
    facts: tuple[str, ...] = Field(default=(), description="Portuguese sentences, no personal data.")
    waiting_for: tuple[str, ...] = Field(default=(), description="Why the stage is not finished; empty when it is.")
    seconds: NonNegativeFloat = 0

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
