"""What changes once a prefeitura works in production: its people's own decisions come first."""

import hashlib
from datetime import datetime

from domain.change import Change
from domain.errors import InvalidInputError
from registry import EventRecord
from tasks import doors
from tasks.instance import Instance, load_instance
from tasks.intake import Sheet, read_sheet
from tasks.step import step

LIVE = "production.opened"
PUBLIC = "production.public"
"""The edge lets people in; told after `LIVE`, which is told while they are still outside."""

CLOSING = "production.closing"
KEPT_OPEN = "production.kept_open"
"""A closing was given up, for somebody had worked in there."""

CLOSED_AGAIN = "production.closed_again"
_STATES = (LIVE, CLOSING, KEPT_OPEN, CLOSED_AGAIN)
SHEET_APPLIED = "sheet.applied"

UNITS: Sheet = "unidades.csv"
KEPT = "Planilha já aplicada: o que a prefeitura mudou depois, em produção, fica como está."
NEW_UNITS = (
    "A prefeitura, já em produção, mandou outra planilha de unidades: veja ./implanta units plan {environment} e"
    " aplique com ./implanta units apply {environment} --plan CÓDIGO."
)


def has_gone_live(ibge: str) -> bool:
    """Whether the municipality's production is open to it; one that was closed again, unused, never was."""
    told = doors.registry().events(ibge=ibge, kinds=_STATES)
    return bool(told) and told[-1].kind in {LIVE, KEPT_OPEN}


def is_open(instance: Instance) -> bool:
    """Whether this very environment is open to the prefeitura; one that is being closed is not."""
    told = _openings(instance)
    return bool(told) and told[-1].kind in {LIVE, KEPT_OPEN}


def is_closing(instance: Instance) -> bool:
    """Whether somebody began to take the opening back, and was cut off."""
    told = _openings(instance)
    return bool(told) and told[-1].kind == CLOSING


def is_public(instance: Instance) -> bool:
    """Whether people were let in since the last opening: from then on the edge is its operators' to close."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[PUBLIC])
    last = opening(instance)
    if last is None:
        return False
    if "paperwork" not in last.details:  # opened by a version that told nothing of the edge
        return True
    return any(event.environment == instance.name.slug and event.id > last.id for event in told)


def opening(instance: Instance) -> EventRecord | None:
    """The event with which this environment was opened, unless it was closed again."""
    told = _openings(instance)
    if not told or told[-1].kind == CLOSED_AGAIN:
        return None
    return [event for event in told if event.kind == LIVE][-1]


def last_closing(instance: Instance) -> datetime | None:
    """When somebody last began to close this environment again; None for one that never was."""
    closed = [event.occurred_at for event in _openings(instance) if event.kind == CLOSING]
    return closed[-1] if closed else None


def number_of_openings(instance: Instance) -> int:
    """How often this environment was opened."""
    return sum(event.kind == LIVE for event in _openings(instance))


def _openings(instance: Instance) -> list[EventRecord]:
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=_STATES)
    return [event for event in told if event.environment == instance.name.slug]


@step("planilha já aplicada")
def is_settled(environment: str, sheet: Sheet) -> bool:
    """Whether a live prefeitura's spreadsheet was applied before, byte by byte.

    Applying it again would give back the access of whoever was deactivated since, and undo every correction that the
    prefeitura made by itself. Before the opening a spreadsheet is applied at each run, which heals what was cut off.
    """
    instance = load_instance(environment)
    if not has_gone_live(instance.municipality.ibge):
        return False
    return _last_applied(instance, sheet) == _digest(instance, sheet)


@step("unidades que ficam")
def why_units_stay(environment: str) -> str | None:
    """Why a live prefeitura's units are left alone, or None when its spreadsheet is to be applied.

    One that came after the opening moves and deactivates units with people at work in them: an operator applies it,
    with a plan that was read.
    """
    instance = load_instance(environment)
    applied = _last_applied(instance, UNITS) if has_gone_live(instance.municipality.ibge) else None
    if applied is None:
        return None
    return KEPT if applied == _digest(instance, UNITS) else NEW_UNITS.format(environment=environment)


@step("planilha recebida")
def sheet_digest(environment: str, sheet: Sheet) -> str:
    """SHA-256 of the spreadsheet as it is now: taken before it is applied, for another may come meanwhile."""
    return _digest(load_instance(environment), sheet)


@step("planilha aplicada")
def record_applied(environment: str, sheet: Sheet, digest: str) -> Change:
    """Remember which spreadsheet the environment now agrees with."""
    instance = load_instance(environment)
    if _last_applied(instance, sheet) == digest:
        return Change(unchanged=1)
    doors.registry().record_event(
        SHEET_APPLIED,
        ibge=instance.municipality.ibge,
        environment=environment,
        actor="implanta",
        details={"sheet": sheet, "sha256": digest},
    )
    return Change(created=1)


def _last_applied(instance: Instance, sheet: Sheet) -> str | None:
    events = doors.registry().events(ibge=instance.municipality.ibge, kinds=[SHEET_APPLIED])
    mine = [event for event in events if event.environment == instance.name.slug and event.details["sheet"] == sheet]
    return str(mine[-1].details["sha256"]) if mine else None


def _digest(instance: Instance, sheet: Sheet) -> str:
    body = read_sheet(instance.municipality.slug, sheet)
    if body is None:
        raise InvalidInputError(
            f"A planilha {sheet} não está mais no balde da prefeitura",
            instance.municipality.slug,
            f"Envie de novo com ./implanta municipality send {instance.municipality.slug} {sheet}.",
        )
    return hashlib.sha256(body).hexdigest()
