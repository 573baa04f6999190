"""SMTP: every message that anyone sends ends in one Maildir."""

import mailbox
import smtplib
import sys

from lab.ports import HOST
from lab.processes import Launch
from lab.service import NotReadyError, Service

CONNECT_TIMEOUT_SECONDS = 5


class Smtp(Service):
    """aiosmtpd's own server with its Maildir handler."""

    name = "smtp"
    title = "SMTP"
    port_names = ("smtp",)

    def prepare(self) -> None:
        mailbox.Maildir(self.layout.mail_dir, create=True)

    def launch(self) -> Launch:
        return Launch(
            argv=(
                sys.executable,
                "-m",
                "aiosmtpd",
                "--nosetuid",
                "--smtputf8",
                "--listen",
                self.host_and_port(),
                "--class",
                "aiosmtpd.handlers.Mailbox",
                str(self.layout.mail_dir),
            ),
            cwd=self.layout.root,
        )

    def probe(self) -> None:
        try:
            with smtplib.SMTP(HOST, self.port(), timeout=CONNECT_TIMEOUT_SECONDS) as client:
                client.noop()
        except (OSError, smtplib.SMTPException) as e:
            raise NotReadyError(str(e)) from e

    def address(self) -> str:
        return self.host_and_port()
