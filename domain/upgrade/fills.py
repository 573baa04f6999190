"""The values that existing rows get in columns which a release makes obligatory: declared by people, with reasons."""

from collections.abc import Sequence

from pydantic import Field, ValidationError

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.reference import Database
from domain.upgrade.package import Value


class Fill(Frozen):
    """One value of one column; without a value, rows that would need one are refused before anything changes."""

    table: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    column: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    value: Value = None
    only: dict[str, str | int] = Field(default_factory=dict, description="Only rows with these values.")
    reason: str = Field(min_length=1)


class Fills(Frozen):
    """The fills of one step between two versions."""

    sip: tuple[Fill, ...] = ()
    sei: tuple[Fill, ...] = ()

    def of(self, database: Database) -> tuple[Fill, ...]:
        """Those of one database."""
        return self.sip if database == "sip" else self.sei


def parse_fills(value: object, *, where: str) -> Fills:
    """The fills of a catalog file. Raises InvalidInputError when it is not what it should be."""
    try:
        return Fills.model_validate(value or {})
    except ValidationError as error:
        raise InvalidInputError("Catálogo de atualização inválido", where, f"Corrija o arquivo: {error}") from error


def fills_for(fills: Sequence[Fill], table: str, column: str) -> list[Fill]:
    """The fills of one column, in order."""
    return [fill for fill in fills if (fill.table, fill.column) == (table, column)]
