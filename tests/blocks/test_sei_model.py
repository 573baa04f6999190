"""The document model in SEI and SIP: every version takes it, again changes nothing, a failure leaves nothing."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from blocks.model_export import write_layer
from blocks.model_files import load_model
from blocks.model_writer import UPDATED_AT_ONCE
from blocks.sei_model import Outcome
from domain.document_model.export import export_model
from domain.document_model.kinds import KINDS, SECOES
from domain.document_model.memory import Memory
from domain.document_model.model import Model, layer_names
from domain.document_model.plan import Action
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.spreadsheet_units import Unit, UnitTree
from domain.units_import import plan_units
from tests.blocks.instance import Databases
from tests.domain.document_model.writing import Entries, model_of

LAYERS = layer_names(client="prefeitura", uf="MG", faixa=3, slug="timoteo")
BASE = load_model(LAYERS)
TIPO: dict[str, object] = {
    "nome": "Poda de árvore",
    "nivel_acesso": "restrito",
    "hipotese_legal": "Poda sigilosa",
    "assuntos": ["991", "017.2"],
}
SMALL: Entries = {
    "hipoteses_legais": [{"nome": "Poda sigilosa", "base_legal": "Art. 1º da Lei nº 1/2026"}],
    "assuntos": [
        {"codigo": "991", "descricao": "Outros", "destinacao": "eliminacao", "posse": "prefeitura"},
        {"codigo": "017.2", "descricao": "Ambiente", "destinacao": "eliminacao", "posse": "prefeitura"},
    ],
    "tipos_procedimento": [TIPO],
}


class Instance:
    """An environment's model, with what is remembered of it."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self.memory = Memory()

    def apply(self, model: Model, digest: str | None = None) -> Outcome:
        done = self.databases.model.apply(model, self.memory.applied, self.memory.before, digest=digest)
        self.memory = Memory.load(self.memory.after(done.wanted, done.instance.current).dump())
        return done

    def plan(self, model: Model) -> Outcome:
        return self.databases.model.plan(model, self.memory.applied, self.memory.before)

    def one(self, query: str, values: Sequence[object] = ()) -> object:
        return self.databases.one("sei", query, values)

    def run(self, statement: str, values: Sequence[object] = ()) -> None:
        self.databases.rows("sei", statement, values)


@pytest.fixture
def instance(databases: Databases) -> Instance:
    return Instance(databases)


def fields_of(databases: Databases, kind: str, name: str) -> dict[str, object]:
    return next(
        dict(row.fields) for row in databases.model.read().current[kind].values() if row.fields.get("nome") == name
    )


def test_the_whole_model_is_applied_once_and_again_changes_nothing(instance: Instance, databases: Databases) -> None:
    done = instance.apply(BASE)
    assert done.plan.change.created > 1000
    before = databases.contents()
    again = instance.apply(BASE)
    assert (again.plan.pending, again.plan.change.total) == ((), 0)
    assert databases.contents() == before
    assert again.plan.local == {}


def test_many_entries_changed_here_and_there_are_put_back_each_as_it_was(
    instance: Instance, databases: Databases
) -> None:
    codes = [f"991.{number:03d}" for number in range(2 * UPDATED_AT_ONCE + 1)]
    model = model_of(
        {
            "assuntos": [
                {"codigo": code, "descricao": f"Assunto {code}", "destinacao": "guarda_permanente"} for code in codes
            ]
        }
    )
    last = instance.one("SELECT MAX(id_assunto) FROM assunto")
    instance.apply(model)
    before = databases.contents()
    instance.run(
        "UPDATE assunto SET descricao = CONCAT('mudado ', id_assunto), idx_assunto = 'x' WHERE id_assunto > %s", (last,)
    )
    instance.run("UPDATE assunto SET sta_destinacao = 'E' WHERE id_assunto > %s AND MOD(id_assunto, 2) = 0", (last,))
    instance.run("UPDATE assunto SET sin_ativo = 'N' WHERE id_assunto > %s AND MOD(id_assunto, 3) = 0", (last,))
    assert instance.apply(model).plan.change.updated == len(codes)
    assert databases.contents() == before


