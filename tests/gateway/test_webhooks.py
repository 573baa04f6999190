"""Webhooks on a real Prefect server and registry: what is signed starts its flow once, and nothing else starts any."""

import base64
import json
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import standardwebhooks.webhooks
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.settings import PROJECT_ROOT, Settings
from domain.webhook.contracts import Source
from domain.webhook.delivery import WebhookState
from gateway.app import create_app
from gateway.body import MAX_BODY_BYTES
from gateway.deliverer import Deliverer
from gateway.signatures import Stamp, is_signed
from gateway.webhook_keys import WebhookKeys
from gateway.webhooks import FORGED_ATTEMPTS
from lab import status, up
from registry import Registry
from registry.webhooks import WEBHOOK_ACCEPTED, WEBHOOK_FAILED, WEBHOOK_STARTED
from tasks.webhook_secrets import find_secrets, retire_previous, rotate_secret
from tasks.webhooks import deliver_due, drop_old_bodies
from tests.conftest import LAB_SERVICES
from tests.gateway.running import running
from tests.gateway.webhook_sender import MESSAGES, Sender, new_id, runs_of, sign
from tests.ssc.conftest import Clock
from tests.waiting import end, wait_until

IBGE = "3145455"
POOL = "implanta"
Senders = dict[Source, Sender]


@pytest.fixture(scope="module", autouse=True)
def nobody_works(installation: None) -> Iterator[None]:
    """The worker takes no run of these tests: that each is there is what they ask."""
    with get_client(sync_client=True) as client:
        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    yield
    with get_client(sync_client=True) as client:
        of_webhooks = FlowRunFilter(tags=FlowRunFilterTags(all_=["webhook"]))
        while runs := client.read_flow_runs(flow_run_filter=of_webhooks):
            for run in runs:
                client.delete_flow_run(run.id)
        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))


@pytest.fixture(scope="module")
def keys_of_sources(nobody_works: None) -> dict[Source, SecretStr]:
    """The first secret of every source."""
    return {source: rotate_secret(source).secret for source in Source}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def senders(keys_of_sources: dict[Source, SecretStr], olhos_dagua: str, clock: Clock) -> Iterator[Senders]:
    """Every source, before a gateway that accepts and does not deliver: the tests do."""
    assert olhos_dagua == "olhos-dagua"
    with running(create_app(clock=clock)) as client:
        yield {source: Sender(client, source, secret) for source, secret in keys_of_sources.items()}


def settle() -> None:
    """Deliver what earlier tests left."""
    deliver_due()


DEPLOYMENTS = {
    Source.ADHESION: ("adesao", MESSAGES[Source.ADHESION]),
    Source.HUMAN_RESOURCES: ("planilha-do-rh", MESSAGES[Source.HUMAN_RESOURCES]),
    Source.TRAINING: ("portoes-da-capacitacao", {"municipalities": ["olhos-dagua"]}),
    Source.TICKET: ("atendimento", {"ticket": MESSAGES[Source.TICKET]}),
    Source.BUCKET: ("implantacao", {"municipality": "olhos-dagua", "wait_seconds": 900}),
    Source.RELEASE_PUBLISHED: ("versao-publicada", MESSAGES[Source.RELEASE_PUBLISHED]),
    Source.STATE_UPGRADED: ("versao-aplicada", MESSAGES[Source.STATE_UPGRADED]),
}


@pytest.mark.parametrize("source", Source)
def test_a_signed_message_is_stored_and_starts_the_flow_that_the_catalog_says(
    senders: Senders, registry: Registry, source: Source
) -> None:
    sender, number = senders[source], new_id()
    answer = sender.send(number)
    assert (answer.status_code, answer.json()["numero"]) == (202, number)
    assert sender.ask(number).json()["situacao"] == "na fila"
    assert runs_of(source, number) == []

    assert deliver_due().started >= 1
    (run,) = runs_of(source, number)
    name, parameters = DEPLOYMENTS[source]
    with get_client(sync_client=True) as client:
        assert run.deployment_id is not None
        assert client.read_deployment(run.deployment_id).name == name
    assert run.parameters == parameters
    of_the_state = source in {Source.RELEASE_PUBLISHED, Source.STATE_UPGRADED}
    assert ("estado" if of_the_state else "município:olhos-dagua") in run.tags
    told = sender.ask(number).json()
    assert (told["situacao"], told["tentativas"], told["origem"]) == ("iniciado", 1, source.value)
    if of_the_state:
        return
    events = registry.events(IBGE, kinds=[WEBHOOK_ACCEPTED, WEBHOOK_STARTED])
    assert [event.kind for event in events if event.details["webhook"] == number] == [WEBHOOK_ACCEPTED, WEBHOOK_STARTED]
    assert events[-1].flow_run_id == str(run.id)


