"""The files of a backup as its packs hold them, read while its databases are restored."""

from collections.abc import Callable

from domain.backup.files import FileIndex
from domain.backup.findings import Cause, Finding, FoundError, Level, damage_as
from domain.backup.judge import StoredFile
from domain.backup.manifest import BackupManifest
from domain.errors import IntegrityError
from tasks.backup_storage import BackupVault

Find = Callable[[Level, Cause, str, str], None]


class FileExamination:
    """One backup's files under examination; `find` is told of what is wrong and leaves the others readable.

    A pack that `before` has is read whole and compared by the SHA-256 of what is stored, and not opened again.
    """

    def __init__(self, vault: BackupVault, manifest: BackupManifest, before: BackupManifest | None, find: Find) -> None:
        self._vault = vault
        self._manifest = manifest
        self._before = before
        self._find = find
        self.evidence = ""

    def run(self) -> dict[str, StoredFile]:
        """Every file by its path.

        Raises:
            FoundError: the index or a pack is damaged.
        """
        manifest = self._manifest
        with damage_as(Cause.INDEX, manifest.index.key):
            index = self._vault.read_index(manifest)
        if (tuple(index.used_packs().values()), index.facts) != (manifest.packs, manifest.files):
            detail = "não é o que o manifesto conta de arquivos e pacotes"
            self._find(Level.EQUAL, Cause.INDEX, manifest.index.key, detail)
        contents = self._contents(index)
        found = {}
        for path, file in index.files.items():
            size_bytes = contents[file.pack].get(file.sha256)
            if size_bytes is None:
                raise FoundError(Finding(level=Level.EQUAL, cause=Cause.INDEX, subject=path))
            found[path] = StoredFile(size_bytes, file.md5, file.modified_ns)
        return found

    def _contents(self, index: FileIndex) -> dict[int, dict[str, int]]:
        """Size of each content by its SHA-256, of every pack by its number."""
        before, opened = self._opened_before(), 0
        contents: dict[int, dict[str, int]] = {}
        for number, pack in index.used_packs().items():
            known = before.contents_of(pack) if before else None
            if known is None:
                with damage_as(Cause.OBJECT_CHANGED, pack.key):
                    known = self._vault.read_pack(pack)
                opened += 1
            else:
                self._vault.compare_stored(pack)
            contents[number] = known
        self.evidence = f"{opened} pacotes de arquivos abertos, cada conteúdo conferido por SHA-256"
        if kept := len(contents) - opened:
            self.evidence += f"; {kept} que a cópia provada anterior abriu, lidos e iguais a ela byte a byte (SHA-256)"
        return contents

    def _opened_before(self) -> FileIndex | None:
        """The index of the packs that need not be opened again; None when all must."""
        if self._before is None:
            return None
        try:
            return self._vault.read_index(self._before)
        except IntegrityError:  # whoever examines that backup is told
            return None
