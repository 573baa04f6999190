"""Secrets of blocks, as Prefect's database keeps them: they cannot be read there, and neither can their key."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.blocks.core import Block
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from blocks.prefect_sqlite import examine
from blocks.secrets import EnvironmentSecrets
from blocks.settings import Settings
from blocks.ssc_ldap import LdapSsc
from lab.record import Secrets
from lab.state import LabState
from tests.blocks.test_every_block import CONCRETE, SECRET, example

MARK = f"segredo-{secrets.token_hex(12)}"
NAME = "prova-do-segredo"


@pytest.fixture(scope="module")
def saved(programme: Settings) -> Iterator[list[type[Block]]]:
    """A document of every kind of block of ours, with the same word wherever a secret may be."""
    assert programme
    kinds = []
    for kind in CONCRETE:
        values = {name: MARK if value == SECRET else value for name, value in example(kind).items()}
        block = kind.model_validate(values)
        block.save(NAME, overwrite=True)
        kinds.append(kind)
    yield kinds
    for kind in kinds:
        kind.delete(NAME)


def kept(state: LabState) -> bytes:
    """Everything that is on the disk, what was deleted and what is not yet written through included."""
    return b"".join(path.read_bytes() for path in database(state).parent.glob("prefect.db*"))


def database(state: LabState) -> Path:
    return Path(str(make_url(state.prefect.database_url.get_secret_value()).database))


def test_no_secret_of_any_block_can_be_read(saved: list[type[Block]], lab_state: LabState) -> None:
    assert len(saved) > 15
    content = kept(lab_state)
    assert NAME.encode() in content, "the documents are there"
    assert MARK.encode() not in content
    # A directory inside of another block is a document of its own wherever the product saves one; here it is none.
    alone = [kind for kind in saved if kind is not LdapSsc]
    opened = [block for kind in alone if isinstance(block := kind.load(NAME), Block)]
    assert any(MARK in _secrets_of(block) for block in opened), "and the server opens them"


def _secrets_of(block: Block) -> list[str]:
    values = (getattr(block, name) for name in type(block).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def test_an_environments_own_secrets_cannot_be_read(programme: Settings, lab_state: LabState) -> None:
    assert programme
    made, name = EnvironmentSecrets.generate(), f"{NAME}-do-ambiente"
    made.save(name, overwrite=True)
    try:
        content = kept(lab_state)
        assert all(secret.encode() not in content for secret in _secrets_of(made))
    finally:
        EnvironmentSecrets.delete(name)


def test_no_password_of_the_lab_and_no_key_is_in_prefects_database(
    programme: Settings, lab: Path, lab_state: LabState
) -> None:
    assert programme
    known = json.loads((lab / "lab.json").read_text())["secrets"]
    assert set(known) == set(Secrets.model_fields)
    content = kept(lab_state)
    # An access key's name is no secret: with it the store is told whose key it is.
    assert [name for name, word in known.items() if name != "s3_access_key" and word.encode() in content] == []
    assert not examine(database(lab_state)).keeps_its_own_key
