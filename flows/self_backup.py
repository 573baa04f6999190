"""Every night: Implanta's own registry and Prefect, backed up and proved as every environment is."""

from contextlib import suppress

from prefect import flow

from domain.backup.certificate import BackupCertificate
from domain.errors import ImplantaError, IntegrityError
from domain.self_backup import OWN
from tasks.backup_report import publish_certificate
from tasks.self_alert import tell_team
from tasks.self_backup import back_up_itself


@flow(name="cópia do Implanta", flow_run_name="cópia do Implanta")
def self_backup() -> BackupCertificate:
    """Take the backup and publish its certificate; one that is refused, or was not taken, is told by mail and fails."""
    try:
        certificate = back_up_itself(OWN)
    except ImplantaError as e:
        _tell(e.what)
        raise
    publish_certificate(OWN, certificate)
    if not certificate.proved:
        _tell(certificate.reasons)
        raise IntegrityError(
            f"A cópia do Implanta foi recusada: {certificate.reasons}",
            OWN,
            "A última boa continua guardada. Corrija a causa e execute de novo.",
        )
    return certificate


def _tell(reason: str) -> None:
    with suppress(ImplantaError):  # a mail server that is down as well takes nothing away from the first failure
        tell_team(OWN, "a cópia do próprio Implanta falhou", f"Motivo: {reason}\n\nA última provada continua guardada.")
