"""A release package leads from one reference to the other, spares what is the prefeitura's, refuses what it must."""

from datetime import date
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.synthetic import Size, fill
from blocks.foreign_keys import check_foreign_keys
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.release_package import apply_package, build_package, check_package, read_package, write_package
from blocks.release_reading import read_ground
from domain.errors import ImplantaError, IntegrityError, InvalidInputError
from domain.reference import Reference
from domain.structure import differences
from domain.upgrade.fills import Fills
from domain.upgrade.package import Kind, ReleasePackage, Statement, package_bytes, parse_package
from tests.upgrade.conftest import Load
from tests.upgrade.own_rows import digests, own_columns

SMALL = Size(
    processes=300, documents=600, html_bytes=500, attachments=50, attachment_bytes=200, users=40, activities=900
)
OLD, NEW = "4.0.0", "4.1.0"
Pair = tuple[Reference, Reference]


@pytest.mark.parametrize(("source", "target"), [(OLD, NEW), (NEW, OLD)])
def test_reduced_references_lead_to_each_other(server: MariaDBServer, source: str, target: str) -> None:
    before, after = find_reference(source, None), find_reference(target, None)
    check_package(server, build_package(server, before, after), before, after)


def test_official_references_lead_to_each_other(
    server: MariaDBServer, official: ReleasePackage, official_back: ReleasePackage, references: Pair
) -> None:
    old, new = references
    check_package(server, official, old, new)
    check_package(server, official_back, new, old)
    for package in (official, official_back):
        assert [part.left_out for part in package.parts] == [("login",), ("infra_navegador",)]


def test_rows_of_a_municipality_stay_as_they_are(
    server: MariaDBServer,
    load: Load,
    official: ReleasePackage,
    official_back: ReleasePackage,
    references: Pair,
    tmp_path: Path,
) -> None:
    # The synthetic municipality is one of 4.1: carried back to 4.0 first, it is then one of 4.0 with everything in it.
    _, new = references
    sip, sei = load(new.sip), load(new.sei)
    fill(server, sip, sei, tmp_path, size=SMALL, seed=3, today=date(2026, 11, 27))
    apply_package(server, sip, official_back.sip)
    apply_package(server, sei, official_back.sei)
    for part, schema, dump in ((official.sip, sip, new.sip), (official.sei, sei, new.sei)):
        own = own_columns(server, part.database, schema, load(dump))
        before = digests(server, schema, own)
        apply_package(server, schema, part)
        assert digests(server, schema, own) == before
        assert check_foreign_keys(server, schema).broken == ()
    with server.transaction(sei) as cursor:
        cursor.execute("SELECT COUNT(*) FROM procedimento")
        assert cursor.fetchone() == (300,)
        cursor.execute("SELECT DISTINCT sta_documento, sin_versoes, sta_editor FROM documento ORDER BY 1")
        assert set(cursor.fetchall()) == {("I", "S", "1"), ("X", "N", "0")}


