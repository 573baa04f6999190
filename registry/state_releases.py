"""What the state's own SEI has, as the system that operates it told us."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.change import Change
from domain.errors import InvalidInputError
from registry.models import StateReleaseRow


def record_state_release(
    session: Session, code: str, ready_on: date, *, flow_run_id: str | None, now: datetime
) -> Change:
    """Remember when a release was ready there; a second telling of the same changes nothing."""
    found = session.get(StateReleaseRow, code, with_for_update=True)
    if found is None:
        session.add(StateReleaseRow(code=code, ready_on=ready_on, told_at=now, flow_run_id=flow_run_id))
        return Change(created=1)
    if found.ready_on != ready_on:
        raise InvalidInputError(
            f"O SEI do estado já tem a {code} desde {found.ready_on:%d/%m/%Y}, e o aviso diz {ready_on:%d/%m/%Y}",
            "versões do estado",
            "Se o aviso é que está certo, escreva o dia em recebidas, em catalog/campaigns.yaml, que vale mais.",
        )
    return Change(unchanged=1)


def list_state_releases(session: Session) -> dict[str, date]:
    """The day on which each release was ready, by code."""
    return {row.code: row.ready_on for row in session.scalars(select(StateReleaseRow).order_by(StateReleaseRow.code))}