def test_no_counter_is_behind_its_table(instance: Instance, databases: Databases) -> None:
    instance.apply(BASE)
    tables = databases.rows(
        "sei",
        "SELECT SUBSTR(t.table_name, 5) FROM information_schema.tables t JOIN information_schema.columns c"
        " ON c.table_schema = t.table_schema AND c.table_name = SUBSTR(t.table_name, 5)"
        " AND c.column_name = CONCAT('id_', c.table_name)"
        " WHERE t.table_schema = %s AND t.table_name LIKE 'seq\\_%%'",
        (databases.name.database_sei,),
    )
    assert len(tables) > 30
    for (table,) in tables:
        behind = instance.one(
            f"SELECT COALESCE(MAX(id_{table}), 0) - (SELECT COALESCE(MAX(id), 0) FROM seq_{table}) FROM {table}"
        )
        assert int(str(behind)) <= 0, table
    assert databases.one("sip", "SELECT MAX(id_perfil) FROM perfil") == databases.one(
        "sip", "SELECT num_atual FROM infra_sequencia WHERE nome_tabela = 'perfil'"
    )


def test_what_no_foreign_key_says_holds(instance: Instance) -> None:
    instance.apply(BASE)
    proxies = "SELECT COUNT(*) FROM assunto LEFT JOIN assunto_proxy USING (id_assunto) WHERE sin_estrutural = %s AND "
    assert instance.one(proxies + "id_assunto_proxy IS NULL", ("N",)) == 0, "a subject is reached through its proxy"
    assert instance.one(proxies + "id_assunto_proxy IS NOT NULL", ("S",)) == 0, "what only groups has none"
    last_set = (
        "SELECT COUNT(*) FROM rel_secao_mod_cj_estilos_item JOIN conjunto_estilos_item USING (id_conjunto_estilos_item)"
        " JOIN conjunto_estilos USING (id_conjunto_estilos) WHERE sin_ultimo = 'S'"
    )
    assert instance.one(last_set) == instance.one("SELECT COUNT(*) FROM rel_secao_modelo_estilo")
    assert instance.one("SELECT COUNT(*) FROM conjunto_estilos WHERE sin_ultimo = 'S'") == 1


def test_a_type_has_its_levels_ground_and_subjects_in_their_order(instance: Instance, databases: Databases) -> None:
    instance.apply(model_of(SMALL))
    assert databases.rows(
        "sei",
        "SELECT a.codigo_estruturado FROM rel_tipo_procedimento_assunto r JOIN assunto_proxy p USING (id_assunto_proxy)"
        " JOIN assunto a USING (id_assunto) JOIN tipo_procedimento t USING (id_tipo_procedimento)"
        " WHERE t.nome = %s ORDER BY r.sequencia",
        (TIPO["nome"],),
    ) == [("991",), ("017.2",)]
    found = fields_of(databases, "tipos_procedimento", "Poda de árvore")
    assert (found["nivel_acesso"], found["hipotese_legal"]) == ("restrito", "Poda sigilosa")
    assert found["niveis_permitidos"] == ("publico", "restrito")
    other = {**TIPO, "assuntos": ["017.2"], "niveis_permitidos": ["restrito", "sigiloso"]}
    (step,) = instance.apply(model_of({**SMALL, "tipos_procedimento": [other]})).plan.pending
    assert set(step.changed) == {"assuntos", "niveis_permitidos"}
    assert fields_of(databases, "tipos_procedimento", "Poda de árvore")["niveis_permitidos"] == ("restrito", "sigiloso")


def test_what_somebody_changed_is_put_back_or_left_by_its_owner(instance: Instance) -> None:
    theirs = {**TIPO, "nome": "Feira livre", "posse": "prefeitura"}
    model = model_of({**SMALL, "tipos_procedimento": [TIPO, theirs]})
    instance.apply(model)
    instance.run(
        "UPDATE tipo_procedimento SET descricao = 'mudado' WHERE nome IN ('Poda de árvore', 'Feira livre')".encode(
            "latin1"
        ).decode("latin1")
    )
    done = instance.apply(model)
    types = [step for step in done.plan.steps if step.kind.name == "tipos_procedimento"]
    assert {(step.action, step.label, step.reason) for step in types} == {
        (Action.CHANGE, "Poda de árvore", "alterado nesta instância"),
        (Action.LEAVE, "Feira livre", "decisão da prefeitura"),
    }
    assert instance.one("SELECT COUNT(*) FROM tipo_procedimento WHERE descricao = 'mudado'") == 1


def test_what_left_the_catalog_is_switched_off_and_never_deleted(instance: Instance) -> None:
    instance.apply(model_of({**SMALL, "assinantes": [{"cargo_funcao": "Síndico"}]}))
    done = instance.apply(model_of({"hipoteses_legais": SMALL["hipoteses_legais"]}))
    assert {(step.action, step.label) for step in done.plan.pending} == {
        (Action.SWITCH_OFF, "Poda de árvore"),
        (Action.REMOVE, "Síndico"),
    }
    assert instance.one("SELECT sin_ativo FROM tipo_procedimento WHERE nome = 'Poda de árvore'") == "N"
    assert instance.one("SELECT COUNT(*) FROM assinante WHERE cargo_funcao = 'Síndico'") == 0
    assert instance.apply(model_of(SMALL)).plan.change.updated >= 1
    assert instance.one("SELECT sin_ativo FROM tipo_procedimento WHERE nome = 'Poda de árvore'") == "S"


