"""A release package: what turns the databases of one version of SEI into those of another, statement by statement.

Made from two reference databases, and proved on them when it was made. Values of rows stand apart from the SQL, to be
bound. The file is JSON, compressed, beginning with the digest of the rest.
"""

import hashlib
import re
from enum import StrEnum
from typing import Literal

import zstandard
from pydantic import Field, ValidationError

from domain.errors import IntegrityError, InvalidInputError
from domain.model import Frozen
from domain.reference import Database, Sha256, Version, minor_line, version_key
from domain.structure import Structure

Value = str | int | None
_MAGIC = b"implanta-release 1 "
_HEADER_BYTES = len(_MAGIC) + 64 + 1
# Some two hundred times the largest: a file may not fill the memory. The frame says its size, and may not exceed it.
_MAX_BYTES = 64 * 1024 * 1024
_VERSION = re.compile(r"\d+(\.\d+){1,3}")
_FIX = "Gere o pacote de novo com ./implanta release build."


class Kind(StrEnum):
    """What a statement does; the order is the one in which a package does it."""

    REQUIRE = "require"
    DROP_DEFINITION = "drop_definition"
    DROP_FOREIGN_KEY = "drop_foreign_key"
    ADD_COLUMN = "add_column"
    FILL = "fill"
    DROP_TABLE = "drop_table"
    CREATE_TABLE = "create_table"
    ALTER_TABLE = "alter_table"
    ROWS_DELETE = "rows_delete"
    ROWS_UPDATE = "rows_update"
    ROWS_INSERT = "rows_insert"
    MOVE_COUNTER = "move_counter"
    ADD_FOREIGN_KEY = "add_foreign_key"
    CREATE_DEFINITION = "create_definition"

    @property
    def label(self) -> str:
        """What it does, as operators read it."""
        return _LABELS[self]


_LABELS = {
    Kind.REQUIRE: "conferência prévia",
    Kind.DROP_DEFINITION: "visão, gatilho, rotina ou evento removido",
    Kind.DROP_FOREIGN_KEY: "chaves estrangeiras soltas",
    Kind.ADD_COLUMN: "colunas obrigatórias novas",
    Kind.FILL: "preenchimento de colunas",
    Kind.DROP_TABLE: "tabelas removidas",
    Kind.CREATE_TABLE: "tabelas criadas",
    Kind.ALTER_TABLE: "tabelas alteradas",
    Kind.ROWS_DELETE: "linhas de referência removidas",
    Kind.ROWS_UPDATE: "valores de referência trocados",
    Kind.ROWS_INSERT: "linhas de referência incluídas",
    Kind.MOVE_COUNTER: "contadores adiantados",
    Kind.ADD_FOREIGN_KEY: "chaves estrangeiras criadas",
    Kind.CREATE_DEFINITION: "visão, gatilho, rotina ou evento criado",
}


class Statement(Frozen):
    """One step; with rows, the SQL runs once for each of them, its values bound."""

    kind: Kind
    table: str = Field(min_length=1)
    sql: str = Field(min_length=1)
    rows: tuple[tuple[Value, ...], ...] = ()
    columns: tuple[str, ...] = Field(
        default=(), description="The column that each value of a row is of, where new rows are brought or looked for."
    )

    @property
    def count(self) -> int:
        """How many times it runs."""
        return len(self.rows) or 1


class Side(Frozen):
    """What a database is on one side of the change."""

    structure: Sha256 = Field(description="Fingerprint of the whole structure.")
    tables: dict[str, Sha256] = Field(description="Fingerprint of each table.")
    definitions: dict[str, Sha256] = Field(description="Fingerprint of each view, trigger, routine and event.")
    versions: dict[str, str] = Field(description="The version parameters of the core, by name.")


class DatabasePackage(Frozen):
    """The change of one database."""

    database: Database
    before: Side
    after: Side
    statements: tuple[Statement, ...]
    left_out: tuple[str, ...] = Field(
        default=(), description="Tables whose rows differ between the references and are no reference rows."
    )


