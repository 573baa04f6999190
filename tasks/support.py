"""Tickets of the help desk: admitted, answered, and their result told."""

from contextlib import AbstractContextManager

from blocks.catalog import Catalog
from domain.environment import EnvironmentName, intake_bucket
from domain.errors import InvalidInputError
from domain.message import Event, message_key
from domain.model import Frozen
from domain.municipality import Municipality
from domain.ticket import (
    PasswordRequest,
    Ticket,
    TicketReport,
    TicketState,
    UserRequest,
    judge_ticket,
)
from domain.user_table import COLUMNS, Column, with_person
from domain.users_plan import StepKind
from tasks import clock, doors
from tasks.instance import load_instance
from tasks.intake import USERS, require_sheet
from tasks.invitations import NEW_PASSWORD, invite
from tasks.messages import put_in_queue
from tasks.step import step
from tasks.ticket_record import (
    ACCEPTED,
    CLOSED,
    PREPARED,
    accepted_on,
    another_ticket,
    events_of,
    load_request,
    record,
    report_of,
)
from tasks.users_batches import find_open
from tasks.users_plan import Situation, look

LOCK_WAIT_SECONDS = 60


def ticket_lock(ticket: Ticket) -> AbstractContextManager[None]:
    """Keep a second run of the same ticket out.

    Raises:
        GateClosedError: it still goes on after a minute.
    """
    return doors.registry().lock(f"chamado:{ticket.id}", wait_seconds=LOCK_WAIT_SECONDS)


class Prepared(Frozen):
    """What became of a ticket's request: done or, with a plan's code, to be applied; else why not."""

    code: str | None = None
    refusals: tuple[str, ...] = ()
    waiting_for: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    """Of one that is done: what the prefeitura has to know to use it."""


@step("admissão do chamado")
def admit_ticket(ticket: Ticket) -> TicketReport:
    """Accept a ticket or refuse it, once and for all; one that came before stands where it stands.

    Raises:
        InvalidInputError: the number is another ticket's of the municipality, which must be registered.
    """
    municipality = doors.registry().find_municipality(ticket.municipality)
    with doors.registry().lock(f"chamados:{municipality.slug}", wait_seconds=LOCK_WAIT_SECONDS):
        events = events_of(municipality.ibge, ticket.id)
        if not events:
            refusal = _refusal(ticket, municipality)
            if refusal:
                return close_ticket.fn(ticket, TicketState.REFUSED, (refusal,))
            record(ACCEPTED, ticket, municipality.ibge)
    report = report_of(municipality.ibge, ticket.id)
    if report is None or report.ticket != ticket:
        raise another_ticket(ticket)
    if report.state is TicketState.WAITING:
        _tell(municipality, report, "aguarda")
    return report


@step("encerramento do chamado")
def close_ticket(ticket: Ticket, state: TicketState, reasons: tuple[str, ...] = ()) -> TicketReport:
    """Record how a ticket ended, and have the prefeitura told; the first end of a ticket is the one that counts.

    Of one that is closed already it only makes sure that the message is in the queue.
    """
    municipality = doors.registry().find_municipality(ticket.municipality)
    rule = Catalog().support().of(ticket.kind)
    report = TicketReport(ticket=ticket, title=rule.title if rule else ticket.kind, state=state, reasons=reasons)
    record(CLOSED, ticket, municipality.ibge, state=report.state.value, reasons=list(report.reasons))
    closed = report_of(municipality.ibge, ticket.id) or report
    _tell(municipality, closed, "fim")
    return closed


@step("senha provisória do chamado")
def give_new_password(ticket: Ticket) -> Prepared:
    """Send the owner of an account a new provisional password, at the account's own address, once for a ticket."""
    instance = load_instance(ticket.environment)
    request = load_request(ticket, instance.municipality)
    assert isinstance(request, PasswordRequest)  # noqa: S101  # of this kind
    login = request.login.strip().lower()
    ssc = doors.ssc()
    user = next((one for one in ssc.list_users(instance.name) if one.account.uid.lower() == login), None)
    if user is None:
        return Prepared(refusals=("A conta não existe neste ambiente.",))
    if user.blocked:
        return Prepared(refusals=("A conta está bloqueada: quem saiu volta pela planilha de usuários.",))
    if _prepared_code(ticket, instance.municipality) is None:
        ssc.unblock_users(instance.name, [login])  # from wrong passwords, which is why most people ask
        ssc.mark_uninvited(instance.name, [login])
        record(PREPARED, ticket, instance.municipality.ibge, code="")
        user = user.model_copy(update={"uninvited": True})
    # The mark goes away once the mail server took the message: a run that is repeated sends no second password.
    refused = invite(instance, [user.account], NEW_PASSWORD) if user.uninvited else set()
    return Prepared(refusals=("O servidor de e-mail recusou o endereço da conta.",) if refused else ())


