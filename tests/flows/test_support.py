"""Tickets of the help desk on real servers: who may ask what, whose yes it takes, and that each is answered once."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import count
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings
from pydantic import SecretStr
from typer.testing import CliRunner

from blocks.catalog import Catalog
from blocks.settings import PROJECT_ROOT, Settings
from cli.__main__ import app
from cli.intake import send_sheets, send_text
from domain.environment import Purpose
from domain.errors import InvalidInputError
from domain.municipality import Contact, Municipality
from domain.plan import Plan
from domain.ticket import Ticket, TicketReport, TicketState
from domain.user_table import parse_user_table
from flows.approve import approve
from flows.create_environment import create_environment
from flows.seed import seed
from flows.support import answer_ticket
from flows.users import apply_users
from lab.state import LabState
from registry import EventRecord, Registry
from registry.messages import MESSAGE_SENT
from tasks import clock, doors
from tasks.instance import Instance, load_instance
from tasks.intake import USERS, read_sheet
from tasks.ticket_record import CLOSED, report_of, send_ticket
from tests.cli.examples import example_of
from tests.domain.examples import make_cpf
from tests.flows.conftest import Join
from tests.flows.test_users import CHIEF, HEADER, UNITS, row
from tests.leaks import require_nowhere
from tests.marks import slow
from tests.waiting import wait_until

PASSWORD = re.compile(r"^Senha provisória: (\S+)$", re.MULTILINE)
FOCAL = Contact(name="Ana Focal de Teste", email="focal@arapora.mg.example", role="ponto focal")
MAYOR = Contact(name="Bento Prefeito de Teste", email="prefeito@arapora.mg.example", role="prefeito")
NUMBERS = count(1)
WORKER_SECONDS = 180
SECRET = "Zenóbia Ytterbium"


@pytest.fixture(scope="module")
def municipality(join: Join, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Municipality:
    units = tmp_path_factory.mktemp("arapora") / "unidades.csv"
    units.write_text("\n".join(UNITS), encoding="utf-8")
    found = join("3103751", "Araporã", units)
    registry.ensure_municipality(found.model_copy(update={"contacts": (FOCAL, MAYOR)}))
    return registry.find_municipality(found.slug)


@pytest.fixture(scope="module")
def instance(municipality: Municipality, tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """A training environment with three people at work in it."""
    people = tmp_path_factory.mktemp("pessoas") / USERS
    people.write_text("\n".join([HEADER, CHIEF, row(1), row(2)]).replace("bambui", "arapora"), encoding="utf-8")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    seed(municipality.slug, Purpose.TREINAMENTO)
    send_sheets(municipality.slug, [people])
    done = apply_users(f"{municipality.slug}-treinamento")
    assert not done.waiting_for, done.waiting_for
    return load_instance(f"{municipality.slug}-treinamento")


@pytest.fixture(autouse=True)
def any_number_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tickets as the tests have; the limit has its own."""
    rule = Catalog().support()
    many = rule.model_copy(update={"tickets": tuple(one.model_copy(update={"daily": 500}) for one in rule.tickets)})
    monkeypatch.setattr(Catalog, "support", lambda self: many)


def new_number() -> str:
    return f"inc-{next(NUMBERS):05d}"


def ticket_for(instance: Instance, kind: str, number: str | None = None, **request: str) -> Ticket:
    asked = {"solicitante": FOCAL.email, **request}
    return send_ticket(
        instance.municipality.slug, number or new_number(), kind, instance.name.slug, json.dumps(asked).encode()
    )


def person(number: int, **other: str) -> dict[str, str]:
    return {
        "nome": f"{SECRET} {'ABCDEFGHIJ'[number]}",
        "cpf": make_cpf(410_000_000 + number),
        "email": f"nova{number}@arapora.example",
        "login": f"nova.{number}",
        "unidade": "SEMAD",
        "perfil": "Básico",
        **other,
    }


def run(ticket: Ticket) -> tuple[str | None, TicketReport]:
    state: State[TicketReport] = answer_ticket(ticket, return_state=True)
    report = state.result()
    assert isinstance(report, TicketReport)
    return state.name, report


