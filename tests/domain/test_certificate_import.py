"""Files that prefeituras bring: every container and order, and refusals that name what to correct."""

import itertools
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from pydantic import SecretStr

from domain.certificate import as_pem, judge_certificate, read_certificates
from domain.certificate_import import import_certificate, needs_password
from domain.certificate_signing import key_as_pem
from domain.errors import InvalidInputError
from tests.domain.pki import BY_MIDDLE, HOST, MIDDLE, NOW, ROOT, ec_key, make, make_site

SITE = make_site()
LAST_YEARS = make("site", ec_key("site"), signed_by=BY_MIDDLE, hosts=[HOST], end=NOW)
KEY = ec_key("site")
PASSWORD = SecretStr("senha-do-arquivo")
FILE = "timoteo.pfx"


def pfx(
    *others: x509.Certificate,
    password: SecretStr | None = PASSWORD,
    certificate: x509.Certificate | None = SITE,
    with_key: bool = True,
) -> bytes:
    lock: KeySerializationEncryption = (
        BestAvailableEncryption(password.get_secret_value().encode()) if password else NoEncryption()
    )
    return pkcs12.serialize_key_and_certificates(b"site", KEY if with_key else None, certificate, others, lock)


def pem_key(password: bytes | None = None) -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def pem(*certificates: x509.Certificate) -> bytes:
    return as_pem(certificates).encode()


def assert_is_the_sites(content: bytes, password: SecretStr | None = None, key: bytes | None = None) -> None:
    made = import_certificate(content, password=password, where=FILE, key=key)
    assert read_certificates(made.chain_pem) == (SITE, MIDDLE)
    assert made.key_pem == key_as_pem(KEY)
    verdict = judge_certificate(made.chain_pem, hosts=[HOST], anchors_pem=as_pem([ROOT]), now=NOW, key_pem=made.key_pem)
    assert verdict.problems == ()


@pytest.mark.parametrize("others", [(MIDDLE,), (ROOT, MIDDLE), (LAST_YEARS, MIDDLE, ROOT)])
def test_a_pfx_is_read_with_its_chain_in_whatever_order(others: tuple[x509.Certificate, ...]) -> None:
    assert_is_the_sites(pfx(*others), PASSWORD)


def test_a_pfx_without_password_is_read() -> None:
    assert_is_the_sites(pfx(MIDDLE, password=None))


@pytest.mark.parametrize("cipher", ["-certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES", "-descert"])
def test_a_pfx_in_the_ciphers_of_old_programs_is_read(cipher: str, tmp_path: Path) -> None:
    (tmp_path / "tudo.pem").write_bytes(pem_key() + pem(SITE, MIDDLE))
    (tmp_path / "senha").write_text(PASSWORD.get_secret_value())
    command = f"openssl pkcs12 -export -legacy {cipher} -in tudo.pem -passout file:senha -out x.pfx"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    assert_is_the_sites((tmp_path / "x.pfx").read_bytes(), PASSWORD)


@pytest.mark.parametrize("order", list(itertools.permutations([SITE, MIDDLE, ROOT])))
def test_pem_files_are_read_in_any_order_with_the_key_beside_or_inside(order: tuple[x509.Certificate, ...]) -> None:
    assert_is_the_sites(pem(*order), key=pem_key())
    assert_is_the_sites(pem(*order) + pem_key())
    assert_is_the_sites(pem_key() + pem(*order))
    assert_is_the_sites(pem(*order) + pem_key(PASSWORD.get_secret_value().encode()), PASSWORD)
    assert_is_the_sites(pem(*order) + pem_key(), PASSWORD)  # a password that nothing asks for does no harm


def test_a_key_as_openssl_writes_it_for_elliptic_curves_is_read() -> None:
    traditional = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert_is_the_sites(pem(SITE, MIDDLE), key=parameters + traditional)


@pytest.mark.parametrize(
    ("content", "key", "password", "what"),
    [
        (pfx(MIDDLE), None, SecretStr("outra"), "A senha não abre o arquivo"),
        (pfx(MIDDLE), None, None, "A senha não abre o arquivo"),
        (b"qualquer coisa", None, PASSWORD, "ou ele não é um PFX"),
        (pfx(MIDDLE, with_key=False), None, PASSWORD, "O PFX não traz a chave privada"),
        (pem(SITE, MIDDLE), None, None, "Falta a chave privada"),
        (pem_key(), None, None, "O texto não é uma cadeia de certificados PEM"),
        (pem(SITE), pem_key(b"x"), None, "A chave privada está protegida por senha"),
        (pem(SITE), pem_key(b"x"), SecretStr("y"), "A senha não abre a chave privada"),
        (pem(MIDDLE, ROOT), pem_key(), None, "A chave privada não é de nenhum dos certificados"),
        (pem(SITE) + b"\xff\xfe", pem_key(), None, "O arquivo não é PEM"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(
    content: bytes, key: bytes | None, password: SecretStr | None, what: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        import_certificate(content, password=password, where=FILE, key=key)
    message = str(refusal.value)
    assert what in message
    assert f"({FILE})" in message
    assert "PRIVATE KEY" not in message
    assert PASSWORD.get_secret_value() not in message


def test_a_password_is_asked_only_where_there_is_one() -> None:
    assert needs_password(pfx(MIDDLE))
    assert needs_password(pem(SITE), pem_key(b"x"))
    assert not needs_password(pem(SITE), pem_key())
    assert not needs_password(pem(SITE) + pem_key())
