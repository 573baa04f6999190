"""A real IMAP server, Dovecot, with one mailbox, for the length of a block."""

import getpass
import grp
import imaplib
import os
import pwd
import shutil
import ssl
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.certificate_authority import InternalCA
from blocks.returns_mailbox import ReturnsMailbox
from lab.ports import HOST, choose
from lab.service import program
from tests.waiting import wait_until

USER, PASSWORD = "retornos@implanta.example", "segredo-da-cáixa"
FOLDER = "INBOX"
_CONFIG = """\
protocols = imap
base_dir = {home}/run
state_dir = {home}/run
log_path = {home}/log
listen = {host}
ssl = required
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
mail_location = maildir:{home}/mail
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {tls}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {home}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner_group} home={home}/mail
}}
namespace inbox {{
  inbox = yes
}}
"""


@dataclass
class Imap:
    """The running server."""

    tls: int
    starttls: int
    root: Path
    log: Path

    def block(self, **other: object) -> ReturnsMailbox:
        """The block that an operator fills in for it."""
        wanted = {"host": HOST, "port": self.tls, "user": USER, "password": SecretStr(PASSWORD), "ca_file": self.root}
        return ReturnsMailbox.model_validate({**wanted, **other})

    def deliver(self, *messages: bytes) -> None:
        """Put messages into the mailbox, unread, as a mail server does."""
        with self._inside() as box:
            for message in messages:
                assert box.append(FOLDER, "", None, message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))[0] == "OK"

    def unread(self) -> int:
        """How many nobody has read."""
        with self._inside() as box:
            return len(box.search(None, "UNSEEN")[1][0].split())

    def clear(self) -> None:
        """Empty the mailbox."""
        with self._inside() as box:
            box.uid("STORE", "1:*", "+FLAGS", r"(\Deleted)")
            box.expunge()

    @contextmanager
    def _inside(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4_SSL(HOST, self.tls, ssl_context=ssl.create_default_context(cafile=self.root)) as box:
            box.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
            box.select(FOLDER)
            yield box


@contextmanager
def imap_server() -> Iterator[Imap]:
    """Dovecot on two free ports, stopped and forgotten at the end."""
    dovecot = program("dovecot", "dovecot-imapd")
    home = Path(tempfile.mkdtemp(prefix="implanta-imap-")).resolve()
    try:
        home.chmod(0o755)  # its processes are of several users, where root starts it
        ports = choose(["tls", "starttls"], avoid=())
        _write_certificate(home)
        _write_config(home, ports)
        server = subprocess.Popen(
            [dovecot, "-F", "-c", str(home / "dovecot.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        imap = Imap(ports["tls"], ports["starttls"], home / "root.pem", home / "log")
        try:
            wait_until(lambda: _answers(imap), "Dovecot answers", seconds=30)
            yield imap
        finally:
            server.terminate()
            server.wait(timeout=30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _answers(imap: Imap) -> bool:
    with suppress(OSError, imaplib.IMAP4.error):
        imap.unread()
        return True
    return False


def _write_certificate(home: Path) -> None:
    now = datetime.now(tz=UTC)
    authority = InternalCA.generate("AC do correio", now)
    made = authority.issue([HOST], Catalog().certificates(), now)
    (home / "root.pem").write_text(authority.root_certificate)
    (home / "server.pem").write_text(made.chain_pem)
    (home / "server.key").write_text(made.key_pem.get_secret_value())


def _write_config(home: Path, ports: dict[str, int]) -> None:
    me = getpass.getuser()
    internal, login, owner = ("dovecot", "dovenull", "mail") if os.geteuid() == 0 else (me, me, me)
    internal_group, owner_group = pwd.getpwnam(internal).pw_gid, pwd.getpwnam(owner).pw_gid
    (home / "mail").mkdir()
    (home / "users").write_text(f"{USER}:{PASSWORD}::::::\n", encoding="utf-8")
    if os.geteuid() == 0:
        shutil.chown(home / "mail", owner)
    text = _CONFIG.format(
        home=home,
        host=HOST,
        internal=internal,
        group=_group_name(internal_group),
        login=login,
        owner=owner,
        owner_group=_group_name(owner_group),
        **ports,
    )
    (home / "dovecot.conf").write_text(textwrap.dedent(text))


def _group_name(number: int) -> str:

    return grp.getgrgid(number).gr_name
