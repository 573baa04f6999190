"""What one run of a campaign did, for operators."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Self

from pydantic import Field

from domain.campaign.history import CampaignEvent, CampaignHappening, Outcome
from domain.campaign.promotion import Decision
from domain.campaign.story import StoryLine
from domain.errors import IntegrityError
from domain.fleet_failures import FleetFailures
from domain.model import Frozen
from domain.report import table_cell


class CampaignNight(Frozen):
    """One run of one campaign."""

    campaign: str
    upgraded: tuple[str, ...] = ()
    failed: dict[str, str] = Field(default_factory=dict, description="Environment to why it is as before.")
    postponed: dict[str, str] = Field(default_factory=dict, description="Environment to why it was not its turn.")
    decisions: dict[str, Decision] = Field(default_factory=dict, description="By the title of the wave.")
    stopped: str = Field(default="", description="Why the campaign was stopped in this run.")
    finished: bool = False

    @classmethod
    def of(
        cls, campaign: str, lines: Iterable[StoryLine], decisions: Mapping[str, Decision], *, since: datetime
    ) -> Self:
        """What was told since the run began."""
        told = [line.happening for line in lines if line.happening.at >= since]
        ended = {slug: one for one in told if one.kind is CampaignEvent.UNIT_FINISHED for slug in one.environments}
        return cls(
            campaign=campaign,
            upgraded=tuple(slug for slug, one in ended.items() if one.outcome is Outcome.UPGRADED),
            failed={slug: one.reason for slug, one in ended.items() if one.outcome is Outcome.FAILED},
            postponed={slug: one.reason for one in _of(told, CampaignEvent.POSTPONED) for slug in one.environments},
            decisions=dict(decisions),
            stopped="; ".join(one.reason for one in _of(told, CampaignEvent.STOPPED)),
            finished=bool(_of(told, CampaignEvent.FINISHED)),
        )

    def markdown(self) -> list[str]:
        """Decisions first, then what needs a person."""
        lines = [
            f"**{len(self.upgraded)} atualizados, {len(self.failed)} com falha, {len(self.postponed)} adiados.**",
            "",
        ]
        lines += [
            f"- {title}: **{decision.verdict.label}** – {'; '.join(decision.reasons)}"
            for title, decision in self.decisions.items()
        ]
        lines += [f"- **Campanha parada:** {self.stopped}"] if self.stopped else []
        lines += ["- Campanha terminada."] if self.finished else []
        if self.failed or self.postponed:
            lines += ["", "| Ambiente | O que houve |", "|---|---|"]
            lines += [f"| {slug} | **falhou:** {table_cell(why)} |" for slug, why in self.failed.items()]
            lines += [f"| {slug} | adiado: {table_cell(why)} |" for slug, why in self.postponed.items()]
        return lines

    def raise_if_any_failed(self) -> None:
        """Fail the run when an upgrade failed in it.

        Raises:
            IntegrityError: naming all of them.
        """
        FleetFailures(reasons=self.failed, worst_exit_code=IntegrityError.exit_code).raise_if_any(
            "{number} ambientes não foram atualizados e voltaram ao que eram",
            "Veja ./implanta upgrade status; explicada a causa, ./implanta upgrade close-failure e retry.",
        )


def _of(told: Iterable[CampaignHappening], kind: CampaignEvent) -> list[CampaignHappening]:
    return [one for one in told if one.kind is kind]
