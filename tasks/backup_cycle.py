"""One night of one environment: written, locked, restored, compared, certified and remembered."""

from collections.abc import Iterator

from prefect.runtime import flow_run
from pydantic import JsonValue, ValidationError

from blocks.archive_storage import ArchiveStorage
from blocks.catalog import Catalog
from blocks.s3_errors import MissingObjectError
from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Cause, Finding, FoundError, Level
from domain.backup.manifest import CERTIFICATE, SIGNATURE_ENDING, BackupManifest, BackupReference, folder_of
from domain.backup.retention import Period, period_of
from tasks import doors
from tasks.backup_storage import BackupVault, backup_storage, ensure_signing_key, fetch_manifest, is_signed_beside
from tasks.backup_verify import verify_backup
from tasks.backup_write import write_backup
from tasks.environment_copy import ensure_archive_key
from tasks.history import ACTOR
from tasks.instance import Instance

BACKUP_WRITTEN = "backup.written"
"""Kind of the registry's event: the reference of a backup that is whole and locked, and not yet examined."""
BACKUP_VERIFIED = "backup.verified"
"""Kind of the registry's event: the reference of a backup that was proved, and its certificate."""
BACKUP_REFUSED = "backup.refused"
"""Kind of the registry's event: the reference of a backup that is none, and its certificate, which says why."""


def back_up(instance: Instance) -> BackupCertificate:
    """Take one backup, prove it and certify it. The certificate of one that is no backup says what was found.

    Raises:
        GateClosedError: another run is at it.
        RetryableError: a system did not answer; what was written so far is swept by the next run.
    """
    with doors.registry().lock(f"copia:{instance.name.slug}"):
        _prepare(instance)
        reference = write_backup(instance, _to_build_on(instance))
        manifest = fetch_manifest(instance, reference)
        lock_backup(instance, manifest, reference, Period.DAY)
        _remember(instance, BACKUP_WRITTEN, reference, {})
        return prove(instance, reference)


def prove(instance: Instance, reference: BackupReference) -> BackupCertificate:
    """Examine a backup that lies in the bucket, store its certificate, and keep it for as long as it is good for."""
    certificate = verify_backup(instance, reference)
    _store_certificate(instance, certificate)
    kind = BACKUP_VERIFIED if certificate.proved else BACKUP_REFUSED
    before = [proved.taken_at for proved in proved_backups(instance)]
    _remember(instance, kind, reference, {"certificate": certificate.model_dump(mode="json")})
    if certificate.proved and (period := period_of(reference.taken_at, before)) is not Period.DAY:
        lock_backup(instance, fetch_manifest(instance, reference), reference, period)
    return certificate


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


def written_backups(instance: Instance) -> list[BackupReference]:
    """Every backup of the environment that is whole, oldest first."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[BACKUP_WRITTEN])
    return [
        BackupReference.model_validate(event.details["backup"])
        for event in told
        if event.environment == instance.name.slug
    ]


def certificates(instance: Instance) -> list[BackupCertificate]:
    """Every certificate of the environment in the order of their issue, those that refuse a backup as well."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[BACKUP_VERIFIED, BACKUP_REFUSED])
    return [
        BackupCertificate.model_validate(event.details["certificate"])
        for event in told
        if event.environment == instance.name.slug
    ]


def proved_backups(instance: Instance) -> list[BackupReference]:
    """Every backup of the environment that was proved and not refused since, oldest first."""
    verdicts = {certificate.backup: certificate.proved for certificate in certificates(instance)}
    return sorted((backup for backup, holds in verdicts.items() if holds), key=lambda backup: backup.taken_at)


def last_proved(instance: Instance) -> BackupReference | None:
    """The newest backup that may be relied on."""
    return next(reversed(proved_backups(instance)), None)


def _to_build_on(instance: Instance) -> BackupReference | None:
    """The backup whose packs the next one uses; none after a refusal, which they may be to blame for."""
    told = certificates(instance)
    return told[-1].backup if told and told[-1].proved else None


def lock_backup(instance: Instance, manifest: BackupManifest, reference: BackupReference, period: Period) -> None:
    """Keep every object of a backup from deletion until its period ends; what is kept longer stays so."""
    storage = backup_storage(instance)
    until = Catalog().backup().keeping[instance.name.purpose].until(manifest.taken_at, period)
    for key, version in [*((part.key, part.version_id) for part in manifest.parts), *_texts(storage, reference)]:
        storage.retain(key, version, until)


def _texts(storage: ArchiveStorage, reference: BackupReference) -> Iterator[tuple[str, str]]:
    yield reference.key, reference.version_id
    yield from storage.versions(reference.key + SIGNATURE_ENDING)
    certificate = f"{folder_of(reference.taken_at)}/{CERTIFICATE}"
    yield from storage.versions(certificate)


def _prepare(instance: Instance) -> None:
    ensure_archive_key.fn(instance.name.slug)
    ensure_signing_key.fn(instance.name.slug)
    storage = backup_storage(instance)
    storage.ensure_bucket()
    storage.abort_uploads()
    storage.drop_loose_versions(set())


def _store_certificate(instance: Instance, certificate: BackupCertificate) -> None:
    vault = BackupVault(instance)
    storage = backup_storage(instance)
    key = f"{folder_of(certificate.backup.taken_at)}/{CERTIFICATE}"
    until = Catalog().backup().keeping[instance.name.purpose].until(certificate.backup.taken_at, Period.DAY)
    vault.put_signed(key, certificate.model_dump_json(indent=1).encode())
    for known in storage.versions(key):
        storage.retain(*known, until)


def _remember(instance: Instance, kind: str, reference: BackupReference, details: dict[str, JsonValue]) -> None:
    doors.registry().record_event(
        kind,
        ibge=instance.municipality.ibge,
        environment=instance.name.slug,
        actor=ACTOR,
        flow_run_id=flow_run.id,
        details={"backup": reference.model_dump(mode="json"), **details},
    )
