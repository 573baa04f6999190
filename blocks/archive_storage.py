"""The bucket of an environment's archive: written as streams, read back, held against deletion."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from blocks import locked_objects
from blocks.object_storage import ObjectStorage
from blocks.rehearsal import is_rehearsal
from blocks.s3_errors import MissingObjectError, explain, explaining_s3
from blocks.streams import CHUNK_BYTES, as_file
from domain.backup.history import StoredObject
from domain.bucket import ObjectFact
from domain.change import Change
from domain.errors import IntegrityError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_LOCK = {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "NoSuchObjectLegalHold", "404"}


class ArchiveStorage:
    """One environment's archive bucket, made with object lock: what is held there nobody can delete."""

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._where = f"{storage.endpoint}/{bucket}"

    @cached_property
    def _client(self) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self._storage.endpoint,
            region_name=self._storage.region,
            aws_access_key_id=self._storage.access_key,
            aws_secret_access_key=self._storage.secret_key.get_secret_value(),
            # A checksum of the body is among what is signed, and the server compares it: one digest is enough.
            config=Config(
                connect_timeout=10,
                read_timeout=300,
                retries={"total_max_attempts": 1},
                s3={"payload_signing_enabled": False},
            ),
        )

    def ensure_bucket(self) -> Change:
        """Create the bucket with versioning and object lock, which only a new bucket can be given.

        Raises:
            IntegrityError: the bucket exists without object lock.
        """
        try:
            try:
                self._client.head_bucket(Bucket=self._bucket)
            except ClientError as e:
                if str(e.response.get("Error", {}).get("Code")) not in {"404", "NoSuchBucket", "NotFound"}:
                    raise
                if not is_rehearsal():
                    self._client.create_bucket(Bucket=self._bucket, ObjectLockEnabledForBucket=True)
                return Change(created=1, details=(f"balde de arquivo {self._bucket}",))
            if not self._has_lock():
                raise IntegrityError(
                    "O balde de arquivo existe sem trava de objetos",
                    self._where,
                    "Mova o que houver nele, apague-o e execute de novo: a trava só pode nascer com o balde.",
                )
        except (BotoCoreError, ClientError) as e:
            raise explain(e, self._where) from e
        return Change(unchanged=1)

    def _has_lock(self) -> bool:
        try:
            found = self._client.get_object_lock_configuration(Bucket=self._bucket)
        except ClientError as e:
            if str(e.response.get("Error", {}).get("Code")) in _NO_LOCK:
                return False
            raise
        return found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled"

    def write(self, key: str, chunks: Iterable[bytes]) -> str:
        """Store a stream as a new version of an object, and return the version's id."""
        return str(self.store(key, chunks).version_id)

    def store(self, key: str, chunks: Iterable[bytes]) -> ObjectFact:
        """As `write`, and what the server confirmed: its length and SHA-256."""
        with explaining_s3(f"{self._where}/{key}"):
            return locked_objects.upload(self._client, self._bucket, key, as_file(chunks))

    def read(self, key: str, version_id: str | None) -> Iterator[bytes]:
        """The content of one version, the newest without one, as a stream."""
        try:
            if version_id is None:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            else:
                body = self._client.get_object(Bucket=self._bucket, Key=key, VersionId=version_id)["Body"]
            yield from body.iter_chunks(CHUNK_BYTES)
        except (BotoCoreError, ClientError) as e:
            raise explain(e, f"{self._where}/{key}") from e

    def versions(self, key: str) -> tuple[StoredObject, ...]:
        """Every version of one object."""
        return tuple(stored for stored in self.versions_below(key) if stored.key == key)

    def versions_below(self, prefix: str = "") -> tuple[StoredObject, ...]:
        """Every version of every object whose key begins so."""
        with explaining_s3(f"{self._where}/{prefix}"):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
            return tuple(
                StoredObject(key=version["Key"], version_id=version["VersionId"], size_bytes=version["Size"])
                for page in pages
                for version in page.get("Versions", [])
            )

    def head(self, key: str, version_id: str) -> ObjectFact | None:
        """One version of an object and how it is kept; None when there is none."""
        with explaining_s3(f"{self._where}/{key}"):
            return locked_objects.head(self._client, self._bucket, key, version_id)

    def clock(self) -> datetime:
        """What time it is for the server, in whole seconds."""
        with explaining_s3(self._where):
            answer = self._client.head_bucket(Bucket=self._bucket)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])

    def hold(self, key: str, version_id: str) -> Change:
        """Put one version under legal hold: nobody can delete it until it is released."""
        return self._set_hold(key, version_id, held=True)

    def release(self, key: str, version_id: str) -> Change:
        """End the legal hold of one version; its retention stays."""
        return self._set_hold(key, version_id, held=False)

    def _set_hold(self, key: str, version_id: str, *, held: bool) -> Change:
        with explaining_s3(f"{self._where}/{key}"):
            if self._has_legal_hold(key, version_id) is held:
                return Change(unchanged=1)
            if not is_rehearsal():
                self._client.put_object_legal_hold(
                    Bucket=self._bucket, Key=key, VersionId=version_id, LegalHold={"Status": "ON" if held else "OFF"}
                )
        return Change(updated=1, details=(f"guarda legal de {key}: {'posta' if held else 'retirada'}",))

    def retain(self, key: str, version_id: str, until: datetime) -> Change:
        """Put one version under a retention that nobody can shorten, at least until then; an empty change if it was."""
        with explaining_s3(f"{self._where}/{key}"):
            kept = self._retained_until(key, version_id)
            if kept is not None and kept >= until.replace(microsecond=0):
                return Change()
            if not is_rehearsal():
                self._client.put_object_retention(
                    Bucket=self._bucket,
                    Key=key,
                    VersionId=version_id,
                    Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until},
                )
        return Change(updated=1, details=(f"retenção de {key} até {until:%d/%m/%Y}",))

    def abort_uploads(self) -> Change:
        """Throw away the parts of uploads that were never finished; only who keeps others out of the bucket may."""
        with explaining_s3(self._where):
            return Change(removed=locked_objects.abort_uploads(self._client, self._bucket))

    def is_held(self, key: str, version_id: str, size_bytes: int) -> bool:
        """Whether one version is there, as long as it should be, under legal hold and a retention."""
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=key, VersionId=version_id)
            return (
                found["ContentLength"] == size_bytes
                and self._has_legal_hold(key, version_id)
                and self._retained_until(key, version_id) is not None
            )
        except (BotoCoreError, ClientError) as e:
            told = explain(e, f"{self._where}/{key}")
            if isinstance(told, MissingObjectError):
                return False
            raise told from e

    def _retained_until(self, key: str, version_id: str) -> datetime | None:
        try:
            found = self._client.get_object_retention(Bucket=self._bucket, Key=key, VersionId=version_id)
        except ClientError as e:
            if str(e.response.get("Error", {}).get("Code")) in _NO_LOCK:
                return None
            raise
        return found["Retention"].get("RetainUntilDate")

    def _is_retained(self, key: str, version_id: str) -> bool:
        until = self._retained_until(key, version_id)
        return until is not None and until > datetime.now(UTC)

    def _has_legal_hold(self, key: str, version_id: str) -> bool:
        try:
            found = self._client.get_object_legal_hold(Bucket=self._bucket, Key=key, VersionId=version_id)
        except ClientError as e:
            if str(e.response.get("Error", {}).get("Code")) in _NO_LOCK:
                return False
            raise
        return found["LegalHold"].get("Status") == "ON"

    def drop_loose_versions(self, kept: set[tuple[str, str]]) -> Change:
        """Remove every version that is neither kept, as (key, id), nor under a retention or a legal hold."""
        removed = 0
        try:
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket):
                for version in page.get("Versions", []):
                    known = (version["Key"], version["VersionId"])
                    if known in kept or self._has_legal_hold(*known) or self._is_retained(*known):
                        continue
                    if not is_rehearsal():
                        self._client.delete_object(
                            Bucket=self._bucket, Key=version["Key"], VersionId=version["VersionId"]
                        )
                    removed += 1
        except (BotoCoreError, ClientError) as e:
            raise explain(e, self._where) from e
        return Change(removed=removed)
