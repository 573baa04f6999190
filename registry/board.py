"""What the board reads of the registry: a constant number of queries, and not one column with a person in it.

`READS` is all that it reads, and so what its own account of the database has to be granted (`grants_for`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue, SecretStr
from sqlalchemy import Connection, Engine, Row, case, func, literal, select, text, union_all
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.backup.findings import LevelResult, highest
from domain.board import kinds
from domain.board.environments import EnvironmentFacts, ProvedBackup
from domain.board.history import Told
from domain.board.timeline import SENTENCES, Entry, decision_entry, entry_of
from domain.calendar import local_day
from domain.campaign.history import CampaignHappening
from domain.certificate_renewal import CERTIFICATE_ISSUED
from domain.environment import Purpose
from domain.errors import InvalidInputError
from domain.lifecycle import STAGE_WAITING
from domain.municipality import Municipality
from domain.plan import Plan
from domain.training import TrainingFacts
from domain.use_count import USE_COUNTED, UseCount
from registry.board_campaigns import read_campaigns
from registry.engine import explain, open_engine, parse_url, where_is
from registry.models import (
    CampaignEventRow,
    ContractRow,
    DecisionRow,
    EnvironmentRow,
    EventRow,
    MunicipalityRow,
    TrainingClassRow,
    TrainingRow,
)
from registry.privacy import without_person

ANSWER_TIMEOUT_SECONDS = 20
TIMELINE_LENGTH = 200

READS: Mapping[str, tuple[str, ...]] = {
    "municipality": ("ibge", "name", "uf", "slug", "population"),
    "contract": ("id", "ibge", "faixa", "users", "concurrent_users", "negotiated", "created_at"),
    "environment": ("slug", "ibge", "purpose", "release_version", "created_at"),
    "event": ("id", "occurred_at", "kind", "ibge", "environment", "details"),
    "training_record": ("id", "ibge", "counts"),
    "training_class": ("id", "ibge", "ends_at", "cancelled_at", "correction"),
    "decision": ("id", "ibge", "gate", "decision", "decided_at", "valid_until"),
    "campaign_event": ("id", "campaign", "number", "kind", "occurred_at", "details"),
}


_ACCOUNT = re.compile(r"([A-Za-z0-9_]{1,80})@([A-Za-z0-9_.:%-]{1,255})")


def grants_for(url: SecretStr | str, account: str) -> tuple[str, ...]:
    """The statements that let an account, as `painel@10.0.0.5`, read what the board shows and nothing else.

    Raises:
        InvalidInputError: the account is not written like that, or the registry's address is none.
    """
    found = _ACCOUNT.fullmatch(account)
    if found is None:
        raise InvalidInputError(
            f"{account!r} não é uma conta do MariaDB", "conta do painel", "Escreva usuário@endereço: painel@10.0.0.5."
        )
    return _grants(str(parse_url(url).database), f"'{found[1]}'@'{found[2]}'")


def _grants(schema: str, account: str) -> tuple[str, ...]:
    return tuple(
        f"GRANT SELECT ({', '.join(columns)}) ON `{schema}`.`{table}` TO {account}" for table, columns in READS.items()
    )


class Version(NamedTuple):
    """Changes whenever anything that the board shows does."""

    event: int
    decision: int
    training: int
    classes: int
    contract: int
    campaign: int
    fleet: int


@dataclass(frozen=True)
class BoardFacts:
    """The registry as the board needs it, at one moment."""

    municipalities: Sequence[Municipality]
    plans: Mapping[str, Plan]
    events: Mapping[str, Sequence[Told]]
    environments: Sequence[EnvironmentFacts]
    classes: int
    """Training classes that are over."""
    campaigns: Mapping[str, Sequence[CampaignHappening]]
    """The newest campaigns of upgrades, the last one first."""


class BoardReader:
    """The registry's address for the board: every transaction is read-only, whatever the account may do."""

    def __init__(self, url: SecretStr | str) -> None:
        """Take an address as `Registry` does.

        Raises:
            InvalidInputError: it is not one.
        """
        self._url = parse_url(url)
        self._engine: Engine = open_engine(self._url, answer_timeout_seconds=ANSWER_TIMEOUT_SECONDS)

    @property
    def engine(self) -> Engine:
        """For a test that counts the statements."""
        return self._engine

    def dispose(self) -> None:
        """Close the idle connections."""
        self._engine.dispose()

    def version(self) -> Version:
        """One cheap query: newest ids, and a sum over what may be corrected in place.

        Raises:
            RetryableError: the registry does not answer.
            InvalidInputError: its address, user, password or structure is wrong.
        """
        place = MunicipalityRow.__table__.c
        home = EnvironmentRow.__table__.c
        fleet = select(func.coalesce(func.sum(func.crc32(func.concat_ws("|", *place))), 0)).scalar_subquery()
        there = func.concat_ws("|", home.slug, home.purpose, home.release_version)
        environments = select(func.coalesce(func.sum(func.crc32(there)), 0)).scalar_subquery()
        columns = [
            select(func.coalesce(func.max(table.id), 0)).scalar_subquery()
            for table in (EventRow, DecisionRow, TrainingRow)
        ]
        classes = select(func.coalesce(func.sum(TrainingClassRow.id + TrainingClassRow.correction), 0))
        later = [
            select(func.coalesce(func.max(table.id), 0)).scalar_subquery() for table in (ContractRow, CampaignEventRow)
        ]
        with self._reading() as connection:
            row = connection.execute(select(*columns, classes.scalar_subquery(), *later, fleet + environments)).one()
        return Version(*(int(value) for value in row))

    def read(self, now: datetime) -> BoardFacts:
        """Everything, in nine queries however many prefeituras there are. Raises as `version`."""
        with self._reading() as connection:
            municipalities = _municipalities(connection)
            return BoardFacts(
                municipalities=municipalities,
                plans=_plans(connection),
                events=_events(connection),
                environments=_environments(connection),
                classes=_classes(connection, now),
                campaigns=read_campaigns(connection),
            )

    def timeline(self, ibge: str) -> tuple[Entry, ...]:
        """What happened to a prefeitura and may be told, newest first. Raises as `version`."""
        told = (
            select(EventRow.occurred_at, EventRow.kind, EventRow.environment, EventRow.details)
            .where(EventRow.ibge == ibge, EventRow.kind.in_(list(SENTENCES)), ~EventRow.kind.like("backup.%"))
            .order_by(EventRow.id.desc())
            .limit(TIMELINE_LENGTH)
        )
        refused = (
            select(EventRow.occurred_at, EventRow.kind, EventRow.environment)
            .where(EventRow.ibge == ibge, EventRow.kind == kinds.BACKUP_REFUSED)
            .order_by(EventRow.id.desc())
            .limit(TIMELINE_LENGTH)
        )
        decisions = select(
            DecisionRow.decided_at, DecisionRow.gate, DecisionRow.decision, DecisionRow.valid_until
        ).where(DecisionRow.ibge == ibge)
        with self._reading() as connection:
            entries = [entry_of(*row) for row in connection.execute(told)]
            entries += [entry_of(at, kind, environment, {}) for at, kind, environment in connection.execute(refused)]
            entries += [decision_entry(*row) for row in connection.execute(decisions)]
        known = [entry for entry in entries if entry is not None]
        return tuple(sorted(known, key=lambda entry: entry.at, reverse=True)[:TIMELINE_LENGTH])

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                # The server itself refuses to write, should anything here ever try.
                connection.execute(text("SET TRANSACTION READ ONLY"))
                yield connection
        except (DBAPIError, PoolTimeoutError) as error:
            raise explain(error, where_is(self._url)) from None


