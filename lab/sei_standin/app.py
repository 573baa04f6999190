"""The stand-in's one ASGI application: every environment by host name, and the lab's own control address."""

import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from time import perf_counter

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from domain.errors import ImplantaError, IntegrityError, InvalidInputError
from lab.sei_standin import sei_service, sip_service
from lab.sei_standin.code_version import code_problem
from lab.sei_standin.contract import Contract
from lab.sei_standin.documents import Upload
from lab.sei_standin.environments import Environment, Environments, local_now
from lab.sei_standin.pages import Pages, external_page, login_address, publications_page
from lab.sei_standin.rendering import Visit, code_version, render_maintenance, render_message
from lab.sei_standin.scheduler import run_command
from lab.sei_standin.sei_contract import SEI
from lab.sei_standin.service_access import CallRecord, Service, record_call
from lab.sei_standin.sessions import COOKIE, Sessions
from lab.sei_standin.sip_contract import SIP
from lab.sei_standin.soap import ENCODING, Call, Content, parse_call, render_answer, render_fault, wsdl

logger = logging.getLogger(__name__)

# A file of SEI's own limit (200 MB, `sei.md` 1.1) would not fit in a call anyway: base64 makes it a third longer.
MAX_BODY_BYTES = 96 * 1024 * 1024
_XML = f"text/xml; charset={ENCODING}"
_SCHEMA_OF_ARRAYS = (Path(__file__).parent / "templates" / "soap_encoding.xsd").read_bytes()
_VERSION_HEADER = "X-SEI-Versao"  # ours: no document says how the real service tells its version
_UNEXPECTED = "Erro inesperado; avise o suporte."

