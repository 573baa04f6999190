"""What one environment's database accounts reach on the server, beside their own two schemas."""

from functools import partial
from typing import TYPE_CHECKING

import pymysql
from pydantic import SecretStr

from blocks.mariadb import MariaDBServer, explain_code, identifier
from blocks.probes.attempts import Attempt, RefusedError, count_seen, try_all
from blocks.rehearsal import rehearsing
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.segregation import ProbeResult, Way

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# Access refused to a schema, to the server, to a table, to a column; a missing privilege; may not grant; a command that
# the server's options forbid to everybody.
_REFUSALS = frozenset({1044, 1045, 1142, 1143, 1227, 1290, 1370, 1410})
_CONTROL_TABLE = "infra_parametro"


def probe_sql(
    server: MariaDBServer,
    environment: EnvironmentName,
    password: SecretStr,
    neighbour: EnvironmentName | None,
    registry_schema: str,
) -> list[ProbeResult]:
    """Try, with an environment's own account, the neighbour's schemas, the fleet's registry and the server itself."""
    door = server.model_copy(update={"user": environment.database_user, "password": password})
    entering = {"entrar no próprio banco": partial(_open, door, environment.database_sei)}
    results = try_all(Way.SQL, entering, control=True)
    if not results[0].got_through:
        return results  # whoever cannot even come in is refused everything, which proves nothing
    # Nothing an attempt writes may stay, should it be let through.
    with rehearsing(), door.transaction(environment.database_sei) as cursor:
        run = partial(_run, cursor)
        own = partial(run, f"SELECT COUNT(*) FROM {_CONTROL_TABLE}")
        results += try_all(Way.SQL, {"ler os próprios parâmetros": own}, control=True)
        results += try_all(Way.SQL, _server_attempts(cursor, environment, registry_schema))
        if neighbour is not None:
            results += try_all(Way.SQL, _neighbour_attempts(cursor, neighbour))
    if neighbour is not None:
        results += _probe_opening(door, neighbour)
    return results


def probe_foreign_server(
    server: MariaDBServer, environment: EnvironmentName, password: SecretStr, neighbour: EnvironmentName
) -> list[ProbeResult]:
    """Try an environment's account on a server that it does not live on, where the neighbour does."""
    door = server.model_copy(update={"user": environment.database_user, "password": password})
    entering = {"entrar no servidor de banco do vizinho": partial(_open, door, None)}
    return try_all(Way.SQL, entering) + _probe_opening(door, neighbour)


def _probe_opening(door: MariaDBServer, neighbour: EnvironmentName) -> list[ProbeResult]:
    attempts: dict[str, Attempt] = {
        f"abrir o banco do {system} do vizinho": partial(_open, door, database)
        for system, database in (("SEI", neighbour.database_sei), ("SIP", neighbour.database_sip))
    }
    return try_all(Way.SQL, attempts)


def _server_attempts(cursor: "Cursor", environment: EnvironmentName, registry_schema: str) -> dict[str, Attempt]:
    run, see = partial(_run, cursor), partial(_see, cursor)
    registry = identifier(registry_schema)
    # The last two show every account what concerns itself: three tables of status, the server's own dictionary.
    own = (environment.database_sei, environment.database_sip, "performance_schema", "information_schema")
    return {
        "listar bancos alheios": partial(
            see, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name NOT IN %s", (own,)
        ),
        "listar tabelas alheias": partial(
            see, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema NOT IN %s", (own,)
        ),
        "listar privilégios alheios": partial(
            see,
            "SELECT COUNT(*) FROM information_schema.schema_privileges WHERE grantee NOT LIKE %s",
            (f"'{environment.database_user}'@%",),
        ),
        "listar conexões alheias": partial(
            see, "SELECT COUNT(*) FROM information_schema.processlist WHERE user <> %s", (environment.database_user,)
        ),
        "ler as contas do servidor": partial(run, "SELECT COUNT(*) FROM mysql.global_priv"),
        "ler os privilégios do servidor": partial(run, "SELECT COUNT(*) FROM mysql.db"),
        "ler o registro de municípios": partial(run, f"SELECT COUNT(*) FROM {registry}.municipality"),
        "ler os contatos do registro": partial(run, f"SELECT COUNT(*) FROM {registry}.contact"),
        "gravar no registro": partial(run, f"DELETE FROM {registry}.event WHERE 1 = 0"),
        "criar bancos": partial(run, f"CREATE DATABASE IF NOT EXISTS {identifier(environment.database_sei)}"),
        "mexer em contas": partial(run, "DROP USER IF EXISTS 'implanta-sonda'@'sonda.invalid'"),
        "ler um arquivo do servidor": partial(_read_file, cursor),
        "gravar um arquivo no servidor": partial(run, "SELECT 1 INTO OUTFILE '/nao-existe/implanta-sonda'"),
        "mudar o servidor": partial(run, "SET GLOBAL max_connections = @@global.max_connections"),
        "criar tabela no próprio banco": partial(run, "CREATE TABLE implanta_sonda SELECT 1 AS n WHERE 1 = 0"),
        "apagar tabela do próprio banco": partial(run, "DROP TABLE implanta_sonda"),
    }


