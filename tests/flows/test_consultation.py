"""Tickets that ask for data of a backup: lent once, to who was given a link, until a day; and nothing is left over."""

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from prefect.client.schemas.objects import State
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings
from typer.testing import CliRunner

from bench.synthetic import fill
from blocks.catalog import Catalog
from blocks.object_storage import ObjectStorage
from blocks.plain_http import TRUSTS_NOBODY
from blocks.settings import PROJECT_ROOT, Settings, load_settings
from cli.__main__ import app
from domain.consultation import PREFIX, Consultation
from domain.environment import Purpose, intake_bucket
from domain.municipality import Contact
from domain.ticket import Ticket, TicketReport, TicketState
from flows.create_environment import create_environment
from flows.drop_consultations import drop_consultations
from flows.support import answer_ticket
from registry import Registry
from tasks import clock, doors
from tasks.backup_cycle import back_up
from tasks.backup_export import EXPORTED
from tasks.consultation import LINKED, borrowers, require_rule
from tasks.instance import Instance, load_instance
from tasks.ticket_record import ACCEPTED, PREPARED, record, send_ticket
from tests.cli.conftest import register_environment
from tests.cli.examples import example_of
from tests.flows.conftest import Join
from tests.flows.test_backup_export import SMALL, ask
from tests.leaks import require_nowhere
from tests.marks import slow

FOCAL = Contact(name="Ana Focal de Teste", email="focal@bueno.mg.example", role="ponto focal")
MAYOR = Contact(name="Bento Prefeito de Teste", email="prefeito@bueno.mg.example", role="prefeito")
NUMBERS = count(1)


@pytest.fixture(scope="module")
def instance(join: Join, registry: Registry) -> Instance:
    """An environment that people have worked in, with one proved backup."""
    found = join("3109105", "Bueno Brandão")
    registry.ensure_municipality(found.model_copy(update={"contacts": (FOCAL, MAYOR)}))
    create_environment(found.slug, Purpose.TREINAMENTO)
    instance = load_instance(f"{found.slug}-{Purpose.TREINAMENTO}")
    sip, sei = instance.name.database_sip, instance.name.database_sei
    root = Path(doors.runtime().repository_path(instance.name))
    fill(instance.server, sip, sei, root, size=SMALL, seed=5, today=clock.today())
    assert back_up(instance).proved
    return instance


@pytest.fixture(scope="module")
def number(instance: Instance) -> str:
    """A process with files."""
    ((number,),) = ask(
        instance,
        "SELECT p.protocolo_formatado FROM protocolo p JOIN documento d ON d.id_procedimento = p.id_protocolo"
        " JOIN anexo a ON a.id_protocolo = d.id_documento WHERE a.sin_ativo = 'S' GROUP BY 1 LIMIT 1",
    )
    return str(number)


@pytest.fixture(autouse=True)
def any_number_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Catalog().support()
    many = rule.model_copy(update={"tickets": tuple(one.model_copy(update={"daily": 500}) for one in rule.tickets)})
    monkeypatch.setattr(Catalog, "support", lambda self: many)


def ticket_for(instance: Instance, environment: str | None = None, /, **asked: object) -> Ticket:
    content = json.dumps({"solicitante": FOCAL.email, **asked}).encode()
    slug = instance.municipality.slug
    return send_ticket(slug, f"copia-{next(NUMBERS):03d}", "copia", environment or instance.name.slug, content)


def approved(registry: Registry, ticket: Ticket) -> Ticket:
    ibge = registry.find_municipality(ticket.municipality).ibge
    registry.record_decision(ibge=ibge, gate=ticket.gate, decision="approve", name=MAYOR.name, reason="De acordo")
    return ticket


def run(ticket: Ticket) -> TicketReport:
    state: State[TicketReport] = answer_ticket(ticket, return_state=True)
    report = state.result()
    assert isinstance(report, TicketReport)
    return report


