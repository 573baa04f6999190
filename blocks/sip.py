"""The SIP database of one environment: permissions, units and users start here (`sei.md` 2.4 and 2.7)."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pydantic import SecretStr

from blocks.counters import next_sequence_ids
from blocks.infra_rows import ensure_parameters, ensure_row, ensure_schedules, first_number
from blocks.mariadb import MariaDBServer
from domain.access_key import LOWEST_BCRYPT_COST, AccessKey
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import IntegrityError
from domain.model import Frozen
from domain.schedule import Schedule

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# The reference databases have one órgão, and an instance of a prefeitura keeps that one.
ORGAO_ID = 0
# The same in every reference database (`sei.md` 2.4).
SIP_SYSTEM_ID = 100000099
SEI_SYSTEM_ID = 100000100
TEST_USER = "teste"
# The unit in which SEI's own scripts sign in; it is never deleted (`sei.md` 2.7), and has one id in both databases.
TEST_UNIT_ID = 110000001


class DirectoryServer(Frozen):
    """What SIP must know to check a password, as in `servidor_autenticacao`."""

    name: str
    host: str
    port: int
    search_dn: str
    search_password: SecretStr
    people_dn: str


class SipDatabase:
    """One environment's SIP."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._database = environment.database_sip

    def ensure_orgao(self, sigla: str, descricao: str) -> Change:
        """Give the órgão its acronym and name."""
        with self._server.transaction(self._database) as cursor:
            return ensure_row(
                cursor, "orgao", ("id_orgao", ORGAO_ID), {"sigla": sigla, "descricao": descricao}, "órgão no SIP"
            )

    def ensure_addresses(self, url: str) -> Change:
        """Write the public addresses of both systems into `sistema`, as the official automation does (`sei.md` 1.5)."""
        with self._server.transaction(self._database) as cursor:
            change = ensure_row(
                cursor, "sistema", ("id_sistema", SIP_SYSTEM_ID), {"pagina_inicial": f"{url}/sip"}, "endereço do SIP"
            )
            return change + ensure_row(
                cursor,
                "sistema",
                ("id_sistema", SEI_SYSTEM_ID),
                {
                    "pagina_inicial": f"{url}/sei/inicializar.php",
                    "web_service": f"{url}/sei/controlador_ws.php?servico=sip",
                },
                "endereço do SEI",
            )

    def ensure_access_keys(self, keys: Mapping[int, AccessKey]) -> Change:
        """Make each system, by its id, accept its own key and no other; the published keys stop working."""
        change = Change()
        with self._server.transaction(self._database) as cursor, ThreadPoolExecutor() as pool:
            stored: dict[int, tuple[str | None, str | None]] = {}
            for system_id in keys:
                cursor.execute("SELECT crc, chave_acesso FROM sistema WHERE id_sistema = %s FOR UPDATE", (system_id,))
                row = cursor.fetchone()
                if row is None:
                    raise IntegrityError(
                        f"Sistema {system_id} não existe no SIP", self._database, "Compare o banco com a referência."
                    )
                stored[system_id] = row
            # Each hash takes a core a quarter of a second, on purpose of bcrypt.
            hashes = pool.map(_new_hash, keys.values(), stored.values())
            for (system_id, key), new in zip(keys.items(), hashes, strict=True):
                if new is None:
                    change += Change(unchanged=1)
                    continue
                cursor.execute(
                    "UPDATE sistema SET crc = %s, chave_acesso = %s WHERE id_sistema = %s", (key.crc, new, system_id)
                )
                change += Change(updated=1, details=(f"chave de acesso do sistema {system_id} trocada",))
        return change

    def set_passing_access_keys(self, keys: Mapping[int, AccessKey]) -> None:
        """Make each system of a copy accept a key that is gone, with the copy, before anybody could guess it."""
        with self._server.transaction(self._database) as cursor:
            for system_id, key in keys.items():
                cursor.execute(
                    "UPDATE sistema SET crc = %s, chave_acesso = %s WHERE id_sistema = %s",
                    (key.crc, key.hash(cost=LOWEST_BCRYPT_COST), system_id),
                )

    def ensure_directory_authentication(self, directory: DirectoryServer) -> Change:
        """Check passwords in the environment's directory and nowhere else.

        The example servers of the reference stay as rows without a link, so nothing asks them.
        """
        columns: dict[str, str | int | None] = {
            "sta_tipo": "LDAP",
            "endereco": directory.host,
            "porta": directory.port,
            "sufixo": None,
            "usuario_pesquisa": directory.search_dn,
            # Plain text: how SIP's own screens store it is not documented (`sei.md`, open question 3).
            "senha_pesquisa": directory.search_password.get_secret_value(),
            "contexto_pesquisa": directory.people_dn,
            "atributo_filtro_pesquisa": "uid",
            "atributo_retorno_pesquisa": "distinguishedName",
            "versao": 3,
        }
        with self._server.transaction(self._database) as cursor:
            cursor.execute(
                "SELECT id_servidor_autenticacao FROM servidor_autenticacao WHERE nome = %s FOR UPDATE",
                (directory.name,),
            )
            row = cursor.fetchone()
            names = ", ".join(columns)
            if row is None:
                (server_id,) = next_sequence_ids(cursor, "servidor_autenticacao", 1)
                cursor.execute(
                    f"INSERT INTO servidor_autenticacao (id_servidor_autenticacao, nome, {names})"
                    f" VALUES (%s, %s, {', '.join(['%s'] * len(columns))})",
                    (server_id, directory.name, *columns.values()),
                )
                change = Change(created=1, details=(f"servidor de autenticação {directory.name} incluído",))
            else:
                server_id = int(row[0])
                change = ensure_row(
                    cursor,
                    "servidor_autenticacao",
                    ("id_servidor_autenticacao", server_id),
                    columns,
                    f"servidor de autenticação {directory.name}",
                )
            cursor.execute(
                "DELETE FROM rel_orgao_autenticacao WHERE id_orgao = %s AND id_servidor_autenticacao <> %s",
                (ORGAO_ID, server_id),
            )
            change += _removed(cursor, "ligação do órgão a outro servidor de autenticação retirada")
            cursor.execute(
                "INSERT IGNORE INTO rel_orgao_autenticacao (id_orgao, id_servidor_autenticacao, sequencia)"
                " VALUES (%s, %s, 0)",
                (ORGAO_ID, server_id),
            )
            if cursor.rowcount:
                change += Change(created=1, details=("ligação do órgão ao servidor de autenticação incluída",))
            return change + ensure_row(
                cursor, "orgao", ("id_orgao", ORGAO_ID), {"sin_autenticar": "S"}, "autenticação do órgão"
            )

    def ensure_test_user_disabled(self) -> Change:
        """Take every right from the published user `teste`, and block it."""
        with self._server.transaction(self._database) as cursor:
            change = Change()
            for table in ("permissao", "administrador_sistema"):
                cursor.execute(
                    f"DELETE t FROM {table} t JOIN usuario u USING (id_usuario) WHERE u.sigla = %s",
                    (TEST_USER,),
                )
                change += _removed(cursor, f"usuário {TEST_USER}: linhas de {table} retiradas")
            return change + ensure_row(
                cursor, "usuario", ("sigla", TEST_USER), {"sin_bloqueado": "S"}, f"usuário {TEST_USER}"
            )

    def ensure_parameters(self, values: dict[str, str]) -> Change:
        """Set parameters that this version knows; a name that it does not know is left out."""
        return ensure_parameters(self._server, self._database, values)

    def ensure_schedules(self, wanted: Iterable[Schedule]) -> Change:
        """Switch scheduled tasks on and off, and set their hours."""
        return ensure_schedules(self._server, self._database, wanted)

    def list_published_weaknesses(self) -> list[str]:
        """Which of the reference's known open doors are still open here, in words; an empty list is what we want."""
        checks = {
            "órgão sem autenticação (sin_autenticar N)": "SELECT COUNT(*) FROM orgao WHERE sin_autenticar <> 'S'",
            "órgão sem servidor LDAP": (
                "SELECT COUNT(*) FROM orgao o LEFT JOIN rel_orgao_autenticacao r USING (id_orgao)"
                " WHERE o.sin_ativo = 'S' AND r.id_orgao IS NULL"
            ),
            "servidor de exemplo ligado ao órgão": (
                "SELECT COUNT(*) FROM rel_orgao_autenticacao r JOIN servidor_autenticacao s"
                " USING (id_servidor_autenticacao) WHERE s.nome LIKE 'Exemplo%%'"
            ),
            "usuário teste com permissões": (
                "SELECT COUNT(*) FROM permissao p JOIN usuario u USING (id_usuario) WHERE u.sigla = 'teste'"
            ),
            "usuário teste administrador": (
                "SELECT COUNT(*) FROM administrador_sistema p JOIN usuario u USING (id_usuario) WHERE u.sigla = 'teste'"
            ),
            "usuário teste sem bloqueio": (
                "SELECT COUNT(*) FROM usuario WHERE sigla = 'teste' AND sin_bloqueado <> 'S'"
            ),
        }
        with self._server.transaction(self._database) as cursor:
            found = []
            for label, query in checks.items():
                cursor.execute(query, ())
                if first_number(cursor):
                    found.append(label)
            return found

    def accepts(self, keys: Mapping[int, AccessKey], *, others_allowed: bool = False) -> bool:
        """Whether each system accepts the given key; other systems may have keys of their own only if allowed."""
        with self._server.transaction(self._database) as cursor:
            cursor.execute("SELECT id_sistema, chave_acesso FROM sistema WHERE chave_acesso IS NOT NULL")
            found = {int(row[0]): str(row[1]) for row in cursor.fetchall()}
        if set(found) != set(keys) and not others_allowed:
            return False
        with ThreadPoolExecutor() as pool:  # as in `ensure_access_keys`
            return all(pool.map(AccessKey.matches, keys.values(), map(found.get, keys)))


def _new_hash(key: AccessKey, stored: tuple[str | None, str | None]) -> str | None:
    """What `sistema.chave_acesso` must become, or None where the system's `crc` and `chave_acesso` are the key's."""
    crc, hashed = stored
    return None if crc == key.crc and key.matches(hashed) else key.hash()


def _removed(cursor: "Cursor", detail: str) -> Change:
    """What the DELETE just run removed."""
    return Change(removed=cursor.rowcount, details=(detail,)) if cursor.rowcount else Change()
