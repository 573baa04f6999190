"""The steps of an environment's storage: its bucket, its key among its secrets, its file repository."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from pydantic import SecretStr

from blocks.rehearsal import rehearsing
from blocks.secrets import EnvironmentSecrets
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import InvalidInputError
from domain.quota import GIGABYTE, QuotaLevel
from tasks import doors
from tasks.environment import ensure_bucket, ensure_environment_record, ensure_secrets
from tasks.instance import load_instance
from tasks.storage import (
    ensure_file_repository,
    ensure_storage_identity,
    judge_repository,
    remove_storage_identity,
    repository_quota,
)
from tests.flows.conftest import Join


@pytest.fixture(scope="module")
def environment(join: Join) -> Iterator[str]:
    """A training environment that is registered and has its secrets; nothing else of it is there."""
    slug = EnvironmentName(municipality=join("3102803", "Andrelândia").slug, purpose=Purpose.TREINAMENTO).slug
    ensure_environment_record.fn(slug, None)
    ensure_secrets.fn(slug)
    ensure_bucket.fn(slug)
    yield slug
    remove_storage_identity.fn(slug)
    doors.object_storage().remove_bucket(slug)


def saved(environment: str) -> EnvironmentSecrets:
    """The secrets as the Prefect server has them, not as this process remembers them."""
    found = EnvironmentSecrets.load(environment)
    assert isinstance(found, EnvironmentSecrets)
    return found


def can_list(environment: str, secrets: EnvironmentSecrets) -> bool:
    assert secrets.s3_access_key is not None
    assert secrets.s3_secret_key is not None
    key = doors.object_storage().as_identity(secrets.s3_access_key, secrets.s3_secret_key)
    return environment in key.list_buckets() and not key.has_object(environment, "nada")


def test_the_bucket_is_what_the_catalog_declares_for_its_purpose(environment: str) -> None:
    assert ensure_bucket.fn(environment) == Change(unchanged=1)


def test_the_key_is_saved_with_the_secrets_once_and_nothing_else_of_them_changes(environment: str) -> None:
    before = saved(environment)
    with rehearsing():
        rehearsed = ensure_storage_identity.fn(environment)
    assert saved(environment).s3_access_key == before.s3_access_key
    change = ensure_storage_identity.fn(environment)
    assert change == rehearsed
    assert change.created
    after = saved(environment)
    assert can_list(environment, after)
    others = set(EnvironmentSecrets.model_fields) - {"s3_access_key", "s3_secret_key"}
    assert after.model_dump(include=others) == before.model_dump(include=others)
    assert doors.environment_secrets(environment).s3_access_key == after.s3_access_key, "later steps see it as well"
    assert ensure_storage_identity.fn(environment).total == 0
    assert saved(environment).s3_access_key == after.s3_access_key


def test_a_key_that_could_not_be_saved_is_replaced_by_the_next_attempt(
    environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_storage_identity.fn(environment)
    remove_storage_identity.fn(environment)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(EnvironmentSecrets, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            ensure_storage_identity.fn(environment)
    change = ensure_storage_identity.fn(environment)
    assert change.details == (
        f"chave que não está em uso na identidade ambiente-{environment} no S3",
        f"chave da identidade ambiente-{environment} no S3",
    )
    assert can_list(environment, saved(environment))
    assert ensure_storage_identity.fn(environment).total == 0


def test_the_secret_is_shown_to_nobody_who_only_looks(environment: str) -> None:
    ensure_storage_identity.fn(environment)
    secrets = saved(environment)
    assert secrets.s3_secret_key is not None
    secret = secrets.s3_secret_key.get_secret_value()
    assert secret not in repr(secrets)
    with get_client(sync_client=True) as client:
        document = client.read_block_document_by_name(
            environment, EnvironmentSecrets.get_block_type_slug(), include_secrets=False
        )
    assert secret not in json.dumps(document.model_dump(mode="json"), default=str)
    assert str(secrets.s3_access_key) in str(document.data), (
        "the key's name is no secret: that is how operators find it"
    )


def test_without_secrets_only_a_rehearsal_goes_on(environment: str) -> None:
    other = environment.replace("treinamento", "homologacao")
    with rehearsing():
        assert ensure_storage_identity.fn(other).created == 2
    with pytest.raises(InvalidInputError, match=f"implanta-environment-secrets/{other} não existe"):
        ensure_storage_identity.fn(other)


def test_the_quota_of_the_plan_reaches_the_application_and_is_judged(environment: str) -> None:
    instance = load_instance(environment)
    ensure_file_repository.fn(environment)
    assert ensure_file_repository.fn(environment) == Change(unchanged=1)
    # 8,000 inhabitants: faixa 1, and a training environment gets a fifth of its 30 GB.
    quota = repository_quota(instance)
    assert (quota.bytes, quota.files) == (6 * GIGABYTE, 120_000)
    root = Path(doors.runtime().repository_path(instance.name))
    for size, level in ((0, QuotaLevel.OK), (5 * GIGABYTE, QuotaLevel.WARNING), (7 * GIGABYTE, QuotaLevel.EXCEEDED)):
        with (root / "grande").open("wb") as file:
            file.truncate(size)  # sparse: it has the size and takes no room
        verdict = judge_repository.fn(environment)
        assert verdict is not None
        assert verdict.level is level
    (root / "grande").unlink()


def test_a_revoked_key_opens_nothing_and_is_revoked_once(environment: str) -> None:
    ensure_storage_identity.fn(environment)
    secrets = saved(environment)
    assert remove_storage_identity.fn(environment).removed == 1
    assert remove_storage_identity.fn(environment) == Change()
    assert secrets.s3_access_key is not None
    assert secrets.s3_secret_key is not None
    assert isinstance(secrets.s3_secret_key, SecretStr)
    stranger = doors.object_storage().as_identity(secrets.s3_access_key, secrets.s3_secret_key)
    assert not stranger.accepts_key()