class ReleasePackage(Frozen):
    """The change of both databases from one version to another."""

    from_version: Version
    to_version: Version
    from_digest: Sha256 = Field(description="Of the reference it starts from.")
    to_digest: Sha256 = Field(description="Of the reference it leads to.")
    sip: DatabasePackage
    sei: DatabasePackage

    @property
    def parts(self) -> tuple[DatabasePackage, DatabasePackage]:
        """Both changes, SIP first: the order of SEI's own scripts."""
        return self.sip, self.sei

    @property
    def digest(self) -> str:
        """The sha256 of all that it says."""
        return hashlib.sha256(_json(self)).hexdigest()


def side_of(structure: Structure, versions: dict[str, str]) -> Side:
    """What a database is, from what was read of it."""
    return Side(
        structure=structure.digest,
        tables=structure.table_digests,
        definitions=structure.definitions,
        versions=versions,
    )


def package_bytes(package: ReleasePackage) -> bytes:
    """The content of its file; equal packages give equal bytes."""
    text = _json(package)
    digest = hashlib.sha256(text).hexdigest().encode()
    return _MAGIC + digest + b"\n" + zstandard.ZstdCompressor(level=10).compress(text)


def parse_package(content: bytes, *, where: str) -> ReleasePackage:
    """The package of a file's content.

    Raises:
        InvalidInputError: it is no release package, or one of another version of Implanta.
        IntegrityError: it is damaged.
    """
    header = content[:_HEADER_BYTES]
    if not header.startswith(_MAGIC) or not header.endswith(b"\n"):
        raise InvalidInputError("O arquivo não é um pacote de versão do Implanta", where, _FIX)
    try:
        declared = zstandard.frame_content_size(content[_HEADER_BYTES:])
        if not 0 < declared <= _MAX_BYTES:
            raise IntegrityError("O pacote de versão diz ter um tamanho que nenhum tem", where, _FIX)
        text = zstandard.ZstdDecompressor().decompress(content[_HEADER_BYTES:], allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise IntegrityError("O pacote de versão está danificado ou incompleto", where, _FIX) from error
    if hashlib.sha256(text).hexdigest().encode() != header[len(_MAGIC) : -1]:
        raise IntegrityError("O pacote de versão não confere com o seu próprio resumo", where, _FIX)
    try:
        return ReleasePackage.model_validate_json(text)
    except ValidationError as error:
        places = "; ".join(".".join(map(str, problem["loc"])) for problem in error.errors()[:3])
        raise InvalidInputError(f"O pacote de versão não tem o formato esperado ({places})", where, _FIX) from None


def judge_ground(part: DatabasePackage, found: Side) -> Literal["ready", "done"] | list[str]:
    """Whether a database is where the package starts, or already where it leads, or else what is in the way.

    A later patch of the line it leads to has the same structure and another version, and is told so. Tables that the
    package does not know are the modules' (`md_*`) and do not matter, unless it would create them.
    """
    if _is(part.after, found) and _has_versions(part.after, found):
        return "done"
    later = _later_versions(part.after, found)
    if later and _is(part.after, found):
        return [f"já está na linha de destino, numa correção posterior ({', '.join(later)})"]
    problems = [
        f"tabela {table}: {'difere' if table in found.tables else 'falta'}"
        for table, digest in sorted(part.before.tables.items())
        if found.tables.get(table) != digest
    ]
    problems += [
        f"tabela {table}: já existe"
        for table in sorted(part.after.tables.keys() - part.before.tables.keys())
        if table in found.tables
    ]
    problems += [
        f"{name}: {'difere' if name in found.definitions else 'falta'}"
        for name, digest in sorted(part.before.definitions.items())
        if found.definitions.get(name) != digest
    ]
    return problems or "ready"


def _is(side: Side, found: Side) -> bool:
    return side.tables.items() <= found.tables.items() and side.definitions.items() <= found.definitions.items()


def _later_versions(side: Side, found: Side) -> list[str]:
    """The version parameters that are further on than the side's, in the same line."""
    versions = [(name, found.versions.get(name, ""), wanted) for name, wanted in side.versions.items()]
    return [
        f"{name} {version}"
        for name, version, wanted in versions
        if _VERSION.fullmatch(version) and _VERSION.fullmatch(wanted)
        if minor_line(version) == minor_line(wanted) and version_key(version) > version_key(wanted)
    ]


def _has_versions(side: Side, found: Side) -> bool:
    return side.versions.items() <= found.versions.items()


def _json(package: ReleasePackage) -> bytes:
    return package.model_dump_json().encode()
