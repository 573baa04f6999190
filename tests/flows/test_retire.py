"""The way out of an environment, on real servers: nothing goes before its copy is proved, or too early."""

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from blocks.rehearsal import rehearsing
from blocks.settings import PROJECT_ROOT
from cli.__main__ import app
from domain.environment import Purpose
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.municipality import Municipality
from domain.retirement import Milestone, Standing, destruction_gate, retirement_gate
from flows.create_environment import create_environment
from flows.destroy_environment import destroy_environment
from flows.implantation import implantation
from flows.reinstate_environment import reinstate_environment
from flows.retire_environment import retire_environment
from registry import Registry
from tasks import archive, clock, doors
from tasks.archive import retirement_now
from tasks.environment_copy import read_manifest, storage_of
from tasks.instance import Instance, load_instance
from tests.cli.examples import example_of
from tests.flows.conftest import Join
from tests.flows.planted import FORBIDDEN, INCLUDED_AT, SERVANTS, plant, plant_accounts


def decide(registry: Registry, gate: str, ibge: str, name: str = "Ana Lima", decision: str = "approve") -> None:
    registry.record_decision(ibge=ibge, gate=gate, decision=decision, name=name, reason="Ofício 12/2026")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def used(join: Join) -> tuple[Municipality, Instance]:
    """A municipality with one environment that people have worked in; each test leaves it as it found it, the last
    one destroys it."""
    municipality = join("3102050", "Alto Caparaó")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    instance = load_instance(f"{municipality.slug}-{Purpose.TREINAMENTO}")
    plant(instance)
    return municipality, instance


def later(monkeypatch: pytest.MonkeyPatch, **span: int) -> None:
    """Let time pass for the rules; systems keep their own clocks."""
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(**span))


def schemas(instance: Instance) -> list[str]:
    return instance.server.list_databases(instance.name.database_user + "_")


def accounts_of(instance: Instance) -> list[str]:
    with instance.server.transaction() as cursor:
        cursor.execute("SELECT user FROM mysql.user WHERE user LIKE %s", (instance.name.database_user + "%",))
        return [str(row[0]) for row in cursor.fetchall()]


def test_a_copy_that_is_not_whole_revokes_nothing_and_is_made_again(
    used: tuple[Municipality, Instance], registry: Registry
) -> None:
    municipality, instance = used
    slug = instance.name.slug
    decide(registry, retirement_gate(slug), municipality.ibge)
    broken = Path(doors.runtime().repository_path(instance.name)) / f"{INCLUDED_AT:%Y/%m/%d}" / "9001"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-1] + b"?")
    with pytest.raises(IntegrityError, match="anexo 2026/03/05/9001: o hash difere"):
        retire_environment(slug)
    assert accounts_of(instance)
    assert retirement_now(instance).standing is Standing.RETIRING
    broken.write_bytes(whole)

    real = archive.prove_archive

    def write_behind_its_back(*arguments: object) -> object:
        with instance.server.transaction(instance.name.database_sei) as cursor:
            cursor.execute("UPDATE protocolo SET descricao = 'outra' WHERE id_protocolo = 800000")
        return real(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "prove_archive", write_behind_its_back)
        with pytest.raises(IntegrityError, match="o conteúdo da tabela protocolo difere"):
            retire_environment(slug)
    assert retire_environment(slug).standing is Standing.RETIRED
    kinds = [event.kind for event in registry.events(ibge=municipality.ibge, kinds=list(Milestone))]
    assert kinds == [
        Milestone.ANNOUNCED,
        *(Milestone.ARCHIVE_WRITTEN, Milestone.ARCHIVE_REFUSED) * 2,
        Milestone.ARCHIVE_WRITTEN,
        Milestone.ARCHIVE_PROVED,
        Milestone.RETIRED,
    ]
    listed = storage_of(instance)._client.list_object_versions(Bucket=instance.name.archive_bucket)["Versions"]
    assert len(listed) == 6, "the refused copies were removed"

    outcome = CliRunner().invoke(app, example_of("environment reinstate", {"timoteo-treinamento": slug}))
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout.startswith(f"{slug}: encerramento desfeito; ")
    assert doors.runtime().health(instance.name).serving
    assert retirement_now(instance).standing is Standing.ACTIVE
    with pytest.raises(GateClosedError, match="Ninguém decidiu"):
        retire_environment(slug)


@pytest.mark.slow
@pytest.mark.parametrize("moment", [Milestone.ANNOUNCED, Milestone.ARCHIVE_WRITTEN, Milestone.ARCHIVE_PROVED])
def test_a_run_that_is_killed_goes_on_where_it_was(
    used: tuple[Municipality, Instance], registry: Registry, moment: Milestone
) -> None:
    municipality, instance = used
    slug = instance.name.slug
    decide(registry, retirement_gate(slug), municipality.ibge)
    seen = len(registry.events(ibge=municipality.ibge, kinds=[moment]))
    program = f"from flows.retire_environment import retire_environment; retire_environment({slug!r})"
    run = subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT_ROOT, stderr=subprocess.DEVNULL)
    while len(registry.events(ibge=municipality.ibge, kinds=[moment])) == seen:
        assert run.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    run.kill()
    run.wait()
    report = retire_environment(slug, wait_seconds=60)
    assert report.standing is Standing.RETIRED
    found = retirement_now(instance)
    assert found.archive is not None
    archive.require_archive_held(instance, found)
    assert not any("rascunho" in name for name in instance.server.list_databases("implanta_prova"))
    assert retire_environment(slug).change.total == 0
    reinstate_environment(slug)


