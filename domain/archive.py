"""What an archive of an environment is, and what proves that it can be restored.

The archive outlives its environment, so it is judged before the environment goes: it is fetched back, restored beside
the source, and compared with it table by table and file by file.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath

from pydantic import AwareDatetime, Field, NonNegativeInt

from domain.model import Frozen
from domain.municipality import IbgeCode
from domain.reference import Database, Sha256


class Measure(Frozen):
    """How long a stream was and its digest."""

    size_bytes: NonNegativeInt
    sha256: Sha256


class ArchivePart(Frozen):
    """One object of an archive; `content` is what went in, `stored` what lies in S3, packed and encrypted."""

    key: str
    version_id: str
    content: Measure
    stored: Measure


class TableFacts(Frozen):
    """What one table holds: `checksum` is MariaDB's own over every row, whatever their order."""

    rows: NonNegativeInt
    checksum: NonNegativeInt | None


class DatabaseFacts(Frozen):
    """What one database is: the digest of its structure (`domain.structure`) and each table's content."""

    structure: Sha256
    tables: dict[str, TableFacts]

    @property
    def rows(self) -> int:
        """All rows of all tables."""
        return sum(table.rows for table in self.tables.values())


class FileFacts(Frozen):
    """The file repository as it was packed."""

    files: NonNegativeInt
    size_bytes: NonNegativeInt


class ArchiveManifest(Frozen):
    """The list of an archive's parts and of what was in the source when they were made. No personal data."""

    environment: str
    ibge: IbgeCode
    release_version: str
    taken_at: AwareDatetime
    parts: tuple[ArchivePart, ...]
    databases: dict[Database, DatabaseFacts]
    files: FileFacts
    versions: dict[str, str] = Field(description="Version parameters of SEI, SIP and modules, as the databases say.")

    def part(self, ending: str) -> ArchivePart:
        """The one part whose key ends so. Raises KeyError."""
        found = [part for part in self.parts if part.key.endswith(ending)]
        if len(found) != 1:
            raise KeyError(ending)
        return found[0]


class Attachment(Frozen):
    """A row of `anexo` (or of `md_pen_anexo_documento`): where its file must be, how long, and its MD5."""

    path: str
    size_bytes: NonNegativeInt
    md5: str
    active: bool


class ArchivedFile(Frozen):
    """A file that was found in the packed repository."""

    path: str
    size_bytes: NonNegativeInt
    md5: str


class ArchiveProof(Frozen):
    """What was restored and compared; building one does not prove anything, `judge_archive` finding nothing does."""

    environment: str
    manifest_sha256: Sha256
    proved_at: AwareDatetime
    tables: NonNegativeInt
    rows: NonNegativeInt
    attachments: NonNegativeInt
    size_bytes: NonNegativeInt

    def sentences(self) -> tuple[str, ...]:
        """The proof for a reader, in Portuguese."""
        return (
            f"Cópia final restaurada e comparada: {self.tables} tabelas, {self.rows} linhas,"
            f" {self.attachments} anexos conferidos pelo hash.",
            f"Arquivo de {self.size_bytes} bytes, cifrado, manifesto {self.manifest_sha256[:12]}.",
        )


def attachment_path(id_anexo: int, included_at: datetime) -> str:
    """Where SEI keeps an attachment below `RepositorioArquivos` (`sei.md` 3)."""
    return str(PurePosixPath(f"{included_at:%Y/%m/%d}", str(id_anexo)))


def judge_database(name: str, source: DatabaseFacts, restored: DatabaseFacts) -> list[str]:
    """What a restored database does not share with its source, one difference an item; empty when they are equal."""
    problems = []
    if source.structure != restored.structure:
        problems.append(f"{name}: a estrutura restaurada difere da origem")
    for table in sorted(source.tables.keys() | restored.tables.keys()):
        before, after = source.tables.get(table), restored.tables.get(table)
        if after is None:
            problems.append(f"{name}: a tabela {table} não foi restaurada")
        elif before is None:
            problems.append(f"{name}: a tabela {table} não existe na origem")
        elif before.rows != after.rows:
            problems.append(f"{name}: a tabela {table} tem {before.rows} linhas na origem e {after.rows} na cópia")
        elif before.checksum != after.checksum:
            problems.append(f"{name}: o conteúdo da tabela {table} difere da origem")
    return problems


def judge_files(attachments: Mapping[str, Attachment], packed: Mapping[str, ArchivedFile]) -> list[str]:
    """Which attachments the packed repository does not hold as their rows say; empty when it holds them all.

    A row that SEI marked inactive may have lost its file. A file without a row is normal: it may be newer than the
    dump, or of a module.
    """
    problems = []
    for path, attachment in sorted(attachments.items()):
        found = packed.get(path)
        if found is None:
            if attachment.active:
                problems.append(f"anexo {path}: o arquivo falta")
        elif found.size_bytes != attachment.size_bytes:
            problems.append(f"anexo {path}: {found.size_bytes} bytes em vez de {attachment.size_bytes}")
        elif found.md5 != attachment.md5:
            problems.append(f"anexo {path}: o hash difere do registrado")
    return problems
