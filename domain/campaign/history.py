"""What is known of a campaign: nothing is set by hand, all of it follows from what happened, in order."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, Field, NonNegativeFloat, PositiveInt

from domain.campaign.facts import moment_of
from domain.errors import GateClosedError, IntegrityError
from domain.freeze import Freeze
from domain.model import Frozen

ReleaseCode = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=60)]

T = TypeVar("T")


class CampaignEvent(StrEnum):
    """Kinds of the registry's events."""

    OPENED = "campaign.opened"
    PLANNED = "campaign.planned"
    """All nights of a plan that are still to come were agreed: promises that a later plan keeps where it can."""
    PAUSED = "campaign.paused"
    RESUMED = "campaign.resumed"
    """After a pause, or after the failures that stopped it were explained."""
    ABORTED = "campaign.aborted"
    SKIPPED = "campaign.environment_skipped"
    RETRIED = "campaign.environment_retried"
    """What failed or was skipped has its turn again."""
    JOINED = "campaign.environment_joined"
    LEFT = "campaign.environment_left"
    BLACKOUT_CLAIMED = "campaign.blackout_claimed"
    WAVE_BEGUN = "campaign.wave_begun"
    UNIT_FINISHED = "campaign.unit_finished"
    PROMOTED = "campaign.promoted"
    """What came of a wave is good enough for the next."""
    POSTPONED = "campaign.environment_postponed"
    """Its turn came and it was not fit for it, for the reason told: its wave goes on without it."""
    STOPPED = "campaign.stopped"
    FINISHED = "campaign.finished"
    """Everybody who was to be upgraded is, and was watched; resuming it opens it again."""
    QUARANTINE_CLOSED = "campaign.quarantine_closed"
    """A person knows why an environment failed."""


class Status(StrEnum):
    """Whether a campaign goes on."""

    OPEN = "open"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    ABORTED = "aborted"

    @property
    def label(self) -> str:
        """The status as operators read it."""
        return {
            "open": "aberta",
            "paused": "em pausa",
            "stopped": "parada",
            "finished": "terminada",
            "aborted": "encerrada sem terminar",
        }[self.value]


class Outcome(StrEnum):
    """What came of one environment's upgrade."""

    UPGRADED = "upgraded"
    FAILED = "failed"
    """It is as before, or restored."""


class Appointment(Frozen):
    """When one environment is upgraded, and in which wave."""

    environment: str
    wave: PositiveInt
    night: date
    first_minute: int = Field(description="After the noon of the night's day.")
    minutes: PositiveInt
    traits: frozenset[tuple[str, str]] = Field(
        default=frozenset(), description="What it was before (`domain.campaign.coverage`): its upgrade changes that."
    )

    @property
    def begins_at(self) -> datetime:
        """When its upgrade begins."""
        return moment_of(self.night, self.first_minute)

    @property
    def ends_at(self) -> datetime:
        """Until when its time is reserved."""
        return self.begins_at + timedelta(minutes=self.minutes)


class CampaignHappening(Frozen):
    """One event of one campaign; what it does not tell is empty."""

    kind: CampaignEvent
    at: AwareDatetime
    release: ReleaseCode | None = None
    environments: tuple[str, ...] = ()
    appointments: tuple[Appointment, ...] = ()
    wave: PositiveInt | None = None
    waves: tuple[PositiveInt, ...] = Field(
        default=(), description="Of a plan: all that it still has, where only the changed appointments are told."
    )
    outcome: Outcome | None = None
    minutes: NonNegativeFloat | None = None
    signature: str = ""
    blackout: Freeze | None = None
    reason: str = ""


class UnitRecord(Frozen):
    """What came of the last try of one environment."""

    appointment: Appointment
    outcome: Outcome
    minutes: NonNegativeFloat
    signature: str = ""
    at: AwareDatetime = Field(description="When it was told.")


class CampaignState(Frozen):
    """A campaign as it stands."""

    release: ReleaseCode
    status: Status = Status.OPEN
    members: frozenset[str] = frozenset()
    left: dict[str, str] = Field(default_factory=dict, description="Environment to its reason.")
    skipped: dict[str, str] = Field(default_factory=dict, description="Environment to its reason.")
    blackouts: dict[str, tuple[Freeze, ...]] = Field(default_factory=dict)
    appointments: dict[str, Appointment] = Field(default_factory=dict, description="The last agreed ones.")
    agreed: frozenset[int] = Field(default=frozenset(), description="The waves that the last agreed plan still has.")
    units: dict[str, UnitRecord] = Field(default_factory=dict)
    failures: dict[str, str] = Field(default_factory=dict, description="In quarantine: environment to signature.")
    begun: frozenset[int] = frozenset()
    promoted: frozenset[int] = frozenset()
    postponed: dict[str, Appointment] = Field(default_factory=dict, description="The last turn that each one missed.")
    planned_at: AwareDatetime | None = Field(default=None, description="When nights were last agreed.")

    def upgraded(self, environment: str) -> bool:
        """Whether the campaign has done what it came for."""
        return environment in self.units and self.units[environment].outcome is Outcome.UPGRADED


