"""The certificate of each environment's address: issued, renewed, brought by the prefeitura, and told."""

from collections.abc import Sequence
from datetime import date

from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run

from blocks.acme_issuer import AcmeIssuer
from blocks.catalog import Catalog
from blocks.certificate_authority import CertificateIssuer, read_anchors, system_anchors
from blocks.environment_certificate import EnvironmentCertificate
from blocks.nginx_edge import NginxEdge
from blocks.rehearsal import is_rehearsal
from blocks.settings import load_settings
from domain.calendar import local_day
from domain.certificate import (
    SOURCE_LABELS,
    IssuedCertificate,
    Source,
    Verdict,
    judge_certificate,
    served_certificate,
)
from domain.certificate_renewal import (
    CERTIFICATE_ISSUED,
    Renewal,
    RenewalReport,
    certificate_warnings,
    reason_to_replace,
)
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError
from tasks import doors
from tasks.clock import now
from tasks.edge import ensure_edge_site, environment_certificate
from tasks.history import ACTOR
from tasks.prefect_errors import explaining_prefect
from tasks.step import step

# Another run that issues for the same environment is done, or has failed, within this time.
LOCK_WAIT_SECONDS = 180


@step("certificado TLS")
def ensure_certificate(environment: str) -> Change:
    """Give the environment a certificate that is valid for its address, and replace it before it expires.

    One that the prefeitura brought is replaced only after it expired. Nothing is published here.
    """
    return _converge(environment)


@step("renovação do certificado")
def renew_certificate(environment: str) -> Renewal:
    """Renew one environment's certificate when it is due, and see to it that the edge serves it.

    The edge is asked every time: a run killed between the two heals at the next one.
    """
    change = _converge(environment) + publish_certificate(environment)
    saved = environment_certificate(environment)
    return Renewal(
        environment=environment,
        source=saved.source,
        certificate=served_certificate(saved.chain_pem),
        change=change,
        warnings=_warnings(environment, saved),
    )


def publish_certificate(environment: str) -> Change:
    """Let the edge serve the certificate, without downtime."""
    return ensure_edge_site.fn(environment)


def bring_certificate(environment: str, brought: IssuedCertificate) -> Change:
    """Keep a certificate that the prefeitura brought, once it is proved to fit the environment's address.

    Raises:
        InvalidInputError: it may not be served; the message names every problem.
    """
    verdict = _judge(environment, "brought", brought)
    if verdict.problems:
        raise InvalidInputError(
            f"O certificado não serve: {verdict}", environment, "Peça à prefeitura o arquivo correto e tente de novo."
        )
    with doors.registry().lock(_lock_name(environment), wait_seconds=LOCK_WAIT_SECONDS):
        saved = doors.environment_certificate(environment)
        if saved is not None and _is_same(saved, brought):
            _remember(environment, saved)
            return Change(unchanged=1)
        detail = f"certificado de {_hosts(environment)[0]}: trazido pela prefeitura"
        if not is_rehearsal():
            _save(environment, "brought", brought)
    return Change(
        created=int(saved is None),
        updated=int(saved is not None),
        details=(detail,),
    )


def certificate_facts(environment: str) -> tuple[str, ...]:
    """Sentences for a stage's report: until when the certificate is valid, and what the prefeitura must be told."""
    if is_rehearsal() and doors.environment_certificate(environment) is None:
        return ()
    saved = environment_certificate(environment)
    certificate = served_certificate(saved.chain_pem)
    return (
        f"Certificado TLS ({SOURCE_LABELS[saved.source]}) válido até {local_day(certificate.not_after):%d/%m/%Y}.",
        *(f"{warning}." for warning in _warnings(environment, saved)),
    )


def certificate_problems(environment: str) -> list[str]:
    """Why the certificate that the environment has may not be served; empty when it may."""
    saved = doors.environment_certificate(environment)
    if saved is None:
        return ["o ambiente não tem certificado TLS"]
    return [str(problem) for problem in _judge(environment, saved.source, _as_issued(saved)).problems]


def environments_to_renew(wanted: Sequence[str] | None) -> list[str]:
    """The given environments, or every one whose creation came as far as its databases."""
    if wanted is not None:
        return list(wanted)
    records = doors.registry().list_environments()
    return [record.slug for record in records if record.reference_digest is not None]


@step("resultado da renovação")
def publish_renewals(day: date, report: RenewalReport) -> None:
    """Publish the table of the whole fleet."""
    with explaining_prefect(load_settings().prefect_api_url):
        create_markdown_artifact(
            key="renovacao-de-certificados", markdown=report.markdown(), description=f"Certificados em {day:%d/%m/%Y}"
        )


