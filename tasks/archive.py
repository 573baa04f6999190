"""The final copy of an environment: the source did not move since, and the copy is held against deletion."""

from pydantic import JsonValue

from blocks.catalog import Catalog
from blocks.rehearsal import is_rehearsal
from domain.archive import (
    ArchiveManifest,
    ArchiveProof,
    judge_database,
)
from domain.change import Change
from domain.errors import GateClosedError, IntegrityError
from domain.report import first_of
from domain.retirement import ArchiveReference, Milestone, Retirement, retirement_of
from tasks import clock, doors
from tasks.environment_copy import (
    checked_part,
    copy_versions,
    prove_copy,
    read_manifest,
    require_equal,
    source_facts,
    storage_of,
    write_copy,
)
from tasks.environment_events import tell_event
from tasks.instance import Instance, happenings, load_any_instance
from tasks.step import step


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
    return tell_event(instance, milestone, details, key=f"{milestone}:{instance.name.slug}:{key}")


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
    reference = write_copy(instance, "final", clock.now())
    remember(instance, Milestone.ARCHIVE_WRITTEN, reference.manifest_sha256, archive=reference)
    return change + Change(created=1, details=("cópia final do ambiente",))


def _require_stopped(instance: Instance) -> None:
    health = doors.runtime().health(instance.name)
    if health.serving:
        raise GateClosedError(
            "A aplicação ainda atende", instance.name.slug, "Pare a aplicação antes da cópia final: execute de novo."
        )


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
    versions = copy_versions(manifest, retirement.archive)
    change = Change.sum(storage.retain(key, version, until) + storage.hold(key, version) for key, version in versions)
    change += storage.drop_loose_versions(set(versions))
    if proof is not None and remember(
        instance, Milestone.ARCHIVE_PROVED, retirement.archive.manifest_sha256, proof=proof
    ):
        change += Change(updated=1, details=("prova da cópia final",))
    return change


def last_proof(instance: Instance) -> ArchiveProof | None:
    """The newest proof that the registry has of this environment's archive."""
    events = doors.registry().events(ibge=instance.municipality.ibge, kinds=[Milestone.ARCHIVE_PROVED])
    mine = [event for event in events if event.environment == instance.name.slug]
    return ArchiveProof.model_validate(mine[-1].details["proof"]) if mine else None


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
        with checked_part(instance, part, key):
            pass


def prove_archive(instance: Instance, reference: ArchiveReference) -> ArchiveProof:
    """As `prove_copy`; and the source is still what the manifest says, for the registry may have slept meanwhile.

    Raises:
        IntegrityError: what was restored is not what the source is; the message names the first differences.
    """
    proof = prove_copy(instance, reference)
    manifest, source = read_manifest(instance, reference), source_facts(instance)
    require_equal(
        instance,
        [problem for kind in source for problem in judge_database(kind, source[kind], manifest.databases[kind])],
    )
    return proof
