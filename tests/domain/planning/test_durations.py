"""Durations: from history where there is enough, else from estimates; never less than what has passed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instruments.timetable import Activity, ThreePoint
from domain.planning.durations import Basis, Durations, durations_of
from tests.domain.planning.fleets import RULES

CHANCES = np.linspace(0, 0.999, 300)
ESTIMATES = st.lists(st.integers(1, 90), min_size=3, max_size=3).map(sorted)


def make_activity(estimate: ThreePoint | None) -> Activity:
    return Activity(code="teste", title="Teste", responsible="Equipe", delivers="Nada", estimate=estimate)


def three_points(least: int, usual: int, most: int) -> Durations:
    estimate = ThreePoint(least=least, usual=usual, most=most)
    return durations_of(make_activity(estimate), (), enough=8, planned_days=5)


@given(ESTIMATES)
def test_an_estimate_stays_within_its_ends(points: list[int]) -> None:
    known = three_points(*points)
    drawn = known.draw(CHANCES)
    assert known.basis is Basis.ESTIMATE
    assert points[0] <= drawn.min() <= points[1] <= drawn.max() <= points[2]
    assert (np.diff(drawn) >= 0).all()


def test_most_draws_of_an_estimate_are_near_what_is_usual() -> None:
    drawn = three_points(6, 12, 20).draw(np.random.default_rng(1).random(20_000))
    assert abs(drawn.mean() - (6 + 12 + 20) / 3) < 0.2
    assert np.bincount(drawn).argmax() == 12


@given(ESTIMATES, st.integers(0, 120))
def test_what_runs_takes_longer_than_it_has_taken(points: list[int], elapsed: int) -> None:
    drawn = three_points(*points).draw(CHANCES, elapsed)
    assert (drawn > elapsed).all()
    assert (drawn <= max(points[2], elapsed + 1)).all()


@pytest.mark.parametrize(("seen", "basis"), [(7, Basis.ESTIMATE), (8, Basis.HISTORY)])
def test_history_counts_from_the_number_on_that_the_catalog_asks_for(seen: int, basis: Basis) -> None:
    known = durations_of(
        make_activity(ThreePoint(least=50, usual=60, most=70)), [9, *[4] * (seen - 1)], enough=8, planned_days=5
    )
    assert (known.basis, known.observed) == (basis, seen)
    assert set(known.draw(CHANCES)) == ({4, 9} if basis is Basis.HISTORY else set(range(50, 71)))


def test_without_an_estimate_it_takes_what_is_planned() -> None:
    known = durations_of(make_activity(None), (), enough=8, planned_days=5)
    assert (known.basis, set(known.draw(CHANCES))) == (Basis.PLAN, {5})


def test_every_activity_of_the_catalog_has_an_estimate() -> None:
    assert all(activity.estimate for activity in RULES.timetable.activities)
