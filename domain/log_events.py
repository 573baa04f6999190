"""The events of MariaDB's binary log, and what the commands among them say.

Layout: MariaDB's documentation of its replication protocol. What is used of an event is read; it is passed on whole.
"""

import re
import struct
import zlib
from collections.abc import Collection
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

MAGIC = b"\xfebin"
HEADER_BYTES = 19
NO_TABLE = 0xFFFFFF
"""The number of no table: only ends a statement."""
_HEADER = struct.Struct("<IBIIIH")
_SIZE_AT = 9
_ARTIFICIAL = 0x20
_CHECKSUM_BYTES = 4
_QUERY = struct.Struct("<IIBHH")
_LOAD_BYTES = 13
_STANDALONE = 1
_END_OF_STATEMENT = 1

_LITERAL = re.compile(rb"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|/\*(?!!)(?!M!).*?\*/", re.DOTALL)
_QUALIFIER = re.compile(rb"(?:`([^`]+)`|(?<![\w`.@])(\w+))\s*\.")
_WORD = re.compile(rb"\w+")
_ACCOUNTS = re.compile(
    rb"(?:GRANT|REVOKE|FLUSH|(?:CREATE(?: OR REPLACE)?|ALTER|DROP|RENAME)\s+(?:USER|ROLE)"
    rb"|SET\s+(?:PASSWORD|ROLE|DEFAULT))\b",
    re.IGNORECASE,
)
_STRUCTURE = re.compile(rb"(?:CREATE|ALTER|DROP|RENAME|TRUNCATE|ANALYZE|OPTIMIZE|REPAIR|CHECK)\b", re.IGNORECASE)
_WHOLE = re.compile(rb"(?:CREATE(?: OR REPLACE)?|DROP|ALTER)\s+(?:DATABASE|SCHEMA)\b", re.IGNORECASE)
_IN_TRANSACTION = re.compile(rb"(?:SAVEPOINT|ROLLBACK\s+TO|RELEASE\s+SAVEPOINT|BEGIN|START)\b", re.IGNORECASE)
_END = re.compile(rb"(?:COMMIT|ROLLBACK)\s*", re.IGNORECASE)
_ENVIRONMENTS = re.compile(rb"\w+_(?:sei|sip|rascunho)")
"""How the schemas of all environments end (`domain.environment`, `domain.scratch`)."""


class Kind(IntEnum):
    """The types of events that are told apart."""

    QUERY = 2
    STOP = 3
    ROTATE = 4
    INTVAR = 5
    RAND = 13
    USER_VAR = 14
    FORMAT = 15
    XID = 16
    EXECUTE_LOAD = 18
    TABLE_MAP = 19
    INCIDENT = 26
    HEARTBEAT = 27
    ANNOTATE = 160
    CHECKPOINT = 161
    GTID = 162
    GTID_LIST = 163
    START_ENCRYPTION = 164
    QUERY_COMPRESSED = 165


_WRITES, _UPDATES, _DELETES = (23, 30, 166, 169), (24, 31, 167, 170), (25, 32, 168, 171)
ROWS = {kind: what for what, kinds in enumerate((_WRITES, _UPDATES, _DELETES)) for kind in kinds}
"""Of the events with rows, whether they insert (0), update (1) or delete (2)."""
OF_THE_FILE = {Kind.STOP, Kind.CHECKPOINT, Kind.GTID_LIST, Kind.START_ENCRYPTION, Kind.HEARTBEAT}
BEFORE_A_QUERY = {Kind.INTVAR, Kind.RAND, Kind.USER_VAR}


class Event(NamedTuple):
    """One event: `moment` is when its command began, in seconds since 1970; `end` where it ends in its file."""

    moment: int
    kind: int
    end: int
    flags: int
    data: bytes
    body: bytes

    @property
    def artificial(self) -> bool:
        """Whether the server made it up for its reader."""
        return bool(self.flags & _ARTIFICIAL)

    @property
    def table_number(self) -> int:
        """Of a map of a table, and of rows."""
        return int.from_bytes(self.body[:6], "little")

    @property
    def ends_statement(self) -> bool:
        """Of rows: whether they are the last of theirs."""
        return bool(struct.unpack_from("<H", self.body, 6)[0] & _END_OF_STATEMENT)

    @property
    def table(self) -> tuple[bytes, bytes]:
        """Of a map of a table: its schema and name."""
        length = self.body[8]
        start = 9 + length + 1
        return self.body[9 : 9 + length], self.body[start + 1 : start + 1 + self.body[start]]

    @property
    def gtid(self) -> tuple[int, int, bool]:
        """Domain and number of a transaction, and whether it is one command alone."""
        number, domain, flags = struct.unpack_from("<QIB", self.body)
        return domain, number, bool(flags & _STANDALONE)

    @property
    def next_file(self) -> tuple[str, int]:
        """Of a change of files: which comes, and from where on."""
        return self.body[8:].decode(errors="replace"), struct.unpack_from("<Q", self.body)[0]


