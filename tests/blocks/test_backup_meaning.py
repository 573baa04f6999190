"""What restored databases mean: the references break no rule, and each rule finds what breaks it, by name."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blocks.backup_meaning import Meaning, judge_meaning
from blocks.foreign_keys import check_foreign_keys
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.scratch_server import scratch_server
from blocks.table_facts import read_versions
from domain.backup.findings import Cause
from domain.backup.meaning import CATALOGUES, SUBJECTS
from domain.environment import EnvironmentName, Purpose
from domain.reference import Database
from tests.blocks.conftest import one_version
from tests.blocks.instance import Databases, load

NAME = EnvironmentName(municipality="significado", purpose=Purpose.PRODUCAO)
SCHEMAS: dict[Database, str] = {"sip": NAME.database_sip, "sei": NAME.database_sei}
TAKEN_AT = datetime(2026, 11, 28, 6, tzinfo=UTC)
PROCESS, WRITTEN, FILED, OTHER = 11, 12, 13, 99
UNIT, LEAF, USER = 110000001, 110000003, 100000001

# A process with a document of the editor, which is signed, and one that came as a file. Columns that no rule reads get
# what the server itself gives them.
PROTOCOL = (
    "INSERT INTO protocolo (id_protocolo, sta_protocolo, protocolo_formatado, protocolo_formatado_pesquisa,"
    " protocolo_formatado_pesq_inv, id_unidade_geradora, id_usuario_gerador, id_protocolo_agrupador, sta_estado,"
    " dta_inclusao, dta_geracao{eliminated})"
    " VALUES (%s, %s, %s, %s, %s, 110000001, 100000001, 11, '0', '2026-11-27', '1970-01-01'{kept})"
)
WORK = """
    INSERT INTO procedimento (id_procedimento, id_tipo_procedimento)
    SELECT 11, MIN(id_tipo_procedimento) FROM tipo_procedimento;
    INSERT INTO documento (id_documento, id_procedimento, id_serie, id_unidade_responsavel, sta_documento)
    SELECT 12, 11, MIN(id_serie), 110000001, 'I' FROM serie;
    INSERT INTO documento (id_documento, id_procedimento, id_serie, id_unidade_responsavel, sta_documento)
    SELECT 13, 11, MIN(id_serie), 110000001, 'X' FROM serie;
    INSERT INTO documento_conteudo (id_documento, conteudo) VALUES (12, 'Texto');
    INSERT INTO assinatura (id_assinatura, id_documento, id_usuario, id_unidade, id_tarja_assinatura,
        sta_forma_autenticacao)
    SELECT 1, 12, 100000001, 110000001, MIN(id_tarja_assinatura), 'S' FROM tarja_assinatura;
    INSERT INTO atividade (id_atividade, id_protocolo, id_unidade, id_unidade_origem, id_usuario_origem, id_tarefa,
        dth_abertura, dth_conclusao)
    VALUES (1, 11, 110000001, 110000001, 100000001, 1, '2026-11-27 10:00', '2026-11-27 09:30');
    INSERT INTO anexo (id_anexo, nome, id_protocolo, sin_ativo, id_unidade, id_usuario, tamanho, dth_inclusao, hash)
    VALUES (1, 'a.pdf', 13, 'S', 110000001, 100000001, 9, '2026-11-27', 'd41d8cd98f00b204e9800998ecf8427e'),
        (2, 'b.pdf', NULL, 'N', 110000001, 100000001, 0, '2026-11-27', '');
    INSERT INTO participante (id_participante, id_protocolo, id_contato, id_unidade)
    SELECT 1, 11, MIN(id_contato), 110000001 FROM contato;
    CREATE TABLE md_pen_anexo_documento LIKE anexo;
    INSERT INTO md_pen_anexo_documento SELECT * FROM anexo
