"""Upgrading real environments: what comes of it is the new version whole, or the old one whole, and nothing between."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import sleep

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from domain.backup.findings import Level
from domain.backup.history import last_proved
from domain.campaign.version_map import MapRow
from domain.change import Change
from domain.environment import Purpose
from domain.errors import GateClosedError, IntegrityError, InvalidInputError, RetryableError
from domain.go_live import Evidence, lacking
from domain.report import StepResult
from domain.upgrading import UpgradeEvent
from flows.create_environment import create_environment
from flows.map_versions import map_versions
from flows.upgrade_environment import upgrade_environment
from flows.verify_environment import verify_environment
from registry import Registry
from tasks import clock, doors, upgrade, upgrade_plan, upgrade_steps
from tasks.backup_cycle import back_up
from tasks.backup_history import backups_of
from tasks.closing import closing_of
from tasks.instance import Instance, load_instance
from tasks.maintenance import close_environment
from tasks.upgrading import last_upgrade, rehearsals_of
from tasks.use_test import prove_use
from tasks.version_map import version_map
from tests.cli.examples import example_of
from tests.flows.conftest import Join
from tests.flows.upgradable import NEW, OLD, fault_file, files, is_new, is_old, make, rows, run

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    return make(join, "3169901", "Ubá")


@pytest.fixture
def fault(instance: Instance) -> Iterator[Callable[[str, int, str], None]]:
    """Let a script of the environment stop at a change by itself."""
    file = fault_file(instance)

    def ask(script: str, change: int, how: str) -> None:
        file.write_text(f"{script} {change} {how}")

    yield ask
    file.unlink(missing_ok=True)


@contextmanager
def own_column(instance: Instance) -> Iterator[None]:
    """A column that the prefeitura added by itself."""
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("ALTER TABLE serie ADD coluna_nossa int NULL")
    try:
        yield
    finally:
        with instance.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute("ALTER TABLE serie DROP coluna_nossa")
        sleep(2)  # what was written within a second of a backup's beginning is not known to be in it


def mapped(slug: str) -> MapRow:
    """What its databases hold, looked at now."""
    return next(row for row in map_versions([slug]).rows if row.environment == slug)


def upgrade_fails(instance: Instance, step: str) -> IntegrityError:
    """It fails in this step, and everything is as it was: databases by digest, files, code, registry, doors."""
    before, stored = rows(instance), files(instance)
    with pytest.raises(IntegrityError) as failure:
        upgrade_environment(instance.name.slug, NEW, "operação", "Versão nova")
    assert f"desfeita: o ambiente está na {OLD}, como antes" in failure.value.fix
    is_old(instance, before, stored)
    found = last_upgrade(instance)
    assert found is not None
    assert found.failure is not None
    assert (found.result, found.failure.step, found.failure.cause) == ("desfeita", step, failure.value.what)
    return failure.value


@pytest.mark.parametrize(
    ("script", "change", "how"), [("atualizar_versao_sei.php", 40, "erro"), ("atualizar_versao_sip.php", 5, "silencio")]
)
def test_a_script_that_stops_in_the_middle_is_undone_and_everything_is_as_before(
    instance: Instance, fault: Callable[[str, int, str], None], script: str, change: int, how: str
) -> None:
    fault(script, change, how)
    error = upgrade_fails(instance, "passos da versão")
    assert f"{script} não terminou bem" in error.what
    found = last_upgrade(instance)
    assert found is not None
    assert found.failure is not None
    if how == "erro":
        assert found.failure.signature.startswith("erro falha")
    assert back_up(instance).proved, "and what came back is itself a good backup"


def test_rows_of_the_prefeitura_that_change_without_the_release_saying_so_are_found_and_undone(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = upgrade_steps.run_release

    def careless(*arguments: object) -> Iterator[StepResult]:
        yield from real(*arguments)  # type: ignore[arg-type]
        with instance.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute("UPDATE documento_conteudo SET conteudo = 'x' LIMIT 1")

    monkeypatch.setattr(upgrade, "run_release", careless)
    error = upgrade_fails(instance, "conferência e teste de uso")
    assert "sei.documento_conteudo: o conteúdo mudou, e a versão não diz que o muda" in error.what


def test_an_application_that_does_not_work_on_the_new_version_is_undone(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(instance: Instance) -> Evidence:
        assert doors.runtime().deployed_code(instance.name) == NEW
        assert closing_of(instance) is not None, "behind the closed edge"
        return lacking("falhou ao pesquisar o processo: HTTP 500")

    monkeypatch.setattr(upgrade, "prove_use", fails)
    assert upgrade_fails(instance, "conferência e teste de uso").what == (
        "O teste de uso falhou: falhou ao pesquisar o processo: HTTP 500"
    )


def test_all_that_speaks_against_it_is_told_at_once_and_nothing_is_touched(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug, before = instance.name.slug, last_upgrade(instance)
    with own_column(instance):
        monkeypatch.setattr(upgrade_plan, "LONG_SECONDS", 0)
        with instance.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute("UPDATE infra_parametro SET valor = '3.1.0' WHERE nome = 'SEI_VERSAO'")
            with pytest.raises(GateClosedError) as failure:  # this transaction is open meanwhile
                upgrade_environment(slug, NEW)
            cursor.connection.rollback()
        told = failure.value.what
        assert "difere da referência: sei.serie: coluna coluna_nossa: sobra" in told
        found = re.search(rf"a conta {instance.server.user} tem uma transação aberta há (\d+) s", told)
        assert found
        assert int(found[1]) < 60
        monkeypatch.undo()
        with pytest.raises(GateClosedError, match="uma diferença se aceita com um motivo"):
            upgrade_environment(slug, NEW, accept=["sei.serie"])
    assert last_upgrade(instance) == before
    assert closing_of(instance) is None


@pytest.mark.parametrize(
    ("database", "parameter", "value", "told"),
    [
        ("database_sip", "SEI_VERSAO", "4.1.0", "o SEI está na linha 4.0 .* e os recursos do SEI no SIP na linha 4.1"),
        ("database_sip", "SIP_VERSAO", "2.1.0", "o SIP está na linha 2.1"),
        ("database_sei", "SEI_VERSAO", "4.1.1", "o registro diz 4.0.0 e o banco do SEI está na 4.1.1"),
    ],
)
def test_versions_that_do_not_agree_in_three_places_are_refused(
    instance: Instance, database: str, parameter: str, value: str, told: str
) -> None:
    schema = getattr(instance.name, database)
    with instance.server.transaction(schema) as cursor:
        cursor.execute("SELECT valor FROM infra_parametro WHERE nome = %s", (parameter,))
        ((kept,),) = cursor.fetchall()
        cursor.execute("UPDATE infra_parametro SET valor = %s WHERE nome = %s", (value, parameter))
    try:
        with pytest.raises(GateClosedError, match=told):
            upgrade_environment(instance.name.slug, NEW)
    finally:
        with instance.server.transaction(schema) as cursor:
            cursor.execute("UPDATE infra_parametro SET valor = %s WHERE nome = %s", (kept, parameter))


def test_there_must_be_a_way_to_the_version(instance: Instance) -> None:
    with pytest.raises(InvalidInputError, match="não está no catálogo"):
        upgrade_environment(instance.name.slug, "9.9.9")
    with pytest.raises(InvalidInputError, match=r"Não há caminho da 4\.0\.0 para a 4\.0\.0"):
        upgrade_environment(instance.name.slug, OLD)


def test_a_rehearsal_upgrades_a_restored_copy_and_says_how_long_it_takes(instance: Instance) -> None:
    before, known = rows(instance), len(rehearsals_of(instance))
    words = {"timoteo-treinamento": instance.name.slug}
    outcome = run(*example_of("upgrade rehearse", words), "--json")
    assert outcome.exit_code == 0, outcome.stderr
    record = rehearsals_of(instance, NEW)[known]
    assert (record.ok, record.failure, record.signatures) == (True, None, ())
    assert list(record.steps) == [
        *("cópia restaurada", "condições", "cópia deste momento", "passos da versão"),
        *("conferência dos bancos", "teste de uso"),
    ]
    assert 0 < record.steps["passos da versão"] < record.seconds
    assert rows(instance) == before, "the environment itself is as it was"
    good = last_proved(backups_of(instance))
    assert good is not None
    assert good.certificate is not None
    assert (good.stamp, good.certificate.level) == (record.stamp, Level.UPGRADES)


def test_a_rehearsal_finds_what_is_the_environments_own_and_its_backup_stays_proved(instance: Instance) -> None:
    with own_column(instance):
        assert back_up(instance).proved
        outcome = run("upgrade", "rehearse", instance.name.slug, "--to", NEW)
    assert outcome.exit_code == 40
    record = rehearsals_of(instance)[-1]
    assert record.failure is not None
    assert (record.ok, record.failure.step) == (False, "condições")
    assert "sei.serie: coluna coluna_nossa: sobra" in record.failure.cause
    assert record.signatures
    good = last_proved(backups_of(instance))
    assert good is not None
    assert good.certificate is not None
    assert (good.stamp, good.proved, good.certificate.passed(Level.UPGRADES)) == (record.stamp, True, False)


def test_an_environment_becomes_one_of_the_new_version_with_all_that_people_made(
    instance: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, known = files(instance), len(backups_of(instance))
    tried = _silent_at_first(monkeypatch)
    words = {"timoteo-treinamento": instance.name.slug}
    outcome = run(*example_of("upgrade run", words), "--json")
    assert outcome.exit_code == 0, outcome.stderr
    report = json.loads(outcome.stdout)
    assert (report["from_version"], report["to_version"]) == (OLD, NEW)
    assert 0 < report["closed_seconds"] < report["seconds"]
    assert len(tried) == 2, "an application that does not answer yet is tried again, and nothing goes back"
    is_new(instance)
    assert files(instance) == stored
    assert len(backups_of(instance)) == known + 1, "nobody worked between the backup and the closing: one is enough"
    assert len(report["logs"]) == 3
    password = doors.environment_secrets(instance.name.slug).migration_password
    assert password is not None
    for log in report["logs"]:
        bucket, _, key = log.removeprefix("s3://").partition("/")
        text = doors.object_storage().find_object(bucket, key)
        assert text is not None
        assert b"FIM" in text
        assert password.get_secret_value().encode() not in text
    told = registry.events(ibge=instance.municipality.ibge, kinds=list(UpgradeEvent))
    last = [event.kind for event in told][-5:]
    assert last == ["upgrade.begun", "upgrade.saved", "upgrade.applied", "upgrade.proved", "upgrade.finished"]
    assert back_up(instance).proved
    with pytest.raises(InvalidInputError, match="Não há caminho"):
        upgrade_environment(instance.name.slug, NEW)
    shown = run(*example_of("upgrade history", words))
    assert shown.exit_code == 0
    assert "concluída" in shown.stdout
    assert "desfeita" in shown.stdout


def _silent_at_first(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the application answer only when it is tried again; who tried."""
    tried: list[str] = []

    def slow(instance: Instance) -> Evidence:
        tried.append(instance.name.slug)
        if len(tried) == 1:
            raise RetryableError("A aplicação não respondeu", instance.name.slug, "Execute de novo.")
        return prove_use(instance)

    monkeypatch.setenv("IMPLANTA_RETRIES", "1")
    monkeypatch.setattr(upgrade, "RETRY_DELAYS_SECONDS", [0.1])
    monkeypatch.setattr(upgrade, "prove_use", slow)
    return tried


