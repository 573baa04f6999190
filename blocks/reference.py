"""Reference databases on disk and in a server: finding the dumps, loading them, reading what a database holds.

A directory of references has one folder a version, at its root or under `mysql/`, in one of two layouts:
`v4.1.0/sei_4_1_0_BD_Ref_Exec.sql` (the official repository's) or `4.1.0/sei.sql`; each plain, `.zst` or `.gz`.
"""

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import zstandard

from blocks.catalog import Catalog
from blocks.catalog_file import CATALOG_DIR
from domain.errors import IntegrityError, InvalidInputError
from domain.reference import (
    Compression,
    Database,
    DumpFile,
    Reference,
    judge_reference,
    version_key,
)

_VERSION_FOLDER = re.compile(r"v?(\d+(?:\.\d+){1,3})")
_COMPRESSIONS: dict[str, Compression] = {".sql": "none", ".sql.zst": "zstd", ".sql.gz": "gzip"}
_COMPLETION_MARK = b"-- Dump completed"
_PARAMETER_INSERT = re.compile(rb"\s*INSERT\s+INTO\s+`?infra_parametro`?[\s(]", re.IGNORECASE)
_VERSION_PARAMETER = re.compile(rb"\(\s*'(SEI|SIP)_VERSAO'\s*,\s*'([\d.]+)'\s*\)")
# A dump taken with --databases, or one that names another schema, would write outside the database it is loaded into.
_OTHER_DATABASE = re.compile(
    rb"\s*(?:/\*!\d*\s*)?"
    rb"(?:(?:CREATE|DROP|ALTER)\s+(?:DATABASE|SCHEMA)\b|USE\s"
    rb"|(?:INSERT\s+INTO|CREATE\s+TABLE|DROP\s+TABLE(?:\s+IF\s+EXISTS)?|ALTER\s+TABLE|LOCK\s+TABLES)\s+"
    rb"(?:`[^`]+`|\w+)\.)",
    re.IGNORECASE,
)
_FIX_DUMP = "Copie o arquivo de novo da origem e confira o seu sha256."


class _Pair(NamedTuple):
    """The dump files of one version folder."""

    version: str
    folder: Path
    sei: Path
    sip: Path


@dataclass
class _Facts:
    """What one pass over a dump finds out."""

    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    size_bytes: int = 0
    last_line: bytes = b""
    versions: dict[bytes, str] = field(default_factory=dict)


def find_references(reference_dir: Path | None) -> list[Reference]:
    """Every reference of the directory, oldest version first; the project's own reduced ones when none is configured.

    Raises InvalidInputError when the directory is missing, empty or incomplete, and IntegrityError when a dump is
    truncated, writes to another database or is not of the version it claims.
    """
    pairs = _find_pairs(reference_dir)
    return [_read_reference(pair, official=reference_dir is not None) for pair in pairs]


def find_reference(version: str, reference_dir: Path | None) -> Reference:
    """The reference of one version; a damaged dump of another version does not matter here.

    Raises as `find_references`, and InvalidInputError when the directory does not have the version.
    """
    pairs = _find_pairs(reference_dir, version)
    return _read_reference(pairs[0], official=reference_dir is not None)


@contextmanager
def open_dump(dump: DumpFile) -> Iterator[BinaryIO]:
    """The decompressed SQL as a stream of bytes. Raises IntegrityError when the file cannot be decompressed."""
    with _open(dump.path, dump.compression) as stream:
        yield stream


def verify_dump(dump: DumpFile) -> None:
    """Read the whole dump again and raise IntegrityError unless it still is what it was when it was found."""
    facts = _scan(dump.path, dump.compression)
    if facts.sha256.hexdigest() != dump.sha256:
        raise IntegrityError("O dump mudou desde que foi conferido", str(dump.path), _FIX_DUMP)


def _find_pairs(reference_dir: Path | None, version: str | None = None) -> list[_Pair]:
    root = reference_dir or CATALOG_DIR / "reference"
    if not root.is_dir():
        raise InvalidInputError(
            "O diretório dos bancos de referência não existe",
            str(root),
            "Corrija IMPLANTA_REFERENCE_DIR ou deixe-a vazia.",
        )
    folders = [
        (match[1], folder)
        for parent in (root, root / "mysql")
        if parent.is_dir()
        for folder in sorted(parent.iterdir())
        if folder.is_dir() and (match := _VERSION_FOLDER.fullmatch(folder.name))
    ]
    pairs = [_pair(found, folder) for found, folder in folders if version in (None, found)]
    if not pairs:
        present = ", ".join(sorted({found for found, _ in folders}, key=version_key)) or "nenhuma"
        raise InvalidInputError(
            f"Não há banco de referência para a versão {version}" if version else "Não há bancos de referência",
            f"procurado em {root} e {root / 'mysql'}, em pastas como 4.1.0 ou v4.1.0; versões presentes: {present}",
            "Copie os dumps sei e sip da versão ou corrija IMPLANTA_REFERENCE_DIR.",
        )
    versions = [pair.version for pair in pairs]
    if len(set(versions)) < len(versions):
        raise InvalidInputError(
            "Há mais de uma pasta para a mesma versão",
            ", ".join(str(pair.folder) for pair in pairs),
            "Deixe uma só pasta para cada versão.",
        )
    return sorted(pairs, key=lambda pair: version_key(pair.version))


