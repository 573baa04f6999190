"""What the proofs of procedures that are cut off share: the environment, the cut, and who has to wait."""

from pathlib import Path

import pytest

from bench.synthetic import Size, fill
from domain.environment import Purpose
from domain.errors import GateClosedError
from domain.maintenance import Door
from domain.municipality import Municipality
from flows.create_environment import create_environment
from flows.maintenance import maintenance
from tasks import clock, doors
from tasks.backup_cycle import back_up
from tasks.instance import Instance, load_instance

SMALL = Size(
    processes=12, documents=40, html_bytes=2_000, attachments=10, attachment_bytes=3_000, users=6, activities=60
)


class Cut(BaseException):
    """The process was killed."""


def make_worked_in(municipality: Municipality) -> Instance:
    """An environment that people have worked in, and its proved backup."""
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    found = load_instance(f"{municipality.slug}-{Purpose.TREINAMENTO}")
    name = found.name
    fill(found.server, name.database_sip, name.database_sei, repository(found), size=SMALL, seed=1, today=clock.today())
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    assert back_up(found).proved
    return found


def repository(instance: Instance) -> Path:
    """Where the environment's files are."""
    return Path(doors.runtime().repository_path(instance.name))


def refuses_everybody(instance: Instance) -> None:
    """While the data are half of one moment nobody converges, copies or opens the environment."""
    for refused in (
        lambda: create_environment(instance.name.municipality, instance.name.purpose),
        lambda: back_up(instance),
        lambda: maintenance(instance.name.slug, role="operação", reason="Tudo de volta", door=Door.OPEN),
    ):
        with pytest.raises(GateClosedError, match="não chegou ao fim"):
            refused()
