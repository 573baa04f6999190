"""The environments that the stand-in serves: one directory each, read again whenever its file changes."""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pymysql.cursors import DictCursor

from lab.sei_standin.database import DatabaseSettings, transaction

logger = logging.getLogger(__name__)

_BRASILIA = ZoneInfo("America/Sao_Paulo")
# What `LabRuntime.address` asks for: the hop behind the edge, and direct access.
_OWN_DOMAIN = "localhost"
MODULES_PATH = "sei/web/modulos"
"""Where the code has its modules, a directory each."""
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class _Group(BaseModel):
    # The real configuration has many more keys (`sei.md` 1.2); the stand-in reads those it acts upon.
    model_config = ConfigDict(frozen=True, extra="ignore")


class SeiSettings(_Group):
    """Group `SEI`."""

    url: str = Field(alias="URL")
    repository: Path = Field(alias="RepositorioArquivos")
    document_digits: int = Field(default=7, alias="DigitosDocumento")
    modules: dict[str, str] = Field(default_factory=dict, alias="Modulos")

    @property
    def base_url(self) -> str:
        """The public address without SEI's own path, which the real `URL` ends in."""
        return self.url.rstrip("/").removesuffix("/sei")


class SystemSession(_Group):
    """Groups `SessaoSEI` and `SessaoSip`."""

    sigla_orgao: str = Field(alias="SiglaOrgaoSistema")
    sigla_sistema: str = Field(alias="SiglaSistema")
    access_key: SecretStr = Field(alias="ChaveAcesso")


class Maintenance(_Group):
    """Group `Manutencao`: the application's own maintenance mode. `Usuarios` are `sigla/orgao` let in all the same."""

    active: bool = Field(default=False, alias="Ativada")
    users: tuple[str, ...] = Field(default=(), alias="Usuarios")
    message: str = Field(default="", alias="Mensagem")

    @property
    def notice(self) -> str:
        """What is told to people, whatever was configured."""
        return self.message or "Sistema em manutenção."

    def lets_in(self, sigla: str, orgao: str) -> bool:
        """Whether a person may work now."""
        return not self.active or f"{sigla}/{orgao}".casefold() in {user.casefold() for user in self.users}


class ImplantaSettings(_Group):
    """Group `Implanta`, our own: what the plan lets the environment keep. The real SEI leaves that to the disk."""

    quota_bytes: int | None = Field(default=None, alias="QuotaBytes")
    quota_files: int | None = Field(default=None, alias="QuotaArquivos")


class Configuration(_Group):
    """What the stand-in reads of one environment's ConfiguracaoSEI.php and ConfiguracaoSip.php."""

    sei: SeiSettings = Field(alias="SEI")
    sei_session: SystemSession = Field(alias="SessaoSEI")
    sip_session: SystemSession = Field(alias="SessaoSip")
    sei_database: DatabaseSettings = Field(alias="BancoSEI")
    sip_database: DatabaseSettings = Field(alias="BancoSip")
    maintenance: Maintenance = Field(default_factory=lambda: Maintenance.model_validate({}), alias="Manutencao")
    implanta: ImplantaSettings = Field(default_factory=lambda: ImplantaSettings.model_validate({}), alias="Implanta")


@dataclass(frozen=True)
class Environment:
    """One environment as its configuration describes it now."""

    slug: str
    home: Path
    configuration: Configuration

    @property
    def stopped(self) -> bool:
        """Whether the application of this environment is stopped: it serves nothing and runs no scheduled task."""
        return (self.home / "parado").exists()

    @property
    def code_version(self) -> str | None:
        """The version of SEI whose code this environment has, by the file that its deployment writes."""
        try:
            return (self.home / "versao-do-codigo").read_text(encoding="ascii").strip().partition("+")[0] or None
        except OSError:
            return None

    def missing_modules(self) -> list[str]:
        """The classes of `SEI/Modulos` whose directory the code does not have."""
        below = self.home / "scripts" / MODULES_PATH
        modules = self.configuration.sei.modules
        return sorted(name for name, directory in modules.items() if not (below / directory).is_dir())

    @property
    def scheduled(self) -> bool:
        """Whether the agendador works for it: not while it is stopped, and never for a temporary copy."""
        return not self.stopped and not (self.home / "sem-agendador").exists()

    @property
    def host(self) -> str:
        """The host name in the environment's public address."""
        return urlsplit(self.configuration.sei.url).hostname or ""

    @contextmanager
    def sei(self) -> Iterator[DictCursor]:
        """One transaction on this environment's SEI database."""
        with transaction(self.configuration.sei_database) as cursor:
            yield cursor

    @contextmanager
    def sip(self) -> Iterator[DictCursor]:
        """One transaction on this environment's SIP database."""
        with transaction(self.configuration.sip_database) as cursor:
            yield cursor


def read_configuration(path: Path) -> Configuration:
    """What a file of configuration says; raises OSError or ValueError when it cannot be read."""
    return Configuration.model_validate_json(path.read_bytes())


class Environments:
    """Every environment under one directory, as `<directory>/<slug>/configuracao.json`."""

    def __init__(self, apps_dir: Path) -> None:
        self._apps_dir = apps_dir
        self._cache: dict[str, tuple[tuple[int, int], Environment]] = {}

    def find(self, slug: str) -> Environment | None:
        """The environment of that slug; None when there is none or its configuration cannot be read."""
        if not _SLUG.fullmatch(slug):
            return None
        home = self._apps_dir / slug
        try:
            file = (home / "configuracao.json").open(encoding="utf-8")
        except OSError:
            self._cache.pop(slug, None)
            return None
        with file:
            # The file is replaced as a whole, so its inode tells two writes within one clock tick apart.
            stat = os.fstat(file.fileno())
            stamp = (stat.st_mtime_ns, stat.st_ino)
            cached = self._cache.get(slug)
            if cached and cached[0] == stamp:
                return cached[1]
            try:
                configuration = Configuration.model_validate(json.load(file))
            except (ValidationError, json.JSONDecodeError) as e:
                # Neither text may be logged: it quotes the configuration, passwords included.
                logger.error("configuracao ilegivel ambiente=%s erro=%s", slug, type(e).__name__)
                return None
        environment = Environment(slug, home, configuration)
        self._cache[slug] = (stamp, environment)
        return environment

    def find_by_host(self, host: str) -> Environment | None:
        """The environment that this `Host` header names, by its public address or, as the edge asks, by the lab's own.

        The first label of either is the slug.
        """
        name = host.partition(":")[0].lower()
        environment = self.find(name.partition(".")[0])
        if environment is None or name not in {environment.host, f"{environment.slug}.{_OWN_DOMAIN}"}:
            return None
        return environment

    def list_all(self) -> list[Environment]:
        """Every environment that can be read, by slug."""
        if not self._apps_dir.is_dir():
            return []
        found = (self.find(home.name) for home in sorted(self._apps_dir.iterdir()) if home.is_dir())
        return [environment for environment in found if environment]


def local_now() -> datetime:
    """Brasília time without a zone, as SEI and SIP write it into their `dth_…` columns whatever the machine's clock."""
    return datetime.now(_BRASILIA).replace(tzinfo=None, microsecond=0)
