"""Webhooks to other systems over real sockets: signed, sent once, tried again, and never into our own network."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks import webhook_client
from blocks.catalog import Catalog
from blocks.settings import PROJECT_ROOT
from blocks.webhook_client import post, wait_asked
from domain.message import Event
from domain.webhook.endpoint import EndpointState, OutgoingState
from domain.webhook.outgoing_rule import OutgoingRule
from gateway.deliverer import Sender
from registry import Registry
from tasks import clock
from tasks.outgoing import add_endpoint, block_name, forget_old, remove_endpoint, resend, send_due, try_endpoint
from tasks.webhook_secrets import drop_secrets, find_secrets, retire_previous, rotate_secret
from tests.edge.certificates import Authority
from tests.gateway.receiver import Receiver, receiving
from tests.waiting import wait_until

IBGE, SLUG = "3145455", "olhos-dagua-treinamento"
NAMES = count(1)
Listen = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def allowed() -> Iterator[OutgoingRule]:
    """The shipped rule, on a machine whose catalog lets messages go to itself, and with little patience."""
    shipped = Catalog().webhook_events().model_dump(by_alias=True)
    rule = OutgoingRule.model_validate({**shipped, "redes_permitidas": ["127.0.0.1/32"], "prazo_segundos": 2})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Catalog, "webhook_events", lambda self: rule)
        yield rule


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def listen(registry: Registry, olhos_dagua: str, receiver: Receiver) -> Iterator[Listen]:
    """Register the receiver; nothing that was told before is left."""
    made: list[str] = []

    def register(*types: str, url: str | None = None) -> str:
        made.append(f"destino-{next(NAMES)}")
        add_endpoint(made[-1], url or receiver.url, types)
        return made[-1]

    yield register
    for name in made:
        remove_endpoint(name)


def happen(registry: Registry, kind: str = "backup.verified", **details: object) -> None:
    registry.record_event(kind, ibge=IBGE, environment=SLUG, actor="implanta", details=details)  # type: ignore[arg-type]


def secrets_of(name: str) -> tuple[SecretStr, ...]:
    found = find_secrets(block_name(name))
    assert found is not None
    return found.accepted()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let the registry's deliverer believe that it is later."""
    return lambda later: monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + later)


def test_an_event_arrives_once_signed_and_says_what_its_contract_names(
    registry: Registry, listen: Listen, receiver: Receiver
) -> None:
    name = listen()
    happen(registry, certificate={"release_version": "4.0.0", "findings": []}, reason="Pedido de Maria da Silva")
    happen(registry, "users.opened")
    assert send_due().delivered == 1
    assert send_due().delivered == 0
    (received,) = receiver.received
    assert received.is_signed_by(secrets_of(name)[0])
    content = received.content
    assert content.keys() == {"type", "timestamp", "data"}
    assert content["type"] == "copia.certificada"
    assert received.number == f"evt_{content['data']['event']}"
    assert (content["data"]["municipality"], content["data"]["environment"]) == ("olhos-dagua", SLUG)
    assert (content["data"]["release_version"], content["data"]["findings"]) == ("4.0.0", 0)
    assert b"Maria" not in received.body


def test_an_upgrade_s_end_tells_from_where_to_where_it_led(
    registry: Registry, listen: Listen, receiver: Receiver
) -> None:
    listen("atualizacao.concluida", "portao.aberto")
    happen(registry, "upgrade.begun", from_version="4.0.0", to_version="4.1.0", reason="x")
    happen(registry, "upgrade.finished")
    happen(registry, "stage.waiting", stage="training", reasons=[{"of": "prefeitura", "text": "Falta gente"}])
    happen(registry, "stage.waiting", stage="training", reasons=[])
    happen(registry)
    assert send_due().delivered == 2
    assert receiver.types == ["atualizacao.concluida", "portao.aberto"]
    data = receiver.received[0].content["data"]
    assert (data["from_version"], data["to_version"]) == ("4.0.0", "4.1.0")


