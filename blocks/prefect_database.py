"""The database of the Prefect server, SQLite or PostgreSQL: copied while it is used, counted, put back."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, NamedTuple

from blocks.streams import CHUNK_BYTES
from domain.backup.facts import SchemaDigest
from domain.self_backup import PrefectKind

RECEIVING_PREFIX = "restauracao-"


class Examined(NamedTuple):
    """What a copy holds, and whether the key that protects the blocks lies in the very database.

    It does where the server has no `PREFECT_SERVER_ENCRYPTION_KEY`.
    """

    facts: SchemaDigest
    keeps_its_own_key: bool


class PrefectDatabase(ABC):
    """Where the server keeps what it knows."""

    kind: ClassVar[PrefectKind]

    @property
    @abstractmethod
    def where(self) -> str:
        """How operators are told of it; no password."""

    @abstractmethod
    def copy(self, target: Path) -> None:
        """Copy it as it is at one moment, into a file of this machine; nobody is kept from writing.

        Raises:
            InvalidInputError: it is not there, or a program is missing.
            RetryableError: it does not answer, or the disk is full.
        """

    @abstractmethod
    def is_unused(self) -> bool:
        """Whether there is nothing to lose: no database, or one without runs and blocks."""

    @abstractmethod
    def receiving(self, scratch_dir: Path) -> AbstractContextManager[Path]:
        """Where a copy is fetched to before it is put in its place; gone with the block."""

    @abstractmethod
    def put_in_place(self, copy: Path) -> None:
        """Make a copy the server's database, every work pool paused: nothing starts before it is settled.

        Raises:
            IntegrityError: it is no copy of this kind.
            RetryableError: the database does not answer.
        """


def chunks(file: Path) -> Iterator[bytes]:
    """The content of a file."""
    with file.open("rb") as content:
        while piece := content.read(CHUNK_BYTES):
            yield piece
