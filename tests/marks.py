"""Which of a test's many cases are for the long proofs alone."""

import pytest
from _pytest.mark.structures import ParameterSet


def slow(*cases: object) -> list[ParameterSet]:
    """The cases that only `./implanta test --slow` tries."""
    return [pytest.param(case, marks=pytest.mark.slow) for case in cases]
