"""How large an environment is made: every limit from the contracted plan, by rules that an operator can read and edit.

Each rule is linear and no coefficient is negative, so a larger plan never gets less of anything.
"""

from math import ceil
from typing import Self

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.environment import Purpose
from domain.model import Frozen
from domain.plan import Plan


class SizingRule(CatalogEntry):
    """One limit: a base and a share of users, simultaneous users or PHP workers, in steps, between two bounds."""

    label: str = Field(alias="nome", min_length=1)
    unit: str = Field(default="", alias="unidade")
    base: NonNegativeFloat = 0
    per_user: NonNegativeFloat = Field(default=0, alias="por_usuario")
    per_concurrent: NonNegativeFloat = Field(default=0, alias="por_simultaneo")
    per_worker: NonNegativeFloat = Field(default=0, alias="por_processo_php")
    step: PositiveInt = Field(default=1, alias="passo")
    minimum: PositiveInt = Field(default=1, alias="minimo")
    maximum: PositiveInt | None = Field(default=None, alias="maximo")
    reason: str = Field(alias="motivo", min_length=1)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.maximum is not None and self.maximum < self.minimum:
            msg = "o máximo é menor que o mínimo"
            raise ValueError(msg)
        return self

    def value(self, *, users: float, concurrent: float, workers: int = 0) -> int:
        """The limit, rounded up to a whole step."""
        exact = self.base + self.per_user * users + self.per_concurrent * concurrent + self.per_worker * workers
        stepped = ceil(round(exact / self.step, 6)) * self.step
        return max(self.minimum, stepped if self.maximum is None else min(self.maximum, stepped))


class SizingRules(CatalogEntry):
    """The rules of `catalog/sizing.yaml`, one a limit, and how much of the plan each purpose has to carry."""

    share_by_purpose: dict[Purpose, float] = Field(alias="parcela_por_finalidade")
    php_workers: SizingRule = Field(alias="processos_php")
    php_memory_mb: SizingRule = Field(alias="memoria_php")
    application_memory_mb: SizingRule = Field(alias="memoria_aplicacao")
    cpu_millicores: SizingRule = Field(alias="cpu")
    database_connections: SizingRule = Field(alias="conexoes_banco")
    database_memory_mb: SizingRule = Field(alias="memoria_banco")
    database_storage_gb: SizingRule = Field(alias="disco_banco")
    memcached_mb: SizingRule = Field(alias="memcached")
    solr_heap_mb: SizingRule = Field(alias="solr")
    upload_mb: SizingRule = Field(alias="upload")
    edge_connections: SizingRule = Field(alias="conexoes_borda")
    edge_requests_per_second: SizingRule = Field(alias="requisicoes_borda")
    edge_burst: SizingRule = Field(alias="rajada_borda")

    @model_validator(mode="after")
    def _shares_are_fractions_of_every_purpose(self) -> Self:
        if set(self.share_by_purpose) != set(Purpose):
            msg = "parcela_por_finalidade precisa de treinamento, homologacao e producao"
            raise ValueError(msg)
        if not all(0 < share <= 1 for share in self.share_by_purpose.values()):
            msg = "cada parcela fica entre 0 e 1"
            raise ValueError(msg)
        return self


class Sizing(Frozen):
    """The limits of one environment."""

    php_workers: PositiveInt
    php_memory_mb: PositiveInt = Field(description="PHP's memory_limit, of one request.")
    application_memory_mb: PositiveInt
    cpu_millicores: PositiveInt
    database_connections: PositiveInt = Field(description="Of the application's account, over both schemas.")
    database_memory_mb: PositiveInt = Field(description="Its share of the server's buffer pool.")
    database_storage_gb: PositiveInt
    memcached_mb: PositiveInt
    solr_heap_mb: PositiveInt
    upload_mb: PositiveInt
    edge_connections: PositiveInt
    edge_requests_per_second: PositiveInt
    edge_burst: PositiveInt
    reasons: tuple[str, ...] = Field(description="One Portuguese sentence a limit, for the plan output.")


LIMITS = tuple(name for name in Sizing.model_fields if name != "reasons")


def size_environment(plan: Plan, purpose: Purpose, rules: SizingRules) -> Sizing:
    """Every limit of an environment of this purpose; a negotiated plan follows the same rules by its own numbers."""
    share = rules.share_by_purpose[purpose]
    users, concurrent = plan.users * share, plan.concurrent_users * share
    workers = rules.php_workers.value(users=users, concurrent=concurrent)
    limits: dict[str, int] = {}
    reasons = []
    for name in LIMITS:
        rule: SizingRule = getattr(rules, name)
        limits[name] = rule.value(users=users, concurrent=concurrent, workers=workers)
        amount = f"{limits[name]} {rule.unit}".strip()
        reasons.append(f"{rule.label}: {amount}. {rule.reason}")
    part = "" if share == 1 else f" Em {purpose.label} conta {share:.0%} do plano."
    first = f"Plano: {plan.label}, {plan.users} usuários, {plan.concurrent_users} simultâneos.{part}"
    return Sizing.model_validate({**limits, "reasons": (first, *reasons)})