def test_a_signing_role_reaches_the_units_that_come_later(instance: Instance, databases: Databases) -> None:
    model = model_of(
        {
            "assinantes": [{"cargo_funcao": "Síndico"}],
            "textos_padrao": [{"nome": "Ciência", "conteudo": "<p>Ciente.</p>"}],
        }
    )
    instance.apply(model)
    tree = UnitTree(units=(Unit(sigla="PMT", descricao="Prefeitura"),))
    databases.people.apply_units(plan_units(tree, databases.people.list_units()), today=date(2026, 1, 5))
    instance.run(
        "INSERT INTO unidade (id_unidade, id_orgao, sigla, descricao, sin_ativo, sin_mail_pendencia, sin_arquivamento,"
        " sin_ouvidoria, sin_protocolo, sin_envio_processo, id_contato)"
        " SELECT 110000900, id_orgao, 'PMT', descricao, 'S', 'N', 'N', 'N', 'N', 'S', id_contato FROM unidade"
        " WHERE sigla = 'TESTE'"
    )
    done = instance.apply(model)
    assert {(step.action, step.kind.name) for step in done.plan.pending} == {
        (Action.CHANGE, "assinantes"),
        (Action.CREATE, "textos_padrao"),
    }
    assert instance.apply(model).plan.pending == ()


def test_links_that_the_model_does_not_show_stay(instance: Instance, databases: Databases) -> None:
    """A role of a unit that is switched off, and a restriction to the whole órgão."""
    model = model_of({**SMALL, "assinantes": [{"cargo_funcao": "Síndico", "unidades": ["TESTE"]}]})
    instance.apply(model)
    type_id = instance.one("SELECT id_tipo_procedimento FROM tipo_procedimento WHERE nome = 'Poda de árvore'")
    instance.run("INSERT INTO tipo_proced_restricao VALUES (990001, %s, 0, NULL)", (type_id,))
    instance.run("UPDATE unidade SET sin_ativo = 'N' WHERE sigla = 'TESTE_1_2'")
    instance.run(
        "INSERT INTO rel_assinante_unidade SELECT id_unidade, id_assinante FROM unidade, assinante"
        " WHERE sigla = 'TESTE_1_2' AND cargo_funcao = 'Síndico'"
    )
    wider: Entries = {"assinantes": [{"cargo_funcao": "Síndico", "unidades": ["TESTE_1_1", "TESTE_1_2"]}]}
    restricted: Entries = {"tipos_procedimento": [{**TIPO, "restrito_a": ["TESTE"]}]}
    instance.apply(model_of({**SMALL, **wider, **restricted}))
    assert databases.rows(
        "sei",
        "SELECT sigla FROM rel_assinante_unidade JOIN assinante USING (id_assinante) JOIN unidade USING (id_unidade)"
        " WHERE cargo_funcao = 'Síndico' ORDER BY sigla",
    ) == [("TESTE_1_1",), ("TESTE_1_2",)]
    assert instance.one("SELECT COUNT(*) FROM tipo_proced_restricao WHERE id_tipo_procedimento = %s", (type_id,)) == 2


def test_a_type_is_never_linked_to_the_subject_of_an_earlier_table(instance: Instance, databases: Databases) -> None:
    instance.run("INSERT INTO tabela_assuntos VALUES (900, 'Tabela anterior', NULL, 'N')")
    instance.run(
        "INSERT INTO assunto (id_assunto, codigo_estruturado, descricao, sin_ativo, sin_estrutural, id_tabela_assuntos)"
        " VALUES (900, '991', 'De antes', 'S', 'N', 900)"
    )
    instance.run("INSERT INTO assunto_proxy VALUES (0, 900)")
    instance.apply(model_of(SMALL))
    tables = (
        "SELECT DISTINCT t.sin_atual FROM rel_tipo_procedimento_assunto r JOIN assunto_proxy p USING (id_assunto_proxy)"
    )
    assert databases.rows(
        "sei",
        f"{tables} JOIN assunto a USING (id_assunto) JOIN tabela_assuntos t USING (id_tabela_assuntos)"
        " JOIN tipo_procedimento y USING (id_tipo_procedimento) WHERE y.nome = 'Poda de árvore'",
    ) == [("S",)]


