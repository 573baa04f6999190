"""Neutralising the two databases of a copy before anything can start on them; the rules are `domain.masking`'s."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blocks.infra_rows import first_number, has_column
from blocks.mariadb import MariaDBServer, identifier
from domain.change import Change
from domain.errors import IntegrityError
from domain.masking import (
    KEPT_ATTRIBUTES,
    MAIL_DOMAIN,
    NUMBERS_OF_PERSONS,
    PLACEHOLDER,
    PLACEHOLDER_FILE,
    PLACEHOLDER_FILE_NAME,
    Leftover,
    Pseudonyms,
    TextColumn,
    Treatment,
    is_emptied,
    is_text_of_document,
    treatment_of,
)
from domain.person import RESERVED_LOGINS
from domain.reference import Database
from domain.text import search_text

if TYPE_CHECKING:
    from pymysql.cursors import Cursor

_ANSWER_TIMEOUT_SECONDS = 4 * 3600
_LONGEST = 1 << 32
_TEXT_TYPES = (
    *("char", "varchar", "tinytext", "text", "mediumtext", "longtext"),
    *("tinyblob", "blob", "mediumblob", "longblob"),
)
# Plain reads of one schema each, put together in Python: joined by the server they take a minute.
_COLUMNS = """
    SELECT table_name, column_name, COALESCE(character_maximum_length, 0), is_nullable = 'YES', data_type IN %s
    FROM information_schema.columns
    WHERE table_schema = DATABASE() AND (data_type IN %s OR column_name IN %s)
    ORDER BY table_name, ordinal_position
"""
_KEYS = """
    SELECT table_name, column_name FROM information_schema.key_column_usage
    WHERE table_schema = DATABASE() AND (constraint_name = 'PRIMARY' OR referenced_table_name IS NOT NULL)
"""
_UNIQUE = """
    SELECT table_name, column_name FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND non_unique = 0
"""
_NULLABLE = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = DATABASE() AND is_nullable = 'YES'
"""
_REFERENCES = """
    SELECT table_name, column_name, referenced_table_name FROM information_schema.key_column_usage
    WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL
"""
# Rows of the system itself and of offices, whose names are nobody's personal data.
_PEOPLE: Mapping[tuple[Database, str], str] = {
    ("sip", "usuario"): "t.sigla NOT IN %(reserved)s",
    ("sei", "usuario"): "t.sta_tipo <> '1' AND t.sigla NOT IN %(reserved)s",
    ("sei", "contato"): (
        "t.id_contato NOT IN (SELECT id_contato FROM orgao UNION SELECT id_contato FROM unidade"
        " UNION SELECT id_contato FROM usuario WHERE sta_tipo = '1' OR sigla IN %(reserved)s)"
    ),
}
_PUBLIC_DOCUMENT: Mapping[str, str] = {
    "documento_conteudo": "SELECT id_protocolo FROM protocolo WHERE sta_nivel_acesso_global = '0'",
    "secao_documento": "SELECT id_protocolo FROM protocolo WHERE sta_nivel_acesso_global = '0'",
    "versao_secao_documento": (
        "SELECT s.id_secao_documento FROM secao_documento s JOIN protocolo p ON p.id_protocolo = s.id_documento"
        " WHERE p.sta_nivel_acesso_global = '0'"
    ),
}
_DOCUMENT_KEY = {"versao_secao_documento": "id_secao_documento"}


