"""The directory's own configuration survives what happens to a lab: kills, moves, and versions that knew none."""

import json
import shutil
import signal
from pathlib import Path

import psutil
import pytest
from ldap3 import MODIFY_REPLACE, Connection

from lab import down, processes, status, up
from lab.layout import Layout
from lab.ldap import Ldap
from lab.ports import HOST
from lab.processes import Launch
from lab.record import RecordKeeper
from lab.service import program
from lab.state import LabState
from tests.lab.clients import bind, bind_admin
from tests.waiting import end

WITNESS = "ou=testemunha,dc=implanta"
DATABASE = "olcDatabase={1}mdb,cn=config"
HAND_MADE = '{0}to * by dn.base="cn=de-mao,dc=implanta" read by * none'
# What a lab of before cn=config was started with.
OLD_CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
moduleload ppolicy
database mdb
suffix "dc=implanta"
rootdn "cn=admin,dc=implanta"
rootpw {password}
directory {data}
maxsize 1073741824
overlay ppolicy
"""


def start(lab: Path) -> LabState:
    return up(lab, services=["ldap"])


def process_of(lab: Path) -> psutil.Process:
    (pid,) = [service.pid for service in status(lab) if service.service == "ldap" and service.pid]
    return psutil.Process(pid)


def bind_config(state: LabState) -> Connection:
    return bind(state, state.ldap.config_dn, state.ldap.config_password.get_secret_value())


def rules(state: LabState) -> list[str]:
    with bind_config(state) as console:
        _, _, found, _ = console.search(DATABASE, "(objectClass=*)", attributes=["olcAccess"])
        return list(found[0]["attributes"]["olcAccess"])


def add_witness(state: LabState) -> None:
    with bind_admin(state) as directory:
        directory.add(WITNESS, "organizationalUnit")


def has_witness(state: LabState) -> bool:
    with bind_admin(state) as directory:
        return bool(directory.search(WITNESS, "(objectClass=*)", "BASE")[0])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_rules_and_data_outlive_the_server(small_lab: Path, how: signal.Signals) -> None:
    state = start(small_lab)
    add_witness(state)
    with bind_config(state) as console:
        console.modify(DATABASE, {"olcAccess": [(MODIFY_REPLACE, [HAND_MADE])]})
    end(process_of(small_lab).pid, how)
    state = start(small_lab)
    assert rules(state) == [HAND_MADE], "the lab does not undo what a test or an operator did"
    assert has_witness(state)


def test_a_kill_while_the_configuration_is_made_leaves_nothing_half(small_lab: Path) -> None:
    state = start(small_lab)
    add_witness(state)
    before = rules(state)
    down(small_lab)
    home = small_lab / "ldap"
    (home / "slapd.d").rename(home / "slapd.d.meio")
    (home / "slapd.d.meio" / "cn=config.ldif").unlink()
    state = start(small_lab)
    assert rules(state) == before
    assert has_witness(state)
    assert sorted(path.name for path in home.iterdir()) == ["data", "slapd.d", "slapd.pid", "tls"]


def test_a_copy_of_a_lab_opens_its_own_data(small_lab: Path) -> None:
    add_witness(start(small_lab))
    down(small_lab)
    moved = small_lab.with_name(f"{small_lab.name}-b")
    small_lab.rename(moved)
    try:
        assert has_witness(start(moved))
        maps = {entry.path for entry in process_of(moved).memory_maps() if entry.path.endswith("data.mdb")}
        assert maps == {str(moved / "ldap" / "data" / "data.mdb")}
    finally:
        down(moved)
        moved.rename(small_lab)


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
def test_a_lab_of_before_keeps_its_people_and_gets_a_configuration(small_lab: Path, running: bool) -> None:
    state = start(small_lab)
    add_witness(state)
    down(small_lab)
    layout = Layout(small_lab)
    home = layout.service_dir("ldap")
    for made in ("slapd.d", "tls"):
        shutil.rmtree(home / made)
    content = json.loads(layout.record_file.read_text())
    del content["secrets"]["ldap_config"]
    layout.record_file.write_text(json.dumps(content))
    (home / "slapd.conf").write_text(
        OLD_CONFIGURATION.format(
            modules="/usr/lib/ldap", password=state.ldap.admin_password.get_secret_value(), data=home / "data"
        )
    )
    if running:
        keeper = RecordKeeper(layout.record_file)
        service = Ldap(layout, keeper.record)
        address = f"ldap://{HOST}:{state.ldap.port}"
        argv = (program("slapd", "slapd"), "-f", str(home / "slapd.conf"), "-h", address, "-d", "none")
        launch = Launch(argv=argv, cwd=home)
        keeper.set_process("ldap", processes.start(launch, layout.root, layout.log("ldap")))
        assert service.is_outdated(argv)
    state = start(small_lab)
    assert len(rules(state)) == 4
    assert has_witness(state)
    assert not (home / "slapd.conf").exists()


def test_the_server_is_there_within_a_second_even_the_first_time(small_lab: Path) -> None:
    state = start(small_lab)
    process = process_of(small_lab)
    used = process.cpu_times()
    assert bind_admin(state).bound
    # Processor time, not the clock's: a busy machine is not a slow server.
    assert used.user + used.system < 1.0
