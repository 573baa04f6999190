"""The document model that every prefeitura starts with: process types and legal grounds, matched by name."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from domain.catalog_entry import CatalogEntry
from domain.model import Frozen
from domain.text import collation_key, cp1252_problem


class AccessLevel(StrEnum):
    """`sta_nivel_acesso` of SEI, by the names that its screens use."""

    PUBLICO = "publico"
    RESTRITO = "restrito"

    @property
    def code(self) -> str:
        """The character that SEI stores."""
        return {"publico": "0", "restrito": "1"}[self.value]


class HipoteseLegal(CatalogEntry):
    """A legal ground to restrict access (`hipotese_legal`)."""

    nome: str = Field(min_length=1, max_length=50)
    base_legal: str = Field(min_length=1, max_length=50)
    descricao: str = Field(min_length=1, max_length=500)

    @field_validator("nome", "base_legal", "descricao")
    @classmethod
    def _can_be_stored(cls, value: str) -> str:
        return _stored(value)


class TipoProcedimento(CatalogEntry):
    """A process type (`tipo_procedimento`): restricted ones name their ground; `assunto` is the code of its subject."""

    nome: str = Field(min_length=1, max_length=100)
    descricao: str = Field(min_length=1, max_length=250)
    nivel_acesso: AccessLevel
    hipotese_legal: str | None = None
    assunto: str = Field(min_length=1, max_length=50)

    @field_validator("nome", "descricao")
    @classmethod
    def _can_be_stored(cls, value: str) -> str:
        return _stored(value)

    @model_validator(mode="after")
    def _restriction_has_a_ground(self) -> Self:
        if (self.nivel_acesso is AccessLevel.RESTRITO) != (self.hipotese_legal is not None):
            msg = f"{self.nome!r}: hipotese_legal acompanha o nível restrito, e só ele"
            raise ValueError(msg)
        return self


class DocumentModel(CatalogEntry):
    """The whole model; names are unique as SEI's collation compares them, and every ground named exists."""

    hipoteses_legais: tuple[HipoteseLegal, ...]
    tipos_procedimento: tuple[TipoProcedimento, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        grounds = _unique([ground.nome for ground in self.hipoteses_legais])
        _unique([tipo.nome for tipo in self.tipos_procedimento])
        for tipo in self.tipos_procedimento:
            if tipo.hipotese_legal is not None and collation_key(tipo.hipotese_legal) not in grounds:
                msg = f"{tipo.nome!r} cita a hipótese legal {tipo.hipotese_legal!r}, que não está no modelo"
                raise ValueError(msg)
        return self


class ExistingHipoteseLegal(Frozen):
    """A row of `hipotese_legal`."""

    id_hipotese_legal: PositiveInt
    nome: str
    base_legal: str
    descricao: str | None = None
    ativo: bool = True


class ExistingTipoProcedimento(Frozen):
    """A row of `tipo_procedimento`; `hipotese_legal` is the name of the suggested ground."""

    id_tipo_procedimento: PositiveInt
    nome: str
    nivel_acesso_sugestao: str | None
    hipotese_legal: str | None = None
    ativo: bool = True


class MatchedHipoteseLegal(Frozen):
    """A wanted ground that SEI already has; `changed` names the fields that differ."""

    wanted: HipoteseLegal
    existing: ExistingHipoteseLegal
    changed: tuple[str, ...] = ()


class MatchedTipoProcedimento(Frozen):
    """A wanted type that SEI already has; `changed` names the fields that differ."""

    wanted: TipoProcedimento
    existing: ExistingTipoProcedimento
    changed: tuple[str, ...] = ()


class HipotesesPlan(Frozen):
    """What to do with each wanted legal ground. Others that SEI has stay as they are."""

    missing: tuple[HipoteseLegal, ...]
    changed: tuple[MatchedHipoteseLegal, ...]
    present: tuple[MatchedHipoteseLegal, ...]


class TiposPlan(Frozen):
    """What to do with each wanted process type. Others that SEI has stay as they are."""

    missing: tuple[TipoProcedimento, ...]
    changed: tuple[MatchedTipoProcedimento, ...]
    present: tuple[MatchedTipoProcedimento, ...]


def plan_legal_grounds(wanted: Iterable[HipoteseLegal], existing: Iterable[ExistingHipoteseLegal]) -> HipotesesPlan:
    """Compare wanted legal grounds with SEI's, by name as its collation compares; nothing is ever deleted."""
    by_name = {collation_key(row.nome): row for row in sorted(existing, key=lambda row: row.ativo)}
    missing: list[HipoteseLegal] = []
    matched: list[MatchedHipoteseLegal] = []
    for ground in wanted:
        row = by_name.get(collation_key(ground.nome))
        if row is None:
            missing.append(ground)
            continue
        # The description stays as the prefeitura edited it: only name, law and being active are the model's.
        differs = {
            "nome": ground.nome != row.nome,
            "base_legal": ground.base_legal != row.base_legal,
            "ativo": not row.ativo,
        }
        matched.append(MatchedHipoteseLegal(wanted=ground, existing=row, changed=_names(differs)))
    return HipotesesPlan(
        missing=tuple(missing),
        changed=tuple(match for match in matched if match.changed),
        present=tuple(match for match in matched if not match.changed),
    )


def plan_process_types(wanted: Iterable[TipoProcedimento], existing: Iterable[ExistingTipoProcedimento]) -> TiposPlan:
    """Compare wanted process types with SEI's, by name as its collation compares; nothing is ever deleted."""
    by_name = {collation_key(row.nome): row for row in sorted(existing, key=lambda row: row.ativo)}
    missing: list[TipoProcedimento] = []
    matched: list[MatchedTipoProcedimento] = []
    for tipo in wanted:
        row = by_name.get(collation_key(tipo.nome))
        if row is None:
            missing.append(tipo)
            continue
        differs = {
            "nome": tipo.nome != row.nome,
            "nivel_acesso": tipo.nivel_acesso.code != row.nivel_acesso_sugestao,
            "hipotese_legal": collation_key(tipo.hipotese_legal or "") != collation_key(row.hipotese_legal or ""),
            "ativo": not row.ativo,
        }
        matched.append(MatchedTipoProcedimento(wanted=tipo, existing=row, changed=_names(differs)))
    return TiposPlan(
        missing=tuple(missing),
        changed=tuple(match for match in matched if match.changed),
        present=tuple(match for match in matched if not match.changed),
    )


def _names(differs: dict[str, bool]) -> tuple[str, ...]:
    return tuple(field for field, different in differs.items() if different)


def _stored(value: str) -> str:
    if problem := cp1252_problem(value):
        msg = f"não pode ser gravado: {problem}"
        raise ValueError(msg)
    return value


def _unique(names: list[str]) -> set[str]:
    keys = [collation_key(name) for name in names]
    twice = sorted({name for name, key in zip(names, keys, strict=True) if keys.count(key) > 1})
    if twice:
        msg = f"nome repetido: {', '.join(twice)}"
        raise ValueError(msg)
    return set(keys)