@dataclass(frozen=True)
class Neutraliser:
    """What one copy is neutralised with: `kept_logins` are of people whom the copy's own directory already knows."""

    server: MariaDBServer
    schemas: Mapping[Database, str]
    pseudonyms: Pseudonyms
    kept_logins: Collection[str] = ()
    with_public_documents: bool = False
    _reserved: tuple[str, ...] = field(default=tuple(sorted(RESERVED_LOGINS)), init=False)

    def run(self) -> Change:
        """Neutralise both databases, SIP first. Not convergent: for scratch schemas, which are dropped on failure."""
        patient = self.server.model_copy(update={"answer_timeout_seconds": _ANSWER_TIMEOUT_SECONDS})
        cpfs = self._new_cpfs(patient)
        change = Change()
        for database, schema in self.schemas.items():
            with patient.transaction(schema) as cursor:
                cursor.execute("SET foreign_key_checks = 0")  # SEI's foreign keys go in circles
                change += self._neutralise(cursor, database, cpfs)
        return change

    def _new_cpfs(self, server: MariaDBServer) -> dict[int, int]:
        # One list for both databases: a person is in each of them.
        found: set[int] = set()
        for database, schema in self.schemas.items():
            with server.transaction(schema) as cursor:
                for column in _columns(cursor):
                    if treatment_of(database, column) is Treatment.CPF:
                        place = identifier(column.column)
                        cursor.execute(
                            f"SELECT DISTINCT {place} FROM {identifier(column.table)} WHERE {place} IS NOT NULL"
                        )
                        found.update(int(row[0]) for row in cursor.fetchall())
        return self.pseudonyms.cpfs(found)

    def _neutralise(self, cursor: "Cursor", database: Database, cpfs: Mapping[int, int]) -> Change:
        columns = _columns(cursor)
        emptied = _emptied_tables(cursor, database, {column.table for column in columns} | _tables(cursor))
        change = Change()
        for table in sorted(emptied):
            cursor.execute(f"DELETE FROM {identifier(table)}")
            change += Change(removed=cursor.rowcount)
        _cut_references(cursor, emptied)
        if database == "sei":
            change += self._switch_off_sei(cursor, emptied)
        change += self._switch_off(cursor)
        by_table: dict[str, list[TextColumn]] = {}
        for column in columns:
            if column.table not in emptied:
                by_table.setdefault(column.table, []).append(column)
        for table, found in by_table.items():
            change += self._mask_people(cursor, database, table, found, cpfs)
            change += self._mask_texts(cursor, database, table, found)
        _write_search_texts(cursor, database)
        return change

    @staticmethod
    def _switch_off(cursor: "Cursor") -> Change:
        """No scheduled task, and no parameter that holds somebody's address or opens another system."""
        change = Change()
        for query in (
            "UPDATE infra_agendamento_tarefa SET sin_ativo = 'N'",
            "DELETE FROM infra_parametro WHERE nome LIKE 'PEN\\_%' OR nome LIKE 'MD\\_%' OR nome LIKE '%MODULO%'",
            "UPDATE infra_parametro SET valor = '' WHERE valor LIKE '%@%'",
        ):
            cursor.execute(query)
            change += Change(updated=max(cursor.rowcount, 0))
        return change

    def _switch_off_sei(self, cursor: "Cursor", emptied: Collection[str]) -> Change:
        """Close what citizens and other systems come in by, and put a placeholder where files were."""
        change = Change()
        for query in (
            "UPDATE usuario SET sin_ativo = 'N' WHERE sta_tipo IN ('2', '3')",
            "UPDATE orgao SET sin_envio_processo = 'N', sin_federacao_envio = 'N', sin_federacao_recebimento = 'N'",
        ):
            if "federacao" in query and not has_column(cursor, "orgao", "sin_federacao_envio"):
                continue
            cursor.execute(query)
            change += Change(updated=cursor.rowcount)
        if "anexo" not in emptied:
            kept = "1 = 0"
            if self.with_public_documents:
                kept = f"id_protocolo IN ({_PUBLIC_DOCUMENT['documento_conteudo']})"
            cursor.execute(
                f"UPDATE anexo SET nome = %s, tamanho = %s, hash = %s WHERE NOT COALESCE({kept}, FALSE)",
                (
                    PLACEHOLDER_FILE_NAME,
                    len(PLACEHOLDER_FILE),
                    hashlib.md5(PLACEHOLDER_FILE, usedforsecurity=False).hexdigest(),
                ),
            )
            change += Change(updated=cursor.rowcount)
        return change

    def _mask_people(
        self,
        cursor: "Cursor",
        database: Database,
        table: str,
        columns: Iterable[TextColumn],
        cpfs: Mapping[int, int],
    ) -> Change:
        """Pseudonyms for names, logins, addresses and CPFs; the login last, because it tells which rows are people."""
        change = Change()
        makers = {
            Treatment.NAME: self.pseudonyms.name,
            Treatment.EMAIL: self.pseudonyms.email,
            Treatment.LOGIN: self.pseudonyms.login,
        }
        treated = [(column, treatment_of(database, column)) for column in columns]
        treated.sort(key=lambda pair: (pair[1] is Treatment.LOGIN, pair[0].column == "sigla"))
        for column, treatment in treated:
            place = identifier(column.column)
            where = _PEOPLE.get((database, table), "TRUE") if treatment is not Treatment.EMAIL else "TRUE"
            if treatment is Treatment.LOGIN and self.kept_logins:
                where += f" AND t.{place} NOT IN %(kept)s"
            values = {"reserved": self._reserved, "kept": tuple(self.kept_logins)}
            if treatment is Treatment.CPF:
                pairs: list[tuple[object, object]] = list(cpfs.items())
                kind = "bigint"
            elif treatment in makers:
                cursor.execute(
                    f"SELECT DISTINCT t.{place} FROM {identifier(table)} t WHERE t.{place} <> '' AND {where}", values
                )
                make = makers[treatment]
                pairs = [(row[0], make(str(row[0]))[: column.max_length]) for row in cursor.fetchall()]
                kind = f"varchar({column.max_length})"
            else:
                continue
            _fill_map(cursor, kind, pairs)
            cursor.execute(
                f"UPDATE {identifier(table)} t JOIN mascara m ON m.original = t.{place} SET t.{place} = m.mascarado"
                f" WHERE {where}",
                values,
            )
            change += Change(updated=cursor.rowcount)
        return change

    def _mask_texts(self, cursor: "Cursor", database: Database, table: str, columns: Iterable[TextColumn]) -> Change:
        """Free texts removed; the text of a public document stays if that was asked for."""
        change = Change()
        for column in columns:
            treatment = treatment_of(database, column)
            if treatment not in {Treatment.TEXT, Treatment.CLEAR}:
                continue
            place = identifier(column.column)
            value = None
            if treatment is Treatment.TEXT or is_text_of_document(column):
                value = PLACEHOLDER[: column.max_length]
            elif not column.nullable:
                value = ""
            where, values = f"{place} IS NOT NULL", {"value": value, "kept": tuple(sorted(KEPT_ATTRIBUTES))}
            if table == "atributo_andamento":
                where += " AND nome NOT IN %(kept)s"
            if is_text_of_document(column) and self.with_public_documents:
                where += f" AND {_DOCUMENT_KEY.get(table, 'id_documento')} NOT IN ({_PUBLIC_DOCUMENT[table]})"
            cursor.execute(f"UPDATE {identifier(table)} SET {place} = %(value)s WHERE {where}", values)
            change += Change(updated=cursor.rowcount)
        return change


