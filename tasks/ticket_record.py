"""What the registry keeps of tickets: accepted once, prepared, closed once. Nothing of whom they are about."""

import hashlib
from collections.abc import Sequence
from datetime import date

from prefect.deployments import run_deployment
from pydantic import JsonValue, ValidationError

from blocks.catalog import Catalog
from blocks.settings import load_settings
from domain.calendar import local_day
from domain.environment import intake_bucket
from domain.errors import InvalidInputError
from domain.municipality import Municipality
from domain.ticket import (
    GATE_PREFIX,
    Request,
    Ticket,
    TicketKind,
    TicketReport,
    TicketRule,
    TicketState,
    judge_decider,
    read_request,
)
from registry import EventRecord
from tasks import doors
from tasks.prefect_errors import explaining_prefect

ACCEPTED, PREPARED, CLOSED = "support.accepted", "support.prepared", "support.closed"
ACTOR = "central de atendimento"
SUPPORT = "atendimento/atendimento"


def events_of(ibge: str, ticket_id: str | None = None) -> list[EventRecord]:
    """What happened to a municipality's tickets, or to one of them."""
    events = doors.registry().events(ibge=ibge, kinds=[ACCEPTED, PREPARED, CLOSED])
    return [event for event in events if ticket_id in {None, event.details["ticket"]}]


def record(kind: str, ticket: Ticket, ibge: str, *part: str, **details: JsonValue) -> bool:
    """Add an event of a ticket, once for each `part` of it; False when it is there already.

    A number is one ticket within a municipality: another one's can neither take it nor end it.
    """
    return doors.registry().record_event(
        kind,
        ibge=ibge,
        environment=ticket.environment,
        actor=ACTOR,
        details={**ticket.model_dump(exclude={"id"}), "ticket": ticket.id, **details},
        key=":".join((kind, ibge, ticket.id, *part)),
    )


def ticket_of(event: EventRecord) -> Ticket:
    """The ticket that an event is about."""
    kept = {name: value for name, value in event.details.items() if name in Ticket.model_fields}
    return Ticket.model_validate({**kept, "id": event.details["ticket"]})


def accepted_on(ibge: str, kind: str, day: date) -> int:
    """How many tickets of a kind were accepted on a day."""
    return sum(
        event.kind == ACCEPTED and event.details["kind"] == kind and local_day(event.occurred_at) == day
        for event in events_of(ibge)
    )


def report_of(ibge: str, ticket_id: str) -> TicketReport | None:
    """Where a ticket stands; None of one that never came.

    A person's newest answer counts as long as the ticket is not closed.
    """
    events = events_of(ibge, ticket_id)
    return _report(ibge, events) if events else None


def list_reports(ibge: str) -> list[TicketReport]:
    """Every ticket of a municipality, in the order in which they came."""
    by_ticket: dict[str, list[EventRecord]] = {}
    for event in events_of(ibge):
        by_ticket.setdefault(str(event.details["ticket"]), []).append(event)
    return [_report(ibge, events) for events in by_ticket.values()]


def _report(ibge: str, events: Sequence[EventRecord]) -> TicketReport:
    ticket = ticket_of(events[0])
    rule = Catalog().support().of(ticket.kind)
    title = rule.title if rule else ticket.kind
    closed = next((event for event in events if event.kind == CLOSED), None)
    if closed is not None:
        reasons = closed.details["reasons"]
        assert isinstance(reasons, list)  # noqa: S101  # as close_ticket wrote them
        state = TicketState(str(closed.details["state"]))
        return TicketReport(ticket=ticket, title=title, state=state, reasons=tuple(map(str, reasons)))
    answers = doors.registry().decisions(ibge, ticket.gate)
    if rule is None:
        return TicketReport(
            ticket=ticket, title=title, state=TicketState.REFUSED, reasons=("Este tipo não é mais atendido.",)
        )
    if rule.approvers and not answers:
        wanted = ", ".join(rule.approvers)
        reason = (
            f"Falta a aprovação de um contato com um destes papéis: {wanted} (./implanta approve {ticket.municipality}"
            f" --gate {ticket.gate})."
        )
        return TicketReport(ticket=ticket, title=title, state=TicketState.WAITING, reasons=(reason,))
    if answers and answers[-1].decision == "reject":
        return TicketReport(ticket=ticket, title=title, state=TicketState.REFUSED, reasons=("Não foi aprovado.",))
    return TicketReport(ticket=ticket, title=title, state=TicketState.READY)


