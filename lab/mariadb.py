"""MariaDB: two servers for the databases of the environments; the first holds the registry as well."""

import os
import secrets
import shutil
from pathlib import Path
from typing import ClassVar

import pymysql

from lab.layout import make_private_dir, write_private
from lab.ports import HOST
from lab.processes import Launch
from lab.record import Record
from lab.service import NotReadyError, Service, program

PACKAGE = "mariadb-server"
ROOT_USER = "root"
ADMIN_USER = "implanta_admin"
REGISTRY_USER = "implanta"
REGISTRY_DATABASE = "implanta"
CONNECT_TIMEOUT_SECONDS = 5

# Character set, packet size and clock as SEI asks of its server; the rest trades what only a power cut could lose
# for speed. A kill of the server loses nothing: every commit reaches the system's cache (=2), and torn pages are
# still repaired (the doublewrite buffer stays on). The binary log, for two days, leads restorations from a backup to
# any later moment; it is not for crashes either (sync-binlog=0).
CONFIGURATION = """\
[mariadbd]
datadir={data_dir}
socket=mariadb.sock
pid-file=mariadb.pid
tmpdir={tmp_dir}
init-file={init_file}
bind-address={host}
port={port}
{user_line}
skip-name-resolve
plugin-load-add=disks
log-bin=log-binario
binlog-format=ROW
server-id={server_id}
sync-binlog=0
log-bin-trust-function-creators=1
max-binlog-size=64M
binlog-expire-logs-seconds=172800
character-set-server=latin1
collation-server=latin1_swedish_ci
max_allowed_packet=128M
default-time-zone=-03:00
max_connections=500
performance-schema=0
innodb-buffer-pool-size={buffer_pool}
innodb-log-file-size=64M
innodb-flush-log-at-trx-commit=2
innodb-flush-method=fsync
sync-frm=0
"""

# Read at each start, before the first connection is accepted: at no moment does root lack a password.
# ALL PRIVILEGES leaves out the right to grant and revoke PROXY, and at this moment the server refuses to give it.
ACCOUNTS = """\
DELETE FROM mysql.global_priv WHERE User = 'root' AND Host NOT IN ('localhost', '127.0.0.1');
REPLACE INTO mysql.proxies_priv (Host, User, Proxied_host, Proxied_user, With_grant, Grantor)
VALUES ('127.0.0.1', '{admin}', '', '', 1, '');
FLUSH PRIVILEGES;
ALTER USER 'root'@'localhost' IDENTIFIED BY '{root_password}';
CREATE USER IF NOT EXISTS 'root'@'127.0.0.1';
ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '{root_password}';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS '{admin}'@'127.0.0.1';
ALTER USER '{admin}'@'127.0.0.1' IDENTIFIED BY '{admin_password}';
GRANT ALL PRIVILEGES ON *.* TO '{admin}'@'127.0.0.1' WITH GRANT OPTION;
"""
REGISTRY_ACCOUNTS = """\
CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE USER IF NOT EXISTS '{registry}'@'127.0.0.1';
ALTER USER '{registry}'@'127.0.0.1' IDENTIFIED BY '{registry_password}';
GRANT ALL PRIVILEGES ON `{database}`.* TO '{registry}'@'127.0.0.1';
"""


def find_eatmydata() -> Path | None:
    """The library that makes fsync free, if the package libeatmydata1 is installed."""
    return next(iter(Path("/usr/lib").glob("*/libeatmydata.so")), None)


class MariaDB(Service):
    """One MariaDB server with a root, an administrator, and the registry's schema and user."""

    name = "mariadb"
    title = "MariaDB"
    port_names = ("mariadb",)
    stop_seconds = 30.0
    buffer_pool: ClassVar[str] = "256M"
    holds_registry: ClassVar[bool] = True
    server_id: ClassVar[int] = 1

    def root_password(self) -> str:
        return self.record.secrets.mariadb_root

    def admin_password(self) -> str:
        return self.record.secrets.mariadb_admin

    def prepare(self) -> None:
        make_private_dir(self.home)
        make_private_dir(self.home / "tmp")
        data_dir = self.home / "data"
        init_file = self.home / "accounts.sql"
        write_private(
            self.home / "my.cnf",
            CONFIGURATION.format(
                data_dir=data_dir,
                tmp_dir=self.home / "tmp",
                init_file=init_file,
                host=HOST,
                port=self.port(),
                buffer_pool=self.buffer_pool,
                server_id=self.server_id,
                # The server refuses to be root by accident.
                user_line="user=root" if os.geteuid() == 0 else "",
            ),
        )
        accounts = ACCOUNTS.format(
            root_password=self.root_password(), admin=ADMIN_USER, admin_password=self.admin_password()
        )
        if self.holds_registry:
            accounts += REGISTRY_ACCOUNTS.format(
                database=REGISTRY_DATABASE, registry=REGISTRY_USER, registry_password=self.record.secrets.registry
            )
        write_private(init_file, accounts)
        if not data_dir.exists():
            self._initialise(data_dir)

    def _initialise(self, data_dir: Path) -> None:
        for unfinished in self.home.glob("data.*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        fresh = self.home / f"data.{secrets.token_hex(4)}"
        self.run_once(
            [
                program("mariadb-install-db", PACKAGE),
                "--no-defaults",
                f"--datadir={fresh}",
                # A server that starts removes every temporary table that it finds: of a neighbour as well, in /tmp.
                f"--tmpdir={self.home / 'tmp'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--force",  # else it stops on a machine whose own name no file of hosts has
                *(["--user=root"] if os.geteuid() == 0 else []),
            ]
        )
        fresh.rename(data_dir)

    def launch(self) -> Launch:
        eatmydata = find_eatmydata()
        return Launch(
            argv=(program("mariadbd", PACKAGE), f"--defaults-file={self.home / 'my.cnf'}"),
            cwd=self.home,
            env={"LD_PRELOAD": str(eatmydata)} if eatmydata else {},
        )

    def probe(self) -> None:
        try:
            with pymysql.connect(
                host=HOST,
                port=self.port(),
                user=ADMIN_USER,
                password=self.admin_password(),
                database=REGISTRY_DATABASE if self.holds_registry else None,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                ssl_disabled=True,  # it has none to offer, and being ready for it takes 25 ms of a core
            ) as connection:
                connection.ping(reconnect=False)
        except pymysql.Error as e:
            raise NotReadyError(str(e)) from e

    def address(self) -> str:
        return self.host_and_port()


class SecondMariaDB(MariaDB):
    """One more server of the same kind, so that placement has a choice; small, and without the registry."""

    name = "mariadb2"
    title = "MariaDB 2"
    port_names = ("mariadb2",)
    buffer_pool = "64M"
    holds_registry = False
    server_id = 2

    def root_password(self) -> str:
        return self.record.secrets.mariadb2_root

    def admin_password(self) -> str:
        return self.record.secrets.mariadb2_admin


def registry_url(record: Record) -> str:
    """The SQLAlchemy address of the registry's schema, with its password."""
    account = f"{REGISTRY_USER}:{record.secrets.registry}"
    return f"mysql+pymysql://{account}@{HOST}:{record.ports['mariadb']}/{REGISTRY_DATABASE}?charset=utf8mb4"
