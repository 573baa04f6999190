"""What the rest of the project relies on in each server."""

from datetime import UTC, datetime, timedelta

import pymysql
import pytest
from botocore.exceptions import ClientError
from ldap3 import MODIFY_REPLACE, NONE, SAFE_SYNC, Connection, Server
from ldap3.core.exceptions import (
    LDAPConstraintViolationResult,
    LDAPInappropriateAuthenticationResult,
    LDAPInvalidCredentialsResult,
    LDAPNoSuchObjectResult,
    LDAPOperationResult,
)

from lab.state import LabState
from tests.lab.clients import bind, bind_admin, connect_database, connect_s3

PASSWORD = "Primeira.Senha.1"
OTHER_PASSWORD = "Outra.Senha.22"


def make_environment(state: LabState, slug: str) -> str:
    """An organizational unit with its search account and one person, `ana`; its DN."""
    dn = f"ou={slug},{state.ldap.base_dn}"
    with bind_admin(state) as directory:
        directory.add(dn, "organizationalUnit")
        directory.add(
            f"cn=sip,{dn}", ["organizationalRole", "simpleSecurityObject"], {"cn": "sip", "userPassword": PASSWORD}
        )
        directory.add(f"ou=usuarios,{dn}", "organizationalUnit")
        directory.add(
            f"uid=ana,ou=usuarios,{dn}",
            "inetOrgPerson",
            {"uid": "ana", "cn": "Ana", "sn": "Teste", "mail": "ana@exemplo.test", "userPassword": PASSWORD},
        )
    return dn


def find_ana(state: LabState, account: str, base: str) -> list[str]:
    with bind(state, account, PASSWORD) as directory:
        found = directory.search(base, "(uid=ana)", attributes=["mail"])[2]
    return [entry["dn"] for entry in found]


def test_a_search_account_reads_its_own_environment_only(lab_state: LabState) -> None:
    alfa, beta = make_environment(lab_state, "alfa-treinamento"), make_environment(lab_state, "beta-treinamento")
    assert find_ana(lab_state, f"cn=sip,{alfa}", alfa) == [f"uid=ana,ou=usuarios,{alfa}"]
    with pytest.raises(LDAPNoSuchObjectResult):
        find_ana(lab_state, f"cn=sip,{alfa}", beta)
    with pytest.raises(LDAPNoSuchObjectResult):
        find_ana(lab_state, f"cn=sip,{alfa}", lab_state.ldap.base_dn)


def test_a_person_changes_the_own_password_and_sees_nobody(lab_state: LabState) -> None:
    dn = make_environment(lab_state, "gama-treinamento")
    person = f"uid=ana,ou=usuarios,{dn}"
    with bind(lab_state, person, PASSWORD) as directory:
        with pytest.raises(LDAPNoSuchObjectResult):
            directory.search(dn, "(objectClass=*)")
        directory.extend.standard.modify_password(person, PASSWORD, OTHER_PASSWORD)
    with pytest.raises(LDAPInvalidCredentialsResult):
        bind(lab_state, person, PASSWORD)
    assert bind(lab_state, person, OTHER_PASSWORD).bound


def test_a_short_password_is_refused(lab_state: LabState) -> None:
    dn = make_environment(lab_state, "zeta-treinamento")
    person = f"uid=ana,ou=usuarios,{dn}"
    with bind(lab_state, person, PASSWORD) as directory, pytest.raises(LDAPConstraintViolationResult):
        directory.extend.standard.modify_password(person, PASSWORD, "curta")


def test_after_a_reset_nothing_works_until_the_person_changes_the_password(lab_state: LabState) -> None:
    dn = make_environment(lab_state, "delta-treinamento")
    person = f"uid=ana,ou=usuarios,{dn}"
    with bind_admin(lab_state) as directory:
        directory.modify(person, {"pwdReset": [(MODIFY_REPLACE, ["TRUE"])]})
    with bind(lab_state, person, PASSWORD) as directory:
        with pytest.raises(LDAPOperationResult, match="insufficientAccessRights"):
            directory.search(dn, "(uid=ana)")
        directory.extend.standard.modify_password(person, PASSWORD, OTHER_PASSWORD)
    with bind(lab_state, person, OTHER_PASSWORD) as directory, pytest.raises(LDAPNoSuchObjectResult):
        directory.search(dn, "(uid=ana)")  # an ordinary person again, who sees nobody


def test_a_person_is_locked_out_after_five_wrong_passwords(lab_state: LabState) -> None:
    dn = make_environment(lab_state, "epsilon-treinamento")
    person = f"uid=ana,ou=usuarios,{dn}"
    for _ in range(5):
        with pytest.raises(LDAPInvalidCredentialsResult):
            bind(lab_state, person, "errada")
    with pytest.raises(LDAPInvalidCredentialsResult):
        bind(lab_state, person, PASSWORD)


def test_nobody_reads_the_directory_without_a_name(lab_state: LabState) -> None:
    with pytest.raises(LDAPInappropriateAuthenticationResult):
        bind(lab_state, "", "")
    unbound = Connection(Server(lab_state.ldap.url, get_info=NONE), client_strategy=SAFE_SYNC, raise_exceptions=True)
    unbound.open()
    with pytest.raises(LDAPNoSuchObjectResult):
        unbound.search(lab_state.ldap.base_dn, "(objectClass=*)")


def test_two_environments_may_have_the_same_sigla_and_mail(lab_state: LabState) -> None:
    first, second = make_environment(lab_state, "eta-treinamento"), make_environment(lab_state, "teta-treinamento")
    assert find_ana(lab_state, f"cn=sip,{first}", first)
    assert find_ana(lab_state, f"cn=sip,{second}", second)


def test_twenty_buckets_hold_locked_versions(lab_state: LabState) -> None:
    s3 = connect_s3(lab_state)
    until = datetime.now(UTC) + timedelta(days=1)
    for number in range(20):
        name = f"balde-{number}"
        s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        kept = s3.put_object(
            Bucket=name, Key="copia", Body=b"1", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
        )
        s3.put_object(Bucket=name, Key="copia", Body=b"2")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=name, Key="copia", VersionId=kept["VersionId"])
        first = s3.get_object(Bucket=name, Key="copia", VersionId=kept["VersionId"])
        assert first["Body"].read() == b"1"


def test_s3_refuses_other_keys(lab_state: LabState) -> None:
    stranger = lab_state.model_copy(update={"s3": lab_state.s3.model_copy(update={"access_key": "DESCONHECIDA"})})
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        connect_s3(stranger).list_buckets()


def test_mariadb_is_set_up_as_sei_asks(lab_state: LabState) -> None:
    with connect_database(lab_state) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@character_set_server, @@collation_server, @@max_allowed_packet, @@time_zone")
        assert cursor.fetchone() == ("latin1", "latin1_swedish_ci", 128 * 1024**2, "-03:00")
        cursor.execute(
            "SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = 'implanta'"
        )
        assert cursor.fetchone() == ("utf8mb4",)


def test_root_of_mariadb_needs_its_password(lab_state: LabState) -> None:
    for password in ("", "errada"):
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            pymysql.connect(host=lab_state.mariadb.host, port=lab_state.mariadb.port, user="root", password=password)
