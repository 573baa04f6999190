"""The mail to prefeituras on the lab's own SMTP server, with a registry of these tests alone."""

import os
import secrets
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from prefect.client.orchestration import get_client
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings
from pydantic import SecretStr

from blocks import message_templates
from blocks.catalog import Catalog
from blocks.mailer import Mailer
from blocks.rehearsal import rehearsing
from blocks.settings import PROJECT_ROOT
from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError
from domain.mail_report import MailReport
from domain.message import TEAM_ROLE, Event, message_key
from domain.municipality import Contact
from flows.messages import send_messages
from lab.ports import choose
from lab.state import LabState
from registry import Registry
from tasks import clock, doors
from tasks.messages import queue_message, send_pending, withdraw
from tests.blocks.test_mailer import Refusing
from tests.domain.examples import make_municipality
from tests.flows.mailbox import arrived, empty_queue, future_examples
from tests.leaks import require_nowhere

IBGE, SLUG = "3168705", "timoteo"
TABLE = Catalog().messages()
NAME = "Zulmira <b>Tom</b> & Jerry d'Ávila"
ROLES = sorted({role for rule in TABLE.messages for role in rule.roles} - {TEAM_ROLE})

# How many letters of all events go to the programme's own mailbox, which the lab's block of the mailer names.
TO_THE_TEAM = sum(TEAM_ROLE in rule.roles for rule in TABLE.messages)


@pytest.fixture
def registry(registry_url: SecretStr) -> Iterator[Registry]:
    """That registry with an empty queue."""
    with empty_queue(registry_url) as opened:
        yield opened


