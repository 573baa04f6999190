"""Now, for one environment: a backup, restored and compared."""

from prefect import flow

from domain.backup.certificate import BackupCertificate
from domain.errors import IntegrityError
from flows.forms import asked
from tasks.backup_night import back_up_environment
from tasks.backup_report import publish_certificate


@flow(name="cópia de segurança", flow_run_name="{environment} · cópia de segurança")
def backup_environment(
    environment: str = asked("Ambiente", "Ambiente, como timoteo-producao."),
) -> BackupCertificate:
    """Take a backup, prove it by restoring it, and publish its certificate; a refused one fails the run."""
    certificate = back_up_environment(environment)
    publish_certificate(environment, certificate)
    if not certificate.proved:
        raise IntegrityError(
            f"A cópia foi recusada: {certificate.reasons}",
            environment,
            "Ela ficou guardada para exame, e a última boa também. Corrija a causa e execute de novo.",
        )
    return certificate
