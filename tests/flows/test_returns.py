"""Letters that came back: kept beside their message, told once, and nothing of who was written to."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings
from pydantic import SecretStr
from typer.testing import CliRunner

from blocks.mailer import Mailer
from blocks.settings import PROJECT_ROOT, Settings
from cli.__main__ import app
from domain.errors import InvalidInputError
from domain.mail_report import MailReport
from domain.message import Event, message_key
from domain.municipality import Contact
from flows.messages import send_messages
from lab.state import LabState
from registry import Registry
from registry.messages import MESSAGE_RETURNED
from tasks import doors
from tasks.messages import queue_message
from tasks.returns import read_returns
from tests.blocks.test_mailer import SENDER
from tests.domain.bounces import ABSENCE, notification
from tests.domain.examples import make_municipality
from tests.flows.mailbox import arrived, empty_queue, future_examples
from tests.imap import Imap, imap_server

IBGE, SLUG = "3168705", "timoteo"
ROLE = "ponto focal"


@pytest.fixture(scope="module")
def server(programme: Settings) -> Iterator[Imap]:
    with imap_server() as imap:
        imap.block().save("teste", overwrite=True)
        yield imap


@pytest.fixture
def imap(server: Imap, monkeypatch: pytest.MonkeyPatch) -> Imap:
    server.clear()
    monkeypatch.setenv("IMPLANTA_RETURNS_BLOCK", "implanta-returns-mailbox/teste")
    doors.forget_blocks()
    return server


@pytest.fixture
def registry(registry_url: SecretStr) -> Iterator[Registry]:
    """A registry of this module with an empty queue."""
    with empty_queue(registry_url) as opened:
        yield opened


@pytest.fixture
def letter(registry: Registry, domain: str, lab_state: LabState) -> EmailMessage:
    """A letter that the lab's mail server took, to the one contact of Timóteo."""
    contact = Contact(name="Pessoa de Teste", email=f"ana@{domain}", role=ROLE)
    registry.ensure_municipality(make_municipality().model_copy(update={"contacts": (contact,)}))
    key = key_of(domain)
    queue_message.fn(SLUG, Event.ADESAO, key, future_examples(Event.ADESAO))
    send_messages()
    (found,) = arrived(lab_state, domain)
    return found


def key_of(domain: str) -> str:
    return message_key(Event.ADESAO, IBGE, domain)


def reference_of(letter: EmailMessage) -> str:
    return str(letter["Message-ID"]).strip("<>").partition("@")[0]


def events(registry: Registry, domain: str) -> list[dict[str, object]]:
    found = registry.events(ibge=IBGE, kinds=[MESSAGE_RETURNED])
    return [dict(event.details) for event in found if event.details["message"] == key_of(domain)]


def test_a_letter_that_came_back_did_not_arrive_and_is_told_once(
    imap: Imap, letter: EmailMessage, registry: Registry, domain: str
) -> None:
    imap.deliver(notification(reference_of(letter), address=f"ana@{domain}"))
    with pytest.raises(InvalidInputError, match=r"não chegou a um endereço: ponto focal \(código 5\.1\.1\)") as told:
        send_messages()
    assert domain not in str(told.value).replace(key_of(domain), "")
    message = registry.message(key_of(domain))
    assert (message.sent_by_role, message.returned_by_role) == ({}, {ROLE: 1})
    assert events(registry, domain) == [{"event": "adesao", "message": key_of(domain), "role": ROLE, "status": "5.1.1"}]
    assert imap.unread() == 0
    # A second notification of the same letter, as two servers on the way may send.
    imap.deliver(notification(reference_of(letter), status="5.4.4"))
    assert send_messages().returned == 0
    assert len(events(registry, domain)) == 1
    shown = CliRunner().invoke(app, ["message", "list", SLUG])
    assert "não chegou a 1" in " ".join(shown.stdout.split())
    rows = json.loads(CliRunner().invoke(app, ["message", "list", SLUG, "--json"]).stdout)
    assert [row["returned_by_role"] for row in rows if row["key"] == key_of(domain)] == [{ROLE: 1}]


