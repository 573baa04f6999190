"""The steps of an environment's way out: closed, archived, revoked; destroyed only much later, and only when told."""

from collections.abc import Callable
from datetime import UTC, datetime

from prefect.artifacts import create_markdown_artifact
from slugify import slugify

from blocks.catalog import Catalog
from blocks.environment_certificate import EnvironmentCertificate
from blocks.packed_files import FileRepository
from blocks.rehearsal import is_rehearsal
from blocks.secrets import EnvironmentSecrets
from blocks.settings import load_settings
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import GateClosedError, InvalidInputError
from domain.retirement import (
    Milestone,
    PersonsDecision,
    RetirementReport,
    Standing,
    approvers,
    destruction_gate,
    judge_destruction,
    retirement_gate,
)
from tasks import clock, doors
from tasks.archive import last_proof, remember, require_archive_held, retirement_now
from tasks.configuration import apply_application
from tasks.dns import remove_public_name
from tasks.edge import remove_edge_site
from tasks.environment_copy import quarantine_of, repository_of
from tasks.instance import Instance, happenings, load_any_instance
from tasks.prefect_errors import explaining_prefect
from tasks.step import step
from tasks.storage import remove_storage_identity

RETIREMENT_MESSAGE = "Ambiente encerrado. Procure a administração do programa."

_BEFORE_EVERYTHING = datetime.min.replace(tzinfo=UTC)

NamedStep = tuple[str, Callable[[str], Change]]


@step("anúncio do encerramento")
def ensure_announced(environment: str) -> Change:
    """Begin the retirement that a person decided; from here on no other flow converges the environment.

    Raises:
        GateClosedError: nobody decided it, or the environment is already destroyed.
    """
    instance = load_any_instance(environment)
    retirement = retirement_now(instance)
    if retirement.standing is Standing.DESTROYED:
        raise GateClosedError("O ambiente já foi destruído", environment, "Não há o que encerrar.")
    if retirement.standing is not Standing.ACTIVE:
        return Change(unchanged=1)
    since = _last_reinstated(instance)
    decided = [decision for decision in _decisions(instance, retirement_gate(environment)) if decision.at > since]
    if not decided or not approvers(decided, since):
        raise GateClosedError(
            "Ninguém decidiu encerrar este ambiente",
            environment,
            f"Decida com ./implanta environment retire {environment} --name … --reason ….",
        )
    if not is_rehearsal():
        remember(instance, Milestone.ANNOUNCED, str(retirement.number))
    return Change(updated=1, details=("encerramento anunciado",))


def _last_reinstated(instance: Instance) -> datetime:
    """When the last retirement was taken back: decisions from before then are spent."""
    past = happenings(instance.municipality.ibge, instance.name.slug)
    return max((event.at for event in past if event.milestone is Milestone.REINSTATED), default=_BEFORE_EVERYTHING)


@step("aplicação fechada")
def ensure_closed(environment: str) -> Change:
    """Put the application into maintenance and stop it, its scheduler with it."""
    instance = load_any_instance(environment)
    application = doors.runtime()
    change = apply_application(instance, application, maintenance=True, message=RETIREMENT_MESSAGE)
    return change + application.stop(instance.name)


@step("contas de banco revogadas")
def ensure_database_revoked(environment: str) -> Change:
    """Take the environment's database accounts away."""
    instance = load_any_instance(environment)
    return instance.server.remove_accounts(instance.name)


@step("contas LDAP bloqueadas")
def ensure_directory_revoked(environment: str) -> Change:
    """Lock the search account and everybody's account; the subtree stays until the destruction."""
    return doors.directory().ensure_locked(EnvironmentName.parse(environment))


# What a retirement takes away, in this order; each is convergent, and none needs the one before it.
REVOCATIONS: tuple[NamedStep, ...] = (
    ("contas de banco", ensure_database_revoked),
    ("contas LDAP", ensure_directory_revoked),
    ("chave do S3", remove_storage_identity),
    ("nome público", remove_public_name),
    ("borda", remove_edge_site),
)


@step("encerramento concluído")
def finish_retirement(environment: str) -> Change:
    """Tell the registry that the environment is retired: its retention runs from now on."""
    instance = load_any_instance(environment)
    retirement = retirement_now(instance)
    if retirement.standing is Standing.RETIRED:
        return Change(unchanged=1)
    if is_rehearsal():
        return Change(updated=1, details=("ambiente encerrado",))
    require_archive_held(instance, retirement)
    remember(instance, Milestone.RETIRED, str(retirement.number))
    return Change(updated=1, details=("ambiente encerrado",))


@step("confirmação da destruição")
def require_destruction(environment: str, confirmation: str) -> None:
    """Let the destruction begin only when everything allows it.

    Raises:
        InvalidInputError: what was typed is not the environment's name.
        GateClosedError: not retired, within the retention, or without the persons that it needs.
        IntegrityError: the archive is not proved, not whole, or not held.
    """
    if confirmation != environment:
        raise InvalidInputError(
            "A confirmação não é o nome do ambiente", environment, f"Digite exatamente {environment} em --confirm."
        )
    instance = load_any_instance(environment)
    retirement = retirement_now(instance)
    if retirement.standing is Standing.DESTROYED:
        return
    problems = judge_destruction(
        instance.name,
        retirement,
        _decisions(instance, destruction_gate(environment)),
        Catalog().retention().terms[instance.name.purpose],
        clock.now(),
    )
    if problems:
        raise GateClosedError(
            f"Os dados ainda não podem ser destruídos: {'; '.join(problems)}",
            environment,
            "Nada foi apagado. Espere o prazo, ou registre a decisão que falta com ./implanta environment destroy.",
        )
    require_archive_held(instance, retirement)


