"""Where personal data must not be: the registry's tables, the orchestrator's database, the logs of the lab."""

import os
import sqlite3
import subprocess
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import SecretStr
from sqlalchemy import create_engine, text


def leaked(places: Mapping[str, str], words: Collection[str]) -> set[str]:
    """The places that hold one of the words; each is gone through once, however many words there are."""
    assert words
    assert all(words), "an empty one is everywhere"
    return {name for name, said in places.items() if _holds_any(said, "\n".join(words))}


def _holds_any(said: str, lines: str) -> bool:
    with NamedTemporaryFile() as file:
        file.write(said.encode(errors="replace"))
        file.flush()
        found = subprocess.run(
            ["grep", "--text", "--quiet", "--fixed-strings", "--file=-", file.name],
            input=lines.encode(),
            capture_output=True,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    assert found.returncode in {0, 1}, found.stderr
    return found.returncode == 0


def logs_of(lab: Path) -> dict[str, str]:
    """What the lab's servers wrote."""
    paths = (lab / "log").glob("*.log")
    return {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in paths}


def tables_of_the_orchestrator(lab: Path) -> dict[str, str]:
    """Every table of Prefect's database; encrypted blocks are bytes, and hold no readable word."""
    (path,) = lab.glob("prefect/**/prefect.db")
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    said = {name: _lines(database.execute(f'SELECT * FROM "{name}"')) for name in names}
    database.close()
    return said


def tables_of_the_registry(url: SecretStr) -> dict[str, str]:
    """Every table but `contact`, which is where names and addresses of contacts are kept."""
    engine = create_engine(url.get_secret_value())
    with engine.connect() as connection:
        names = {str(row[0]) for row in connection.execute(text("SHOW TABLES"))} - {"contact"}
        said = {name: _lines(connection.execute(text(f"SELECT * FROM `{name}`"))) for name in names}
    engine.dispose()
    return said


def _lines(rows: Iterable[object]) -> str:
    return "\n".join(map(repr, rows))


def require_nowhere(words: Collection[str], registry_url: SecretStr, lab: Path) -> tuple[set[str], set[str]]:
    """Fail where one of these words is; the registry's tables and the names of the logs that were read."""
    tables, logs = tables_of_the_registry(registry_url), logs_of(lab)
    for places in (tables, tables_of_the_orchestrator(lab), logs):
        assert leaked(places, words) == set()
    return set(tables), set(logs)
