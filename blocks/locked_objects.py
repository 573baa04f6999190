"""Storing what nobody may delete before its time, in parts whose checksums the server confirms."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

from blocks.s3_errors import MISSING, code_of
from domain.bucket import LockMode, ObjectFact
from domain.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

# 10,000 parts are the most that S3 takes: 320 GB in one object.
PART_SIZE = 32 * 1024 * 1024
MAX_PARTS = 10_000
DIGEST = "sha256"


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
    known_digest: str | None,
    retain_until: datetime,
    mode: LockMode,
    legal_hold: bool,
) -> ObjectFact:
    """Store a stream, locked from its first moment. Not even an interrupted upload leaves an object or loose parts.

    The server refuses a part whose SHA-256 differs from ours. The digest of the whole goes into the object's metadata
    when it is known before, into a tag otherwise.

    Raises:
        InvalidInputError: the content is larger than S3 takes in one object.
        IntegrityError: the server's object is not what was sent.
    """
    begun = client.create_multipart_upload(
        Bucket=bucket,
        Key=key,
        ChecksumAlgorithm="SHA256",
        Metadata={DIGEST: known_digest} if known_digest else {},
        ObjectLockMode=mode,
        ObjectLockRetainUntilDate=retain_until,
        ObjectLockLegalHoldStatus="ON" if legal_hold else "OFF",
    )
    upload_id = begun["UploadId"]
    whole, of_parts, size = hashlib.sha256(), hashlib.sha256(), 0
    parts: list[CompletedPartTypeDef] = []
    try:
        for number, body in enumerate(_in_parts(stream, f"{bucket}/{key}"), 1):
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
        if known_digest not in {None, sha256}:
            raise IntegrityError(
                "O arquivo mudou enquanto era enviado", f"{bucket}/{key}", "Pare quem o escreve e execute de novo."
            )
        done = client.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )
    except BaseException:
        with suppress(BotoCoreError, ClientError):  # the bucket's lifecycle rule throws away what stays
            client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
        raise
    version_id = done["VersionId"]
    # S3's checksum of an object in parts is that of the parts' checksums; most servers add the number of parts.
    expected = b64encode(of_parts.digest()).decode()
    confirmed = client.head_object(Bucket=bucket, Key=key, VersionId=version_id, ChecksumMode="ENABLED")
    told = confirmed.get("ChecksumSHA256", "").partition("-")[0]
    if (confirmed["ContentLength"], told) != (size, expected):
        raise IntegrityError(
            "O objeto gravado não é o que foi enviado", f"{bucket}/{key}", "Não confie nesta versão; execute de novo."
        )
    if known_digest is None:
        client.put_object_tagging(
            Bucket=bucket, Key=key, VersionId=version_id, Tagging={"TagSet": [{"Key": DIGEST, "Value": sha256}]}
        )
    return ObjectFact(
        bucket=bucket,
        key=key,
        version_id=version_id,
        sha256=sha256,
        size=size,
        mode=confirmed.get("ObjectLockMode"),
        retain_until=confirmed.get("ObjectLockRetainUntilDate"),
        legal_hold=confirmed.get("ObjectLockLegalHoldStatus") == "ON",
    )


def _in_parts(stream: BinaryIO, where: str) -> Iterator[bytes]:
    """The stream in parts of `PART_SIZE`, at least one; a pipe gives less at a time than it is asked for."""
    number = 0
    while True:
        pieces, missing = [], PART_SIZE
        while missing and (piece := stream.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        if missing == PART_SIZE and number:
            return
        number += 1
        if number > MAX_PARTS:
            raise InvalidInputError(
                f"O conteúdo passa de {MAX_PARTS * PART_SIZE // 10**9} GB, o máximo de um objeto",
                where,
                "Divida a cópia em objetos menores.",
            )
        yield b"".join(pieces)
        if missing:
            return
