"""Final backups: nobody deletes them before their time, and what is stored is what was sent."""

import hashlib
import io
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from blocks import locked_objects
from blocks.object_storage import ObjectStorage
from blocks.rehearsal import rehearsing
from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError
from lab.state import LabState
from tests.blocks.test_object_storage_bucket import RULE
from tests.lab.clients import connect_s3

BUCKET = "blocos-c-producao"
PART = 5 * 1024 * 1024  # the least that S3 takes for a part that is not the last


@pytest.fixture(scope="module")
def raw(lab_state: LabState) -> S3Client:
    return connect_s3(lab_state)


@pytest.fixture(scope="module")
def bucket(storage: ObjectStorage) -> str:
    """A bucket for objects that stay: COMPLIANCE leaves no way to tidy up, the session's end takes the server."""
    storage.ensure_bucket(BUCKET, RULE)
    return BUCKET


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several parts without hundreds of megabytes."""
    monkeypatch.setattr(locked_objects, "PART_SIZE", PART)


def soon(**delta: float) -> datetime:
    return datetime.now(UTC) + timedelta(**delta)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 2 * PART + 77])
def test_a_file_is_stored_whole_and_kept(
    storage: ObjectStorage, raw: S3Client, bucket: str, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    file = tmp_path / "copia.tar"
    file.write_bytes(content)
    until = soon(hours=1)
    fact = storage.put_locked_object(bucket, f"copia-{size}.tar", file, retain_until=until, legal_hold=True)
    assert fact.sha256 == hashlib.sha256(content).hexdigest()
    assert (fact.size, fact.mode, fact.legal_hold) == (size, "COMPLIANCE", True)
    assert fact.retain_until == until.replace(microsecond=0)
    assert storage.head(bucket, f"copia-{size}.tar") == fact
    assert storage.head(bucket, f"copia-{size}.tar", fact.version_id) == fact
    assert raw.get_object(Bucket=bucket, Key=f"copia-{size}.tar")["Body"].read() == content


@pytest.mark.usefixtures("small_parts")
def test_a_pipe_is_stored_while_it_is_read(storage: ObjectStorage, raw: S3Client, bucket: str) -> None:
    content = os.urandom(PART + 1000)

    class Pipe(io.RawIOBase):
        """Gives less than it is asked for, and cannot go back."""

        source = io.BytesIO(content)

        def read(self, size: int = -1, /) -> bytes:
            return self.source.read(min(size, 65_521) if size >= 0 else 65_521)

    fact = storage.put_locked_object(bucket, "cano.zst", Pipe(), retain_until=soon(hours=1))  # type: ignore[arg-type]
    assert fact.sha256 == hashlib.sha256(content).hexdigest()
    assert storage.head(bucket, "cano.zst") == fact
    assert raw.get_object(Bucket=bucket, Key="cano.zst")["Body"].read() == content


def test_a_file_that_is_there_and_kept_is_not_stored_again(
    storage: ObjectStorage, raw: S3Client, bucket: str, tmp_path: Path
) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"copia final")
    until = soon(hours=2)
    first = storage.put_locked_object(bucket, "final", file, retain_until=until)
    assert storage.put_locked_object(bucket, "final", file, retain_until=until - timedelta(hours=1)) == first
    longer = storage.put_locked_object(bucket, "final", file, retain_until=until + timedelta(hours=1))
    assert longer.version_id != first.version_id
    held = storage.put_locked_object(bucket, "final", file, retain_until=until, legal_hold=True)
    assert held.version_id != longer.version_id
    assert len(raw.list_object_versions(Bucket=bucket, Prefix="final")["Versions"]) == 3


def test_nobody_deletes_what_compliance_keeps(storage: ObjectStorage, raw: S3Client, bucket: str) -> None:
    fact = storage.put_locked_object(bucket, "intocavel", io.BytesIO(b"1"), retain_until=soon(hours=1))
    assert fact.version_id is not None
    with pytest.raises(ClientError, match="AccessDenied"):
        raw.delete_object(Bucket=bucket, Key="intocavel", VersionId=fact.version_id, BypassGovernanceRetention=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        raw.put_object_retention(
            Bucket=bucket,
            Key="intocavel",
            VersionId=fact.version_id,
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": soon(minutes=1)},
        )
    raw.delete_object(Bucket=bucket, Key="intocavel")  # only marks it
    assert storage.head(bucket, "intocavel") is None
    assert storage.head(bucket, "intocavel", fact.version_id) == fact


def test_a_hold_outlives_the_retention_until_it_is_released(storage: ObjectStorage, raw: S3Client, bucket: str) -> None:
    fact = storage.put_locked_object(
        bucket, "guardado", io.BytesIO(b"1"), retain_until=soon(seconds=1.5), legal_hold=True
    )
    version = fact.version_id
    assert version is not None
    assert fact.retain_until is not None
    time.sleep(max(0.0, (fact.retain_until - datetime.now(UTC)).total_seconds()) + 1)
    with pytest.raises(ClientError, match="AccessDenied"):
        raw.delete_object(Bucket=bucket, Key="guardado", VersionId=version)
    released = Change(updated=1, details=(f"guarda legal de {bucket}/guardado: retirada",))
    with rehearsing():
        assert storage.release_legal_hold(bucket, "guardado", version) == released
    assert raw.get_object_legal_hold(Bucket=bucket, Key="guardado")["LegalHold"]["Status"] == "ON"
    assert storage.release_legal_hold(bucket, "guardado", version) == released
    assert storage.release_legal_hold(bucket, "guardado", version) == Change(unchanged=1)
    raw.delete_object(Bucket=bucket, Key="guardado", VersionId=version)
    with pytest.raises(InvalidInputError, match="Objeto não encontrado"):
        storage.place_legal_hold(bucket, "guardado", version)


def test_retention_only_grows(storage: ObjectStorage, bucket: str) -> None:
    until = soon(hours=1).replace(microsecond=0)
    fact = storage.put_locked_object(bucket, "prazo", io.BytesIO(b"1"), retain_until=until, mode="GOVERNANCE")
    version = fact.version_id
    assert version is not None

    def kept() -> tuple[str | None, datetime | None]:
        found = storage.head(bucket, "prazo", version)
        assert found is not None
        return found.mode, found.retain_until

    sooner, later = until - timedelta(minutes=30), until + timedelta(hours=1)
    assert storage.extend_retention(bucket, "prazo", version, sooner, "GOVERNANCE") == Change(unchanged=1)
    with rehearsing():
        assert storage.extend_retention(bucket, "prazo", version, later, "GOVERNANCE").updated == 1
    assert kept() == ("GOVERNANCE", until)
    assert storage.extend_retention(bucket, "prazo", version, later, "GOVERNANCE").updated == 1
    assert kept() == ("GOVERNANCE", later)
    assert storage.extend_retention(bucket, "prazo", version, sooner).updated == 1, "firmer, and not sooner"
    assert kept() == ("COMPLIANCE", later)
    assert storage.extend_retention(bucket, "prazo", version, later, "GOVERNANCE") == Change(unchanged=1)


def test_a_rehearsal_reads_the_content_and_stores_nothing(
    storage: ObjectStorage, raw: S3Client, bucket: str, tmp_path: Path
) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"ensaio")
    with rehearsing():
        for source in (file, io.BytesIO(b"ensaio")):
            fact = storage.put_locked_object(bucket, "ensaio", source, retain_until=soon(hours=1))
            assert (fact.version_id, fact.size) == (None, 6)
            assert fact.sha256 == hashlib.sha256(b"ensaio").hexdigest()
    assert storage.head(bucket, "ensaio") is None
    assert not raw.list_object_versions(Bucket=bucket, Prefix="ensaio").get("Versions")


@pytest.mark.usefixtures("small_parts")
def test_an_upload_that_breaks_off_leaves_no_object_and_no_parts(
    storage: ObjectStorage, raw: S3Client, bucket: str
) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= PART:
                raise OSError(5, "Erro de entrada/saída")
            return super().read(size)

    with pytest.raises(OSError, match="entrada/saída"):
        storage.put_locked_object(bucket, "partido", Broken(bytes(2 * PART)), retain_until=soon(hours=1))
    assert storage.head(bucket, "partido") is None
    uploads = raw.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert not [upload for upload in uploads if upload["Key"] == "partido"]


def test_a_file_that_changes_while_it_is_sent_is_not_stored(
    storage: ObjectStorage, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vivo.log"
    file.write_bytes(b"antes")
    digest = locked_objects.digest_file

    def digest_then_somebody_writes(path: Path) -> tuple[str, int]:
        found = digest(path)
        path.write_bytes(b"depois, e mais")
        return found

    monkeypatch.setattr(locked_objects, "digest_file", digest_then_somebody_writes)
    with pytest.raises(IntegrityError, match="O arquivo mudou enquanto era enviado"):
        storage.put_locked_object(bucket, "vivo.log", file, retain_until=soon(hours=1))
    assert storage.head(bucket, "vivo.log") is None


def test_content_that_no_object_holds_is_refused(
    storage: ObjectStorage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locked_objects, "PART_SIZE", PART)
    monkeypatch.setattr(locked_objects, "MAX_PARTS", 1)
    with pytest.raises(InvalidInputError, match="o máximo de um objeto"):
        storage.put_locked_object(bucket, "enorme", io.BytesIO(bytes(PART + 1)), retain_until=soon(hours=1))
    assert storage.head(bucket, "enorme") is None
