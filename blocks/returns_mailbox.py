"""The mailbox to which mail servers return what they could not deliver, read over IMAP.

IMAP is what the mail service of a state's IT company gives for a mailbox, whatever product it runs; a directory to
which it delivers would ask for a mail server on our machine. What was read is marked as seen, and the mailbox is the
programme's alone: what a person opens there first is not read any more.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from domain.errors import ImplantaError, InvalidInputError, RetryableError

TIMEOUT_SECONDS = 30
# The report and the headers of what it is about come first; of a letter that comes back whole the rest is not wanted.
MOST_BYTES = 256 * 1024
_UNAVAILABLE = re.compile(rb"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\]", re.IGNORECASE)
_CONTENT = 2


class ReturnsReader:
    """One open conversation with the mailbox; see `ReturnsMailbox.open`."""

    def __init__(self, imap: imaplib.IMAP4, where: str) -> None:
        self._imap = imap
        self._where = where

    def unseen(self) -> list[str]:
        """The numbers of the messages that nobody has read, oldest first."""
        (found,) = self._asked("SEARCH", "UNSEEN")
        return found.decode("ascii").split() if isinstance(found, bytes) else []

    def fetch(self, number: str) -> bytes | None:
        """The beginning of a message, which stays unread; None when it is gone."""
        for piece in self._asked("FETCH", number, f"(BODY.PEEK[]<0.{MOST_BYTES}>)"):
            if isinstance(piece, tuple) and len(piece) == _CONTENT:
                return bytes(piece[1])
        return None

    def mark_seen(self, number: str) -> None:
        """Not to be read again."""
        self._asked("STORE", number, "+FLAGS.SILENT", r"(\Seen)")

    def _asked(self, command: str, *arguments: str) -> "list[bytes | tuple[bytes, bytes] | None]":
        status, answer = self._imap.uid(command, *arguments)
        if status != "OK":
            raise RetryableError(
                f"A caixa de retornos não aceitou {command}", self._where, "Confira o servidor e execute de novo."
            )
        return answer


class ReturnsMailbox(Block):
    """An IMAP mailbox, always over TLS."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Caixa de retornos"
    _block_type_slug = "implanta-returns-mailbox"

    host: str = Field(description="Endereço do servidor IMAP.")
    port: int = Field(default=993, description="Porta do servidor IMAP.")
    security: Literal["tls", "starttls"] = Field(
        default="tls", description="tls: cifrado desde o começo (porta 993); starttls: a partir de STARTTLS (143)."
    )
    user: str = Field(description="Usuário da caixa.")
    password: SecretStr = Field(description="Senha da caixa.")
    folder: str = Field(
        default="INBOX",
        pattern=r"^[ !#-\[\]-~]+$",
        description="Pasta em que os retornos chegam. A caixa é só do programa: o que alguém ler antes não é contado.",
    )
    ca_file: Path | None = Field(
        default=None, description="Certificado da autoridade que assina o do servidor; sem ele, valem as do sistema."
    )

    @contextmanager
    def open(self) -> Iterator[ReturnsReader]:
        """Open the folder for one round of reading.

        Raises:
            RetryableError: the server does not answer, or not now.
            InvalidInputError: it refuses user, password or folder, or its certificate is not trusted.
        """
        where = f"imap {self.host}:{self.port}"
        try:
            imap = self._connect()
        except FileNotFoundError:
            raise InvalidInputError(
                "O arquivo da autoridade não existe", str(self.ca_file), "Corrija ca_file no bloco."
            ) from None
        except (OSError, imaplib.IMAP4.error) as error:
            raise _explain(error, where) from None
        try:
            self._enter(imap, where)
            yield ReturnsReader(imap, where)
        except (OSError, imaplib.IMAP4.error) as error:
            raise _explain(error, where) from None
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                imap.logout()

    def _connect(self) -> imaplib.IMAP4:
        trust = ssl.create_default_context(cafile=self.ca_file)
        if self.security == "tls":
            return imaplib.IMAP4_SSL(self.host, self.port, ssl_context=trust, timeout=TIMEOUT_SECONDS)
        imap = imaplib.IMAP4(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            imap.starttls(trust)
        except BaseException:
            imap.shutdown()
            raise
        return imap

    def _enter(self, imap: imaplib.IMAP4, where: str) -> None:
        # Not LOGIN, whose words imaplib writes in ASCII only.
        secret = f"\0{self.user}\0{self.password.get_secret_value()}".encode()
        try:
            imap.authenticate("PLAIN", lambda _: secret)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            if _is_for_now(error):
                raise RetryableError("O servidor IMAP não atende agora", where, "Execute de novo mais tarde.") from None
            raise InvalidInputError(
                "O servidor IMAP recusou o usuário ou a senha da caixa de retornos",
                where,
                "Corrija-os no bloco Implanta Caixa de retornos.",
            ) from None
        status, _ = imap.select(f'"{self.folder}"')
        if status != "OK":
            raise InvalidInputError(
                "A caixa de retornos não tem esta pasta", where, "Corrija folder no bloco Implanta Caixa de retornos."
            )


def _is_for_now(error: imaplib.IMAP4.error) -> bool:
    told = error.args[0] if error.args else b""
    return bool(_UNAVAILABLE.search(told if isinstance(told, bytes) else str(told).encode()))


def _explain(error: Exception, where: str) -> ImplantaError:
    """What a server says may name people: only the kind of the error is told."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return InvalidInputError(
            "O certificado do servidor IMAP não é de confiança",
            where,
            "Renove-o, ou dê em ca_file, no bloco Implanta Caixa de retornos, o da autoridade que o assina.",
        )
    return RetryableError(
        f"A caixa de retornos não respondeu ({type(error).__name__})", where, "Confira o servidor e execute de novo."
    )
