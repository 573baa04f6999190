"""What a backup of Implanta itself consists of: the fleet's memory and the orchestrator's database, at one moment."""

from typing import Literal

from pydantic import AwareDatetime

from domain.archive import ArchivePart, DatabaseFacts
from domain.backup.facts import DumpFacts
from domain.model import Frozen

PrefectKind = Literal["sqlite", "postgresql"]

OWN = "implanta"
"""The name under which Implanta keeps its own key and says whose a backup is; no environment can have it."""
BUCKET = "implanta-copias"
PREFECT = "prefect"
"""How the orchestrator's database is called among the facts."""
REGISTRY_PART = "registro.sql.zst.enc"
PREFECT_PARTS: dict[PrefectKind, str] = {
    "sqlite": "prefect.sqlite.zst.enc",
    "postgresql": "prefect.pg_dump.zst.enc",
}


class SelfManifest(Frozen):
    """One backup of Implanta. No personal data; `taken_at` is before either database was read."""

    format: Literal[1] = 1
    taken_at: AwareDatetime
    finished_at: AwareDatetime
    schema_name: str
    registry: ArchivePart
    prefect: ArchivePart
    dump: DumpFacts
    resting: DatabaseFacts
    migration: str
    tools: dict[str, str]

    @property
    def prefect_kind(self) -> PrefectKind:
        """What kind of database Prefect's copy is of, by the name of its object."""
        return next((kind for kind, name in PREFECT_PARTS.items() if self.prefect.key.endswith(name)), "sqlite")

    @property
    def parts(self) -> tuple[ArchivePart, ArchivePart]:
        """Both databases."""
        return self.registry, self.prefect
