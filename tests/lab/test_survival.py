"""A lab that was hurt comes back as it was: only what is missing is started, and no data are lost."""

import smtplib
from pathlib import Path

import httpx
import psutil
import pytest

from lab import status, up
from lab.processes import list_marked
from lab.profiles import SERVICE_NAMES
from lab.state import LabState
from tests.lab.clients import bind_admin, connect_database, connect_s3
from tests.waiting import end

WITNESS = "testemunha"


def pids(lab: Path) -> dict[str, int | None]:
    return {service.service: service.pid for service in status(lab)}


@pytest.fixture(scope="module")
def witnesses(lab_state: LabState) -> None:
    """One row, one entry, one object, one mail and one Prefect variable."""
    with connect_database(lab_state) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE testemunha")
        cursor.execute("CREATE TABLE testemunha.t (nome VARCHAR(20))")
        cursor.execute("INSERT INTO testemunha.t VALUES (%s)", (WITNESS,))
        connection.commit()
    with bind_admin(lab_state) as directory:
        directory.add(f"ou={WITNESS},{lab_state.ldap.base_dn}", "organizationalUnit")
    connect_s3(lab_state).create_bucket(Bucket=WITNESS)
    connect_s3(lab_state).put_object(Bucket=WITNESS, Key=WITNESS, Body=WITNESS.encode())
    with smtplib.SMTP(lab_state.smtp.host, lab_state.smtp.port) as mailer:
        mailer.sendmail("de@exemplo.test", ["para@exemplo.test"], f"Subject: {WITNESS}\r\n\r\ntexto")
    prefect, variable = lab_state.prefect, {"name": WITNESS, "value": WITNESS}
    httpx.post(f"{prefect.api_url}/variables/", json=variable, auth=prefect.credentials).raise_for_status()


def assert_witnesses(state: LabState) -> None:
    with connect_database(state) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT nome FROM testemunha.t")
        assert cursor.fetchall() == ((WITNESS,),)
    with bind_admin(state) as directory:
        assert directory.search(f"ou={WITNESS},{state.ldap.base_dn}", "(objectClass=*)", "BASE")[0]
    assert connect_s3(state).get_object(Bucket=WITNESS, Key=WITNESS)["Body"].read() == WITNESS.encode()
    mails = [path.read_text() for path in (state.smtp.mail_dir / "new").iterdir()]
    assert sum(WITNESS in mail for mail in mails) == 1
    variable = httpx.get(f"{state.prefect.api_url}/variables/name/{WITNESS}", auth=state.prefect.credentials)
    assert variable.json()["value"] == WITNESS


def test_a_second_up_changes_nothing(lab: Path) -> None:
    before = pids(lab)
    files = {name: (lab / name).read_text() for name in ("lab.json", "settings.toml")}
    up(lab)
    assert None not in before.values()
    assert pids(lab) == before
    assert {name: (lab / name).read_text() for name in files} == files


@pytest.mark.usefixtures("witnesses")
@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_up_brings_back_only_the_service_that_was_killed_with_its_data(
    lab: Path, lab_state: LabState, service: str
) -> None:
    before = pids(lab)
    killed = before[service]
    assert killed is not None
    end(killed)
    up(lab)
    after = pids(lab)
    assert after[service] not in {None, killed}
    assert {name for name in before if before[name] != after[name]} == {service}
    assert all(s.state == "running" for s in status(lab))
    assert_witnesses(lab_state)


def test_every_server_listens_on_the_loopback_address_only(lab: Path) -> None:
    listening = [
        connection.laddr.ip
        for process in list_marked(lab)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= len(SERVICE_NAMES)
    assert set(listening) == {"127.0.0.1"}


def test_no_secret_is_readable_by_others(lab: Path, lab_state: LabState) -> None:
    secrets = [
        lab_state.mariadb.root_password,
        lab_state.mariadb.admin_password,
        lab_state.ldap.admin_password,
        lab_state.s3.secret_key,
        lab_state.sei.token,
        lab_state.authority.key,
    ]
    words = [secret.get_secret_value().encode() for secret in secrets]
    # Databases are left out: they keep passwords hashed, and are huge sparse files.
    files = [path for path in lab.rglob("*") if path.is_file() and "data" not in path.relative_to(lab).parts]
    holders = [path for path in files if any(word in path.read_bytes() for word in words)]
    assert lab / "lab.json" in holders
    assert {oct(path.stat().st_mode & 0o777) for path in holders} == {"0o600"}
    assert not [path for path in holders if path.parent == lab / "log"]


def test_no_password_is_an_argument_of_a_process(lab: Path, lab_state: LabState) -> None:
    passwords = {
        lab_state.mariadb.root_password.get_secret_value(),
        lab_state.ldap.admin_password.get_secret_value(),
        lab_state.s3.secret_key.get_secret_value(),
        lab_state.sei.token.get_secret_value(),
    }
    arguments = " ".join(" ".join(process.cmdline()) for process in list_marked(lab))
    assert "mariadbd" in arguments
    assert not [password for password in passwords if password in arguments]