def _neighbour_attempts(cursor: "Cursor", neighbour: EnvironmentName) -> dict[str, Attempt]:
    run, see = partial(_run, cursor), partial(_see, cursor)
    sei, sip = identifier(neighbour.database_sei), identifier(neighbour.database_sip)
    schemas = (neighbour.database_sei, neighbour.database_sip)
    return {
        "ver os bancos do vizinho": partial(
            see, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name IN %s", (schemas,)
        ),
        "ver as tabelas do vizinho": partial(
            see, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema IN %s", (schemas,)
        ),
        "ver as colunas do vizinho": partial(
            see, "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema IN %s", (schemas,)
        ),
        "ler os usuários do SEI do vizinho": partial(run, f"SELECT COUNT(*) FROM {sei}.usuario"),
        "ler os documentos do vizinho": partial(run, f"SELECT COUNT(*) FROM {sei}.documento_conteudo"),
        "ler os contatos do vizinho": partial(run, f"SELECT COUNT(*) FROM {sei}.contato"),
        "ler os usuários do SIP do vizinho": partial(run, f"SELECT COUNT(*) FROM {sip}.usuario"),
        "ler as chaves de acesso do vizinho": partial(run, f"SELECT COUNT(chave_acesso) FROM {sip}.sistema"),
        "ler a senha LDAP do vizinho": partial(run, f"SELECT COUNT(senha_pesquisa) FROM {sip}.servidor_autenticacao"),
        "alterar parâmetros do vizinho": partial(run, f"UPDATE {sei}.infra_parametro SET valor = valor WHERE 1 = 0"),
        "alterar permissões do vizinho": partial(run, f"UPDATE {sip}.permissao SET sin_subunidades = 'N' WHERE 1 = 0"),
        "incluir registro no vizinho": partial(
            run, f"INSERT INTO {sip}.infra_parametro (nome, valor) SELECT '', '' FROM DUAL WHERE 1 = 0"
        ),
        "apagar usuários do vizinho": partial(run, f"DELETE FROM {sei}.usuario WHERE 1 = 0"),
        "juntar as próprias linhas às do vizinho": partial(
            run, f"SELECT COUNT(*) FROM usuario a JOIN {sei}.usuario b USING (id_usuario)"
        ),
        "criar tabela no vizinho": partial(run, f"CREATE TEMPORARY TABLE {sei}.implanta_sonda (n INT)"),
        "apagar tabela do vizinho": partial(run, f"DROP TABLE {sei}.implanta_sonda_que_nao_existe"),
        "travar tabelas do vizinho": partial(run, f"LOCK TABLES {sei}.usuario READ"),
        "ver a definição das tabelas do vizinho": partial(run, f"SHOW CREATE TABLE {sei}.usuario"),
        "ver as permissões da conta do vizinho": partial(run, f"SHOW GRANTS FOR '{neighbour.database_user}'@'%%'"),
    }


def probe_migration_account(
    server: MariaDBServer, environment: EnvironmentName, user: str, password: SecretStr
) -> list[ProbeResult]:
    """Try the account that may change structures: outside an upgrade nobody comes in with it, not even to its own."""
    door = server.model_copy(update={"user": user, "password": password})
    return try_all(Way.SQL, {"entrar com a conta de migração": partial(_open, door, environment.database_sei)})


def _run(cursor: "Cursor", statement: str, values: tuple[object, ...] = ()) -> str:
    try:
        cursor.execute(statement, values)
    except pymysql.err.MySQLError as e:
        code = e.args[0] if e.args and isinstance(e.args[0], int) else 0
        if code in _REFUSALS:
            raise RefusedError(f"erro {code}") from None
        if told := explain_code(code, str(e.args[-1]), "sonda SQL"):
            raise told from None
        # Whoever may not even know of a thing is not told what is wrong with the statement.
        return f"o servidor respondeu com o erro {code}, que só vê quem tem acesso"
    return "o servidor atendeu"


def _see(cursor: "Cursor", statement: str, values: tuple[object, ...]) -> str:
    _run(cursor, statement, values)
    row = cursor.fetchone()
    return count_seen(int(row[0]) if row else 0, "visíveis")


def _read_file(cursor: "Cursor") -> str:
    # The server reads only what everybody on its machine may read, as are its own character sets.
    _run(cursor, "SELECT LOAD_FILE(CONCAT(@@global.character_sets_dir, 'Index.xml'))")
    row = cursor.fetchone()
    if row is None or row[0] is None:
        raise RefusedError("nada lido")
    return "arquivo lido"


def _open(door: MariaDBServer, database: str | None) -> str:
    try:
        with door.transaction(database) as cursor:
            cursor.execute("SELECT 1")
    except InvalidInputError as e:
        raise RefusedError(e.what) from None
    return "banco aberto"