def test_a_production_asks_for_its_name_or_an_announced_window_and_one_that_was_closed_stays_so(join: Join) -> None:
    production = make(join, "3170701", "Varginha", Purpose.PRODUCAO)
    slug, now = production.name.slug, clock.now()
    past = ("--from", "2026-01-01 01:00", "--until", "2026-01-01 05:00")
    for given in ((), ("--confirm", slug), ("--role", "infraestrutura", "--reason", "Versão nova"), past):
        refused = run("upgrade", "run", slug, "--to", NEW, *given)
        assert refused.exit_code == 30
        assert "é produção, fora de janela anunciada" in " ".join(refused.stderr.split())
    window = (now - timedelta(hours=2), now - timedelta(hours=1))
    with pytest.raises(GateClosedError, match="fora de janela anunciada"):
        upgrade_environment(slug, NEW, "infraestrutura", "Campanha", None, None, *window)
    assert close_environment.fn(slug, "infraestrutura", "Troca de disco") != Change()
    with production.server.transaction(production.name.database_sei) as cursor:
        cursor.execute("ALTER TABLE serie ADD coluna_nossa int NULL")
    window = (now - timedelta(hours=1), now + timedelta(hours=1))
    report = upgrade_environment(slug, NEW, "infraestrutura", "Campanha", None, ["sei.serie"], *window)
    assert report.window
    assert "Diferença aceita: sei.serie." in report.facts
    assert f"environment maintenance {slug} off" in report.next_step
    closed = closing_of(production)
    assert closed is not None
    assert closed.reason == "Troca de disco"
    is_new(production, serving=False)


