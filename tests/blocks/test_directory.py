"""The directory: one subtree an environment, accounts without a password until they are invited."""

from collections.abc import Iterator

import pytest
from ldap3 import SAFE_SYNC, SUBTREE, Connection, Server
from ldap3.core.exceptions import LDAPInvalidCredentialsResult
from pydantic import SecretStr

from blocks.directory import Directory
from domain.account import Account
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import InvalidInputError
from tests.blocks.conftest import ENVIRONMENT

NEIGHBOUR = EnvironmentName(municipality="blocosxa", purpose=Purpose.TREINAMENTO)
SEARCH_PASSWORD = SecretStr("senha-de-pesquisa-1")
OWN_PASSWORD = SecretStr("escolhida-pela-pessoa")
ANA = Account(uid="ana.lima", name="Ana Lúcia Lima", email="ana.lima@blocos.mg.gov.br")
JOSE = Account(uid="jose", name="José", email="jose@blocos.mg.gov.br")


@pytest.fixture
def subtree(directory: Directory) -> Iterator[Directory]:
    """The directory with the environment's subtree in it, and its neighbour's."""
    for environment in (ENVIRONMENT, NEIGHBOUR):
        directory.remove_environment(environment)
        directory.ensure_environment(environment, SEARCH_PASSWORD)
    yield directory
    for environment in (ENVIRONMENT, NEIGHBOUR):
        directory.remove_environment(environment)


def bind(directory: Directory, dn: str, password: str) -> Connection:
    """Bind as any LDAP client does; raises the server's refusal."""
    return Connection(
        Server(directory.host, directory.port),
        dn,
        password,
        client_strategy=SAFE_SYNC,
        auto_bind=True,
        raise_exceptions=True,
    )


def seen_by(connection: Connection, base: str) -> list[str]:
    connection.raise_exceptions = False
    _, _, found, _ = connection.search(base, "(objectClass=*)", SUBTREE, attributes=["1.1"])
    return sorted(str(entry["dn"]) for entry in found or [])


def person_dn(directory: Directory, account: Account) -> str:
    return f"uid={account.uid},{directory.people_dn(ENVIRONMENT)}"


def invite(directory: Directory, account: Account) -> SecretStr:
    with directory.inviting(ENVIRONMENT) as inviter:
        password = inviter.give_password(account)
        inviter.mark_invited(account)
    return password


def uninvited(directory: Directory) -> list[Account]:
    return [user.account for user in directory.list_users(ENVIRONMENT) if user.uninvited]


def test_the_subtree_is_made_once_and_again_changes_nothing(directory: Directory) -> None:
    directory.remove_environment(ENVIRONMENT)
    made = directory.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD)
    assert (made.created, made.total) == (3, 3)
    assert made.details == (
        "blocos-a-treinamento: ramo ou=blocos-a-treinamento do LDAP",
        "blocos-a-treinamento: ramo ou=usuarios do LDAP",
        "blocos-a-treinamento: conta de pesquisa do LDAP",
    )
    assert directory.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD) == Change(unchanged=3)
    assert directory.remove_environment(ENVIRONMENT).removed == 3
    assert directory.remove_environment(ENVIRONMENT) == Change()


def test_the_search_account_sees_its_own_environment_and_nothing_else(subtree: Directory) -> None:
    for environment in (ENVIRONMENT, NEIGHBOUR):
        subtree.ensure_accounts(environment, [ANA])
    with bind(subtree, subtree.search_dn(ENVIRONMENT), SEARCH_PASSWORD.get_secret_value()) as connection:
        assert person_dn(subtree, ANA) in seen_by(connection, subtree.people_dn(ENVIRONMENT))
        assert seen_by(connection, subtree.people_dn(NEIGHBOUR)) == []
        everything = seen_by(connection, subtree.base_dn)
        assert all(ENVIRONMENT.ou in dn for dn in everything)


def test_the_search_account_reads_no_password_and_writes_nothing(subtree: Directory) -> None:
    subtree.ensure_accounts(ENVIRONMENT, [ANA])
    invite(subtree, ANA)
    with bind(subtree, subtree.search_dn(ENVIRONMENT), SEARCH_PASSWORD.get_secret_value()) as connection:
        connection.raise_exceptions = False
        _, _, found, _ = connection.search(person_dn(subtree, ANA), "(objectClass=*)", attributes=["userPassword", "*"])
        assert found[0]["attributes"]["userPassword"] == []
        _, result, _, _ = connection.delete(person_dn(subtree, ANA))
        assert result["description"] == "insufficientAccessRights"


def test_a_search_password_that_somebody_changed_is_healed(subtree: Directory) -> None:
    healed = subtree.ensure_environment(ENVIRONMENT, SecretStr("senha-de-pesquisa-2"))
    assert healed == Change(updated=1, unchanged=2, details=("blocos-a-treinamento: conta de pesquisa do LDAP: senha",))
    bind(subtree, subtree.search_dn(ENVIRONMENT), "senha-de-pesquisa-2").unbind()
    with pytest.raises(LDAPInvalidCredentialsResult):
        bind(subtree, subtree.search_dn(ENVIRONMENT), SEARCH_PASSWORD.get_secret_value())


def test_a_search_account_locked_by_wrong_passwords_is_opened_again(subtree: Directory) -> None:
    for _ in range(5):
        with pytest.raises(LDAPInvalidCredentialsResult):
            bind(subtree, subtree.search_dn(ENVIRONMENT), "errada")
    with pytest.raises(LDAPInvalidCredentialsResult):
        bind(subtree, subtree.search_dn(ENVIRONMENT), SEARCH_PASSWORD.get_secret_value())
    assert subtree.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD).updated == 1
    bind(subtree, subtree.search_dn(ENVIRONMENT), SEARCH_PASSWORD.get_secret_value()).unbind()


