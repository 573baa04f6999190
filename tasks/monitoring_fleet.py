"""Which environments the monitoring watches now, and how each of them is meant to be: by the registry alone."""

from collections.abc import Mapping, Sequence

from domain.environment import Purpose
from domain.errors import InvalidInputError
from domain.monitoring.facts import Expectation, Fleet, Watched
from domain.municipality import Municipality
from domain.plan import Plan
from domain.retirement import Milestone, Standing, standing_of
from registry.monitoring import Happened
from registry.records import ContractRecord, EnvironmentRecord
from tasks import doors
from tasks.capacity import plan_of
from tasks.certificate import DELIVERED
from tasks.closing import CLOSED, REOPENED
from tasks.live import CLOSED_AGAIN, CLOSING, KEPT_OPEN, LIVE
from tasks.restoration import unfinished_restorations
from tasks.upgrading import unfinished_upgrades

_MILESTONES = {milestone.value: milestone for milestone in Milestone}
_OPENINGS = (LIVE, CLOSING, KEPT_OPEN, CLOSED_AGAIN)
_DOOR = (CLOSED, REOPENED)


def fleet_to_watch() -> Fleet:
    """Every environment in service; a constant number of questions to the registry, however many there are.

    Those that are being restored or upgraded, or wait for it on a database server that is lost, are busy.
    """
    registry = doors.registry()
    restored, upgraded = unfinished_restorations(), unfinished_upgrades()
    lost = {restoration.lost_server for restoration in restored.values()}
    happened = registry.monitoring.happened([DELIVERED, *_MILESTONES, *_OPENINGS, *_DOOR])
    municipalities = {found.ibge: found for found in registry.list_municipalities()}
    contracts = registry.contracts()
    watched, busy = [], set()
    for record in registry.list_environments():
        told = happened.get(record.slug, [])
        if not _is_in_service(told):
            continue
        if record.slug in restored or record.slug in upgraded or record.database_server in lost:
            busy.add(record.slug)
        else:
            watched.append(_watched(record, told, municipalities, contracts))
    return Fleet(watched=tuple(watched), busy=frozenset(busy))


def _is_in_service(told: Sequence[Happened]) -> bool:
    milestones = [_MILESTONES[event.kind] for event in told if event.kind in _MILESTONES]
    return any(event.kind == DELIVERED for event in told) and standing_of(milestones) is Standing.ACTIVE


def _watched(
    record: EnvironmentRecord,
    told: Sequence[Happened],
    municipalities: Mapping[str, Municipality],
    contracts: Mapping[str, ContractRecord],
) -> Watched:
    return Watched(
        slug=record.slug,
        ibge=record.ibge,
        purpose=record.purpose,
        server=record.database_server,
        database_sei=record.database_sei,
        database_sip=record.database_sip,
        created_at=record.created_at,
        expectation=_expectation(record.purpose, told),
        plan=_plan(municipalities[record.ibge], contracts.get(record.ibge)),
    )


def _expectation(purpose: Purpose, told: Sequence[Happened]) -> Expectation:
    door = [event.kind for event in told if event.kind in _DOOR]
    if door and door[-1] == CLOSED:
        return Expectation.CLOSED
    openings = [event.kind for event in told if event.kind in _OPENINGS]
    if purpose is Purpose.PRODUCAO and not (openings and openings[-1] in {LIVE, KEPT_OPEN}):
        return Expectation.BEFORE_LIVE
    return Expectation.OPEN


def _plan(municipality: Municipality, contract: ContractRecord | None) -> Plan | None:
    try:
        return plan_of(municipality, contract)
    except InvalidInputError:  # a population without a plan in the table: a person negotiates it
        return None
