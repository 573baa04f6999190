"""The fleets of the planning bench are planned almost whole, in few waves, with few canaries; counts, not seconds."""

import pytest

from bench.campaign_planning import BRAZIL, MINAS_GERAIS, make_facts, measure
from blocks.catalog import Catalog


@pytest.mark.parametrize(("uf", "municipalities", "most_waves"), [(MINAS_GERAIS, 853, 40), (BRAZIL, 5570, 200)])
def test_whole_states_are_planned_and_planned_again_as_agreed(uf: str, municipalities: int, most_waves: int) -> None:
    facts = make_facts(uf)
    assert len({one.municipality for one in facts.environments if not one.of_the_state}) == municipalities
    assert make_facts(uf) == facts
    figures = {name: figure.value for name, figure in measure(facts, Catalog().campaigns()).items()}
    assert figures["planned"] + figures["left_out"] == figures["environments"] == len(facts.environments)
    assert figures["planned"] > municipalities * 0.9
    assert figures["left_out"] > 0
    assert 6 <= figures["canaries"] <= 15, "six variants of parameters need six canaries at least"
    assert figures["waves"] < most_waves
    assert figures["moved"] == 0
    assert figures["peak"] < 100, "MiB"
    assert figures["growth"] < 2, "MiB: nothing of a plan stays behind"
