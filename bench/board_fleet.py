"""A synthetic fleet in a registry: municipalities in every stage, with the events that their journeys leave behind.

The same arguments give the same fleet. Rows are inserted in bulk, past the registry's own checks, so that 5,570 of them
take seconds; nobody in them exists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from pydantic import SecretStr
from sqlalchemy import insert

from bench.board_campaign import campaign_rows
from blocks.catalog import Catalog
from domain.calendar import BRASILIA, BusinessCalendar, local_day
from domain.environment import EnvironmentName, Purpose
from domain.instruments.timetable import plan_timetable
from domain.lifecycle import Stage
from domain.municipality import IbgeMunicipality
from domain.party import Party
from domain.planning.rules import Rules
from registry.engine import open_engine, parse_url
from registry.models import (
    Base,
    CampaignEventRow,
    ContractRow,
    DecisionRow,
    EnvironmentRow,
    EventRow,
    MunicipalityRow,
    TrainingClassRow,
)

_CHUNK = 2_000
_JOINED_WITHIN_DAYS = 420
_OUTSIDE_SHARE = 0.12
_NIGHTS = 30
_MOST_OBJECTS = 6
_REASONS: dict[Stage, tuple[tuple[Party, str], ...]] = {
    Stage.SEEDING: (
        (Party.PREFEITURA, "A prefeitura ainda não enviou unidades.csv (./implanta municipality send X)."),
    ),
    Stage.USERS: ((Party.PREFEITURA, "A prefeitura ainda não enviou usuarios.csv (./implanta municipality send X)."),),
    Stage.TRAINING: (
        (Party.PREFEITURA, "31 de 84 usuários capacitados (36%); o mínimo é 80%."),
        (Party.PREFEITURA, "Unidades com menos de 1 capacitado: SEMAD, SEMSA."),
    ),
    Stage.GO_LIVE: (
        (Party.PREFEITURA, "Ponto focal da prefeitura aprovou a entrada: ainda não há decisão."),
        (Party.PREFEITURA, "Contrato e decreto registrados: falta o decreto."),
    ),
}
_CALENDAR_REASON = (Party.TERCEIROS, "Fora de toda janela de congelamento: encerramento do exercício.")
_WORK = (
    Stage.ENVIRONMENT_TRAINING,
    Stage.SEEDING,
    Stage.USERS,
    Stage.TRAINING,
    Stage.ENVIRONMENT_PRODUCTION,
    Stage.GO_LIVE,
)
_USUAL_DAYS = {
    Stage.ENVIRONMENT_TRAINING: (8, 24),
    Stage.SEEDING: (6, 40),
    Stage.USERS: (3, 20),
    Stage.TRAINING: (15, 70),
    Stage.ENVIRONMENT_PRODUCTION: (5, 20),
    Stage.GO_LIVE: (2, 30),
}


@dataclass
class _Rows:
    """What is to be inserted, by table."""

    tables: dict[type[Base], list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: type[Base], **values: Any) -> None:  # noqa: ANN401  # the columns' own types
        self.tables.setdefault(table, []).append(values)


class _Journey:
    """One municipality from its adhesion to where it is now."""

    def __init__(self, place: IbgeMunicipality, slug: str, now: datetime, chance: Random, rules: Rules) -> None:
        self.place, self.slug, self.now, self.chance, self.rules = place, slug, now, chance, rules
        self.events: list[dict[str, Any]] = []
        self.other = _Rows()

    def tell(self, at: datetime, kind: str, details: dict[str, Any], purpose: Purpose | None = None) -> None:
        environment = EnvironmentName(municipality=self.slug, purpose=purpose).slug if purpose else None
        self.events.append(
            {
                "occurred_at": at,
                "kind": kind,
                "ibge": self.place.ibge,
                "environment": environment,
                "actor": "implanta",
                "flow_run_id": None,
                "details": details,
                "key": None,
            }
        )

    def live_through(self, nights: int) -> None:
        """Go as far as there is time, and wait where the last stage did not end."""
        at = self.now - timedelta(days=self.chance.uniform(1, _JOINED_WITHIN_DAYS))
        self.tell(at, "stage.finished", {"stage": Stage.ADHESION.value})
        self._plan(at)
        faixa = self.chance.choice((1, 1, 2, 2, 3))
        self.other.add(
            ContractRow,
            **{"ibge": self.place.ibge, "faixa": faixa, "users": 150 * faixa, "concurrent_users": 10 * faixa},
            **{"negotiated": False, "created_at": at},
        )
        for stage in _WORK:
            done = at + timedelta(days=self.chance.uniform(*_USUAL_DAYS[stage]))
            begun, at = at, done
            if done >= self.now:
                self._wait(stage, begun)
                break
            self._finish(stage, begun, done)
        for purpose in (Purpose.TREINAMENTO, Purpose.PRODUCAO):
            self._nights(purpose, nights)
        self.events.sort(key=lambda event: event["occurred_at"])

    def _plan(self, joined: datetime) -> None:
        timetable = plan_timetable(
            self.rules.timetable,
            local_day(joined),
            _CALENDAR,
            environment_business_days=self.rules.environment_business_days,
            done={},
        )
        windows = {one.code: [one.start.isoformat(), one.end.isoformat()] for one in timetable.windows}
        self.tell(
            joined + timedelta(hours=8),
            "schedule.planned",
            {"start": local_day(joined).isoformat(), "activities": windows},
        )

    def _wait(self, stage: Stage, begun: datetime) -> None:
        reasons = _REASONS.get(stage)
        if reasons is None or self.chance.random() < 1 / 5:
            return
        if stage is Stage.GO_LIVE and self.chance.random() < 1 / 4:
            reasons = (_CALENDAR_REASON,)
        since = begun + (self.now - begun) * self.chance.uniform(0.1, 0.6)
        if any(party is Party.PREFEITURA for party, _ in reasons):
            self.tell(since, "sla.paused", {"stage": stage.value})
        self.tell(since, "stage.waiting", _waiting(stage, reasons))

    def _finish(self, stage: Stage, begun: datetime, done: datetime) -> None:
        if stage in _REASONS and self.chance.random() < 0.7:  # noqa: PLR2004
            since = begun + (done - begun) * self.chance.uniform(0.1, 0.4)
            until = since + (done - since) * self.chance.uniform(0.4, 0.95)
            self.tell(since, "sla.paused", {"stage": stage.value})
            self.tell(since, "stage.waiting", _waiting(stage, _REASONS[stage]))
            self.tell(until, "sla.resumed", {"stage": stage.value})
            self.tell(until, "stage.waiting", {"stage": stage.value, "reasons": []})
        made = {Stage.ENVIRONMENT_TRAINING: Purpose.TREINAMENTO, Stage.ENVIRONMENT_PRODUCTION: Purpose.PRODUCAO}.get(
            stage
        )
        if made:
            self._environment(made, done)
        if stage is Stage.SEEDING:
            self.tell(done, "sheet.applied", {"sheet": "unidades.csv", "sha256": "0" * 64}, Purpose.TREINAMENTO)
        if stage is Stage.USERS and self.chance.random() < 0.8:  # noqa: PLR2004
            day = local_day(done).isoformat()
            self.tell(
                done, "act.registered", {"act": "decreto", "number": "1.234/2026", "day": day, "published_in": ""}
            )
            details = {"instrument": "plano-de-comunicacao", "version": 1, "template_version": "1", "pages": 3}
            self.tell(done, "instrument.generated", details)
        if stage is Stage.TRAINING:
            self._class(done)
        if stage is Stage.GO_LIVE:
            self.tell(done - timedelta(days=2), "go_live.scheduled", {"day": local_day(done).isoformat()})
            self.other.add(
                DecisionRow,
                **{"ibge": self.place.ibge, "gate": "go-live", "decision": "approve", "name": "Pessoa Inventada"},
                **{
                    "reason": "Ofício",
                    "decided_at": done - timedelta(days=1),
                    "flow_run_id": None,
                    "valid_until": None,
                },
            )
            self.tell(done, "production.opened", {"host": "x"}, Purpose.PRODUCAO)
        self.tell(done, "stage.finished", {"stage": stage.value}, made)

    def _environment(self, purpose: Purpose, done: datetime) -> None:
        name = EnvironmentName(municipality=self.slug, purpose=purpose)
        self.other.add(
            EnvironmentRow,
            slug=name.slug,
            ibge=self.place.ibge,
            purpose=purpose.value,
            release_version=self.chance.choices(("4.1.0", "4.0.0"), weights=(5, 1))[0],
            reference_digest=None,
            hostname=name.hostname("sei.exemplo"),
            database_server=f"banco-{self.chance.randrange(8)}",
            database_sei=name.database_sei,
            database_sip=name.database_sip,
            directory_ou=f"ou={name.ou}",
            bucket=name.bucket,
            orgao_sigla="PM",
            created_at=done - timedelta(hours=2),
        )
        self.tell(done, "environment.delivered", {"substance": "0" * 64, "probes": 12}, purpose)
        ends = max(done, self.now - timedelta(days=60)) + timedelta(days=90)
        details = {"fingerprint": "0" * 64, "not_after": ends.isoformat(), "source": "issued"}
        self.tell(done, "certificate.issued", details, purpose)

    def _class(self, done: datetime) -> None:
        begins = done - timedelta(days=3)
        self.other.add(
            TrainingClassRow,
            **{"ibge": self.place.ibge, "course": "sei-usar", "code": "turma-1", "starts_at": begins},
            **{"ends_at": begins + timedelta(hours=4), "place": "Auditório", "seats": 30, "correction": 0},
            **{"told_at": begins - timedelta(days=9), "cancelled_at": None},
        )

    def _nights(self, purpose: Purpose, nights: int) -> None:
        """The nightly events since the environment was delivered, as many nights as are asked for."""
        name = EnvironmentName(municipality=self.slug, purpose=purpose).slug
        delivered = next(
            (
                event["occurred_at"]
                for event in self.events
                if event["kind"] == "environment.delivered" and event["environment"] == name
            ),
            None,
        )
        if delivered is None:
            return
        processes = self.chance.randrange(50, 4000)
        last = datetime.combine(local_day(self.now), time(1), tzinfo=BRASILIA).astimezone(UTC)
        for night in range(nights, -1, -1):
            at = last - timedelta(days=night)
            if not delivered < at < self.now:
                continue
            kind = "backup.refused" if self.chance.random() < 1 / 200 else "backup.verified"
            self.tell(at, kind, _backup(at, self.chance), purpose)
            if purpose is Purpose.PRODUCAO:
                processes += self.chance.randrange(20)
                counts = {"users": 40 + processes // 20, "processes": processes, "documents": processes * 4}
                self.tell(at + timedelta(hours=2), "use.counted", counts, purpose)


_CALENDAR = BusinessCalendar(uf="MG")


def _waiting(stage: Stage, reasons: Sequence[tuple[Party, str]]) -> dict[str, Any]:
    return {"stage": stage.value, "reasons": [{"of": party.value, "text": text} for party, text in reasons]}


def _backup(at: datetime, chance: Random) -> dict[str, Any]:
    """As long as a real one: what it holds in S3, and what was examined."""
    number = chance.randrange(1 << 30)
    stamp = f"{at:%Y%m%dT%H%M%SZ}"
    objects = [
        {"key": f"{stamp}/parte-{n}.zst", "version_id": f"{number:032x}", "size_bytes": number}
        for n in range(_MOST_OBJECTS)
    ]
    levels = [
        {"level": level, "passed": True, "evidence": ["120 tabelas", "45.210 linhas", "1.204 anexos iguais"]}
        for level in ("L0", "L1", "L2", "L3", "L4")
    ]
    return {
        "backup": {"key": f"{stamp}/manifesto.json", "version_id": f"{number:032x}", "taken_at": at.isoformat()},
        "objects": objects,
        "certificate": {"levels": levels, "rows": number, "notes": ["x" * 80]},
    }


def members_of(prefix: str) -> tuple[IbgeMunicipality, ...]:
    """The municipalities whose IBGE codes begin so, by code."""
    table = Catalog().ibge_table()
    codes = sorted(code for names in table.codes_by_uf.values() for code in names.values() if code.startswith(prefix))
    return tuple(row for code in codes if (row := table.find(code)))


def make_fleet(
    places: Sequence[IbgeMunicipality], now: datetime, *, seed: int = 1, nights: int = _NIGHTS
) -> Iterator[_Rows]:
    """The rows of each municipality. Some have not joined yet; a ninth of who joined has everything behind it."""
    table, rules = Catalog().ibge_table(), Catalog().planning()
    for place in places:
        chance = Random(f"{seed} {place.ibge}")  # to be the same again, not to be unguessable
        slug = table.slug(place)[:40].rstrip("-")
        journey = _Journey(place, slug, now, chance, rules)
        journey.other.add(
            MunicipalityRow,
            **{"ibge": place.ibge, "name": place.plain_name.title(), "uf": place.uf, "slug": slug},
            **{"population": int(chance.lognormvariate(9.3, 1.1)) + 800},
        )
        if chance.random() >= _OUTSIDE_SHARE:
            journey.live_through(nights)
        journey.other.tables.setdefault(EventRow, []).extend(journey.events)
        yield journey.other


_ORDER = (
    MunicipalityRow,
    ContractRow,
    EnvironmentRow,
    EventRow,
    DecisionRow,
    TrainingClassRow,
    CampaignEventRow,
)


def fill_registry(
    url: SecretStr | str, places: Sequence[IbgeMunicipality], now: datetime, *, seed: int = 1, nights: int = _NIGHTS
) -> int:
    """Insert the fleet into an empty registry; how many events it has."""
    gathered = _Rows()
    for rows in make_fleet(places, now, seed=seed, nights=nights):
        for table, values in rows.tables.items():
            gathered.tables.setdefault(table, []).extend(values)
    gathered.tables[CampaignEventRow] = campaign_rows(gathered.tables.get(EnvironmentRow, []), now)
    gathered.tables.get(EventRow, []).sort(key=lambda event: event["occurred_at"])
    engine = open_engine(parse_url(url), pooled=False)
    with engine.begin() as connection:
        for table in _ORDER:
            values = gathered.tables.get(table, [])
            for first in range(0, len(values), _CHUNK):
                connection.execute(insert(table), values[first : first + _CHUNK])
    engine.dispose()
    return len(gathered.tables.get(EventRow, []))


def first_day(now: datetime) -> date:
    """The earliest day on which anybody of a fleet joined."""
    return local_day(now) - timedelta(days=_JOINED_WITHIN_DAYS)
