"""SEI's pages, as a person's browser uses them."""

from collections.abc import Mapping, Sequence

import httpx
from lxml.html import FormElement, HtmlElement, SelectElement
from pydantic import SecretStr

from blocks.http_client import NO_ANSWER, UNREACHED, client_for
from blocks.runtime import ServiceAddress
from blocks.sei_page import is_of_document, links, parse, parts, query_of, row_of, text_of
from domain.errors import ImplantaError, IntegrityError, RetryableError

PROCESSES = "/sei/controlador.php?acao=procedimento_controlar"
SIGN_IN_PAGE = "/sip/login.php"
_PROCESS = "procedimento_trabalhar"
# What says that the server, not the person, has a problem that may pass.
_PASSING = UNREACHED | {httpx.codes.SERVICE_UNAVAILABLE}

File = tuple[str, bytes]
"""Name and content of a file."""


class SeiBrowser:
    """A person's browser on one environment, which goes where the pages' links and forms lead.

    They are found by the action that they name: the rest of a link of SEI is a hash made for the session. What is done
    next is done from the page that is open, where that has the link or form for it; what is read is asked for anew,
    unless the last thing done led there. Whatever the pages refuse is an IntegrityError with the notice that they show;
    a server that does not answer, or says that it cannot now, is a RetryableError.
    """

    def __init__(self, address: ServiceAddress) -> None:
        self._client = client_for(address)
        self._where = address.host
        self._known: dict[str, str] = {}  # where processes are, by their numbers, and the search; all session long
        self._page: httpx.Response | None = None
        self._is_read = False

    @property
    def cookies(self) -> httpx.Cookies:
        """What the application gave this browser to recognise it by."""
        return self._client.cookies

    def __enter__(self) -> "SeiBrowser":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    # -- sessions

    def sign_in(self, login: str, password: SecretStr) -> bool:
        """Fill the sign-in form in; True when the list of processes opens, False when another page does.

        Raises:
            RetryableError: the application could not be reached, which refuses nobody.
            IntegrityError: it broke (HTTP 500), which refuses nobody either.
        """
        answer = self._sign_in(login, password)
        if answer.status_code in NO_ANSWER:
            raise self._refusal("A página de entrada não respondeu", answer)
        return _shows_processes(answer)

    def require_sign_in(self, login: str, password: SecretStr) -> None:
        """Sign in, or raise what the page says."""
        answer = self._sign_in(login, password)
        if not _shows_processes(answer):
            raise self._refusal("A página de entrada não deixou entrar", answer)

    def _sign_in(self, login: str, password: SecretStr) -> httpx.Response:
        self._known.clear()
        # In maintenance some are let in by a form that a page of status 503 shows.
        page = self._ask("GET", f"{SIGN_IN_PAGE}?sigla_sistema=SEI")
        form = next((form for form in parse(page).forms if "txtUsuario" in form.fields), None)
        if form is None:
            return page
        return self._send(form, {"txtUsuario": login, "pwdSenha": password.get_secret_value()})

    def opens(self, path: str = PROCESSES) -> bool:
        """Whether the list of processes, or another page of who is signed in, opens."""
        return _shows_processes(self._ask("GET", path))

    # -- processes

    def find_process(self, specification: str) -> str | None:
        """The number of a process in the person's unit, by its specification."""
        return next(iter(self.list_processes(specification)), None)

    def list_processes(self, specification: str) -> list[str]:
        """The numbers of the unit's open processes that have this specification."""
        numbers = []
        for row in self._shown(self._anew(PROCESSES), "A lista de processos não abriu").iterfind(".//tbody/tr"):
            cells = [text_of(cell) for cell in row.iterfind("td")]
            if specification in cells[1:]:
                numbers.append(cells[0])
        return numbers

    def start_process(self, specification: str) -> str:
        """Start a public process of the first type offered; its number."""
        what = "O processo não foi aberto"
        page = self._follow(self._at(PROCESSES), "procedimento_gerar", what)
        answer = self._fill(page, "procedimento_gerar", {"txtEspecificacao": specification}, what)
        number = parse(answer).find(".//*[@id='protocolo']")
        if number is None or not number.text:
            raise self._refusal(what, answer)
        if query_of(_path_of(answer)).get("acao") == [_PROCESS]:
            self._known[number.text] = _path_of(answer)
        return number.text

    def list_documents(self, process: str) -> list[str]:
        """The numbers of the documents of a process, in their order there."""
        page = self._anew(self._place_of(process))
        rows = self._shown(page, f"O processo {process} não abriu").iterfind(".//tbody/tr")
        return [text_of(row.find("td")) for row in rows if is_of_document(row)]

    def exclude_process(self, process: str) -> None:
        """Exclude a process that has no document."""
        what = f"O processo {process} não foi excluído"
        answer = self._fill(self._open(process), "procedimento_excluir", {}, what)
        if not _shows_processes(answer):
            raise self._refusal(what, answer)
        del self._known[process]

    # -- documents

    def include_document(self, process: str, series: Sequence[str], description: str, text: str) -> str:
        """Write a document of the first type that is offered among `series`, else of the first at all; its number."""
        what = "O documento não foi incluído"
        page = self._follow(self._open(process), "documento_gerar", what)
        values = {
            "selSerie": self._choice(page, "documento_gerar", "selSerie", series, what),
            "txtDescricao": description,
            "txaTexto": text,
        }
        return self._new_document(self._fill(page, "documento_gerar", values, what), what)

    def attach_file(self, process: str, series: Sequence[str], day: str, file: File) -> str:
        """Register a file as an external document of `day` (dd/mm/aaaa); its number. `series` as above."""
        what = "O arquivo não foi anexado"
        page = self._follow(self._open(process), "documento_receber", what)
        values = {
            "selSerie": self._choice(page, "documento_receber", "selSerie", series, what),
            "txtDataElaboracao": day,
        }
        answer = self._fill(page, "documento_receber", values, what, {"filArquivo": file})
        return self._new_document(answer, what)

    def sign(self, process: str, document: str, password: SecretStr) -> None:
        """Sign a document, in the first role offered."""
        what = f"O documento {document} não foi assinado"
        page = self._follow(self._open(process), "documento_assinar", what, row=document)
        answer = self._fill(page, "documento_assinar", {"pwdSenha": password.get_secret_value()}, what)
        row = row_of(self._shown(answer, what), document)
        if row is None or links(row, "documento_assinar"):
            raise self._refusal(what, answer)

    def read_document(self, process: str, document: str) -> str:
        """The text of a document as its readers see it, signatures and all."""
        what = f"O documento {document} não abriu"
        page = self._follow(self._open(process), "documento_visualizar", what, row=document)
        return str(self._shown(page, what).text_content())

    def download(self, process: str, document: str) -> bytes:
        """The file of an external document."""
        what = f"O arquivo do documento {document} não foi baixado"
        page = self._follow(self._open(process), "documento_visualizar", what, row=document)
        answer = self._follow(page, "documento_download_anexo", what)
        if answer.status_code != httpx.codes.OK:
            raise self._refusal(what, answer)
        return answer.content

    def search(self, asked: str) -> list[str]:
        """The numbers of the processes and documents that the search finds.

        SEI finds words only minutes after they are written, when Solr takes them in; numbers at once.
        """
        what = "A pesquisa não respondeu"
        rows = self._shown(self._search(asked, what), what).iterfind(".//tbody/tr")
        return [text_of(row.find("td")) for row in rows]

    def exclude_document(self, process: str, document: str) -> None:
        """Exclude a document that nobody else has signed."""
        what = f"O documento {document} não foi excluído"
        answer = self._fill(self._open(process), "documento_excluir", {}, what, row=document)
        if row_of(self._shown(answer, what), document) is not None:
            raise self._refusal(what, answer)

    # -- links and forms

    def _open(self, process: str) -> httpx.Response:
        """The page of a process."""
        return self._at(self._place_of(process))

    def _at(self, address: str) -> httpx.Response:
        """The page of an address, as it is open; asked for, if another one is."""
        if self._page is not None and _is_at(self._page, address):
            return self._page
        return self._ask("GET", address)

    def _anew(self, address: str) -> httpx.Response:
        """The page of an address as it is now; each is read once."""
        page = self._ask("GET", address) if self._is_read else self._at(address)
        self._is_read = True
        return page

    def _place_of(self, process: str) -> str:
        """Where a process of the person's unit is, or else one that the search finds."""
        if process not in self._known:
            what = f"O processo {process} não abriu"
            page = self._ask("GET", PROCESSES)
            if not any(links(part, _PROCESS) for part in parts(page, process)):
                page = self._search(process, what)
            self._known[process] = self._link(page, _PROCESS, what, row=process)
        return self._known[process]

    def _search(self, asked: str, what: str) -> httpx.Response:
        action = "protocolo_pesquisar"
        if action not in self._known:
            self._known[action] = self._link(self._at(PROCESSES), action, what)
        return self._fill(self._at(self._known[action]), action, {"q": asked}, what)

    def _new_document(self, answer: httpx.Response, what: str) -> str:
        """The number of the document that the page of the process marks."""
        row = parse(answer).find(".//tr[@aria-current]")
        if row is None:
            raise self._refusal(what, answer)
        return text_of(row.find("td"))

    def _follow(self, page: httpx.Response, action: str, what: str, *, row: str | None = None) -> httpx.Response:
        """Go where the page's link of this action leads; with `row`, that of the table's row with this number."""
        return self._ask("GET", self._link(page, action, what, row=row))

    def _link(self, page: httpx.Response, action: str, what: str, *, row: str | None = None) -> str:
        found = [address for part in parts(page, row) for address in links(part, action)]
        if not found:
            raise self._refusal(what, page, f"a página não oferece {action}")
        return found[0]

    def _fill(
        self,
        page: httpx.Response,
        action: str,
        values: Mapping[str, str],
        what: str,
        files: Mapping[str, File] | None = None,
        *,
        row: str | None = None,
    ) -> httpx.Response:
        """Send the page's form of this action with what it already holds and these values; `row` as above."""
        form = self._form(page, action, what, row)
        return self._send(form, values, files)

    def _form(self, page: httpx.Response, action: str, what: str, row: str | None = None) -> FormElement:
        for form in (form for part in parts(page, row) for form in part.iter("form")):
            if isinstance(form, FormElement) and query_of(str(form.action)).get("acao") == [action]:
                return form
        raise self._refusal(what, page, f"a página não oferece {action}")

    def _choice(self, page: httpx.Response, action: str, field: str, preferred: Sequence[str], what: str) -> str:
        """The value of the first option that is offered among the preferred ones, else of the first of all."""
        form = self._form(page, action, what)
        select = form.inputs[field] if field in form.fields else None
        offered = select.iter("option") if isinstance(select, SelectElement) else ()
        options = {text_of(option): option.get("value", "") for option in offered}
        chosen = next((name for name in preferred if name in options), next(iter(options), None))
        if chosen is None:
            raise self._refusal(what, page, "a página não oferece tipo de documento")
        return options[chosen]

    def _send(
        self, form: FormElement, values: Mapping[str, str], files: Mapping[str, File] | None = None
    ) -> httpx.Response:
        data = {name: str(value) for name, value in form.form_values()} | dict(values)
        return self._ask("POST", str(form.action), data=data, files=files)

    def _ask(
        self,
        method: str,
        address: str,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, File] | None = None,
    ) -> httpx.Response:
        self._page, self._is_read = None, False
        try:
            answer = self._client.request(method, address, data=data, files=files)
            if answer.is_redirect:
                # Only the path: the public name need not resolve on this machine.
                answer = self._client.get(httpx.URL(answer.headers["Location"]).raw_path.decode())
        except httpx.TransportError as e:
            raise RetryableError(
                f"O SEI não respondeu ({type(e).__name__})",
                self._where,
                "Confira se a aplicação está no ar e execute de novo.",
            ) from None
        self._page = answer if answer.status_code == httpx.codes.OK else None
        return answer

    def _shown(self, answer: httpx.Response, what: str) -> HtmlElement:
        """The page, if it is the one that was asked for and no message instead."""
        if answer.status_code != httpx.codes.OK:
            raise self._refusal(what, answer)
        return parse(answer)

    def _refusal(self, what: str, answer: httpx.Response, otherwise: str = "a página não diz por quê") -> ImplantaError:
        notice = parse(answer).find(".//*[@class='aviso']")
        why = text_of(notice) if notice is not None else otherwise
        kind = RetryableError if answer.status_code in _PASSING else IntegrityError
        return kind(
            f"{what}: {why.rstrip('.')} (HTTP {answer.status_code})",
            self._where,
            "Confira a borda, e se ela alcança a aplicação; execute de novo."
            if answer.status_code in UNREACHED
            else "Veja o que a aplicação registrou em seus logs.",
        )


def _path_of(answer: httpx.Response) -> str:
    return answer.url.raw_path.decode()


def _is_at(page: httpx.Response, address: str) -> bool:
    """Whether a page is what a link leads to: the same action on the same process, whatever else is marked on it."""
    here, there = (query_of(one) for one in (_path_of(page), address))
    return all(here.get(name) == there.get(name) for name in ("acao", "id_procedimento"))


def _shows_processes(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.OK and "Controle de Processos" in answer.text
