"""The environment's place at the edge: its public name, certificate, limits and maintenance page."""

from http import HTTPStatus

import httpx

from blocks.environment_certificate import EnvironmentCertificate
from blocks.http_client import NO_ANSWER, client_for
from blocks.rehearsal import is_rehearsal
from domain.change import Change
from domain.edge import Site, SiteLimits
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from tasks import doors
from tasks.capacity import size_of
from tasks.closing import closing_of
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
    """Serve the environment under its public name, behind the WAF; one that is closed to the public stays closed."""
    instance = load_instance(environment)
    if is_rehearsal() and doors.environment_certificate(environment) is None:
        return _without_certificate(instance, declared_site(instance.name))
    return _ensure(_site(instance, environment_certificate(environment)))


def _ensure(site: Site) -> Change:
    return doors.edge().ensure_site(site, keeping=("maintenance", "closed"))


def _without_certificate(instance: Instance, declared: Site | None) -> Change:
    """What would change in a rehearsal of the step before, which would issue one; whatever else differs is told too."""
    slug = instance.name.slug
    if declared is None:
        return Change(created=1, details=(f"site {slug}",))
    rest = _ensure(_site(instance, declared))
    return Change(updated=1, details=(*rest.details, f"site {slug}: certificado"))


@step("manutenção na borda")
def ensure_edge_maintenance(environment: str, *, active: bool) -> Change:
    """Let the edge answer for the application with its maintenance page, or let the application answer again.

    What an operator closed stays closed (`tasks.maintenance`). Nobody but the edge is asked: it has to close also while
    the registry is away.
    """
    return doors.edge().switch_site(EnvironmentName.parse(environment), maintenance=active)


@step("retirada da borda")
def remove_edge_site(environment: str) -> Change:
    """Serve the environment to nobody any more."""
    return doors.edge().remove_site(EnvironmentName.parse(environment))


def declared_site(name: EnvironmentName) -> Site | None:
    """What the edge has of the environment; None when it is not there, or its record cannot be read."""
    return next((site for site in doors.edge().list_sites() if site.environment == name), None)


def try_public_address(name: EnvironmentName) -> None:
    """See the sign-in page as the public does.

    Raises:
        RetryableError: nothing answers.
        IntegrityError: something else answers.
    """
    try:
        with client_for(doors.edge().address(name)) as client:
            answer = client.get("/sip/login.php", params={"sigla_sistema": "SEI"})
    except httpx.HTTPError as e:
        raise RetryableError(
            f"O endereço público não responde ({type(e).__name__})",
            doors.edge().url(name),
            "Confira a borda e o DNS e execute de novo.",
        ) from None
    if answer.status_code in NO_ANSWER:
        raise RetryableError(
            f"O endereço público não serve a página de entrada (HTTP {answer.status_code})",
            doors.edge().url(name),
            "Confira a borda e a aplicação e execute de novo.",
        )
    if answer.status_code != HTTPStatus.OK or "txtUsuario" not in answer.text:
        raise IntegrityError(
            f"A página de entrada não abre no endereço público (HTTP {answer.status_code})",
            doors.edge().url(name),
            "Veja os logs da borda e da aplicação e execute de novo.",
        )


def _site(instance: Instance, certificate: EnvironmentCertificate | Site) -> Site:
    application = doors.runtime().address(instance.name)
    size = size_of(instance)
    return Site(
        environment=instance.name,
        server_name=doors.edge().server_name(instance.name),
        upstream=application.connect_to,
        upstream_host=application.host,
        closed=closing_of(instance) is not None,  # for an edge that forgot it
        max_upload_mb=size.upload_mb + FORM_MARGIN_MB,
        limits=SiteLimits(
            requests_per_second=size.edge_requests_per_second,
            burst=size.edge_burst,
            connections=size.edge_connections,
        ),
        chain_pem=certificate.chain_pem,
        key_pem=certificate.key_pem,
    )
