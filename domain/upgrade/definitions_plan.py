"""Views, triggers, routines and events from one database to another: dropped and made again, never altered."""

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Literal, NamedTuple

from domain.upgrade.package import Kind, Statement
from domain.upgrade.table_text import quoted

DefinitionKind = Literal["FUNCTION", "PROCEDURE", "VIEW", "TRIGGER", "EVENT"]


class Definition(NamedTuple):
    """One of them; `sql` makes it again for whoever runs it, without its definer."""

    kind: DefinitionKind
    name: str
    group: str
    """What must be made again with it: the table, for triggers, which fire in the order in which they were made."""
    sql: str
    sql_mode: str


def plan_definitions(
    source: Sequence[Definition], target: Sequence[Definition]
) -> tuple[list[Statement], list[Statement]]:
    """What to drop before anything else, and what to make after all else, both in the order given."""
    groups = {definition.group for definition in (*source, *target)}
    differing = {group for group in groups if _members(source, group) != _members(target, group)}
    drops = [
        Statement(kind=Kind.DROP_DEFINITION, table=found.name, sql=f"DROP {found.kind} {quoted(found.name)}")
        for found in reversed(source)
        if found.group in differing
    ]
    creations = [
        statement
        for wanted in target
        if wanted.group in differing
        for statement in (
            Statement(
                kind=Kind.CREATE_DEFINITION,
                table=wanted.name,
                sql="SET SESSION sql_mode = %s",
                rows=((wanted.sql_mode,),),
            ),
            Statement(kind=Kind.CREATE_DEFINITION, table=wanted.name, sql=wanted.sql),
        )
    ]
    return drops, creations


def in_order_of_need(definitions: Sequence[Definition]) -> list[Definition]:
    """The same, each view after the views that its text names: MariaDB makes none over a view that is not there."""
    views = {found.name: found for found in sorted(definitions) if found.kind == "VIEW"}
    graph = {
        name: [other for other in views if other != name and quoted(other) in view.sql] for name, view in views.items()
    }
    try:
        names = list(TopologicalSorter(graph).static_order())
    except CycleError:  # a column of one has the name of another
        names = list(views)
    ordered = iter([views[name] for name in names])
    return [next(ordered) if found.kind == "VIEW" else found for found in definitions]


def _members(definitions: Sequence[Definition], group: str) -> list[Definition]:
    return [definition for definition in definitions if definition.group == group]
