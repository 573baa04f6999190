"""Implanta's own backup, and what the examination of it has to see."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretBytes
from typer.testing import CliRunner

from blocks.prefect_database import chunks
from blocks.sealed_stream import generate_key
from blocks.settings import Settings, load_settings
from cli.__main__ import app
from domain.archive import ArchivePart, Measure
from domain.backup.findings import Cause, FoundError
from domain.backup.manifest import BackupReference, folder_of
from domain.errors import InvalidInputError
from domain.self_backup import OWN, SelfManifest
from flows.self_backup import self_backup
from lab.state import LabState
from tasks.backup_keys import export_keys
from tasks.own_vault import OwnVault
from tasks.self_proof import prove, write_part
from tests.cli.examples import example_of
from tests.flows.mailbox import arrived

Change = Callable[["Lain"], SelfManifest]


class Lain:
    """A proved backup as it lies in the bucket, and another one made of it."""

    def __init__(self, home: Path) -> None:
        self.vault = OwnVault.of_blocks()
        self.home = home
        self.reference: BackupReference
        self.reference, self.manifest = self.vault.manifest(self.vault.newest_proved())

    def locked(self, part: ArchivePart) -> ArchivePart:
        certificate = self.vault.certificate(self.vault.newest_proved())
        assert certificate is not None
        known = self.vault.storage.head(self.manifest.prefect.key, self.manifest.prefect.version_id)
        assert known is not None
        assert known.retain_until is not None
        self.vault.storage.retain(part.key, part.version_id, known.retain_until)
        return part

    def stored(self, change: Callable[[bytes], bytes]) -> SelfManifest:
        """The registry's object with other bytes, of which the manifest knows nothing."""
        part = self.manifest.registry
        content = change(b"".join(self.vault.storage.read(part.key, part.version_id)))
        version_id = self.vault.storage.write(part.key, [content])
        told = part.model_copy(update={"version_id": version_id})
        return self.manifest.model_copy(update={"registry": self.locked(told)})

    def prefect_after(self, statement: str) -> SelfManifest:
        """Prefect's database as this statement leaves it, stored as if it were what was copied."""
        file = self.home / "prefect.db"
        write_part(self.vault, self.manifest.prefect, file)
        with closing(sqlite3.connect(file)) as database, database:
            assert database.execute(statement).rowcount > 0
        part = self.locked(self.vault.put(self.manifest.prefect.key, chunks(file)))
        return self.manifest.model_copy(update={"prefect": part})

    def registry_edited(self, old: bytes, new: bytes) -> SelfManifest:
        text = b"".join(self.vault.read(self.manifest.registry))
        assert old in text
        part = self.locked(self.vault.put(self.manifest.registry.key, [text.replace(old, new, 1)]))
        return self.manifest.model_copy(update={"registry": part})

    def unlocked(self) -> SelfManifest:
        part = self.manifest.prefect
        version_id = self.vault.storage.write(part.key, self.vault.storage.read(part.key, part.version_id))
        told = part.model_copy(update={"version_id": version_id})
        return self.manifest.model_copy(update={"prefect": told})

    def of_another_key(self) -> SelfManifest:
        self.vault._key = SecretBytes(generate_key())
        return self.manifest


