"""The database accounts of one environment, exact to the last grant: what is missing is given, what is more is taken.

An environment has two. The application's works at run time and cannot change structure. The migration's may, and is
locked except while an upgrade runs.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from domain.change import Change
from domain.environment import EnvironmentName

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

    from blocks.mariadb import MariaDBServer

# What SEI and SIP need at run time, on their own schemas only: SEI creates its yearly counters as rows, not as tables.
APPLICATION_PRIVILEGES = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE TEMPORARY TABLES", "LOCK TABLES"},
)
# What the official upgrade scripts need beside: tables, columns, keys and indexes; no version has views or routines.
MIGRATION_PRIVILEGES = APPLICATION_PRIVILEGES | {"CREATE", "DROP", "ALTER", "INDEX", "REFERENCES"}
MIGRATION_CONNECTIONS = 5  # one script a database, and a person who watches

_HOST = "%"  # the account may connect from any host; TLS and the network decide from where


_SOME = frozenset({"ALL"})


@dataclass(frozen=True)
class _Wanted:
    """What one account is to be."""

    user: str
    label: str
    schemas: tuple[str, ...]
    privileges: frozenset[str]
    max_connections: int | None
    locked: bool


@dataclass(frozen=True)
class _Grants:
    """The privileges that an account has in one place, and whether it may hand them on."""

    privileges: frozenset[str]
    grantable: bool


class EnvironmentAccounts:
    """The accounts of one environment on one server."""

    def __init__(self, server: "MariaDBServer", environment: EnvironmentName) -> None:
        self._server = server
        self._environment = environment

    def ensure_application(self, password: SecretStr, max_connections: int | None) -> Change:
        """The account of SEI and SIP themselves; without a limit given, the one that is there stays."""
        return self._ensure(
            _Wanted(
                user=self._environment.database_user,
                label="conta da aplicação",
                schemas=(self._environment.database_sei, self._environment.database_sip),
                privileges=APPLICATION_PRIVILEGES,
                max_connections=max_connections,
                locked=False,
            ),
            password,
        )

    def ensure_migration(self, password: SecretStr) -> Change:
        """The account of the upgrade scripts, locked; one found open is closed again, and whoever is in is put out."""
        return self._ensure(
            _Wanted(
                user=self._environment.database_migration_user,
                label="conta de migração",
                schemas=(self._environment.database_sei, self._environment.database_sip),
                privileges=MIGRATION_PRIVILEGES,
                max_connections=MIGRATION_CONNECTIONS,
                locked=True,
            ),
            password,
        )

    @contextmanager
    def unlocked_migration(self) -> Iterator[None]:
        """Let the migration account in for the length of the block; afterwards nobody is left inside."""
        user = self._environment.database_migration_user
        with self._server.transaction() as cursor:
            self._server.define(cursor, "ALTER USER %s@%s ACCOUNT UNLOCK", (user, _HOST))
        try:
            yield
        finally:
            with self._server.transaction() as cursor:
                self._lock(cursor, user)

    def remove(self) -> Change:
        """Both accounts gone, from every host, their sessions ended, and nobody else left with rights on the schemas.

        An account that may work nowhere else goes as well; one with rights elsewhere (a team's own) loses these only.
        """
        change = Change()
        with self._server.transaction() as cursor:
            for user in (self._environment.database_user, self._environment.database_migration_user):
                for host in _hosts(cursor, user):
                    self._server.define(cursor, "DROP USER %s@%s", (user, host))
                    change += Change(removed=1, details=(f"conta {user} de {_told(host)} retirada",))
                self._put_out(cursor, user)
            change += self._remove_strangers(cursor)
        return change

    def _remove_strangers(self, cursor: "Cursor") -> Change:
        schemas = (self._environment.database_sei, self._environment.database_sip)
        own = {schema.replace("_", "\\_") for schema in schemas}  # as in a grant, where an underscore is a wildcard
        cursor.execute(
            "SELECT DISTINCT d.user, d.host FROM mysql.db d JOIN mysql.user u USING (user, host)"
            " WHERE d.db IN %s AND u.is_role = 'N' AND d.user NOT IN %s ORDER BY 1, 2",
            (own, (self._environment.database_user, self._environment.database_migration_user)),
        )
        change = Change()
        for user, host in [(str(user), str(host)) for user, host in cursor.fetchall()]:
            cursor.execute("SELECT db FROM mysql.db WHERE user = %s AND host = %s", (user, host))
            granted = {str(pattern) for (pattern,) in cursor.fetchall()}
            if granted <= own:
                self._server.define(cursor, "DROP USER %s@%s", (user, host))
                self._put_out(cursor, user)
                change += Change(removed=1, details=(f"conta {user} de {_told(host)} retirada",))
                continue
            for pattern in sorted(granted & own):
                self._server.define(cursor, f"REVOKE ALL PRIVILEGES ON {_quoted(pattern)}.* FROM %s@%s", (user, host))
            change += Change(updated=1, details=(f"direitos da conta {user} sobre os bancos do ambiente retirados",))
        return change

    def _ensure(self, wanted: _Wanted, password: SecretStr) -> Change:
        with self._server.transaction() as cursor:
            change = self._ensure_user(cursor, wanted, password)
            change += self._ensure_no_other_host(cursor, wanted)
            change += self._ensure_schemas(cursor, wanted)
            change += self._ensure_nothing_global(cursor, wanted)
            change += self._ensure_nothing_finer(cursor, wanted)
            change += self._ensure_nobody_else(cursor, wanted)
            return change

    def _ensure_user(self, cursor: "Cursor", wanted: _Wanted, password: SecretStr) -> Change:
        secret = password.get_secret_value()
        # The password is compared as the server stores it, because nobody may connect to a locked account to try it.
        cursor.execute(
            "SELECT u.plugin = 'mysql_native_password' AND u.authentication_string = PASSWORD(%s)"
            "  AND COALESCE(JSON_LENGTH(g.priv, '$.auth_or'), 1) < 2,"
            " COALESCE(JSON_VALUE(g.priv, '$.account_locked'), 0) = 1, u.max_user_connections,"
            " u.max_questions + u.max_updates + u.max_connections"
            " FROM mysql.user u JOIN mysql.global_priv g USING (host, user) WHERE u.user = %s AND u.host = %s",
            (secret, wanted.user, _HOST),
        )
        row = cursor.fetchone()
        name = f"{wanted.label} {wanted.user}"
        if row is None:
            self._server.define(
                cursor,
                "CREATE USER %s@%s IDENTIFIED BY %s WITH MAX_USER_CONNECTIONS %s"
                f" ACCOUNT {'LOCK' if wanted.locked else 'UNLOCK'}",
                (wanted.user, _HOST, secret, wanted.max_connections or 0),
            )
            return Change(created=1, details=(f"{name} criada",))
        same_password, locked, connections, other_limits = (bool(row[0]), bool(row[1]), int(row[2]), int(row[3]))
        change = Change()
        if not same_password:
            self._server.define(cursor, "ALTER USER %s@%s IDENTIFIED BY %s", (wanted.user, _HOST, secret))
            change += Change(updated=1, details=(f"{name}: senha ou forma de autenticação reposta",))
        limit = wanted.max_connections
        if (limit is not None and connections != limit) or other_limits:
            kept = connections if limit is None else limit
            self._server.define(
                cursor,
                "ALTER USER %s@%s WITH MAX_USER_CONNECTIONS %s"
                " MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0",
                (wanted.user, _HOST, kept),
            )
            others = ", limites por hora retirados" if other_limits else ""
            change += Change(updated=1, details=(f"{name}: conexões {connections} → {kept}{others}",))
        if locked and not wanted.locked:
            self._server.define(cursor, "ALTER USER %s@%s ACCOUNT UNLOCK", (wanted.user, _HOST))
            change += Change(updated=1, details=(f"{name} estava bloqueada",))
        elif wanted.locked and not locked:
            self._lock(cursor, wanted.user)
            change += Change(updated=1, details=(f"{name} estava desbloqueada",))
        return change

    def _ensure_no_other_host(self, cursor: "Cursor", wanted: _Wanted) -> Change:
        change = Change()
        for host in _hosts(cursor, wanted.user):
            if host != _HOST:
                # The server takes the most precise host first: this twin would be the account, with its own password.
                self._server.define(cursor, "DROP USER %s@%s", (wanted.user, host))
                detail = f"{wanted.label} {wanted.user}: variante do endereço {host} retirada"
                change += Change(removed=1, details=(detail,))
        return change

    def _ensure_schemas(self, cursor: "Cursor", wanted: _Wanted) -> Change:
        # An underscore is a wildcard in a grant's schema name: escape it, or one tenant could match another's.
        patterns = {schema.replace("_", "\\_"): schema for schema in wanted.schemas}
        found = _schema_grants(cursor, wanted.user)
        change = Change()
        for pattern, schema in patterns.items():
            has = found.pop(pattern, None)
            missing = wanted.privileges - (has.privileges if has else frozenset())
            if missing:
                self._server.define(
                    cursor, f"GRANT {_listed(missing)} ON {_quoted(pattern)}.* TO %s@%s", (wanted.user, _HOST)
                )
            excess = has.privileges - wanted.privileges if has else frozenset()
            if has and (excess or has.grantable):
                taken = excess | ({"GRANT OPTION"} if has.grantable else frozenset())
                self._server.define(
                    cursor, f"REVOKE {_listed(taken)} ON {_quoted(pattern)}.* FROM %s@%s", (wanted.user, _HOST)
                )
                detail = f"{wanted.label}: privilégio a mais em {schema} retirado ({_listed(taken)})"
                change += Change(removed=1, details=(detail,))
            if missing and has:
                detail = f"{wanted.label}: privilégio em {schema} devolvido ({_listed(missing)})"
                change += Change(updated=1, details=(detail,))
            elif missing:
                change += Change(created=1, details=(f"{wanted.label}: acesso a {schema} concedido",))
            elif not excess:
                change += Change(unchanged=1)
        for pattern in sorted(found):
            self._revoke_all(cursor, f"{_quoted(pattern)}.*", wanted, found[pattern])
            detail = f"{wanted.label}: acesso a mais ao banco {pattern} retirado"
            change += Change(removed=1, details=(detail,))
        return change

    def _ensure_nothing_global(self, cursor: "Cursor", wanted: _Wanted) -> Change:
        cursor.execute(
            "SELECT privilege_type, is_grantable FROM information_schema.user_privileges WHERE grantee = %s",
            (_grantee(wanted.user),),
        )
        rows = cursor.fetchall()
        privileges = {str(kind) for kind, _ in rows} - {"USAGE"}
        grantable = any(grantable == "YES" for _, grantable in rows)
        if not privileges and not grantable:
            return Change()
        self._revoke_all(cursor, "*.*", wanted, _Grants(frozenset(privileges), grantable))
        told = _listed(privileges | ({"GRANT OPTION"} if grantable else set()))
        return Change(removed=1, details=(f"{wanted.label}: privilégio global a mais retirado ({told})",))

    def _ensure_nothing_finer(self, cursor: "Cursor", wanted: _Wanted) -> Change:
        """Take away grants on single tables, columns and routines, which no account of ours has."""
        change = Change()
        account = (wanted.user, _HOST)
        cursor.execute(
            "SELECT db, table_name, column_priv <> '', FIND_IN_SET('Grant', table_priv) FROM mysql.tables_priv"
            " WHERE user = %s AND host = %s",
            account,
        )
        for schema, table, columns, grantable in cursor.fetchall():
            place = f"{_quoted(str(schema))}.{_quoted(str(table))}"
            self._revoke_all(cursor, place, wanted, _Grants(_SOME, bool(grantable)))
            kind = "coluna da tabela" if columns else "tabela"
            detail = f"{wanted.label}: permissão a mais em {kind} {schema}.{table} retirada"
            change += Change(removed=1, details=(detail,))
        cursor.execute(
            "SELECT db, routine_name, routine_type, FIND_IN_SET('Grant', proc_priv) FROM mysql.procs_priv"
            " WHERE user = %s AND host = %s",
            account,
        )
        for schema, routine, kind, grantable in cursor.fetchall():
            place = f"{kind} {_quoted(str(schema))}.{_quoted(str(routine))}"
            self._revoke_all(cursor, place, wanted, _Grants(_SOME, bool(grantable)))
            detail = f"{wanted.label}: permissão a mais na rotina {schema}.{routine} retirada"
            change += Change(removed=1, details=(detail,))
        return change

    def _ensure_nobody_else(self, cursor: "Cursor", wanted: _Wanted) -> Change:
        """Take away roles, and the right to act as another account or, of others, to act as this one."""
        change = Change()
        cursor.execute("SELECT role FROM mysql.roles_mapping WHERE user = %s AND host = %s", (wanted.user, _HOST))
        for (role,) in cursor.fetchall():
            self._server.define(cursor, f"REVOKE {_quoted(str(role))} FROM %s@%s", (wanted.user, _HOST))
            change += Change(removed=1, details=(f"{wanted.label}: papel {role} retirado",))
        if change.total:
            self._server.define(cursor, "SET DEFAULT ROLE NONE FOR %s@%s", (wanted.user, _HOST))
        cursor.execute(
            "SELECT user, host, proxied_user, proxied_host FROM mysql.proxies_priv"
            " WHERE (user = %s AND host = %s) OR proxied_user = %s",
            (wanted.user, _HOST, wanted.user),
        )
        for user, host, proxied_user, proxied_host in cursor.fetchall():
            self._server.define(cursor, "REVOKE PROXY ON %s@%s FROM %s@%s", (proxied_user, proxied_host, user, host))
            detail = f"{wanted.label}: {user} agia como {proxied_user or 'qualquer conta'}; permissão retirada"
            change += Change(removed=1, details=(detail,))
        return change

    def _revoke_all(self, cursor: "Cursor", place: str, wanted: _Wanted, found: _Grants) -> None:
        account = (wanted.user, _HOST)
        if found.grantable:  # first: without a privilege left, the server no longer finds the grant
            self._server.define(cursor, f"REVOKE GRANT OPTION ON {place} FROM %s@%s", account)
        if found.privileges:
            self._server.define(cursor, f"REVOKE ALL PRIVILEGES ON {place} FROM %s@%s", account)

    def _lock(self, cursor: "Cursor", user: str) -> None:
        self._server.define(cursor, "ALTER USER %s@%s ACCOUNT LOCK", (user, _HOST))
        self._put_out(cursor, user)

    def _put_out(self, cursor: "Cursor", user: str) -> None:
        """End the account's sessions: neither a lock nor a DROP USER does, and both are meant to."""
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (user,))
        for (session,) in cursor.fetchall():
            self._server.define(cursor, f"KILL CONNECTION {int(session)}")


