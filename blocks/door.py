"""The configuration of nginx for the door before Prefect: TLS, the board's judgement, and Prefect's own account."""

import re
from base64 import b64encode
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import AfterValidator, Field, SecretStr

from blocks.catalog_file import CATALOG_DIR
from domain.application_facts import RenderedFile
from domain.errors import InvalidInputError
from domain.model import Frozen

HTTPS_PORT = 443
ASK = "/porta/pedido"
"""Where the proxy asks the board."""
METHOD_HEADER, TARGET_HEADER = "X-Porta-Metodo", "X-Porta-Alvo"
"""In which it says what somebody wants of Prefect."""
CONTENT_SECURITY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self';"
    " form-action 'self'; frame-ancestors 'none'"
)
"""What Prefect's pages need, and nothing of other sites: they would tell a maker of statistics of each visit."""
_COVER = "********"
# A page of Prefect's loads some hundred files at once.
REQUESTS_PER_SECOND, BURST = 50, 400


def _plain(pattern: str) -> AfterValidator:
    """What goes into the configuration as it is: nothing in it may end a word there."""

    def check(given: str) -> str:
        if not re.fullmatch(pattern, given):
            msg = "não serve numa configuração do nginx"
            raise ValueError(msg)
        return given

    return AfterValidator(check)


Name = Annotated[str, _plain(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")]
Upstream = Annotated[str, _plain(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")]
Listen = Annotated[str, _plain(r"[0-9.]+|\*|\[[0-9A-Fa-f:]+\]")]
FilePath = Annotated[Path, AfterValidator(lambda given: Path(_check_path(str(given))))]
Network = Annotated[str, AfterValidator(lambda given: str(ip_network(given)))]


def _check_path(given: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9._/-]*", given):
        msg = "precisa ser um caminho absoluto sem espaços"
        raise ValueError(msg)
    return given


class DoorProxy(Frozen):
    """The nginx before Prefect and the board. It holds no rule: the board has them all."""

    server_name: Name = Field(description="Name by which people reach it; the certificate's.")
    public_port: int = Field(default=HTTPS_PORT, ge=1, le=65535)
    listen: Listen = "*"
    directory: FilePath = Field(description="Where its files lie for nginx.")
    log_dir: FilePath = Path("/var/log/nginx")
    certificate: FilePath
    key: FilePath
    board: Upstream = Field(description="Where `./implanta board serve` listens, host:port.")
    prefect: Upstream = Field(description="Where the Prefect server listens, host:port.")
    prefect_auth: SecretStr = Field(description="PREFECT_SERVER_API_AUTH_STRING of that server.")
    machines_port: int | None = Field(default=None, ge=1, le=65535, description="Port for programs elsewhere; or none.")
    machines_from: tuple[Network, ...] = Field(default=(), description="Networks that those programs are in.")

    def render(self, *, covered: bool = False) -> tuple[RenderedFile, ...]:
        """The files, to be put into `directory`; nginx includes `porta.conf` in its http context.

        `covered`: for a screen, without the account.
        """
        token = _COVER if covered else b64encode(self.prefect_auth.get_secret_value().encode()).decode()
        credential = f'proxy_set_header Authorization "Basic {token}";\n'
        page = (CATALOG_DIR / "door" / "indisponivel.html").read_bytes()
        return (
            RenderedFile(name="porta.conf", content=self._fill("porta.conf.j2"), is_secret=False),
            RenderedFile(name="credencial.inc", content=credential.encode(), is_secret=True),
            RenderedFile(name="indisponivel.html", content=page, is_secret=False),
        )

    def render_main(self, mime_types: Path, user: str | None) -> RenderedFile:
        """The main file of an nginx that is the door and nothing else."""
        content = self._fill("nginx.conf.j2", mime_types=mime_types, user=user)
        return RenderedFile(name="nginx.conf", content=content, is_secret=False)

    def _fill(self, template: str, **values: object) -> bytes:
        text = _templates.get_template(template).render(
            **self.model_dump(exclude={"prefect_auth"}),
            prefect_api_url=f"http://{self.prefect}/api",
            ask=ASK,
            method_header=METHOD_HEADER,
            target_header=TARGET_HEADER,
            content_security=CONTENT_SECURITY,
            requests_per_second=REQUESTS_PER_SECOND,
            burst=BURST,
            **values,
        )
        return text.encode()


def upstream_of(url: str) -> str:
    """`host:port` of an address that the door reaches over plain HTTP.

    Raises:
        InvalidInputError: it is of another kind: what is behind the door is on this machine, or in its own network.
    """
    address = urlsplit(url)
    if address.scheme != "http" or not address.hostname:
        raise InvalidInputError(
            "A porta não alcança este endereço",
            url,
            "Na máquina da porta, prefect_api_url é o endereço interno do Prefect: http://127.0.0.1:4200/api.",
        )
    return f"{address.hostname}:{address.port or 80}"


_templates = Environment(  # noqa: S701  # configuration files, whose values pass the strict patterns above
    loader=FileSystemLoader(CATALOG_DIR / "door"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
