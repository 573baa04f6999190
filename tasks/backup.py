"""A copy of an environment that was restored and compared, not older than somebody needs it to be."""

from datetime import datetime, timedelta

from prefect.runtime import flow_run
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from domain.archive import ArchiveProof
from domain.calendar import BRASILIA
from domain.go_live import Evidence, proved
from tasks import clock, doors
from tasks.environment_copy import (
    SourceMovedError,
    copy_versions,
    ensure_archive_key,
    prove_copy,
    read_manifest,
    storage_of,
    write_copy,
)
from tasks.history import ACTOR
from tasks.instance import Instance

BACKUP_VERIFIED = "backup.verified"
"""Kind of the registry's event: `taken_at`, and what was compared."""

FOLDER = "entrada"
# Only the scheduler works in a closed environment, and signs every five minutes in a table that is copied.
ATTEMPTS = 3


def prove_recent_backup(instance: Instance, max_age: timedelta) -> Evidence:
    """The newest copy that was restored and compared, or a new one when that is too old.

    Only for an environment that is closed to its users: here the source must not move while it is copied.

    Raises:
        IntegrityError: what was restored is not what was copied; the copy is no backup.
    """
    told = doors.registry().events(instance.municipality.ibge, kinds=[BACKUP_VERIFIED])
    for event in reversed(told):
        taken_at = datetime.fromisoformat(str(event.details["taken_at"]))
        # One from the future was taken by a clock that was wrong: it says nothing of its age.
        if event.environment == instance.name.slug and timedelta() <= clock.now() - taken_at <= max_age:
            return proved(_told(taken_at, ArchiveProof.model_validate(event.details["proof"])))
    return proved(_told(*_make(instance)))


def _told(taken_at: datetime, proof: ArchiveProof) -> str:
    return (
        f"cópia de {taken_at.astimezone(BRASILIA):%d/%m/%Y %H:%M} restaurada e comparada: {proof.tables} tabelas,"
        f" {proof.rows} linhas, {proof.attachments} anexos"
    )


def _make(instance: Instance) -> tuple[datetime, ArchiveProof]:
    ensure_archive_key.fn(instance.name.slug)
    storage = storage_of(instance)
    storage.ensure_bucket()
    still = Retrying(retry=retry_if_exception_type(SourceMovedError), stop=stop_after_attempt(ATTEMPTS), reraise=True)
    reference = still(lambda: write_copy(instance, FOLDER, clock.now()))
    proof = prove_copy(instance, reference)
    manifest = read_manifest(instance, reference)
    doors.registry().record_event(
        BACKUP_VERIFIED,
        ibge=instance.municipality.ibge,
        environment=instance.name.slug,
        actor=ACTOR,
        flow_run_id=flow_run.id,
        details={
            "taken_at": manifest.taken_at.isoformat(),
            "archive": reference.model_dump(mode="json"),
            "proof": proof.model_dump(mode="json"),
        },
        key=f"{BACKUP_VERIFIED}:{instance.name.slug}:{reference.manifest_sha256}",
    )
    # The copy before this one, and what attempts that were cut off left.
    storage.drop_loose_versions(set(copy_versions(manifest, reference)))
    return manifest.taken_at, proof
