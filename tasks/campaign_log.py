"""Campaigns in the registry: each is what its events say, and nothing is added that it does not allow as it stands."""

from collections.abc import Iterable, Sequence

from prefect.runtime import flow_run
from pydantic import JsonValue

from domain.campaign.history import CampaignEvent, CampaignHappening, CampaignState, Status, after, fold, refusal
from domain.campaign.story import StoryLine
from domain.errors import GateClosedError, InvalidInputError, RetryableError
from registry import CampaignEventRecord
from tasks import clock, doors

ACTOR = "implanta"
_MOST_RACES = 20
_OPENING_WAIT_SECONDS = 30
_SEE = "Veja ./implanta upgrade status."


class Campaign:
    """One campaign as this process last saw it; every change is told to the registry first."""

    def __init__(self, name: str) -> None:
        """Read a campaign that was opened.

        Raises:
            InvalidInputError: there is none of this name.
        """
        self.name = name
        self.lines: list[StoryLine] = []
        self._read_on()
        if not self.lines:
            raise InvalidInputError(f"Não há a campanha {name!r}", "campanhas de atualização", _SEE)
        self.state: CampaignState = fold(line.happening for line in self.lines)

    def refresh(self) -> CampaignState:
        """The campaign as it stands now, with what others told meanwhile."""
        for line in self._read_on():
            self.state = after(self.state, line.happening)
        return self.state

    def tell(
        self,
        kind: CampaignEvent,
        *environments: str,
        actor: str = ACTOR,
        **told: object,
    ) -> CampaignState:
        """Add one event, if the campaign allows it as it stands in the registry at this moment; the state after it.

        Raises:
            GateClosedError: it does not; the message says why.
            IntegrityError: a reason or role holds personal data.
        """
        for _ in range(_MOST_RACES):
            state = self.refresh()
            happening = CampaignHappening.model_validate(
                {"kind": kind, "at": clock.now(), "environments": environments, **told}
            )
            if why := refusal(state, happening):
                raise GateClosedError(why, f"campanha {self.name}", _SEE)
            if _append(self.name, len(self.lines) + 1, happening, actor):
                return self.refresh()
        raise RetryableError("Outros escrevem na mesma campanha sem parar", self.name, "Execute de novo.")

    def _read_on(self) -> Sequence[StoryLine]:
        told = doors.registry().campaigns.events(self.name, after=len(self.lines))
        new = [StoryLine(happening=_happening(event), actor=event.actor) for event in told]
        self.lines += new
        return new


def campaigns() -> tuple[Campaign, ...]:
    """Every campaign that ever was, in the order in which they were opened."""
    return tuple(map(Campaign, doors.registry().campaigns.names()))


def current_campaign() -> Campaign | None:
    """The one that goes on; else the last that may yet, or did; None before the first. Of all, one at most is open."""
    known = campaigns()
    for wanted in ({Status.OPEN}, {Status.STOPPED, Status.PAUSED}, set(Status)):
        found = [one for one in known if one.state.status in wanted]
        if found:
            return found[-1]
    return None


def find_campaign(name: str | None) -> Campaign:
    """The campaign of a name, or the current one.

    Raises:
        InvalidInputError: there is none.
    """
    found = Campaign(name) if name else current_campaign()
    if found is None:
        raise InvalidInputError(
            "Não há campanha de atualização", "registro", "Comece uma com ./implanta upgrade start VERSÃO."
        )
    return found


def find_alive(name: str | None) -> Campaign | None:
    """The campaign of a name, or the current one; None where none may go on any more.

    Raises:
        InvalidInputError: there is none of that name.
    """
    found = Campaign(name) if name else current_campaign()
    return None if found is None or found.state.status in {Status.ABORTED, Status.FINISHED} else found


def open_campaign(release: str, members: Iterable[str], role: str, reason: str) -> Campaign:
    """Begin a campaign. Only one goes on at a time: servers and nights are counted within one.

    Raises:
        GateClosedError: one is open, or an earlier one of the same release may still go on.
    """
    with doors.registry().lock("campanhas de atualização", wait_seconds=_OPENING_WAIT_SECONDS):
        known = campaigns()
        _require_alone(known, None)
        waiting = [one for one in known if one.state.release == release and one.state.status is not Status.ABORTED]
        if waiting:
            raise GateClosedError(
                f"Já há a campanha {waiting[-1].name}, que está {waiting[-1].state.status.label}",
                f"versão {release}",
                "Continue-a com ./implanta upgrade resume, ou encerre-a com ./implanta upgrade abort.",
            )
        number = 1 + sum(one.state.release == release for one in known)
        name = release if number == 1 else f"{release}-{number}"
        opening = CampaignHappening(
            kind=CampaignEvent.OPENED,
            at=clock.now(),
            release=release,
            environments=tuple(sorted(members)),
            reason=reason,
        )
        _append(name, 1, opening, role)
    return Campaign(name)


def resume_campaign(campaign: Campaign, role: str, reason: str) -> CampaignState:
    """Let a campaign go on.

    Raises:
        GateClosedError: it is open or was ended, or another one is open.
    """
    with doors.registry().lock("campanhas de atualização", wait_seconds=_OPENING_WAIT_SECONDS):
        _require_alone(campaigns(), campaign.name)
        return campaign.tell(CampaignEvent.RESUMED, actor=role, reason=reason)


def _require_alone(known: Iterable[Campaign], name: str | None) -> None:
    for one in known:
        if one.name != name and one.state.status is Status.OPEN:
            raise GateClosedError(
                f"A campanha {one.name} está aberta, e só uma anda de cada vez",
                "campanhas de atualização",
                "Espere que ela termine, ou ponha-a em pausa com ./implanta upgrade pause.",
            )


def quarantined(campaign: Campaign | None) -> frozenset[tuple[str, str]]:
    """Pairs (environment, release) that failed in other campaigns than this and whose cause nobody has closed."""
    return frozenset(
        (environment, one.state.release)
        for one in campaigns()
        if campaign is None or one.name != campaign.name
        for environment in one.state.failures
    )


def _append(name: str, number: int, happening: CampaignHappening, actor: str) -> bool:
    details: dict[str, JsonValue] = happening.model_dump(mode="json", exclude={"kind", "at"}, exclude_defaults=True)
    return doors.registry().campaigns.append(
        name,
        number,
        kind=happening.kind,
        actor=actor,
        flow_run_id=flow_run.id,
        details=details,
        occurred_at=happening.at,
    )


def _happening(event: CampaignEventRecord) -> CampaignHappening:
    return CampaignHappening.model_validate({"kind": event.kind, "at": event.occurred_at, **event.details})