def find_leftovers(
    server: MariaDBServer, schemas: Mapping[Database, str], *, with_public_documents: bool = False
) -> list[Leftover]:
    """Where a neutralised copy still has a text that looks like a CPF or an e-mail address of somebody.

    The texts of documents are left out when public ones were to stay: what is in them stays with them.
    """
    found = []
    patient = server.model_copy(update={"answer_timeout_seconds": _ANSWER_TIMEOUT_SECONDS})
    for database, schema in schemas.items():
        with patient.transaction(schema) as cursor:
            for column in _columns(cursor):
                if not column.is_text or treatment_of(database, column) is Treatment.KEEP:
                    continue
                if with_public_documents and is_text_of_document(column):
                    continue
                place = identifier(column.column)
                cursor.execute(
                    f"SELECT COUNT(*) FROM {identifier(column.table)} WHERE {place} REGEXP %s OR"
                    f" ({place} REGEXP %s AND {place} NOT LIKE %s)",
                    (
                        r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
                        r"[A-Za-z0-9._-]+@[A-Za-z0-9-]+\.[A-Za-z]",
                        f"%@{MAIL_DOMAIN}",
                    ),
                )
                if rows := first_number(cursor):
                    found.append(Leftover(place=f"{database}.{column.table}.{column.column}", rows=rows))
    return found


