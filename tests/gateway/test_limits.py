"""Counting attempts, by itself."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import Limiter, address_key
from tests.ssc.conftest import Clock


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 20)), max_size=60), st.integers(1, 5))
def test_no_stretch_of_the_time_ever_holds_more_attempts_than_allowed(
    tries: list[tuple[str, float]], attempts: int
) -> None:
    clock = Clock()
    limiter = Limiter(attempts, 10, clock)
    allowed: dict[str, list[float]] = {"a": [], "b": []}
    for key, pause in tries:
        clock.seconds += pause
        wait = limiter.take(key)
        recent = [at for at in allowed[key] if at > clock.seconds - 10]
        assert (wait == 0) == (len(recent) < attempts)
        if wait:
            assert recent[0] + 10 <= clock.seconds + wait <= recent[0] + 12
        else:
            allowed[key].append(clock.seconds)


def test_an_attempt_given_back_may_be_made_again() -> None:
    limiter = Limiter(1, 10, Clock())
    limiter.give_back("a")
    assert (limiter.take("a"), limiter.take("a")) == (0, 10)
    limiter.give_back("a")
    assert limiter.take("a") == 0


@given(st.lists(st.text(max_size=3), max_size=200))
def test_the_memory_is_bounded_whoever_comes(keys: list[str]) -> None:
    limiter = Limiter(2, 10, Clock(), max_keys=5)
    for key in keys:
        limiter.take(key)
        assert len(limiter) <= 5


def test_one_client_has_one_key_however_many_addresses_its_network_gives_it() -> None:
    assert address_key("2001:db8:1:2:3::1") == address_key("2001:db8:1:2:ffff::9")
    assert address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") != address_key("192.0.2.2")
    assert address_key("unix") == "unix"
