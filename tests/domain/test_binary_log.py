"""Of a server's log one environment's part is kept, whole and in order, and nothing of anybody else's."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.binary_log import LogReader, Touched
from domain.log_events import MAGIC, Kind

SEI, SIP, OTHER = "timoteo_producao_sei", "timoteo_producao_sip", "unai_producao_sei"
START = 1_796_000_000
END_OF_STATEMENT = 1


def event(kind: int, body: bytes, moment: int = START, *, end: int = 0, flags: int = 0) -> bytes:
    """One event with its sum, as a server of today writes it."""
    plain = struct.pack("<IBIIIH", moment, kind, 1, 19 + len(body) + 4, end, flags) + body
    return plain + zlib.crc32(plain).to_bytes(4, "little")


def rotate(file: str = "log.000001", offset: int = 4) -> bytes:
    return event(Kind.ROTATE, struct.pack("<Q", offset) + file.encode(), 0, flags=0x20)


def head(moment: int = START) -> bytes:
    return event(
        Kind.FORMAT, b"\x04\x00" + b"10.11.18-MariaDB".ljust(50, b"\0") + bytes(5) + b"\x13" * 170 + b"\x01", moment
    )


def gtid(number: int, moment: int, *, standalone: bool = False) -> bytes:
    return event(Kind.GTID, struct.pack("<QIB", number, 0, standalone) + bytes(6), moment)


def table_map(number: int, schema: str, table: str) -> bytes:
    def named(text: str) -> bytes:
        return bytes([len(text)]) + text.encode() + b"\0"

    return event(Kind.TABLE_MAP, number.to_bytes(6, "little") + b"\1\0" + named(schema) + named(table) + b"\1\3\0\1")


def rows(number: int, *, kind: int = 23, last: bool = True, content: bytes = b"") -> bytes:
    return event(kind, number.to_bytes(6, "little") + struct.pack("<H", last) + b"\1\xff" + content)


def query(text: str, schema: str = "", moment: int = START) -> bytes:
    body = struct.pack("<IIBHH", 1, 0, len(schema), 0, 3) + b"abc" + schema.encode() + b"\0" + text.encode()
    return event(Kind.QUERY, body, moment)


XID = event(Kind.XID, bytes(8))


@dataclass
class Kept:
    """A sink that remembers what is whole."""

    heads: list[bytes] = field(default_factory=list)
    whole: list[list[bytes]] = field(default_factory=list)
    waiting: list[bytes] = field(default_factory=list)

    def begin(self, head: bytes) -> None:
        self.heads.append(head)

    def write(self, event: bytes) -> None:
        self.waiting.append(event)

    def settle(self, *, whole: bool) -> None:
        if whole:
            self.whole.append(self.waiting)
        self.waiting = []


def read(
    events: Iterable[bytes], *, until: float = START + 10**6, gtid: str = "0-1-0", safe: bool = False
) -> tuple[LogReader, Kept]:
    kept = Kept()
    reader = LogReader([SEI, SIP], until=until, gtid=gtid, statements_safe=safe, sink=kept)
    for one in [rotate(), head(), *events]:
        reader.feed(one)
        if reader.ended:
            break
    reader.finish()
    return reader, kept


@dataclass(frozen=True)
class Transaction:
    """One tenant's changes of some tables."""

    schema: str
    tables: tuple[str, ...]
    gap: int

    def body(self) -> list[bytes]:
        found = []
        for number, table in enumerate(self.tables):
            found += [table_map(number, self.schema, table), rows(number, content=table.encode())]
        return [*found, XID]


def log_of(transactions: Iterable[Transaction]) -> Iterator[tuple[int, list[bytes]]]:
    moment = START
    for number, transaction in enumerate(transactions, 1):
        moment += transaction.gap
        yield moment, [gtid(number, moment), *transaction.body()]


