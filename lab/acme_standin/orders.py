"""What the authority remembers: accounts, orders, and the proofs that a host name is held."""

import secrets
from dataclasses import dataclass, field

import httpx
from acme.challenges import HTTP01
from josepy.jwk import JWK

from lab.acme_standin.problems import ProblemError

ANSWER_TIMEOUT_SECONDS = 5


def new_id() -> str:
    """An identifier that nobody guesses."""
    return secrets.token_hex(8)


@dataclass
class Authorization:
    """The proof for one host name."""

    host: str
    account: str
    id: str = field(default_factory=new_id)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(HTTP01.TOKEN_SIZE))
    status: str = "pending"
    error: ProblemError | None = None

    def validate(self, key: JWK, validate_at: str) -> None:
        """Fetch the answer from the host, which this authority reaches at `validate_at`, and judge it."""
        expected = HTTP01(token=HTTP01.from_json({"type": "http-01", "token": self.token}).token).key_authorization(key)
        try:
            answer = httpx.get(
                f"{validate_at}/.well-known/acme-challenge/{self.token}",
                headers={"Host": self.host},
                timeout=ANSWER_TIMEOUT_SECONDS,
                trust_env=False,
            )
        except httpx.HTTPError as e:
            self._fail(ProblemError("connection", f"{self.host}: {type(e).__name__}"))
            return
        if answer.status_code != httpx.codes.OK:
            self._fail(ProblemError("unauthorized", f"{self.host} respondeu {answer.status_code}"))
        elif answer.text.strip() != expected:
            self._fail(ProblemError("unauthorized", f"{self.host} respondeu outra coisa"))
        else:
            self.status = "valid"

    def _fail(self, problem: ProblemError) -> None:
        self.status, self.error = "invalid", problem


@dataclass
class Order:
    """One certificate that was asked for."""

    account: str
    authorizations: list[Authorization]
    id: str = field(default_factory=new_id)
    issued: str | None = None
    """The chain, once the order was finalized."""
    polls_until_issued: int = 0
    error: ProblemError | None = None

    @property
    def hosts(self) -> set[str]:
        """The host names that it names."""
        return {authorization.host for authorization in self.authorizations}

    @property
    def status(self) -> str:
        """The order's state of RFC 8555 7.1.6."""
        states = {authorization.status for authorization in self.authorizations}
        if self.error is not None or "invalid" in states:
            return "invalid"
        if self.issued is not None:
            return "processing" if self.polls_until_issued else "valid"
        return "ready" if states == {"valid"} else "pending"
