"""How a probe stands, and when its answers open an incident or close it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field, NonNegativeInt, PositiveInt

from domain.model import Frozen
from domain.monitoring.rules import Damping, Probe, ProbeRule

DETAIL_LENGTH = 200


class Verdict(StrEnum):
    """What one answer says; a probe that was not made says nothing, and leaves its state as it is."""

    GOOD = "boa"
    BAD = "ruim"


class Observation(Frozen):
    """One answer of one probe."""

    subject: str = Field(description="An environment's slug, or a shared system as `banco/principal`.")
    probe: Probe
    verdict: Verdict
    value: float | None = Field(default=None, description="In the probe's unit, as `rules` tells.")
    detail: Annotated[str, Field(max_length=DETAIL_LENGTH)] = ""

    @classmethod
    def of(
        cls, subject: str, probe: Probe, *, good: bool, value: float | None = None, detail: str = ""
    ) -> "Observation":
        """An answer; a long detail is cut."""
        verdict = Verdict.GOOD if good else Verdict.BAD
        return cls(subject=subject, probe=probe, verdict=verdict, value=value, detail=detail[:DETAIL_LENGTH])

    @property
    def bad(self) -> bool:
        """Whether it is an answer that nobody wants."""
        return self.verdict is Verdict.BAD


class ProbeState(Frozen):
    """What is remembered of one probe of one subject."""

    subject: str
    probe: Probe
    verdict: Verdict
    since: AwareDatetime = Field(description="When the answers began to be like the last one.")
    seen_at: AwareDatetime
    streak: PositiveInt = Field(description="How many answers alike, one after the other.")
    recent: NonNegativeInt = Field(description="The last answers as bits, the newest lowest; 1 is a bad one.")
    value: float | None = None
    detail: str = ""
    incident: str | None = Field(default=None, description="The incident that is open; none while all is well.")
    flapping: bool = Field(default=False, description="Whether it was opened because answers went to and fro.")

    @property
    def key(self) -> tuple[str, Probe]:
        """Whose state it is."""
        return self.subject, self.probe


class Turn(StrEnum):
    """What an answer changes."""

    NONE = "none"
    OPENS = "opens"
    CLOSES = "closes"


class Step(NamedTuple):
    """The state after an answer. One that opens has no incident in it yet: who shares its cause is not known here."""

    state: ProbeState
    turn: Turn


def advance(before: ProbeState | None, seen: Observation, now: datetime, rule: Damping) -> Step:
    """The state after one more answer.

    An incident opens after so many bad answers in a row, or when so many of the last ones were bad; it closes after so
    many good ones in a row, more of them when it was opened for going to and fro. An answer that comes much later than
    the last one begins a row of its own.
    """
    follows = before is not None and now - before.seen_at <= rule.within
    alike = before is not None and follows and before.verdict is seen.verdict
    streak = before.streak + 1 if before is not None and alike else 1
    mask = (1 << rule.flapping.window) - 1
    recent = ((before.recent << 1 if before is not None and follows else 0) | seen.bad) & mask
    incident = before.incident if before is not None else None
    flapping = before.flapping if before is not None else False
    turn = Turn.NONE
    if incident is None and seen.bad:
        in_a_row = streak >= rule.open_after
        if in_a_row or recent.bit_count() >= rule.flapping.bad:
            turn, flapping = Turn.OPENS, not in_a_row
    elif incident is not None and not seen.bad:
        needed = rule.flapping.close_after if flapping else rule.close_after
        if streak >= needed:
            turn, incident, flapping, recent = Turn.CLOSES, None, False, 0
    state = ProbeState(
        subject=seen.subject,
        probe=seen.probe,
        verdict=seen.verdict,
        since=before.since if before is not None and alike else now,
        seen_at=now,
        streak=streak,
        recent=recent,
        value=seen.value,
        detail=seen.detail,
        incident=incident,
        flapping=flapping,
    )
    return Step(state, turn)


def is_due(state: ProbeState | None, now: datetime, rule: ProbeRule, damping: Damping) -> bool:
    """Whether a probe is made in this sweep: a good answer holds, whoever failed is asked until it is well."""
    if state is None or state.incident is not None or state.verdict is Verdict.BAD:
        return True
    is_recovering = state.recent and state.streak < damping.close_after
    return bool(is_recovering) or now - state.seen_at >= rule.every


def whose_turn(
    subjects: Iterable[str], states: Mapping[str, ProbeState], now: datetime, rule: ProbeRule, damping: Damping
) -> list[str]:
    """Whom a sweep asks: everybody who fails, and of the rest so many as the rule allows, who waits longest first."""
    due = [subject for subject in subjects if is_due(states.get(subject), now, rule, damping)]
    failing = {subject for subject in due if subject in states and states[subject].recent}
    seen = {subject: states[subject].seen_at for subject in due if subject in states}
    rest = sorted((one for one in due if one not in failing), key=lambda one: (one in seen, seen.get(one, now), one))
    return [*sorted(failing), *rest[: rule.most]]
