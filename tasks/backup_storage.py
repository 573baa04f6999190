"""A backup's objects: written packed, encrypted and signed into the environment's own bucket, and read back."""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import SecretBytes, ValidationError

from blocks.archive_storage import ArchiveStorage
from blocks.file_packs import NO_TARGETS, read_pack
from blocks.rehearsal import is_rehearsal
from blocks.s3_errors import MissingObjectError
from blocks.sealed_stream import sealed, unsealed
from blocks.settings import load_settings
from blocks.signing_key import BackupSigningKey, is_signed
from blocks.streams import Measured, ahead, as_file, compressed, decompressed
from domain.archive import ArchivePart, Measure
from domain.backup.files import FileIndex
from domain.backup.findings import Cause, Finding, FoundError, Level
from domain.backup.manifest import MANIFEST, SIGNATURE_ENDING, BackupManifest, BackupReference, folder_of
from domain.change import Change
from domain.errors import IntegrityError
from tasks import doors
from tasks.instance import Instance
from tasks.prefect_errors import explaining_prefect
from tasks.step import step

_KEY_WAIT_SECONDS = 60


def backup_storage(instance: Instance) -> ArchiveStorage:
    """The environment's bucket of backups."""
    return ArchiveStorage(doors.object_storage(), instance.name.backup_bucket)


@step("chave de assinatura")
def ensure_signing_key(environment: str) -> Change:  # noqa: ARG001  # a step names what it works for
    """Make the key that signs backups, once for the whole programme, whoever else needs it first at the same time."""
    if _has_signing_key():
        return Change(unchanged=1)
    if not is_rehearsal():
        with doors.registry().lock("chave-de-assinatura", wait_seconds=_KEY_WAIT_SECONDS):
            if _has_signing_key():
                return Change(unchanged=1)
            with explaining_prefect(load_settings().prefect_api_url):
                BackupSigningKey.generate().save(doors.MAIN)
    return Change(created=1, details=("chave de assinatura das cópias",))


def _has_signing_key() -> bool:
    try:
        doors.signing_key()
    except doors.NoBlockError:
        return False
    return True


class SealedVault:
    """A bucket with the key of whoever it is of: what goes in is encrypted, what comes out is compared."""

    def __init__(self, slug: str, storage: ArchiveStorage, key: SecretBytes) -> None:
        self._slug = slug
        self._storage = storage
        self._key = key

    def put(self, key: str, content: Iterable[bytes]) -> ArchivePart:
        """Store a stream, packed and encrypted on its way."""
        plain = Measured(content)
        stored = self._storage.store(key, ahead(sealed(compressed(plain), self._key, self._sealed_name(key))))
        return ArchivePart(
            key=key,
            version_id=str(stored.version_id),
            content=plain.measure,
            stored=Measure(size_bytes=stored.size, sha256=str(stored.sha256)),
        )

    def put_signed(self, key: str, text: bytes) -> str:
        """Store a text for everybody to read, its signature before it; the version of the text."""
        self._storage.write(key + SIGNATURE_ENDING, [doors.signing_key().sign(text)])
        return self._storage.write(key, [text])

    def read(self, part: ArchivePart) -> Generator[bytes, None, None]:
        """The content of a part, as a stream; read to its end, it is what the manifest says.

        Raises:
            FoundError: it is missing, cut, changed, or of another key.
        """
        packed = iter(ahead(self._fetched(part)))
        content = Measured(decompressed(unsealed(packed, self._key, self._sealed_name(part.key), part.key), part.key))
        try:
            yield from content
            for _ in packed:
                pass
        except FoundError:
            raise
        except IntegrityError as e:
            raise self._damaged(part, opens=False) from e
        if content.measure != part.content:
            raise self._damaged(part, opens=True)

    def compare_stored(self, part: ArchivePart) -> None:
        """Read every stored byte of a part, without opening it. Raises as `read`."""
        stored = Measured(ahead(self._fetched(part)))
        for _ in stored:
            pass
        if stored.measure != part.stored:
            raise self._damaged(part, opens=False)

    def _damaged(self, part: ArchivePart, *, opens: bool) -> FoundError:
        """Why a part is not what it should be: only now are the stored bytes themselves compared."""
        stored = Measured(self._fetched(part))
        for _ in stored:
            pass
        found = stored.measure
        if found == part.stored:
            cause = Cause.OBJECT_CHANGED if opens else Cause.WRONG_KEY
        else:
            cause = Cause.OBJECT_CUT if found.size_bytes < part.stored.size_bytes else Cause.OBJECT_CHANGED
        return FoundError(Finding(level=Level.INTACT, cause=cause, subject=part.key))

    def _fetched(self, part: ArchivePart) -> Iterator[bytes]:
        try:
            yield from self._storage.read(part.key, part.version_id)
        except MissingObjectError as e:
            raise FoundError(Finding(level=Level.STORED, cause=Cause.OBJECT_MISSING, subject=part.key)) from e

    def _sealed_name(self, key: str) -> str:
        return f"{self._slug}/{key}"