@pytest.mark.parametrize(
    "content",
    [
        ABSENCE,
        b"lixo \xff\x00",
        notification("f" * 32),
        notification("199407072116.RAA14128"),
    ],
    ids=["absence", "rubbish", "unknown letter", "stranger"],
)
def test_what_is_no_failure_of_ours_is_read_once_and_changes_nothing(
    imap: Imap, letter: EmailMessage, registry: Registry, domain: str, content: bytes
) -> None:
    before = registry.message(key_of(domain))
    imap.deliver(content)
    report = send_messages()
    assert (report.returned, report.unread, report.troubles) == (0, None, ())
    assert imap.unread() == 0
    assert registry.message(key_of(domain)) == before


def test_a_delay_is_no_failure_and_the_failure_after_it_is(
    imap: Imap, letter: EmailMessage, registry: Registry, domain: str
) -> None:
    imap.deliver(notification(reference_of(letter), action="delayed", status="4.4.1"))
    assert send_messages().returned == 0
    imap.deliver(notification(reference_of(letter), action="failed", status="4.4.7"))
    with pytest.raises(InvalidInputError, match=r"4\.4\.7"):
        send_messages()
    assert registry.message(key_of(domain)).returned_by_role == {ROLE: 1}


def test_a_huge_return_among_rubbish_is_found(
    imap: Imap, letter: EmailMessage, registry: Registry, domain: str
) -> None:
    imap.deliver(
        ABSENCE, notification(reference_of(letter), body="QUJD" * 18 + "\n" + ("QUJD" * 18 + "\n") * 100_000), b"x"
    )
    with pytest.raises(InvalidInputError, match="não chegou"):
        send_messages()
    assert registry.message(key_of(domain)).returned_by_role == {ROLE: 1}
    assert imap.unread() == 0


KILLED = """
import os, signal
from cli.prefect import connect
connect()
from blocks.returns_mailbox import ReturnsReader
ReturnsReader.mark_seen = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
from flows.messages import send_messages
send_messages()
"""


def test_killed_between_keeping_and_marking_it_is_read_again_and_kept_once(
    imap: Imap, letter: EmailMessage, registry: Registry, domain: str
) -> None:
    imap.deliver(notification(reference_of(letter)))
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=PROJECT_ROOT, env=os.environ, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert imap.unread() == 1
    assert registry.message(key_of(domain)).returned_by_role == {ROLE: 1}
    send_messages()
    assert imap.unread() == 0
    assert len(events(registry, domain)) == 1


def test_a_mailbox_that_is_down_waits_and_one_that_refuses_is_told(
    imap: Imap, letter: EmailMessage, programme: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert letter
    imap.block(port=1).save("fora", overwrite=True)
    monkeypatch.setenv("IMPLANTA_RETURNS_BLOCK", "implanta-returns-mailbox/fora")
    report = send_messages()
    assert "não respondeu" in str(report.unread)
    assert report.troubles == ()
    assert "A caixa de retornos não foi lida" in report.markdown()
    imap.block(password=SecretStr("errada")).save("errada", overwrite=True)
    monkeypatch.setenv("IMPLANTA_RETURNS_BLOCK", "implanta-returns-mailbox/errada")
    with pytest.raises(InvalidInputError, match="recusou o usuário ou a senha"):
        send_messages()
    monkeypatch.delenv("IMPLANTA_RETURNS_BLOCK")
    assert send_messages().is_empty, "without a mailbox nothing is read"


def test_no_address_is_logged(
    imap: Imap, letter: EmailMessage, domain: str, caplog: pytest.LogCaptureFixture, lab: Path
) -> None:
    imap.deliver(notification(reference_of(letter), address=f"ana@{domain}"))
    caplog.set_level(logging.DEBUG)
    with temporary_settings({PREFECT_LOGGING_LEVEL: "DEBUG"}):
        report = read_returns.fn(MailReport.model_validate({"taken_at": "2027-03-01T12:00:00Z"}))
    assert report.returned == 1
    assert f"ana@{domain}" not in caplog.text
    assert f"ana@{domain}" not in report.markdown()


def test_letters_name_the_mailbox_to_which_servers_return_them(domain: str, lab_state: LabState) -> None:
    smtp = lab_state.smtp
    returns = f"retornos@{domain}"
    with Mailer(host=smtp.host, port=smtp.port, sender=SENDER, returns_to=returns).open() as outbox:
        outbox.send(f"ana@{domain}", "Assunto", "Texto")
    (message,) = arrived(lab_state, domain)
    assert (message["From"], message["X-MailFrom"]) == (SENDER, returns)
