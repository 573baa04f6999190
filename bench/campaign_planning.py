"""How long planning an upgrade campaign takes for Minas Gerais and for Brazil, and how much memory it holds."""

import tracemalloc
from collections.abc import Sequence
from datetime import date, time, timedelta
from time import perf_counter

import numpy as np

from bench.result import BenchResult, Figure, Ratio
from blocks.catalog import Catalog
from domain.calendar import BusinessCalendar
from domain.campaign.facts import (
    CampaignFacts,
    EnvironmentFacts,
    NightHours,
    Rehearsal,
    RehearsalOutcome,
    TargetRelease,
    moment_of,
)
from domain.campaign.failure import signature_of
from domain.campaign.history import CampaignEvent, CampaignHappening, after, fold
from domain.campaign.plan import CampaignPlan, plan
from domain.campaign.rules import CampaignRules
from domain.campaign.waves import CANARY_WAVE
from domain.environment import Purpose
from domain.freeze import Freeze
from domain.upgrade.complexity import Complexity

MONDAY = date(2026, 3, 2)
MINAS_GERAIS, BRAZIL = "MG", ""
_LIMIT_SECONDS = 5.0
_REPLANNED = 3
_BYTES_PER_MIB = 1 << 20
_PER_SERVER = 25
_FAIXAS, _FAIXA_SHARES = (1, 2, 3, 4, None), (0.45, 0.35, 0.14, 0.05, 0.01)
_VERSIONS, _VERSION_SHARES = ("4.0.12", "4.1.1", "4.1.3", "4.1.5"), (0.1, 0.2, 0.3, 0.4)
_PEN, _PEN_SHARES = ("4.0.1", "4.0.2", "4.0.3"), (0.2, 0.3, 0.5)
_HOURS = (
    NightHours(begins=time(20), ends=time(5)),
    NightHours(begins=time(22), ends=time(6)),
    NightHours(begins=time(0), ends=time(5)),
)
_DUPLICATE = signature_of("Duplicate entry '1' for key 'PRIMARY'")


def make_release(complexity: Complexity = Complexity.LOW) -> TargetRelease:
    """A version that everybody of `make_fleet` can reach."""
    return TargetRelease(
        version="5.0.4",
        complexity=complexity,
        start_lines=("4.0", "4.1"),
        modules={"pen": _PEN, "wssei": ("3.0.1", "3.0.2"), "resposta": ("2.0.1",)},
    )


def make_fleet(slugs: Sequence[str], seed: int = 1) -> tuple[EnvironmentFacts, ...]:
    """The state's two environments and each municipality's production; one in ten has a training one as well.

    One in fifty was not rehearsed, one in fifty has an old copy. Equal for equal arguments.
    """
    chance = np.random.default_rng(seed)
    found = [_environment("estado", purpose, 0, chance, of_the_state=True) for purpose in list(Purpose)[1:]]
    for number, slug in enumerate(slugs):
        if chance.random() < 1 / 10:
            found.append(_environment(slug, Purpose.TREINAMENTO, number, chance))
        found.append(_environment(slug, Purpose.PRODUCAO, number, chance))
    return tuple(found)


def _environment(
    slug: str, purpose: Purpose, number: int, chance: np.random.Generator, *, of_the_state: bool = False
) -> EnvironmentFacts:
    place = chance.choice(len(_FAIXAS), p=_FAIXA_SHARES)
    modules = {"pen": str(chance.choice(_PEN, p=_PEN_SHARES))} | ({"wssei": "3.0.1"} if chance.random() < 1 / 2 else {})
    passed = of_the_state or chance.random() >= 1 / 50
    freeze = MONDAY + timedelta(days=int(chance.integers(0, 200)))
    return EnvironmentFacts(
        slug=f"{slug}-{purpose.value}",
        municipality=slug,
        purpose=purpose,
        of_the_state=of_the_state,
        faixa=_FAIXAS[place],
        version=str(chance.choice(_VERSIONS, p=_VERSION_SHARES)),
        modules=modules,
        parameters_digest=f"variante-{chance.integers(0, 6)}",
        server=f"banco-{number // _PER_SERVER:03d}",
        hours=_HOURS[chance.integers(0, len(_HOURS))],
        freezes=(Freeze(first=freeze, last=freeze + timedelta(days=9), reason="festa da cidade"),),
        certificate_age_hours=12.0 if of_the_state or chance.random() >= 1 / 50 else 30.0,
        rehearsal=Rehearsal(
            outcome=RehearsalOutcome.PASSED,
            predicted_minutes=float(10 + 30 * (place + 1) * chance.random()),
            signatures=(_DUPLICATE,) if chance.random() < 1 / 40 else (),
        )
        if passed
        else None,
    )