def test_a_message_sent_again_gets_the_same_answer_and_starts_nothing_more(senders: Senders) -> None:
    sender, number = senders[Source.TRAINING], new_id()
    first = sender.send(number)
    deliver_due()
    again = sender.send(number)
    assert (again.status_code, again.json()) == (202, first.json())
    deliver_due()
    assert len(runs_of(Source.TRAINING, number)) == 1
    with ThreadPoolExecutor(8) as pool:
        number = new_id()
        answers = list(pool.map(lambda _: sender.send(number), range(8)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}
    assert deliver_due().started == 1


def test_a_number_is_one_message_of_one_source(senders: Senders) -> None:
    number = new_id()
    assert senders[Source.HUMAN_RESOURCES].send(number).status_code == 202
    refused = senders[Source.HUMAN_RESOURCES].send(number, sha256="cd" * 32)
    assert (refused.status_code, "número" in refused.json()["erro"]) == (409, True)
    assert senders[Source.TRAINING].send(number).status_code == 202
    assert deliver_due().started == 2


def test_who_asks_must_sign_and_learns_nothing_of_anybody_elses(senders: Senders) -> None:
    number = new_id()
    senders[Source.TRAINING].send(number)
    sender = senders[Source.TRAINING]
    assert senders[Source.BUCKET].ask(number).status_code == 404
    assert sender.ask(new_id()).status_code == 404
    assert sender.client.get(f"{sender.path}/{number}").status_code == 400
    another = sender.client.get(f"{sender.path}/{number}", headers=sender.stamp(new_id(), b""))
    assert another.status_code == 401
    assert sender.ask(number).json().keys() == {
        *("origem", "numero", "recebido_em", "situacao", "tentativas", "decidido_em")
    }


def test_a_rotated_secret_is_accepted_beside_the_old_one_until_that_is_retired(senders: Senders, clock: Clock) -> None:
    source = Source.BUCKET
    old, new = senders[source].secret, rotate_secret(source).secret
    assert old != new
    clock.seconds += 61
    as_new = Sender(senders[source].client, source, new)
    assert (senders[source].send().status_code, as_new.send().status_code) == (202, 202)
    # A sender that does not know yet which one we have signs with both.
    body, number = b'{"bucket":"olhos-dagua-entrada","object_key":"unidades.csv"}', new_id()
    stamp, unknown = as_new.stamp(number, body), SecretStr(base64.b64encode(secrets.token_bytes(24)).decode())
    other = sign(unknown, number, stamp["webhook-timestamp"], body)
    stamp["webhook-signature"] = f"v2,zzz {other} {stamp['webhook-signature']}"
    assert as_new.client.post(as_new.path, content=body, headers={**as_new.headers, **stamp}).status_code == 202
    assert retire_previous(source)
    assert not retire_previous(source)
    clock.seconds += 61
    assert (senders[source].send().status_code, as_new.send().status_code) == (401, 202)
    found = find_secrets(source)
    assert found is not None
    found.model_copy(update={"secret": old}).save(source.value, overwrite=True)  # as the other tests know it
    settle()


def test_the_published_vector_of_the_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, body = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), b'{"test": 2432232314}'
    number, timestamp = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, number, timestamp, body) == signature

    class Then(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(timestamp + 299, UTC)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Then)
    stamp = Stamp(webhook_id=number, timestamp=str(timestamp), signatures=signature)
    assert is_signed(body, stamp, [secret])
    assert not is_signed(body + b" ", stamp, [secret])
    assert not is_signed(body, stamp.model_copy(update={"timestamp": str(timestamp - 2)}), [secret])


