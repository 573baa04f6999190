"""ChaveAcesso: the keys with which SEI and SIP recognise each other's calls (SEI 4.0 and later).

72 lower-case hexadecimal characters: the CRC-32 of the decimal `id_sistema`, then a secret of 64. The database keeps
the prefix in `sistema.crc` and, in `sistema.chave_acesso`, bcrypt (cost 12, `$2a$`) of the MD5 of the secret. Checked
by recomputation on the reference databases.
"""

import hashlib
import re
import secrets
import zlib
from functools import lru_cache
from typing import Self

import bcrypt
from pydantic import SecretStr, field_validator

from domain.errors import InvalidInputError
from domain.model import Frozen

SECRET_BYTES = 32
BCRYPT_COST = 12
LOWEST_BCRYPT_COST = 4
_PREFIX_LENGTH = 8


class AccessKey(Frozen):
    """One key; its text never shows in `repr`."""

    text: SecretStr
    """The 72 characters, as the configuration files of SEI and SIP carry them."""

    @field_validator("text")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[0-9a-f]{72}", value.get_secret_value()):
            msg = "a chave de acesso não tem 72 caracteres hexadecimais minúsculos"
            raise ValueError(msg)
        return value

    @classmethod
    def generate(cls, id_sistema: int) -> Self:
        """A new random key of a system. The one rule here that is not a function of its arguments: a key has to be
        unpredictable, and taking the randomness as an argument would only move the risk of a weak source."""
        return cls(text=SecretStr(system_crc(id_sistema) + secrets.token_hex(SECRET_BYTES)))

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """The key of a configuration file or secret store. Raises InvalidInputError without the value."""
        try:
            return cls(text=SecretStr(text))
        except ValueError:
            # `from None`: the cause would carry the key into logs.
            raise InvalidInputError(
                "A chave de acesso não tem 72 caracteres hexadecimais minúsculos",
                where,
                "Gere uma nova chave e grave-a de novo.",
            ) from None

    @property
    def crc(self) -> str:
        """The 8 characters of `sistema.crc`."""
        return self.text.get_secret_value()[:_PREFIX_LENGTH]

    def belongs_to(self, id_sistema: int) -> bool:
        """Whether the key was made for this system."""
        return self.crc == system_crc(id_sistema)

    def hash(self, *, cost: int | None = None) -> str:
        """A new value for `sistema.chave_acesso`. Salted: two calls differ. Takes about 0.2 s, on purpose of bcrypt.

        Only a key that is gone before anybody could guess it may be hashed at a lower `cost`.
        """
        return bcrypt.hashpw(self._digest(), bcrypt.gensalt(cost or BCRYPT_COST, prefix=b"2a")).decode("ascii")

    def matches(self, stored: str | None) -> bool:
        """Whether `sistema.chave_acesso` was made from this key; anything that is not a bcrypt hash does not match."""
        return stored is not None and _check(self._digest(), stored)

    def _digest(self) -> bytes:
        secret = self.text.get_secret_value()[_PREFIX_LENGTH:]
        return hashlib.md5(secret.encode("ascii"), usedforsecurity=False).hexdigest().encode("ascii")


@lru_cache(maxsize=1024)
def _check(digest: bytes, stored: str) -> bool:
    # A quarter of a second each time, and one run asks several times about the same key.
    try:
        return bcrypt.checkpw(digest, stored.encode("ascii"))
    except ValueError:
        return False


def system_crc(id_sistema: int) -> str:
    """The prefix of a system's keys: CRC-32 of the decimal id as text, in 8 hexadecimal characters."""
    return f"{zlib.crc32(str(id_sistema).encode('ascii')):08x}"
