"""Whether a certificate may be served, and when to replace it."""

import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from domain.certificate import (
    Certificate,
    CertificateRule,
    Flaw,
    Verdict,
    as_pem,
    describe,
    judge_certificate,
    needs_renewal,
    read_certificates,
)
from domain.certificate_renewal import certificate_warnings, reason_to_replace
from domain.certificate_signing import key_as_pem, new_root
from domain.errors import InvalidInputError
from tests.domain.examples import CATALOG
from tests.domain.pki import BY_MIDDLE, HOST, MIDDLE, NOW, ROOT, ec_key, make, make_site, rsa_key

SITE = make_site()
SITE_KEY = key_as_pem(ec_key("site"))
RULE = CATALOG.certificates()

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=2, max_size=4).map(".".join)


def judge(
    *chain: x509.Certificate,
    hosts: Sequence[str] = (HOST,),
    now: datetime = NOW,
    key: SecretStr | None = None,
    min_validity: timedelta = timedelta(0),
    anchors: Sequence[x509.Certificate] = (ROOT,),
) -> Verdict:
    return judge_certificate(
        as_pem(chain), hosts=hosts, anchors_pem=as_pem(anchors), now=now, key_pem=key, min_validity=min_validity
    )


@settings(max_examples=25)
@given(host=hosts, with_root=st.booleans(), days=st.integers(min_value=0, max_value=89))
def test_a_sound_chain_has_no_flaw_with_or_without_its_root(host: str, with_root: bool, days: int) -> None:
    chain = (make_site(hosts=[host]), MIDDLE, *([ROOT] if with_root else []))
    verdict = judge(*chain, hosts=[host], key=SITE_KEY, min_validity=timedelta(days=days))
    assert verdict.problems == ()
    assert str(verdict) == "sem problemas"
    assert verdict.certificate is not None
    assert verdict.certificate.covers(host)


IMPOSTOR = make("AC Intermediária", ec_key("impostor"), authority=True)
STRANGER = make("AC Estranha", ec_key("estranha"), authority=True)
NO_AUTHORITY = make("nada.example", ec_key("nada"), signed_by=(ROOT, ec_key("raiz")), hosts=["nada.example"])
EXPIRED_MIDDLE = make(
    "AC Intermediária", ec_key("meio"), signed_by=(ROOT, ec_key("raiz")), authority=True, end=NOW - timedelta(days=1)
)
OLD_ROOT = make("AC Velha", ec_key("velha"), authority=True, end=NOW - timedelta(days=1))
CURVE = ec_key("fraca", "secp256k1")
ED = ed25519.Ed25519PrivateKey.generate()

# Each damages one thing of the sound chain; what it may bring along is not asked.
FLAWS: dict[str, tuple[Flaw, Callable[[str], tuple[x509.Certificate, ...]]]] = {
    "o intermediário falta": (Flaw.UNTRUSTED, lambda host: (make_site(hosts=[host]),)),
    "fora de ordem": (Flaw.ORDER, lambda host: (make_site(hosts=[host]), ROOT, MIDDLE)),
    "alheio no meio": (Flaw.ORDER, lambda host: (make_site(hosts=[host]), STRANGER, MIDDLE)),
    "assinado por um impostor": (
        Flaw.SIGNATURE,
        lambda host: (make_site(hosts=[host], signed_by=(IMPOSTOR, ec_key("impostor"))), MIDDLE),
    ),
    "impostor da raiz": (
        Flaw.SIGNATURE,
        lambda host: (
            make("site", ec_key("site"), signed_by=(STRANGER, ec_key("estranha")), issuer="AC Raiz", hosts=[host]),
        ),
    ),
    "raiz desconhecida": (
        Flaw.UNTRUSTED,
        lambda host: (make_site(hosts=[host], signed_by=(STRANGER, ec_key("estranha"))), STRANGER),
    ),
    "autoassinado": (Flaw.UNTRUSTED, lambda host: (make("site", ec_key("site"), hosts=[host]),)),
    "emitido por um site": (
        Flaw.NOT_AUTHORITY,
        lambda host: (make_site(hosts=[host], signed_by=(NO_AUTHORITY, ec_key("nada"))), NO_AUTHORITY),
    ),
    "vencido": (Flaw.EXPIRED, lambda host: (make_site(hosts=[host], end=NOW - timedelta(seconds=1)), MIDDLE)),
    "intermediário vencido": (Flaw.EXPIRED, lambda host: (make_site(hosts=[host]), EXPIRED_MIDDLE)),
    "ainda não vale": (
        Flaw.NOT_YET_VALID,
        lambda host: (make_site(hosts=[host], start=NOW + timedelta(seconds=1)), MIDDLE),
    ),
    "acaba logo": (Flaw.EXPIRES_SOON, lambda host: (make_site(hosts=[host], end=NOW + timedelta(days=9)), MIDDLE)),
    "outro endereço": (Flaw.HOST, lambda host: (make_site(hosts=[f"outro.{host}"]), MIDDLE)),
    "sem endereço": (Flaw.HOST, lambda host: (make_site(hosts=[]), MIDDLE)),
    "curinga de dois níveis": (Flaw.HOST, lambda host: (make_site(hosts=[f"*.{host}"]), MIDDLE)),
    "chave de outro": (Flaw.KEY_MISMATCH, lambda host: (make_site(ec_key("outra"), hosts=[host]), MIDDLE)),
    "rsa curta": (Flaw.WEAK_KEY, lambda host: (make_site(rsa_key(1024), hosts=[host]), MIDDLE)),
    "curva que navegador não conhece": (Flaw.WEAK_KEY, lambda host: (make_site(CURVE, hosts=[host]), MIDDLE)),
    "ed25519": (Flaw.WEAK_KEY, lambda host: (make_site(ED, hosts=[host]), MIDDLE)),
    "de cliente": (
        Flaw.USAGE,
        lambda host: (make_site(hosts=[host], usage=ExtendedKeyUsageOID.CLIENT_AUTH), MIDDLE),
    ),
    "sem uso": (Flaw.USAGE, lambda host: (make_site(hosts=[host], usage=None), MIDDLE)),
}


