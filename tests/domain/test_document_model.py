"""The document model of the catalog against what SEI has."""

import pytest
from pydantic import ValidationError

from domain.document_model import (
    AccessLevel,
    DocumentModel,
    ExistingHipoteseLegal,
    ExistingTipoProcedimento,
    HipoteseLegal,
    TipoProcedimento,
    plan_legal_grounds,
    plan_process_types,
)
from tests.domain.examples import CATALOG

MODEL = CATALOG.document_model()


def make_ground(nome: str = "Informação Pessoal") -> HipoteseLegal:
    return HipoteseLegal(nome=nome, base_legal="Art. 31 da Lei nº 12.527/2011", descricao="Informação pessoal.")


def make_tipo(nome: str = "Saúde: Prontuário", ground: str | None = "Informação Pessoal") -> TipoProcedimento:
    level = AccessLevel.RESTRITO if ground else AccessLevel.PUBLICO
    return TipoProcedimento(nome=nome, descricao="Descrição", nivel_acesso=level, hipotese_legal=ground, assunto="991")


def types_in_sei(model: DocumentModel) -> list[ExistingTipoProcedimento]:
    return [
        ExistingTipoProcedimento(
            id_tipo_procedimento=number,
            nome=tipo.nome,
            nivel_acesso_sugestao=tipo.nivel_acesso.code,
            hipotese_legal=tipo.hipotese_legal,
        )
        for number, tipo in enumerate(model.tipos_procedimento, start=100_000_500)
    ]


def test_the_whole_model_is_missing_from_an_empty_sei_and_then_nothing_is() -> None:
    assert plan_process_types(MODEL.tipos_procedimento, []).missing == MODEL.tipos_procedimento
    plan = plan_process_types(MODEL.tipos_procedimento, types_in_sei(MODEL))
    assert (plan.missing, plan.changed, len(plan.present)) == ((), (), len(MODEL.tipos_procedimento))


def test_types_that_the_model_does_not_mention_are_left_alone() -> None:
    other = ExistingTipoProcedimento(id_tipo_procedimento=1, nome="Pessoal: Férias", nivel_acesso_sugestao="0")
    plan = plan_process_types([make_tipo()], [other])
    assert (len(plan.missing), plan.changed, plan.present) == (1, (), ())


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({"nome": "SAUDE: PRONTUARIO"}, ("nome",)),
        ({"nivel_acesso_sugestao": "0", "hipotese_legal": None}, ("nivel_acesso", "hipotese_legal")),
        ({"hipotese_legal": "informacao pessoal"}, ()),
        ({"ativo": False}, ("ativo",)),
    ],
)
def test_a_type_is_found_by_name_as_the_collation_compares_and_changed_where_different(
    changes: dict[str, object], changed: tuple[str, ...]
) -> None:
    row = ExistingTipoProcedimento(
        id_tipo_procedimento=9,
        nome="Saúde: Prontuário",
        nivel_acesso_sugestao="1",
        hipotese_legal="Informação Pessoal",
    )
    plan = plan_process_types([make_tipo()], [row.model_copy(update=changes)])
    assert plan.missing == ()
    assert [match.changed for match in plan.changed] == ([changed] if changed else [])


def test_a_legal_ground_keeps_the_description_that_the_prefeitura_wrote() -> None:
    row = ExistingHipoteseLegal(
        id_hipotese_legal=4,
        nome="INFORMAÇÃO PESSOAL",
        base_legal="Art. 31 da Lei nº 12.527/2011",
        descricao="Texto da prefeitura",
    )
    (match,) = plan_legal_grounds([make_ground()], [row]).changed
    assert match.changed == ("nome",)
    assert plan_legal_grounds([make_ground()], [row.model_copy(update={"nome": "Informação Pessoal"})]).changed == ()


def test_an_active_row_wins_over_an_inactive_one_of_the_same_name() -> None:
    rows = [
        ExistingTipoProcedimento(
            id_tipo_procedimento=number, nome="Obras", nivel_acesso_sugestao="0", ativo=number == 1
        )
        for number in (1, 2)
    ]
    (match,) = plan_process_types([make_tipo("Obras", None)], rows).present
    assert match.existing.id_tipo_procedimento == 1


@pytest.mark.parametrize(
    ("level", "ground"), [(AccessLevel.RESTRITO, None), (AccessLevel.PUBLICO, "Informação Pessoal")]
)
def test_a_restriction_and_its_ground_go_together(level: AccessLevel, ground: str | None) -> None:
    with pytest.raises(ValidationError, match="acompanha o nível restrito"):
        TipoProcedimento(nome="X", descricao="X", nivel_acesso=level, hipotese_legal=ground, assunto="991")


def test_a_model_with_repeated_names_or_an_unknown_ground_does_not_build() -> None:
    with pytest.raises(ValidationError, match="nome repetido"):
        DocumentModel(hipoteses_legais=(make_ground(),), tipos_procedimento=(make_tipo("Água"), make_tipo("agua")))
    with pytest.raises(ValidationError, match="que não está no modelo"):
        DocumentModel(hipoteses_legais=(), tipos_procedimento=(make_tipo(),))


@pytest.mark.parametrize("nome", ["", "x" * 51, "Ω"])
def test_a_name_that_seis_column_cannot_hold_does_not_build(nome: str) -> None:
    with pytest.raises(ValidationError):
        make_ground(nome)
