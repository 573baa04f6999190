"""How an attempt is made and told: refused, or let through, and by what answer."""

from collections.abc import Callable, Mapping

from domain.errors import RetryableError
from domain.segregation import ProbeResult, Way


class RefusedError(Exception):
    """The system refused, or showed nothing; the text is what it answered."""


# Returns what was seen, in Portuguese and without values; raises RefusedError when the system let nothing through.
Attempt = Callable[[], str]


def try_all(way: Way, attempts: Mapping[str, Attempt], *, control: bool = False) -> list[ProbeResult]:
    """Make the attempts, by title; every other error than a refusal passes."""
    return [_try(way, title, attempt, control=control) for title, attempt in attempts.items()]


def try_password(way: Way, title: str, *, foreign: Attempt, own: Attempt) -> list[ProbeResult]:
    """Try a foreign password on an account, and then its own.

    The success takes the failure off the account's record, which a few attempts would otherwise lock. And only an
    account that its own password opens has refused the foreign one for what it is: of any other, a refusal is not told.
    """
    results = try_all(way, {title: foreign})
    (opens,) = try_all(way, {title: own}, control=True)
    return results if results[0].got_through or opens.got_through else []


def _try(way: Way, title: str, attempt: Attempt, *, control: bool) -> ProbeResult:
    try:
        return ProbeResult(way=way, title=title, got_through=True, evidence=attempt(), control=control)
    except RefusedError as e:
        return ProbeResult(way=way, title=title, got_through=False, evidence=str(e), control=control)


def unanswered(why: str, where: str) -> RetryableError:
    """The error of an attempt that met nobody: no refusal, and no proof."""
    return RetryableError(
        f"A sonda não teve resposta ({why})", where, "Confira a borda e a aplicação e execute de novo."
    )


def count_seen(count: int, what: str) -> str:
    """Evidence of a listing: nothing seen counts as a refusal."""
    if not count:
        raise RefusedError("nada visível")
    return f"{count} {what}"
