"""The edge: one TLS virtual host an environment, behind one web application firewall for all of them."""

import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

import httpx
import psutil
from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined
from prefect.blocks.core import Block
from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from blocks.catalog_file import CATALOG_DIR
from blocks.plain_http import TRUSTS_NOBODY
from blocks.rehearsal import is_rehearsal
from blocks.runtime import ServiceAddress
from domain.change import Change
from domain.edge import Site, Switch, UpstreamUrl
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, InvalidInputError, RetryableError
from domain.model import Frozen

HTTPS_PORT = 443
PROBE_INTERVAL_SECONDS = 0.05
# Multipart borders and the other fields of a form come on top of the largest upload.
BODY_ALLOWANCE = 1.1
WAF_FILES = ("crs_setup.conf", "own_rules.conf", "exclusions.conf")

PublicAddress = Annotated[str, AfterValidator(lambda given: str(ip_address(given)))]

Tree = dict[str, bytes]
"""The files of one generation of the configuration: relative path and content."""

_SITE_FILES = {".conf": "configuração", ".pem": "certificado", ".key": "chave do certificado"}
# In what nginx says of a configuration: which site's file it stumbled over, and the paths that tell nobody anything.
_NAMED_SITE = re.compile(r"/sites/([a-z0-9-]+)\.(?:conf|pem|key)")
_LOG_TIME = r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}"
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
# What the template of a site has only where it is closed to the public.
_SHUT = b"=503;"
_DIRECTORIES = ("declared", "releases", "log", "tmp")
_OWN_PATHS = re.compile(r"/\S*/releases/[^/\s]+/")


class EdgeAddress(ServiceAddress):
    """How this machine reaches an environment through the edge: where to connect, which host to ask for and verify."""

    ca_file: Path | None
    """The authority to trust; None means those that the system trusts."""


class EdgeHealth(Frozen):
    """What a probe of the edge saw."""

    serving: bool
    sites: int
    detail: str


