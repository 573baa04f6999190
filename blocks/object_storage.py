"""S3 object storage: buckets of environments and of prefeituras' files."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from blocks import locked_objects
from blocks.bucket import BucketSettings
from blocks.rehearsal import is_rehearsal
from blocks.s3_errors import MISSING, WRONG_KEY, code_of, explain, explaining_s3
from domain.bucket import BucketRule, BucketState, Difference, LockMode, ObjectFact, compare_bucket
from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef

# Tasks retry, blocks do not.
_CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1})


class ObjectStorage(Block):
    """An S3 service; the files that prefeituras send and the backups live in it."""

    model_config = ConfigDict(extra="forbid", ignored_types=(cached_property,))
    _block_type_name = "Implanta S3"
    _block_type_slug = "implanta-object-storage"

    endpoint: str = Field(description="Endereço do serviço S3.")
    region: str = Field(default="us-east-1", description="Região.")
    access_key: str = Field(description="Chave de acesso.")
    secret_key: SecretStr = Field(description="Chave secreta.")
    iam_endpoint: str | None = Field(
        default=None, description="Endereço da API IAM, que dá a cada ambiente uma chave própria."
    )

    @cached_property
    def client(self) -> "S3Client":
        """The driver, for what has no method here: the attempts of `blocks.probes`."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key.get_secret_value(),
            config=_CONFIG,
        )

    def as_identity(self, access_key: str, secret_key: SecretStr) -> Self:
        """The same service with another identity's key: what this block may do is what that identity may do."""
        return type(self)(
            endpoint=self.endpoint,
            region=self.region,
            access_key=access_key,
            secret_key=secret_key,
            iam_endpoint=self.iam_endpoint,
        )

    def probe(self) -> None:
        """List the buckets, to know that the service answers."""
        self.list_buckets()

    def accepts_key(self) -> bool:
        """Whether the service knows this key with this secret; what it may do is another matter."""
        try:
            self.client.list_buckets()
        except (BotoCoreError, ClientError) as e:
            if isinstance(e, ClientError) and code_of(e) in WRONG_KEY:
                return False
            if not isinstance(e, ClientError) or code_of(e) != "AccessDenied":
                raise explain(e, self.endpoint) from e
        return True

    def list_buckets(self) -> tuple[str, ...]:
        """The names of the buckets that this identity sees."""
        with explaining_s3(self.endpoint):
            return tuple(bucket["Name"] for bucket in self.client.list_buckets()["Buckets"])

    def ensure_bucket(self, name: str, rule: BucketRule | None = None, tags: Mapping[str, str] | None = None) -> Change:
        """Make a bucket what it is declared to be; without a rule, as for spreadsheets, it is only versioned.

        Raises:
            IntegrityError: the bucket was made without object lock, and this server does not add it.
        """
        where, wanted_tags = f"{self.endpoint}/{name}", dict(tags or {})
        settings = BucketSettings(self.client, name, where)
        with explaining_s3(where):
            created = not settings.exists()
            if created and not is_rehearsal():
                settings.create(locked=rule is not None)
            if created and is_rehearsal():
                found = BucketState()
            elif rule is None:
                found = BucketState(versioned=settings.is_versioned(), tags=settings.read_tags() if wanted_tags else {})
            else:
                found = settings.read()
            differences = compare_bucket(name, found, rule, wanted_tags)
            if differences and not is_rehearsal():
                settings.put_right(differences, rule, wanted_tags)
        return _bucket_change(name, differences, created=created)

    def ensure_object(self, bucket: str, key: str, body: bytes) -> Change:
        """Store an object unless the stored one has the same SHA-256."""
        digest = hashlib.sha256(body).hexdigest()
        with explaining_s3(f"{self.endpoint}/{bucket}/{key}"):
            try:
                found = self.client.head_object(Bucket=bucket, Key=key)
            except ClientError as e:
                if code_of(e) not in MISSING:
                    raise
                change = Change(created=1)
            else:
                if found.get("Metadata", {}).get("sha256") == digest:
                    return Change(unchanged=1)
                change = Change(updated=1)
            if not is_rehearsal():
                self.client.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"sha256": digest})
        return change

    def has_object(self, bucket: str, key: str) -> bool:
        """Whether the bucket has this object."""
        try:
            self.client.head_object(Bucket=bucket, Key=key)
        except (BotoCoreError, ClientError) as e:
            if isinstance(e, ClientError) and code_of(e) in MISSING:
                return False
            raise explain(e, f"{self.endpoint}/{bucket}/{key}") from e
        return True

    def list_keys(self, bucket: str, prefix: str = "") -> tuple[str, ...]:
        """The keys of a bucket's objects that begin so, in order; none when there is no such bucket."""
        with explaining_s3(f"{self.endpoint}/{bucket}"):
            try:
                pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
                return tuple(sorted(found["Key"] for page in pages for found in page.get("Contents", [])))
            except ClientError as e:
                if code_of(e) not in MISSING:
                    raise
                return ()

    def find_object(self, bucket: str, key: str) -> bytes | None:
        """Fetch a whole object, or None when there is none; for spreadsheets, not for backups.

        Raises:
            IntegrityError: what came back is not what was stored.
        """
        where = f"{self.endpoint}/{bucket}/{key}"
        try:
            answer = self.client.get_object(Bucket=bucket, Key=key)
            body = answer["Body"].read()
        except (BotoCoreError, ClientError) as e:
            if isinstance(e, ClientError) and code_of(e) in MISSING:
                return None
            raise explain(e, where) from e
        expected = answer.get("Metadata", {}).get("sha256")
        if expected and expected != hashlib.sha256(body).hexdigest():
            raise IntegrityError("O objeto lido difere do que foi gravado", where, "Envie o arquivo de novo.")
        return body

    def put_locked_object(
        self,
        bucket: str,
        key: str,
        source: Path | BinaryIO,
        *,
        retain_until: datetime,
        mode: LockMode = "COMPLIANCE",
        legal_hold: bool = False,
    ) -> ObjectFact:
        """Store a file or a stream under retention, from its first moment, and legal hold, until it is released.

        Every part travels with its SHA-256, and the server's checksum of the whole is compared at the end. A file whose
        content is already the newest version, kept as long and as firmly, is not stored again; of a stream that
        cannot be known before it is read, and each call stores one more version. A rehearsal reads and stores nothing.

        Raises:
            IntegrityError: the server's object is not what was sent.
        """
        with explaining_s3(f"{self.endpoint}/{bucket}/{key}"):
            if not isinstance(source, Path):
                if not is_rehearsal():
                    return locked_objects.upload(
                        self.client,
                        bucket,
                        key,
                        source,
                        lock=locked_objects.Lock(mode, retain_until, legal_hold),
                    )
                digest, size = locked_objects.digest_stream(source)
            else:
                digest, size = locked_objects.digest_file(source)
                found = locked_objects.head(self.client, bucket, key)
                if found and found.sha256 == digest and _kept(found, retain_until, mode, legal_hold=legal_hold):
                    return found
                if not is_rehearsal():
                    with source.open("rb") as file:
                        return locked_objects.upload(
                            self.client,
                            bucket,
                            key,
                            file,
                            known_digest=digest,
                            lock=locked_objects.Lock(mode, retain_until, legal_hold),
                        )
        return ObjectFact(
            bucket=bucket,
            key=key,
            version_id=None,
            sha256=digest,
            size=size,
            mode=mode,
            retain_until=retain_until,
            legal_hold=legal_hold,
        )

    def head(self, bucket: str, key: str, version_id: str | None = None) -> ObjectFact | None:
        """One version of an object and how it is kept, the newest unless named; None when there is none."""
        with explaining_s3(f"{self.endpoint}/{bucket}/{key}"):
            return locked_objects.head(self.client, bucket, key, version_id)

    def extend_retention(
        self, bucket: str, key: str, version_id: str, retain_until: datetime, mode: LockMode = "COMPLIANCE"
    ) -> Change:
        """Keep a version at least until then; one that is kept longer stays so.

        Raises:
            InvalidInputError: there is no such version.
        """
        found = self._require(bucket, key, version_id)
        if _kept(found, retain_until, mode, legal_hold=False):
            return Change(unchanged=1)
        until = max(retain_until, found.retain_until or retain_until)
        firmer: LockMode = "COMPLIANCE" if "COMPLIANCE" in {mode, found.mode} else "GOVERNANCE"
        if not is_rehearsal():
            with explaining_s3(f"{self.endpoint}/{bucket}/{key}"):
                self.client.put_object_retention(
                    Bucket=bucket,
                    Key=key,
                    VersionId=version_id,
                    Retention={"Mode": firmer, "RetainUntilDate": until},
                    # A change of mode is refused without it, even from the weaker one to the stronger.
                    BypassGovernanceRetention=found.mode == "GOVERNANCE" and firmer == "COMPLIANCE",
                )
        return Change(updated=1, details=(f"retenção de {bucket}/{key}: {firmer} até {until:%d/%m/%Y}",))

    def place_legal_hold(self, bucket: str, key: str, version_id: str) -> Change:
        """Keep a version from deletion until the hold is released, whatever its retention."""
        return self._set_legal_hold(bucket, key, version_id, held=True)

    def release_legal_hold(self, bucket: str, key: str, version_id: str) -> Change:
        """End a version's legal hold; its retention still holds."""
        return self._set_legal_hold(bucket, key, version_id, held=False)

    def _set_legal_hold(self, bucket: str, key: str, version_id: str, *, held: bool) -> Change:
        if self._require(bucket, key, version_id).legal_hold is held:
            return Change(unchanged=1)
        if not is_rehearsal():
            with explaining_s3(f"{self.endpoint}/{bucket}/{key}"):
                self.client.put_object_legal_hold(
                    Bucket=bucket, Key=key, VersionId=version_id, LegalHold={"Status": "ON" if held else "OFF"}
                )
        return Change(updated=1, details=(f"guarda legal de {bucket}/{key}: {'posta' if held else 'retirada'}",))

    def _require(self, bucket: str, key: str, version_id: str) -> ObjectFact:
        found = self.head(bucket, key, version_id)
        if found is None:
            raise InvalidInputError(
                "Objeto não encontrado", f"{self.endpoint}/{bucket}/{key}", "Confira o nome e a versão."
            )
        return found

    def remove_bucket(self, name: str) -> Change:
        """Remove a bucket with every version of every object in it; all of them, or none.

        Raises:
            IntegrityError: a version is under retention or legal hold; the message says until when.
        """
        where = f"{self.endpoint}/{name}"
        settings = BucketSettings(self.client, name, where)
        with explaining_s3(where):
            if not settings.exists():
                return Change()
            if settings.is_locked():
                self._refuse_kept(name, where)
            if not is_rehearsal():
                for page in self._version_pages(name):
                    for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                        self.client.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
                self.client.delete_bucket(Bucket=name)
        return Change(removed=1, details=(f"bucket {name}, com todos os objetos",))

    def _version_pages(self, bucket: str) -> "Iterator[ListObjectVersionsOutputTypeDef]":
        yield from self.client.get_paginator("list_object_versions").paginate(Bucket=bucket)

    def _refuse_kept(self, bucket: str, where: str) -> None:
        now, held, until, kept = datetime.now(UTC), 0, None, 0
        for version in (version for page in self._version_pages(bucket) for version in page.get("Versions", [])):
            fact = self.client.head_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
            held += fact.get("ObjectLockLegalHoldStatus") == "ON"
            ends = fact.get("ObjectLockRetainUntilDate")
            if ends and ends > now:
                kept += 1
                until = max(until or ends, ends)
        reasons = [f"{kept} em retenção até {until.astimezone(UTC):%d/%m/%Y %H:%M} (UTC)"] if until else []
        reasons += [f"{held} sob guarda legal, sem prazo"] if held else []
        if reasons:
            raise IntegrityError(
                f"O bucket {bucket} tem versões de objetos que não podem ser apagadas: {' e '.join(reasons)}",
                where,
                "Nada foi apagado. Espere o fim da retenção e retire a guarda legal, se for o caso, e execute de novo.",
            )


def _bucket_change(name: str, differences: tuple[Difference, ...], *, created: bool) -> Change:
    if created:  # its settings are part of it
        return Change(created=1, details=(f"bucket {name}",))
    if not differences:
        return Change(unchanged=1)
    return Change(updated=len(differences), details=tuple(difference.detail for difference in differences))


def _kept(found: ObjectFact, retain_until: datetime, mode: LockMode, *, legal_hold: bool) -> bool:
    """Whether a version is kept at least as long and as firmly as asked; S3 keeps times in whole seconds."""
    return (
        found.retain_until is not None
        and found.retain_until >= retain_until.replace(microsecond=0)
        and found.mode in {mode, "COMPLIANCE"}
        and (found.legal_hold or not legal_hold)
    )
