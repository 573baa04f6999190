"""What only the directory can do wrong: names of entries, cut connections, answers that tell of other tenants."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ldap3 import MODIFY_ADD, NONE, SAFE_SYNC, Connection, Server
from pydantic import SecretStr

from blocks.directory import Directory
from blocks.directory_batch import Batch
from blocks.ssc_ldap import LdapSsc
from domain.account import Account, AccountsRefusedError
from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from lab import down, status, up
from lab.state import LabState
from tests.ssc.conftest import ENVIRONMENT, NEIGHBOUR
from tests.waiting import end

ANA = Account(uid="ana.lima", name="Ana Lúcia Lima", email="ana.lima@ssc.mg.gov.br")
CROWD = [Account(uid=f"p{n:05}", name=f"Pessoa {n}", email=f"p{n}@exemplo.org") for n in range(2000)]
SEARCH_PASSWORD = SecretStr("senha-de-pesquisa")
SLAPD = ("ldap",)


@pytest.fixture(scope="module")
def own_lab() -> Iterator[Path]:
    """A directory server of this module alone, to be killed and configured."""
    folder = Path(tempfile.mkdtemp(prefix="implanta-small-")).resolve()
    try:
        up(folder, services=SLAPD)
        yield folder
    finally:
        down(folder, destroy=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_state(own_lab: Path) -> LabState:
    """That server, up again where a test killed it."""
    return up(own_lab, services=SLAPD)


@pytest.fixture
def own(own_state: LabState) -> Iterator[LdapSsc]:
    """The security system on that server, over TLS, with two environments that have nobody."""
    ldap = own_state.ldap
    directory = Directory(
        host=ldap.host,
        port=ldap.port,
        base_dn=ldap.base_dn,
        admin_dn=ldap.admin_dn,
        admin_password=ldap.admin_password,
        encryption="starttls",
        ca_file=ldap.ca_file,
    )
    for environment in (ENVIRONMENT, NEIGHBOUR):
        directory.ensure_environment(environment, SEARCH_PASSWORD)
    yield LdapSsc(directory=directory)
    up(own_state.lab_dir, services=SLAPD)
    for environment in (ENVIRONMENT, NEIGHBOUR):
        directory.remove_environment(environment)


@pytest.mark.parametrize("uid", ["", "a,ou=outro", "a=b", "a+cn=sip", 'a"', "a\\2c", "a;b", "<a>", "a#"])
def test_a_login_that_would_bend_a_dn_is_refused_and_not_shown(own: LdapSsc, uid: str) -> None:
    with pytest.raises(InvalidInputError, match="caractere proibido no LDAP") as refusal:
        own.ensure_users(ENVIRONMENT, [ANA.model_copy(update={"uid": uid})])
    assert not uid or uid not in str(refusal.value)


@pytest.mark.parametrize("uid", ["*", "(uid=*)", "a)(uid=*", "\\2a"])
def test_a_login_that_would_bend_a_search_finds_nobody(own: LdapSsc, uid: str) -> None:
    own.ensure_users(ENVIRONMENT, [ANA])
    assert own.remove_users(ENVIRONMENT, [uid]) == Change(unchanged=1)
    assert [user.account for user in own.list_users(ENVIRONMENT)] == [ANA]


def test_a_server_that_dies_in_the_middle_may_be_asked_again_and_the_rest_follows(
    own: LdapSsc, own_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pid,) = [service.pid for service in status(own_lab) if service.service == "ldap"]
    assert pid
    send, calls = Batch._send, list[str]()

    def kill_halfway(batch: Batch, kind: str, request: object, key: str) -> None:
        calls.append(key)
        if len(calls) == len(CROWD) // 2:
            end(pid)
        send(batch, kind, request, key)

    monkeypatch.setattr(Batch, "_send", kill_halfway)
    with pytest.raises(RetryableError, match="conversa com o LDAP foi interrompida") as failure:
        own.ensure_users(ENVIRONMENT, CROWD)
    assert "p0" not in str(failure.value) + repr(failure.value.__cause__)
    monkeypatch.undo()
    up(own_lab, services=SLAPD)
    there = len(own.list_users(ENVIRONMENT))
    assert 0 < there < len(CROWD)
    change = own.ensure_users(ENVIRONMENT, CROWD)
    assert change == Change(created=len(CROWD) - there, unchanged=there)
    users = own.list_users(ENVIRONMENT)
    assert [user.account for user in users] == CROWD
    assert all(user.uninvited and not user.must_change for user in users)


def test_who_was_entered_meanwhile_is_not_an_error(own: LdapSsc, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of one import: the second one looked before the first one wrote."""
    own.ensure_users(ENVIRONMENT, CROWD[:3])
    monkeypatch.setattr(LdapSsc, "_entries", lambda *_: iter(()))
    assert own.ensure_users(ENVIRONMENT, CROWD[:5]) == Change(created=2, unchanged=3)


def test_an_environment_without_a_subtree_is_told_without_names(own: LdapSsc) -> None:
    own.directory.remove_environment(ENVIRONMENT)
    with pytest.raises(IntegrityError, match=r"O LDAP recusou uma operação \(noSuchObject\)") as refusal:
        own.ensure_users(ENVIRONMENT, [ANA])
    assert ANA.uid not in str(refusal.value)


@pytest.fixture
def unique(own: LdapSsc, own_state: LabState) -> LdapSsc:
    """The server as another team may have it: an e-mail belongs to one account, whatever its environment."""
    server = Server(own_state.ldap.host, own_state.ldap.port, get_info=NONE)
    password = own_state.ldap.config_password.get_secret_value()
    with Connection(server, own_state.ldap.config_dn, password, client_strategy=SAFE_SYNC) as configuration:
        configuration.modify("cn=module{0},cn=config", {"olcModuleLoad": [(MODIFY_ADD, ["unique"])]})
        rules = {"olcOverlay": "unique", "olcUniqueURI": f"ldap:///{own_state.ldap.base_dn}?mail?sub"}
        classes = ["olcOverlayConfig", "olcUniqueConfig"]
        _, result, _, _ = configuration.add("olcOverlay=unique,olcDatabase={1}mdb,cn=config", classes, rules)
        assert result["description"] in {"success", "entryAlreadyExists"}
    return own


def test_an_e_mail_of_another_environment_is_refused_by_number_after_all_others(unique: LdapSsc) -> None:
    unique.ensure_users(NEIGHBOUR, [CROWD[3]])
    taken = [CROWD[3], CROWD[4].model_copy(update={"email": CROWD[3].email})]
    wanted = [*CROWD[:3], *taken, *CROWD[5:300]]
    with pytest.raises(AccountsRefusedError, match=r"recusou 2 de 300 contas") as refusal:
        unique.ensure_users(ENVIRONMENT, wanted)
    assert refusal.value.uids == {account.uid for account in taken}
    shown = str(refusal.value) + repr(refusal.value) + repr(refusal.value.__cause__)
    assert not any(word in shown for word in (taken[0].uid, taken[0].email, "uid=", "mail=", NEIGHBOUR.ou))
    assert [user.account for user in unique.list_users(ENVIRONMENT)] == [*CROWD[:3], *CROWD[5:300]]
    with pytest.raises(AccountsRefusedError, match=r"recusou 1 de 1 contas"):
        unique.ensure_users(ENVIRONMENT, [CROWD[0].model_copy(update={"email": CROWD[3].email})])
    assert unique.ensure_users(ENVIRONMENT, [CROWD[4]]) == Change(created=1)
