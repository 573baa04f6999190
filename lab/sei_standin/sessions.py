"""Who is logged in: kept in memory under a random token, which is all that the browser holds."""

import secrets
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lab.sei_standin.protocols import Author
from lab.sei_standin.sign_in import SignedIn, Workplace

COOKIE = "sei_standin_sessao"
# PHP's session.gc_maxlifetime of the installation manual (`sei.md` 1.1).
LIFETIME = timedelta(seconds=28800)
FIRST_PAGE = "procedimento_controlar"


@dataclass(frozen=True)
class Session:
    """One person's visit to one environment."""

    environment_slug: str
    person: SignedIn
    workplace: Workplace
    form_token: str
    expires_at: datetime

    @property
    def author(self) -> Author:
        """Who acts, and in which unit."""
        return Author(self.person.id_usuario, self.workplace.id_unidade)

    def accepts_form(self, token: str) -> bool:
        """Whether a form came from one of this session's own pages (protection against CSRF)."""
        return secrets.compare_digest(token.encode(), self.form_token.encode())


class Sessions:
    """The open sessions of every environment; none survives a restart, as a new login is cheap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_token: dict[str, Session] = {}

    def open(self, environment_slug: str, person: SignedIn, now: datetime) -> str:
        """Start a session in the first unit whose processes the person may see; returns the cookie's value."""
        token = secrets.token_urlsafe(32)
        first = next((unit for unit in person.workplaces if FIRST_PAGE in unit.rights), person.workplaces[0])
        session = Session(environment_slug, person, first, secrets.token_urlsafe(32), now + LIFETIME)
        with self._lock:
            self._by_token = {key: old for key, old in self._by_token.items() if old.expires_at > now}
            self._by_token[token] = session
        return token

    def find(self, token: str | None, environment_slug: str, now: datetime) -> Session | None:
        """The open session of a cookie; one environment's cookie opens nothing in another."""
        session = self._by_token.get(token or "")
        if session is None or session.expires_at <= now or session.environment_slug != environment_slug:
            return None
        return session

    def move(self, token: str, id_unidade: int) -> None:
        """Change the unit in which the person works; a unit that is not theirs changes nothing."""
        with self._lock:
            session = self._by_token.get(token)
            if session is None:
                return
            for workplace in session.person.workplaces:
                if workplace.id_unidade == id_unidade:
                    self._by_token[token] = replace(session, workplace=workplace)

    def close(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._by_token.pop(token, None)
