"""S3: versioned buckets, objects told apart by their SHA-256, keys that are refused."""

import hashlib
from collections.abc import Iterator

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mypy_boto3_s3 import S3Client

from blocks.object_storage import ObjectStorage
from domain.change import Change
from domain.errors import IntegrityError
from lab.state import LabState

BUCKET = "blocos-a-entrada"
KEY = "unidades.csv"


@pytest.fixture(scope="module")
def raw(lab_state: LabState) -> S3Client:
    """An ordinary S3 client, to look at what the block did and to damage it."""
    return boto3.client(
        "s3",
        endpoint_url=lab_state.s3.endpoint,
        region_name=lab_state.s3.region,
        aws_access_key_id=lab_state.s3.access_key,
        aws_secret_access_key=lab_state.s3.secret_key.get_secret_value(),
    )


@pytest.fixture(scope="module")
def bucket(storage: ObjectStorage) -> Iterator[str]:
    """One bucket for the tests that only put objects into it."""
    storage.remove_bucket(BUCKET)
    storage.ensure_bucket(BUCKET)
    yield BUCKET
    storage.remove_bucket(BUCKET)


def test_a_bucket_is_made_with_versioning_and_again_changes_nothing(storage: ObjectStorage, raw: S3Client) -> None:
    name = "blocos-a-treinamento"
    storage.remove_bucket(name)
    assert storage.ensure_bucket(name) == Change(created=1, details=(f"bucket {name}",))
    assert raw.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert storage.ensure_bucket(name) == Change(unchanged=1)
    raw.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    assert storage.ensure_bucket(name).updated == 1
    assert storage.remove_bucket(name).removed == 1
    assert storage.remove_bucket(name) == Change()


def test_an_object_is_stored_again_only_when_its_bytes_differ(
    storage: ObjectStorage, raw: S3Client, bucket: str
) -> None:
    assert storage.ensure_object(bucket, KEY, b"sigla;descricao\n") == Change(created=1)
    assert storage.ensure_object(bucket, KEY, b"sigla;descricao\n") == Change(unchanged=1)
    assert storage.ensure_object(bucket, KEY, b"sigla;nome\n") == Change(updated=1)
    versions = raw.list_object_versions(Bucket=bucket, Prefix=KEY)["Versions"]
    assert len(versions) == 2, "what was sent before is kept"
    assert raw.head_object(Bucket=bucket, Key=KEY)["Metadata"]["sha256"] == hashlib.sha256(b"sigla;nome\n").hexdigest()


@settings(max_examples=15, deadline=None)
@given(body=st.binary(max_size=5000), key=st.text("abçã ./-_;%+#?", min_size=1, max_size=20).map("{}x".format))
def test_what_is_stored_comes_back_whatever_its_name_and_bytes(
    storage: ObjectStorage, bucket: str, body: bytes, key: str
) -> None:
    name = f"planilha {key.strip('/').replace('/', '-').replace('..', '-')}"
    storage.ensure_object(bucket, name, body)
    assert storage.find_object(bucket, name) == body
    assert storage.has_object(bucket, name)


def test_an_object_or_bucket_that_is_not_there_is_none(storage: ObjectStorage, bucket: str) -> None:
    assert storage.find_object(bucket, "nunca-enviada.csv") is None
    assert not storage.has_object(bucket, "nunca-enviada.csv")
    assert storage.find_object("blocos-sem-balde", KEY) is None
    assert not storage.has_object("blocos-sem-balde", KEY)


def test_bytes_that_are_not_what_was_stored_are_noticed(storage: ObjectStorage, raw: S3Client, bucket: str) -> None:
    raw.put_object(
        Bucket=bucket, Key="trocada.csv", Body=b"outra coisa", Metadata={"sha256": hashlib.sha256(b"esta").hexdigest()}
    )
    with pytest.raises(IntegrityError, match="difere do que foi gravado"):
        storage.find_object(bucket, "trocada.csv")


def test_a_file_that_the_prefeitura_sent_by_another_program_is_read(
    storage: ObjectStorage, raw: S3Client, bucket: str
) -> None:
    raw.put_object(Bucket=bucket, Key="de-fora.csv", Body=b"sigla\n")
    assert storage.find_object(bucket, "de-fora.csv") == b"sigla\n"
    assert storage.ensure_object(bucket, "de-fora.csv", b"sigla\n") == Change(updated=1)
