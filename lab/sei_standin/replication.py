"""SIP's users and units copied into SEI: the rows that `sei.md` 2.7 says replication writes, for all at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymysql.cursors import DictCursor

from domain.change import Change
from domain.errors import IntegrityError, RetryableError
from domain.text import search_text
from lab.sei_standin.database import Row, Value, fetch_all, fetch_one, insert, next_ids, require_parameter
from lab.sei_standin.environments import Environment
from lab.sei_standin.keys import find_system
from lab.sei_standin.permissions import midnight

_LOCK_SECONDS = 60
_INTERNAL_USER = "0"  # usuario.sta_tipo


@dataclass(frozen=True)
class _Orgao:
    """What the rows of an órgão's people and units take from the órgão."""

    id_contato: int
    id_pais: int | None
    id_tipo_contato: int
    id_unidade_cadastro: int
    id_usuario_cadastro: int


@dataclass(frozen=True)
class _Kind:
    """How users and units differ in SEI.

    `columns` and `contact_columns` are those that SIP decides, and keeps as they are in SIP; `defaults` are the other
    columns of a new row, which SEI's own administration may change later.
    """

    table: str
    columns: tuple[str, ...]
    contact_columns: tuple[str, ...]
    natureza: str
    defaults: Mapping[str, Value]


_USERS = _Kind(
    table="usuario",
    columns=("sin_ativo", "sigla", "nome", "id_orgao", "id_origem", "nome_registro_civil", "nome_social"),
    contact_columns=("sin_ativo", "sigla", "nome", "cpf", "email", "nome_registro_civil", "nome_social"),
    natureza="F",
    defaults={"sta_tipo": _INTERNAL_USER, "sin_acessibilidade": "N"},
)
_UNITS = _Kind(
    table="unidade",
    columns=("sin_ativo", "sigla", "descricao", "id_orgao", "id_origem"),
    contact_columns=("sin_ativo", "sigla", "nome"),
    natureza="J",
    defaults={
        "sin_mail_pendencia": "N",
        "sin_envio_processo": "S",
        "sin_arquivamento": "N",
        "sin_ouvidoria": "N",
        "sin_protocolo": "N",
    },
)
# SEI's own address book may know these when SIP does not: nothing in SIP means "no opinion".
_KEPT_WHEN_SIP_HAS_NONE = frozenset({"cpf", "email"})


def replicate_all_users(environment: Environment, now: datetime) -> Change:
    """`AgendamentoRN::replicarTodosUsuariosSEI`: every user of SIP that has an `id_origem`, with permission or not."""
    with environment.sip() as sip:
        find_system(sip, environment.configuration.sip_session)
        users = fetch_all(sip, "SELECT * FROM usuario WHERE id_origem <> '' ORDER BY id_usuario")
    return _bring_users(environment, users, now, create=True)


def replicate_users(environment: Environment, ids: Collection[int], now: datetime, *, create: bool) -> Change:
    """Copy some users: what a permission in SEI does, or, without `create`, a change to those who are already there."""
    if not ids:
        return Change()
    with environment.sip() as sip:
        find_system(sip, environment.configuration.sip_session)
        users = fetch_all(sip, "SELECT * FROM usuario WHERE id_usuario IN %s ORDER BY id_usuario", (tuple(ids),))
    return _bring_users(environment, users, now, create=create)


def _bring_users(environment: Environment, users: list[Row], now: datetime, *, create: bool) -> Change:
    for user in users:
        user["id"] = user["id_usuario"]
        user["index"] = search_text(user["sigla"], user["nome"])
    with environment.sei() as sei:
        _wait_for_turn(sei)
        types = _types_in_sei(sei, [user["id"] for user in users])
        for user in users:
            if types.get(user["id"], _INTERNAL_USER) != _INTERNAL_USER:
                raise IntegrityError(
                    f"O usuário {user['id']} do SIP já existe no SEI com outro tipo",
                    "sei.usuario",
                    "Os ids dos dois sistemas têm de ser os mesmos: compare os bancos com a referência.",
                )
        if not create:
            users = [user for user in users if user["id"] in types]
        return _converge(sei, _USERS, users, _load_orgaos(sei, "USUARIOS"), now)


def _types_in_sei(sei: DictCursor, ids: Sequence[int]) -> dict[int, str]:
    if not ids:
        return {}
    rows = fetch_all(sei, "SELECT id_usuario, sta_tipo FROM usuario WHERE id_usuario IN %s", (tuple(ids),))
    return {int(row["id_usuario"]): str(row["sta_tipo"]) for row in rows}


