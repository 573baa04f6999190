"""A small public key infrastructure to damage: root, intermediate and site, each made as a test wants it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOST = "timoteo-producao.sei.mg.gov.br"
YEAR = timedelta(days=365)

AnyKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@cache
def ec_key(name: str, curve: str = "secp256r1") -> ec.EllipticCurvePrivateKey:
    """The key of this name: the same in every test, which keeps them fast."""
    return ec.generate_private_key(ec.SECP256K1() if curve == "secp256k1" else ec.SECP256R1())


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def make(
    name: str,
    key: AnyKey,
    *,
    signed_by: tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes] | None = None,
    issuer: str | None = None,
    hosts: Sequence[str] = (),
    authority: bool = False,
    usage: ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
    start: datetime = NOW - YEAR,
    end: datetime = NOW + YEAR,
) -> x509.Certificate:
    """One certificate; self-signed unless somebody signs it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing_key = signed_by[1] if signed_by else key
    issuer_name = signed_by[0].subject if signed_by else subject
    if issuer:
        issuer_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not authority and usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False
        )
    return builder.sign(signing_key, hashes.SHA256())


ROOT = make("AC Raiz", ec_key("raiz"), authority=True)
MIDDLE = make("AC Intermediária", ec_key("meio"), signed_by=(ROOT, ec_key("raiz")), authority=True)
BY_MIDDLE = (MIDDLE, ec_key("meio"))


def make_site(
    key: AnyKey | None = None,
    *,
    hosts: Sequence[str] = (HOST,),
    signed_by: tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes] = BY_MIDDLE,
    usage: ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
    start: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + timedelta(days=90),
) -> x509.Certificate:
    """A site's certificate, sound unless told otherwise."""
    return make("site", key or ec_key("site"), signed_by=signed_by, hosts=hosts, usage=usage, start=start, end=end)
