"""From a backup to any later moment by the server's log, on real servers: what was there then, and of nobody else."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from blocks.binary_log import gtid_at
from blocks.dump_writer import digest
from blocks.mariadb import MariaDBServer
from cli.__main__ import app
from domain.backup.facts import DumpFacts
from domain.backup.history import BackupRecord, last_proved
from domain.backup.log import LogPosition
from domain.calendar import BRASILIA, local_second
from domain.environment import EnvironmentName, Purpose
from domain.errors import InvalidInputError
from flows.archive_logs import archive_logs
from flows.rebuild_server import rebuild_server
from flows.restore_environment import restore_environment
from tasks import clock, doors, point_in_time, restore, restore_begin
from tasks.backup_cycle import back_up
from tasks.backup_history import backups_of
from tasks.backup_storage import backup_storage, fetch_manifest
from tasks.closing import closing_of
from tasks.environment_copy import quarantine_of
from tasks.instance import Instance, load_instance
from tasks.log_segments import read_segments, segments_of
from tasks.point_in_time import brought_forward, require_log
from tasks.restoration import last_restoration
from tests.flows.conftest import Join
from tests.flows.cut_off import Cut, make_worked_in, repository
from tests.waiting import wait_until

NEW, KEPT_ELSEWHERE, LOST, LATE = (990_001, 990_002, 990_003, 990_004)
DAY = datetime(2026, 11, 28, 10, 30)  # noqa: DTZ001  # SEI's databases know no zones


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    """An environment that people have worked in, and its proved backup."""
    return make_worked_in(join("3133303", "Itaobim"))


class Neighbour(NamedTuple):
    """The databases of another prefeitura on the same server, and so in the same log."""

    server: MariaDBServer
    name: EnvironmentName


@pytest.fixture(scope="module")
def neighbour(instance: Instance) -> Iterator[Neighbour]:
    found = Neighbour(instance.server, EnvironmentName(municipality="itapagipe", purpose=Purpose.TREINAMENTO))
    for schema in (found.name.database_sip, found.name.database_sei):
        found.server.ensure_database(schema)
    for sip in (False, True):
        write(found, "CREATE OR REPLACE TABLE usuario (id int PRIMARY KEY, nome text) ENGINE=InnoDB", sip=sip)
        write(found, "INSERT INTO usuario VALUES (1, 'a'), (2, 'b')", sip=sip)
    yield found
    for schema in (found.name.database_sip, found.name.database_sei):
        found.server.drop_database(schema)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def held(instance: Instance | Neighbour) -> DumpFacts:
    """Everything that both databases hold."""
    return digest(instance.server, [instance.name.database_sip, instance.name.database_sei])


def write(instance: Instance | Neighbour, *statements: str, sip: bool = False) -> None:
    name = instance.name
    with instance.server.transaction(name.database_sip if sip else name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        for statement in statements:
            cursor.execute(statement)


def attach(instance: Instance, number: int) -> Path:
    """One attachment more, row and file."""
    content = b"anexo %d" % number
    write(
        instance,
        "INSERT INTO anexo (id_anexo, nome, sin_ativo, id_unidade, id_usuario, tamanho, dth_inclusao, hash)"
        f" SELECT {number}, 'a.pdf', 'S', MIN(id_unidade), MIN(id_usuario), {len(content)}, '{DAY}',"
        f" '{md5(content).hexdigest()}' FROM unidade, usuario",
    )
    path = repository(instance) / f"{DAY:%Y/%m/%d}" / str(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def next_second(instance: Instance) -> datetime:
    """A moment after everything so far, and not after anything that comes: the log's times are whole seconds."""

    def second() -> int:
        with instance.server.transaction() as cursor:
            cursor.execute("SELECT UNIX_TIMESTAMP()")
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])

    before = second()
    wait_until(lambda: second() > before, "the next second")
    return datetime.fromtimestamp(second(), UTC)


def typed(moment: datetime) -> str:
    return local_second(moment, typed=True)


