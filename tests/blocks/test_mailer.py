"""Mail: what arrives, and what the server refuses."""

import mailbox
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from blocks.mailer import Mailer, Pace
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from lab.ports import choose
from lab.state import LabState

SENDER = "nao-responda@implanta.example"
TO = "ana.lima@blocos.mg.gov.br"
TEXT = "Olá, Ana.\n\nSua senha provisória: abc=123\nAção: troque-a já.\n"


class Refusing:
    """A mail server that answers to an address with the code in it, such as 451@exemplo.org."""

    async def handle_MAIL(  # noqa: N802  # the library's name for the command
        self, server: object, session: object, envelope: Envelope, address: str, options: object
    ) -> str:
        envelope.mail_from = address
        return _answer(address)

    async def handle_RCPT(  # noqa: N802  # the library's name for the command
        self, server: object, session: object, envelope: Envelope, address: str, options: object
    ) -> str:
        envelope.rcpt_tos += [address] if _answer(address).startswith("250") else []
        return _answer(address)


def _answer(address: str) -> str:
    code, _, _ = address.partition("@")
    return f"{code} {address} nao aceito" if code.isdigit() else "250 OK"


@pytest.fixture
def mailer(lab_state: LabState) -> Mailer:
    """The lab's mail server."""
    return Mailer(host=lab_state.smtp.host, port=lab_state.smtp.port, sender=SENDER)


