"""What an environment's databases were last seen to hold, as its nightly inspection told the registry."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from pydantic import AwareDatetime, Field, NonNegativeInt

from domain.model import Frozen
from domain.upgrade.versions import InstalledVersions, is_version

SEEN = "environment.seen"
"""Kind of the registry's event: told when something differs from the time before, and now and then."""

_TOLD_AGAIN_AFTER = timedelta(days=7)
_LONGEST_VALUE = 40


class Sighting(Frozen):
    """One look at one environment; no personal data."""

    release: str = Field(description="Which release the registry said that it has, at that moment.")
    sei: str | None
    sip: str | None
    resources: str | None = Field(description="SEI_VERSAO in SIP.")
    modules: dict[str, str | None] = Field(default_factory=dict, description="Code, or parameter, to its version.")
    parameters_digest: str = ""
    problems: tuple[str, ...] = Field(default=(), description="Where the versions contradict each other.")
    drift: NonNegativeInt = Field(default=0, description="Differences from the reference that it was made of.")
    drifted: tuple[str, ...] = Field(default=(), description="The first of them.")
    since: AwareDatetime | None = Field(default=None, description="Since when it was seen with this version of SEI.")
    modules_since: dict[str, AwareDatetime] = Field(default_factory=dict, description="The same of each module.")

    def since_when(self, module: str | None) -> datetime | None:
        """Since when it has its version of a module, or of SEI itself."""
        return self.since if module is None else self.modules_since.get(module)

    @property
    def installed(self) -> dict[str, str]:
        """The modules whose version is known."""
        return {code: version for code, version in self.modules.items() if version is not None and is_version(version)}


def modules_of(found: InstalledVersions) -> dict[str, str | None]:
    """Every module by its code in the catalog, or by the parameter that tells of it."""
    return {module.code or module.parameter: module.version for module in found.modules}


def parameters_digest(values: Mapping[str, str]) -> str:
    """Equal for environments whose parameters differ in nothing that counts: addresses and long texts do not."""
    counting = {name: value for name, value in values.items() if "@" not in value and len(value) <= _LONGEST_VALUE}
    return hashlib.sha256(json.dumps(counting, sort_keys=True).encode()).hexdigest()[:12]


def with_since(seen: Sighting, before: Sighting | None, now: datetime) -> Sighting:
    """The same, with the moments since which its version of SEI and those of its modules are known."""
    if before is None:
        return seen.model_copy(update={"since": now, "modules_since": dict.fromkeys(seen.modules, now)})
    since = before.since if before.sei == seen.sei else None
    kept = {
        code: when for code, when in before.modules_since.items() if before.modules.get(code) == seen.modules.get(code)
    }
    modules = {code: kept.get(code, now) for code in seen.modules}
    return seen.model_copy(update={"since": since or now, "modules_since": modules})


def is_news(seen: Sighting, before: Sighting | None, told_at: datetime | None, now: datetime) -> bool:
    """Whether a look is worth an event of its own."""
    return before != seen or told_at is None or now - told_at > _TOLD_AGAIN_AFTER


def unsound(seen: Sighting | None, release: str, restoring: Collection[str], environment: str) -> str:
    """Why nobody can say what an environment has; empty when that is known."""
    if environment in restoring:
        return "uma restauração deste ambiente não chegou ao fim"
    if seen is None:
        return "os bancos ainda não foram lidos: veja o fluxo mapa das versões"
    if seen.release == release and seen.problems:
        return f"as versões nos bancos se contradizem: {'; '.join(seen.problems)}"
    return ""
