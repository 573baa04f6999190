"""S3 object storage: buckets of environments and of prefeituras' files."""

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from domain.change import Change
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


def explain(error: BotoCoreError | ClientError, where: str) -> ImplantaError:
    """Translate a driver error."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "?"))
        if code in _MISSING:
            return InvalidInputError(
                "Objeto ou bucket não encontrado", where, "Confira o nome, ou envie o arquivo de novo."
            )
        if code in {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"}:
            return InvalidInputError(f"O S3 recusou o acesso ({code})", where, "Confira as chaves no bloco do S3.")
        return RetryableError(f"O S3 falhou ({code})", where, "Confira espaço e estado do servidor e execute de novo.")
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return RetryableError("O S3 não respondeu", where, "Confira se o servidor está no ar e execute de novo.")
    return RetryableError(f"A conversa com o S3 falhou ({type(error).__name__})", where, "Execute de novo.")


class ObjectStorage(Block):
    """An S3 service; the files that prefeituras send and the backups live in it."""

    model_config = ConfigDict(extra="forbid", ignored_types=(cached_property,))
    _block_type_name = "Implanta S3"
    _block_type_slug = "implanta-object-storage"

    endpoint: str = Field(description="Endereço do serviço S3.")
    region: str = Field(default="us-east-1", description="Região.")
    access_key: str = Field(description="Chave de acesso.")
    secret_key: SecretStr = Field(description="Chave secreta.")

    @cached_property
    def _client(self) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key.get_secret_value(),
            # Blocks do not loop: tasks retry.
            config=Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1}),
        )

    def probe(self) -> None:
        """List the buckets, to know that the service answers."""
        try:
            self._client.list_buckets()
        except (BotoCoreError, ClientError) as e:
            raise explain(e, self.endpoint) from e

    def ensure_bucket(self, name: str) -> Change:
        """Create a bucket with versioning on."""
        where = f"{self.endpoint}/{name}"
        change = Change()
        try:
            if not self._has_bucket(name):
                self._client.create_bucket(Bucket=name)
                change += Change(created=1)
            if self._client.get_bucket_versioning(Bucket=name).get("Status") == "Enabled":
                return change + Change(unchanged=1)
            self._client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
            return change + Change(updated=1)
        except (BotoCoreError, ClientError) as e:
            raise explain(e, where) from e

    def _has_bucket(self, name: str) -> bool:
        try:
            self._client.head_bucket(Bucket=name)
        except ClientError as e:
            if str(e.response.get("Error", {}).get("Code")) in _MISSING:
                return False
            raise
        return True

    def ensure_object(self, bucket: str, key: str, body: bytes) -> Change:
        """Store an object unless the stored one has the same SHA-256."""
        digest = hashlib.sha256(body).hexdigest()
        where = f"{self.endpoint}/{bucket}/{key}"
        try:
            try:
                found = self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as e:
                if str(e.response.get("Error", {}).get("Code")) not in _MISSING:
                    raise
                change = Change(created=1)
            else:
                if found.get("Metadata", {}).get("sha256") == digest:
                    return Change(unchanged=1)
                change = Change(updated=1)
            self._client.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"sha256": digest})
        except (BotoCoreError, ClientError) as e:
            raise explain(e, where) from e
        return change

    def has_object(self, bucket: str, key: str) -> bool:
        """Whether the bucket has this object."""
        try:
            self._client.head_object(Bucket=bucket, Key=key)
        except (BotoCoreError, ClientError) as e:
            if isinstance(e, ClientError) and str(e.response.get("Error", {}).get("Code")) in _MISSING:
                return False
            raise explain(e, f"{self.endpoint}/{bucket}/{key}") from e
        return True

    def find_object(self, bucket: str, key: str) -> bytes | None:
        """Fetch a whole object, or None when there is none; for spreadsheets, not for backups.

        Raises:
            IntegrityError: what came back is not what was stored.
        """
        where = f"{self.endpoint}/{bucket}/{key}"
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key)
            body = answer["Body"].read()
        except (BotoCoreError, ClientError) as e:
            if isinstance(e, ClientError) and str(e.response.get("Error", {}).get("Code")) in _MISSING:
                return None
            raise explain(e, where) from e
        expected = answer.get("Metadata", {}).get("sha256")
        if expected and expected != hashlib.sha256(body).hexdigest():
            raise IntegrityError("O objeto lido difere do que foi gravado", where, "Envie o arquivo de novo.")
        return body

    def remove_bucket(self, name: str) -> Change:
        """Remove a bucket with every version of every object in it."""
        where = f"{self.endpoint}/{name}"
        try:
            if not self._has_bucket(name):
                return Change()
            for page in self._client.get_paginator("list_object_versions").paginate(Bucket=name):
                for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    self._client.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
            self._client.delete_bucket(Bucket=name)
        except (BotoCoreError, ClientError) as e:
            raise explain(e, where) from e
        return Change(removed=1)
