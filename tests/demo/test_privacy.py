"""Personal data stays in its place: none of it in the orchestrator, in logs or in the registry's history."""

import csv
from pathlib import Path

import pytest

from blocks.settings import PROJECT_ROOT, Settings
from lab.state import LabState
from tests.leaks import leaked, logs_of, tables_of_the_orchestrator, tables_of_the_registry

pytestmark = pytest.mark.timeout(900)  # the first one waits for two whole demos


@pytest.fixture(scope="module")
def personal_data(fleet: object, lab_state: LabState) -> set[str]:
    """Every name, CPF (both ways of writing it), e-mail and login of the example people, and every first password."""
    assert fleet
    words: set[str] = set()
    for path in (PROJECT_ROOT / "examples").glob("*/usuarios.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                digits = "".join(filter(str.isdigit, row["cpf"]))
                dotted = f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"
                words |= {row["nome"], row["email"], row["login"], digits, dotted}
    for path in (lab_state.smtp.mail_dir / "new").iterdir():
        # The body is quoted-printable: the line's label is written with an escape, its value is not.
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("Senha provis"):
                words.add(line.rpartition(": ")[2])
    assert len(words) > 5 * 410
    return words


def test_nothing_personal_is_in_the_orchestrators_database(lab: Path, personal_data: set[str]) -> None:
    places = tables_of_the_orchestrator(lab)
    assert {"flow_run", "task_run", "log", "artifact", "events"} <= set(places)
    assert leaked(places, personal_data) == set()


def test_nothing_personal_is_in_any_log(lab: Path, personal_data: set[str]) -> None:
    places = logs_of(lab)
    assert {"prefect", "sei", "worker", "mariadb", "ldap"} <= set(places)
    assert leaked(places, personal_data) == set()


def test_nothing_personal_is_in_the_registrys_history(programme: Settings, personal_data: set[str]) -> None:
    history = {"event", "training_record", "environment", "reference"}
    tables = tables_of_the_registry(programme.registry_url)
    places = {name: tables[name] for name in history}
    assert all(places.values())
    assert leaked(places, personal_data) == set()
