"""What the description for senders allows, and what it does not, by the hundred: nothing starts and nothing breaks."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import SecretStr
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.schemas import OpenApiSchema

from domain.webhook.contracts import CONTRACTS, Source
from gateway.app import create_app
from gateway.webhook_keys import WebhookKeys
from registry import Registry
from tasks.webhook_secrets import rotate_secret
from tests.gateway.running import running
from tests.gateway.webhook_sender import Sender, new_id
from tests.ssc.conftest import Clock

CASES = 200
ALLOWED = {400, 401, 404, 405, 413, 415, 422}


class Moving(Clock):
    """Every look at it is a minute later: nobody is too frequent here, which tests of its own see to."""

    def __call__(self) -> float:
        self.seconds += 60
        return self.seconds


@pytest.fixture(scope="module")
def keys_of_sources(installation: None) -> dict[Source, SecretStr]:
    return {source: rotate_secret(source).secret for source in Source}


@pytest.fixture
def sender(
    keys_of_sources: dict[Source, SecretStr], olhos_dagua: str, request: pytest.FixtureRequest
) -> Iterator[Sender]:
    """The help desk, or the source that a test names."""
    source: Source = getattr(request, "param", Source.TICKET)
    with running(create_app(clock=Moving(), keys=WebhookKeys(Clock()))) as client:
        yield Sender(client, source, keys_of_sources[source])


GENERATED = settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def description(sender: Sender) -> OpenApiSchema:
    """What the gateway says of its webhooks."""
    base = str(sender.client.base_url).rstrip("/")
    return schemathesis.openapi.from_url(f"{base}/webhooks/openapi.json")


@pytest.mark.parametrize("mode", GenerationMode)
def test_requests_made_from_the_description_are_refused_and_leave_nothing(
    sender: Sender, registry: Registry, mode: GenerationMode
) -> None:
    operations = [found.ok() for found in description(sender).get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 2 * len(Source)
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for operation in operations])
    before, seen, asked = len(registry.webhooks.list(limit=10_000)), Counter[int](), Counter[str]()

    @seed(20261128)
    @GENERATED
    @given(cases)
    def refused(case: Case[Any]) -> None:
        answer = case.call(timeout=20)
        assert answer.status_code in ALLOWED, (answer.status_code, case.as_curl_command())
        assert answer.json().keys() == {"erro"}
        seen[answer.status_code] += 1
        asked[case.operation.path.split("/")[1]] += 1

    refused()
    assert sum(seen.values()) >= CASES
    assert asked.keys() == set(Source), "every source is among them"
    unsigned = {401}  # what is described in every point, but by somebody who knows no secret
    assert seen.keys() == unsigned if mode is GenerationMode.POSITIVE else len(seen) > 1
    assert len(registry.webhooks.list(limit=10_000)) == before


@pytest.mark.parametrize("sender", [Source.TICKET, Source.STATE_UPGRADED], indirect=True)
def test_bodies_that_the_description_does_not_allow_are_refused_although_they_are_signed(
    sender: Sender, registry: Registry
) -> None:
    before, seen = len(registry.webhooks.list(limit=10_000)), Counter[int]()
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    )
    described = Draft202012Validator(CONTRACTS[sender.source].model_json_schema())
    negative = description(sender)[f"/{sender.source.value}"]["POST"].as_strategy(
        generation_mode=GenerationMode.NEGATIVE
    )

    @seed(20261129)
    @GENERATED
    @given(st.one_of(negative.map(lambda case: case.body), json_values))
    def refused(value: object) -> None:
        assume(not described.is_valid(value))  # schemathesis may have made something else than the body wrong
        try:
            body = sender.client.build_request("POST", sender.path, json=value).content
        except (TypeError, ValueError):  # no JSON at all
            body = repr(value).encode("utf-8", errors="replace")
        answer = sender.send(new_id(), body)
        seen[answer.status_code] += 1
        assert answer.status_code in {413, 422}, (answer.status_code, body)

    refused()
    assert sum(seen.values()) >= CASES
    assert len(registry.webhooks.list(limit=10_000)) == before
