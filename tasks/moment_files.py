"""The files of a moment after a backup: what rows made since name is newer than the backup, and stays or comes back."""

from collections.abc import Mapping
from pathlib import Path

from blocks.file_restorer import unlike_rows
from domain.archive import Attachment
from domain.backup.files import FileIndex
from domain.backup.manifest import BackupReference
from domain.change import Change
from domain.errors import IntegrityError
from tasks.backup_history import backups_of
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.instance import Instance


def index_of_moment(
    instance: Instance, backup: BackupReference, index: FileIndex, rows: Mapping[str, Attachment], root: Path
) -> FileIndex:
    """The files that the repository is to hold: the backup's, and of those newer ones that rows name.

    A file that lies in the repository as its row says stays. One that does not is taken from a backup that was made
    later and has it, such as that of what was there before the restoration.
    """
    wanted = index.without(path for path, row in rows.items() if path in index.files and not index.holds(path, row))
    lost = unlike_rows(root, {path: row for path, row in rows.items() if path not in wanted.files})
    for record in backups_of(instance):
        if not lost:
            break
        if record.reference.taken_at <= backup.taken_at:
            continue
        try:
            later = BackupVault(instance).read_index(fetch_manifest(instance, record.reference))
        except IntegrityError:  # another may have them; what none has is told
            continue
        found = {path for path in lost if later.holds(path, rows[path])}
        wanted = wanted.joined(later, found)
        lost -= found
    return wanted


def attachments_told(root: Path, rows: Mapping[str, Attachment]) -> Change:
    """Compare every attachment with its row; of those that no backup had, the operator is told how many."""
    active = {path: row for path, row in rows.items() if row.active}
    lost = unlike_rows(root, active)
    told = f"{len(active) - len(lost)} anexos conferidos por tamanho e MD5"
    if lost:
        told += f"; {len(lost)} não estão no repositório nem em cópia nenhuma como a linha deles diz"
    return Change(unchanged=len(active) - len(lost), details=(told,))
