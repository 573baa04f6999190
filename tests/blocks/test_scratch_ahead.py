"""A scratch server started ahead is there when it is asked for, says late what went wrong early, and leaves nothing."""

from pathlib import Path
from time import monotonic, sleep

import pytest

from blocks.scratch_ahead import ScratchAhead
from domain.errors import RetryableError


def left_in(parent: Path) -> list[str]:
    return [path.name for path in parent.iterdir() if not path.name.startswith("modelo-")]


def test_it_starts_once_and_is_there_for_every_thread_that_asks(tmp_path: Path) -> None:
    with ScratchAhead(tmp_path) as scratch:
        scratch.begin()
        scratch.begin()
        first = scratch.server()
        assert scratch.server() is first
        assert first.server.list_databases("") is not None
        assert len(left_in(tmp_path)) == 1
    assert first.process.poll() is not None
    assert left_in(tmp_path) == []


def test_one_that_nobody_asks_for_is_never_started(tmp_path: Path) -> None:
    with ScratchAhead(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_went_wrong_ahead_is_told_to_whoever_asks(tmp_path: Path) -> None:
    file = tmp_path / "arquivo"
    file.touch()
    with ScratchAhead(file) as scratch:
        scratch.begin()
        for _ in range(2):
            with pytest.raises(RetryableError, match="não pôde ser feito"):
                scratch.server()


def test_released_early_it_is_gone_before_its_user_is_done(tmp_path: Path) -> None:
    with ScratchAhead(tmp_path) as scratch:
        process = scratch.server().process
        scratch.release()
        limit = monotonic() + 30
        while left_in(tmp_path) and monotonic() < limit:
            sleep(0.05)
        assert left_in(tmp_path) == []
        assert process.poll() is not None
