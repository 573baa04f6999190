"""The certificate of a backup as one HTML file that needs nothing else."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from blocks.catalog_file import CATALOG_DIR
from domain.backup.certificate import BackupCertificate
from domain.backup.sizes import shown_seconds, shown_size
from domain.calendar import local_moment


def render_certificate(certificate: BackupCertificate) -> str:
    """The page of a certificate, for people."""
    templates = Environment(
        loader=FileSystemLoader(CATALOG_DIR / "templates"), undefined=StrictUndefined, autoescape=True
    )
    return templates.get_template("copia.html.j2").render(
        certificado=certificate, local=local_moment, numero=_number, tamanho=shown_size, tempo=shown_seconds
    )


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")
