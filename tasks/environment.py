"""The parts of an environment, each converged on its own real system."""

from concurrent.futures import ThreadPoolExecutor

from blocks.directory import Directory
from blocks.dump_loader import load_dump
from blocks.reference import find_reference, read_releases
from blocks.runtime import ApplicationRuntime, Configuration, ScheduledTask
from blocks.secrets import EnvironmentSecrets
from blocks.settings import load_settings
from blocks.sip import DirectoryServer
from domain.change import Change
from domain.environment import EnvironmentName, Purpose, orgao_description, orgao_sigla
from domain.errors import IntegrityError, InvalidInputError
from registry.records import EnvironmentRecord
from tasks import doors
from tasks.instance import Instance, load_instance
from tasks.live import is_open
from tasks.measure import ensure_measured
from tasks.prefect_errors import explaining_prefect
from tasks.step import step

MAINTENANCE_MESSAGE = "Ambiente em manutenção: a entrada em produção ainda não foi aprovada."


@step("registro do ambiente")
def ensure_environment_record(environment: str, release: str | None) -> Change:
    """Enter the environment in the registry, with every name that derives from its own.

    An environment that exists keeps its release, whatever is asked for: upgrades have a flow of their own.
    """
    name = EnvironmentName.parse(environment)
    municipality = doors.registry().find_municipality(name.municipality)
    records = doors.registry().list_environments(municipality.ibge)
    known = next((record for record in records if record.slug == environment), None)
    version = known.release_version if known else release or read_releases().default
    return doors.registry().ensure_environment(
        EnvironmentRecord(
            slug=name.slug,
            ibge=municipality.ibge,
            purpose=name.purpose.value,
            release_version=version,
            hostname=doors.runtime().address(name).host,
            database_server=known.database_server if known else doors.MAIN,
            database_sei=name.database_sei,
            database_sip=name.database_sip,
            directory_ou=name.ou,
            bucket=name.bucket,
            orgao_sigla=known.orgao_sigla if known else orgao_sigla(municipality),
        )
    )


@step("segredos")
def ensure_secrets(environment: str) -> Change:
    """Make the environment's secrets once; whatever was made stays, or running systems would lose their keys."""
    try:
        doors.environment_secrets(environment)
    except InvalidInputError:
        with explaining_prefect(load_settings().prefect_api_url):
            EnvironmentSecrets.generate().save(environment)
        return Change(created=1)
    return Change(unchanged=1)


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
        loads = [
            pool.submit(
                load_dump,
                dump,
                host=server.host,
                port=server.port,
                user=server.user,
                password=server.password,
                database=database,
                ca_file=server.ca_file,
            )
            for database, dump in targets.items()
        ]
        for load in loads:
            load.result()
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
    """Give the application its own account on its two schemas."""
    instance = load_instance(environment)
    secrets = doors.environment_secrets(environment)
    return instance.server.ensure_application_user(instance.name, secrets.database_password)


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
    return instance.sip.ensure_addresses(doors.runtime().url(instance.name))


@step("parâmetros")
def ensure_parameters(environment: str) -> Change:
    """Set the mail addresses, under the parameter names of both version lines."""
    instance = load_instance(environment)
    sender = doors.mailer().sender
    return instance.sei.ensure_parameters(
        {
            "SEI_EMAIL_SISTEMA": sender,
            "SEI_EMAIL_ADMINISTRADOR": sender,
            "SEI_SUFIXO_EMAIL": f".{instance.municipality.uf.lower()}.gov.br",
        }
    ) + instance.sip.ensure_parameters(
        {
            "SIP_EMAIL_SISTEMA": sender,
            "SIP_EMAIL_ADMINISTRADOR": sender,
            "EMAIL_SISTEMA": sender,  # SIP 3.0's names
            "EMAIL_ADMINISTRADOR": sender,
        }
    )


@step("árvore LDAP")
def ensure_directory(environment: str) -> Change:
    """Create the environment's subtree in the directory, with its own search account."""
    secrets = doors.environment_secrets(environment)
    return doors.directory().ensure_environment(EnvironmentName.parse(environment), secrets.directory_password)


@step("autenticação LDAP")
def ensure_authentication(environment: str) -> Change:
    """Make SIP check passwords in that subtree."""
    instance = load_instance(environment)
    directory: Directory = doors.directory()
    return instance.sip.ensure_directory_authentication(
        DirectoryServer(
            name=environment,
            host=directory.host,
            port=directory.port,
            search_dn=directory.search_dn(instance.name),
            search_password=doors.environment_secrets(environment).directory_password,
            people_dn=directory.people_dn(instance.name),
        )
    )


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
    """Switch on the heartbeat of both schedulers and SIP's replication into SEI."""
    instance = load_instance(environment)
    return instance.sip.ensure_scheduled(ScheduledTask) + instance.sei.ensure_scheduled([ScheduledTask.HEARTBEAT])


@step("armazenamento")
def ensure_bucket(environment: str) -> Change:
    """Create the environment's bucket."""
    return doors.object_storage().ensure_bucket(EnvironmentName.parse(environment).bucket)


@step("aplicação")
def ensure_application(environment: str) -> Change:
    """Configure and start the application: production in maintenance until go-live opens it, the others open."""
    instance = load_instance(environment)
    application = doors.runtime()
    closed = instance.name.purpose is Purpose.PRODUCAO and not is_open(instance)
    change = application.apply(instance.name, configuration(instance, application, maintenance=closed))
    return change + application.start(instance.name)


def configuration(instance: Instance, application: ApplicationRuntime, *, maintenance: bool) -> Configuration:
    """The groups and keys of ConfiguracaoSEI.php and ConfiguracaoSip.php (`sei.md` 1.2) for one environment."""
    secrets = doors.environment_secrets(instance.name.slug)
    mail = doors.mailer()
    sigla = instance.record.orgao_sigla

    def session(system: str, key: str) -> dict[str, str]:
        return {"SiglaOrgaoSistema": sigla, "SiglaSistema": system, "ChaveAcesso": key}

    def database(schema: str) -> dict[str, str | int]:
        return {
            "Servidor": instance.server.host,
            "Porta": instance.server.port,
            "Banco": schema,
            "Usuario": instance.name.database_user,
            "Senha": secrets.database_password.get_secret_value(),
        }

    is_production = instance.name.purpose is Purpose.PRODUCAO
    return {
        "SEI": {
            "URL": application.url(instance.name),
            "Producao": is_production,
            "RepositorioArquivos": application.repository_path(instance.name),
        },
        "SessaoSEI": {**session("SEI", secrets.sei_access_key.get_secret_value())},
        "SessaoSip": {**session("SIP", secrets.sip_access_key.get_secret_value())},
        "BancoSEI": {**database(instance.name.database_sei)},
        "BancoSip": {**database(instance.name.database_sip)},
        "InfraMail": {
            "Servidor": mail.host,
            "Porta": mail.port,
            # Outside production every message goes to one box, or a trainee's exercise would reach citizens.
            "Protegido": "" if is_production else mail.sender,
        },
        "Manutencao": {"Ativada": maintenance, "Mensagem": MAINTENANCE_MESSAGE},
    }
