"""What a message tells: values of a few kinds, as a person types them and as people read them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Self, TypeAlias

from pydantic import Field, JsonValue, model_validator

from domain.calendar import BRASILIA
from domain.catalog_entry import CatalogEntry
from domain.instruments.words import long_day, number

Shown: TypeAlias = str | list[str]


class Kind(StrEnum):
    """What a variable holds, and so how people read it."""

    TEXTO = "texto"
    NUMERO = "numero"
    DATA = "data"
    MOMENTO = "momento"
    LISTA = "lista"


WANTED = {
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
            msg = f"o exemplo não é {WANTED[self.kind]}"
            raise ValueError(msg)
        return self

    def read(self, text: str) -> JsonValue:
        """What somebody typed, as a value; one of another kind stays text, for `accept` to refuse.

        A moment without a zone is Brasília's; the items of a list stand between semicolons.
        """
        if self.kind is Kind.NUMERO and text.isascii() and text.isdigit():
            return int(text)
        if self.kind is Kind.LISTA:
            return [item.strip() for item in text.split(";") if item.strip()]
        if self.kind is Kind.MOMENTO:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                return text
            return (moment if moment.tzinfo else moment.replace(tzinfo=BRASILIA)).isoformat()
        return text

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
