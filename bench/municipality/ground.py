"""What the databases of an environment already hold and a municipality's work refers to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from bench.municipality.words import Generator
from blocks.counters import next_table_ids
from blocks.sip import ORGAO_ID, SEI_SYSTEM_ID
from blocks.sip_users import BASIC_PROFILE
from domain.errors import IntegrityError
from domain.process_number import Codes, NumberMask

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

T = TypeVar("T")


class Author(NamedTuple):
    """Somebody who works in SEI."""

    id_usuario: int
    nome: str
    id_contato: int


@dataclass(frozen=True)
class Ground:
    """Ids of the reference; the lists are in the order of their ids. `unidades` are those that can number processes."""

    id_contato_orgao: int
    id_tipo_contato: int
    id_usuario_sip: int
    id_unidade_teste: int
    id_perfil: int
    unidades: tuple[int, ...]
    tipos_procedimento: tuple[int, ...]
    series: dict[str, tuple[int, ...]]
    assuntos: tuple[int, ...]
    hipoteses: tuple[int, ...]
    tarefas: tuple[int, ...]
    tipos_conferencia: tuple[int, ...]
    cargos: tuple[str, ...]
    id_conjunto_estilos: int
    id_tarja: int
    increment: int

    def ids(self, cursor: "Cursor", table: str, count: int) -> list[int]:
        """Take ids from a counter of SEI."""
        return next_table_ids(cursor, table, count, increment=self.increment)


def choose(generator: Generator, values: Sequence[T], count: int) -> list[T]:
    """So many of the values, any of them any number of times."""
    return [values[place] for place in generator.integers(0, len(values), count).tolist()]


def read_ground(sip: "Cursor", sei: "Cursor") -> Ground:
    """Look it up in both databases.

    Raises:
        IntegrityError: a database is not what a reference or a creation leaves.
    """
    parameter = "SELECT valor FROM infra_parametro WHERE nome = {}"
    serie = "SELECT id_serie FROM serie WHERE sin_ativo = 'S' AND sta_aplicabilidade IN ('T', {}) ORDER BY 1"
    return Ground(
        id_contato_orgao=_one(sei, "SELECT id_contato FROM orgao WHERE id_orgao = %s", ORGAO_ID),
        id_tipo_contato=_one(
            sei,
            parameter.format(
                "(SELECT CONCAT(sigla, '_ID_TIPO_CONTATO_USUARIOS') FROM orgao WHERE id_orgao = %s)",
            ),
            ORGAO_ID,
        ),
        id_usuario_sip=_one(sei, parameter.format("%s"), "ID_USUARIO_SIP"),
        id_unidade_teste=_one(sei, parameter.format("%s"), "ID_UNIDADE_TESTE"),
        id_perfil=_one(
            sip, "SELECT id_perfil FROM perfil WHERE id_sistema = %s AND nome = %s", SEI_SYSTEM_ID, BASIC_PROFILE
        ),
        unidades=_ids(sei, "SELECT id_unidade FROM unidade WHERE sin_ativo = 'S' AND codigo_sei <> '' ORDER BY 1"),
        tipos_procedimento=_ids(
            sei, "SELECT id_tipo_procedimento FROM tipo_procedimento WHERE sin_ativo = 'S' ORDER BY 1"
        ),
        series={kind: _ids(sei, serie.format("%s"), serves) for kind, serves in (("G", "I"), ("R", "E"))},
        assuntos=_ids(sei, "SELECT id_assunto_proxy FROM assunto_proxy ORDER BY 1"),
        hipoteses=_ids(
            sei,
            "SELECT id_hipotese_legal FROM hipotese_legal WHERE sin_ativo = 'S' AND sta_nivel_acesso = '1' ORDER BY 1",
        ),
        tarefas=_ids(sei, "SELECT id_tarefa FROM tarefa WHERE id_tarefa < 1000 ORDER BY 1"),
        tipos_conferencia=_ids(
            sei, "SELECT id_tipo_conferencia FROM tipo_conferencia WHERE sin_ativo = 'S' ORDER BY 1"
        ),
        cargos=tuple(str(row[0]) for row in _rows(sei, "SELECT cargo_funcao FROM assinante ORDER BY id_assinante")),
        id_conjunto_estilos=_one(sei, "SELECT MAX(id_conjunto_estilos) FROM conjunto_estilos WHERE sin_ultimo = 'S'"),
        id_tarja=_one(
            sei,
            "SELECT MIN(id_tarja_assinatura) FROM tarja_assinatura"
            " WHERE sta_tarja_assinatura = 'S' AND sin_ativo = 'S'",
        ),
        increment=_one(sei, "SELECT @@auto_increment_increment"),
    )


def list_authors(sei: "Cursor") -> list[Author]:
    """Everybody who may work in SEI, by id."""
    rows = _rows(
        sei,
        "SELECT id_usuario, nome, id_contato FROM usuario WHERE sta_tipo = '0' AND sin_ativo = 'S' ORDER BY id_usuario",
    )
    return [Author(int(id_usuario), str(nome), int(id_contato)) for id_usuario, nome, id_contato in rows]


class Numbers:
    """The numbers of processes: the órgão's mask and the units' yearly counters (`sei.md` 2.2)."""

    def __init__(self, sei: "Cursor") -> None:
        self._cursor = sei
        ((mask, orgao),) = _rows(sei, "SELECT numeracao, codigo_sei FROM orgao WHERE id_orgao = %s", ORGAO_ID)
        self._mask = NumberMask(str(mask))
        self._codes = {
            int(id_unidade): Codes(str(orgao), str(code), org_sip=str(ORGAO_ID), uni_sip=str(id_unidade))
            for id_unidade, code in _rows(sei, "SELECT id_unidade, codigo_sei FROM unidade")
        }
        self._last = {
            str(name): int(last) for name, last in _rows(sei, "SELECT nome_tabela, num_atual FROM infra_sequencia")
        }
        self._moved: set[str] = set()

    def next(self, id_unidade: int, year: int) -> str:
        """The number of a unit's next process."""
        counter = self._mask.counter(self._codes[id_unidade], year)
        self._last[counter] = self._last.get(counter, 0) + 1
        self._moved.add(counter)
        return self._mask.fill(self._codes[id_unidade], year, self._last[counter])

    def save(self) -> None:
        """Leave the counters at the last numbers."""
        self._cursor.executemany(
            "INSERT INTO infra_sequencia (nome_tabela, qtd_incremento, num_atual, num_maximo)"
            " VALUES (%s, 1, %s, 999999999) ON DUPLICATE KEY UPDATE num_atual = VALUES(num_atual)",
            [(counter, self._last[counter]) for counter in sorted(self._moved)],
        )


def _rows(cursor: "Cursor", query: str, *values: str | int) -> list[tuple[Any, ...]]:
    cursor.execute(query, values)
    return list(cursor.fetchall())


def _ids(cursor: "Cursor", query: str, *values: str | int) -> tuple[int, ...]:
    found = tuple(int(row[0]) for row in _rows(cursor, query, *values))
    if not found:
        raise IntegrityError("O banco não tem o que a referência traz", query, "Carregue a referência do SEI 4.1.0.")
    return found


def _one(cursor: "Cursor", query: str, *values: str | int) -> int:
    rows = _rows(cursor, query, *values)
    if not rows or rows[0][0] is None:
        raise IntegrityError("O banco não tem o que a referência traz", query, "Carregue a referência do SEI 4.1.0.")
    return int(rows[0][0])
