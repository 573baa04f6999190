"""Copying one environment of a prefeitura over another, neutralised before anything can start on the copy."""

import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import SecretBytes

from blocks.dump_loader import load_sql
from blocks.dump_writer import dumping
from blocks.neutralise import Neutraliser, find_leftovers, move_tables
from blocks.rehearsal import is_rehearsal
from blocks.table_facts import list_attachments
from domain.archive import Attachment
from domain.calendar import as_local
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.masking import PLACEHOLDER_FILE, Pseudonyms, shown_leftovers
from domain.person import RESERVED_LOGINS
from domain.reference import Database
from domain.restoration import choose_backup
from domain.scratch import ScratchDatabase
from tasks import clock, doors
from tasks.backup_history import backups_of
from tasks.backup_storage import fetch_manifest
from tasks.environment_copy import repository_of
from tasks.environment_events import tell_event
from tasks.instance import CLONED, Instance, load_instance
from tasks.restore import load_into_scratch
from tasks.step import step

_KEY_BYTES = 32


@step("cópia permitida")
def judge_clone(source: str, target: str, confirmation: str | None) -> bool:
    """Whether the target already exists; everything that forbids the copy is raised.

    Raises:
        InvalidInputError: the two do not belong together, or their versions differ.
        GateClosedError: one of them is retired, or people's work in the target would be lost without confirmation.
    """
    origin, copy = EnvironmentName.parse(source), EnvironmentName.parse(target)
    if origin.municipality != copy.municipality:
        raise InvalidInputError(
            "Os dois ambientes são de municípios diferentes", f"{source} → {target}", "Copie só dentro do município."
        )
    if copy.purpose is Purpose.PRODUCAO or origin.purpose is not Purpose.PRODUCAO:
        raise InvalidInputError(
            "A cópia vai da produção para a homologação ou o treinamento",
            f"{source} → {target}",
            f"Use {origin.municipality}-producao como origem e outro ambiente como destino.",
        )
    instance = load_instance(source)
    known = {record.slug for record in doors.registry().list_environments(instance.municipality.ibge)}
    if target not in known:
        return False
    present = load_instance(target)
    if present.record.release_version != instance.record.release_version:
        raise InvalidInputError(
            f"A origem está na versão {instance.record.release_version} e o destino na"
            f" {present.record.release_version}",
            f"{source} → {target}",
            "Atualize o destino antes de copiar.",
        )
    if present.record.reference_digest is not None and confirmation != target:
        work = {table: count for table, count in present.sei.count_work().items() if count}
        if work:
            counts = ", ".join(f"{count} em {table}" for table, count in work.items())
            raise GateClosedError(
                f"O destino tem trabalho de pessoas, que a cópia apagaria: {counts}",
                target,
                f"Se é isso mesmo, repita com --confirm {target}.",
            )
    return True


@step("cópia escolhida")
def choose_for_copy(source: str, stamp: str | None, at: datetime | None, with_documents: bool) -> str:
    """The proved backup of the source that the target will be made of.

    Raises:
        InvalidInputError: there is none such, it is of another release, or texts and files were asked for with it.
    """
    if with_documents:
        raise InvalidInputError(
            "De uma cópia de segurança não se levam documentos", source, "Copie sem --with-documents."
        )
    instance = load_instance(source)
    moment = as_local(at)
    record = choose_backup(backups_of(instance), source, stamp=stamp, at=moment, now=clock.now())
    release = fetch_manifest(instance, record.reference).release_version
    if release != instance.record.release_version:
        raise InvalidInputError(
            f"A cópia é da versão {release} e o ambiente está na {instance.record.release_version}",
            source,
            "Escolha uma cópia da versão de agora com --backup.",
        )
    return record.stamp


@step("aplicação do destino parada")
def stop_target(target: str) -> Change:
    """Stop the target's application, its scheduler with it, until the copy is whole."""
    return doors.runtime().stop(EnvironmentName.parse(target))


