"""The document model on every reference there is: applied once, used by a caller from outside, and given back whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.model_export import write_layer
from blocks.model_files import load_model
from blocks.sei_model import SeiModel
from blocks.sip import SEI_SYSTEM_ID
from domain.document_model import kinds
from domain.document_model.export import export_model
from domain.document_model.memory import Memory
from domain.document_model.model import Model, layer_names
from domain.document_model.plan import Current
from domain.environment import EnvironmentName, Purpose
from lab.state import LabState
from tests.sei_standin.conftest import REFERENCES
from tests.sei_standin.instance import CHILD_UNIT, Instance, server_of
from tests.sei_standin.soap_client import SoapClient, caller
from tests.sei_standin.test_sei_service import EVERYTHING, base64_of

BASE = load_model(layer_names(client="prefeitura", uf="MG", faixa=3, slug="timoteo"))
# What only SEI itself has: never emptied, so never made anew.
GIVEN = {kinds.ORGAO.name, kinds.EMAILS.name}
MODEL_TABLES = (
    *("tipo_procedimento", "nivel_acesso_permitido", "rel_tipo_procedimento_assunto", "serie", "grupo_serie", "modelo"),
    *("secao_modelo", "rel_secao_modelo_estilo", "rel_secao_mod_cj_estilos_item", "estilo", "conjunto_estilos_item"),
    *("conjunto_estilos", "assunto", "assunto_proxy", "hipotese_legal", "tarja_assinatura", "assinante"),
    *("rel_assinante_unidade", "cargo", "tratamento", "vocativo", "titulo", "tipo_conferencia", "arquivo_extensao"),
    "texto_padrao_interno",
)


@pytest.fixture(scope="module", params=sorted(REFERENCES))
def seeded(
    request: pytest.FixtureRequest, lab_state: LabState, port: int, apps_dir: Path
) -> Iterator[tuple[Instance, SeiModel]]:
    """An environment of its own of each reference: what the model writes is not put back."""
    name = EnvironmentName(municipality=f"modelo{request.param.replace('.', '')}", purpose=Purpose.TREINAMENTO)
    instance = Instance(lab_state, REFERENCES[request.param], name.slug)
    instance.reset(port, apps_dir)
    yield instance, SeiModel(server_of(lab_state), name)


def forget_ids(current: Current) -> dict[str, dict[tuple[str, ...], dict[str, object]]]:
    return {kind: {key: dict(row.fields) for key, row in rows.items()} for kind, rows in current.items()}


def empty(instance: Instance) -> None:
    for table in MODEL_TABLES:
        instance.execute("sei", f"DELETE FROM {table}")
    instance.execute("sei", "UPDATE email_sistema SET assunto = 'x', conteudo = 'x', sin_ativo = 'N'")
    for table in ("rel_perfil_item_menu", "rel_perfil_recurso", "perfil"):
        instance.execute("sip", f"DELETE FROM {table} WHERE id_sistema = %s", (SEI_SYSTEM_ID,))


def test_an_exported_reference_gives_back_the_same_model_to_an_emptied_instance(
    seeded: tuple[Instance, SeiModel], tmp_path: Path
) -> None:
    instance, model = seeded
    before = model.read()
    counted = {kind: len(rows) for kind, rows in before.current.items()}
    if instance.version == "4.1.0" and counted["tipos_procedimento"] > 100:
        wanted = {"tipos_procedimento": 318, "series": 254, "assuntos": 668, "modelos": 69, "secoes": 420}
        assert {kind: counted[kind] for kind in wanted} == wanted
    write_layer(tmp_path / "base", export_model(before.current, before.units), "teste")
    empty(instance)
    assert not any(rows for kind, rows in model.read().current.items() if kind not in GIVEN)
    exported = load_model(["base"], tmp_path)
    done = model.apply(exported, {}, {})
    after = model.read()
    assert forget_ids(after.current) == forget_ids(before.current)
    assert done.plan.change.created == sum(count for kind, count in counted.items() if kind not in GIVEN)
    assert model.plan(exported, {}, {}).plan.pending == ()
    sets = instance.rows("sei", "SELECT COUNT(*) AS n FROM rel_secao_mod_cj_estilos_item")
    assert sets == instance.rows("sei", "SELECT COUNT(*) AS n FROM rel_secao_modelo_estilo")


def test_the_base_and_its_overlays_are_applied_once_and_a_caller_uses_what_they_brought(
    seeded: tuple[Instance, SeiModel],
) -> None:
    instance, model = seeded
    first = model.apply(BASE, {}, {})
    memory = Memory().after(first.wanted, first.instance.current)
    assert model.apply(BASE, memory.applied, memory.before).plan.pending == ()
    instance.add_service(*EVERYTHING)
    client = SoapClient(instance, "sei")
    tipo = row_of(first.wanted, "tipos_procedimento", "nivel_acesso", "publico")
    serie = row_of(first.wanted, "series", "aplicabilidade", "interno")
    (type_id,) = instance.rows(
        "sei", "SELECT id_tipo_procedimento AS id FROM tipo_procedimento WHERE nome = %s", (tipo,)
    )
    (serie_id,) = instance.rows("sei", "SELECT id_serie AS id FROM serie WHERE nome = %s", (serie,))
    document = client.make(
        "Documento", Tipo="G", IdSerie=str(serie_id["id"]), Conteudo=base64_of("<p>Peço a poda.</p>".encode("cp1252"))
    )
    answer = client.call(
        "gerarProcedimento",
        **caller(),
        IdUnidade=str(CHILD_UNIT),
        Procedimento=client.make("Procedimento", IdTipoProcedimento=str(type_id["id"]), NivelAcesso="0"),
        Documentos=client.array("Documento", [document]),
    )
    assert answer.ProcedimentoFormatado
    (made,) = instance.rows(
        "sei",
        "SELECT t.nome AS tipo, s.nome AS serie FROM procedimento p"
        " JOIN tipo_procedimento t USING (id_tipo_procedimento)"
        " JOIN documento d ON d.id_procedimento = p.id_procedimento JOIN serie s ON s.id_serie = d.id_serie",
    )
    assert made == {"tipo": tipo, "serie": serie}


def row_of(model: Model, kind: str, field: str, value: str) -> str:
    """The name of the first active entry that the base itself declares whole with this value."""
    chosen = (item for item in model[kind].values() if item.complete and item.fields["ativo"])
    return next(str(item.fields["nome"]) for item in chosen if item.fields[field] == value)
