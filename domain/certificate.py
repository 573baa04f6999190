"""Certificates of web addresses: what one says of itself, whether it may be served, and when to replace it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from itertools import pairwise
from typing import Literal, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from pydantic import AwareDatetime, Field, PositiveInt, SecretStr, model_validator

from domain.calendar import local_day
from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.reference import Sha256

MIN_RSA_BITS = 2048
BROWSER_CURVES = ("secp256r1", "secp384r1", "secp521r1")
BROKEN_HASHES = (hashes.MD5, hashes.SHA1)
# Of a certificate shorter than the margins, the last third of its life is the margin: otherwise one of six days would
# be replaced every night.
LAST_PART_OF_LIFE = 3

Source = Literal["internal", "acme", "brought"]
SOURCE_LABELS: dict[Source, str] = {
    "internal": "autoridade interna",
    "acme": "autoridade ACME",
    "brought": "trazido pela prefeitura",
}


class KeyType(StrEnum):
    """The key pairs that browsers accept and that we make."""

    ECDSA_P256 = "ecdsa-p256"
    ECDSA_P384 = "ecdsa-p384"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"


class CertificateRule(CatalogEntry):
    """How long certificates last and when somebody acts, as `certificates.yaml` says."""

    validity_days: PositiveInt = Field(alias="validade_dias")
    renewal_margin_days: PositiveInt = Field(alias="renovar_dias_antes")
    warning_margin_days: PositiveInt = Field(alias="avisar_dias_antes")
    key_type: KeyType = Field(alias="tipo_chave")

    @model_validator(mode="after")
    def _lasts_longer_than_its_margin(self) -> Self:
        if self.renewal_margin_days >= self.validity_days:
            msg = f"renovar {self.renewal_margin_days} dias antes de uma validade de {self.validity_days} é renovar já"
            raise ValueError(msg)
        return self

    @property
    def renewal_margin(self) -> timedelta:
        """How long before its end an issued certificate is replaced."""
        return timedelta(days=self.renewal_margin_days)

    @property
    def warning_margin(self) -> timedelta:
        """How long before its end the prefeitura is told to bring another one."""
        return timedelta(days=self.warning_margin_days)


class Certificate(Frozen):
    """What a certificate says. The subject is left out: ICP-Brasil writes people's names and CPFs there."""

    names: tuple[str, ...] = Field(description="Host names and addresses that it is valid for.")
    issuer: str
    serial: str = Field(description="Hexadecimal.")
    fingerprint: Sha256
    not_before: AwareDatetime
    not_after: AwareDatetime

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; negative once it did."""
        return (self.not_after - now).days

    def covers(self, host: str) -> bool:
        """Whether it is valid for a host; a `*` stands for exactly one label."""
        wanted = host.lower().rstrip(".")
        return any(_matches(name.lower(), wanted) for name in self.names)


class IssuedCertificate(Frozen):
    """A certificate with the chain up to its root, the leaf first, and its private key; both PEM."""

    chain_pem: str
    key_pem: SecretStr


class Flaw(StrEnum):
    """What may be wrong with a certificate."""

    UNREADABLE = "unreadable"
    ORDER = "order"
    SIGNATURE = "signature"
    UNTRUSTED = "untrusted"
    NOT_AUTHORITY = "not_authority"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRES_SOON = "expires_soon"
    HOST = "host"
    KEY_MISMATCH = "key_mismatch"
    WEAK_KEY = "weak_key"
    WEAK_HASH = "weak_hash"
    USAGE = "usage"
    PROFILE = "profile"


class Problem(Frozen):
    """One flaw, told to an operator."""

    flaw: Flaw
    text: str

    def __str__(self) -> str:
        return self.text


class Verdict(Frozen):
    """The judgement of a certificate; without problems it may be served."""

    certificate: Certificate | None
    problems: tuple[Problem, ...]

    @property
    def flaws(self) -> frozenset[Flaw]:
        """The kinds of the problems."""
        return frozenset(problem.flaw for problem in self.problems)

    def __str__(self) -> str:
        return "; ".join(problem.text for problem in self.problems) or "sem problemas"


def read_certificates(pem: str) -> tuple[x509.Certificate, ...]:
    """Every certificate of a PEM text, in its order.

    Raises:
        InvalidInputError: there is none, or one cannot be read.
    """
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
        for certificate in found:
            certificate.extensions  # noqa: B018  # read only when asked for; a malformed one must fail here
    except ValueError as error:
        raise InvalidInputError(
            "O texto não é uma cadeia de certificados PEM", "certificado", "Exporte-o de novo, em PEM ou PFX."
        ) from error
    return tuple(found)


def as_pem(certificates: Iterable[x509.Certificate]) -> str:
    """The certificates as one PEM text."""
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def describe(certificate: x509.Certificate) -> Certificate:
    """The facts of a certificate."""
    return Certificate(
        names=tuple(_names(certificate)),
        issuer=_common_name(certificate.issuer) or "emissor sem nome",
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def served_certificate(chain_pem: str) -> Certificate:
    """The facts of the first certificate of a chain, which is the site's. Raises InvalidInputError."""
    return describe(read_certificates(chain_pem)[0])