def _municipalities(connection: Connection) -> list[Municipality]:
    table = MunicipalityRow
    found = connection.execute(
        select(table.ibge, table.name, table.uf, table.slug, table.population).order_by(table.name, table.uf)
    )
    # They were validated when they were registered.
    return [
        Municipality.model_construct(ibge=ibge, name=name, uf=uf, slug=slug, population=population, contacts=())
        for ibge, name, uf, slug, population in found
    ]


def _plans(connection: Connection) -> dict[str, Plan]:
    table = ContractRow
    found = connection.execute(
        select(table.ibge, table.faixa, table.users, table.concurrent_users, table.negotiated).order_by(table.id)
    )
    return {
        ibge: Plan.model_construct(faixa=faixa, users=users, concurrent_users=at_once, negotiated=negotiated)
        for ibge, faixa, users, at_once, negotiated in found
    }


def _events(connection: Connection) -> dict[str, list[Told]]:
    table = EventRow
    found = connection.execute(
        select(table.ibge, table.occurred_at, table.kind, table.environment, table.details)
        .where(table.kind.in_(kinds.FOLDED))
        .order_by(table.occurred_at, table.id)
    )
    by_municipality: dict[str, list[Told]] = {}
    for ibge, at, kind, environment, details in found:
        safe = _without_people(details) if kind == STAGE_WAITING else details
        by_municipality.setdefault(ibge, []).append(Told(at, kind, environment, safe))
    return by_municipality


