"""Backups on real servers: taken, locked, restored, compared, certified; the fleet's night, and who is missing."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from typer.testing import CliRunner

from bench.synthetic import Size, fill
from blocks.archive_key import EnvironmentArchiveKey
from blocks.archive_storage import ArchiveStorage
from blocks.file_packs import read_pack
from blocks.settings import load_settings
from blocks.signing_key import BackupSigningKey
from blocks.table_facts import list_attachments
from cli.__main__ import app
from domain.backup.certificate import BackupCertificate
from domain.backup.findings import OF_THE_SOURCE, Cause, Level
from domain.backup.history import last_proved
from domain.change import Change
from domain.environment import Purpose
from domain.errors import IntegrityError
from domain.message import Event
from flows.backup_environment import backup_environment
from flows.check_backups import check_backups
from flows.create_environment import create_environment
from flows.drill_backups import drill_backups
from flows.nightly_backup import nightly_backup
from registry import Registry
from tasks import clock, doors
from tasks.backup_cycle import back_up, drop_expired, prove_again
from tasks.backup_drill import DAMAGES
from tasks.backup_history import backups_of
from tasks.backup_hold import set_hold
from tasks.backup_storage import BackupVault, backup_storage, ensure_signing_key, fetch_manifest
from tasks.backup_write import write_backup
from tasks.instance import Instance, load_instance
from tests.cli.examples import example_of
from tests.flows.conftest import Join

SMALL = Size(
    processes=20, documents=60, html_bytes=2_000, attachments=12, attachment_bytes=3_000, users=8, activities=100
)


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    """An environment that people have worked in."""
    municipality = join("3103306", "Aracitaba")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    found = load_instance(f"{municipality.slug}-{Purpose.TREINAMENTO}")
    name, server = found.name, found.server
    fill(server, name.database_sip, name.database_sei, repository(found), size=SMALL, seed=1, today=clock.today())
    return found


def named(instance: Instance) -> dict[str, str]:
    return {"timoteo-producao": instance.name.slug}


def run(words: list[str], *options: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, [*words, *options], catch_exceptions=False)
    return outcome.exit_code, outcome.stdout


def repository(instance: Instance) -> Path:
    return Path(doors.runtime().repository_path(instance.name))


def test_a_backup_is_proved_certified_and_locked(instance: Instance) -> None:
    code, text = run(example_of("backup now", named(instance)), "--json")
    certificate = json.loads(text)
    assert code == 0
    assert certificate["proved"]
    assert certificate["level"] >= Level.EQUAL
    assert certificate["attachments"] == SMALL.attachments
    record = last_proved(backups_of(instance))
    assert record is not None
    storage = backup_storage(instance)
    for stored in record.objects:
        fact = storage.head(stored.key, stored.version_id)
        assert fact is not None
        assert fact.mode == "COMPLIANCE"
        assert fact.retain_until is not None
        assert fact.retain_until > clock.now() + timedelta(days=300), "the first proved one of a year is the year's"
    assert not list(load_settings().scratch_dir.glob("rascunho-*"))


def test_nights_that_need_the_first_signing_key_at_the_same_time_share_one(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "MAIN", "chave-de-teste")
    together = Barrier(4)

    def need() -> Change:
        together.wait()
        return ensure_signing_key.fn(instance.name.slug)

    try:
        with ThreadPoolExecutor(together.parties) as pool:
            changes = [made.result() for made in [pool.submit(need) for _ in range(together.parties)]]
    finally:
        BackupSigningKey.delete("chave-de-teste")
    assert (sum(change.created for change in changes), sum(change.unchanged for change in changes)) == (1, 3)


def test_nothing_readable_of_anybody_lies_in_the_bucket(instance: Instance) -> None:
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute(
            "SELECT nome FROM usuario WHERE sta_tipo = '0' UNION SELECT LEFT(conteudo, 60) FROM documento_conteudo"
        )
        told = [str(row[0]).encode("latin1") for row in cursor.fetchall() if row[0] and len(row[0]) > 8]
    assert len(told) > SMALL.users
    storage, record = backup_storage(instance), last_proved(backups_of(instance))
    assert record is not None
    for stored in record.objects:
        content = b"".join(storage.read(stored.key, stored.version_id))
        assert not [value for value in told if value in content], stored.key


def test_the_next_backup_stores_only_new_files(instance: Instance) -> None:
    fresh = repository(instance) / "2026" / "11" / "01" / "900001"
    fresh.parent.mkdir(parents=True)
    fresh.write_bytes(b"new on the second day")
    (fresh.parent / "900002").write_bytes(b"new on the second day")
    before = last_proved(backups_of(instance))
    assert before is not None
    back_up(instance)
    after = last_proved(backups_of(instance))
    assert after is not None
    old, new = (fetch_manifest(instance, record.reference) for record in (before, after))
    added = [pack for pack in new.packs if pack not in old.packs]
    assert set(old.packs) < set(new.packs)
    assert [len(read_pack(BackupVault(instance).read(pack), pack.key)) for pack in added] == [1], "one content, once"
    third = back_up(instance)
    assert fetch_manifest(instance, third.backup).packs == new.packs, "and nothing when there is nothing new"


def test_a_backup_is_listed_shown_and_proved_again(instance: Instance, tmp_path: Path) -> None:
    code, text = run(example_of("backup list", named(instance)), "--json")
    rows = json.loads(text)
    assert code == 0
    assert all(row["proved"] for row in rows)
    page = tmp_path / "certificado.html"
    code, text = run(example_of("backup show", named(instance)), "--page", str(page), "--backup", rows[0]["stamp"])
    assert code == 0
    assert "provada até" in text
    assert "Certificado de cópia de segurança" in page.read_text()
    assert run(example_of("backup verify", named(instance)))[0] == 0
    code, text = run(example_of("backup show", named(instance)), "--backup", "20200101T000000Z")
    assert code == 20


def test_a_refused_backup_is_an_alert_and_the_last_good_one_stays(
    instance: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = last_proved(backups_of(instance))
    paths = list_attachments(instance.server, instance.name.database_sei)
    victim = next(path for name in paths if (path := repository(instance) / name).is_file())
    content = victim.read_bytes()
    victim.write_bytes(b"X" + content[1:])
    try:
        with pytest.raises(IntegrityError, match="arquivo de anexo alterado"):
            backup_environment(instance.name.slug)
    finally:
        victim.write_bytes(content)
    records = backups_of(instance)
    assert last_proved(records) == good
    assert not records[-1].proved
    told = registry.messages(instance.municipality.ibge)
    queued = [message for message in told if message.event == Event.ALERTA_COPIA]
    assert len(queued) == 1
    assert queued[0].variables["situacao"] == "recusada"


def test_a_loss_of_the_source_that_somebody_accepts_is_an_alert_and_another_is_not(instance: Instance) -> None:
    paths = sorted(
        path
        for name in list_attachments(instance.server, instance.name.database_sei)
        if (path := repository(instance) / name).is_file()
    )
    contents = {path: path.read_bytes() for path in paths[:2]}
    first, second = contents
    try:
        first.unlink()
        assert not back_up(instance).proved
        instead = {"Perdidos antes da migração": "Perdido antes da migração"}
        words = example_of("backup accept", {"timoteo-producao": instance.name.slug, **instead})
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
        certificate = back_up(instance)
        assert certificate.proved
        assert [alert.cause for alert in certificate.alerts if alert.cause in OF_THE_SOURCE] == [Cause.FILE_MISSING]
        second.unlink()
        assert [finding.cause for finding in back_up(instance).findings] == [Cause.FILE_MISSING]
    finally:
        for path, content in contents.items():
            path.write_bytes(content)
    assert back_up(instance).proved


def test_the_night_backs_up_everybody_and_one_failure_stops_no_other(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = nightly_backup([instance.name.slug])
    assert report.certificates[instance.name.slug].proved
    assert report.forecast.fits
    real = write_backup

    def broken(one: Instance, *more: object) -> object:
        if one.name.slug == instance.name.slug:
            raise IntegrityError("O MariaDB recusou a cópia do banco", "x", "Chame o suporte.")
        return real(one, *more)  # type: ignore[arg-type]

    monkeypatch.setattr("tasks.backup_cycle.write_backup", broken)
    with pytest.raises(IntegrityError, match="1 ambientes ficaram sem cópia provada"):
        nightly_backup([instance.name.slug])


def test_a_missing_night_is_noticed_by_its_absence(
    instance: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import backup_night

    monkeypatch.setattr(backup_night, "_fleet", lambda _: [instance.record])
    assert check_backups() == ()
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=40))
    for _ in range(2):
        with pytest.raises(IntegrityError, match=instance.name.slug):
            check_backups()
    told = [
        message
        for message in registry.messages(instance.municipality.ibge)
        if message.event == Event.ALERTA_COPIA and message.variables["situacao"] == "em falta"
    ]
    assert len(told) == 1, "once a day"


def test_the_next_night_is_forecast(instance: Instance) -> None:
    code, text = run(example_of("backup night", named(instance)), "--json")
    assert code == 0
    assert instance.name.slug in [row["environment"] for row in json.loads(text)["environments"]]


def test_the_drill_sees_every_damage_and_touches_no_backup(instance: Instance) -> None:
    before = backups_of(instance)
    code, text = run(example_of("backup drill", named(instance)), "--json")
    results = json.loads(text)["results"][instance.name.slug]
    assert code == 0
    assert [result["expected"] in result["found"] for result in results] == [True] * len(DAMAGES)
    assert backups_of(instance) == before
    kept = {(stored.key, stored.version_id) for record in before for stored in record.objects}
    assert backup_storage(instance).drop_loose_versions(kept).total == 0, "nothing of the drill is left"
    report = drill_backups([instance.name.slug])
    assert all(result.seen for result in report.results[instance.name.slug])


def test_a_verification_that_is_blind_is_told(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    good = last_proved(backups_of(instance))
    assert good is not None
    monkeypatch.setattr("tasks.backup_drill.verify_backup", lambda *_: good.certificate)
    with pytest.raises(IntegrityError, match="não viu um dano feito de propósito"):
        drill_backups([instance.name.slug])


def test_a_backup_under_legal_hold_stays_when_its_time_is_over(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = backups_of(instance)[0].stamp
    assert run(example_of("backup hold", named(instance)), "--backup", stamp)[0] == 0
    (record,) = [record for record in backups_of(instance) if record.held]
    assert record.stamp == stamp
    storage, real = backup_storage(instance), clock.now
    for stored in record.objects:
        fact = storage.head(stored.key, stored.version_id)
        assert fact is not None
        assert fact.legal_hold
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=4000))
    good = last_proved(backups_of(instance))
    drop_expired(instance)
    left = [record.stamp for record in backups_of(instance)]
    assert left == [stamp, good.stamp if good else ""], "what is held, and the last good one"
    monkeypatch.undo()
    code, _ = run(example_of("backup list", named(instance)))
    assert code == 0
    assert set_hold(instance, record, held=False, role="procuradoria", reason="Encerrado").updated > 0
    assert not any(record.held for record in backups_of(instance))


def test_what_backups_take_is_told_with_each_object_once(instance: Instance) -> None:
    code, text = run(example_of("backup cost", named(instance)), "--json")
    (mine,) = [row for row in json.loads(text) if row["environment"] == instance.name.slug]
    assert code == 0
    objects = {stored for record in backups_of(instance) for stored in record.objects}
    assert mine["stored_bytes"] == sum(stored.size_bytes for stored in objects)
    assert mine["expected_bytes"] >= mine["stored_bytes"] > 0


def test_the_keys_survive_the_loss_of_prefects_store(instance: Instance, tmp_path: Path) -> None:
    phrase, file = tmp_path / "frase.txt", tmp_path / "chaves.json"
    phrase.write_text("quatro palavras bem sorteadas\n")
    instead = {"chaves.json": str(file), "frase.txt": str(phrase)}
    key = doors.archive_key(instance.name.slug).secret.get_secret_value()
    words = [*example_of("backup keys export", instead), "--json"]
    outcome = CliRunner().invoke(app, words, catch_exceptions=False)
    assert outcome.exit_code == 0
    assert json.loads(outcome.stdout)["keys"] >= 2
    assert key not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    EnvironmentArchiveKey.delete(instance.name.slug)
    doors.forget_blocks()
    words = [*example_of("backup keys import", instead), "--json"]
    outcome = CliRunner().invoke(app, words, catch_exceptions=False)
    assert json.loads(outcome.stdout)["created"] == 1
    assert doors.archive_key(instance.name.slug).secret.get_secret_value() == key
    assert run(example_of("backup verify", named(instance)))[0] == 0
    phrase.write_text("outras palavras bem sorteadas\n")
    assert CliRunner().invoke(app, words).exit_code == 20


def packs_told(certificate: BackupCertificate) -> str:
    (intact,) = (result for result in certificate.levels if result.level is Level.INTACT)
    return next(line for line in intact.evidence if "pacotes" in line)


def test_a_pack_that_was_opened_once_is_compared_whole_every_night_and_opened_again_by_whoever_asks(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert back_up(instance).proved
    usual = back_up(instance)
    assert usual.proved
    packs = packs_told(usual)
    assert packs.startswith("0 pacotes de arquivos abertos"), packs
    assert "que a cópia provada anterior abriu" in packs
    whole = prove_again(instance, usual.backup)
    assert packs_told(whole).startswith(f"{len(fetch_manifest(instance, usual.backup).packs)} pacotes")
    read, rotten = ArchiveStorage.read, fetch_manifest(instance, usual.backup).packs[0].key

    def one_bit_less(storage: ArchiveStorage, key: str, version_id: str | None) -> Iterator[bytes]:
        for number, chunk in enumerate(read(storage, key, version_id)):
            yield bytes([chunk[0] ^ 1]) + chunk[1:] if (key, number) == (rotten, 0) else chunk

    with monkeypatch.context() as patch:
        patch.setattr(ArchiveStorage, "read", one_bit_less)
        found = back_up(instance).findings
    assert [(finding.level, finding.cause, finding.subject) for finding in found] == [
        (Level.INTACT, Cause.OBJECT_CHANGED, rotten)
    ]
    assert not packs_told(back_up(instance)).startswith("0 "), "nothing is built on a backup of which a byte was wrong"
