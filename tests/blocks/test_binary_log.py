"""The binary log of a real server: where a dump stands in it, and what it leads to from there."""

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from pydantic import SecretStr

from blocks.binary_log import LogFiles, gtid_at, log_state, read_log, run_log
from blocks.dump_restorer import restore
from blocks.dump_statements import DigestedDump
from blocks.dump_writer import digest, dumped
from blocks.mariadb import MariaDBServer
from blocks.scratch_server import scratch_server
from domain.binary_log import LogReader
from domain.errors import IntegrityError, InvalidInputError
from domain.log_events import Kind
from tests.mariadb import PrivateMariadb

SCHEMAS = ("cidade_producao_sip", "cidade_producao_sei")
OTHER = "vizinha_producao_sei"
LOGGED = ("--log-bin=log", "--binlog-format=ROW", "--server-id=7", "--max-binlog-size=1M")


def started(folder: Path, *options: str) -> Iterator[MariaDBServer]:
    private = PrivateMariadb(folder, *options)
    private.start()
    try:
        yield MariaDBServer(host="127.0.0.1", port=private.port, user="root", password=SecretStr(""))
    finally:
        private.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDBServer]:
    """A server with a log, two schemas of one environment and one of another."""
    for found in started(tmp_path_factory.mktemp("l"), *LOGGED):
        for schema in (*SCHEMAS, OTHER):
            found.ensure_database(schema)
            with found.transaction(schema) as cursor:
                cursor.execute("CREATE TABLE conta (id int PRIMARY KEY AUTO_INCREMENT, texto longtext) ENGINE=InnoDB")
        yield found


def write(server: MariaDBServer, number: int) -> None:
    """One transaction in both schemas, and one of somebody else."""
    with server.transaction() as cursor:
        for schema in SCHEMAS:
            cursor.execute(f"INSERT INTO {schema}.conta (texto) VALUES (REPEAT('a', {number % 7 * 1000}))")
            cursor.execute(f"UPDATE {schema}.conta SET texto = CONCAT(texto, 'b') ORDER BY id DESC LIMIT 2")
    with server.transaction(OTHER) as cursor:
        cursor.execute("INSERT INTO conta (texto) VALUES ('alheia')")


def test_a_dump_while_people_work_stands_where_its_snapshot_does(server: MariaDBServer, tmp_path: Path) -> None:
    ended, written = Event(), 0

    def work() -> None:
        nonlocal written
        while not ended.is_set():
            write(server, written)
            written += 1

    worker = Thread(target=work)
    worker.start()
    try:
        for _ in range(3):
            before = written
            with dumped(server, SCHEMAS, with_place=True) as lines:
                dump = DigestedDump(lines)
                text = []
                for line in dump:
                    text.append(line)
                    if len(text) % 20 == 0:
                        ended.wait(0.01)  # a slow reader: the work goes on meanwhile
            while written < before + 5:
                ended.wait(0.01)
    finally:
        ended.set()
        worker.join()
    assert dump.place is not None
    gtid = gtid_at(server, *dump.place)
    assert gtid is not None
    with scratch_server(tmp_path / "r") as scratch:
        restore(text, scratch.server, "teste")
        assert digest(scratch.server, SCHEMAS) == dump.facts, "the words about the place are no part of the data"
        files = LogFiles(scratch.home)
        log = LogReader(SCHEMAS, until=1 << 33, gtid=gtid, statements_safe=False, sink=files)
        for event in read_log(server, *dump.place):
            log.feed(event)
        log.finish()
        files.close()
        assert log.problem is None
        assert log.transactions >= 5
        run_log(files.paths, scratch.server, SCHEMAS[1], "teste")
        assert digest(scratch.server, SCHEMAS) == digest(server, SCHEMAS)
        assert all(b"alheia" not in path.read_bytes() for path in files.paths)


def test_what_is_read_is_what_lies_in_the_files(server: MariaDBServer, tmp_path: Path) -> None:
    with server.transaction() as cursor:
        cursor.execute("FLUSH BINARY LOGS")
        cursor.execute("SHOW BINARY LOGS")
        first = str(cursor.fetchall()[0][0])
    command = ["mariadb-binlog", "--no-defaults", "--read-from-remote-server", "--host=127.0.0.1", "--user=root"]
    command += [f"--port={server.port}", "--raw", f"--result-file={tmp_path}/", first]
    subprocess.run(command, check=True, capture_output=True)
    own: list[bytes] = []
    for event in read_log(server, first, 4):
        _, kind, _, _, _, flags = struct.unpack_from("<IBIIIH", event)
        if kind == Kind.ROTATE and not flags & 0x20:
            own.append(event)
            break
        if not flags & 0x20:
            own.append(event)
    content = (tmp_path / first).read_bytes()
    assert content[:4] == b"\xfebin"
    # The program asks for the commands that explain rows as well.
    for event in own[1:]:
        assert event in content
    assert sum(map(len, own)) <= len(content) - 4


def test_a_place_that_is_not_there_is_none_and_cannot_be_read(server: MariaDBServer) -> None:
    assert gtid_at(server, "log.999999", 4) is None
    with pytest.raises(IntegrityError, match="1236"):
        list(read_log(server, "log.999999", 4))


def test_an_account_that_may_not_read_the_log_has_none(server: MariaDBServer) -> None:
    with server.transaction() as cursor:
        cursor.execute("CREATE USER leitora@'127.0.0.1' IDENTIFIED BY 'x'")
        cursor.execute("GRANT SELECT ON *.* TO leitora@'127.0.0.1'")
    reader = server.model_copy(update={"user": "leitora", "password": SecretStr("x")})
    assert log_state(reader) is None
    with pytest.raises(InvalidInputError, match="recusou o acesso"):
        list(read_log(reader, "log.000001", 4))
    assert log_state(server) is not None


def test_a_server_without_a_log_has_none_and_is_dumped_as_ever(tmp_path: Path) -> None:
    for server in started(tmp_path):
        assert log_state(server) is None
        server.ensure_database(SCHEMAS[0])
        with dumped(server, SCHEMAS[:1]) as lines:
            dump = DigestedDump(lines)
            assert b"MASTER" not in b"".join(dump)
        assert dump.place is None


def test_an_event_that_cannot_be_run_is_told_without_its_values(server: MariaDBServer, tmp_path: Path) -> None:
    write(server, 1)
    state = log_state(server)
    assert state is not None
    with server.transaction() as cursor:
        cursor.execute("SHOW MASTER STATUS")
        row = cursor.fetchone()
        assert row is not None
    file, offset = str(row[0]), int(row[1])
    gtid = gtid_at(server, file, offset)
    assert gtid is not None
    with server.transaction(SCHEMAS[1]) as cursor:
        cursor.execute("INSERT INTO conta (id, texto) VALUES (1000000, 'segredo')")
    with scratch_server(tmp_path / "r") as scratch:
        scratch.server.ensure_database(SCHEMAS[1])
        files = LogFiles(scratch.home)
        log = LogReader(SCHEMAS, until=1 << 33, gtid=gtid, statements_safe=False, sink=files)
        for event in read_log(server, file, offset):
            log.feed(event)
        log.finish()
        files.close()
        with pytest.raises(IntegrityError, match="O log binário não pôde ser refeito") as raised:
            run_log(files.paths, scratch.server, SCHEMAS[1], "teste")
    assert "segredo" not in str(raised.value)
    assert "--backup" in raised.value.fix