TRANSACTIONS = st.lists(
    st.builds(
        Transaction,
        st.sampled_from([SEI, SIP, OTHER]),
        st.lists(st.sampled_from(["anexo", "usuario"]), min_size=1, max_size=3).map(tuple),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(TRANSACTIONS, st.integers(0, 30))
def test_exactly_the_own_transactions_before_the_moment_are_kept_in_their_order(
    transactions: list[Transaction], after: int
) -> None:
    groups = list(log_of(transactions))
    reader, kept = read((one for _, group in groups for one in group), until=START + after)
    own = [
        (moment, group)
        for (moment, group), made in zip(groups, transactions, strict=True)
        if made.schema != OTHER and moment < START + after
    ]
    assert kept.whole == [group for _, group in own]
    assert not kept.waiting
    assert reader.problem is None
    assert reader.transactions == len(own)
    assert (reader.last_at.timestamp() if reader.last_at else None) == (own[-1][0] if own else None)
    assert {schema for schema, _ in reader.tables} <= {SEI, SIP}
    assert len(kept.heads) == bool(own)


@given(TRANSACTIONS.filter(lambda found: len(found) > 1), st.data())
def test_a_transaction_that_is_missing_is_noticed_whosever_it_was(
    transactions: list[Transaction], data: st.DataObject
) -> None:
    groups = list(log_of(transactions))
    gone = data.draw(st.integers(0, len(groups) - 2))
    reader, kept = read(one for place, (_, group) in enumerate(groups) if place != gone for one in group)
    assert reader.problem is not None
    assert "faltam transações no log" in reader.problem.why
    if gone:
        assert reader.problem.at is not None
        assert reader.problem.at.timestamp() == groups[gone - 1][0], "what came before it can still be reached"
    assert len(kept.whole) == sum(made.schema != OTHER for made in transactions[:gone])


@given(TRANSACTIONS, st.data())
def test_a_log_that_ends_in_the_middle_gives_whole_transactions_only(
    transactions: list[Transaction], data: st.DataObject
) -> None:
    events = [one for _, group in log_of(transactions) for one in group]
    cut = data.draw(st.integers(0, len(events)))
    _, kept = read(events[:cut])
    assert all(group[-1] == XID for group in kept.whole)
    assert not kept.waiting


@given(TRANSACTIONS.filter(bool), st.data())
def test_one_flipped_bit_is_noticed(transactions: list[Transaction], data: st.DataObject) -> None:
    events = [one for _, group in log_of(transactions) for one in group]
    place = data.draw(st.integers(0, len(events) - 1))
    byte = data.draw(st.integers(19, len(events[place]) - 1))
    damaged = bytearray(events[place])
    damaged[byte] ^= 1 << data.draw(st.integers(0, 7))
    reader, _ = read([*events[:place], bytes(damaged), *events[place + 1 :]])
    assert reader.problem is not None
    assert "danificado" in reader.problem.why


def test_a_server_that_ended_in_a_transaction_did_not_commit_it() -> None:
    first = [gtid(1, START), table_map(1, SEI, "anexo"), rows(1)]
    reader, kept = read([*first, head(), gtid(2, START), table_map(1, SEI, "anexo"), rows(1, kind=25), XID])
    assert len(kept.whole) == 1
    assert reader.transactions == 1
    assert len(kept.heads) == 2


def test_of_a_transaction_of_two_tenants_the_own_statements_are_kept() -> None:
    mine, theirs = [table_map(1, SEI, "anexo"), rows(1, kind=24)], [table_map(2, OTHER, "anexo"), rows(2)]
    savepoint = query("SAVEPOINT `a`", OTHER)
    reader, kept = read([gtid(1, START), *theirs, *mine, savepoint, *theirs, XID])
    assert reader.problem is None
    assert kept.whole == [[gtid(1, START), *mine, savepoint, XID]]
    assert reader.tables == {(SEI, "anexo"): Touched(updates=1)}


def test_a_statement_that_writes_to_two_tenants_at_once_is_refused() -> None:
    both = [table_map(1, SEI, "anexo"), table_map(2, OTHER, "anexo"), rows(1, last=False), rows(2)]
    reader, kept = read([gtid(1, START), *both, XID])
    assert reader.problem is not None
    assert "outro banco ao mesmo tempo" in reader.problem.why
    assert not kept.whole


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (SEI, "ALTER TABLE anexo ADD COLUMN x int"),
        ("", f"DROP TABLE `{SEI}`.`anexo` /* generated by server */"),
        ("mysql", f"TRUNCATE TABLE {SIP}.usuario"),
        (SEI, f"DROP DATABASE `{SEI}`"),
        ("", f"RENAME TABLE `{SIP}`.`a` TO `{SEI}`.`a`"),
        (SEI, f"CREATE TABLE t (a text DEFAULT '{OTHER}.anexo')"),
        (SEI, "CREATE VIEW v AS SELECT a.id_anexo FROM anexo a JOIN usuario u ON u.id = a.id"),
    ],
)
def test_commands_on_the_own_databases_are_kept(schema: str, text: str) -> None:
    command = query(text, schema)
    reader, kept = read([gtid(1, START, standalone=True), command])
    assert reader.problem is None
    assert kept.whole == [[gtid(1, START, standalone=True), command]]
    assert reader.commands == 1


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (OTHER, "ALTER TABLE anexo ADD COLUMN x int"),
        ("", f"DROP DATABASE `{OTHER}`"),
        ("", f"GRANT SELECT ON `{SEI}`.* TO `a`@`b`"),
        (SEI, "CREATE USER a@b IDENTIFIED BY 'x'"),
        (OTHER, f"CREATE TABLE t (a text DEFAULT '{SEI}')"),
        ("", f"CREATE DATABASE {SEI}_copia"),
    ],
)
def test_commands_of_others_and_on_accounts_are_left_out(schema: str, text: str) -> None:
    reader, kept = read([gtid(1, START, standalone=True), query(text, schema)])
    assert reader.problem is None
    assert not kept.whole


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (SEI, f"CREATE TABLE anexo2 LIKE {OTHER}.anexo"),
        (OTHER, f"RENAME TABLE `{SEI}`.`anexo` TO `{OTHER}`.`anexo`"),
        (SEI, "INSERT INTO mysql.user VALUES (1)"),
    ],
)
def test_commands_that_bind_the_environment_to_another_are_refused_up_to_that_moment(schema: str, text: str) -> None:
    command = [gtid(1, START + 5, standalone=True), query(text, schema, START + 5)]
    reader, kept = read(command)
    assert reader.problem is not None
    assert "liga este ambiente a outro banco" in reader.problem.why
    assert reader.problem.at is not None
    assert not kept.whole
    assert read(command, until=reader.problem.at.timestamp())[0].problem is None


