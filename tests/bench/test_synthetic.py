"""The synthetic municipality is one that SEI could have written: whole, the same each time, and hard to copy."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import brutils
import pytest

from bench.municipality.words import ODD_TEXTS
from bench.synthetic import Size, fill, grow
from blocks.table_facts import list_attachments
from domain.environment import Purpose
from tests.blocks.instance import Databases, Rows

SMALL = Size(
    processes=40, documents=150, html_bytes=3_000, attachments=70, attachment_bytes=900, users=45, activities=400
)
TODAY = date(2026, 11, 27)
TOMORROW = TODAY + timedelta(days=1)
COUNTERS = ("infra_sequencia", "seq_")
COUNTED = (
    *("anexo", "assinatura", "atividade", "atributo_andamento", "contato", "observacao", "participante", "protocolo"),
    "rel_protocolo_protocolo",
)


class Filled(NamedTuple):
    databases: Databases
    repository: Path


Made = Callable[[Purpose], Filled]


@pytest.fixture(scope="module")
def make_filled(
    make_databases: Callable[[Purpose], Databases], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """A municipality of one seed, in new databases."""

    def make(purpose: Purpose) -> Filled:
        databases, repository = make_databases(purpose), tmp_path_factory.mktemp("repositorio")
        name = databases.name
        fill(
            databases.server,
            name.database_sip,
            name.database_sei,
            repository,
            size=SMALL,
            seed=7,
            today=TODAY,
            pen=True,
        )
        return Filled(databases, repository)

    yield make


@pytest.fixture(scope="module")
def filled(make_filled: Made) -> Filled:
    """The one that tests only read."""
    return make_filled(Purpose.TREINAMENTO)


def orphans(databases: Databases) -> list[str]:
    """The foreign keys that leave rows without the row that they name."""
    found = []
    for schema in (databases.name.database_sip, databases.name.database_sei):
        with databases.server.transaction(schema) as cursor:
            cursor.execute(
                "SELECT constraint_name, table_name, referenced_table_name, column_name, referenced_column_name"
                " FROM information_schema.key_column_usage"
                " WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL ORDER BY ordinal_position"
            )
            keys: dict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
            for constraint, table, parent, column, parent_column in cursor.fetchall():
                keys[constraint, table, parent].append((column, parent_column))
            assert keys
            for (constraint, table, parent), columns in keys.items():
                joined = " AND ".join(f"p.{to} = c.{column}" for column, to in columns)
                present = " AND ".join(f"c.{column} IS NOT NULL" for column, _ in columns)
                cursor.execute(
                    f"SELECT 1 FROM {table} c LEFT JOIN {parent} p ON {joined}"
                    f" WHERE {present} AND p.{columns[0][1]} IS NULL LIMIT 1"
                )
                found += [constraint for _ in cursor.fetchall()]
    return found


def files_of(repository: Path) -> dict[str, bytes]:
    return {str(path.relative_to(repository)): path.read_bytes() for path in repository.rglob("*") if path.is_file()}


def check_files(filled: Filled) -> int:
    """Every active attachment has its file, and every file its row; how many rows have none."""
    attachments = list_attachments(filled.databases.server, filled.databases.name.database_sei)
    files = files_of(filled.repository)
    active = {path: attachment for path, attachment in attachments.items() if attachment.active}
    assert files.keys() == active.keys()
    for path, content in files.items():
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert (len(content), digest) == (active[path].size_bytes, active[path].md5)
        assert content
    return len(attachments) - len(active)


def check_counters(databases: Databases) -> None:
    """No counter would give an id or a number that is taken."""
    for table in COUNTED:
        assert databases.next_id(f"seq_{table}") > databases.one("sei", f"SELECT MAX(id_{table}) FROM {table}"), table
    # The ids of documents are those of their protocols; their counter gives their numbers.
    assert databases.next_id("seq_documento") > databases.one(
        "sei", "SELECT MAX(CAST(protocolo_formatado AS UNSIGNED)) FROM protocolo WHERE sta_protocolo <> 'P'"
    )
    last, highest = databases.row(
        "sip",
        "SELECT num_atual, (SELECT MAX(id_usuario) FROM usuario) FROM infra_sequencia WHERE nome_tabela = 'usuario'",
    )
    assert last == highest
    yearly = databases.one("sei", "SELECT SUM(num_atual) FROM infra_sequencia WHERE nome_tabela LIKE 'seq%%'")
    assert yearly == count(databases, "procedimento")


def contents(databases: Databases) -> dict[str, int]:
    """Checksums by table, whatever the schemas' names."""
    return {
        name.replace(databases.name.database_sip, "sip").replace(databases.name.database_sei, "sei"): checksum
        for name, checksum in databases.contents().items()
    }


def all_rows(databases: Databases) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for database, schema in (("sip", databases.name.database_sip), ("sei", databases.name.database_sei)):
        with databases.server.transaction(schema) as cursor:
            cursor.execute("SHOW TABLES")
            for (table,) in cursor.fetchall():
                cursor.execute(f"SELECT * FROM {table}")
                found[f"{database}.{table}"] = list(cursor.fetchall())
    return found


def count(databases: Databases, table: str, condition: str = "TRUE") -> int:
    return int(databases.one("sei", f"SELECT COUNT(*) FROM {table} WHERE {condition}"))


