"""An environment's bucket on the real server: made as declared, every drift named and mended, nothing public."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from blocks.bucket import BucketSettings
from blocks.object_storage import ObjectStorage
from blocks.rehearsal import rehearsing
from domain.bucket import ABORT_RULE, NONCURRENT_RULE, BucketRule, Retention
from domain.change import Change
from domain.errors import IntegrityError
from lab.state import LabState
from tests.lab.clients import connect_s3

RULE = BucketRule(retention=Retention(mode="GOVERNANCE", days=7), abort_uploads_days=3, noncurrent_days=30)
TAGS = {"municipio": "blocos-b", "finalidade": "producao"}
BUCKET = "blocos-b-producao"
PUBLIC_READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
ONLY_TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": f"arn:aws:s3:::{BUCKET}/*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.fixture(scope="module")
def raw(lab_state: LabState) -> S3Client:
    """An ordinary S3 client, to look at what the block did and to damage it."""
    return connect_s3(lab_state)


@pytest.fixture
def bucket(storage: ObjectStorage) -> str:
    """One bucket as declared, for the tests that damage it."""
    storage.ensure_bucket(BUCKET, RULE, TAGS)
    return BUCKET


def erase(raw: S3Client, bucket: str) -> None:
    """Remove a bucket with what GOVERNANCE keeps, as only an administrator who insists can."""
    try:
        found = raw.list_object_versions(Bucket=bucket)
    except raw.exceptions.NoSuchBucket:
        return
    for version in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
        raw.delete_object(
            Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"], BypassGovernanceRetention=True
        )
    raw.delete_bucket(Bucket=bucket)


def names(raw: S3Client) -> set[str]:
    return {found["Name"] for found in raw.list_buckets()["Buckets"]}


def test_a_bucket_is_made_as_declared_and_again_changes_nothing(storage: ObjectStorage, raw: S3Client) -> None:
    erase(raw, BUCKET)
    with rehearsing():
        rehearsed = storage.ensure_bucket(BUCKET, RULE, TAGS)
    assert BUCKET not in names(raw)
    assert storage.ensure_bucket(BUCKET, RULE, TAGS) == rehearsed == Change(created=1, details=(f"bucket {BUCKET}",))
    assert raw.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert raw.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}},
    }
    rules = {rule["ID"]: rule for rule in raw.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    assert rules[ABORT_RULE]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 3}
    assert rules[NONCURRENT_RULE]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    tags = raw.get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == TAGS
    assert storage.ensure_bucket(BUCKET, RULE, TAGS) == Change(unchanged=1)


def test_what_is_stored_there_is_kept_without_asking(storage: ObjectStorage, raw: S3Client, bucket: str) -> None:
    storage.ensure_object(bucket, "certificado.json", b"{}")
    version = raw.head_object(Bucket=bucket, Key="certificado.json")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        raw.delete_object(Bucket=bucket, Key="certificado.json", VersionId=version)


@dataclass(frozen=True)
class Drift:
    """What somebody does to a bucket by hand, and how the next look names it."""

    make: Callable[[S3Client], object]
    details: tuple[str, ...]


def put_rules(raw: S3Client, *rules: dict[str, object]) -> None:
    common = {"Status": "Enabled", "Filter": {"Prefix": ""}}
    made = [common | rule for rule in rules]
    raw.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": made})  # type: ignore[typeddict-item]


ABORT: dict[str, object] = {"ID": ABORT_RULE, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}}
NONCURRENT: dict[str, object] = {"ID": NONCURRENT_RULE, "NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
LIFECYCLE = "regra de ciclo de vida {} do bucket " + BUCKET
DRIFTS = {
    "a lifecycle rule removed": Drift(
        lambda raw: put_rules(raw, ABORT), (LIFECYCLE.format(NONCURRENT_RULE) + ": faltava",)
    ),
    "all lifecycle rules removed": Drift(
        lambda raw: raw.delete_bucket_lifecycle(Bucket=BUCKET),
        (LIFECYCLE.format(ABORT_RULE) + ": faltava", LIFECYCLE.format(NONCURRENT_RULE) + ": faltava"),
    ),
    "a lifecycle rule changed": Drift(
        lambda raw: put_rules(raw, ABORT, NONCURRENT | {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}),
        (LIFECYCLE.format(NONCURRENT_RULE) + ": diferia",),
    ),
    "a lifecycle rule narrowed": Drift(
        lambda raw: put_rules(raw, ABORT, NONCURRENT | {"Filter": {"Prefix": "so-isto/"}}),
        (LIFECYCLE.format(NONCURRENT_RULE) + ": diferia",),
    ),
    "a lifecycle rule switched off": Drift(
        lambda raw: put_rules(raw, ABORT | {"Status": "Disabled"}, NONCURRENT),
        (LIFECYCLE.format(ABORT_RULE) + ": diferia",),
    ),
    "a lifecycle rule that deletes everything": Drift(
        lambda raw: put_rules(raw, ABORT, NONCURRENT, {"ID": "limpeza", "Expiration": {"Days": 1}}),
        (LIFECYCLE.format("limpeza") + ": não declarada → removida",),
    ),
    "a shorter retention": Drift(
        lambda raw: raw.put_object_lock_configuration(
            Bucket=BUCKET,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
            },
        ),
        (f"retenção padrão do bucket {BUCKET}: GOVERNANCE 1 dia → GOVERNANCE 7 dias",),
    ),
    "no retention": Drift(
        lambda raw: raw.put_object_lock_configuration(
            Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
        ),
        (f"retenção padrão do bucket {BUCKET}: nenhuma → GOVERNANCE 7 dias",),
    ),
    "a policy for everybody": Drift(
        lambda raw: raw.put_bucket_policy(
            Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [PUBLIC_READ]})
        ),
        (f"política de acesso do bucket {BUCKET}: concedia acesso → removida",),
    ),
    "a public access list": Drift(
        lambda raw: raw.put_bucket_acl(Bucket=BUCKET, ACL="public-read"),
        (f"lista de acesso do bucket {BUCKET}: concedia acesso a outros → só ao dono",),
    ),
    "another tag": Drift(
        lambda raw: raw.put_bucket_tagging(
            Bucket=BUCKET, Tagging={"TagSet": [{"Key": "municipio", "Value": "outro"}, {"Key": "custo", "Value": "1"}]}
        ),
        (
            f"etiqueta municipio do bucket {BUCKET}: outro → blocos-b",
            f"etiqueta finalidade do bucket {BUCKET}: sem valor → producao",
        ),
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_drift_made_by_hand_is_named_by_a_rehearsal_and_mended_by_a_run(
    storage: ObjectStorage, raw: S3Client, bucket: str, drift: str
) -> None:
    DRIFTS[drift].make(raw)
    damaged = BucketSettings(raw, bucket, "").read()
    expected = Change(updated=len(DRIFTS[drift].details), details=DRIFTS[drift].details)
    with rehearsing():
        assert storage.ensure_bucket(bucket, RULE, TAGS) == expected
    assert BucketSettings(raw, bucket, "").read() == damaged, "a rehearsal changes nothing"
    assert storage.ensure_bucket(bucket, RULE, TAGS) == expected
    assert storage.ensure_bucket(bucket, RULE, TAGS) == Change(unchanged=1)


def test_tags_of_others_stay(storage: ObjectStorage, raw: S3Client, bucket: str) -> None:
    DRIFTS["another tag"].make(raw)
    storage.ensure_bucket(bucket, RULE, TAGS)
    tags = raw.get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == TAGS | {"custo": "1"}


def test_what_a_policy_denies_stays_when_its_grants_go(storage: ObjectStorage, raw: S3Client, bucket: str) -> None:
    both = json.dumps({"Version": "2012-10-17", "Statement": [PUBLIC_READ, ONLY_TLS]})
    raw.put_bucket_policy(Bucket=bucket, Policy=both)
    assert storage.ensure_bucket(bucket, RULE, TAGS).updated == 1
    (kept,) = json.loads(raw.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert kept["Effect"] == "Deny"
    assert storage.ensure_bucket(bucket, RULE, TAGS) == Change(unchanged=1)
    raw.delete_bucket_policy(Bucket=bucket)


@pytest.mark.parametrize("versioned", [False, True])
def test_a_bucket_of_an_older_version_gets_object_lock_and_keeps_its_objects(
    storage: ObjectStorage, raw: S3Client, *, versioned: bool
) -> None:
    name = f"blocos-b-antigo-{versioned}".lower()
    raw.create_bucket(Bucket=name)
    if versioned:
        raw.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    raw.put_object(Bucket=name, Key="antes.txt", Body=b"de antes")
    change = storage.ensure_bucket(name, RULE, TAGS)
    assert f"object lock do bucket {name}: desligado → ligado" in change.details
    assert (f"versionamento do bucket {name}: desligado → ligado" in change.details) is not versioned
    assert storage.ensure_bucket(name, RULE, TAGS) == Change(unchanged=1)
    assert storage.find_object(name, "antes.txt") == b"de antes"
    raw.put_object(Bucket=name, Key="depois.txt", Body=b"de depois")
    assert raw.head_object(Bucket=name, Key="depois.txt")["ObjectLockMode"] == "GOVERNANCE"
    erase(raw, name)


def test_a_server_that_cannot_add_object_lock_is_told_with_the_way_out(raw: S3Client) -> None:
    name = "blocos-b-sem-versoes"
    raw.create_bucket(Bucket=name)
    settings = BucketSettings(raw, name, f"s3/{name}")
    # This server adds it to versioned buckets only, others to none: the refusal is the same.
    with pytest.raises(
        IntegrityError, match=rf"sem object lock.*InvalidBucketState\) \(s3/{name}\)\. Copie os objetos"
    ):
        settings._lock(RULE.retention)  # the public way switches versioning on first
    raw.delete_bucket(Bucket=name)


def test_the_intake_bucket_stays_simple(storage: ObjectStorage, raw: S3Client) -> None:
    name = "blocos-b-entrada"
    storage.ensure_bucket(name)
    storage.ensure_object(name, "unidades.csv", b"sigla")
    raw.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    mended = Change(updated=1, details=(f"versionamento do bucket {name}: desligado → ligado",))
    with rehearsing():
        assert storage.ensure_bucket(name) == mended
    assert raw.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    assert storage.ensure_bucket(name) == mended
    assert storage.remove_bucket(name).removed == 1
    assert name not in names(raw)


def test_a_rehearsal_stores_and_removes_nothing(storage: ObjectStorage, raw: S3Client) -> None:
    name = "blocos-b-ensaio"
    storage.ensure_bucket(name)
    with rehearsing():
        assert storage.ensure_object(name, "a.csv", b"1") == Change(created=1)
        assert storage.find_object(name, "a.csv") is None
        assert storage.remove_bucket(name).removed == 1
    assert name in names(raw)
    assert storage.remove_bucket(name) == Change(removed=1, details=(f"bucket {name}, com todos os objetos",))


def test_a_bucket_with_kept_objects_is_removed_whole_or_not_at_all(storage: ObjectStorage, raw: S3Client) -> None:
    name = "blocos-b-final"
    erase(raw, name)
    storage.ensure_bucket(name, RULE, TAGS)
    until = datetime.now(UTC) + timedelta(hours=3)
    raw.put_object(Bucket=name, Key="a", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    held = raw.put_object(Bucket=name, Key="b", Body=b"2", ObjectLockLegalHoldStatus="ON")["VersionId"]
    count = len(raw.list_object_versions(Bucket=name)["Versions"])
    last = (datetime.now(UTC) + timedelta(days=7)).strftime("%d/%m/%Y")
    expected = rf"2 em retenção até {last} .* e 1 sob guarda legal, sem prazo .*Nada foi apagado"
    with pytest.raises(IntegrityError, match=expected):
        storage.remove_bucket(name)
    with rehearsing(), pytest.raises(IntegrityError, match=expected):
        storage.remove_bucket(name)
    assert len(raw.list_object_versions(Bucket=name)["Versions"]) == count
    raw.put_object_legal_hold(Bucket=name, Key="b", VersionId=held, LegalHold={"Status": "OFF"})
    with pytest.raises(IntegrityError, match=rf"2 em retenção até {last} \d\d:\d\d \(UTC\) \("):
        storage.remove_bucket(name)
    erase(raw, name)
    assert storage.remove_bucket(name) == Change()
