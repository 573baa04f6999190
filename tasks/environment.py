"""The parts of an environment, each converged on its own real system."""

from concurrent.futures import ThreadPoolExecutor

from prefect.exceptions import ObjectAlreadyExists

from blocks.catalog import Catalog
from blocks.dump_loader import load_dump
from blocks.reference import find_reference
from blocks.rehearsal import is_rehearsal
from blocks.secrets import EnvironmentSecrets
from blocks.settings import load_settings
from domain.change import Change
from domain.document_model.memory import Memory
from domain.environment import EnvironmentName, Purpose, orgao_description, orgao_sigla
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.parameter import parameter_values
from domain.retirement import require_active, retirement_of
from domain.upgrade.release import ReleaseKind
from registry.records import EnvironmentRecord
from tasks import doors
from tasks.capacity import place, size_of
from tasks.configuration import apply_application, authentication
from tasks.instance import Instance, happenings, is_copy, load_instance
from tasks.live import has_gone_live, is_open
from tasks.measure import ensure_measured
from tasks.prefect_errors import explaining_prefect
from tasks.restoration import require_whole
from tasks.step import step
from tasks.threads import begin

PLACEMENT_WAIT_SECONDS = 60


@step("registro do ambiente")
def ensure_environment_record(environment: str, release: str | None) -> Change:
    """Enter the environment in the registry, with every name that derives from its own.

    An environment that exists keeps its release, whatever is asked for: upgrades have a flow of their own.
    """
    name = EnvironmentName.parse(environment)
    municipality = doors.registry().find_municipality(name.municipality)
    require_active(name, retirement_of(happenings(municipality.ibge, environment)))
    # Two environments that are placed at once would not see each other, and both take the last place.
    with doors.registry().lock("colocação em servidor de banco", wait_seconds=PLACEMENT_WAIT_SECONDS):
        records = doors.registry().list_environments(municipality.ibge)
        known = next((record for record in records if record.slug == environment), None)
        if known:
            require_whole(load_instance(environment))  # or its application would be started
        version = known.release_version if known else _new_release(release)
        placement = place(name)
        change = doors.registry().ensure_environment(
            EnvironmentRecord(
                slug=name.slug,
                ibge=municipality.ibge,
                purpose=name.purpose.value,
                release_version=version,
                hostname=doors.edge().public_host(name),
                database_server=placement.server,
                database_sei=name.database_sei,
                database_sip=name.database_sip,
                directory_ou=name.ou,
                bucket=name.bucket,
                orgao_sigla=known.orgao_sigla if known else orgao_sigla(municipality),
            )
        )
    return change if known else change + Change(details=placement.reasons)


def _new_release(release: str | None) -> str:
    """The version that a new environment is of: a correction has no databases of its own to begin with."""
    releases = Catalog().releases()
    found = releases.find(release) if release else None
    if found is not None and found.kind is ReleaseKind.FIX:
        raise InvalidInputError(
            f"{release} é {found.kind.label}: um ambiente não nasce nela",
            "catalog/releases.yaml",
            f"Crie-o na {releases.default} e atualize-o com ./implanta upgrade run AMBIENTE --to {release}.",
        )
    return release or releases.default


@step("segredos")
def ensure_secrets(environment: str) -> Change:
    """Make the environment's secrets once; whatever was made stays, or running systems would lose their keys.

    A secret that an older version of Implanta did not know is added to the others.
    """
    try:
        saved = doors.environment_secrets(environment)
    except doors.NoBlockError:
        _save_secrets(environment, EnvironmentSecrets.generate(), first=True)
        return Change(created=1, details=("segredos do ambiente gerados",))
    whole, missing = saved.completed()
    if not missing:
        return Change(unchanged=1)
    _save_secrets(environment, whole)
    return Change(updated=1, details=tuple(f"segredo {name} gerado" for name in missing))


def _save_secrets(environment: str, wanted: EnvironmentSecrets, *, first: bool = False) -> None:
    if is_rehearsal():
        return
    with explaining_prefect(load_settings().prefect_api_url):
        try:
            wanted.save(environment, overwrite=not first)
        except ValueError as e:
            if not isinstance(e.__cause__, ObjectAlreadyExists):
                raise
            # Somebody else's are there by now, and systems run with them.
            raise RetryableError(
                "Os segredos do ambiente foram gerados por outra execução", environment, "Execute de novo."
            ) from None
    doors.forget_blocks()


@step("bancos de referência")
def ensure_databases(environment: str) -> Change:
    """Load the release's two reference databases, once.

    That the load came to its end is known from the registry alone. Before that, whatever half a load left behind is
    dropped and loaded anew, unless somebody already works in it.

    Raises:
        IntegrityError: the registry says that nothing was loaded, but the databases hold people's work.
    """
    instance = load_instance(environment)
    if instance.record.reference_digest is not None:
        return Change(unchanged=2)
    reference = find_reference(instance.record.release_version, load_settings().reference_dir)
    _refuse_if_in_use(instance)
    server = instance.server
    ensure_measured(server, reference)
    targets = {instance.name.database_sip: reference.sip, instance.name.database_sei: reference.sei}
    for database in targets:
        server.drop_database(database)
        server.ensure_database(database)
    with ThreadPoolExecutor(max_workers=len(targets)) as pool:
        loads = [begin(pool, load_dump, dump, server, database) for database, dump in targets.items()]
        for load in loads:
            load.result()
    # Before the load counts as done: what was applied to an earlier instance of this name is gone with it.
    doors.registry().remember_model(environment, Memory())
    doors.registry().ensure_environment(
        instance.record.model_copy(update={"reference_digest": reference.digest, "created_at": None})
    )
    return Change(created=2)


