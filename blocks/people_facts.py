"""What SIP and SEI have of people beside SIP's own users, read for the comparison of the two (`sei.md` 2.7)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blocks.infra_rows import first_number
from blocks.mariadb import MariaDBServer
from blocks.sip import ORGAO_ID
from domain.environment import EnvironmentName
from domain.person import cpf_from_number
from domain.users_reconciliation import Facts, SeiUser

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

# The ids that `usuario_externo` gives (`sei.md` 2.2).
_FIRST_EXTERNAL, _LAST_EXTERNAL = 1_000_000, 1_999_999


class PeopleFacts:
    """The comparison's facts of one environment."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._sip = environment.database_sip
        self._sei = environment.database_sei

    def read(self) -> Facts:
        """Users of SEI, the units in which permissions may be used, and whether ids still can be given."""
        with self._server.transaction(self._sip) as cursor:
            places = list(_places(cursor))
            counters = {
                "sip.usuario": _sequence(cursor, "usuario", "SELECT COALESCE(MAX(id_usuario), 0) FROM usuario", ())
            }
            cursor.execute("SELECT sigla FROM usuario WHERE id_orgao <> %s", (ORGAO_ID,))
            foreign = frozenset(str(row[0]) for row in cursor.fetchall())
        with self._server.transaction(self._sei) as cursor:
            counters["sei.usuario_externo"] = _sequence(
                cursor,
                "usuario_externo",
                "SELECT COALESCE(MAX(id_usuario), 0) FROM usuario WHERE id_usuario BETWEEN %s AND %s",
                (_FIRST_EXTERNAL, _LAST_EXTERNAL),
            )
            counters["sei.contato"] = _contato_counter(cursor)
            return Facts(
                sei=tuple(_users(cursor)),
                working=frozenset((system, unit) for system, unit, works, _ in places if works),
                placed=frozenset((system, unit) for system, unit, _, placed in places if placed),
                counters=counters,
                foreign_logins=foreign,
            )


def _users(cursor: "Cursor") -> Iterator[SeiUser]:
    """SEI's users of the prefeitura's órgão; the id of one in another is in use all the same."""
    cursor.execute(
        "SELECT u.id_usuario, u.sigla, u.nome, u.sin_ativo, u.sta_tipo, c.id_contato IS NOT NULL, c.cpf, c.email"
        " FROM usuario u LEFT JOIN contato c USING (id_contato) WHERE u.id_orgao = %s",
        (ORGAO_ID,),
    )
    for id_usuario, sigla, nome, active, kind, has_contato, cpf, email in cursor.fetchall():
        yield SeiUser(
            id_usuario=id_usuario,
            sigla=sigla,
            nome=nome,
            ativo=active == "S",
            sta_tipo=kind,
            has_contato=bool(has_contato),
            cpf=cpf_from_number(cpf),
            email=email or None,
        )


def _places(cursor: "Cursor") -> Iterator[tuple[int, int, bool, bool]]:
    """System, unit, whether a permission there lets somebody work, whether the unit is in the system's hierarchy."""
    cursor.execute(
        "SELECT s.id_sistema, u.id_unidade, u.sin_ativo = 'S' AND (u.sin_global = 'S' OR h.id_unidade IS NOT NULL),"
        " h.id_unidade IS NOT NULL"
        " FROM sistema s JOIN unidade u LEFT JOIN rel_hierarquia_unidade h ON h.id_unidade = u.id_unidade"
        "   AND h.id_hierarquia = s.id_hierarquia AND h.sin_ativo = 'S' AND h.dta_inicio <= NOW()"
        "   AND (h.dta_fim IS NULL OR h.dta_fim >= CURDATE())"
    )
    for system, unit, works, placed in cursor.fetchall():
        yield int(system), int(unit), bool(works), bool(placed)


def _sequence(cursor: "Cursor", name: str, highest: str, values: tuple[int, ...]) -> int:
    """How far a counter of `infra_sequencia` is ahead of the highest id."""
    cursor.execute(highest, values)
    used = first_number(cursor)
    cursor.execute("SELECT num_atual FROM infra_sequencia WHERE nome_tabela = %s", (name,))
    return first_number(cursor) - used


def _contato_counter(cursor: "Cursor") -> int:
    """How far SEI's counter of contatos is ahead of the highest id; its next id is the counter table's own."""
    cursor.execute("SELECT COALESCE(MAX(id_contato), 0) FROM contato")
    used = first_number(cursor)
    cursor.execute(
        "SELECT auto_increment FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = 'seq_contato'"
    )
    return first_number(cursor) - 1 - used