def sent_to(lab_state: LabState, address: str) -> list[str]:
    """The bodies of what came to an address, oldest first."""
    stored = sorted((lab_state.smtp.mail_dir / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    messages = [
        BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(path.read_bytes()) for path in stored
    ]
    bodies = [one.get_body(("plain",)) for one in messages if one["To"] == address]
    return [body.get_content() for body in bodies if body]


def signs_in(instance: Instance, login: str, password: str) -> bool:
    dn = doors.directory().account_dn(instance.name, login)
    return doors.directory().opens(dn, SecretStr(password))


def approve_in_registry(registry: Registry, ticket: Ticket) -> None:
    found = registry.find_municipality(ticket.municipality)
    registry.record_decision(ibge=found.ibge, gate=ticket.gate, decision="approve", name=MAYOR.name, reason="De acordo")


def of_the_ticket(registry: Registry, instance: Instance) -> list[EventRecord]:
    """What was told of a municipality, but for the mails that the worker sends when their time comes."""
    return [event for event in registry.events(instance.municipality.ibge) if event.kind != MESSAGE_SENT]


def test_a_password_is_sent_to_the_accounts_own_address_and_the_ticket_is_answered_once(
    instance: Instance, lab_state: LabState, registry: Registry
) -> None:
    before = len(sent_to(lab_state, "pessoa1@arapora.example"))
    ticket = ticket_for(instance, "senha", login="Pessoa.1")
    assert run(ticket)[1].state is TicketState.DONE
    bodies = sent_to(lab_state, "pessoa1@arapora.example")[before:]
    assert len(bodies) == 1
    assert "A central de atendimento pediu uma senha nova" in bodies[0]
    (password,) = PASSWORD.findall(bodies[0])
    doors.ssc().change_own_password(instance.name, "pessoa.1", SecretStr(password), SecretStr("escolhida-por-quem-usa"))
    events = of_the_ticket(registry, instance)
    for _ in range(2):
        assert run(ticket)[1].state is TicketState.DONE
    assert len(sent_to(lab_state, "pessoa1@arapora.example")) == before + 1, "run again, nobody gets another password"
    assert signs_in(instance, "pessoa.1", "escolhida-por-quem-usa")
    assert of_the_ticket(registry, instance) == events
    told = registry.message(f"chamado:{instance.municipality.ibge}:{ticket.id}:fim")
    assert told.variables["resultado"] == "atendido"


def test_whom_wrong_passwords_locked_out_is_let_in_again(instance: Instance, lab_state: LabState) -> None:
    for _ in range(10):
        signs_in(instance, "pessoa.2", "errada")
    run(ticket_for(instance, "senha", login="pessoa.2"))
    (password,) = PASSWORD.findall(sent_to(lab_state, "pessoa2@arapora.example")[-1])
    assert signs_in(instance, "pessoa.2", password)


def test_a_person_comes_in_through_the_plan_after_somebody_elses_yes(
    instance: Instance, lab_state: LabState, registry: Registry
) -> None:
    ticket = ticket_for(instance, "usuario", **person(0))
    name, report = run(ticket)
    assert (name, report.state) == ("Aguardando", TicketState.WAITING)
    assert f"--gate chamado-{ticket.id}" in report.reasons[0]
    assert "nova.0" not in {user.state.sigla for user in instance.users.list_users()}
    assert run(ticket)[0] == "Aguardando", "asking again is no yes"
    waiting = registry.message(f"chamado:{instance.municipality.ibge}:{ticket.id}:aguarda")
    assert waiting.variables["resultado"] == "aguardando"

    approve(
        instance.municipality.slug,
        gate="chamado",
        decision="aprovar",
        role=MAYOR.role,
        reason="Servidora nova, ofício 7",
        ticket=ticket.id,
    )
    wait_until(
        lambda: (report_of(instance.municipality.ibge, ticket.id) or report).state is TicketState.DONE,
        "the worker answers the ticket",
        seconds=WORKER_SECONDS,
    )
    assert "nova.0" in instance.users.list_ready_logins()
    (welcome,) = sent_to(lab_state, "nova0@arapora.example")
    assert "está pronta" in welcome
    table = parse_user_table(read_sheet(instance.municipality.slug, USERS) or b"", USERS, Catalog().users_sheet())
    assert len(table.rows) == 4
    (decision,) = registry.decisions(instance.municipality.ibge, ticket.gate)
    assert (decision.name, decision.decision) == (MAYOR.name, "approve")
    assert run(ticket)[1].state is TicketState.DONE
    assert len(sent_to(lab_state, "nova0@arapora.example")) == 1


def test_who_is_refused_a_yes_does_not_come_in(instance: Instance, registry: Registry) -> None:
    ticket = ticket_for(instance, "usuario", **person(1))
    run(ticket)
    decided = ["--name", MAYOR.name, "--reason", "Não é servidor", "--reject"]
    outcome = CliRunner().invoke(app, ["approve", instance.municipality.slug, "--gate", ticket.gate, *decided])
    assert outcome.exit_code == 0, outcome.stderr
    assert f"support answer {instance.municipality.slug} {ticket.id}" in outcome.stdout
    name, report = run(ticket)
    assert (name, report.state, report.reasons) == ("Recusado", TicketState.REFUSED, ("Não foi aprovado.",))
    assert "nova.1" not in {user.state.sigla for user in instance.users.list_users()}
    approve_in_registry(registry, ticket)
    assert run(ticket)[1].state is TicketState.REFUSED, "an end is the end"


@pytest.mark.parametrize(
    ("role", "number", "problem"),
    [
        (FOCAL.role, None, "Quem pediu não decide sobre o próprio pedido"),
        ("vereador", None, "não tem contato no papel"),
        (MAYOR.role, "inc-99999", "Nenhum chamado com esse número espera decisão"),
    ],
)
def test_only_another_contact_in_the_role_decides(
    instance: Instance, registry: Registry, role: str, number: str | None, problem: str
) -> None:
    ticket = ticket_for(instance, "usuario", **person(2))
    run(ticket)
    with pytest.raises(InvalidInputError, match=problem):
        approve(
            instance.municipality.slug,
            gate="chamado",
            decision="aprovar",
            role=role,
            reason="De acordo",
            ticket=number or ticket.id,
        )
    assert registry.decisions(instance.municipality.ibge, ticket.gate) == []


@pytest.fixture(scope="module")
def neighbour(join: Join) -> Iterator[Municipality]:
    yield join("3103801", "Arapuá")


@pytest.mark.parametrize(
    ("kind", "change", "request_", "reason"),
    [
        ("restauracao", {}, {"login": "pessoa.1"}, "Este tipo de chamado não é atendido."),
        ("senha", {"environment": "arapua-treinamento"}, {"login": "pessoa.1"}, "O ambiente não é da prefeitura"),
        ("senha", {"environment": "qualquer"}, {"login": "pessoa.1"}, "O ambiente não é da prefeitura"),
        ("senha", {}, {"login": "pessoa.1", "solicitante": "ponto@teste.example.com"}, "Quem pede não é contato"),
        ("senha", {}, {"login": "ninguem"}, "A conta não existe neste ambiente."),
        ("senha", {}, {"nome": "pessoa.1"}, "O pedido tem campos errados ou faltando"),
        ("senha", {"sha256": "0" * 64}, {"login": "pessoa.1"}, "não é o que foi enviado"),
        ("usuario", {}, person(3, unidade="NADA"), "linha"),
        ("usuario", {}, person(3, cpf="111.111.111-11"), "linha"),
        ("usuario", {}, person(3, login="pessoa.1"), "já tem este login"),
        ("usuario", {}, person(3, cpf=make_cpf(300_000_001)), "linha"),
    ],
)
def test_what_may_not_be_asked_is_refused_with_the_reason_and_changes_nobody(
    instance: Instance,
    neighbour: Municipality,
    registry: Registry,
    lab_state: LabState,
    kind: str,
    change: dict[str, str],
    request_: dict[str, str],
    reason: str,
) -> None:
    before = [instance.users.list_users(), doors.ssc().list_users(instance.name), read_sheet(neighbour.slug, USERS)]
    sheet, mail = read_sheet(instance.municipality.slug, USERS), len(sent_to(lab_state, "pessoa1@arapora.example"))
    ticket = ticket_for(instance, kind, **request_).model_copy(update=change)
    approve_in_registry(registry, ticket)
    name, report = run(ticket)
    assert (name, report.state) == ("Recusado", TicketState.REFUSED)
    assert reason in report.told
    assert "@" not in report.told
    assert make_cpf(300_000_001) not in report.told
    after = [instance.users.list_users(), doors.ssc().list_users(instance.name), read_sheet(neighbour.slug, USERS)]
    assert after == before
    assert read_sheet(instance.municipality.slug, USERS) == sheet
    assert len(sent_to(lab_state, "pessoa1@arapora.example")) == mail
    assert run(ticket)[1] == report, "the same number is the same answer"


def test_a_contact_of_another_prefeitura_may_not_ask_for_this_one(instance: Instance, neighbour: Municipality) -> None:
    """Its own ticket, naming an environment that is not its own."""
    asked = {"solicitante": neighbour.contacts[0].email, "login": "pessoa.1"}
    ticket = send_ticket(neighbour.slug, new_number(), "senha", instance.name.slug, json.dumps(asked).encode())
    _, report = run(ticket)
    assert report.reasons == ("O ambiente não é da prefeitura do chamado, ou não está registrado.",)
    assert report_of(instance.municipality.ibge, ticket.id) is None


def test_a_number_is_one_ticket_for_ever(instance: Instance, neighbour: Municipality) -> None:
    ticket = ticket_for(instance, "senha", login="ninguem")
    run(ticket)
    with pytest.raises(InvalidInputError, match="já é de outro chamado"):
        ticket_for(instance, "senha", ticket.id, login="pessoa.1")
    with pytest.raises(InvalidInputError, match="já é de outro chamado"):
        answer_ticket(ticket.model_copy(update={"kind": "usuario"}))


def test_a_number_of_another_prefeitura_neither_takes_nor_ends_this_ones(
    instance: Instance, neighbour: Municipality, registry: Registry
) -> None:
    ticket = ticket_for(instance, "usuario", **person(8))
    run(ticket)
    asked = json.dumps({"solicitante": neighbour.contacts[0].email, "login": "x"}).encode()
    elsewhere = send_ticket(neighbour.slug, ticket.id, "senha", f"{neighbour.slug}-treinamento", asked)
    assert run(elsewhere)[1].state is TicketState.REFUSED
    assert run(ticket)[1].state is TicketState.WAITING
    approve_in_registry(registry, ticket)
    assert run(ticket)[1].state is TicketState.DONE


def test_more_people_than_were_contracted_wait_and_nobody_comes_in(instance: Instance, registry: Registry) -> None:
    ibge = instance.municipality.ibge
    contract = registry.contract(ibge)
    assert contract is not None
    ticket = ticket_for(instance, "usuario", **person(9))
    run(ticket)
    approve_in_registry(registry, ticket)
    registry.ensure_contract(ibge, Plan(faixa=None, users=3, concurrent_users=1, negotiated=True))
    sheet = read_sheet(instance.municipality.slug, USERS)
    name, report = run(ticket)
    registry.ensure_contract(ibge, contract.plan)
    assert (name, report.state) == ("Aguardando", TicketState.WAITING)
    assert "permite 3" in report.told
    assert read_sheet(instance.municipality.slug, USERS) == sheet
    assert run(ticket)[1].state is TicketState.DONE


def test_more_tickets_than_a_day_allows_are_refused_until_the_next(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = clock.today()
    monkeypatch.setattr("tasks.support.accepted_on", lambda ibge, kind, day: 500 if day == today else 0)
    assert "já abriu 500 chamados" in run(ticket_for(instance, "senha", login="ninguem"))[1].told
    monkeypatch.setattr(clock, "now", lambda real=clock.now: real() + timedelta(days=1))
    assert "A conta não existe" in run(ticket_for(instance, "senha", login="ninguem"))[1].told


def test_a_spreadsheet_with_other_changes_waits_and_goes_on_once_they_are_applied(
    instance: Instance, registry: Registry
) -> None:
    """A ticket brings in its person and nobody else."""
    sheet = (read_sheet(instance.municipality.slug, USERS) or b"").decode()
    send_text(instance.municipality.slug, USERS, f"{sheet}{row(9)}\n")
    ticket = ticket_for(instance, "usuario", **person(4))
    run(ticket)
    approve_in_registry(registry, ticket)
    name, report = run(ticket)
    assert (name, report.state) == ("Aguardando", TicketState.WAITING)
    assert report.reasons == (
        f"A planilha de usuários tem outras mudanças não aplicadas: 1 (./implanta users plan {instance.name.slug}).",
    )
    assert "nova.4" not in (read_sheet(instance.municipality.slug, USERS) or b"").decode()
    apply_users(instance.name.slug)
    assert run(ticket)[1].state is TicketState.DONE
    assert {"nova.4", "pessoa.9"} <= set(instance.users.list_ready_logins())


KILLED = """
import os, signal, sys
from cli.prefect import connect
connect()
from blocks.mailer import Outbox
from domain.ticket import Ticket
from registry import Registry
from tasks import users
point = sys.argv[1]
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
if point == "mail":
    Outbox.send = die
elif point == "sip":
    users.channel_of = die
else:
    record = Registry.record_event
    def record_or_die(self, kind, **rest):
        return die() if kind == point else record(self, kind, **rest)
    Registry.record_event = record_or_die
from flows.support import answer_ticket
answer_ticket(Ticket.model_validate_json(sys.argv[2]))
"""


def kill_at(point: str, ticket: Ticket) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), point, ticket.model_dump_json()],
        cwd=PROJECT_ROOT,
        env=os.environ,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", [*slow("support.accepted", "support.prepared", "support.closed"), "mail"])
def test_a_password_ticket_killed_anywhere_sends_one_password_that_works(
    instance: Instance, lab_state: LabState, point: str
) -> None:
    before = len(sent_to(lab_state, "pessoa1@arapora.example"))
    ticket = ticket_for(instance, "senha", login="pessoa.1")
    kill_at(point, ticket)
    assert run(ticket)[1].state is TicketState.DONE
    assert run(ticket)[1].state is TicketState.DONE
    bodies = sent_to(lab_state, "pessoa1@arapora.example")[before:]
    assert len(bodies) == 1
    assert signs_in(instance, "pessoa.1", PASSWORD.findall(bodies[0])[0])


@pytest.mark.parametrize(
    "point", [*slow("users.opened", "support.prepared", "users.closed", "mail", "support.closed"), "sip"]
)
def test_a_user_ticket_killed_anywhere_brings_in_one_person_who_is_written_to_once(
    instance: Instance, lab_state: LabState, registry: Registry, point: str
) -> None:
    number = 100 + next(NUMBERS)
    someone = person(
        5, login=f"nova.{number}", email=f"nova{number}@arapora.example", cpf=make_cpf(420_000_000 + number)
    )
    ticket = ticket_for(instance, "usuario", **someone)
    run(ticket)
    approve_in_registry(registry, ticket)
    kill_at(point, ticket)
    assert run(ticket)[1].state is TicketState.DONE
    assert run(ticket)[1].state is TicketState.DONE
    assert [user.state.sigla for user in instance.users.list_users()].count(f"nova.{number}") == 1
    assert f"nova.{number}" in instance.users.list_ready_logins()
    assert (read_sheet(instance.municipality.slug, USERS) or b"").decode().count(f";nova.{number};") == 1
    assert len(sent_to(lab_state, f"nova{number}@arapora.example")) == 1
    closed = registry.events(instance.municipality.ibge, kinds=[CLOSED])
    assert [event.details["ticket"] for event in closed].count(ticket.id) == 1


def cli(*arguments: str, exit_code: int = 0) -> str:
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == exit_code, outcome.stderr
    return outcome.stdout


def test_the_command_line_opens_lists_shows_and_goes_on(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    slug, environment, number = instance.municipality.slug, instance.name.slug, new_number()
    instead = {"timoteo": slug, "timoteo-treinamento": environment, "2027-15": number}
    Path("p.json").write_text(json.dumps({"solicitante": FOCAL.email, "login": "pessoa.1"}), encoding="utf-8")
    assert f"{environment} · chamado {number}: atendido" in cli(*example_of("support submit", instead))
    shown = json.loads(cli(*example_of("support answer", instead), "--json"))
    assert (shown["ticket"], shown["state"], shown["kind"]) == (number, "done", "senha")
    rows = json.loads(cli(*example_of("support list", instead), "--json"))
    assert {one["ticket"]: one["state"] for one in rows}[number] == "done"
    assert "Senha provisória" in cli(*example_of("support show", instead))
    Path("p.json").write_text(json.dumps({"solicitante": FOCAL.email, **person(6)}), encoding="utf-8")
    waiting = ["support", "submit", slug, new_number(), "--kind", "usuario", "--environment", environment]
    assert "aguardando" in cli(*waiting, "--request", "p.json", exit_code=30)
    refused = ["support", "submit", slug, new_number(), "--kind", "outro", "--environment", environment]
    assert "não é atendido" in cli(*refused, "--request", "p.json", exit_code=20)
    assert cli("support", "answer", slug, "inc-99999", exit_code=20) == ""


def test_nothing_of_anybody_is_in_the_registry_in_prefect_or_in_a_log(
    instance: Instance, programme: Settings, lab: Path, registry: Registry
) -> None:
    with temporary_settings({PREFECT_LOGGING_LEVEL: "DEBUG"}):
        ticket = ticket_for(instance, "usuario", **person(7))
        run(ticket)
        approve_in_registry(registry, ticket)
        assert run(ticket)[1].state is TicketState.DONE
        run(ticket_for(instance, "senha", login="nova.7"))
    APILogWorker.drain_all(timeout=30)
    words = (SECRET, "nova7@", "nova.7", make_cpf(410_000_007), FOCAL.email)
    require_nowhere(words, programme.registry_url, lab)
