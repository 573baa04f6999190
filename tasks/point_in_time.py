"""Bringing a backup forward to a moment, from its server's binary log, beside everything that lives.

The log is one for all tenants; where the server has not got it any more, what was stored of it serves. What is of
this environment is run on a scratch server, under the schemas' own names: whatever a command in it says, it can touch
nothing else, and it needs no right on the server that the log is of.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from blocks.binary_log import LogFiles, LogState, gtid_at, log_state, read_log, run_log
from blocks.dump_restorer import ensure_definers, restore
from blocks.dump_writer import digest
from blocks.foreign_keys import cascades, check_foreign_keys
from blocks.mariadb import MariaDBServer
from blocks.scratch_server import scratch_server
from blocks.settings import load_settings
from blocks.streams import ahead, as_file
from domain.backup.judge import judge_dump
from domain.backup.log import LogPosition, Replay, TableChanges, segments_after, touched_tables, untouched_part
from domain.backup.manifest import BackupManifest, stamp_of
from domain.binary_log import LogProblem, LogReader, Sink
from domain.calendar import local_second
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.report import first_of
from tasks.backup_storage import BackupVault
from tasks.instance import Instance
from tasks.log_segments import read_segments, schemas_of, segments_of


class Moment(NamedTuple):
    """A scratch server that holds both databases as they were, under their own names, and how that came about."""

    server: MariaDBServer
    replay: Replay


def require_log(instance: Instance, manifest: BackupManifest, until: datetime) -> None:
    """See that the log leads from a backup to a moment; nothing is touched.

    Raises:
        InvalidInputError: it does not, and how near it comes; or the account may not read it.
    """
    _read(instance, manifest, until)


def stored_until(instance: Instance, manifest: BackupManifest) -> datetime | None:
    """Up to when the log after a backup was stored outside of its server; None where nothing was."""
    stored = segments_after(segments_of(instance), manifest.log) if manifest.log else ()
    return stored[-1].end.at if stored else None


@contextmanager
def brought_forward(instance: Instance, manifest: BackupManifest, until: datetime) -> Iterator[Moment]:
    """A backup's databases, with everything that was committed before `until`; gone when the block ends.

    Raises:
        InvalidInputError: the log does not lead there any more.
        IntegrityError: the backup is damaged, the log cannot be run, or a table changed that it does not name.
    """
    with scratch_server(load_settings().scratch_dir) as scratch:
        server, part = scratch.server, manifest.databases
        restore(as_file(ahead(BackupVault(instance).read(part))), server, part.key)
        _require_same(manifest, server, None)
        files = LogFiles(scratch.home)
        log = _read(instance, manifest, until, files)
        files.close()
        where = f"log binário de {instance.name.slug}"
        ensure_definers(server, log.definitions)
        for schema in sorted(log.needed - set(manifest.schemas.values())):
            server.ensure_database(schema)
        run_log(files.paths, server, manifest.schemas["sei"], where)
        yield Moment(server, _examined(manifest, server, log))


class _Source(NamedTuple):
    """Where the events after a backup are read, as one kept them, and up to when there are all of them."""

    events: Iterator[bytes]
    thinned: bool
    formats: frozenset[str]
    until: datetime | None = None
    instead_of: str = ""


def _read(instance: Instance, manifest: BackupManifest, until: datetime, sink: Sink | None = None) -> LogReader:
    position = manifest.log
    if position is None:
        raise InvalidInputError(
            f"A cópia {stamp_of(manifest.taken_at)} não diz onde está no log binário do servidor",
            instance.name.slug,
            _nearest(instance, manifest, None),
        )
    source = _source_of(instance, position)
    problem = source if isinstance(source, LogProblem) else None
    if not isinstance(source, LogProblem):
        log = LogReader(
            [*manifest.schemas.values(), *schemas_of(instance)],
            until=until.timestamp(),
            gtid=position.gtid,
            statements_safe="STATEMENT" not in source.formats,
            sink=sink,
            thinned=source.thinned,
        )
        for event in source.events:
            log.feed(event)
            if log.ended:
                break
        log.finish()
        problem = log.problem
        if problem is None and source.until is not None and source.until < until and not log.ended:
            problem = LogProblem(source.until, f"{source.instead_of}, e o que foi guardado dele acaba antes")
        if problem is None:
            return log
    raise InvalidInputError(
        f"O log binário do servidor não leva até {local_second(until)}: {_told(problem)}",
        instance.name.slug,
        _nearest(instance, manifest, problem.at if problem else None),
    )


def _source_of(instance: Instance, position: LogPosition) -> _Source | LogProblem:
    """The server's own log; where that does not begin at the backup any more, what was stored of it."""
    problem, state = _why_not_there(instance, position)
    if problem is None and state is not None:
        events = read_log(instance.server, position.file, position.offset)
        return _Source(events, thinned=False, formats=frozenset({position.format, state.format}))
    stored = segments_after(segments_of(instance), position)
    if not stored:
        return problem or LogProblem(None, "o servidor não tem log binário")
    formats = frozenset({position.format, *(segment.end.format for segment in stored)})
    return _Source(
        read_segments(instance, stored),
        thinned=True,
        formats=formats,
        until=stored[-1].end.at,
        instead_of=problem.why if problem else "o servidor não tem log binário",
    )


