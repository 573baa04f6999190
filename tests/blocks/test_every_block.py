"""What holds of every block: fields described for the operator, unknown ones refused, secrets never shown."""

import importlib
import inspect
import pkgutil
import re
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Literal, get_args, get_origin

import pytest
from prefect.blocks.core import Block
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

import blocks
from tasks.doors import ISSUERS, RUNTIMES

SECRET = "valor-que-ninguem-ve"
# A description with one of these was written for developers, not for who fills in the form in the Prefect UI.
ENGLISH = re.compile(r"\b(the|of|for|with|and|address|password|user|port|key)\b", re.IGNORECASE)


def _block_types() -> list[type[Block]]:
    for module in pkgutil.iter_modules(blocks.__path__, "blocks."):
        importlib.import_module(module.name)

    def below(kind: type[Block]) -> set[type[Block]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    return sorted((kind for kind in below(Block) if kind.__module__.startswith("blocks.")), key=lambda k: k.__name__)


TYPES = _block_types()
CONCRETE = [kind for kind in TYPES if not inspect.isabstract(kind)]


def _kinds(field: FieldInfo) -> set[object]:
    return {field.annotation, *get_args(field.annotation)}


def _value(field: FieldInfo) -> object:
    kinds = _kinds(field) - {NoneType}
    if get_origin(field.annotation) is Literal:
        return get_args(field.annotation)[0]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, Block):  # a block within a block
            return kind.model_validate(example(kind))
    values = {SecretStr: SECRET, str: "texto", int: 1, bool: True, Path: "/tmp/x", datetime: "2026-11-24T12:00:00Z"}
    return next(value for kind, value in values.items() if kind in kinds)


def example(kind: type[Block]) -> dict[str, object]:
    """A value for every field that must or may be a secret, or has no default."""
    return {
        name: _value(field)
        for name, field in kind.model_fields.items()
        if field.is_required() or SecretStr in _kinds(field)
    }


def test_the_blocks_that_the_lab_saves_are_among_those_looked_at() -> None:
    assert {
        "MariaDBServer",
        "Directory",
        "ObjectStorage",
        "Mailer",
        "LabRuntime",
        "EnvironmentSecrets",
        "InternalCA",
    } <= {kind.__name__ for kind in CONCRETE}
    assert {*RUNTIMES, *ISSUERS} <= set(CONCRETE)


@pytest.mark.parametrize("kind", TYPES)
def test_every_field_is_described_in_portuguese(kind: type[Block]) -> None:
    for name, field in kind.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert not ENGLISH.search(field.description), name


@pytest.mark.parametrize("kind", TYPES)
def test_its_name_in_the_prefect_ui_is_ours_and_nobody_elses(kind: type[Block]) -> None:
    assert kind.get_block_type_name().startswith("Implanta ")
    assert kind.get_block_type_slug().startswith("implanta-")
    assert sum(other.get_block_type_slug() == kind.get_block_type_slug() for other in TYPES) == 1
    assert inspect.getdoc(kind)


@pytest.mark.parametrize("kind", CONCRETE)
def test_an_unknown_field_is_refused(kind: type[Block]) -> None:
    assert kind.model_validate(example(kind))
    with pytest.raises(ValidationError, match="extra_forbidden"):
        kind.model_validate(example(kind) | {"campo_errado": "x"})


@pytest.mark.parametrize("kind", CONCRETE)
def test_no_secret_is_shown_by_what_prints_the_block(kind: type[Block]) -> None:
    block = kind.model_validate(example(kind))
    for shown in (repr(block), str(block), block.model_dump_json(), repr(block.model_dump()), f"{block}"):
        assert SECRET not in shown


@pytest.mark.parametrize("kind", CONCRETE)
def test_whatever_is_called_a_password_key_or_token_is_a_secret(kind: type[Block]) -> None:
    for name, field in kind.model_fields.items():
        half_of_s3s_that_is_no_secret = name in {"access_key", "s3_access_key"}
        if re.search(r"password|secret|token|_key$", name) and not half_of_s3s_that_is_no_secret:
            assert SecretStr in _kinds(field), name
