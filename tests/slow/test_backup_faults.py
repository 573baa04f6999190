"""Every fault of the catalogue, in a real backup: found, and named by its cause."""

import pytest

from blocks.settings import Settings
from tests.flows.backup_faults import CATALOGUE, Fault, problems_of
from tests.flows.backup_ground import Ground, lay, make_instance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def ground(programme: Settings) -> Ground:
    assert programme
    return lay(make_instance("3100807", "Aguanil"))


def test_the_catalogue_has_no_fault_twice() -> None:
    assert len({fault.name for fault in CATALOGUE}) == len(CATALOGUE)
    assert len(CATALOGUE) >= 60


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_a_fault_is_found_and_named_by_its_cause(ground: Ground, fault: Fault) -> None:
    assert problems_of(fault, ground) == []
