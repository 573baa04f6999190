"""A key of its own for each environment: it opens its own bucket and nothing else, whatever is tried."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client
from pydantic import SecretStr

from blocks.object_storage import ObjectStorage
from blocks.rehearsal import rehearsing
from blocks.storage_identities import StorageIdentities
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import InvalidInputError
from domain.storage_identity import POLICY_NAME, S3Key, identity_name, identity_policy, same_policy
from lab import status, up
from lab.record import read_record
from lab.state import LabState
from tests.lab.clients import connect_s3
from tests.waiting import end

A = EnvironmentName(municipality="blocos-d", purpose=Purpose.PRODUCAO)
B = EnvironmentName(municipality="blocos-d", purpose=Purpose.TREINAMENTO)
USER = identity_name(A)
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}],
}


def client(kind: str, state: LabState, access_key: str, secret_key: SecretStr) -> Any:  # noqa: ANN401  # made at run time
    return boto3.client(  # type: ignore[call-overload]
        kind,
        endpoint_url=state.s3.endpoint,
        region_name=state.s3.region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key.get_secret_value(),
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def iam(lab_state: LabState) -> Any:  # noqa: ANN401  # made at run time
    """The administrator's IAM client, to look at what the block did and to damage it."""
    return client("iam", lab_state, lab_state.s3.access_key, lab_state.s3.secret_key)


@pytest.fixture(scope="module")
def identities(storage: ObjectStorage) -> StorageIdentities:
    return StorageIdentities(storage)


@dataclass
class Tenants:
    """Two environments, a bucket and a key each, with a document in B's."""

    key_a: S3Key
    key_b: S3Key


@pytest.fixture(scope="module")
def tenants(storage: ObjectStorage, identities: StorageIdentities) -> Iterator[Tenants]:
    for environment in (A, B):
        identities.remove_identity(environment)
        storage.ensure_bucket(environment.bucket)
    storage.ensure_object(B.bucket, "documento.pdf", b"de B")
    key_a, key_b = (identities.ensure_identity(environment, None).key for environment in (A, B))
    assert key_a is not None
    assert key_b is not None
    yield Tenants(key_a, key_b)
    for environment in (A, B):
        identities.remove_identity(environment)
        storage.remove_bucket(environment.bucket)


@pytest.fixture
def known(identities: StorageIdentities, tenants: Tenants) -> S3Key:
    """A's key as it was saved; the identity is as declared before each test that damages it."""
    outcome = identities.ensure_identity(A, tenants.key_a)
    assert outcome.key is not None
    tenants.key_a = outcome.key
    return outcome.key


def works(storage: ObjectStorage, key: S3Key, bucket: str) -> bool:
    try:
        storage.as_identity(key.access_key, key.secret_key).has_object(bucket, "qualquer")
    except InvalidInputError:
        return False
    return True


def test_an_identity_is_made_once_and_again_changes_nothing(
    identities: StorageIdentities,
    storage: ObjectStorage,
    iam: Any,  # noqa: ANN401
) -> None:
    identities.remove_identity(A)
    with rehearsing():
        rehearsed = identities.ensure_identity(A, None)
    assert rehearsed.key is None
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName=USER)
    made = identities.ensure_identity(A, None)
    assert made.change == rehearsed.change
    assert made.change == Change(
        created=2,
        updated=1,
        details=(
            f"identidade {USER} no S3",
            f"política da identidade {USER} no S3: faltava",
            f"chave da identidade {USER} no S3",
        ),
    )
    assert made.key is not None
    assert made.key.secret_key.get_secret_value() not in repr(made)
    again = identities.ensure_identity(A, made.key)
    assert (again.change.total, again.key) == (0, made.key)
    assert same_policy(
        iam.get_user_policy(UserName=USER, PolicyName=POLICY_NAME)["PolicyDocument"], dict(identity_policy(A))
    )


def test_an_environment_works_in_its_own_bucket(
    storage: ObjectStorage, tenants: Tenants, known: S3Key, lab_state: LabState
) -> None:
    own = storage.as_identity(known.access_key, known.secret_key)
    assert own.list_buckets() == (A.bucket,)
    assert own.ensure_object(A.bucket, "meu.txt", b"1").created == 1
    assert own.find_object(A.bucket, "meu.txt") == b"1"
    raw = client("s3", lab_state, known.access_key, known.secret_key)
    assert [found["Key"] for found in raw.list_objects_v2(Bucket=A.bucket)["Contents"]] == ["meu.txt"]
    raw.upload_fileobj(BytesIO(bytes(9_000_000)), A.bucket, "em-partes.bin")
    raw.delete_object(Bucket=A.bucket, Key="meu.txt")
    assert not own.has_object(A.bucket, "meu.txt")


