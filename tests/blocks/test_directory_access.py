"""Segregation of the directory: each promise kept by the real server, each broken rule named and mended."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ldap3 import MODIFY_ADD, MODIFY_DELETE, MODIFY_REPLACE, NONE, SAFE_SYNC, SUBTREE, Connection, Server
from pydantic import SecretStr

from blocks.directory import Directory
from blocks.directory_proof import THROWAWAY
from blocks.rehearsal import rehearsing
from blocks.ssc_ldap import LdapSsc
from domain.account import Account, PasswordPolicy
from domain.change import Change
from domain.directory_access import access_rules
from domain.environment import EnvironmentName, Purpose
from domain.errors import IntegrityError, InvalidInputError
from lab.state import LabState
from tests.blocks.conftest import ENVIRONMENT
from tests.blocks.directory_policy import policy_kept

NEIGHBOUR = EnvironmentName(municipality="blocosxa", purpose=Purpose.TREINAMENTO)
SEARCH_PASSWORD = SecretStr("senha-de-pesquisa-1")
PERSONS_PASSWORD = SecretStr("escolhida-pela-pessoa")
ANA = Account(uid="ana.lima", name="Ana Lúcia Lima", email="ana.lima@blocos.mg.gov.br")
PROMISES = [rule.promise for rule in access_rules("dc=implanta")]
OWN, PEOPLE_ONLY, SEARCH_ONLY, REST = range(4)
DATABASE = "olcDatabase={1}mdb,cn=config"


@pytest.fixture
def segregated(directory: Directory) -> Iterator[Directory]:
    """Two environments with one person each, who has chosen a password; rules as they have to be, before and after."""
    directory.ensure_access_rules()
    for environment in (ENVIRONMENT, NEIGHBOUR):
        directory.remove_environment(environment)
        directory.ensure_environment(environment, SEARCH_PASSWORD)
        _sign_up(directory, environment)
    yield directory
    directory.ensure_access_rules()
    for environment in (ENVIRONMENT, NEIGHBOUR):
        directory.remove_environment(environment)


def _sign_up(directory: Directory, environment: EnvironmentName) -> None:
    """Give Ana an account with a password of her own."""
    people = LdapSsc(directory=directory)
    people.ensure_users(environment, [ANA])
    people.change_own_password(environment, ANA.uid, people.reset_password(environment, ANA.uid), PERSONS_PASSWORD)


def person_dn(directory: Directory, environment: EnvironmentName) -> str:
    return f"uid={ANA.uid},{directory.people_dn(environment)}"


@contextmanager
def bound(directory: Directory, dn: str | None, password: SecretStr = SEARCH_PASSWORD) -> Iterator[Connection]:
    """As any LDAP client does; answers are looked at, not raised."""
    server = Server(directory.host, directory.port, get_info=NONE)
    connection = Connection(server, dn, password.get_secret_value() if dn else None, client_strategy=SAFE_SYNC)
    connection.open()
    if dn:
        assert connection.bind()[0]
    yield connection
    connection.unbind()


def answer(connection: Connection, base: str, *attributes: str) -> tuple[str, list[str]]:
    _, result, found, _ = connection.search(base, "(objectClass=*)", SUBTREE, attributes=list(attributes) or ["1.1"])
    return str(result["description"]), [str(entry["dn"]) for entry in found or []]


@contextmanager
def configuration(directory: Directory) -> Iterator[Connection]:
    """Somebody at the console of the server."""
    assert directory.config_dn and directory.config_password
    with bound(directory, directory.config_dn, directory.config_password) as connection:
        yield connection


def rules_of(directory: Directory) -> list[str]:
    with configuration(directory) as connection:
        _, _, found, _ = connection.search(DATABASE, "(objectClass=*)", attributes=["olcAccess"])
        return [str(text) for text in found[0]["attributes"].get("olcAccess", [])]


def write_rules(directory: Directory, texts: list[str]) -> None:
    numbered = [f"{{{number}}}{text.partition('}')[2]}" for number, text in enumerate(texts)]
    with configuration(directory) as connection:
        assert connection.modify(DATABASE, {"olcAccess": [(MODIFY_REPLACE, numbered)]})[0]


# -- the promises


def test_the_search_account_gets_nothing_of_another_environment(segregated: Directory) -> None:
    with bound(segregated, segregated.search_dn(ENVIRONMENT)) as sip:
        assert person_dn(segregated, ENVIRONMENT) in answer(sip, segregated.people_dn(ENVIRONMENT))[1]
        for base in (
            segregated.base_dn,
            f"ou={NEIGHBOUR.ou},{segregated.base_dn}",
            segregated.people_dn(NEIGHBOUR),
            person_dn(segregated, NEIGHBOUR),
            segregated.search_dn(NEIGHBOUR),
            f"ou=politicas,{segregated.base_dn}",
        ):
            assert answer(sip, base) == ("noSuchObject", [])


@pytest.mark.parametrize("attribute", ["userPassword", "pwdHistory"])
def test_the_search_account_reads_no_password_not_even_an_old_one(segregated: Directory, attribute: str) -> None:
    with bound(segregated, segregated.admin_dn, segregated.admin_password) as admin:
        _, _, found, _ = admin.search(person_dn(segregated, ENVIRONMENT), "(objectClass=*)", attributes=[attribute])
        assert found[0]["attributes"][attribute], "there is something to hide"
    with bound(segregated, segregated.search_dn(ENVIRONMENT)) as sip:
        _, _, found, _ = sip.search(person_dn(segregated, ENVIRONMENT), "(objectClass=*)", attributes=[attribute, "*"])
        assert not found[0]["attributes"].get(attribute)
        assert sip.search(segregated.people_dn(ENVIRONMENT), f"({attribute}=*)")[2] == []


@pytest.mark.parametrize("environment", [ENVIRONMENT, NEIGHBOUR])
def test_the_search_account_changes_nothing_anywhere(segregated: Directory, environment: EnvironmentName) -> None:
    refused = {"insufficientAccessRights", "noSuchObject"}
    with bound(segregated, segregated.search_dn(ENVIRONMENT)) as sip:
        target = person_dn(segregated, environment)
        new = f"uid=novo,{segregated.people_dn(environment)}"
        replace = {"userPassword": [(MODIFY_REPLACE, ["outra-senha-1"])]}
        results = [
            sip.modify(target, {"mail": [(MODIFY_ADD, ["x@exemplo.org"])]}),
            sip.modify(target, replace),
            sip.modify(segregated.search_dn(environment), replace),
            sip.modify(f"ou={environment.ou},{segregated.base_dn}", {"description": [(MODIFY_ADD, ["x"])]}),
            sip.add(new, ["inetOrgPerson"], {"uid": "novo", "cn": "Novo", "sn": "Novo"}),
            sip.delete(target),
            sip.modify_dn(target, "uid=outra"),
        ]
        assert not sip.extend.standard.modify_password(segregated.search_dn(environment), None, "outra-senha-1")
        assert {str(result[1]["description"]) for result in results} <= refused


def test_a_person_changes_the_own_password_and_sees_nobody(segregated: Directory) -> None:
    own, other = person_dn(segregated, ENVIRONMENT), person_dn(segregated, NEIGHBOUR)
    with bound(segregated, own, PERSONS_PASSWORD) as person:
        for base in (
            segregated.base_dn,
            segregated.people_dn(ENVIRONMENT),
            own,
            segregated.people_dn(NEIGHBOUR),
            other,
        ):
            assert answer(person, base, "*", "+") == ("noSuchObject", [])
        for target in (other, segregated.search_dn(ENVIRONMENT)):
            changed = person.modify(target, {"userPassword": [(MODIFY_REPLACE, ["outra-senha-1"])]})
            assert changed[1]["description"] in {"insufficientAccessRights", "noSuchObject"}
        assert person.modify(own, {"mail": [(MODIFY_ADD, ["x@exemplo.org"])]})[1]["result"] != 0
    LdapSsc(directory=segregated).change_own_password(
        ENVIRONMENT, ANA.uid, PERSONS_PASSWORD, SecretStr("escolhida-de-novo")
    )


def test_nobody_reads_without_a_name(segregated: Directory) -> None:
    with bound(segregated, None) as nobody:
        for base in (segregated.base_dn, segregated.people_dn(ENVIRONMENT), person_dn(segregated, ENVIRONMENT)):
            assert answer(nobody, base) == ("noSuchObject", [])
        assert answer(nobody, "cn=config") == ("noSuchObject", [])


@pytest.mark.parametrize("who", ["admin", "sip"])
def test_only_its_own_administrator_reads_the_configuration(segregated: Directory, who: str) -> None:
    dn = segregated.admin_dn if who == "admin" else segregated.search_dn(ENVIRONMENT)
    with bound(segregated, dn, segregated.admin_password if who == "admin" else SEARCH_PASSWORD) as connection:
        assert answer(connection, "cn=config") == ("noSuchObject", [])


# -- the rules, as managed state


def test_right_rules_are_left_as_they_are(segregated: Directory) -> None:
    before = rules_of(segregated)
    assert segregated.ensure_access_rules() == Change(unchanged=4)
    assert rules_of(segregated) == before


@pytest.mark.parametrize("rule", [OWN, PEOPLE_ONLY, SEARCH_ONLY, REST])
def test_a_rule_removed_by_hand_is_named_and_mended(segregated: Directory, rule: int) -> None:
    with configuration(segregated) as console:
        assert console.modify(DATABASE, {"olcAccess": [(MODIFY_DELETE, [f"{{{rule}}}"])]})[0]
    mended = segregated.ensure_access_rules()
    assert mended == Change(created=1, unchanged=3, details=(f"regra de acesso do LDAP ausente: {PROMISES[rule]}",))
    assert segregated.ensure_access_rules() == Change(unchanged=4)


def test_a_rule_weakened_by_hand_is_named_and_the_leak_is_closed(segregated: Directory) -> None:
    texts = rules_of(segregated)
    texts[SEARCH_ONLY] = texts[SEARCH_ONLY].replace("by * none", "by users read")
    write_rules(segregated, texts)
    with bound(segregated, segregated.search_dn(ENVIRONMENT)) as sip:
        assert answer(sip, segregated.people_dn(NEIGHBOUR))[1], "the leak is real"
        mended = segregated.ensure_access_rules()
        assert mended.details == (f"regra de acesso do LDAP alterada: {PROMISES[SEARCH_ONLY]}",)
        assert (mended.updated, mended.total) == (1, 1)
        assert answer(sip, segregated.people_dn(NEIGHBOUR)) == ("noSuchObject", [])


def test_a_rule_too_many_is_named_without_its_text_and_removed(segregated: Directory) -> None:
    leak = f'to dn.subtree="{segregated.people_dn(NEIGHBOUR)}" by users read'
    write_rules(segregated, [f"{{0}}{leak}", *rules_of(segregated)])
    mended = segregated.ensure_access_rules()
    assert mended == Change(removed=1, unchanged=4, details=("regra de acesso do LDAP a mais, na posição 0",))
    assert segregated.ensure_access_rules() == Change(unchanged=4)


def test_without_any_rule_slapd_lets_everybody_read_and_that_is_mended(segregated: Directory) -> None:
    with configuration(segregated) as console:
        assert console.modify(DATABASE, {"olcAccess": [(MODIFY_DELETE, [])]})[0]
    with bound(segregated, None) as nobody:
        assert answer(nobody, segregated.people_dn(NEIGHBOUR))[1], "the leak is real"
        assert segregated.ensure_access_rules().created == 4
        assert answer(nobody, segregated.people_dn(NEIGHBOUR)) == ("noSuchObject", [])


def test_a_rehearsal_names_the_change_of_rules_and_makes_none(segregated: Directory) -> None:
    broken = rules_of(segregated)[:SEARCH_ONLY]
    write_rules(segregated, broken)
    with rehearsing():
        planned = segregated.ensure_access_rules()
    assert rules_of(segregated) == broken
    assert segregated.ensure_access_rules() == planned
    assert planned.created == 2


def test_a_base_that_the_server_does_not_have_is_told(segregated: Directory) -> None:
    elsewhere = segregated.model_copy(update={"base_dn": "dc=outra"})
    with pytest.raises(IntegrityError, match="0 bancos com o sufixo dc=outra"):
        elsewhere.ensure_access_rules()


def test_a_wrong_configuration_password_is_told_and_not_shown(segregated: Directory) -> None:
    wrong = segregated.model_copy(update={"config_password": SecretStr("senha-que-nao-vale")})
    with pytest.raises(InvalidInputError, match="recusou a conta de serviço") as refusal:
        wrong.ensure_access_rules()
    assert "senha-que-nao-vale" not in str(refusal.value)


def test_a_service_account_that_is_not_the_root_does_not_lock_itself_out(segregated: Directory) -> None:
    dn, password = f"cn=implanta,{segregated.base_dn}", SecretStr("senha-da-conta-de-servico")
    with bound(segregated, segregated.admin_dn, segregated.admin_password) as admin:
        admin.add(
            dn,
            ["organizationalRole", "simpleSecurityObject"],
            {"cn": "implanta", "userPassword": password.get_secret_value()},
        )
    ordinary = segregated.model_copy(update={"admin_dn": dn, "admin_password": password})
    try:
        assert ordinary.ensure_access_rules().updated == 4
        assert ordinary.ensure_access_rules() == Change(unchanged=4)
        ordinary.remove_environment(NEIGHBOUR)
        assert ordinary.ensure_environment(NEIGHBOUR, SEARCH_PASSWORD).created == 3
        _sign_up(ordinary, NEIGHBOUR)
        people = LdapSsc(directory=ordinary)
        assert people.block_users(NEIGHBOUR, [ANA.uid]).updated == 1
        assert people.unblock_users(NEIGHBOUR, [ANA.uid]).updated == 1
        ordinary.check_access_rules(ENVIRONMENT, SEARCH_PASSWORD)
    finally:
        assert segregated.ensure_access_rules().updated == 4
        with bound(segregated, segregated.admin_dn, segregated.admin_password) as admin:
            admin.delete(dn)


# -- rules of another team's server, checked by behaviour


def foreign(directory: Directory) -> Directory:
    return directory.model_copy(update={"config_dn": None, "config_password": None})


def test_rules_of_another_team_are_left_alone(segregated: Directory) -> None:
    write_rules(segregated, rules_of(segregated)[:SEARCH_ONLY])
    assert foreign(segregated).ensure_access_rules() == Change()
    assert not foreign(segregated).manages_access
    assert len(rules_of(segregated)) == SEARCH_ONLY


def test_the_check_passes_and_leaves_nothing_behind(segregated: Directory) -> None:
    with bound(segregated, segregated.admin_dn, segregated.admin_password) as admin:
        before = sorted(answer(admin, segregated.base_dn)[1])
        foreign(segregated).check_access_rules(ENVIRONMENT, SEARCH_PASSWORD)
        assert sorted(answer(admin, segregated.base_dn)[1]) == before


def test_what_a_killed_check_left_is_removed_by_the_next(segregated: Directory) -> None:
    left = f"uid={THROWAWAY}velha,{segregated.people_dn(ENVIRONMENT)}"
    with bound(segregated, segregated.admin_dn, segregated.admin_password) as admin:
        attributes = {"uid": f"{THROWAWAY}velha", "userPassword": "senha-qualquer-1"}
        admin.add(left, ["account", "simpleSecurityObject"], attributes)
        assert segregated.list_logins(ENVIRONMENT) == {ANA.uid}
        segregated.check_access_rules(ENVIRONMENT, SEARCH_PASSWORD)
        assert answer(admin, left)[0] == "noSuchObject"


NEIGHBOURS_PEOPLE = f"ou=usuarios,ou={NEIGHBOUR.ou},dc=implanta"
OWN_PEOPLE = f"ou=usuarios,ou={ENVIRONMENT.ou},dc=implanta"


@pytest.mark.parametrize(
    ("rule", "promise"),
    [
        (f'to dn.children="{NEIGHBOURS_PEOPLE}" by users read', "a conta de pesquisa lê fora do próprio ambiente"),
        (f'to dn.base="{NEIGHBOURS_PEOPLE}" by users read', "uma pessoa lê fora do próprio ambiente"),
        ('to dn.base="dc=implanta" by users read', "a conta de pesquisa lê fora do próprio ambiente"),
        (f'to dn.subtree="{OWN_PEOPLE}" by anonymous read by * break', "quem não se identifica lê as pessoas"),
        (f'to dn.subtree="{OWN_PEOPLE}" by users read by * none', "uma pessoa não consegue entrar"),
        (f'to dn.subtree="{OWN_PEOPLE}" by anonymous auth by users read', "uma pessoa lê as pessoas do ambiente"),
        (f'to dn.subtree="{OWN_PEOPLE}" by anonymous auth by users read', "a conta de pesquisa lê senhas"),
        (f'to dn.base="ou={ENVIRONMENT.ou},dc=implanta" by users write', "a conta de pesquisa altera o que não é seu"),
        ("to attrs=userPassword by self =wx by anonymous auth", "troca a senha da conta de pesquisa"),
        ("to attrs=userPassword by anonymous auth by * none", "uma pessoa não consegue trocar a própria senha"),
        ("to attrs=description by self write by * break", "uma pessoa altera o próprio registro"),
        (f'to dn.subtree="{OWN_PEOPLE}" by anonymous auth by * none', "a conta de pesquisa não lê o próprio ambiente"),
    ],
)
def test_the_check_names_each_broken_promise(segregated: Directory, rule: str, promise: str) -> None:
    write_rules(segregated, [f"{{0}}{rule}", *rules_of(segregated)])
    with pytest.raises(IntegrityError) as found:
        foreign(segregated).check_access_rules(ENVIRONMENT, SEARCH_PASSWORD)
    assert promise in found.value.what
    assert ANA.uid not in str(found.value)


def test_a_check_in_a_rehearsal_writes_nothing_and_sees_a_leak(segregated: Directory) -> None:
    with bound(segregated, segregated.admin_dn, segregated.admin_password) as admin:
        ou = f"ou={ENVIRONMENT.ou},{segregated.base_dn}"

        def stamps() -> list[str]:
            _, _, found, _ = admin.search(ou, "(objectClass=*)", attributes=["entryCSN", "hasSubordinates"])
            return [str(entry["attributes"]) for entry in found]

        before = stamps()
        with rehearsing():
            foreign(segregated).check_access_rules(ENVIRONMENT, SEARCH_PASSWORD)
        assert stamps() == before
        write_rules(segregated, ["{0}to * by anonymous auth by users read"])
        with rehearsing(), pytest.raises(IntegrityError, match="lê fora do próprio ambiente"):
            foreign(segregated).check_access_rules(ENVIRONMENT, SEARCH_PASSWORD)


def test_an_environment_that_is_only_planned_has_nothing_to_check(segregated: Directory) -> None:
    segregated.remove_environment(ENVIRONMENT)
    with rehearsing():
        foreign(segregated).check_access_rules(ENVIRONMENT, SEARCH_PASSWORD)


# -- the subtree


def test_a_search_account_of_another_kind_is_made_anew(segregated: Directory) -> None:
    dn = segregated.search_dn(ENVIRONMENT)
    with bound(segregated, segregated.admin_dn, segregated.admin_password) as admin:
        admin.delete(dn)
        admin.add(dn, ["person"], {"cn": "sip", "sn": "x", "userPassword": SEARCH_PASSWORD.get_secret_value()})
    mended = segregated.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD)
    assert mended == Change(updated=1, unchanged=2, details=(f"{ENVIRONMENT}: conta de pesquisa do LDAP: classe",))
    assert segregated.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD) == Change(unchanged=3)


def test_a_search_account_that_must_change_its_password_is_mended(segregated: Directory) -> None:
    with bound(segregated, segregated.admin_dn, segregated.admin_password) as admin:
        assert admin.modify(segregated.search_dn(ENVIRONMENT), {"pwdReset": [(MODIFY_REPLACE, ["TRUE"])]})[0]
    assert segregated.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD).details == (
        f"{ENVIRONMENT}: conta de pesquisa do LDAP: senha",
    )
    with bound(segregated, segregated.search_dn(ENVIRONMENT)) as sip:
        assert answer(sip, segregated.people_dn(ENVIRONMENT))[1]


def test_a_rehearsal_of_the_subtree_names_the_change_and_makes_none(directory: Directory) -> None:
    directory.remove_environment(ENVIRONMENT)
    with rehearsing():
        planned = directory.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD)
    assert directory.remove_environment(ENVIRONMENT) == Change(), "nothing was made"
    assert directory.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD) == planned
    with rehearsing():
        healed = directory.ensure_environment(ENVIRONMENT, SecretStr("outra-senha-2"))
        accounts = LdapSsc(directory=directory).ensure_users(ENVIRONMENT, [ANA])
        removed = directory.remove_environment(ENVIRONMENT)
    assert (healed.updated, accounts.created, removed.removed) == (1, 1, 3)
    assert directory.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD) == Change(unchanged=3)
    assert directory.list_logins(ENVIRONMENT) == set()
    directory.remove_environment(ENVIRONMENT)


# -- the password policy


@pytest.fixture
def policed(directory: Directory) -> Iterator[Directory]:
    with policy_kept(directory):
        yield directory


def test_a_weakened_policy_is_named_and_reinforced(policed: Directory) -> None:
    dn = f"cn=padrao,ou=politicas,{policed.base_dn}"
    policed.ensure_policy(PasswordPolicy())
    with bound(policed, policed.admin_dn, policed.admin_password) as admin:
        weak = {"pwdMinLength": ["4"], "pwdLockout": ["FALSE"], "pwdInHistory": ["9"]}
        assert admin.modify(dn, {name: [(MODIFY_REPLACE, values)] for name, values in weak.items()})[0]
    with rehearsing():
        planned = policed.ensure_policy(PasswordPolicy())
    mended = policed.ensure_policy(PasswordPolicy())
    assert mended == planned
    assert mended.details == (
        "política de senhas: tamanho mínimo: 4 → 8",
        "política de senhas: erros até travar: 0 → 5",
    )
    found = policed.policy()
    assert found is not None
    assert found.history == 9, "what is stricter stays"
    assert policed.ensure_policy(PasswordPolicy()) == Change(unchanged=1)


def test_a_length_that_slapd_does_not_enforce_counts_as_none(policed: Directory) -> None:
    with bound(policed, policed.admin_dn, policed.admin_password) as admin:
        quality = {"pwdCheckQuality": [(MODIFY_REPLACE, ["0"])]}
        assert admin.modify(f"cn=padrao,ou=politicas,{policed.base_dn}", quality)[0]
    assert policed.ensure_policy(PasswordPolicy()).details == ("política de senhas: tamanho mínimo: 0 → 8",)


def test_a_missing_policy_is_made(directory: Directory) -> None:
    elsewhere = directory.model_copy(update={"policy_dn": f"cn=outra,ou=politicas-novas,{directory.base_dn}"})
    assert elsewhere.policy() is None
    assert elsewhere.ensure_policy(PasswordPolicy()).created == 1
    assert elsewhere.policy() == PasswordPolicy()
    with bound(directory, directory.admin_dn, directory.admin_password) as admin:
        for dn in (elsewhere.policy_dn, f"ou=politicas-novas,{directory.base_dn}"):
            admin.delete(dn)


# -- encryption


def test_starttls_protects_the_conversation(segregated: Directory, lab_state: LabState) -> None:
    secure = segregated.model_copy(update={"encryption": "starttls", "ca_file": lab_state.ldap.ca_file})
    secure.probe()
    assert secure.ensure_environment(ENVIRONMENT, SEARCH_PASSWORD) == Change(unchanged=3)
    secure.check_access_rules(ENVIRONMENT, SEARCH_PASSWORD)


def test_a_server_that_no_known_authority_vouches_for_is_refused(segregated: Directory) -> None:
    stranger = segregated.model_copy(update={"encryption": "starttls"})
    with pytest.raises(InvalidInputError, match="certificado"):
        stranger.probe()