class Edge(Block, ABC):
    """The way in from the internet: TLS, WAF, limits and maintenance pages, one site an environment."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Borda (interface)"
    _block_type_slug = "implanta-edge"

    public_domain: str = Field(description="Domínio sob o qual cada ambiente tem seu endereço público.")
    public_port: int = Field(default=HTTPS_PORT, description="Porta em que o público é atendido por HTTPS.")

    public_addresses: tuple[PublicAddress, ...] = Field(
        default=(), description="Endereços IP em que o público alcança a borda, para os nomes no DNS."
    )

    gateway_url: UpstreamUrl | None = Field(
        default=None,
        description="Endereço interno das páginas de acesso (./implanta gateway serve), como http://10.0.0.5:8600;"
        " vazio: nenhuma.",
    )

    def server_name(self, environment: EnvironmentName) -> str:
        """The public host name of one environment."""
        return environment.hostname(self.public_domain)

    def url(self, environment: EnvironmentName) -> str:
        """The public address of one environment, without a path."""
        return f"https://{self.public_host(environment)}"

    def public_host(self, environment: EnvironmentName) -> str:
        """The public name, with the port where it is not the usual one."""
        name = self.server_name(environment)
        return name if self.public_port == HTTPS_PORT else f"{name}:{self.public_port}"

    def access_url(self, environment: EnvironmentName) -> str | None:
        """The page where people choose their own password at the first access; None when no gateway serves it."""
        return f"{self.url(environment)}/acesso/{environment.slug}/primeiro-acesso" if self.gateway_url else None

    @abstractmethod
    def address(self, environment: EnvironmentName) -> EdgeAddress:
        """How this machine reaches the environment as the public does, without asking the DNS."""

    @abstractmethod
    def ensure_site(self, site: Site, *, keeping: Collection[Switch] = ()) -> Change:
        """Serve one environment as declared; returns when it is really served.

        `keeping` are the switches that the caller does not mean to change: they stay as they are at the moment of
        writing, whatever the site says of them, for somebody may have closed it since it was read. A site that is not
        there yet has its own.

        Raises:
            InvalidInputError: the server refuses the site's configuration; what was served before still is.
            RetryableError: the edge is down or does not take the configuration over.
        """

    @abstractmethod
    def switch_site(
        self, environment: EnvironmentName, *, maintenance: bool | None = None, closed: bool | None = None
    ) -> Change:
        """Close a site to the public or open it, by the given switches; everything else stays as it is.

        It asks nobody but the edge: a site has to close also while the registry is away.

        Raises:
            InvalidInputError: the site is not declared.
            RetryableError: the edge is down or does not take the configuration over.
        """

    @abstractmethod
    def remove_site(self, environment: EnvironmentName) -> Change:
        """Serve the environment no more; nothing of its certificate and key is left."""

    @abstractmethod
    def list_sites(self) -> tuple[Site, ...]:
        """What is declared, by slug."""

    @abstractmethod
    def probe(self) -> EdgeHealth:
        """Whether the edge serves what is declared."""


class NginxEdge(Edge):
    """nginx with ModSecurity and the OWASP CRS, configured by files that this machine and nginx both see.

    `home` holds `declared/` (one record a site: what was accepted), `releases/` (each a whole configuration) and
    `live`, the link to the one that nginx reads. A change is a new release: rendered, tested by nginx itself, put in
    place by one rename, and taken over without closing anybody's connection.
    """

    _block_type_name = "Implanta Borda (nginx)"
    _block_type_slug = "implanta-nginx-edge"

    home: Path = Field(description="Diretório da configuração, visto também pelo nginx.")
    nginx: Path = Field(default=Path("/usr/sbin/nginx"), description="Programa nginx.")
    modsecurity_module: Path = Field(
        default=Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"),
        description="Módulo ModSecurity do nginx.",
    )
    crs_rules_dir: Path = Field(
        default=Path("/usr/share/modsecurity-crs/rules"), description="Diretório das regras do OWASP CRS."
    )
    nginx_etc: Path = Field(
        default=Path("/etc/nginx"), description="Diretório de mime.types e unicode.mapping, instalados com o nginx."
    )
    listen: str = Field(default="0.0.0.0", description="Endereço IP em que o público é atendido.")  # noqa: S104  # the public's
    http_port: int | None = Field(
        default=None,
        description="Porta (80, para o público) em que pedidos sem TLS são levados ao endereço HTTPS; vazio: nenhuma.",
    )
    challenge_dir: Path | None = Field(
        default=None,
        description="Diretório publicado por HTTP em /.well-known/acme-challenge/: o challenge_dir do bloco ACME.",
    )
    status_port: int = Field(description="Porta em 127.0.0.1 em que o nginx diz qual configuração serve.")
    user: str | None = Field(default=None, description="Usuário dos processos do nginx, quando o principal é do root.")
    foreground: bool = Field(default=False, description="Manter o nginx em primeiro plano.")
    worker_processes: int | None = Field(default=None, description="Processos do nginx; vazio: um por processador.")
    max_upload_mb: int = Field(default=210, description="Maior envio de arquivo que algum ambiente pode pedir, em MB.")
    resolver: str | None = Field(
        default=None, description="Servidor DNS para aplicações indicadas por nome em vez de número."
    )
    ca_file: Path | None = Field(
        default=None, description="Certificado da autoridade em que os clientes confiam; vazio: as do sistema."
    )
    reload_seconds: float = Field(default=60, description="Segundos de espera até a nova configuração servir.")

    @model_validator(mode="after")
    def _publishes_nothing_of_its_own(self) -> Self:
        """Keys lie below `home`: a directory published by HTTP is none of its parents, and none of its parts."""
        if self.challenge_dir is None:
            return self
        where = self.challenge_dir
        if self.http_port is None:
            msg = "challenge_dir é publicado por HTTP: informe também http_port"
            raise ValueError(msg)
        if not _PLAIN_PATH.fullmatch(str(where)) or ".." in where.parts:
            msg = f"challenge_dir precisa ser um caminho absoluto só com letras, algarismos, ponto, - e _: {where}"
            raise ValueError(msg)
        home, real = self.home.resolve(), where.resolve()
        if home.is_relative_to(real) or any(real.is_relative_to(home / part) for part in (*_DIRECTORIES, "live")):
            msg = f"challenge_dir publicaria chaves: {where} guarda a configuração da borda"
            raise ValueError(msg)
        return self

    # ---- what callers ask ------------------------------------------------------------------------------------------

    def address(self, environment: EnvironmentName) -> EdgeAddress:
        listens = "127.0.0.1" if self.listen == "0.0.0.0" else self.listen  # noqa: S104  # compared, not bound
        return EdgeAddress(
            connect_to=f"https://{listens}:{self.public_port}",
            host=self.public_host(environment),
            ca_file=self.ca_file,
        )

    def ensure_site(self, site: Site, *, keeping: Collection[Switch] = ()) -> Change:
        if site.max_upload_mb > self.max_upload_mb:
            raise InvalidInputError(
                f"O ambiente pede envios de {site.max_upload_mb} MB e a borda inspeciona até {self.max_upload_mb} MB",
                site.slug,
                "Aumente max_upload_mb no bloco da borda ou diminua o do ambiente.",
            )
        with self._alone():
            sites = self._read_declared()
            self._refuse_taken_name(site, sites)
            known = site.slug in sites or self._is_live(site.slug)
            wanted = self._as_switched(site, sites.get(site.slug), keeping)
            change = self._converge({**sites, site.slug: wanted}, site.slug)
            return change if known or not change.total else Change(created=1, details=(f"site {site.slug}",))

    def switch_site(
        self, environment: EnvironmentName, *, maintenance: bool | None = None, closed: bool | None = None
    ) -> Change:
        slug = environment.slug
        given = {"maintenance": maintenance, "closed": closed}
        with self._alone():
            sites = self._read_declared()
            known = sites.get(slug)
            if not isinstance(known, Site):
                raise InvalidInputError(
                    "O ambiente não está declarado na borda", slug, f"Execute ./implanta environment apply {slug}."
                )
            wanted = known.model_copy(update={name: value for name, value in given.items() if value is not None})
            return self._converge({**sites, slug: wanted}, slug)

    def remove_site(self, environment: EnvironmentName) -> Change:
        slug = environment.slug
        with self._alone():
            sites = self._read_declared()
            if slug not in sites and not self._is_live(slug):
                return Change()
            if not is_rehearsal():
                sites.pop(slug, None)
                self._publish(sites, slug)
            return Change(removed=1, details=(f"site {slug}",))

    def list_sites(self) -> tuple[Site, ...]:
        return tuple(site for _, site in sorted(self._read_declared().items()) if isinstance(site, Site))

    def probe(self) -> EdgeHealth:
        served, live = self._served_generation(), self._live_generation()
        if served is None:
            detail = "o nginx não responde"
        elif served != live:
            detail = "o nginx serve uma configuração anterior à gravada"
        else:
            detail = f"configuração {live}"
        return EdgeHealth(
            serving=served is not None and served == live, sites=len(self._read_declared()), detail=detail
        )

    # ---- for whoever starts nginx ----------------------------------------------------------------------------------

    @property
    def configuration_file(self) -> Path:
        """What nginx is started with (`-c`); its prefix (`-p`) is `home`."""
        return self.home / "live" / "nginx.conf"

    @property
    def pid_file(self) -> Path:
        """Where nginx writes the number of its main process."""
        return self.home / "nginx.pid"

    def prepare(self) -> None:
        """Make the configuration that a stopped nginx is started with, from what is declared.

        Raises:
            InvalidInputError: nginx refuses it.
        """
        with _explaining_disk_errors(self.home):
            for directory in ("", *_DIRECTORIES):
                (self.home / directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            sites = self._read_declared()
            if self._tree_differences(self._render(sites, self._live_generation() or ""), None):
                self._put_live(self._make_candidate(sites, None))
                self._drop_old_releases()

    # ---- one at a time ---------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the edge's lock: two environments that are created at once would lose each other's site.

        The kernel gives the lock back when its holder dies. A rehearsal only reads, and waits for nobody.
        """
        if is_rehearsal():
            yield
            return
        with _explaining_disk_errors(self.home):
            if not self.home.is_dir():
                raise RetryableError("A borda ainda não foi preparada", str(self.home), _BRING_UP)
            descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait_for_lock(descriptor, self.home)
            with _explaining_disk_errors(self.home):
                yield
        finally:
            os.close(descriptor)

    # ---- what is declared ------------------------------------------------------------------------------------------

    def _read_declared(self) -> dict[str, "Site | _Carried"]:
        """Every declared site. One whose record is damaged is carried on as it is served: it harms nobody else."""
        sites: dict[str, Site | _Carried] = {}
        for path in sorted((self.home / "declared").glob("*.json")):
            try:
                sites[path.stem] = Site.model_validate_json(path.read_text(encoding="utf-8"))
            except (ValidationError, UnicodeDecodeError):
                sites[path.stem] = _Carried(self._read_live_site(path.stem))
        return sites

    def _as_switched(self, site: Site, declared: "Site | _Carried | None", keeping: Collection[Switch]) -> Site:
        """The site with the switches that stay as they are; only under the lock is what was read still true."""
        if isinstance(declared, Site):
            return site.model_copy(update={switch: getattr(declared, switch) for switch in keeping})
        served = _read(self.home / "live" / "sites" / f"{site.slug}.conf") or b""
        if "maintenance" in keeping and _SHUT in served and not site.shut:  # its record is lost, and it stays shut
            return site.model_copy(update={"maintenance": True})
        return site

    def _declare(self, slug: str, site: "Site | _Carried | None") -> None:
        target = self.home / "declared" / f"{slug}.json"
        if site is None:
            target.unlink(missing_ok=True)
        elif isinstance(site, Site):
            fields = site.model_dump(mode="json") | {"key_pem": site.key_pem.get_secret_value()}
            _write(target.with_suffix(".new"), json.dumps(fields, ensure_ascii=False, indent=1).encode())
            target.with_suffix(".new").replace(target)

    @staticmethod
    def _refuse_taken_name(site: Site, sites: Mapping[str, "Site | _Carried"]) -> None:
        for other in sites.values():
            if isinstance(other, Site) and other.slug != site.slug and other.server_name == site.server_name:
                raise InvalidInputError(
                    f"O endereço {site.server_name} já é do ambiente {other.slug}",
                    site.slug,
                    "Dê a cada ambiente um endereço só seu.",
                )

    # ---- from sites to files ---------------------------------------------------------------------------------------

    def _render(self, sites: Mapping[str, "Site | _Carried"], generation: str) -> Tree:
        """The files of a configuration; only `nginx.conf` and `waf/main.conf` know which generation they are."""
        root = self.home / "releases" / generation
        common = {
            "home": self.home,
            "root": root,
            "generation": generation,
            "listen": self.listen,
            "public_port": self.public_port,
            "http_port": self.http_port,
            # nginx follows no link at all below it, the last step to it included.
            "challenge_dir": self.challenge_dir and self.challenge_dir.resolve(),
            "status_port": self.status_port,
            "gateway_url": self.gateway_url,
            "pid_file": self.pid_file,
            "user": self.user,
            "foreground": self.foreground,
            "worker_processes": self.worker_processes or "auto",
            "modsecurity_module": self.modsecurity_module,
            "mime_types": self.nginx_etc / "mime.types",
            "unicode_map": self.nginx_etc / "unicode.mapping",
            "crs_rules_dir": self.crs_rules_dir,
            "resolver": self.resolver,
            "body_limit_bytes": int(self.max_upload_mb * 1024**2 * BODY_ALLOWANCE),
        }

        def text(template: str, **values: object) -> bytes:
            return _templates.get_template(template).render(**common, **values).encode()

        tree = {
            "nginx.conf": text("nginx.conf.j2"),
            "waf/main.conf": text("waf.conf.j2"),
            "pages/bloqueio.html": (CATALOG_DIR / "edge" / "bloqueio.html").read_bytes(),
        }
        for name in WAF_FILES:
            tree[f"waf/{name}"] = (CATALOG_DIR / "waf" / name).read_bytes()
        for slug, site in sites.items():
            if isinstance(site, _Carried):
                tree |= site.files
                continue
            tree |= {
                f"sites/{slug}.conf": text(
                    "site.conf.j2",
                    site=site,
                    public_url=self.url_of(site),
                    upstream_scheme=site.upstream.partition(":")[0],
                ),
                f"sites/{slug}.pem": site.chain_pem.encode(),
                f"sites/{slug}.key": site.key_pem.get_secret_value().encode(),
                f"pages/{slug}.html": text("manutencao.html.j2", server_name=site.server_name),
            }
        return tree

    def url_of(self, site: Site) -> str:
        """The public address of a site, whose name may be the prefeitura's own instead of one below our domain."""
        port = "" if self.public_port == HTTPS_PORT else f":{self.public_port}"
        return f"https://{site.server_name}{port}"

    # ---- what is there ---------------------------------------------------------------------------------------------

    def _live_generation(self) -> str | None:
        try:
            return (self.home / "live").readlink().name
        except OSError:
            return None

    def _is_live(self, slug: str) -> bool:
        return (self.home / "live" / "sites" / f"{slug}.conf").exists()

    def _read_live_site(self, slug: str) -> Tree:
        live = self.home / "live"
        names = [*(f"sites/{slug}{ending}" for ending in _SITE_FILES), f"pages/{slug}.html"]
        return {name: (live / name).read_bytes() for name in names if (live / name).is_file()}

    def _differences(self, sites: Mapping[str, "Site | _Carried"], slug: str) -> tuple[str, ...]:
        """How one site, and what all of them share, differ from what is wanted, in Portuguese."""
        generation = self._live_generation()
        details = self._tree_differences(self._render(sites, generation or ""), slug)
        if not details and sites[slug] != self._read_declared().get(slug):
            return (f"site {slug}: registro do que foi declarado",)
        if not details and self._served_generation() != generation:
            return (f"site {slug}: configuração gravada, que o nginx ainda não servia",)
        return details

    def _tree_differences(self, wanted: Tree, slug: str | None) -> tuple[str, ...]:
        """Files of the live tree that differ: those that all sites share, and one site's (or, without one, all)."""
        live = self.home / "live"
        own = re.compile(rf"(sites|pages)/{re.escape(slug)}\.[a-z]+") if slug else re.compile(r"(sites|pages)/.*")
        details = []
        for name, content in wanted.items():
            if name.startswith("sites/") and not own.fullmatch(name):
                continue
            if name.startswith("pages/") and name != "pages/bloqueio.html" and not own.fullmatch(name):
                continue
            if _read(live / name) != content:
                details.append(_describe(name))
        return tuple(details)

    def _served_generation(self) -> str | None:
        """The generation that nginx serves now; None when it does not answer."""
        try:
            answer = httpx.get(
                f"http://127.0.0.1:{self.status_port}/geracao", timeout=5, trust_env=False, verify=TRUSTS_NOBODY
            )
        except httpx.HTTPError:
            return None
        return answer.text if answer.status_code == httpx.codes.OK else None

    # ---- putting a configuration in place --------------------------------------------------------------------------

    def _converge(self, sites: dict[str, "Site | _Carried"], slug: str) -> Change:
        details = self._differences(sites, slug)
        if not details:
            return Change(unchanged=1)
        if not is_rehearsal():
            self._publish(sites, slug)
        return Change(updated=1, details=details)

    def _publish(self, sites: dict[str, "Site | _Carried"], slug: str) -> None:
        """Serve these sites; when nginx does not take them, everything is again as it was."""
        master = self._find_master()
        before, declared_before = self._live_generation(), self._read_declared().get(slug)
        candidate = self._make_candidate(sites, slug)
        # Declared before it is live: whoever publishes next, after a kill here, brings it along.
        self._declare(slug, sites.get(slug))
        try:
            self._put_live(candidate)
            self._reload(master, candidate)
        except ImplantaError:
            self._declare(slug, declared_before)
            if before is not None:
                self._put_live(before)
                with suppress(psutil.Error):
                    master.send_signal(signal.SIGHUP)
            raise
        self._drop_old_releases()

    def _make_candidate(self, sites: Mapping[str, "Site | _Carried"], slug: str | None) -> str:
        generation = secrets.token_hex(8)
        root = self.home / "releases" / generation
        root.mkdir(mode=0o700)
        try:
            for name, content in self._render(sites, generation).items():
                target = root / name
                target.parent.mkdir(mode=0o700, exist_ok=True)
                _write(target, content)
            (root / "sites").mkdir(mode=0o700, exist_ok=True)
            self._test(root, slug)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise
        return generation

    def _test(self, root: Path, slug: str | None) -> None:
        """Let nginx itself judge a configuration that nobody serves yet."""
        try:
            done = subprocess.run(
                [self.nginx, "-t", "-q", "-e", "stderr", "-p", self.home, "-c", root / "nginx.conf"],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.reload_seconds,
                check=False,
            )
        except FileNotFoundError:
            raise InvalidInputError(
                "Falta o programa nginx",
                str(self.nginx),
                "Instale-o: apt-get install nginx libnginx-mod-http-modsecurity",
            ) from None
        except subprocess.TimeoutExpired:
            raise RetryableError(
                f"O nginx não terminou de conferir a configuração em {self.reload_seconds:.0f} s",
                slug or str(self.home),
                "Nada mudou. Veja a carga da máquina e execute de novo.",
            ) from None
        if done.returncode:
            raise self._refused(done.stderr, slug)

    def _refused(self, said: str, slug: str | None) -> InvalidInputError:
        serious = [line for line in said.splitlines() if "[emerg]" in line] or said.splitlines() or ["sem mensagem"]
        named = _NAMED_SITE.search(serious[0])
        what = _OWN_PATHS.sub("", serious[0].partition("[emerg]")[2].strip() or serious[0])
        return InvalidInputError(
            f"O nginx recusou a configuração do ambiente {named[1] if named else slug}: {what}"
            if named or slug
            else f"O nginx recusou a configuração: {what}",
            slug or str(self.home),
            "Nada mudou: o que era servido continua. Corrija o certificado ou a configuração e execute de novo.",
        )

    def _put_live(self, generation: str) -> None:
        fresh = self.home / "live.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("releases") / generation)
        fresh.rename(self.home / "live")

    def _find_master(self) -> psutil.Process:
        try:
            master = psutil.Process(int(self.pid_file.read_text()))
            if master.name() == "nginx" and master.status() != psutil.STATUS_ZOMBIE:
                return master
        except (OSError, ValueError, psutil.Error):
            pass  # told below, in the words of who has to act
        raise RetryableError("O nginx da borda não está no ar", str(self.home), _BRING_UP)

    def _reload(self, master: psutil.Process, generation: str) -> None:
        """Make nginx take the live configuration over; returns when nothing else is served to new connections."""
        log, refusal = self.home / "log" / "error.log", re.compile(rf"{_LOG_TIME} \[emerg\] {master.pid}#")
        log_start = log.stat().st_size if log.exists() else 0
        try:
            old_workers = master.children()
            master.send_signal(signal.SIGHUP)
        except psutil.Error:
            raise RetryableError("O nginx da borda acaba de sair do ar", str(self.home), _BRING_UP) from None

        def has_taken_over() -> bool:
            if _said_since(log, log_start, refusal):
                return True
            return self._served_generation() == generation and not any(map(_accepts_connections, old_workers))

        waiting = Retrying(
            retry=retry_if_result(lambda done: not done),
            stop=stop_after_delay(self.reload_seconds),
            wait=wait_fixed(PROBE_INTERVAL_SECONDS),
            retry_error_callback=lambda _: False,
        )
        if not waiting(has_taken_over):
            raise RetryableError(
                f"O nginx não passou a servir a nova configuração em {self.reload_seconds:.0f} s",
                str(log),
                "A anterior foi reposta. Veja a carga da máquina e execute de novo.",
            )
        if said := _said_since(log, log_start, refusal):
            raise self._refused(said, None)

    def _drop_old_releases(self) -> None:
        live = self._live_generation()
        for path in (self.home / "releases").iterdir():
            if path.name != live:
                shutil.rmtree(path, ignore_errors=True)


