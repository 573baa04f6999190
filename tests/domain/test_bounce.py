"""Which of what comes back is the failure of one of our letters; everything else is nobody's business."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bounce import Bounce, read_bounce
from tests.domain.bounces import ABSENCE, READ_RECEIPT, REFERENCE, notification


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/global"])
def test_a_failure_is_told_by_the_message_id_and_its_status(kind: str) -> None:
    assert read_bounce(notification(kind=kind)) == Bounce(reference=REFERENCE, status="5.1.1")


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("5.2.2", "5.2.2"),
        ("4.0.0", "4.0.0"),
        (" 5.7.1 (policy)", "5.7.1"),
        ("", "5.0.0"),
        ("lixo", "5.0.0"),
        ("2.0.0", "5.0.0"),
    ],
)
def test_what_was_given_up_failed_whatever_its_code(written: str, status: str) -> None:
    """The example of RFC 3464 itself: `Action: failed` with `Status: 4.0.0`, after five days."""
    assert read_bounce(notification(status=written)) == Bounce(reference=REFERENCE, status=status)


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_what_may_still_arrive_or_has_arrived_is_no_failure(action: str) -> None:
    assert read_bounce(notification(action=action)) is None


@pytest.mark.parametrize(
    "content",
    [
        ABSENCE,
        READ_RECEIPT,
        notification("199407072116.RAA14128"),
        notification("A" * 32),
        notification(f"{REFERENCE}0"),
        notification().replace(b"Message-ID: <0123", b"X-ID: <0123"),
        notification().replace(b"message/delivery-status", b"text/plain"),
        notification().replace(b"multipart/report", b"multipart/mixed"),
        notification().replace(b"multipart/report", b"text/plain"),
        b"",
        b"\x00\xff\n\n\x80",
        b"Content-Type: multipart/report; report-type=delivery-status\n\nsem partes",
    ],
)
def test_absences_receipts_strangers_and_rubbish_are_no_failures_of_ours(content: bytes) -> None:
    assert read_bounce(content) is None


def test_of_one_cut_short_after_the_headers_of_the_letter_what_is_there_counts() -> None:
    whole = notification(body="x" * 50_000)
    cut = whole[: whole.index(b"Prezada")]
    assert read_bounce(cut) == Bounce(reference=REFERENCE, status="5.1.1")


def test_the_message_id_of_the_notification_itself_or_one_it_quotes_does_not_count() -> None:
    quoted = notification("0" * 31 + "x", body=f"\nMessage-ID: <{REFERENCE}@implanta.example>\n")
    assert read_bounce(quoted) is None


def test_one_that_is_nested_without_end_breaks_nobody() -> None:
    depth = 3000
    parts = "".join(
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="b{n}"\n\n--b{n}\n'
        for n in range(depth)
    )
    assert read_bounce(parts.encode()) is None


@given(st.binary(max_size=2000))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    read_bounce(content)


@given(st.integers(0, len(notification())))
def test_cut_anywhere_it_is_the_same_failure_or_none(length: int) -> None:
    assert read_bounce(notification()[:length]) in {None, Bounce(reference=REFERENCE, status="5.1.1")}


@given(st.integers(0, len(notification()) - 1), st.binary(min_size=1, max_size=4))
def test_damaged_anywhere_it_never_names_another_letter_of_ours(place: int, damage: bytes) -> None:
    whole = notification()
    found = read_bounce(whole[:place] + damage + whole[place + len(damage) :])
    assert found is None or len(found.reference) == 32
