"""Where Implanta's own backups lie, and what opens them: the blocks, or after a disaster a few files."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from pydantic import SecretStr, ValidationError

from blocks.archive_key import EnvironmentArchiveKey
from blocks.archive_storage import ArchiveStorage
from blocks.key_bundle import open_bundle
from blocks.object_storage import ObjectStorage
from blocks.s3_errors import MissingObjectError
from blocks.signing_key import BackupSigningKey
from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Cause, Finding, FoundError, Level
from domain.backup.manifest import CERTIFICATE, FOLDER, MANIFEST, BackupReference, stamp_of
from domain.errors import InvalidInputError
from domain.self_backup import BUCKET, OWN, SelfManifest
from tasks import doors
from tasks.backup_keys import SIGNING
from tasks.backup_storage import SealedVault, is_signed_beside


class OwnVault(SealedVault):
    """The bucket of Implanta's own backups with its keys."""

    def __init__(self, storage: ObjectStorage, key: EnvironmentArchiveKey, signing: BackupSigningKey) -> None:
        self.storage = ArchiveStorage(storage, BUCKET)
        self._public_pem = signing.public_pem
        super().__init__(OWN, self.storage, key.key())

    @classmethod
    def of_blocks(cls) -> Self:
        """As Prefect keeps it. Raises InvalidInputError before the first backup."""
        return cls(doors.object_storage(), doors.archive_key(OWN), doors.signing_key())

    @classmethod
    def of_files(cls, storage: ObjectStorage, bundle: bytes, passphrase: SecretStr) -> Self:
        """After Prefect is lost: the storage, and the keys that `backup keys export` wrote.

        Raises:
            InvalidInputError: the file or its passphrase is wrong, or it was written before Implanta had a key.
        """
        keys = open_bundle(bundle, passphrase)
        if not {OWN, SIGNING} <= keys.keys():
            raise InvalidInputError(
                "O arquivo de chaves não tem a chave das cópias do Implanta",
                "arquivo de chaves",
                "Use um que tenha sido exportado depois da primeira cópia do Implanta.",
            )
        return cls(storage, EnvironmentArchiveKey(secret=keys[OWN]), BackupSigningKey(private_pem=keys[SIGNING]))

    def stamps(self) -> list[str]:
        """The backups that lie there, oldest first, by their moments."""
        ending = f"/{MANIFEST}"
        found = {one.key for one in self.storage.versions_below(f"{FOLDER}/") if one.key.endswith(ending)}
        return sorted(key.removesuffix(ending).removeprefix(f"{FOLDER}/") for key in found)

    def manifest(self, stamp: str) -> tuple[BackupReference, SelfManifest]:
        """One backup's list, as it was signed.

        Raises:
            FoundError: it is missing, changed, or of another moment.
        """
        key = f"{FOLDER}/{stamp}/{MANIFEST}"
        text, version_id = self._signed(key, Cause.MANIFEST_MISSING, Cause.MANIFEST_CHANGED)
        try:
            manifest = SelfManifest.model_validate_json(text)
        except ValidationError as e:
            raise _found(Cause.MANIFEST_CHANGED, key, "formato desconhecido") from e
        if stamp_of(manifest.taken_at) != stamp:
            raise _found(Cause.STALE, key, f"o manifesto é de {stamp_of(manifest.taken_at)}")
        sha256 = hashlib.sha256(text).hexdigest()
        reference = BackupReference(
            environment=OWN, key=key, version_id=version_id, sha256=sha256, taken_at=manifest.taken_at
        )
        return reference, manifest

    def certificate(self, stamp: str) -> BackupCertificate | None:
        """What was proved of one backup; None when nobody examined it. Raises FoundError when it is false."""
        key = f"{FOLDER}/{stamp}/{CERTIFICATE}"
        if not self.storage.versions(key):
            return None
        text, _ = self._signed(key, Cause.CERTIFICATE, Cause.CERTIFICATE)
        try:
            certificate = BackupCertificate.model_validate_json(text)
        except ValidationError as e:
            raise _found(Cause.CERTIFICATE, key, "formato desconhecido") from e
        if certificate.environment != OWN or stamp_of(certificate.backup.taken_at) != stamp:
            raise _found(Cause.CERTIFICATE, key, "é de outra cópia")
        return certificate

    def proved_stamps(self) -> list[str]:
        """Those that were proved, oldest first; one whose certificate is false is not among them."""
        proved = []
        for stamp in self.stamps():
            with suppress(FoundError):
                certificate = self.certificate(stamp)
                if certificate is not None and certificate.proved:
                    proved.append(stamp)
        return proved

    def newest_proved(self) -> str:
        """The newest backup that was proved. Raises InvalidInputError when there is none."""
        if proved := self.proved_stamps():
            return proved[-1]
        raise InvalidInputError("Não há cópia provada do Implanta", BUCKET, "Faça uma: ./implanta self-backup now.")

    def _signed(self, key: str, missing: Cause, changed: Cause) -> tuple[bytes, str]:
        versions: Sequence[str] = [one.version_id for one in self.storage.versions(key)]
        if not versions:
            raise _found(missing, key)
        # The newest version that the programme signed: what somebody wrote over it takes nothing away.
        for version_id in versions:
            try:
                text = b"".join(self.storage.read(key, version_id))
            except MissingObjectError:
                continue
            if is_signed_beside(self.storage, key, text, self._public_pem):
                return text, version_id
        raise _found(changed, key, "a assinatura não confere")


def _found(cause: Cause, key: str, detail: str = "") -> FoundError:
    return FoundError(Finding(level=Level.STORED, cause=cause, subject=key, detail=detail))
