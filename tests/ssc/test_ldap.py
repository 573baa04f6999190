"""What only the directory can do wrong: names of entries, cut connections, answers that tell of other tenants."""

import pytest

from blocks.directory import Directory
from blocks.ssc_ldap import LdapSsc
from domain.account import Account
from domain.errors import InvalidInputError
from tests.ssc.conftest import ENVIRONMENT

ANA = Account(uid="ana.lima", name="Ana Lúcia Lima", email="ana.lima@ssc.mg.gov.br")


@pytest.mark.parametrize("uid", ["", "a,ou=outro", "a=b", "a+cn=sip", 'a"', "a\\2c", "a;b", "<a>", "a#"])
def test_a_login_that_would_bend_a_dn_is_refused_and_not_shown(directory: Directory, uid: str) -> None:
    with pytest.raises(InvalidInputError, match="caractere proibido no LDAP") as refusal:
        directory.account_dn(ENVIRONMENT, uid)
    assert not uid or uid not in str(refusal.value)


@pytest.mark.parametrize("uid", ["*", "(uid=*)", "a)(uid=*", "\\2a"])
def test_a_login_that_would_bend_a_search_finds_nobody(directory: Directory, uid: str) -> None:
    from pydantic import SecretStr

    directory.ensure_environment(ENVIRONMENT, SecretStr("senha-de-pesquisa"))
    ssc = LdapSsc(directory=directory)
    ssc.ensure_users(ENVIRONMENT, [ANA])
    assert ssc.remove_users(ENVIRONMENT, [uid]).removed == 0
    assert [user.account for user in ssc.list_users(ENVIRONMENT)] == [ANA]
    directory.remove_environment(ENVIRONMENT)