@pytest.fixture(scope="module")
def refusing_server() -> Iterator[Controller]:
    """A real SMTP server that takes nothing from or for the addresses with a code."""
    (port,) = choose(["smtp"], avoid=()).values()
    controller = Controller(Refusing(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def subject() -> str:
    """A subject that no other message of the lab has."""
    return f"Seção {secrets.token_hex(4)}: seu primeiro acesso ao SEI"


def arrived(lab_state: LabState, subject: str) -> list[EmailMessage]:
    """The messages of that subject, parsed anew from the bytes that the server stored."""
    found = []
    for stored in mailbox.Maildir(lab_state.smtp.mail_dir, create=False):
        message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(bytes(stored))
        if message["Subject"] == subject:
            found.append(message)
    return found


def test_a_message_arrives_as_it_was_written(mailer: Mailer, lab_state: LabState, subject: str) -> None:
    with mailer.open() as outbox:
        outbox.send(TO, subject, TEXT)
    (message,) = arrived(lab_state, subject)
    assert (message["From"], message["To"]) == (SENDER, TO)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == TEXT


def test_a_message_has_the_headers_that_other_servers_expect(mailer: Mailer, lab_state: LabState, subject: str) -> None:
    with mailer.open() as outbox:
        outbox.send(TO, subject, TEXT)
        outbox.send(TO, subject, TEXT)
    first, second = arrived(lab_state, subject)
    sent = first["Date"].datetime
    assert abs(datetime.now(tz=UTC) - sent) < timedelta(minutes=1)
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Message-ID"].endswith("@implanta.example>")


@pytest.mark.parametrize("municipality", ["Timóteo", "Conceição do Mato Dentro", "Olhos-d'Água", "Rio Doce", "Unaí"])
def test_a_long_subject_loses_no_space_where_it_is_folded(
    mailer: Mailer, lab_state: LabState, municipality: str
) -> None:
    """Between two encoded words a space is dropped by whoever reads them: it has to be inside of one."""
    written = [
        f"{municipality} {secrets.token_hex(4)}: a implantação espera há {days} dias úteis o portão da capacitação"
        for days in (9, 20, 120)
    ]
    with mailer.open() as outbox:
        for subject in written:
            outbox.send(TO, subject, TEXT)
    for subject in written:
        (message,) = arrived(lab_state, subject)
        assert all(len(line) <= 78 for line in message.as_bytes().splitlines() if line.startswith(b"Subject"))


def test_a_subject_of_several_lines_adds_no_header(mailer: Mailer, lab_state: LabState) -> None:
    mark = secrets.token_hex(4)
    with mailer.open() as outbox:
        outbox.send(TO, f"Assunto {mark}\r\nBcc: outra@blocos.mg.gov.br", TEXT)
    (message,) = arrived(lab_state, f"Assunto {mark} Bcc: outra@blocos.mg.gov.br")
    assert message["Bcc"] is None


def test_one_conversation_carries_many_messages(mailer: Mailer, lab_state: LabState, subject: str) -> None:
    with mailer.open() as outbox:
        for number in range(20):
            outbox.send(f"pessoa{number}@exemplo.org", subject, TEXT)
    assert {message["To"] for message in arrived(lab_state, subject)} == {
        f"pessoa{number}@exemplo.org" for number in range(20)
    }


@pytest.mark.parametrize(
    ("sender", "to", "kind"),
    [
        (SENDER, "550@exemplo.org", InvalidInputError),
        ("550@exemplo.org", TO, IntegrityError),
        ("451@exemplo.org", TO, RetryableError),
        (SENDER, "451@exemplo.org", RetryableError),
    ],
    ids=["recipient for good", "sender for good", "sender for now", "recipient for now"],
)
def test_a_refusal_is_told_without_the_address(
    refusing_server: Controller, sender: str, to: str, kind: type[ImplantaError]
) -> None:
    mailer = Mailer(host="127.0.0.1", port=refusing_server.port, sender=sender)
    with pytest.raises(kind, match="O servidor de e-mail recusou") as refusal, mailer.open() as outbox:
        outbox.send(to, "Assunto", TEXT)
    text = str(refusal.value) + repr(refusal.value.__cause__)
    assert sender not in text
    assert to not in text


def test_a_refused_recipient_does_not_end_the_conversation(refusing_server: Controller) -> None:
    mailer = Mailer(host="127.0.0.1", port=refusing_server.port, sender=SENDER)
    with mailer.open() as outbox:
        outbox.send(TO, "Assunto", TEXT)
        with pytest.raises(InvalidInputError, match="código 550"):
            outbox.send("550@exemplo.org", "Assunto", TEXT)
        outbox.send(TO, "Assunto", TEXT)


def test_a_server_that_should_encrypt_and_does_not_is_refused(
    mailer: Mailer, lab_state: LabState, subject: str
) -> None:
    strict = mailer.model_copy(update={"starttls": True})
    with pytest.raises(ImplantaError, match="servidor de e-mail"), strict.open() as outbox:
        outbox.send(TO, subject, TEXT)
    assert arrived(lab_state, subject) == []


@given(st.integers(1, 20), st.lists(st.floats(0, 40), max_size=80))
def test_no_minute_has_more_messages_than_its_share_and_nobody_waits_in_vain(
    per_minute: int, busy_seconds: list[float]
) -> None:
    clock = [1000.0]
    waited: list[int] = []
    begun: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(len(begun))
        clock[0] += seconds

    pace = Pace(per_minute, now=lambda: clock[0], wait=wait)
    for seconds in busy_seconds:
        clock[0] += seconds
        pace.wait_turn()
        begun.append(clock[0])
    for first, later in zip(begun, begun[per_minute:], strict=False):
        assert later - first >= 60 - 1e-6
    for number in waited:
        assert begun[number] - begun[number - per_minute] == pytest.approx(60), "not a second longer than needed"


def test_a_conversation_keeps_the_pace_it_was_opened_with(mailer: Mailer, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Pace.__init__, "__kwdefaults__", {"now": lambda: 0.0, "wait": waits.append})
    with mailer.model_copy(update={"per_minute": None}).open() as outbox:
        for _ in range(3):
            outbox.wait_turn()
    assert waits == []
    with mailer.model_copy(update={"per_minute": 2}).open() as outbox:
        for _ in range(3):
            outbox.wait_turn()
    assert waits == [60.0]


def test_a_mailbox_of_the_team_that_is_none_is_refused_before_it_stops_all_mail() -> None:
    with pytest.raises(ValidationError, match="a caixa da equipe não é um endereço"):
        Mailer(host="127.0.0.1", sender=SENDER, team="equipe")
    assert Mailer(host="127.0.0.1", sender=SENDER, team="equipe@implanta.example").team == "equipe@implanta.example"
