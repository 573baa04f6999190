"""What a step does in threads of its own is done as the step itself is."""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from blocks.rehearsal import is_rehearsal, rehearsing
from blocks.settings import PROJECT_ROOT
from tasks.threads import begin

TASKS = [path for path in sorted((PROJECT_ROOT / "tasks").glob("*.py")) if path.stem != "threads"]


def test_a_thread_rehearses_where_its_step_does_and_asks_the_same_prefect() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert begin(pool, is_rehearsal).result() is False
        with rehearsing(), temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
            assert begin(pool, is_rehearsal).result() is True
            assert begin(pool, PREFECT_API_URL.value).result() == "http://127.0.0.1:1/api"
        assert begin(pool, is_rehearsal).result() is False


@pytest.mark.parametrize("module", TASKS, ids=lambda path: path.stem)
def test_no_step_begins_a_thread_in_another_way(module: Path) -> None:
    """A bare thread would write in a rehearsal, and take the blocks of another Prefect for those of this one."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    bare = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (ast.unparse(node.func).endswith((".submit", "Thread")) or ast.unparse(node.func) == "pool.map")
    ]
    assert bare == []