@pytest.fixture
def people(registry: Registry, domain: str) -> list[str]:
    """The addresses of Timóteo's contacts, one in each role that the catalog knows, with a name to be escaped."""
    contacts = [Contact(name=NAME, email=f"p{n}@{domain}", role=role) for n, role in enumerate(ROLES)]
    registry.ensure_municipality(make_municipality().model_copy(update={"contacts": tuple(contacts)}))
    return [contact.email for contact in contacts]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Move the clock away from now."""

    def move(distance: timedelta) -> None:
        monkeypatch.setattr(clock, "now", lambda: datetime.now(tz=UTC) + distance)

    return move


def queue(event: Event, *parts: str) -> Change:
    return queue_message.fn(SLUG, event, message_key(event, IBGE, *parts), future_examples(event))


def letters(messages: list[EmailMessage]) -> Counter[tuple[str, str]]:
    return Counter((str(message["To"]), str(message["Subject"])) for message in messages)


def addressees(people: list[str], event: Event) -> list[str]:
    return [address for address, role in zip(people, ROLES, strict=True) if role in TABLE.rule(event).roles]


def send() -> MailReport:
    return send_pending.fn()


def test_an_invitation_arrives_as_text_html_and_an_entry_for_the_calendar(
    people: list[str], domain: str, lab_state: LabState
) -> None:
    assert queue(Event.CONVITE_CAPACITACAO, "turma-1") == Change(created=1)
    report = send_messages()
    assert report.letters == len(addressees(people, Event.CONVITE_CAPACITACAO)) == 2
    message = arrived(lab_state, domain)[0]
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/calendar"]
    assert message["Subject"] == "Timóteo: capacitação SEI Usar, turma 1 marcada"
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().startswith(f"Olá, {NAME}.\n\nA turma de capacitação")
    assert "Início: 1º de março de 2097, às 13h30 (horário de Brasília)\n" in plain.get_content()
    assert "Zulmira &lt;b&gt;Tom&lt;/b&gt; &amp; Jerry d&#39;Ávila" in html.get_content()
    assert "<img" not in html.get_content()
    (calendar,) = message.iter_attachments()
    assert (calendar.get_filename(), calendar.get_param("method")) == ("convite.ics", "PUBLISH")
    content = calendar.get_content().replace("\r\n ", "").replace("\n ", "")
    assert "UID:convite_capacitacao:3168705:turma-1@" in content
    assert "DTSTART:20970301T163000Z" in content
    assert domain not in content


def test_every_event_reaches_its_roles_once_however_often_it_is_queued_and_sent(
    people: list[str], domain: str, lab_state: LabState, registry: Registry
) -> None:
    for _ in range(2):
        for event in Event:
            queue(event)
        send_messages()
    expected = Counter(address for event in Event for address in addressees(people, event))
    found = letters(arrived(lab_state, domain))
    assert Counter(address for address, _ in found) == expected
    assert set(found.values()) == {1}
    for message in registry.messages(IBGE):
        assert message.sent_at is not None
        assert message.sent_by_role == dict.fromkeys(sorted(TABLE.rule(message.event).roles), 1)


def test_messages_that_say_the_same_in_text_and_html_have_no_tag_left_and_no_empty_stretch(
    people: list[str], domain: str, lab_state: LabState
) -> None:
    for event in Event:
        queue(event)
    send()
    for message in arrived(lab_state, domain):
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None
        assert html is not None
        for said in (plain.get_content(), html.get_content()):
            assert "{{" not in said
            assert "Programa SEI!MG Municípios" in said
        assert "\n\n\n" not in plain.get_content(), message["Subject"]
        assert "src=" not in html.get_content()


KILLED = """
import os, signal, sys
from cli.prefect import connect
connect()
from blocks.mailer import Outbox
from tasks.messages import send_pending
hand_over, left, before = Outbox.hand_over, int(sys.argv[1]), sys.argv[2] == "before"
def dying(self, letter):
    global left
    left -= 1
    if left < 0 and before:
        os.kill(os.getpid(), signal.SIGKILL)
    hand_over(self, letter)
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
Outbox.hand_over = dying
send_pending.fn()
"""


def kill_at(letter: int, moment: str) -> None:
    """Send in a process that dies with kill -9 at a letter, before or after the mail server took it."""
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(letter), moment],
        cwd=PROJECT_ROOT,
        env=os.environ,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.parametrize("letter", [0, 1, 4])
def test_a_sender_killed_between_two_letters_loses_and_doubles_none(
    people: list[str], domain: str, lab_state: LabState, letter: int
) -> None:
    events = (Event.ADESAO, Event.ENTRADA_EM_PRODUCAO, Event.RELATORIO_MENSAL)
    for event in events:
        queue(event)
    kill_at(letter, "before")
    assert len(arrived(lab_state, domain)) == letter
    send_messages()
    found = letters(arrived(lab_state, domain))
    assert Counter(address for address, _ in found) == Counter(
        address for event in events for address in addressees(people, event)
    )
    assert set(found.values()) == {1}


def test_a_letter_taken_before_its_record_was_kept_comes_again_as_the_same(
    people: list[str], domain: str, lab_state: LabState
) -> None:
    """The one window that is left: between the mail server's yes and the commit."""
    queue(Event.ADESAO)
    kill_at(1, "after")
    send_messages()
    messages = arrived(lab_state, domain)
    assert len(messages) == len(addressees(people, Event.ADESAO)) + 1
    assert len({message["Message-ID"] for message in messages}) == len(messages) - 1
    (doubled,) = [pair for pair, count in letters(messages).items() if count == 2]
    assert len({message["Message-ID"] for message in messages if message["To"] == doubled[0]}) == 1


def test_two_senders_at_once_send_each_letter_once(people: list[str], domain: str, lab_state: LabState) -> None:
    for event in Event:
        queue(event)
    with ThreadPoolExecutor(3) as pool:
        # Each thread with Prefect's settings of this one, as a mapped step has them.
        reports = [run.result() for run in [pool.submit(copy_context().run, send) for _ in range(3)]]
    found = letters(arrived(lab_state, domain))
    assert sum(report.letters for report in reports) == sum(found.values()) + TO_THE_TEAM
    send()
    found = letters(arrived(lab_state, domain))
    assert set(found.values()) == {1}
    assert sum(found.values()) == sum(len(addressees(people, event)) for event in Event)


