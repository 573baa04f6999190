"""A fleet in a registry of its own, and a double of what is done to one environment: the registry's own events tell it.

The two calls that a campaign makes, and the look at an environment afterwards, are what the double stands for; the
campaign, its plan, its decisions, the registry, the queue of messages and the Prefect server are the real ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from blocks.catalog import Catalog
from domain.backup.certificate import BackupCertificate
from domain.backup.findings import Level, LevelResult
from domain.backup.history import BackupEvent, BackupHappening
from domain.backup.manifest import BackupReference
from domain.calendar import BRASILIA
from domain.campaign.history import Outcome, UnitRecord
from domain.campaign.night import CampaignNight
from domain.campaign.promotion import UnitObservation
from domain.campaign.rules import CampaignRules
from domain.campaign.sighting import SEEN, Sighting
from domain.environment import EnvironmentName, Purpose
from domain.errors import IntegrityError, RetryableError
from domain.municipality import Municipality
from domain.plan import choose_plan
from domain.upgrading import REHEARSED, RehearsalRecord, UpgradeEvent, UpgradeFailure, UpgradeHappening, UpgradeReport
from flows import campaign_units, upgrade_campaign
from registry import EnvironmentRecord, Registry
from tasks import campaign_decisions, clock
from tasks.campaign_log import Campaign
from tasks.step import step
from tasks.upgrade_undo import CUT_OFF
from tasks.upgrading import last_upgrades

DIGEST = "a" * 64
STATE = "estado"
TARGET = "4.1.0"
MONDAY = date(2027, 3, 1)
MINUTES = 20.0
WEEKEND = (5, 6)


def at(day: date, hour: int, minute: int = 30) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BRASILIA)


@dataclass
class World:
    """The fleet, and what goes wrong in it."""

    registry: Registry
    url: SecretStr
    now: datetime = field(default_factory=lambda: at(MONDAY, 12))
    fails_in_rehearsal: dict[str, str] = field(default_factory=dict)
    fails_in_upgrade: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    cut_off: set[str] = field(default_factory=set)
    ill: set[str] = field(default_factory=set)
    use: int = 100
    upgraded: list[str] = field(default_factory=list)
    rehearsed: list[str] = field(default_factory=list)

    def add(self, slug: str, ibge: str, *purposes: Purpose, population: int = 5_000, server: str = "principal") -> None:
        """One municipality and its environments, each made of 4.0.0 and proved, with its databases read."""
        self.registry.ensure_municipality(
            Municipality(ibge=ibge, name=slug.title(), uf="MG", slug=slug, population=population)
        )
        self.registry.ensure_contract(ibge, choose_plan(population, Catalog().plans()))
        for purpose in purposes:
            name = EnvironmentName(municipality=slug, purpose=purpose)
            self.registry.ensure_environment(
                EnvironmentRecord(
                    slug=name.slug,
                    ibge=ibge,
                    purpose=purpose,
                    release_version="4.0.0",
                    reference_digest=DIGEST,
                    hostname=f"{name.slug}.localhost",
                    database_server=server,
                    database_sei=name.database_sei,
                    database_sip=name.database_sip,
                    directory_ou=name.ou,
                    bucket=name.bucket,
                    orgao_sigla="PM",
                )
            )
            seen = Sighting(release="4.0.0", sei="4.0.0", sip="3.0.0", resources="4.0.0", parameters_digest="a")
            self.tell(SEEN, name.slug, seen.model_dump(mode="json", exclude_defaults=True))

    def tell(self, kind: str, environment: str, details: dict[str, object]) -> None:
        """One event of an environment."""
        record = self.registry.environment(environment)
        self.registry.record_event(
            kind,
            ibge=record.ibge,
            environment=environment,
            actor="implanta",
            details=details,  # type: ignore[arg-type]  # dumped by pydantic
            occurred_at=self.now,
        )

    def back_up(self) -> None:
        """The night's proved copy of everybody."""
        for record in self.registry.list_environments():
            backup = BackupReference(
                environment=record.slug,
                key=f"copias/{self.now:%Y%m%d%H%M}",
                version_id="1",
                sha256=DIGEST,
                taken_at=self.now,
            )
            certificate = BackupCertificate(
                environment=record.slug,
                city=record.slug,
                release_version=record.release_version,
                backup=backup,
                verified_at=self.now,
                levels=tuple(LevelResult(level=level, passed=True) for level in Level if level <= Level.EQUAL),
                findings=(),
                tables=1,
                rows=1,
                files=0,
                attachments=0,
                stored_bytes=1,
                rpo_seconds=1,
                rto_seconds=1,
                seconds={},
            )
            happening = BackupHappening(kind=BackupEvent.VERIFIED, backup=backup, certificate=certificate)
            self.tell(
                BackupEvent.VERIFIED,
                record.slug,
                happening.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True),
            )

    def rehearse(self, environment: str, version: str) -> RehearsalRecord:
        """As the real one: whatever it finds is told, and only what could not be held is raised."""
        self.rehearsed.append(environment)
        signature = self.fails_in_rehearsal.get(environment)
        failure = UpgradeFailure(step="script", cause="o script falhou", signature=signature) if signature else None
        record = RehearsalRecord(
            release=version, stamp="x", at=self.now, ok=failure is None, seconds=MINUTES * 60, failure=failure
        )
        self.tell(REHEARSED, environment, record.model_dump(mode="json", exclude={"at"}, exclude_defaults=True))
        return record

    def upgrade(
        self, environment: str, version: str, *, role: str, reason: str, confirmation: str | None = None
    ) -> UpgradeReport:
        """As the real one: refused before anything is touched, or done, or undone and raised."""
        if environment in self.refused:
            raise RetryableError("O servidor de banco não respondeu", environment, "Execute de novo.")
        if environment in self.cut_off:
            return self._cut_off(environment, version, role, reason)
        self._happened(
            environment, UpgradeEvent.BEGUN, from_version="4.0.0", to_version=version, role=role, reason=reason
        )
        self._happened(environment, UpgradeEvent.SAVED)
        if signature := self.fails_in_upgrade.get(environment):
            failure = UpgradeFailure(step="script", cause="o script falhou no meio", signature=signature)
            self._happened(environment, UpgradeEvent.FAILED, failure=failure)
            self._happened(environment, UpgradeEvent.RETURNED)
            self._happened(environment, UpgradeEvent.UNDONE)
            raise IntegrityError("O script falhou", environment, "Veja o registro.")
        for kind in (UpgradeEvent.APPLIED, UpgradeEvent.PROVED):
            self._happened(environment, kind)
        engine = create_engine(self.url.get_secret_value())
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE environment SET release_version = :version WHERE slug = :slug"),
                {"version": version, "slug": environment},
            )
        engine.dispose()
        self._happened(environment, UpgradeEvent.FINISHED)
        self.upgraded.append(environment)
        return UpgradeReport(
            environment=environment,
            from_version="4.0.0",
            to_version=version,
            role=role,
            reason=reason,
            stamp="x",
            steps=(),
        )

    def _cut_off(self, environment: str, version: str, role: str, reason: str) -> UpgradeReport:
        """Its run dies in the middle; the next finds that and brings back what was there."""
        last = last_upgrades().get(environment)
        if last is None:
            self._happened(
                environment, UpgradeEvent.BEGUN, from_version="4.0.0", to_version=version, role=role, reason=reason
            )
            self._happened(environment, UpgradeEvent.SAVED)
            raise MemoryError("kill -9")
        self.cut_off.discard(environment)
        self._happened(environment, UpgradeEvent.FAILED, failure=CUT_OFF)
        self._happened(environment, UpgradeEvent.RETURNED)
        self._happened(environment, UpgradeEvent.UNDONE)
        raise IntegrityError("A execução foi interrompida", environment, "O ambiente está como antes.")

    def _happened(self, environment: str, kind: UpgradeEvent, **told: object) -> None:
        happening = UpgradeHappening.model_validate({"kind": kind, "at": self.now, **told})
        self.tell(kind, environment, happening.model_dump(mode="json", exclude={"kind", "at"}, exclude_defaults=True))

    def observe(self, environment: str, unit: UnitRecord) -> UnitObservation:
        """People at work, and an environment that is well, unless it was said to be ill."""
        return UnitObservation(
            outcome=unit.outcome,
            minutes=unit.minutes if unit.outcome is Outcome.FAILED else MINUTES,
            predicted_minutes=MINUTES,
            sign_ins=self.use,
            documents_signed=self.use,
            processes_sent=self.use,
            healthy=environment not in self.ill,
            illness="a aplicação não atende" if environment in self.ill else "",
        )

    def run(self, moment: datetime) -> CampaignNight | None:
        """One run of the campaign at a moment."""
        self.now = moment
        return upgrade_campaign.upgrade_campaign()

    def night(self, day: date) -> None:
        """A day and its night, as far as anything may happen in it: decisions at noon, copies, each one's turn."""
        if day.weekday() in WEEKEND:
            return
        self._try(at(day, 12))
        self.now = at(day, 21)
        self.back_up()
        appointments = Campaign(TARGET).state.appointments.values()
        if any(one.night == day for one in appointments):
            self._try(at(day, 22))

    def _try(self, moment: datetime) -> None:
        try:
            self.run(moment)
        except IntegrityError as error:
            self.troubles.append(str(error))

    troubles: list[str] = field(default_factory=list)