def fold(happenings: Iterable[CampaignHappening]) -> CampaignState:
    """The state after everything that happened, oldest first; what could not happen then changes nothing.

    Raises:
        IntegrityError: the history does not begin with the opening.
    """
    state: CampaignState | None = None
    for happening in happenings:
        if state is None:
            if happening.kind is not CampaignEvent.OPENED or happening.release is None:
                raise IntegrityError(
                    "O histórico da campanha não começa pela abertura", "eventos da campanha", "Chame o suporte."
                )
            state = CampaignState(release=happening.release, members=frozenset(happening.environments))
        else:
            state = after(state, happening)
    if state is None:
        raise IntegrityError("A campanha não tem histórico", "eventos da campanha", "Abra a campanha.")
    return state


def after(state: CampaignState, happening: CampaignHappening) -> CampaignState:
    """The state one event later; the same when that could not happen."""
    return state if refusal(state, happening) else state.model_copy(update=_changes(state, happening))


def require_possible(state: CampaignState, happening: CampaignHappening) -> None:
    """Refuse what cannot happen to a campaign as it stands, before it is written.

    Raises:
        GateClosedError: saying why.
    """
    why = refusal(state, happening)
    if why:
        raise GateClosedError(why, f"campanha da versão {state.release}", "Veja o estado da campanha.")


def refusal(state: CampaignState, happening: CampaignHappening) -> str | None:
    """Why this cannot happen now, in Portuguese; None when it can."""
    kind, status = happening.kind, state.status
    if status is Status.ABORTED:
        return "A campanha já foi encerrada"
    unknown = [slug for slug in happening.environments if slug not in state.members]
    if unknown and kind is not CampaignEvent.JOINED:
        return f"{unknown[0]} não é da campanha"
    if kind in _OF_ENVIRONMENTS and not happening.environments:
        return "Falta dizer de qual ambiente"
    if kind in _WHILE_OPEN and status is not Status.OPEN:
        return f"A campanha está {status.label}"
    return _REFUSALS[kind](state, happening) if kind in _REFUSALS else None


def _refuse_opening(_: CampaignState, __: CampaignHappening) -> str | None:
    return "A campanha já está aberta"


def _refuse_resuming(state: CampaignState, _: CampaignHappening) -> str | None:
    return "A campanha não está parada" if state.status is Status.OPEN else None


def _refuse_retrying(state: CampaignState, happening: CampaignHappening) -> str | None:
    held = next((slug for slug in happening.environments if slug in state.failures), None)
    return f"A falha de {held} ainda não foi encerrada" if held else None


def _refuse_wave(state: CampaignState, happening: CampaignHappening) -> str | None:
    wave = happening.wave
    if wave not in state.agreed or wave is None:
        return f"Não há noites marcadas para a onda {wave}"
    upgraded = {unit.appointment.wave for slug, unit in state.units.items() if state.upgraded(slug)}
    waiting = sorted(earlier for earlier in (state.agreed | upgraded) - state.promoted if earlier < wave)
    return f"A onda {waiting[0]} ainda não foi liberada" if waiting else None


def _refuse_unit(state: CampaignState, happening: CampaignHappening) -> str | None:
    if happening.outcome is None:
        return "Falta dizer como terminou"
    for slug in happening.environments:
        appointment = state.appointments.get(slug)
        if appointment is None or appointment.wave not in state.begun:
            return f"A onda de {slug} não começou"
        if slug in state.units:
            return f"{slug} já terminou"
    return None


def _refuse_promotion(state: CampaignState, happening: CampaignHappening) -> str | None:
    return None if happening.wave in state.begun else f"A onda {happening.wave} não começou"


def _refuse_blackout(_: CampaignState, happening: CampaignHappening) -> str | None:
    return None if happening.blackout else "Faltam os dias"


