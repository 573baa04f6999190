"""What a prefeitura is written about its training gate: what changed, that nothing does, that it takes too long."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from pydantic import Field, JsonValue, PositiveInt

from domain.calendar import BusinessCalendar
from domain.catalog_entry import CatalogEntry
from domain.message import Event
from domain.model import Frozen


class GateState(StrEnum):
    """How a gate is found; the value is a part of the message's key."""

    CLOSED = "fechado"
    OPEN = "aberto"
    WAIVED = "dispensado"

    @property
    def label(self) -> str:
        """The result as the prefeitura reads it."""
        return {"fechado": "ainda não atendido", "aberto": "atendido", "dispensado": "dispensado por um prazo"}[self]


class GateNoticeRule(CatalogEntry):
    """After how many business days a closed gate is written about again, and when it goes to who decides."""

    result_every: PositiveInt = Field(alias="resultado_a_cada")
    reminder_after: PositiveInt = Field(alias="lembrete_apos")
    escalation_after: PositiveInt = Field(alias="escalonamento_apos")


class GateNews(Frozen):
    """A judged gate, as far as somebody may be told of it."""

    state: GateState
    reasons: tuple[str, ...]


class ToldOfGate(GateNews):
    """What was once queued about a gate."""

    event: Event
    on: date


class GateNotice(Frozen):
    """What is to be written now."""

    event: Event
    order: PositiveInt
    """The how-manieth notice of the gate it is: two runs that judge at once tell the same one."""
    closed_since: date
    """The day of the first notice that told it closed, and today where this one is it."""
    business_days: int
    """Since then."""


GATE_EVENTS = (Event.RESULTADO_PORTAO, Event.LEMBRETE_PORTAO, Event.ESCALONAMENTO_PORTAO)


def plan_notice(
    found: GateNews, told: Sequence[ToldOfGate], rule: GateNoticeRule, calendar: BusinessCalendar, today: date
) -> GateNotice | None:
    """What to write of a gate today, given all that was written of it, oldest first; None when there is no news.

    Another state is told at once. While the gate stays closed, other reasons are told once in so many days, for the
    counts change each night; that nothing changed is a reminder; what was closed for long goes to who decides, again
    each time as long. Each of the three says what the gate still wants, so one a day is enough.
    """
    last = told[-1] if told else None
    since = _closed_since(told, today)
    waited = calendar.business_days_between(since, today)

    def notice(event: Event) -> GateNotice:
        return GateNotice(event=event, order=len(told) + 1, closed_since=since, business_days=waited)

    if last is None or last.state is not found.state:
        return notice(Event.RESULTADO_PORTAO)
    if found.state is GateState.OPEN:
        return None
    if found.state is GateState.WAIVED:  # until another day
        return notice(Event.RESULTADO_PORTAO) if last.reasons != found.reasons else None
    escalated = [one.on for one in told if one.event is Event.ESCALONAMENTO_PORTAO and one.on >= since]
    if calendar.business_days_between(max([since, *escalated]), today) >= rule.escalation_after:
        return notice(Event.ESCALONAMENTO_PORTAO)
    silent = calendar.business_days_between(last.on, today)
    if last.reasons != found.reasons and silent >= rule.result_every:
        return notice(Event.RESULTADO_PORTAO)
    return notice(Event.LEMBRETE_PORTAO) if silent >= rule.reminder_after else None


def _closed_since(told: Sequence[ToldOfGate], today: date) -> date:
    since = today
    for one in reversed(told):
        if one.state is not GateState.CLOSED:
            break
        since = one.on
    return since


def notice_variables(notice: GateNotice, found: GateNews, gate: str) -> dict[str, JsonValue]:
    """What the message of a notice tells."""
    variables: dict[str, JsonValue] = {"portao": gate, "motivos": list(found.reasons)}
    if notice.event is Event.RESULTADO_PORTAO:
        return variables | {"resultado": found.state.label, "seguinte": _NEXT[found.state]}
    return variables | {"desde": notice.closed_since.isoformat(), "dias_uteis": notice.business_days}


_NEXT = {
    GateState.CLOSED: "O portão é avaliado de novo toda noite; não é preciso pedir. Quando as conclusões chegarem, a"
    " implantação segue sozinha.",
    GateState.OPEN: "A implantação segue; a prefeitura não precisa fazer nada agora.",
    GateState.WAIVED: "A implantação segue enquanto a dispensa vale. Depois desse dia o portão volta a contar.",
}
