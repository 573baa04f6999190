"""Signatures of webhooks, as Standard Webhooks 1.0 has them: HMAC-SHA256 of number, moment and body."""

import re
from collections.abc import Iterable
from http import HTTPStatus

from fastapi import HTTPException, Request
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from domain.model import Frozen

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
ID_PATTERN, TIMESTAMP_PATTERN = r"^[A-Za-z0-9_-]{1,64}$", r"^[0-9]{1,12}$"
MAX_SIGNATURE_LENGTH = 1000


class Stamp(Frozen):
    """What a sender signed beside the body, and the signatures."""

    webhook_id: str
    timestamp: str
    signatures: str


def read_stamp(request: Request) -> Stamp:
    """The three headers.

    Raises:
        HTTPException: one is missing, given twice, or has another shape (400).
    """
    values = [request.headers.getlist(name) for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)]
    if any(len(found) != 1 for found in values):
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    webhook_id, timestamp, signatures = (found[0] for found in values)
    if not (re.fullmatch(ID_PATTERN, webhook_id) and re.fullmatch(TIMESTAMP_PATTERN, timestamp)):
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    if not 0 < len(signatures) <= MAX_SIGNATURE_LENGTH:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return Stamp(webhook_id=webhook_id, timestamp=timestamp, signatures=signatures)


def is_signed(body: bytes, stamp: Stamp, secrets: Iterable[SecretStr]) -> bool:
    """Whether one of the signatures is of this body, young (five minutes, either way), and of one of the secrets."""
    return any(_is_signed(body, stamp, secret) for secret in secrets)


def _is_signed(body: bytes, stamp: Stamp, secret: SecretStr) -> bool:
    headers = {
        ID_HEADER: stamp.webhook_id,
        TIMESTAMP_HEADER: stamp.timestamp,
        SIGNATURE_HEADER: stamp.signatures,
    }
    try:
        Webhook(secret.get_secret_value()).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # a signature, or a body, that is no text of theirs
        return False
    return True
