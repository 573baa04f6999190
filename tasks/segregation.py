"""The account with which Implanta signs in, and the proof that one environment cannot reach another."""

from sqlalchemy.engine import make_url

from blocks.probes.files import probe_files
from blocks.probes.http import WebTenant, probe_hidden_paths, probe_http
from blocks.probes.ldap import probe_ldap
from blocks.probes.s3 import probe_s3
from blocks.probes.sql import probe_foreign_server, probe_migration_account, probe_sql
from blocks.runtime import ScheduledTask
from blocks.settings import load_settings
from domain.change import Change
from domain.errors import IntegrityError
from domain.person import TECHNICAL_LOGIN
from domain.segregation import ProbeResult, SegregationReport, Way
from tasks import clock, doors
from tasks.edge import declared_site
from tasks.instance import Instance, load_instance
from tasks.step import step

TECHNICAL_NAME = "Implanta (conta técnica)"


@step("conta técnica")
def ensure_technical_account(environment: str) -> Change:
    """The account that proves that signing in works: in the directory, in SIP, and by replication in SEI."""
    instance = load_instance(environment)
    password = doors.environment_secrets(environment).probe_password
    if password is None:
        raise IntegrityError(
            "A senha da conta técnica ainda não foi gerada", environment, "Execute a criação do ambiente de novo."
        )
    change = doors.directory().ensure_technical_account(instance.name, TECHNICAL_LOGIN, password)
    change += instance.users.ensure_technical_user(TECHNICAL_LOGIN, TECHNICAL_NAME, clock.today())
    if change.total or not instance.users.is_replicated(TECHNICAL_LOGIN):
        change += doors.runtime().run_scheduled(instance.name, ScheduledTask.REPLICATE_USERS)
    return change


@step("segregação")
def probe_segregation(environment: str, neighbour: str | None) -> SegregationReport:
    """Try, as one environment, to reach another by every way in; what is found is judged by the caller.

    A session in the application is tried only between two that are open to users: in maintenance nobody comes in, and
    a refusal would prove nothing.

    Raises:
        RetryableError: a system did not answer, so nothing can be said.
    """
    tenant = load_instance(environment)
    victim = load_instance(neighbour) if neighbour else None
    secrets = doors.environment_secrets(environment)
    victim_name = victim.name if victim else None
    registry_schema = make_url(load_settings().registry_url.get_secret_value()).database or ""
    results: list[ProbeResult] = []
    if victim is None or victim.record.database_server == tenant.record.database_server:
        sql_victim = victim_name
    else:
        sql_victim = None  # on another server, which does not even know the account
    results += probe_sql(tenant.server, tenant.name, secrets.database_password, sql_victim, registry_schema)
    if victim is not None and sql_victim is None:
        results += probe_foreign_server(victim.server, tenant.name, secrets.database_password, victim.name)
    if secrets.migration_password is None:
        results.append(_cannot_try(Way.SQL, "a senha da conta de migração"))
    else:
        results += probe_migration_account(
            tenant.server, tenant.name, tenant.name.database_migration_user, secrets.migration_password
        )
    victim_password = doors.environment_secrets(neighbour).directory_password if neighbour else None
    results += probe_ldap(doors.directory(), tenant.name, secrets.directory_password, victim_name, victim_password)
    if secrets.s3_access_key is None or secrets.s3_secret_key is None:
        results.append(_cannot_try(Way.S3, "a chave do S3"))
    else:
        storage = doors.object_storage().as_identity(secrets.s3_access_key, secrets.s3_secret_key)
        results += probe_s3(storage, tenant.name, victim_name)
    results += probe_files(doors.runtime(), tenant.name, victim_name)
    if secrets.probe_password is None:
        results.append(_cannot_try(Way.HTTP, "a senha da conta técnica"))
    results += _probe_web(tenant, victim)
    return SegregationReport(environment=environment, neighbour=neighbour, results=tuple(results))


def _cannot_try(way: Way, what: str) -> ProbeResult:
    """What was not tried proves nothing, and is told so instead of being passed over."""
    return ProbeResult(
        way=way,
        title=f"usar {what}",
        got_through=False,
        evidence="não foi tentado: ela ainda não foi gerada",
        control=True,
    )


def _probe_web(tenant: Instance, victim: Instance | None) -> list[ProbeResult]:
    attacker = _web_tenant(tenant)
    defender = _web_tenant(victim) if victim else None
    if attacker is not None and defender is not None:
        return probe_http(attacker, defender)
    return probe_hidden_paths(doors.edge().address((victim or tenant).name))


def _web_tenant(instance: Instance) -> WebTenant | None:
    """The environment as the web sees it; None while nobody can sign in there."""
    site = declared_site(instance.name)
    if site is not None and site.shut:
        return None
    secrets = doors.environment_secrets(instance.name.slug)
    service_id = instance.sei.service_id()
    if secrets.probe_password is None or service_id is None or not doors.runtime().health(instance.name).serving:
        return None
    return WebTenant(
        public=doors.edge().address(instance.name),
        application=doors.runtime().address(instance.name),
        login=TECHNICAL_LOGIN,
        password=secrets.probe_password,
        service_key=secrets.service_key(service_id),
    )
