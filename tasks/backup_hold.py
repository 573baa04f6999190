"""Keeping one backup whatever its time: somebody asks for it with a role and a reason, and somebody lets it go."""

from domain.backup.history import BackupEvent, BackupRecord
from domain.change import Change
from tasks import doors
from tasks.backup_cycle import lock_name
from tasks.backup_history import backups_of, remember_backup
from tasks.backup_storage import backup_storage
from tasks.instance import Instance


def set_hold(instance: Instance, record: BackupRecord, *, held: bool, role: str, reason: str) -> Change:
    """Put every object of a backup under S3's legal hold, or release it; retentions stay as they are.

    What other held backups need as well stays held.
    """
    storage = backup_storage(instance)
    with doors.registry().lock(lock_name(instance)):
        if held:
            change = Change.sum(storage.hold(stored.key, stored.version_id) for stored in record.objects)
        else:
            others = {
                stored
                for other in backups_of(instance)
                if other.held and other.reference != record.reference
                for stored in other.objects
            }
            change = Change.sum(
                storage.release(stored.key, stored.version_id) for stored in record.objects if stored not in others
            )
        if held is not record.held:
            kind = BackupEvent.HELD if held else BackupEvent.RELEASED
            remember_backup(instance, kind, record.reference, actor=role, reason=reason)
    return change