_REFUSALS = {
    CampaignEvent.OPENED: _refuse_opening,
    CampaignEvent.RESUMED: _refuse_resuming,
    CampaignEvent.RETRIED: _refuse_retrying,
    CampaignEvent.WAVE_BEGUN: _refuse_wave,
    CampaignEvent.UNIT_FINISHED: _refuse_unit,
    CampaignEvent.PROMOTED: _refuse_promotion,
    CampaignEvent.BLACKOUT_CLAIMED: _refuse_blackout,
}
_WHILE_OPEN = frozenset(
    {
        CampaignEvent.PAUSED,
        CampaignEvent.WAVE_BEGUN,
        CampaignEvent.PROMOTED,
        CampaignEvent.POSTPONED,
        CampaignEvent.STOPPED,
        CampaignEvent.FINISHED,
    }
)
_OF_ENVIRONMENTS = frozenset(
    {
        CampaignEvent.SKIPPED,
        CampaignEvent.RETRIED,
        CampaignEvent.JOINED,
        CampaignEvent.LEFT,
        CampaignEvent.BLACKOUT_CLAIMED,
        CampaignEvent.UNIT_FINISHED,
        CampaignEvent.POSTPONED,
        CampaignEvent.QUARANTINE_CLOSED,
    }
)
_STATUS_AFTER = {
    CampaignEvent.PAUSED: Status.PAUSED,
    CampaignEvent.RESUMED: Status.OPEN,
    CampaignEvent.STOPPED: Status.STOPPED,
    CampaignEvent.FINISHED: Status.FINISHED,
    CampaignEvent.ABORTED: Status.ABORTED,
}


def _changes(state: CampaignState, happening: CampaignHappening) -> dict[str, object]:
    """The fields that an event changes."""
    slugs, kind = happening.environments, happening.kind
    told = dict.fromkeys(slugs, happening.reason)
    changes: dict[str, object]
    match kind:
        case CampaignEvent.PLANNED:
            agreed = {one.environment: one for one in happening.appointments if one.environment not in state.units}
            waves = frozenset(happening.waves or (one.wave for one in agreed.values()))
            appointments = {**state.appointments, **agreed}
            changes = {"appointments": appointments, "agreed": waves, "planned_at": happening.at}
        case CampaignEvent.SKIPPED:
            changes = {"skipped": {**state.skipped, **told}}
        case CampaignEvent.RETRIED:
            again = {slug for slug in slugs if not state.upgraded(slug)}
            changes = {
                "skipped": _without(state.skipped, slugs),
                "units": _without(state.units, again),
                "appointments": _without(state.appointments, again & state.units.keys()),
            }
        case CampaignEvent.JOINED:
            changes = {"members": state.members | set(slugs), "left": _without(state.left, slugs)}
        case CampaignEvent.POSTPONED:
            missed = {slug: state.appointments[slug] for slug in slugs if slug in state.appointments}
            changes = {"postponed": {**state.postponed, **missed}}
        case CampaignEvent.LEFT:
            changes = {"left": {**state.left, **told}}
        case CampaignEvent.BLACKOUT_CLAIMED:
            claimed = {slug: (*state.blackouts.get(slug, ()), happening.blackout) for slug in slugs}
            changes = {"blackouts": {**state.blackouts, **claimed}}
        case CampaignEvent.QUARANTINE_CLOSED:
            changes = {"failures": _without(state.failures, slugs)}
        case CampaignEvent.WAVE_BEGUN:
            changes = {"begun": state.begun | {happening.wave}}
        case CampaignEvent.PROMOTED:
            changes = {"promoted": state.promoted | {happening.wave}}
        case CampaignEvent.UNIT_FINISHED:
            changes = _unit_finished(state, happening)
        case _:
            changes = {"status": _STATUS_AFTER[kind]}
    return changes


def _unit_finished(state: CampaignState, happening: CampaignHappening) -> dict[str, object]:
    assert happening.outcome is not None  # noqa: S101  # refused otherwise
    units = {
        slug: UnitRecord(
            appointment=state.appointments[slug],
            outcome=happening.outcome,
            minutes=happening.minutes or 0.0,
            signature=happening.signature,
            at=happening.at,
        )
        for slug in happening.environments
    }
    failed = {slug: unit.signature for slug, unit in units.items() if unit.outcome is Outcome.FAILED}
    return {"units": {**state.units, **units}, "failures": {**state.failures, **failed}}


def _without(values: Mapping[str, T], gone: Iterable[str]) -> dict[str, T]:
    out = set(gone)
    return {key: value for key, value in values.items() if key not in out}
