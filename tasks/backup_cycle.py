"""One night of one environment: written, locked, restored, compared, certified and remembered."""

import sys
from datetime import datetime
from itertools import chain
from time import monotonic

from pydantic import ValidationError

from blocks.allocator import share_arenas
from blocks.backup_page import render_certificate
from blocks.catalog import Catalog
from blocks.s3_errors import MissingObjectError
from blocks.scratch_ahead import ScratchAhead
from blocks.settings import load_settings
from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Cause, Finding, FoundError, Level, LevelResult
from domain.backup.history import BackupEvent, StoredObject, expired
from domain.backup.manifest import (
    CERTIFICATE,
    CERTIFICATE_PAGE,
    SIGNATURE_ENDING,
    BackupManifest,
    BackupReference,
    folder_of,
)
from domain.backup.retention import Period, period_of
from domain.change import Change
from tasks import clock, doors
from tasks.backup_history import backups_of, remember_backup
from tasks.backup_storage import BackupVault, backup_storage, ensure_signing_key, fetch_manifest, is_signed_beside
from tasks.backup_verify import verify_backup
from tasks.backup_write import write_backup
from tasks.environment_copy import ensure_archive_key
from tasks.instance import Instance
from tasks.log_segments import stored_log
from tasks.restoration import require_whole

LOCK_SECONDS = 600
"""For as long one waits for a backup that is being taken."""

# Half a dozen threads pass a backup's bytes on, most of the time outside of Python. At Python's own five milliseconds
# each waits as long for its turn as its work takes: a fifth of a night's time (measured).
sys.setswitchinterval(0.0005)
# Nor does each of them need memory of its own: 20 MB less at the peak (measured).
share_arenas()
# The hourly reading of the server's log is in the same bucket, for a moment.
_LOG_WAIT_SECONDS = 60


def back_up(instance: Instance) -> BackupCertificate:
    """Take one backup, prove it and certify it. The certificate of one that is no backup says what was found.

    Raises:
        GateClosedError: another run is at it, or a restoration was cut off and what is there is of no one moment.
        RetryableError: a system did not answer; what was written so far is swept by the next run.
    """
    require_whole(instance)
    alone = doors.registry().lock(lock_name(instance), wait_seconds=_LOG_WAIT_SECONDS)
    with alone, ScratchAhead(load_settings().scratch_dir) as scratch:
        started = monotonic()
        _prepare(instance)
        reference = write_backup(instance, _to_build_on(instance), scratch.begin)
        manifest = fetch_manifest(instance, reference)
        until = _until(instance, reference, Period.DAY)
        objects = (*_parts(manifest), *_texts(instance, reference.key))
        _retain(instance, objects, until)
        remember_backup(instance, BackupEvent.WRITTEN, reference, objects=objects, keep_until=until)
        return _prove(instance, reference, written_in=monotonic() - started, scratch=scratch)


def prove_again(instance: Instance, reference: BackupReference) -> BackupCertificate:
    """Examine a backup that lies in the bucket, and certify it anew. Raises as `back_up`."""
    with doors.registry().lock(lock_name(instance)):
        return _prove(instance, reference, written_in=None, scratch=None)


def record_level(instance: Instance, reference: BackupReference, result: LevelResult) -> None:
    """Add what else was tried on a copy to the backup's certificate, which is signed anew; it refuses no backup.

    Raises:
        GateClosedError: another run is at the environment's backups.
    """
    with doors.registry().lock(lock_name(instance), wait_seconds=LOCK_SECONDS):
        known = next((record for record in backups_of(instance) if record.reference == reference), None)
        if known is None or known.certificate is None:
            return  # its time was over meanwhile
        levels = (*(one for one in known.certificate.levels if one.level is not result.level), result)
        certificate = known.certificate.model_copy(update={"levels": levels})
        objects = _store_certificate(instance, certificate)
        _retain(instance, objects, known.keep_until)
        kind = BackupEvent.VERIFIED if certificate.proved else BackupEvent.REFUSED
        remember_backup(
            instance, kind, reference, objects=objects, keep_until=known.keep_until, certificate=certificate
        )


def lock_name(instance: Instance) -> str:
    """What keeps two runs out of one environment's bucket of backups."""
    return f"copia:{instance.name.slug}"


def check_certificate(instance: Instance, reference: BackupReference) -> BackupCertificate:
    """The certificate that lies beside a backup, as whoever opens the bucket finds it.

    Raises:
        FoundError: it is missing, was not signed by the programme, or is of another backup.
    """
    key = f"{folder_of(reference.taken_at)}/{CERTIFICATE}"
    storage = backup_storage(instance)

    def refuse(detail: str) -> FoundError:
        return FoundError(Finding(level=Level.STORED, cause=Cause.CERTIFICATE, subject=key, detail=detail))

    try:
        text = b"".join(storage.read(key, None))
    except MissingObjectError as e:
        raise refuse("não está no balde") from e
    if not is_signed_beside(storage, key, text):
        raise refuse("a assinatura não confere")
    try:
        certificate = BackupCertificate.model_validate_json(text)
    except ValidationError as e:
        raise refuse("formato desconhecido") from e
    if certificate.backup != reference:
        raise refuse(f"é o da cópia de {certificate.backup.taken_at:%d/%m/%Y %H:%M} (UTC)")
    return certificate


