"""The units of one environment's SEI: what each has there, and what only SEI keeps about it (`sei.md` 2.5).

Units come here by SIP's replication. Their flags, their code and their contato are SEI's own; `idx_contato` is made of
sigla and name alone (the reference's units have addresses and telephones that are not in it), so none of this touches
it.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING

from blocks.counters import next_table_id
from blocks.infra_rows import ensure_row, first_number, updated
from blocks.mariadb import MariaDBServer
from blocks.sip import ORGAO_ID
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import IntegrityError
from domain.spreadsheet_units import Unit, same_setting
from domain.text import collation_key
from domain.units_plan import SeiContents, SeiUnit

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_UNIDADE: Mapping[str, str] = {
    "codigo": "codigo_sei",
    "protocolo": "sin_protocolo",
    "arquivamento": "sin_arquivamento",
    "ouvidoria": "sin_ouvidoria",
    "envio_processo": "sin_envio_processo",
    "mail_pendencia": "sin_mail_pendencia",
}
_CONTATO: Mapping[str, str] = {
    "endereco_do_orgao": "sin_endereco_associado",
    "endereco": "endereco",
    "complemento": "complemento",
    "bairro": "bairro",
    "cep": "cep",
    "cnpj": "cnpj",
    "telefone": "telefone_comercial",
    "site": "sitio_internet",
}
_CNPJ_DIGITS = 14
_PROCESS = "P"  # protocolo.sta_protocolo


class SeiUnits:
    """The units' side of one environment's SEI."""

    def __init__(self, server: MariaDBServer, environment: EnvironmentName) -> None:
        self._server = server
        self._database = environment.database_sei

    def read(self, cities: Collection[str] = ()) -> SeiContents:
        """Every unit with its settings and its work, and which of these cities SEI knows.

        A process is open in a unit while an `atividade` of it there has no end.
        """
        with self._server.transaction(self._database) as cursor:
            units = _read_units(cursor)
            cursor.execute(
                "SELECT o.numeracao, m.nome, f.sigla FROM orgao o JOIN contato c USING (id_contato)"
                " LEFT JOIN cidade m ON m.id_cidade = c.id_cidade LEFT JOIN uf f ON f.id_uf = c.id_uf"
                " WHERE o.id_orgao = %s",
                (ORGAO_ID,),
            )
            mask, city, state = cursor.fetchone() or (None, None, None)
            known = frozenset(_list_cities(cursor, {*cities, *([city] if city else [])}))
        return SeiContents(units=units, cities=known, orgao_city=(city, state) if city and state else None, mask=mask)

    def apply(self, units: Collection[Unit], ended: Collection[int], today: date) -> Change:
        """Write the settings that differ, and end the units of these ids; all of it or nothing.

        Raises:
            IntegrityError: a unit is not in SEI; replication should have brought it.
        """
        change = Change()
        with self._server.transaction(self._database) as cursor:
            found = {
                collation_key(unit.sigla): unit for unit in sorted(_read_units(cursor), key=lambda unit: unit.ativo)
            }
            for unit in units:
                known = found.get(collation_key(unit.sigla))
                if known is None:
                    raise IntegrityError(
                        f"A unidade {unit.sigla} não está no SEI", self._database, "Confira a replicação do SIP."
                    )
                change += _write(cursor, known, unit.settings)
                if not known.in_history:
                    change += _open_history(cursor, known.id_unidade, today)
            if ended:
                change += _end(cursor, tuple(ended), today)
        return change


def _read_units(cursor: "Cursor") -> tuple[SeiUnit, ...]:
    emails: dict[int, list[str]] = {}
    cursor.execute("SELECT id_unidade, email FROM email_unidade ORDER BY id_email_unidade")
    for unit_id, email in cursor.fetchall():
        emails.setdefault(int(unit_id), []).append(str(email))
    cursor.execute("SELECT DISTINCT id_unidade FROM unidade_historico WHERE dta_fim IS NULL")
    in_history = {int(unit_id) for (unit_id,) in cursor.fetchall()}
    cursor.execute(
        "SELECT id_unidade, COUNT(DISTINCT id_protocolo) FROM atividade WHERE dth_conclusao IS NULL GROUP BY id_unidade"
    )
    open_processes = {int(unit_id): int(count) for unit_id, count in cursor.fetchall()}
    cursor.execute("SELECT DISTINCT id_unidade_geradora FROM protocolo WHERE sta_protocolo = %s", (_PROCESS,))
    numbered = {int(unit_id) for (unit_id,) in cursor.fetchall()}
    columns = (*(f"u.{column}" for column in _UNIDADE.values()), *(f"c.{column}" for column in _CONTATO.values()))
    cursor.execute(
        f"SELECT u.id_unidade, u.sigla, u.descricao, u.sin_ativo, m.nome, f.sigla, {', '.join(columns)}"
        " FROM unidade u JOIN contato c USING (id_contato) LEFT JOIN cidade m ON m.id_cidade = c.id_cidade"
        " LEFT JOIN uf f ON f.id_uf = c.id_uf WHERE u.id_orgao = %s ORDER BY u.id_unidade",
        (ORGAO_ID,),
    )
    return tuple(
        SeiUnit(
            id_unidade=unit_id,
            sigla=sigla,
            descricao=descricao,
            ativo=active == "S",
            settings={"cidade": city, "uf": state, **_settings(values)},
            emails=tuple(emails.get(unit_id, ())),
            in_history=unit_id in in_history,
            open_processes=open_processes.get(unit_id, 0),
            numbered_processes=unit_id in numbered,
        )
        for unit_id, sigla, descricao, active, city, state, *values in cursor.fetchall()
    )


def _settings(values: Collection[object]) -> dict[str, str | None]:
    found = {
        name: None if value is None else str(value) for name, value in zip((*_UNIDADE, *_CONTATO), values, strict=True)
    }
    if found["cnpj"]:
        found["cnpj"] = found["cnpj"].zfill(_CNPJ_DIGITS)  # a bigint until SEI 5.0: leading zeros lost
    return found


def _list_cities(cursor: "Cursor", names: Collection[str]) -> list[tuple[str, str]]:
    if not names:
        return []
    cursor.execute("SELECT m.nome, f.sigla FROM cidade m JOIN uf f USING (id_uf) WHERE m.nome IN %s", (tuple(names),))
    return [(str(city), str(state)) for city, state in cursor.fetchall()]


def _write(cursor: "Cursor", known: SeiUnit, settings: Mapping[str, str]) -> Change:
    differing = {
        name: value for name, value in settings.items() if not same_setting(name, known.settings.get(name), value)
    }
    change = Change()
    for table, columns in (("unidade", _UNIDADE), ("contato", _CONTATO)):
        values: dict[str, str | int | None] = {
            column: differing[name] for name, column in columns.items() if name in differing
        }
        if table == "contato" and differing.keys() & {"cidade", "uf"}:
            values |= _city_ids(cursor, settings["cidade"], settings["uf"])
        if values:
            cursor.execute("SELECT id_contato FROM unidade WHERE id_unidade = %s", (known.id_unidade,))
            key = known.id_unidade if table == "unidade" else first_number(cursor)
            change += ensure_row(cursor, table, (f"id_{table}", key), values, f"unidade {known.sigla}")
    return change


def _end(cursor: "Cursor", ids: tuple[int, ...], today: date) -> Change:
    """Switch units off where replication has not, and close their history, which it leaves open."""
    cursor.execute(
        "UPDATE unidade u JOIN contato c USING (id_contato) SET u.sin_ativo = 'N', c.sin_ativo = 'N'"
        " WHERE u.id_unidade IN %s",
        (ids,),
    )
    change = updated(cursor)
    # UNIQUE (dta_inicio, dta_fim, id_unidade): who ended, came back and ends again on one day has that day but once.
    cursor.execute(
        "DELETE twin FROM unidade_historico twin JOIN unidade_historico h USING (id_unidade, dta_inicio)"
        " WHERE h.dta_fim IS NULL AND twin.dta_fim = %s AND id_unidade IN %s",
        (today, ids),
    )
    cursor.execute("UPDATE unidade_historico SET dta_fim = %s WHERE id_unidade IN %s AND dta_fim IS NULL", (today, ids))
    return change + updated(cursor)


def _open_history(cursor: "Cursor", unit_id: int, today: date) -> Change:
    """Of a unit that came back: without an open row nobody may work in it (`sei.md` 2.7)."""
    cursor.execute(
        "INSERT INTO unidade_historico (id_unidade_historico, id_unidade, id_orgao, sigla, descricao, dta_inicio)"
        " SELECT %s, id_unidade, id_orgao, sigla, descricao, %s FROM unidade WHERE id_unidade = %s",
        (next_table_id(cursor, "unidade_historico"), today, unit_id),
    )
    return Change(created=1)


def _city_ids(cursor: "Cursor", city: str, state: str) -> dict[str, int]:
    cursor.execute(
        "SELECT m.id_cidade, m.id_uf FROM cidade m JOIN uf f USING (id_uf) WHERE m.nome = %s AND f.sigla = %s",
        (city, state),
    )
    row = cursor.fetchone()
    if row is None:
        raise IntegrityError(f"A cidade {city}/{state} não existe no SEI", "cidade", "Veja o plano de novo.")
    return {"id_cidade": int(row[0]), "id_uf": int(row[1])}
