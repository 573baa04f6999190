"""The programme in time, from the registry: how far each prefeitura is, what was planned, what is to be expected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from pydantic import JsonValue, TypeAdapter

from blocks.catalog import Catalog
from domain.calendar import HolidayCatalog, local_day
from domain.environment import Purpose
from domain.errors import GateClosedError, ImplantaError
from domain.lifecycle import Stage
from domain.municipality import Municipality
from domain.planning.forecast import FleetForecast, Schedule, schedule_of
from domain.planning.progress import Progress
from domain.planning.rules import Rules
from domain.planning.simulation import Windows, plan_fleet, simulate
from registry import EventRecord, Registry
from tasks import clock, doors
from tasks.inspection import publish_markdown
from tasks.intake import read_prefeitura
from tasks.sla import PAUSED, RESUMED, pauses_of
from tasks.step import step
from tasks.training import facts_of

PLANNED = "schedule.planned"
ACTOR = "implanta"
_BEGUN_BY_ENVIRONMENT = {
    Purpose.TREINAMENTO: Stage.ENVIRONMENT_TRAINING,
    Purpose.PRODUCAO: Stage.ENVIRONMENT_PRODUCTION,
}
_WINDOWS: TypeAdapter[Windows] = TypeAdapter(Windows)


@dataclass(frozen=True)
class Fleet:
    """Everybody who joined: how far they are, their plans by IBGE code, and who could not be read."""

    members: Sequence[Progress]
    plans: Mapping[str, Windows]
    unrecorded: Sequence[Progress] = ()
    """Whose plan nobody has recorded yet: it still moves with the catalog."""
    failures: Mapping[str, ImplantaError] = field(default_factory=dict)


def read_fleet(rules: Rules) -> Fleet:
    """The fleet as the registry has it now. A prefeitura whose sheet is wrong is left out alone."""
    registry, holidays = doors.registry(), Catalog().holidays()
    history = _by_municipality(registry.events(kinds=[PAUSED, RESUMED, PLANNED]))
    begun, done = _begun(registry), registry.stages_done()
    members: list[Progress] = []
    recorded: dict[str, Windows] = {}
    failures: dict[str, ImplantaError] = {}
    for municipality in registry.list_municipalities():
        events = history.get(municipality.ibge, [])
        plan = next((event.details for event in events if event.kind == PLANNED), None)
        try:
            progress = _progress(
                municipality, events, plan, begun.get(municipality.ibge, {}), done.get(municipality.ibge, {}), holidays
            )
        except ImplantaError as error:  # its own failure, told beside the others' forecasts
            failures[municipality.slug] = error
            continue
        if progress is not None:
            members.append(progress)
        if progress is not None and plan is not None:
            recorded[municipality.ibge] = _WINDOWS.validate_python(plan["activities"])
    plans = plan_fleet(members, rules)
    return Fleet(
        members=members,
        plans={ibge: {**windows, **recorded.get(ibge, {})} for ibge, windows in plans.items()},
        unrecorded=[progress for progress in members if progress.ibge not in recorded],
        failures=failures,
    )


def forecast(rules: Rules, *, rounds: int, seed: int) -> FleetForecast:
    """When everybody will be live; `rules` may have other numbers of slots than the catalog."""
    today, fleet = clock.today(), read_fleet(rules)
    return _forecast(fleet, rules, today, rounds, seed)


def read_schedule(ref: str, rules: Rules, *, rounds: int, seed: int) -> Schedule:
    """The schedule of the municipality of a slug or IBGE code, among all that wait for the same teams.

    Raises:
        InvalidInputError: it is not registered, or its sheet is wrong.
        GateClosedError: it has not joined yet.
    """
    found = doors.registry().find_municipality(ref)
    today, fleet = clock.today(), read_fleet(rules)
    if found.slug in fleet.failures:
        raise fleet.failures[found.slug]
    if found.ibge not in fleet.plans:
        raise GateClosedError(
            "O município ainda não aderiu", found.slug, "Registre a adesão com ./implanta municipality add."
        )
    simulation = simulate(fleet.members, rules, today=today, rounds=rounds, seed=seed)
    return schedule_of(found.ibge, simulation, fleet.plans[found.ibge], rules)


@step("previsão da frota")
def forecast_fleet(day: date, rounds: int, seed: int) -> FleetForecast:
    """The forecast of the catalog's teams on a day; the plan of who has none on record is recorded, and stays."""
    rules = Catalog().planning()
    fleet = read_fleet(rules)
    registry = doors.registry()
    for progress in fleet.unrecorded:
        details: dict[str, JsonValue] = {
            "start": progress.start.isoformat(),
            "activities": _WINDOWS.dump_python(fleet.plans[progress.ibge], mode="json"),
        }
        registry.record_event(
            PLANNED, ibge=progress.ibge, actor=ACTOR, details=details, key=f"{PLANNED}:{progress.slug}"
        )
    return _forecast(fleet, rules, day, rounds, seed)


@step("resultado da previsão")
def publish_forecast(day: date, found: FleetForecast) -> None:
    """Publish when all are live, what holds them up, and one line a prefeitura."""
    publish_markdown("previsao", found.markdown(), f"Previsão da entrada em produção em {day:%d/%m/%Y}")


def _forecast(fleet: Fleet, rules: Rules, today: date, rounds: int, seed: int) -> FleetForecast:
    return FleetForecast.of(
        simulate(fleet.members, rules, today=today, rounds=rounds, seed=seed),
        fleet.plans,
        rules,
        rounds=rounds,
        seed=seed,
        failures=fleet.failures,
    )


def _progress(
    municipality: Municipality,
    events: Sequence[EventRecord],
    plan: Mapping[str, JsonValue] | None,
    begun: Mapping[Stage, date],
    ended: Mapping[Stage, datetime],
    holidays: HolidayCatalog,
) -> Progress | None:
    """How far a municipality is; None when it has not joined.

    Raises:
        InvalidInputError: no plan is on record, and the sheet that may say when it starts is wrong.
    """
    done = {stage: local_day(at) for stage, at in ended.items()}
    joined = done.pop(Stage.ADHESION, None)
    if joined is None:
        return None
    start = date.fromisoformat(str(plan["start"])) if plan else read_prefeitura(municipality.slug).inicio_do_cronograma
    return Progress(
        ibge=municipality.ibge,
        slug=municipality.slug,
        name=municipality.name,
        joined=joined,
        start=start or joined,
        calendar=holidays.calendar_for(municipality),
        done=done,
        begun=dict(begun),
        pauses=tuple(pauses_of(events)),
    )


def _begun(registry: Registry) -> dict[str, dict[Stage, date]]:
    """The stages that are known to have begun, by IBGE code: an environment is registered, a class was finished."""
    found: dict[str, dict[Stage, date]] = {}
    for environment in registry.list_environments():
        stage = _BEGUN_BY_ENVIRONMENT.get(environment.purpose)
        if stage and environment.created_at:
            found.setdefault(environment.ibge, {})[stage] = local_day(environment.created_at)
    for ibge, record in registry.trainings().items():
        facts = facts_of(record)
        if facts and facts.prefeitura.classes:
            found.setdefault(ibge, {})[Stage.TRAINING] = min(done.finished_on for done in facts.prefeitura.classes)
    return found


def _by_municipality(events: Sequence[EventRecord]) -> dict[str, list[EventRecord]]:
    found: dict[str, list[EventRecord]] = {}
    for event in events:
        found.setdefault(event.ibge, []).append(event)
    return found
