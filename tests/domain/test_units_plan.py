"""What a spreadsheet of units changes: applied once it changes nothing more, and nobody's work loses its unit."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.spreadsheet_units import FLAGS, RESERVED_SIGLAS, SETTING_COLUMNS, Unit, UnitTree
from domain.text import collation_key
from domain.units_import import ExistingUnit
from domain.units_plan import Action, SeiContents, SeiUnit, TreePlan, plan_tree, report_tree

NOTHING: dict[str, str | None] = dict.fromkeys(SETTING_COLUMNS)
DEFAULTS = NOTHING | dict.fromkeys(FLAGS, "N") | {"envio_processo": "S", "endereco_do_orgao": "S"}
MASK = "@cod_orgao_sei_03d@@cod_unidade_sei_02d@.@seq_anual_cod_unidade_sei_06d@/@ano_4d@"
ROOT = Unit(sigla="PMT", descricao="Prefeitura")
SEMAD = Unit(sigla="SEMAD", descricao="Administração", superior="PMT")
COMPRAS = Unit(sigla="COMP", descricao="Compras", superior="SEMAD")


class World:
    """SIP and SEI as far as units go, changed as the blocks and SIP's replication change them."""

    def __init__(self) -> None:
        self.sip: dict[int, ExistingUnit] = {}
        self.sei: dict[int, SeiUnit] = {}
        self.brought: frozenset[str] = frozenset()
        self.people: dict[int, int] = {}
        for sigla in RESERVED_SIGLAS[1:]:
            self.add(Unit(sigla=sigla, descricao="Unidade de testes"), codigo=str(90 + len(self.sip)))

    def add(self, unit: Unit, *, codigo: str | None = None) -> int:
        """A unit made by hand, in both."""
        unit_id = 110_000_001 + len(self.sip)
        self.sip[unit_id] = ExistingUnit(
            id_unidade=unit_id, sigla=unit.sigla, descricao=unit.descricao, superior=unit.superior
        )
        self.sei[unit_id] = SeiUnit(
            id_unidade=unit_id, sigla=unit.sigla, descricao=unit.descricao, settings=DEFAULTS | {"codigo": codigo}
        )
        return unit_id

    def id_of(self, sigla: str) -> int:
        return next(unit.id_unidade for unit in self.sip.values() if collation_key(unit.sigla) == collation_key(sigla))

    def work_in(self, sigla: str, processes: int) -> None:
        unit_id = self.id_of(sigla)
        self.sei[unit_id] = self.sei[unit_id].model_copy(
            update={"open_processes": processes, "numbered_processes": True}
        )

    def plan(self, *units: Unit) -> TreePlan:
        return plan_tree(
            UnitTree(units=units),
            list(self.sip.values()),
            SeiContents(
                units=tuple(self.sei.values()), cities=frozenset({("Timóteo", "MG")}),
                orgao_city=("Timóteo", "MG"), mask=MASK,
            ),
            brought=self.brought,
            people=self.people,
        )  # fmt: skip

    def apply(self, *units: Unit, only_sip: bool = False) -> TreePlan:
        plan = self.plan(*units)
        self.brought |= plan.brought
        self._apply_sip(plan)
        if not only_sip:
            self._apply_sei(plan)
            gone = set(map(collation_key, plan.left))
            self.brought = frozenset(sigla for sigla in self.brought if collation_key(sigla) not in gone)
        return plan

    def _apply_sip(self, plan: TreePlan) -> None:
        for unit in plan.sip.missing:
            unit_id = 110_000_001 + len(self.sip)
            self.sip[unit_id] = ExistingUnit(
                id_unidade=unit_id, sigla=unit.sigla, descricao=unit.descricao, superior=unit.superior
            )
        for match in plan.sip.changed:
            told = match.wanted.model_dump(include={"sigla", "descricao", "superior"})
            self.sip[match.existing.id_unidade] = ExistingUnit(id_unidade=match.existing.id_unidade, **told)
        for retired in plan.retired:
            self.sip[retired.id_unidade] = retired.model_copy(update={"ativo": False, "in_hierarchy": False})

    def _apply_sei(self, plan: TreePlan) -> None:
        taken = {int(unit.settings["codigo"] or 0) for unit in self.sei.values()}
        wanted = {collation_key(unit.sigla): unit for unit in plan.units}
        for unit_id, unit in self.sip.items():
            known = self.sei.get(unit_id)
            mine = wanted.get(collation_key(unit.sigla))
            found = (known.settings if known else DEFAULTS) | (mine.settings if mine else {})
            if not found.get("codigo"):
                found = found | {"codigo": str(next(number for number in range(1, 999) if number not in taken))}
            taken.add(int(found["codigo"] or 0))
            self.sei[unit_id] = SeiUnit(
                id_unidade=unit_id,
                sigla=unit.sigla,
                descricao=unit.descricao or "",
                ativo=unit.ativo,
                settings=found,
                emails=tuple({*(known.emails if known else ()), *([mine.email] if mine and mine.email else [])}),
                in_history=unit.ativo,
                open_processes=known.open_processes if known else 0,
                numbered_processes=known.numbered_processes if known else False,
            )