def test_while_a_key_rotates_both_sign_and_afterwards_the_new_one_alone(
    registry: Registry, listen: Listen, receiver: Receiver
) -> None:
    name = listen()
    (old,) = secrets_of(name)
    new = rotate_secret(block_name(name)).secret
    happen(registry)
    send_due()
    retire_previous(block_name(name))
    happen(registry)
    send_due()
    both, one = receiver.received
    assert both.is_signed_by(old)
    assert both.is_signed_by(new)
    assert one.is_signed_by(new)
    assert not one.is_signed_by(old)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(500, "resposta 500"), (429, "resposta 429"), (302, "redirecionamento não é seguido"), (404, "resposta 404")],
)
def test_what_is_refused_is_tried_again_later_under_the_same_number(
    registry: Registry,
    listen: Listen,
    receiver: Receiver,
    at: Callable[[timedelta], None],
    answer: int,
    problem: str,
) -> None:
    name = listen()
    receiver.answers = [answer]
    happen(registry)
    happen(registry)
    sending = send_due()
    assert sending.delivered == 0
    assert problem in sending.problems[0]
    assert len(receiver.received) == 1, "no redirection is followed, and the other message waits for its round"
    at(timedelta(seconds=10))
    assert send_due().delivered == 2
    numbers = [one.number for one in receiver.received]
    assert sorted(numbers[1:])[0] == numbers[0]
    assert registry.outgoing.endpoint(name).refused_since is None


@pytest.mark.parametrize("status", [429, 503])
def test_who_says_when_to_come_back_is_left_alone_until_then(
    registry: Registry, listen: Listen, receiver: Receiver, at: Callable[[timedelta], None], status: int
) -> None:
    listen()

    def busy(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Retry-After", "3600")
        handler.end_headers()

    receiver.answers = [busy]
    happen(registry)
    assert send_due().delivered == 0
    at(timedelta(minutes=59))
    assert send_due().delivered == 0
    assert len(receiver.received) == 1
    at(timedelta(minutes=61))
    assert send_due().delivered == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Wed, 10 Mar 2027 15:00:30 GMT", 30),
        ("Wed, 10 Mar 2027 14:00:00 GMT", 0),
        ("Wed, 10 Mar 2027 12:01:00 -0300", 60),
        ("999999999999999999999999", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("", 0),
        ("-5", 0),
        ("1.5", 0),
        ("amanhã", 0),
        ("٣", 0),
        ("99 Foo 99999 99:99:99", 0),
    ],
)
def test_when_to_come_back_is_read_in_seconds_or_as_a_date_and_a_day_is_the_most(header: str, seconds: int) -> None:
    assert wait_asked(header, datetime(2027, 3, 10, 15, tzinfo=UTC)) == timedelta(seconds=seconds)


