"""Of a server's binary log, what is one environment's: bytes in, decisions out.

The log holds every tenant's changes in the order in which they were committed.
"""

import re
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.log_events import (
    BEFORE_A_QUERY,
    NO_TABLE,
    OF_THE_FILE,
    ROWS,
    Command,
    Event,
    Kind,
    is_summed,
    moment_of,
    parse,
)

# The author of what a command defines stands at its beginning.
_DEFINITION_BYTES = 4096


class Touched(NamedTuple):
    """How many events inserted, updated and deleted rows of one table; an event holds some rows, never none."""

    inserts: int = 0
    updates: int = 0
    deletes: int = 0


class Sink(Protocol):
    """Where one environment's events go."""

    def begin(self, head: bytes) -> None:
        """A file of the log begins; `head` is its format description."""

    def write(self, event: bytes) -> None:
        """One event of a transaction that is not whole yet."""

    def settle(self, *, whole: bool) -> None:
        """The transaction ended; one that is not whole was never committed."""


class Nowhere:
    """A sink for whoever only wants to know."""

    def begin(self, head: bytes) -> None: ...

    def write(self, event: bytes) -> None: ...

    def settle(self, *, whole: bool) -> None: ...


class LogProblem(NamedTuple):
    """Why a log leads no further than to just before a moment."""

    at: datetime | None
    why: str


