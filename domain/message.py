"""Messages to prefeituras: what each event tells, to whom, and when one that did not go out is tried again."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self, TypeAlias

from pydantic import AwareDatetime, Field, JsonValue, NonNegativeInt, StringConstraints, model_validator

from domain.calendar import BRASILIA
from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError, kind_of
from domain.instruments.words import long_day, number
from domain.model import Frozen
from domain.municipality import Contact
from domain.report import table_cell
from domain.text import collation_key

FIRST_DELAY = timedelta(minutes=5)
LONGEST_DELAY = timedelta(hours=1)
ROLE_MAX_LENGTH = 80  # message_delivery.role

Shown: TypeAlias = str | list[str]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]

# Every template knows these beside the variables of its event.
ALWAYS = frozenset({"pessoa", "municipio", "uf", "programa", "assunto"})


class Event(StrEnum):
    """What prefeituras are written about."""

    ADESAO = "adesao"
    AMBIENTE_ENTREGUE = "ambiente_entregue"
    USUARIOS_PRONTOS = "usuarios_prontos"
    CONVITE_CAPACITACAO = "convite_capacitacao"
    LEMBRETE_CAPACITACAO = "lembrete_capacitacao"
    RESULTADO_PORTAO = "resultado_portao"
    DATA_ENTRADA_PRODUCAO = "data_entrada_producao"
    ENTRADA_EM_PRODUCAO = "entrada_em_producao"
    JANELA_MANUTENCAO = "janela_manutencao"
    INCIDENTE = "incidente"
    RELATORIO_MENSAL = "relatorio_mensal"
    CHAMADO = "chamado"


class Kind(StrEnum):
    """What a variable holds, and so how people read it."""

    TEXTO = "texto"
    NUMERO = "numero"
    DATA = "data"
    MOMENTO = "momento"
    LISTA = "lista"


_WANTED = {
    Kind.TEXTO: "um texto que não seja vazio",
    Kind.NUMERO: "um número inteiro",
    Kind.DATA: "uma data aaaa-mm-dd",
    Kind.MOMENTO: "um momento com fuso, como 2027-03-01T14:00:00-03:00",
    Kind.LISTA: "uma lista de textos",
}


class Variable(CatalogEntry):
    """Something that an event tells, with what a preview shows for it."""

    kind: Kind = Field(alias="tipo")
    example: JsonValue = Field(alias="exemplo")

    @model_validator(mode="after")
    def _example_is_one(self) -> Self:
        if self.shown(self.example) is None:
            msg = f"o exemplo não é {_WANTED[self.kind]}"
            raise ValueError(msg)
        return self

    def shown(self, value: JsonValue) -> Shown | None:
        """The value as people read it, or None when it is not of this kind."""
        match self.kind, value:
            case Kind.TEXTO, str() if value.strip():
                return value
            case Kind.NUMERO, int() if not isinstance(value, bool):
                return number(value)
            case Kind.DATA, str():
                return _shown_day(value)
            case Kind.MOMENTO, str():
                moment = moment_in(value)
                return None if moment is None else shown_moment(moment)
            case Kind.LISTA, list():
                texts = [item for item in value if isinstance(item, str)]
                return texts if len(texts) == len(value) else None
            case _:
                return None


class InvitationRule(CatalogEntry):
    """That a message brings an entry for the recipient's calendar; start and end are variables of the event."""

    title: str = Field(alias="titulo", min_length=1)
    starts: Name = Field(alias="inicio")
    ends: Name = Field(alias="fim")
    place: Name = Field(alias="local")


