"""Implanta's own backup of the night: written, locked, restored, compared and certified, as every environment's."""

from datetime import timedelta
from time import monotonic

from blocks.archive_storage import ArchiveStorage
from blocks.catalog import Catalog
from blocks.dump_statements import DigestedDump
from blocks.dump_writer import dump_program_version, dumped
from blocks.held_directory import held_directory
from blocks.mariadb import MariaDBServer
from blocks.prefect_database import PrefectDatabase, chunks
from blocks.prefect_databases import examine, prefect_database
from blocks.settings import load_settings
from blocks.streams import ahead, joined
from blocks.table_facts import read_database
from domain.backup.certificate import BackupCertificate
from domain.backup.facts import DumpFacts, resting
from domain.backup.manifest import CERTIFICATE, FOLDER, MANIFEST, folder_of, stamp_of
from domain.errors import RetryableError
from domain.self_backup import BUCKET, OWN, PREFECT, PREFECT_PARTS, REGISTRY_PART, SelfManifest
from registry.engine import parse_url
from tasks import clock, doors
from tasks.backup_storage import ensure_signing_key
from tasks.environment_copy import ensure_archive_key
from tasks.own_vault import OwnVault
from tasks.self_proof import prove, read_migration
from tasks.step import step

_LOCK = f"copia:{OWN}"
_LOCK_SECONDS = 60
_PREFIX = "copia-do-implanta-"


@step("cópia provada")
def back_up_itself(whose: str) -> BackupCertificate:  # noqa: ARG001  # a step names what it works for
    """Take one backup of registry and Prefect, prove it and certify it.

    Raises:
        GateClosedError: another run is at it.
        InvalidInputError: the settings do not say where Prefect's database is.
        RetryableError: a system did not answer; what was written so far is swept by the next run.
    """
    source = prefect_database(load_settings().prefect_database)
    with doors.registry().lock(_LOCK, wait_seconds=_LOCK_SECONDS):
        ensure_archive_key.fn(OWN)
        ensure_signing_key.fn(OWN)
        storage = ArchiveStorage(doors.object_storage(), BUCKET)
        storage.ensure_bucket()
        storage.abort_uploads()
        vault = OwnVault.of_blocks()
        started = monotonic()
        manifest = _write(vault, source)
        stamp = stamp_of(manifest.taken_at)
        vault.put_signed(f"{folder_of(manifest.taken_at)}/{MANIFEST}", manifest.model_dump_json(indent=1).encode())
        _retain(vault, stamp)
        certificate = _certified(vault, stamp, {"cópia": monotonic() - started})
        _drop_old(vault)
    return certificate


def prove_again(stamp: str | None) -> BackupCertificate:
    """Examine a backup that lies in the bucket, the newest unless named, and certify it anew.

    Raises:
        GateClosedError: another run is at it.
        InvalidInputError: there is none.
        FoundError: its manifest is missing or not as it was signed.
    """
    with doors.registry().lock(_LOCK, wait_seconds=_LOCK_SECONDS):
        vault = OwnVault.of_blocks()
        return _certified(vault, stamp or vault.newest_proved(), {})


def registry_server() -> tuple[MariaDBServer, str]:
    """The server of the registry, with the registry's own account, and its schema."""
    url = parse_url(load_settings().registry_url)
    authority = url.query.get("ssl_ca")
    server = MariaDBServer.model_validate(
        {
            "host": url.host or "localhost",
            "port": url.port or 3306,
            "user": url.username or "",
            "password": url.password or "",
            "ca_file": authority,
        }
    )
    return server, url.database or ""


def _write(vault: OwnVault, source: PrefectDatabase) -> SelfManifest:
    taken_at = clock.now().replace(microsecond=0)
    folder = folder_of(taken_at)
    server, schema = registry_server()
    # Prefect first: whatever it starts meanwhile, the registry, copied after it, knows what became of it.
    scratch_dir = load_settings().scratch_dir
    scratch_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with held_directory(scratch_dir, _PREFIX) as home:
        copy = home / "prefect"
        source.copy(copy)
        facts = examine(copy, source.kind, scratch_dir).facts
        prefect = vault.put(f"{folder}/{PREFECT_PARTS[source.kind]}", chunks(copy))
    before = read_database(server, schema)
    with dumped(server, [schema]) as lines:
        dump = DigestedDump(lines)
        registry = vault.put(f"{folder}/{REGISTRY_PART}", ahead(joined(dump)))
    after = read_database(server, schema)
    if before.facts.structure != after.facts.structure:
        raise RetryableError(
            "A estrutura do registro mudou enquanto era copiado", schema, "Espere o fim do deploy e execute de novo."
        )
    return SelfManifest(
        taken_at=taken_at,
        finished_at=clock.now(),
        schema_name=schema,
        registry=registry,
        prefect=prefect,
        dump=DumpFacts(schemas=dump.facts.schemas | {PREFECT: facts}),
        resting=resting(before, after),
        migration=read_migration(server, schema),
        tools={"mariadb-dump": dump_program_version(), "mariadb": server.version()},
    )


def _certified(vault: OwnVault, stamp: str, seconds: dict[str, float]) -> BackupCertificate:
    certificate = prove(vault, *vault.manifest(stamp), load_settings().scratch_dir)
    certificate = certificate.model_copy(update={"seconds": {**certificate.seconds, **seconds}})
    vault.put_signed(f"{FOLDER}/{stamp}/{CERTIFICATE}", certificate.model_dump_json(indent=1).encode())
    _retain(vault, stamp)
    return certificate


def _retain(vault: OwnVault, stamp: str) -> None:
    _, manifest = vault.manifest(stamp)
    until = manifest.taken_at + timedelta(days=Catalog().backup().own_days)
    for stored in vault.storage.versions_below(f"{FOLDER}/{stamp}/"):
        vault.storage.retain(stored.key, stored.version_id, until)


def _drop_old(vault: OwnVault) -> None:
    """What has had its time goes; the newest stays, and so does the newest that was proved."""
    proved = vault.proved_stamps()
    vault.storage.drop_loose_versions(
        {
            (stored.key, stored.version_id)
            for stamp in {*vault.stamps()[-1:], *proved[-1:]}
            for stored in vault.storage.versions_below(f"{FOLDER}/{stamp}/")
        }
    )
