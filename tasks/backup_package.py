"""The exit package: one proved backup as plain files that a leaving prefeitura restores without Implanta."""

import shutil
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from blocks.backup_page import render_certificate
from blocks.catalog_file import CATALOG_DIR
from blocks.locked_objects import digest_file
from blocks.packed_files import checked_path, explaining_disk
from blocks.streams import ahead, compressed
from domain.backup.certificate import BackupCertificate
from domain.backup.history import BackupRecord
from domain.backup.manifest import MANIFEST, BackupManifest
from domain.calendar import local_moment
from domain.errors import GateClosedError, InvalidInputError
from tasks import doors
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.instance import Instance

PACKAGE = CATALOG_DIR / "exit_package"
_DIRECTORY_MODE, _FILE_MODE, _SCRIPT_MODE = 0o700, 0o600, 0o700


def write_package(instance: Instance, record: BackupRecord, folder: Path) -> int:
    """Write a proved backup into a new folder, decrypted and signed; how many files there are.

    The folder appears under its name only when it is whole, and nobody but its owner may enter it.

    Raises:
        GateClosedError: the backup is not proved.
        InvalidInputError: the folder exists already.
        RetryableError: the disk refuses a file, or S3 did not answer.
    """
    if record.certificate is None or not record.proved:
        raise GateClosedError(
            "A cópia não foi provada", f"{instance.name.slug} {record.stamp}", "Escolha outra, ou faça uma nova."
        )
    if folder.exists():
        raise InvalidInputError("A pasta do pacote já existe", str(folder), "Escolha outro nome, ou remova-a.")
    unfinished = folder.with_name(f".{folder.name}.incompleto")
    with explaining_disk(folder):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=_DIRECTORY_MODE, parents=True)
        number = _Package(instance, record, record.certificate, unfinished).write()
        unfinished.rename(folder)
    return number


class _Package:
    """One package being written."""

    def __init__(self, instance: Instance, record: BackupRecord, certificate: BackupCertificate, folder: Path) -> None:
        self._certificate = certificate
        self._folder = folder
        self._vault = BackupVault(instance)
        self._manifest = fetch_manifest(instance, record.reference)

    def write(self) -> int:
        manifest, certificate = self._manifest, self._certificate
        self._put("bancos.sql.zst", compressed(ahead(self._vault.read(manifest.databases))))
        self._put("ldap.ldif", self._vault.read(manifest.directory))
        self._put_files(manifest)
        self._put(MANIFEST, [manifest.model_dump_json(indent=1).encode()])
        self._put("certificado.json", [certificate.model_dump_json(indent=1).encode()])
        self._put("certificado.html", [render_certificate(certificate).encode()])
        self._put("banco-do-sei.txt", [manifest.schemas["sei"].encode() + b"\n"])
        self._put("LEIA-ME.md", [_readme(certificate).encode()])
        self._put("verificar.sh", [(PACKAGE / "verificar.sh").read_bytes()], _SCRIPT_MODE)
        self._put("chave-publica.pem", [doors.signing_key().public_pem.encode()])
        sums = [f"{digest_file(path)[0]}  {path.relative_to(self._folder)}\n" for path in self._paths()]
        self._put("SHA256SUMS", [line.encode() for line in sums])
        for name in ("SHA256SUMS", MANIFEST, "certificado.json"):
            signature = doors.signing_key().sign((self._folder / name).read_bytes())
            self._put(f"{name}.assinatura", [signature])
        return len(sums)

    def _put_files(self, manifest: BackupManifest) -> None:
        index = self._vault.read_index(manifest)
        root = self._folder / "arquivos"
        root.mkdir()
        targets: dict[int, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
        for name, file in index.files.items():
            target = root / checked_path(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            targets[file.pack][file.sha256].append(target)
        for number, pack in index.used_packs().items():
            self._vault.read_pack(pack, targets[number])

    def _put(self, name: str, content: Iterable[bytes], mode: int = _FILE_MODE) -> None:
        path = self._folder / name
        path.touch(mode=mode)
        with path.open("wb") as file:
            for chunk in content:
                file.write(chunk)

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.rglob("*") if path.is_file())


def _readme(certificate: BackupCertificate) -> str:
    templates = Environment(loader=FileSystemLoader(PACKAGE), undefined=StrictUndefined, autoescape=False)  # noqa: S701  # Markdown
    return templates.get_template("LEIA-ME.md.j2").render(certificado=certificate, local=local_moment)