def test_a_subject_that_came_without_its_proxy_gets_one(instance: Instance) -> None:
    instance.run("DELETE FROM rel_tipo_procedimento_assunto")
    instance.run("DELETE p FROM assunto_proxy p JOIN assunto a USING (id_assunto) WHERE codigo_estruturado = '991'")
    instance.apply(model_of(SMALL))
    assert (
        instance.one(
            "SELECT COUNT(*) FROM assunto_proxy JOIN assunto USING (id_assunto) WHERE codigo_estruturado = '991'"
        )
        == 1
    )


def test_a_failure_in_sip_leaves_sei_as_it_was(instance: Instance, databases: Databases) -> None:
    databases.rows("sip", "UPDATE infra_sequencia SET num_maximo = num_atual WHERE nome_tabela = 'perfil'")
    before = databases.contents()
    with pytest.raises(IntegrityError, match="Contador perfil esgotado"):
        instance.apply(BASE)
    changed = {table for table, checksum in databases.contents().items() if checksum != before[table]}
    assert {table for table in changed if ".seq_" not in table} == set(), "counters alone may be ahead"


def test_a_model_that_names_what_is_not_there_is_refused_whole(instance: Instance, databases: Databases) -> None:
    before = databases.contents()
    with pytest.raises(InvalidInputError, match=r"linha 2\d.*'Sem assunto' cita '999\.9'.*Nada foi aplicado"):
        instance.apply(
            model_of({**SMALL, "tipos_procedimento": [TIPO, {**TIPO, "nome": "Sem assunto", "assuntos": ["999.9"]}]})
        )
    assert databases.contents() == before


def test_a_document_type_with_the_name_of_a_form_is_refused_with_its_line(instance: Instance) -> None:
    instance.run("UPDATE serie SET nome = 'Requerimento da casa', sta_aplicabilidade = 'F' ORDER BY id_serie LIMIT 1")
    kind: dict[str, object] = {"nome": "REQUERIMENTO da casa", "aplicabilidade": "externo"}
    with pytest.raises(InvalidInputError, match=r"linha \d+: .* tem o nome de um formulário desta instância"):
        instance.apply(model_of({"series": [kind]}))


def test_only_the_plan_that_was_shown_is_applied(instance: Instance, databases: Databases) -> None:
    model = model_of(SMALL)
    digest = instance.plan(model).plan.digest
    before = databases.contents()
    other = model_of({**SMALL, "titulos": [{"expressao": "Doutora"}]})
    with pytest.raises(GateClosedError, match="O plano mudou desde que foi mostrado"):
        instance.apply(other, digest=digest)
    assert databases.contents() == before
    with pytest.raises(InvalidInputError, match="curto demais"):
        instance.apply(model, digest="")
    assert databases.contents() == before
    assert instance.apply(model, digest=digest).plan.digest == digest


def test_a_mask_is_written_until_the_first_process(instance: Instance) -> None:
    mask = "17.@cod_orgao_sei_03d@@cod_unidade_sei_03d@.@seq_anual_cod_unidade_sei_06d@/@ano_4d@"
    instance.apply(model_of({"orgao": [{"mascara_processo": mask, "codigo": "137"}]}))
    assert instance.one("SELECT CONCAT(numeracao, ' ', codigo_sei) FROM orgao") == f"{mask} 137"


def test_a_profile_shows_the_menus_of_its_rights(instance: Instance, databases: Databases) -> None:
    known = databases.model.read().current["perfis"]
    basic = next(row.fields for row in known.values() if row.fields["nome"] == "Básico")
    rights = basic["recursos"]
    assert isinstance(rights, tuple)
    instance.apply(model_of({"perfis": [{"nome": "Leitor", "a_partir_de": "Básico", "sem": [rights[0]]}]}))
    found = fields_of(databases, "perfis", "Leitor")
    assert found["recursos"] == rights[1:]
    menus, theirs = found["menus"], basic["menus"]
    assert isinstance(menus, tuple)
    assert isinstance(theirs, tuple)
    right_of = databases.model.read().menu_right
    assert set(menus) == {menu for menu in theirs if right_of[menu] != rights[0]}


def test_an_exported_instance_says_again_what_it_has(instance: Instance, databases: Databases, tmp_path: Path) -> None:
    instance.apply(BASE)
    found = databases.model.read()
    write_layer(tmp_path / "base", export_model(found.current, found.units), "teste")
    exported = load_model(["base"], tmp_path)
    plan = instance.plan(exported).plan
    assert plan.pending == ()
    counted = {kind.name: len(exported[kind.name]) for kind in KINDS}
    assert counted["tipos_procedimento"] == len(found.current["tipos_procedimento"])
    assert counted[SECOES.name] == len(found.current[SECOES.name])