Page = Callable[[Visit], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


class Application:
    """What the routes do, over the environments and the sessions."""

    def __init__(self, environments: Environments, pages: Pages, token: str) -> None:
        self._environments = environments
        self._pages = pages
        self._token = token.encode()

    def page(self, handler: Page, *, open_in_maintenance: bool = False) -> Endpoint:
        """Serve a page of the environment that the host names."""

        async def endpoint(request: Request) -> Response:
            environment = self._environments.find_by_host(request.headers.get("host", ""))
            if environment is None:
                return render_message("Endereço desconhecido", "Nenhum ambiente atende aqui.", HTTPStatus.NOT_FOUND)
            if environment.stopped:
                text = "A aplicação deste ambiente está parada."
                return render_message("Serviço parado", text, HTTPStatus.SERVICE_UNAVAILABLE)
            if _too_large(request):
                text = "O arquivo é maior do que o laboratório aceita."
                return render_message("Arquivo grande demais", text, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            form, files = await _read_form(request)
            visit = Visit(
                environment=environment,
                method="GET" if request.method == "HEAD" else request.method,
                query=request.query_params,
                form=form,
                files=files,
                cookie=request.cookies.get(COOKIE),
                secure=request.url.scheme == "https",
                now=local_now(),
            )
            if not (open_in_maintenance or self._pages.lets_in(visit)):
                return render_maintenance(environment)
            return await run_in_threadpool(_answer_page, handler, visit)

        return endpoint

    def wsdl(self, contract: Contract, name: str) -> Page:
        """The page that shows a service's WSDL."""

        def handler(visit: Visit) -> Response:
            if visit.query.get("servico") != name:
                return render_message("Serviço não encontrado", "Confira o endereço do WSDL.", HTTPStatus.NOT_FOUND)
            address = visit.environment.configuration.sei.base_url + contract.path
            return Response(wsdl(contract, address), media_type=_XML)

        return handler

    def service(self, contract: Contract) -> Endpoint:
        """Serve the calls of a SOAP service."""

        async def endpoint(request: Request) -> Response:
            environment = self._environments.find_by_host(request.headers.get("host", ""))
            if environment is None:
                return _fault("Nenhum ambiente atende neste endereço", callers_fault=True)
            if environment.stopped:
                return _fault("Aplicação parada", callers_fault=False)
            if environment.configuration.maintenance.active:
                return _fault(environment.configuration.maintenance.notice, callers_fault=False)
            if _too_large(request):
                return _fault("Mensagem grande demais", callers_fault=True)
            body = await request.body()
            address = request.client.host if request.client else ""
            return await run_in_threadpool(_answer_call, contract, environment, body, address, request.headers)

        return endpoint

    async def run_scheduled(self, request: Request) -> Response:
        """The lab's control address: run a scheduled task now."""
        if not self._is_authorised(request):
            return JSONResponse({"mensagem": "Acesso negado"}, HTTPStatus.UNAUTHORIZED)
        environment = self._environments.find(request.path_params["slug"])
        if environment is None:
            return JSONResponse({"mensagem": "Ambiente desconhecido"}, HTTPStatus.NOT_FOUND)
        outcome = await run_in_threadpool(run_command, environment, request.path_params["comando"], local_now())
        if outcome.problem is not None:
            return JSONResponse({"sucesso": False, "mensagem": outcome.problem})
        return JSONResponse(
            {
                "sucesso": True,
                "criados": outcome.change.created,
                "atualizados": outcome.change.updated,
                "inalterados": outcome.change.unchanged,
            }
        )

    def _is_authorised(self, request: Request) -> bool:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        return secrets.compare_digest(given.strip().encode(), self._token) and kind.lower() == "bearer"


def create_app(environments: Environments, token: str) -> Starlette:
    """The application, for any ASGI server."""
    pages = Pages(Sessions())
    application = Application(environments, pages, token)
    page, methods = application.page, ["GET", "POST"]
    to_sei, to_sip = page(_to_login("SEI")), page(_to_login("SIP"))
    return Starlette(
        routes=[
            Route("/_lab/saude", _health),
            Route("/_lab/{slug}/agendamentos/{comando}", application.run_scheduled, methods=["POST"]),
            *(Route(path, to_sei) for path in ("/", "/sei", "/sei/", "/sei/inicializar.php")),
            *(Route(path, to_sip) for path in ("/sip", "/sip/")),
            Route("/sip/login.php", page(pages.login, open_in_maintenance=True), methods=methods),
            Route("/sei/controlador.php", page(pages.controller), methods=methods),
            Route("/sei/controlador_externo.php", page(external_page)),
            Route("/sei/publicacoes/controlador_publicacoes.php", page(publications_page)),
            Route("/sei/controlador_ws.php", page(application.wsdl(SEI, "sei"))),
            Route("/sip/controlador_ws.php", page(application.wsdl(SIP, "sip"))),
            *(Route(f"/{system}/soap_encoding.xsd", page(_show_schema)) for system in ("sei", "sip")),
            Route(SEI.path, application.service(SEI), methods=["POST"]),
            Route(SIP.path, application.service(SIP), methods=["POST"]),
        ]
    )


async def _health(_request: Request) -> Response:
    return JSONResponse({"ok": True})


def _to_login(sigla_sistema: str) -> Page:
    def handler(visit: Visit) -> Response:
        return RedirectResponse(login_address(visit.environment, sigla_sistema), HTTPStatus.FOUND)

    return handler


def _show_schema(_visit: Visit) -> Response:
    return Response(_SCHEMA_OF_ARRAYS, media_type=_XML)


def _too_large(request: Request) -> bool:
    return int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES


async def _read_form(request: Request) -> tuple[dict[str, str], dict[str, Upload]]:
    """The texts and the files of a form; none of anything else."""
    texts: dict[str, str] = {}
    files: dict[str, Upload] = {}
    if request.method == "POST":
        async with request.form() as form:
            for name, value in form.items():
                if isinstance(value, str):
                    texts[name] = value
                elif value.filename:
                    files[name] = Upload(value.filename, await value.read())
    return texts, files


def _answer_page(handler: Page, visit: Visit) -> Response:
    code_version.set(visit.environment.code_version)
    try:
        problem = code_problem(visit.environment)
        return _render_problem(visit.environment, problem) if problem else handler(visit)
    except InvalidInputError as e:
        return render_message("Não foi possível atender", f"{e.what}. {e.fix}", HTTPStatus.BAD_REQUEST)
    except IntegrityError as e:
        logger.error("pagina ambiente=%s erro=%s", visit.environment.slug, e)
        return render_message("Erro de configuração", f"{e.what}. {e.fix}", HTTPStatus.INTERNAL_SERVER_ERROR)
    except ImplantaError as e:
        logger.error("pagina ambiente=%s erro=%s", visit.environment.slug, e)
        return render_message("Indisponível no momento", f"{e.what}. {e.fix}", HTTPStatus.SERVICE_UNAVAILABLE)
    except Exception as e:  # nothing may reach the server's own log, which would quote personal data
        _log_unexpected(visit.environment, e)
        return render_message("Erro", _UNEXPECTED, HTTPStatus.INTERNAL_SERVER_ERROR)


def _render_problem(environment: Environment, problem: str) -> Response:
    maintenance = environment.configuration.maintenance
    text = f"{problem} {maintenance.notice}" if maintenance.active else problem
    return render_message("Versões diferentes", text, HTTPStatus.SERVICE_UNAVAILABLE)


def _answer_call(
    contract: Contract, environment: Environment, body: bytes, address: str, headers: Mapping[str, str]
) -> Response:
    started = perf_counter()
    now = local_now()
    try:
        if problem := code_problem(environment):
            return _fault(problem, callers_fault=False)
        call = parse_call(body, contract)
        service: Service | None = None
        content: Content
        if contract is SEI:
            service, content = sei_service.answer(environment, call, address, now)
        else:
            content = sip_service.answer(environment, call, now)
        answer = render_answer(contract, call.operation, content)
        if service is not None:
            duration_ms = int((perf_counter() - started) * 1000)
            _record(environment, service, call, duration_ms, address, headers)
        version = environment.code_version
        return Response(answer, media_type=_XML, headers={_VERSION_HEADER: version} if version else None)
    except ImplantaError as e:
        logger.warning("soap ambiente=%s servico=%s recusa=%s", environment.slug, contract.name, type(e).__name__)
        if isinstance(e, InvalidInputError):
            return _fault(str(e), callers_fault=True)
        return _fault(f"{e.what}. {e.fix}", callers_fault=False)
    except Exception as e:  # nothing may reach the server's own log, which would quote personal data
        _log_unexpected(environment, e)
        return _fault(_UNEXPECTED, callers_fault=False)


def _record(
    environment: Environment, service: Service, call: Call, duration_ms: int, address: str, headers: Mapping[str, str]
) -> None:
    record = CallRecord(
        operation=call.operation.name,
        duration_ms=duration_ms,
        address=address,
        host=headers.get("host", ""),
        user_agent=headers.get("user-agent", ""),
    )
    with environment.sei() as sei:
        record_call(sei, service, record, local_now())


def _log_unexpected(environment: Environment, error: Exception) -> None:
    # Where it happened, and what kind: the error's own text may quote a row.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    logger.error(
        "erro inesperado ambiente=%s tipo=%s em=%s:%s", environment.slug, type(error).__name__, frame.name, frame.lineno
    )


def _fault(message: str, *, callers_fault: bool) -> Response:
    body = render_fault(message, callers_fault=callers_fault)
    return Response(body, HTTPStatus.INTERNAL_SERVER_ERROR, media_type=_XML)
