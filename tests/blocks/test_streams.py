"""Streams on their way: the same bytes in larger pieces, and made ahead by a thread that never stays behind."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks import streams
from blocks.streams import CHUNK_BYTES, ahead, joined


@given(st.lists(st.binary(max_size=20)), st.integers(1, 40))
def test_joined_pieces_are_the_same_bytes_in_large_pieces(chunks: list[bytes], least: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "CHUNK_BYTES", least)
        pieces = list(joined(chunks))
    assert b"".join(pieces) == b"".join(chunks)
    assert all(len(piece) >= least for piece in pieces[:-1])


def test_a_piece_that_is_long_already_is_not_held_back() -> None:
    assert list(joined([b"a" * CHUNK_BYTES, b"b"])) == [b"a" * CHUNK_BYTES, b"b"]


@given(st.lists(st.integers()), st.integers(1, 5))
def test_items_made_ahead_come_in_their_order(items: list[int], depth: int) -> None:
    assert list(ahead(items, depth)) == items


def test_an_error_is_raised_in_its_place() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_no_more_is_made_than_was_asked_ahead_and_who_leaves_early_stops_it() -> None:
    made: list[int] = []
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                made.append(len(made))
                yield made[-1]
        finally:
            closed.set()

    before = threading.active_count()
    items = ahead(endless(), depth=2)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()  # type: ignore[attr-defined]  # a generator, as every caller's loop sees
    assert closed.is_set()
    assert threading.active_count() == before
    assert len(made) <= 3 + 2 + 2
