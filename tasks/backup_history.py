"""What the registry knows of an environment's backups."""

from collections.abc import Iterable
from datetime import datetime

from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Finding
from domain.backup.history import (
    BackupEvent,
    BackupHappening,
    BackupRecord,
    StoredObject,
    accepted,
    last_proved,
    records_of,
)
from domain.backup.manifest import BackupReference
from registry import EnvironmentRecord, EventRecord
from tasks import doors
from tasks.environment_events import tell_event
from tasks.history import ACTOR
from tasks.instance import Instance


def backups_of(instance: Instance) -> tuple[BackupRecord, ...]:
    """Every backup of the environment that is there, in the order in which they were taken."""
    return _all_of(instance.record)


def _all_of(environment: EnvironmentRecord) -> tuple[BackupRecord, ...]:
    told = doors.registry().events(ibge=environment.ibge, kinds=list(BackupEvent))
    return records_of(_happening(event) for event in told if event.environment == environment.slug)


def accepted_of(instance: Instance) -> frozenset[Finding]:
    """What somebody accepted of the environment's own faults."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[BackupEvent.ACCEPTED])
    return accepted(_happening(event) for event in told if event.environment == instance.name.slug)


def newest_proved(environment: EnvironmentRecord) -> BackupCertificate | None:
    """The certificate of the newest backup that may be relied on; of a large fleet, one row each is read."""
    proved, refused = (_newest(environment, kind) for kind in (BackupEvent.VERIFIED, BackupEvent.REFUSED))
    if proved and refused and proved.backup == refused.backup:  # examined again since, and no backup any more
        known = last_proved(_all_of(environment))
        return known.certificate if known else None
    return proved.certificate if proved else None


def _newest(environment: EnvironmentRecord, kind: BackupEvent) -> BackupHappening | None:
    event = doors.registry().newest_event(kind, ibge=environment.ibge, environment=environment.slug)
    return _happening(event) if event else None


def _happening(event: EventRecord) -> BackupHappening:
    return BackupHappening.model_validate({"kind": event.kind, **event.details})


def remember_backup(
    instance: Instance,
    kind: BackupEvent,
    reference: BackupReference,
    *,
    objects: Iterable[StoredObject] = (),
    keep_until: datetime | None = None,
    certificate: BackupCertificate | None = None,
    actor: str = ACTOR,
    reason: str = "",
    findings: Iterable[Finding] = (),
) -> None:
    """Tell the registry of one step of one backup."""
    happening = BackupHappening(
        kind=kind,
        backup=reference,
        objects=tuple(objects),
        keep_until=keep_until,
        certificate=certificate,
        reason=reason,
        accepted=tuple(findings),
    )
    tell_event(instance, kind, happening.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True), actor=actor)