def test_the_map_shows_what_the_databases_themselves_hold_and_one_that_cannot_be_read_stops_no_other(
    instance: Instance,
) -> None:
    names = [instance.name.slug, "varginha-producao"]
    found = {row.environment: row for row in map_versions(names).rows}
    assert [found[name].sei for name in names] == ["4.1.1"] * 2, "what the reference of 4.1.0 itself says"
    assert (found[names[0]].drift, bool(found[names[1]].drift)) == (0, True)

    varginha, lost = load_instance(names[1]), ("infra_parametro", "infra_parametro_perdida")
    with varginha.server.transaction(varginha.name.database_sei) as cursor:
        cursor.execute("ALTER TABLE serie DROP coluna_nossa")
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute(f"RENAME TABLE {lost[0]} TO {lost[1]}")
    try:
        with pytest.raises(IntegrityError, match=f"1 ambientes não puderam ser lidos .*{names[0]}") as failure:
            map_versions(names)
    finally:
        with instance.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute(f"RENAME TABLE {lost[1]} TO {lost[0]}")
    assert "Veja a causa de cada um" in failure.value.fix
    after = {row.environment: row for row in version_map().rows}
    assert after[names[0]] == found[names[0]], "what was seen last stays"
    assert after[names[1]].drift == 0
    with get_client(sync_client=True) as client:
        of_map = ArtifactFilter(key=ArtifactFilterKey(any_=["mapa-das-versoes"]))
        newest = client.read_artifacts(artifact_filter=of_map, sort=ArtifactSort.CREATED_DESC)[0]
    assert names[0] in str(newest.data)


