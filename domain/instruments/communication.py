"""Who is told what, by whom and when, around the stages of an implantation."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.calendar import BusinessCalendar
from domain.catalog_entry import CatalogEntry
from domain.instruments.timetable import Code, Timetable, shift
from domain.model import Frozen


class End(StrEnum):
    """Which end of an activity a message is counted from."""

    INICIO = "inicio"
    FIM = "fim"


class Audience(CatalogEntry):
    """Some of those whom the change touches."""

    code: Code = Field(alias="codigo")
    name: str = Field(alias="nome", min_length=1)
    who: str = Field(alias="quem", min_length=1)
    needs: str = Field(alias="precisa_saber", min_length=1)


class Message(CatalogEntry):
    """One message to one or more audiences, so many business days before (negative) or after an end of an activity."""

    activity: Code = Field(alias="atividade")
    end: End = Field(alias="marco")
    business_days: int = Field(alias="dias_uteis", default=0, ge=-60, le=60)
    audiences: tuple[Code, ...] = Field(alias="publicos", min_length=1)
    channel: str = Field(alias="canal", min_length=1)
    text: str = Field(alias="mensagem", min_length=1)
    responsible: str = Field(alias="responsavel", min_length=1)


class CommunicationRule(CatalogEntry):
    """Audiences, and the messages to them."""

    audiences: tuple[Audience, ...] = Field(alias="publicos", min_length=1)
    messages: tuple[Message, ...] = Field(alias="mensagens", min_length=1)

    @model_validator(mode="after")
    def _speaks_to_known_audiences(self) -> Self:
        known = {audience.code for audience in self.audiences}
        if len(known) < len(self.audiences):
            msg = "um público aparece duas vezes"
            raise ValueError(msg)
        unknown = [code for message in self.messages for code in message.audiences if code not in known]
        if unknown:
            msg = f"o público {unknown[0]!r} não está em publicos"
            raise ValueError(msg)
        return self

    def unknown_activities(self, codes: Iterable[str]) -> list[str]:
        """The activities that messages name and the timetable does not have."""
        known = set(codes)
        return sorted({message.activity for message in self.messages} - known)


class DatedMessage(Frozen):
    """A message with its day and the names of its audiences."""

    day: date
    activity: str
    audiences: tuple[str, ...]
    channel: str
    text: str
    responsible: str


def date_messages(
    rule: CommunicationRule, timetable: Timetable, calendar: BusinessCalendar
) -> tuple[DatedMessage, ...]:
    """The messages of an implantation by day, none before its start; those of one day in the order of the catalog.

    Every activity that a message names must be in the timetable (`unknown_activities`).
    """
    names = {audience.code: audience.name for audience in rule.audiences}
    windows = {window.code: window for window in timetable.windows}
    dated = [
        DatedMessage(
            day=max(
                shift(
                    _end(message, windows[message.activity].start, windows[message.activity].end),
                    message.business_days,
                    calendar,
                ),
                shift(timetable.start, 0, calendar),
            ),
            activity=windows[message.activity].title,
            audiences=tuple(names[code] for code in message.audiences),
            channel=message.channel,
            text=message.text,
            responsible=message.responsible,
        )
        for message in rule.messages
    ]
    return tuple(sorted(dated, key=lambda message: message.day))


def _end(message: Message, start: date, end: date) -> date:
    return start if message.end is End.INICIO else end
