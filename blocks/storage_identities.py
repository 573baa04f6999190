"""The identities of environments in the object storage, over the IAM API that AWS defined and SeaweedFS speaks."""

import json
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import JsonValue, TypeAdapter

from blocks.object_storage import ObjectStorage
from blocks.rehearsal import is_rehearsal
from blocks.s3_errors import code_of, explaining_s3
from domain.change import Change
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.storage_identity import POLICY_NAME, S3Identity, S3Key, identity_name, identity_policy, same_policy

_NO_SUCH = "NoSuchEntity"


class StorageIdentities:
    """One IAM user an environment, each with one policy and one key."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage = storage

    @cached_property
    def _iam(self) -> Any:  # noqa: ANN401  # the types of this client are not among our dependencies
        storage = self._storage
        if storage.iam_endpoint is None:
            raise InvalidInputError(
                "O bloco do S3 não diz onde fica a API IAM",
                storage.endpoint,
                "Preencha iam_endpoint na tela Blocks do Prefect: sem ela nenhum ambiente tem chave própria.",
            )
        return boto3.client(
            "iam",
            endpoint_url=storage.iam_endpoint,
            region_name=storage.region,
            aws_access_key_id=storage.access_key,
            aws_secret_access_key=storage.secret_key.get_secret_value(),
            config=Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1}),
        )

    def ensure_identity(self, environment: EnvironmentName, known: S3Key | None) -> S3Identity:
        """Give the environment an identity that may use its own bucket, and nothing else.

        `known` is the key that was saved. A key that nobody saved, because a run was killed between the making and the
        saving or because somebody made it by hand, is removed; a known one that does not work any more is replaced.
        """
        user = identity_name(environment)
        with explaining_s3(f"{self._storage.iam_endpoint}, {user}"):
            change = self._ensure_user(user)
            change += self._ensure_only_policy(user, environment)
            key_change, key = self._ensure_only_key(user, known)
        return S3Identity(user=user, change=change + key_change, key=key)

    def remove_identity(self, environment: EnvironmentName) -> Change:
        """Take every right from an environment's identity, its keys first, and remove it."""
        user = identity_name(environment)
        with explaining_s3(f"{self._storage.iam_endpoint}, {user}"):
            if not self._has_user(user):
                return Change()
            if not is_rehearsal():
                for key_id in self._list_keys(user):
                    self._iam.delete_access_key(UserName=user, AccessKeyId=key_id)
                for name in self._list_inline(user):
                    self._iam.delete_user_policy(UserName=user, PolicyName=name)
                self._drop_memberships(user)
                self._iam.delete_user(UserName=user)
        return Change(removed=1, details=(f"identidade {user} no S3",))

    def _has_user(self, user: str) -> bool:
        try:
            self._iam.get_user(UserName=user)
        except ClientError as e:
            if code_of(e) == _NO_SUCH:
                return False
            raise
        return True

    def _ensure_user(self, user: str) -> Change:
        if self._has_user(user):
            return Change(unchanged=1)
        if not is_rehearsal():
            self._iam.create_user(UserName=user)
        return Change(created=1, details=(f"identidade {user} no S3",))

    def _list_keys(self, user: str) -> list[str]:
        return [str(key["AccessKeyId"]) for key in self._collect("list_access_keys", "AccessKeyMetadata", user)]

    def _list_inline(self, user: str) -> list[str]:
        return [str(name) for name in self._collect("list_user_policies", "PolicyNames", user)]

    def _collect(self, operation: str, field: str, user: str) -> list[Any]:
        """Every item of a listing; none of a user that a rehearsal did not make."""
        try:
            pages = self._iam.get_paginator(operation).paginate(UserName=user)
            return [item for page in pages for item in page[field]]
        except ClientError as e:
            if code_of(e) == _NO_SUCH:
                return []
            raise

    def _read_policy(self, user: str) -> JsonValue:
        try:
            document = self._iam.get_user_policy(UserName=user, PolicyName=POLICY_NAME)["PolicyDocument"]
        except ClientError as e:
            if code_of(e) == _NO_SUCH:
                return None
            raise
        # The driver decodes it already, as it does for AWS.
        return TypeAdapter(JsonValue).validate_python(document)

    def _ensure_only_policy(self, user: str, environment: EnvironmentName) -> Change:
        """Exactly the environment's own policy: no other, attached, or come by way of a group, may add to it."""
        found, wanted = self._read_policy(user), identity_policy(environment)
        change = Change(unchanged=1)
        if not same_policy(found, wanted):
            state = "faltava" if found is None else "concedia outra coisa"
            change = Change(updated=1, details=(f"política da identidade {user} no S3: {state}",))
            if not is_rehearsal():
                self._iam.put_user_policy(UserName=user, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(wanted))
        for name in self._list_inline(user):
            if name != POLICY_NAME:
                change += Change(removed=1, details=(f"política {name} a mais na identidade {user} no S3",))
                if not is_rehearsal():
                    self._iam.delete_user_policy(UserName=user, PolicyName=name)
        return change + self._drop_memberships(user)

    def _drop_memberships(self, user: str) -> Change:
        change = Change()
        for policy in self._collect("list_attached_user_policies", "AttachedPolicies", user):
            name = policy["PolicyName"]
            change += Change(removed=1, details=(f"política {name} anexada à identidade {user} no S3",))
            if not is_rehearsal():
                self._iam.detach_user_policy(UserName=user, PolicyArn=policy["PolicyArn"])
        for group in self._collect("list_groups_for_user", "Groups", user):
            name = group["GroupName"]
            change += Change(removed=1, details=(f"grupo {name} da identidade {user} no S3",))
            if not is_rehearsal():
                self._iam.remove_user_from_group(GroupName=name, UserName=user)
        return change

    def _ensure_only_key(self, user: str, known: S3Key | None) -> tuple[Change, S3Key | None]:
        found = self._list_keys(user)
        kept = known if known and known.access_key in found and self._works(known) else None
        change = Change(unchanged=1) if kept else Change()
        # The others first: AWS allows two keys a user, and two unsaved ones would leave no room.
        for key_id in found:
            if kept is None or key_id != kept.access_key:
                change += Change(removed=1, details=(f"chave que não está em uso na identidade {user} no S3",))
                if not is_rehearsal():
                    self._iam.delete_access_key(UserName=user, AccessKeyId=key_id)
        if kept is not None:
            return change, kept
        change += Change(created=1, details=(f"chave da identidade {user} no S3",))
        if is_rehearsal():
            return change, None
        made = self._iam.create_access_key(UserName=user)["AccessKey"]
        return change, S3Key(access_key=made["AccessKeyId"], secret_key=made["SecretAccessKey"])

    def _works(self, key: S3Key) -> bool:
        return self._storage.as_identity(key.access_key, key.secret_key).accepts_key()
