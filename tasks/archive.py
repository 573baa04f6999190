"""The final copy of an environment: written, fetched back, restored beside the source and compared with it.

The nightly backup is made of the same parts; it differs in that people work meanwhile, so its facts have to be read
inside the dump's own snapshot. Here the application is stopped, and a source that moved all the same is refused.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from prefect.runtime import flow_run
from pydantic import JsonValue, SecretBytes

from blocks.archive_key import EnvironmentArchiveKey
from blocks.archive_storage import ArchiveStorage
from blocks.catalog import Catalog
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
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.reference import Database
from domain.report import first_of
from domain.retirement import ArchiveReference, Milestone, Retirement, retirement_of
from domain.scratch import ScratchDatabase
from tasks import clock, doors
from tasks.configuration import configuration
from tasks.history import ACTOR
from tasks.instance import Instance, happenings, load_any_instance
from tasks.prefect_errors import explaining_prefect
from tasks.step import step

_FIX_ARCHIVE = "Nada foi revogado nem apagado. Execute de novo: outra cópia será feita."


def retirement_now(instance: Instance) -> Retirement:
    """Where the environment stands, by the registry."""
    return retirement_of(happenings(instance.municipality.ibge, instance.name.slug))


def remember(
    instance: Instance,
    milestone: Milestone,
    key: str,
    *,
    archive: ArchiveReference | None = None,
    proof: ArchiveProof | None = None,
) -> bool:
    """Tell the registry once; False when it already knew."""
    details: dict[str, JsonValue] = {}
    if archive is not None:
        details["archive"] = archive.model_dump(mode="json")
    if proof is not None:
        details["proof"] = proof.model_dump(mode="json")
    return doors.registry().record_event(
        milestone,
        ibge=instance.municipality.ibge,
        environment=instance.name.slug,
        actor=ACTOR,
        flow_run_id=flow_run.id,
        details=details,
        key=f"{milestone}:{instance.name.slug}:{key}",
    )


def storage_of(instance: Instance) -> ArchiveStorage:
    """The environment's archive bucket."""
    return ArchiveStorage(doors.object_storage(), instance.name.archive_bucket)


def repository_of(instance: Instance) -> FileRepository:
    """The environment's file repository, which is mounted where this process runs."""
    return FileRepository(Path(doors.runtime().repository_path(instance.name)))


@step("chave do arquivo")
def ensure_archive_key(environment: str) -> Change:
    """Make the key of the environment's archive, once: what was encrypted with it has to open for years."""
    try:
        doors.archive_key(environment).key()
    except InvalidInputError:
        if not is_rehearsal():
            with explaining_prefect(load_settings().prefect_api_url):
                EnvironmentArchiveKey.generate().save(environment)
        return Change(created=1, details=("chave do arquivo",))
    return Change(unchanged=1)


@step("cópia final")
def ensure_archive_written(environment: str) -> Change:
    """Write both databases, the files, the directory's subtree and the configuration into the archive bucket.

    Everything is packed and encrypted on its way; nothing of it touches this machine's disk. The manifest comes last,
    so a copy that was cut off is no copy: the next run writes another, and removes the first.
    """
    instance = load_any_instance(environment)
    retirement = retirement_now(instance)
    if retirement.archive is not None:
        return Change(unchanged=1)
    change = storage_of(instance).ensure_bucket()
    if is_rehearsal():
        return change + Change(created=1, details=("cópia final do ambiente",))
    _require_stopped(instance)
    reference = _Writer(instance, clock.now()).write()
    remember(instance, Milestone.ARCHIVE_WRITTEN, reference.manifest_sha256, archive=reference)
    return change + Change(created=1, details=("cópia final do ambiente",))


def _require_stopped(instance: Instance) -> None:
    health = doors.runtime().health(instance.name)
    if health.serving:
        raise GateClosedError(
            "A aplicação ainda atende", instance.name.slug, "Pare a aplicação antes da cópia final: execute de novo."
        )