def told(plan: TreePlan) -> dict[str, Action]:
    return {step.sigla: step.action for step in plan.steps}


@st.composite
def trees(draw: st.DrawFn, least: int = 1) -> tuple[Unit, ...]:
    """A tree of some of twelve siglas, parents first, with some of what a row may say to SEI."""
    siglas = draw(st.permutations([f"U{number}" for number in range(12)]))[: draw(st.integers(least, 12))]
    return tuple(
        Unit(
            sigla=sigla if draw(st.booleans()) else sigla.lower(),
            descricao=draw(st.sampled_from(["Uma", "Outra"])),
            superior=siglas[draw(st.integers(0, number - 1))] if number else None,
            email=draw(st.sampled_from([None, "a@x.org", "b@x.org"])),
            settings=draw(st.dictionaries(st.sampled_from(FLAGS), st.sampled_from(["S", "N"]), max_size=2))
            # A code that is given is always the same one: another would be refused once it numbers processes.
            | ({"codigo": f"3{sigla[1:]}"} if sigla in {"U1", "U2", "U3"} else {}),
        )
        for number, sigla in enumerate(siglas)
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(trees(), min_size=1, max_size=3), st.sets(st.sampled_from([f"U{number}" for number in range(12)])))
def test_what_was_applied_changes_nothing_more_and_busy_units_stay(
    sheets: list[tuple[Unit, ...]], busy: AbstractSet[str]
) -> None:
    world = World()
    world.add(Unit(sigla="ARQUIVO", descricao="Feita pela prefeitura", superior="TESTE"), codigo="80")
    for sheet in sheets:
        world.apply(*sheet)
        for sigla in busy & {unit.sigla for unit in world.sip.values() if unit.ativo}:
            world.work_in(sigla, 1)
        again = world.plan(*sheet)
        assert again.pending == ()
        assert not again.sip.missing
        assert not again.sip.changed
        active = {unit.sigla.upper() for unit in world.sip.values() if unit.ativo}
        assert {unit.sigla.upper() for unit in sheet} <= active
        assert {*RESERVED_SIGLAS[1:], "ARQUIVO"} <= active
    _require_whole_tree(world.sip)
    for unit_id, unit in world.sei.items():
        assert world.sip[unit_id].ativo or not unit.open_processes


def _require_whole_tree(sip: Mapping[int, ExistingUnit]) -> None:
    active = {collation_key(unit.sigla) for unit in sip.values() if unit.ativo}
    for unit in sip.values():
        if unit.ativo and unit.superior:
            assert collation_key(unit.superior) in active, f"{unit.sigla} is left below what was deactivated"


@settings(max_examples=40, deadline=None)
@given(trees(), trees())
def test_a_run_that_was_cut_off_after_sip_is_finished_by_the_next(
    first: tuple[Unit, ...], then: tuple[Unit, ...]
) -> None:
    world = World()
    world.apply(*first)
    world.apply(*then, only_sip=True)
    world.apply(*then)
    assert world.plan(*then).pending == ()
    gone = {unit.sigla.upper() for unit in first} - {unit.sigla.upper() for unit in then}
    for unit_id, unit in world.sei.items():
        assert unit.ativo is unit.in_history is world.sip[unit_id].ativo is (unit.sigla.upper() not in gone)
    assert not {sigla.upper() for sigla in world.brought} & gone


def test_every_kind_of_step_is_told_in_one_line_without_addresses() -> None:
    world = World()
    world.apply(ROOT, SEMAD, COMPRAS, Unit(sigla="VELHA", descricao="Extinta", superior="PMT"))
    plan = world.plan(
        ROOT.model_copy(update={"email": "gab@timoteo.mg.gov.br", "settings": {"protocolo": "S"}}),
        SEMAD.model_copy(update={"descricao": "Gestão"}),
        COMPRAS.model_copy(update={"superior": "PMT"}),
        Unit(sigla="SME", descricao="Educação", superior="PMT"),
    )
    report = report_tree("timoteo-treinamento", plan)
    assert [step.told for step in report.steps] == [
        "alterar PMT, protocolo: N → S, email: vazio → (endereço de timoteo.mg.gov.br)",
        "alterar SEMAD, descricao: Administração → Gestão",
        "mover COMP, superior: SEMAD → PMT",
        "criar SME, descricao: vazio → Educação, superior: vazio → PMT, codigo: vazio → o próximo livre",
        "desativar VELHA, ativo: sim → não",
    ]
    assert (plan.change.created, plan.change.updated, plan.change.removed) == (1, 3, 1)


