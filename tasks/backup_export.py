"""Some tables, or all of one process, read out of a backup for consultation: the environment itself is not touched.

The backup is restored into a private server of this machine. What is written is personal data: it goes into one
directory for its owner only, and into no log, artifact or event.
"""

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from blocks.dump_restorer import restore
from blocks.file_restorer import FileRestorer
from blocks.mariadb import MariaDBServer
from blocks.packed_files import explaining_disk
from blocks.row_export import exported_ids, write_process, write_table
from blocks.scratch_server import scratch_server
from blocks.settings import load_settings
from blocks.streams import ahead, as_file
from blocks.table_facts import ATTACHMENT_TABLES, list_attachments
from domain.backup.files import FileIndex
from domain.backup.history import BackupRecord
from domain.backup.manifest import BackupManifest
from domain.calendar import local_moment
from domain.consultation import holds_keys
from domain.errors import InvalidInputError
from domain.restoration import choose_backup
from tasks import clock
from tasks.backup_history import backups_of
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.environment_events import tell_event
from tasks.instance import Instance
from tasks.maintenance import require_impersonal

EXPORTED = "backup.exported"
FILES = "arquivos"
README = "LEIA-ME.txt"


class Wanted(NamedTuple):
    """Tables, as `sei.protocolo`, or the number of a process; out of which backup."""

    tables: tuple[str, ...]
    process: str | None
    stamp: str | None = None
    at: datetime | None = None
    with_keys: bool = True
    """Whether a process brings along tables that may hold keys, such as those of external access."""


class Exported(NamedTuple):
    """What was written: rows by table, and files."""

    stamp: str
    rows: dict[str, int]
    files: int


def export(instance: Instance, wanted: Wanted, out: Path, role: str, reason: str) -> Exported:
    """Write what is wanted of a proved backup into a new directory; whatever fails, nothing is left of it.

    Raises:
        InvalidInputError: no such backup, table or process, or the directory is there already.
        RetryableError: S3, this machine's disk or the scratch server failed.
        IntegrityError: the backup was damaged since it was proved.
    """
    require_impersonal(instance.name.slug, role, reason)
    if bool(wanted.tables) == (wanted.process is not None):
        raise InvalidInputError(
            "Peça uma tabela ou um processo", "--table e --process", "Use um dos dois, como --table sei.protocolo."
        )
    record = backup_for(instance, wanted)
    manifest = fetch_manifest(instance, record.reference)
    if out.exists():
        raise InvalidInputError("O diretório já existe", str(out), "Dê em --out um diretório novo.")
    with explaining_disk(out):
        out.mkdir(parents=True, mode=0o700)
        out.chmod(0o700)
    try:
        done = _fill(instance, manifest, record, wanted, out)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    # The number of a process may be secret; that one was read is not.
    what = ", ".join(wanted.tables) or "processo"
    tell_event(instance, EXPORTED, {"backup": record.stamp, "what": what, "reason": reason}, actor=role)
    return done


def backup_for(instance: Instance, wanted: Wanted) -> BackupRecord:
    """The proved backup that is read. Raises InvalidInputError when there is none such."""
    return choose_backup(backups_of(instance), instance.name.slug, stamp=wanted.stamp, at=wanted.at, now=clock.now())


def _fill(instance: Instance, manifest: BackupManifest, record: BackupRecord, wanted: Wanted, out: Path) -> Exported:
    vault = BackupVault(instance)
    with scratch_server(load_settings().scratch_dir) as scratch:
        restore(as_file(ahead(vault.read(manifest.databases))), scratch.server, manifest.databases.key)
        if wanted.process is None:
            tables = dict.fromkeys(wanted.tables)  # one that is named twice is written once
            rows, files = {name: _write_table(scratch.server, manifest, name, out) for name in tables}, 0
        else:
            rows = write_process(scratch.server, manifest.schemas["sei"], wanted.process, out, _left_out(wanted))
            files = _write_files(vault, manifest, _paths(scratch.server, manifest, out, rows), out)
    text = _readme(record, rows, files)
    with explaining_disk(out):
        (out / README).touch(mode=0o600)
        (out / README).write_text(text, encoding="utf-8")
    return Exported(record.stamp, rows, files)


def _left_out(wanted: Wanted) -> Callable[[str], bool]:
    return lambda table: not wanted.with_keys and holds_keys("sei", table)


def _write_table(server: MariaDBServer, manifest: BackupManifest, name: str, out: Path) -> int:
    kind, _, table = name.partition(".")
    schemas = {str(known): schema for known, schema in manifest.schemas.items()}
    if kind not in schemas or not table:
        raise InvalidInputError("Não é o nome de uma tabela", name, "Escreva como sei.protocolo ou sip.usuario.")
    return write_table(server, schemas[kind], table, out / f"{kind}.{Path(table).name}.csv")


def _paths(server: MariaDBServer, manifest: BackupManifest, out: Path, rows: Mapping[str, int]) -> set[str]:
    """The paths of the files of the attachments that were exported."""
    ids = {folder: exported_ids(out, rows, table, "id_anexo") for table, folder in ATTACHMENT_TABLES.items()}

    def wanted(path: str) -> bool:
        folder = next((folder for folder in ids if folder and path.startswith(folder)), "")
        return path.rpartition("/")[2] in ids[folder]

    return {path for path in list_attachments(server, manifest.schemas["sei"]) if wanted(path)}


def _write_files(vault: BackupVault, manifest: BackupManifest, paths: set[str], out: Path) -> int:
    index = vault.read_index(manifest)
    chosen = FileIndex(index.packs, {path: file for path, file in index.files.items() if path in paths})

    work = out / "em-andamento"
    root = out / FILES
    with explaining_disk(out):
        root.mkdir(mode=0o700)
    FileRestorer(root, chosen, paths, work / "nada").run(vault.read_pack)
    with explaining_disk(out):
        shutil.rmtree(work, ignore_errors=True)
        for path in root.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
    return len(chosen.files)


def _readme(record: BackupRecord, rows: Mapping[str, int], files: int) -> str:
    certificate = record.certificate
    verified = local_moment(certificate.verified_at) if certificate else "nunca"
    lines = [
        f"Extrato da cópia {record.stamp} de {record.reference.environment}",
        f"Dados de {local_moment(record.reference.taken_at)} (hora de Brasília).",
        f"Cópia provada até {certificate.level if certificate else '-'}, conferida em {verified}.",
        f"Manifesto {record.reference.sha256}, versão {record.reference.version_id}.",
        "",
        "CONTÉM DADOS PESSOAIS. É só para consulta: guarde-o onde só quem precisa entra e apague-o depois do uso.",
        "Nada aqui volta ao SEI por si; para isso há ./implanta backup restore.",
        "",
        "Cada .csv é uma tabela, em UTF-8, com os nomes das colunas na primeira linha. Um campo vazio é NULL ou texto",
        "vazio; um valor binário está em hexadecimal, depois de 0x.",
        "",
        *(f"{table}: {count} linhas" for table, count in sorted(rows.items())),
        *([f"{FILES}/: {files} arquivos de anexos, sob o caminho do repositório"] if files else []),
    ]
    return "\n".join(lines) + "\n"
