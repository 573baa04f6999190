"""What one look at a database server tells of everybody on it, whatever is broken in one of them."""

import secrets
import shutil
from contextlib import AbstractContextManager

import pytest
from pydantic import SecretStr
from pymysql.cursors import Cursor

from blocks.mariadb import MariaDBServer
from blocks.sei_use import SeiUse
from blocks.server_disk import disks_under
from blocks.server_watch import OnServer, read_server
from domain.environment import EnvironmentName, Purpose
from domain.errors import RetryableError
from domain.monitoring.facts import DiskFigures, EnvironmentFigures
from tests.blocks.instance import Databases

NOBODY = EnvironmentName(municipality="blocos-ninguem", purpose=Purpose.TREINAMENTO)
BEAT = "AgendamentoRN::testarAgendamento"


def on_server(name: EnvironmentName) -> OnServer:
    return OnServer(name.slug, name.database_sei, name.database_sip)


def look(databases: Databases, *more: EnvironmentName) -> dict[str, EnvironmentFigures]:
    environments = [on_server(name) for name in (databases.name, *more)]
    return read_server(databases.server, environments, session_minutes=60).environments


def test_every_version_tells_its_figures_and_who_is_not_there_is_told(databases: Databases) -> None:
    slug = databases.name.slug
    databases.rows(
        "sei",
        "UPDATE infra_agendamento_tarefa SET dth_ultima_execucao = NOW() - INTERVAL 90 SECOND, sin_sucesso = 'S'"
        " WHERE comando = %s",
        (BEAT,),
    )
    found = look(databases, NOBODY)
    assert found[NOBODY.slug] == EnvironmentFigures(present=False)
    figures = found[slug]
    assert figures.present
    assert figures.heartbeat_seconds is not None
    assert 90 <= figures.heartbeat_seconds < 120
    assert figures.concurrent_users == 0
    assert figures.users == SeiUse(databases.server, databases.name).count_all().users
    # The same that MariaDB itself tells after it has opened every table, but for what its statistics lag behind.
    exact = databases.one(
        "sei",
        "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema IN (%s, %s)",
        (databases.name.database_sei, databases.name.database_sip),
    )
    assert figures.storage_bytes == pytest.approx(int(exact), rel=0.2)


def test_a_failed_beat_is_no_sign_of_life(databases: Databases) -> None:
    databases.rows("sei", "UPDATE infra_agendamento_tarefa SET sin_sucesso = 'N' WHERE comando = %s", (BEAT,))
    assert look(databases)[databases.name.slug].heartbeat_seconds is None


def test_a_table_that_cannot_be_read_is_its_own_environments_trouble(
    databases: Databases, other_databases: Databases
) -> None:
    """The other environment has every table that is looked for, one of them without its column."""
    for kind, tables in (("sei", ("infra_agendamento_tarefa", "usuario")), ("sip", ("login", "usuario"))):
        source = {"sei": databases.name.database_sei, "sip": databases.name.database_sip}[kind]
        for table in tables:
            other_databases.rows(kind, f"CREATE TABLE {table} LIKE `{source}`.{table}")
    assert look(databases, other_databases.name)[other_databases.name.slug].present
    other_databases.rows("sip", "ALTER TABLE login DROP COLUMN sta_login")
    found = look(databases, other_databases.name)
    assert found[databases.name.slug].present
    assert found[other_databases.name.slug] == EnvironmentFigures(present=False)


def test_a_server_tells_its_connections_and_that_it_is_no_replica(databases: Databases) -> None:
    with databases.server.connection(), databases.server.connection():
        found = read_server(databases.server, [], session_minutes=60)
    assert found.connections >= 3
    assert found.max_connections > found.connections
    assert (found.replicates, found.lag_seconds, found.environments) == (False, 0, {})


def test_a_server_tells_its_real_disk_and_only_to_whom_it_tells_files(databases: Databases) -> None:
    there = shutil.disk_usage(databases.one("sei", "SELECT @@datadir"))
    (disk,) = read_server(databases.server, [], session_minutes=60).disks
    assert disk.used_bytes == pytest.approx(there.used, rel=0.05)
    assert disk.free_bytes == pytest.approx(there.free, rel=0.05)
    account, password = f"olha_{secrets.token_hex(4)}", SecretStr(secrets.token_hex(16))
    with databases.server.transaction() as cursor:
        cursor.execute(f"CREATE USER {account}@'127.0.0.1' IDENTIFIED BY %s", (password.get_secret_value(),))
        cursor.execute(f"GRANT PROCESS, SLAVE MONITOR ON *.* TO {account}@'127.0.0.1'")
    try:
        poorer = databases.server.model_copy(update={"user": account, "password": password})
        assert read_server(poorer, [], session_minutes=60).disks == ()
    finally:
        with databases.server.transaction() as cursor:
            cursor.execute(f"DROP USER {account}@'127.0.0.1'")


def test_each_place_lies_on_the_deepest_mount_above_it() -> None:
    mounted = {path: DiskFigures(path=path, used_bytes=1, free_bytes=1) for path in ("/", "/var", "/var/lib/mysql")}
    data, log = "/var/lib/mysql/", "/var/lib/mysql-logs/log"
    assert [disk.path for disk in disks_under([data, log], mounted)] == ["/var/lib/mysql", "/var"]
    assert [disk.path for disk in disks_under([data, "/var/lib/mysql/log"], mounted)] == ["/var/lib/mysql"]
    assert disks_under([data], {}) == ()


def test_a_server_that_does_not_tell_its_disks_is_not_down_for_that(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MariaDBServer.transaction

    def hanging(server: MariaDBServer, *arguments: str) -> AbstractContextManager[Cursor]:
        if server.answer_timeout_seconds == 5:
            raise RetryableError("O MariaDB não respondeu", "principal", "Execute de novo.")
        return real(server, *arguments)

    monkeypatch.setattr(MariaDBServer, "transaction", hanging)
    found = read_server(databases.server, [], session_minutes=60)
    assert found.disks == ()
    assert found.connections > 0


def test_a_server_that_is_not_there_is_no_answer(server: MariaDBServer) -> None:
    with pytest.raises(RetryableError, match="não respondeu"):
        read_server(server.model_copy(update={"port": 1}), [], session_minutes=60)