def test_it_is_as_large_as_asked(filled: Filled) -> None:
    databases = filled.databases
    assert count(databases, "procedimento") == SMALL.processes
    assert count(databases, "documento") == SMALL.documents
    assert count(databases, "documento_conteudo") == SMALL.documents
    assert count(databases, "atividade") == SMALL.activities
    assert count(databases, "anexo", "sin_ativo = 'S'") == SMALL.attachments
    assert count(databases, "usuario", "id_origem IS NOT NULL") == SMALL.users
    assert databases.one("sei", "SELECT SUM(LENGTH(conteudo)) FROM documento_conteudo") == pytest.approx(
        SMALL.documents * SMALL.html_bytes, rel=0.1
    )
    assert databases.one("sei", "SELECT AVG(tamanho) FROM anexo") == pytest.approx(SMALL.attachment_bytes, rel=0.05)
    first, last = databases.row("sei", "SELECT DATE(MIN(dth_abertura)), DATE(MAX(dth_abertura)) FROM atividade")
    assert date(2024, 11, 27) < first < date(2025, 3, 1)
    assert date(2026, 9, 1) < last <= TODAY


def test_no_foreign_key_leads_nowhere(filled: Filled) -> None:
    databases = filled.databases
    assert orphans(databases) == []
    id_anexo, id_protocolo = databases.row("sei", "SELECT id_anexo, id_protocolo FROM anexo ORDER BY 1 LIMIT 1")
    query = "UPDATE anexo SET id_protocolo = %s WHERE id_anexo = %s"
    databases.unchecked("sei", query, (-1, id_anexo))
    try:
        assert orphans(databases) == ["fk_anexo_protocolo"]
    finally:
        databases.unchecked("sei", query, (id_protocolo, id_anexo))


def test_every_active_attachment_has_its_file(filled: Filled) -> None:
    assert check_files(filled) == 1
    assert count(filled.databases, "md_pen_anexo_documento") == 7
    assert len(list((filled.repository / "mod-pen").rglob("*/*/*/*"))) == 7
    assert count(filled.databases, "anexo", "sin_ativo = 'N'") == 1


def test_the_counters_are_ahead(filled: Filled) -> None:
    check_counters(filled.databases)


def test_people_are_the_same_in_both_systems_and_their_cpfs_valid(filled: Filled) -> None:
    query = "SELECT id_usuario, sigla, nome, nome_social, sin_ativo FROM usuario WHERE id_origem IS NOT NULL ORDER BY 1"
    people = filled.databases.rows("sip", query)
    assert people == filled.databases.rows("sei", query)
    cpfs = filled.databases.rows("sip", "SELECT cpf FROM usuario WHERE id_origem IS NOT NULL")
    assert (None,) in cpfs
    assert all(brutils.is_valid_cpf(f"{cpf:011d}") for (cpf,) in cpfs if cpf is not None)
    assert {row[4] for row in people} == {"S", "N"}
    assert filled.databases.one("sip", "SELECT COUNT(*) FROM permissao WHERE id_usuario > 100000001") == SMALL.users


def test_what_is_hard_to_copy_is_there_as_it_was_meant(filled: Filled) -> None:
    databases = filled.databases
    texts = databases.rows("sei", "SELECT descricao FROM protocolo ORDER BY id_protocolo")
    assert [text for (text,) in texts[: len(ODD_TEXTS)]] == list(ODD_TEXTS)
    assert databases.one("sei", "SELECT MAX(LENGTH(descricao)) FROM observacao") > 100_000
    assert count(databases, "documento", "din_valor IS NOT NULL") > 0
    assert count(databases, "protocolo", "id_hipotese_legal IS NOT NULL") > 0
    assert count(databases, "assinatura") == count(databases, "documento_conteudo", "crc_assinatura IS NOT NULL") > 0
    assert count(databases, "anexo", "nome = ''") > 0
    (text,) = databases.row("sei", "SELECT conteudo FROM documento_conteudo WHERE conteudo IS NOT NULL LIMIT 1")
    assert text.startswith("<!DOCTYPE html>\r\n") and text.endswith("</html>\r\n")


def test_the_same_seed_gives_the_same_rows_and_files(filled: Filled, make_filled: Made) -> None:
    again = make_filled(Purpose.HOMOLOGACAO)
    assert contents(again.databases) == contents(filled.databases)
    assert files_of(again.repository) == files_of(filled.repository)


def test_a_day_more_only_adds(make_filled: Made) -> None:
    grown = make_filled(Purpose.PRODUCAO)
    databases, name = grown.databases, grown.databases.name
    before, files = contents(databases), files_of(grown.repository)
    rows = all_rows(databases)
    added = grow(
        databases.server, name.database_sip, name.database_sei, grown.repository, share=0.1, seed=8, today=TOMORROW
    )
    assert (added.processes, added.documents, added.attachments, added.activities) == (4, 15, 7, 40)
    assert count(databases, "documento") == SMALL.documents + 15
    assert count(databases, "anexo", "DATE(dth_inclusao) = '2026-11-28' AND sin_ativo = 'S'") == 7
    changed = {table for table, checksum in contents(databases).items() if checksum != before[table]}
    assert {"sip.usuario", "sei.usuario", "sei.protocolo", "sei.anexo", "sei.md_pen_anexo_documento"} <= changed
    now = all_rows(databases)
    for table in changed:
        if not table.partition(".")[2].startswith(COUNTERS):
            assert set(rows[table]) < set(now[table]), table
    assert files.items() < files_of(grown.repository).items()
    assert set(files_of(grown.repository)) - set(files) == {
        path for path in files_of(grown.repository) if "2026/11/28" in path
    }
    check_files(grown)
    check_counters(databases)
    assert orphans(databases) == []
