"""The lab's own certificate authority: made once, trusted by whoever trusts `ca.pem`."""

from datetime import UTC, datetime

from pydantic import SecretStr

from domain.errors import InvalidInputError
from domain.model import Frozen
from lab.layout import Layout, write_private

NAME = "Implanta AC do laboratório"
_CERTIFICATE_BEGINS = "-----BEGIN CERTIFICATE-----"


class AuthorityState(Frozen):
    """The lab's root, as PEM."""

    certificate: str
    key: SecretStr


def ensure_authority(layout: Layout) -> None:
    """Make the root once; a changed root would make everybody's trust worthless."""
    if not layout.ca_key_file.exists():
        from domain.certificate_signing import new_root  # noqa: PLC0415  # only the first `up` needs cryptography

        made = new_root(NAME, datetime.now(tz=UTC))
        # One file, so that a kill never leaves a key without its certificate.
        write_private(layout.ca_key_file, made.key_pem.get_secret_value() + made.chain_pem)
    certificate = read_authority(layout).certificate
    if not layout.ca_file.exists() or layout.ca_file.read_text(encoding="ascii") != certificate:
        write_private(layout.ca_file, certificate)


def read_authority(layout: Layout) -> AuthorityState:
    """The root with its key.

    Raises:
        InvalidInputError: this lab has none, or its file is damaged.
    """
    try:
        text = layout.ca_key_file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        text = ""
    key, found, certificate = text.partition(_CERTIFICATE_BEGINS)
    if not found:
        raise InvalidInputError(
            "A autoridade certificadora do laboratório não pôde ser lida",
            str(layout.ca_key_file),
            "Suba o laboratório com ./implanta lab up; se o arquivo estiver danificado, apague-o antes.",
        )
    return AuthorityState(certificate=found + certificate, key=SecretStr(key))