def test_the_example_of_the_guide_signs_as_it_should(senders: Senders, tmp_path: Path) -> None:
    guide = (PROJECT_ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```sh\n(corpo=.*?)```", guide, re.DOTALL)
    sender, number = senders[Source.TRAINING], new_id()
    (tmp_path / "capacitacao.segredo").write_text(sender.secret.get_secret_value() + "\n")
    script = example.replace("https://gateway.exemplo", str(sender.client.base_url).rstrip("/"))
    script = script.replace("timoteo", "olhos-dagua").replace("msg_0001", number)
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["numero"] == number, done.stdout
    assert deliver_due().started == 1


Attack = Callable[[Sender, str], httpx.Response]


def post(sender: Sender, body: bytes, headers: dict[str, str], path: str | None = None) -> httpx.Response:
    return sender.client.post(path or sender.path, content=body, headers={**sender.headers, **headers})


BODY = b'{"municipality":"olhos-dagua"}'


def _with(sender: Sender, number: str, **changed: str) -> httpx.Response:
    """The right message with other headers."""
    stamp = sender.stamp(number, BODY) | {name.replace("_", "-"): value for name, value in changed.items()}
    return post(sender, BODY, {name: value for name, value in stamp.items() if value})


def _of_another(sender: Sender) -> Sender:
    return Sender(
        sender.client, sender.source, SecretStr("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    )


ATTACKS: dict[str, tuple[int, Attack]] = {
    "forged": (401, lambda sender, number: _of_another(sender).send(number)),
    "body changed": (401, lambda s, n: post(s, BODY + b" ", s.stamp(n, BODY))),
    "id changed": (401, lambda s, n: post(s, BODY, s.stamp(new_id(), BODY) | {"webhook-id": n})),
    "signature of another source": (401, lambda s, n: post(s, BODY, s.stamp(n, BODY), "/webhooks/balde")),
    "old": (401, lambda s, n: post(s, BODY, s.stamp(n, BODY, age=301))),
    "from the future": (401, lambda s, n: post(s, BODY, s.stamp(n, BODY, age=-310))),
    "old, with a new moment": (401, lambda s, n: _with(s, n, webhook_timestamp=str(int(time.time()) - 1))),
    "no signature": (400, lambda s, n: _with(s, n, webhook_signature="")),
    "no moment": (400, lambda s, n: _with(s, n, webhook_timestamp="")),
    "no number": (400, lambda s, n: _with(s, n, webhook_id="")),
    "moment is no number": (400, lambda s, n: _with(s, n, webhook_timestamp="nan")),
    "number with a dot": (400, lambda s, n: _with(s, n, webhook_id=f"{n}.1")),
    "endless signature": (400, lambda s, n: _with(s, n, webhook_signature="v1,aaaa" * 200)),
    "signature that is none": (401, lambda s, n: _with(s, n, webhook_signature="v1 ,,, v1,@@@ v1")),
    "another version": (401, lambda s, n: _with(s, n, webhook_signature="v1a,AAAA")),
    "empty": (422, lambda s, n: s.send(n, b"")),
    "no JSON": (422, lambda s, n: s.send(n, b"municipality=olhos-dagua")),
    "a list": (422, lambda s, n: s.send(n, b"[]")),
    "null": (422, lambda s, n: s.send(n, b"null")),
    "no field": (422, lambda s, n: s.send(n, b"{}")),
    "one field more": (422, lambda s, n: s.send(n, deployment="encerramento")),
    "no slug": (422, lambda s, n: s.send(n, municipality="../etc")),
    "slug with a line more": (422, lambda s, n: s.send(n, municipality="olhos-dagua\n")),
    "no text": (401, lambda s, n: s.send(n, b"\xff\xfe")),
    "deep": (422, lambda s, n: s.send(n, b'{"municipality":' + b"[" * 5000 + b"]" * 5000 + b"}")),
    "unknown municipality": (422, lambda s, n: s.send(n, municipality="municipio-que-nao-ha")),
    "oversized": (413, lambda s, n: s.send(n, b" " * MAX_BODY_BYTES + BODY)),
    "oversized, without its length": (
        413,
        lambda s, n: s.client.post(
            s.path, content=iter([b" " * MAX_BODY_BYTES, BODY]), headers=s.headers | s.stamp(n, BODY)
        ),
    ),
    "a form": (
        415,
        lambda s, n: post(s, BODY, s.stamp(n, BODY) | {"content-type": "application/x-www-form-urlencoded"}),
    ),
    "no type": (415, lambda s, n: post(s, BODY, s.stamp(n, BODY) | {"content-type": ""})),
    "unknown source": (404, lambda s, n: post(s, BODY, s.stamp(n, BODY), "/webhooks/outra")),
    "the root": (404, lambda s, n: post(s, BODY, s.stamp(n, BODY), "/webhooks/")),
    "another method": (405, lambda s, n: s.client.put(s.path, content=BODY, headers=s.headers | s.stamp(n, BODY))),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_not_right_is_refused_in_one_line_and_neither_stored_nor_started(
    senders: Senders, registry: Registry, attack: str
) -> None:
    status_code, send = ATTACKS[attack]
    number, before = new_id(), len(registry.webhooks.list(limit=10_000))
    answer = send(senders[Source.TRAINING], number)
    assert answer.status_code == status_code, answer.text
    assert answer.json().keys() == {"erro"}
    assert answer.json()["erro"].endswith((".", "json."))
    assert len(registry.webhooks.list(limit=10_000)) == before
    deliver_due()
    for source in Source:
        assert runs_of(source, number) == []
    assert senders[Source.TRAINING].send(number).status_code == 202, "the number is still the true sender's"


def test_personal_data_in_a_message_or_its_number_is_refused_and_repeated_nowhere(
    senders: Senders, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("gateway").setLevel(logging.INFO)
    cpf = "529.982.247-25"
    refused = [
        senders[Source.TICKET].send(environment=cpf),
        senders[Source.TICKET].send(environment="maria@exemplo.gov.br"),
        senders[Source.TRAINING].send(municipality=cpf),
        senders[Source.TRAINING].send("52998224725"),
        senders[Source.HUMAN_RESOURCES].send(object_key=f"rh/{cpf}.csv"),
        senders[Source.TRAINING].send(body=f'{{"municipality":"olhos-dagua","{cpf}":1}}'.encode()),
    ]
    assert [answer.status_code for answer in refused] == [422] * len(refused)
    told = "".join(answer.text for answer in refused) + caplog.text + str(registry.webhooks.list())
    for secret in (cpf, "maria@", "52998224725"):
        assert secret not in told


def test_too_many_messages_and_too_many_forgeries_wait(
    keys_of_sources: dict[Source, SecretStr], olhos_dagua: str, clock: Clock
) -> None:
    with running(create_app(clock=clock, webhook_attempts=FORGED_ATTEMPTS + 5)) as client:
        sender = Sender(client, Source.TRAINING, keys_of_sources[Source.TRAINING])
        forger = _of_another(sender)
        assert {forger.send().status_code for _ in range(FORGED_ATTEMPTS)} == {401}
        waiting = sender.send()
        assert (waiting.status_code, waiting.headers["retry-after"]) == (429, "600")
        clock.seconds += 601
        answers = [sender.send().status_code for _ in range(FORGED_ATTEMPTS + 6)]
        assert answers == [202] * (FORGED_ATTEMPTS + 5) + [429]
    settle()


def test_a_source_that_the_catalog_does_not_listen_to_is_not_there(
    senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Catalog().webhooks()
    without = table.model_copy(update={"rules": tuple(one for one in table.rules if one.source is not Source.TRAINING)})
    monkeypatch.setattr(Catalog, "webhooks", lambda self: without)
    assert senders[Source.TRAINING].send().status_code == 404


def test_with_the_registry_down_the_sender_is_told_to_try_again(
    senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = new_id()
    with monkeypatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
        closed.close()
        patch.setenv("IMPLANTA_REGISTRY_URL", f"mysql+pymysql://x:y@127.0.0.1:{port}/implanta")
        answer = senders[Source.TRAINING].send(number)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "127.0.0.1" not in answer.text
    assert senders[Source.TRAINING].send(number).status_code == 202
    assert deliver_due().started == 1


def test_the_description_for_senders_is_of_the_webhooks_alone(senders: Senders) -> None:
    client = senders[Source.TRAINING].client
    told = client.get("/webhooks/openapi.json").json()
    assert set(told["paths"]) == {path for one in Source for path in (f"/{one}", f"/{one}/{{webhook_id}}")}
    assert "acesso" not in str(told)
    for path in ("/openapi.json", "/docs", "/webhooks/docs", "/webhooks/redoc"):
        assert client.get(path).status_code == 404


def test_what_cannot_be_started_fails_alone_and_is_replayed_by_a_person(
    senders: Senders, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle()
    number, behind = new_id(), new_id()
    assert senders[Source.TRAINING].send(number).status_code == 202
    assert senders[Source.BUCKET].send(behind).status_code == 202
    table = Catalog().webhooks()
    elsewhere = tuple(
        one.model_copy(update={"deployment": "nao-existe"}) if one.source is Source.TRAINING else one
        for one in table.rules
    )
    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "webhooks", lambda self: table.model_copy(update={"rules": elsewhere}))
        done = deliver_due()
    assert (done.failed, done.started) == (1, 1)
    assert "nao-existe" in done.problems[0]
    found = registry.webhooks.find("capacitacao", number)
    assert found is not None
    assert (found.state, found.flow_run_id) == (WebhookState.FAILED, None)
    assert senders[Source.TRAINING].ask(number).json()["situacao"] == "com falha"
    assert registry.events(IBGE, kinds=[WEBHOOK_FAILED])[-1].details["webhook"] == number
    assert deliver_due().started == 0
    registry.webhooks.replay("capacitacao", number, datetime.now(tz=UTC))
    assert deliver_due().started == 1
    assert len(runs_of(Source.TRAINING, number)) == 1


def test_what_a_message_said_is_forgotten_after_its_days_and_its_number_is_not(
    senders: Senders, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = new_id()
    first = senders[Source.TRAINING].send(number)
    deliver_due()
    waiting = new_id()
    senders[Source.TRAINING].send(waiting)
    days = Catalog().webhooks().kept_days
    assert drop_old_bodies() == 0
    with monkeypatch.context() as patch:
        patch.setattr("tasks.clock.now", lambda: datetime.now(tz=UTC) + timedelta(days=days, minutes=1))
        assert drop_old_bodies() >= 1
    found, kept = (registry.webhooks.find("capacitacao", one) for one in (number, waiting))
    assert found is not None
    assert kept is not None
    assert (found.body, found.state) == (None, WebhookState.STARTED)
    assert kept.body is not None, "what was not started yet is never forgotten"
    assert senders[Source.TRAINING].send(number).json() == first.json()
    assert deliver_due().started == 1
    assert len(runs_of(Source.TRAINING, number)) == 1


def test_two_deliverers_at_once_start_each_message_once_and_in_its_order(senders: Senders, registry: Registry) -> None:
    settle()
    numbers = [new_id() for _ in range(12)]
    for number in numbers:
        assert senders[Source.TRAINING].send(number).status_code == 202
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(copy_context().run, deliver_due) for _ in range(3)]
        assert sum(job.result().started for job in jobs) <= len(numbers)
    deliver_due()
    runs = [runs_of(Source.TRAINING, number) for number in numbers]
    assert [len(found) for found in runs] == [1] * len(numbers)
    started = [found[0].created for found in runs]
    assert started == sorted(started, key=lambda moment: moment or datetime.max.replace(tzinfo=UTC))
    states = [registry.webhooks.find("capacitacao", number) for number in numbers]
    assert {(one.state, one.attempts) for one in states if one} == {(WebhookState.STARTED, 1)}


KILLED = """
import os, signal, sys
from tasks import webhooks

start = webhooks.start_flow

def killed(record):
    if sys.argv[1] == "after":
        start(record)
    os.kill(os.getpid(), signal.SIGKILL)

webhooks.start_flow = killed
webhooks.deliver_due()
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_between_store_and_start_or_start_and_record_it_still_starts_once(
    senders: Senders, registry: Registry, moment: str
) -> None:
    settle()
    number = new_id()
    senders[Source.BUCKET].send(number)
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), moment],
        cwd=PROJECT_ROOT,
        env=os.environ,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(runs_of(Source.BUCKET, number)) == (moment == "after")
    found = registry.webhooks.find("balde", number)
    assert found is not None
    assert found.state is WebhookState.ACCEPTED
    wait_until(lambda: deliver_due().started == 1, "the lock of the killed process is gone")
    assert len(runs_of(Source.BUCKET, number)) == 1


def test_what_is_accepted_while_prefect_is_stopped_starts_once_when_it_is_back(
    keys_of_sources: dict[Source, SecretStr], olhos_dagua: str, programme: Settings, registry: Registry, lab: Path
) -> None:
    settle()
    keys = WebhookKeys(Clock())
    keys.refresh()
    deliverer = Deliverer(keys, pause_seconds=0.5)
    numbers = {source: [new_id() for _ in range(3)] for source in Source}
    with (
        ThreadPoolExecutor(1) as pool,
        running(create_app(keys=keys, on_accepted=deliverer.wake)) as client,
    ):
        pid = next(one.pid for one in status(lab) if one.service == "prefect")
        assert pid is not None
        end(pid)
        loop = pool.submit(copy_context().run, deliverer.run)
        try:
            for source, mine in numbers.items():
                sender = Sender(client, source, keys_of_sources[source])
                assert [sender.send(number).status_code for number in mine] == [202] * 3
            wait_until(
                lambda: any(one.attempts for one in registry.webhooks.list(WebhookState.ACCEPTED)), "one was tried"
            )
            assert len(registry.webhooks.list(WebhookState.ACCEPTED)) == 3 * len(Source), (
                "nothing is lost, nothing is started"
            )
            up(lab, services=LAB_SERVICES)
            wait_until(lambda: not registry.webhooks.list(WebhookState.ACCEPTED), "all are started", seconds=90)
        finally:
            deliverer.stop()
            loop.result(timeout=60)
    for source, mine in numbers.items():
        assert [len(runs_of(source, number)) for number in mine] == [1] * 3