def small_rules(**changes: object) -> CampaignRules:
    """The catalog's rules with waves for a small fleet."""
    rules = Catalog().campaigns()
    waves = rules.waves.model_copy(update={"first": 6, "growth": 2, "most": 12})
    failures = rules.failures.model_copy(update={"percent": 13.0})
    return rules.model_copy(update={"waves": waves, "failures": failures, **changes})


@contextmanager
def world_in(url: SecretStr, rules: CampaignRules | None = None, complexity: str = "baixa") -> Iterator[World]:
    """A world whose registry, clock and units are those of this process while it lasts."""
    registry = Registry(url)
    world = World(registry, url)
    real, catalog_rules = Catalog.releases, rules or small_rules()

    def releases(catalog: Catalog):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as the real one
        table = real(catalog)
        easy = [one.model_copy(update={"complexity": type(one.complexity)(complexity)}) for one in table.releases]
        return table.model_copy(update={"releases": tuple(easy)})

    @step("observação")
    def observe_unit(environment: str, unit: UnitRecord, margin_percent: int) -> UnitObservation:
        return world.observe(environment, unit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: world.now)
        patch.setattr(campaign_units, "upgrade_environment", world.upgrade)
        patch.setattr(campaign_units, "rehearse", world.rehearse)
        patch.setattr(upgrade_campaign, "observe_unit", observe_unit)
        patch.setattr(campaign_decisions, "observe_unit", observe_unit)
        patch.setattr(Catalog, "campaigns", lambda _: catalog_rules)
        patch.setattr(Catalog, "releases", releases)
        yield world
    registry.dispose()


def days_from(day: date, number: int) -> Iterator[date]:
    return (day + timedelta(days=n) for n in range(number))
