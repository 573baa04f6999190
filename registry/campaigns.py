"""Upgrade campaigns: what happened in each, numbered without a gap, so that two writers cannot both be next."""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.models import CampaignEventRow
from registry.privacy import refuse_personal_data
from registry.records import CampaignEventRecord
from registry.transaction import Transaction


class CampaignLog:
    """The events of every campaign; each method is one transaction."""

    def __init__(self, read: Transaction, write: Transaction) -> None:
        self._read, self._write = read, write

    def names(self) -> list[str]:
        """Every campaign, in the order in which they were opened."""
        query = select(CampaignEventRow.campaign).where(CampaignEventRow.number == 1).order_by(CampaignEventRow.id)
        return self._read(lambda session: list(session.scalars(query)))

    def events(self, campaign: str, after: int = 0) -> list[CampaignEventRecord]:
        """What happened in a campaign after the event of a number, oldest first."""
        query = (
            select(CampaignEventRow)
            .where(CampaignEventRow.campaign == campaign, CampaignEventRow.number > after)
            .order_by(CampaignEventRow.number)
        )
        return self._read(lambda session: [_record(row) for row in session.scalars(query)])

    def append(
        self,
        campaign: str,
        number: int,
        *,
        kind: str,
        actor: str,
        flow_run_id: str | None,
        details: dict[str, JsonValue],
        occurred_at: datetime,
    ) -> bool:
        """Add the event of a number, the one after the last; False when another writer was first, and nothing is added.

        Raises:
            IntegrityError: details or actor hold personal data.
        """
        refuse_personal_data([details, actor], what=f"O evento '{kind}'")
        last = select(func.coalesce(func.max(CampaignEventRow.number), 0)).where(CampaignEventRow.campaign == campaign)

        def work(session: Session) -> bool:
            if session.scalar(last) != number - 1:
                return False
            session.add(
                CampaignEventRow(
                    campaign=campaign,
                    number=number,
                    kind=kind,
                    occurred_at=occurred_at,
                    actor=actor,
                    flow_run_id=flow_run_id,
                    details=details,
                )
            )
            return True

        # Whoever adds the same number at once fails at the key; a second look then finds it taken.
        return self._write(work)


def _record(row: CampaignEventRow) -> CampaignEventRecord:
    return CampaignEventRecord.model_validate({name: getattr(row, name) for name in CampaignEventRecord.model_fields})
