"""Watching an environment after its upgrade: what people do in it, whether it is well, what its log tells of new."""

from collections.abc import Mapping
from datetime import timedelta

from blocks.sei_use import SeiUse
from domain.campaign.history import Outcome, UnitRecord
from domain.campaign.promotion import UnitObservation
from tasks import clock, doors
from tasks.incidents import open_incidents
from tasks.instance import load_instance
from tasks.step import step

_LOG_BEFORE = timedelta(days=30)
_HUNDRED = 100


@step("observação")
def observe_unit(environment: str, unit: UnitRecord, margin_percent: int) -> UnitObservation:
    """One environment since its upgrade; one that went back is not looked at.

    Raises:
        RetryableError: its databases do not answer.
    """
    predicted = unit.appointment.minutes * _HUNDRED / (_HUNDRED + margin_percent)
    if unit.outcome is not Outcome.UPGRADED:
        return UnitObservation(outcome=unit.outcome, minutes=unit.minutes, predicted_minutes=predicted)
    instance, since = load_instance(environment), clock.now() - unit.at
    seen = SeiUse(instance.server, instance.name)
    use, health = seen.count_since(since), doors.runtime().health(instance.name)
    errors = seen.new_kinds_of_errors(since, _LOG_BEFORE)
    answers = health.serving or health.maintenance
    return UnitObservation(
        outcome=unit.outcome,
        minutes=unit.minutes,
        predicted_minutes=predicted,
        sign_ins=use.sign_ins,
        documents_signed=use.documents_signed,
        processes_sent=use.processes_sent,
        open_incidents=open_incidents()[environment],
        healthy=answers and not errors,
        illness="; ".join(
            ([] if answers else [f"a aplicação não atende ({health.detail})"])
            + [f"erro novo no log: {kind or 'sem assinatura'}" for kind in errors[:3]]
        ),
    )


def observations(
    units: Mapping[str, UnitRecord], results: Mapping[str, object], margin_percent: int
) -> dict[str, UnitObservation]:
    """What was seen of each; who could not be looked at is not well, as far as anybody knows."""
    found = {}
    for environment, unit in units.items():
        result = results[environment]
        found[environment] = (
            result
            if isinstance(result, UnitObservation)
            else UnitObservation(
                outcome=unit.outcome,
                minutes=unit.minutes,
                predicted_minutes=unit.appointment.minutes * _HUNDRED / (_HUNDRED + margin_percent),
                healthy=False,
                illness="não pôde ser observado",
            )
        )
    return found
