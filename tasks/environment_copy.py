"""A whole copy of an environment: written into its archive bucket, fetched back, restored and compared.

Packed and encrypted on its way; nothing of it touches this machine's disk. The manifest comes last, so a copy that was
cut off is no copy. The application is closed meanwhile, and a source that moved all the same is refused.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import SecretBytes

from blocks.archive_key import EnvironmentArchiveKey
from blocks.archive_storage import ArchiveStorage
from blocks.dump_loader import load_sql
from blocks.dump_writer import COMPLETION_MARK, dumping
from blocks.packed_files import FileRepository, check_packed
from blocks.rehearsal import is_rehearsal
from blocks.sealed_stream import sealed, unsealed
from blocks.settings import load_settings
from blocks.streams import Measured, compressed, decompressed
from blocks.table_facts import list_attachments, read_database_facts, read_versions
from domain.archive import (
    ArchiveManifest,
    ArchivePart,
    ArchiveProof,
    DatabaseFacts,
    judge_database,
    judge_files,
)
from domain.change import Change
from domain.errors import IntegrityError
from domain.reference import Database
from domain.report import first_of
from domain.retirement import ArchiveReference
from domain.scratch import ScratchDatabase
from tasks import clock, doors
from tasks.configuration import configuration
from tasks.instance import Instance
from tasks.modules import modules_switched_on
from tasks.prefect_errors import explaining_prefect
from tasks.step import step

FIX_COPY = "Nada foi revogado nem apagado. Execute de novo: outra cópia será feita."


def storage_of(instance: Instance) -> ArchiveStorage:
    """The environment's archive bucket."""
    return ArchiveStorage(doors.object_storage(), instance.name.archive_bucket)


def repository_of(instance: Instance) -> FileRepository:
    """The environment's file repository, which is mounted where this process runs."""
    return FileRepository(Path(doors.runtime().repository_path(instance.name)))


def quarantine_of(instance: Instance) -> Path:
    """Where restorations put files aside: beside the repository, out of the application's reach."""
    root = Path(doors.runtime().repository_path(instance.name))
    return root.with_name(f"{root.name}.quarentena")


@step("chave do arquivo")
def ensure_archive_key(environment: str) -> Change:
    """Make the key of the environment's archive, once: what was encrypted with it has to open for years."""
    try:
        doors.archive_key(environment).key()
    except doors.NoBlockError:
        if not is_rehearsal():
            with explaining_prefect(load_settings().prefect_api_url):
                EnvironmentArchiveKey.generate().save(environment)
        return Change(created=1, details=("chave do arquivo",))
    return Change(unchanged=1)


class SourceMovedError(IntegrityError):
    """Somebody wrote into the environment while it was copied."""


def write_copy(instance: Instance, folder: str, now: datetime) -> ArchiveReference:
    """Write a whole copy of an environment into a folder of its archive bucket, packed and encrypted.

    Raises:
        SourceMovedError: the source changed meanwhile.
    """
    return _Writer(instance, folder, now).write()


class _Writer:
    """One copy being written."""

    def __init__(self, instance: Instance, folder: str, now: datetime) -> None:
        self._instance = instance
        self._now = now
        self._storage = storage_of(instance)
        self._key = doors.archive_key(instance.name.slug).key()
        self._prefix = f"{folder}/{now:%Y%m%dT%H%M%SZ}"

    def write(self) -> ArchiveReference:
        instance = self._instance
        schemas: dict[str, Database] = {instance.name.database_sip: "sip", instance.name.database_sei: "sei"}
        before = source_facts(instance)
        parts = []
        with dumping(instance.server, list(schemas)) as dumps:
            for dump in dumps:
                parts.append(self._put(f"{schemas[dump.schema]}.sql.zst.enc", dump))
        repository = repository_of(instance)
        files = repository.facts()
        parts.append(self._put("arquivos.tar.zst.enc", repository.packed()))
        ldif = doors.directory().export_subtree(instance.name)
        parts.append(self._put("ldap.ldif.zst.enc", [ldif.encode()]))
        parts.append(self._put("configuracao.json.zst.enc", [_configuration_text(instance).encode()]))
        facts = source_facts(instance)
        moved = [problem for kind in before for problem in judge_database(kind, before[kind], facts[kind])]
        if moved or repository.facts() != files:
            raise SourceMovedError(
                f"O ambiente mudou durante a cópia: {first_of(moved) or 'repositório de arquivos'}",
                instance.name.slug,
                "Descubra quem ainda grava nele e execute de novo.",
            )
        manifest = ArchiveManifest(
            environment=instance.name.slug,
            ibge=instance.municipality.ibge,
            release_version=instance.record.release_version,
            taken_at=self._now,
            parts=tuple(parts),
            databases=facts,
            files=files,
            versions=read_versions(instance.server, [(kind, schema) for schema, kind in schemas.items()]),
        )
        text = manifest.model_dump_json(indent=2).encode()
        key = f"{self._prefix}/manifesto.json"
        return ArchiveReference(
            manifest_key=key,
            manifest_version=self._storage.write(key, [text]),
            manifest_sha256=hashlib.sha256(text).hexdigest(),
        )

    def _put(self, name: str, content: Iterable[bytes]) -> ArchivePart:
        key = f"{self._prefix}/{name}"
        plain = Measured(content)
        packed = Measured(sealed(compressed(plain), self._key, _sealed_name(self._instance, name)))
        version = self._storage.write(key, packed)
        return ArchivePart(key=key, version_id=version, content=plain.measure, stored=packed.measure)