def send_ticket(municipality: str, number: str, kind: str, environment: str, content: bytes) -> Ticket:
    """Put a request where only its prefeitura's data lies, and make the ticket that refers to it.

    Raises:
        InvalidInputError: the number is no number of a ticket, or another request came under it.
    """
    try:
        ticket = Ticket(
            id=number, kind=kind, municipality=municipality, environment=environment, sha256=digest_of(content)
        )
    except ValidationError:
        raise InvalidInputError(
            "O chamado não se lê", municipality, "O número tem letras, algarismos, ponto e hífen; confira o tipo."
        ) from None
    storage, bucket = doors.object_storage(), intake_bucket(municipality)
    there = storage.find_object(bucket, ticket.object_key)
    if there is not None and there != content:
        raise another_ticket(ticket)
    storage.ensure_bucket(bucket)
    storage.ensure_object(bucket, ticket.object_key, content)
    return ticket


def another_ticket(ticket: Ticket) -> InvalidInputError:
    """The refusal of a number that is taken."""
    return InvalidInputError(
        "Este número já é de outro chamado", f"chamado {ticket.id}", "Cada chamado tem um número só seu, e não muda."
    )


def load_request(ticket: Ticket, municipality: Municipality) -> Request:
    """What a ticket asks, from the bucket of its municipality.

    Raises:
        InvalidInputError: it is not there, is not what the ticket was sent with, or cannot be read.
    """
    content = doors.object_storage().find_object(intake_bucket(municipality.slug), ticket.object_key)
    if content is None or digest_of(content) != ticket.sha256:
        raise InvalidInputError(
            "O pedido do chamado não está no balde da prefeitura, ou não é o que foi enviado",
            f"{intake_bucket(municipality.slug)}/{ticket.object_key}",
            "Envie o chamado de novo com outro número.",
        )
    return read_request(TicketKind(ticket.kind), content)


def digest_of(content: bytes) -> str:
    """SHA-256 of a request."""
    return hashlib.sha256(content).hexdigest()


def require_may_decide(municipality: Municipality, gate: str, name: str) -> None:
    """Refuse the answer to a ticket of who may not give it, or to one that waits for none.

    Raises:
        InvalidInputError: with the reason; nobody is named.
    """
    report = report_of(municipality.ibge, gate.removeprefix(GATE_PREFIX))
    rule: TicketRule | None = Catalog().support().of(report.ticket.kind) if report else None
    if report is None or rule is None or report.state is not TicketState.WAITING:
        raise InvalidInputError(
            "Nenhum chamado com esse número espera decisão",
            f"{municipality.slug}, {gate}",
            f"Veja os que esperam com ./implanta support list {municipality.slug}.",
        )
    problem = judge_decider(name, rule, load_request(report.ticket, municipality), municipality)
    if problem:
        raise InvalidInputError(problem, f"{municipality.slug}, {gate}", "Peça a decisão a quem pode dá-la.")


def start_ticket(municipality: str, ticket_id: str) -> None:
    """Have the worker go on with a ticket that was accepted.

    Raises:
        InvalidInputError: there is none of this number.
        RetryableError: Prefect does not answer.
    """
    ticket = require_ticket(municipality, ticket_id)
    with explaining_prefect(load_settings().prefect_api_url):
        run_deployment(SUPPORT, parameters={"ticket": ticket.model_dump()}, timeout=0)


def require_ticket(municipality: str, ticket_id: str) -> Ticket:
    """The ticket of a number.

    Raises:
        InvalidInputError: the municipality has none of this number.
    """
    report = report_of(doors.registry().find_municipality(municipality).ibge, ticket_id.strip().lower())
    if report is None:
        raise InvalidInputError(
            f"Não há chamado {ticket_id!r}",
            municipality,
            f"Veja os que há com ./implanta support list {municipality}.",
        )
    return report.ticket