def lent_by(registry: Registry, ticket: Ticket) -> list[Consultation]:
    ibge = registry.find_municipality(ticket.municipality).ibge
    events = registry.events(ibge=ibge, kinds=[PREPARED])
    return [Consultation.model_validate(e.details["lent"]) for e in events if e.details["ticket"] == ticket.id]


def versions(instance: Instance, ticket: Ticket | None = None) -> list[str]:
    prefix = f"{PREFIX}{ticket.id}.zip" if ticket else PREFIX
    found = doors.object_storage().client.list_object_versions(
        Bucket=intake_bucket(instance.municipality.slug), Prefix=prefix
    )
    return [f"{one['Key']} {one['VersionId']}" for one in (*found.get("Versions", []), *found.get("DeleteMarkers", []))]


def link_to(ticket: Ticket) -> str:
    outcome = CliRunner().invoke(app, ["support", "link", ticket.municipality, ticket.id, "--json"])
    assert outcome.exit_code == 0, outcome.stderr
    return str(json.loads(outcome.stdout)["link"])


def fetch(address: str) -> httpx.Response:
    return httpx.get(address, verify=TRUSTS_NOBODY, trust_env=False)


def columns_of(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


def test_a_process_is_lent_to_who_was_given_a_link_and_told_without_its_content(
    instance: Instance, number: str, registry: Registry
) -> None:
    ticket = ticket_for(instance, processo=number)
    assert run(ticket).state is TicketState.WAITING, "somebody else has to say yes"
    assert versions(instance, ticket) == []
    report = run(approved(registry, ticket))
    assert report.state is TicketState.DONE, report.told
    (lent,) = lent_by(registry, ticket)
    answer = fetch(link_to(ticket))
    assert answer.status_code == httpx.codes.OK
    assert hashlib.sha256(answer.content).hexdigest() == lent.sha256
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert number in {row["protocolo_formatado"] for row in columns_of(archive, "protocolo.csv")}
    assert any(name.startswith("arquivos/") for name in archive.namelist())
    assert "CONTÉM DADOS PESSOAIS" in archive.read("LEIA-ME.txt").decode()

    message = registry.message(f"chamado:{instance.municipality.ibge}:{ticket.id}:fim")
    told = json.dumps(message.variables, ensure_ascii=False)
    assert lent.sha256 in told
    assert lent.key in told
    assert number not in told
    assert "X-Amz" not in told, "no link goes by e-mail"
    assert run(ticket) == report
    assert len(versions(instance, ticket)) == 1, "run again, nothing is lent twice"
    assert len(lent_by(registry, ticket)) == 1


def test_nobody_reads_it_without_a_link_not_even_the_environments_own_key(
    instance: Instance, number: str, registry: Registry
) -> None:
    ticket = approved(registry, ticket_for(instance, processo=number))
    run(ticket)
    link = link_to(ticket)
    assert fetch(link.partition("?")[0]).status_code == httpx.codes.FORBIDDEN
    forged = link.replace(ticket.id, "copia-999")
    assert fetch(forged).status_code == httpx.codes.FORBIDDEN, "a link opens one object"
    secrets = doors.environment_secrets(instance.name.slug)
    assert secrets.s3_access_key
    assert secrets.s3_secret_key
    tenant: ObjectStorage = doors.object_storage().as_identity(secrets.s3_access_key, secrets.s3_secret_key)
    with pytest.raises(tenant.client.exceptions.ClientError, match="AccessDenied"):
        tenant.client.get_object(Bucket=intake_bucket(instance.municipality.slug), Key=f"{PREFIX}{ticket.id}.zip")
    (event, *_) = [
        one
        for one in registry.events(ibge=instance.municipality.ibge, kinds=[LINKED])
        if one.details["ticket"] == ticket.id
    ]
    assert event.actor == "atendimento"


def test_every_table_of_the_catalog_is_in_a_backup_and_is_lent_whole(instance: Instance, registry: Registry) -> None:
    tables = require_rule().tables
    ticket = approved(registry, ticket_for(instance, tabelas=tables))
    assert run(ticket).state is TicketState.DONE
    archive = zipfile.ZipFile(io.BytesIO(fetch(link_to(ticket)).content))
    assert set(archive.namelist()) == {*(f"{table}.csv" for table in tables), "LEIA-ME.txt"}
    assert [(len(columns_of(archive, "sei.protocolo.csv")),)] == ask(instance, "SELECT COUNT(*) FROM protocolo")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({}, "Peça um processo, ou tabelas"),
        ({"processo": "1", "tabelas": ["sei.orgao"]}, "Peça um processo, ou tabelas"),
        ({"tabelas": ["sei.usuario"]}, "não está entre as que se consultam"),
        ({"tabelas": ["sei.orgao", "mysql.user"]}, "não está entre as que se consultam"),
        ({"processo": "1", "momento": "2097-01-01T10:00"}, "ainda não chegou"),
        ({"processo": "1", "momento": "ontem"}, "campos errados ou faltando: momento"),
        ({"processo": "1", "momento": "2020-01-01T10:00"}, "não tem cópia provada até 01/01/2020"),
        ({"processo": "0000.01.0000001/2020-00"}, "não tem um processo com esse número"),
        ({"processo": "1", "login": "x"}, "campos errados ou faltando"),
    ],
)
def test_what_may_not_or_cannot_be_had_is_refused_and_nothing_is_lent(
    instance: Instance, registry: Registry, asked: dict[str, object], reason: str
) -> None:
    ticket = approved(registry, ticket_for(instance, **asked))
    report = run(ticket)
    assert report.state is TicketState.REFUSED
    assert reason in report.told
    assert versions(instance, ticket) == []
    require_nothing_left()
    outcome = CliRunner().invoke(app, ["support", "link", ticket.municipality, ticket.id])
    assert outcome.exit_code == 20
    assert "não tem nada à disposição" in " ".join(outcome.stderr.split())