@pytest.fixture(scope="module")
def proved(programme: Settings) -> int:
    """How many rows the backup holds that the tests of this module look at."""
    assert programme.prefect_database is not None
    outcome = CliRunner().invoke(app, [*example_of("self-backup now"), "--json"], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    told = json.loads(outcome.stdout)
    assert told["proved"]
    assert {level["level"]: level["passed"] for level in told["levels"]} == dict.fromkeys(
        ("L0", "L1", "L2", "L3"), True
    )
    return int(told["rows"])


@pytest.fixture
def lain(proved: int, tmp_path: Path) -> Lain:
    assert proved > 0
    return Lain(tmp_path)


def cut(stored: bytes) -> bytes:
    return stored[:-100]


def flipped(stored: bytes) -> bytes:
    place = len(stored) // 2
    return stored[:place] + bytes([stored[place] ^ 1]) + stored[place + 1 :]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (lambda lain: lain.stored(cut), Cause.OBJECT_CUT),
        (lambda lain: lain.stored(flipped), Cause.OBJECT_CHANGED),
        (Lain.of_another_key, Cause.WRONG_KEY),
        (Lain.unlocked, Cause.OBJECT_UNLOCKED),
        (lambda lain: lain.prefect_after("UPDATE deployment SET name = 'outro' WHERE name = 'decisao'"), Cause.CONTENT),
        (lambda lain: lain.prefect_after("DELETE FROM block_document WHERE name = 'principal'"), Cause.ROWS),
        (lambda lain: lain.registry_edited(f"'{lain.manifest.migration}'".encode(), b"'0001'"), Cause.CONTENT),
        (lambda lain: lain.registry_edited(b"BEFORE UPDATE", b"BEFORE DELETE"), Cause.OTHER_OBJECTS),
    ],
    ids=["truncado", "bit", "chave", "sem-trava", "linha-do-prefect", "linha-perdida", "migracao", "gatilho"],
)
def test_a_fault_is_found_and_named(lain: Lain, fault: Change, cause: Cause) -> None:
    certificate = prove(lain.vault, lain.reference, fault(lain), load_settings().scratch_dir)
    assert not certificate.proved
    assert cause in {finding.cause for finding in certificate.findings}, certificate.reasons


def test_a_manifest_that_somebody_wrote_over_is_not_believed(lain: Lain) -> None:
    stamp = lain.vault.newest_proved()
    forged = lain.manifest.model_copy(update={"migration": "0000"})
    lain.vault.storage.write(lain.reference.key, [forged.model_dump_json().encode()])
    assert lain.vault.manifest(stamp)[1] == lain.manifest, "the version that was signed is still there"
    nobody = f"{folder_of(lain.manifest.taken_at).removeprefix('copias/')}x"
    with pytest.raises(FoundError, match="manifesto ausente"):
        lain.vault.manifest(nobody)


def test_what_is_listed_and_verified_again_is_what_was_proved(proved: int) -> None:
    rows = json.loads(CliRunner().invoke(app, [*example_of("self-backup list"), "--json"]).stdout)
    assert rows[-1]["result"] == "provada até L3"
    assert rows[-1]["rows"] == proved
    again = CliRunner().invoke(app, [*example_of("self-backup verify"), "--json"], catch_exceptions=False)
    assert again.exit_code == 0
    assert json.loads(again.stdout)["proved"]


def test_the_exported_keys_open_it_without_prefect(lain: Lain, lab_state: LabState) -> None:
    from pydantic import SecretStr

    from blocks.object_storage import ObjectStorage

    s3 = lab_state.s3
    storage = ObjectStorage(endpoint=s3.endpoint, region=s3.region, access_key=s3.access_key, secret_key=s3.secret_key)
    phrase = SecretStr("quatro palavras bem sorteadas")
    bundle, _ = export_keys(phrase)
    vault = OwnVault.of_files(storage, bundle, phrase)
    digest = hashlib.sha256(b"".join(vault.read(lain.manifest.registry))).hexdigest()
    assert lain.manifest.registry.content == Measure(
        size_bytes=lain.manifest.registry.content.size_bytes, sha256=digest
    )
    with pytest.raises(InvalidInputError, match="frase secreta"):
        OwnVault.of_files(storage, bundle, SecretStr("outras palavras bem sorteadas"))


def test_the_team_is_told_of_a_night_without_a_backup(
    proved: int, lab_state: LabState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert proved
    before = len(arrived(lab_state, "implanta.example"))
    monkeypatch.setenv("IMPLANTA_PREFECT_DATABASE", f"sqlite:///{tmp_path}/nenhum.db")
    with pytest.raises(InvalidInputError, match="não existe"):
        self_backup()
    told = arrived(lab_state, "implanta.example")[before:]
    assert [str(message["Subject"]) for message in told] == ["Implanta: a cópia do próprio Implanta falhou (implanta)"]
    assert OWN in told[0].get_content()
    monkeypatch.setenv("IMPLANTA_PREFECT_DATABASE", "oracle://prefect@127.0.0.1/prefect")
    with pytest.raises(InvalidInputError, match="nem PostgreSQL"):
        self_backup()


def test_a_running_prefect_is_not_restored_over(programme: Settings, lain: Lain) -> None:
    from tasks.self_restore import restore_itself

    with pytest.raises(InvalidInputError, match="está no ar"):
        restore_itself(lain.vault, None, confirm=OWN)
    assert programme
