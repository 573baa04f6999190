"""The directory: one subtree an environment, accounts without a password until they are invited."""

from collections.abc import Iterator

import pytest
from ldap3 import SAFE_SYNC, SUBTREE, Connection, Server
from ldap3.core.exceptions import LDAPInvalidCredentialsResult
from pydantic import SecretStr

from blocks.directory import Directory
from blocks.ssc_ldap import LdapSsc
from domain.account import Account
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from tests.blocks.conftest import ENVIRONMENT

NEIGHBOUR = EnvironmentName(municipality="blocosxa", purpose=Purpose.TREINAMENTO)
SEARCH_PASSWORD = SecretStr("senha-de-pesquisa-1")
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
        LdapSsc(directory=subtree).ensure_users(environment, [ANA])
    with bind(subtree, subtree.search_dn(ENVIRONMENT), SEARCH_PASSWORD.get_secret_value()) as connection:
        assert person_dn(subtree, ANA) in seen_by(connection, subtree.people_dn(ENVIRONMENT))
        assert seen_by(connection, subtree.people_dn(NEIGHBOUR)) == []
        everything = seen_by(connection, subtree.base_dn)
        assert all(ENVIRONMENT.ou in dn for dn in everything)


def test_the_search_account_reads_no_password_and_writes_nothing(subtree: Directory) -> None:
    LdapSsc(directory=subtree).ensure_users(ENVIRONMENT, [ANA])
    LdapSsc(directory=subtree).reset_password(ENVIRONMENT, ANA.uid)
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


def test_people_are_told_by_their_logins(subtree: Directory) -> None:
    crowd = [Account(uid=f"Pessoa.{n}", name=f"Pessoa {n}", email=f"p{n}@exemplo.org") for n in range(520)]
    LdapSsc(directory=subtree).ensure_users(ENVIRONMENT, crowd)
    assert subtree.list_logins(ENVIRONMENT) == {account.uid.lower() for account in crowd}
    assert subtree.list_logins(NEIGHBOUR) == set()
    assert subtree.remove_environment(ENVIRONMENT).removed == 523


def test_an_account_says_nothing_about_its_person() -> None:
    assert repr(ANA) == "Account()"
