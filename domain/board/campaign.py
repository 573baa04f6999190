"""A campaign of upgrades as the board shows it: what its own events say, and nothing that has to be computed anew."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.campaign.history import CampaignEvent, CampaignHappening, CampaignState, Outcome, fold
from domain.campaign.story import told
from domain.campaign.waves import title_of
from domain.text import searchable

STORY_LENGTH = 60
"""Events of a campaign that the page tells, the newest first."""


class UnitState(StrEnum):
    """How one environment stands in a campaign."""

    FAILED = "falhou"
    OUT = "fora"
    UNPLANNED = "sem-noite"
    APPOINTED = "marcado"
    UPGRADED = "atualizado"

    @property
    def label(self) -> str:
        """As people read it."""
        return {
            "falhou": "falhou e voltou ao que era",
            "fora": "fora da campanha",
            "sem-noite": "sem noite marcada",
            "marcado": "marcado",
            "atualizado": "atualizado",
        }[self.value]


@dataclass(frozen=True, slots=True)
class CampaignUnit:
    """One environment of a campaign."""

    environment: str
    municipality: str
    """Short name of its prefeitura; empty where the registry has none of it any more."""
    name: str
    state: UnitState
    wave: str
    begins_at: datetime | None
    minutes: int | None
    """For how long it was closed, or is expected to be."""
    reason: str


@dataclass(frozen=True, slots=True)
class CampaignWave:
    """One wave, as far as nights were agreed."""

    title: str
    first_night: date
    last_night: date
    units: int
    upgraded: int
    failed: int
    standing: str


@dataclass(frozen=True, slots=True)
class Telling:
    """What happened, when, and why, without who."""

    at: datetime
    text: str
    reason: str


@dataclass(frozen=True, eq=False)
class CampaignBoard:
    """One campaign at one moment."""

    name: str
    release: str
    status: str
    opened_at: datetime
    units: tuple[CampaignUnit, ...]
    waves: tuple[CampaignWave, ...]
    story: tuple[Telling, ...]
    """The newest first."""

    def count(self, state: UnitState) -> int:
        """How many environments stand so."""
        return sum(unit.state is state for unit in self.units)

    @property
    def counts(self) -> tuple[tuple[UnitState, int], ...]:
        """Each state that somebody is in, those first that need someone."""
        return tuple((state, number) for state in UnitState if (number := self.count(state)))

    @property
    def last_night(self) -> date | None:
        """The last night that is agreed; None before any is."""
        return max((wave.last_night for wave in self.waves), default=None)


def campaign_board(
    name: str, happenings: Sequence[CampaignHappening], names: Mapping[str, tuple[str, str]]
) -> CampaignBoard:
    """A campaign from its events, oldest first; `names` has short name and name of each environment's prefeitura.

    Raises:
        IntegrityError: the history does not begin with the opening.
    """
    state = fold(happenings)
    units = sorted((_unit(state, slug, names.get(slug, ("", slug))) for slug in state.members), key=_first)
    return CampaignBoard(
        name=name,
        release=state.release,
        status=state.status.label,
        opened_at=happenings[0].at,
        units=tuple(units),
        waves=tuple(_waves(state)),
        story=tuple(_tell(one) for one in reversed(happenings[-STORY_LENGTH:])),
    )


def _first(unit: CampaignUnit) -> tuple[object, ...]:
    when = unit.begins_at.timestamp() if unit.begins_at else 0.0
    return (list(UnitState).index(unit.state), when, searchable(unit.name), unit.environment)


def _unit(state: CampaignState, slug: str, place: tuple[str, str]) -> CampaignUnit:
    done, appointment = state.units.get(slug), state.appointments.get(slug)
    minutes: float | None = None
    if done is not None:
        standing = UnitState.UPGRADED if done.outcome is Outcome.UPGRADED else UnitState.FAILED
        appointment, minutes = done.appointment, done.minutes
        reason = done.signature if done.outcome is Outcome.FAILED else ""
    elif slug in state.left or slug in state.skipped:
        standing, reason, appointment = UnitState.OUT, state.left.get(slug) or state.skipped.get(slug, ""), None
    elif appointment is not None:
        standing, minutes = UnitState.APPOINTED, appointment.minutes
        reason = "perdeu a vez em " + f"{state.postponed[slug].night:%d/%m/%Y}" if slug in state.postponed else ""
    else:
        standing, reason = UnitState.UNPLANNED, ""
    return CampaignUnit(
        environment=slug,
        municipality=place[0],
        name=place[1],
        state=standing,
        wave=title_of(appointment.wave) if appointment else "",
        begins_at=appointment.begins_at if appointment else None,
        minutes=None if minutes is None else round(minutes),
        reason=reason,
    )


def _waves(state: CampaignState) -> Iterable[CampaignWave]:
    there = {slug: unit.appointment for slug, unit in state.units.items()}
    waiting = state.members - state.left.keys() - state.skipped.keys() - there.keys()
    there |= {slug: state.appointments[slug] for slug in waiting if slug in state.appointments}
    for number in sorted({one.wave for one in there.values()}):
        turns = [one for one in there.values() if one.wave == number]
        ended = [unit for unit in state.units.values() if unit.appointment.wave == number]
        upgraded = sum(unit.outcome is Outcome.UPGRADED for unit in ended)
        yield CampaignWave(
            title=title_of(number),
            first_night=min(one.night for one in turns),
            last_night=max(one.night for one in turns),
            units=len(turns),
            upgraded=upgraded,
            failed=len(ended) - upgraded,
            standing=_standing(state, number),
        )


def _standing(state: CampaignState, wave: int) -> str:
    if wave in state.promoted:
        return "liberou a seguinte"
    return "em andamento ou em observação" if wave in state.begun else "marcada"


def _tell(happening: CampaignHappening) -> Telling:
    text = told(happening).replace("**", "")
    planned = happening.kind is CampaignEvent.PLANNED
    return Telling(at=happening.at, text=text, reason="" if planned else happening.reason)
