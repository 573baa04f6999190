"""Restoring on real servers: what comes back is what was saved, whatever interrupts it, and nothing is lost."""

import json
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from typer.testing import CliRunner, Result

from bench.synthetic import fill
from blocks.dump_statements import DigestedDump
from blocks.dump_writer import dumped
from blocks.neutralise import find_leftovers
from blocks.paperwork import count_paperwork
from blocks.table_facts import list_attachments
from cli.__main__ import app
from domain.archive import ArchivePart
from domain.backup.history import last_proved
from domain.change import Change
from domain.environment import Purpose
from domain.errors import IntegrityError, InvalidInputError
from domain.lifecycle import STAGE_FINISHED, Stage
from domain.person import RESERVED_LOGINS
from domain.restoration import Restoration, RestoreEvent, paperwork_in
from flows import restore_environment as restoring
from flows.clone_environment import clone_environment
from flows.create_environment import create_environment
from flows.restore_environment import restore_environment
from registry import Registry
from tasks import backup_storage, clock, doors, restore
from tasks.backup_cycle import back_up
from tasks.backup_history import backups_of
from tasks.backup_storage import BackupVault, fetch_manifest
from tasks.closing import closing_of
from tasks.environment_copy import quarantine_of
from tasks.instance import CLONED, Instance, load_instance
from tasks.restoration import last_restoration
from tests.cli.examples import example_of
from tests.flows.conftest import Join
from tests.flows.cut_off import SMALL, Cut, make_worked_in, refuses_everybody, repository

