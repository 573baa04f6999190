"""The three-way comparison: what was applied last, what the catalog says now, what the instance has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.document_model.memory import Memory
from domain.document_model.model import Model, ModelProblems, Value
from domain.document_model.plan import Action, ModelPlan, Row, plan_model, report_plan, retired_keys, tell
from domain.document_model.resolve import Instance, resolve
from tests.domain.document_model.writing import Entries, model_of, rows_of, with_field

ASSUNTO: dict[str, object] = {"codigo": "310", "descricao": "Atendimento", "destinacao": "eliminacao"}
MODEL: Entries = {
    "assuntos": [{"codigo": "300", "descricao": "SAÚDE", "estrutural": True}, ASSUNTO],
    "hipoteses_legais": [{"nome": "Dado sensível", "base_legal": "Art. 11 da Lei nº 13.709/2018"}],
    "tipos_procedimento": [
        {"nome": "Saúde: Consulta", "nivel_acesso": "restrito", "hipotese_legal": "Dado sensível", "assuntos": ["310"]}
    ],
}


def owned_by(posse: str, descricao: str) -> Model:
    return model_of(
        {"tratamentos": [], "titulos": [{"expressao": "Doutora", "abreviatura": descricao, "posse": posse}]}
    )


def applied(model: Model) -> Memory:
    return Memory().after(model, rows_of(model))


def instance_of(model: Model, **facts: object) -> Instance:
    known: dict[str, object] = {
        "current": rows_of(model),
        "units": ("PMT", "SMS"),
        "inactive_units": ("VELHA",),
        "lengths": {},
        "missing": {},
        "rights": frozenset({"a", "b", "c"}),
        "menu_right": {"Menu > A": "a", "Menu > B": "b"},
        "has_processes": False,
    }
    return Instance(**(known | facts))  # type: ignore[arg-type]  # facts of a test, each of the field's type


@given(
    posse=st.sampled_from(["programa", "prefeitura"]),
    last=st.sampled_from(["Dra.", "Dr.ª", None]),
    wanted=st.sampled_from(["Dra.", "Dr.ª", "D."]),
    now=st.sampled_from(["Dra.", "Dr.ª", "D.", None]),
)
def test_the_programme_is_put_back_and_what_a_prefeitura_changed_of_its_own_stays(
    posse: str, last: str | None, wanted: str, now: Value
) -> None:
    memory = applied(owned_by(posse, last)) if last else Memory()
    rows = with_field(rows_of(owned_by(posse, wanted)), "titulos", "abreviatura", now)
    plan = plan_model(owned_by(posse, wanted), rows, memory.applied, memory.before)
    actions = [step.action for step in plan.steps]
    if now == wanted:
        assert (actions, plan.unchanged) == ([], 1)
    elif posse == "programa" or (last is not None and last == now):
        assert actions == [Action.CHANGE]
        assert plan.change.updated == 1
    else:
        assert actions == [Action.LEAVE]
        assert plan.change.total == 0


def test_everything_is_missing_from_an_empty_instance_and_then_nothing_is() -> None:
    model = model_of(MODEL)
    empty = plan_model(model, {}, {}, {})
    assert {step.action for step in empty.steps} == {Action.CREATE}
    assert [step.kind.name for step in empty.steps] == [
        "hipoteses_legais",
        "assuntos",
        "assuntos",
        "tipos_procedimento",
    ]
    again = plan_model(model, rows_of(model), applied(model).applied, applied(model).before)
    assert (again.steps, again.unchanged, again.local) == ((), 4, {})


def test_what_was_only_patched_or_came_with_the_release_is_never_taken_away() -> None:
    """A patch of Básico that left the catalog would have switched off Básico."""
    patch = model_of({"perfis": [{"nome": "Básico", "dois_fatores": True}]})
    whole = model_of({"perfis": [{"nome": "Básico", "recursos": ["a"]}]})
    rows = rows_of(whole)
    memory = Memory().after(patch, rows)
    assert plan_model(model_of({}), rows, memory.applied, memory.before).steps == ()
    memory = Memory().after(whole, rows)
    assert plan_model(model_of({}), rows, memory.applied, memory.before).steps == ()


def test_a_text_that_a_unit_rewrote_is_kept_when_the_catalog_drops_it() -> None:
    model = model_of({"textos_padrao": [{"nome": "Ciência", "unidade": "PMT", "conteudo": "<p>Ciente.</p>"}]})
    memory = Memory().after(model, {})
    rewritten = with_field(rows_of(model), "textos_padrao", "conteudo", "<p>Meu texto.</p>")
    (step,) = plan_model(model_of({}), rewritten, memory.applied, memory.before).steps
    assert (step.action, step.reason) == (Action.LEAVE, "saiu do catálogo, mas foi mudado aqui")
    (step,) = plan_model(model_of({}), rows_of(model), memory.applied, memory.before).steps
    assert step.action is Action.REMOVE


@pytest.mark.parametrize(("posse", "action"), [("programa", Action.CREATE), ("prefeitura", Action.LEAVE)])
def test_what_a_prefeitura_deleted_of_its_own_does_not_come_back(posse: str, action: Action) -> None:
    model = owned_by(posse, "Dra.")
    memory = applied(model)
    (step,) = plan_model(model, {}, memory.applied, memory.before).steps
    assert step.action is action
    assert [step.action for step in plan_model(model, {}, {}, {}).steps] == [Action.CREATE]


def test_a_patch_of_a_municipality_is_an_order() -> None:
    """`nome` and `ativo: false`, as the guide says, in the layer of one municipality."""
    off: Entries = {"tipos_procedimento": [{"nome": "Saúde: Consulta", "ativo": False}]}
    plan = plan_model(model_of({}, municipio_timoteo=off), rows_of(model_of(MODEL)), {}, {})
    assert [step.action for step in plan.steps] == [Action.SWITCH_OFF]


def test_one_that_is_switched_off_already_keeps_the_other_on() -> None:
    """`serie` has UNIQUE (nome, sin_ativo): MariaDB would refuse the whole application."""
    rows = rows_of(model_of(MODEL))
    twins = {key: Row(row.id, row.fields, has_inactive_twin=True) for key, row in rows["tipos_procedimento"].items()}
    off = model_of({"tipos_procedimento": [{"nome": "Saúde: Consulta", "ativo": False}]})
    (step,) = plan_model(off, {**rows, "tipos_procedimento": twins}, {}, {}).steps
    assert (step.action, step.reason) == (Action.LEAVE, "já há outro com este nome, desativado")


def test_what_is_dropped_while_another_entry_cites_it_is_refused_at_once() -> None:
    before, now = model_of(MODEL), model_of({**MODEL, "hipoteses_legais": []})
    memory = Memory().after(before, {})
    assert resolve(now, instance_of(before)), "what the catalog never made may stay cited"
    with pytest.raises(ModelProblems) as refusal:
        resolve(now, instance_of(before), retired_keys(now, memory.applied, memory.before))
    assert "cita 'Dado sensível', que não existe" in refusal.value.problems[0]


def test_what_left_the_catalog_is_switched_off_once_and_what_only_the_instance_has_is_local() -> None:
    before, now = model_of(MODEL), model_of({**MODEL, "tipos_procedimento": []})
    memory = Memory().after(before, {})
    rows = rows_of(before)
    plan = plan_model(now, rows, memory.applied, memory.before)
    assert [tell(step) for step in plan.steps] == ["desativar tipo de processo 'Saúde: Consulta'"]
    off = with_field(rows, "tipos_procedimento", "ativo", False)
    assert plan_model(now, off, memory.applied, memory.before).steps == ()
    forgotten = Memory({}, {"tipos_procedimento": frozenset()})
    assert plan_model(now, rows, forgotten.applied, forgotten.before).local == {
        "tipos_procedimento": ("Saúde: Consulta",)
    }


def test_what_came_with_the_release_is_not_local() -> None:
    rows = rows_of(model_of(MODEL))
    memory = Memory().after(model_of({}), rows)
    assert plan_model(model_of({}), rows, memory.applied, memory.before).local == {}


def test_a_signing_role_that_left_the_catalog_goes_and_an_email_of_sei_stays() -> None:
    before = model_of({"assinantes": [{"cargo_funcao": "Síndico"}], "emails_sistema": [{"descricao": "Aviso"}]})
    memory = Memory().after(before, {})
    plan = plan_model(model_of({}), rows_of(before), memory.applied, memory.before)
    assert [(step.action, step.kind.name) for step in plan.steps] == [(Action.REMOVE, "assinantes")]


def test_a_memory_is_the_same_after_it_was_kept() -> None:
    memory = applied(model_of({**MODEL, "textos_padrao": [{"nome": "Longo", "conteudo": "x" * 5000}]}))
    kept = Memory.load(memory.dump())
    assert kept == memory
    assert kept.digest == memory.digest
    assert len(memory.dump()) < 5000, "of long texts only the digest"


def test_a_local_change_of_a_long_text_is_noticed_and_told() -> None:
    model = model_of({"textos_padrao": [{"nome": "Longo", "unidade": "PMT", "conteudo": "x" * 5000}]})
    rows = with_field(rows_of(model), "textos_padrao", "conteudo", "y" * 5000)
    (step,) = plan_model(model, rows, applied(model).applied, applied(model).before).steps
    assert step.reason == "alterado nesta instância"
    (told,) = report_plan("timoteo-producao", ModelPlan((step,), 0)).steps
    assert len(told.told) < 250
    assert told.source is not None


def test_a_plan_has_a_code_that_changes_with_what_it_would_do() -> None:
    one, other = owned_by("programa", "Dra."), owned_by("programa", "D.ra")
    assert plan_model(one, {}, {}, {}).digest == plan_model(owned_by("programa", "Dra."), {}, {}, {}).digest
    assert plan_model(one, {}, {}, {}).digest != plan_model(other, {}, {}, {}).digest


def refused(entries: Entries, instance: Instance) -> list[str]:
    with pytest.raises(ModelProblems) as refusal:
        resolve(model_of(entries), instance)
    return list(refusal.value.problems)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({"tipos_procedimento": [{"nome": "X", "nivel_acesso": "publico", "assuntos": ["999"]}]}, "cita '999', que"),
        ({"tipos_procedimento": [{"nome": "X", "nivel_acesso": "publico", "assuntos": ["300"]}]}, "só agrupa outros"),
        ({"tipos_procedimento": [{"nome": "X", "descricao": "Y"}]}, "falta, para criá-lo: nivel_acesso, assuntos"),
        ({"assuntos": [{**ASSUNTO, "codigo": "777.1"}]}, "nenhum assunto acima dele existe"),
        ({"assinantes": [{"cargo_funcao": "Chefe", "unidades": ["SMX"]}]}, "a unidade 'SMX' não existe"),
        ({"perfis": [{"nome": "P", "a_partir_de": "Nenhum"}]}, "parte de um perfil que a instância não tem"),
        ({"perfis": [{"nome": "P", "recursos": ["z"]}]}, "o recurso 'z' não existe no SIP"),
        ({"series": [{"nome": "S", "aplicabilidade": "externo", "grupo": "G"}]}, "cita 'G', que não existe"),
        (
            {
                "hipoteses_legais": [{"nome": "Dado sensível", "ativo": False}],
                "tipos_procedimento": MODEL["tipos_procedimento"],
            },
            "que está desativado",
        ),
    ],
)  # fmt: skip
def test_what_the_instance_cannot_take_is_refused(entries: Entries, problem: str) -> None:
    found = refused(entries, instance_of(model_of({**MODEL, "tipos_procedimento": []})))
    assert any(problem in told for told in found), found
    assert all(", linha " in told for told in found)


def test_a_name_longer_than_this_versions_column_is_refused() -> None:
    entries: Entries = {"series": [{"nome": "N" * 60, "aplicabilidade": "externo"}]}
    (told,) = refused(entries, instance_of(model_of({}), lengths={"series": {"nome": 50}}))
    assert "tem 60 caracteres e esta versão do SEI aceita 50" in told


def test_a_mask_does_not_change_once_there_is_a_process() -> None:
    old, new = (
        "@cod_orgao_sei_03d@.@seq_anual_cod_unidade_sei_06d@/@ano_4d@",
        "17.@seq_anual_cod_orgao_sei_06d@/@ano_4d@",
    )
    before = model_of({"orgao": [{"mascara_processo": old}]})
    entries: Entries = {"orgao": [{"mascara_processo": new}]}
    assert resolve(model_of(entries), instance_of(before))
    (told,) = refused(entries, instance_of(before, has_processes=True))
    assert "já tem processos" in told
    assert resolve(before, instance_of(before, has_processes=True)), "the one in force is no change"


def test_a_profile_starts_from_anothers_rights() -> None:
    before = model_of({"perfis": [{"nome": "Básico", "recursos": ["a", "b"], "menus": ["Menu > A", "Menu > B"]}]})
    wanted = model_of({"perfis": [{"nome": "Leitor", "a_partir_de": "Basico", "com": ["c"], "sem": ["b"]}]})
    item = resolve(wanted, instance_of(before))["perfis"][("LEITOR",)]
    assert (item.fields["recursos"], item.fields["menus"]) == (("a", "c"), ("Menu > A",))
    assert "a_partir_de" not in item.fields


@pytest.mark.parametrize(
    ("units", "read"),
    [
        (["*", "PMT"], ("*",)),
        (["sms", "PMT"], ("*",)),
        (["PMT", "VELHA"], ("PMT",)),
    ],
)
def test_units_are_listed_as_the_instance_reads_them(units: list[str], read: tuple[str, ...]) -> None:
    wanted = model_of({"assinantes": [{"cargo_funcao": "Chefe", "unidades": units}]})
    (item,) = resolve(wanted, instance_of(model_of({})))["assinantes"].values()
    assert item.fields["unidades"] == read


def test_a_unit_that_came_later_gets_what_is_for_every_unit_whoever_owns_it() -> None:
    model = model_of({"assinantes": [{"cargo_funcao": "Chefe", "posse": "prefeitura"}]})
    memory = applied(model)
    later = with_field(rows_of(model), "assinantes", "unidades", ("PMT", "SMS"))
    (step,) = plan_model(model, later, memory.applied, memory.before).steps
    assert (step.action, step.reason) == (Action.CHANGE, "")


def test_a_text_for_every_unit_is_one_of_each_unit() -> None:
    wanted = model_of({"textos_padrao": [{"nome": "Ciência", "conteudo": "<p>Ciente.</p>"}]})
    found = resolve(wanted, instance_of(model_of({})))["textos_padrao"]
    assert {item.fields["unidade"] for item in found.values()} == {"PMT", "SMS"}
