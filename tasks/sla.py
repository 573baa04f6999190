"""The SLA clock of a municipality, read from its events."""

from collections.abc import Sequence
from datetime import UTC, datetime

from blocks.catalog import Catalog
from domain.lifecycle import STAGE_FINISHED, Stage
from domain.municipality import Municipality
from domain.sla import Pause, SlaStatus, sla_status
from registry import EventRecord, Registry

PAUSED, RESUMED = "sla.paused", "sla.resumed"


def read_clock(registry: Registry, municipality: Municipality) -> SlaStatus | None:
    """The clock of the training environment's delivery, or None before adhesion."""
    events = registry.events(ibge=municipality.ibge, kinds=[STAGE_FINISHED, PAUSED, RESUMED])
    started = _first(events, Stage.ADHESION)
    if started is None:
        return None
    catalog = Catalog()
    return sla_status(
        started,
        pauses_of(events),
        finished_at=_first(events, Stage.ENVIRONMENT_TRAINING),
        now=datetime.now(tz=UTC),
        rule=catalog.sla(),
        calendar=catalog.holidays().calendar_for(municipality),
    )


def _first(events: list[EventRecord], stage: Stage) -> datetime | None:
    return next(
        (
            event.occurred_at
            for event in events
            if event.kind == STAGE_FINISHED and event.details["stage"] == stage.value
        ),
        None,
    )


def pauses_of(events: Sequence[EventRecord]) -> list[Pause]:
    """While what was owed, the stage as the reason; other events tell nothing of it."""
    open_since: dict[str, datetime] = {}
    pauses = []
    for event in events:
        stage = str(event.details.get("stage"))
        if event.kind == PAUSED:
            open_since[stage] = event.occurred_at
        elif event.kind == RESUMED and stage in open_since:
            pauses.append(Pause(since=open_since.pop(stage), until=event.occurred_at, reason=stage))
    return pauses + [Pause(since=since, reason=stage) for stage, since in open_since.items()]