SCHEMAS = ("database_sip", "database_sei")


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    """An environment that people have worked in, and its proved backup."""
    return make_worked_in(join("3105004", "Baldim"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def work(instance: Instance) -> list[tuple[object, ...]]:
    """What people made: rows of tables that no convergence touches, in digests."""
    with dumped(instance.server, [instance.name.database_sei]) as lines:
        dump = DigestedDump(lines)
        for _ in dump:
            pass
    schema = dump.facts.schemas[instance.name.database_sei]
    return [(table, schema.tables[table].content) for table in WORK_TABLES]


WORK_TABLES = ("procedimento", "protocolo", "documento", "documento_conteudo", "atividade", "anexo", "participante")


def files(instance: Instance) -> dict[str, bytes]:
    root = repository(instance)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def destroy_something(instance: Instance) -> None:
    """What a bad day does: rows altered and gone, a process more, a file lost, one altered, one newer."""
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("UPDATE documento_conteudo SET conteudo = 'x'")
        cursor.execute("DELETE FROM participante")
        cursor.execute("DELETE FROM procedimento LIMIT 3")
    root = repository(instance)
    named = sorted(path for path in list_attachments(instance.server, instance.name.database_sei))
    lost, changed, *_ = [root / path for path in named if (root / path).is_file()]
    lost.unlink()
    changed.write_bytes(b"X" + changed.read_bytes()[1:])
    fresh = root / "2026" / "11" / "28" / "990001"
    fresh.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_bytes(b"came after the backup")


def test_what_was_saved_comes_back_and_what_came_after_is_kept_aside(
    instance: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, stored = work(instance), files(instance)
    good = last_proved(backups_of(instance))
    assert good is not None
    destroy_something(instance)
    slug = instance.name.slug
    refused = run("backup", "restore", slug)
    assert refused.exit_code == 30
    assert "3 processo(s) a menos" in " ".join(refused.stderr.split())
    assert run("backup", "restore", slug, "--confirm", "baldim-producao").exit_code == 30
    assert last_restoration(instance) is None, "nothing began"

    running: list[int] = []

    def counted(real: Callable[[str], Change]) -> Callable[[str], Change]:
        def count_and_do(environment: str) -> Change:
            running.append(doors.runtime().schedulers(instance.name))
            return real(environment)

        return count_and_do

    for step in (restore.replace_databases, restore.reconcile_files):
        monkeypatch.setattr(step, "fn", counted(step.fn))
    words = {"timoteo-treinamento": slug}
    outcome = run(*example_of("backup restore", words), "--confirm", slug, "--json")
    assert outcome.exit_code == 0, outcome.stderr
    report = json.loads(outcome.stdout)
    assert running == [0, 0], "no scheduler while databases and files are of two moments"
    assert report["stamp"] == good.stamp
    assert "guardada mas recusada" in report["saved"], "what was there is kept, broken as it was"
    assert len(backups_of(instance)) == 2
    assert work(instance) == before
    assert files(instance) == stored
    aside = [path for path in quarantine_of(instance).rglob("*") if path.is_file()]
    assert {path.read_bytes()[:1] for path in aside} == {b"c", b"X"}, "the newer one and the altered one"
    assert doors.runtime().health(instance.name).serving
    assert doors.runtime().schedulers(instance.name) == 1
    assert closing_of(instance) is None
    assert not instance.server.list_databases("implanta_restauro")
    told = registry.events(ibge=instance.municipality.ibge, kinds=list(RestoreEvent))
    assert [event.kind for event in told] == list(RestoreEvent)
    assert back_up(instance).proved, "and what came back is itself a good backup"


def test_a_newer_proved_backup_may_be_passed_over_by_name_or_by_moment(instance: Instance) -> None:
    first, *_, newest = [record for record in backups_of(instance) if record.proved]
    assert first.stamp != newest.stamp
    report = restore_environment(instance.name.slug, at=first.reference.taken_at)
    assert report.stamp == first.stamp
    assert any("mesmas entradas" in detail for step in report.steps for detail in step.change.details)
    refused = next(record for record in backups_of(instance) if not record.proved)
    with pytest.raises(InvalidInputError, match="não está provada"):
        restore_environment(instance.name.slug, refused.stamp)
    with pytest.raises(InvalidInputError, match="Não há a cópia"):
        restore_environment(instance.name.slug, "20200101T000000Z")
    with pytest.raises(InvalidInputError, match="não tem cópia provada até"):
        restore_environment(instance.name.slug, at=first.reference.taken_at.replace(year=2020))


CUTS: list[tuple[str, ModuleType, str]] = [
    ("before the backup of what is there", restore, "back_up"),
    ("before the load", restore, "load_into_scratch"),
    ("before the swap", restore, "move_tables"),
    ("before the comparison in place", restore, "_require_equal"),
    ("before the files", restore, "list_attachments"),
    ("in the middle of the files", backup_storage, "read_pack"),
    ("before the convergence", restoring, "create_environment"),
    ("before the end", restore, "reopen_environment"),
]


@pytest.mark.parametrize(("where", "module", "name"), CUTS[3:4], ids=lambda value: str(value)[:40])
def test_one_that_is_killed_goes_on_where_it_was(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, where: str, module: ModuleType, name: str
) -> None:
    _kill_and_go_on(instance, monkeypatch, module, name)


@pytest.mark.slow
@pytest.mark.parametrize(("where", "module", "name"), CUTS[:3] + CUTS[4:], ids=lambda value: str(value)[:40])
def test_one_that_is_killed_elsewhere_goes_on_too(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, where: str, module: ModuleType, name: str
) -> None:
    _kill_and_go_on(instance, monkeypatch, module, name)


def _kill_and_go_on(instance: Instance, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> None:
    slug = instance.name.slug
    record = last_proved(backups_of(instance))
    assert record is not None
    before, stored = work(instance), files(instance)
    destroy_something(instance)
    calls = 0

    def cut(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 1 or name not in {"move_tables", "read_pack"}:  # of two databases, one is there
            raise Cut
        return real(*arguments, **options)

    real: Callable[..., object] = getattr(module, name)
    if name == "read_pack":
        calls = 1
    with monkeypatch.context() as patch, pytest.raises(BaseException):  # noqa: B017
        patch.setattr(module, name, _like(real, cut))
        restore_environment(slug, record.stamp, confirmation=slug)
    found = last_restoration(instance)
    assert found is not None
    assert not found.finished
    if found.touching:
        assert doors.runtime().schedulers(instance.name) == 0
        refuses_everybody(instance)
    kept = len(backups_of(instance))
    report = restore_environment(slug, confirmation=slug)
    assert report.stamp == record.stamp
    assert work(instance) == before
    assert files(instance) == stored
    assert closing_of(instance) is None
    assert doors.runtime().health(instance.name).serving
    assert not instance.server.list_databases("implanta_restauro")
    if RestoreEvent.SAVED in found.reached:
        assert len(backups_of(instance)) == kept, "what was there is saved once"
    _require_finished(instance)


def _like(real: object, cut: Callable[..., object]) -> object:
    """A task's place is taken with its `fn`, as its callers know it."""
    if hasattr(real, "fn"):
        cut.fn = cut  # type: ignore[attr-defined]
    return cut


def _require_finished(instance: Instance) -> Restoration:
    found = last_restoration(instance)
    assert found is not None
    assert found.finished
    return found


def test_a_backup_that_was_damaged_since_is_refused_before_anything_is_touched(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = last_proved(backups_of(instance))
    assert record is not None
    before = last_restoration(instance)
    real = BackupVault._fetched

    def damaged(self: BackupVault, part: ArchivePart) -> Iterator[bytes]:
        chunks = list(real(self, part))
        if part.key.startswith("arquivos/"):
            chunks[0] = chunks[0][:50] + bytes([chunks[0][50] ^ 1]) + chunks[0][51:]
        yield from chunks

    monkeypatch.setattr(BackupVault, "_fetched", damaged)
    with pytest.raises(IntegrityError, match="A cópia não serve: objeto alterado"):
        restore_environment(instance.name.slug, record.stamp, confirmation=instance.name.slug)
    assert last_restoration(instance) == before
    assert doors.runtime().health(instance.name).serving
    assert closing_of(instance) is None


def test_databases_that_are_gone_come_back_without_a_backup_of_them(instance: Instance) -> None:
    before, record = work(instance), last_proved(backups_of(instance))
    assert record is not None
    for schema in SCHEMAS:
        instance.server.drop_database(getattr(instance.name, schema))
    report = restore_environment(instance.name.slug, record.stamp)
    assert report.saved.startswith("não feita, porque o banco")
    assert work(instance) == before


@pytest.fixture(scope="module")
def production(join: Join, registry: Registry) -> Instance:
    """A production that people have worked in, and its proved backup."""
    municipality = join("3104809", "Augusto de Lima")
    for stage in (Stage.ENVIRONMENT_TRAINING, Stage.SEEDING, Stage.USERS, Stage.TRAINING):
        registry.record_event(
            STAGE_FINISHED, ibge=municipality.ibge, actor="teste", details={"stage": stage.value}, key=f"volta-{stage}"
        )
    create_environment(municipality.slug, Purpose.PRODUCAO)
    found = load_instance(f"{municipality.slug}-producao")
    sip, sei = found.name.database_sip, found.name.database_sei
    fill(found.server, sip, sei, repository(found), size=SMALL, seed=2, today=clock.today())
    assert back_up(found).proved
    return found


def test_a_production_asks_for_its_name_a_role_and_a_reason_and_stays_closed(
    production: Instance, registry: Registry
) -> None:
    slug = production.name.slug
    for options in ((), ("--confirm", slug), ("--confirm", slug, "--role", "infraestrutura")):
        refused = run("backup", "restore", slug, *options)
        assert refused.exit_code == 30
        assert "Nada foi criado desde então" in " ".join(refused.stderr.split())
    given = ("--confirm", slug, "--role", "infraestrutura", "--reason", "Banco corrompido")
    assert run("backup", "restore", slug, *given[:-1], "Banco de fulano@exemplo.com").exit_code == 20
    outcome = run("backup", "restore", slug, *given)
    assert outcome.exit_code == 0, outcome.stderr
    assert f"environment maintenance {slug} off" in " ".join(outcome.stdout.split())
    closed = closing_of(production)
    assert closed is not None
    assert (closed.role, closed.reason) == ("infraestrutura", "Banco corrompido")
    (begun,) = registry.events(ibge=production.municipality.ibge, kinds=[RestoreEvent.BEGUN])
    assert (begun.actor, begun.details["reason"]) == ("infraestrutura", "Banco corrompido")


def people(instance: Instance) -> set[str]:
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute(
            "SELECT nome FROM usuario WHERE sta_tipo = '0' AND sigla NOT IN %s", (tuple(sorted(RESERVED_LOGINS)),)
        )
        return {str(row[0]) for row in cursor.fetchall()}


def test_a_backup_of_production_comes_to_another_name_without_anybody_in_it(
    production: Instance, registry: Registry
) -> None:
    first = last_proved(backups_of(production))
    assert first is not None
    with production.server.transaction(production.name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("DELETE FROM documento LIMIT 5")
    target = f"{production.municipality.slug}-homologacao"
    outcome = run("backup", "restore", production.name.slug, "--to", target)
    assert outcome.exit_code == 0, outcome.stderr
    copy = load_instance(target)
    before = paperwork_in(fetch_manifest(production, first.reference))
    found = count_paperwork(copy.server, copy.name.database_sei)
    assert (found.processos, found.documentos) == (before.processos, before.documentos), "of the backup, not of now"
    assert len(people(copy)) >= SMALL.users
    assert not people(copy) & people(production)
    assert not find_leftovers(copy.server, {"sip": copy.name.database_sip, "sei": copy.name.database_sei})
    told = registry.events(ibge=copy.municipality.ibge, kinds=[CLONED])[-1]
    assert told.details["backup"] == first.stamp
    assert doors.runtime().health(copy.name).serving
    assert run("backup", "restore", production.name.slug, "--to", target).exit_code == 30, "work would be lost there"
    with pytest.raises(InvalidInputError, match="não se levam documentos"):
        clone_environment(production.name.slug, target, confirmation=target, with_documents=True, from_backup=True)
