"""Batches of users: opened before the first write, closed after the last proof; kept in the prefeitura's own bucket.

The registry has when and how many; who is in the object, beside the spreadsheet from which it came.
"""

import zlib
from contextlib import AbstractContextManager
from enum import StrEnum

from pydantic import JsonValue
from pydantic_core import to_json

from domain.environment import intake_bucket
from domain.errors import IntegrityError, InvalidInputError
from domain.sip_user import Place, SipUser
from domain.users_batch import Batch, brought_by, brought_midway
from domain.users_report import counts_of
from registry.records import EventRecord
from tasks import doors
from tasks.history import ACTOR
from tasks.instance import Instance

OPENED = "users.opened"
CLOSED = "users.closed"
ACCEPTED = "users.accepted"
LOCK_WAIT_SECONDS = 60

# The one that this process opened or read last, by what the bucket has of it: each step of an import asks for it.
_LAST: dict[bytes, Batch] = {}


class Outcome(StrEnum):
    """How a batch ended."""

    APPLIED = "applied"
    OVERTAKEN = "overtaken"
    """Somebody changed its people in SIP while it was being applied: what was left of it is planned anew."""


def users_lock(environment: str) -> AbstractContextManager[None]:
    """What whoever opens or closes a batch of an environment holds."""
    return doors.registry().lock(f"usuarios:{environment}", wait_seconds=LOCK_WAIT_SECONDS)


def open_batch(instance: Instance, batch: Batch) -> None:
    """Store a batch, then tell that it is open: from here on it is finished, whatever happens."""
    storage = doors.object_storage()
    bucket = intake_bucket(instance.municipality.slug)
    storage.ensure_bucket(bucket)
    body = zlib.compress(to_json(batch), 1)
    storage.ensure_object(bucket, _key(instance, batch.id), body)
    _remember(body, batch)
    details: dict[str, JsonValue] = {
        "batch": batch.id,
        "code": batch.digest,
        "sheet": batch.sheet_sha256,
        "undoes": batch.undoes,
        **counts_of(batch.steps),
    }
    _tell(instance, OPENED, details)


def close_batch(instance: Instance, batch: Batch, outcome: Outcome = Outcome.APPLIED) -> None:
    """Tell that a batch is done with."""
    _tell(instance, CLOSED, {"batch": batch.id, "outcome": outcome.value})


def find_open(instance: Instance) -> Batch | None:
    """The batch that a run opened and none closed."""
    batch_id = open_batch_id(instance)
    return None if batch_id is None else load_batch(instance, batch_id)


def open_batch_id(instance: Instance) -> str | None:
    """The id of the batch that a run opened and none closed."""
    batches = list_batches(instance)
    if not batches or batches[-1][1] is not None:
        return None
    return str(batches[-1][0].details["batch"])


def find_applied(instance: Instance) -> Batch | None:
    """The newest batch, where it was brought about as it says."""
    batches = list_batches(instance)
    if not batches or batches[-1][1] is not Outcome.APPLIED:
        return None
    return load_batch(instance, str(batches[-1][0].details["batch"]))


def list_batches(instance: Instance) -> list[tuple[EventRecord, Outcome | None]]:
    """The environment's batches, oldest first, each with its outcome."""
    events = _events(instance, OPENED, CLOSED)
    ends = {event.details["batch"]: Outcome(str(event.details["outcome"])) for event in events if event.kind == CLOSED}
    return [(event, ends.get(event.details["batch"])) for event in events if event.kind == OPENED]


def load_batch(instance: Instance, batch_id: str) -> Batch:
    """A batch of this environment.

    Raises:
        InvalidInputError: there is none of this id.
        IntegrityError: its object is gone from the bucket, or damaged.
    """
    if batch_id not in {event.details["batch"] for event in _events(instance, OPENED)}:
        raise InvalidInputError(
            f"O lote {batch_id!r} não existe",
            instance.name.slug,
            f"Veja os lotes com ./implanta users batches {instance.name.slug}.",
        )
    bucket, key = intake_bucket(instance.municipality.slug), _key(instance, batch_id)
    body = doors.object_storage().find_object(bucket, key)
    problem = "sumiu do balde"
    if body is not None:
        try:
            return _read(body)
        except (zlib.error, ValueError):  # its text may quote what is in the batch
            problem = "está danificado"
    raise IntegrityError(
        f"O lote {batch_id} {problem}",
        f"{bucket}/{key}",
        "Recupere o objeto de uma versão anterior do balde.",
    )


def _read(body: bytes) -> Batch:
    batch = _LAST.get(body) or Batch.read(zlib.decompress(body))
    _remember(body, batch)
    return batch


def _remember(body: bytes, batch: Batch) -> None:
    _LAST.clear()
    _LAST[body] = batch


def load_brought(instance: Instance, users: list[SipUser]) -> dict[int, frozenset[Place]]:
    """What spreadsheets brought and did not take away since.

    Of a batch that was overtaken counts what it did, and of the rest what stood before it.
    """
    batches = list_batches(instance)
    if not batches:
        return {}
    event, outcome = batches[-1]
    batch = load_batch(instance, str(event.details["batch"]))
    return brought_by(batch.kept, users) if outcome is Outcome.APPLIED else brought_midway(batch, users)


def accept_sheet(instance: Instance, sheet: str) -> None:
    """Remember that a person let a spreadsheet in without its refused rows, for the runs that find it again."""
    if not is_sheet_accepted(instance, sheet):
        _tell(instance, ACCEPTED, {"sheet": sheet})


def is_sheet_accepted(instance: Instance, sheet: str) -> bool:
    """Whether a person let this spreadsheet in without its refused rows."""
    return any(event.details["sheet"] == sheet for event in _events(instance, ACCEPTED))


def undone_by(instance: Instance, sheet: str) -> str | None:
    """The batch that took this spreadsheet's back, if that was the last thing to happen here."""
    batches = [event for event, _ in list_batches(instance)]
    if not batches or not (undone := batches[-1].details["undoes"]):
        return None
    was = next((event.details["sheet"] for event in batches if event.details["batch"] == undone), None)
    return str(batches[-1].details["batch"]) if was == sheet else None


def _key(instance: Instance, batch_id: str) -> str:
    return f"lotes-de-usuarios/{instance.name.slug}/{batch_id}.json.z"


def _events(instance: Instance, *kinds: str) -> list[EventRecord]:
    found = doors.registry().events(ibge=instance.municipality.ibge, kinds=kinds)
    return [event for event in found if event.environment == instance.name.slug]


def _tell(instance: Instance, kind: str, details: dict[str, JsonValue]) -> None:
    doors.registry().record_event(
        kind, ibge=instance.municipality.ibge, environment=instance.name.slug, actor=ACTOR, details=details
    )
