"""The proof that an environment is what it should be, and the certificate with which it is delivered."""

from collections.abc import Sequence

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from blocks.catalog_file import CATALOG_DIR
from domain.change import Change
from domain.delivery import DeliveryCertificate, ServiceTime
from domain.environment import Purpose
from domain.errors import IntegrityError
from domain.report import StepResult, first_of
from domain.segregation import SegregationReport
from tasks import clock, doors
from tasks.capacity import size_of
from tasks.closing import closing_of
from tasks.instance import Instance, load_instance
from tasks.proof import Proof, prove
from tasks.sla import read_clock
from tasks.step import step

JSON_KEY = "entrega/certificado.json"
PAGE_KEY = "entrega/certificado.html"
DELIVERED = "environment.delivered"


@step("prova do ambiente")
def examine_environment(environment: str, segregation: SegregationReport) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was proved and what is wrong, as two lists of sentences; nothing is raised for a wrong environment."""
    instance = load_instance(environment)
    proof, closed = prove(instance, segregation), closing_of(instance)
    return (*_facts(proof), *((f"{closed.told}.",) if closed else ())), tuple(proof.problems)


@step("certificado")
def certify_environment(
    environment: str, steps: Sequence[StepResult], segregation: SegregationReport
) -> tuple[str, ...]:
    """Prove the environment, keep the certificate of delivery in its bucket, and say in sentences what was proved.

    A certificate that says the same as the one that is kept leaves that one in place.

    Raises:
        IntegrityError: something is not as it should be; the message names the first problems.
    """
    instance = load_instance(environment)
    proof = prove(instance, segregation)
    if proof.problems:
        raise IntegrityError(
            f"O ambiente não passou na certificação: {first_of(proof.problems)}",
            environment,
            "Corrija o que está apontado, confira com ./implanta environment verify e execute de novo.",
        )
    change = _keep(instance, _certificate(instance, proof, steps, segregation))
    kept = "emitido" if change.total else "já emitido, sem mudança"
    return (*_facts(proof), f"Certificado de entrega {kept}: {instance.name.bucket}/{PAGE_KEY}.")


def find_certificate(environment: str) -> DeliveryCertificate | None:
    """The certificate that is kept in the environment's bucket."""
    body = doors.object_storage().find_object(load_instance(environment).name.bucket, JSON_KEY)
    return DeliveryCertificate.model_validate_json(body) if body else None


def _facts(proof: Proof) -> tuple[str, ...]:
    return tuple(f"{check.title}: {check.evidence.removesuffix('.')}." for check in proof.checks)


def _certificate(
    instance: Instance, proof: Proof, steps: Sequence[StepResult], segregation: SegregationReport
) -> DeliveryCertificate:
    contract = doors.registry().contract(instance.municipality.ibge)
    return DeliveryCertificate(
        environment=instance.name.slug,
        municipality=f"{instance.municipality.name} ({instance.municipality.uf})",
        ibge=instance.municipality.ibge,
        purpose=instance.name.purpose.label,
        plan=contract.plan.label if contract else "",
        release=instance.record.release_version,
        url=doors.edge().url(instance.name),
        database_server=instance.record.database_server,
        names={
            "banco do SEI": instance.name.database_sei,
            "banco do SIP": instance.name.database_sip,
            "árvore LDAP": doors.directory().people_dn(instance.name),
            "balde S3": instance.name.bucket,
            "órgão": instance.record.orgao_sigla,
        },
        limits=size_of(instance).reasons,
        reference=proof.reference,
        checks=tuple(proof.checks),
        segregation=segregation.results,
        neighbour=segregation.neighbour,
        service_time=_service_time(instance),
        durations={result.name: round(result.seconds, 3) for result in steps},
        issued_at=clock.now(),
    )


def _service_time(instance: Instance) -> ServiceTime | None:
    """What the delivery took of the agreed time; only the training environment is what the clock runs for."""
    clock_status = read_clock(doors.registry(), instance.municipality)
    if clock_status is None or instance.name.purpose is not Purpose.TREINAMENTO:
        return None
    return ServiceTime(business_days=clock_status.elapsed_business_days, agreed=clock_status.agreed_business_days)


def _keep(instance: Instance, certificate: DeliveryCertificate) -> Change:
    kept = find_certificate(instance.name.slug)
    if kept is not None and kept.substance == certificate.substance:
        return Change(unchanged=1)
    page = (
        Environment(loader=FileSystemLoader(CATALOG_DIR / "templates"), undefined=StrictUndefined, autoescape=True)
        .get_template("certificado.html.j2")
        .render(certificado=certificate)
    )
    storage = doors.object_storage()
    # The certificate last: where it is found, its page and its event are there as well. A run that is killed in between
    # is followed by one that tells the same event, once: there is one for each certificate that follows another.
    storage.ensure_object(instance.name.bucket, PAGE_KEY, page.encode())
    before = f"{kept.issued_at:%Y%m%dT%H%M%S}" if kept else "primeiro"
    doors.registry().record_event(
        DELIVERED,
        ibge=instance.municipality.ibge,
        environment=instance.name.slug,
        actor="implanta",
        details={"substance": certificate.substance, "probes": len(certificate.segregation)},
        key=f"{DELIVERED}:{instance.name.slug}:{before}:{certificate.substance[:16]}",
    )
    storage.ensure_object(instance.name.bucket, JSON_KEY, certificate.model_dump_json(indent=2).encode())
    return Change(created=1) if kept is None else Change(updated=1)
