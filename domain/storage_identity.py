"""What an environment's own identity in the object storage may do: its bucket, and nothing else."""

from pydantic import JsonValue, SecretStr

from domain.change import Change
from domain.environment import EnvironmentName
from domain.model import Frozen

POLICY_NAME = "implanta-ambiente"

# Neither deleting versions nor touching retention: what an intruder in the application deletes can be brought back.
BUCKET_ACTIONS = ("s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket", "s3:ListBucketVersions")
OBJECT_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutObject",
)

Statement = tuple[str, frozenset[str], frozenset[str], str]
"""Effect, actions, resources, and whatever else the statement says."""


class S3Key(Frozen):
    """An access key and its secret."""

    access_key: str
    secret_key: SecretStr


class S3Identity(Frozen):
    """An environment's identity after it was converged."""

    user: str
    change: Change
    key: S3Key | None
    """None in a rehearsal that would make one."""


def identity_name(environment: EnvironmentName) -> str:
    """`ambiente-timoteo-producao`: the IAM user of an environment."""
    return f"ambiente-{environment.slug}"


def identity_policy(environment: EnvironmentName) -> dict[str, JsonValue]:
    """The only policy of an environment's identity, as IAM takes it."""
    arn = f"arn:aws:s3:::{environment.bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Bucket", "Effect": "Allow", "Action": [*BUCKET_ACTIONS], "Resource": [arn]},
            {"Sid": "Objetos", "Effect": "Allow", "Action": [*OBJECT_ACTIONS], "Resource": [f"{arn}/*"]},
        ],
    }


def same_policy(one: JsonValue, other: JsonValue) -> bool:
    """Whether two policies grant the same: servers reorder lists, and write a list of one as its only item."""
    return _statements(one) == _statements(other)


def _statements(policy: JsonValue) -> set[Statement] | None:
    """The statements of a policy, None for what is not one."""
    if not isinstance(policy, dict):
        return None
    return {_statement(statement) for statement in _as_list(policy.get("Statement"))}


def _statement(statement: JsonValue) -> Statement:
    if not isinstance(statement, dict):
        return ("", frozenset(), frozenset(), repr(statement))
    rest = {name: value for name, value in statement.items() if name not in {"Sid", "Effect", "Action", "Resource"}}
    return (
        str(statement.get("Effect")),
        frozenset(map(str, _as_list(statement.get("Action")))),
        frozenset(map(str, _as_list(statement.get("Resource")))),
        repr(sorted(rest.items(), key=repr)),
    )


def _as_list(value: JsonValue) -> list[JsonValue]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
