"""Proof that a form was sent from the page that we served: a signed token in a cookie and in the form."""

import hmac
import secrets
import time
from urllib.parse import urlsplit

from fastapi import Request, Response

FIELD = "hdnToken"
_MAX_AGE_SECONDS = 2 * 60 * 60
_REUSED_SECONDS = 60 * 60
_TIME_DIGITS, _SIGNATURE_DIGITS = 10, 64
_OWN_SITE = frozenset({"same-origin", "none"})


class FormTokens:
    """Makes and proves tokens with a key that only this process has; after a restart a page is simply sent again."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token_for(self, request: Request, path: str) -> str:
        """The token for a form below `path`: the cookie's own while it is young, so that two open tabs both work."""
        cookie = request.cookies.get(_cookie_name(request), "")
        return cookie if self._is_ours(cookie, path, _REUSED_SECONDS) else self._make(path)

    @staticmethod
    def put(response: Response, request: Request, path: str, token: str) -> None:
        """Send the token's other half."""
        response.set_cookie(
            _cookie_name(request),
            token,
            max_age=_MAX_AGE_SECONDS,
            path=path,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def proves(self, request: Request, path: str, token: str) -> bool:
        """Whether the form came from our own page, in the same browser, not long ago."""
        cookie = request.cookies.get(_cookie_name(request), "")
        return (
            is_own_origin(request)
            and self._is_ours(token, path, _MAX_AGE_SECONDS)
            and hmac.compare_digest(cookie.encode(), token.encode())
        )

    def _make(self, path: str) -> str:
        # One word of letters and digits: with other signs, one in a thousand looks like an attack to the firewall.
        claim = f"t{int(time.time()):0{_TIME_DIGITS}x}{secrets.token_hex(16)}"
        return claim + self._sign(path, claim)

    def _sign(self, path: str, claim: str) -> str:
        return hmac.new(self._key, f"{path} {claim}".encode(), "sha256").hexdigest()

    def _is_ours(self, token: str, path: str, max_age_seconds: float) -> bool:
        claim, signature = token[:-_SIGNATURE_DIGITS], token[-_SIGNATURE_DIGITS:]
        if not hmac.compare_digest(signature.encode(), self._sign(path, claim).encode()):
            return False
        return time.time() - int(claim[1 : 1 + _TIME_DIGITS], 16) <= max_age_seconds


def _cookie_name(request: Request) -> str:
    # Browsers take a __Secure- cookie only over TLS: nobody on the way can plant one.
    return "__Secure-acesso" if request.url.scheme == "https" else "acesso"


def is_own_origin(request: Request) -> bool:
    """What the browser itself says of where the form was; old ones say nothing, and the token alone decides."""
    if request.headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    told = urlsplit(origin)
    return (told.scheme, told.netloc) == (request.url.scheme, request.url.netloc)
