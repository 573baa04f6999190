"""Messages that a person decides on: the day of the go-live, a maintenance window, an incident."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from pydantic import JsonValue

from blocks.catalog import Catalog
from domain.calendar import BRASILIA
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import ImplantaError, InvalidInputError
from domain.freeze import freeze_on, next_free_day
from domain.message import Event, MessageRule, message_key
from domain.telling_report import TellingReport
from tasks import clock, doors
from tasks.live import has_gone_live
from tasks.messages import put_in_queue, withdraw
from tasks.neighbourhood import list_delivered

GO_LIVE_SCHEDULED = "go_live.scheduled"
REFERENCE_LENGTH = 12
# What an environment tells by itself, so that nobody types it.
OF_ENVIRONMENT = frozenset({"ambiente", "pagina"})


def announce_go_live(municipality: str, day: date) -> Change:
    """Set the day of the go-live, and queue its message; another day replaces the entry in people's calendars.

    Raises:
        InvalidInputError: the day is past or no business day there, or the prefeitura is live already.
    """
    found, catalog = doors.registry().find_municipality(municipality), Catalog()
    if has_gone_live(found.ibge):
        raise InvalidInputError("A prefeitura já está em produção", found.slug, "Não há mais data a marcar.")
    calendar = catalog.holidays().calendar_for(found)
    if day <= clock.today() or not calendar.is_business_day(day):
        first = next(calendar.business_days_after(max(day, clock.today())))
        raise InvalidInputError(
            f"{day:%d/%m/%Y} não é um dia útil futuro do município", found.slug, f"O seguinte é {first:%d/%m/%Y}."
        )
    if freeze := freeze_on(day, catalog.freezes(), found.ibge):
        free = next_free_day(day, catalog.freezes(), found.ibge)
        raise InvalidInputError(
            f"Em {day:%d/%m/%Y} ninguém entra em produção: {freeze}", found.slug, f"Marque a partir de {free:%d/%m/%Y}."
        )
    days = list_announced_days(found.ibge)
    is_new = not days or days[-1] != day
    order = len(days) if is_new else len(days) - 1
    if is_new and not doors.registry().record_event(
        GO_LIVE_SCHEDULED,
        ibge=found.ibge,
        actor="implanta",
        details={"day": day.isoformat()},
        key=f"{GO_LIVE_SCHEDULED}:{found.ibge}#{order}",
    ):
        raise InvalidInputError("Outra pessoa marcou a data neste momento", found.slug, "Confira e execute de novo.")
    *older, key = _corrections(message_key(Event.DATA_ENTRADA_PRODUCAO, found.ibge), order + 1)
    withdraw(found.ibge, older)
    hours = catalog.messages().working_hours
    production = EnvironmentName(municipality=found.slug, purpose=Purpose.PRODUCAO)
    put_in_queue(
        found.slug,
        Event.DATA_ENTRADA_PRODUCAO,
        key,
        {
            "situacao": "remarcada" if order else "marcada",
            "inicio": datetime.combine(day, hours.starts, BRASILIA).isoformat(),
            "fim": datetime.combine(day, hours.ends, BRASILIA).isoformat(),
            "local": f"{doors.edge().url(production)}/sei",
        },
    )
    return Change(created=1) if is_new and not order else Change(updated=1) if is_new else Change(unchanged=1)


def list_announced_days(ibge: str) -> list[date]:
    """The days that were set for the go-live, one after the other; the last one counts."""
    events = doors.registry().events(ibge=ibge, kinds=[GO_LIVE_SCHEDULED])
    return [date.fromisoformat(str(event.details["day"])) for event in events]


def announce(
    event: str,
    said: Mapping[str, str],
    *,
    municipalities: Sequence[str] | None,
    purpose: Purpose | None = None,
    reference: str | None = None,
) -> TellingReport:
    """Queue a message that somebody decided on, once for each prefeitura and reference; without names, to all.

    `reference` tells it from others of the event, and with `#1` it corrects the one before; without it the text itself
    is the reference. One prefeitura that cannot be told stops no other.

    Raises:
        InvalidInputError: the event is not sent by hand, or what is said is not what it tells.
    """
    rule = Catalog().messages().rule(event)
    rule.require_by_hand()
    own = OF_ENVIRONMENT & rule.variables.keys()
    if own and purpose is None:
        raise InvalidInputError(
            "Falta dizer de que ambiente se fala", f"evento {event}", f"Use --environment ({', '.join(Purpose)})."
        )
    variables = rule.read(said)
    accepted = rule.accept(variables | {name: rule.examples[name] for name in own})
    now = clock.now()
    expires_at = rule.expires_at(accepted, now)
    if expires_at is not None and expires_at <= now:
        raise InvalidInputError("O que se anuncia já passou", f"evento {event}", "Confira os dias e as horas.")
    named = _digest(variables) if reference is None else _reference(reference)
    results: dict[str, object] = {}
    for slug in _everybody(purpose) if municipalities is None else municipalities:
        try:
            results[slug] = _announce_to(slug, rule, variables, own, purpose, named)
        except ImplantaError as error:
            results[slug] = error
    return TellingReport.of(f"Aviso: {event}", results)


def _announce_to(
    slug: str,
    rule: MessageRule,
    variables: Mapping[str, JsonValue],
    own: frozenset[str],
    purpose: Purpose | None,
    reference: str,
) -> Change:
    found = doors.registry().find_municipality(slug)
    told = dict(variables)
    if purpose is not None:
        name = EnvironmentName(municipality=found.slug, purpose=purpose)
        doors.registry().environment(name.slug)
        of_environment = {"ambiente": purpose.label, "pagina": f"{doors.edge().url(name)}/sei"}
        told |= {variable: of_environment[variable] for variable in own}
    parts = (purpose.value, reference) if purpose else (reference,)
    key = message_key(rule.event, found.ibge, *parts)
    change = put_in_queue(found.slug, rule.event, key, told)
    base, _, correction = key.partition("#")
    withdraw(found.ibge, _corrections(base, int(correction or 0)))
    if change.unchanged and doors.registry().message(key).variables != told:
        raise InvalidInputError(
            f"Já se avisou com esta referência ({reference}), e com outro texto",
            found.slug,
            "Para corrigir, repita com --reference e um número: manutencao-4.1.1#1.",
        )
    return change


def _everybody(purpose: Purpose | None) -> list[str]:
    """Every municipality, or those with an environment in service of a purpose."""
    if purpose is None:
        return [found.slug for found in doors.registry().list_municipalities()]
    names = [EnvironmentName.parse(slug) for slug in list_delivered()]
    return [name.municipality for name in names if name.purpose is purpose]


def _corrections(key: str, count: int) -> list[str]:
    """The keys of the first message about something and of its corrections, so many in all."""
    return [f"{key}#{number}" if number else key for number in range(count)]


def _reference(typed: str) -> str:
    reference = typed.strip().lower()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,58}[a-z0-9])?(#[0-9]{1,4})?", reference):
        raise InvalidInputError(
            f"{typed!r} não serve de referência", "--reference", "Use letras, números, ponto e hífen: inc-2027-41."
        )
    return reference


def _digest(variables: Mapping[str, JsonValue]) -> str:
    text = json.dumps(variables, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:REFERENCE_LENGTH]
