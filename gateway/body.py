"""What somebody sends, read with care: bounded in size and time, and never told in an error."""

import asyncio
from http import HTTPStatus

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

MAX_BODY_BYTES = 16 * 1024
READ_SECONDS = 20


def require_type(request: Request, media_type: str) -> None:
    """Raise HTTPException (415) for a body of another type."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


async def read_body(request: Request, most_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The whole body.

    Raises:
        HTTPException: it is too large (413), which is told before it is read where its length is given; too slow (408);
            or cut off (400).
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await _read(request, most_bytes)
    except TimeoutError:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None


async def _read(request: Request, most_bytes: int) -> bytes:
    too_large = HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise too_large
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > most_bytes:
                raise too_large
    except ClientDisconnect:  # nobody is left to read the answer, and nothing failed
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None
    return bytes(body)
