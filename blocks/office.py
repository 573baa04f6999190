"""Word documents as PDF/A, by LibreOffice without a screen."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from blocks.scripts import run_program
from domain.errors import IntegrityError, InvalidInputError, RetryableError

TIMEOUT_SECONDS = 180.0
_PREFIX = "implanta-pdf-"
_PACKAGES = "libreoffice-writer-nogui fonts-liberation"
# PDF/A-2b, for what is kept for decades; tagged, so that a screen reader finds titles and tables.
_FILTER = "pdf:writer_pdf_Export:" + json.dumps(
    {
        "SelectPdfVersion": {"type": "long", "value": "2"},
        "UseTaggedPDF": {"type": "boolean", "value": "true"},
    },
    separators=(",", ":"),
)


def _sweep() -> None:
    """Take away what runs that were killed have left: documents with the names of who signs."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(FileNotFoundError):
            mine = folder.stat().st_uid == os.geteuid()
            if mine and owner.isdigit() and not psutil.pid_exists(int(owner)):
                shutil.rmtree(folder, ignore_errors=True)


def convert_to_pdf(documents: Mapping[str, bytes], *, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, bytes]:
    """The PDF of each document, by its name without extension, all in one call of LibreOffice.

    Raises:
        InvalidInputError: LibreOffice is not installed.
        RetryableError: it did not end in time; it and everything that it started were killed.
        IntegrityError: it ended without the PDF of one of them.
    """
    if not documents:
        return {}
    _sweep()
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        raise InvalidInputError(
            "O LibreOffice não está instalado neste computador",
            "conversão para PDF",
            f"Instale-o como root e execute de novo: apt-get install --no-install-recommends {_PACKAGES}.",
        )
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as made:
        folder = Path(made)
        for name, content in documents.items():
            (folder / f"{name}.docx").write_bytes(content)
        finished = run_program(
            [
                program,
                # A profile of its own: another LibreOffice of this user would take the documents, and not convert them.
                f"-env:UserInstallation={(folder / 'perfil').as_uri()}",
                "--headless",
                "--norestore",
                "--convert-to",
                _FILTER,
                "--outdir",
                str(folder / "pdf"),
                *(str(folder / f"{name}.docx") for name in documents),
            ],
            timeout_seconds=timeout_seconds,
            where="conversão para PDF",
            environment={"PATH": os.environ.get("PATH", os.defpath), "HOME": made, "LC_ALL": "C.UTF-8"},
            late=RetryableError,
            when_late="Confira se o computador está sobrecarregado e execute de novo.",
        )
        # It ends with 0 even when it could not read a document.
        written = {name: folder / "pdf" / f"{name}.pdf" for name in documents}
        missing = [name for name, path in written.items() if not path.is_file()]
        if missing:
            said = finished.output.decode(errors="replace").strip().splitlines()
            raise IntegrityError(
                f"O LibreOffice não fez o PDF de {', '.join(missing)}"
                f" (código {finished.exit_code}{': ' + said[-1] if said else ''})",
                program,
                "Abra o documento no LibreOffice para ver o que ele não aceita, e chame o suporte.",
            )
        return {name: path.read_bytes() for name, path in written.items()}
