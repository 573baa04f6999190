"""A proved backup that is not older than somebody needs it to be."""

from datetime import timedelta

from domain.backup.certificate import BackupCertificate
from domain.backup.history import last_proved
from domain.calendar import local_moment
from domain.errors import IntegrityError
from domain.go_live import Evidence, proved
from domain.report import first_of
from tasks import clock
from tasks.backup_cycle import back_up
from tasks.backup_history import backups_of
from tasks.instance import Instance


def prove_recent_backup(instance: Instance, max_age: timedelta) -> Evidence:
    """The newest backup that was proved, or a new one when that is too old.

    Raises:
        IntegrityError: the new one is no backup.
    """
    good = last_proved(backups_of(instance))
    # One from the future was taken by a clock that was wrong: it says nothing of its age.
    if good and good.certificate and timedelta() <= clock.now() - good.reference.taken_at <= max_age:
        return proved(_told(good.certificate))
    certificate = back_up(instance)
    if not certificate.proved:
        raise IntegrityError(
            f"A cópia não foi provada: {first_of([str(finding) for finding in certificate.findings])}",
            instance.name.backup_bucket,
            "A cópia suspeita ficou guardada para exame. Veja o certificado e execute de novo: outra será feita.",
        )
    return proved(_told(certificate))


def _told(certificate: BackupCertificate) -> str:
    return (
        f"cópia de {local_moment(certificate.backup.taken_at)} restaurada e comparada:"
        f" {certificate.tables} tabelas, {certificate.rows} linhas, {certificate.attachments} anexos"
    )
