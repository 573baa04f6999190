"""What a lab remembers between runs: `lab.json`, readable by its owner only."""

import base64
import json
import secrets
import threading
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import InvalidInputError
from lab.layout import write_private

SECRET_BYTES = 24

ProfileName = Literal["embedded", "scale"]
"""Everything of Prefect in one process on SQLite, or apart and more than once, as for hundreds of prefeituras."""


def _new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _new_access_key() -> str:
    return secrets.token_hex(10).upper()


def _new_prefect_key() -> str:
    # What Fernet.generate_key() answers, without loading the cryptography library: 32 bytes, base64 with padding.
    return secrets.token_urlsafe(32) + "="


def _new_moodle_token() -> str:
    return secrets.token_hex(16)  # as Moodle makes them


def _new_tsig_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Secrets(BaseModel):
    """Generated passwords and keys; one that an older lab does not have yet is generated when its record is read."""

    model_config = ConfigDict(extra="forbid")

    mariadb_root: str = Field(default_factory=_new_secret, repr=False)
    mariadb_admin: str = Field(default_factory=_new_secret, repr=False)
    mariadb2_root: str = Field(default_factory=_new_secret, repr=False)
    mariadb2_admin: str = Field(default_factory=_new_secret, repr=False)
    registry: str = Field(default_factory=_new_secret, repr=False)
    ldap_admin: str = Field(default_factory=_new_secret, repr=False)
    ldap_config: str = Field(default_factory=_new_secret, repr=False)
    s3_access_key: str = Field(default_factory=_new_access_key, repr=False)
    s3_secret_key: str = Field(default_factory=_new_secret, repr=False)
    sei_token: str = Field(default_factory=_new_secret, repr=False)
    moodle_token: str = Field(default_factory=_new_moodle_token, repr=False)
    prefect_password: str = Field(default_factory=_new_secret, repr=False)
    board: str = Field(default_factory=_new_secret, repr=False)
    dns_key: str = Field(default_factory=_new_tsig_key, repr=False)
    prefect_encryption_key: str = Field(default_factory=_new_prefect_key, repr=False)
    postgres: str = Field(default_factory=_new_secret, repr=False)
    redis: str = Field(default_factory=_new_secret, repr=False)


class ProcessRecord(BaseModel):
    """One process that the lab started: the pid alone is not it, pids come back after a reboot."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pid: int
    created_at: float = Field(description="Seconds since the epoch, as the system tells.")


class Record(BaseModel):
    """The content of `lab.json`."""

    model_config = ConfigDict(extra="forbid")

    profile: ProfileName = "embedded"
    ports: dict[str, int] = Field(default_factory=dict)
    secrets: Secrets = Field(default_factory=Secrets)
    processes: dict[str, ProcessRecord] = Field(default_factory=dict)
    established: set[str] = Field(
        default_factory=set, description="Services that were ready once: they have data, and others know their port."
    )


def read_record(path: Path) -> Record | None:
    """The record of a lab, or None when there is none yet.

    Raises:
        InvalidInputError: the file is not a record.
    """
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError as e:
        raise InvalidInputError(
            "O registro do laboratório está ilegível",
            str(path),
            "Restaure o arquivo; ou apague o diretório do laboratório, que perde seus dados, e suba-o de novo.",
        ) from e


class RecordKeeper:
    """The record in memory and on disk, changed by the threads that start services; unchanged, it is not rewritten."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.record = read_record(path) or Record()
        self._written = path.read_text(encoding="utf-8") if path.exists() else ""

    def set_profile(self, profile: ProfileName) -> None:
        with self._lock:
            self.record.profile = profile
            self._write()

    def set_ports(self, ports: dict[str, int]) -> None:
        with self._lock:
            self.record.ports.update(ports)
            self._write()

    def set_process(self, service: str, process: ProcessRecord) -> None:
        with self._lock:
            self.record.processes[service] = process
            self._write()

    def forget_process(self, service: str) -> None:
        with self._lock:
            self.record.processes.pop(service, None)
            self._write()

    def establish(self, service: str) -> None:
        with self._lock:
            self.record.established.add(service)
            self._write()

    def _write(self) -> None:
        content = self.record.model_dump(mode="json")
        content["established"] = sorted(content["established"])
        text = json.dumps(content, indent=2) + "\n"
        if text != self._written:
            write_private(self._path, text)
            self._written = text