def parse(data: bytes, *, summed: bool) -> Event | None:
    """The event of these bytes; None when it is cut, or its sum wrong where events are `summed`."""
    moment, kind, _, size, end, flags = _HEADER.unpack_from(data)
    checksum = _CHECKSUM_BYTES if summed else 0
    if flags & _ARTIFICIAL:  # the first comes before what tells of sums
        checksum = _CHECKSUM_BYTES if _is_sound(data) else 0
    elif size != len(data) or (summed and kind != Kind.FORMAT and not _is_sound(data)):
        return None
    return Event(moment, kind, end, flags, data, data[HEADER_BYTES : len(data) - checksum])


def is_summed(head: bytes) -> bool:
    """Whether the events of a file have sums, by its format description."""
    return head[-_CHECKSUM_BYTES - 1] != 0


def size_of_event(head: bytes) -> int:
    """How long an event is, by its first `HEADER_BYTES`."""
    return int.from_bytes(head[_SIZE_AT : _SIZE_AT + 4], "little")


def moment_of(seconds: int) -> datetime | None:
    """A time of the log; None where an event has none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _is_sound(data: bytes) -> bool:
    return zlib.crc32(data[:-_CHECKSUM_BYTES]) == int.from_bytes(data[-_CHECKSUM_BYTES:], "little")


class Command(NamedTuple):
    """A command as it was given: the schema that it was given in, and its text without values and notes."""

    schema: bytes
    plain: bytes

    @classmethod
    def of(cls, event: Event) -> "Command | None":
        """The command of an event; None when it cannot be read."""
        try:
            _, _, length, _, variables = _QUERY.unpack_from(event.body)
            start = _QUERY.size + variables + (_LOAD_BYTES if event.kind == Kind.EXECUTE_LOAD else 0)
            text = event.body[start + length + 1 :]
            if event.kind == Kind.QUERY_COMPRESSED:
                text = zlib.decompress(text[1 + (text[0] & 7) :])
        except (struct.error, zlib.error, IndexError):
            return None
        return cls(event.body[start : start + length], _LITERAL.sub(b"''", text).strip())

    @property
    def ends(self) -> bool:
        """Whether it ends a transaction."""
        return _END.fullmatch(self.plain) is not None

    @property
    def commits(self) -> bool:
        """Whether a command that ends a transaction keeps it."""
        return self.plain[:1] in b"Cc"

    @property
    def within(self) -> bool:
        """Whether it only marks a place in a transaction, or goes back to one."""
        return _IN_TRANSACTION.match(self.plain) is not None

    @property
    def on_accounts(self) -> bool:
        """Whether it is about who may do what: accounts are of the server, and a backup does not hold them either."""
        return _ACCOUNTS.match(self.plain) is not None

    @property
    def on_structure(self) -> bool:
        """Whether it changes what tables there are, or all the rows of one; others change rows by a statement."""
        return _STRUCTURE.match(self.plain) is not None

    @property
    def on_schema(self) -> bool:
        """Whether it makes, changes or drops a schema as a whole."""
        return _WHOLE.match(self.plain) is not None

    @property
    def has_author(self) -> bool:
        """Whether it defines something that is run as somebody."""
        return b"DEFINER" in self.plain

    @property
    def makes(self) -> bool:
        """Whether a command on a schema or table makes it."""
        return self.plain[:6].upper() == b"CREATE"

    @property
    def words(self) -> set[str]:
        """All of its words in small letters, tables among them."""
        return {word.decode(errors="replace").lower() for word in _WORD.findall(self.plain)}

    def strangers(self, ours: Collection[bytes]) -> set[bytes]:
        """The schemas of others that it names before a point."""
        found = {quoted or bare for quoted, bare in _QUALIFIER.findall(self.plain)} - set(ours)
        return {name for name in found if _ENVIRONMENTS.fullmatch(name) or name == b"mysql"}
