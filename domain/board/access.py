"""Who may see the board: roles that groups of the operator's directory give."""

from collections.abc import Collection
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.catalog_entry import CatalogEntry


class Role(StrEnum):
    """What somebody may do in the programme, least first."""

    LEITURA = "leitura"
    OPERACAO = "operacao"
    APROVACAO = "aprovacao"
    ADMINISTRACAO = "administracao"

    @property
    def label(self) -> str:
        """The role as people read it."""
        return {"operacao": "operação", "aprovacao": "aprovação", "administracao": "administração"}.get(
            self.value, self.value
        )

    def may(self, needed: "Role") -> bool:
        """Whether somebody of this role may do what the other may: each may also what the lesser ones may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class BoardRule(CatalogEntry):
    """The groups of each role (`board.yaml`)."""

    groups: dict[Role, tuple[str, ...]] = Field(alias="papeis")

    @model_validator(mode="after")
    def _names_every_role(self) -> Self:
        missing = [role.value for role in Role if not self.groups.get(role)]
        if missing:
            msg = f"faltam grupos para {', '.join(missing)}"
            raise ValueError(msg)
        return self

    def role_of(self, groups: Collection[str]) -> Role | None:
        """The highest role that these groups give, however they are written; None for none."""
        mine = {group.casefold() for group in groups}
        given = [role for role in Role if mine & {name.casefold() for name in self.groups[role]}]
        return given[-1] if given else None
