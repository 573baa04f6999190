"""What signs the manifests and certificates of backups: an Ed25519 key of the `cryptography` library."""

import base64
import binascii
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from domain.errors import IntegrityError


class BackupSigningKey(Block):
    """Signs what a backup says of itself. Whoever has the public key can tell a true certificate from a false one."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Assinatura das cópias"
    _block_type_slug = "implanta-backup-signing-key"

    private_pem: SecretStr = Field(description="Chave privada Ed25519, em PEM. Guarde uma cópia fora do Prefect.")

    @classmethod
    def generate(cls) -> Self:
        """A new random key."""
        text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(private_pem=SecretStr(text.decode("ascii")))

    def sign(self, content: bytes) -> bytes:
        """The signature of some bytes, in base64."""
        return base64.b64encode(self._key().sign(content))

    @property
    def public_pem(self) -> str:
        """The public half, in PEM, for whoever checks signatures without Implanta."""
        return self._key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

    def _key(self) -> Ed25519PrivateKey:
        try:
            key = load_pem_private_key(self.private_pem.get_secret_value().encode("ascii"), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise IntegrityError(
                "A chave de assinatura das cópias não é uma chave Ed25519",
                f"bloco {self._block_type_slug}",
                "Restaure o bloco a partir da cópia guardada fora do Prefect.",
            )
        return key


def is_signed(content: bytes, signature: bytes, public_pem: str) -> bool:
    """Whether `signature`, in base64, is of these bytes and of this key."""
    key = load_pem_public_key(public_pem.encode("ascii"))
    if not isinstance(key, Ed25519PublicKey):
        return False
    try:
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, binascii.Error):
        return False
    return True
