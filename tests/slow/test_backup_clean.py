"""Whatever a database holds, and whoever writes into it meanwhile: a backup that is one is never accused."""

import hashlib
import math
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from blocks.dump_restorer import restore
from blocks.dump_statements import DigestedDump
from blocks.dump_writer import dumped
from blocks.foreign_keys import check_foreign_keys
from blocks.mariadb import MariaDBServer
from blocks.scratch_server import scratch_server
from blocks.settings import Settings
from blocks.table_facts import read_database, read_database_facts
from domain.backup.facts import DumpFacts, resting
from domain.backup.judge import judge_dump, judge_resting
from tasks import doors
from tasks.backup_cycle import back_up
from tasks.instance import Instance
from tests.flows.backup_ground import DAY, make_instance
from tests.flows.planted import INCLUDED_AT

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SEED = int(os.environ.get("IMPLANTA_SEED", "7"))
VARIED, WHOLE = 180, 20
SCHEMAS = ("implanta_um_rascunho", "implanta_dois_rascunho")

TEXTS = (
    None, "", " ", "NULL", "\\N", "\\", "\\\\'", "'", '"', "`", "'';--", ";", ";\n", ");\n", "),\n(", "\n\n", "\r\n",
    "\0", "\x1a", "a\tb", "-- Dump completed\n", "INSERT INTO `t0` VALUES\n(1);\n", "USE `outro`;\n", "DELIMITER ;;\n",
    "/*!50003 */;\n", "ção «é» €“”", "ÿ", "%s %d", "0", "-1", "1e9", "x" * 3000, "ação;\n" * 40,
)  # fmt: skip
COLUMNS = (
    "varchar(4000)", "longtext", "char(10)", "int", "bigint unsigned", "decimal(20,6)", "double", "date", "datetime",
    "datetime(6)", "timestamp NULL", "time", "year", "bit(9)", "longblob", "varbinary(300)", "enum('a;','b''c','')",
    "set('x','y')", "varchar(300) CHARACTER SET utf8mb4", "tinyint(1)",
)  # fmt: skip


def value(chance: random.Random, kind: str) -> object:
    """Anything that a column of that kind takes, strange things first."""
    if chance.random() < 0.15:
        return None
    name = kind.partition("(")[0].split()[0]
    if name in {"varchar", "longtext"}:
        return chance.choice(TEXTS)
    days = timedelta(days=chance.randrange(20_000), microseconds=chance.randrange(10**6))
    makers: dict[str, Callable[[], object]] = {
        "char": lambda: chance.choice(("", "a", "a b", "çé")),
        "int": lambda: chance.choice((0, -1, 2**31 - 1, -(2**31), chance.randrange(1000))),
        "bigint": lambda: chance.choice((0, 2**64 - 1, chance.randrange(10**15))),
        "decimal": lambda: chance.choice(("0", "-0.000001", "99999999999999.999999", "1.5")),
        "double": lambda: chance.choice((0.0, 0.1, -1e300, 1e-300, chance.random(), 1 / 3)),
        "date": lambda: chance.choice(("0000-00-00", "2026-00-00", str(date(1970, 1, 1) + days))),
        "datetime": lambda: chance.choice(("0000-00-00 00:00:00", str(datetime(1970, 1, 2) + days))),  # noqa: DTZ001
        "timestamp": lambda: str(datetime(1971, 1, 2) + days / 2).partition(".")[0],  # noqa: DTZ001
        "time": lambda: chance.choice(("00:00:00", "-838:59:59", "23:59:59")),
        "year": lambda: chance.choice((0, 1901, 2026)),
        "bit": lambda: chance.randrange(512),
        "longblob": lambda: chance.choice((b"", bytes(range(256)), chance.randbytes(chance.choice((3, 70_000))))),
        "varbinary": lambda: chance.choice((b"", b"\0", b"';\n", chance.randbytes(200))),
        "enum": lambda: chance.choice(("a;", "b'c", "")),
        "set": lambda: chance.choice(("", "x", "x,y")),
        "tinyint": lambda: chance.choice((0, 1, -128)),
    }
    return makers[name]()


