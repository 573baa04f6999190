"""Certificates that a prefeitura bought: a PFX file, as ICP-Brasil authorities deliver it, or PEM files."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from pydantic import SecretStr

from domain.certificate import IssuedCertificate, as_pem, issued, read_certificates, same_key
from domain.errors import InvalidInputError

_PEM_MARK = b"-----BEGIN "
_EXPORT_AGAIN = "Exporte o certificado de novo, com a chave privada e a cadeia completa."


def import_certificate(
    content: bytes, *, password: SecretStr | None, where: str, key: bytes | None = None
) -> IssuedCertificate:
    """Read a certificate with its key, and put its chain in order; `key` is a PEM key that came in a file of its own.

    The root, if it came along, is left out: whoever trusts it has it. Whether the certificate may be served is
    `judge_certificate`'s to say.

    Raises:
        InvalidInputError: the file is neither kind, the password is wrong, or the key is another certificate's.
    """
    if _PEM_MARK in content:
        private_key, certificates = _read_pem(content, key or content, password, where)
    else:
        private_key, certificates = _read_pfx(content, password, where)
    leaf = _leaf_of(private_key, certificates, where)
    return IssuedCertificate(chain_pem=as_pem(_in_order(leaf, certificates)), key_pem=_as_pem(private_key))


def needs_password(content: bytes, key: bytes | None = None) -> bool:
    """Whether to ask for a password: always for a PFX, and for a PEM key that says it is encrypted."""
    return _PEM_MARK not in content or b"ENCRYPTED" in (key or content)


def _read_pfx(
    content: bytes, password: SecretStr | None, where: str
) -> tuple[PrivateKeyTypes, Sequence[x509.Certificate]]:
    secret = password.get_secret_value().encode() if password else None
    try:
        found = pkcs12.load_pkcs12(content, secret)
    except ValueError:
        # The library tells a wrong password and a damaged file alike.
        raise InvalidInputError(
            "A senha não abre o arquivo, ou ele não é um PFX (.pfx, .p12) nem PEM",
            where,
            "Confira a senha e o arquivo.",
        ) from None
    except UnsupportedAlgorithm:
        raise InvalidInputError("O PFX usa uma cifra que não é aceita", where, _EXPORT_AGAIN) from None
    if found.key is None:
        raise InvalidInputError("O PFX não traz a chave privada", where, _EXPORT_AGAIN)
    every = [one.certificate for one in (found.cert, *found.additional_certs) if one is not None]
    return found.key, every


def _read_pem(
    content: bytes, key: bytes, password: SecretStr | None, where: str
) -> tuple[PrivateKeyTypes, Sequence[x509.Certificate]]:
    if b"PRIVATE KEY-----" not in key:
        raise InvalidInputError(
            "Falta a chave privada", where, "Informe o arquivo dela com --key, ou junte-a ao arquivo do certificado."
        )
    try:
        certificates = read_certificates(content.decode())
    except UnicodeDecodeError:
        raise InvalidInputError("O arquivo não é PEM", where, _EXPORT_AGAIN) from None
    except InvalidInputError as error:
        raise InvalidInputError(error.what, where, error.fix) from None
    return _read_key(key, password, where), certificates


def _read_key(key: bytes, password: SecretStr | None, where: str) -> PrivateKeyTypes:
    only_key = key[key[: key.index(b"PRIVATE KEY-----")].rindex(_PEM_MARK) :]
    secret = password.get_secret_value().encode() if password else None
    try:
        try:
            return load_pem_private_key(only_key, secret)
        except TypeError:
            if secret is None:
                raise
            return load_pem_private_key(only_key, None)  # a password was given, and the key has none
    except TypeError:
        raise InvalidInputError("A chave privada está protegida por senha", where, "Informe a senha dela.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInputError(
            "A senha não abre a chave privada, ou ela está danificada", where, "Confira a senha e o arquivo da chave."
        ) from None


def _leaf_of(key: PrivateKeyTypes, certificates: Sequence[x509.Certificate], where: str) -> x509.Certificate:
    mine = [one for one in certificates if same_key(one.public_key(), key.public_key())]
    if not mine:
        raise InvalidInputError(
            "A chave privada não é de nenhum dos certificados do arquivo",
            where,
            "Confira se a chave é a que gerou o pedido deste certificado.",
        )
    # A bundle may still hold last year's certificate of the same key.
    return max(mine, key=lambda one: one.not_valid_after_utc)


def _in_order(leaf: x509.Certificate, certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The leaf and whoever signed it, upwards; what belongs to no link of the chain stays out, and so does the root."""
    chain = [leaf]
    while True:
        last = chain[-1]
        above = [one for one in certificates if one not in chain and one.subject != one.issuer and issued(last, one)]
        if not above:
            return chain
        # Of two certificates of one authority (it was renewed), the one that lasts longer.
        chain.append(max(above, key=lambda one: one.not_valid_after_utc))


def _as_pem(key: PrivateKeyTypes) -> SecretStr:
    return SecretStr(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
