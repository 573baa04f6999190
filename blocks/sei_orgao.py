"""What makes a reference database this prefeitura's: the órgão's name wherever it is written, and its city.

In the official dumps of 4.0.0 and 4.1.0 the published sigla `ABC` identifies the órgão in exactly these columns of SEI:
`orgao.sigla`, `.idx_orgao`; `orgao_historico.sigla` of the open row; the órgão's own `contato.nome`, `.sigla`,
`.idx_contato`; two names in `infra_parametro`; `tipo_contato.nome` and `.descricao` of the types that those two point
to. In SIP it is `orgao.sigla` alone. Units, users and their contatos do not carry it. The street `Rua ABC` of the test
units' contatos is an address that the reference made up, not the órgão's name.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from blocks.counters import next_table_id
from blocks.infra_rows import ensure_row
from blocks.sip import ORGAO_ID
from domain.change import Change
from domain.city import City
from domain.errors import IntegrityError
from domain.text import search_text

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

PUBLISHED_SIGLA = "ABC"

_CONTACT_TYPES = {"ID_TIPO_CONTATO_UNIDADES": "Unidades", "ID_TIPO_CONTATO_USUARIOS": "Usuários"}


def ensure_orgao(cursor: "Cursor", database: str, sigla: str, descricao: str, ibge: str) -> Change:
    """Give the órgão 0 its sigla and description everywhere, inside the caller's transaction.

    Whatever renamed it before, wholly or in part, what was left behind is found and follows.

    Raises:
        IntegrityError: the órgão, or what its name hangs on, is not there.
    """
    cursor.execute("SELECT id_contato, sigla FROM orgao WHERE id_orgao = %s FOR UPDATE", (ORGAO_ID,))
    row = cursor.fetchone()
    if row is None:
        raise IntegrityError("O órgão 0 não existe", database, "Recrie o ambiente a partir da referência.")
    former = (_siglas(cursor) | {str(row[1]), PUBLISHED_SIGLA}) - {sigla}
    index = search_text(sigla, descricao)
    change = ensure_row(
        cursor,
        "orgao",
        ("id_orgao", ORGAO_ID),
        {"sigla": sigla, "descricao": descricao, "idx_orgao": index},
        "órgão no SEI",
    )
    change += _ensure_history(cursor, sigla, descricao)
    change += ensure_row(
        cursor,
        "contato",
        ("id_contato", int(row[0])),
        {"nome": descricao, "sigla": sigla, "idx_contato": index, **_place(cursor, ibge)},
        "contato do órgão",
    )
    for suffix, plural in _CONTACT_TYPES.items():
        change += _ensure_contact_type(cursor, database, sigla, former, suffix, plural)
    return change


def ensure_cities(cursor: "Cursor", cities: Iterable[City]) -> Change:
    """Insert the municipalities that `cidade` lacks, by IBGE code, with ids from SEI's counter."""
    change = Change()
    for city in cities:
        cursor.execute("SELECT 1 FROM cidade WHERE codigo_ibge = %s", (int(city.ibge),))
        if cursor.fetchone():
            change += Change(unchanged=1)
            continue
        cursor.execute(
            "INSERT INTO cidade (id_cidade, id_uf, nome, id_pais, codigo_ibge, sin_capital)"
            " SELECT %s, id_uf, %s, id_pais, %s, %s FROM uf WHERE codigo_ibge = %s",
            (
                next_table_id(cursor, "cidade"),
                city.name,
                int(city.ibge),
                "S" if city.capital else "N",
                int(city.ibge[:2]),
            ),
        )
        change += Change(created=1, details=(f"cidade {city.name} ({city.ibge}) incluída",))
    return change


def _ensure_history(cursor: "Cursor", sigla: str, descricao: str) -> Change:
    cursor.execute("SELECT 1 FROM orgao_historico WHERE id_orgao = %s AND dta_fim IS NULL", (ORGAO_ID,))
    if cursor.fetchone():
        return ensure_row(
            cursor,
            "orgao_historico",
            ("id_orgao", ORGAO_ID),
            {"sigla": sigla, "descricao": descricao},
            "histórico do órgão",
            "AND dta_fim IS NULL",
        )
    cursor.execute(
        "INSERT INTO orgao_historico (id_orgao_historico, id_orgao, sigla, descricao, dta_inicio)"
        " VALUES (%s, %s, %s, %s, CURDATE())",
        (next_table_id(cursor, "orgao_historico"), ORGAO_ID, sigla, descricao),
    )
    return Change(created=1, details=("histórico do órgão: período aberto incluído",))


def _place(cursor: "Cursor", ibge: str) -> dict[str, int]:
    """City and state by IBGE code; nothing when the reference lacks the city, as a reduced one may."""
    cursor.execute("SELECT id_cidade, id_uf FROM cidade WHERE codigo_ibge = %s", (int(ibge),))
    row = cursor.fetchone()
    return {"id_cidade": int(row[0]), "id_uf": int(row[1])} if row else {}


def _siglas(cursor: "Cursor") -> set[str]:
    cursor.execute("SELECT sigla FROM orgao_historico WHERE id_orgao = %s", (ORGAO_ID,))
    return {str(sigla) for (sigla,) in cursor.fetchall()}


def _ensure_contact_type(
    cursor: "Cursor", database: str, sigla: str, former: set[str], suffix: str, plural: str
) -> Change:
    """Rename the parameter that a former sigla prefixes, and the type of contato that it points to.

    A module looks the parameter up by the órgão's sigla and makes a second type when it does not find it (`sei.md`
    2.5).
    """
    name = f"{sigla}_{suffix}"
    names = [name, *(f"{old}_{suffix}" for old in sorted(former))]
    cursor.execute(
        f"SELECT nome, valor FROM infra_parametro WHERE nome IN ({', '.join(['%s'] * len(names))}) FOR UPDATE", names
    )
    found = {str(old): str(type_id) for old, type_id in cursor.fetchall()}
    if not found:
        raise IntegrityError(
            f"O parâmetro {name} não existe, nem com a sigla antiga",
            database,
            "Compare o banco com a referência da versão: sem ele, módulos duplicam tipos de contato.",
        )
    change = Change()
    for old in sorted(found.keys() - {name}):
        cursor.execute("UPDATE infra_parametro SET nome = %s WHERE nome = %s", (name, old))
        change += Change(updated=1, details=(f"parâmetro {old} agora se chama {name}",))
    type_name = f"{plural} {sigla}"
    (type_id,) = found.values()
    return change + ensure_row(
        cursor,
        "tipo_contato",
        ("id_tipo_contato", int(type_id)),
        {"nome": type_name, "descricao": type_name},
        f"tipo de contato de {plural.lower()}",
    )