def make_facts(uf: str, seed: int = 1) -> CampaignFacts:
    """All municipalities of a state, or of Brazil."""
    table = Catalog().ibge_table()
    codes = sorted(
        code for state, codes in table.codes_by_uf.items() if uf in {state, BRAZIL} for code in codes.values()
    )
    slugs = [table.slug(row) for row in map(table.find, codes) if row]
    return CampaignFacts(
        release=make_release(), environments=make_fleet(slugs, seed), calendar=BusinessCalendar(uf="MG")
    )


def measure(facts: CampaignFacts, rules: CampaignRules) -> dict[str, Figure]:
    """Seconds of a first plan and of one after it was agreed, the peak of memory, and what more plans add to it."""
    opened = fold(
        [
            CampaignHappening(
                kind=CampaignEvent.OPENED,
                at=moment_of(MONDAY, 0),
                release=facts.release.told,
                environments=tuple(one.slug for one in facts.environments),
            )
        ]
    )
    began = perf_counter()
    first = plan(opened, facts, rules, MONDAY)
    planned = perf_counter()
    agreed = after(
        opened,
        CampaignHappening(kind=CampaignEvent.PLANNED, at=moment_of(MONDAY, 0), appointments=first.appointments),
    )
    agreed_at = perf_counter()
    again = plan(agreed, facts, rules, MONDAY)
    replanned = perf_counter()
    figures = {
        "environments": Figure(value=len(facts.environments), unit="environments"),
        "planned": Figure(value=len(first.units), unit="environments"),
        "left_out": Figure(value=len(first.left_out), unit="environments"),
        "canaries": Figure(value=_canaries(first), unit="environments"),
        "waves": Figure(value=len(first.waves), unit="waves"),
        "moved": Figure(value=len(set(first.appointments) ^ set(again.appointments)), unit="appointments"),
        "plan": Figure(value=planned - began, unit="s"),
        "plan_again": Figure(value=replanned - agreed_at, unit="s"),
    }
    del first, again
    tracemalloc.start()
    try:
        plan(agreed, facts, rules, MONDAY)
        _, peak = tracemalloc.get_traced_memory()
        held, _ = tracemalloc.get_traced_memory()
        for _ in range(_REPLANNED):
            plan(agreed, facts, rules, MONDAY)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return figures | {
        "peak": Figure(value=peak / _BYTES_PER_MIB, unit="MiB"),
        "growth": Figure(value=(left - held) / _BYTES_PER_MIB, unit="MiB"),
    }


def _canaries(found: CampaignPlan) -> int:
    return next((len(wave.units) for wave in found.waves if wave.number == CANARY_WAVE), 0)


def measure_planning() -> BenchResult:
    """853 and 5,570 municipalities, each planned in less than five seconds."""
    rules = Catalog().campaigns()
    measured = {name: measure(make_facts(uf), rules) for name, uf in (("mg", MINAS_GERAIS), ("brazil", BRAZIL))}
    return BenchResult(
        name="campaign-planning",
        figures={f"{name}_{what}": figure for name, found in measured.items() for what, figure in found.items()},
        ratios={
            f"{name}_seconds": Ratio(value=max(found["plan"].value, found["plan_again"].value), limit=_LIMIT_SECONDS)
            for name, found in measured.items()
        },
    )