class BackupVault(SealedVault):
    """One environment's bucket with its key."""

    def __init__(self, instance: Instance) -> None:
        slug = instance.name.slug
        super().__init__(slug, backup_storage(instance), doors.archive_key(slug).key())

    def put_manifest(self, manifest: BackupManifest, key: str | None = None) -> BackupReference:
        """Store a manifest, signed, in its own folder. It comes last: a backup without one is none."""
        text = manifest.model_dump_json(indent=1).encode()
        key = key or f"{folder_of(manifest.taken_at)}/{MANIFEST}"
        return BackupReference(
            environment=manifest.environment,
            key=key,
            version_id=self.put_signed(key, text),
            sha256=hashlib.sha256(text).hexdigest(),
            taken_at=manifest.taken_at,
        )

    def read_index(self, manifest: BackupManifest) -> FileIndex:
        """The index of a backup's files. Raises as `read`, and IntegrityError when what it reads is no index."""
        part = manifest.index
        return FileIndex.parse(as_file(self.read(part)), part.key)

    def read_pack(self, pack: ArchivePart, targets: Mapping[str, Sequence[Path]] = NO_TARGETS) -> dict[str, int]:
        """Size of each content of a pack, written where `targets` say. Raises as `read`, and `file_packs.read_pack`."""
        return read_pack(ahead(self.read(pack)), pack.key, targets)


def is_signed_beside(storage: ArchiveStorage, key: str, text: bytes, public_pem: str | None = None) -> bool:
    """Whether a signature of this text was ever stored beside it: one written over it later takes nothing away.

    The key is the programme's, unless Prefect is lost and it comes from the file of keys.
    """
    public = public_pem or doors.signing_key().public_pem
    stored = storage.versions(key + SIGNATURE_ENDING)
    signatures = (b"".join(storage.read(known.key, known.version_id)) for known in stored)
    return any(is_signed(text, signature, public) for signature in signatures)


def fetch_manifest(instance: Instance, reference: BackupReference) -> BackupManifest:
    """The manifest of a backup, as it was signed.

    Raises:
        FoundError: it is missing, changed, of another environment, or not the one that the reference names.
    """

    def refuse(cause: Cause, detail: str = "") -> FoundError:
        return FoundError(Finding(level=Level.STORED, cause=cause, subject=reference.key, detail=detail))

    storage = backup_storage(instance)
    try:
        text = b"".join(storage.read(reference.key, reference.version_id))
    except MissingObjectError as e:
        raise refuse(Cause.MANIFEST_MISSING) from e
    if not is_signed_beside(storage, reference.key, text):
        raise refuse(Cause.MANIFEST_CHANGED, "a assinatura não confere")
    try:
        manifest = BackupManifest.model_validate_json(text)
    except ValidationError as e:
        raise refuse(Cause.MANIFEST_CHANGED, "formato desconhecido") from e
    if manifest.environment != instance.name.slug:
        raise refuse(Cause.OTHER_ENVIRONMENT, f"o manifesto é de {manifest.environment}")
    if manifest.taken_at != reference.taken_at or not reference.key.startswith(folder_of(manifest.taken_at)):
        raise refuse(Cause.STALE, f"o manifesto é de {manifest.taken_at:%d/%m/%Y %H:%M} (UTC)")
    if hashlib.sha256(text).hexdigest() != reference.sha256:
        raise refuse(Cause.MANIFEST_CHANGED, "não é o que o registro lembra")
    return manifest
