"""The edge on nginx with ModSecurity and the OWASP CRS: from declared sites to a configuration that is served."""

import fcntl
import os
import re
import secrets
import shutil
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil
from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined
from pydantic import Field, model_validator

from blocks.catalog_file import CATALOG_DIR
from blocks.edge import HTTPS_PORT, Edge, EdgeAddress, EdgeHealth
from blocks.nginx_records import DIRECTORIES, Carried, Known, SiteRecords
from blocks.nginx_server import BRING_UP, PROBE_INTERVAL_SECONDS, NginxServer
from blocks.nginx_tree import Tree, describe, explaining_disk_errors, make_directory, read, write
from blocks.rehearsal import is_rehearsal
from blocks.waiting import comes_true
from domain.change import Change
from domain.edge import Site, Switch
from domain.environment import EnvironmentName
from domain.errors import ImplantaError, InvalidInputError, RetryableError

# Multipart borders and the other fields of a form come on top of the largest upload.
BODY_ALLOWANCE = 1.1
WAF_FILES = ("crs_setup.conf", "own_rules.conf", "exclusions.conf")

_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
_DIRECTORIES = (*DIRECTORIES, "releases", "log", "tmp")
# Where nginx's workers look for something, who may be another user than the main process: marks, pages, uploads.
_SEARCHED = ("", "open", "releases", "tmp")
_LOCK_SECONDS = 300

_templates = Templates(  # noqa: S701  # configuration files, whose values domain.edge lets through by a strict pattern
    loader=FileSystemLoader(CATALOG_DIR / "edge"), undefined=StrictUndefined, keep_trailing_newline=True
)


