"""Objects lent until a day: stored whole or not at all, opened by short links, gone in every version."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from botocore.exceptions import ClientError

from blocks import locked_objects
from blocks.object_storage import ObjectStorage
from blocks.s3_errors import MISSING, code_of, explaining_s3
from domain.change import Change
from domain.consultation import Consultation
from domain.errors import IntegrityError

_UNTIL = "ate"  # in the object's metadata, so that no object is ever without its end


class LentObjects:
    """What one bucket holds for a while under one prefix; whoever calls keeps others out of that prefix."""

    def __init__(self, storage: ObjectStorage, bucket: str, prefix: str) -> None:
        self._client = storage.client
        self._bucket = bucket
        self._prefix = prefix
        self._where = f"{storage.endpoint}/{bucket}"

    def find(self, key: str) -> Consultation | None:
        """An object and its end; None when there is none.

        Raises:
            IntegrityError: it does not say what it is, or until when.
        """
        with explaining_s3(f"{self._where}/{key}"):
            try:
                found = self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as e:
                if code_of(e) in MISSING:
                    return None
                raise
        told = found.get("Metadata", {})
        if not {_UNTIL, locked_objects.DIGEST} <= told.keys():
            raise IntegrityError(
                "O objeto não diz até quando fica", f"{self._where}/{key}", "Veja quem o pôs ali; não o entregue."
            )
        return Consultation(
            bucket=self._bucket,
            key=key,
            version_id=found["VersionId"],
            sha256=told[locked_objects.DIGEST],
            until=datetime.fromisoformat(told[_UNTIL]),
        )

    def store(self, key: str, file: Path, until: datetime) -> None:
        """Store a file until then, after what an upload that was killed left of it."""
        with explaining_s3(f"{self._where}/{key}"):
            self._abort_uploads(key)
            digest, _ = locked_objects.digest_file(file)
            with file.open("rb") as stream:
                locked_objects.upload(
                    self._client,
                    self._bucket,
                    key,
                    stream,
                    known_digest=digest,
                    metadata={_UNTIL: until.astimezone(UTC).isoformat(timespec="seconds")},
                )

    def link(self, lent: Consultation, lasting: timedelta) -> str:
        """An address that opens this one version for whoever has it, and for as long only."""
        with explaining_s3(f"{self._where}/{lent.key}"):
            return self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": lent.key, "VersionId": lent.version_id},
                ExpiresIn=int(lasting.total_seconds()),
            )

    def drop_expired(self, now: datetime) -> Change:
        """Remove every version of each object whose time is over, and uploads that were left a day ago."""
        removed = 0
        with explaining_s3(self._where):
            self._abort_uploads(self._prefix, before=now - timedelta(days=1))
            for key, version_id in list(self._versions("Versions")):
                if self._is_over(key, version_id, now):
                    self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version_id)
                    removed += 1
            for key, version_id in list(self._versions("DeleteMarkers")):
                self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version_id)
        return Change(removed=removed)

    def _versions(self, kind: Literal["Versions", "DeleteMarkers"]) -> Iterator[tuple[str, str]]:
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=self._prefix)
        with suppress(self._client.exceptions.NoSuchBucket):
            for page in pages:
                for version in page.get(kind, []):
                    yield version["Key"], version["VersionId"]

    def _is_over(self, key: str, version_id: str, now: datetime) -> bool:
        """Whether a version's time is over; what does not say its end is somebody else's, and stays."""
        found = self._client.head_object(Bucket=self._bucket, Key=key, VersionId=version_id)
        until = found.get("Metadata", {}).get(_UNTIL)
        return until is not None and datetime.fromisoformat(until) <= now

    def _abort_uploads(self, prefix: str, before: datetime | None = None) -> None:
        with suppress(self._client.exceptions.NoSuchBucket):
            locked_objects.abort_uploads(self._client, self._bucket, prefix, before=before)