def _sealed_name(instance: Instance, name: str) -> str:
    return f"{instance.name.slug}/{name}"


def source_facts(instance: Instance) -> dict[Database, DatabaseFacts]:
    return {
        "sip": read_database_facts(instance.server, instance.name.database_sip),
        "sei": read_database_facts(instance.server, instance.name.database_sei),
    }


def _configuration_text(instance: Instance) -> str:
    """How the environment was configured, without its secrets: they are revoked, and would open nothing in a copy."""
    secrets, modules = doors.environment_secrets(instance.name.slug), modules_switched_on(instance)
    kept = configuration(instance, doors.runtime(), secrets, maintenance=True, modules=modules).masked_groups()
    facts = {"registro": instance.record.model_dump(mode="json"), "configuracao": kept}
    return json.dumps(facts, ensure_ascii=False, indent=2, sort_keys=True)


def copy_versions(manifest: ArchiveManifest, reference: ArchiveReference) -> list[tuple[str, str]]:
    """Every object of a copy, as key and version."""
    return [
        *((part.key, part.version_id) for part in manifest.parts),
        (reference.manifest_key, reference.manifest_version),
    ]


def read_manifest(instance: Instance, reference: ArchiveReference) -> ArchiveManifest:
    """The manifest, as the registry remembers it. Raises IntegrityError when it is another."""
    text = b"".join(storage_of(instance).read(reference.manifest_key, reference.manifest_version))
    if hashlib.sha256(text).hexdigest() != reference.manifest_sha256:
        raise IntegrityError("O manifesto do arquivo não é o que o registro lembra", reference.manifest_key, FIX_COPY)
    return ArchiveManifest.model_validate_json(text)


def prove_copy(instance: Instance, reference: ArchiveReference) -> ArchiveProof:
    """Fetch a copy, restore it in scratch schemas and compare it with its manifest; the schemas are gone afterwards.

    Raises:
        IntegrityError: what was restored is not what the manifest says; the message names the first differences.
    """
    manifest = read_manifest(instance, reference)
    key = doors.archive_key(instance.name.slug).key()
    scratch = {kind: ScratchDatabase(owner=instance.name, use="prova", database=kind) for kind in manifest.databases}
    problems: list[str] = []
    attachments = {}
    try:
        for kind, schema in scratch.items():
            _restore(instance, manifest.part(f"/{kind}.sql.zst.enc"), key, schema.schema_name)
            restored = read_database_facts(instance.server, schema.schema_name)
            problems += judge_database(kind, manifest.databases[kind], restored)
        attachments = list_attachments(instance.server, scratch["sei"].schema_name)
    finally:
        for schema in scratch.values():
            instance.server.drop_database(schema.schema_name)
    with checked_part(instance, manifest.part("/arquivos.tar.zst.enc"), key) as tar:
        packed = check_packed(tar, instance.name.archive_bucket)
    if len(packed) != manifest.files.files:
        problems.append(f"o pacote tem {len(packed)} arquivos e o manifesto, {manifest.files.files}")
    problems += judge_files(attachments, packed)
    for ending in ("/ldap.ldif.zst.enc", "/configuracao.json.zst.enc"):
        with checked_part(instance, manifest.part(ending), key):
            pass
    require_equal(instance, problems)
    return ArchiveProof(
        environment=instance.name.slug,
        manifest_sha256=reference.manifest_sha256,
        proved_at=clock.now(),
        tables=sum(len(facts.tables) for facts in manifest.databases.values()),
        rows=sum(facts.rows for facts in manifest.databases.values()),
        attachments=sum(path in packed for path in attachments),
        size_bytes=sum(part.stored.size_bytes for part in manifest.parts),
    )


def require_equal(instance: Instance, problems: Sequence[str]) -> None:
    if problems:
        raise IntegrityError(f"A cópia não foi provada: {first_of(problems)}", instance.name.archive_bucket, FIX_COPY)


def _restore(instance: Instance, part: ArchivePart, key: SecretBytes, schema: str) -> None:
    server = instance.server
    server.drop_database(schema)
    server.ensure_database(schema)
    with checked_part(instance, part, key) as sql:
        load_sql(_whole(sql, part.key), server, schema, what=part.key)


def _whole(lines: Iterable[bytes], where: str) -> Iterator[bytes]:
    """The SQL, refused at its end when the mark that only a complete dump has is not there."""
    tail = b""
    for chunk in lines:
        tail = (tail + chunk)[-len(COMPLETION_MARK) :]
        yield chunk
    if tail != COMPLETION_MARK:
        raise IntegrityError("A cópia do banco está truncada", where, FIX_COPY)


@contextmanager
def checked_part(instance: Instance, part: ArchivePart, key: SecretBytes) -> Iterator[Iterator[bytes]]:
    """The content of one part as a stream; leaving the block reads what is left and compares both digests."""
    stored = Measured(storage_of(instance).read(part.key, part.version_id))
    name = _sealed_name(instance, part.key.rpartition("/")[2])
    content = Measured(decompressed(unsealed(stored, key, name, part.key), part.key))
    stream = iter(content)
    yield stream
    for _ in stream:
        pass
    if (stored.measure, content.measure) != (part.stored, part.content):
        raise IntegrityError("O conteúdo difere do manifesto", part.key, FIX_COPY)