def drop_expired(instance: Instance, *, keep_last: bool = True) -> Change:
    """Remove the backups whose time is over, and what only they needed; whoever calls keeps other runs out.

    What is under a retention or a legal hold stays, whoever forgot it; so does the last good backup, but that of an
    environment that was destroyed: nobody may keep a city's data for longer than its rule says.
    """
    records = backups_of(instance)
    over = expired(records, clock.now(), keep_last=keep_last)
    kept = {(stored.key, stored.version_id) for record in records if record not in over for stored in record.objects}
    kept |= {(part.key, part.version_id) for part in stored_log(instance, clock.now())}
    change = backup_storage(instance).drop_loose_versions(kept)
    for record in over:
        remember_backup(instance, BackupEvent.DROPPED, record.reference)
    return change


def _to_build_on(instance: Instance) -> BackupReference | None:
    """The backup whose packs the next one uses: the last, if every byte of it was read and found whole.

    What refused it may be its source's fault, such as a file that is gone there: its packs are good all the same.
    """
    examined = [record for record in backups_of(instance) if record.certificate is not None]
    if not examined or (last := examined[-1].certificate) is None:
        return None
    return examined[-1].reference if last.passed(Level.INTACT) else None


def _prepare(instance: Instance) -> None:
    ensure_archive_key.fn(instance.name.slug)
    ensure_signing_key.fn(instance.name.slug)
    storage = backup_storage(instance)
    storage.ensure_bucket()
    storage.abort_uploads()
    drop_expired(instance)


def _prove(
    instance: Instance, reference: BackupReference, *, written_in: float | None, scratch: ScratchAhead | None
) -> BackupCertificate:
    records = backups_of(instance)
    earlier = [
        record.reference for record in records if record.proved and record.reference.taken_at < reference.taken_at
    ]
    period = period_of(reference.taken_at, [backup.taken_at for backup in earlier])
    # What was opened when it was written is opened anew by the backups that are kept for long, and by whoever asks.
    open_all = written_in is None or period is not Period.DAY
    certificate = verify_backup(
        instance, reference, earlier[-1] if earlier else None, open_all=open_all, scratch=scratch
    )
    if written_in is not None:
        certificate = certificate.model_copy(update={"seconds": {**certificate.seconds, "cópia": written_in}})
    if not certificate.proved:
        period = Period.DAY
    until = _until(instance, reference, period)
    objects = _store_certificate(instance, certificate)
    if period is not Period.DAY:
        written = (record.objects for record in records if record.reference == reference)
        objects = (*objects, *chain.from_iterable(written))
    _retain(instance, objects, until)
    kind = BackupEvent.VERIFIED if certificate.proved else BackupEvent.REFUSED
    remember_backup(instance, kind, reference, objects=objects, keep_until=until, certificate=certificate)
    return certificate


def _store_certificate(instance: Instance, certificate: BackupCertificate) -> tuple[StoredObject, ...]:
    folder, vault = folder_of(certificate.backup.taken_at), BackupVault(instance)
    vault.put_signed(f"{folder}/{CERTIFICATE}", certificate.model_dump_json(indent=1).encode())
    vault.put_signed(f"{folder}/{CERTIFICATE_PAGE}", render_certificate(certificate).encode())
    return (*_texts(instance, f"{folder}/{CERTIFICATE}"), *_texts(instance, f"{folder}/{CERTIFICATE_PAGE}"))


def _until(instance: Instance, reference: BackupReference, period: Period) -> datetime:
    return Catalog().backup().keeping[instance.name.purpose].until(reference.taken_at, period)


def _parts(manifest: BackupManifest) -> tuple[StoredObject, ...]:
    return tuple(
        StoredObject(key=part.key, version_id=part.version_id, size_bytes=part.stored.size_bytes)
        for part in manifest.parts
    )


def _texts(instance: Instance, key: str) -> tuple[StoredObject, ...]:
    """A text that everybody may read, and its signature."""
    storage = backup_storage(instance)
    return (*storage.versions(key), *storage.versions(key + SIGNATURE_ENDING))


def _retain(instance: Instance, objects: tuple[StoredObject, ...], until: datetime) -> None:
    storage = backup_storage(instance)
    for stored in objects:
        storage.retain(stored.key, stored.version_id, until)
