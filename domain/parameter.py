"""The values of `infra_parametro` that the programme decides, in SEI and in SIP (`sei.md` 2.5)."""

import string
from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from domain.catalog_entry import CatalogEntry
from domain.environment import Purpose

# What a value may speak of, in braces: facts of the environment that no catalogue can know.
FACTS = frozenset({"remetente", "uf", "upload_mb"})


class Parameter(CatalogEntry):
    """One parameter, with the reason for its value."""

    name: str = Field(alias="nome", pattern="^[A-Z0-9_]+$")
    value: str | None = Field(default=None, alias="valor")
    by_purpose: dict[Purpose, str] = Field(default_factory=dict, alias="por_finalidade")
    initial: bool = Field(default=False, alias="inicial", description="After go-live the prefeitura decides.")
    reason: str = Field(alias="motivo", min_length=1)

    @model_validator(mode="after")
    def _has_a_value_of_known_facts(self) -> Self:
        values = [*([] if self.value is None else [self.value]), *self.by_purpose.values()]
        if not values:
            msg = f"o parâmetro {self.name} não tem valor"
            raise ValueError(msg)
        unknown = {field for value in values for _, field, _, _ in string.Formatter().parse(value) if field} - FACTS
        if unknown:
            msg = f"{{{min(unknown)}}} não existe: use {', '.join(sorted(FACTS))}"
            raise ValueError(msg)
        return self


class ParameterTable(CatalogEntry):
    """The parameters of both systems, under the names of every version line; unknown ones are left out later."""

    sei: tuple[Parameter, ...]
    sip: tuple[Parameter, ...]


def parameter_values(
    parameters: tuple[Parameter, ...], purpose: Purpose, facts: Mapping[str, str], *, live: bool
) -> dict[str, str]:
    """Name to value for one environment; `live` leaves out what its prefeitura decides by then."""
    values = {}
    for parameter in parameters:
        value = parameter.by_purpose.get(purpose, parameter.value)
        if value is not None and not (live and parameter.initial):
            values[parameter.name] = value.format_map(facts)
    return values