def _without_people(details: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The reasons of a wait; whoever told them was to keep people out, and the page does not depend on it."""
    reasons = details.get("reasons")
    if not isinstance(reasons, list):
        return details
    safe: list[JsonValue] = [
        {**one, "text": without_person(str(one.get("text")))} for one in reasons if isinstance(one, dict)
    ]
    return {**details, "reasons": safe}


def _environments(connection: Connection) -> list[EnvironmentFacts]:
    home = EnvironmentRow
    rows = connection.execute(
        select(home.slug, home.ibge, home.purpose, home.release_version, home.created_at).order_by(home.slug)
    ).all()
    newest = _newest(connection)
    return [_environment(row, newest) for row in rows]


def _newest(connection: Connection) -> dict[tuple[str, str], Row[Any]]:
    """The newest event of each of the nightly kinds in each environment: one step back in the index each."""
    home, event = EnvironmentRow, EventRow
    ids = [
        select(
            select(event.id)
            # Without it the optimizer walks the whole table backwards, from its primary key.
            .with_hint(event, "FORCE INDEX (ix_event_ibge_kind)", "mysql")
            .where(event.ibge == home.ibge, event.kind == literal(kind), event.environment == home.slug)
            .order_by(event.id.desc())
            .limit(1)
            .correlate(home)
            .scalar_subquery()
            .label("id")
        ).select_from(home)
        for kind in kinds.NEWEST
    ]
    chosen = union_all(*ids).subquery()
    # Of a backup's long details only what is shown is fetched.
    is_backup = event.kind.in_((kinds.BACKUP_VERIFIED, kinds.BACKUP_REFUSED))
    found = connection.execute(
        select(
            event.kind,
            event.environment,
            event.occurred_at,
            func.json_value(event.details, "$.backup.taken_at").label("taken_at"),
            func.json_query(event.details, "$.certificate.levels").label("levels"),
            case((is_backup, None), else_=func.json_compact(event.details)).label("details"),
        ).join(chosen, chosen.c.id == event.id)
    )
    return {(row.environment, row.kind): row for row in found}


def _environment(row: Row[Any], newest: Mapping[tuple[str, str], Row[Any]]) -> EnvironmentFacts:
    proved, refused = (newest.get((row.slug, kind)) for kind in (kinds.BACKUP_VERIFIED, kinds.BACKUP_REFUSED))
    certificate = _details(newest.get((row.slug, CERTIFICATE_ISSUED)))
    counted = newest.get((row.slug, USE_COUNTED))
    ends = certificate.get("not_after")
    return EnvironmentFacts(
        slug=row.slug,
        ibge=row.ibge,
        purpose=Purpose(row.purpose),
        version=row.release_version,
        created_at=row.created_at,
        backup=_backup(proved) if proved else None,
        refused_at=refused.occurred_at
        if refused and (proved is None or refused.occurred_at > proved.occurred_at)
        else None,
        certificate_ends=local_day(datetime.fromisoformat(str(ends))) if ends else None,
        use=UseCount.model_validate(_details(counted)) if counted else None,
        counted_at=counted.occurred_at if counted else None,
    )


def _details(row: Row[Any] | None) -> dict[str, JsonValue]:
    found = json.loads(row.details) if row is not None and row.details else {}
    return found if isinstance(found, dict) else {}


def _backup(row: Row[Any]) -> ProvedBackup:
    levels = tuple(LevelResult.model_validate(one) for one in json.loads(row.levels or "[]"))
    taken_at = datetime.fromisoformat(row.taken_at) if row.taken_at else row.occurred_at
    return ProvedBackup(taken_at=taken_at, level=highest(levels))


def _classes(connection: Connection, now: datetime) -> int:
    """Classes that are over; of who never registered one, the days on which people finished theirs."""
    table = TrainingClassRow
    held: dict[str, int] = {}
    registered: set[str] = set()
    found = connection.execute(select(table.ibge, table.ends_at).where(table.cancelled_at.is_(None)))
    for ibge, ends_at in found:
        registered.add(ibge)
        held[ibge] = held.get(ibge, 0) + (ends_at <= now)
    newest = select(func.max(TrainingRow.id)).group_by(TrainingRow.ibge).scalar_subquery()
    for ibge, counts in connection.execute(
        select(TrainingRow.ibge, TrainingRow.counts).where(TrainingRow.id.in_(newest))
    ):
        if ibge not in registered and "prefeitura" in counts:
            finished = {one.finished_on for one in TrainingFacts.model_validate(counts).prefeitura.classes}
            held[ibge] = len(finished)
    return sum(held.values())
