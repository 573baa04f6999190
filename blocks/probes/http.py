"""What one environment's session, passwords and keys open at another's address."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import SecretStr

from blocks.http_client import NO_ANSWER, client_for
from blocks.probes.attempts import Attempt, RefusedError, try_all, try_password, unanswered
from blocks.runtime import ServiceAddress
from blocks.sei_browser import PROCESSES, SeiBrowser
from blocks.sei_services import SeiServices
from domain.access_key import AccessKey
from domain.errors import IntegrityError
from domain.model import Frozen
from domain.segregation import ProbeResult, Way

T = TypeVar("T")


class WebTenant(Frozen):
    """One environment as the web sees it: its public address, the application behind, and who may come in."""

    public: ServiceAddress
    application: ServiceAddress
    login: str
    password: SecretStr
    service_key: AccessKey


# Where a configuration, a key or somebody's files would lie if the document root were wrong (`sei.md` 1.1, 1.2).
_HIDDEN_PATHS = (
    "/sei/config/ConfiguracaoSEI.php",
    "/sip/config/ConfiguracaoSip.php",
    "/sei/config/mod-pen/ConfiguracaoModPEN.php",
    "/sei/scripts/atualizar_versao_sei.php",
    "/sip/scripts/atualizar_versao_sip.php",
    "/sei/temp/",
    "/configuracao.json",
    "/.git/config",
)


def probe_http(tenant: WebTenant, neighbour: WebTenant) -> list[ProbeResult]:
    """Sign in at the tenant, then try everything that this gives at the neighbour. Both must be open to users."""
    with SeiBrowser(tenant.public) as browser:
        results = try_all(Way.HTTP, {"entrar no próprio SEI": partial(_sign_in_at_home, browser, tenant)}, control=True)
        # As a plain header: a cookie jar would keep a Secure cookie from the unencrypted way, an intruder does not.
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
        results += try_all(
            Way.HTTP,
            {
                "abrir processos do vizinho com a própria sessão": partial(_open_processes, neighbour.public, cookies),
                "pedir o vizinho pela própria conexão TLS": partial(
                    _open_processes, tenant.public, cookies, asked_host=neighbour.public.host
                ),
                "abrir a própria sessão na aplicação do vizinho, sem passar pela borda": partial(
                    _open_processes, neighbour.application, cookies
                ),
                "abrir processos do vizinho sem sessão": partial(_open_processes, neighbour.public, ""),
                "chamar o web service do vizinho com a própria chave": partial(
                    _call_service, neighbour, tenant.service_key
                ),
            },
        )
    results += try_password(
        Way.HTTP,
        "entrar no vizinho com a própria senha",
        foreign=partial(_sign_in_at, neighbour.public, tenant),
        own=partial(_sign_in_at, neighbour.public, neighbour),
    )
    own_key = {"chamar o próprio web service": partial(_call_service, tenant, tenant.service_key)}
    results += try_all(Way.HTTP, own_key, control=True)
    return results + probe_hidden_paths(neighbour.public)


def probe_hidden_paths(address: ServiceAddress) -> list[ProbeResult]:
    """Ask an environment for what no browser may ever get."""
    attempts: dict[str, Attempt] = {f"baixar {path}": partial(_download, address, path) for path in _HIDDEN_PATHS}
    return try_all(Way.HTTP, attempts)


def _asking(work: Callable[[], T]) -> T:
    try:
        return work()
    except httpx.TransportError as e:
        raise unanswered(type(e).__name__, "sonda HTTP") from None


def _answered(answer: httpx.Response) -> httpx.Response:
    """The answer, if it is one: a server that broke, or that the edge does not reach, refuses nothing."""
    if answer.status_code in NO_ANSWER:
        raise unanswered(f"HTTP {answer.status_code}", "sonda HTTP")
    return answer


def _sign_in(browser: SeiBrowser, tenant: WebTenant) -> str:
    if not _asking(lambda: browser.sign_in(tenant.login, tenant.password)):
        raise RefusedError("a página de entrada recusou")
    return "entrou"


def _sign_in_at_home(browser: SeiBrowser, tenant: WebTenant) -> str:
    """A control: an application that breaks at it lets nobody in, and is told so with everything else."""
    try:
        return _sign_in(browser, tenant)
    except IntegrityError as e:
        raise RefusedError(e.what) from None


def _sign_in_at(address: ServiceAddress, tenant: WebTenant) -> str:
    try:
        with SeiBrowser(address) as browser:
            return _sign_in(browser, tenant)
    except IntegrityError as e:
        raise unanswered(e.what, "sonda HTTP") from None


def _open_processes(address: ServiceAddress, cookies: str, *, asked_host: str | None = None) -> str:
    with client_for(address, asked_host=asked_host) as client:
        answer = _answered(_asking(lambda: client.get(PROCESSES, headers={"Cookie": cookies} if cookies else {})))
    if answer.status_code == HTTPStatus.OK and "Controle de Processos" in answer.text:
        return "a página abriu"
    raise RefusedError(f"HTTP {answer.status_code}")


def _call_service(tenant: WebTenant, key: AccessKey) -> str:
    try:
        return f"{len(SeiServices(tenant.application).list_units(key))} unidades listadas"
    except IntegrityError as e:
        raise RefusedError(e.what) from None


def _download(address: ServiceAddress, path: str) -> str:
    with client_for(address) as client:
        answer = _answered(_asking(lambda: client.get(path)))
    if answer.status_code == HTTPStatus.OK:
        return f"{len(answer.content)} bytes"
    raise RefusedError(f"HTTP {answer.status_code}")
