"""Personal data stays in its place: none of it in the orchestrator, in logs or in the registry's history."""

import csv
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from blocks.settings import PROJECT_ROOT, Settings
from lab.state import LabState

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


def found_in(haystack: str, words: set[str]) -> list[str]:
    return [f"{word[:3]}…" for word in words if word in haystack]


def test_nothing_personal_is_in_the_orchestrators_database(lab: Path, personal_data: set[str]) -> None:
    (path,) = lab.glob("prefect/**/prefect.db")
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert {"flow_run", "task_run", "log", "artifact", "events"} <= set(tables)
    for table in tables:
        # Bytes that are no text, such as encrypted blocks, cannot hold a readable word.
        rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
        assert found_in(repr(rows), personal_data) == [], table


def test_nothing_personal_is_in_any_log(lab: Path, personal_data: set[str]) -> None:
    logs = list((lab / "log").glob("*.log"))
    assert {"prefect", "sei", "worker", "mariadb", "ldap"} <= {path.stem for path in logs}
    for path in logs:
        assert found_in(path.read_text(encoding="utf-8", errors="replace"), personal_data) == [], path.name


def test_nothing_personal_is_in_the_registrys_history(programme: Settings, personal_data: set[str]) -> None:
    engine = create_engine(programme.registry_url.get_secret_value())
    with engine.connect() as connection:
        for table in ("event", "training_record", "environment", "reference"):
            rows = connection.execute(text(f"SELECT * FROM {table}")).fetchall()
            assert rows, table
            assert found_in(repr(rows), personal_data) == [], table
    engine.dispose()