def _refuse_if_in_use(instance: Instance) -> None:
    present = instance.server.list_databases(instance.name.database_user + "_")
    if instance.name.database_sei not in present:
        return
    work = {table: count for table, count in instance.sei.count_work().items() if count}
    if work:
        counts = ", ".join(f"{count} em {table}" for table, count in work.items())
        raise IntegrityError(
            f"O registro diz que o ambiente ainda não foi carregado, mas o banco tem trabalho de pessoas: {counts}",
            instance.name.database_sei,
            "Nada foi apagado. Confira se o registro foi restaurado de uma cópia antiga antes de continuar.",
        )


@step("usuário de banco")
def ensure_database_account(environment: str) -> Change:
    """Give the application its own account on its two schemas, and upgrades a locked one."""
    instance = load_instance(environment)
    secrets = doors.environment_secrets(environment)
    if is_rehearsal():  # then nothing was added to what an older version saved
        secrets, _ = secrets.completed()
    if secrets.migration_password is None:
        raise IntegrityError(
            "A senha de migração do ambiente ainda não foi gerada",
            environment,
            "Execute a criação do ambiente de novo.",
        )
    return instance.server.ensure_application_user(
        instance.name, secrets.database_password, max_connections=size_of(instance).database_connections
    ) + instance.server.ensure_migration_user(instance.name, secrets.migration_password)


@step("identidade do órgão")
def ensure_orgao(environment: str) -> Change:
    """Make the órgão the prefeitura, in both databases."""
    instance = load_instance(environment)
    sigla, descricao = instance.record.orgao_sigla, orgao_description(instance.municipality)
    return instance.sip.ensure_orgao(sigla, descricao) + instance.sei.ensure_orgao(
        sigla, descricao, instance.municipality.ibge
    )


@step("chaves de acesso")
def ensure_access_keys(environment: str) -> Change:
    """Replace the published access keys by the environment's own."""
    return load_instance(environment).sip.ensure_access_keys(doors.environment_secrets(environment).access_keys())


@step("endereços")
def ensure_addresses(environment: str) -> Change:
    """Write the environment's public address into SIP."""
    instance = load_instance(environment)
    return instance.sip.ensure_addresses(doors.edge().url(instance.name))


@step("cidades")
def ensure_cities(environment: str) -> Change:
    """Insert the municipalities that the reference databases lack."""
    return load_instance(environment).sei.ensure_cities(Catalog().cities())


@step("parâmetros")
def ensure_parameters(environment: str) -> Change:
    """Set the parameters that the programme decides; those that it only begins with, until the prefeitura is live."""
    instance = load_instance(environment)
    table = Catalog().parameters()
    purpose, live = instance.name.purpose, has_gone_live(instance.municipality.ibge)
    facts = {
        "remetente": doors.mailer().sender,
        "uf": instance.municipality.uf.lower(),
        "upload_mb": str(size_of(instance).upload_mb),
    }
    return instance.sei.ensure_parameters(
        parameter_values(table.sei, purpose, facts, live=live)
    ) + instance.sip.ensure_parameters(parameter_values(table.sip, purpose, facts, live=live))


@step("árvore LDAP")
def ensure_directory(environment: str) -> Change:
    """Create the environment's subtree in the directory, with its own search account, behind the access rules."""
    name, password = EnvironmentName.parse(environment), doors.environment_secrets(environment).directory_password
    directory = doors.directory()
    change = directory.ensure_access_rules() + directory.ensure_environment(name, password)
    if not directory.manages_access:
        directory.check_access_rules(name, password)
    return change


@step("autenticação LDAP")
def ensure_authentication(environment: str) -> Change:
    """Make SIP check passwords in that subtree."""
    instance = load_instance(environment)
    return instance.sip.ensure_directory_authentication(authentication(instance.name))


@step("usuário de teste")
def ensure_test_user_disabled(environment: str) -> Change:
    """Take away the published test user's rights."""
    return load_instance(environment).sip.ensure_test_user_disabled()


@step("serviço de verificação")
def ensure_service(environment: str) -> Change:
    """Create the web-service account with which Implanta probes the instance."""
    instance = load_instance(environment)
    return instance.sei.ensure_service(doors.environment_secrets(environment).service_key)


@step("tarefas agendadas")
def ensure_schedules(environment: str) -> Change:
    """Set every task of both schedulers: heartbeats and SIP's replication on, the rest as the reference has it.

    In a neutralised copy of production the rest is off.
    """
    instance = load_instance(environment)
    table, version, in_copy = Catalog().schedules(), instance.record.release_version, is_copy(instance)
    sei, sip = ([rule.of(version, in_copy=in_copy) for rule in rules] for rules in (table.sei, table.sip))
    return instance.sip.ensure_schedules(sip) + instance.sei.ensure_schedules(sei)


@step("armazenamento")
def ensure_bucket(environment: str) -> Change:
    """Make the environment's bucket what the catalog declares for its purpose."""
    name = EnvironmentName.parse(environment)
    return doors.object_storage().ensure_bucket(
        name.bucket,
        Catalog().storage().buckets.of(name.purpose),
        tags={"municipio": name.municipality, "finalidade": name.purpose.value},
    )


@step("aplicação")
def ensure_application(environment: str) -> Change:
    """Configure and start the application: production in maintenance until go-live opens it, the others open."""
    instance = load_instance(environment)
    application = doors.runtime()
    closed = instance.name.purpose is Purpose.PRODUCAO and not is_open(instance)
    return apply_application(instance, application, maintenance=closed) + application.start(instance.name)