def _pair(version: str, folder: Path) -> _Pair:
    return _Pair(version, folder, _dump_path(folder, "sei"), _dump_path(folder, "sip"))


def _dump_path(folder: Path, database: Database) -> Path:
    patterns = [stem + suffix for stem in (database, f"{database}_*_BD_Ref_Exec") for suffix in _COMPRESSIONS]
    paths = sorted(path for pattern in patterns for path in folder.glob(pattern))
    if len(paths) != 1:
        found = ", ".join(path.name for path in paths) or "nenhum arquivo"
        raise InvalidInputError(
            f"Esperado um dump do banco {database}, encontrado: {found}",
            f"procurado em {folder}: {', '.join(patterns)}",
            f"Deixe nessa pasta exatamente um dump do {database.upper()}.",
        )
    return paths[0]


def _read_reference(pair: _Pair, *, official: bool) -> Reference:
    sei, sip = _read_dump("sei", pair.sei), _read_dump("sip", pair.sip)
    reference = Reference(version=pair.version, kind="official" if official else "reduced", sei=sei, sip=sip)
    problems = judge_reference(reference, Catalog().releases().find(pair.version))
    if problems:
        raise IntegrityError(
            f"Os dumps não formam o par da versão {pair.version}: {'; '.join(problems)}",
            str(pair.folder),
            "Troque os arquivos pelos da versão que a pasta anuncia.",
        )
    return reference


def _read_dump(database: Database, path: Path) -> DumpFile:
    compression = next(value for suffix, value in _COMPRESSIONS.items() if path.name.endswith(suffix))
    facts = _scan(path, compression)
    return DumpFile(
        database=database,
        path=path,
        compression=compression,
        sha256=facts.sha256.hexdigest(),
        size_bytes=facts.size_bytes,
        sei_version=facts.versions.get(b"SEI"),
        sip_version=facts.versions.get(b"SIP"),
    )


def _scan(path: Path, compression: Compression) -> _Facts:
    """Read the dump once, a line in memory at a time; refuse it when truncated or when it would write elsewhere."""
    facts = _Facts()
    in_parameters = False
    with _open(path, compression) as stream:
        for number, line in enumerate(stream, 1):
            facts.sha256.update(line)
            facts.size_bytes += len(line)
            if not line.isspace():
                facts.last_line = line
            if _OTHER_DATABASE.match(line):
                raise IntegrityError(
                    f"O dump escreve em outro banco de dados (linha {number})",
                    str(path),
                    "Gere o dump sem --databases e sem nome de banco antes das tabelas.",
                )
            in_parameters = in_parameters or _PARAMETER_INSERT.match(line) is not None
            if in_parameters:
                facts.versions |= {name: value.decode() for name, value in _VERSION_PARAMETER.findall(line)}
                in_parameters = not line.rstrip().endswith(b";")
    if not facts.last_line.startswith(_COMPLETION_MARK):
        raise IntegrityError("O dump está truncado: falta a marca final «-- Dump completed»", str(path), _FIX_DUMP)
    return facts


@contextmanager
def _open(path: Path, compression: Compression) -> Iterator[BinaryIO]:
    decompress: dict[Compression, Callable[[BinaryIO], BinaryIO]] = {
        "none": lambda file: file,
        "gzip": lambda file: cast("BinaryIO", gzip.GzipFile(fileobj=file)),
        "zstd": lambda file: io.BufferedReader(
            zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        ),
    }
    try:
        with path.open("rb") as file, decompress[compression](file) as stream:
            yield stream
    except (zstandard.ZstdError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise IntegrityError(f"O dump compactado está danificado: {error}", str(path), _FIX_DUMP) from error
    except OSError as error:
        raise InvalidInputError(f"O dump não pode ser lido: {error.strerror}", str(path), _FIX_DUMP) from error