def _hosts(cursor: "Cursor", user: str) -> list[str]:
    cursor.execute("SELECT host FROM mysql.user WHERE user = %s AND is_role = 'N' ORDER BY host", (user,))
    return [str(host) for (host,) in cursor.fetchall()]


def _schema_grants(cursor: "Cursor", user: str) -> dict[str, _Grants]:
    """What the account may do in which schemas, by the schema name's pattern as the grant has it."""
    cursor.execute(
        "SELECT table_schema, privilege_type, is_grantable FROM information_schema.schema_privileges"
        " WHERE grantee = %s",
        (_grantee(user),),
    )
    privileges: dict[str, set[str]] = defaultdict(set)
    grantable = set()
    for pattern, privilege, may_grant in cursor.fetchall():
        privileges[str(pattern)].add(str(privilege))
        if may_grant == "YES":
            grantable.add(str(pattern))
    return {
        pattern: _Grants(frozenset(kinds - {"USAGE"}), pattern in grantable) for pattern, kinds in privileges.items()
    }


def _grantee(user: str) -> str:
    return f"'{user}'@'{_HOST}'"


def _quoted(name: str) -> str:
    """A name read from the server's own tables, as an identifier in a statement with bound values."""
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


def _listed(privileges: Iterable[str]) -> str:
    return ", ".join(sorted(privileges))


def _told(host: str) -> str:
    return "qualquer endereço" if host == _HOST else host
