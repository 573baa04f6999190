"""Municipalities that the reference databases lack (`sei.md` 6.1)."""

from typing import Self

from pydantic import Field, model_validator

from domain.catalog_entry import CatalogEntry
from domain.municipality import UF_BY_IBGE_PREFIX, IbgeCode


class City(CatalogEntry):
    """A row for SEI's table `cidade`."""

    ibge: IbgeCode
    name: str = Field(alias="nome", min_length=1, max_length=50)
    capital: bool = False

    @model_validator(mode="after")
    def _belongs_to_a_state(self) -> Self:
        if self.ibge[:2] not in UF_BY_IBGE_PREFIX:
            msg = f"o código {self.ibge} não é de nenhum estado"
            raise ValueError(msg)
        return self
