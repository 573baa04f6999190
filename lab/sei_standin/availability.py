"""Which process types and document types a unit may use: one without restrictions is for every unit."""

from dataclasses import dataclass

from pymysql.cursors import DictCursor

from lab.sei_standin.database import Row, fetch_all, fetch_one


@dataclass(frozen=True)
class Catalog:
    """A table of types, and the table that restricts them to some órgãos or units."""

    types_query: str
    restrictions_query: str


PROCESS_TYPES = Catalog(
    "SELECT id_tipo_procedimento AS id, nome FROM tipo_procedimento WHERE sin_ativo = 'S' ORDER BY nome",
    "SELECT id_tipo_procedimento AS id, id_orgao, id_unidade FROM tipo_proced_restricao",
)
DOCUMENT_TYPES = Catalog(
    "SELECT id_serie AS id, nome, sta_aplicabilidade, sta_numeracao FROM serie WHERE sin_ativo = 'S' ORDER BY nome",
    "SELECT id_serie AS id, id_orgao, id_unidade FROM serie_restricao",
)


def list_types(sei: DictCursor, catalog: Catalog, id_unidade: int | None = None) -> list[Row]:
    """The active types, by name: those that a unit may use, or all."""
    types = fetch_all(sei, catalog.types_query)
    if id_unidade is None:
        return types
    unit = fetch_one(sei, "SELECT id_unidade, id_orgao FROM unidade WHERE id_unidade = %s", (id_unidade,))
    restrictions = fetch_all(sei, catalog.restrictions_query)
    return [row for row in types if unit and _admits(restrictions, row["id"], unit)]


def find_type(sei: DictCursor, catalog: Catalog, id_type: int, id_unidade: int) -> Row | None:
    """One type, if it is active and the unit may use it."""
    return next((row for row in list_types(sei, catalog, id_unidade) if row["id"] == id_type), None)


def list_units(sei: DictCursor, catalog: Catalog, id_type: int) -> set[int]:
    """The ids of the units that may use a type."""
    restrictions = fetch_all(sei, catalog.restrictions_query)
    units = fetch_all(sei, "SELECT id_unidade, id_orgao FROM unidade")
    return {unit["id_unidade"] for unit in units if _admits(restrictions, id_type, unit)}


def _admits(restrictions: list[Row], id_type: int, unit: Row) -> bool:
    own = [row for row in restrictions if row["id"] == id_type]
    return not own or any(
        row["id_orgao"] == unit["id_orgao"] and row["id_unidade"] in {None, unit["id_unidade"]} for row in own
    )
