"""Which prefeitura has what: how far behind the state, what does not go together, what differs from the reference."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

from pydantic import AwareDatetime, NonNegativeInt

from domain.calendar import local_day, local_moment
from domain.campaign.sighting import Sighting
from domain.model import Frozen
from domain.report import table_cell
from domain.upgrade.compatibility import incompatibilities
from domain.upgrade.modules import ModuleTable
from domain.upgrade.release import ReleaseTable
from domain.upgrade.versions import is_version, order_of


class MapRow(Frozen):
    """One environment on the map."""

    municipality: str
    environment: str
    of_the_state: bool
    release: str
    sei: str
    sip: str
    resources: str
    modules: dict[str, str]
    behind: NonNegativeInt | None
    """Versions of SEI of the catalog that the state has and this one has not; None where the state's is not known."""
    waiting_days: NonNegativeInt | None
    """Since the state has had its version."""
    problems: tuple[str, ...]
    drift: NonNegativeInt | None
    seen_at: AwareDatetime | None


class VersionMap(Frozen):
    """The fleet's versions on one day."""

    day: date
    state: str | None
    """The version of SEI that all of the state's environments have."""
    state_since: date | None
    rows: tuple[MapRow, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many environments have each version of SEI, the newest first."""
        found = Counter(row.sei or "?" for row in self.rows)
        return dict(
            sorted(found.items(), key=lambda item: order_of(item[0]) if is_version(item[0]) else (), reverse=True)
        )

    @property
    def unsupported(self) -> tuple[MapRow, ...]:
        """Those with something that does not go together."""
        return tuple(row for row in self.rows if row.problems)

    @property
    def drifted(self) -> tuple[MapRow, ...]:
        """Those that differ from the reference that they were made of."""
        return tuple(row for row in self.rows if row.drift)

    @property
    def behind(self) -> tuple[MapRow, ...]:
        """Those behind the state, the farthest first."""
        return tuple(sorted((row for row in self.rows if row.behind), key=lambda row: -(row.behind or 0)))

    def markdown(self) -> list[str]:
        """The table that operators read."""
        state = f"{self.state}{f', desde {self.state_since:%d/%m/%Y}' if self.state_since else ''}"
        lines = [
            "# Mapa das versões",
            "",
            f"O estado está na {state}." if self.state else "Não se sabe em que versão está o estado.",
            f" **{len(self.rows)} ambientes: {len(self.behind)} atrás do estado, {len(self.unsupported)} com combinação"
            f" não suportada, {len(self.drifted)} com desvio da referência.**",
            "",
            f"{'; '.join(f'{version}: {number}' for version, number in self.counts.items())}.",
            "",
            "| Município | Ambiente | SEI | SIP | Recursos | Módulos | Atrás do estado | Desvios | Problemas | Lido |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for row in sorted(self.rows, key=lambda row: (not row.of_the_state, row.municipality, row.environment)):
            cells = (
                row.municipality,
                row.environment,
                row.sei or "?",
                row.sip or "?",
                row.resources or "?",
                ", ".join(f"{code} {version}" for code, version in sorted(row.modules.items())),
                told_behind(row),
                "?" if row.drift is None else row.drift,
                f"**{'; '.join(row.problems)}**" if row.problems else "",
                local_moment(row.seen_at) if row.seen_at else "nunca",
            )
            lines.append(f"| {' | '.join(table_cell(str(cell)) for cell in cells)} |")
        return lines


def told_behind(row: MapRow) -> str:
    """How far an environment is behind the state, as operators read it."""
    if row.behind is None:
        return "?"
    if not row.behind:
        return "em dia"
    days = f", há {row.waiting_days} dias" if row.waiting_days is not None else ""
    return f"{row.behind} {'versão' if row.behind == 1 else 'versões'}{days}"


class Mapped(Frozen):
    """What the registry knows of one environment."""

    environment: str
    municipality: str
    release: str
    of_the_state: bool
    seen: Sighting | None = None
    seen_at: AwareDatetime | None = None


def map_of(
    environments: Iterable[Mapped],
    releases: ReleaseTable,
    modules: ModuleTable,
    received: Mapping[str, date],
    today: date,
) -> VersionMap:
    """The map; `received` says what the state's own SEI got, where that is operated elsewhere."""
    known = tuple(environments)
    state, since = _state(known, releases, received)
    rows = []
    for one in known:
        seen = one.seen
        sei = _sei(one, releases)
        problems = [*(seen.problems if seen else ())]
        if seen and is_version(sei):
            problems += incompatibilities(sei, seen.modules, modules)
        behind = _behind(sei, state, releases)
        rows.append(
            MapRow(
                municipality=one.municipality,
                environment=one.environment,
                of_the_state=one.of_the_state,
                release=one.release,
                sei=sei,
                sip=(seen.sip or "") if seen else "",
                resources=(seen.resources or "") if seen else "",
                modules={code: version or "?" for code, version in seen.modules.items()} if seen else {},
                behind=behind,
                waiting_days=(today - since).days if behind and since and since <= today else None,
                problems=tuple(problems),
                drift=seen.drift if seen else None,
                seen_at=one.seen_at,
            )
        )
    return VersionMap(day=today, state=state, state_since=since if state else None, rows=tuple(rows))


def _sei(one: Mapped, releases: ReleaseTable) -> str:
    """SEI_VERSAO as it was last seen; as the registry's release has it, where it was upgraded since, or never seen."""
    if one.seen and one.seen.release == one.release and one.seen.sei:
        return one.seen.sei
    known = releases.find(one.release)
    return known.sei_version if known and known.sei_version else one.release


def _state(
    known: Iterable[Mapped], releases: ReleaseTable, received: Mapping[str, date]
) -> tuple[str | None, date | None]:
    """The version that every environment of the state has, and since when."""
    own = [one for one in known if one.of_the_state]
    versions = [version for one in own if is_version(version := _sei(one, releases))]
    if versions:
        lowest = min(versions, key=order_of)
        moments = [one.seen.since for one in own if one.seen and one.seen.since and _sei(one, releases) == lowest]
        return lowest, local_day(max(moments)) if moments else None
    told = {code: day for code, day in received.items() if releases.find(code)}
    if not told:
        return None, None
    newest = max(told, key=order_of)
    release = releases.find(newest)
    return (release.sei_version if release else None) or newest, told[newest]


def _behind(sei: str, state: str | None, releases: ReleaseTable) -> int | None:
    if state is None or not is_version(sei):
        return None
    versions = {release.sei_version for release in releases.of_sei if release.sei_version}
    between = {version for version in versions | {state} if order_of(sei) < order_of(version) <= order_of(state)}
    return len(between)