def test_rows_changed_by_a_statement_are_kept_only_where_the_server_knew_that_they_could_be() -> None:
    statement = [gtid(1, START), event(Kind.INTVAR, bytes(9)), query("INSERT INTO anexo VALUES (1)", SEI), XID]
    reader, kept = read(statement)
    assert reader.problem is not None
    assert "binlog_format=STATEMENT" in reader.problem.why
    reader, kept = read(statement, safe=True)
    assert reader.problem is None
    assert kept.whole == [statement]
    assert "anexo" in reader.words


def test_schemas_that_a_log_makes_are_not_asked_for_and_those_that_it_uses_are() -> None:
    def needed(*commands: tuple[str, str]) -> set[str]:
        groups = [
            [gtid(number, START, standalone=True), query(text, schema)]
            for number, (schema, text) in enumerate(commands, 1)
        ]
        reader, _ = read(one for group in groups for one in group)
        assert reader.problem is None
        return reader.needed

    made, used, dropped = (SEI, f"CREATE DATABASE `{SEI}`"), (SEI, "DROP TABLE anexo"), (SEI, f"DROP DATABASE `{SEI}`")
    assert needed(made, used, dropped) == set()
    assert needed(used) == {SEI}
    assert needed(dropped, made) == {SEI}
    assert needed(("mysql", f"DROP TABLE {SEI}.anexo")) == {"mysql"}


def test_authors_are_kept_of_the_commands_that_have_one() -> None:
    view = f"CREATE DEFINER=`root`@`%` VIEW v AS SELECT 1 FROM {SEI}.anexo"
    reader, _ = read([gtid(1, START, standalone=True), query(view, SEI), gtid(2, START), query("DROP VIEW v", SEI)])
    assert reader.definitions == [view.encode()]


def test_what_is_not_known_is_refused_where_it_is_the_own() -> None:
    strange = event(38, b"xa")
    reader, _ = read([gtid(1, START), table_map(1, SEI, "anexo"), rows(1), strange])
    assert reader.problem is not None
    assert "desconhecido" in reader.problem.why
    assert read([gtid(1, START), table_map(1, OTHER, "anexo"), rows(1), strange])[0].problem is None
    reader, _ = read([event(Kind.INCIDENT, b"\1\0\0")])
    assert reader.problem is not None
    assert "perdeu eventos" in reader.problem.why


def test_a_compressed_command_is_read() -> None:
    text = zlib.compress(b"DROP TABLE anexo")
    body = struct.pack("<IIBHH", 1, 0, len(SEI), 0, 0) + SEI.encode() + b"\0" + b"\x01\x10" + text
    reader, kept = read([gtid(1, START, standalone=True), event(Kind.QUERY_COMPRESSED, body)])
    assert reader.problem is None
    assert len(kept.whole) == 1
    assert {"drop", "anexo"} <= reader.words


def test_the_place_follows_the_files() -> None:
    reader, _ = read(
        [event(Kind.GTID_LIST, b"", end=300), rotate("log.000002"), head(), event(Kind.STOP, b"", end=777)]
    )
    assert (reader.file, reader.offset) == ("log.000002", 777)
    assert MAGIC == b"\xfebin"
