"""An entry for somebody's calendar, as RFC 5545 (iCalendar) text."""

from datetime import UTC, datetime
from typing import Literal, Self, TypeAlias

from pydantic import AwareDatetime, Field, NonNegativeInt, model_validator

from domain.model import Frozen

Method: TypeAlias = Literal["PUBLISH", "CANCEL"]

PRODUCT = "-//Implanta//Correio//PT-BR"
_LINE_OCTETS = 75  # RFC 5545, 3.1: without the line break
_CONTROL_CHARACTERS = {code: None for code in (*range(32), 127) if code not in {9, 10}}


class Invitation(Frozen):
    """A meeting. The same `uid` with a higher `sequence` replaces the earlier entry in the calendar."""

    uid: str = Field(min_length=1)
    sequence: NonNegativeInt = 0
    stamp: AwareDatetime = Field(description="When it was first told.")
    starts: AwareDatetime
    ends: AwareDatetime
    summary: str = Field(min_length=1)
    description: str = ""
    location: str = ""
    organizer: str = Field(description="The address that the message comes from.", repr=False)
    method: Method = "PUBLISH"

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.starts >= self.ends:
            msg = "o fim não vem depois do início"
            raise ValueError(msg)
        return self


def calendar_text(invitation: Invitation) -> str:
    """The calendar file: CRLF lines of at most 75 octets, times in UTC.

    Its method is PUBLISH, not REQUEST: an answer would go to the programme's mailbox, which nobody reads. What was
    published is taken back by CANCEL (RFC 5546, 4.1.3).
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{PRODUCT}",
        f"METHOD:{invitation.method}",
        "BEGIN:VEVENT",
        f"UID:{_escaped(invitation.uid)}",
        f"SEQUENCE:{invitation.sequence}",
        f"DTSTAMP:{_utc(invitation.stamp)}",
        f"DTSTART:{_utc(invitation.starts)}",
        f"DTEND:{_utc(invitation.ends)}",
        f"SUMMARY:{_escaped(invitation.summary)}",
        *([f"DESCRIPTION:{_escaped(invitation.description)}"] if invitation.description else []),
        *([f"LOCATION:{_escaped(invitation.location)}"] if invitation.location else []),
        f"ORGANIZER:mailto:{invitation.organizer}",
        *(["STATUS:CANCELLED"] if invitation.method == "CANCEL" else []),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    plain = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROL_CHARACTERS)
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> str:
    """The line in pieces, never inside a character; each but the first begins with the space that says so."""
    pieces, piece, octets = list[str](), "", 0
    for character in line:
        size = len(character.encode())
        if octets + size > _LINE_OCTETS:
            pieces.append(piece)
            piece, octets = " ", 1
        piece += character
        octets += size
    return "\r\n".join([*pieces, piece])
