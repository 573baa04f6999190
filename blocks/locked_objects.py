"""Storing streams in parts whose checksums the server confirms, locked from their first moment where that is asked."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from blocks.rehearsal import is_rehearsal
from blocks.s3_errors import MISSING, code_of
from domain.bucket import LockMode, ObjectFact
from domain.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

# Each part is held in memory; 10,000 of them are the most that S3 takes. So they are small at first, and a long object
# of up to 586 GB goes on in larger ones.
PART_SIZE = 8 * 1024 * 1024
SMALL_PARTS = 1_000
LONG_PART_SIZE = 8 * PART_SIZE
MAX_PARTS = 10_000
MAX_BYTES = SMALL_PARTS * PART_SIZE + (MAX_PARTS - SMALL_PARTS) * LONG_PART_SIZE
DIGEST = "sha256"
NO_METADATA: Mapping[str, str] = MappingProxyType({})


class Lock(NamedTuple):
    """How an object is kept from deletion."""

    mode: LockMode
    until: datetime
    legal_hold: bool


def head(client: "S3Client", bucket: str, key: str, version_id: str | None = None) -> ObjectFact | None:
    """One version of an object, the newest unless named; None when there is none."""
    try:
        if version_id is None:
            found = client.head_object(Bucket=bucket, Key=key)
        else:
            found = client.head_object(Bucket=bucket, Key=key, VersionId=version_id)
    except ClientError as e:
        if code_of(e) in MISSING:
            return None
        raise
    digest = found.get("Metadata", {}).get(DIGEST)
    if digest is None:
        digest = _tagged_digest(client, bucket, key, found.get("VersionId", "null"))
    return ObjectFact(
        bucket=bucket,
        key=key,
        version_id=found.get("VersionId"),
        sha256=digest,
        size=found["ContentLength"],
        mode=found.get("ObjectLockMode"),
        retain_until=found.get("ObjectLockRetainUntilDate"),
        legal_hold=found.get("ObjectLockLegalHoldStatus") == "ON",
        written_at=found["LastModified"],
    )


def _tagged_digest(client: "S3Client", bucket: str, key: str, version_id: str) -> str | None:
    tags = client.get_object_tagging(Bucket=bucket, Key=key, VersionId=version_id)["TagSet"]
    return next((tag["Value"] for tag in tags if tag["Key"] == DIGEST), None)


def digest_file(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()


def digest_stream(stream: BinaryIO) -> tuple[str, int]:
    """SHA-256 and size of what is left in a stream, which is read to its end."""
    digest, size = hashlib.sha256(), 0
    while piece := stream.read(1024 * 1024):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def upload(
    client: "S3Client",
    bucket: str,
    key: str,
    stream: BinaryIO,
    *,
    known_digest: str | None = None,
    lock: Lock | None = None,
    metadata: Mapping[str, str] = NO_METADATA,
) -> ObjectFact:
    """Store a stream. Not even an interrupted upload leaves an object or loose parts.

    The server refuses a part whose SHA-256 differs from ours. The digest of the whole goes into the object's metadata
    when it is known before, into a tag otherwise. More `metadata` goes along from the object's first moment.

    Raises:
        InvalidInputError: the content is larger than S3 takes in one object.
        IntegrityError: the server's object is not what was sent.
    """
    where = f"{bucket}/{key}"
    parts = _in_parts(stream, where)
    first = next(parts)
    if len(first) < PART_SIZE:
        return _upload_at_once(client, bucket, key, first, known_digest, lock, metadata)
    return _Multipart(client, bucket, key, lock, metadata).upload(chain([first], parts), known_digest)


def abort_uploads(client: "S3Client", bucket: str, prefix: str = "", *, before: datetime | None = None) -> int:
    """Throw away the parts of uploads that were never finished, of those begun before a moment if one is given.

    Whoever calls keeps others from uploading there. In a rehearsal they are only counted.
    """
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    found = [upload for page in pages for upload in page.get("Uploads", [])]
    old = [upload for upload in found if before is None or upload["Initiated"] < before]
    for upload in old:
        if not is_rehearsal():
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return len(old)


def _upload_at_once(
    client: "S3Client",
    bucket: str,
    key: str,
    body: bytes,
    known_digest: str | None,
    lock: Lock | None,
    metadata: Mapping[str, str],
) -> ObjectFact:
    digest = hashlib.sha256(body)
    _require_unchanged(digest.hexdigest(), known_digest, f"{bucket}/{key}")
    if lock is None:
        answer = client.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            Metadata={**metadata, DIGEST: digest.hexdigest()},
            ChecksumSHA256=b64encode(digest.digest()).decode(),
        )
    else:
        answer = client.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            Metadata={**metadata, DIGEST: digest.hexdigest()},
            ChecksumSHA256=b64encode(digest.digest()).decode(),
            ObjectLockMode=lock.mode,
            ObjectLockRetainUntilDate=lock.until,
            ObjectLockLegalHoldStatus="ON" if lock.legal_hold else "OFF",
        )
    return _confirmed(
        client, bucket, key, answer["VersionId"], digest.hexdigest(), len(body), b64encode(digest.digest()).decode()
    )


class _Multipart:
    """One object on its way in parts."""

    def __init__(
        self, client: "S3Client", bucket: str, key: str, lock: Lock | None, metadata: Mapping[str, str]
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._lock = lock
        self._metadata = metadata

    def upload(self, bodies: Iterator[bytes], known_digest: str | None) -> ObjectFact:
        client, bucket, key = self._client, self._bucket, self._key
        upload_id = self._begin(known_digest)
        whole, of_parts, size = hashlib.sha256(), hashlib.sha256(), 0
        parts: list[CompletedPartTypeDef] = []
        try:
            for number, body in enumerate(bodies, 1):
                whole.update(body)
                part_digest = hashlib.sha256(body).digest()
                of_parts.update(part_digest)
                size += len(body)
                checksum = b64encode(part_digest).decode()
                answer = client.upload_part(
                    Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body, ChecksumSHA256=checksum
                )
                parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})
            sha256 = whole.hexdigest()
            _require_unchanged(sha256, known_digest, f"{bucket}/{key}")
            done = client.complete_multipart_upload(
                Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )
        except BaseException:
            with suppress(BotoCoreError, ClientError):  # the bucket's lifecycle rule throws away what stays
                client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
            raise
        version_id = done["VersionId"]
        # S3's checksum of an object in parts is that of the parts' checksums; most servers add the number of parts.
        fact = _confirmed(client, bucket, key, version_id, sha256, size, b64encode(of_parts.digest()).decode())
        if known_digest is None:
            client.put_object_tagging(
                Bucket=bucket, Key=key, VersionId=version_id, Tagging={"TagSet": [{"Key": DIGEST, "Value": sha256}]}
            )
        return fact

    def _begin(self, known_digest: str | None) -> str:
        metadata = {**self._metadata, DIGEST: known_digest} if known_digest else dict(self._metadata)
        if self._lock is None:
            return self._client.create_multipart_upload(
                Bucket=self._bucket, Key=self._key, ChecksumAlgorithm="SHA256", Metadata=metadata
            )["UploadId"]
        return self._client.create_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            ChecksumAlgorithm="SHA256",
            Metadata=metadata,
            ObjectLockMode=self._lock.mode,
            ObjectLockRetainUntilDate=self._lock.until,
            ObjectLockLegalHoldStatus="ON" if self._lock.legal_hold else "OFF",
        )["UploadId"]


def _require_unchanged(found: str, known: str | None, where: str) -> None:
    if known not in {None, found}:
        raise IntegrityError("O arquivo mudou enquanto era enviado", where, "Pare quem o escreve e execute de novo.")


def _confirmed(
    client: "S3Client", bucket: str, key: str, version_id: str, sha256: str, size: int, checksum: str
) -> ObjectFact:
    """What the server says it stored. Raises IntegrityError when that is something else."""
    told = client.head_object(Bucket=bucket, Key=key, VersionId=version_id, ChecksumMode="ENABLED")
    if (told["ContentLength"], told.get("ChecksumSHA256", "").partition("-")[0]) != (size, checksum):
        raise IntegrityError(
            "O objeto gravado não é o que foi enviado", f"{bucket}/{key}", "Não confie nesta versão; execute de novo."
        )
    return ObjectFact(
        bucket=bucket,
        key=key,
        version_id=version_id,
        sha256=sha256,
        size=size,
        mode=told.get("ObjectLockMode"),
        retain_until=told.get("ObjectLockRetainUntilDate"),
        legal_hold=told.get("ObjectLockLegalHoldStatus") == "ON",
        written_at=told["LastModified"],
    )


def _in_parts(stream: BinaryIO, where: str) -> Iterator[bytes]:
    """The stream in parts, at least one; a pipe gives less at a time than it is asked for."""
    number = 0
    while True:
        size = PART_SIZE if number < SMALL_PARTS else LONG_PART_SIZE
        pieces, missing = [], size
        while missing and (piece := stream.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        if missing == size and number:
            return
        number += 1
        if number > MAX_PARTS:
            raise InvalidInputError(
                f"O conteúdo passa de {MAX_BYTES // 10**9} GB, o máximo de um objeto",
                where,
                "Divida a cópia em objetos menores.",
            )
        yield b"".join(pieces)
        if missing:
            return