def _decisions(instance: Instance, gate: str) -> list[PersonsDecision]:
    return [
        PersonsDecision(name=decision.name, approves=decision.decision == "approve", at=decision.decided_at)
        for decision in doors.registry().decisions(instance.municipality.ibge, gate)
    ]


@step("aplicação removida")
def drop_application(environment: str) -> Change:
    """Forget the application and its configuration."""
    return doors.runtime().remove(EnvironmentName.parse(environment))


@step("bancos destruídos")
def drop_databases(environment: str) -> Change:
    """Drop both schemas, and whatever account still has rights on them."""
    instance = load_any_instance(environment)
    change = instance.server.remove_accounts(instance.name)
    for schema in (instance.name.database_sei, instance.name.database_sip):
        change += instance.server.drop_database(schema)
    return change


@step("árvore LDAP destruída")
def drop_directory(environment: str) -> Change:
    """Remove the environment's subtree."""
    return doors.directory().remove_environment(EnvironmentName.parse(environment))


@step("armazenamento destruído")
def drop_bucket(environment: str) -> Change:
    """Remove the environment's bucket; the archive has a bucket of its own, and stays.

    Raises:
        IntegrityError: a version in it is still under retention or legal hold.
    """
    return doors.object_storage().remove_bucket(EnvironmentName.parse(environment).bucket)


@step("arquivos destruídos")
def drop_repository(environment: str) -> Change:
    """Remove the file repository, and what restorations put aside beside it."""
    instance = load_any_instance(environment)
    return repository_of(instance).remove() + FileRepository(quarantine_of(instance)).remove()


@step("segredos destruídos")
def drop_secrets(environment: str) -> Change:
    """Forget the environment's secrets; the key of its archive stays, as long as the archive."""
    if doors.find_block(EnvironmentSecrets, environment) is None:
        return Change(unchanged=1)
    if not is_rehearsal():
        with explaining_prefect(load_settings().prefect_api_url):
            EnvironmentSecrets.delete(environment)
    return Change(removed=1, details=("segredos do ambiente",))


@step("certificado destruído")
def drop_certificate(environment: str) -> Change:
    """Forget the environment's certificate with its key."""
    if doors.environment_certificate(environment) is None:
        return Change(unchanged=1)
    if not is_rehearsal():
        with explaining_prefect(load_settings().prefect_api_url):
            EnvironmentCertificate.delete(environment)
    return Change(removed=1, details=("certificado do ambiente",))


# What a destruction removes, in this order: first what may still refuse, then what serves people, and last what still
# tells who they were.
DESTRUCTIONS: tuple[NamedStep, ...] = (
    ("armazenamento", drop_bucket),
    ("aplicação", drop_application),
    ("bancos", drop_databases),
    ("árvore LDAP", drop_directory),
    ("repositório de arquivos", drop_repository),
    ("certificado TLS", drop_certificate),
    ("segredos", drop_secrets),
)


@step("destruição concluída")
def finish_destruction(environment: str) -> Change:
    """Tell the registry that nothing but the archive is left."""
    instance = load_any_instance(environment)
    retirement = retirement_now(instance)
    if retirement.standing is Standing.DESTROYED:
        return Change(unchanged=1)
    if not is_rehearsal():
        remember(instance, Milestone.DESTROYED, str(retirement.number))
    return Change(updated=1, details=("ambiente destruído",))


@step("encerramento desfeito")
def ensure_reinstated(environment: str) -> Change:
    """Take a retirement back: people's accounts open again; `create_environment` then converges everything else.

    Raises:
        GateClosedError: the data are destroyed.
    """
    instance = load_any_instance(environment)
    retirement = retirement_now(instance)
    if retirement.standing is Standing.DESTROYED:
        raise GateClosedError(
            "Os dados do ambiente foram destruídos", environment, "Restaure o arquivo final em outro ambiente."
        )
    if retirement.standing is Standing.ACTIVE:
        return Change(unchanged=1)
    change = doors.directory().ensure_unlocked(instance.name)
    if not is_rehearsal():
        remember(instance, Milestone.REINSTATED, str(retirement.number))
    return change + Change(updated=1, details=("encerramento desfeito",))


@step("resultado do encerramento")
def publish_retirement(environment: str, steps: dict[str, Change]) -> RetirementReport:
    """Publish what the run did and what is now known of the environment."""
    instance = load_any_instance(environment)
    retirement = retirement_now(instance)
    facts = [f"O ambiente está {retirement.standing.label}."]
    proof = last_proof(instance)
    if proof is not None and retirement.archive is not None:
        facts += proof.sentences()
    if retirement.standing is Standing.RETIRED and retirement.retired_at is not None:
        terms = Catalog().retention().terms[instance.name.purpose]
        facts.append(
            f"Os dados ficam até {terms.destruction_allowed_from(retirement.retired_at):%d/%m/%Y};"
            " depois disso, só uma confirmação digitada os destrói."
        )
    report = RetirementReport(environment=environment, standing=retirement.standing, steps=steps, facts=tuple(facts))
    _publish(report)
    return report


def _publish(report: RetirementReport) -> None:
    lines = [f"# {report.environment}: {report.standing.label}", "", "| Passo | Resultado |", "|---|---|"]
    lines += [f"| {name} | {change} |" for name, change in report.steps.items()]
    lines += ["", *(f"- {fact}" for fact in report.facts)]
    with explaining_prefect(load_settings().prefect_api_url):
        create_markdown_artifact(
            key=slugify(f"encerramento {report.environment}"), markdown="\n".join(lines), description=lines[0][2:]
        )