def test_an_environment_is_retired_and_much_later_destroyed(
    used: tuple[Municipality, Instance],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    municipality, instance = used
    slug = instance.name.slug
    password = plant_accounts(instance)
    with pytest.raises(GateClosedError, match="Ninguém decidiu encerrar"):
        retire_environment(slug)
    decide(registry, retirement_gate(slug), municipality.ibge)

    with rehearsing():
        planned = retire_environment(slug)
    assert planned.change.total > 0
    assert "prova da cópia final" in planned.change.details
    assert retirement_now(instance).standing is Standing.ACTIVE
    assert accounts_of(instance)
    assert doors.runtime().health(instance.name).serving

    outcome = CliRunner().invoke(app, example_of("environment retire", {"timoteo-treinamento": slug}))
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout.startswith(f"{slug}: {Standing.RETIRED.label}; ")
    assert "2 anexos conferidos pelo hash" in " ".join(outcome.stdout.split())
    assert not doors.runtime().health(instance.name).serving
    assert accounts_of(instance) == []
    with pytest.raises(InvalidInputError, match=r"Senha não trocada: .* conta bloqueada"):
        doors.ssc().change_own_password(instance.name, SERVANTS[0][1], password, password)
    assert len(schemas(instance)) == 2
    assert not any("implanta_prova" in name for name in instance.server.list_databases("implanta_"))
    assert retire_environment(slug).change.total == 0

    found = retirement_now(instance)
    assert found.archive is not None
    manifest = read_manifest(instance, found.archive)
    text = manifest.model_dump_json()
    assert not [word for word in FORBIDDEN if word in text]
    assert manifest.databases["sei"].tables["protocolo"].rows == 6
    for part in manifest.parts:
        with pytest.raises(ClientError, match="AccessDenied"):
            storage_of(instance)._client.delete_object(
                Bucket=instance.name.archive_bucket, Key=part.key, VersionId=part.version_id
            )
        stored = b"".join(storage_of(instance).read(part.key, part.version_id))
        assert b"Quaresma" not in stored

    refuses_to_converge(municipality, slug)
    destroys_only_when_told(municipality, instance, registry, monkeypatch)
    assert not [word for word in FORBIDDEN if word in caplog.text]


def let_the_retention_pass(instance: Instance) -> None:
    """What an administrator who insists does to GOVERNANCE: the S3 server's own clock cannot be moved."""
    client, bucket = doors.object_storage().client, instance.name.bucket
    for version in client.list_object_versions(Bucket=bucket).get("Versions", []):
        client.delete_object(
            Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"], BypassGovernanceRetention=True
        )


def refuses_to_converge(municipality: Municipality, slug: str) -> None:
    for converge in (lambda: create_environment(municipality.slug, Purpose.TREINAMENTO), lambda: load_instance(slug)):
        with pytest.raises(GateClosedError, match="está encerrado"):
            converge()
    with pytest.raises(GateClosedError, match="está encerrado"):
        implantation(municipality.slug)


def destroys_only_when_told(
    municipality: Municipality, instance: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = instance.name.slug
    archived = retirement_now(instance).archive
    assert archived is not None
    with pytest.raises(InvalidInputError, match="confirmação não é o nome"):
        destroy_environment(slug, "alto-caparao")
    decide(registry, destruction_gate(slug), municipality.ibge)
    with pytest.raises(GateClosedError, match="a retenção vai até"):
        destroy_environment(slug, slug)
    assert len(schemas(instance)) == 2
    later(monkeypatch, days=31)
    decide(registry, destruction_gate(slug), municipality.ibge, decision="revoke")
    with pytest.raises(GateClosedError, match="0 de 1 decisões"):
        destroy_environment(slug, slug)
    decide(registry, destruction_gate(slug), municipality.ibge)

    with pytest.raises(IntegrityError, match="em retenção até"):
        destroy_environment(slug, slug)
    assert len(schemas(instance)) == 2, "what is still kept anywhere keeps everything"
    let_the_retention_pass(instance)
    outcome = CliRunner().invoke(app, example_of("environment destroy", {"timoteo-treinamento": slug}))
    assert outcome.exit_code == 0, outcome.stderr
    assert outcome.stdout.startswith(f"{slug}: {Standing.DESTROYED.label}; ")
    assert schemas(instance) == []
    assert doors.directory().export_subtree(instance.name) == "version: 1\n"
    assert not doors.object_storage().has_object(instance.name.bucket, "x")
    assert not Path(doors.runtime().repository_path(instance.name)).exists()
    assert destroy_environment(slug, slug).change.total == 0
    archive.require_archive_held(instance, retirement_now(instance))
    archive.prove_archive_opens(instance, archived)
    for refused in (
        lambda: create_environment(municipality.slug, Purpose.TREINAMENTO),
        lambda: reinstate_environment(slug),
        lambda: retire_environment(slug),
    ):
        with pytest.raises(GateClosedError, match="destruíd"):
            refused()
    assert registry.environment(slug).slug == slug