def test_a_correction_comes_by_the_same_way_rehearsed_before(instance: Instance) -> None:
    slug, fix = instance.name.slug, "4.1.5"
    stored = files(instance)
    assert run("upgrade", "rehearse", slug, "--to", fix).exit_code == 0
    assert rehearsals_of(instance, fix)[-1].ok
    report = upgrade_environment(slug, fix, "operação", "Correção de segurança")
    assert (report.from_version, report.to_version, report.next_step) == (NEW, fix, "")
    assert len(report.logs) == 2, "it has two scripts, and none of the recursos"
    assert files(instance) == stored
    corrected = load_instance(slug)
    assert corrected.record.release_version == fix
    assert corrected.record.reference_digest == load_instance("varginha-producao").record.reference_digest
    assert doors.runtime().deployed_code(instance.name) == fix
    assert closing_of(corrected) is None
    verify_environment(slug)
    assert back_up(corrected).proved
    assert mapped(slug).sei == fix
    with pytest.raises(GateClosedError, match=r"o banco do SEI já está na 4\.1\.5"):
        upgrade_environment(slug, fix)
    with pytest.raises(InvalidInputError, match=r"4\.1\.5 é correção: um ambiente não nasce nela"):
        create_environment(instance.name.municipality, Purpose.HOMOLOGACAO, fix)


def test_a_correction_that_fails_leads_back_to_the_number_before(monkeypatch: pytest.MonkeyPatch) -> None:
    varginha, real = load_instance("varginha-producao"), upgrade_steps.run_release

    def half(*arguments: object) -> Iterator[StepResult]:
        yield next(iter(real(*arguments)))  # type: ignore[arg-type]  # the second script is never run

    monkeypatch.setattr(upgrade, "run_release", half)
    window = (clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1))
    with pytest.raises(IntegrityError, match=r"SEI_VERSAO no SEI é 4\.1\.1 e devia ser 4\.1\.5"):
        upgrade_environment(varginha.name.slug, "4.1.5", "infraestrutura", "Correção", None, None, *window)
    assert load_instance(varginha.name.slug).record.release_version == NEW
    assert doors.runtime().deployed_code(varginha.name) == NEW
    found = mapped(varginha.name.slug)
    assert (found.sei, found.drift) == ("4.1.1", 0)
