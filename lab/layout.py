"""Where everything of one lab lies on disk, and how its private files are written."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

PRIVATE_UMASK = 0o077


@dataclass(frozen=True)
class Layout:
    """The paths of one lab; nothing of a lab lies outside `root`, except the sockets that weed puts in /tmp."""

    root: Path

    @property
    def record_file(self) -> Path:
        return self.root / "lab.json"

    @property
    def lock_file(self) -> Path:
        return self.root / "lab.lock"

    @property
    def settings_file(self) -> Path:
        return self.root / "settings.toml"

    @property
    def demo_file(self) -> Path:
        """Login and password of the person as whom the demo visited SEI."""
        return self.root / "demo.json"

    @property
    def log_dir(self) -> Path:
        return self.root / "log"

    @property
    def mail_dir(self) -> Path:
        """Maildir of every message that was sent."""
        return self.root / "mail"

    @property
    def apps_dir(self) -> Path:
        """Configurations of the SEI applications, one directory an environment."""
        return self.root / "apps"

    @property
    def code_dir(self) -> Path:
        """The code of the SEI applications, one directory a version."""
        return self.root / "codigo"

    @property
    def scratch_dir(self) -> Path:
        """Where copies are restored, and what the servers that hold them begin with."""
        return self.root / "rascunhos"

    @property
    def files_dir(self) -> Path:
        """Repositories of files of the SEI applications, one directory an environment."""
        return self.root / "files"

    @property
    def moodle_state_file(self) -> Path:
        """What the training platform keeps: people, courses, completions."""
        return self.service_dir("moodle") / "moodle.sqlite"

    @property
    def door_trail(self) -> Path:
        """Who changed what through the door to Prefect."""
        return self.service_dir("painel") / "trilha.jsonl"

    @property
    def ldap_tls_dir(self) -> Path:
        """Certificates of the directory: clients trust `ca.pem`."""
        return self.service_dir("ldap") / "tls"

    @property
    def ca_file(self) -> Path:
        """The root certificate of the lab's authority, for people and programs to trust."""
        return self.root / "ca.pem"

    @property
    def ca_key_file(self) -> Path:
        """The same root with its key."""
        return self.root / "ca-key.pem"

    def service_dir(self, service: str) -> Path:
        return self.root / service

    def log(self, service: str) -> Path:
        return self.log_dir / f"{service}.log"


def make_private_dir(path: Path) -> None:
    """Make a directory and its parents; only the owner may look into it. One that is there already is left as it is."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file at once: a reader, or a kill in the middle, sees the old text or the new one; mode 0600."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
