"""Tickets of the help desk: what is asked, by whom, who has to say yes, and where each one stands.

A ticket itself names nobody: what it asks, and for whom, lies in the prefeitura's own bucket, and the ticket has its
digest.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from domain.catalog_entry import CatalogEntry
from domain.consultation import ConsultationRule, judge_consultation
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.municipality import Contact, Municipality, Slug
from domain.reference import Sha256
from domain.text import collation_key

GATE_PREFIX = "chamado-"

TicketId = Annotated[
    str,
    BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value),
    StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=40),
]
Role = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class TicketKind(StrEnum):
    """What a ticket may ask."""

    PASSWORD = "senha"  # noqa: S105  # the kind of a ticket
    USER = "usuario"
    COPY = "copia"


class Ticket(Frozen):
    """One ticket as the help desk sends it, and as Prefect keeps it."""

    id: TicketId = Field(description="Número do chamado na central.", title="Chamado")
    kind: str = Field(description="senha, usuario ou copia.", max_length=40, title="Tipo")
    municipality: Slug = Field(description="Nome curto do município, como timoteo.", title="Município")
    environment: str = Field(description="Ambiente, como timoteo-producao.", max_length=100, title="Ambiente")
    sha256: Sha256 = Field(description="SHA-256 do pedido, que está em chamados/ no balde de entrada da prefeitura.")

    @property
    def object_key(self) -> str:
        """Where the request lies in the municipality's intake bucket."""
        return f"chamados/{self.id}.json"

    def __str__(self) -> str:
        return f"{self.environment} · chamado {self.id}"

    @property
    def gate(self) -> str:
        """The gate to which a person answers."""
        return f"{GATE_PREFIX}{self.id}"


class Request(Frozen):
    """What a ticket asks, and who asks it. Personal data: neither `repr` nor validation errors show it."""

    model_config = ConfigDict(hide_input_in_errors=True)

    solicitante: str = Field(min_length=3, repr=False, description="E-mail of the contact who asks.")


class LoginRequest(Request):
    """What is asked for one person's account."""

    login: str = Field(min_length=1, repr=False)


class PasswordRequest(LoginRequest):
    """A new provisional password for the account of a login."""


class UserRequest(LoginRequest):
    """A person to be added, in the words of the users' spreadsheet."""

    nome: str = Field(min_length=1, repr=False)
    cpf: str = Field(min_length=1, repr=False)
    email: str = Field(min_length=3, repr=False)
    unidade: str = Field(min_length=1)
    perfil: str = ""
    matricula: str = Field(default="", repr=False)


class CopyRequest(Request):
    """The data of one process, or of named tables, out of a proved backup: the newest, or the last until a moment."""

    processo: str = Field(default="", max_length=50, repr=False)
    tabelas: tuple[Annotated[str, Field(max_length=80)], ...] = Field(default=(), max_length=20, repr=False)
    momento: datetime | None = None


REQUESTS: dict[TicketKind, type[Request]] = {
    TicketKind.PASSWORD: PasswordRequest,
    TicketKind.USER: UserRequest,
    TicketKind.COPY: CopyRequest,
}


def read_request(kind: TicketKind, content: bytes) -> Request:
    """The request of a ticket.

    Raises:
        InvalidInputError: it is none of this kind; the fields that are wrong are named, no value is shown.
    """
    try:
        return REQUESTS[kind].model_validate_json(content)
    except ValidationError as error:
        fields = REQUESTS[kind].model_fields
        # What else is in the file may be somebody's data, names of fields included.
        wrong = sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]} & fields.keys())
        told = ", ".join(wrong) or "um que não se conhece, ou o arquivo todo"
        raise InvalidInputError(
            f"O pedido tem campos errados ou faltando: {told}",
            f"chamado do tipo {kind.value}",
            f"Os campos são {', '.join(fields)}.",
        ) from None


