"""The document model in SEI: every version takes it, again changes nothing, a failure leaves nothing."""

import pytest

from blocks.catalog import Catalog
from domain.change import Change
from domain.document_model import DocumentModel, plan_legal_grounds, plan_process_types
from domain.errors import IntegrityError, InvalidInputError
from tests.blocks.instance import Databases

MODEL = Catalog().document_model()
RESTRITO = next(tipo for tipo in MODEL.tipos_procedimento if tipo.hipotese_legal)


def apply(databases: Databases, model: DocumentModel = MODEL) -> Change:
    grounds = plan_legal_grounds(model.hipoteses_legais, databases.model.list_legal_grounds())
    change = databases.model.apply_legal_grounds(grounds)
    types = plan_process_types(model.tipos_procedimento, databases.model.list_process_types())
    return change + databases.model.apply_process_types(types)


def test_the_model_is_applied_once_and_again_changes_nothing(databases: Databases) -> None:
    first = apply(databases)
    assert first.created == len(MODEL.hipoteses_legais) + len(MODEL.tipos_procedimento)
    before = databases.contents()
    assert apply(databases) == Change(unchanged=first.created)
    assert databases.contents() == before
    for table in ("hipotese_legal", "tipo_procedimento", "nivel_acesso_permitido"):
        behind = databases.one(
            "sei", f"SELECT (SELECT MAX(id_{table}) FROM {table}) - (SELECT MAX(id) FROM seq_{table})"
        )
        assert behind <= 0, table


def test_a_new_type_allows_public_and_restricted_and_suggests_its_level_and_ground(databases: Databases) -> None:
    apply(databases)
    level, ground, active = databases.row(
        "sei",
        "SELECT t.sta_nivel_acesso_sugestao, h.nome, t.sin_ativo FROM tipo_procedimento t"
        " JOIN hipotese_legal h ON h.id_hipotese_legal = t.id_hipotese_legal_sugestao WHERE t.nome = %s",
        (RESTRITO.nome,),
    )
    assert (level, ground, active) == ("1", RESTRITO.hipotese_legal, "S")
    assert databases.rows(
        "sei",
        "SELECT sta_nivel_acesso FROM nivel_acesso_permitido JOIN tipo_procedimento USING (id_tipo_procedimento)"
        " WHERE nome = %s ORDER BY sta_nivel_acesso",
        (RESTRITO.nome,),
    ) == [("0",), ("1",)]


def test_a_type_is_linked_to_the_proxy_of_its_subject(databases: Databases) -> None:
    known = RESTRITO.model_copy(update={"nome": "Com assunto", "assunto": "100.1"})
    apply(databases, MODEL.model_copy(update={"tipos_procedimento": (known,)}))
    assert databases.rows(
        "sei",
        "SELECT a.codigo_estruturado FROM rel_tipo_procedimento_assunto r"
        " JOIN tipo_procedimento t USING (id_tipo_procedimento) JOIN assunto_proxy p USING (id_assunto_proxy)"
        " JOIN assunto a USING (id_assunto) WHERE t.nome = 'Com assunto'",
    ) == [("100.1",)]


def test_a_subject_that_the_plan_lacks_is_refused_and_no_type_is_created(databases: Databases) -> None:
    """Found by the demo: such a type was created without a subject, and nobody could start a process of it."""
    unknown = RESTRITO.model_copy(update={"nome": "Sem assunto", "assunto": "999.9"})
    before = databases.one("sei", "SELECT COUNT(*) FROM tipo_procedimento")
    with pytest.raises(InvalidInputError, match=r"999\.9"):
        apply(databases, MODEL.model_copy(update={"tipos_procedimento": (*MODEL.tipos_procedimento, unknown)}))
    assert databases.one("sei", "SELECT COUNT(*) FROM tipo_procedimento") == before


def test_what_somebody_switched_off_or_opened_is_put_back(databases: Databases) -> None:
    apply(databases)
    databases.rows(
        "sei",
        "UPDATE tipo_procedimento SET sta_nivel_acesso_sugestao = '0', id_hipotese_legal_sugestao = NULL"
        " WHERE nome = %s",
        (RESTRITO.nome,),
    )
    databases.rows("sei", "UPDATE hipotese_legal SET sin_ativo = 'N' WHERE nome = %s", (RESTRITO.hipotese_legal,))
    assert apply(databases).updated == 2
    assert apply(databases).total == 0


def test_a_type_whose_id_is_taken_leaves_nothing_half_applied(databases: Databases) -> None:
    grounds = plan_legal_grounds(MODEL.hipoteses_legais, databases.model.list_legal_grounds())
    databases.model.apply_legal_grounds(grounds)
    plan = plan_process_types(MODEL.tipos_procedimento, databases.model.list_process_types())
    databases.rows(
        "sei",
        "INSERT INTO tipo_procedimento (id_tipo_procedimento, nome, sin_ativo, sin_interno, sin_ouvidoria,"
        " sin_individual, sta_nivel_acesso_sugestao)"
        " VALUES (%s, 'Criado sem o contador', 'S', 'N', 'N', 'N', '0')",
        (databases.next_id("seq_tipo_procedimento") + 2,),
    )
    before = databases.contents()
    with pytest.raises(IntegrityError, match="erro 1062"):
        databases.model.apply_process_types(plan)
    assert databases.contents() == before
