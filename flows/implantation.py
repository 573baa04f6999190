"""The whole life of one prefeitura in SEI, as far as its gates allow today."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from prefect import flow

from domain.environment import Purpose
from domain.report import Journey, StageReport
from flows.create_environment import create_environment
from flows.forms import WaitSeconds
from flows.go_live import go_live
from flows.import_users import import_users
from flows.seed import seed
from flows.stage import MUNICIPALITY, as_run_state, one_heartbeat, tag_this_run, tagged
from flows.training_gate import training_gate
from tasks.history import exclusive, publish_journey, require_adhesion

Step = tuple[Callable[..., StageReport], dict[str, Any]]

PROCEDURE: tuple[Step, ...] = (
    (create_environment, {"purpose": Purpose.TREINAMENTO}),
    (seed, {"purpose": Purpose.TREINAMENTO}),
    (import_users, {"purpose": Purpose.TREINAMENTO}),
    (training_gate, {}),
    (create_environment, {"purpose": Purpose.PRODUCAO}),
    (seed, {"purpose": Purpose.PRODUCAO}),
    (import_users, {"purpose": Purpose.PRODUCAO}),
    (go_live, {"purpose": Purpose.PRODUCAO}),
)


@flow(name="implantação", flow_run_name="{municipality} · implantação")
def implantation(municipality: str = MUNICIPALITY, wait_seconds: WaitSeconds = 0) -> Journey:
    """Converge every stage that is due; at a closed gate end as `Aguardando`, with the reasons.

    Finished stages take seconds, so a schedule, a webhook, an approval or an operator may run it at any time.
    """
    municipality = require_adhesion(municipality)
    journey = Journey(municipality=municipality)
    tag_this_run(municipality)
    with exclusive(municipality, wait_seconds), one_heartbeat():
        for stage, arguments in PROCEDURE:
            started = monotonic()
            with tagged(municipality, arguments.get("purpose")):
                report = stage(municipality, **arguments)
            journey = journey.with_stage(report.model_copy(update={"seconds": monotonic() - started}))
            if report.waiting_for:
                break
    publish_journey(municipality, journey)
    return as_run_state(journey)
