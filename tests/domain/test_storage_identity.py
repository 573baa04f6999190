"""The policy of an environment's identity: its own bucket and nothing else, however a server writes it down."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.environment import EnvironmentName, Purpose
from domain.storage_identity import identity_policy, same_policy

A = EnvironmentName(municipality="timoteo", purpose=Purpose.PRODUCAO)
B = EnvironmentName(municipality="timoteo", purpose=Purpose.TREINAMENTO)


def statements(policy: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    found = policy["Statement"]
    assert isinstance(found, list)
    return [statement for statement in found if isinstance(statement, dict)]


def test_only_the_environments_own_bucket_is_named() -> None:
    resources = [resource for statement in statements(identity_policy(A)) for resource in [statement["Resource"]]]
    assert resources == [["arn:aws:s3:::timoteo-producao"], ["arn:aws:s3:::timoteo-producao/*"]]


def test_no_action_stands_for_many_and_none_destroys_versions() -> None:
    actions = repr(identity_policy(A))
    assert "s3:*" not in actions
    for action in ("DeleteObjectVersion", "BypassGovernance", "Retention", "LegalHold", "Bucket'", "Policy"):
        assert f"s3:{action}" not in actions


@given(data=st.data())
def test_a_policy_is_the_same_however_it_is_written(data: st.DataObject) -> None:
    def rewrite(value: JsonValue) -> JsonValue:
        if isinstance(value, list) and len(value) == 1 and data.draw(st.booleans()):
            return value[0]
        return data.draw(st.permutations(value)) if isinstance(value, list) else value

    rewritten: list[JsonValue] = [
        {name: rewrite(value) for name, value in statement.items() if name != "Sid" or data.draw(st.booleans())}
        for statement in statements(identity_policy(A))
    ]
    assert same_policy(
        identity_policy(A), {"Version": "2012-10-17", "Statement": data.draw(st.permutations(rewritten))}
    )


def test_one_grant_more_or_less_or_elsewhere_is_another_policy() -> None:
    own = identity_policy(A)
    first, second = statements(own)
    others: list[JsonValue] = [
        identity_policy(B),
        {**own, "Statement": [first]},
        {**own, "Statement": [first, second, {**second, "Resource": "arn:aws:s3:::*"}]},
        {**own, "Statement": [first, {**second, "Effect": "Deny"}]},
        {**own, "Statement": [first, {**second, "Action": [*_strings(second["Action"]), "s3:DeleteObjectVersion"]}]},
        {**own, "Statement": [first, {**second, "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]},
        None,
        {},
    ]
    for other in others:
        assert not same_policy(other, own), other


def _strings(value: JsonValue) -> list[JsonValue]:
    assert isinstance(value, list)
    return value
