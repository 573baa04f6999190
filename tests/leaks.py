"""Where personal data must not be: the registry's tables, the orchestrator's database, the logs of the lab."""

import sqlite3
from collections.abc import Collection
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import create_engine, text


def require_nowhere(words: Collection[str], registry_url: SecretStr, lab: Path) -> tuple[set[str], set[str]]:
    """Fail where one of these words is; the registry's tables and the names of the logs that were read.

    The table `contact` is where names and addresses of contacts are kept.
    """
    engine = create_engine(registry_url.get_secret_value())
    with engine.connect() as connection:
        tables = {str(row[0]) for row in connection.execute(text("SHOW TABLES"))} - {"contact"}
        for table in tables:
            rows = repr(connection.execute(text(f"SELECT * FROM `{table}`")).fetchall())
            assert not any(word in rows for word in words), table
    engine.dispose()
    (path,) = lab.glob("prefect/**/prefect.db")
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        rows = repr(database.execute(f'SELECT * FROM "{table}"').fetchall())
        assert not any(word in rows for word in words), table
    database.close()
    logs = list((lab / "log").glob("*.log"))
    for log in logs:
        content = log.read_text(encoding="utf-8", errors="replace")
        assert not any(word in content for word in words), log.name
    return tables, {log.stem for log in logs}