def test_what_a_prefeitura_changed_is_spared_and_counters_move_forward(
    server: MariaDBServer, load: Load, official: ReleasePackage, references: Pair
) -> None:
    old, _ = references
    sip, sei = load(old.sip), load(old.sei)
    with server.transaction(sei) as cursor:
        cursor.execute("UPDATE infra_parametro SET valor = '4.0.12' WHERE nome = 'SEI_VERSAO'")
        cursor.execute("UPDATE tarefa SET nome = CONCAT(nome, ' ') WHERE id_tarefa = 38")
        cursor.execute("UPDATE infra_parametro SET valor = '77' WHERE nome = 'SEI_NUM_FATOR_DOWNLOAD_AUTOMATICO'")
        cursor.execute("INSERT INTO infra_parametro (nome, valor) VALUES ('SEI_TIPO_CAPTCHA', 'meu')")
        cursor.execute("ALTER TABLE seq_email_sistema AUTO_INCREMENT = 5000")
        cursor.execute("SELECT nome FROM tarefa WHERE id_tarefa IN (38, 39) ORDER BY id_tarefa")
        ((spared,), (replaced,)) = cursor.fetchall()
    with server.transaction(sip) as cursor:
        cursor.execute("UPDATE infra_sequencia SET num_atual = 150000000 WHERE nome_tabela = 'recurso'")
    apply_package(server, sip, official.sip)
    apply_package(server, sei, official.sei)
    with server.transaction(sei) as cursor:
        cursor.execute("SELECT nome FROM tarefa WHERE id_tarefa IN (38, 39) ORDER BY id_tarefa")
        ((now_spared,), (now_replaced,)) = cursor.fetchall()
        cursor.execute(
            "SELECT nome, valor FROM infra_parametro WHERE nome IN"
            " ('SEI_VERSAO', 'SEI_NUM_FATOR_DOWNLOAD_AUTOMATICO', 'SEI_TIPO_CAPTCHA')"
        )
        parameters = dict(cursor.fetchall())
        cursor.execute(
            "SELECT table_name, auto_increment FROM information_schema.tables WHERE table_schema = DATABASE()"
            " AND table_name IN ('seq_email_sistema', 'seq_tarefa')"
        )
        counters = dict(cursor.fetchall())
    with server.transaction(sip) as cursor:
        cursor.execute("SELECT num_atual FROM infra_sequencia WHERE nome_tabela = 'recurso'")
        assert cursor.fetchone() == (150000000,)
    assert now_spared == spared
    assert now_replaced != replaced
    assert parameters == {
        "SEI_VERSAO": "4.1.1",
        "SEI_NUM_FATOR_DOWNLOAD_AUTOMATICO": "77",
        "SEI_TIPO_CAPTCHA": "meu",
    }
    assert counters == {"seq_email_sistema": 5000, "seq_tarefa": 1001}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ("(100000100, 100015807, 'md_pen_listar', 'c', 'S')", None),
        (
            "(100000099, 100015807, 'md_pen_listar', 'c', 'S')",
            r"1 linhas .*100000099, 100015807, grupo_perfil_cadastrar\)",
        ),
        (
            "(100000099, 100099999, 'grupo_perfil_cadastrar', 'c', 'S')",
            r"1 linhas .*100015807, grupo_perfil_cadastrar, 1",
        ),
        ("(100000099, 100015807, 'grupo_perfil_cadastrar', 'c', 'S')", None),
    ],
    ids=["of another system", "id of another row", "name with another id", "the same row"],
)
def test_no_permission_is_given_on_what_holds_the_id_of_a_new_row(
    server: MariaDBServer, load: Load, official: ReleasePackage, references: Pair, found: str, told: str | None
) -> None:
    sip = load(references[0].sip)
    permissions = (
        "SELECT p.id_perfil, r.nome FROM rel_perfil_recurso p JOIN recurso r USING (id_sistema, id_recurso)"
        " WHERE r.nome LIKE 'md_pen%' OR r.nome = 'grupo_perfil_cadastrar'"
    )
    with server.transaction(sip) as cursor:
        cursor.execute(f"INSERT INTO recurso (id_sistema, id_recurso, nome, caminho, sin_ativo) VALUES {found}")
        before = read_ground(cursor, sip).structure
    if told is None:
        apply_package(server, sip, official.sip)
    else:
        with pytest.raises(InvalidInputError, match=rf"{told}.*tabela recurso.*Nada foi mudado\. Veja"):
            apply_package(server, sip, official.sip)
    with server.transaction(sip) as cursor:
        cursor.execute(permissions)
        given = {name for _, name in cursor.fetchall()}
        assert given == (set() if told else {"grupo_perfil_cadastrar"})
        assert (differences(before, read_ground(cursor, sip).structure) == []) is (told is not None)


