"""How certificates are made: key pairs, a root, and what the root signs. Nothing here stores anything."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import SecretStr

from domain.certificate import IssuedCertificate, KeyType, as_pem

ROOT_DAYS = 3650
# Machines whose clocks are a little behind must take a new certificate too.
CLOCK_SKEW = timedelta(hours=1)
MAX_COMMON_NAME = 64
RSA_EXPONENT = 65537

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def new_key(kind: KeyType) -> SigningKey:
    """A new key pair."""
    match kind:
        case KeyType.ECDSA_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.ECDSA_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyType.RSA_2048:
            return rsa.generate_private_key(RSA_EXPONENT, 2048)
        case KeyType.RSA_3072:
            return rsa.generate_private_key(RSA_EXPONENT, 3072)


def key_as_pem(key: SigningKey) -> SecretStr:
    """A private key as unencrypted PEM, which is how web servers read it."""
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SecretStr(text.decode())


def new_root(name: str, now: datetime) -> IssuedCertificate:
    """A self-signed authority that signs sites only, valid for ten years."""
    key = new_key(KeyType.ECDSA_P384)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return IssuedCertificate(chain_pem=as_pem([certificate]), key_pem=key_as_pem(key))


def sign_site(
    names: Sequence[str],
    public_key: CertificatePublicKeyTypes,
    *,
    root: x509.Certificate,
    root_key: CertificateIssuerPrivateKeyTypes,
    now: datetime,
    validity_days: int,
) -> x509.Certificate:
    """A certificate of a web server for these names; it does not outlive its root."""
    # A common name holds 64 characters, a host name 253. An empty subject asks for critical names (RFC 5280 4.1.2.6).
    has_subject = len(names[0]) <= MAX_COMMON_NAME
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])] if has_subject else [])
    is_rsa = isinstance(public_key, rsa.RSAPublicKey)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(root.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - CLOCK_SKEW, root.not_valid_before_utc))
        .not_valid_after(min(now + timedelta(days=validity_days), root.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=not has_subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True, key_encipherment=is_rsa), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
        .sign(root_key, hashes.SHA256())
    )


def signing_request(names: Sequence[str], key: SigningKey) -> x509.CertificateSigningRequest:
    """What an authority is asked to sign: the names, proved by the key."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(
    *, digital_signature: bool = False, key_encipherment: bool = False, key_cert_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
    )
