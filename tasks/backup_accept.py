"""Accepting that files of attachments are gone or changed in the environment itself: its backups are proved again."""

from domain.backup.findings import OF_THE_SOURCE, Finding, Level
from domain.backup.history import BackupEvent, BackupRecord
from domain.errors import GateClosedError
from tasks.backup_history import accepted_of, remember_backup
from tasks.instance import Instance


def accept_source_faults(instance: Instance, record: BackupRecord, *, role: str, reason: str) -> tuple[Finding, ...]:
    """Accept what a refused backup found of the source's files; each stays an alert of every later certificate.

    Raises:
        GateClosedError: the backup was refused for something else as well, or for nothing that may be accepted.
    """
    certificate = record.certificate
    findings = certificate.findings if certificate else ()
    whole = certificate is not None and certificate.passed(Level.INTACT)
    if not findings or not whole or any(finding.cause not in OF_THE_SOURCE for finding in findings):
        raise GateClosedError(
            "Só se aceita o que falta ou mudou nos arquivos do próprio ambiente",
            f"{instance.name.slug} {record.stamp}",
            "Veja o certificado: a cópia não foi recusada, ou o foi por outra causa.",
        )
    fresh = tuple(finding for finding in findings if finding not in accepted_of(instance))
    if fresh:
        remember_backup(instance, BackupEvent.ACCEPTED, record.reference, actor=role, reason=reason, findings=fresh)
    return findings