class _Carried:
    """A site whose declaration cannot be read: its files go along as they are."""

    def __init__(self, files: Tree) -> None:
        self.files = files


_BRING_UP = "Suba-a (no laboratório: ./implanta lab up) e execute de novo."
_LOCK_SECONDS = 300

_templates = Templates(  # noqa: S701  # configuration files, whose values domain.edge lets through by a strict pattern
    loader=FileSystemLoader(CATALOG_DIR / "edge"), undefined=StrictUndefined, keep_trailing_newline=True
)


def _said_since(log: Path, start: int, refusal: re.Pattern[str]) -> str:
    """What nginx's main process gave as the reason for not taking a configuration over, if it did.

    Its workers write to the same file, and what strangers ask for is in their lines.
    """
    with suppress(OSError), log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").splitlines()
        return "\n".join(line for line in lines if refusal.match(line))
    return ""


def _describe(name: str) -> str:
    folder, _, file = name.partition("/")
    stem, ending = Path(file).stem, Path(file).suffix
    if folder == "sites":
        return f"site {stem}: {_SITE_FILES[ending]}"
    if folder == "pages":
        return "página de pedido recusado" if file == "bloqueio.html" else f"site {stem}: página de manutenção"
    return f"regras do WAF: {file}" if folder == "waf" else f"configuração comum da borda: {name}"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _write(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read: some hold keys."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _accepts_connections(worker: psutil.Process) -> bool:
    """Whether a worker of an earlier configuration still takes new connections: nginx tells it in its title."""
    try:
        if worker.status() == psutil.STATUS_ZOMBIE:
            return False
        return "shutting down" not in " ".join(worker.cmdline())
    except psutil.Error:
        return False


def _wait_for_lock(descriptor: int, home: Path) -> None:
    def is_held() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    waiting = Retrying(
        retry=retry_if_result(lambda held: not held),
        stop=stop_after_delay(_LOCK_SECONDS),
        wait=wait_fixed(PROBE_INTERVAL_SECONDS),
        retry_error_callback=lambda _: False,
    )
    if not waiting(is_held):
        raise RetryableError(
            f"Outra execução mexe na borda há mais de {_LOCK_SECONDS} s",
            str(home),
            "Espere que termine e execute de novo.",
        )


@contextmanager
def _explaining_disk_errors(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise RetryableError(
            f"Não foi possível gravar a configuração da borda ({e.strerror})",
            str(e.filename or home),
            "Libere espaço ou acerte as permissões e execute de novo.",
        ) from e