def move_tables(server: MariaDBServer, source: str, target: str) -> Change:
    """Put every table of one schema in the place of everything in another; the source is left empty.

    The move itself is one statement, which MariaDB 10.6 and later undo or complete after a crash.
    """
    with server.transaction(source) as cursor:
        tables = sorted(_tables(cursor))
    if not tables:
        raise IntegrityError("A cópia está vazia", source, "Execute de novo: a cópia recomeça do início.")
    server.drop_database(target)
    server.ensure_database(target)
    moves = ", ".join(
        f"{identifier(source)}.{identifier(table)} TO {identifier(target)}.{identifier(table)}" for table in tables
    )
    with server.transaction(source) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        server.define(cursor, f"RENAME TABLE {moves}")
    return Change(updated=len(tables))


def _columns(cursor: "Cursor") -> list[TextColumn]:
    cursor.execute(_KEYS)
    keys = set(cursor.fetchall())
    cursor.execute(_UNIQUE)
    unique = set(cursor.fetchall()) - keys
    tables = _tables(cursor)
    cursor.execute(_COLUMNS, (_TEXT_TYPES, _TEXT_TYPES, tuple(sorted(NUMBERS_OF_PERSONS))))
    return [
        TextColumn(
            table=table,
            column=column,
            max_length=min(int(length), _LONGEST),
            nullable=bool(nullable),
            is_text=bool(is_text),
            is_key=(table, column) in keys,
            is_unique=(table, column) in unique,
        )
        for table, column, length, nullable, is_text in cursor.fetchall()
        if table in tables  # the columns of views are listed too
    ]


def _references(cursor: "Cursor") -> list[tuple[str, str, str, bool]]:
    """Every foreign key column as (table, column, table referred to, whether it may be null)."""
    cursor.execute(_NULLABLE)
    nullable = set(cursor.fetchall())
    cursor.execute(_REFERENCES)
    return [(table, column, target, (table, column) in nullable) for table, column, target in cursor.fetchall()]


def _tables(cursor: "Cursor") -> set[str]:
    cursor.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
    )
    return {str(row[0]) for row in cursor.fetchall()}


def _emptied_tables(cursor: "Cursor", database: Database, tables: Collection[str]) -> set[str]:
    """The tables that go empty, and those whose rows cannot be without a row of one of them."""
    emptied = {table for table in tables if is_emptied(database, table)}
    needed = [(table, target) for table, _, target, nullable in _references(cursor) if not nullable]
    while more := {table for table, target in needed if target in emptied} - emptied:
        emptied |= more
    return emptied


def _cut_references(cursor: "Cursor", emptied: Collection[str]) -> None:
    for table, column, target, nullable in _references(cursor):
        if nullable and target in emptied and table not in emptied:
            cursor.execute(f"UPDATE {identifier(table)} SET {identifier(column)} = NULL")


def _fill_map(cursor: "Cursor", kind: str, pairs: list[tuple[object, object]]) -> None:
    cursor.execute("DROP TEMPORARY TABLE IF EXISTS mascara")
    charset = "" if kind == "bigint" else " CHARACTER SET latin1 COLLATE latin1_swedish_ci"
    cursor.execute(
        f"CREATE TEMPORARY TABLE mascara (original {kind}{charset}, mascarado {kind}{charset}, KEY (original))"
    )
    cursor.executemany("INSERT INTO mascara VALUES (%s, %s)", pairs)


def _write_search_texts(cursor: "Cursor", database: Database) -> None:
    if database != "sei":
        return
    for table, index in (("usuario", "idx_usuario"), ("contato", "idx_contato")):
        cursor.execute(f"SELECT id_{table}, sigla, nome FROM {table}")
        rows = [(search_text(sigla, name), row_id) for row_id, sigla, name in cursor.fetchall()]
        cursor.executemany(f"UPDATE {table} SET {index} = %s WHERE id_{table} = %s", rows)