def test_an_answer_that_does_not_come_in_time_costs_its_time_and_no_more(
    registry: Registry, listen: Listen, receiver: Receiver, allowed: OutgoingRule
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        """A header for ever: each piece is in time for a client that only waits for the next one."""
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for number in range(200):
                handler.wfile.write(f"x-{number}: y\r\n".encode())
                time.sleep(0.1)
        except OSError:
            return

    receiver.answers = [drip]
    started = time.monotonic()
    answer = post(receiver.url, b"{}", {}, allowed)
    assert answer.problem == "tempo esgotado"
    assert time.monotonic() - started < 4


def test_410_ends_it_for_this_endpoint_and_the_team_is_told_once(
    registry: Registry, listen: Listen, receiver: Receiver
) -> None:
    name = listen()
    receiver.always = 410
    happen(registry)
    for _ in range(2):
        send_due()
        happen(registry)
    assert len(receiver.received) == 1
    assert registry.outgoing.endpoint(name).state is EndpointState.GONE
    assert alerts(registry, name) == ["encerrado por ele (410)"]
    assert try_endpoint(name).wants_no_more
    receiver.always = 204
    assert try_endpoint(name).taken
    assert receiver.types[-1] == "teste.enviado"
    assert registry.outgoing.endpoint(name).state is EndpointState.ACTIVE


def test_three_days_of_refusals_set_it_aside_the_team_is_told_and_what_it_missed_is_sent_again(
    registry: Registry, listen: Listen, receiver: Receiver, at: Callable[[timedelta], None]
) -> None:
    name, other = listen(), listen("ambiente.entregue")
    receiver.always = 503
    happen(registry)
    send_due()
    for hours in (10, 40, 72):
        assert registry.outgoing.endpoint(name).state is EndpointState.ACTIVE
        at(timedelta(hours=hours, minutes=1))
        send_due()
    assert registry.outgoing.endpoint(name).state is EndpointState.SET_ASIDE
    assert registry.outgoing.endpoint(other).state is EndpointState.ACTIVE
    assert alerts(registry, name) == ["posto de lado"]
    receiver.always, tried = 204, len(receiver.received)
    happen(registry)
    send_due()
    assert len(receiver.received) == tried
    assert try_endpoint(name).taken
    assert resend(since=datetime.now(UTC) - timedelta(hours=1), endpoint=name) == 2
    assert send_due().delivered == 2
    at(timedelta(days=35))
    forget_old()
    assert registry.outgoing.list(name) == []


def alerts(registry: Registry, name: str) -> list[object]:
    """What the team was written of an endpoint."""
    told = [one.variables for one in registry.messages(IBGE) if one.event == Event.ALERTA_WEBHOOK]
    return [one["situacao"] for one in told if one["destino"] == name]


def test_several_deliverers_at_once_send_each_message_once(
    registry: Registry, listen: Listen, receiver: Receiver
) -> None:
    listen()
    for _ in range(20):
        happen(registry)
    with ThreadPoolExecutor(4) as pool:
        # Prefect's settings of these tests belong to the context of this thread.
        rounds = [pool.submit(copy_context().run, send_due) for _ in range(4)]
        assert sum(one.result().delivered for one in rounds) == 20
    numbers = [one.number for one in receiver.received]
    assert len(numbers) == len(set(numbers)) == 20


def test_killed_while_it_sends_the_next_process_sends_it_and_all_the_rest(
    registry: Registry, listen: Listen, receiver: Receiver
) -> None:
    listen()
    for _ in range(3):
        happen(registry)
    entered = []

    def hang(handler: BaseHTTPRequestHandler) -> None:
        entered.append(time.monotonic())
        time.sleep(1.5)

    receiver.answers = [hang]
    program = """
        from blocks.catalog import Catalog
        from domain.webhook.outgoing_rule import OutgoingRule
        from tasks.outgoing import send_due
        shipped = Catalog().webhook_events().model_dump(by_alias=True)
        rule = OutgoingRule.model_validate({**shipped, "redes_permitidas": ["127.0.0.1/32"]})
        Catalog.webhook_events = lambda self: rule
        send_due()
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], cwd=PROJECT_ROOT, env=os.environ)
    wait_until(lambda: bool(entered), "the message is on its way", seconds=60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: send_due().delivered > 0, "the registry's server notices that it is gone")
    send_due()
    numbers = [one.number for one in receiver.received]
    assert len(set(numbers)) == 3
    assert numbers.count(numbers[0]) == 2, "what may have arrived goes again, with the number that its receiver knows"


def test_the_gateways_loop_sends_what_happens_meanwhile(registry: Registry, listen: Listen, receiver: Receiver) -> None:
    listen()
    loop = Sender(pause_seconds=0.05)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(copy_context().run, loop.run)
        try:
            happen(registry)
            wait_until(lambda: len(receiver.received) == 1, "it is sent")
        finally:
            loop.stop()
            running.result()


def test_an_endpoint_without_a_secret_is_told_of_and_holds_up_no_other(
    registry: Registry, listen: Listen, receiver: Receiver
) -> None:
    bare, _ = listen(), listen()
    drop_secrets(block_name(bare))
    happen(registry)
    sending = send_due()
    assert sending.delivered == 1
    assert sending.problems == (f"{bare}: sem segredo, que ./implanta webhook endpoint rotate cria",)
    (waiting,) = registry.outgoing.list(bare)
    assert (waiting.state, waiting.attempts) == (OutgoingState.WAITING, 0)


def test_nothing_is_sent_inside_unless_the_catalog_names_the_network(receiver: Receiver, allowed: OutgoingRule) -> None:
    closed = allowed.model_copy(update={"networks": ()})
    port = receiver.port
    for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "169.254.169.254"):
        answer = post(f"http://{host}:{port}/", b"{}", {}, closed)
        assert answer.problem == "endereço interno, que o catálogo não permite", host
    assert receiver.received == []
    assert post("https://nao-existe.invalid/", b"{}", {}, closed).problem == "nome desconhecido"
    assert post("http://8.8.8.8/", b"{}", {}, closed).problem == "sem TLS, que só uma rede permitida dispensa"


def test_the_certificate_must_be_the_name_s_and_of_a_trusted_authority(
    tmp_path: Path, allowed: OutgoingRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    leaf = authority.issue("localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_text(leaf.chain_pem)
    key.write_text(leaf.key_pem.get_secret_value())
    with receiving((chain, key)) as receiver:
        url = f"https://localhost:{receiver.port}/"
        named = allowed.model_copy(update={"networks": (*allowed.networks, ip_network("::1"))})
        assert post(url, b"{}", {}, named).problem == "certificado recusado"
        (tmp_path / "ca.pem").write_text(authority.pem)
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        monkeypatch.setattr(webhook_client, "_roots", lambda: trusting)
        assert post(url, b"{}", {}, named).taken
        assert receiver.received[0].headers["host"] == f"localhost:{receiver.port}"
        assert post(receiver.url, b"{}", {}, named).problem == "certificado recusado", "it is of another name"


def test_nobody_there_is_no_connection(allowed: OutgoingRule) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/", b"{}", {}, allowed).problem == "sem conexão"