def _converge(environment: str) -> Change:
    saved = doors.environment_certificate(environment)
    reason = _reason(environment, saved)
    if reason is None:
        assert saved is not None  # noqa: S101  # the lack of one is a reason
        _remember(environment, saved)
        return Change(unchanged=1)
    change = Change(
        created=int(saved is None),
        updated=int(saved is not None),
        details=(f"certificado de {_hosts(environment)[0]}: {reason}",),
    )
    if is_rehearsal():
        return change
    with doors.registry().lock(_lock_name(environment), wait_seconds=LOCK_WAIT_SECONDS):
        # Another run may have issued it while this one waited; a second order would count against ACME's limits.
        if _reason(environment, doors.environment_certificate(environment)) is None:
            return Change(unchanged=1)
        _issue(environment)
    return change


def _require_published(issuer: CertificateIssuer) -> None:
    """Refuse before an order, which counts against an authority's limits, what it would not find at the edge."""
    edge = doors.edge()
    if not isinstance(issuer, AcmeIssuer) or not isinstance(edge, NginxEdge):
        return
    published = edge.challenge_dir
    if published not in {None, issuer.challenge_dir}:  # None: something else answers for it at port 80
        raise InvalidInputError(
            f"A borda publica os desafios ACME de {published}, e a autoridade os espera em {issuer.challenge_dir}",
            "blocos da borda e da autoridade",
            "Dê aos dois o mesmo challenge_dir.",
        )


def _issue(environment: str) -> None:
    issuer = doors.certificate_issuer()
    _require_published(issuer)
    made = issuer.issue(_hosts(environment), Catalog().certificates(), now())
    verdict = _judge(environment, issuer.source, made)
    if verdict.problems:
        raise IntegrityError(
            f"O certificado recém-emitido não serve: {verdict}",
            environment,
            "O anterior continua em uso. Confira o bloco da autoridade certificadora.",
        )
    _save(environment, issuer.source, made)


def _save(environment: str, source: Source, made: IssuedCertificate) -> None:
    saved = EnvironmentCertificate(chain_pem=made.chain_pem, key_pem=made.key_pem, source=source, issued_at=now())
    with explaining_prefect(load_settings().prefect_api_url):
        saved.save(environment, overwrite=True)
    _remember(environment, saved)


def _remember(environment: str, saved: EnvironmentCertificate) -> None:
    """Tell the registry, once, which certificate the environment has; after a kill the next run tells it."""
    if is_rehearsal():
        return
    certificate = served_certificate(saved.chain_pem)
    doors.registry().record_event(
        CERTIFICATE_ISSUED,
        ibge=doors.registry().find_municipality(EnvironmentName.parse(environment).municipality).ibge,
        environment=environment,
        actor=ACTOR,
        flow_run_id=flow_run.id,
        details={
            "fingerprint": certificate.fingerprint,
            "not_after": certificate.not_after.isoformat(),
            "source": saved.source,
        },
        key=f"{CERTIFICATE_ISSUED}:{environment}:{saved.issued_at:%Y%m%dT%H%M%S.%f}",
        occurred_at=saved.issued_at,
    )


def _reason(environment: str, saved: EnvironmentCertificate | None) -> str | None:
    if saved is None:
        return "emitido"
    verdict = _judge(environment, saved.source, _as_issued(saved))
    reason = reason_to_replace(saved.source, verdict, now=now(), rule=Catalog().certificates())
    return f"trocado, porque {reason[0].lower()}{reason[1:]}" if reason else None


def _warnings(environment: str, saved: EnvironmentCertificate) -> tuple[str, ...]:
    if saved.source != "brought":
        return ()
    verdict = _judge(environment, saved.source, _as_issued(saved))
    return certificate_warnings(environment, saved.source, verdict, now=now(), rule=Catalog().certificates())


def _judge(environment: str, source: Source, made: IssuedCertificate) -> Verdict:
    return judge_certificate(
        made.chain_pem,
        hosts=_hosts(environment),
        anchors_pem=_anchors(source),
        now=now(),
        key_pem=made.key_pem,
    )


def _anchors(source: Source) -> str:
    """What we issue must end at the authority of today's settings; what is brought, at any root that is trusted."""
    issuer = doors.certificate_issuer().trust_anchors()
    if source != "brought":
        return issuer
    configured = load_settings().certificate_anchors
    return "\n".join([system_anchors(), issuer, *([read_anchors(configured)] if configured else [])])


def _hosts(environment: str) -> tuple[str, ...]:
    """The host names to certify."""
    return (doors.edge().server_name(EnvironmentName.parse(environment)),)


def _as_issued(saved: EnvironmentCertificate) -> IssuedCertificate:
    return IssuedCertificate(chain_pem=saved.chain_pem, key_pem=saved.key_pem)


def _is_same(saved: EnvironmentCertificate, brought: IssuedCertificate) -> bool:
    return (saved.source, saved.chain_pem, saved.key_pem) == ("brought", brought.chain_pem, brought.key_pem)


def _lock_name(environment: str) -> str:
    return f"certificado:{environment}"
