"""Who is signed in: kept in this process's memory, so that a restart signs everybody out."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Lock

from domain.board.access import Role

IDLE_SECONDS = 30 * 60
WATCHING_SECONDS = 2 * 60 * 60
"""How long pages that ask for news by themselves keep a session nobody gives a sign in."""
LONGEST_SECONDS = 9 * 60 * 60
RECHECK_SECONDS = 10 * 60
MOST_SESSIONS = 2_000


@dataclass(frozen=True)
class Session:
    """One person in one browser."""

    login: str
    role: Role
    began: float
    seen: float
    checked: float


class Sessions:
    """By token; what is kept is the token's digest. `role_of` looks a login's role up again now and then."""

    def __init__(self, role_of: Callable[[str], Role | None], clock: Callable[[], float]) -> None:
        """Take how a role is looked up, and the clock."""
        self._role_of = role_of
        self._clock = clock
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._lock = Lock()

    def open(self, login: str, role: Role) -> str:
        """Sign somebody in; the token for the browser."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._known[_digest(token)] = Session(login, role, now, now, now)
            while len(self._known) > MOST_SESSIONS:
                self._known.popitem(last=False)
        return token

    def find(self, token: str, *, watching: bool = False) -> Session | None:
        """Whose token it is; None of one that is unknown, over, or of somebody who lost their role meanwhile.

        `watching` are requests that a page may make by itself: they are no sign of a person.

        Raises:
            RetryableError: the role is due to be looked up, and the directory does not answer.
        """
        key, now = _digest(token), self._clock()
        with self._lock:
            session = self._known.get(key)
            idle_seconds = WATCHING_SECONDS if watching else IDLE_SECONDS
            if session is None or now - session.seen > idle_seconds or now - session.began > LONGEST_SECONDS:
                self._known.pop(key, None)
                return None
        if now - session.checked > RECHECK_SECONDS:
            role = self._role_of(session.login)
            if role is None:
                self.close(token)
                return None
            session = replace(session, role=role, checked=now)
        if not watching:
            session = replace(session, seen=now)
        with self._lock:
            if key in self._known:  # nobody signed out meanwhile
                self._known[key] = session
        return session

    def close(self, token: str) -> None:
        """Sign somebody out."""
        with self._lock:
            self._known.pop(_digest(token), None)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