@settings(max_examples=8)  # of hosts: every flaw has its own case
@pytest.mark.parametrize("case", FLAWS)
@given(host=hosts)
def test_any_single_flaw_is_found_and_told_in_one_line(case: str, host: str) -> None:
    flaw, build = FLAWS[case]
    verdict = judge(*build(host), hosts=[host], key=SITE_KEY, min_validity=timedelta(days=10))
    assert flaw in verdict.flaws
    for problem in verdict.problems:
        assert problem.text[0].isupper()
        assert "\n" not in problem.text


def test_a_root_that_expired_is_found() -> None:
    site = make_site(signed_by=(OLD_ROOT, ec_key("velha")))
    assert judge(site, anchors=[OLD_ROOT]).flaws == {Flaw.EXPIRED}


def test_a_signature_by_a_broken_hash_is_found(tmp_path: Path) -> None:
    """Made by OpenSSL: the library that we use no longer signs so."""
    (tmp_path / "meio.pem").write_text(as_pem([MIDDLE]))
    (tmp_path / "meio.key").write_text(key_as_pem(ec_key("meio")).get_secret_value())
    (tmp_path / "site.key").write_text(SITE_KEY.get_secret_value())
    (tmp_path / "san.ext").write_text(f"subjectAltName=DNS:{HOST}\nextendedKeyUsage=serverAuth\n")
    for command in (
        "req -new -key site.key -subj /CN=site -out site.csr",
        "x509 -req -in site.csr -CA meio.pem -CAkey meio.key -set_serial 7 -days 9 -sha1 -extfile san.ext -out c.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    (site,) = read_certificates((tmp_path / "c.pem").read_text())
    verdict = judge(site, MIDDLE, now=site.not_valid_before_utc)
    assert Flaw.WEAK_HASH in verdict.flaws
    assert "SHA1" in str(verdict)


def test_every_flaw_of_one_certificate_is_told_at_once() -> None:
    site = make_site(rsa_key(1024), hosts=["outro.example"], end=NOW - timedelta(days=1))
    verdict = judge(site, key=SITE_KEY)
    assert verdict.flaws == {Flaw.WEAK_KEY, Flaw.HOST, Flaw.EXPIRED, Flaw.UNTRUSTED, Flaw.KEY_MISMATCH}
    assert f"não vale para {HOST} (vale para outro.example)" in str(verdict)


def test_what_only_the_library_refuses_is_a_flaw_too() -> None:
    """A path longer than an authority allows: each link is right, the chain is not."""
    short = make_short_path()
    below = make("AC Filial", ec_key("filial"), signed_by=(short, ec_key("curta")), authority=True)
    site = make_site(signed_by=(below, ec_key("filial")))
    assert judge(site, below, short).flaws == {Flaw.PROFILE}


def make_short_path() -> x509.Certificate:
    """An authority that may sign sites only."""
    made = read_certificates(new_root("AC Curta", NOW).chain_pem)[0]
    builder = (
        x509.CertificateBuilder()
        .subject_name(made.subject)
        .issuer_name(ROOT.subject)
        .public_key(ec_key("curta").public_key())
        .serial_number(9)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=300))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ec_key("raiz").public_key()), critical=False)
    )
    for extension in made.extensions:
        if isinstance(extension.value, x509.BasicConstraints | x509.KeyUsage):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(ec_key("raiz"), hashes.SHA256())


