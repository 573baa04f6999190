"""Keys in one file that a passphrase opens: what keeps backups readable when Prefect's block store is lost.

Scrypt makes the key of the passphrase (RFC 7914, at the cost that OWASP advises), AES-256-GCM closes the file; both of
the `cryptography` library.
"""

import base64
import binascii
import json
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import SecretStr

from domain.errors import InvalidInputError

SHORTEST = 16
_FORMAT = "implanta-chaves-1"
_N, _R, _P = 2**17, 8, 1
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32


def close_bundle(keys: dict[str, SecretStr], passphrase: SecretStr) -> bytes:
    """The keys by their names, in a file that only the passphrase opens.

    Raises:
        InvalidInputError: the passphrase is shorter than `SHORTEST` signs.
    """
    if len(passphrase.get_secret_value()) < SHORTEST:
        raise InvalidInputError(
            f"A frase secreta tem menos de {SHORTEST} caracteres", "frase secreta", "Use várias palavras sorteadas."
        )
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    text = json.dumps({name: key.get_secret_value() for name, key in sorted(keys.items())}).encode()
    sealed = AESGCM(_derived(passphrase, salt)).encrypt(nonce, text, _FORMAT.encode())
    fields = {"formato": _FORMAT, "sal": _base64(salt), "nonce": _base64(nonce), "conteudo": _base64(sealed)}
    return json.dumps(fields, indent=1).encode() + b"\n"


def open_bundle(content: bytes, passphrase: SecretStr) -> dict[str, SecretStr]:
    """The keys of a file that `close_bundle` made.

    Raises:
        InvalidInputError: it is no such file, or the passphrase is another.
    """
    try:
        fields = json.loads(content)
        if fields["formato"] != _FORMAT:
            raise ValueError(_FORMAT)
        salt, nonce, sealed = (base64.b64decode(fields[name], validate=True) for name in ("sal", "nonce", "conteudo"))
    except (ValueError, KeyError, TypeError, binascii.Error) as e:
        raise InvalidInputError(
            "Isto não é um arquivo de chaves do Implanta", "arquivo de chaves", "Confira o arquivo."
        ) from e
    try:
        text = AESGCM(_derived(passphrase, salt)).decrypt(nonce, sealed, _FORMAT.encode())
    except (InvalidTag, ValueError):
        raise InvalidInputError(
            "A frase secreta não abre o arquivo de chaves", "arquivo de chaves", "Confira a frase e o arquivo."
        ) from None
    return {name: SecretStr(key) for name, key in json.loads(text).items()}


def _derived(passphrase: SecretStr, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=_N, r=_R, p=_P).derive(passphrase.get_secret_value().encode())


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
