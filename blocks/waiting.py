"""Waiting for a condition that comes true by itself, or does not."""

from collections.abc import Callable

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed


def comes_true(condition: Callable[[], bool], *, seconds: float, every: float) -> bool:
    """Whether the condition holds now or within so many seconds; it is asked anew every `every` seconds."""
    waiting = Retrying(
        retry=retry_if_result(lambda holds: not holds),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(every),
        retry_error_callback=lambda _: False,
    )
    return bool(waiting(condition))