@pytest.mark.parametrize("text", ["", "lixo", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_judged_so(text: str) -> None:
    verdict = judge_certificate(text, hosts=[HOST], anchors_pem=as_pem([ROOT]), now=NOW)
    assert verdict.certificate is None
    assert verdict.flaws == {Flaw.UNREADABLE}


def test_the_facts_of_a_certificate_name_no_subject() -> None:
    """ICP-Brasil writes the responsible person and the CPF into the subject."""
    person = make("FULANO DE TAL:12345678909", ec_key("site"), signed_by=BY_MIDDLE, hosts=[HOST])
    facts = describe(person)
    assert "FULANO" not in facts.model_dump_json()
    assert (facts.names, facts.issuer) == ((HOST,), "AC Intermediária")
    assert "FULANO" not in str(judge(person, STRANGER, hosts=["outro.example"]))


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("sei.timoteo.mg.gov.br", "SEI.timoteo.mg.gov.br", True),
        ("*.sei.mg.gov.br", "timoteo.sei.mg.gov.br", True),
        ("*.sei.mg.gov.br", "sei.mg.gov.br", False),
        ("*.sei.mg.gov.br", "a.timoteo.sei.mg.gov.br", False),
        ("*.sei.mg.gov.br", ".sei.mg.gov.br", False),
        ("timoteo.sei.mg.gov.br", "xtimoteo.sei.mg.gov.br", False),
    ],
)
def test_a_star_stands_for_exactly_one_label(name: str, host: str, covered: bool) -> None:
    assert describe(make_site(hosts=[name])).covers(host) is covered


@given(days=st.integers(min_value=-5, max_value=400), seconds=st.integers(min_value=-2, max_value=2))
def test_expiry_is_judged_to_the_second(days: int, seconds: int) -> None:
    moment = SITE.not_valid_after_utc + timedelta(seconds=seconds)
    assert (Flaw.EXPIRED in judge(SITE, MIDDLE, now=moment).flaws) is (seconds > 0)
    ahead = timedelta(days=max(days, 0))
    soon = judge(SITE, MIDDLE, now=moment - ahead, min_validity=ahead)
    if moment - ahead >= SITE.not_valid_before_utc:
        assert (Flaw.EXPIRES_SOON in soon.flaws) is (seconds > 0 and days > 0)


def certificate(lifetime_days: int) -> Certificate:
    return describe(SITE).model_copy(update={"not_before": NOW, "not_after": NOW + timedelta(days=lifetime_days)})


@given(
    lifetime=st.integers(min_value=1, max_value=800),
    margin=st.integers(min_value=1, max_value=200),
    seconds=st.integers(min_value=-1, max_value=1),
)
def test_renewal_is_due_exactly_from_the_margin_on_and_never_for_a_new_one(
    lifetime: int, margin: int, seconds: int
) -> None:
    made = certificate(lifetime)
    effective = min(timedelta(days=margin), timedelta(days=lifetime) / 3)
    moment = made.not_after - effective + timedelta(seconds=seconds)
    assert needs_renewal(made, moment, timedelta(days=margin)) is (seconds >= 0)
    assert not needs_renewal(made, made.not_before, timedelta(days=margin))


def verdict_of(site: x509.Certificate, now: datetime = NOW) -> Verdict:
    return judge(site, MIDDLE, now=now)


def test_an_issued_certificate_is_replaced_when_it_is_due_or_wrong() -> None:
    def reason(site: x509.Certificate) -> str | None:
        return reason_to_replace("internal", verdict_of(site), now=NOW, rule=RULE)

    assert reason(make_site(start=NOW, end=NOW + timedelta(days=200))) is None
    due = reason(make_site(start=NOW - timedelta(days=300), end=NOW + timedelta(days=30)))
    assert due == "vence em 24/12/2026"
    wrong = reason(make_site(hosts=["outro.example"]))
    assert wrong is not None
    assert "não vale para" in wrong


def test_what_the_prefeitura_brought_stays_until_it_expired_and_is_warned_of() -> None:
    def look(site: x509.Certificate) -> tuple[str | None, tuple[str, ...]]:
        verdict = verdict_of(site)
        return (
            reason_to_replace("brought", verdict, now=NOW, rule=RULE),
            certificate_warnings("timoteo-producao", "brought", verdict, now=NOW, rule=RULE),
        )

    def lasting(days: int) -> x509.Certificate:
        return make_site(start=NOW - timedelta(days=300), end=NOW + timedelta(days=days, hours=1))

    assert look(lasting(200)) == (None, ())
    assert look(lasting(RULE.warning_margin_days)) == (None, ())
    stays, (warning,) = look(lasting(RULE.warning_margin_days - 1))
    assert stays is None
    assert "vence em 44 dias" in warning
    assert "./implanta environment certificate timoteo-producao --file" in warning
    stays, (warning, *_) = look(make_site(hosts=["outro.example"]))
    assert stays is None
    assert "tem problemas" in warning
    assert look(lasting(-1))[0] == "o que a prefeitura trouxe venceu em 23/11/2026"
    assert certificate_warnings("x", "internal", verdict_of(lasting(1)), now=NOW, rule=RULE) == ()


def test_a_margin_as_long_as_the_validity_is_refused() -> None:
    with pytest.raises(ValidationError, match="é renovar já"):
        CertificateRule.model_validate(RULE.model_dump() | {"validity_days": 30, "renewal_margin_days": 30})


def test_the_key_is_in_no_verdict_and_no_error() -> None:
    locked = ec_key("site").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode()
    verdict = judge(SITE, MIDDLE, key=SecretStr(locked))
    assert verdict.flaws == {Flaw.KEY_MISMATCH}
    assert locked.splitlines()[1] not in repr(verdict)


def test_anchors_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="não é uma cadeia de certificados PEM"):
        judge(SITE, MIDDLE, anchors=[])