class LogReader:
    """Passes the events of a log in order, keeps what is of one environment, and stops where it has to.

    `schemas` are the environment's own, with those that it is restored or copied through; `until`, in seconds since
    1970 and by the server's clock, the first moment that is not wanted any more; `gtid` what was committed before the
    first event. With `statements_safe`, rows that a statement changed are taken to be changed likewise when it is run
    again: MariaDB logs so only what it knows to be so, but under STATEMENT. With `thinned`, the events were kept by
    another reader, which saw that none was missing: numbers go up, and those up to `gtid` are passed over.
    """

    def __init__(
        self,
        schemas: Collection[str],
        *,
        until: float,
        gtid: str,
        statements_safe: bool,
        sink: Sink | None = None,
        thinned: bool = False,
    ) -> None:
        self._ours = frozenset(schema.encode() for schema in schemas)
        self._mentioned = re.compile(rb"\b(?:" + b"|".join(sorted(map(re.escape, self._ours))) + rb")\b")
        self._until = until
        self._safe = statements_safe
        self._thinned = thinned
        self._sink = sink or Nowhere()
        self._sequence = _sequences(gtid)
        self._summed = False
        self._seen = 0
        self._head: bytes | None = None
        self._group: _Group | None = None
        self._ended = False
        self.problem: LogProblem | None = None
        self.file = ""
        self.offset = 0
        self.whole: tuple[str, int] | None = None
        """Where the transaction begins that is being read, or was when a problem was met."""
        self.transactions = 0
        self.commands = 0
        self.last_at: datetime | None = None
        self.tables: dict[tuple[str, str], Touched] = {}
        self.words: set[str] = set()
        """Every word of the commands that change structure, or rows by a statement: tables are among them."""
        self.replaced: set[str] = set()
        """Schemas that were made or dropped as a whole."""
        self.definitions: list[bytes] = []
        """The beginnings of the commands that name an author."""
        self.needed: set[str] = set()
        """Schemas that have to be there already: it uses them, and did not make them before."""
        self._made: set[str] = set()

    @property
    def ended(self) -> bool:
        """Whether nothing more is wanted."""
        return self._ended or self.problem is not None

    def feed(self, data: bytes) -> None:
        """Judge the next event."""
        event = self._parse(data)
        if event is None:
            return
        if event.kind == Kind.ROTATE:
            self._rotate(event)
        elif event.kind == Kind.FORMAT:
            self._begin_file(event)
        elif event.kind == Kind.GTID:
            self._begin_group(event)
        elif event.kind == Kind.INCIDENT:
            self._stop(event, "o servidor perdeu eventos")
        elif event.kind not in OF_THE_FILE and self._group is not None:
            self._take(self._group, event)
        if not event.artificial and event.end and event.kind != Kind.ROTATE:
            self.offset = event.end

    def finish(self) -> None:
        """No event comes any more: a transaction that is not whole was not committed."""
        self._settle(whole=False)

    def _parse(self, data: bytes) -> Event | None:
        if data[4] == Kind.FORMAT:
            self._summed = is_summed(data)
        event = parse(data, summed=self._summed)
        if event is None:
            self.whole = None
            self.problem = LogProblem(moment_of(self._seen), f"um evento de {self.file} está danificado")
        return event

    def _rotate(self, event: Event) -> None:
        self.file, self.offset = event.next_file

    def _begin_file(self, event: Event) -> None:
        self._settle(whole=False)  # the server ended in the middle of it
        self._head = event.data

    def _begin_group(self, event: Event) -> None:
        self._settle(whole=False)
        self.whole = self.file, self.offset
        domain, number, standalone = event.gtid
        before = self._sequence.get(domain)
        if self._thinned and before is not None and number <= before:
            return
        if before is not None and number != before + 1 and not self._thinned:
            # When those that are missing were committed is not known: later than the last that is there.
            self._stop(
                event._replace(moment=self._seen), f"faltam transações no log, da {domain}-{before + 1} em diante"
            )
            return
        self._sequence[domain] = number
        self._seen = event.moment
        self._group = _Group(event, standalone=standalone)

    def _take(self, group: "_Group", event: Event) -> None:
        if event.kind == Kind.TABLE_MAP:
            self._map_table(group, event)
        elif event.kind in ROWS:
            self._take_rows(group, event)
        elif event.kind in {Kind.QUERY, Kind.QUERY_COMPRESSED}:
            self._take_query(group, event)
        elif event.kind == Kind.XID:
            self._keep_if_begun(group, event)
            self._settle(whole=True)
        elif event.kind in BEFORE_A_QUERY:
            group.waiting.append(event)
        elif event.kind == Kind.EXECUTE_LOAD:
            command = Command.of(event)
            if command is None or command.schema in self._ours:
                self._stop(event, "um arquivo foi carregado por um comando que o log binário não guarda inteiro")
        elif event.kind != Kind.ANNOTATE:
            group.unknown = True
        if group.unknown and group.begun:
            self._stop(event, "um evento de tipo desconhecido")

    def _map_table(self, group: "_Group", event: Event) -> None:
        schema, _ = group.tables[event.table_number] = event.table
        group.mixed |= {schema in self._ours}
        if schema in self._ours:
            self._keep(group, event)

    def _take_rows(self, group: "_Group", event: Event) -> None:
        schema, table = group.tables.get(event.table_number, (b"", b""))
        if schema in self._ours:
            self._keep(group, event)
            self._count(schema, table, ROWS[event.kind])
        elif event.table_number == NO_TABLE:
            self._keep_if_begun(group, event)
        if event.ends_statement:
            if len(group.mixed) > 1:
                self._stop(event, "um comando mudou linhas deste ambiente e de outro banco ao mesmo tempo")
            group.tables.clear()
            group.mixed.clear()

    def _count(self, schema: bytes, table: bytes, what: int) -> None:
        if self.ended:
            return
        place = (schema.decode(), table.decode(errors="replace"))
        counts = list(self.tables.get(place, Touched()))
        counts[what] += 1
        self.tables[place] = Touched(*counts)

    def _take_query(self, group: "_Group", event: Event) -> None:
        command = Command.of(event)
        if command is None:
            self._stop(event, "um comando que não se lê")
        elif command.ends:
            self._keep_if_begun(group, event)
            self._settle(whole=command.commits)
        elif command.within:
            self._keep_if_begun(group, event)
        else:
            self._take_command(group, event, command)
            group.waiting.clear()
            if group.standalone:
                self._settle(whole=True)

    def _take_command(self, group: "_Group", event: Event, command: Command) -> None:
        ours = command.schema in self._ours or self._mentioned.search(command.plain)
        if command.on_accounts or not ours:
            return
        if command.strangers(self._ours):
            self._stop(event, "um comando liga este ambiente a outro banco")
        elif not command.on_structure and not self._safe:
            self._stop(
                event, "há comandos gravados por extenso (binlog_format=STATEMENT), que podem ter outro resultado"
            )
        for one in (*group.waiting, event):
            self._keep(group, one)
        if self.ended:
            return
        self.commands += 1
        self.words |= command.words
        if command.has_author:
            self.definitions.append(command.plain[:_DEFINITION_BYTES])
        if command.on_schema:
            named = {name.decode() for name in self._ours if name.decode() in command.words}
            self.replaced |= named
            if command.makes:
                self._made |= named
            else:
                self.needed |= named - self._made
        elif command.schema:
            self.needed |= {command.schema.decode(errors="replace")} - self._made

    def _keep_if_begun(self, group: "_Group", event: Event) -> None:
        if group.begun:
            self._keep(group, event)

    def _keep(self, group: "_Group", event: Event) -> None:
        if self.ended:
            return
        if not group.begun:
            if group.first.moment >= self._until:
                self._ended = True
                return
            group.begun = True
            if self._head is not None:
                self._sink.begin(self._head)
                self._head = None
            self._sink.write(group.first.data)
        self._sink.write(event.data)

    def _settle(self, *, whole: bool) -> None:
        group, self._group = self._group, None
        if group is None or not group.begun or self.ended:
            if group is not None and group.begun:
                self._sink.settle(whole=False)
            return
        self._sink.settle(whole=whole)
        if whole:
            self.transactions += 1
            self.last_at = moment_of(group.first.moment)

    def _stop(self, event: Event, why: str) -> None:
        if not self.ended:
            moment = self._group.first.moment if self._group else event.moment
            if moment >= self._until:
                self._ended = True
            else:
                self.problem = LogProblem(moment_of(moment), why)


class _Group:
    """What is committed together, from its number on."""

    def __init__(self, first: Event, *, standalone: bool) -> None:
        self.first = first
        self.standalone = standalone
        self.begun = False
        self.unknown = False
        self.tables: dict[int, tuple[bytes, bytes]] = {}
        self.mixed: set[bool] = set()
        self.waiting: list[Event] = []


def _sequences(gtid: str) -> dict[int, int]:
    """`0-1-120,3-1-7`: the last number of each domain."""
    found: dict[int, int] = {}
    for one in filter(None, gtid.split(",")):
        domain, *_, number = one.split("-")
        found[int(domain)] = int(number)
    return found