def test_an_hour_without_a_mail_server_loses_nothing_and_fails_nothing(
    people: list[str],
    domain: str,
    lab_state: LabState,
    registry: Registry,
    at: Callable[[timedelta], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (closed,) = choose(["smtp"], avoid=()).values()
    for event in Event:
        queue(event)
    with monkeypatch.context() as patch:
        patch.setattr(doors, "mailer", lambda: Mailer(host="127.0.0.1", port=closed, sender="sei@implanta.example"))
        for minutes in range(0, 60, 5):
            at(timedelta(minutes=minutes))
            report = send_messages()
            assert report.sent == ()
            assert report.troubles == ()
        assert queue(Event.INCIDENTE, "durante") == Change(created=1), "what happens meanwhile is queued as ever"
    assert {message.attempts for message in registry.messages(IBGE)} == {0, 4}, "at 0, 5, 15 and 35 minutes"
    assert arrived(lab_state, domain) == []
    at(timedelta(minutes=100))
    report = send_messages()
    assert len(report.sent) == len(Event) + 1
    found = letters(arrived(lab_state, domain))
    assert sum(found.values()) == sum(len(addressees(people, event)) for event in (*Event, Event.INCIDENTE))
    assert all(message.sent_at for message in registry.messages(IBGE))


def test_what_did_not_go_out_while_it_was_worth_it_leaves_the_queue_and_somebody_is_told(
    people: list[str], domain: str, lab_state: LabState, registry: Registry, at: Callable[[timedelta], None]
) -> None:
    queue(Event.LEMBRETE_PORTAO)
    queue(Event.RESULTADO_PORTAO)
    at(timedelta(days=6))  # nobody sent anything for as long
    with pytest.raises(InvalidInputError, match="venceu antes de sair") as failure:
        send_messages()
    assert "lembrete_portao:3168705" in str(failure.value)
    assert [message["Subject"] for message in arrived(lab_state, domain)] == [
        "Timóteo: portão da capacitação: ainda não atendido"
    ] * len(addressees(people, Event.RESULTADO_PORTAO)), "what has no term is sent however late"
    message = registry.message("lembrete_portao:3168705")
    assert (message.dropped_because, message.sent_at) == ("expired", None)
    (event,) = [
        one for one in registry.events(IBGE, kinds=["message.dropped"]) if one.details["message"] == message.key
    ]
    assert event.details == {
        "event": "lembrete_portao",
        "message": "lembrete_portao:3168705",
        "because": "expired",
        "sent": {},
        "refused": {},
    }
    assert send_messages().is_empty, "it is told once"
    assert queue(Event.LEMBRETE_PORTAO) == Change(unchanged=1), "and does not come back"


def test_a_reminder_that_became_untrue_is_taken_back_unless_it_went_out(
    people: list[str], domain: str, lab_state: LabState, registry: Registry
) -> None:
    queue(Event.ADESAO)
    send_messages()
    queue(Event.LEMBRETE_PORTAO)
    keys = ["adesao:3168705", "lembrete_portao:3168705", "lembrete_portao:3168705:outro"]
    assert withdraw(IBGE, keys) == Change(removed=1)
    assert withdraw(IBGE, keys) == Change()
    assert send_messages().is_empty
    assert len(arrived(lab_state, domain)) == len(addressees(people, Event.ADESAO))
    assert registry.message("lembrete_portao:3168705").dropped_because == "withdrawn"


def test_what_goes_up_reaches_the_programmes_own_mailbox(people: list[str], lab_state: LabState) -> None:
    key = f"escalonamento_portao:{IBGE}:{secrets.token_hex(4)}"
    queue_message.fn(SLUG, Event.ESCALONAMENTO_PORTAO, key, future_examples(Event.ESCALONAMENTO_PORTAO))
    report = send_messages()
    assert report.letters == len(addressees(people, Event.ESCALONAMENTO_PORTAO)) + 1
    bodies = [message.get_body(("plain",)) for message in arrived(lab_state, "implanta.example")]
    assert [body.get_content().splitlines()[0] for body in bodies if body][-1] == "Olá, equipe do programa."


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The mail goes to a server that answers to an address with the code in it, such as 550@exemplo.org."""
    (port,) = choose(["smtp"], avoid=()).values()
    controller = Controller(Refusing(), hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setattr(doors, "mailer", lambda: Mailer(host="127.0.0.1", port=port, sender="sei@implanta.example"))
    yield
    controller.stop()


def contacts(registry: Registry, **address_by_role: str) -> None:
    people = [
        Contact(name="Pessoa", email=address, role=role.replace("_", " ")) for role, address in address_by_role.items()
    ]
    registry.ensure_municipality(make_municipality().model_copy(update={"contacts": tuple(people)}))


@pytest.mark.usefixtures("refusing")
def test_an_address_refused_for_good_is_marked_reported_once_and_keeps_nobody_waiting(
    registry: Registry, at: Callable[[timedelta], None]
) -> None:
    contacts(registry, ponto_focal="550@teste.example", prefeito="bom@teste.example")
    queue(Event.ADESAO)
    with pytest.raises(InvalidInputError, match="recusou 1 endereço: ponto focal") as failure:
        send_messages()
    assert "550@teste" not in str(failure.value)
    message = registry.message("adesao:3168705")
    assert (message.sent_by_role, message.refused_by_role, message.refused) == ({"prefeito": 1}, {"ponto focal": 1}, 1)
    assert message.sent_at is not None
    at(timedelta(days=1))
    assert send_messages().is_empty


@pytest.mark.usefixtures("refusing")
def test_a_message_that_nobody_took_waits_for_a_contact_that_works(
    registry: Registry, at: Callable[[timedelta], None]
) -> None:
    contacts(registry, ponto_focal="550@teste.example")
    queue(Event.ADESAO)
    with pytest.raises(InvalidInputError):
        send_messages()
    at(timedelta(hours=2))
    assert send_messages().unaddressed == ("adesao:3168705",), "the refused address is not asked again"
    contacts(registry, ponto_focal="bom@teste.example")
    at(timedelta(hours=4))
    assert send_messages().letters == 1


@pytest.mark.usefixtures("refusing")
def test_an_address_refused_for_now_is_tried_again_and_the_others_have_theirs(
    registry: Registry, at: Callable[[timedelta], None]
) -> None:
    contacts(registry, ponto_focal="451@teste.example", prefeito="bom@teste.example")
    queue(Event.ADESAO)
    queue(Event.RELATORIO_MENSAL)
    report = send_messages()
    assert (report.letters, len(report.postponed), report.troubles) == (2, 2, ())
    at(timedelta(hours=2))
    report = send_messages()
    assert (report.letters, len(report.postponed)) == (0, 2), "who has it gets nothing again"
    contacts(registry, ponto_focal="melhor@teste.example", prefeito="bom@teste.example")
    at(timedelta(hours=4))
    report = send_messages()
    assert (report.letters, len(report.sent)) == (2, 2)


def test_a_template_that_is_wrong_keeps_back_its_own_message_only(
    people: list[str], domain: str, lab_state: LabState, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = message_templates.write_letter

    def broken(told: message_templates.Told, *rest: object) -> object:
        if told.rule.event is Event.ADESAO:
            raise KeyError(NAME)
        return write(told, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("tasks.messages.write_letter", broken)
    for event in (Event.ADESAO, Event.INCIDENTE):
        queue(event)
    with pytest.raises(IntegrityError, match=r"defeito do programa \(KeyError\)") as failure:
        send_messages()
    assert "Zulmira" not in str(failure.value)
    assert {address for address, _ in letters(arrived(lab_state, domain))} == set(addressees(people, Event.INCIDENTE))
    assert registry.message("adesao:3168705").sent_at is None


def test_without_contacts_a_message_waits_and_is_told_of(registry: Registry, at: Callable[[timedelta], None]) -> None:
    contacts(registry, vereador="alguem@teste.example")
    queue(Event.ADESAO)
    assert send_messages().unaddressed == ("adesao:3168705",)
    with get_client(sync_client=True) as client:
        artifact = client.request("GET", "/artifacts/{key}/latest", path_params={"key": "correio"}).json()
    assert "| adesao:3168705 | sem ninguém a quem escrever; adiada |" in artifact["data"]


def test_a_rehearsal_queues_nothing(people: list[str], registry: Registry) -> None:
    with rehearsing():
        assert queue(Event.ADESAO) == Change(created=1)
    assert registry.messages(IBGE) == []


def test_nothing_of_anybody_is_in_the_registrys_queue_in_prefect_or_in_a_log(
    people: list[str], domain: str, lab: Path, registry_url: SecretStr
) -> None:
    with temporary_settings({PREFECT_LOGGING_LEVEL: "DEBUG"}):
        for event in Event:
            queue(event)
        send_messages()
    APILogWorker.drain_all(timeout=30)
    words = (domain, "Zulmira")
    tables, logs = require_nowhere(words, registry_url, lab)
    assert {"message", "message_delivery", "event"} <= tables
    assert {"prefect", "smtp", "worker"} <= logs
