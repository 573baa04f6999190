"""Webhooks to other systems: the registry's events become messages, and those are sent, signed, until they arrive."""

import random
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from pydantic import JsonValue, SecretStr
from slugify import slugify
from standardwebhooks import Webhook

from blocks.catalog import Catalog
from blocks.webhook_client import Answer, post
from blocks.webhook_secrets import WebhookSecrets
from domain.errors import InvalidInputError
from domain.message import Event, message_key
from domain.model import Frozen
from domain.upgrading import UpgradeEvent
from domain.webhook.endpoint import EndpointState, message_id, require_name, require_url
from domain.webhook.outgoing import CONTENTS, Notice, Told
from domain.webhook.outgoing_rule import TEST_TYPE, OutgoingRule
from registry import EndpointRecord, EventRecord
from tasks import clock, doors
from tasks.messages import put_in_queue
from tasks.threads import begin
from tasks.webhook_secrets import drop_secrets, find_secrets, rotate_secret

# Endpoints that are slow at the same time; each is one's own thread and one connection to the registry.
AT_ONCE = 4


class Sending(Frozen):
    """What one round did, in numbers; and what went wrong, by endpoint."""

    events: int = 0
    made: int = 0
    delivered: int = 0
    problems: tuple[str, ...] = ()


def block_name(endpoint: str) -> str:
    """The block that keeps the secrets of an endpoint, beside those of the sources."""
    return f"saida-{endpoint}"


def add_endpoint(name: str, url: str, types: Sequence[str]) -> WebhookSecrets:
    """Register an endpoint and make its secret; nobody else knows it.

    Raises:
        InvalidInputError: the address, or a type, is none; there is one of this name.
        RetryableError: Prefect or the registry does not answer.
    """
    rule = Catalog().webhook_events()
    require_name(name)
    if unknown := sorted(set(types) - rule.types):
        raise InvalidInputError(
            f"Tipo desconhecido: {', '.join(unknown)}",
            "catalog/webhook_events.yaml",
            f"Use {', '.join(sorted(rule.types))}.",
        )
    require_url(url)
    outgoing = doors.registry().outgoing
    outgoing.add_endpoint(name, url, types, clock.now())
    drop_secrets(block_name(name))  # of an endpoint of this name that was there once
    return rotate_secret(block_name(name))


def remove_endpoint(name: str) -> None:
    """Forget an endpoint, its messages and its secret."""
    doors.registry().outgoing.remove_endpoint(name)
    drop_secrets(block_name(name))


def send_due() -> Sending:
    """Make the messages of what is news, and send each endpoint what is due to it.

    Any number of processes may do it: each message is one's alone while it is sent. Killed anywhere, nothing is lost; a
    message that had arrived a moment before goes out again with the same number, by which its receiver knows it.

    Raises:
        RetryableError: the registry or Prefect does not answer.
    """
    rule = Catalog().webhook_events()
    outgoing = doors.registry().outgoing
    events = made = refused = 0
    while (batch := outgoing.derive(lambda event: _notices(event, rule), clock.now(), _patience(rule))).events:
        events, made, refused = events + batch.events, made + batch.made, refused + batch.refused
    due = outgoing.due(clock.now())
    found = {name: find_secrets(block_name(name)) for name in due}
    keys = {name: secrets_of.accepted() for name, secrets_of in found.items() if secrets_of is not None}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sending = [begin(pool, _send_to, name, due[name], keys[name], rule) for name in keys]
        rounds = [one.result() for one in sending]
    if refused:
        rounds.append((0, f"todos: {refused} avisos não feitos, porque diriam dado pessoal; corrija o contrato"))
    rounds += [
        (0, f"{name}: sem segredo, que ./implanta webhook endpoint rotate cria") for name in due if name not in keys
    ]
    _tell_of_those_set_aside()
    return Sending(
        events=events,
        made=made,
        delivered=sum(delivered for delivered, _ in rounds),
        problems=tuple(problem for _, problem in rounds if problem is not None),
    )


def forget_old() -> int:
    """Forget the messages whose days are over; how many those were."""
    return doors.registry().outgoing.forget(clock.now() - timedelta(days=Catalog().webhook_events().kept_days))


def try_endpoint(name: str) -> Answer:
    """Send an endpoint a message that tells of nothing; one that takes it is sent everything again.

    Raises:
        InvalidInputError: there is none of this name.
    """
    record, rule = doors.registry().outgoing.endpoint(name), Catalog().webhook_events()
    notice = Notice(type=TEST_TYPE, timestamp=clock.now(), data={})
    number = f"{TEST_TYPE.replace('.', '_')}_{secrets.token_hex(8)}"
    answer = _post(record.url, number, notice.model_dump_json(), _keys(name), rule)
    if answer.taken and record.state is not EndpointState.ACTIVE:
        doors.registry().outgoing.reopen(name)
    return answer