class TicketRule(CatalogEntry):
    """Who may ask for one kind of thing, who has to say yes, and how often a day."""

    kind: TicketKind = Field(alias="tipo")
    title: str = Field(alias="titulo", min_length=1, max_length=60)
    requesters: tuple[Role, ...] = Field(alias="pedem", min_length=1)
    approvers: tuple[Role, ...] = Field(alias="aprovam", default=())
    daily: PositiveInt = Field(alias="por_dia")
    consultation: ConsultationRule | None = Field(alias="consulta", default=None)

    @model_validator(mode="after")
    def _rules_what_it_hands_out(self) -> Self:
        if (self.kind is TicketKind.COPY) != (self.consultation is not None):
            msg = "consulta é o que se escreve do tipo copia, e só dele"
            raise ValueError(msg)
        if self.kind is TicketKind.COPY and not self.approvers:
            msg = "uma cópia para consulta precisa de quem a aprove"
            raise ValueError(msg)
        return self


class SupportRule(CatalogEntry):
    """The kinds of tickets that are answered at all."""

    tickets: tuple[TicketRule, ...] = Field(alias="chamados")

    @model_validator(mode="after")
    def _names_each_kind_once(self) -> Self:
        kinds = [rule.kind for rule in self.tickets]
        if len(kinds) != len(set(kinds)):
            msg = "um tipo de chamado aparece duas vezes"
            raise ValueError(msg)
        return self

    def of(self, kind: str) -> TicketRule | None:
        """The rule of a kind, or None when such tickets are not answered."""
        return next((rule for rule in self.tickets if rule.kind == kind), None)


class TicketState(StrEnum):
    """Where a ticket stands."""

    WAITING = "waiting"
    READY = "ready"
    DONE = "done"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        """The state as operators read it."""
        return {"waiting": "aguardando", "ready": "em atendimento", "done": "atendido", "refused": "recusado"}[
            self.value
        ]


class TicketReport(Frozen):
    """A ticket and where it stands; no personal data."""

    ticket: Ticket
    title: str
    state: TicketState
    reasons: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The state and its reasons, in one line."""
        return f"{self.state.label}: {' '.join(self.reasons)}" if self.reasons else self.state.label


def judge_ticket(
    ticket: Ticket, rule: TicketRule, request: Request, municipality: Municipality, *, asked_today: int, now: datetime
) -> str | None:
    """Why a ticket is refused, or None. `asked_today` counts the others of its kind that were accepted today."""
    if not ticket.environment.startswith(f"{municipality.slug}-"):
        return "O ambiente não é da prefeitura do chamado."
    if not in_roles(_contacts_of(municipality, request.solicitante), rule.requesters):
        return f"Quem pede não é contato da prefeitura com um destes papéis: {', '.join(rule.requesters)}."
    if asked_today >= rule.daily:
        return f"A prefeitura já abriu {rule.daily} chamados deste tipo hoje, que é o limite."
    if isinstance(request, CopyRequest) and rule.consultation is not None:
        return judge_consultation(rule.consultation, request.processo, request.tabelas, request.momento, now)
    return None


def judge_decider(name: str, rule: TicketRule, request: Request, municipality: Municipality) -> str | None:
    """Why a person may not decide on a ticket, or None: a contact in an approver's role, and not who asks."""
    named = [contact for contact in municipality.contacts if collation_key(contact.name) == collation_key(name)]
    deciding = in_roles(named, rule.approvers)
    if not deciding:
        return f"Quem decide precisa ser contato da prefeitura com um destes papéis: {', '.join(rule.approvers)}"
    asking = {contact.name for contact in _contacts_of(municipality, request.solicitante)}
    if {contact.name for contact in deciding} & asking:
        return "Quem pediu não decide sobre o próprio pedido"
    return None


def in_roles(contacts: Sequence[Contact], roles: Sequence[str]) -> list[Contact]:
    """Those of the contacts who have one of the roles."""
    wanted = {collation_key(role) for role in roles}
    return [contact for contact in contacts if collation_key(contact.role.strip()) in wanted]


def _contacts_of(municipality: Municipality, email: str) -> list[Contact]:
    return [contact for contact in municipality.contacts if contact.email.casefold() == email.strip().casefold()]
