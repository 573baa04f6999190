"""The outgoing mail server."""

import smtplib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.header import Header
from email.message import EmailMessage
from email.utils import localtime, make_msgid, parseaddr
from time import monotonic, sleep

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, PositiveInt, SecretStr, ValidationInfo, field_validator

from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.message import Letter
from domain.text import is_email

MINUTE_SECONDS = 60.0


class Pace:
    """At most so many in any minute: whoever comes first does not wait, the rest as long as it takes."""

    def __init__(
        self,
        per_minute: int,
        *,
        now: Callable[[], float] = monotonic,
        wait: Callable[[float], None] = sleep,
    ) -> None:
        self._begun: deque[float] = deque(maxlen=per_minute)
        self._now = now
        self._wait = wait

    def wait_turn(self) -> None:
        """Return when one more may begin."""
        if len(self._begun) == self._begun.maxlen:
            left = self._begun[0] + MINUTE_SECONDS - self._now()
            if left > 0:
                self._wait(left)
        self._begun.append(self._now())


class Outbox:
    """One open conversation with the mail server; see `Mailer.open`."""

    def __init__(
        self, smtp: smtplib.SMTP, sender: str, where: str, pace: Pace | None, returns_to: str | None = None
    ) -> None:
        self._smtp = smtp
        self._sender = sender
        self._returns_to = returns_to
        self._where = where
        self._pace = pace

    def wait_turn(self) -> None:
        """Wait until the pace of this conversation allows one message more; without one, not at all."""
        if self._pace:
            self._pace.wait_turn()

    def send(self, to: str, subject: str, text: str) -> None:
        """Hand one plain text message over; when this returns, the server has taken it.

        Raises:
            InvalidInputError: the server refuses this recipient for good; the conversation goes on with others.
        """
        message = self._addressed(to, subject, make_msgid(domain=self._domain))
        message.set_content(text)
        self._submit(message, fix="Corrija o e-mail do destinatário e importe de novo.")

    def hand_over(self, letter: Letter) -> None:
        """Hand one message over, as text and HTML, with its entry for the calendar where it has one.

        Its Message-ID is the same whenever it is sent again to the same recipient.

        Raises:
            InvalidInputError: the server refuses this recipient for good; the conversation goes on with others.
            RetryableError: the server does not take it for this recipient now; the conversation goes on.
        """
        message = self._addressed(letter.to, letter.subject, f"<{letter.reference}@{self._domain}>")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notice comes back
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        if letter.calendar is not None:
            message.add_attachment(
                letter.calendar.encode(),
                maintype="text",
                subtype="calendar",
                filename="convite.ics",
                params={"method": letter.calendar_method, "charset": "utf-8"},
            )
        self._submit(message, fix="Corrija o contato com ./implanta municipality contact.")

    @property
    def _domain(self) -> str:
        return parseaddr(self._sender)[1].rpartition("@")[2]

    def _addressed(self, to: str, subject: str, message_id: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = to
        # Not message["Subject"]: Python's folding (3.11) loses the space between two encoded words.
        message.set_raw("Subject", Header(" ".join(subject.split()), header_name="Subject").encode())
        message["Date"] = localtime()  # RFC 5322 demands it; servers take mail without these two for spam
        message["Message-ID"] = message_id
        return message

    def _submit(self, message: EmailMessage, *, fix: str) -> None:
        try:
            self._smtp.send_message(message, from_addr=self._returns_to)
        except smtplib.SMTPRecipientsRefused as e:  # smtplib has sent RSET already
            codes = [code for code, _ in e.recipients.values()]
            if _is_transient(codes):
                raise _refusal(codes, self._where) from None
            raise InvalidInputError(_refusal_text(codes), self._where, fix) from None


class Mailer(Block):
    """The SMTP server through which prefeituras and people are written to."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta E-mail"
    _block_type_slug = "implanta-mailer"

    host: str = Field(description="Endereço do servidor SMTP.")
    port: int = Field(default=25, description="Porta do servidor SMTP.")
    sender: str = Field(description="Remetente das mensagens.")
    returns_to: str | None = Field(
        default=None,
        description="Endereço a que voltam as mensagens que não puderam ser entregues (o da caixa de retornos); vazio:"
        " o do remetente.",
    )
    starttls: bool = Field(default=False, description="Exigir STARTTLS.")
    user: str | None = Field(default=None, description="Usuário, se o servidor exige.")
    password: SecretStr | None = Field(default=None, description="Senha, se o servidor exige.")
    team: str | None = Field(
        default=None,
        description="Caixa da equipe do programa, que recebe o que sobe a ela (papel 'equipe do programa'); vazio:"
        " ninguém da equipe recebe.",
    )
    per_minute: PositiveInt | None = Field(
        default=120,
        description="Máximo de mensagens em qualquer minuto, para que não as tomem por spam; vazio: sem limite.",
    )

    @field_validator("team", "returns_to")
    @classmethod
    def _is_an_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not is_email(value):
            whose = "da equipe" if info.field_name == "team" else "de retornos"
            msg = f"a caixa {whose} não é um endereço de e-mail"
            raise ValueError(msg)
        return value

    @contextmanager
    def open(self) -> Iterator[Outbox]:
        """Open one conversation, for as many messages as there are; see `Outbox.wait_turn` for their pace.

        Raises:
            RetryableError: the server does not answer or asks to come back later.
            IntegrityError: the server refuses for good; the message names no address.
        """
        where = f"smtp {self.host}:{self.port}"
        try:
            with smtplib.SMTP(self.host, self.port, timeout=30) as smtp:
                if self.starttls:
                    smtp.starttls()
                if self.user and self.password:
                    smtp.login(self.user, self.password.get_secret_value())
                pace = Pace(self.per_minute) if self.per_minute else None
                yield Outbox(smtp, self.sender, where, pace, self.returns_to)
        except smtplib.SMTPResponseException as e:
            raise _refusal([e.smtp_code], where) from None
        except smtplib.SMTPRecipientsRefused as e:
            raise _refusal([code for code, _ in e.recipients.values()], where) from None
        except (OSError, smtplib.SMTPException) as e:
            raise RetryableError(
                f"O servidor de e-mail não respondeu ({type(e).__name__})",
                where,
                "Confira o servidor e execute de novo.",
            ) from None


def _refusal(codes: list[int], where: str) -> RetryableError | IntegrityError:
    what = _refusal_text(codes)
    if _is_transient(codes):
        return RetryableError(f"{what} por enquanto", where, "Execute de novo mais tarde.")
    return IntegrityError(what, where, "Confira o servidor e execute de novo.")


def _refusal_text(codes: list[int]) -> str:
    return f"O servidor de e-mail recusou (código {', '.join(map(str, codes))})"


def _is_transient(codes: list[int]) -> bool:
    return all(400 <= code < 500 for code in codes)  # noqa: PLR2004  # RFC 5321: 4yz is transient
