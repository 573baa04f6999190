"""How much an environment may keep in SEI's file repository, and how near to that it is."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.environment import Purpose
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.plan import Plan

GIGABYTE = 1_000_000_000
"""Disks and contracts count in decimal units."""
MEGABYTE = 1_000_000

Percent = Annotated[int, Field(gt=0, le=100)]


class QuotaShare(CatalogEntry):
    """How much of the plan's quota an environment of each purpose gets, in percent."""

    treinamento: Percent
    homologacao: Percent
    producao: Percent


class QuotaRule(CatalogEntry):
    """The quotas of the file repositories, as `storage.yaml` holds them."""

    gigabytes_by_faixa: dict[PositiveInt, PositiveInt] = Field(alias="gigabytes_por_faixa", min_length=1)
    negotiated_megabytes_per_user: PositiveInt = Field(alias="megabytes_por_usuario_negociado")
    files_per_gigabyte: PositiveInt = Field(alias="arquivos_por_gigabyte")
    share: QuotaShare = Field(alias="percentual_por_finalidade")
    warn_percent: Annotated[int, Field(gt=0, lt=100)] = Field(alias="aviso_percentual")

    @model_validator(mode="after")
    def _grows(self) -> Self:
        sizes = [self.gigabytes_by_faixa[faixa] for faixa in sorted(self.gigabytes_by_faixa)]
        if sizes != sorted(sizes):
            msg = "uma faixa maior não pode ter cota menor"
            raise ValueError(msg)
        return self


class Quota(Frozen):
    """The most that one file repository may hold."""

    bytes: PositiveInt
    files: PositiveInt
    warn_percent: PositiveInt


class RepositoryUsage(Frozen):
    """What one file repository holds."""

    bytes: NonNegativeInt
    files: NonNegativeInt


class QuotaLevel(StrEnum):
    """How near to its quota a repository is."""

    OK = "ok"
    WARNING = "aviso"
    EXCEEDED = "excedida"


class QuotaVerdict(Frozen):
    """The level, and the numbers that it comes from, for an operator."""

    level: QuotaLevel
    percent: NonNegativeInt = Field(description="Of bytes or of files, whichever is nearer to its limit; rounded up.")
    detail: str


def choose_quota(plan: Plan, purpose: Purpose, rule: QuotaRule) -> Quota:
    """The quota that a plan gives an environment of one purpose; a negotiated plan's grows with its users.

    Raises:
        InvalidInputError: the catalog has no quota for the plan's faixa.
    """
    if plan.faixa is None:
        whole = plan.users * rule.negotiated_megabytes_per_user * MEGABYTE
    elif plan.faixa in rule.gigabytes_by_faixa:
        whole = rule.gigabytes_by_faixa[plan.faixa] * GIGABYTE
    else:
        raise InvalidInputError(
            f"Não há cota de arquivos para a {plan.label}",
            "catalog/storage.yaml, gigabytes_por_faixa",
            "Acrescente a faixa ao arquivo.",
        )
    share = {
        Purpose.TREINAMENTO: rule.share.treinamento,
        Purpose.HOMOLOGACAO: rule.share.homologacao,
        Purpose.PRODUCAO: rule.share.producao,
    }[purpose]
    size = whole * share // 100
    return Quota(bytes=size, files=max(1, size * rule.files_per_gigabyte // GIGABYTE), warn_percent=rule.warn_percent)


def judge_quota(usage: RepositoryUsage, quota: Quota) -> QuotaVerdict:
    """Whether a repository is well within its quota, near its limit, or over it."""
    percent = max(_percent(usage.bytes, quota.bytes), _percent(usage.files, quota.files))
    if usage.bytes > quota.bytes or usage.files > quota.files:
        level = QuotaLevel.EXCEEDED
    else:
        level = QuotaLevel.WARNING if percent >= quota.warn_percent else QuotaLevel.OK
    return QuotaVerdict(
        level=level,
        percent=percent,
        detail=f"{format_size(usage.bytes)} de {format_size(quota.bytes)}, {_thousands(usage.files)} de "
        f"{_thousands(quota.files)} arquivos",
    )


def fits_quota(usage: RepositoryUsage, size: int, quota_bytes: int, quota_files: int) -> bool:
    """Whether one more file of `size` bytes still has room."""
    return usage.bytes + size <= quota_bytes and usage.files + 1 <= quota_files


def format_size(size: int) -> str:
    """A number of bytes as people read it: `1,5 GB`."""
    for unit, factor in (("GB", GIGABYTE), ("MB", MEGABYTE), ("kB", 1_000)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}".replace(".", ",")
    return f"{size} B"


def _percent(part: int, whole: int) -> int:
    return -(-part * 100 // whole)


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", ".")
