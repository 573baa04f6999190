"""What mail servers send back: of a delivery status notification (RFC 3464) which of our letters did not arrive.

Everything here was written by somebody else: nothing of it but a digest and a code is kept, and nothing else is told.
"""

import re
from email import policy
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser

from domain.model import Frozen

# A letter's Message-ID before the @ is a piece of a digest: see `domain.message.Letter.reference`.
REFERENCE = re.compile(r"[0-9a-f]{32}")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_UNKNOWN_STATUS = "5.0.0"
_MESSAGE_ID = re.compile(r"<([^<>@\s]+)@[^<>@\s]+>")
_ORIGINAL = frozenset({"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"})


class Bounce(Frozen):
    """A letter that will not arrive any more: the part of its Message-ID before the @, and the server's code."""

    reference: str
    status: str


def read_bounce(content: bytes) -> Bounce | None:
    """The final failure that a message reports of one of our letters; None of any other message.

    Of one cut short, what is there counts. A delay, a confirmation, an absence notice and the return of somebody else's
    message are no failures of ours.
    """
    try:
        return _read(content)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):  # made to break its readers
        return None


def _read(content: bytes) -> Bounce | None:
    report = BytesParser(policy=policy.compat32).parsebytes(content)
    if report.get_content_type() != "multipart/report" or not report.is_multipart():
        return None
    if str(report.get_param("report-type", "")).lower() != "delivery-status":
        return None
    status = reference = None
    for part in report.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status" and status is None:
            status = _final_failure(part)
        elif kind in _ORIGINAL and reference is None:
            reference = _reference_of(part)
    return Bounce(reference=reference, status=status) if status and reference else None


def _final_failure(part: Message) -> str | None:
    """The status of the first recipient to whom delivery was given up; each of our letters has one recipient."""
    fields = part.get_payload()
    for group in fields if isinstance(fields, list) else ():
        if isinstance(group, Message) and str(group.get("Action", "")).strip().lower() == "failed":
            found = _STATUS.match(str(group.get("Status", "")))
            # A server may give up after days of `4.x.x`: whatever the code, nothing more is tried.
            return found[1] if found and not found[1].startswith("2") else _UNKNOWN_STATUS
    return None


def _reference_of(part: Message) -> str | None:
    payload = part.get_payload()
    if isinstance(payload, list):  # the whole original message
        original = payload[0] if payload else None
    else:  # its headers only
        headers = part.get_payload(decode=True)
        original = BytesHeaderParser(policy=policy.compat32).parsebytes(headers if isinstance(headers, bytes) else b"")
    found = _MESSAGE_ID.search(str(original.get("Message-ID", ""))) if isinstance(original, Message) else None
    return found[1] if found and REFERENCE.fullmatch(found[1]) else None
