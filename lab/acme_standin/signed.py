"""What every request must prove: a fresh nonce, the address that it was signed for, and the key that signed it."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from json import JSONDecodeError, loads
from typing import Any

from acme.jws import JWS
from josepy.errors import Error as JoseError
from josepy.json_util import encode_b64jose
from josepy.jwk import JWK, JWKOct

from lab.acme_standin.problems import ProblemError

ALGORITHMS = ("RS256", "ES256")


@dataclass(frozen=True)
class SignedRequest:
    """A request whose signature holds. `account` is None where the key itself was sent."""

    key: JWK
    account: str | None
    payload: dict[str, Any] | None
    """None for a POST that only reads."""


class Nonces:
    """Numbers that are taken once each."""

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def new(self) -> str:
        """A nonce to send along with an answer."""
        nonce = secrets.token_urlsafe(16)
        with self._lock:
            self._open.add(nonce)
        return nonce

    def take(self, nonce: str) -> None:
        """Use a nonce up.

        Raises:
            ProblemError: it was never given out, or already used.
        """
        with self._lock:
            if nonce not in self._open:
                raise ProblemError("badNonce", "nonce desconhecido ou já usado")
            self._open.remove(nonce)


def verify(body: bytes, url: str, nonces: Nonces, key_of_account: Callable[[str], JWK | None]) -> SignedRequest:
    """The request inside a JWS.

    Raises:
        ProblemError: anything about it does not hold.
    """
    try:
        signed = JWS.json_loads(body.decode())
        header = signed.signature.combined
    except (JoseError, UnicodeDecodeError, ValueError) as e:
        raise ProblemError("malformed", f"o corpo não é um JWS: {type(e).__name__}") from None
    if signed.signature.header.not_omitted():
        raise ProblemError("malformed", "há cabeçalhos fora da parte assinada")
    nonces.take(encode_b64jose(header.nonce or b""))
    if header.alg is None or header.alg.name not in ALGORITHMS:
        raise ProblemError("badSignatureAlgorithm", "assine com RS256 ou ES256")
    if header.url != url:
        raise ProblemError("unauthorized", "assinado para outro endereço")
    if (header.jwk is None) == (header.kid is None):
        raise ProblemError("malformed", "informe jwk ou kid, e só um dos dois")
    key = header.jwk or key_of_account(header.kid)
    if key is None:
        raise ProblemError("accountDoesNotExist", "conta desconhecida")
    if not signed.verify(key):
        raise ProblemError("malformed", "a assinatura não confere")
    return SignedRequest(key=key, account=header.kid, payload=_payload(signed.payload))


def verify_binding(document: dict[str, Any], key: JWK, url: str, known: dict[str, bytes]) -> None:
    """Check that whoever asks for an account holds the secret of a contract (RFC 8555 7.3.4).

    Raises:
        ProblemError: the binding is another's, or for another key.
    """
    try:
        binding = JWS.from_json(document)
        header = binding.signature.combined
        secret = known[header.kid]
        bound = JWK.from_json(loads(binding.payload))
    except (JoseError, KeyError, ValueError):
        raise ProblemError("unauthorized", "vínculo com a conta contratada inválido") from None
    if header.url != url or bound != key or not binding.verify(JWKOct(key=secret)):
        raise ProblemError("unauthorized", "vínculo com a conta contratada inválido")


def _payload(content: bytes) -> dict[str, Any] | None:
    if not content:
        return None
    try:
        parsed = loads(content)
    except (JSONDecodeError, UnicodeDecodeError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ProblemError("malformed", "o conteúdo assinado não é um objeto JSON")
    return parsed
