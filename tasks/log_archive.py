"""An environment's part of its server's binary log, kept outside of that server: of a lost one too, little is lost.

The log is every tenant's; what is stored of it is this environment's alone, under its own key. Each stretch begins
where the one before ended, so that a chain of them leads from a backup to the end of the last without a gap.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, NamedTuple, cast

from blocks.binary_log import LogState, gtid_at, log_state, read_log
from blocks.catalog import Catalog
from blocks.settings import load_settings
from domain.archive import ArchivePart
from domain.backup.history import last_proved
from domain.backup.log import LogPosition, LogSegment
from domain.backup.log_report import LogReport
from domain.backup.manifest import stamp_of
from domain.backup.retention import Period
from domain.binary_log import LogReader
from domain.change import Change
from domain.errors import GateClosedError
from tasks import doors
from tasks.backup_cycle import lock_name
from tasks.backup_history import backups_of
from tasks.backup_storage import BackupVault, backup_storage, fetch_manifest
from tasks.environment_events import tell_event
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.log_segments import LOG_KEPT, schemas_of, segments_of
from tasks.step import step

FOLDER = "log"
_IN_MEMORY_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 20
# Of whoever changes nothing an event each hour would say so; the next reading begins where the last did.
_EMPTY_STRETCH = timedelta(hours=6)
_NEVER = float(1 << 33)


@step("log binário guardado")
def archive_log(environment: str) -> Change:
    """Store what the log of the environment's server has of it since the last time, or since its newest backup."""
    instance = load_instance(environment)
    try:
        with doors.registry().lock(lock_name(instance)):
            return _archive(instance)
    except GateClosedError:  # a backup, which the log of now leads to; the next time stores both
        return Change(unchanged=1, details=("outra execução trabalha nas cópias do ambiente",))


@step("resultado dos logs")
def publish_logs(report: LogReport) -> None:
    """Publish whose log was stored."""
    publish_markdown("logs-binarios", report.markdown(), "Logs binários guardados")


class _Outcome(NamedTuple):
    """A stretch that was stored, if any, and what is to be told; nothing leads on from where one is `blocked`."""

    segment: LogSegment | None
    told: str
    blocked: bool = False


def _archive(instance: Instance) -> Change:
    outcome = _Outcome(None, "falta a primeira cópia, ou o log do servidor não vai até lá")
    for begin in _beginnings(instance):
        outcome = _store(instance, begin)
        if not outcome.blocked:
            break
    if outcome.segment is None:
        return Change(unchanged=1, details=(outcome.told,))
    tell_event(instance, LOG_KEPT, outcome.segment.model_dump(mode="json"))
    return Change(created=1, details=(outcome.told,))


def _beginnings(instance: Instance) -> Iterator[LogPosition]:
    """Where the last stretch ended; where nothing leads on from there, the newest backup."""
    for position in _positions(instance):
        here = position.server == instance.record.database_server
        if here and gtid_at(instance.server, position.file, position.offset) == position.gtid:
            yield position


def _positions(instance: Instance) -> Iterator[LogPosition]:
    if segments := segments_of(instance):
        yield segments[-1].end
    good = last_proved(backups_of(instance))
    if good is not None and (position := fetch_manifest(instance, good.reference).log):
        yield position


def _store(instance: Instance, begin: LogPosition) -> _Outcome:
    state = log_state(instance.server)
    if state is None:
        return _Outcome(None, "o servidor não tem log binário, ou a conta de serviço não pode lê-lo")
    scratch = load_settings().scratch_dir
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=str(scratch)) as file:
        kept = _Kept(cast("BinaryIO", file))
        # What of it cannot be run again is judged by whoever wants to: here it only ends the stretch.
        log = LogReader(schemas_of(instance), until=_NEVER, gtid=begin.gtid, statements_safe=True, sink=kept)
        for event in read_log(instance.server, begin.file, begin.offset):
            log.feed(event)
            if log.ended:
                break
        log.finish()
        end = _end_of(instance, log, state)
        if log.problem is not None and (end is None or end.order <= begin.order):
            return _Outcome(None, f"parado até a próxima cópia: {log.problem.why}", blocked=True)
        if end is None or (not log.transactions and end.at - begin.at < _EMPTY_STRETCH):
            return _Outcome(None, "nada de novo")
        keep_until = Catalog().backup().keeping[instance.name.purpose].until(end.at, Period.DAY)
        part = _put(instance, f"{stamp_of(begin.at)}-{stamp_of(end.at)}", kept) if log.transactions else None
    if part is not None:
        backup_storage(instance).retain(part.key, part.version_id, keep_until)
    segment = LogSegment(begin=begin, end=end, part=part, keep_until=keep_until)
    return _Outcome(segment, f"{log.transactions} transações")


def _put(instance: Instance, name: str, kept: "_Kept") -> ArchivePart:
    return BackupVault(instance).put(f"{FOLDER}/{name}.zst.enc", kept.chunks())


def _end_of(instance: Instance, log: LogReader, state: LogState) -> LogPosition | None:
    """Where the stretch ends: before the transaction that was a problem, or where the log did."""
    place, at = (log.file, log.offset), datetime.fromtimestamp(state.clock, UTC)
    if log.problem is not None:
        if log.whole is None or log.problem.at is None:
            return None
        place, at = log.whole, min(at, log.problem.at)
    gtid = gtid_at(instance.server, *place)
    if gtid is None:
        return None
    server = instance.record.database_server
    return LogPosition(server=server, file=place[0], offset=place[1], gtid=gtid, format=state.format, at=at)


class _Kept:
    """One environment's events one after the other, each file's format before its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._whole = 0

    def begin(self, head: bytes) -> None:
        self._file.write(head)
        self._whole = self._file.tell()

    def write(self, event: bytes) -> None:
        self._file.write(event)

    def settle(self, *, whole: bool) -> None:
        if whole:
            self._whole = self._file.tell()
        else:
            self._file.seek(self._whole)
            self._file.truncate()

    def chunks(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK_BYTES):
            yield chunk