def test_a_unit_in_use_stays_with_the_reason_and_so_does_what_is_above_it() -> None:
    world = World()
    world.apply(ROOT, SEMAD, COMPRAS, Unit(sigla="RH", descricao="Pessoal", superior="PMT"))
    world.work_in("COMP", 2)
    world.people[world.id_of("RH")] = 3
    steps = world.plan(ROOT).steps
    assert {step.action for step in steps} == {Action.KEEP}
    assert sorted(step.tell() for step in steps) == [
        "manter COMP, tem processos abertos (2)",
        "manter RH, tem usuários ativos com permissão (3)",
        "manter SEMAD, tem unidades subordinadas que ficam",
    ]
    assert world.plan(ROOT, COMPRAS.model_copy(update={"superior": "PMT"})).change.removed == 1, "SEMAD is free to go"


def test_what_the_prefeitura_made_by_hand_stays_also_below_what_should_go() -> None:
    world = World()
    world.apply(ROOT, SEMAD)
    world.add(Unit(sigla="ARQUIVO", descricao="Arquivo", superior="SEMAD"), codigo="80")
    assert told(world.plan(ROOT)) == {"SEMAD": Action.KEEP}
    world.apply(ROOT, SEMAD, Unit(sigla="arquivo", descricao="Arquivo", superior="SEMAD"))
    assert told(world.plan(ROOT, SEMAD)) == {}, "named by a spreadsheet, but not brought by it"


def test_a_unit_that_the_prefeitura_took_back_is_not_deactivated_again() -> None:
    world = World()
    world.apply(ROOT, SEMAD)
    world.apply(ROOT)
    unit_id = world.id_of("SEMAD")
    world.sip[unit_id] = world.sip[unit_id].model_copy(update={"ativo": True, "in_hierarchy": True})
    world.sei[unit_id] = world.sei[unit_id].model_copy(update={"ativo": True, "in_history": True})
    assert world.plan(ROOT).steps == ()


def test_a_unit_that_comes_back_is_ours_again() -> None:
    world = World()
    world.apply(ROOT, SEMAD)
    world.apply(ROOT)
    assert told(world.apply(ROOT, SEMAD)) == {"SEMAD": Action.CHANGE}
    assert told(world.plan(ROOT)) == {"SEMAD": Action.DEACTIVATE}


def test_a_second_inactive_unit_of_one_sigla_cannot_be_made() -> None:
    world = World()
    world.apply(ROOT, SEMAD)
    twin = ExistingUnit(id_unidade=1, sigla="semad", descricao="Antiga", ativo=False, in_hierarchy=False)
    world.sip[1] = twin
    (step,) = world.plan(ROOT).steps
    assert step.tell() == "manter SEMAD, já há outra desativada com esta sigla"


def test_an_address_of_its_own_without_a_city_is_in_the_orgaos() -> None:
    unit = ROOT.model_copy(update={"settings": {"endereco": "Rua A, 1", "endereco_do_orgao": "N"}})
    (planned,) = World().plan(unit).units
    assert (planned.settings["cidade"], planned.settings["uf"]) == ("Timóteo", "MG")


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"codigo": "90"}, "COMP: o código 90 já é da unidade TESTE"),
        ({"codigo": "100"}, "COMP: o código 100 não cabe na numeração, que lhe dá 2 algarismos"),
        ({"codigo": "77"}, "COMP: o código 3 já numera processos e não muda para 77"),
        ({"endereco": "Rua A", "cidade": "Atlântida", "uf": "MG"}, "COMP: a cidade Atlântida/MG não existe no SEI"),
    ],
)
def test_what_does_not_suit_the_environment_is_refused(given_settings: dict[str, str], message: str) -> None:
    world = World()
    world.apply(ROOT, SEMAD, COMPRAS)
    world.work_in("COMP", 0)
    with pytest.raises(InvalidInputError, match=f"{message}.*Nada foi gravado"):
        world.plan(ROOT, SEMAD, COMPRAS.model_copy(update={"settings": given_settings}))
    assert world.plan(ROOT, SEMAD, COMPRAS.model_copy(update={"settings": {"codigo": "03"}})).steps == ()


def test_plans_that_would_do_the_same_have_one_code() -> None:
    world, other = World(), World()
    assert world.plan(ROOT).digest == other.plan(ROOT).digest
    assert world.plan(ROOT).digest != world.plan(ROOT.model_copy(update={"email": "a@x.org"})).digest
