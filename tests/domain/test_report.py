"""What came of several environments at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    GateClosedError,
    ImplantaError,
    IntegrityError,
    InvalidInputError,
    RetryableError,
    exit_code_of,
    kind_of,
)
from domain.lifecycle import Stage
from domain.report import FleetReport, StageReport

KINDS: list[type[ImplantaError]] = [RetryableError, InvalidInputError, GateClosedError, IntegrityError]


def make_report(slug: str) -> StageReport:
    return StageReport(stage=Stage.ENVIRONMENT_TRAINING, subject=slug)


def make_error(kind: type[ImplantaError], what: str = "Falhou") -> ImplantaError:
    return kind(what, "onde", "Faça algo.")


OUTCOMES = st.dictionaries(
    st.sampled_from([f"cidade{number}-treinamento" for number in range(8)]),
    st.one_of(st.just("bem"), st.sampled_from(KINDS), st.just(ValueError)),
    min_size=1,
)


@given(OUTCOMES)
def test_everybody_is_accounted_for_once_and_the_worst_decides(outcomes: dict[str, object]) -> None:
    made = {
        slug: make_report(slug)
        if outcome == "bem"
        else (ValueError("segredo") if outcome is ValueError else make_error(outcome))  # type: ignore[arg-type]
        for slug, outcome in outcomes.items()
    }
    fleet = FleetReport.of(made)
    assert {report.subject for report in fleet.reports} | set(fleet.failures) == set(outcomes)
    assert len(fleet.reports) + len(fleet.failures) == len(outcomes)
    codes = [exit_code_of(outcome) for slug, outcome in made.items() if slug in fleet.failures]
    assert fleet.worst_exit_code == max(codes, default=0)
    assert "segredo" not in str(fleet)
    if not fleet.failures:
        fleet.raise_if_any_failed()
        return
    with pytest.raises(ImplantaError) as failure:
        fleet.raise_if_any_failed()
    assert f"{len(fleet.failures)} de {len(outcomes)} ambientes falharam" in str(failure.value)
    assert all(slug in str(failure.value) for slug in fleet.failures)
    assert failure.value.exit_code == fleet.worst_exit_code


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_found_by_its_exit_code(kind: type[ImplantaError]) -> None:
    assert kind_of(kind.exit_code) is kind