class _Writer:
    """One archive being written."""

    def __init__(self, instance: Instance, now: datetime) -> None:
        self._instance = instance
        self._now = now
        self._storage = storage_of(instance)
        self._key = doors.archive_key(instance.name.slug).key()
        self._prefix = f"final/{now:%Y%m%dT%H%M%SZ}"

    def write(self) -> ArchiveReference:
        instance = self._instance
        schemas: dict[str, Database] = {instance.name.database_sip: "sip", instance.name.database_sei: "sei"}
        before = _source_facts(instance)
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
        facts = _source_facts(instance)
        moved = [problem for kind in before for problem in judge_database(kind, before[kind], facts[kind])]
        if moved or repository.facts() != files:
            raise IntegrityError(
                f"O ambiente mudou durante a cópia final: {first_of(moved) or 'repositório de arquivos'}",
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


def _source_facts(instance: Instance) -> dict[Database, DatabaseFacts]:
    return {
        "sip": read_database_facts(instance.server, instance.name.database_sip),
        "sei": read_database_facts(instance.server, instance.name.database_sei),
    }


def _configuration_text(instance: Instance) -> str:
    """How the environment was configured, without its secrets: they are revoked, and would open nothing in a copy."""
    secrets = doors.environment_secrets(instance.name.slug)
    kept = configuration(instance, doors.runtime(), secrets, maintenance=True).masked_groups()
    facts = {"registro": instance.record.model_dump(mode="json"), "configuracao": kept}
    return json.dumps(facts, ensure_ascii=False, indent=2, sort_keys=True)


@step("prova da cópia final")
def ensure_archive_proved(environment: str) -> Change:
    """Fetch the archive back, restore it in scratch schemas, compare, and only then hold it against deletion.

    Raises:
        IntegrityError: it is not what the source is. The registry then forgets this archive, and the next run makes
            another.
    """
    instance = load_any_instance(environment)
    retirement = retirement_now(instance)
    if retirement.archive is None:
        if is_rehearsal():
            return Change(updated=1, details=("prova da cópia final",))
        raise GateClosedError("A cópia final ainda não foi feita", environment, "Execute o encerramento de novo.")
    storage = storage_of(instance)
    proof: ArchiveProof | None = None
    if not retirement.archive_proved:
        if is_rehearsal():
            return Change(updated=1, details=("prova da cópia final",))
        try:
            proof = prove_archive(instance, retirement.archive)
        except IntegrityError:
            remember(instance, Milestone.ARCHIVE_REFUSED, retirement.archive.manifest_sha256)
            raise
    manifest = read_manifest(instance, retirement.archive)
    until = Catalog().retention().terms[instance.name.purpose].archive_kept_until(manifest.taken_at)
    versions = _versions(manifest, retirement.archive)
    change = Change.sum(storage.hold(key, version, until) for key, version in versions)
    change += storage.drop_loose_versions(set(versions))
    if proof is not None and remember(
        instance, Milestone.ARCHIVE_PROVED, retirement.archive.manifest_sha256, proof=proof
    ):
        change += Change(updated=1, details=("prova da cópia final",))
    return change


def _versions(manifest: ArchiveManifest, reference: ArchiveReference) -> list[tuple[str, str]]:
    return [
        *((part.key, part.version_id) for part in manifest.parts),
        (reference.manifest_key, reference.manifest_version),
    ]


def last_proof(instance: Instance) -> ArchiveProof | None:
    """The newest proof that the registry has of this environment's archive."""
    events = doors.registry().events(ibge=instance.municipality.ibge, kinds=[Milestone.ARCHIVE_PROVED])
    mine = [event for event in events if event.environment == instance.name.slug]
    return ArchiveProof.model_validate(mine[-1].details["proof"]) if mine else None


def read_manifest(instance: Instance, reference: ArchiveReference) -> ArchiveManifest:
    """The manifest, as the registry remembers it. Raises IntegrityError when it is another."""
    text = b"".join(storage_of(instance).read(reference.manifest_key, reference.manifest_version))
    if hashlib.sha256(text).hexdigest() != reference.manifest_sha256:
        raise IntegrityError(
            "O manifesto do arquivo não é o que o registro lembra", reference.manifest_key, _FIX_ARCHIVE
        )
    return ArchiveManifest.model_validate_json(text)


def require_archive_held(instance: Instance, retirement: Retirement) -> ArchiveManifest:
    """The manifest of a proved archive whose every part is still there, under its hold.

    Raises:
        IntegrityError: it is not proved, or a part is missing, shorter or free to be deleted.
    """
    if retirement.archive is None or not retirement.archive_proved:
        raise IntegrityError("A cópia final não foi provada", instance.name.slug, "Execute o encerramento de novo.")
    manifest = read_manifest(instance, retirement.archive)
    storage = storage_of(instance)
    loose = [
        part.key for part in manifest.parts if not storage.is_held(part.key, part.version_id, part.stored.size_bytes)
    ]
    if loose:
        raise IntegrityError(
            f"Partes do arquivo final sumiram ou estão sem guarda legal: {first_of(loose)}",
            instance.name.archive_bucket,
            "Nada foi apagado. Restaure o arquivo antes de destruir os dados.",
        )
    return manifest


def prove_archive_opens(instance: Instance, reference: ArchiveReference) -> None:
    """Fetch every part of an archive and open it, when there is no source any more to compare it with.

    Raises:
        IntegrityError: a part is not what the manifest says, or does not open.
    """
    key = doors.archive_key(instance.name.slug).key()
    for part in read_manifest(instance, reference).parts:
        with _checked_part(instance, part, key):
            pass


def prove_archive(instance: Instance, reference: ArchiveReference) -> ArchiveProof:
    """Restore an archive beside the source and compare them; scratch schemas are gone afterwards.

    Raises:
        IntegrityError: what was restored is not what the source is; the message names the first differences.
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
    # What the manifest says is compared with the source as well: the registry may have slept between both steps.
    source = _source_facts(instance)
    problems += [problem for kind in source for problem in judge_database(kind, source[kind], manifest.databases[kind])]
    with _checked_part(instance, manifest.part("/arquivos.tar.zst.enc"), key) as tar:
        packed = check_packed(tar, instance.name.archive_bucket)
    if len(packed) != manifest.files.files:
        problems.append(f"o pacote tem {len(packed)} arquivos e o manifesto, {manifest.files.files}")
    problems += judge_files(attachments, packed)
    for ending in ("/ldap.ldif.zst.enc", "/configuracao.json.zst.enc"):
        with _checked_part(instance, manifest.part(ending), key):
            pass
    if problems:
        raise IntegrityError(
            f"A cópia final não foi provada: {first_of(problems)}", instance.name.archive_bucket, _FIX_ARCHIVE
        )
    return ArchiveProof(
        environment=instance.name.slug,
        manifest_sha256=reference.manifest_sha256,
        proved_at=clock.now(),
        tables=sum(len(facts.tables) for facts in manifest.databases.values()),
        rows=sum(facts.rows for facts in manifest.databases.values()),
        attachments=sum(path in packed for path in attachments),
        size_bytes=sum(part.stored.size_bytes for part in manifest.parts),
    )


def _restore(instance: Instance, part: ArchivePart, key: SecretBytes, schema: str) -> None:
    server = instance.server
    server.drop_database(schema)
    server.ensure_database(schema)
    with _checked_part(instance, part, key) as sql:
        load_sql(
            _whole(sql, part.key),
            what=part.key,
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=schema,
            ca_file=server.ca_file,
        )


def _whole(lines: Iterable[bytes], where: str) -> Iterator[bytes]:
    """The SQL, refused at its end when the mark that only a complete dump has is not there."""
    tail = b""
    for chunk in lines:
        tail = (tail + chunk)[-len(COMPLETION_MARK) :]
        yield chunk
    if tail != COMPLETION_MARK:
        raise IntegrityError("A cópia do banco está truncada", where, _FIX_ARCHIVE)


@contextmanager
def _checked_part(instance: Instance, part: ArchivePart, key: SecretBytes) -> Iterator[Iterator[bytes]]:
    """The content of one part as a stream; leaving the block reads what is left and compares both digests."""
    stored = Measured(storage_of(instance).read(part.key, part.version_id))
    name = _sealed_name(instance, part.key.rpartition("/")[2])
    content = Measured(decompressed(unsealed(stored, key, name, part.key), part.key))
    stream = iter(content)
    yield stream
    for _ in stream:
        pass
    if (stored.measure, content.measure) != (part.stored, part.content):
        raise IntegrityError("O conteúdo difere do manifesto", part.key, _FIX_ARCHIVE)
