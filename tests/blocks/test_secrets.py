"""The secrets of an environment: random, its own, and nowhere readable but in its configuration."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from pydantic import SecretStr

from blocks.secrets import EnvironmentSecrets
from blocks.settings import Settings
from blocks.sip import SEI_SYSTEM_ID, SIP_SYSTEM_ID

NAME = "blocos-a-homologacao"


def texts(secrets: EnvironmentSecrets) -> set[str]:
    values = (getattr(secrets, field) for field in EnvironmentSecrets.model_fields)
    return {value.get_secret_value() for value in values if isinstance(value, SecretStr)}


def test_no_two_environments_have_a_secret_in_common() -> None:
    some = [EnvironmentSecrets.generate() for _ in range(5)]
    every = [text for secrets in some for text in texts(secrets)]
    assert len(set(every)) == len(every) == 5 * len(texts(some[0]))
    assert len(texts(some[0])) >= 6
    assert min(map(len, every)) >= 32


def test_what_an_older_version_did_not_know_is_added_and_the_rest_stays() -> None:
    whole = EnvironmentSecrets.generate()
    older = whole.model_copy(update={"migration_password": None})
    completed, added = older.completed()
    assert "migration_password" in added
    assert completed.migration_password is not None
    assert completed.model_copy(update=dict.fromkeys(added)) == older.model_copy(update=dict.fromkeys(added))
    assert completed.completed() == (completed, ())


def test_each_key_belongs_to_its_own_system_and_service() -> None:
    secrets = EnvironmentSecrets.generate()
    keys = secrets.access_keys()
    assert set(keys) == {SEI_SYSTEM_ID, SIP_SYSTEM_ID}
    assert all(key.belongs_to(system) for system, key in keys.items())
    assert secrets.service_key(7).belongs_to(7)
    assert secrets.service_key(7).text != secrets.service_key(8).text


def test_nothing_that_prints_the_secrets_reveals_them() -> None:
    secrets = EnvironmentSecrets.generate()
    shown = "".join(
        [
            repr(secrets),
            str(secrets),
            secrets.model_dump_json(),
            repr(secrets.model_dump()),
            repr(secrets.access_keys()),
            repr(secrets.service_key(1)),
            f"{secrets.access_keys()[SEI_SYSTEM_ID]}",
        ]
    )
    assert not [text for text in texts(secrets) if text in shown]


@pytest.fixture
def saved(programme: Settings) -> Iterator[EnvironmentSecrets]:
    """The secrets as `ensure_secrets` leaves them in Prefect."""
    secrets = EnvironmentSecrets.generate()
    secrets.save(NAME, overwrite=True)
    yield secrets
    EnvironmentSecrets.delete(NAME)


def test_what_was_saved_is_loaded_whole(saved: EnvironmentSecrets) -> None:
    loaded = EnvironmentSecrets.load(NAME)
    assert isinstance(loaded, EnvironmentSecrets)
    assert texts(loaded) == texts(saved)


def test_prefect_stores_them_unreadable_and_shows_them_to_nobody_who_does_not_ask(
    saved: EnvironmentSecrets, lab: Path
) -> None:
    with get_client(sync_client=True) as client:
        document = client.read_block_document_by_name(
            NAME, EnvironmentSecrets.get_block_type_slug(), include_secrets=False
        )
    shown = document.model_dump_json()
    (path,) = lab.glob("prefect/**/prefect.db")
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    stored = repr(database.execute("SELECT * FROM block_document").fetchall())
    database.close()
    assert NAME in shown
    assert NAME in stored
    for text in texts(saved):
        assert text not in shown
        assert text not in stored
