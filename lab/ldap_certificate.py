"""The certificate with which the lab's OpenLDAP offers StartTLS, signed by an authority of its own."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lab.layout import make_private_dir, write_private

VALID_FOR = timedelta(days=3650)  # as long as anybody keeps a lab; `down --destroy` and `up` make another


def ensure_certificate(directory: Path, host: str) -> None:
    """Make `ca.pem`, `servidor.pem` and `servidor.key` once; the authority's own key is not kept."""
    certificate_file = directory / "servidor.pem"
    if certificate_file.exists():
        return
    # Not at the top: the library takes longer to load than a server to start, and only the first start needs it.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def builder(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("Laboratório LDAP"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + VALID_FOR)
        )

    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = (
        builder("Laboratório LDAP", authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        builder(host, server_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    make_private_dir(directory)
    # The certificate comes last: a kill before it leaves nothing that counts as made.
    write_private(directory / "ca.pem", authority.public_bytes(serialization.Encoding.PEM).decode())
    write_private(directory / "servidor.key", key.decode())
    write_private(certificate_file, server.public_bytes(serialization.Encoding.PEM).decode())
