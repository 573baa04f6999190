"""The kinds of events that the board reads; those who write them name them in `tasks/` (a test compares)."""

from domain.act import ACT_REGISTERED
from domain.certificate_renewal import CERTIFICATE_ISSUED
from domain.lifecycle import STAGE_FINISHED, STAGE_REOPENED, STAGE_WAITING
from domain.retirement import Milestone
from domain.use_count import USE_COUNTED

SLA_PAUSED, SLA_RESUMED = "sla.paused", "sla.resumed"
PLANNED = "schedule.planned"
SHEET_APPLIED = "sheet.applied"
INSTRUMENT_GENERATED = "instrument.generated"
GO_LIVE_SCHEDULED = "go_live.scheduled"
DELIVERED = "environment.delivered"
OPENED, CLOSING, KEPT_OPEN, CLOSED_AGAIN = (
    "production.opened",
    "production.closing",
    "production.kept_open",
    "production.closed_again",
)

FOLDED = (
    *(STAGE_FINISHED, STAGE_REOPENED, STAGE_WAITING, SLA_PAUSED, SLA_RESUMED, PLANNED, SHEET_APPLIED),
    *(INSTRUMENT_GENERATED, GO_LIVE_SCHEDULED, ACT_REGISTERED, DELIVERED, OPENED, CLOSING, KEPT_OPEN, CLOSED_AGAIN),
    *(milestone.value for milestone in Milestone),
)
"""All of these are read, of every municipality: a few dozen each in a lifetime."""

BACKUP_VERIFIED, BACKUP_REFUSED = "backup.verified", "backup.refused"
NEWEST = (BACKUP_VERIFIED, BACKUP_REFUSED, CERTIFICATE_ISSUED, USE_COUNTED)
"""Of these only the newest of each environment is read: there is one more every night."""
