"""What the board reads of the newest campaigns of upgrades: their events, without who told them."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from domain.campaign.history import CampaignHappening
from registry.models import CampaignEventRow
from registry.privacy import without_person

CAMPAIGNS = 3
"""So many are shown, the newest first: with each year there are more of them, and only the last is looked at."""


def read_campaigns(connection: Connection) -> Mapping[str, Sequence[CampaignHappening]]:
    """Each campaign's events, oldest first; the campaign that was opened last comes first."""
    table = CampaignEventRow
    newest = (
        select(table.campaign.label("campaign"), table.id.label("opened"))
        .where(table.number == 1)
        .order_by(table.id.desc())
        .limit(CAMPAIGNS)
        .subquery()
    )
    found = connection.execute(
        select(table.campaign, table.kind, table.occurred_at, table.details)
        .join(newest, newest.c.campaign == table.campaign)
        .order_by(newest.c.opened.desc(), table.number)
    )
    campaigns: dict[str, list[CampaignHappening]] = {}
    for campaign, kind, at, details in found:
        safe = {**details, "reason": without_person(str(details.get("reason", "")))}
        campaigns.setdefault(campaign, []).append(CampaignHappening.model_validate({"kind": kind, "at": at, **safe}))
    return campaigns