def _why_not_there(instance: Instance, position: LogPosition) -> tuple[LogProblem | None, LogState | None]:
    if instance.record.database_server != position.server:
        why = f"a cópia foi feita em {position.server}, e os bancos estão em outro servidor"
        return LogProblem(None, why), None
    try:
        state = log_state(instance.server)
        found = gtid_at(instance.server, position.file, position.offset) if state else None
    except RetryableError:  # what was stored of its log may serve all the same
        return LogProblem(None, "o servidor não responde"), None
    if state is None:
        return LogProblem(None, "o servidor não tem mais log binário, ou a conta de serviço não pode lê-lo"), None
    if found is None:
        return LogProblem(None, f"{position.file} não existe mais no servidor"), state
    if found != position.gtid:
        return LogProblem(None, "o log foi recomeçado depois da cópia"), state
    return None, state


def _told(problem: LogProblem | None) -> str:
    if problem is None:
        return ""
    return f"{problem.why}, às {local_second(problem.at)}" if problem.at else problem.why


def _nearest(instance: Instance, manifest: BackupManifest, problem_at: datetime | None) -> str:
    slug, position = instance.name.slug, manifest.log
    stamp = stamp_of(manifest.taken_at)
    commands = []
    if problem_at is not None and position is not None and problem_at > position.at:
        typed = local_second(problem_at, typed=True)
        commands.append(f'até esse ponto: ./implanta backup restore {slug} --at "{typed}"')
    commands.append(f"até a própria cópia, de {local_second(manifest.taken_at)}: --backup {stamp}")
    return f"Nada foi tocado. Chega-se {'; ou '.join(commands)}."


def _examined(manifest: BackupManifest, server: MariaDBServer, log: LogReader) -> Replay:
    untouched = _require_same(manifest, server, log)
    keys = {kind: check_foreign_keys(server, schema) for kind, schema in manifest.schemas.items()}
    kinds = {schema: kind for kind, schema in manifest.schemas.items()}
    return Replay(
        transactions=log.transactions,
        reached_at=log.last_at,
        commands=log.commands,
        tables={
            f"{kinds[schema]}.{table}": TableChanges(**changes._asdict())
            for (schema, table), changes in sorted(log.tables.items())
            if schema in kinds
        },
        untouched=untouched,
        foreign_keys=sum(found.checked for found in keys.values()),
        broken_keys=tuple(f"{kind}.{key.table}" for kind, found in keys.items() for key in found.broken),
    )


def _require_same(manifest: BackupManifest, server: MariaDBServer, log: LogReader | None) -> int:
    """Compare with the manifest whatever the log did not touch, all without a log; how many tables that were."""
    schemas = list(manifest.schemas.values())
    wanted, found = manifest.dump, digest(server, schemas)
    if log is not None:
        follow = cascades(server, schemas)
        touched = touched_tables((wanted, found), log.tables.keys(), log.words, follow)
        wanted, found = (
            untouched_part(facts, touched, log.replaced, with_others=not log.commands) for facts in (wanted, found)
        )
    if findings := judge_dump(wanted, found):
        raise IntegrityError(
            f"O que foi trazido não é o que a cópia diz: {first_of([str(finding) for finding in findings])}",
            ", ".join(schemas),
            "Execute de novo; se repetir, restaure a própria cópia com --backup.",
        )
    return wanted.tables
