"""The fleet as a campaign's plan needs it, asked of the registry and the catalog alone: no database is opened.

| what | where it is asked |
|---|---|
| environments, servers, releases | registry, `environment` and the milestones of ways out |
| versions in the databases, modules, parameters, drift | registry, the last `environment.seen` (a nightly flow) |
| faixa | registry, the plans in force |
| proved copies | registry, the last certificate of each |
| rehearsals | registry, the last `rehearsal.finished` of each |
| incidents, restorations that were cut off | registry, their events |
| failures in other campaigns | registry, their events |
| windows, freezes, holidays, who is the state | catalog |
| what the state's own SEI has, where it is operated elsewhere | catalog; registry, `state_release` |
"""

from collections import Counter
from datetime import date, datetime, timedelta

from blocks.catalog import Catalog
from domain.backup.history import BackupEvent, BackupHappening
from domain.calendar import BusinessCalendar, local_day
from domain.campaign.facts import CampaignFacts, EnvironmentFacts, NightHours, TargetRelease, night_of
from domain.campaign.rules import CampaignRules
from domain.campaign.sighting import Sighting, unsound
from domain.environment import EnvironmentName, Purpose
from domain.errors import GateClosedError, InvalidInputError
from domain.freeze import Freeze, list_freezes
from domain.upgrade.compatibility import supports
from domain.upgrade.modules import ModuleTable
from domain.upgrade.release import Release, ReleaseKind, ReleaseTable
from registry import EnvironmentRecord, EventRecord
from tasks import clock, doors
from tasks.backup_history import newest_proved
from tasks.campaign_units import rehearsals
from tasks.incidents import open_incidents
from tasks.instance import environments_in_use
from tasks.restoration import unfinished_restorations
from tasks.sightings import sighting_in, sightings

ELSEWHERE = "estado"
"""What stands in a plan for the state's own SEI where it is operated elsewhere."""

_SECONDS_PER_HOUR = 3600


def find_release(code: str) -> Release:
    """The release of a code, of whatever kind.

    Raises:
        InvalidInputError: the catalog does not know it, or says no way to it.
    """
    release = Catalog().releases().find_any(code)
    if release is None or not release.upgrades:
        what = "não está no catálogo" if release is None else "não diz como se chega a ela"
        raise InvalidInputError(
            f"A versão {code!r} {what}", "catalog/releases.yaml", "Veja ./implanta release list e release show."
        )
    return release


def minutes_of(release: Release) -> int:
    """How long the release itself expects that its steps take, for who has not rehearsed it."""
    return max(upgrade.minutes for upgrade in release.upgrades)


def campaign_facts(release: Release, quarantined: frozenset[tuple[str, str]] = frozenset()) -> CampaignFacts:
    """Everything that a plan of a release is made from, but for what happened in the campaign itself."""
    catalog, now = Catalog(), clock.now()
    reader = _Reader(catalog, release, now)
    environments = [reader.facts(record) for record in environments_in_use()]
    rules = reader.rules
    received = received_by_the_state(rules).get(release.code)
    target = _target(release, catalog.modules(), environments)
    if received is not None and not any(one.of_the_state for one in environments):
        environments.append(_state_elsewhere(target, received, rules))
    return CampaignFacts(
        release=target,
        environments=tuple(environments),
        calendar=company_calendar(),
        quarantined=quarantined,
    )


def require_state(facts: CampaignFacts) -> None:
    """Refuse a campaign that could not begin with the state's own environments.

    Raises:
        GateClosedError: none is in the fleet, and the catalog says nothing of the state's own SEI.
    """
    if not any(one.of_the_state for one in facts.environments):
        raise GateClosedError(
            f"Nada se sabe do SEI do próprio estado, que recebe a {facts.release.told} primeiro",
            "catalog/campaigns.yaml, estado",
            "Diga em municipios de quem são os ambientes dele, ou em recebidas o dia em que ele a recebeu; quem o opera"
            " também pode dizê-lo, pelo webhook versao-aplicada.",
        )


