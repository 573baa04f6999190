"""The list of what one backup consists of and what was in the source when it was taken."""

from typing import Literal

from pydantic import AwareDatetime, Field

from domain.archive import ArchivePart, DatabaseFacts, FileFacts
from domain.backup.facts import DumpFacts
from domain.backup.log import LogPosition
from domain.model import Frozen
from domain.municipality import IbgeCode
from domain.reference import Database, Sha256

FOLDER = "copias"
PACKS = "arquivos"
MANIFEST = "manifesto.json"
CERTIFICATE = "certificado.json"
CERTIFICATE_PAGE = "certificado.html"
SIGNATURE_ENDING = ".assinatura"
DATABASES = "bancos.sql.zst.enc"
INDEX = "arquivos.jsonl.zst.enc"
DIRECTORY = "ldap.ldif.zst.enc"
SETTINGS = "ambiente.json.zst.enc"


class BackupReference(Frozen):
    """Where a backup's manifest is, and what it must be."""

    environment: str
    key: str
    version_id: str
    sha256: Sha256
    taken_at: AwareDatetime


class BackupManifest(Frozen):
    """One backup. No personal data. `taken_at` is the moment that its databases show."""

    format: Literal[1] = 1
    environment: str
    ibge: IbgeCode
    release_version: str
    taken_at: AwareDatetime
    finished_at: AwareDatetime
    schemas: dict[Database, str]
    databases: ArchivePart
    dump: DumpFacts
    resting: dict[Database, DatabaseFacts] = Field(
        description="Structure, and rows and checksum of each table that did not change while it was copied, as the"
        " server itself counts them: what the dump says of itself is compared with it."
    )
    index: ArchivePart
    packs: tuple[ArchivePart, ...] = Field(description="Of this night and earlier ones, as the index uses them.")
    files: FileFacts
    directory: ArchivePart
    directory_entries: int
    settings: ArchivePart
    clock_skew_seconds: dict[str, float] = Field(
        default={}, description="How far the clocks of other servers were ahead of this machine's, by server."
    )
    log: LogPosition | None = Field(
        default=None, description="Where in the server's binary log it stands; none where the server keeps none."
    )
    versions: dict[str, str] = Field(description="Version parameters of SEI, SIP and modules, as the databases say.")
    tools: dict[str, str] = Field(description="Programs that wrote it, with their versions.")

    @property
    def parts(self) -> tuple[ArchivePart, ...]:
        """Every object that the backup needs, its manifest excepted."""
        return (self.databases, self.index, *self.packs, self.directory, self.settings)

    @property
    def own_parts(self) -> tuple[ArchivePart, ...]:
        """The objects that were written with it: packs may be of earlier nights."""
        return (self.databases, self.index, self.directory, self.settings)

    @property
    def stored_bytes(self) -> int:
        """What all its objects take in S3; packs that other nights use as well are counted whole."""
        return sum(part.stored.size_bytes for part in self.parts)


def stamp_of(moment: AwareDatetime) -> str:
    """`20261128T030000Z`: how people name a backup, by the moment that it shows."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


def folder_of(taken_at: AwareDatetime) -> str:
    """`copias/20261128T030000Z`: the folder of a backup in its bucket."""
    return f"{FOLDER}/{stamp_of(taken_at)}"
