"""What an environment stores: its identity in the object storage, its file repository and the quota of both."""

from blocks.catalog import Catalog
from blocks.rehearsal import is_rehearsal
from blocks.secrets import EnvironmentSecrets
from blocks.settings import load_settings
from blocks.storage_identities import StorageIdentities
from domain.change import Change
from domain.environment import EnvironmentName
from domain.quota import Quota, QuotaVerdict, choose_quota, judge_quota
from domain.storage_identity import S3Key
from tasks import doors
from tasks.capacity import plan_of
from tasks.instance import Instance, load_instance
from tasks.prefect_errors import explaining_prefect
from tasks.step import step


@step("chave do S3")
def ensure_storage_identity(environment: str) -> Change:
    """Give the environment a key that opens its own bucket only, and keep it with the environment's secrets.

    Runs after the secrets were made. A run that is killed before the key is saved costs the next one a new key.
    """
    secrets = _find_secrets(environment)
    known = _storage_key(secrets)
    outcome = StorageIdentities(doors.object_storage()).ensure_identity(EnvironmentName.parse(environment), known)
    if secrets is not None and outcome.key not in {None, known}:
        _save_key(environment, secrets, outcome.key)
    return outcome.change


def _find_secrets(environment: str) -> EnvironmentSecrets | None:
    """The environment's secrets; None only in a rehearsal that would make them."""
    try:
        return doors.environment_secrets(environment)
    except doors.NoBlockError:
        if not is_rehearsal():
            raise
        return None


def _storage_key(secrets: EnvironmentSecrets | None) -> S3Key | None:
    if secrets is None or secrets.s3_access_key is None or secrets.s3_secret_key is None:
        return None
    return S3Key(access_key=secrets.s3_access_key, secret_key=secrets.s3_secret_key)


def _save_key(environment: str, secrets: EnvironmentSecrets, key: S3Key | None) -> None:
    fields = {"s3_access_key": key and key.access_key, "s3_secret_key": key and key.secret_key}
    with explaining_prefect(load_settings().prefect_api_url):
        secrets.model_copy(update=fields).save(environment, overwrite=True)
    # Only now: were the saving to fail, the next attempt would take the unsaved key for the saved one.
    for name, value in fields.items():
        setattr(secrets, name, value)


@step("revogação da chave do S3")
def remove_storage_identity(environment: str) -> Change:
    """Take the environment's key and every right of its identity away; its bucket stays."""
    return StorageIdentities(doors.object_storage()).remove_identity(EnvironmentName.parse(environment))


@step("repositório de arquivos")
def ensure_file_repository(environment: str) -> Change:
    """Make the directory of SEI's files, for the application's user alone."""
    return doors.runtime().ensure_repository(EnvironmentName.parse(environment))


def repository_quota(instance: Instance) -> Quota:
    """How much the environment's plan lets it keep in SEI's file repository.

    Raises:
        InvalidInputError: the population has no plan in the table, and none was negotiated.
    """
    plan = plan_of(instance.municipality, doors.registry().contract(instance.municipality.ibge))
    return choose_quota(plan, instance.name.purpose, Catalog().storage().quota)


@step("cota de arquivos")
def judge_repository(environment: str) -> QuotaVerdict | None:
    """How near to its quota the file repository is; None where the application's host cannot be asked."""
    instance = load_instance(environment)
    usage = doors.runtime().repository_usage(instance.name)
    return None if usage is None else judge_quota(usage, repository_quota(instance))