class _Reader:
    """What is known of all environments at once, and each one's part of it."""

    def __init__(self, catalog: Catalog, release: Release, now: datetime) -> None:
        registry = doors.registry()
        self.rules, self._module = catalog.campaigns(), release.module
        self._now, self._releases, self._freezes = now, catalog.releases(), catalog.freezes()
        self._contracts = registry.contracts()
        self._seen = sightings()
        self._proved, self._refused = (
            {name: _backup_in(event) for name, event in registry.newest_events(kind).items()}
            for kind in (BackupEvent.VERIFIED, BackupEvent.REFUSED)
        )
        self._rehearsals = rehearsals(release.code, now)
        self._incidents: Counter[str] = open_incidents()
        self._restoring = unfinished_restorations()
        self._freezes_by_ibge: dict[str, tuple[Freeze, ...]] = {}

    def facts(self, record: EnvironmentRecord) -> EnvironmentFacts:
        """One environment."""
        name = EnvironmentName.parse(record.slug)
        contract = self._contracts.get(record.ibge)
        event = self._seen.get(record.slug)
        seen = sighting_in(event) if event else None
        return EnvironmentFacts(
            slug=record.slug,
            municipality=name.municipality,
            purpose=name.purpose,
            of_the_state=name.municipality in self.rules.state.municipalities,
            faixa=contract.plan.faixa if contract else None,
            version=version_of(record.release_version, seen, self._releases),
            version_since=self._since(record, seen),
            modules=seen.installed if seen else {},
            parameters_digest=seen.parameters_digest if seen else "",
            server=record.database_server,
            hours=self.rules.windows.hours_of(record.ibge),
            freezes=self._freezes_of(record.ibge),
            certificate_age_hours=self._certificate_age(record),
            rehearsal=self._rehearsals.get(record.slug),
            open_incidents=self._incidents[record.slug],
            unsound=unsound(seen, record.release_version, self._restoring, record.slug),
        )

    def _since(self, record: EnvironmentRecord, seen: Sighting | None) -> date | None:
        # Upgraded after it was last seen: what was seen is of the version before.
        when = seen.since_when(self._module) if seen and seen.release == record.release_version else None
        return night_of(when) if when else None

    def _freezes_of(self, ibge: str) -> tuple[Freeze, ...]:
        own = ibge if ibge in self._freezes.by_municipality else ""
        if own not in self._freezes_by_ibge:
            today = local_day(self._now)
            last = today + timedelta(days=self.rules.nights.longest_search_days)
            self._freezes_by_ibge[own] = tuple(list_freezes(today, last, self._freezes, ibge))
        return self._freezes_by_ibge[own]

    def _certificate_age(self, record: EnvironmentRecord) -> float | None:
        proved, refused = self._proved.get(record.slug), self._refused.get(record.slug)
        if proved and refused and proved.backup == refused.backup:
            # Examined again since, and no backup any more: few are, and each asks for its whole history.
            known = newest_proved(record)
            taken_at = known.backup.taken_at if known else None
        else:
            taken_at = proved.backup.taken_at if proved else None
        return None if taken_at is None else max((self._now - taken_at).total_seconds() / _SECONDS_PER_HOUR, 0.0)


def received_by_the_state(rules: CampaignRules) -> dict[str, date]:
    """Since when the state's own SEI, operated elsewhere, has what: as the catalog says, and else as we were told."""
    return {**doors.registry().state_releases(), **rules.state.received}


def version_of(release: str, seen: Sighting | None, releases: ReleaseTable) -> str:
    """SEI_VERSAO of an environment: as it was seen, unless it was upgraded since; then as the release says."""
    if seen is not None and seen.release == release and seen.sei and not seen.problems:
        return seen.sei
    known = releases.find(release)
    return known.sei_version if known and known.sei_version else release


def _backup_in(event: EventRecord) -> BackupHappening:
    return BackupHappening.model_validate({"kind": event.kind, **event.details})


def _target(release: Release, modules: ModuleTable, environments: list[EnvironmentFacts]) -> TargetRelease:
    """The release as a plan needs it: of each module those of the fleet's versions that work with it."""
    brings_sei = release.sei_version is not None
    version = release.sei_version or release.module_version
    if version is None:
        raise InvalidInputError(
            f"O item {release.code} não diz a que versão leva", "catalog/releases.yaml", "Diga sei ou versao_modulo."
        )
    fitting: dict[str, set[str]] = {}
    for one in environments:
        for code, installed in one.modules.items():
            module = modules.find(code)
            if not brings_sei or (module is not None and supports(module, installed, version)):
                fitting.setdefault(code, set()).add(installed)
    return TargetRelease(
        version=version,
        complexity=release.complexity,
        start_lines=tuple(line for upgrade in release.upgrades for line in upgrade.from_lines),
        modules={code: tuple(sorted(versions)) for code, versions in fitting.items()},
        code=release.code,
        module=release.module if release.kind is ReleaseKind.MODULE else None,
        unfit_versions=_unfit_versions(release, modules, environments),
    )


def _unfit_versions(release: Release, modules: ModuleTable, environments: list[EnvironmentFacts]) -> frozenset[str]:
    """The fleet's versions of SEI on which nobody said that a release's module runs."""
    if release.module is None or release.module_version is None:
        return frozenset()
    module, versions = modules.find(release.module), {one.version for one in environments}
    return frozenset(
        version for version in versions if module is None or not supports(module, release.module_version, version)
    )


def _state_elsewhere(target: TargetRelease, received: date, rules: CampaignRules) -> EnvironmentFacts:
    """The state's own SEI, which nobody here upgrades: what is known is since when it has the release."""
    hours: NightHours = rules.windows.usual.hours
    return EnvironmentFacts(
        slug=ELSEWHERE,
        municipality=ELSEWHERE,
        purpose=Purpose.PRODUCAO,
        of_the_state=True,
        faixa=None,
        version=target.version,
        version_since=received,
        modules={target.module: target.version} if target.module else {},
        parameters_digest="",
        server="",
        hours=hours,
        certificate_age_hours=None,
        rehearsal=None,
    )


def company_calendar() -> BusinessCalendar:
    """The business days of the state IT company: those of the state that most municipalities are in."""
    states = Counter(one.uf for one in doors.registry().list_municipalities())
    uf = states.most_common(1)[0][0] if states else "MG"
    return BusinessCalendar(uf=uf, rules=Catalog().holidays().by_state.get(uf, ()))
