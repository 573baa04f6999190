"""Certificates of backups, where people look at them."""

from domain.backup.certificate import BackupCertificate
from tasks.inspection import publish_markdown
from tasks.step import step


@step("certificado da cópia")
def publish_certificate(environment: str, certificate: BackupCertificate) -> None:
    """Publish the certificate of an environment's newest backup."""
    title = f"Cópia de {environment}: {'provada' if certificate.proved else 'recusada'}"
    publish_markdown(f"copia-{environment}", certificate.markdown(), title)