class MessageRule(CatalogEntry):
    """One event: who is told, under which subject, with which template and variables."""

    event: Event = Field(alias="evento")
    roles: tuple[Annotated[str, StringConstraints(min_length=1, max_length=ROLE_MAX_LENGTH)], ...] = Field(
        alias="papeis", min_length=1
    )
    subject: str = Field(alias="assunto", min_length=1)
    template: Name = Field(alias="modelo")
    variables: dict[Name, Variable] = Field(alias="variaveis")
    invitation: InvitationRule | None = Field(alias="convite", default=None)

    @model_validator(mode="after")
    def _variables_agree(self) -> Self:
        taken = sorted(ALWAYS & self.variables.keys())
        if taken:
            msg = f"a variável {taken[0]!r} já existe em todas as mensagens"
            raise ValueError(msg)
        if self.invitation is not None:
            wanted = {self.invitation.starts: Kind.MOMENTO, self.invitation.ends: Kind.MOMENTO}
            for name, kind in (wanted | {self.invitation.place: Kind.TEXTO}).items():
                if name not in self.variables or self.variables[name].kind is not kind:
                    msg = f"o convite precisa da variável {name!r}, de tipo {kind.value}"
                    raise ValueError(msg)
        return self

    @property
    def examples(self) -> dict[str, JsonValue]:
        """What a preview tells."""
        return {name: variable.example for name, variable in self.variables.items()}

    def accept(self, variables: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """The variables themselves, when they are exactly those of the event.

        Raises:
            InvalidInputError: one is missing, unknown or of another kind; no value is told.
        """
        problems = [f"falta {name}" for name in self.variables if name not in variables]
        problems += [f"{name} não é variável deste evento" for name in variables if name not in self.variables]
        problems += [
            f"{name} não é {_WANTED[variable.kind]}"
            for name, variable in self.variables.items()
            if name in variables and variable.shown(variables[name]) is None
        ]
        if self.invitation is not None and not problems:
            starts, ends = (moment_in(variables[name]) for name in (self.invitation.starts, self.invitation.ends))
            if starts is None or ends is None or starts >= ends:
                problems.append(f"{self.invitation.ends} não vem depois de {self.invitation.starts}")
        if problems:
            raise InvalidInputError(
                f"A mensagem não pode ser escrita: {'; '.join(problems)}",
                f"evento {self.event.value}",
                "Veja as variáveis do evento em catalog/messages.yaml.",
            )
        return dict(variables)

    def show(self, variables: Mapping[str, JsonValue]) -> dict[str, Shown]:
        """The variables as people read them.

        Raises:
            InvalidInputError: they are not those of the event.
        """
        accepted = self.accept(variables)
        return {name: variable.shown(accepted[name]) or "" for name, variable in self.variables.items()}


class MessageTable(CatalogEntry):
    """Every event's message, and how the programme calls itself in them."""

    programme: str = Field(alias="programa", min_length=1)
    messages: tuple[MessageRule, ...] = Field(alias="mensagens", min_length=1)

    @model_validator(mode="after")
    def _tells_every_event_once(self) -> Self:
        told = [rule.event for rule in self.messages]
        for event in Event:
            if told.count(event) != 1:
                msg = f"o evento {event.value!r} aparece {told.count(event)} vezes"
                raise ValueError(msg)
        return self

    def rule(self, event: str) -> MessageRule:
        """The message of an event.

        Raises:
            InvalidInputError: there is no such event; the message names all.
        """
        found = next((rule for rule in self.messages if rule.event.value == event), None)
        if found is None:
            raise InvalidInputError(
                f"Não há mensagem do evento {event!r}",
                "catalog/messages.yaml",
                f"Os eventos são: {', '.join(Event)}.",
            )
        return found


class Recipient(Frozen):
    """Who gets one message. Neither `repr` nor the digest tells who it is."""

    name: str = Field(repr=False)
    email: str = Field(repr=False)
    role: str = Field(description="As the catalog writes it, never as somebody typed it.")
    digest: str = Field(description="Of the address, for this message alone: two messages to one person differ.")


class Letter(Frozen):
    """One message to one recipient, ready for the mail server."""

    to: str = Field(repr=False)
    reference: str = Field(description="The part of its Message-ID before the @: equal whenever it is sent again.")
    subject: str
    text: str = Field(repr=False)
    html: str = Field(repr=False)
    calendar: str | None = Field(default=None, repr=False)


def message_key(event: Event, ibge: str, *parts: str) -> str:
    """`adesao:3168705`, `ambiente_entregue:3168705:treinamento`: what is told once has one key."""
    return ":".join((event.value, ibge, *parts))


def recipients_of(rule: MessageRule, key: str, contacts: Sequence[Contact]) -> tuple[Recipient, ...]:
    """The contacts in the roles of the event, in the order of the catalog's roles; an address once, whatever its roles.

    Roles are typed by hand: case and accents do not tell two apart.
    """
    found: dict[str, Recipient] = {}
    for role in rule.roles:
        for contact in contacts:
            if collation_key(contact.role.strip()) == collation_key(role):
                digest = recipient_digest(key, contact.email)
                found.setdefault(digest, Recipient(name=contact.name, email=contact.email, role=role, digest=digest))
    return tuple(found.values())


def recipient_digest(key: str, email: str) -> str:
    """SHA-256 of an address together with a message's key."""
    return hashlib.sha256(f"{key}\n{email.casefold()}".encode()).hexdigest()


def next_attempt(attempts: int, now: datetime) -> datetime:
    """When a message that did not go out in so many attempts is tried again: 5, 10, 20, 40 minutes, then every hour."""
    doublings = min(max(attempts, 1) - 1, 16)  # past the longest delay long before, and no number gets out of hand
    return now + min(FIRST_DELAY * (1 << doublings), LONGEST_DELAY)


def moment_in(value: JsonValue) -> datetime | None:
    """The moment that a text says, or None when it is none or has no time zone."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def shown_moment(moment: datetime) -> str:
    """`1º de março de 2027, às 14h30 (horário de Brasília)`."""
    local = moment.astimezone(BRASILIA)
    return f"{long_day(local.date())}, às {local:%Hh%M} (horário de Brasília)"


def _shown_day(value: str) -> str | None:
    try:
        return long_day(date.fromisoformat(value))
    except ValueError:
        return None


class Trouble(Frozen):
    """A message that somebody has to look after."""

    key: str
    reason: str
    exit_code: int


class MailReport(Frozen):
    """What one round of the mail did. Keys and counts only."""

    taken_at: AwareDatetime
    sent: tuple[str, ...] = Field(default=(), description="Keys of the messages that everybody has by now.")
    letters: NonNegativeInt = Field(default=0, description="How many the mail server took in this round.")
    refused: NonNegativeInt = Field(default=0, description="Addresses that it refused for good in this round.")
    postponed: tuple[str, ...] = Field(default=(), description="Keys of what will be tried again.")
    unaddressed: tuple[str, ...] = Field(default=(), description="Those of them for which there is nobody to write to.")
    outage: str | None = Field(default=None, description="Why the mail server took nothing more.")
    troubles: tuple[Trouble, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was due."""
        return not (self.sent or self.postponed or self.troubles)

    def summary(self) -> str:
        """One line."""
        parts = [f"{len(self.sent)} mensagens enviadas ({self.letters} e-mails)"]
        if self.postponed:
            parts.append(f"{len(self.postponed)} adiadas")
        if self.refused:
            parts.append(f"{self.refused} endereços recusados")
        return ", ".join(parts)

    def markdown(self) -> str:
        """What operators read."""
        lines = ["# Correio", "", f"{self.summary()}.", ""]
        if self.outage:
            lines += [f"**O servidor de e-mail não atendeu:** {self.outage}", ""]
        lines += ["| Mensagem | Resultado |", "|---|---|"]
        lines += [f"| {trouble.key} | **atenção**: {table_cell(trouble.reason)} |" for trouble in self.troubles]
        lines += [
            f"| {key} | {'sem ninguém a quem escrever; ' if key in self.unaddressed else ''}adiada |"
            for key in self.postponed
        ]
        lines += [f"| {key} | enviada |" for key in self.sent]
        return "\n".join(lines)

    def raise_if_somebody_must_act(self) -> None:
        """Fail the round when waiting does not help: an address that was refused, a template that is wrong.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        if not self.troubles:
            return
        first = self.troubles[0]
        rest = f" (e mais {len(self.troubles) - 1})" if len(self.troubles) > 1 else ""
        raise kind_of(max(trouble.exit_code for trouble in self.troubles))(
            f"{len(self.troubles)} mensagens precisam de atenção: {first.reason}{rest}",
            ", ".join(trouble.key for trouble in self.troubles),
            "Veja o artefato correio e ./implanta message list MUNICÍPIO.",
        )
