"""How layers make one model: later ones override field by field, and every word knows where it comes from."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.document_model.entries import Posse
from domain.document_model.explain import explain_items
from domain.document_model.model import ModelProblems, layer_names, merge
from tests.domain.document_model.writing import Entries, layer, model_of

TIPO: dict[str, object] = {"nome": "Saúde: Prontuário", "nivel_acesso": "publico", "assuntos": ["310.1"]}


def problems_of(entries: Entries, **others: Entries) -> list[str]:
    with pytest.raises(ModelProblems) as refusal:
        model_of(entries, **others)
    return list(refusal.value.problems)


def test_a_client_has_the_layers_of_its_kind_state_size_and_name() -> None:
    assert layer_names(client="prefeitura", uf="MG", faixa=3, slug="timoteo") == (
        "base",
        "cliente/prefeitura",
        "uf/mg",
        "faixa/3",
        "municipio/timoteo",
    )
    assert "faixa" not in str(layer_names(client="camara", uf="MG", faixa=None, slug="unai"))


def test_a_later_layer_overrides_the_fields_that_it_gives_and_no_other() -> None:
    model = model_of(
        {"tipos_procedimento": [TIPO]},
        uf_mg={"tipos_procedimento": [{"nome": "SAUDE: PRONTUARIO", "descricao": "De Minas."}]},
    )
    (item,) = model["tipos_procedimento"].values()
    assert item.complete
    assert (item.fields["nivel_acesso"], item.fields["descricao"]) == ("publico", "De Minas.")
    assert str(item.source_of("descricao")) == "uf/mg/tipos_procedimento.yaml, linha 11"
    assert str(item.source_of("nivel_acesso")) == "base/tipos_procedimento.yaml, linha 11"
    (explained,) = explain_items(model, "prontuario")
    told = {line.field: line.source for line in explained.lines}
    assert told["assuntos"] == "base/tipos_procedimento.yaml, linha 12"
    assert told["individual"] == "padrão do tipo de item"


@given(st.lists(st.dictionaries(st.sampled_from(["descricao", "interno", "ativo"]), st.booleans()), max_size=5))
def test_of_each_field_the_last_layer_that_gives_it_counts(given_fields: list[dict[str, bool]]) -> None:
    patches = [
        {field: f"texto {value}" if field == "descricao" else value for field, value in fields.items()}
        for fields in given_fields
    ]
    layers = [layer("base", {"tipos_procedimento": [TIPO]})]
    layers += [
        layer(f"camada/{number}", {"tipos_procedimento": [{"nome": TIPO["nome"], **patch}]})
        for number, patch in enumerate(patches)
    ]
    (item,) = merge(layers)["tipos_procedimento"].values()
    expected = {name: value for patch in patches for name, value in patch.items()}
    assert {name: item.fields[name] for name in expected} == expected
    assert len(item.fields) == len(item.kind.entry.model_fields), "a complete entry decides every field"


def test_a_patch_decides_only_what_it_gives() -> None:
    model = model_of({"tipos_procedimento": [{"nome": "Pessoal: Férias", "ativo": False}]})
    (item,) = model["tipos_procedimento"].values()
    assert not item.complete
    assert dict(item.fields) == {"nome": "Pessoal: Férias", "ativo": False}


def test_an_entry_is_dropped_by_a_later_layer_with_all_that_is_inside_it() -> None:
    modelos: list[dict[str, object]] = [{"nome": "Lei"}, {"nome": "Ofício"}]
    secoes: list[dict[str, object]] = [
        {"modelo": "Lei", "nome": "Corpo", "ordem": 1},
        {"modelo": "Ofício", "nome": "Corpo", "ordem": 1},
    ]
    model = model_of(
        {"modelos": modelos, "secoes": secoes}, cliente_camara={"modelos": [{"nome": "LEI", "remover": True}]}
    )
    assert [item.label for item in model["modelos"].values()] == ["Ofício"]
    assert [item.label for item in model["secoes"].values()] == ["Ofício · Corpo"]


def test_the_programme_owns_what_it_declares_and_a_municipality_what_only_its_layer_has() -> None:
    model = model_of(
        {"tipos_procedimento": [TIPO]},
        municipio_timoteo={
            "tipos_procedimento": [{**TIPO, "descricao": "Daqui."}, {**TIPO, "nome": "Feira livre"}],
            "tratamentos": [{"expressao": "Ao Senhor", "posse": "programa"}],
        },
    )
    owners = {item.label: item.posse for kind in ("tipos_procedimento", "tratamentos") for item in model[kind].values()}
    assert owners == {
        "Saúde: Prontuário": Posse.PROGRAMA,
        "Feira livre": Posse.PREFEITURA,
        "Ao Senhor": Posse.PROGRAMA,
    }


@pytest.mark.parametrize(
    ("kind", "entry", "problem"),
    [
        ("tipos_procedimento", {"nivel_acesso": "publico"}, "linha 10: falta nome"),
        ("tipos_procedimento", {**TIPO, "nivel_acesso": "secreto"}, "linha 11, nivel_acesso: .* deve ser 'publico'"),
        ("tipos_procedimento", {**TIPO, "cor": "azul"}, "linha 13, cor: .* campo desconhecido"),
        ("tipos_procedimento", {**TIPO, "nome": "x" * 101}, "linha 10, nome: .* passa de 100 caracteres"),
        ("tipos_procedimento", {**TIPO, "nome": "Saúde → SUS"}, r"U\+2192 na posição 7 não existe no alfabeto do SEI"),
        ("tipos_procedimento", {**TIPO, "hipotese_legal": "Sigilo"}, "hipotese_legal acompanha o nível restrito"),
        ("tipos_procedimento", {**TIPO, "posse": "minha"}, "posse 'minha' não existe: use programa, prefeitura"),
        ("series", {"nome": "Ofício", "aplicabilidade": "interno"}, "'Ofício' é escrito no editor e precisa de modelo"),
        ("assuntos", {"codigo": 52.211, "descricao": "Receita"}, "falta codigo"),
        ("assuntos", {"codigo": "052", "descricao": "Receita"}, "falta destinacao"),
        (
            "assuntos",
            {"codigo": "052", "descricao": "Receita", "estrutural": True, "prazo_corrente": 5},
            "assunto estrutural só agrupa",
        ),
        ("orgao", {"mascara_processo": "@cod_orgao_sei_03d@/@ano_4d@"}, "A máscara não tem uma sequência anual"),
        ("orgao", {"mascara_processo": "@numero_magico_03d@"}, "O campo numero_magico da máscara não é conhecido"),
        ("tarjas", {"tipo": "validacao", "texto": "x", "logo": "isto não é"}, "não é base64"),
        ("perfis", {"nome": "X", "recursos": ["a"], "a_partir_de": "Básico"}, "não os dois"),
        ("tipos_procedimento", {**TIPO, "assuntos": ["310", "310"]}, "linha 12, assuntos: .* valor repetido na lista"),
        ("secoes", {"modelo": "A", "nome": "B", "ordem": 1, "estilo_padrao": "C"}, "não está em estilos"),
    ],
)
def test_a_broken_entry_is_told_with_file_line_and_reason(kind: str, entry: dict[str, object], problem: str) -> None:
    (told,) = problems_of({kind: [entry]})
    assert told.startswith(f"base/{kind}.yaml, linha 1")
    assert re.search(problem, told), told


def test_every_problem_is_told_at_once() -> None:
    assert (
        len(problems_of({"series": [{"nome": "A", "aplicabilidade": "interno"}], "assuntos": [{"codigo": "1x!"}]})) == 2
    )


def test_two_entries_of_one_name_in_a_layer_are_refused_naming_both() -> None:
    (told,) = problems_of({"tipos_procedimento": [TIPO, {**TIPO, "nome": "SAÚDE: prontuario"}]})
    assert told == (
        "base/tipos_procedimento.yaml, linha 20: tipo de processo 'SAÚDE: prontuario' já está em"
        " base/tipos_procedimento.yaml, linha 10"
    )


def test_dropping_what_nobody_declared_is_refused() -> None:
    (told,) = problems_of({"tipos_procedimento": [{"nome": "Nenhum", "remover": True}]})
    assert "nada a remover" in told
