"""Messages to prefeituras: what each event tells, to whom, and when one that did not go out is tried again."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, JsonValue, PositiveInt, StringConstraints, model_validator

from domain.calendar_invitation import Method
from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.message_variable import WANTED, Kind, Shown, Variable, moment_in
from domain.model import Frozen
from domain.municipality import Contact
from domain.text import collation_key

FIRST_DELAY = timedelta(minutes=5)
LONGEST_DELAY = timedelta(hours=1)
ROLE_MAX_LENGTH = 80  # message_delivery.role

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]

# The programme's people have one mailbox, the team's, and are no municipality's contacts: see the mailer's block.
TEAM_ROLE = "equipe do programa"

# Every template knows these beside the variables of its event.
ALWAYS = frozenset({"pessoa", "municipio", "uf", "programa", "assunto"})


class Event(StrEnum):
    """What prefeituras are written about."""

    ADESAO = "adesao"
    AMBIENTE_ENTREGUE = "ambiente_entregue"
    USUARIOS_PRONTOS = "usuarios_prontos"
    CONVITE_CAPACITACAO = "convite_capacitacao"
    LEMBRETE_CAPACITACAO = "lembrete_capacitacao"
    CANCELAMENTO_CAPACITACAO = "cancelamento_capacitacao"
    RESULTADO_PORTAO = "resultado_portao"
    LEMBRETE_PORTAO = "lembrete_portao"
    ESCALONAMENTO_PORTAO = "escalonamento_portao"
    DATA_ENTRADA_PRODUCAO = "data_entrada_producao"
    ENTRADA_EM_PRODUCAO = "entrada_em_producao"
    ENTRADA_DESFEITA = "entrada_desfeita"
    JANELA_MANUTENCAO = "janela_manutencao"
    INCIDENTE = "incidente"
    RELATORIO_MENSAL = "relatorio_mensal"
    CHAMADO = "chamado"
    ALERTA_COPIA = "alerta_copia"
    ALERTA_CAMPANHA = "alerta_campanha"
    ALERTA_WEBHOOK = "alerta_webhook"
    ALERTA_INCIDENTE = "alerta_incidente"


class InvitationRule(CatalogEntry):
    """That a message brings an entry for the recipient's calendar; start and end are variables of the event.

    With `cancels` it takes back the entry that the other event brought under the same key.
    """

    title: str = Field(alias="titulo", min_length=1)
    starts: Name = Field(alias="inicio")
    ends: Name = Field(alias="fim")
    place: Name = Field(alias="local")
    cancels: Event | None = Field(alias="cancela", default=None)


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
    valid_until: Name | None = Field(alias="vale_ate", default=None)
    valid_days: PositiveInt | None = Field(alias="vale_por_dias", default=None)
    by_hand: bool = Field(alias="avulsa", default=False)

    @model_validator(mode="after")
    def _is_valid_for_one_time(self) -> Self:
        if self.valid_until is None:
            return self
        if self.valid_days is not None:
            msg = "vale_ate e vale_por_dias não vão juntos"
            raise ValueError(msg)
        if self.valid_until not in self.variables or self.variables[self.valid_until].kind is not Kind.MOMENTO:
            msg = f"vale_ate precisa da variável {self.valid_until!r}, de tipo {Kind.MOMENTO.value}"
            raise ValueError(msg)
        return self

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

    def expires_at(self, variables: Mapping[str, JsonValue], now: datetime) -> datetime | None:
        """From when on a message that is queued now is not worth sending; None for one that always is."""
        if self.valid_until is not None:
            return moment_in(variables[self.valid_until])
        return None if self.valid_days is None else now + timedelta(days=self.valid_days)

    @property
    def examples(self) -> dict[str, JsonValue]:
        """What a preview tells."""
        return {name: variable.example for name, variable in self.variables.items()}

    def read(self, said: Mapping[str, str]) -> dict[str, JsonValue]:
        """What somebody typed for each variable, as values; a name that is unknown stays for `accept` to refuse."""
        return {
            name: self.variables[name].read(text) if name in self.variables else text for name, text in said.items()
        }

    def require_by_hand(self) -> None:
        """Refuse an event that tells of something by itself.

        Raises:
            InvalidInputError: nobody sends it by hand.
        """
        if not self.by_hand:
            raise InvalidInputError(
                f"O aviso {self.event.value!r} sai sozinho, e ninguém o manda",
                "catalog/messages.yaml",
                "Mandam-se os eventos com avulsa: true, como janela_manutencao e incidente.",
            )

    def accept(self, variables: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """The variables themselves, when they are exactly those of the event.

        Raises:
            InvalidInputError: one is missing, unknown or of another kind; no value is told.
        """
        problems = [f"falta {name}" for name in self.variables if name not in variables]
        problems += [f"{name} não é variável deste evento" for name in variables if name not in self.variables]
        problems += [
            f"{name} não é {WANTED[variable.kind]}"
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


class WorkingHours(CatalogEntry):
    """What a message about a whole day means by it, in Brasília time."""

    starts: time = Field(alias="inicio")
    ends: time = Field(alias="fim")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.starts >= self.ends:
            msg = "o fim do expediente não vem depois do início"
            raise ValueError(msg)
        return self


class MessageTable(CatalogEntry):
    """Every event's message, and how the programme calls itself in them."""

    programme: str = Field(alias="programa", min_length=1)
    working_hours: WorkingHours = Field(alias="expediente")
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
    calendar_method: Method = "PUBLISH"


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