class NginxEdge(Edge):
    """nginx with ModSecurity and the OWASP CRS, configured by files that this machine and nginx both see.

    `home` holds what is remembered of each site (`SiteRecords`), `releases/` (each a whole configuration) and `live`,
    the link to the one that nginx reads. A change is a new release: rendered, tested by nginx itself, put in place by
    one rename, and taken over without closing anybody's connection. Closing a site and opening it is none: with
    hundreds of sites nginx takes seconds to read everything again, and a night of upgrades closes and opens them all.
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
            sites = self._records.read_all()
            self._refuse_taken_name(site, sites)
            known = site.slug in sites or self._is_live(site.slug)
            wanted = self._as_switched(site, sites.get(site.slug), keeping)
            change = self._converge(wanted)
            return change if known or not change.total else Change(created=1, details=(f"site {site.slug}",))

    def switch_site(
        self, environment: EnvironmentName, *, maintenance: bool | None = None, closed: bool | None = None
    ) -> Change:
        slug = environment.slug
        given = {"maintenance": maintenance, "closed": closed}
        with self._alone():
            known = self._records.read(slug)
            if not isinstance(known, Site):
                raise InvalidInputError(
                    "O ambiente não está declarado na borda", slug, f"Execute ./implanta environment apply {slug}."
                )
            wanted = known.model_copy(update={name: value for name, value in given.items() if value is not None})
            return self._converge(wanted)

    def remove_site(self, environment: EnvironmentName) -> Change:
        slug = environment.slug
        with self._alone():
            if self._records.read(slug) is None and not self._is_live(slug):
                return Change()
            if not is_rehearsal():
                self._publish(slug, None)
            return Change(removed=1, details=(f"site {slug}",))

    def list_sites(self) -> tuple[Site, ...]:
        return tuple(site for site in self._records.read_all().values() if isinstance(site, Site))

    def probe(self) -> EdgeHealth:
        served, live = self._server.served_generation(), self._live_generation()
        if served is None:
            detail = "o nginx não responde"
        elif served != live:
            detail = "o nginx serve uma configuração anterior à gravada"
        else:
            detail = f"configuração {live}"
        return EdgeHealth(
            serving=served is not None and served == live, sites=len(self._records.read_all()), detail=detail
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

    @property
    def _records(self) -> SiteRecords:
        return SiteRecords(home=self.home)

    @property
    def _server(self) -> NginxServer:
        return NginxServer(
            home=self.home,
            program=self.nginx,
            pid_file=self.pid_file,
            status_port=self.status_port,
            reload_seconds=self.reload_seconds,
        )

    def prepare(self) -> None:
        """Make the configuration that a stopped nginx is started with, from what is declared.

        Raises:
            InvalidInputError: nginx refuses it.
        """
        with explaining_disk_errors(self.home):
            for directory in ("", *_DIRECTORIES):
                make_directory(self.home / directory, searched=directory in _SEARCHED)
        with self._alone():
            sites = self._records.read_all()
            self._records.mark(sites)
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
        with explaining_disk_errors(self.home):
            if not self.home.is_dir():
                raise RetryableError("A borda ainda não foi preparada", str(self.home), BRING_UP)
            descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait_for_lock(descriptor, self.home)
            with explaining_disk_errors(self.home):
                yield
        finally:
            os.close(descriptor)

    # ---- what is declared ------------------------------------------------------------------------------------------

    def _as_switched(self, site: Site, declared: Known | None, keeping: Collection[Switch]) -> Site:
        """The site with the switches that stay as they are; only under the lock is what was read still true."""
        if isinstance(declared, Site):
            return site.model_copy(update={switch: getattr(declared, switch) for switch in keeping})
        closed = self._is_live(site.slug) and not self._records.is_open(site.slug)
        if "maintenance" in keeping and closed and not site.shut:  # its record is lost, and it stays shut
            return site.model_copy(update={"maintenance": True})
        return site

    @staticmethod
    def _refuse_taken_name(site: Site, sites: Mapping[str, Known]) -> None:
        for other in sites.values():
            if isinstance(other, Site) and other.slug != site.slug and other.server_name == site.server_name:
                raise InvalidInputError(
                    f"O endereço {site.server_name} já é do ambiente {other.slug}",
                    site.slug,
                    "Dê a cada ambiente um endereço só seu.",
                )

    # ---- from sites to files ---------------------------------------------------------------------------------------

    def _render(self, sites: Mapping[str, Known], generation: str) -> Tree:
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
            if isinstance(site, Carried):
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

    def _served_differences(self, site: Site) -> tuple[str, ...]:
        """How what nginx reads of one site, and what all of them share, differ from what is wanted, in Portuguese."""
        generation = self._live_generation()
        details = self._tree_differences(self._render({site.slug: site}, generation or ""), site.slug)
        if not details and self._server.served_generation() != generation:
            return (f"site {site.slug}: configuração gravada, que o nginx ainda não servia",)
        return details

    def _door_difference(self, site: Site) -> tuple[str, ...]:
        """Whether the public is let in where it should not, or kept out where it should be in, in Portuguese."""
        if self._records.is_open(site.slug) is not site.shut:
            return ()
        return (f"site {site.slug}: {'fechado' if site.shut else 'aberto'} ao público",)

    def _record_difference(self, site: Site) -> tuple[str, ...]:
        same = self._records.read(site.slug) == site
        return () if same else (f"site {site.slug}: registro do que foi declarado",)

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
            if read(live / name) != content:
                details.append(describe(name))
        return tuple(details)

    # ---- putting a configuration in place --------------------------------------------------------------------------

    def _converge(self, site: Site) -> Change:
        door = self._door_difference(site)
        if details := self._served_differences(site):
            if not is_rehearsal():
                self._publish(site.slug, site)
            return Change(updated=1, details=(*details, *door))
        if details := door or self._record_difference(site):
            if not is_rehearsal():
                self._records.write(site.slug, site)
                self._records.mark({site.slug: site})
            return Change(updated=1, details=details)
        return Change(unchanged=1)

    def _publish(self, slug: str, site: Site | None) -> None:
        """Serve every site, this one as given; when nginx does not take them, everything is again as it was."""
        master, before = self._server.find_master(), self._live_generation()
        others = self._records.read_all()
        recorded = others.pop(slug, None)
        candidate = self._make_candidate({**others, slug: site} if site else others, slug)
        # Remembered before it is live: whoever publishes next, after a kill here, brings it along.
        self._records.write(slug, site)
        try:
            self._records.mark(others)
            self._put_live(candidate)
            self._server.reload(master, candidate)
        except ImplantaError:
            self._records.write(slug, recorded)
            self._records.mark({slug: recorded})
            if before is not None:
                self._put_live(before)
                with suppress(psutil.Error):
                    master.send_signal(signal.SIGHUP)
            raise
        self._records.mark({slug: site})
        self._drop_old_releases()

    def _make_candidate(self, sites: Mapping[str, Known], slug: str | None) -> str:
        generation = secrets.token_hex(8)
        root = self.home / "releases" / generation
        make_directory(root, searched=True)
        try:
            for name, content in self._render(sites, generation).items():
                target = root / name
                public = name.startswith("pages/")
                make_directory(target.parent, searched=public)
                write(target, content, public=public)
            make_directory(root / "sites")
            self._server.test(root, slug)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise
        return generation

    def _put_live(self, generation: str) -> None:
        fresh = self.home / "live.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("releases") / generation)
        fresh.rename(self.home / "live")

    def _drop_old_releases(self) -> None:
        live = self._live_generation()
        for path in (self.home / "releases").iterdir():
            if path.name != live:
                shutil.rmtree(path, ignore_errors=True)


def _wait_for_lock(descriptor: int, home: Path) -> None:
    def is_held() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    if not comes_true(is_held, seconds=_LOCK_SECONDS, every=PROBE_INTERVAL_SECONDS):
        raise RetryableError(
            f"Outra execução mexe na borda há mais de {_LOCK_SECONDS} s",
            str(home),
            "Espere que termine e execute de novo.",
        )
