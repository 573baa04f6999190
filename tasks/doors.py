"""Where a task finds the systems that it works on: blocks by name, the registry by its address."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from typing import TypeVar

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound

from blocks.acme_issuer import AcmeIssuer
from blocks.archive_key import EnvironmentArchiveKey
from blocks.certificate_authority import CertificateIssuer, InternalCA
from blocks.directory import Directory
from blocks.dns import DnsZone, ManualZone, Rfc2136Zone
from blocks.edge import Edge
from blocks.environment_certificate import EnvironmentCertificate
from blocks.mailer import Mailer
from blocks.mariadb import MariaDBServer
from blocks.nginx_edge import NginxEdge
from blocks.object_storage import ObjectStorage
from blocks.returns_mailbox import ReturnsMailbox
from blocks.runtime import ApplicationRuntime, ComposeRuntime, KubernetesRuntime, LabRuntime
from blocks.secrets import EnvironmentSecrets
from blocks.settings import load_settings
from blocks.signing_key import BackupSigningKey
from blocks.ssc import SecuritySystem
from blocks.ssc_http import HttpSsc
from blocks.ssc_ldap import LdapSsc
from blocks.training_moodle import MoodlePlatform
from blocks.training_platform import TrainingPlatform
from blocks.webhook_secrets import WebhookSecrets
from domain.errors import InvalidInputError, RetryableError
from registry import Registry
from tasks.prefect_errors import explaining_prefect

RUNTIMES: tuple[type[ApplicationRuntime], ...] = (LabRuntime, ComposeRuntime, KubernetesRuntime)
EDGES: tuple[type[Edge], ...] = (NginxEdge,)
DNS_ZONES: tuple[type[DnsZone], ...] = (Rfc2136Zone, ManualZone)
ISSUERS: tuple[type[CertificateIssuer], ...] = (InternalCA, AcmeIssuer)
SECURITY_SYSTEMS: tuple[type[SecuritySystem], ...] = (LdapSsc, HttpSsc)
RETURNS: tuple[type[ReturnsMailbox], ...] = (ReturnsMailbox,)
TRAINING_PLATFORMS: tuple[type[TrainingPlatform], ...] = (MoodlePlatform,)

# Of each of these the programme needs the block `principal`, beside those that `runtime_block` and `certificate_block`
# name.
SHARED_BLOCK_TYPES: tuple[type[Block], ...] = (MariaDBServer, Directory, ObjectStorage, Mailer)
# Every type that a Prefect server has to know before its Blocks screen can offer it.
BLOCK_TYPES: tuple[type[Block], ...] = (
    *SHARED_BLOCK_TYPES,
    *RUNTIMES,
    *EDGES,
    *DNS_ZONES,
    *ISSUERS,
    *SECURITY_SYSTEMS,
    *TRAINING_PLATFORMS,
    *RETURNS,
    EnvironmentSecrets,
    EnvironmentCertificate,
    EnvironmentArchiveKey,
    BackupSigningKey,
    WebhookSecrets,
)

B = TypeVar("B", bound=Block)

# The document of each block that serves every environment; with several servers the registry says which.
MAIN = "principal"


class NoBlockError(InvalidInputError):
    """Prefect answers that it has no block of this name: whoever makes it may."""


def _load(kind: type[B], name: str) -> B:
    block = _load_once(kind, name, load_settings().prefect_api_url)
    assert isinstance(block, kind)  # noqa: S101  # Prefect types the call for async callers too
    return block


@lru_cache(maxsize=256)
def _load_once(kind: type[Block], name: str, api_url: str) -> object:
    # A run is a process of its own: it works from its first step to its last with the blocks it began with.
    found = find_block(kind, name)
    if found is None:
        raise NoBlockError(
            f"O bloco {kind.get_block_type_slug()}/{name} não existe no Prefect",
            api_url,
            "Cadastre-o com ./implanta deploy (laboratório) ou na tela Blocks do Prefect.",
        )
    return found


def find_block(kind: type[B], name: str) -> B | None:
    """A block as it is now; None where Prefect answers that it has none of this name.

    Raises:
        RetryableError: Prefect does not answer, or its client failed in any other way: who makes what is missing must
            not take that for missing.
    """
    api_url = load_settings().prefect_api_url
    try:
        with explaining_prefect(api_url):
            found = kind.load(name)
    except (ValueError, RuntimeError) as e:  # RuntimeError: as Prefect tells that the block's kind has changed since
        if isinstance(e.__cause__, ObjectNotFound):
            return None
        # Only where: the text may repeat what the block holds.
        frame = extract_tb(e.__traceback__)[-1]
        raise RetryableError(
            f"O bloco {kind.get_block_type_slug()}/{name} não pôde ser lido"
            f" ({type(e).__name__}, {Path(frame.filename).name}:{frame.lineno})",
            api_url,
            "Execute de novo; se persistir, confira o bloco na tela Blocks do Prefect.",
        ) from None
    assert isinstance(found, kind)  # noqa: S101  # Prefect types the call for async callers too
    return found


def forget_blocks() -> None:
    """Load every block anew from here on: one of them was just saved."""
    _load_once.cache_clear()


def mariadb_server(name: str = MAIN) -> MariaDBServer:
    """A MariaDB server of the programme."""
    return _load(MariaDBServer, name)


def mariadb_servers() -> dict[str, MariaDBServer]:
    """Every MariaDB server of the programme, by the name of its document."""
    api_url = load_settings().prefect_api_url
    with explaining_prefect(api_url), get_client(sync_client=True) as client:
        documents = client.read_block_documents_by_type(MariaDBServer.get_block_type_slug(), include_secrets=False)
    return {name: mariadb_server(name) for name in sorted(document.name for document in documents if document.name)}


def directory() -> Directory:
    """The LDAP directory."""
    return _load(Directory, MAIN)


def object_storage() -> ObjectStorage:
    """The S3 service."""
    return _load(ObjectStorage, MAIN)


def mailer() -> Mailer:
    """The outgoing mail server."""
    return _load(Mailer, MAIN)


def returns_mailbox() -> ReturnsMailbox | None:
    """The mailbox of what could not be delivered; None where the settings name none, and nobody reads it."""
    block = load_settings().returns_block
    return None if block is None else _load_one_of(RETURNS, block, "uma caixa de retornos", "returns_block")


def runtime() -> ApplicationRuntime:
    """The host of SEI applications that the settings name."""
    return _load_one_of(RUNTIMES, load_settings().runtime_block, "um servidor de aplicação", "runtime_block")


def edge() -> Edge:
    """The way in from the internet that the settings name."""
    return _load_one_of(EDGES, load_settings().edge_block, "um servidor de borda", "edge_block")


def dns_zone() -> DnsZone | None:
    """The zone of the public names; None where the settings name none, and a wildcard record serves."""
    block = load_settings().dns_block
    return None if block is None else _load_one_of(DNS_ZONES, block, "uma zona de DNS", "dns_block")


def ssc() -> SecuritySystem:
    """The corporate security system that the settings name."""
    return _load_one_of(SECURITY_SYSTEMS, load_settings().ssc_block, "um sistema de segurança (SSC)", "ssc_block")


def training_platform() -> TrainingPlatform | None:
    """The platform where people take their courses; None where the settings name none, and only lists tell of them."""
    block = load_settings().training_block
    if block is None:
        return None
    return _load_one_of(TRAINING_PLATFORMS, block, "uma plataforma de capacitação", "training_block")


def certificate_issuer() -> CertificateIssuer:
    """The authority that the settings name."""
    return _load_one_of(ISSUERS, load_settings().certificate_block, "uma autoridade certificadora", "certificate_block")


def _load_one_of(kinds: Iterable[type[B]], block: str, what: str, setting: str) -> B:
    slug, _, name = block.partition("/")
    by_slug = {kind.get_block_type_slug(): kind for kind in kinds}
    if slug not in by_slug:
        raise InvalidInputError(
            f"O bloco {block} não é {what}",
            f"configuração {setting}",
            f"Use um destes tipos: {', '.join(sorted(by_slug))}.",
        )
    return _load(by_slug[slug], name)


def environment_certificate(environment_slug: str) -> EnvironmentCertificate | None:
    """The certificate of one environment as it is now, or None before the first; a run may replace it."""
    return find_block(EnvironmentCertificate, environment_slug)


def environment_secrets(environment_slug: str) -> EnvironmentSecrets:
    """The secrets of one environment, which `ensure_secrets` made."""
    return _load(EnvironmentSecrets, environment_slug)


def archive_key(environment_slug: str) -> EnvironmentArchiveKey:
    """The key of one environment's archive, which its retirement made."""
    return _load(EnvironmentArchiveKey, environment_slug)


def signing_key() -> BackupSigningKey:
    """The key that signs the programme's backups, which the first of them made."""
    return _load(BackupSigningKey, MAIN)


@lru_cache(maxsize=1)
def _registry_at(url: str) -> Registry:
    return Registry(url)


def registry() -> Registry:
    """The fleet's memory; one pool of connections a process."""
    return _registry_at(load_settings().registry_url.get_secret_value())
