"""The key of an environment's archive, kept encrypted in Prefect's block store."""

import base64
import binascii
from typing import Self

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretBytes, SecretStr

from blocks.sealed_stream import generate_key
from domain.errors import IntegrityError

_KEY_BYTES = 32


class EnvironmentArchiveKey(Block):
    """What opens an environment's archive. It has to live as long as the archive: losing it is losing the archive."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Chave do arquivo"
    _block_type_slug = "implanta-environment-archive-key"

    secret: SecretStr = Field(description="Chave AES de 256 bits, em base64. Guarde uma cópia fora do Prefect.")

    @classmethod
    def generate(cls) -> Self:
        """A new random key."""
        return cls(secret=SecretStr(base64.b64encode(generate_key()).decode("ascii")))

    def key(self) -> SecretBytes:
        """The key itself. Raises IntegrityError when the block does not hold one."""
        try:
            key = base64.b64decode(self.secret.get_secret_value(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_BYTES:
            raise IntegrityError(
                "A chave do arquivo não tem 256 bits",
                f"bloco {self._block_type_slug}",
                "Restaure o bloco a partir da cópia guardada fora do Prefect.",
            )
        return SecretBytes(key)