def test_an_environment_without_a_proved_backup_waits_for_one(instance: Instance, registry: Registry) -> None:
    slug = f"{instance.municipality.slug}-homologacao"
    register_environment(registry, slug, instance.municipality.ibge)
    report = run(approved(registry, ticket_for(instance, slug, processo="1")))
    assert report.state is TicketState.WAITING
    assert f"./implanta backup now {slug}" in report.told


def test_what_lies_in_its_place_is_not_handed_out(instance: Instance, number: str, registry: Registry) -> None:
    ticket = approved(registry, ticket_for(instance, processo=number))
    run(ticket)
    doors.object_storage().ensure_object(
        intake_bucket(ticket.municipality), f"{PREFIX}{ticket.id}.zip", b"somebody else's"
    )
    outcome = CliRunner().invoke(app, ["support", "link", ticket.municipality, ticket.id])
    assert outcome.exit_code in {20, 40}
    assert outcome.stdout == ""


def test_when_its_time_is_over_no_link_is_given_and_every_version_goes(
    instance: Instance, number: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = approved(registry, ticket_for(instance, processo=number))
    run(ticket)
    days = require_rule().days
    before = versions(instance, ticket)
    assert len(before) == 1
    drop_consultations()
    assert versions(instance, ticket) == before
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=days))
    outcome = CliRunner().invoke(app, ["support", "link", ticket.municipality, ticket.id])
    assert outcome.exit_code == 20
    assert drop_consultations() >= 1
    assert versions(instance, ticket) == []
    assert drop_consultations() == 0
    assert run(ticket).state is TicketState.DONE
    assert versions(instance, ticket) == [], "an end is an end: nothing is lent again"


def test_who_was_lent_something_by_a_run_that_was_killed_is_looked_at_too(join: Join) -> None:
    """Such a run told of nothing but the ticket's acceptance, and the object lies there all the same."""
    found = join("3109204", "Buenópolis")
    assert found.slug not in borrowers()
    ticket = Ticket(
        id="copia-1", kind="copia", municipality=found.slug, environment=f"{found.slug}-treinamento", sha256="a" * 64
    )
    record(ACCEPTED, ticket, found.ibge)
    assert found.slug in borrowers()


