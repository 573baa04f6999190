"""What was stored of an environment's log: which stretches there are, and the events in them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import get_args

from blocks.streams import as_file
from domain.archive import ArchivePart
from domain.backup.log import LogSegment
from domain.errors import IntegrityError
from domain.log_events import HEADER_BYTES, size_of_event
from domain.reference import Database
from domain.scratch import ScratchDatabase, Use
from tasks import doors
from tasks.backup_storage import BackupVault
from tasks.instance import Instance

LOG_KEPT = "backup.log"
"""The event of a stretch that was stored."""


def segments_of(instance: Instance) -> tuple[LogSegment, ...]:
    """Every stretch that was stored, in order; of those whose time is over the objects are gone."""
    told = doors.registry().events(ibge=instance.municipality.ibge, kinds=[LOG_KEPT])
    return tuple(LogSegment.model_validate(event.details) for event in told if event.environment == instance.name.slug)


def read_segments(instance: Instance, segments: Sequence[LogSegment]) -> Iterator[bytes]:
    """The events of these stretches, one an item. Raises as `BackupVault.read`."""
    vault = BackupVault(instance)
    for segment in segments:
        if segment.part is not None:
            yield from _events(vault.read(segment.part), segment.part.key)


def schemas_of(instance: Instance) -> list[str]:
    """The schemas whose changes are the environment's: it is restored and copied through some of its own.

    What is moved from there into its databases was made there.
    """
    through = (
        ScratchDatabase(owner=instance.name, use=use, database=kind).schema_name
        for use in get_args(Use)
        for kind in get_args(Database)
    )
    return [instance.name.database_sip, instance.name.database_sei, *through]


def stored_log(instance: Instance, now: datetime) -> list[ArchivePart]:
    """The objects of the stretches whose time is not over."""
    return [segment.part for segment in segments_of(instance) if segment.part and segment.keep_until > now]


def _events(chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    file = as_file(chunks)
    while head := file.read(HEADER_BYTES):
        size = size_of_event(head) if len(head) == HEADER_BYTES else 0
        rest = file.read(max(0, size - HEADER_BYTES))
        if len(head) + len(rest) != size:
            raise IntegrityError("O log guardado está cortado", where, "Restaure a própria cópia com --backup.")
        yield head + rest
