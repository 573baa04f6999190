"""The events of one campaign over a synthetic fleet, as a real one leaves them behind: the first waves are over."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.calendar import local_day
from domain.campaign.history import Appointment, CampaignEvent, CampaignHappening, Outcome
from domain.campaign.waves import CANARY_WAVE

_RELEASE = "4.1.0"
_CANARIES, _WAVE = 3, 40
_MINUTES = 25
_EVENING = 9 * 60
_REASON = "A prefeitura pediu para sair"


def campaign_rows(environments: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Rows of `campaign_event`: who is of the campaign's version already was upgraded by it, one failed, one left."""
    slugs = sorted(environments, key=lambda one: (one["release_version"] != _RELEASE, str(one["slug"])))
    names = [str(one["slug"]) for one in slugs]
    if not names:
        return []
    opened = now - timedelta(days=30)
    turns = {slug: _turn(slug, number, opened) for number, slug in enumerate(names)}
    done = [str(one["slug"]) for one in slugs if one["release_version"] == _RELEASE]
    told = [_tell(CampaignEvent.OPENED, opened, environments=tuple(names), release=_RELEASE)]
    told.append(_tell(CampaignEvent.PLANNED, opened, appointments=tuple(turns.values())))
    begun: set[int] = set()
    for slug in done:
        turn = turns[slug]
        if turn.wave not in begun:
            told += [_tell(CampaignEvent.PROMOTED, turn.begins_at, wave=wave) for wave in sorted(begun)[-1:]]
            told.append(_tell(CampaignEvent.WAVE_BEGUN, turn.begins_at, wave=turn.wave))
            begun.add(turn.wave)
        failed = slug == done[-1]
        outcome = Outcome.FAILED if failed else Outcome.UPGRADED
        signature = "erro-em-script" if failed else ""
        finished = {"environments": (slug,), "outcome": outcome, "minutes": 12.0, "signature": signature}
        told.append(_tell(CampaignEvent.UNIT_FINISHED, turn.ends_at, **finished))
    if len(names) > len(done):
        told.append(_tell(CampaignEvent.LEFT, now, environments=(names[-1],), reason=_REASON))
    return [_row(number, happening) for number, happening in enumerate(told, 1)]


def _turn(slug: str, number: int, opened: datetime) -> Appointment:
    place = 0 if number < _CANARIES else 1 + (number - _CANARIES) // _WAVE
    return Appointment(
        environment=slug,
        wave=CANARY_WAVE + place,
        night=local_day(opened) + timedelta(days=3 + 4 * place),
        first_minute=_EVENING,
        minutes=_MINUTES,
    )


def _tell(kind: CampaignEvent, at: datetime, **told: Any) -> CampaignHappening:  # noqa: ANN401  # the fields' own types
    return CampaignHappening.model_validate({"kind": kind, "at": at, **told})


def _row(number: int, happening: CampaignHappening) -> dict[str, Any]:
    return {
        "campaign": _RELEASE,
        "number": number,
        "kind": happening.kind.value,
        "occurred_at": happening.at,
        "actor": "infraestrutura",
        "flow_run_id": None,
        "details": happening.model_dump(mode="json", exclude={"kind", "at"}, exclude_defaults=True),
    }