def needs_renewal(certificate: Certificate, now: datetime, margin: timedelta) -> bool:
    """Whether a certificate has come within `margin` of its end; of a short one, within the last third of its life."""
    lifetime = certificate.not_after - certificate.not_before
    return now >= certificate.not_after - min(margin, lifetime / LAST_PART_OF_LIFE)


def judge_certificate(
    chain_pem: str,
    *,
    hosts: Sequence[str],
    anchors_pem: str,
    now: datetime,
    key_pem: SecretStr | None = None,
    min_validity: timedelta = timedelta(0),
) -> Verdict:
    """Judge the chain that a server sends, leaf first; `anchors_pem` are the roots that are trusted.

    Each flaw is looked for on its own, so that the operator reads what to correct. What then still looks good must
    also pass the verification of the `cryptography` library, which demands what browsers demand.

    Raises:
        InvalidInputError: the anchors are no certificates.
    """
    anchors = read_certificates(anchors_pem)
    try:
        chain = read_certificates(chain_pem)
    except InvalidInputError as error:
        return Verdict(certificate=None, problems=(Problem(flaw=Flaw.UNREADABLE, text=error.what),))
    leaf = describe(chain[0])
    problems = [
        *_chain_problems(chain, anchors, now),
        *(problem for certificate in chain for problem in _validity_problems(certificate, now, min_validity)),
        *(problem for certificate in chain for problem in _strength_problems(certificate)),
        *_host_problems(leaf, hosts),
        *_usage_problems(chain[0]),
        *_key_problems(chain[0], key_pem),
    ]
    # A chain that only ends too soon is still judged whole.
    if {problem.flaw for problem in problems} <= {Flaw.EXPIRES_SOON}:
        problems += _profile_problems(chain, anchors, hosts, now)
    return Verdict(certificate=leaf, problems=tuple(problems))


def issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    """Whether `parent` really signed `child`."""
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def public_key_of(key_pem: SecretStr, password: bytes | None = None) -> PublicKeyTypes:
    """The public half of a PEM private key.

    Raises:
        InvalidInputError: it is no key, or its password is wrong or missing.
    """
    try:
        return load_pem_private_key(key_pem.get_secret_value().encode(), password).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without its cause: what a parser quotes may be part of the key.
        raise InvalidInputError(
            "A chave privada não pôde ser lida", "chave do certificado", "Confira o arquivo e a senha dele."
        ) from None


def same_key(one: PublicKeyTypes, other: PublicKeyTypes) -> bool:
    """Whether both are one public key."""
    return _encoded(one) == _encoded(other)


