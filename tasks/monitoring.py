"""One sweep of the monitoring: look, judge, and remember all of it or nothing."""

from collections.abc import Iterable, Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from pydantic import JsonValue

from blocks.catalog import Catalog
from domain.calendar import local_day
from domain.incident import OF_MONITORING, Incidents
from domain.message import Event, message_key
from domain.monitoring.causes import MANY, Cause, plan_events, settle
from domain.monitoring.facts import DayOfUse, Fleet, Seen, ServerFigures
from domain.monitoring.judge import judge
from domain.monitoring.report import SweepReport, troubles_of
from domain.monitoring.rules import SHARED, MonitoringRule, ProbeRule
from domain.monitoring.state import Observation, ProbeState
from domain.report import first_of
from registry import QueuedMessage
from registry.monitoring import SweepRecord
from registry.privacy import without_person
from tasks import clock, doors
from tasks.incidents import incidents
from tasks.inspection import publish_markdown
from tasks.monitoring_fleet import fleet_to_watch
from tasks.monitoring_look import look_at_fleet

_LOCK = "monitoração"
_LOCK_SECONDS = 60
_ADVICE = (
    "Veja ./implanta monitoring show. Quem avisa a prefeitura é uma pessoa: ./implanta message announce incidente."
)


@task(name="varredura", task_run_name="varredura", cache_policy=NO_CACHE)
def sweep() -> SweepReport:
    """Look at every environment in service and at what they share, and remember it in one transaction.

    A sweep that dies has told nothing: the next one looks again.

    Raises:
        RetryableError: the registry does not answer.
        GateClosedError: another sweep is writing at this moment.
    """
    fleet, rule = fleet_to_watch(), _rule()
    known = {state.key: state for state in doors.registry().monitoring.states()}
    return remember(fleet, look_at_fleet(fleet, known, rule))


def remember(fleet: Fleet, seen: Seen) -> SweepReport:
    """Turn what a sweep saw into states, incidents, messages and use. Raises as `sweep`."""
    rule, now, registry = _rule(), clock.now(), doors.registry()
    with registry.lock(_LOCK, wait_seconds=_LOCK_SECONDS):
        before = {state.key: state for state in registry.monitoring.states()}
        gone = _gone(before.values(), fleet)
        settled = settle(before, _impersonal(judge(fleet, seen, rule, now)), now, rule, gone)
        after = {key: state for key, state in before.items() if key[0] not in gone}
        after |= {state.key: state for state in settled.states}
        ibges = {one.slug: one.ibge for one in fleet.watched}
        # Years of incidents are not read while there is none to open or to close.
        known = incidents() if any(state.incident for state in (*before.values(), *after.values())) else Incidents([])
        # Who left service has its incidents closed as well.
        leaving = {slug for slug, _ in known.open_of_monitoring} - ibges.keys() - fleet.busy
        ibges |= {record.slug: record.ibge for record in registry.list_environments() if record.slug in leaving}
        events = plan_events(after.values(), settled.closed, fleet.watched, known, ibges, rule, now)
        messages = [
            *_messages(settled.opened, fleet, rule, opened=True),
            *_messages(settled.closed, fleet, rule, opened=False),
        ]
        registry.monitoring.record(
            SweepRecord(now, local_day(now), settled.states, gone, events, messages, _uses(fleet, seen)),
            actor=OF_MONITORING,
            flow_run_id=flow_run.id,
        )
    return SweepReport(
        taken_at=now,
        seconds=seen.seconds,
        environments=len(fleet.watched),
        busy=len(fleet.busy),
        unreached=fleet.unreached(seen),
        opened=settled.opened,
        closed=settled.closed,
        troubles=troubles_of(after.values(), rule),
    )


def publish_sweep(report: SweepReport) -> None:
    """Publish the table; a sweep without news leaves the last one, or there would be three hundred a day."""
    if report.is_news:
        publish_markdown("monitoracao", report.markdown(), report.summary())


def _rule() -> MonitoringRule:
    """What operators decided; somebody's address among the remedies would stop every message that tells it."""
    rule = Catalog().monitoring()
    probes = {
        probe: one.model_copy(update={"remedy": without_person(one.remedy)}) for probe, one in rule.probes.items()
    }
    return rule.model_copy(update={"probes": probes})


def _impersonal(answers: Iterable[Observation]) -> list[Observation]:
    """The answers, without a detail that names somebody: a system's own words, which the registry would refuse."""
    return [one.model_copy(update={"detail": without_person(one.detail)}) if one.bad else one for one in answers]


def _gone(states: Iterable[ProbeState], fleet: Fleet) -> frozenset[str]:
    """Subjects that are watched no more: retired environments, and servers without any."""
    there = {one.slug for one in fleet.watched} | fleet.busy
    servers = {one.server for one in fleet.watched}
    return frozenset(
        state.subject
        for state in states
        if (state.probe not in SHARED and state.subject not in there)
        or (
            state.probe in SHARED and state.subject.rpartition("/")[2] not in {*servers, "principal"} and not fleet.busy
        )
    )


def _messages(causes: Sequence[Cause], fleet: Fleet, rules: MonitoringRule, *, opened: bool) -> list[QueuedMessage]:
    """One to the programme's team for each cause; in the queue of some municipality, as every message."""
    ibges = {one.slug: one.ibge for one in fleet.watched}
    rule, now = Catalog().messages().rule(Event.ALERTA_INCIDENTE), clock.now()
    found = []
    for cause in causes:
        ibge = next((ibges[slug] for slug in cause.subjects if slug in ibges), None) or min(
            ibges.values(), default=None
        )
        if ibge is None:
            continue
        many = [f"{len(cause.subjects)} ambientes: {first_of(cause.subjects)}"] if len(cause.subjects) > 1 else []
        reasons: list[JsonValue] = [cause.detail or cause.probe.label, *many]
        variables = rule.accept(
            {
                "causa": cause.told,
                "situacao": "aberto" if opened else "encerrado",
                "desde": cause.since.isoformat(),
                "motivos": reasons,
                "providencia": _what_to_do(cause, rules.probes[cause.probe]) if opened else _ADVICE,
            }
        )
        key = message_key(Event.ALERTA_INCIDENTE, ibge, cause.incident, "aberto" if opened else "encerrado")
        found.append(
            QueuedMessage(
                key=key,
                ibge=ibge,
                event=Event.ALERTA_INCIDENTE.value,
                variables=variables,
                expires_at=rule.expires_at(variables, now),
            )
        )
    return found


def _what_to_do(cause: Cause, rule: ProbeRule) -> str:
    common = "É uma causa comum: veja antes o servidor de aplicações e a rede." if cause.scope == MANY else ""
    return " ".join(filter(None, (common, rule.remedy, _ADVICE)))


def _uses(fleet: Fleet, seen: Seen) -> list[DayOfUse]:
    """What each environment that was seen uses now; who was closed on purpose was seen as well."""
    found = []
    unreached = set(fleet.unreached(seen))
    for one in fleet.watched:
        if one.slug in unreached:
            continue
        server = seen.servers.get(one.server)
        figures = server.environments.get(one.slug) if isinstance(server, ServerFigures) else None
        files = seen.files_bytes.get(one.slug)
        stored = None if figures is None or figures.storage_bytes is None else figures.storage_bytes + (files or 0)
        found.append(
            DayOfUse(
                environment=one.slug,
                concurrent_users=figures.concurrent_users if figures else None,
                users=figures.users if figures else None,
                storage_bytes=stored,
            )
        )
    return found