@pytest.mark.parametrize(
    ("database", "sql", "told"),
    [
        ("sei", "INSERT INTO conjunto_estilos_item VALUES (1643, 81, 'Meu', 'x')", "tabela conjunto_estilos_item"),
        ("sei", "UPDATE tarefa SET id_tarefa = 130 WHERE id_tarefa = 116", "tabela tarefa"),
        (
            "sip",
            "UPDATE item_menu SET id_item_menu = 100005696 WHERE id_menu = 100000078 ORDER BY id_item_menu LIMIT 1",
            "tabela item_menu",
        ),
    ],
)
def test_ids_of_other_tables_that_are_taken_are_refused_too(
    server: MariaDBServer, load: Load, official: ReleasePackage, references: Pair, database: str, sql: str, told: str
) -> None:
    old, _ = references
    schema = load(old.sei if database == "sei" else old.sip)
    with server.transaction(schema) as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        cursor.execute(sql)
        assert cursor.rowcount == 1
    part = official.sei if database == "sei" else official.sip
    with pytest.raises(InvalidInputError, match=rf"ocupam o identificador .*{told}.*Nada foi mudado"):
        apply_package(server, schema, part)


@pytest.mark.parametrize("table", ["recurso", "perfil"])
def test_no_permission_falls_on_what_has_the_id_of_a_row_that_both_versions_have(
    server: MariaDBServer, load: Load, official: ReleasePackage, references: Pair, table: str
) -> None:
    # 100000937 is given 100015568 by the release; an environment that grew otherwise has other rows there.
    sip = load(references[0].sip)
    with server.transaction(sip) as cursor:
        cursor.execute(f"UPDATE {table} SET nome = 'md_pen_outro' WHERE id_{table} IN (100000937, 100015568)")
        assert cursor.rowcount == 1
        before = read_ground(cursor, sip).structure
    with pytest.raises(InvalidInputError, match=rf"ocupam o identificador .*tabela {table}.*Nada foi mudado"):
        apply_package(server, sip, official.sip)
    with server.transaction(sip) as cursor:
        assert differences(before, read_ground(cursor, sip).structure) == []


def test_rows_that_the_target_does_not_take_stop_it_before_it_starts(
    server: MariaDBServer, load: Load, official_back: ReleasePackage, references: Pair
) -> None:
    # 4.1 has no primary key here, 4.0 has: the column may hold an id twice.
    sei = load(references[1].sei)
    with server.transaction(sei) as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        cursor.execute("INSERT INTO controle_unidade VALUES (1, 1, 1, NOW(), 1, NOW()), (1, 2, 1, NOW(), 1, NOW())")
        before = read_ground(cursor, sei).structure
    with pytest.raises(InvalidInputError, match=r"impedem a atualização .*tabela controle_unidade.*Nada foi mudado"):
        apply_package(server, sei, official_back.sei)
    with server.transaction(sei) as cursor:
        assert differences(before, read_ground(cursor, sei).structure) == []


def test_module_tables_do_not_matter(server: MariaDBServer, load: Load, reduced: ReleasePackage) -> None:
    schema = load(find_reference(OLD, None).sei)
    with server.transaction(schema) as cursor:
        cursor.execute("CREATE TABLE md_pen_algo (a int)")
        cursor.execute("INSERT INTO md_pen_algo VALUES (1)")
    apply_package(server, schema, reduced.sei)
    with server.transaction(schema) as cursor:
        cursor.execute("SELECT a FROM md_pen_algo")
        assert cursor.fetchall() == ((1,),)
    with pytest.raises(InvalidInputError, match="já foi aplicado"):
        apply_package(server, schema, reduced.sei)


def test_a_later_patch_of_the_target_is_told_so(server: MariaDBServer, load: Load, reduced: ReleasePackage) -> None:
    schema = load(find_reference(NEW, None).sei)
    with server.transaction(schema) as cursor:
        cursor.execute("UPDATE infra_parametro SET valor = '4.1.50' WHERE nome = 'SEI_VERSAO'")
    with pytest.raises(InvalidInputError, match=r"já está na linha de destino, .* \(SEI_VERSAO 4\.1\.50\).*Nada foi"):
        apply_package(server, schema, reduced.sei)