KILLED = """
import os, signal, sys
from cli.prefect import connect
connect()
from blocks import locked_objects
from blocks.catalog import Catalog
from domain.ticket import Ticket
from registry import Registry
from tasks import backup_export
point = sys.argv[1]
rule = Catalog().support()
many = rule.model_copy(update={"tickets": tuple(one.model_copy(update={"daily": 500}) for one in rule.tickets)})
Catalog.support = lambda self: many
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
if point == "reading":
    backup_export.write_process = die
elif point == "uploading":
    locked_objects.PART_SIZE = 1024
    begin = locked_objects._Multipart._begin
    locked_objects._Multipart._begin = lambda self, digest: (begin(self, digest), die())
else:
    record = Registry.record_event
    Registry.record_event = lambda self, kind, **rest: die() if kind == point else record(self, kind, **rest)
from flows.support import answer_ticket
answer_ticket(Ticket.model_validate_json(sys.argv[2]))
"""


def require_nothing_left() -> None:
    """Neither directories of scratch servers nor servers that run in them."""
    parent = load_settings().scratch_dir
    assert not list(parent.glob("rascunho-*"))
    require_no_server(parent)


def require_no_server(parent: Path) -> None:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().decode(errors="replace")
        except OSError:
            continue
        assert f"--datadir={parent}/rascunho-" not in words


@pytest.mark.parametrize("point", [*slow("reading", "support.prepared", "support.closed"), "uploading"])
def test_killed_anywhere_it_leaves_nothing_half_and_is_lent_once(
    instance: Instance, number: str, registry: Registry, point: str
) -> None:
    ticket = approved(registry, ticket_for(instance, processo=number))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, point, ticket.model_dump_json()],
        cwd=PROJECT_ROOT,
        env=os.environ,
        check=False,
        timeout=180,
    )
    assert killed.returncode == -signal.SIGKILL
    require_no_server(load_settings().scratch_dir)
    stored = versions(instance, ticket)
    assert len(stored) == (1 if point.startswith("support") else 0)
    assert run(ticket).state is TicketState.DONE
    require_nothing_left()
    after = versions(instance, ticket)
    assert len(after) == 1
    assert stored in ([], after)
    assert fetch(link_to(ticket)).status_code == httpx.codes.OK
    uploads = doors.object_storage().client.list_multipart_uploads(Bucket=intake_bucket(ticket.municipality))
    assert not uploads.get("Uploads"), "what the killed upload left is thrown away"


def test_the_command_line_gives_a_link(instance: Instance, number: str, registry: Registry) -> None:
    ticket = approved(registry, ticket_for(instance, processo=number))
    run(ticket)
    outcome = CliRunner().invoke(
        app, example_of("support link", {"timoteo": ticket.municipality, "2027-15": ticket.id})
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert fetch(outcome.stdout.strip()).status_code == httpx.codes.OK
    assert "Vale 30 minutos" in outcome.stderr
    (lent,) = lent_by(registry, ticket)
    assert lent.sha256 in outcome.stderr


def test_nothing_of_it_is_in_the_registry_in_prefect_or_in_a_log(
    instance: Instance, number: str, programme: Settings, lab: Path, registry: Registry
) -> None:
    with temporary_settings({PREFECT_LOGGING_LEVEL: "DEBUG"}):
        ticket = approved(registry, ticket_for(instance, processo=number))
        assert run(ticket).state is TicketState.DONE
    APILogWorker.drain_all(timeout=30)
    signature = link_to(ticket).rpartition("X-Amz-Signature=")[2]
    assert len(signature) > 20
    require_nowhere((number, FOCAL.email, signature), programme.registry_url, lab)
    exported = registry.events(ibge=instance.municipality.ibge, kinds=[EXPORTED])
    assert f"chamado {ticket.id}" in {event.details["reason"] for event in exported}