def test_accounts_are_made_once_and_again_changes_nothing(subtree: Directory) -> None:
    assert subtree.ensure_accounts(ENVIRONMENT, [ANA, JOSE]) == Change(created=2)
    assert subtree.ensure_accounts(ENVIRONMENT, [ANA, JOSE]) == Change(unchanged=2)
    assert sorted(subtree.list_accounts(ENVIRONMENT), key=lambda account: account.uid) == [ANA, JOSE]
    assert subtree.list_accounts(NEIGHBOUR) == []


def test_a_name_or_email_is_corrected_and_the_password_stays(subtree: Directory) -> None:
    subtree.ensure_accounts(ENVIRONMENT, [ANA, JOSE])
    first = invite(subtree, ANA)
    subtree.change_own_password(ENVIRONMENT, ANA.uid, first, OWN_PASSWORD)
    married = ANA.model_copy(update={"uid": "Ana.Lima", "name": "Ana Lúcia Souza", "email": "ana@exemplo.org"})
    assert subtree.ensure_accounts(ENVIRONMENT, [married]) == Change(updated=1)
    (found,) = [account for account in subtree.list_accounts(ENVIRONMENT) if account.uid == ANA.uid]
    assert (found.name, found.email) == (married.name, married.email)
    bind(subtree, person_dn(subtree, ANA), OWN_PASSWORD.get_secret_value()).unbind()
    assert len(subtree.list_accounts(ENVIRONMENT)) == 2, "nobody else was touched"


def test_more_people_than_a_page_are_all_listed(subtree: Directory) -> None:
    crowd = [Account(uid=f"pessoa.{n}", name=f"Pessoa {n}", email=f"p{n}@exemplo.org") for n in range(520)]
    assert subtree.ensure_accounts(ENVIRONMENT, crowd) == Change(created=520)
    assert len(subtree.list_accounts(ENVIRONMENT)) == 520
    assert subtree.ensure_accounts(ENVIRONMENT, crowd) == Change(unchanged=520)
    assert subtree.remove_environment(ENVIRONMENT).removed == 523


@pytest.mark.parametrize("attempt", ["", "x", "implanta: primeiro acesso pendente"])
def test_nobody_signs_in_to_a_new_account(subtree: Directory, attempt: str) -> None:
    subtree.ensure_accounts(ENVIRONMENT, [ANA])
    with pytest.raises(InvalidInputError):
        subtree.change_own_password(ENVIRONMENT, ANA.uid, SecretStr(attempt), OWN_PASSWORD)


def test_the_first_password_only_lets_a_person_choose_their_own(subtree: Directory) -> None:
    subtree.ensure_accounts(ENVIRONMENT, [ANA, JOSE])
    assert uninvited(subtree) == [ANA, JOSE]
    first = invite(subtree, ANA)
    assert uninvited(subtree) == [JOSE]
    assert must_change_password(subtree, ANA)
    subtree.change_own_password(ENVIRONMENT, ANA.uid, first, OWN_PASSWORD)
    assert not must_change_password(subtree, ANA)
    bind(subtree, person_dn(subtree, ANA), OWN_PASSWORD.get_secret_value()).unbind()
    with pytest.raises(LDAPInvalidCredentialsResult):
        bind(subtree, person_dn(subtree, ANA), first.get_secret_value())


def test_an_invitation_that_never_left_is_given_again_with_another_password(subtree: Directory) -> None:
    subtree.ensure_accounts(ENVIRONMENT, [ANA])
    with subtree.inviting(ENVIRONMENT) as inviter:
        lost = inviter.give_password(ANA)
    assert uninvited(subtree) == [ANA]
    assert invite(subtree, ANA).get_secret_value() != lost.get_secret_value()
    with pytest.raises(InvalidInputError):
        subtree.change_own_password(ENVIRONMENT, ANA.uid, lost, OWN_PASSWORD)


@pytest.mark.parametrize(
    ("old", "new"), [("senha-errada", "escolhida-pela-pessoa"), (None, "curta")], ids=["wrong", "too short"]
)
def test_a_wrong_or_too_weak_password_is_a_persons_to_correct(subtree: Directory, old: str | None, new: str) -> None:
    subtree.ensure_accounts(ENVIRONMENT, [ANA])
    first = invite(subtree, ANA)
    used = SecretStr(old) if old else first
    with pytest.raises(InvalidInputError) as refusal:
        subtree.change_own_password(ENVIRONMENT, ANA.uid, used, SecretStr(new))
    text = str(refusal.value) + repr(refusal.value.__cause__)
    for value in (ANA.uid, ANA.name, used.get_secret_value(), new):
        assert value not in text


@pytest.mark.parametrize("uid", ["", "a,ou=outro", "a=b", "a+cn=sip", 'a"', "a\\2c", "a;b", "<a>", "a#"])
def test_a_login_that_would_bend_a_dn_is_refused_and_not_shown(subtree: Directory, uid: str) -> None:
    with pytest.raises(InvalidInputError, match="caractere proibido no LDAP") as refusal:
        subtree.ensure_accounts(ENVIRONMENT, [ANA.model_copy(update={"uid": uid})])
    assert not uid or uid not in str(refusal.value)


def test_an_account_says_nothing_about_its_person() -> None:
    assert repr(ANA) == "Account()"


def must_change_password(directory: Directory, account: Account) -> bool:
    admin = directory.admin_password.get_secret_value()
    with bind(directory, directory.admin_dn, admin) as connection:
        _, _, found, _ = connection.search(person_dn(directory, account), "(objectClass=*)", attributes=["pwdReset"])
        return bool(found[0]["attributes"].get("pwdReset"))