"""
COUNTED = ("protocolo", "documento", "assinatura", "atividade", "anexo", "participante")

# What breaks a rule, and which others break with it.
BREAKS: dict[str, tuple[Database, Sequence[str], Sequence[str]]] = {
    "orgao.sem_contato": ("sei", ["UPDATE orgao SET id_contato = -1"], []),
    "orgao.sem_sip": ("sei", ["UPDATE orgao SET sigla = 'OUTRO'"], []),
    "unidade.sem_orgao": ("sei", [f"UPDATE unidade SET id_orgao = 99 WHERE id_unidade = {LEAF}"], []),
    "unidade.sem_contato": ("sei", [f"UPDATE unidade SET id_contato = -1 WHERE id_unidade = {LEAF}"], []),
    "unidade.sem_sigla": ("sei", [f"UPDATE unidade SET sigla = ' ' WHERE id_unidade = {LEAF}"], []),
    "unidade.sem_historico": ("sei", [f"DELETE FROM unidade_historico WHERE id_unidade = {LEAF}"], []),
    "unidade.sem_sip": (
        "sip",
        [
            f"UPDATE {table} SET id_unidade = 110000009 WHERE id_unidade = {LEAF}"
            for table in ("unidade", "rel_hierarquia_unidade")
        ]
        + ["UPDATE infra_sequencia SET num_atual = 110000009 WHERE nome_tabela = 'unidade'"],
        [],
    ),
    "usuario.sem_orgao": ("sei", ["UPDATE usuario SET id_orgao = 99 WHERE id_usuario = 4"], []),
    "usuario.sem_contato": ("sei", ["UPDATE usuario SET id_contato = -1 WHERE id_usuario = 4"], []),
    "usuario.sem_sigla": ("sei", ["UPDATE usuario SET sigla = '' WHERE id_usuario = 4"], []),
    "usuario.sigla_repetida": ("sei", ["UPDATE usuario SET sta_tipo = '0', sigla = 'teste' WHERE id_usuario = 1"], []),
    "usuario.sem_sip": ("sei", ["UPDATE usuario SET sta_tipo = '0' WHERE id_usuario = 4"], []),
    "protocolo.sem_unidade": ("sei", ["UPDATE protocolo SET id_unidade_geradora = -1 WHERE id_protocolo = 11"], []),
    "protocolo.sem_orgao": (
        "sei",
        [f"UPDATE unidade SET id_orgao = 99 WHERE id_unidade = {UNIT}"],
        ["unidade.sem_orgao"],
    ),
    "protocolo.sem_gerador": ("sei", ["UPDATE protocolo SET id_usuario_gerador = -1 WHERE id_protocolo = 12"], []),
    "protocolo.tipo": (
        "sei",
        ["UPDATE protocolo SET sta_protocolo = 'Z' WHERE id_protocolo = 13"],
        ["documento.sem_protocolo"],
    ),
    "protocolo.sem_procedimento": ("sei", ["DELETE FROM procedimento"], ["documento.sem_procedimento"]),
    "protocolo.sem_documento": ("sei", ["DELETE FROM documento WHERE id_documento = 13"], []),
    "protocolo.numero_repetido": (
        "sei",
        [
            "ALTER TABLE protocolo DROP INDEX ak2_protocolo",
            "UPDATE protocolo SET protocolo_formatado = '0000012', protocolo_formatado_pesquisa = '0000012',"
            " protocolo_formatado_pesq_inv = '2100000' WHERE id_protocolo = 13",
        ],
        [],
    ),
    "protocolo.numero_sem_forma": (
        "sei",
        [
            "UPDATE protocolo SET protocolo_formatado = 'ABC', protocolo_formatado_pesquisa = 'ABC',"
            " protocolo_formatado_pesq_inv = 'CBA' WHERE id_protocolo = 13"
        ],
        [],
    ),
    "protocolo.numero_pesquisa": (
        "sei",
        [
            "UPDATE protocolo SET protocolo_formatado_pesquisa = '7', protocolo_formatado_pesq_inv = '7'"
            " WHERE id_protocolo = 11"
        ],
        [],
    ),
    "protocolo.numero_invertido": (
        "sei",
        ["UPDATE protocolo SET protocolo_formatado_pesq_inv = '7' WHERE id_protocolo = 11"],
        [],
    ),
    "protocolo.futuro": ("sei", ["UPDATE protocolo SET dta_inclusao = '2026-11-30' WHERE id_protocolo = 11"], []),
    "procedimento.sem_protocolo": (
        "sei",
        [
            "INSERT INTO procedimento (id_procedimento, id_tipo_procedimento)"
            " SELECT 99, id_tipo_procedimento FROM procedimento"
        ],
        [],
    ),
    "procedimento.sem_tipo": ("sei", ["UPDATE procedimento SET id_tipo_procedimento = -1"], []),
    "documento.sem_protocolo": (
        "sei",
        [
            "INSERT INTO documento (id_documento, id_procedimento, id_serie, id_unidade_responsavel, sta_documento)"
            " SELECT 99, id_procedimento, id_serie, id_unidade_responsavel, 'X' FROM documento WHERE id_documento = 13"
        ],
        [],
    ),
    "documento.sem_procedimento": ("sei", ["UPDATE documento SET id_procedimento = -1 WHERE id_documento = 13"], []),
    "documento.sem_serie": ("sei", ["UPDATE documento SET id_serie = -1 WHERE id_documento = 13"], []),
    "documento.sem_unidade": ("sei", ["UPDATE documento SET id_unidade_responsavel = -1 WHERE id_documento = 13"], []),
    "documento.sem_conteudo": ("sei", ["DELETE FROM documento_conteudo"], []),
    "documento_conteudo.sem_documento": ("sei", ["INSERT INTO documento_conteudo (id_documento) VALUES (99)"], []),
    "assinatura.sem_documento": ("sei", ["UPDATE assinatura SET id_documento = 99"], []),
    "assinatura.sem_usuario": ("sei", ["UPDATE assinatura SET id_usuario = -1"], []),
    "assinatura.sem_unidade": ("sei", ["UPDATE assinatura SET id_unidade = -1"], []),
    "assinatura.sem_tarja": ("sei", ["UPDATE assinatura SET id_tarja_assinatura = -1"], []),
    "assinatura.forma": ("sei", ["UPDATE assinatura SET sta_forma_autenticacao = 'X'"], []),
    "atividade.sem_protocolo": ("sei", ["UPDATE atividade SET id_protocolo = 99"], []),
    "atividade.sem_unidade": ("sei", ["UPDATE atividade SET id_unidade = -1"], []),
    "atividade.sem_tarefa": ("sei", ["UPDATE atividade SET id_tarefa = -1"], []),
    "atividade.sem_usuario": ("sei", ["UPDATE atividade SET id_usuario_origem = -1"], []),
    "atividade.conclui_antes": ("sei", ["UPDATE atividade SET dth_conclusao = '2026-11-27 07:00'"], []),
    "atividade.futuro": ("sei", ["UPDATE atividade SET dth_abertura = '2026-11-30', dth_conclusao = NULL"], []),
    "atividade.antigo": ("sei", ["UPDATE atividade SET dth_abertura = '1989-12-31'"], []),
    "anexo.vazio": ("sei", ["UPDATE anexo SET tamanho = 0"], []),
    "anexo.sem_hash": ("sei", ["UPDATE anexo SET hash = 'g' WHERE id_anexo = 1"], []),
    "anexo.sem_protocolo": ("sei", ["UPDATE anexo SET id_protocolo = 99 WHERE id_anexo = 1"], []),
    "anexo.sem_unidade": ("sei", ["UPDATE anexo SET id_unidade = -1 WHERE id_anexo = 1"], []),
    "anexo.sem_usuario": ("sei", ["UPDATE anexo SET id_usuario = -1 WHERE id_anexo = 1"], []),
    "anexo.futuro": ("sei", ["UPDATE anexo SET dth_inclusao = '2026-11-30' WHERE id_anexo = 1"], []),
    "anexo.antigo": ("sei", ["UPDATE anexo SET dth_inclusao = '1989-12-31' WHERE id_anexo = 1"], []),
    "anexo_pen.vazio": ("sei", ["UPDATE md_pen_anexo_documento SET tamanho = 0"], []),
    "anexo_pen.sem_hash": ("sei", ["UPDATE md_pen_anexo_documento SET hash = 'g' WHERE id_anexo = 1"], []),
    "anexo_pen.futuro": ("sei", ["UPDATE md_pen_anexo_documento SET dth_inclusao = '2026-11-30'"], []),
    "participante.sem_protocolo": ("sei", ["UPDATE participante SET id_protocolo = 99"], []),
    "participante.sem_contato": ("sei", ["UPDATE participante SET id_contato = -1"], []),
    "permissao.sem_usuario": ("sip", ["UPDATE permissao SET id_usuario = -1 LIMIT 1"], []),
    "permissao.sem_unidade": ("sip", ["UPDATE permissao SET id_unidade = -1 LIMIT 1"], []),
    "permissao.sem_perfil": ("sip", ["UPDATE permissao SET id_perfil = -1 LIMIT 1"], []),
    "permissao.sem_sistema": ("sip", ["UPDATE permissao SET id_sistema = -1 LIMIT 1"], ["permissao.sem_perfil"]),
    "permissao.sem_tipo": ("sip", ["UPDATE permissao SET id_tipo_permissao = -1 LIMIT 1"], []),
    "usuario_sip.sem_orgao": ("sip", ["UPDATE usuario SET id_orgao = 99 WHERE id_usuario = 1"], []),
    "usuario_sip.sem_sigla": ("sip", ["UPDATE usuario SET sigla = '' WHERE id_usuario = 1"], []),
    "usuario_sip.sigla_repetida": (
        "sip",
        ["ALTER TABLE usuario DROP INDEX ak_usuario_sigla_orgao", "UPDATE usuario SET sigla = 'TESTE'"],
        [],
    ),
    "hierarquia.sem_unidade": (
        "sip",
        [f"UPDATE rel_hierarquia_unidade SET id_unidade = -1 WHERE id_unidade = {LEAF}"],
        [],
    ),
    "hierarquia.sem_hierarquia": (
        "sip",
        [f"UPDATE rel_hierarquia_unidade SET id_hierarquia = -1 WHERE id_unidade = {LEAF}"],
        [],
    ),
    "hierarquia.sem_acima": (
        "sip",
        [f"UPDATE rel_hierarquia_unidade SET id_unidade_pai = -1 WHERE id_unidade = {LEAF}"],
        [],
    ),
    "hierarquia.sem_orgao": ("sip", [f"UPDATE unidade SET id_orgao = 99 WHERE id_unidade = {LEAF}"], []),
    "sistema.sei": ("sip", ["UPDATE sistema SET sigla = 'OUTRO' WHERE sigla = 'SEI'"], []),
    "sistema.sip": ("sip", ["UPDATE sistema SET sigla = 'OUTRO' WHERE sigla = 'SIP'"], []),
}
# A changed structure is put back by hand: `Databases.restore` knows rows only.
MENDS: dict[str, tuple[Database, str]] = {
    "protocolo.numero_repetido": ("sei", "ALTER TABLE protocolo ADD UNIQUE ak2_protocolo (protocolo_formatado)"),
    "usuario_sip.sigla_repetida": (
        "sip",
        "ALTER TABLE usuario ADD UNIQUE ak_usuario_sigla_orgao (sigla, id_orgao, sin_ativo)",
    ),
}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDBServer]:
    """A scratch server, as a verification starts one."""
    with scratch_server(tmp_path_factory.mktemp("rascunho")) as started:
        yield started.server


@pytest.fixture(scope="module")
def loaded(scratch: MariaDBServer, version: str, official_reference: Path | None) -> Iterator[Databases]:
    """The reference of a version, and the little work of one day."""
    made = Databases(scratch, NAME)
    load(made, find_reference(version, official_reference))
    eliminates = bool(made.rows("sei", "SHOW COLUMNS FROM protocolo LIKE 'sin_eliminado'"))
    protocol = PROTOCOL.format(eliminated=", sin_eliminado" if eliminates else "", kept=", 'N'" if eliminates else "")
    for id_protocolo, kind, number in (
        (PROCESS, "P", "99990.000001/2026-11"),
        (WRITTEN, "G", "0000012"),
        (FILED, "R", "0000013"),
    ):
        digits = "".join(filter(str.isalnum, number))
        lenient(made, "sei", protocol, (id_protocolo, kind, number, digits, digits[::-1]))
    for statement in WORK.split(";"):
        lenient(made, "sei", statement.strip())
    for table in COUNTED:
        made.rows("sei", f"ALTER TABLE seq_{table} AUTO_INCREMENT = 50")
    made.remember()
    yield made
    made.drop()


def lenient(databases: Databases, database: Database, statement: str, values: Sequence[object] = ()) -> None:
    """Run a statement without its foreign keys, and columns that it leaves out filled by the server."""
    if not statement.startswith(("ALTER", "CREATE")):
        statement = f"SET STATEMENT sql_mode = '' FOR {statement}"
    databases.unchecked(database, statement, values)


def judge(databases: Databases) -> Meaning:
    return judge_meaning(databases.server, SCHEMAS, taken_at=TAKEN_AT, versions=told_versions(databases))


def told_versions(databases: Databases) -> dict[str, str]:
    return read_versions(databases.server, list(SCHEMAS.items()))


def names(meaning: Meaning) -> list[str]:
    return [one.detail.partition(":")[0] for one in meaning.violations if one.cause is Cause.MEANING]


@pytest.mark.parametrize("kind", ["reduced", "official"])
def test_the_reference_alone_breaks_no_rule(
    scratch: MariaDBServer, version: str, kind: str, official_reference: Path | None
) -> None:
    if kind == "official" and official_reference is None:
        pytest.skip("sem os dumps oficiais (IMPLANTA_REFERENCE_DIR)")
    other = EnvironmentName(municipality="referencia", purpose=Purpose.PRODUCAO)
    alone = Databases(scratch, other)
    load(alone, find_reference(version, official_reference if kind == "official" else None))
    schemas: dict[Database, str] = {"sip": other.database_sip, "sei": other.database_sei}
    versions = read_versions(scratch, list(schemas.items()))
    meaning = judge_meaning(scratch, schemas, taken_at=TAKEN_AT, versions=versions)
    assert meaning.violations == ()
    assert meaning.unread == ()
    assert (meaning.rules, meaning.counters) > (100, 100)
    for schema in schemas.values():
        assert check_foreign_keys(scratch, schema).broken == ()
    alone.drop()


def test_a_day_of_work_breaks_no_rule(databases: Databases) -> None:
    meaning = judge(databases)
    assert meaning.violations == ()
    everything = sum(len(subject.rules) for subject in (*SUBJECTS, *CATALOGUES)) + 2
    assert meaning.rules == everything


def test_every_rule_of_a_subject_has_something_that_breaks_it() -> None:
    assert list(BREAKS) == [subject.column(rule) for subject in SUBJECTS for rule in subject.rules]


@one_version
@pytest.mark.parametrize("name", BREAKS)
def test_each_broken_rule_is_found_by_its_name(databases: Databases, name: str) -> None:
    database, statements, others = BREAKS[name]
    for statement in statements:
        lenient(databases, database, statement)
    try:
        meaning = judge(databases)
    finally:
        databases.restore()
        if name in MENDS:
            databases.rows(*MENDS[name])
    assert sorted(names(meaning)) == sorted([name, *others])
    assert [one.cause for one in meaning.violations if one.cause is not Cause.MEANING] == []
    subject = next(subject for subject in SUBJECTS if subject.name == name.partition(".")[0])
    (found,) = [one for one in meaning.violations if one.detail.startswith(f"{name}:")]
    kind, _, table = subject.tables[0].partition(".")
    assert found.subject == f"{SCHEMAS['sei' if kind == 'sei' else 'sip']}.{table}"
    assert found.vital is (subject.name == "sistema")


def test_each_empty_catalogue_is_found_by_its_name(databases: Databases) -> None:
    for subject in CATALOGUES:
        for rule in subject.rules:
            database: Database = "sei" if rule.table.startswith("sei.") else "sip"
            lenient(databases, database, f"DELETE FROM {rule.name}")
    wanted = {subject.column(rule) for subject in CATALOGUES for rule in subject.rules}
    assert wanted <= set(names(judge(databases)))


def test_versions_that_differ_from_the_manifest_are_found(databases: Databases) -> None:
    versions = told_versions(databases) | {"sei SEI_VERSAO": "9.9.9"}
    meaning = judge_meaning(databases.server, SCHEMAS, taken_at=TAKEN_AT, versions=versions)
    assert names(meaning) == ["versoes.diferente"]
    assert meaning.violations[0].vital


def test_a_table_that_is_missing_keeps_nothing_else_from_being_judged(databases: Databases) -> None:
    lenient(databases, "sei", "ALTER TABLE participante RENAME perdida")
    lenient(databases, "sei", "UPDATE atividade SET id_unidade = -1")
    try:
        meaning = judge(databases)
    finally:
        databases.rows("sei", "RENAME TABLE perdida TO participante")
    assert meaning.unread == ("sei.participante",)
    assert names(meaning) == ["atividade.sem_unidade"]


def test_a_column_that_is_missing_keeps_nothing_else_from_being_judged(databases: Databases) -> None:
    databases.rows("sei", "ALTER TABLE participante CHANGE id_contato perdida int NOT NULL")
    try:
        meaning = judge(databases)
    finally:
        databases.rows("sei", "ALTER TABLE participante CHANGE perdida id_contato int NOT NULL")
    assert meaning.unread == ("sei.participante",)
    assert meaning.violations == ()


@pytest.mark.parametrize(
    ("database", "statement", "table", "detail"),
    [
        (
            "sei",
            "UPDATE anexo SET id_anexo = 60 WHERE id_anexo = 2",
            "anexo",
            "o contador anexo dará 50 e 60 já está em uso: 11 atrás",
        ),
        (
            "sei",
            "UPDATE protocolo SET protocolo_formatado = '0000050', protocolo_formatado_pesquisa = '0000050',"
            " protocolo_formatado_pesq_inv = '0500000' WHERE id_protocolo = 13",
            "protocolo",
            "o contador documento dará 50 e 50 já está em uso: 1 atrás",
        ),
        (
            "sip",
            "UPDATE infra_sequencia SET num_atual = 99999999 WHERE nome_tabela = 'usuario'",
            "usuario",
            "o contador usuario dará 100000000 e 100000001 já está em uso: 2 atrás",
        ),
        (
            "sei",
            "UPDATE infra_sequencia SET num_atual = 2 WHERE nome_tabela = 'usuario_sistema'",
            "usuario",
            "o contador usuario_sistema dará 3 e 4 já está em uso: 2 atrás",
        ),
    ],
)
def test_a_counter_that_is_behind_is_told_with_how_far(
    databases: Databases, database: Database, statement: str, table: str, detail: str
) -> None:
    lenient(databases, database, statement)
    (found,) = judge(databases).violations
    assert (found.cause, found.subject, found.detail) == (Cause.SEQUENCE, f"{SCHEMAS[database]}.{table}", detail)
    assert len(found.tables) == 2


def test_a_foreign_key_tells_both_its_tables(databases: Databases) -> None:
    lenient(databases, "sei", "UPDATE participante SET id_contato = -1")
    (found,) = check_foreign_keys(databases.server, SCHEMAS["sei"]).broken
    assert (found.table, found.rows, found.parent) == ("participante", 1, f"{SCHEMAS['sei']}.contato")


def test_a_foreign_key_whose_other_table_is_gone_is_broken(scratch: MariaDBServer) -> None:
    schema = "implanta_chaves_rascunho"
    scratch.ensure_database(schema)
    with scratch.transaction(schema) as cursor:
        cursor.execute("CREATE TABLE pai (id int PRIMARY KEY) ENGINE=InnoDB")
        cursor.execute("CREATE TABLE filho (pai int, FOREIGN KEY (pai) REFERENCES pai (id)) ENGINE=InnoDB")
        cursor.execute("INSERT INTO pai VALUES (1)")
        cursor.execute("INSERT INTO filho VALUES (1), (1), (NULL)")
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("DROP TABLE pai")
    keys = check_foreign_keys(scratch, schema)
    assert (keys.checked, [(key.rows, key.parent) for key in keys.broken]) == (1, [(2, f"{schema}.pai")])
    scratch.drop_database(schema)
