"""A small form, read with care: nothing of it is kept on disk or told in an error."""

import asyncio
from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 16
READ_SECONDS = 20
_FORM = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form in UTF-8.

    Raises:
        HTTPException: it is too large (413), no form (415), too slow (408), or malformed (400).
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await _read(request)
    except TimeoutError:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None  # the error holds what was typed
    form = dict(pairs)
    if len(form) != len(pairs):  # which of two passwords is meant?
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return form


async def _read(request: Request) -> bytes:
    too_large = HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                raise too_large
    except ClientDisconnect:  # nobody is left to read the answer, and nothing failed
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None
    return bytes(body)
