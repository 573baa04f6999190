"""How far instances are from their model, and the report of the fleet."""

from collections.abc import Mapping

from pydantic import NonNegativeInt

from domain.document_model.plan import Action, ModelPlan, tell
from domain.drift import shown
from domain.errors import IntegrityError
from domain.model import Frozen
from domain.report import first_of, sort_results


class ModelDrift(Frozen):
    """One environment against its model. `kept` are differences that are the prefeitura's own decision."""

    environment: str
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    kept: tuple[str, ...]
    local: tuple[str, ...]
    unchanged: NonNegativeInt

    @property
    def drifted(self) -> bool:
        """Whether applying the model would change something."""
        return bool(self.missing or self.changed)


class FleetDrift(Frozen):
    """The fleet against its models; `failures` says why of each environment that could not be compared."""

    reports: tuple[ModelDrift, ...]
    failures: dict[str, str]

    @classmethod
    def of(cls, results: Mapping[str, object]) -> "FleetDrift":
        """What the comparisons found; an exception in place of a result is a failure."""
        reports, failures = sort_results(results, ModelDrift)
        return cls(reports=reports, failures=failures)

    def raise_if_any_failed(self) -> None:
        """Drift is told and ends well; an environment that could not be compared fails the run."""
        if self.failures:
            raise IntegrityError(
                f"O modelo de {len(self.failures)} ambiente(s) não pôde ser comparado",
                first_of([f"{name}: {why}" for name, why in self.failures.items()]),
                "Corrija o que cada linha diz e execute de novo.",
            )


def judge_drift(environment: str, plan: ModelPlan) -> ModelDrift:
    """Sort a plan's steps into what is missing, what was changed, and what is the prefeitura's own."""
    return ModelDrift(
        environment=environment,
        missing=tuple(tell(step) for step in plan.steps if step.action is Action.CREATE),
        changed=tuple(
            tell(step) for step in plan.steps if step.action in {Action.CHANGE, Action.SWITCH_OFF, Action.REMOVE}
        ),
        kept=tuple(tell(step) for step in plan.steps if step.action is Action.LEAVE),
        local=tuple(f"{kind}: {shown(label)}" for kind, labels in plan.local.items() for label in labels),
        unchanged=plan.unchanged,
    )
