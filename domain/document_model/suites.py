"""What must hold in a seeded instance, one suite a kind, in the standard expectations of data validation.

The rows that a suite judges are the instance's own, read apart from how the model is written: one row an entry in use,
with the fields of its key under their names (`blocks/suite_rows.py` has the queries).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.document_model import kinds
from domain.document_model.entries import Posse
from domain.document_model.kinds import Kind
from domain.document_model.model import Key, Model

KEY = "chave"
"""The column of a row that holds its entry's key as SEI's collation compares it."""


@dataclass(frozen=True)
class Rule:
    """One expectation by its standard name, and what it says to operators; `where` limits it to rows of one value."""

    says: str
    expectation: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    where: tuple[str, str] | None = None


@dataclass(frozen=True)
class Suite:
    """The rules of one kind of rows; without a `kind` they are rows of something else than the model."""

    name: str
    label: str
    rules: tuple[Rule, ...]
    kind: Kind | None = None


def _filled(column: str, says: str, where: tuple[str, str] | None = None) -> Rule:
    return Rule(says, "expect_column_values_to_not_be_null", {"column": column}, where)


def _none(column: str, says: str, where: tuple[str, str] | None = None) -> Rule:
    return Rule(says, "expect_column_values_to_be_in_set", {"column": column, "value_set": [0]}, where)


def _some(column: str, says: str, where: tuple[str, str] | None = None) -> Rule:
    return Rule(says, "expect_column_values_to_be_between", {"column": column, "min_value": 1}, where)


def _one_of(column: str, values: str, says: str) -> Rule:
    return Rule(says, "expect_column_values_to_be_in_set", {"column": column, "value_set": list(values)})


def _once(column: str, says: str) -> Rule:
    return Rule(says, "expect_column_values_to_be_unique", {"column": column})


def _equal(one: str, other: str, says: str) -> Rule:
    return Rule(says, "expect_column_pair_values_to_be_equal", {"column_A": one, "column_B": other})


def _suite(kind: Kind, *rules: Rule) -> Suite:
    return Suite(kind.name, kind.label, (_once(KEY, "não se repete"), *rules), kind)


_CLASSIFIES = ("estrutural", "N")
_WRITTEN_IN_EDITOR = ("escrita_no_editor", "S")

SUITES: tuple[Suite, ...] = (
    Suite(
        kinds.ORGAO.name,
        kinds.ORGAO.label,
        (
            Rule("há exatamente um", "expect_table_row_count_to_equal", {"value": 1}),
            _filled("mascara_processo", "tem máscara de numeração de processos"),
            _filled("codigo", "tem código"),
            _equal("sigla", "sigla_sip", "tem a mesma sigla no SEI e no SIP"),
        ),
    ),
    Suite(
        "unidades",
        "unidade",
        (
            _equal("sigla", "sigla_sei", "existe no SEI como no SIP, com a mesma sigla"),
            _equal("descricao", "descricao_sei", "tem a mesma descrição no SEI e no SIP"),
            _none("acima_quebrada", "está abaixo de uma unidade ativa"),
            _filled("codigo", "tem código para numerar processos"),
            _some("contatos", "tem contato"),
            Rule(
                "tem um histórico aberto, e só um",
                "expect_column_values_to_be_in_set",
                {"column": "historicos_abertos", "value_set": [1]},
            ),
        ),
    ),
    _suite(kinds.TRATAMENTOS),
    _suite(kinds.VOCATIVOS),
    _suite(kinds.TITULOS),
    _suite(kinds.CARGOS, _none("quebrados", "cita tratamento, vocativo e título que estão em uso")),
    _suite(kinds.ASSINANTES, _some("unidades", "é oferecido em alguma unidade ativa")),
    _suite(
        kinds.HIPOTESES,
        _filled("base_legal", "tem base legal"),
        _one_of("nivel", "12", "é de nível restrito ou sigiloso"),
    ),
    Suite(
        "tabela_assuntos",
        "tabela de assuntos em vigor",
        (Rule("há exatamente uma", "expect_table_row_count_to_equal", {"value": 1}),),
    ),
    _suite(
        kinds.ASSUNTOS,
        _filled("descricao", "tem descrição"),
        _filled("prazo_corrente", "tem prazo na fase corrente", _CLASSIFIES),
        _one_of("destinacao", "EG-", "tem destinação final"),
        _some("representantes", "pode ser usado em processos", _CLASSIFIES),
        _filled("indice", "é achado na pesquisa"),
    ),
    _suite(kinds.ESTILOS, _filled("formatacao", "tem formatação")),
    Suite(
        "conjunto_estilos",
        "conjunto de estilos em vigor",
        (
            Rule("há exatamente um", "expect_table_row_count_to_equal", {"value": 1}),
            _equal("estilos", "itens", "tem todos os estilos"),
        ),
    ),
    _suite(kinds.MODELOS, _some("secoes", "tem seção em uso", ("em_uso", "S"))),
    _suite(
        kinds.SECOES,
        _equal("estilos", "estilos_do_conjunto", "tem no conjunto em vigor os estilos que permite"),
        Rule(
            "tem no máximo um estilo padrão",
            "expect_column_values_to_be_between",
            {"column": "padroes", "max_value": 1},
        ),
    ),
    _suite(kinds.GRUPOS),
    _suite(
        kinds.SERIES,
        _some("modelo_em_uso", "se é escrito no editor, tem modelo em uso", _WRITTEN_IN_EDITOR),
        _none("grupo_quebrado", "está em um grupo em uso"),
        _one_of("aplicabilidade", "IET", "tem aplicabilidade conhecida"),
        _one_of("numeracao", "1234IS", "tem numeração conhecida"),
    ),
    _suite(
        kinds.TIPOS,
        _some("assuntos", "tem assunto sugerido que pode ser usado"),
        _none("assuntos_quebrados", "só sugere assuntos em uso, da tabela em vigor"),
        _some("niveis", "permite algum nível de acesso"),
        _none("sugestao_proibida", "sugere um nível que permite"),
        _none("hipotese_quebrada", "cita hipótese legal em uso, do nível que sugere"),
    ),
    _suite(kinds.TARJAS, _filled("texto", "tem texto")),
    _suite(kinds.CONFERENCIAS),
    _suite(kinds.EXTENSOES),
    _suite(
        kinds.EMAILS,
        _filled("de", "tem remetente"),
        _filled("para", "tem destinatário"),
        _filled("assunto", "tem assunto"),
        _filled("conteudo", "tem texto"),
    ),
    _suite(kinds.TEXTOS, _filled("conteudo", "tem conteúdo")),
    _suite(
        kinds.PERFIS,
        _some("recursos", "tem algum recurso"),
        _none("menus_sem_recurso", "só mostra menus cujo recurso concede"),
    ),
    Suite(
        "contadores",
        "contador",
        (_some("folga", "está adiante do maior número usado"),),
    ),
)


def key_text(key: Key) -> str:
    """A key as one text, so that one column holds it."""
    return " | ".join(key)


@dataclass(frozen=True)
class Expected:
    """An entry of the programme by its label; one that `must_exist` is missing when the instance has it not."""

    label: str
    must_exist: bool


def expected_entries(model: Model) -> dict[str, dict[str, Expected]]:
    """By kind, the entries that the programme answers for, by the text of their keys.

    What the prefeitura may change or delete is none of them; a patch is, but only the release brings what it patches.
    """
    return {
        name: {
            key_text(key): Expected(item.label, item.complete and item.fields.get("ativo") is not False)
            for key, item in items.items()
            if item.posse is Posse.PROGRAMA
        }
        for name, items in model.items()
    }


def present(keys: Iterable[str]) -> Rule:
    """The rule that every one of these keys is there."""
    return Rule(
        "está na instância, e em uso",
        "expect_column_distinct_values_to_contain_set",
        {"column": KEY, "value_set": sorted(keys)},
    )
