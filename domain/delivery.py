"""The certificate of delivery: what an environment is, what was proved of it, and how long that took."""

import hashlib
import json
from typing import Literal

from pydantic import AwareDatetime, Field, NonNegativeFloat, NonNegativeInt

from domain.model import Frozen
from domain.segregation import ProbeResult, SegregationReport


class Check(Frozen):
    """One thing that was proved."""

    title: str
    evidence: str


class ReferenceProof(Frozen):
    """That both databases are the release's, structure and reference rows."""

    version: str
    kind: Literal["official", "reduced"]
    digest: str
    sei_fingerprint: str = Field(description="SHA-256 of SEI's structure as found, equal to the reference's.")
    sip_fingerprint: str
    tables: NonNegativeInt
    rows: dict[str, NonNegativeInt] = Field(description="Reference table to its number of rows.")


class ServiceTime(Frozen):
    """How much of the agreed time the delivery took, in business days."""

    business_days: NonNegativeInt
    agreed: NonNegativeInt


class DeliveryCertificate(Frozen):
    """What the prefeitura receives with its environment; no personal data, no secret."""

    environment: str
    municipality: str
    ibge: str
    purpose: str
    plan: str
    release: str
    url: str
    database_server: str
    names: dict[str, str] = Field(description="What each part is called: bancos, balde, árvore LDAP.")
    limits: tuple[str, ...] = Field(description="What the plan grants, one sentence a limit.")
    reference: ReferenceProof
    checks: tuple[Check, ...]
    segregation: tuple[ProbeResult, ...]
    neighbour: str | None
    service_time: ServiceTime | None = None
    durations: dict[str, NonNegativeFloat] = Field(default_factory=dict, description="Step to its seconds.")
    issued_at: AwareDatetime

    @property
    def substance(self) -> str:
        """SHA-256 of what is certified, without when, how fast and by which probes it was proved this time.

        Two certificates of one substance say the same: the older one stays, and a second run changes nothing.
        """
        text = self.model_dump_json(
            exclude={"issued_at", "durations", "service_time", "checks", "segregation", "neighbour"}
        )
        return hashlib.sha256(json.dumps(json.loads(text), sort_keys=True).encode()).hexdigest()

    @property
    def report(self) -> SegregationReport:
        """The segregation's part, as it can be judged."""
        return SegregationReport(environment=self.environment, neighbour=self.neighbour, results=self.segregation)
