"""What happened in a campaign as operators read it: one sentence an event, with who decided and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from domain.calendar import local_moment
from domain.campaign.history import CampaignEvent, CampaignHappening, Outcome
from domain.campaign.waves import title_of
from domain.model import Frozen
from domain.report import table_cell

_E = CampaignEvent
_LABELS = {
    _E.OPENED: "campanha aberta",
    _E.PLANNED: "noites marcadas",
    _E.PAUSED: "campanha em pausa",
    _E.RESUMED: "campanha retomada",
    _E.ABORTED: "campanha encerrada",
    _E.SKIPPED: "pulado",
    _E.RETRIED: "nova tentativa pedida",
    _E.JOINED: "entrou na campanha",
    _E.LEFT: "saiu da campanha",
    _E.BLACKOUT_CLAIMED: "dias reservados",
    _E.WAVE_BEGUN: "começou",
    _E.PROMOTED: "liberada a onda seguinte",
    _E.POSTPONED: "adiado",
    _E.STOPPED: "**campanha parada**",
    _E.FINISHED: "campanha terminada",
    _E.QUARANTINE_CLOSED: "falha encerrada",
}


class StoryLine(Frozen):
    """One event, and who told it."""

    happening: CampaignHappening
    actor: str


def told(happening: CampaignHappening) -> str:
    """What happened, without when and by whom."""
    who = ", ".join(happening.environments[:5])
    more = len(happening.environments) - 5
    who += f" e mais {more}" if more > 0 else ""
    match happening.kind:
        case CampaignEvent.OPENED:
            sentence = f"campanha aberta, {len(happening.environments)} ambientes"
        case CampaignEvent.PLANNED:
            nights = {one.night for one in happening.appointments}
            span = f", de {min(nights):%d/%m} a {max(nights):%d/%m}" if nights else ""
            sentence = f"{len(happening.appointments)} ambientes marcados ou remarcados{span}"
        case CampaignEvent.UNIT_FINISHED if happening.outcome is Outcome.UPGRADED:
            sentence = f"{who}: atualizado, parado por {happening.minutes or 0:.0f} min"
        case CampaignEvent.UNIT_FINISHED:
            sentence = f"**{who}: falhou e voltou ao que era** ({happening.signature or 'sem assinatura'})"
        case CampaignEvent.WAVE_BEGUN | CampaignEvent.PROMOTED:
            sentence = f"{title_of(happening.wave or 1)}: {_LABELS[happening.kind]}"
        case CampaignEvent.BLACKOUT_CLAIMED:
            sentence = f"{who}: {happening.blackout}"
        case _:
            sentence = f"{who}: {_LABELS[happening.kind]}" if who else _LABELS[happening.kind]
    return sentence


def story(lines: Iterable[StoryLine], since: datetime | None = None) -> list[str]:
    """A table of what happened since a moment, oldest first."""
    rows: Sequence[StoryLine] = [line for line in lines if since is None or line.happening.at >= since]
    if not rows:
        return ["Nada aconteceu."]
    return [
        "| Quando | Quem | O quê | Por quê |",
        "|---|---|---|---|",
        *(
            f"| {local_moment(line.happening.at)} | {table_cell(line.actor)} | {table_cell(told(line.happening))}"
            f" | {table_cell(line.happening.reason)} |"
            for line in rows
        ),
    ]