def build(cursor: "Cursor", chance: random.Random) -> None:
    """A schema of a few tables full of such values, with rules of every kind."""
    cursor.execute("SET sql_mode = ''")
    for number in range(chance.randrange(4)):
        kinds = [chance.choice(COLUMNS) for _ in range(chance.randrange(1, 6))]
        columns = [f"c{place} {kind} COMMENT 'de ;\nduas linhas;'" for place, kind in enumerate(kinds)]
        keyed = chance.random() < 0.7
        if keyed:
            columns.insert(0, "id int AUTO_INCREMENT PRIMARY KEY")
            if chance.random() < 0.3:
                columns.append("base int DEFAULT 3, dobro int AS (base * 2) STORED, metade int AS (base / 2) VIRTUAL")
            if chance.random() < 0.3:
                columns.append("escondido int INVISIBLE DEFAULT 7")
            if chance.random() < 0.3:
                columns.append(f"pai int, FOREIGN KEY (pai) REFERENCES t{number} (id)")
        charset = chance.choice(("latin1", "utf8mb4"))
        cursor.execute(f"CREATE TABLE t{number} ({', '.join(columns)}) CHARSET={charset} COMMENT='t;\n{number};'")
        names = ", ".join(f"c{place}" for place in range(len(kinds)))
        rows = [tuple(value(chance, kind) for kind in kinds) for _ in range(chance.choice((0, 1, 5, 40)))]
        rows += rows[:2]  # some twice
        if rows:
            places = ", ".join(["%s"] * len(kinds))
            cursor.executemany(f"INSERT INTO t{number} ({names}) VALUES ({places})", rows)
        if keyed and chance.random() < 0.5:
            cursor.execute(f"DELETE FROM t{number} ORDER BY id DESC LIMIT 2")  # the counter stays ahead
        if chance.random() < 0.4:
            cursor.execute(f"CREATE VIEW v{number} AS SELECT c0, ';\n' AS fim FROM t{number}")
        if chance.random() < 0.4:
            body = "BEGIN\nSET @a = ';;';\nSET @b = 1;\n-- fim ;;\nEND"
            cursor.execute(f"CREATE TRIGGER g{number} BEFORE INSERT ON t{number} FOR EACH ROW {body}")
    if chance.random() < 0.3:
        cursor.execute("CREATE PROCEDURE rotina(n int) BEGIN\nDROP TABLE IF EXISTS `nada`;\n-- ;;\nSELECT ';';\nEND")
        cursor.execute("CREATE FUNCTION dobro(n int) RETURNS int DETERMINISTIC RETURN n * 2")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MariaDBServer, MariaDBServer]]:
    """One to be copied, one to be restored into."""
    home = tmp_path_factory.mktemp("r")
    with scratch_server(home) as source, scratch_server(home) as target:
        yield source.server, target.server


def digest(server: MariaDBServer) -> tuple[list[bytes], DumpFacts]:
    with dumped(server, SCHEMAS) as lines:
        dump = DigestedDump(lines)
        return list(dump), dump.facts


@pytest.mark.parametrize("seed", range(SEED, SEED + VARIED))
def test_a_copy_of_varied_data_is_equal_to_its_source(servers: tuple[MariaDBServer, MariaDBServer], seed: int) -> None:
    source, target = servers
    chance = random.Random(seed)
    for schema in SCHEMAS:
        for server in servers:
            server.drop_database(schema)
        source.ensure_database(schema)
        with source.transaction(schema) as cursor:
            build(cursor, chance)
    before = {schema: read_database(source, schema, since=math.inf if seed % 2 else None) for schema in SCHEMAS}
    text, facts = digest(source)
    rest = {schema: resting(before[schema], read_database(source, schema)) for schema in SCHEMAS}
    restore(text, target, "teste")
    again, restored = digest(target)
    assert judge_dump(facts, restored) == ()
    assert again == text
    for schema in SCHEMAS:
        assert judge_resting(schema, rest[schema], read_database_facts(target, schema)) == ()
        assert check_foreign_keys(target, schema).broken == ()


@pytest.fixture(scope="module")
def instance(programme: Settings) -> Instance:
    assert programme
    return make_instance("3101805", "Alpercata")


@contextmanager
def people_at_work(instance: Instance, chance: random.Random) -> Iterator[list[int]]:
    """Somebody writes rows and files all the time, as SEI does: a file first, its row after it."""
    root, stop, done = Path(doors.runtime().repository_path(instance.name)) / DAY, threading.Event(), [0]
    failures: list[BaseException] = []

    def one(number: int) -> None:
        content = chance.randbytes(chance.choice((0, 10, 5000)))
        (root / str(number)).write_bytes(content)
        with instance.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute(
                "INSERT INTO anexo (id_anexo, nome, sin_ativo, id_unidade, id_usuario, tamanho, dth_inclusao, hash)"
                " SELECT %s, 'a', 'S', id_unidade, id_usuario, %s, %s, %s FROM anexo LIMIT 1",
                (number, len(content), INCLUDED_AT, hashlib.md5(content).hexdigest()),
            )
            cursor.execute("INSERT INTO md_teste_pai (nome) VALUES (%s)", (str(chance.choice(TEXTS))[:30],))
            cursor.execute("UPDATE md_teste_pai SET nome = %s ORDER BY id DESC LIMIT 1", (str(number),))
            cursor.execute("INSERT INTO md_teste_valor VALUES (%s, '', %s)", (chance.choice(TEXTS[:30]), content))
            cursor.execute("DELETE FROM md_teste_valor LIMIT 1")

    def work() -> None:
        try:
            first = chance.randrange(10**5, 10**8)
            while not stop.wait(0.01):
                one(first + done[0])
                done[0] += 1
        except BaseException as e:
            failures.append(e)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()
    assert failures == []


@pytest.mark.parametrize("seed", range(WHOLE))
def test_a_backup_of_an_environment_that_is_used_meanwhile_is_proved(instance: Instance, seed: int) -> None:
    with people_at_work(instance, random.Random(SEED + seed)) as done:
        certificate = back_up(instance)
    assert certificate.proved, [str(finding) for finding in certificate.findings]
    assert done[0] > 5, "nobody was at work"
