"""What one environment's key opens in the object storage, beside its own bucket."""

import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from blocks.object_storage import ObjectStorage
from blocks.probes.attempts import Attempt, RefusedError, count_seen, try_all
from blocks.s3_errors import REFUSED, code_of, explain
from domain.environment import EnvironmentName, intake_bucket
from domain.segregation import ProbeResult, Way

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FORBIDDEN = 403


def probe_s3(
    tenant: ObjectStorage, environment: EnvironmentName, neighbour: EnvironmentName | None
) -> list[ProbeResult]:
    """Try, with an environment's own key, the neighbour's buckets and the service itself.

    `tenant` is the storage as that identity (`ObjectStorage.as_identity`).
    """
    client = tenant.client
    own = environment.bucket
    listing = {"listar o próprio balde": _call(lambda: client.list_objects_v2(Bucket=own, MaxKeys=1))}
    results = try_all(Way.S3, listing, control=True)
    results += try_all(
        Way.S3,
        {
            "ver baldes alheios": partial(_see_others, client, own),
            "criar um balde": _call(lambda: client.create_bucket(Bucket=own)),
            "ler as planilhas do município": _call(
                lambda: client.list_objects_v2(Bucket=intake_bucket(environment.municipality), MaxKeys=1)
            ),
        },
    )
    if neighbour is not None:
        for bucket, what in (
            (neighbour.bucket, "vizinho"),
            (intake_bucket(neighbour.municipality), "município vizinho"),
        ):
            results += try_all(Way.S3, _bucket_attempts(client, own, bucket, what))
    return results


def _bucket_attempts(client: "S3Client", own: str, bucket: str, whose: str) -> dict[str, Attempt]:
    # A name that nobody uses: allowed to read it, one is told that it does not exist; deleting it deletes nothing.
    key = f"implanta-sonda/{secrets.token_hex(8)}"
    return {
        f"listar o balde do {whose}": _call(lambda: client.list_objects_v2(Bucket=bucket, MaxKeys=1)),
        f"ver o balde do {whose}": _call(lambda: client.head_bucket(Bucket=bucket)),
        f"listar versões do {whose}": _call(lambda: client.list_object_versions(Bucket=bucket, MaxKeys=1)),
        f"listar envios do {whose}": _call(lambda: client.list_multipart_uploads(Bucket=bucket)),
        f"ler um objeto do {whose}": _call(lambda: client.get_object(Bucket=bucket, Key=key)),
        f"apagar um objeto do {whose}": _call(lambda: client.delete_object(Bucket=bucket, Key=key, VersionId="null")),
        f"gravar no balde do {whose}": _call(lambda: _start_upload(client, bucket, key)),
        f"copiar do balde do {whose}": _call(
            lambda: client.copy_object(Bucket=own, Key=key, CopySource={"Bucket": bucket, "Key": key})
        ),
        f"ler o ciclo de vida do {whose}": _call(lambda: client.get_bucket_lifecycle_configuration(Bucket=bucket)),
        f"ler as regras de acesso do {whose}": _call(lambda: client.get_bucket_policy(Bucket=bucket)),
    }


def _start_upload(client: "S3Client", bucket: str, key: str) -> None:
    """The first half of a write: nothing is stored, and what began is taken back."""
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)
    client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload["UploadId"])


def _call(work: Callable[[], object]) -> Attempt:
    def attempt() -> str:
        try:
            work()
        except ClientError as e:
            code, status = code_of(e), e.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if code in REFUSED or status == _FORBIDDEN:
                raise RefusedError(code) from None
            return f"o serviço respondeu {code}, que só vê quem tem acesso"
        except BotoCoreError as e:
            raise explain(e, "sonda S3") from e
        return "o serviço atendeu"

    return attempt


def _see_others(client: "S3Client", own: str) -> str:
    names: list[str] = []
    try:
        names += [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    except ClientError as e:
        if code_of(e) not in REFUSED:
            raise explain(e, "sonda S3") from e
    return count_seen(len(set(names) - {own}), "baldes")
