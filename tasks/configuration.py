"""What an environment's application is configured with, put together from every system that it uses."""

from collections.abc import Iterable

from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.mariadb import MariaDBServer
from blocks.runtime import ApplicationRuntime
from blocks.secrets import EnvironmentSecrets
from blocks.sip import DirectoryServer
from domain.change import Change
from domain.configuration import (
    Cache,
    Database,
    InstanceConfiguration,
    JodConverter,
    Mail,
    Maintenance,
    RepositoryQuota,
    Sei,
    SeiDatabaseGroup,
    SeiPages,
    Sip,
    Solr,
    SystemSession,
    solr_cores,
)
from domain.environment import EnvironmentName, Purpose
from domain.person import TECHNICAL_LOGIN
from domain.quota import GIGABYTE
from domain.runtime_resources import RuntimeResources, Workload
from tasks import doors
from tasks.capacity import size_of
from tasks.instance import Instance
from tasks.modules import installed_modules, modules_switched_on
from tasks.storage import repository_quota

# The port of discard (RFC 863), which no system of today opens.
_NOWHERE, _DISCARD_PORT = "127.0.0.1", 9
MAINTENANCE_MESSAGE = "Ambiente em manutenção: a entrada em produção ainda não foi aprovada."


def apply_application(
    instance: Instance, application: ApplicationRuntime, *, maintenance: bool, message: str = MAINTENANCE_MESSAGE
) -> Change:
    """Give the host the environment's configuration, release and sizes; `message` is what maintenance tells people."""
    secrets, modules = doors.environment_secrets(instance.name.slug), modules_switched_on(instance)
    made = configuration(instance, application, secrets, maintenance=maintenance, message=message, modules=modules)
    return application.apply(instance.name, made.groups(), workload(instance))


def workload(instance: Instance) -> Workload:
    """The release that the registry knows, with the installed modules, at the sizes of the contracted plan."""
    return Workload(
        release_version=instance.record.release_version,
        modules=installed_modules(instance),
        resources=_resources(instance),
    )


def _resources(instance: Instance) -> RuntimeResources:
    quota = repository_quota(instance)
    return RuntimeResources.of(size_of(instance), files_gb=max(1, quota.bytes // GIGABYTE))


def configuration(
    instance: Instance,
    application: ApplicationRuntime,
    secrets: EnvironmentSecrets,
    *,
    maintenance: bool,
    modules: Iterable[str],
    message: str = MAINTENANCE_MESSAGE,
) -> InstanceConfiguration:
    """Every group of ConfiguracaoSEI.php and ConfiguracaoSip.php (`sei.md` 1.2) for one environment.

    `modules` are the codes of those that are switched on, whose code the application has to have.
    """
    mailer = doors.mailer()
    services = application.services(instance.name)
    url = doors.edge().url(instance.name)
    quota = repository_quota(instance)
    is_production = instance.name.purpose is Purpose.PRODUCAO
    database = Database(
        server=instance.server.host,
        port=instance.server.port,
        name=instance.name.database_sip,
        user=instance.name.database_user,
        password=secrets.database_password,
    )
    session = SystemSession(
        sigla_orgao=instance.record.orgao_sigla,
        sigla_sistema="SEI",
        login_page=f"{url}/sip/login.php",
        sip_wsdl=f"{url}/sip/controlador_ws.php?servico=sip",
        access_key=secrets.sei_access_key,
        https=url.startswith("https:"),
    )
    return InstanceConfiguration(
        sei=Sei(
            url=f"{url}/sei",
            is_production=is_production,
            repository_path=application.repository_path(instance.name),
            modules=Catalog().modules().registrations(modules),
        ),
        sei_pages=SeiPages(complement=f"{instance.municipality.name} · {instance.name.purpose.label}"),
        sei_session=session,
        sei_database=SeiDatabaseGroup(
            **{**dict(database), "name": instance.name.database_sei},
        ),
        sip=Sip(url=f"{url}/sip", is_production=is_production),
        sip_session=session.model_copy(update={"sigla_sistema": "SIP", "access_key": secrets.sip_access_key}),
        sip_database=database,
        cache=Cache(server=services.memcached_host, port=services.memcached_port),
        maintenance=Maintenance(
            active=maintenance,
            # The test of use signs in before the prefeitura does.
            users=(f"{TECHNICAL_LOGIN}/{instance.record.orgao_sigla}",) if maintenance else (),
            message=message,
        ),
        limits=_resources(instance).limits,
        quota=RepositoryQuota(max_bytes=quota.bytes, max_files=quota.files),
        solr=Solr(
            server=services.solr_url,
            user=instance.name.slug,
            password=secrets.solr_password or SecretStr(""),
            **solr_cores(instance.name.slug),
        ),
        jod=JodConverter(server=services.jod_url),
        mail=Mail(
            server=mailer.host,
            port=mailer.port,
            security="TLS" if mailer.starttls else "",
            authenticates=mailer.user is not None,
            user=mailer.user or "",
            password=mailer.password or SecretStr(""),
            # Outside production every message goes to one box, or a trainee's exercise would reach citizens.
            protected_box="" if is_production else mailer.sender,
        ),
    )


def authentication(environment: EnvironmentName) -> DirectoryServer:
    """How an environment's SIP checks passwords: in the environment's own subtree, with its own search account."""
    directory = doors.directory()
    return DirectoryServer(
        name=environment.slug,
        host=directory.host,
        port=directory.port,
        search_dn=directory.search_dn(environment),
        search_password=doors.environment_secrets(environment.slug).directory_password,
        people_dn=directory.people_dn(environment),
    )


def copy_configuration(
    instance: Instance,
    application: ApplicationRuntime,
    server: MariaDBServer,
    own: EnvironmentSecrets,
    modules: Iterable[str] = (),
) -> InstanceConfiguration:
    """What a second instance of the application is configured with on a copy of the databases, on another server.

    `own` are secrets that only the copy has; modules, which talk to other systems, are off but for these. Of the
    environment's live servers it reaches the directory alone: mail, search and cache are addresses of this machine
    where nobody listens.
    """
    made = configuration(instance, application, own, maintenance=False, modules=modules)
    place = {"server": server.host, "port": server.port}
    return made.model_copy(
        update={
            "sei_database": made.sei_database.model_copy(update=place),
            "sip_database": made.sip_database.model_copy(update=place),
            "cache": Cache(server=_NOWHERE, port=_DISCARD_PORT),
            "solr": made.solr.model_copy(update={"server": f"http://{_NOWHERE}:{_DISCARD_PORT}/solr"}),
            "jod": JodConverter(server=f"http://{_NOWHERE}:{_DISCARD_PORT}/conversion"),
            "mail": Mail(server=_NOWHERE, port=_DISCARD_PORT, protected_box=doors.mailer().sender),
        }
    )
