"""What a dump held, in digests that two equal databases share."""

from collections.abc import Mapping

from pydantic import NonNegativeInt

from domain.archive import DatabaseFacts
from domain.model import Frozen
from domain.reference import Sha256


class RowsDigest(Frozen):
    """The rows of one table, in the order of its key."""

    rows: NonNegativeInt
    content: Sha256


class TableDigest(RowsDigest):
    """One table in a dump: its rows, and its definition without the next automatic number."""

    definition: Sha256
    next_id: int | None = None


class SchemaDigest(Frozen):
    """One schema in a dump; `others` is of its views, triggers, routines and events."""

    tables: dict[str, TableDigest]
    others: Sha256

    def with_rows(self, table: str, rows: RowsDigest) -> "SchemaDigest":
        """The same schema, the rows of one table being these; a table that is not there stays away."""
        if table not in self.tables:
            return self
        known = self.tables[table].model_copy(update=rows.model_dump())
        return self.model_copy(update={"tables": {**self.tables, table: known}})


class DumpFacts(Frozen):
    """Everything that a dump held, by schema."""

    schemas: dict[str, SchemaDigest]

    def with_rows(self, known: Mapping[tuple[str, str], RowsDigest]) -> "DumpFacts":
        """The same dump, the rows of some tables, by schema and name, being these."""
        schemas = dict(self.schemas)
        for (schema, table), rows in known.items():
            if schema in schemas:
                schemas[schema] = schemas[schema].with_rows(table, rows)
        return DumpFacts(schemas=schemas)

    @property
    def rows(self) -> int:
        """All rows of all tables."""
        return sum(table.rows for schema in self.schemas.values() for table in schema.tables.values())

    @property
    def tables(self) -> int:
        """How many tables there are in all schemas."""
        return sum(len(schema.tables) for schema in self.schemas.values())


class DatabaseReading(Frozen):
    """A database as the server itself counts it, and when: seconds of the server's clock, by table where it knows.

    A reading before a copy need not count a table with rows of which the server knows when it was written.
    """

    facts: DatabaseFacts
    read_at: float
    written_at: dict[str, float]


def resting(before: DatabaseReading, after: DatabaseReading) -> DatabaseFacts:
    """The tables that nobody wrote between two readings: whatever was copied between them must be equal to these.

    The server's times have whole seconds, and it may forget them: then only an equal content tells.
    """
    since = before.read_at - 1
    tables = {}
    for table, facts in after.facts.tables.items():
        earlier, written_at = before.facts.tables.get(table), after.written_at.get(table)
        emptied_unseen = earlier is None and not facts.rows  # TRUNCATE leaves no time
        if emptied_unseen or earlier not in {None, facts} or (earlier is None and written_at is None):
            continue
        if written_at is None or written_at < since:
            tables[table] = facts
    return DatabaseFacts(structure=after.facts.structure, tables=tables)
