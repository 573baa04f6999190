"""How much of a month each production could be used: from incidents, closings, upgrades and restorations."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from blocks.catalog import Catalog
from domain.calendar import BRASILIA
from domain.incident import Incidents
from domain.model import Frozen
from domain.monitoring.availability import Availability, Interval, judge_availability
from domain.monthly_report import Month
from domain.restoration import RestoreEvent
from domain.upgrading import UpgradeEvent
from registry.monitoring import Happened
from tasks import clock, doors
from tasks.closing import CLOSED, REOPENED
from tasks.incidents import incidents
from tasks.live import CLOSED_AGAIN, LIVE

SWEEP_EVERY = timedelta(minutes=5)
"""As the deployment `monitoramento` is scheduled."""

_PAUSES = (
    (frozenset({CLOSED}), frozenset({REOPENED})),
    (frozenset({UpgradeEvent.BEGUN.value}), frozenset({UpgradeEvent.FINISHED.value, UpgradeEvent.UNDONE.value})),
    (frozenset({RestoreEvent.BEGUN.value}), frozenset({RestoreEvent.FINISHED.value})),
)
_KINDS = [LIVE, CLOSED_AGAIN, *(kind for pair in _PAUSES for kinds in pair for kind in kinds)]


class MonthOfEnvironment(Frozen):
    """One production's availability in a month."""

    environment: str
    availability: Availability


def availability_of(month: Month, environment: str | None = None) -> tuple[MonthOfEnvironment, ...]:
    """Every production that was live in the month and that the monitoring saw, or one of them, by slug.

    Of a month that still runs, until now.

    Raises:
        RetryableError: the registry does not answer.
        InvalidInputError: the environment is not registered.
    """
    ibge = doors.registry().environment(environment).ibge if environment is not None else None
    monitoring, rule, now = doors.registry().monitoring, Catalog().monitoring(), clock.now()
    told = incidents(ibge)
    sweeps: dict[str, int] = {}
    for use in monitoring.daily_use(month.first, month.after, environment):
        sweeps[use.environment] = sweeps.get(use.environment, 0) + use.sweeps
    found = []
    for slug, happened in sorted(monitoring.happened(_KINDS, ibge).items()):
        period = _period(month, happened, now)
        if period is not None and slug in sweeps:
            judged = judge_availability(
                period,
                _down(told, slug, rule.outages, now),
                _planned(happened, now),
                sweeps=sweeps[slug],
                every=SWEEP_EVERY,
            )
            found.append(MonthOfEnvironment(environment=slug, availability=judged))
    return tuple(found)


def _period(month: Month, happened: Sequence[Happened], now: datetime) -> Interval | None:
    """From the first of the month, or the opening, to its end, or now; None for who was not live in it."""
    openings = [event for event in happened if event.kind in {LIVE, CLOSED_AGAIN}]
    if not openings or openings[-1].kind == CLOSED_AGAIN:
        return None
    starts, ends = (datetime.combine(day, time(), BRASILIA) for day in (month.first, month.after))
    period = max(starts, openings[-1].at), min(ends, now)
    return period if period[0] < period[1] else None


def _down(told: Incidents, environment: str, causes: frozenset[str], now: datetime) -> list[Interval]:
    return [(span.since, span.until or now) for span in told.spans(environment) if span.cause in causes]


def _planned(happened: Sequence[Happened], now: datetime) -> list[Interval]:
    return [part for begins, ends in _PAUSES for part in _between(happened, begins, ends, now)]


def _between(
    happened: Iterable[Happened], begins: frozenset[str], ends: frozenset[str], now: datetime
) -> list[Interval]:
    found: list[Interval] = []
    since: datetime | None = None
    for event in happened:
        if event.kind in begins and since is None:
            since = event.at
        elif event.kind in ends and since is not None:
            found.append((since, event.at))
            since = None
    return found if since is None else [*found, (since, now)]
