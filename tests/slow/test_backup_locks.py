"""What is locked nobody deletes, shortens or overwrites: neither with the tenant's key nor with the operator's."""

from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from blocks.object_storage import ObjectStorage
from blocks.settings import Settings
from domain.backup.manifest import folder_of
from tasks import clock, doors
from tasks.backup_cycle import check_certificate
from tasks.backup_storage import fetch_manifest
from tasks.backup_verify import verify_backup
from tests.flows.backup_ground import Ground, lay, make_instance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
REFUSALS = "AccessDenied|Forbidden|403"


def client_of(storage: ObjectStorage) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=storage.endpoint,
        region_name=storage.region,
        aws_access_key_id=storage.access_key,
        aws_secret_access_key=storage.secret_key.get_secret_value(),
    )


@pytest.fixture(scope="module")
def ground(programme: Settings) -> Ground:
    assert programme
    return lay(make_instance("3101631", "Alfredo Vasconcelos"))


@pytest.fixture(scope="module")
def clients(ground: Ground) -> dict[str, S3Client]:
    """The operator's key, and the environment's own."""
    secrets = doors.environment_secrets(ground.instance.name.slug)
    assert secrets.s3_access_key
    assert secrets.s3_secret_key
    storage = doors.object_storage()
    tenant = storage.as_identity(secrets.s3_access_key, secrets.s3_secret_key)
    return {"operador": client_of(storage), "ambiente": client_of(tenant)}


def objects(ground: Ground) -> list[tuple[str, str]]:
    """Every object of the backup: its parts, its manifest, its certificate, their signatures."""
    below = ground.storage.versions_below(folder_of(ground.reference.taken_at))
    texts = [(stored.key, stored.version_id) for stored in below]
    parts = [(part.key, part.version_id) for part in ground.manifest.parts]
    found = sorted({*parts, *texts})
    assert len(found) == 5 + 6
    return found


@pytest.mark.parametrize("who", ["operador", "ambiente"])
def test_no_object_of_a_backup_is_deleted_and_no_lock_shortened(
    ground: Ground, clients: dict[str, S3Client], who: str
) -> None:
    client, bucket = clients[who], ground.instance.name.backup_bucket
    for key, version in objects(ground):
        with pytest.raises(ClientError, match=REFUSALS):
            client.delete_object(Bucket=bucket, Key=key, VersionId=version)
        with pytest.raises(ClientError, match=REFUSALS):
            client.delete_object(Bucket=bucket, Key=key, VersionId=version, BypassGovernanceRetention=True)
        before = ground.storage.head(key, version)
        assert before is not None
        assert before.mode == "COMPLIANCE"
        for mode in ("COMPLIANCE", "GOVERNANCE"):
            with pytest.raises(ClientError):
                client.put_object_retention(
                    Bucket=bucket,
                    Key=key,
                    VersionId=version,
                    Retention={"Mode": mode, "RetainUntilDate": clock.now() + timedelta(minutes=1)},
                    BypassGovernanceRetention=True,
                )
        assert ground.storage.head(key, version) == before
    with pytest.raises(ClientError):
        client.delete_bucket(Bucket=bucket)


def test_an_environments_own_key_does_not_even_read_its_backups(ground: Ground, clients: dict[str, S3Client]) -> None:
    client, bucket = clients["ambiente"], ground.instance.name.backup_bucket
    for key, version in objects(ground):
        with pytest.raises(ClientError, match=REFUSALS):
            client.get_object(Bucket=bucket, Key=key, VersionId=version)
        with pytest.raises(ClientError, match=REFUSALS):
            client.put_object(Bucket=bucket, Key=key, Body=b"por cima")


def test_what_is_written_over_a_backup_nobody_reads(ground: Ground, clients: dict[str, S3Client]) -> None:
    """Objects, manifest and signatures, also by a mark of deletion; the certificate is signed, so that one is told."""
    client, bucket = clients["operador"], ground.instance.name.backup_bucket
    for key, _ in objects(ground):
        if "certificado" not in key:
            client.put_object(Bucket=bucket, Key=key, Body=b"por cima")
            client.delete_object(Bucket=bucket, Key=key)
    assert fetch_manifest(ground.instance, ground.reference) == ground.manifest
    certificate = verify_backup(ground.instance, ground.reference)
    assert certificate.proved, [str(finding) for finding in certificate.findings]
    assert check_certificate(ground.instance, ground.reference) == ground.certificate
