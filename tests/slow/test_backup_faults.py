"""Every fault of the catalogue, in a real backup: found, and named by its cause."""

import pytest

from blocks.settings import Settings
from domain.backup.findings import Cause
from tasks.backup_verify import verify_backup
from tests.flows.backup_faults import CATALOGUE, FILHO, Fault, orphaned_in_the_source, problems_of
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


def test_a_key_that_was_broken_in_the_source_is_told_and_refuses_no_backup(ground: Ground) -> None:
    certificate = verify_backup(ground.instance, orphaned_in_the_source(ground))
    assert certificate.proved, "it is what the prefeitura has, to the last row"
    (alert,) = [alert for alert in certificate.alerts if alert.cause is Cause.FOREIGN_KEY]
    assert FILHO in alert.subject