def newest(instance: Instance) -> BackupRecord:
    found = last_proved(backups_of(instance))
    assert found is not None
    return found


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch, instance: Instance) -> list[DumpFacts]:
    """What the databases held when they were in place, before the environment was converged."""
    seen: list[DumpFacts] = []
    real = restore.reconcile_files.fn

    def looked_at(environment: str) -> object:
        seen.append(held(load_instance(environment)))  # it may be on another server by now
        return real(environment)

    monkeypatch.setattr(restore.reconcile_files, "fn", looked_at)
    return seen


def test_what_was_there_just_before_the_damage_comes_back_in_both_databases(
    instance: Instance, neighbour: Neighbour, replaced: list[DumpFacts]
) -> None:
    base, slug = newest(instance), instance.name.slug
    position = fetch_manifest(instance, base.reference).log
    assert position is not None
    assert position.format == "ROW"
    doors.runtime().stop(instance.name)
    write(
        instance,
        "UPDATE documento_conteudo SET conteudo = CONCAT(conteudo, ' e mais') LIMIT 7",
        "DELETE FROM participante LIMIT 2",
        "CREATE TABLE md_passageiro AS SELECT * FROM atividade",
        "TRUNCATE TABLE atividade",
        "INSERT INTO atividade SELECT * FROM md_passageiro",
        "DROP TABLE md_passageiro",
    )
    write(instance, "UPDATE usuario SET nome = CONCAT(nome, ' S')", sip=True)
    write(neighbour, "UPDATE usuario SET nome = CONCAT(nome, ' V')", "CREATE OR REPLACE TABLE md_alheio (id int)")
    fresh, elsewhere, lost = (attach(instance, number) for number in (NEW, KEPT_ELSEWHERE, LOST))
    moment = next_second(instance)
    wanted = held(instance)

    assert back_up(instance).proved, "a later backup has the files, and its databases are too new"
    lost.write_bytes(b"outra coisa")
    late = attach(instance, LATE)
    elsewhere.unlink()
    write(
        instance,
        "UPDATE documento_conteudo SET conteudo = 'x'",
        "DELETE FROM documento LIMIT 3",
        "DELETE FROM anexo WHERE id_anexo > 990000",
        "DROP TABLE participante",
        "ALTER TABLE atividade ADD COLUMN estrago int",
    )
    write(instance, "TRUNCATE TABLE usuario", sip=True)
    write(neighbour, "UPDATE usuario SET nome = CONCAT(nome, ' W')")
    others = held(neighbour)

    refused = run("backup", "restore", slug, "--at", typed(moment))
    assert refused.exit_code == 30, refused.stderr
    assert f"levada pelo log binário até {local_second(moment)}" in " ".join(refused.stderr.split())
    outcome = run("backup", "restore", slug, "--at", typed(moment), "--confirm", slug, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert replaced == [wanted]
    assert held(neighbour) == others
    report = json.loads(outcome.stdout)
    assert report["stamp"] == base.stamp
    replay = report["replay"]
    assert datetime.fromisoformat(replay["reached_at"]) < moment
    assert replay["tables"]["sei.anexo"] == {"inserts": 3, "updates": 0, "deletes": 0}
    assert {"sip.usuario", "sei.atividade", "sei.documento_conteudo", "sei.participante"} <= replay["tables"].keys()
    assert replay["commands"] == 3, "a table made, one emptied, one dropped"
    assert replay["untouched"] > 300
    assert replay["foreign_keys"] > 300
    assert "md_alheio" not in outcome.stdout
    assert fresh.read_bytes() == b"anexo %d" % NEW, "newer than the backup, and of that moment"
    assert elsewhere.read_bytes() == b"anexo %d" % KEPT_ELSEWHERE, "gone since: it is in a later backup"
    assert lost.read_bytes() == b"anexo %d" % LOST
    assert not late.exists()
    aside = {path.read_bytes() for path in quarantine_of(instance).rglob("*") if path.is_file()}
    assert {b"anexo %d" % LATE, b"outra coisa"} <= aside
    assert closing_of(instance) is None
    assert doors.runtime().health(instance.name).serving
    assert not instance.server.list_databases("implanta_restauro")
    assert back_up(instance).proved


def test_a_moment_within_the_taking_of_a_backup_is_of_the_one_before(instance: Instance) -> None:
    first, *_, last = [record for record in backups_of(instance) if record.proved]
    log = fetch_manifest(instance, last.reference).log
    assert log is not None

    def chosen(at: datetime) -> str:
        return restore_begin._chosen(instance, None, at, clock.now())[0].stamp

    assert chosen(last.reference.taken_at) < last.stamp, "its databases are of just after that second began"
    assert chosen(log.at - timedelta(milliseconds=1)) < last.stamp
    assert chosen(log.at) == last.stamp
    assert chosen(first.reference.taken_at) == first.stamp, "there is none before it"


COMMANDS = (
    "CREATE TABLE md_novo (id int PRIMARY KEY AUTO_INCREMENT, texto longtext) ENGINE=InnoDB DEFAULT CHARSET=latin1",
    "INSERT INTO md_novo (texto) VALUES (REPEAT('ção ', 300000)), ('b'), (NULL)",
    "ALTER TABLE md_novo ADD COLUMN sigla varchar(10) DEFAULT 'x', ADD KEY (sigla)",
    "CREATE TABLE md_filho (id int, pai int, CONSTRAINT md_fk FOREIGN KEY (pai) REFERENCES md_novo (id)"
    " ON DELETE CASCADE) ENGINE=InnoDB DEFAULT CHARSET=latin1",
    "INSERT INTO md_filho VALUES (1, 1), (2, 2)",
    "CREATE VIEW md_vista AS SELECT n.id, n.sigla FROM md_novo n JOIN atividade a ON a.id_atividade = n.id",
    "CREATE TRIGGER md_gatilho BEFORE UPDATE ON md_novo FOR EACH ROW SET NEW.sigla = 'g'",
    "CREATE PROCEDURE md_rotina() UPDATE md_novo SET texto = 'rotina' WHERE id = 2",
    "CALL md_rotina()",
    "SAVEPOINT a",
    "DELETE FROM md_novo WHERE id = 2",
    "ROLLBACK TO a",
    "SET foreign_key_checks = 1",
    "DELETE FROM md_novo WHERE id = 1",
    "RENAME TABLE md_filho TO md_crianca",
    "SET @numero = 7",
    "INSERT INTO md_novo (id, texto) VALUES (@numero, NULL), (@numero + 1, UUID())",
    "SET time_zone = '+00:00'",
    "ALTER TABLE md_novo ADD COLUMN quando timestamp DEFAULT CURRENT_TIMESTAMP",
)


@pytest.mark.parametrize("by", ["ROW", "MIXED"])
def test_commands_of_every_kind_lead_to_what_is_there_now(instance: Instance, by: str) -> None:
    doors.runtime().stop(instance.name)
    manifest = fetch_manifest(instance, newest(instance).reference)
    write(instance, f"SET SESSION binlog_format = '{by}'", *COMMANDS)
    moment, wanted = next_second(instance), held(instance)
    with brought_forward(instance, manifest, moment) as found:
        there = digest(found.server, list(manifest.schemas.values()))
    write(
        instance,
        "DROP VIEW md_vista",
        "DROP PROCEDURE md_rotina",
        "DROP TABLE md_crianca, md_novo",
    )
    assert there == wanted
    assert {"sei.md_novo", "sei.md_filho"} <= found.replay.tables.keys() or by == "MIXED"
    assert found.replay.foreign_keys > 300
    assert not found.replay.broken_keys


def damaged(instance: Instance) -> tuple[datetime, DumpFacts]:
    """Work, the moment after it with what was there, and damage."""
    doors.runtime().stop(instance.name)
    write(instance, "UPDATE documento_conteudo SET conteudo = CONCAT(conteudo, '!') LIMIT 3")
    moment, wanted = next_second(instance), held(instance)
    write(instance, "DELETE FROM documento_conteudo", "DELETE FROM atividade LIMIT 5")
    return moment, wanted


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        pytest.param(point_in_time, "run_log", 1, id="before the log is run", marks=pytest.mark.slow),
        pytest.param(restore, "move_tables", 2, id="between the two databases"),
        pytest.param(restore, "index_of_moment", 1, id="before the files", marks=pytest.mark.slow),
    ],
)
def test_one_that_is_killed_goes_on_to_the_same_moment(
    instance: Instance,
    replaced: list[DumpFacts],
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    name: str,
    call: int,
) -> None:
    slug, base = instance.name.slug, newest(instance)
    moment, wanted = damaged(instance)
    calls = 0
    real: Callable[..., object] = getattr(module, name)

    def cut(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Cut
        return real(*arguments, **options)

    with monkeypatch.context() as patch, pytest.raises(BaseException):  # noqa: B017
        patch.setattr(module, name, cut)
        restore_environment(slug, at=moment, confirmation=slug)
    found = last_restoration(instance)
    assert found is not None
    assert not found.finished
    assert found.until == moment
    report = restore_environment(slug, confirmation=slug)
    assert (report.stamp, report.until) == (base.stamp, moment)
    assert report.replay is not None
    assert report.replay.tables["sei.documento_conteudo"].updates > 0
    assert replaced[-1] == wanted
    assert not instance.server.list_databases("implanta_restauro")
    finished = last_restoration(instance)
    assert finished is not None
    assert finished.finished


def test_a_restoration_that_lies_between_is_followed(instance: Instance, replaced: list[DumpFacts]) -> None:
    slug, base = instance.name.slug, newest(instance)
    write(instance, "UPDATE documento_conteudo SET conteudo = 'estragado'")
    restore_environment(slug, base.stamp, confirmation=slug)
    assert newest(instance).stamp > base.stamp, "of what was put aside"
    moment, wanted = damaged(instance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore_begin, "backups_of", lambda _: [base])
        restore_environment(slug, at=moment, confirmation=slug)
    assert replaced[-1] == wanted


def test_of_a_server_that_lost_its_log_what_was_stored_of_it_serves(
    instance: Instance, neighbour: Neighbour, replaced: list[DumpFacts]
) -> None:
    doors.runtime().stop(instance.name)
    assert back_up(instance).proved
    slug, base = instance.name.slug, newest(instance)
    archive_logs([slug])
    write(instance, "UPDATE documento_conteudo SET conteudo = CONCAT(conteudo, '?') LIMIT 3")
    write(neighbour, "UPDATE usuario SET nome = 'segredo alheio'")
    first = archive_logs([slug])
    assert first.stored == {slug: "1 transações"}, first
    assert archive_logs([slug]).unchanged == {slug: "nada de novo"}
    write(instance, "UPDATE usuario SET nome = CONCAT(nome, '?')", sip=True)
    moment, wanted = next_second(instance), held(instance)
    write(instance, "UPDATE documento_conteudo SET conteudo = 'x'")
    assert archive_logs([slug]).stored == {slug: "2 transações"}
    segments = segments_of(instance)
    stored = b"".join(read_segments(instance, segments))
    assert b"documento_conteudo" in stored
    assert b"segredo alheio" not in stored
    assert b"itapagipe" not in stored
    write(instance, "DELETE FROM documento LIMIT 1")
    late = next_second(instance)
    lose_log(instance, fetch_manifest(instance, base.reference).log)

    with pytest.raises(InvalidInputError, match="o que foi guardado dele acaba antes") as refusal:
        restore_environment(slug, at=late, confirmation=slug)
    assert local_second(segments[-1].end.at, typed=True) in refusal.value.fix
    report = restore_environment(slug, at=moment, confirmation=slug)
    assert report.stamp == base.stamp
    assert report.replay is not None
    assert report.replay.transactions == 2
    assert replaced == [wanted]
    assert back_up(instance).proved
    for segment in segments:
        if segment.part is not None:
            assert backup_storage(instance).head(segment.part.key, segment.part.version_id), "no night sweeps it away"


def test_what_the_log_cannot_lead_to_is_refused_before_anything_is_touched(
    instance: Instance, neighbour: Neighbour
) -> None:
    doors.runtime().stop(instance.name)
    assert back_up(instance).proved
    slug, base, before = instance.name.slug, newest(instance), last_restoration(instance)
    alheio = neighbour.name.database_sei
    write(instance, "UPDATE atividade SET id_tarefa = id_tarefa LIMIT 1")
    near = next_second(instance)
    write(instance, f"CREATE TABLE md_ligado LIKE {alheio}.usuario")
    moment = next_second(instance)
    itself = f"--backup {base.stamp}"

    def refusal(at: datetime = moment) -> InvalidInputError:
        with pytest.raises(InvalidInputError) as raised:
            restore_environment(slug, at=at, confirmation=slug)
        assert last_restoration(instance) == before
        assert itself in raised.value.fix or "ainda não chegou" in raised.value.what
        return raised.value

    bound = refusal()
    assert "liga este ambiente a outro banco" in bound.what
    (typed_there,) = re.findall(r'--at "([^"]+)"', bound.fix)
    assert datetime.fromisoformat(typed_there).replace(tzinfo=BRASILIA) >= near
    manifest = fetch_manifest(instance, base.reference)
    require_log(instance, manifest, datetime.fromisoformat(typed_there).replace(tzinfo=BRASILIA))
    assert "ainda não chegou" in refusal(datetime.now(UTC) + timedelta(hours=1)).what

    assert manifest.log is not None
    elsewhere = manifest.model_copy(update={"log": manifest.log.model_copy(update={"server": other_server(instance)})})
    with pytest.raises(InvalidInputError, match="os bancos estão em outro servidor"):
        require_log(instance, elsewhere, moment)
    with pytest.raises(InvalidInputError, match="não diz onde está"):
        require_log(instance, manifest.model_copy(update={"log": None}), moment)
    begun_anew = manifest.model_copy(update={"log": manifest.log.model_copy(update={"gtid": "0-1-999999"})})
    with pytest.raises(InvalidInputError, match="o log foi recomeçado depois da cópia"):
        require_log(instance, begun_anew, moment)
    lose_log(instance, manifest.log)
    assert "não existe mais no servidor" in refusal(near).what
    write(instance, "DROP TABLE md_ligado")


def other_server(instance: Instance) -> str:
    """Of the lab's two, the one that the environment was not placed on."""
    return next(name for name in doors.mariadb_servers() if name != instance.record.database_server)


def lose_log(instance: Instance, position: LogPosition | None) -> None:
    """The server has purged its log up to after a place."""
    assert position is not None
    with instance.server.transaction() as cursor:
        cursor.execute("FLUSH BINARY LOGS")
        cursor.execute("SHOW MASTER STATUS")
        row = cursor.fetchone()
        assert row is not None

    def gone() -> bool:
        with instance.server.transaction() as cursor:
            cursor.execute("PURGE BINARY LOGS TO %s", (row[0],))
        return gtid_at(instance.server, position.file, position.offset) is None

    wait_until(gone, "the old logs are not needed after a crash any more")


def test_a_lost_server_takes_along_what_came_after_the_last_hour_only(
    instance: Instance, replaced: list[DumpFacts]
) -> None:
    slug = instance.name.slug
    doors.runtime().stop(instance.name)
    assert back_up(instance).proved, "the log of the one before is gone"
    write(instance, "UPDATE documento_conteudo SET conteudo = CONCAT(conteudo, '#') LIMIT 3")
    wanted = held(instance)
    assert archive_logs([slug]).stored == {slug: "1 transações"}
    write(instance, "UPDATE documento_conteudo SET conteudo = 'x'")
    for schema in (instance.name.database_sip, instance.name.database_sei):
        instance.server.drop_database(schema)
    lost, other = instance.record.database_server, other_server(instance)
    report = rebuild_server(lost, other, lost, only=[slug])
    assert report.rebuilt[slug].replay is not None
    assert load_instance(slug).record.database_server == other
    assert replaced == [wanted]