def resend(*, number: int | None = None, since: datetime | None = None, endpoint: str | None = None) -> int:
    """Put messages back into the queue; how many.

    Raises:
        InvalidInputError: no such endpoint, or no message of this number is kept.
    """
    outgoing, rule = doors.registry().outgoing, Catalog().webhook_events()
    if endpoint is not None:
        outgoing.endpoint(endpoint)
    found = outgoing.resend(clock.now(), _patience(rule), number=number, since=since, endpoint=endpoint)
    if number is not None and not found:
        raise InvalidInputError(
            f"Não há aviso {number}, ou seus {rule.kept_days} dias passaram",
            "webhooks de saída",
            "Veja ./implanta webhook sent.",
        )
    return found


def _patience(rule: OutgoingRule) -> timedelta:
    return timedelta(days=rule.try_days)


def _notices(event: EventRecord, rule: OutgoingRule) -> list[Notice]:
    """What is told of an event."""
    told: list[Notice] = []
    wanted = rule.rules_of(event.kind)
    if not wanted:
        return told
    municipality = doors.registry().find_municipality(event.ibge)
    base = Told(event=event.id, municipality=municipality.slug, ibge=event.ibge, environment=event.environment)
    details = {**_beginning(event), **event.details}
    for notice in wanted:
        content = CONTENTS[notice.content].of(base, details)
        if notice.tells(content):
            told.append(Notice.of(notice.type, event.occurred_at, content))
    return told


def _beginning(event: EventRecord) -> dict[str, JsonValue]:
    """What the beginning of an upgrade told, of which its end is told as well: from where to where it led."""
    if event.kind not in set(UpgradeEvent) or event.kind == UpgradeEvent.BEGUN:
        return {}
    begun = doors.registry().events(ibge=event.ibge, kinds=[UpgradeEvent.BEGUN])
    earlier = [one for one in begun if one.environment == event.environment and one.id < event.id]
    return dict(earlier[-1].details) if earlier else {}


def _send_to(
    name: str, numbers: Sequence[int], keys: Sequence[SecretStr], rule: OutgoingRule
) -> tuple[int, str | None]:
    """Send what is due to one endpoint, up to the first that does not arrive: how many did, and what went wrong.

    The others wait for the next round: one that is down would cost each of them its time.
    """
    delivered = 0
    for number in numbers:
        with doors.registry().outgoing.claim(number, clock.now()) as claim:
            if claim is None:
                continue
            answer = _post(claim.url, message_id(claim.record.event_id), claim.record.body, keys, rule)
            if answer.taken:
                claim.deliver(clock.now())
                delivered += 1
                continue
            problem = answer.problem or ""
            if answer.wants_no_more:
                claim.close(problem, clock.now())
            else:
                pause = rule.pause_after(claim.record.attempts + 1, random.random())  # noqa: S311  # spreads, hides nothing
                claim.fail(problem, clock.now(), max(pause, answer.come_back_after), _patience(rule))
            return delivered, f"{name}: {problem}"
    return delivered, None


def _post(url: str, number: str, body: str, keys: Sequence[SecretStr], rule: OutgoingRule) -> Answer:
    """Sign with every secret in force, the newest first, and send."""
    now = clock.now()
    signatures = " ".join(Webhook(key.get_secret_value()).sign(number, now, body) for key in keys)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "implanta-webhooks/1",
        "webhook-id": number,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signatures,
    }
    return post(url, body.encode(), headers, rule)


def _keys(endpoint: str) -> tuple[SecretStr, ...]:
    found = find_secrets(block_name(endpoint))
    if found is None:
        raise InvalidInputError(
            f"O endereço {endpoint} não tem segredo",
            f"bloco {WebhookSecrets.get_block_type_slug()}/{block_name(endpoint)}",
            f"Crie-o com ./implanta webhook endpoint rotate {endpoint}.",
        )
    return found.accepted()


def _tell_of_those_set_aside() -> None:
    """Write to the programme's team, once for each time that an endpoint is sent nothing more."""
    outgoing = doors.registry().outgoing
    for endpoint in outgoing.endpoints():
        if endpoint.state is EndpointState.ACTIVE or endpoint.told_at is not None:
            continue
        last = outgoing.list(endpoint.name, limit=1)
        if last:
            _write_to_team(endpoint, last[0].ibge)
        outgoing.mark_told(endpoint.name, clock.now())


def _write_to_team(endpoint: EndpointRecord, ibge: str) -> None:
    since = endpoint.refused_since or clock.now()
    key = message_key(Event.ALERTA_WEBHOOK, ibge, slugify(endpoint.name), f"{since:%Y%m%d%H%M%S}")
    put_in_queue(
        doors.registry().find_municipality(ibge).slug,
        Event.ALERTA_WEBHOOK,
        key,
        {"destino": endpoint.name, "situacao": endpoint.state.label},
    )
