"""A small form, read with care: nothing of it is kept on disk or told in an error."""

from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

from gateway.body import read_body, require_type

MAX_FIELDS = 16
_FORM = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form in UTF-8.

    Raises:
        HTTPException: it is too large (413), no form (415), too slow (408), or malformed (400).
    """
    require_type(request, _FORM)
    body = await read_body(request)
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
