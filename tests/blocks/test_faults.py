"""A server that is down or refuses the account: told within seconds, in Portuguese, with no secret in it."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import pytest
from pydantic import SecretStr

from blocks.directory import Directory
from blocks.mailer import Mailer
from blocks.mariadb import MariaDBServer
from blocks.object_storage import ObjectStorage
from blocks.ssc_ldap import LdapSsc
from domain.account import Account
from domain.errors import ImplantaError, InvalidInputError, RetryableError
from lab.ports import choose
from tests.blocks.conftest import ENVIRONMENT

SECONDS = 15
WRONG = SecretStr("senha-que-esta-errada")
ANA = Account(uid="ana.lima", name="Ana Lúcia Lima", email="ana.lima@blocos.mg.gov.br")


@dataclass(frozen=True)
class Doors:
    """The blocks, each spoilt in the same way."""

    server: MariaDBServer
    directory: Directory
    storage: ObjectStorage

    def everything(self) -> dict[str, Callable[[], object]]:
        """One operation of each kind that each block has."""
        server, directory, storage = self.server, self.directory, self.storage
        ssc = LdapSsc(directory=directory)
        return {
            "mariadb probe": server.probe,
            "mariadb list": lambda: server.list_databases("blocos"),
            "mariadb create": lambda: server.ensure_database("blocos_a_treinamento_sei"),
            "mariadb drop": lambda: server.drop_database("blocos_a_treinamento_sei"),
            "mariadb account": lambda: server.ensure_application_user(ENVIRONMENT, WRONG),
            "ldap probe": directory.probe,
            "ldap subtree": lambda: directory.ensure_environment(ENVIRONMENT, WRONG),
            "ldap list": lambda: directory.list_logins(ENVIRONMENT),
            "ldap accounts": lambda: ssc.ensure_users(ENVIRONMENT, [ANA]),
            "ldap users": lambda: ssc.list_users(ENVIRONMENT),
            "ldap rules": directory.ensure_access_rules,
            "ldap policy": directory.policy,
            "ldap remove": lambda: directory.remove_environment(ENVIRONMENT),
            "s3 probe": storage.probe,
            "s3 bucket": lambda: storage.ensure_bucket("blocos-a-treinamento"),
            "s3 store": lambda: storage.ensure_object("blocos-a-treinamento", "usuarios.csv", b"x"),
            "s3 fetch": lambda: storage.find_object("blocos-a-treinamento", "usuarios.csv"),
            "s3 ask": lambda: storage.has_object("blocos-a-treinamento", "usuarios.csv"),
            "s3 remove": lambda: storage.remove_bucket("blocos-a-treinamento"),
        }


def require_told(
    operations: dict[str, Callable[[], object]], kind: type[ImplantaError], message: str, secrets: list[str]
) -> None:
    for name, operation in operations.items():
        started = monotonic()
        with pytest.raises(kind, match=message) as refusal:
            operation()
        assert monotonic() - started < SECONDS, name
        text = str(refusal.value) + repr(refusal.value) + repr(refusal.value.__cause__)
        assert not [secret for secret in secrets if secret in text], name
        assert refusal.value.fix, name


@pytest.fixture
def secret_words(server: MariaDBServer, directory: Directory, storage: ObjectStorage) -> list[str]:
    """What no message may hold."""
    return [
        server.password.get_secret_value(),
        directory.admin_password.get_secret_value(),
        storage.secret_key.get_secret_value(),
        WRONG.get_secret_value(),
        ANA.name,
        ANA.email,
        ANA.uid,
    ]


def test_a_server_that_is_down_may_be_asked_again_later(
    server: MariaDBServer, directory: Directory, storage: ObjectStorage, secret_words: list[str]
) -> None:
    ports = choose(["mariadb", "ldap", "s3", "smtp"], avoid=())
    doors = Doors(
        server.model_copy(update={"port": ports["mariadb"]}),
        directory.model_copy(update={"port": ports["ldap"]}),
        ObjectStorage(
            endpoint=f"http://127.0.0.1:{ports['s3']}", access_key=storage.access_key, secret_key=storage.secret_key
        ),
    )
    require_told(doors.everything(), RetryableError, r"O (MariaDB|LDAP|S3) não respondeu", secret_words)
    mailer = Mailer(host="127.0.0.1", port=ports["smtp"], sender="a@b.example", user="u", password=WRONG)

    def write() -> None:
        with mailer.open() as outbox:
            outbox.send(ANA.email, "Assunto", "Texto")

    require_told({"smtp": write}, RetryableError, "O servidor de e-mail não respondeu", secret_words)


def test_a_wrong_service_account_is_a_persons_to_correct(
    server: MariaDBServer, directory: Directory, storage: ObjectStorage, secret_words: list[str]
) -> None:
    storage.ensure_bucket("blocos-a-treinamento")
    doors = Doors(
        server.model_copy(update={"password": WRONG}),
        directory.model_copy(update={"admin_password": WRONG, "config_password": WRONG}),
        ObjectStorage(endpoint=storage.endpoint, access_key=storage.access_key, secret_key=WRONG),
    )
    require_told(doors.everything(), InvalidInputError, r"O (MariaDB|LDAP|S3) recusou", secret_words)
    stranger = ObjectStorage(endpoint=storage.endpoint, access_key="DESCONHECIDA", secret_key=WRONG)
    require_told({"s3": stranger.probe}, InvalidInputError, "O S3 recusou o acesso", secret_words)
    assert storage.remove_bucket("blocos-a-treinamento").removed == 1


def test_an_empty_password_is_refused_like_a_wrong_one(server: MariaDBServer, directory: Directory) -> None:
    empty = SecretStr("")
    for probe in (
        server.model_copy(update={"password": empty}).probe,
        directory.model_copy(update={"admin_password": empty}).probe,
    ):
        with pytest.raises(InvalidInputError):
            probe()


def test_a_host_that_has_no_name_may_be_asked_again_later(server: MariaDBServer, directory: Directory) -> None:
    for probe in (
        server.model_copy(update={"host": "nao-existe.invalid"}).probe,
        directory.model_copy(update={"host": "nao-existe.invalid"}).probe,
    ):
        with pytest.raises(RetryableError, match=r"não respondeu.*nao-existe\.invalid"):
            probe()
