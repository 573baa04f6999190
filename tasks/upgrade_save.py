"""The backup to which an upgrade goes back: proved, and of exactly the moment in which everybody was out.

It is taken before the closing, while people work. When they are out it is compared with what is there: every file, and
by the server's own checksum every table of which the server does not know that nobody wrote it since. Only where
somebody changed something in between is another one taken.
"""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blocks.file_packs import walk
from blocks.table_facts import read_database
from domain.archive import DatabaseFacts
from domain.backup.history import last_proved
from domain.backup.manifest import BackupManifest, BackupReference, stamp_of
from domain.change import Change
from domain.errors import IntegrityError
from domain.reference import Database
from domain.upgrade.conditions import Moment
from domain.upgrading import Upgrade, UpgradeEvent, UpgradeHappening
from tasks import clock, doors
from tasks.backup_cycle import back_up
from tasks.backup_history import backups_of
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.instance import Instance, load_instance
from tasks.step import step
from tasks.threads import begin
from tasks.upgrade import find_moment, moment_key, plan_begun
from tasks.upgrade_checks import read_moment
from tasks.upgrade_plan import KINDS, UpgradePlan, schemas_of
from tasks.upgrading import remember_upgrade

# Only the schedulers' own marks of when they last ran are there, and the catalog says all the rest of it: a row more or
# less is told all the same.
_MARKS = "infra_agendamento_tarefa"
# The seconds of both clocks are whole, and so is what was noted of their difference.
_CLOCK_SECONDS = 3


@step("cópia antes do fechamento")
def save_ahead(environment: str) -> Change:
    """Have a proved backup that is of now, or nearly, and note what the tables hold; meanwhile people work on.

    Raises:
        IntegrityError: what was taken is no backup.
    """
    instance = load_instance(environment)
    found, plan = plan_begun(instance)
    if current := _current_backup(instance, found):
        reference, told = current[0], f"a cópia {stamp_of(current[0].taken_at)} é igual ao que há agora"
    else:
        reference = _take_backup(instance)
        told = f"cópia {stamp_of(reference.taken_at)}, provada"
    _note(instance, found, plan, reference)
    return Change(created=int(current is None), unchanged=int(current is not None), details=(told,))


def _note(instance: Instance, found: Upgrade, plan: UpgradePlan, reference: BackupReference) -> None:
    """Keep what the tables hold while they are as in this backup; if they are not, another is taken and noted."""
    key, storage = moment_key(found, reference), doors.object_storage()
    if not storage.has_object(instance.name.bucket, key):
        files = _files_of(instance, fetch_manifest(instance, reference))
        moment = read_moment(instance, plan).model_copy(update={"files": files})
        storage.ensure_object(instance.name.bucket, key, moment.model_dump_json().encode())


def _take_backup(instance: Instance) -> BackupReference:
    certificate = back_up(instance)
    if not certificate.proved:
        raise IntegrityError(
            f"A cópia não foi provada: {certificate.reasons}", instance.name.slug, "Veja o certificado da cópia."
        )
    return certificate.backup


def _current_backup(instance: Instance, found: Upgrade) -> tuple[BackupReference, BackupManifest] | None:
    """The newest proved backup, if it shows what is there now in every table and every file."""
    good = last_proved(backups_of(instance))
    if good is None:
        return None
    manifest = fetch_manifest(instance, good.reference)
    if manifest.release_version != instance.record.release_version:
        return None
    with ThreadPoolExecutor(max_workers=1) as pool:
        files = begin(pool, _shows_files, instance, find_moment(instance, found, good.reference), manifest)
        same = _shows_databases(instance, manifest) and files.result()
    return (good.reference, manifest) if same else None


def _shows_files(instance: Instance, noted: Moment | None, manifest: BackupManifest) -> bool:
    """An index is long: where its digest was noted it is not read again."""
    root = Path(doors.runtime().repository_path(instance.name))
    there = _digest((file.name, file.size_bytes, file.modified_ns) for file in walk(root))
    return there == (noted.files if noted and noted.files else _files_of(instance, manifest))


def _files_of(instance: Instance, manifest: BackupManifest) -> str:
    index = BackupVault(instance).read_index(manifest)
    return _digest((name, file.size_bytes, file.modified_ns) for name, file in index.files.items())


def _digest(files: Iterable[tuple[str, int, int]]) -> str:
    lines = sorted(f"{name}\0{size}\0{modified}\n" for name, size, modified in files)
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _shows_databases(instance: Instance, manifest: BackupManifest) -> bool:
    # Of the server's clock, which the manifest knows to the second.
    began = manifest.taken_at.timestamp() + manifest.clock_skew_seconds["MariaDB"] - _CLOCK_SECONDS
    with ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
        reading = {
            kind: begin(pool, read_database, instance.server, schema, since=began)
            for kind, schema in schemas_of(instance).items()
        }
        return all(_shows_database(kind, reading[kind].result().facts, manifest) for kind in KINDS)


def _shows_database(kind: Database, found: DatabaseFacts, manifest: BackupManifest) -> bool:
    """A table that is not among what was found has not been written since before the backup."""
    resting, dumped = manifest.resting[kind], manifest.dump.schemas[manifest.schemas[kind]]
    if found.structure != resting.structure:
        return False
    for table, content in dumped.tables.items():
        facts, at_rest = found.tables.get(table), resting.tables.get(table)
        if table == _MARKS:
            if facts is not None and facts.rows != content.rows:
                return False
        elif at_rest is None or facts not in {None, at_rest}:  # also one that was written while it was copied
            return False
    return True


@step("cópia deste momento")
def save_moment(environment: str) -> Change:
    """Have a proved backup of exactly this moment; from here on the way back is sure.

    Where the one that was taken ahead is still that, what the tables held is known as well.

    Raises:
        IntegrityError: what was taken is no backup.
    """
    instance = load_instance(environment)
    found, plan = plan_begun(instance)
    if UpgradeEvent.SAVED in found.reached:
        return Change(unchanged=1, details=(f"cópia {found.stamp}",))
    again = Change(unchanged=1)
    current = _current_backup(instance, found)
    if current is None:
        _take_backup(instance)
        again, current = Change(created=1), _current_backup(instance, found)
        if current is None:
            raise IntegrityError(
                "Alguém gravou no ambiente fechado, enquanto era copiado",
                environment,
                "Descubra quem grava nele sem passar pela aplicação e execute de novo.",
            )
    reference, manifest = current
    _note(instance, found, plan, reference)
    remember_upgrade(
        instance,
        UpgradeHappening(
            kind=UpgradeEvent.SAVED,
            at=clock.now(),
            backup=reference,
            structures={kind: manifest.resting[kind].structure for kind in KINDS},
        ),
    )
    told = f"cópia {stamp_of(reference.taken_at)}, comparada com o que há: {manifest.dump.rows} linhas"
    return again.model_copy(update={"details": (told,)})
