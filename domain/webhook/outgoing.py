"""What other systems are told of the fleet: references, counts and moments of the registry's events, and no free text.

As in `domain.masking` the rule is a list of what may pass: a detail that no contract names stays here, and one that
has not the shape of its field is left out, so that nobody's name travels inside a reason or a cause.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import (
    AwareDatetime,
    Field,
    JsonValue,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    ValidationError,
)

from domain.lifecycle import Stage
from domain.model import Frozen
from domain.municipality import IbgeCode, Slug
from domain.party import Party
from domain.reference import ReleaseCode, Version

EnvironmentSlug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*([.-][a-z0-9_]+)*$", max_length=40)]
Details = Mapping[str, JsonValue]


class Told(Frozen):
    """Which municipality and environment it is about, and the number of the event in the registry."""

    event: PositiveInt
    municipality: Slug
    ibge: IbgeCode
    environment: EnvironmentSlug | None = None

    WHERE: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Where in the event's details each further field is; a field that is nowhere there is told as null."""

    @classmethod
    def of(cls, base: "Told", details: Details) -> Self:
        """The content of one event; whatever has not its field's shape is null."""
        told = base.model_dump()
        for name, path in cls.WHERE.items():
            value = cls.shaped(name, _at(details, path))
            try:
                cls.model_validate({**told, name: value})
            except ValidationError:
                continue
            told[name] = value
        return cls.model_validate(told)

    @classmethod
    def shaped(cls, name: str, value: JsonValue) -> JsonValue:  # noqa: ARG003  # for contracts that count
        """A detail as its field takes it."""
        return value


class ToldOfPlace(Told):
    """Algo aconteceu a um município ou ambiente; o tipo diz o quê."""


class ToldOfBackup(Told):
    """Uma cópia foi examinada: certificada, ou recusada com tantos achados."""

    taken_at: AwareDatetime | None = None
    release_version: Version | None = None
    rpo_seconds: NonNegativeFloat | None = None
    rto_seconds: NonNegativeFloat | None = None
    stored_bytes: NonNegativeInt | None = None
    findings: NonNegativeInt | None = None

    WHERE = {  # noqa: RUF012  # as declared above
        "taken_at": ("backup", "taken_at"),
        **{name: ("certificate", name) for name in ("release_version", "rpo_seconds", "rto_seconds")},
        **{name: ("certificate", name) for name in ("stored_bytes", "findings")},
    }

    @classmethod
    def shaped(cls, name: str, value: JsonValue) -> JsonValue:
        """Findings are counted: what they say stays here."""
        return len(value) if name == "findings" and isinstance(value, list) else value


class ToldOfUpgrade(Told):
    """Uma atualização terminou, falhou ou foi desfeita."""

    from_version: Version | None = None
    to_version: ReleaseCode | None = None

    WHERE = {name: (name,) for name in ("from_version", "to_version")}  # noqa: RUF012


class ToldOfStage(Told):
    """Uma etapa espera, e por quem; ou não espera mais."""

    stage: Stage | None = None
    waiting: bool | None = None
    owed_by: tuple[Party, ...] | None = None

    WHERE = {"stage": ("stage",), "waiting": ("reasons",), "owed_by": ("reasons",)}  # noqa: RUF012

    @classmethod
    def shaped(cls, name: str, value: JsonValue) -> JsonValue:
        """Of the reasons only how many there are and whose they are."""
        if not isinstance(value, list):
            return value
        if name == "waiting":
            return bool(value)
        parties = {one.get("of") for one in value if isinstance(one, dict)}
        return [party.value for party in Party if party.value in parties]


class ToldOfIncident(Told):
    """Um incidente começou ou acabou; a causa é um código, quando foi a monitoração que o abriu.

    Uma causa que vários ambientes têm em comum é contada uma vez, com um deles e o número de todos.
    """

    cause: Code | None = None
    scope: Code | None = None
    affected: PositiveInt | None = None
    leads: bool = True

    WHERE = {name: (name,) for name in ("cause", "scope", "affected", "leads")}  # noqa: RUF012

    @classmethod
    def shaped(cls, name: str, value: JsonValue) -> JsonValue:
        """What a person opened is an incident of its own, and says nothing of leading."""
        return True if name == "leads" and value is None else value


class Content(StrEnum):
    """The contracts, as the catalog names them."""

    PLACE = "ambiente"
    BACKUP = "copia"
    UPGRADE = "atualizacao"
    STAGE = "etapa"
    INCIDENT = "incidente"


CONTENTS: dict[Content, type[Told]] = {
    Content.PLACE: ToldOfPlace,
    Content.BACKUP: ToldOfBackup,
    Content.UPGRADE: ToldOfUpgrade,
    Content.STAGE: ToldOfStage,
    Content.INCIDENT: ToldOfIncident,
}


class Notice(Frozen):
    """One message, in the shape that Standard Webhooks 1.0 gives a body: type, moment, data."""

    type: str
    timestamp: AwareDatetime = Field(description="When it happened, which a later attempt does not change.")
    data: dict[str, JsonValue]

    @classmethod
    def of(cls, kind: str, at: datetime, told: Told) -> "Notice":
        """The message of a content."""
        return cls(type=kind, timestamp=at, data=told.model_dump(mode="json"))


def _at(details: JsonValue | Details, path: Sequence[str]) -> JsonValue:
    found: object = details
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found  # type: ignore[return-value]  # what JSON holds at any depth is JSON
