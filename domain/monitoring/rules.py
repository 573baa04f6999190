"""What is probed, how serious each finding is and how it is damped: `catalog/monitoring.yaml`."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry


class Probe(StrEnum):
    """What is looked at; its value is the code that events, webhooks and metrics carry as the cause."""

    EDGE = "borda"
    DATABASE = "banco"
    REPLICATION = "replicacao"
    DISK = "disco"
    DIRECTORY = "ldap"
    STORAGE = "objetos"
    MAIL = "correio"
    ORCHESTRATOR = "orquestrador"
    SWEEP = "varredura"
    PAGE = "pagina"
    CERTIFICATE = "certificado"
    SCHEMAS = "bancos"
    SIGN_IN = "entrada"
    SCHEDULER = "agendador"
    QUOTA = "cota"
    CONCURRENT = "simultaneos"
    USERS = "usuarios"

    @property
    def label(self) -> str:
        """As operators read it."""
        return _LABELS[self]


_LABELS = {
    Probe.EDGE: "borda",
    Probe.DATABASE: "servidor de banco",
    Probe.REPLICATION: "réplica do servidor de banco",
    Probe.DISK: "disco do servidor de banco",
    Probe.DIRECTORY: "LDAP",
    Probe.STORAGE: "armazenamento S3",
    Probe.MAIL: "fila de e-mail",
    Probe.ORCHESTRATOR: "Prefect",
    Probe.SWEEP: "varredura da monitoração",
    Probe.PAGE: "página de entrada",
    Probe.CERTIFICATE: "certificado",
    Probe.SCHEMAS: "bancos do ambiente",
    Probe.SIGN_IN: "entrada pelo LDAP",
    Probe.SCHEDULER: "agendador",
    Probe.QUOTA: "cota de arquivos",
    Probe.CONCURRENT: "usuários simultâneos",
    Probe.USERS: "usuários ativos",
}

SHARED = (
    *(Probe.EDGE, Probe.DATABASE, Probe.REPLICATION, Probe.DISK),
    *(Probe.DIRECTORY, Probe.STORAGE, Probe.MAIL, Probe.ORCHESTRATOR, Probe.SWEEP),
)
OF_SERVER = frozenset({Probe.DATABASE, Probe.REPLICATION, Probe.DISK})
OF_EVERYBODY = frozenset({Probe.EDGE, Probe.DIRECTORY})
"""Shared by all environments; what is shared and in neither of the two makes nobody's SEI stop."""

EXPLAINED_BY: dict[Probe, tuple[Probe, ...]] = {
    Probe.PAGE: (Probe.EDGE, Probe.DATABASE),
    Probe.CERTIFICATE: (Probe.EDGE,),
    Probe.SIGN_IN: (Probe.DIRECTORY,),
    Probe.SCHEDULER: (Probe.DATABASE,),
}
"""What fails in an environment while something below it fails says nothing of the environment."""


class Severity(StrEnum):
    """How serious it is when a probe fails."""

    OUTAGE = "parada"
    """People cannot work: an incident of the environment, and minutes without service."""
    INCIDENT = "incidente"
    WARNING = "aviso"
    """The team is told; no environment has an incident, so no campaign waits for it."""


class ProbeRule(CatalogEntry):
    """One probe: its severity, its limit in its own unit, how often it is made, and what the team does of a failure."""

    severity: Severity = Field(alias="gravidade")
    limit: float | None = Field(default=None, alias="limite")
    every_minutes: NonNegativeInt = Field(default=0, alias="a_cada_minutos")
    most: PositiveInt | None = Field(default=None, alias="por_varredura")
    remedy: Annotated[str, Field(alias="providencia", min_length=20)]

    @property
    def every(self) -> timedelta:
        """How long a good answer holds; nothing means until the next sweep."""
        return timedelta(minutes=self.every_minutes)


class FlappingRule(CatalogEntry):
    """When answers that go to and fro are an incident of their own."""

    window: Annotated[int, Field(alias="de", ge=4, le=30)]
    bad: PositiveInt = Field(alias="ruins")
    close_after: PositiveInt = Field(alias="fecha_apos")


class Damping(CatalogEntry):
    """How many answers alike it takes to open an incident and to close it."""

    open_after: PositiveInt = Field(alias="abre_apos")
    within_minutes: PositiveInt = Field(alias="em_minutos")
    close_after: PositiveInt = Field(alias="fecha_apos")
    flapping: FlappingRule = Field(alias="oscilacao")

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if not self.open_after <= self.flapping.bad <= self.flapping.window:
            msg = "oscilacao.ruins tem de estar entre abre_apos e oscilacao.de"
            raise ValueError(msg)
        return self

    @property
    def within(self) -> timedelta:
        """Answers further apart than this do not follow one another."""
        return timedelta(minutes=self.within_minutes)


class SweepRule(CatalogEntry):
    """How much of a sweep goes on at once, and how long all of it may take."""

    at_once: Annotated[int, Field(alias="ao_mesmo_tempo", ge=1, le=200)]
    probe_seconds: Annotated[int, Field(alias="segundos_por_sonda", ge=1, le=60)]
    total_seconds: Annotated[int, Field(alias="segundos_ao_todo", ge=10, le=280)]


class MonitoringRule(CatalogEntry):
    """Everything that operators decide about the monitoring."""

    damping: Damping = Field(alias="amortecimento")
    sweep: SweepRule = Field(alias="varredura")
    together: Annotated[int, Field(alias="juntos", ge=2)]
    session_minutes: PositiveInt = Field(alias="sessao_minutos")
    probes: dict[Probe, ProbeRule] = Field(alias="sondas")

    @model_validator(mode="after")
    def _names_every_probe(self) -> Self:
        if missing := [probe.value for probe in Probe if probe not in self.probes]:
            msg = f"faltam sondas: {', '.join(missing)}"
            raise ValueError(msg)
        return self

    def limit(self, probe: Probe) -> float:
        """The limit of a probe that has one; without one nothing passes it."""
        limit = self.probes[probe].limit
        return float("inf") if limit is None else limit

    def opens_incidents(self, probe: Probe) -> bool:
        """Whether a failure of this probe is an incident of environments."""
        affects = probe not in SHARED or probe in OF_EVERYBODY or probe in OF_SERVER
        return affects and self.probes[probe].severity is not Severity.WARNING

    @property
    def outages(self) -> frozenset[str]:
        """The causes whose incidents are time without service."""
        return frozenset(probe.value for probe, rule in self.probes.items() if rule.severity is Severity.OUTAGE)