def _encoded(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _matches(name: str, host: str) -> bool:
    if name.startswith("*."):
        label, _, rest = host.partition(".")
        return bool(label) and rest == name[2:]
    return name == host


def _names(certificate: x509.Certificate) -> Iterator[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from names.get_values_for_type(x509.DNSName)
    yield from (str(address) for address in names.get_values_for_type(x509.IPAddress))


def _common_name(name: x509.Name) -> str:
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if found := name.get_attributes_for_oid(oid):
            return str(found[0].value)
    return ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        return False
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _label(certificate: x509.Certificate) -> str:
    """How to call a certificate in a sentence: an authority by its name, a site by its host, a person not at all."""
    if _is_authority(certificate):
        return f"a autoridade “{_common_name(certificate.subject)}”"
    return f"o certificado de {next(_names(certificate), 'um endereço não informado')}"


def _problem(flaw: Flaw, text: str) -> Problem:
    return Problem(flaw=flaw, text=text[0].upper() + text[1:])


def _chain_problems(
    chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], now: datetime
) -> Iterator[Problem]:
    for child, parent in pairwise(chain):
        if issued(child, parent):
            if not _is_authority(parent):
                yield _problem(Flaw.NOT_AUTHORITY, f"{_label(parent)} está na cadeia e não é de uma autoridade")
        elif child.issuer == parent.subject:
            yield _problem(Flaw.SIGNATURE, f"{_label(child)} não foi assinado pela chave de {_label(parent)}")
        else:
            yield _problem(Flaw.ORDER, f"a cadeia está fora de ordem: depois de {_label(child)} vem {_label(parent)}")
    yield from _trust_problems(chain[-1], anchors, now)


def _trust_problems(top: x509.Certificate, anchors: Sequence[x509.Certificate], now: datetime) -> Iterator[Problem]:
    issuer = _common_name(top.issuer)
    trusted = [anchor for anchor in anchors if anchor == top or issued(top, anchor)]
    if not trusted:
        if any(anchor.subject == top.issuer for anchor in anchors):
            yield _problem(
                Flaw.SIGNATURE, f"{_label(top)} diz ser de “{issuer}”, mas a chave dessa autoridade não o assinou"
            )
        else:
            yield _problem(
                Flaw.UNTRUSTED,
                f"a cadeia acaba em {_label(top)}, de “{issuer}”, que não é uma raiz de confiança (faltam os "
                "certificados intermediários, ou a raiz)",
            )
    elif all(now > anchor.not_valid_after_utc for anchor in trusted):
        yield _problem(Flaw.EXPIRED, f"a raiz “{_common_name(trusted[0].subject)}” venceu")


def _validity_problems(certificate: x509.Certificate, now: datetime, min_validity: timedelta) -> Iterator[Problem]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < start:
        yield _problem(Flaw.NOT_YET_VALID, f"{_label(certificate)} só vale a partir de {local_day(start):%d/%m/%Y}")
    if now > end:
        yield _problem(Flaw.EXPIRED, f"{_label(certificate)} venceu em {local_day(end):%d/%m/%Y}")
    elif now + min_validity > end:
        yield _problem(
            Flaw.EXPIRES_SOON,
            f"{_label(certificate)} vence em {local_day(end):%d/%m/%Y}, antes dos {min_validity.days} dias pedidos",
        )


def _strength_problems(certificate: x509.Certificate) -> Iterator[Problem]:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            yield _problem(Flaw.WEAK_KEY, f"{_label(certificate)} tem chave RSA de {key.key_size} bits (mínimo 2048)")
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in BROWSER_CURVES:
        yield _problem(Flaw.WEAK_KEY, f"{_label(certificate)} tem um tipo de chave que navegadores não aceitam")
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        yield _problem(Flaw.WEAK_HASH, f"{_label(certificate)} foi assinado com um algoritmo desconhecido")
        return
    if isinstance(algorithm, BROKEN_HASHES):
        yield _problem(Flaw.WEAK_HASH, f"{_label(certificate)} foi assinado com {algorithm.name.upper()}, já quebrado")


def _host_problems(leaf: Certificate, hosts: Sequence[str]) -> Iterator[Problem]:
    for host in hosts:
        if not leaf.covers(host):
            named = ", ".join(leaf.names) or "nenhum endereço"
            yield _problem(Flaw.HOST, f"o certificado não vale para {host} (vale para {named})")


def _usage_problems(leaf: x509.Certificate) -> Iterator[Problem]:
    try:
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    if ExtendedKeyUsageOID.SERVER_AUTH not in usages:
        yield _problem(Flaw.USAGE, "o certificado não é de servidor web (falta o uso serverAuth)")


def _key_problems(leaf: x509.Certificate, key_pem: SecretStr | None) -> Iterator[Problem]:
    if key_pem is None:
        return
    try:
        if not same_key(public_key_of(key_pem), leaf.public_key()):
            yield _problem(Flaw.KEY_MISMATCH, "a chave privada não é a deste certificado")
    except InvalidInputError as error:
        yield _problem(Flaw.KEY_MISMATCH, error.what)


def _profile_problems(
    chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], hosts: Sequence[str], now: datetime
) -> Iterator[Problem]:
    policy = PolicyBuilder().store(Store(list(anchors))).time(now)
    for host in hosts:
        try:
            policy.build_server_verifier(_subject(host)).verify(chain[0], list(chain[1:]))
        except VerificationError as error:
            yield _problem(Flaw.PROFILE, f"o certificado não segue as regras da web para {host} ({error})")


def _subject(host: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
