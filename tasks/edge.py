"""The environment's place at the edge: its public name, certificate, limits and maintenance page."""

from blocks.environment_certificate import EnvironmentCertificate
from blocks.rehearsal import is_rehearsal
from domain.change import Change
from domain.edge import Site, SiteLimits
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from tasks import doors
from tasks.capacity import size_of
from tasks.instance import Instance, load_instance
from tasks.step import step

# A form has other fields beside the file (`sei.md` 1.1).
FORM_MARGIN_MB = 5


def environment_certificate(environment: str) -> EnvironmentCertificate:
    """The certificate to serve, with its key.

    Raises:
        InvalidInputError: the environment has none yet.
    """
    found = doors.environment_certificate(environment)
    if found is None:
        raise InvalidInputError(
            "O ambiente ainda não tem certificado", environment, "Execute a criação do ambiente de novo."
        )
    return found


@step("borda")
def ensure_edge_site(environment: str) -> Change:
    """Serve the environment under its public name, behind the WAF; one in maintenance stays in maintenance."""
    instance = load_instance(environment)
    declared = _declared(instance.name)
    if is_rehearsal() and doors.environment_certificate(environment) is None:
        return _without_certificate(instance, declared)
    maintenance = declared is not None and declared.maintenance
    return doors.edge().ensure_site(_site(instance, environment_certificate(environment), maintenance=maintenance))


def _without_certificate(instance: Instance, declared: Site | None) -> Change:
    """What would change in a rehearsal of the step before, which would issue one; whatever else differs is told too."""
    slug = instance.name.slug
    if declared is None:
        return Change(created=1, details=(f"site {slug}",))
    rest = doors.edge().ensure_site(_site(instance, declared, maintenance=declared.maintenance))
    return Change(updated=1, details=(*rest.details, f"site {slug}: certificado"))


@step("manutenção na borda")
def ensure_edge_maintenance(environment: str, *, active: bool) -> Change:
    """Let the edge answer for the application with its maintenance page, or let the application answer again."""
    return doors.edge().ensure_site(
        _site(load_instance(environment), environment_certificate(environment), maintenance=active)
    )


@step("retirada da borda")
def remove_edge_site(environment: str) -> Change:
    """Serve the environment to nobody any more."""
    return doors.edge().remove_site(EnvironmentName.parse(environment))


def _declared(name: EnvironmentName) -> Site | None:
    return next((site for site in doors.edge().list_sites() if site.environment == name), None)


def _site(instance: Instance, certificate: EnvironmentCertificate | Site, *, maintenance: bool) -> Site:
    application = doors.runtime().address(instance.name)
    size = size_of(instance)
    return Site(
        environment=instance.name,
        server_name=doors.edge().server_name(instance.name),
        upstream=application.connect_to,
        upstream_host=application.host,
        maintenance=maintenance,
        max_upload_mb=size.upload_mb + FORM_MARGIN_MB,
        limits=SiteLimits(
            requests_per_second=size.edge_requests_per_second,
            burst=size.edge_burst,
            connections=size.edge_connections,
        ),
        chain_pem=certificate.chain_pem,
        key_pem=certificate.key_pem,
    )
