"""Where a backup stands in its server's binary log, and what was brought back from that log after it."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from pydantic import AwareDatetime, Field, NonNegativeInt

from domain.archive import ArchivePart
from domain.backup.facts import DumpFacts, SchemaDigest
from domain.model import Frozen


class LogPosition(Frozen):
    """The place in a server's binary log of what a backup shows; both databases are of this one place.

    `at` is the server's time just after: what was committed before it and is not in the backup comes later in the log.
    """

    server: str
    file: str
    offset: NonNegativeInt
    gtid: str
    format: str
    at: AwareDatetime

    @property
    def place(self) -> tuple[str, str, int, str]:
        """What is equal of two positions in one log."""
        return self.server, self.file, self.offset, self.gtid

    @property
    def order(self) -> tuple[int, int]:
        """What is greater of the later one of two positions in one log: its files are numbered."""
        number = self.file.rpartition(".")[2]
        return int(number) if number.isdigit() else 0, self.offset


class TableChanges(Frozen):
    """How many events of the log inserted, updated and deleted rows of one table; one event holds some rows."""

    inserts: NonNegativeInt = 0
    updates: NonNegativeInt = 0
    deletes: NonNegativeInt = 0


class Replay(Frozen):
    """What was done again from the log, and what was compared; no personal data. Tables are `sei.anexo`."""

    transactions: NonNegativeInt
    reached_at: AwareDatetime | None = None
    """When the command of the last transaction began, by the server's clock; none where nothing was changed."""
    commands: NonNegativeInt = 0
    """Commands that changed the structure, or rows by a statement."""
    tables: dict[str, TableChanges] = Field(default={})
    untouched: NonNegativeInt
    """Tables that the log does not name, each equal to the backup's manifest by SHA-256."""
    foreign_keys: NonNegativeInt
    broken_keys: tuple[str, ...] = ()
    """Foreign keys with rows without a parent: as it was at that moment."""


_NOT_COMPARED = "0" * 64


def touched_tables(
    held: Iterable[DumpFacts],
    changed: Collection[tuple[str, str]],
    words: Collection[str],
    cascades: Mapping[tuple[str, str], Collection[tuple[str, str]]],
) -> frozenset[tuple[str, str]]:
    """The tables that a log may have changed: of which it has rows, which a command names, or to which a key cascades.

    `held` is what the databases held before it and hold after it, `words` all the words of its commands, in small
    letters. `cascades` has for a table those whose rows follow when its own are deleted or changed.
    """
    tables = {(name, table) for facts in held for name, schema in facts.schemas.items() for table in schema.tables}
    found = {*changed, *(place for place in tables if place[1].lower() in words)}
    waiting = list(found)
    while waiting:
        fresh = set(cascades.get(waiting.pop(), ())) - found
        found |= fresh
        waiting.extend(fresh)
    return frozenset(found)


def untouched_part(
    facts: DumpFacts, touched: Collection[tuple[str, str]], replaced: Collection[str], *, with_others: bool
) -> DumpFacts:
    """The tables that no log touched, of the schemas that it did not replace.

    Without `with_others`, views, triggers, routines and events are not compared.
    """
    return DumpFacts(
        schemas={
            name: SchemaDigest(
                tables={table: digest for table, digest in schema.tables.items() if (name, table) not in touched},
                others=schema.others if with_others else _NOT_COMPARED,
            )
            for name, schema in facts.schemas.items()
            if name not in replaced
        }
    )


class LogSegment(Frozen):
    """A stretch of a server's log, as far as it is one environment's, outside of that server.

    What comes after it was not committed before `end.at`. Without a part, nothing in it was of the environment.
    """

    begin: LogPosition
    end: LogPosition
    part: ArchivePart | None = None
    keep_until: AwareDatetime


def segments_after(segments: Sequence[LogSegment], start: LogPosition) -> tuple[LogSegment, ...]:
    """The segments that lead on from a place without a gap, in order; the first may begin before it."""
    found: list[LogSegment] = []
    for segment in segments:
        if found:
            if segment.begin.place == found[-1].end.place:
                found.append(segment)
        elif segment.begin.server == start.server and segment.begin.order <= start.order < segment.end.order:
            found.append(segment)
    return tuple(found)