@step("cópia neutralizada")
def replace_by_neutralised_copy(target: str, source: str, with_documents: bool, stamp: str | None = None) -> Change:
    """Copy both databases into scratch schemas, neutralise and search them there, and only then put them in place.

    With a stamp they are those of that backup of the source, and not those that the source has now.

    Until the last moment the target holds what it held; whatever a kill leaves is in scratch schemas, which the next
    run drops. The key of the pseudonyms is never written anywhere.

    Raises:
        IntegrityError: something that looks like somebody's data was found after the neutralisation.
    """
    if is_rehearsal():
        return Change(updated=2, details=("bancos do destino substituídos por cópia neutralizada",))
    origin, copy = load_instance(source), load_instance(target)
    scratch: dict[Database, str] = {
        kind: ScratchDatabase(owner=copy.name, use="copia", database=kind).schema_name for kind in ("sip", "sei")
    }
    try:
        if stamp is None:
            _copy_databases(origin, copy, scratch)
        else:
            _restore_databases(origin, copy, scratch, stamp)
        neutralised = Neutraliser(
            server=copy.server,
            schemas=scratch,
            pseudonyms=Pseudonyms(SecretBytes(secrets.token_bytes(_KEY_BYTES))),
            kept_logins=_logins_of(copy),
            with_public_documents=with_documents,
        ).run()
        if leftovers := find_leftovers(copy.server, scratch, with_public_documents=with_documents):
            raise IntegrityError(
                f"A cópia ainda tem o que parece dado pessoal: {shown_leftovers(leftovers)}",
                target,
                "Nada foi trocado no destino. Informe a equipe do Implanta.",
            )
        move_tables(copy.server, scratch["sip"], copy.name.database_sip)
        move_tables(copy.server, scratch["sei"], copy.name.database_sei)
    finally:
        for schema in scratch.values():
            copy.server.drop_database(schema)
    doors.registry().remember_model(target, doors.registry().model_memory(source))
    files = repository_of(copy).replace_by(_files(origin, copy))
    return Change(
        updated=2 + files.created,
        removed=neutralised.removed,
        details=("bancos do destino substituídos por cópia neutralizada",),
    )


def _copy_databases(origin: Instance, copy: Instance, scratch: dict[Database, str]) -> None:
    kinds: dict[str, Database] = {origin.name.database_sip: "sip", origin.name.database_sei: "sei"}
    for schema in scratch.values():
        copy.server.drop_database(schema)
        copy.server.ensure_database(schema)
    with dumping(origin.server, list(kinds)) as dumps:
        for dump in dumps:
            load_sql(dump, copy.server, scratch[kinds[dump.schema]], what=f"cópia de {dump.schema}")


def _restore_databases(origin: Instance, copy: Instance, scratch: dict[Database, str], stamp: str) -> None:
    record = choose_backup(backups_of(origin), origin.name.slug, stamp=stamp, at=None, now=clock.now())
    load_into_scratch(origin, fetch_manifest(origin, record.reference), copy.server, scratch)


def _logins_of(copy: Instance) -> tuple[str, ...]:
    """The logins that the target's own directory has: those people sign in to the copy under their own login."""
    return tuple(sorted(doors.directory().list_logins(copy.name) - RESERVED_LOGINS))


def _files(origin: Instance, copy: Instance) -> Iterator[tuple[str, bytes | Path]]:
    """For each attachment of the copy its own file if the copy kept it, or the placeholder that its row describes."""
    kept = list_attachments(origin.server, origin.name.database_sei)
    root = Path(doors.runtime().repository_path(origin.name))
    for path, attachment in list_attachments(copy.server, copy.name.database_sei).items():
        yield path, root / path if _is_kept(attachment, kept.get(path), root) else PLACEHOLDER_FILE


def _is_kept(attachment: Attachment, original: Attachment | None, root: Path) -> bool:
    return original is not None and attachment.md5 == original.md5 and (root / attachment.path).is_file()


@step("registro da cópia")
def record_clone(target: str, source: str, with_documents: bool, stamp: str | None = None) -> Change:
    """Tell the registry what the target is a copy of."""
    if not is_rehearsal():
        instance = load_instance(target)
        tell_event(
            instance,
            CLONED,
            {"source": source, "with_documents": with_documents, **({"backup": stamp} if stamp else {})},
        )
    return Change(created=1, details=(f"cópia de {source} registrada",))
