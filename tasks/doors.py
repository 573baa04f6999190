"""Where a task finds the systems that it works on: blocks by name, the registry by its address."""

from functools import lru_cache
from typing import TypeVar

from prefect.blocks.core import Block

from blocks.directory import Directory
from blocks.mailer import Mailer
from blocks.mariadb import MariaDBServer
from blocks.object_storage import ObjectStorage
from blocks.runtime import ApplicationRuntime, LabRuntime
from blocks.secrets import EnvironmentSecrets
from blocks.settings import load_settings
from domain.errors import InvalidInputError
from registry import Registry
from tasks.prefect_errors import explaining_prefect

RUNTIMES: tuple[type[ApplicationRuntime], ...] = (LabRuntime,)

# Of each of these the programme needs the block `principal`, beside the host that `runtime_block` names.
SHARED_BLOCK_TYPES: tuple[type[Block], ...] = (MariaDBServer, Directory, ObjectStorage, Mailer)
# Every type that a Prefect server has to know before its Blocks screen can offer it.
BLOCK_TYPES: tuple[type[Block], ...] = (*SHARED_BLOCK_TYPES, *RUNTIMES, EnvironmentSecrets)

B = TypeVar("B", bound=Block)

# The document of each block that serves every environment; with several servers the registry says which.
MAIN = "principal"


def _load(kind: type[B], name: str) -> B:
    block = _load_once(kind, name, load_settings().prefect_api_url)
    assert isinstance(block, kind)  # noqa: S101  # Prefect types the call for async callers too
    return block


@lru_cache(maxsize=256)
def _load_once(kind: type[Block], name: str, api_url: str) -> object:
    # A run is a process of its own: it works from its first step to its last with the blocks it began with.
    try:
        with explaining_prefect(api_url):
            return kind.load(name)
    except ValueError:
        raise InvalidInputError(
            f"O bloco {kind.get_block_type_slug()}/{name} não existe no Prefect",
            api_url,
            "Cadastre-o com ./implanta deploy (laboratório) ou na tela Blocks do Prefect.",
        ) from None


def mariadb_server(name: str = MAIN) -> MariaDBServer:
    """A MariaDB server of the programme."""
    return _load(MariaDBServer, name)


def directory() -> Directory:
    """The LDAP directory."""
    return _load(Directory, MAIN)


def object_storage() -> ObjectStorage:
    """The S3 service."""
    return _load(ObjectStorage, MAIN)


def mailer() -> Mailer:
    """The outgoing mail server."""
    return _load(Mailer, MAIN)


def runtime() -> ApplicationRuntime:
    """The host of SEI applications that the settings name."""
    settings = load_settings()
    slug, _, name = settings.runtime_block.partition("/")
    kinds = {kind.get_block_type_slug(): kind for kind in RUNTIMES}
    if slug not in kinds:
        raise InvalidInputError(
            f"O bloco {settings.runtime_block} não é um servidor de aplicação",
            "configuração runtime_block",
            f"Use um destes tipos: {', '.join(sorted(kinds))}.",
        )
    return _load(kinds[slug], name)


def environment_secrets(environment_slug: str) -> EnvironmentSecrets:
    """The secrets of one environment, which `ensure_secrets` made."""
    return _load(EnvironmentSecrets, environment_slug)


@lru_cache(maxsize=1)
def _registry_at(url: str) -> Registry:
    return Registry(url)


def registry() -> Registry:
    """The fleet's memory; one pool of connections a process."""
    return _registry_at(load_settings().registry_url.get_secret_value())
