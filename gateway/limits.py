"""How often somebody may try: counted in memory, which is bounded."""

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock

IPV6_PREFIX_BITS = 64
MAX_KEYS = 20_000


class Limiter:
    """At most `attempts` in any stretch of `seconds`, for each key."""

    def __init__(self, attempts: int, seconds: float, clock: Callable[[], float], *, max_keys: int = MAX_KEYS) -> None:
        self._attempts = attempts
        self._seconds = seconds
        self._clock = clock
        self._max_keys = max_keys
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str) -> int:
        """Count an attempt and answer 0; or, when there were too many, the whole seconds until the next may be made."""
        with self._lock:
            now = self._clock()
            times = self._times.setdefault(key, deque())
            self._times.move_to_end(key)
            if wait := self._wait(times, now):
                return wait
            times.append(now)
            while len(self._times) > self._max_keys:
                self._times.popitem(last=False)  # whoever tried least recently
            return 0

    def wait(self, key: str) -> int:
        """What `take` would answer, without counting an attempt."""
        with self._lock:
            return self._wait(self._times.get(key, deque()), self._clock())

    def _wait(self, times: deque[float], now: float) -> int:
        while times and times[0] <= now - self._seconds:
            times.popleft()
        return max(1, math.ceil(times[0] + self._seconds - now)) if len(times) >= self._attempts else 0

    def give_back(self, key: str) -> None:
        """Count the newest attempt no more: it was an honest one."""
        with self._lock:
            if times := self._times.get(key):
                times.pop()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._times)


def address_key(host: str) -> str:
    """One key for what one client controls: an IPv4 address, or the whole network that an IPv6 client chooses from."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(int(address) >> (128 - IPV6_PREFIX_BITS))
    return str(address)
