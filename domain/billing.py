"""What a prefeitura used of its plan, month by month, and whether another faixa would suit it, with the reasons."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from domain.backup.sizes import shown_size
from domain.catalog_entry import CatalogEntry
from domain.environment import Purpose
from domain.model import Frozen
from domain.plan import Plan, PlanTable
from domain.quota import QuotaRule, choose_quota

USE_BILLED = "use.billed"
"""Kind of the registry's event, one a month for each environment."""


class BilledUse(Frozen):
    """What one environment took in a month; sizes in bytes, as they were when it was measured."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    users: NonNegativeInt | None = Field(default=None, description="Active users, at most; None when nobody counted.")
    concurrent_users: NonNegativeInt | None = Field(default=None, description="At the busiest moment, where measured.")
    databases_bytes: NonNegativeInt
    files_bytes: NonNegativeInt | None = Field(description="None where the runtime cannot measure them.")
    backups_bytes: NonNegativeInt


class MonthOfPlan(Frozen):
    """A municipality's month: its production's people, and what all its environments store."""

    month: str
    users: NonNegativeInt | None
    concurrent_users: NonNegativeInt | None
    production_files_bytes: NonNegativeInt | None
    stored_bytes: NonNegativeInt

    @classmethod
    def of(cls, month: str, used: Sequence[tuple[Purpose, BilledUse]]) -> Self:
        """The month of one municipality, from its environments'."""
        production = next((use for purpose, use in used if purpose is Purpose.PRODUCAO), None)
        return cls(
            month=month,
            users=production.users if production else None,
            concurrent_users=production.concurrent_users if production else None,
            production_files_bytes=production.files_bytes if production else None,
            stored_bytes=sum(use.databases_bytes + (use.files_bytes or 0) + use.backups_bytes for _, use in used),
        )


class BillingRule(CatalogEntry):
    """When another faixa is proposed (`billing.yaml`)."""

    months: Annotated[int, Field(alias="meses", ge=1, le=12)]
    above_in: PositiveInt = Field(alias="acima_em")
    fits_percent: Annotated[int, Field(alias="folga_percentual", ge=1, le=100)]

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.above_in > self.months:
            msg = "acima_em não pode passar de meses"
            raise ValueError(msg)
        return self


class Verdict(StrEnum):
    """What is proposed."""

    KEEP = "manter"
    UP = "subir"
    DOWN = "descer"
    NEGOTIATE = "negociar"


class Proposal(Frozen):
    """A faixa that suits the use, with the reasons; a person decides."""

    verdict: Verdict
    faixa: PositiveInt | None = None
    reasons: tuple[str, ...] = ()


class _Measure(Frozen):
    """Something that a plan limits."""

    label: str
    shown: Callable[[int], str]
    used: Callable[[MonthOfPlan], int | None]
    limit: Callable[[Plan], int]


def _measures(quota: QuotaRule) -> tuple[_Measure, ...]:
    return (
        _Measure(label="usuários ativos", shown=str, used=lambda month: month.users, limit=lambda plan: plan.users),
        _Measure(
            label="usuários simultâneos",
            shown=str,
            used=lambda month: month.concurrent_users,
            limit=lambda plan: plan.concurrent_users,
        ),
        _Measure(
            label="arquivos da produção",
            shown=shown_size,
            used=lambda month: month.production_files_bytes,
            limit=lambda plan: choose_quota(plan, Purpose.PRODUCAO, quota).bytes,
        ),
    )


def propose(
    plan: Plan, population: int, months: Sequence[MonthOfPlan], table: PlanTable, quota: QuotaRule, rule: BillingRule
) -> Proposal:
    """Whether another faixa suits the last months, the newest last.

    Up to the smallest faixa that is passed in fewer than `above_in` of them; down, once there are as many months as the
    rule wants and each was measured in full, to the smallest that leaves room in each, and never below the one that the
    population has in the price table. A negotiated plan, and use above the last faixa, is for people to talk about.
    """
    recent, measures = list(months)[-rule.months :], _measures(quota)
    above = [text for one in measures if (text := _above(plan, one, recent, rule))]
    if above and plan.faixa is None:
        return Proposal(verdict=Verdict.NEGOTIATE, reasons=(*above, "o plano é negociado"))
    if above:
        higher = [line for line in table.ranges if line.faixa > (plan.faixa or 0)]
        for line in higher:
            if not any(_above(line.plan, one, recent, rule) for one in measures):
                return Proposal(verdict=Verdict.UP, faixa=line.faixa, reasons=tuple(above))
        return Proposal(verdict=Verdict.NEGOTIATE, reasons=(*above, "nenhuma faixa da tabela comporta"))
    unknown = [text for one in measures if (text := _unmeasured(one, recent))]
    if plan.faixa is None or len(recent) < rule.months or unknown:
        return Proposal(verdict=Verdict.KEEP, reasons=tuple(unknown))
    for line in table.ranges:
        if (
            line.faixa < plan.faixa
            and population <= line.population_up_to
            and _leaves_room(line.plan, measures, recent, rule)
        ):
            reason = f"em {len(recent)} meses coube em {rule.fits_percent} % da faixa {line.faixa}"
            return Proposal(verdict=Verdict.DOWN, faixa=line.faixa, reasons=(reason,))
    return Proposal(verdict=Verdict.KEEP)


def _above(plan: Plan, measure: _Measure, months: Sequence[MonthOfPlan], rule: BillingRule) -> str:
    """Why a plan is too small for a measure; empty when it is not."""
    limit = measure.limit(plan)
    passed = [used for month in months if (used := measure.used(month)) is not None and used > limit]
    if len(passed) < rule.above_in:
        return ""
    most = measure.shown(max(passed))
    return f"{measure.label} acima de {measure.shown(limit)} em {len(passed)} de {len(months)} meses (até {most})"


def _unmeasured(measure: _Measure, months: Sequence[MonthOfPlan]) -> str:
    missing = sum(measure.used(month) is None for month in months)
    return f"{measure.label}: {missing} de {len(months)} meses sem medida" if missing else ""


def _leaves_room(plan: Plan, measures: Sequence[_Measure], months: Sequence[MonthOfPlan], rule: BillingRule) -> bool:
    return all(
        (measure.used(month) or 0) * 100 <= measure.limit(plan) * rule.fits_percent
        for measure in measures
        for month in months
    )
