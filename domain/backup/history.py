"""What is known of an environment's backups: nothing is set by hand, all of it follows from what happened, in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Finding
from domain.backup.manifest import BackupReference, stamp_of
from domain.model import Frozen


class BackupEvent(StrEnum):
    """Kinds of the registry's events."""

    WRITTEN = "backup.written"
    """Whole and locked, and not yet examined."""
    VERIFIED = "backup.verified"
    REFUSED = "backup.refused"
    HELD = "backup.held"
    """Somebody asked that it stay, whatever its time: a lawsuit, an audit."""
    RELEASED = "backup.released"
    ACCEPTED = "backup.accepted"
    """Somebody knows that these attachments' files are gone or changed in the environment itself."""
    DROPPED = "backup.dropped"
    """Its time was over: its objects are gone, but for those that others need."""


class StoredObject(Frozen):
    """One version of one object in the bucket of backups."""

    key: str
    version_id: str
    size_bytes: int


class BackupHappening(Frozen):
    """One event of one backup; what it does not tell is empty."""

    kind: BackupEvent
    backup: BackupReference
    objects: tuple[StoredObject, ...] = ()
    keep_until: AwareDatetime | None = None
    certificate: BackupCertificate | None = None
    reason: str = ""
    accepted: tuple[Finding, ...] = ()


class BackupRecord(Frozen):
    """One backup as it stands."""

    reference: BackupReference
    objects: tuple[StoredObject, ...]
    keep_until: AwareDatetime
    certificate: BackupCertificate | None = None
    held: bool = False

    @property
    def stamp(self) -> str:
        """`20261128T010000Z`: how people name the backup."""
        return stamp_of(self.reference.taken_at)

    @property
    def stored_bytes(self) -> int:
        """What its objects take in S3; packs that other backups use as well are counted whole."""
        return sum(stored.size_bytes for stored in self.objects)

    @property
    def proved(self) -> bool:
        """Whether its last examination went well."""
        return self.certificate is not None and self.certificate.proved


def records_of(happenings: Iterable[BackupHappening]) -> tuple[BackupRecord, ...]:
    """The backups that are there, in the order in which they were taken."""
    found: dict[BackupReference, BackupRecord] = {}
    for happening in happenings:
        known = found.get(happening.backup)
        if happening.kind is BackupEvent.DROPPED:
            found.pop(happening.backup, None)
        elif known is None:
            if happening.kind is BackupEvent.WRITTEN and happening.keep_until is not None:
                found[happening.backup] = BackupRecord(
                    reference=happening.backup, objects=happening.objects, keep_until=happening.keep_until
                )
        else:
            until = happening.keep_until or known.keep_until
            found[happening.backup] = known.model_copy(
                update={
                    "objects": tuple(dict.fromkeys((*known.objects, *happening.objects))),
                    "keep_until": max(until, known.keep_until),
                    "certificate": happening.certificate or known.certificate,
                    "held": (known.held or happening.kind is BackupEvent.HELD)
                    and happening.kind is not BackupEvent.RELEASED,
                }
            )
    return tuple(sorted(found.values(), key=lambda record: record.reference.taken_at))


def accepted(happenings: Iterable[BackupHappening]) -> frozenset[Finding]:
    """Every finding of the source that somebody accepted, as it was then; one that changes is a new one."""
    return frozenset(finding for happening in happenings for finding in happening.accepted)


def last_proved(records: Sequence[BackupRecord]) -> BackupRecord | None:
    """The newest backup that may be relied on."""
    return next((record for record in reversed(records) if record.proved), None)


def expired(records: Sequence[BackupRecord], now: datetime, *, keep_last: bool = True) -> tuple[BackupRecord, ...]:
    """The backups whose time is over; one that somebody holds never is, nor the last good one while it is kept."""
    good = last_proved(records) if keep_last else None
    return tuple(record for record in records if record.keep_until <= now and not record.held and record is not good)
