"""The Prefect server's PostgreSQL: its copy is the whole of it, damage is seen, and it comes back where it was."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import URL

from blocks.prefect_database import PrefectDatabase
from blocks.prefect_databases import examine, prefect_database
from blocks.prefect_postgres import _rows, read_facts
from blocks.scratch_postgres import scratch_postgres
from domain.errors import IntegrityError, InvalidInputError, RetryableError

POOL = (
    "INSERT INTO work_pool (id, name, type, base_job_template, is_paused, created, updated) VALUES "
    "('00000000-0000-0000-0000-00000000000{number}', '{name}', 'process', '{{}}', false, '2026-11-29', '2026-11-29')"
)


UNDO = {
    "UPDATE": ["UPDATE work_pool SET description = NULL WHERE name = 'implanta'"],
    "DELETE": [POOL.format(number=0, name="implanta")],
    "ALTER": ["ALTER TABLE work_pool ALTER COLUMN description DROP DEFAULT"],
    "DROP": ["CREATE INDEX ix_work_pool__type ON public.work_pool USING btree (type)"],
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A database with Prefect's own tables, made by Prefect, and two work pools."""
    with scratch_postgres(tmp_path_factory.mktemp("pg")) as address:
        connection = address.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        subprocess.run(
            [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"],
            env={**os.environ, "PREFECT_SERVER_DATABASE_CONNECTION_URL": connection},
            check=True,
            capture_output=True,
        )
        for number, name in enumerate(("implanta", "implanta-segundo")):
            _rows(address, POOL.format(number=number, name=name))
        yield address


@pytest.fixture
def copy(url: URL, tmp_path: Path) -> Path:
    file = tmp_path / "copia"
    of(url).copy(file)
    return file


def of(url: URL) -> PrefectDatabase:
    return prefect_database(SecretStr(url.render_as_string(hide_password=False)))


def test_a_copy_holds_every_table_with_its_rows(copy: Path, tmp_path: Path) -> None:
    found = examine(copy, "postgresql", tmp_path / "r")
    assert found.facts.tables["work_pool"].rows == 2
    assert len(found.facts.tables) > 30
    assert not found.keeps_its_own_key
    assert examine(copy, "postgresql", tmp_path / "r").facts == found.facts, "twice the same"
    assert list((tmp_path / "r").iterdir()) == [], "nothing of the private servers stays"


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        ("UPDATE work_pool SET description = 'outra' WHERE name = 'implanta'", "content"),
        ("DELETE FROM work_pool WHERE name = 'implanta'", "rows"),
        ("ALTER TABLE work_pool ALTER COLUMN description SET DEFAULT 'x'", "definition"),
        ("DROP INDEX ix_work_pool__type", "definition"),
    ],
    ids=["valor", "linha", "coluna", "índice"],
)
def test_one_difference_is_seen_where_it_is(url: URL, fault: str, part: str) -> None:
    before = read_facts(url).tables
    _rows(url, fault)
    try:
        after = read_facts(url).tables
    finally:
        for statement in UNDO[fault.split(maxsplit=1)[0]]:
            _rows(url, statement)
    assert {name for name in before if before[name] != after[name]} == {"work_pool"}
    assert getattr(before["work_pool"], part) != getattr(after["work_pool"], part)
    assert read_facts(url).tables == before


def test_what_is_no_copy_is_refused_and_a_cut_one_as_well(copy: Path, tmp_path: Path) -> None:
    text = tmp_path / "texto"
    text.write_text("isto não é um pg_dump")
    cut = tmp_path / "cortada"
    cut.write_bytes(copy.read_bytes()[: copy.stat().st_size // 2])
    for file in (text, cut):
        with pytest.raises(IntegrityError, match="não se restaura"):
            examine(file, "postgresql", tmp_path / "r")


def test_it_comes_back_into_an_empty_database_with_every_pool_paused(copy: Path, tmp_path: Path) -> None:
    with scratch_postgres(tmp_path / "alvo") as empty:
        target = of(empty)
        assert target.is_unused()
        target.put_in_place(copy)
        assert sorted(_rows(empty, "SELECT name, is_paused FROM work_pool")) == [
            ["implanta", "t"],
            ["implanta-segundo", "t"],
        ]
        # And once more over what is there, and from a copy of what came back.
        again = tmp_path / "de-novo"
        target.copy(again)
        target.put_in_place(again)
        assert len(_rows(empty, "SELECT 1 FROM work_pool")) == 2
        _rows(
            empty, "INSERT INTO block_type (id, name, slug, is_protected) VALUES (gen_random_uuid(), 'x', 'x', false)"
        )
        assert target.is_unused(), "a type of block is nothing that could be lost"


def test_a_wrong_password_is_corrected_and_a_server_that_is_away_is_waited_for(url: URL, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="recusou o acesso"):
        of(url.set(password="outra")).copy(tmp_path / "x")
    with pytest.raises(RetryableError, match="pg_dump não terminou"):
        of(url.set(port=1)).copy(tmp_path / "x")


def test_the_password_is_in_no_message(url: URL) -> None:
    assert str(url.password) not in of(url).where
    with pytest.raises(InvalidInputError, match="nem PostgreSQL") as refused:
        prefect_database(SecretStr("oracle://prefect:segredo-que-nao-se-diz@servidor/prefect"))
    assert "segredo-que-nao-se-diz" not in str(refused.value)
