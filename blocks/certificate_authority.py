"""Who signs the certificates of the environments: the interface, and an authority of the programme's own."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.utils import CryptographyDeprecationWarning
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from domain.certificate import CertificateRule, IssuedCertificate, Source, as_pem, read_certificates, same_key
from domain.certificate_signing import key_as_pem, new_key, new_root, sign_site
from domain.errors import InvalidInputError


class CertificateIssuer(Block, ABC):
    """An authority that signs certificates of web servers."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Certificados (interface)"
    _block_type_slug = "implanta-certificate-issuer"

    source: ClassVar[Source]
    """What the certificates of this authority are called in the registry."""

    @abstractmethod
    def issue(self, names: Sequence[str], rule: CertificateRule, now: datetime) -> IssuedCertificate:
        """A new certificate for these host names, with a new key. Never called in a rehearsal."""

    @abstractmethod
    def trust_anchors(self) -> str:
        """The roots, as PEM, by which a client verifies what this authority issues."""


class InternalCA(CertificateIssuer):
    """The programme's own authority: whoever uses the environments has to trust its root."""

    _block_type_name = "Implanta Autoridade certificadora interna"
    _block_type_slug = "implanta-internal-ca"
    source = "internal"

    root_certificate: str = Field(description="Certificado raiz, em PEM.")
    root_key: SecretStr = Field(description="Chave privada da raiz, em PEM.")

    @classmethod
    def generate(cls, name: str, now: datetime) -> Self:
        """A new authority of this name, with a new key."""
        made = new_root(name, now)
        return cls(root_certificate=made.chain_pem, root_key=made.key_pem)

    def issue(self, names: Sequence[str], rule: CertificateRule, now: datetime) -> IssuedCertificate:
        """Sign a certificate at once; nothing is asked of anybody.

        Raises:
            InvalidInputError: the block's root cannot sign: it expired, or its key is another's.
        """
        root, root_key = self._root(now)
        key = new_key(rule.key_type)
        certificate = sign_site(
            names, key.public_key(), root=root, root_key=root_key, now=now, validity_days=rule.validity_days
        )
        return IssuedCertificate(chain_pem=as_pem([certificate]), key_pem=key_as_pem(key))

    def trust_anchors(self) -> str:
        return self.root_certificate

    def _root(self, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]:
        where = f"bloco {self.get_block_type_slug()}"
        root = read_certificates(self.root_certificate)[0]
        try:
            key = load_pem_private_key(self.root_key.get_secret_value().encode(), None)
        except (ValueError, TypeError):
            raise InvalidInputError(
                "A chave da autoridade interna não pôde ser lida", where, "Cadastre no bloco a chave em PEM, sem senha."
            ) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) or not same_key(
            key.public_key(), root.public_key()
        ):
            raise InvalidInputError(
                "A chave da autoridade interna não é a do seu certificado raiz", where, "Cadastre no bloco o par certo."
            )
        if not root.not_valid_before_utc <= now < root.not_valid_after_utc:
            raise InvalidInputError(
                "O certificado raiz da autoridade interna está fora da validade",
                where,
                "Cadastre uma raiz nova no bloco e instale-a em quem acessa os ambientes.",
            )
        return root, key


@cache
def system_anchors() -> str:
    """The roots that browsers trust, as PEM; the few whose serial number RFC 5280 does not allow are left out."""
    with warnings.catch_warnings():
        # A coming version of the library refuses them; until then it warns, which is nothing for an operator to read.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        every = x509.load_pem_x509_certificates(Path(certifi.where()).read_bytes())
        return as_pem(root for root in every if root.serial_number > 0)


def read_anchors(path: Path) -> str:
    """The roots in a PEM file.

    Raises:
        InvalidInputError: the file cannot be read or holds no certificate.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as e:
        raise InvalidInputError(
            f"O arquivo de raízes não pôde ser lido ({e.strerror})", str(path), "Confira o caminho e as permissões."
        ) from None
    try:
        read_certificates(text)
    except InvalidInputError as error:
        raise InvalidInputError(error.what, str(path), "Grave nele as raízes, em PEM.") from None
    return text