def test_a_database_that_is_not_the_starting_point_is_refused_whole(
    server: MariaDBServer, load: Load, reduced: ReleasePackage
) -> None:
    schema = load(find_reference(OLD, None).sip)
    with server.transaction(schema) as cursor:
        cursor.execute("ALTER TABLE menu MODIFY descricao varchar(201)")
        before = read_ground(cursor, schema).structure
    with pytest.raises(InvalidInputError, match=r"não é o ponto de partida do pacote: tabela menu: difere .*Nada foi"):
        apply_package(server, schema, reduced.sip)
    with server.transaction(schema) as cursor:
        assert differences(before, read_ground(cursor, schema).structure) == []


def test_the_first_error_stops_it_and_is_named(server: MariaDBServer, load: Load, reduced: ReleasePackage) -> None:
    schema = load(find_reference(OLD, None).sip)
    bad = Statement(kind=Kind.ALTER_TABLE, table="menu", sql="ALTER TABLE menu DROP COLUMN nada")
    good = Statement(kind=Kind.CREATE_TABLE, table="depois", sql="CREATE TABLE depois (a int)")
    first = Statement(kind=Kind.CREATE_TABLE, table="antes", sql="CREATE TABLE antes (a int)")
    part = reduced.sip.model_copy(update={"statements": (first, bad, good)})
    done: list[int] = []
    with pytest.raises(ImplantaError, match=r"comando 2 de 3 \(alter_table\), tabela menu.*restaure a cópia"):
        apply_package(server, schema, part, progress=lambda number, total, statement: done.append(number))
    assert done == [1]
    with server.transaction(schema) as cursor:
        assert {"antes", "depois"} & read_ground(cursor, schema).tables.keys() == {"antes"}


def test_an_obligatory_column_without_a_declared_value_is_not_built(
    server: MariaDBServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blocks.release_package.read_fills", lambda *_: Fills())
    with pytest.raises(InvalidInputError, match=r"Não está dito o que .*perfil\.sin_2_fatores.*catalog/upgrades"):
        build_package(server, find_reference(OLD, None), find_reference(NEW, None))


def test_a_package_that_leads_elsewhere_is_refused(server: MariaDBServer, reduced: ReleasePackage) -> None:
    less = reduced.sip.model_copy(update={"statements": reduced.sip.statements[:-1]})
    wrong = reduced.model_copy(update={"sip": less})
    with pytest.raises(IntegrityError, match="não leva ao banco de destino"):
        check_package(server, wrong, find_reference(OLD, None), find_reference(NEW, None))


def test_its_file_is_the_package(reduced: ReleasePackage, tmp_path: Path) -> None:
    path = tmp_path / "p.pacote"
    write_package(reduced, path)
    assert read_package(path) == reduced
    assert read_package(path).digest == reduced.digest
    assert [found.name for found in tmp_path.iterdir()] == ["p.pacote"]


def test_a_file_that_says_to_be_huge_is_not_unpacked(reduced: ReleasePackage) -> None:
    header = package_bytes(reduced)[:84]
    huge = zstandard.ZstdCompressor().compress(bytes(65 * 1024 * 1024))
    unsaid = zstandard.ZstdCompressor(write_content_size=False).compress(b"{}")
    for frame in (huge, unsaid):
        with pytest.raises(IntegrityError, match="um tamanho que nenhum tem"):
            parse_package(header + frame, where="p.pacote")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_never_read(reduced: ReleasePackage, data: st.DataObject) -> None:
    content = bytearray(package_bytes(reduced))
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    with pytest.raises((InvalidInputError, IntegrityError)):
        parse_package(bytes(content), where="p.pacote")