def test_an_intruder_with_the_key_cannot_make_versions_disappear(
    tenants: Tenants, known: S3Key, lab_state: LabState
) -> None:
    raw = client("s3", lab_state, known.access_key, known.secret_key)
    version = raw.put_object(Bucket=A.bucket, Key="valioso", Body=b"1")["VersionId"]
    raw.delete_object(Bucket=A.bucket, Key="valioso")
    with pytest.raises(ClientError, match="AccessDenied"):
        raw.delete_object(Bucket=A.bucket, Key="valioso", VersionId=version)
    assert connect_s3(lab_state).get_object(Bucket=A.bucket, Key="valioso", VersionId=version)["Body"].read() == b"1"


PUBLIC = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{B.bucket}/*"}
        ],
    }
)
FROM_B = {"Bucket": B.bucket, "Key": "documento.pdf"}
TO_B: dict[str, Any] = {"Bucket": B.bucket, "Key": "documento.pdf"}


def copy_by_parts(raw: S3Client) -> object:
    upload = raw.create_multipart_upload(Bucket=A.bucket, Key="furtado")["UploadId"]
    try:
        return raw.upload_part_copy(
            Bucket=A.bucket,
            Key="furtado",
            UploadId=upload,
            PartNumber=1,
            CopySource={"Bucket": B.bucket, "Key": "documento.pdf"},
        )
    finally:
        raw.abort_multipart_upload(Bucket=A.bucket, Key="furtado", UploadId=upload)


def delete_many(raw: S3Client) -> object:
    answer = raw.delete_objects(Bucket=B.bucket, Delete={"Objects": [{"Key": "documento.pdf"}]})
    if answer.get("Errors"):
        raise ClientError({"Error": {"Code": answer["Errors"][0].get("Code", "")}}, "DeleteObjects")
    return answer


# What a tenant tries with its own key on another's bucket, or on the service itself.
ATTEMPTS: dict[str, Callable[[Any], object]] = {
    "list": lambda raw: raw.list_objects_v2(Bucket=B.bucket),
    "list, old way": lambda raw: raw.list_objects(Bucket=B.bucket),
    "versions": lambda raw: raw.list_object_versions(Bucket=B.bucket),
    "uploads": lambda raw: raw.list_multipart_uploads(Bucket=B.bucket),
    "head bucket": lambda raw: raw.head_bucket(Bucket=B.bucket),
    "get": lambda raw: raw.get_object(**TO_B),
    "head": lambda raw: raw.head_object(**TO_B),
    "head of what is not there": lambda raw: raw.head_object(Bucket=B.bucket, Key="nao-existe"),
    "attributes": lambda raw: raw.get_object_attributes(**TO_B, ObjectAttributes=["ObjectSize"]),
    "object tags": lambda raw: raw.get_object_tagging(**TO_B),
    "object acl": lambda raw: raw.get_object_acl(**TO_B),
    "object retention": lambda raw: raw.get_object_retention(**TO_B),
    "object hold": lambda raw: raw.get_object_legal_hold(**TO_B),
    "put": lambda raw: raw.put_object(**TO_B, Body=b"de A"),
    "put tags": lambda raw: raw.put_object_tagging(**TO_B, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]}),
    "delete": lambda raw: raw.delete_object(**TO_B),
    "delete many": delete_many,
    "copy from": lambda raw: raw.copy_object(Bucket=A.bucket, Key="furtado", CopySource=FROM_B),
    "copy to": lambda raw: raw.copy_object(**TO_B, CopySource={"Bucket": A.bucket, "Key": "meu"}),
    "copy by parts": copy_by_parts,
    "upload": lambda raw: raw.create_multipart_upload(**TO_B),
    "read versioning": lambda raw: raw.get_bucket_versioning(Bucket=B.bucket),
    "read lifecycle": lambda raw: raw.get_bucket_lifecycle_configuration(Bucket=B.bucket),
    "read policy": lambda raw: raw.get_bucket_policy(Bucket=B.bucket),
    "read acl": lambda raw: raw.get_bucket_acl(Bucket=B.bucket),
    "read tags": lambda raw: raw.get_bucket_tagging(Bucket=B.bucket),
    "read lock": lambda raw: raw.get_object_lock_configuration(Bucket=B.bucket),
    "read location": lambda raw: raw.get_bucket_location(Bucket=B.bucket),
    "suspend versioning": lambda raw: raw.put_bucket_versioning(
        Bucket=B.bucket, VersioningConfiguration={"Status": "Suspended"}
    ),
    "write lifecycle": lambda raw: raw.put_bucket_lifecycle_configuration(
        Bucket=B.bucket,
        LifecycleConfiguration={
            "Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
        },
    ),
    "drop lifecycle": lambda raw: raw.delete_bucket_lifecycle(Bucket=B.bucket),
    "write policy": lambda raw: raw.put_bucket_policy(Bucket=B.bucket, Policy=PUBLIC),
    "write acl": lambda raw: raw.put_bucket_acl(Bucket=B.bucket, ACL="public-read"),
    "write tags": lambda raw: raw.put_bucket_tagging(Bucket=B.bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]}),
    "delete bucket": lambda raw: raw.delete_bucket(Bucket=B.bucket),
    "create bucket": lambda raw: raw.create_bucket(Bucket="blocos-d-intruso"),
    "store where no bucket is": lambda raw: raw.put_object(Bucket="blocos-d-intruso", Key="x", Body=b""),
    "climb out by the key": lambda raw: raw.get_object(Bucket=A.bucket, Key=f"../{B.bucket}/documento.pdf"),
    "own policy": lambda raw: raw.put_bucket_policy(Bucket=A.bucket, Policy=PUBLIC.replace(B.bucket, A.bucket)),
    "own acl": lambda raw: raw.put_bucket_acl(Bucket=A.bucket, ACL="public-read"),
    "own lifecycle": lambda raw: raw.delete_bucket_lifecycle(Bucket=A.bucket),
    "own versioning": lambda raw: raw.put_bucket_versioning(
        Bucket=A.bucket, VersioningConfiguration={"Status": "Suspended"}
    ),
    "own bucket away": lambda raw: raw.delete_bucket(Bucket=A.bucket),
}
REFUSALS = {"AccessDenied", "403", "InvalidRequest"}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_tenants_key_is_refused_at_anothers_bucket(
    tenants: Tenants, known: S3Key, lab_state: LabState, attempt: str
) -> None:
    raw = client("s3", lab_state, known.access_key, known.secret_key)
    with pytest.raises(ClientError) as refusal:
        ATTEMPTS[attempt](raw)
    assert refusal.value.response["Error"]["Code"] in REFUSALS
    assert b"de B" not in repr(refusal.value.response).encode()


def test_nothing_of_all_that_left_a_trace_at_b(storage: ObjectStorage, tenants: Tenants, lab_state: LabState) -> None:
    """Runs after the attempts: what was refused was not done either."""
    raw = connect_s3(lab_state)
    own = storage.as_identity(tenants.key_b.access_key, tenants.key_b.secret_key)
    assert own.find_object(B.bucket, "documento.pdf") == b"de B"
    assert len(raw.list_object_versions(Bucket=B.bucket)["Versions"]) == 1
    assert "blocos-d-intruso" not in storage.list_buckets()
    assert storage.ensure_bucket(B.bucket) == Change(unchanged=1)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda iam: iam.list_users(),
        lambda iam: iam.create_user(UserName="intruso"),
        lambda iam: iam.get_user(UserName=identity_name(B)),
        lambda iam: iam.list_access_keys(UserName=identity_name(B)),
        lambda iam: iam.create_access_key(UserName=identity_name(B)),
        lambda iam: iam.create_access_key(UserName="implanta"),
        lambda iam: iam.put_user_policy(UserName=USER, PolicyName="mais", PolicyDocument=json.dumps(EVERYTHING)),
        lambda iam: iam.delete_user(UserName=identity_name(B)),
    ],
)
def test_a_tenants_key_cannot_make_itself_more(
    tenants: Tenants, known: S3Key, lab_state: LabState, attempt: Callable[[Any], object]
) -> None:
    with pytest.raises(ClientError) as refusal:
        attempt(client("iam", lab_state, known.access_key, known.secret_key))
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == httpx.codes.FORBIDDEN


def test_a_tenants_key_borrows_no_other_role(tenants: Tenants, known: S3Key, lab_state: LabState) -> None:
    sts = client("sts", lab_state, known.access_key, known.secret_key)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/Admin", RoleSessionName="intruso"),
        lambda: sts.get_federation_token(Name="intruso", Policy=json.dumps(EVERYTHING)),
    )
    for attempt in attempts:
        with pytest.raises(ClientError) as refusal:
            attempt()
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] >= httpx.codes.BAD_REQUEST


def test_without_a_key_nothing_opens(tenants: Tenants, lab_state: LabState) -> None:
    for path in ("/", f"/{B.bucket}", f"/{B.bucket}?versions", f"/{B.bucket}/documento.pdf"):
        answer = httpx.get(lab_state.s3.endpoint + path, trust_env=False)
        assert answer.status_code == httpx.codes.FORBIDDEN, path
        assert b"de B" not in answer.content


def test_the_servers_inner_door_is_shut(lab: Path, tenants: Tenants) -> None:
    """The filer asks for no key: over HTTP it would show every object and every identity's secret."""
    record = read_record(lab / "lab.json")
    assert record is not None
    for path in (f"/buckets/{B.bucket}/documento.pdf", f"/etc/iam/identities/{USER}.json", "/"):
        answer = httpx.get(f"http://127.0.0.1:{record.ports['s3_filer']}{path}", trust_env=False)
        assert answer.status_code == httpx.codes.NOT_FOUND, path


@dataclass(frozen=True)
class Drift:
    """What somebody does to an identity by hand, and how the next look names it."""

    make: Callable[[Any], object]
    change: Change


WIDER = identity_policy(A) | {"Statement": [*identity_policy(A)["Statement"], EVERYTHING["Statement"][0]]}  # type: ignore[misc]
DRIFTS = {
    "a bucket too many": Drift(
        lambda iam: iam.put_user_policy(UserName=USER, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(WIDER)),
        Change(updated=1, details=(f"política da identidade {USER} no S3: concedia outra coisa",)),
    ),
    "the policy gone": Drift(
        lambda iam: iam.delete_user_policy(UserName=USER, PolicyName=POLICY_NAME),
        Change(updated=1, details=(f"política da identidade {USER} no S3: faltava",)),
    ),
    "one more policy": Drift(
        lambda iam: iam.put_user_policy(UserName=USER, PolicyName="atalho", PolicyDocument=json.dumps(EVERYTHING)),
        Change(removed=1, details=(f"política atalho a mais na identidade {USER} no S3",)),
    ),
    "an attached policy": Drift(
        lambda iam: iam.attach_user_policy(
            UserName=USER,
            PolicyArn=iam.create_policy(PolicyName="tudo-d", PolicyDocument=json.dumps(EVERYTHING))["Policy"]["Arn"],
        ),
        Change(removed=1, details=(f"política tudo-d anexada à identidade {USER} no S3",)),
    ),
    "a group": Drift(
        lambda iam: (
            iam.create_group(GroupName="todos-d"),
            iam.add_user_to_group(GroupName="todos-d", UserName=USER),
        ),
        Change(removed=1, details=(f"grupo todos-d da identidade {USER} no S3",)),
    ),
    "one more key": Drift(
        lambda iam: iam.create_access_key(UserName=USER),
        Change(removed=1, details=(f"chave que não está em uso na identidade {USER} no S3",)),
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_drift_of_an_identity_is_named_by_a_rehearsal_and_mended_by_a_run(
    identities: StorageIdentities,
    known: S3Key,
    iam: Any,  # noqa: ANN401
    drift: str,
) -> None:
    def look() -> Change:
        change = identities.ensure_identity(A, known).change
        return change.model_copy(update={"unchanged": 0})

    DRIFTS[drift].make(iam)
    with rehearsing():
        assert look() == DRIFTS[drift].change
        assert look() == DRIFTS[drift].change, "a rehearsal changes nothing"
    assert look() == DRIFTS[drift].change
    assert look() == Change()


def test_a_grant_too_many_really_opens_b_and_is_closed_by_the_next_run(
    identities: StorageIdentities,
    storage: ObjectStorage,
    known: S3Key,
    iam: Any,  # noqa: ANN401
) -> None:
    DRIFTS["one more policy"].make(iam)
    as_a = storage.as_identity(known.access_key, known.secret_key)
    assert as_a.find_object(B.bucket, "documento.pdf") == b"de B"
    identities.ensure_identity(A, known)
    with pytest.raises(InvalidInputError, match="O S3 recusou o acesso"):
        as_a.find_object(B.bucket, "documento.pdf")


def test_a_key_that_nobody_saved_is_replaced_and_does_not_pile_up(
    identities: StorageIdentities,
    storage: ObjectStorage,
    known: S3Key,
    tenants: Tenants,
    iam: Any,  # noqa: ANN401
) -> None:
    """As after a kill between the making of a key and its saving."""
    lost = identities.ensure_identity(A, None).key
    assert lost is not None
    outcome = identities.ensure_identity(A, known)
    assert outcome.key not in {None, lost, known}
    assert outcome.change.details == (
        f"chave que não está em uso na identidade {USER} no S3",
        f"chave da identidade {USER} no S3",
    )
    assert len(iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]) == 1
    assert outcome.key is not None
    tenants.key_a = outcome.key
    assert works(storage, outcome.key, A.bucket)
    assert not works(storage, lost, A.bucket)
    assert not works(storage, known, A.bucket)


def test_a_saved_key_whose_secret_is_wrong_is_replaced(
    identities: StorageIdentities, storage: ObjectStorage, known: S3Key, tenants: Tenants
) -> None:
    damaged = known.model_copy(update={"secret_key": SecretStr("nao-e-este")})
    outcome = identities.ensure_identity(A, damaged)
    assert outcome.key is not None
    assert outcome.key.access_key != known.access_key
    assert works(storage, outcome.key, A.bucket)
    tenants.key_a = outcome.key


def test_identities_survive_a_kill_of_the_server(
    lab: Path, storage: ObjectStorage, identities: StorageIdentities, known: S3Key
) -> None:
    (pid,) = [service.pid for service in status(lab) if service.service == "s3"]
    assert pid is not None
    end(pid)
    up(lab, services=["s3"])
    outcome = identities.ensure_identity(A, known)
    assert (outcome.change.total, outcome.key) == (0, known)
    as_a = storage.as_identity(known.access_key, known.secret_key)
    assert as_a.list_buckets() == (A.bucket,)
    with pytest.raises(InvalidInputError, match="O S3 recusou o acesso"):
        as_a.find_object(B.bucket, "documento.pdf")
    assert B.bucket in storage.list_buckets(), "the administrator of the file is still there too"


def test_a_removed_identity_opens_nothing_and_is_removed_once(
    identities: StorageIdentities,
    storage: ObjectStorage,
    known: S3Key,
    tenants: Tenants,
    iam: Any,  # noqa: ANN401
) -> None:
    DRIFTS["one more policy"].make(iam)
    removed = Change(removed=1, details=(f"identidade {USER} no S3",))
    with rehearsing():
        assert identities.remove_identity(A) == removed
    assert works(storage, known, A.bucket)
    assert identities.remove_identity(A) == removed
    assert identities.remove_identity(A) == Change()
    assert not works(storage, known, A.bucket)
    made = identities.ensure_identity(A, known).key
    assert made is not None
    tenants.key_a = made
    assert storage.as_identity(made.access_key, made.secret_key).list_buckets() == (A.bucket,), "old policies are gone"


def test_without_the_address_of_iam_a_person_is_told_what_to_fill_in(storage: ObjectStorage) -> None:
    without = ObjectStorage(endpoint=storage.endpoint, access_key="x", secret_key=SecretStr("x"))
    with pytest.raises(InvalidInputError, match=r"não diz onde fica a API IAM.*iam_endpoint na tela Blocks"):
        StorageIdentities(without).ensure_identity(A, None)


def test_a_wrong_administrator_is_told_as_such(storage: ObjectStorage) -> None:
    wrong = storage.as_identity(storage.access_key, SecretStr("senha-errada"))
    with pytest.raises(InvalidInputError, match="O S3 recusou o acesso") as refusal:
        StorageIdentities(wrong).ensure_identity(A, None)
    assert "senha-errada" not in repr(refusal.value) + repr(refusal.value.__cause__)
