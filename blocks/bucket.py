"""One bucket's settings: read as they are, and put right one by one."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from blocks.s3_errors import MISSING, UNSUPPORTED, code_of
from domain.bucket import (
    ABORT_RULE,
    NONCURRENT_RULE,
    Aspect,
    BucketRule,
    BucketState,
    Difference,
    LifecycleRule,
    Retention,
)
from domain.errors import IntegrityError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import LifecycleRuleUnionTypeDef, PublicAccessBlockConfigurationTypeDef

_PRIVATE: "PublicAccessBlockConfigurationTypeDef" = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_WITHOUT_LOCK = frozenset({"InvalidBucketState", "InvalidRequest", "MalformedXML", *UNSUPPORTED})
_ACTIONS = frozenset({"AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"})


class BucketSettings:
    """The door to one bucket's settings; raises what the driver raises, for the block to explain."""

    def __init__(self, client: "S3Client", name: str, where: str) -> None:
        self._client, self._name, self._where = client, name, where

    def exists(self) -> bool:
        """Whether there is such a bucket."""
        try:
            self._client.head_bucket(Bucket=self._name)
        except ClientError as e:
            if code_of(e) in MISSING:
                return False
            raise
        return True

    def create(self, *, locked: bool) -> None:
        """Make the bucket. Object lock goes with the making: a kill right after leaves nothing half locked."""
        if locked:
            self._client.create_bucket(Bucket=self._name, ObjectLockEnabledForBucket=True)
        else:
            self._client.create_bucket(Bucket=self._name)

    def is_versioned(self) -> bool:
        """Whether every change of an object keeps what was there before."""
        return self._client.get_bucket_versioning(Bucket=self._name).get("Status") == "Enabled"

    def read(self) -> BucketState:
        """Everything that is declared of an environment's bucket, as it is."""
        locked, retention = self._read_lock()
        return BucketState(
            versioned=self.is_versioned(),
            locked=locked,
            retention=retention,
            lifecycle=self._read_lifecycle(),
            public_block=self._read_public_block(),
            granting_policy=any(map(_grants, self._read_policy())),
            foreign_grants=self._has_foreign_grants(),
            tags=self.read_tags(),
        )

    def is_locked(self) -> bool:
        """Whether versions in this bucket may be under retention or legal hold."""
        return self._read_lock()[0]

    def _read_lock(self) -> tuple[bool, Retention | None]:
        try:
            found = self._client.get_object_lock_configuration(Bucket=self._name)["ObjectLockConfiguration"]
        except ClientError as e:
            if code_of(e) in {"ObjectLockConfigurationNotFoundError", *UNSUPPORTED}:
                return False, None
            raise
        default = found.get("Rule", {}).get("DefaultRetention")
        days = default and (default.get("Days") or default.get("Years", 0) * 365)
        retention = Retention(mode=default["Mode"], days=days) if default and days else None
        return found.get("ObjectLockEnabled") == "Enabled", retention

    def _read_lifecycle(self) -> dict[str, LifecycleRule]:
        try:
            rules = self._client.get_bucket_lifecycle_configuration(Bucket=self._name)["Rules"]
        except ClientError as e:
            if code_of(e) == "NoSuchLifecycleConfiguration":
                return {}
            raise
        return {rule.get("ID", f"sem nome {number}"): _lifecycle_rule(rule) for number, rule in enumerate(rules, 1)}

    def _read_public_block(self) -> bool | None:
        try:
            found = self._client.get_public_access_block(Bucket=self._name)["PublicAccessBlockConfiguration"]
        except ClientError as e:
            if code_of(e) in UNSUPPORTED:
                return None
            if code_of(e) == "NoSuchPublicAccessBlockConfiguration":
                return False
            raise
        return all(found.get(name) for name in _PRIVATE)

    def _read_policy(self) -> list[dict[str, Any]]:
        try:
            statements = json.loads(self._client.get_bucket_policy(Bucket=self._name)["Policy"])["Statement"]
        except ClientError as e:
            if code_of(e) == "NoSuchBucketPolicy":
                return []
            raise
        return statements if isinstance(statements, list) else [statements]

    def _has_foreign_grants(self) -> bool:
        found = self._client.get_bucket_acl(Bucket=self._name)
        owner = found["Owner"]["ID"]
        return any(grant.get("Grantee", {}).get("ID") != owner for grant in found["Grants"])

    def read_tags(self) -> dict[str, str]:
        """The bucket's tags, ours and others'."""
        try:
            tags = self._client.get_bucket_tagging(Bucket=self._name)["TagSet"]
        except ClientError as e:
            if code_of(e) == "NoSuchTagSet":
                return {}
            raise
        return {tag["Key"]: tag["Value"] for tag in tags}

    def put_right(self, differences: tuple[Difference, ...], rule: BucketRule | None, tags: Mapping[str, str]) -> None:
        """Make every aspect that differs what is declared.

        Raises:
            IntegrityError: the bucket was made without object lock, and this server does not add it.
        """
        # In the order of the aspects: lock needs versioning, retention needs lock.
        aspects = {difference.aspect for difference in differences}
        if Aspect.VERSIONING in aspects:
            self._client.put_bucket_versioning(Bucket=self._name, VersioningConfiguration={"Status": "Enabled"})
        if rule is not None:
            if aspects & {Aspect.LOCK, Aspect.RETENTION}:
                self._lock(rule.retention)
            if Aspect.LIFECYCLE in aspects:
                self._client.put_bucket_lifecycle_configuration(
                    Bucket=self._name, LifecycleConfiguration={"Rules": _lifecycle_rules(rule)}
                )
        if Aspect.PUBLIC_BLOCK in aspects:
            self._client.put_public_access_block(Bucket=self._name, PublicAccessBlockConfiguration=_PRIVATE)
        if Aspect.POLICY in aspects:
            self._drop_grants_from_policy()
        if Aspect.ACL in aspects:
            self._client.put_bucket_acl(Bucket=self._name, ACL="private")
        if Aspect.TAGS in aspects:
            merged = self.read_tags() | dict(tags)
            self._client.put_bucket_tagging(
                Bucket=self._name, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in merged.items()]}
            )

    def _lock(self, retention: Retention) -> None:
        try:
            self._client.put_object_lock_configuration(
                Bucket=self._name,
                ObjectLockConfiguration={
                    "ObjectLockEnabled": "Enabled",
                    "Rule": {"DefaultRetention": {"Mode": retention.mode, "Days": retention.days}},
                },
            )
        except ClientError as e:
            if code_of(e) not in _WITHOUT_LOCK:
                raise
            raise IntegrityError(
                f"O bucket foi criado sem object lock, e este servidor não o liga depois ({code_of(e)})",
                self._where,
                "Copie os objetos para outro lugar, remova o bucket e execute de novo: ele nasce com object lock.",
            ) from e

    def _drop_grants_from_policy(self) -> None:
        # What denies stays: an institution may demand encrypted connections there.
        kept = [statement for statement in self._read_policy() if not _grants(statement)]
        if kept:
            policy = json.dumps({"Version": "2012-10-17", "Statement": kept})
            self._client.put_bucket_policy(Bucket=self._name, Policy=policy)
        else:
            self._client.delete_bucket_policy(Bucket=self._name)


def _grants(statement: dict[str, Any]) -> bool:
    return statement.get("Effect") != "Deny"


def _lifecycle_rules(rule: BucketRule) -> "list[LifecycleRuleUnionTypeDef]":
    return [
        {
            "ID": ABORT_RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": rule.abort_uploads_days},
        },
        {
            "ID": NONCURRENT_RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": rule.noncurrent_days},
        },
    ]


def _lifecycle_rule(found: Mapping[str, Any]) -> LifecycleRule:
    abort: Mapping[str, Any] = found.get("AbortIncompleteMultipartUpload", {})
    noncurrent: Mapping[str, Any] = found.get("NoncurrentVersionExpiration", {})
    everywhere = found.get("Filter", {"Prefix": found.get("Prefix", "")}) in ({}, {"Prefix": ""})
    other_actions = set(found) - _ACTIONS - {"ID", "Status", "Filter", "Prefix"}
    return LifecycleRule(
        abort_uploads_days=abort.get("DaysAfterInitiation"),
        noncurrent_days=noncurrent.get("NoncurrentDays"),
        exact=found.get("Status") == "Enabled"
        and everywhere
        and not other_actions
        and not noncurrent.get("NewerNoncurrentVersions"),
    )