def replicate_all_units(environment: Environment, now: datetime) -> Change:
    """`AgendamentoRN::replicarUnidadesHierarquiaSEI`: every unit of the hierarchy that SEI uses; never unit `*`.

    A unit that is inactive in SIP, or whose place in the hierarchy is, becomes inactive in SEI.
    """
    with environment.sip() as sip:
        find_system(sip, environment.configuration.sip_session)
        system = find_system(sip, environment.configuration.sei_session)
        units = fetch_all(
            sip,
            "SELECT u.id_unidade AS id, u.id_orgao, u.sigla, u.descricao, u.descricao AS nome, u.id_origem,"
            " IF(u.sin_ativo = 'S' AND h.sin_ativo = 'S' AND h.dta_inicio <= %s"
            " AND (h.dta_fim IS NULL OR h.dta_fim >= %s), 'S', 'N') AS sin_ativo"
            " FROM unidade u JOIN rel_hierarquia_unidade h USING (id_unidade)"
            " WHERE h.id_hierarquia = %s AND u.sin_global <> 'S' ORDER BY u.id_unidade",
            (now, midnight(now), system["id_hierarquia"]),
        )
    for unit in units:
        unit["index"] = search_text(unit["sigla"], unit["descricao"])
    with environment.sei() as sei:
        _wait_for_turn(sei)
        change = _converge(sei, _UNITS, units, _load_orgaos(sei, "UNIDADES"), now)
        _keep_history(sei, units, now)
        return change


def _wait_for_turn(sei: DictCursor) -> None:
    # Two replications at once would both insert what both miss. The lock goes with the connection, after the commit.
    row = fetch_one(sei, "SELECT GET_LOCK(CONCAT('replicacao:', DATABASE()), %s) AS taken", (_LOCK_SECONDS,))
    if row is None or row["taken"] != 1:
        raise RetryableError("Outra replicação está em curso", "replicação SIP → SEI", "Tente de novo em instantes.")


def _load_orgaos(sei: DictCursor, people_or_units: str) -> dict[int, _Orgao]:
    rows = fetch_all(
        sei, "SELECT o.id_orgao, o.sigla, o.id_contato, c.id_pais FROM orgao o JOIN contato c USING (id_contato)"
    )
    return {
        row["id_orgao"]: _Orgao(
            id_contato=row["id_contato"],
            id_pais=row["id_pais"],
            id_tipo_contato=require_parameter(sei, f"{row['sigla']}_ID_TIPO_CONTATO_{people_or_units}"),
            id_unidade_cadastro=require_parameter(sei, "ID_UNIDADE_TESTE"),
            id_usuario_cadastro=require_parameter(sei, "ID_USUARIO_SIP"),
        )
        for row in rows
    }


def _converge(
    sei: DictCursor, kind: _Kind, wanted: Sequence[Row], orgaos: Mapping[int, _Orgao], now: datetime
) -> Change:
    known = _load_known(sei, kind, [row["id"] for row in wanted])
    # Who is inactive in SIP and never was in SEI is not brought there.
    missing = [row for row in wanted if row["id"] not in known and row["sin_ativo"] == "S"]
    for row in missing:
        if row["id_orgao"] not in orgaos:
            raise IntegrityError(
                f"O órgão {row['id_orgao']} do SIP não existe no SEI",
                "sei.orgao",
                "Compare os bancos com a referência.",
            )
    _create(sei, kind, missing, orgaos, now)
    changed = [row for row in wanted if row["id"] in known and _differs(kind, row, known[row["id"]])]
    _update(sei, kind, changed, known)
    return Change(created=len(missing), updated=len(changed), unchanged=len(wanted) - len(missing) - len(changed))


def _load_known(sei: DictCursor, kind: _Kind, ids: Sequence[int]) -> dict[int, Row]:
    # Two hundred people of a call, beside ten thousand: not everybody, every time.
    if not ids:
        return {}
    own = ", ".join(f"t.{column}" for column in kind.columns)
    contact = ", ".join(f"c.{column} AS contato_{column}" for column in kind.contact_columns)
    rows = fetch_all(
        sei,
        f"SELECT t.id_{kind.table} AS id, t.id_contato, {own}, {contact}"  # noqa: S608  # literals of ours
        f" FROM {kind.table} t JOIN contato c USING (id_contato) WHERE t.id_{kind.table} IN %s",
        (tuple(ids),),
    )
    return {int(row["id"]): row for row in rows}


