"""Where a new environment goes, how large its accounts are, and secrets that an older version did not know."""

from typing import NoReturn

import pytest
from prefect.exceptions import ObjectNotFound

from blocks.mariadb import MariaDBServer
from blocks.rehearsal import rehearsing
from blocks.secrets import EnvironmentSecrets
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError, RetryableError
from registry import Registry
from tasks import doors
from tasks.capacity import place
from tasks.environment import ensure_database_account, ensure_environment_record, ensure_secrets
from tasks.instance import load_instance
from tests.flows.conftest import Join


def test_both_servers_of_the_lab_are_found_and_answer(join: Join) -> None:
    servers = doors.mariadb_servers()
    assert sorted(servers) == ["principal", "segundo"]
    for name, server in servers.items():
        server.probe()
        assert server.capacity(name).name == name
    assert servers["principal"].port != servers["segundo"].port
    assert doors.mariadb_server("segundo") == servers["segundo"]


def test_training_and_production_go_to_different_servers_and_stay_there(join: Join, registry: Registry) -> None:
    slug = join("3102902", "Antônio Carlos").slug
    training, production = f"{slug}-treinamento", f"{slug}-producao"
    first = ensure_environment_record.fn(training, None)
    assert first.created == 1
    assert first.details[0].startswith("servidor de banco escolhido: ")
    assert len(first.details) == 3, "each server is told with its load"
    ensure_environment_record.fn(production, None)
    found = {name: registry.environment(name).database_server for name in (training, production)}
    assert set(found.values()) == {"principal", "segundo"}
    for name, server in found.items():
        assert ensure_environment_record.fn(name, None) == Change(unchanged=1)
        assert place(EnvironmentName.parse(name)).server == server
        assert load_instance(name).server == doors.mariadb_server(server)


def test_an_environment_that_fits_nowhere_is_not_registered(
    join: Join, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = join("3103603", "Arantina").slug

    def full_servers() -> dict[str, MariaDBServer]:
        small = doors.mariadb_server().model_copy(update={"max_connections_total": 1})
        return {"principal": small, "fechado": small.model_copy(update={"accepts_environments": False})}

    monkeypatch.setattr(doors, "mariadb_servers", full_servers)
    with pytest.raises(InvalidInputError, match=r"fechado não recebe ambientes novos; principal não cabe: conexões"):
        ensure_environment_record.fn(f"{slug}-treinamento", None)
    assert registry.list_environments("3103603") == []


@pytest.mark.parametrize(
    ("kind", "cause"),
    [(ValueError, None), (ValueError, ObjectNotFound(Exception())), (RuntimeError, ValueError())],
    ids=["something else failed", "not found, and found a moment later", "its kind has changed"],
)
def test_secrets_that_could_not_be_read_are_not_made_anew(
    join: Join, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], cause: Exception | None
) -> None:
    """Running systems work with them: whatever Prefect's client says, what is there stays as it is."""
    environment = f"{join('3102209', 'Alvarenga').slug}-treinamento"
    ensure_environment_record.fn(environment, None)
    ensure_secrets.fn(environment)
    before = doors.environment_secrets(environment)

    def load(*_: object) -> NoReturn:
        raise kind(before.database_password.get_secret_value()) from cause

    doors.forget_blocks()
    with monkeypatch.context() as patch:
        patch.setattr(EnvironmentSecrets, "load", load)
        with pytest.raises(RetryableError) as failure:
            ensure_secrets.fn(environment)
    assert before.database_password.get_secret_value() not in str(failure.value)
    doors.forget_blocks()
    assert doors.environment_secrets(environment) == before


def test_accounts_get_their_size_from_the_plan_and_older_secrets_are_completed(join: Join) -> None:
    environment = f"{join('3101300', 'Alagoa').slug}-treinamento"
    ensure_environment_record.fn(environment, None)
    assert ensure_secrets.fn(environment).created == 1
    older = doors.environment_secrets(environment).model_copy(update={"migration_password": None})
    older.save(environment, overwrite=True)
    doors.forget_blocks()
    with rehearsing():
        rehearsed = ensure_secrets.fn(environment)
        doors.forget_blocks()
        assert doors.environment_secrets(environment).migration_password is None
        assert ensure_database_account.fn(environment).created == 6
    assert rehearsed.details == ("segredo migration_password gerado",)
    assert ensure_secrets.fn(environment) == rehearsed
    assert ensure_secrets.fn(environment) == Change(unchanged=1)
    completed = doors.environment_secrets(environment)
    assert isinstance(completed, EnvironmentSecrets)
    assert completed.database_password == older.database_password
    instance = load_instance(environment)
    try:
        assert ensure_database_account.fn(environment).created == 6
        assert ensure_database_account.fn(environment) == Change(unchanged=4)
        with instance.server.transaction() as cursor:
            cursor.execute(
                "SELECT max_user_connections FROM mysql.user WHERE user = %s", (instance.name.database_user,)
            )
            assert cursor.fetchone() == (20,), "faixa 1, half of it in training: 7 workers, two databases, six more"
    finally:
        instance.server.remove_accounts(instance.name)
