"""What breaks is told in one Portuguese line, of the right class, without a secret."""

import logging
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest

from domain.errors import ImplantaError, InvalidInputError, RetryableError
from registry import Registry, migrate
from tests.mariadb import PrivateMariadb
from tests.registry.conftest import Schema
from tests.registry.examples import TIMOTEO, make_contact, make_municipality


def test_a_server_that_is_down_is_worth_a_retry_and_works_when_it_is_back(
    registry: Registry, server: PrivateMariadb
) -> None:
    registry.ensure_municipality(make_municipality())
    server.stop()
    try:
        for call in (registry.list_municipalities, lambda: registry.ensure_municipality(make_municipality())):
            with pytest.raises(RetryableError, match=rf"O registro não respondeu \(127\.0\.0\.1:{server.port}/"):
                call()
        with pytest.raises(RetryableError, match="O registro não respondeu"), registry.lock("timoteo"):
            pytest.fail("a lock without a server")
    finally:
        server.start()
    assert registry.find_municipality(TIMOTEO) == make_municipality()


def test_migrating_a_server_that_is_down_is_worth_a_retry(schema: Schema, server: PrivateMariadb) -> None:
    server.stop()
    try:
        with pytest.raises(RetryableError, match="O registro não respondeu"):
            migrate(schema.url)
    finally:
        server.start()


@pytest.mark.parametrize("use", [lambda url: Registry(url).list_municipalities(), migrate])
def test_a_wrong_password_is_final_and_stays_secret(migrated: Schema, use: Callable[[str], object]) -> None:
    wrong = migrated._replace(password="S3nhaErrada")
    with pytest.raises(InvalidInputError, match="O registro recusou o acesso") as refusal:
        use(wrong.url)
    assert_no_secret(refusal.value, "S3nhaErrada")


def test_a_schema_that_does_not_exist_is_named(migrated: Schema) -> None:
    with migrated.server.root() as root:
        root.execute(f"GRANT ALL ON missing.* TO {migrated.name}@'127.0.0.1'")
    with pytest.raises(InvalidInputError, match=r"O banco do registro não existe \(127\.0\.0\.1:\d+/missing\)"):
        Registry(f"{migrated.url.rpartition('/')[0]}/missing").list_municipalities()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "S3nha",
        "mysql://u:S3nha@h/implanta",
        "sqlite:///x",
        "mysql+pymysql://u:S3nha@h",
        "mysql+pymysql://u:S3nha@h:x/i",
    ],
)
def test_an_address_that_is_not_one_is_refused_unseen(url: str) -> None:
    with pytest.raises(InvalidInputError, match="O endereço do registro não é válido") as refusal:
        Registry(url)
    assert_no_secret(refusal.value, "S3nha")


def test_a_registry_shows_where_it_is_but_not_its_password(migrated: Schema) -> None:
    assert migrated.password not in repr(Registry(migrated.url))
    assert str(migrated.server.port) in repr(Registry(migrated.url))


def test_personal_data_never_reaches_the_log(registry: Registry, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    contact = make_contact(name="Fulana de Tal", email="fulana@example.org")
    registry.ensure_municipality(make_municipality(contacts=(contact,)))
    registry.record_decision(ibge=TIMOTEO, gate="g", decision="approve", name="Fulana de Tal", reason="Ata.")
    assert "ulana" not in caplog.text


def test_errors_survive_pickling(registry: Registry) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        registry.find_municipality("lavras")
    assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)


def test_importing_the_registry_leaves_what_is_slow_to_import_alone() -> None:
    """Every command imports it: what only some need (migrations, CPFs, the orchestrator) waits until it is needed."""
    script = "import sys, registry; sys.exit(', '.join({'alembic', 'brutils', 'prefect'} & sys.modules.keys()) or 0)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def assert_no_secret(error: ImplantaError, secret: str) -> None:
    shown: BaseException | None = error
    while shown is not None:
        assert secret not in repr(shown)
        shown = shown.__cause__ or shown.__context__
