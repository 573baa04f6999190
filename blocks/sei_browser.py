"""SEI's pages, as a person's browser uses them."""

import httpx
from lxml import html
from pydantic import SecretStr

from blocks.http_client import client_for
from blocks.runtime import ServiceAddress
from domain.errors import IntegrityError

PROCESSES = "/sei/controlador.php?acao=procedimento_controlar"


class SeiBrowser:
    """A person's browser on one environment: sign-in, the list of processes, starting one."""

    def __init__(self, address: ServiceAddress) -> None:
        self._client = client_for(address)

    @property
    def cookies(self) -> httpx.Cookies:
        """What the application gave this browser to recognise it by."""
        return self._client.cookies

    def __enter__(self) -> "SeiBrowser":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def sign_in(self, login: str, password: SecretStr) -> bool:
        """Fill the sign-in form in; True when the list of processes opens."""
        page = self._client.get("/sip/login.php", params={"sigla_sistema": "SEI"})
        if page.status_code != httpx.codes.OK:
            return False
        answer = self._fill(page, "txtUsuario", {"txtUsuario": login, "pwdSenha": password.get_secret_value()})
        return _shows_processes(answer)

    def opens(self, path: str = PROCESSES) -> bool:
        """Whether the list of processes, or another page of who is signed in, opens."""
        return _shows_processes(self._client.get(path))

    def find_process(self, specification: str) -> str | None:
        """The number of a process in the person's unit, by its specification."""
        page = html.document_fromstring(self._client.get(PROCESSES).text)
        for row in page.iterfind(".//tbody/tr"):
            number, _type, text = ((cell.text_content() or "").strip() for cell in row.iterfind("td"))
            if text == specification:
                return number
        return None

    def start_process(self, specification: str) -> str:
        """Start a public process of the first type offered; its number."""
        page = self._client.get("/sei/controlador.php?acao=procedimento_gerar")
        shown = html.document_fromstring(self._fill(page, "txtEspecificacao", {"txtEspecificacao": specification}).text)
        number = shown.find(".//*[@id='protocolo']")
        if number is None or not number.text:
            notice = shown.find(".//*[@class='aviso']")
            why = notice.text_content().strip() if notice is not None else "a página não diz por quê"
            raise IntegrityError(
                f"O processo não foi aberto: {why}", "página iniciar processo", "Veja ./implanta lab logs sei."
            )
        return number.text

    def _fill(self, page: httpx.Response, field: str, values: dict[str, str]) -> httpx.Response:
        """Send the page's form that has this field, with the values that it already holds and these."""
        form = next(form for form in html.document_fromstring(page.text).forms if field in form.fields)
        data = {name: str(value) for name, value in form.form_values()} | values
        answer = self._client.post(str(form.action), data=data)
        if answer.is_redirect:
            # Only the path: the public name need not resolve on this machine.
            return self._client.get(httpx.URL(answer.headers["Location"]).raw_path.decode())
        return answer


def _shows_processes(answer: httpx.Response) -> bool:
    return answer.status_code == httpx.codes.OK and "Controle de Processos" in answer.text
