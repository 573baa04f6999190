"""A ticket of the help desk: admitted by the catalog's rules, approved where they ask for it, answered once."""

from collections.abc import Callable
from typing import Annotated, cast

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed

from domain.ticket import Ticket, TicketKind, TicketReport, TicketState
from flows.forms import asked
from flows.stage import WAITING
from flows.users import carry_out_import
from tasks.consultation import prepare_copy
from tasks.support import Prepared, admit_ticket, close_ticket, give_new_password, prepare_addition, ticket_lock


def _add_user(ticket: Annotated[Ticket, asked("Chamado", "O que o atendimento mandou.")]) -> Prepared:
    prepared = prepare_addition(ticket)
    if prepared.code is not None:
        carry_out_import(ticket.environment, prepared.code)
    return prepared


ANSWERS: dict[TicketKind, Callable[[Ticket], Prepared]] = {
    TicketKind.PASSWORD: give_new_password,
    TicketKind.USER: _add_user,
    TicketKind.COPY: prepare_copy,
}


def _run_name() -> str:
    return str(Ticket.model_validate(flow_run.parameters["ticket"]))


@flow(name="atendimento", flow_run_name=_run_name)
def answer_ticket(ticket: Annotated[Ticket, asked("Chamado", "O que o atendimento mandou.")]) -> TicketReport:
    """Do what a ticket asks if its rule allows it; run again, a ticket that is closed changes nothing."""
    report = admit_ticket(ticket)
    if report.state is TicketState.READY:
        with ticket_lock(ticket):
            prepared = ANSWERS[TicketKind(ticket.kind)](ticket)
            if prepared.waiting_for:
                report = report.model_copy(update={"state": TicketState.WAITING, "reasons": prepared.waiting_for})
            else:
                state = TicketState.REFUSED if prepared.refusals else TicketState.DONE
                report = close_ticket(ticket, state, prepared.refusals or prepared.told)
    elif report.state is not TicketState.WAITING:
        report = close_ticket(ticket, report.state, report.reasons)
    return _as_run_state(report)


def _as_run_state(report: TicketReport) -> TicketReport:
    """The report, as a run that ends `Aguardando` or `Recusado` when it does not end well."""
    names = {TicketState.WAITING: WAITING, TicketState.REFUSED: "Recusado"}
    return cast(TicketReport, Completed(name=names.get(report.state), message=report.told, data=report))