def _create(sei: DictCursor, kind: _Kind, rows: Sequence[Row], orgaos: Mapping[int, _Orgao], now: datetime) -> None:
    id_contatos = next_ids(sei, "contato", len(rows))
    contacts = []
    for id_contato, row in zip(id_contatos, rows, strict=True):
        orgao = orgaos[row["id_orgao"]]
        contacts.append(
            {
                "id_contato": id_contato,
                **{column: row[column] for column in kind.contact_columns},
                "idx_contato": row["index"],
                "sta_natureza": kind.natureza,
                "sin_endereco_associado": "S",
                "id_contato_associado": orgao.id_contato,
                "id_tipo_contato": orgao.id_tipo_contato,
                "id_pais": orgao.id_pais,
                "id_unidade_cadastro": orgao.id_unidade_cadastro,
                "id_usuario_cadastro": orgao.id_usuario_cadastro,
                "dth_cadastro": now,
            }
        )
    insert(sei, "contato", contacts)
    insert(
        sei,
        kind.table,
        [
            {
                f"id_{kind.table}": row["id"],
                "id_contato": id_contato,
                **{column: row[column] for column in kind.columns},
                f"idx_{kind.table}": row["index"],
                **kind.defaults,
            }
            for id_contato, row in zip(id_contatos, rows, strict=True)
        ],
    )


def _differs(kind: _Kind, row: Row, known: Row) -> bool:
    return any(row[column] != known[column] for column in kind.columns) or any(
        row[column] != known[f"contato_{column}"]
        for column in kind.contact_columns
        if row[column] is not None or column not in _KEPT_WHEN_SIP_HAS_NONE
    )


def _update(sei: DictCursor, kind: _Kind, rows: Sequence[Row], known: Mapping[int, Row]) -> None:
    own = ", ".join(f"{column} = %s" for column in (*kind.columns, f"idx_{kind.table}"))
    sei.executemany(
        f"UPDATE {kind.table} SET {own} WHERE id_{kind.table} = %s",  # noqa: S608  # literals of ours
        [(*(row[column] for column in kind.columns), row["index"], row["id"]) for row in rows],
    )
    contact = ", ".join(
        f"{column} = COALESCE(%s, {column})" if column in _KEPT_WHEN_SIP_HAS_NONE else f"{column} = %s"
        for column in kind.contact_columns
    )
    sei.executemany(
        f"UPDATE contato SET {contact}, idx_contato = %s WHERE id_contato = %s",  # noqa: S608  # literals of ours
        [
            (*(row[column] for column in kind.contact_columns), row["index"], known[row["id"]]["id_contato"])
            for row in rows
        ],
    )


def _keep_history(sei: DictCursor, units: Sequence[Row], now: datetime) -> None:
    """One open row for each active unit; a new name closes the old one the day before, or corrects today's."""
    today = midnight(now)
    existing = {row["id_unidade"] for row in fetch_all(sei, "SELECT id_unidade FROM unidade")}
    open_rows = {
        row["id_unidade"]: row for row in fetch_all(sei, "SELECT * FROM unidade_historico WHERE dta_fim IS NULL")
    }
    fresh, corrected, closed = [], [], []
    for unit in units:
        row = open_rows.get(unit["id"])
        if unit["id"] not in existing or unit["sin_ativo"] != "S":
            continue
        if row and all(row[c] == unit[c] for c in ("sigla", "descricao", "id_orgao")):
            continue
        if row and row["dta_inicio"] >= today:
            corrected.append((unit["sigla"], unit["descricao"], unit["id_orgao"], row["id_unidade_historico"]))
            continue
        if row:
            closed.append((today - timedelta(days=1), row["id_unidade_historico"]))
        fresh.append(unit)
    sei.executemany(
        "UPDATE unidade_historico SET sigla = %s, descricao = %s, id_orgao = %s WHERE id_unidade_historico = %s",
        corrected,
    )
    sei.executemany("UPDATE unidade_historico SET dta_fim = %s WHERE id_unidade_historico = %s", closed)
    insert(
        sei,
        "unidade_historico",
        [
            {
                "id_unidade_historico": id_historico,
                "id_unidade": unit["id"],
                "id_orgao": unit["id_orgao"],
                "sigla": unit["sigla"],
                "descricao": unit["descricao"],
                "dta_inicio": today,
            }
            for id_historico, unit in zip(next_ids(sei, "unidade_historico", len(fresh)), fresh, strict=True)
        ],
    )
