"""Attachments: rows of `anexo`, and of the module PEN's own table, with their files in the repository (`sei.md` 3)."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.municipality.ground import Ground
from bench.municipality.load import Row, load_rows
from bench.municipality.protocols import GENERATED, REGISTERED, Protocol
from bench.municipality.words import Generator, lengths
from domain.archive import attachment_path

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

PEN_TABLE, PEN_FOLDER = "md_pen_anexo_documento", "mod-pen"
# One in so many is such.
_IS_LOOSE, _LOST_ITS_FILE, _IS_PENS = 200, 100, 10
_THREADS = 2  # the digest and the disk let the other one work
_SEEDS = 1 << 63
_NAMES = ("ofício {}.pdf", "Relatório d'obra «{}».pdf", 'planta "{}".png', "memória\\{}.docx", "")


def write_attachments(
    sei: "Cursor",
    ground: Ground,
    generator: Generator,
    protocols: Sequence[Protocol],
    repository: Path,
    size: tuple[int, int],
) -> None:
    """So many files of so many bytes on average.

    Each registered document has one; the rest are copies of written documents, as PEN made them before 4.1, and a few
    uploads that no document uses. Some rows more are inactive, and their files are gone.
    """
    count, mean_bytes = size
    lost = -(-count // _LOST_ITS_FILE)
    ids = ground.ids(sei, "anexo", count + lost)
    owners = _owners(protocols, count + lost)
    load_rows(sei, "anexo", _rows(generator, repository, list(zip(ids, owners, strict=True)), count, mean_bytes))


def write_pen_attachments(
    sei: "Cursor", generator: Generator, protocols: Sequence[Protocol], repository: Path, size: tuple[int, int]
) -> None:
    """A tenth of so many files, in the table and the folder of PEN 4.1."""
    count = -(-size[0] // _IS_PENS)
    sei.execute(f"SELECT COALESCE(MAX(id_anexo), 0) FROM {PEN_TABLE}")
    (last,) = sei.fetchone() or (0,)
    owners = [protocol for protocol in protocols if protocol.kind == GENERATED]
    owned = [(last + 1 + place, owners[place % len(owners)]) for place in range(count)]
    load_rows(sei, PEN_TABLE, _rows(generator, repository / PEN_FOLDER, owned, count, size[1]))


def has_pen(sei: "Cursor") -> bool:
    """Whether the module has been there."""
    sei.execute("SHOW TABLES LIKE %s", (PEN_TABLE,))
    return sei.fetchone() is not None


def make_pen_table(sei: "Cursor") -> None:
    """The module's table: as `anexo`, with its foreign keys."""
    sei.execute(f"CREATE TABLE {PEN_TABLE} LIKE anexo")
    keys = (("protocolo", "id_protocolo"), ("unidade", "id_unidade"), ("usuario", "id_usuario"))
    for table, column in keys:
        sei.execute(
            f"ALTER TABLE {PEN_TABLE} ADD CONSTRAINT fk_md_pen_anexo_{table}"
            f" FOREIGN KEY ({column}) REFERENCES {table} ({column})"
        )


def _owners(protocols: Sequence[Protocol], count: int) -> list[Protocol]:
    registered = [protocol for protocol in protocols if protocol.kind == REGISTERED]
    others = [protocol for protocol in protocols if protocol.kind == GENERATED] or list(protocols)
    return [*registered, *(others[place % len(others)] for place in range(count - len(registered)))]


def _rows(
    generator: Generator, folder: Path, owned: Sequence[tuple[int, Protocol]], count: int, mean_bytes: int
) -> Iterator[Row]:
    """The rows; the file of each of the first `count` is written before its row is known."""
    sizes = lengths(generator, len(owned), mean_bytes * len(owned))
    seeds = generator.integers(0, _SEEDS, len(owned)).tolist()
    paths = [folder / attachment_path(id_anexo, owner.at) for id_anexo, owner in owned]
    for directory in {path.parent for path in paths[:count]}:
        directory.mkdir(parents=True, exist_ok=True)
    kept = [path if place < count else None for place, path in enumerate(paths)]
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = pool.map(_write_random, kept, sizes, seeds)
        for place, ((id_anexo, owner), size, digest) in enumerate(zip(owned, sizes, digests, strict=True)):
            is_loose = owner.kind == GENERATED and (place + 1) % _IS_LOOSE == 0
            yield {
                "id_anexo": id_anexo,
                "nome": _NAMES[place % len(_NAMES)].format(id_anexo),
                "id_protocolo": None if is_loose else owner.id_protocolo,
                "sin_ativo": "S" if place < count else "N",
                "id_unidade": owner.id_unidade,
                "id_usuario": owner.author.id_usuario,
                "tamanho": size,
                "dth_inclusao": owner.at,
                "hash": digest,
            }


def _write_random(path: Path | None, size: int, seed: int) -> str:
    """Write a file that nothing can compress, if its path is given; its MD5."""
    content = np.random.default_rng(seed).bytes(size)
    if path is not None:
        path.write_bytes(content)
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