@step("pessoa do chamado")
def prepare_addition(ticket: Ticket) -> Prepared:
    """Put the ticket's person into the prefeitura's spreadsheet, if that changes nobody else and trips no limit.

    The code is that of the plan which brings in just this person; whoever applies it applies nothing else. A
    spreadsheet with other changes that nobody applied yet, or with a limit in its way, waits for an operator.
    """
    instance = load_instance(ticket.environment)
    request = load_request(ticket, instance.municipality)
    assert isinstance(request, UserRequest)  # noqa: S101  # of this kind
    code = _prepared_code(ticket, instance.municipality)
    if (batch := find_open(instance)) is not None:
        if batch.digest == code:
            return Prepared(code=code)
        return Prepared(
            waiting_for=(f"Outro lote de usuários não terminou: ./implanta users apply {ticket.environment}.",)
        )
    current = require_sheet(instance.municipality.slug, USERS)
    values: dict[Column, str] = {column: getattr(request, column, "") for column in COLUMNS}
    try:
        content = with_person(current, USERS, Catalog().users_sheet(), values)
    except InvalidInputError as error:  # the person's own row: what is wrong with it ends the ticket
        return Prepared(refusals=(f"{error.what}.",))
    try:
        wanted, now = look(instance, content), look(instance)
    except InvalidInputError as error:  # more people than were contracted, or what was sent cannot be read
        return Prepared(waiting_for=(str(error),))
    prepared = _judge(wanted, now, request.login.strip().lower(), ticket.environment)
    if prepared.code is None:
        return prepared
    doors.object_storage().ensure_object(intake_bucket(instance.municipality.slug), USERS, content)
    record(PREPARED, ticket, instance.municipality.ibge, prepared.code[:16], code=prepared.code)
    return prepared


def _judge(wanted: Situation, current: Situation, login: str, environment: str) -> Prepared:
    before = {row.linha for row in current.refused}
    refused = [row for row in wanted.refused if row.linha not in before]
    if refused:
        return Prepared(refusals=tuple(str(row) for row in refused))
    mine = [one for one in wanted.plan.steps if one.after.sigla.lower() == login]
    if any(one.kind not in {StepKind.JOIN, StepKind.RETURN} for one in mine):
        return Prepared(refusals=("A pessoa já está no SEI com outros dados: a correção é pela planilha.",))
    see = f"./implanta users plan {environment}"
    if len(mine) < len(wanted.plan.steps):
        others = len(wanted.plan.steps) - len(mine)
        return Prepared(waiting_for=(f"A planilha de usuários tem outras mudanças não aplicadas: {others} ({see}).",))
    if wanted.alarms:
        return Prepared(waiting_for=tuple(f"{alarm.text} ({see})." for alarm in wanted.alarms))
    return Prepared(code=wanted.code)


def _refusal(ticket: Ticket, municipality: Municipality) -> str | None:
    rule = Catalog().support().of(ticket.kind)
    if rule is None:
        return "Este tipo de chamado não é atendido."
    if ticket.environment not in {one.slug for one in doors.registry().list_environments(municipality.ibge)}:
        return "O ambiente não é da prefeitura do chamado, ou não está registrado."
    try:
        request = load_request(ticket, municipality)
    except InvalidInputError as error:  # whatever is wrong with the request ends the ticket
        return f"{error.what}."
    asked = accepted_on(municipality.ibge, ticket.kind, clock.today())
    return judge_ticket(ticket, rule, request, municipality, asked_today=asked, now=clock.now())


def _prepared_code(ticket: Ticket, municipality: Municipality) -> str | None:
    found = [event for event in events_of(municipality.ibge, ticket.id) if event.kind == PREPARED]
    return str(found[-1].details["code"]) if found else None


def _tell(municipality: Municipality, report: TicketReport, moment: str) -> None:
    ticket = report.ticket
    put_in_queue(
        municipality.slug,
        Event.CHAMADO,
        message_key(Event.CHAMADO, municipality.ibge, ticket.id, moment),
        {
            "chamado": ticket.id,
            "pedido": report.title,
            "ambiente": _label(ticket),
            "resultado": report.state.label,
            "motivos": list(report.reasons),
        },
    )


def _label(ticket: Ticket) -> str:
    try:
        return EnvironmentName.parse(ticket.environment).purpose.label
    except InvalidInputError:
        return ticket.environment
