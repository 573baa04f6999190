"""Buckets as they are declared and as they are found, and what lies between."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import AwareDatetime, Field, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.environment import Purpose
from domain.model import Frozen

LockMode = Literal["GOVERNANCE", "COMPLIANCE"]
"""Whom a retention binds: GOVERNANCE all but an administrator who insists, COMPLIANCE everybody."""

ABORT_RULE = "implanta-envios-incompletos"
NONCURRENT_RULE = "implanta-versoes-antigas"


class Retention(CatalogEntry):
    """How long every new version of an object is kept from deletion."""

    mode: LockMode = Field(alias="modo")
    days: PositiveInt = Field(alias="dias")

    def __str__(self) -> str:
        return f"{self.mode} {self.days} dia{'s' if self.days > 1 else ''}"


class BucketRule(CatalogEntry):
    """What the bucket of an environment must be; versioning, object lock and privacy go without saying."""

    retention: Retention = Field(alias="retencao")
    abort_uploads_days: PositiveInt = Field(alias="envios_incompletos_dias")
    noncurrent_days: PositiveInt = Field(alias="versoes_antigas_dias")

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.noncurrent_days < self.retention.days:
            # The server would try each night to expire what it must keep.
            msg = "versoes_antigas_dias não pode ser menor que os dias de retenção"
            raise ValueError(msg)
        return self


class BucketRules(CatalogEntry):
    """The rule of each purpose's bucket, as `storage.yaml` holds them."""

    treinamento: BucketRule
    homologacao: BucketRule
    producao: BucketRule

    def of(self, purpose: Purpose) -> BucketRule:
        """The rule for the environments of one purpose."""
        return {
            Purpose.TREINAMENTO: self.treinamento,
            Purpose.HOMOLOGACAO: self.homologacao,
            Purpose.PRODUCAO: self.producao,
        }[purpose]


class LifecycleRule(Frozen):
    """One lifecycle rule, as far as we declare it; `exact` is False for one that does more than that, or is off."""

    abort_uploads_days: int | None = None
    noncurrent_days: int | None = None
    exact: bool = True


class BucketState(Frozen):
    """One bucket as the server tells it."""

    versioned: bool = False
    locked: bool = False
    retention: Retention | None = None
    lifecycle: dict[str, LifecycleRule] = Field(default_factory=dict)
    public_block: bool | None = Field(
        default=None, description="Whether public access is blocked as a whole; None where the server cannot do that."
    )
    granting_policy: bool = False
    foreign_grants: bool = False
    tags: dict[str, str] = Field(default_factory=dict)


class Aspect(StrEnum):
    """A part of a bucket that is put right on its own."""

    VERSIONING = "versionamento"
    LOCK = "object lock"
    RETENTION = "retenção padrão"
    LIFECYCLE = "ciclo de vida"
    PUBLIC_BLOCK = "bloqueio de acesso público"
    POLICY = "política de acesso"
    ACL = "lista de acesso"
    TAGS = "etiquetas"


class Difference(Frozen):
    """One thing in which a bucket is not as declared; `detail` says it to an operator."""

    aspect: Aspect
    detail: str


def declared_lifecycle(rule: BucketRule) -> dict[str, LifecycleRule]:
    """The lifecycle rules of a bucket, by id. No other may be there: one more could expire what must stay."""
    return {
        ABORT_RULE: LifecycleRule(abort_uploads_days=rule.abort_uploads_days),
        NONCURRENT_RULE: LifecycleRule(noncurrent_days=rule.noncurrent_days),
    }


def compare_bucket(
    name: str, found: BucketState, rule: BucketRule | None, tags: dict[str, str]
) -> tuple[Difference, ...]:
    """What to put right, in the order in which it has to be done; without a rule only versioning is asked for.

    Tags of others stay: institutions book costs by them.
    """
    differences: list[Difference] = []

    def differs(aspect: Aspect, detail: str) -> None:
        differences.append(Difference(aspect=aspect, detail=detail))

    if not found.versioned:
        differs(Aspect.VERSIONING, f"versionamento do bucket {name}: desligado → ligado")
    if rule is not None:
        if not found.locked:
            differs(Aspect.LOCK, f"object lock do bucket {name}: desligado → ligado")
        if found.retention != rule.retention:
            before = found.retention or "nenhuma"
            differs(Aspect.RETENTION, f"retenção padrão do bucket {name}: {before} → {rule.retention}")
        for detail in _lifecycle_details(name, found.lifecycle, declared_lifecycle(rule)):
            differs(Aspect.LIFECYCLE, detail)
        if found.public_block is False:
            differs(Aspect.PUBLIC_BLOCK, f"bloqueio de acesso público do bucket {name}: desligado → ligado")
        if found.granting_policy:
            differs(Aspect.POLICY, f"política de acesso do bucket {name}: concedia acesso → removida")
        if found.foreign_grants:
            differs(Aspect.ACL, f"lista de acesso do bucket {name}: concedia acesso a outros → só ao dono")
    for key, value in tags.items():
        if found.tags.get(key) != value:
            before = found.tags.get(key, "sem valor")
            differs(Aspect.TAGS, f"etiqueta {key} do bucket {name}: {before} → {value}")
    return tuple(differences)


def _lifecycle_details(name: str, found: dict[str, LifecycleRule], declared: dict[str, LifecycleRule]) -> list[str]:
    details = [
        f"regra de ciclo de vida {rule_id} do bucket {name}: {'diferia' if rule_id in found else 'faltava'}"
        for rule_id, rule in declared.items()
        if found.get(rule_id) != rule
    ]
    return details + [
        f"regra de ciclo de vida {rule_id} do bucket {name}: não declarada → removida"
        for rule_id in found
        if rule_id not in declared
    ]


class ObjectFact(Frozen):
    """One version of a stored object, and how it is kept from deletion."""

    bucket: str
    key: str
    version_id: str | None = Field(description="None of an object that a rehearsal would have stored.")
    sha256: str | None = Field(description="Of the whole content; None when whoever stored it did not say.")
    size: int
    mode: LockMode | None = None
    retain_until: AwareDatetime | None = None
    legal_hold: bool = False
    written_at: AwareDatetime | None = Field(default=None, description="By the server's clock, where it was asked.")
