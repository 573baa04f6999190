"""What an upgrade must leave as it was, and what must be true when its steps have run: of an environment or a copy."""

from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import NamedTuple

from blocks.backup_meaning import judge_meaning
from blocks.foreign_keys import check_foreign_keys
from blocks.table_contents import FrozenSchema, frozen
from blocks.table_facts import read_clock, read_resting, read_versions
from domain.errors import IntegrityError
from domain.reference import Database
from domain.report import first_of
from domain.structure import Structure
from domain.upgrade.conditions import (
    Moment,
    TableContent,
    columns_left,
    declared_tables,
    judge_arrival,
    judge_contents,
    tenant_columns,
    unaccepted,
)
from tasks import clock
from tasks.instance import Instance
from tasks.modules import installed_versions
from tasks.threads import begin
from tasks.upgrade_plan import KINDS, UpgradePlan, read_drift, read_structures, schemas_of


def read_moment(instance: Instance, plan: UpgradePlan, *, with_meaning: bool = False) -> Moment:
    """The rows of the prefeitura before the first step, over the columns that they keep, and what is wrong already.

    The rules of meaning take as long as all the rest, and equal rows mean the same: only rehearsals judge them.
    """
    structures = read_structures(instance)
    after = {"sip": plan.after.sip_fingerprint, "sei": plan.after.sei_fingerprint}
    columns = {
        kind: tenant_columns(kind, structures[kind], after[kind], declared_tables(plan.way, kind)) for kind in KINDS
    }
    read_at = read_clock(instance.server)
    with frozen_schemas(instance) as held, ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
        meaning = begin(pool, _oddities, instance) if with_meaning else None
        contents = {
            kind: begin(pool, held[kind].contents, columns[kind], declared_tables(plan.way, kind))
            for kind in reversed(KINDS)
        }
        keys = begin(pool, _broken_keys, instance)
        return Moment(
            read_at=read_at,
            columns=columns,
            contents={kind: contents[kind].result() for kind in KINDS},
            broken_keys=keys.result(),
            oddities=meaning.result() if meaning else None,
        )


@contextmanager
def frozen_schemas(instance: Instance) -> Iterator[Mapping[Database, FrozenSchema]]:
    """Hold both schemas as they are now, until the block ends."""
    with ExitStack() as held:
        yield {
            kind: held.enter_context(frozen(instance.server, schema)) for kind, schema in schemas_of(instance).items()
        }


class _Left(NamedTuple):
    """What of one database's tables is as it was."""

    untouched: frozenset[str] = frozenset()
    """With rows and structure."""
    columns: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Of tables whose columns these hold what they held."""


_NOTHING_KNOWN: Mapping[Database, _Left] = dict.fromkeys(KINDS, _Left())


def _broken_keys(instance: Instance, left: Mapping[Database, _Left] = _NOTHING_KNOWN) -> tuple[str, ...]:
    with ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
        checking = {
            kind: begin(pool, check_foreign_keys, instance.server, schema, left[kind].untouched, left[kind].columns)
            for kind, schema in schemas_of(instance).items()
        }
        return tuple(
            f"{kind}.{key.table} ({key.key})" for kind, keys in checking.items() for key in keys.result().broken
        )


def _oddities(instance: Instance) -> tuple[str, ...]:
    schemas = schemas_of(instance)
    meaning = judge_meaning(
        instance.server, schemas, taken_at=clock.now(), versions=read_versions(instance.server, list(schemas.items()))
    )
    return tuple(sorted({f"{violation.subject}: {violation.cause}" for violation in meaning.violations}))


def examine(
    instance: Instance,
    plan: UpgradePlan,
    accepted: tuple[str, ...],
    was: Moment,
    held: Mapping[Database, FrozenSchema],
) -> tuple[str, ...]:
    """Hold everything against what it should be, the rows as they are held, and say in sentences what was proved.

    Raises:
        IntegrityError: something is not so; the message names the first problems.
    """
    rehearsal = was.oddities is not None  # in which nobody waits for the opening
    # First of all: what the test of use writes meanwhile would have to be read.
    resting = {kind: set[str]() for kind in KINDS} if rehearsal else _resting(instance, was)
    installed = installed_versions(instance)
    problems = judge_arrival(installed, plan.target, plan.releases)
    if problems:
        raise _refused(instance, problems)
    found = read_structures(instance)
    problems = [
        f"difere da referência {plan.target.version}: {drift}"
        for drift in unaccepted(read_drift(instance, plan.after, installed, found), accepted)
    ]
    if problems:
        raise _refused(instance, problems)
    same = {kind: _same_structure(kind, plan, found[kind]) for kind in KINDS}
    # Of a table that was made anew, or closed meanwhile, the server does not know who wrote it: such a one is read.
    untouched = {kind: resting[kind] & was.contents[kind].keys() & same[kind] for kind in KINDS}
    contents = _contents(plan, was, held, found, untouched)
    problems = judge_contents(was.contents, contents, plan.way)
    left = {kind: _left(was, kind, contents[kind], same[kind] - declared_tables(plan.way, kind)) for kind in KINDS}
    broken = _broken_keys(instance, _NOTHING_KNOWN if rehearsal else left)
    problems += [f"{key}: há linhas sem par, e não havia" for key in broken if key not in was.broken_keys]
    oddities = _oddities(instance) if rehearsal else None
    problems += [f"{oddity}, e não era assim" for oddity in oddities or () if oddity not in (was.oddities or ())]
    if problems:
        raise _refused(instance, problems)
    tables, alone = sum(map(len, was.contents.values())), sum(map(len, untouched.values()))
    rows = sum(content.rows for kind in was.contents.values() for content in kind.values())
    return (
        f"versões {installed.sei} no SEI, {installed.sip} no SIP e {installed.resources} nos recursos",
        f"estrutura igual à referência {plan.after.version} ({plan.after.digest[:12]})",
        f"{tables} tabelas da prefeitura, {rows} linhas, iguais às de antes por SHA-256"
        f" ({alone} delas ninguém gravou desde então), menos o que a versão muda em {len(plan.way.tables)}",
        f"chaves estrangeiras{' e regras de significado' if rehearsal else ''} como antes",
    )


def _contents(
    plan: UpgradePlan,
    was: Moment,
    held: Mapping[Database, FrozenSchema],
    found: Mapping[Database, Structure],
    untouched: Mapping[Database, Set[str]],
) -> dict[Database, dict[str, TableContent]]:
    """What the tables hold now; those that are `untouched` are not read again."""
    columns = {kind: columns_left(was.columns[kind], found[kind], declared_tables(plan.way, kind)) for kind in KINDS}
    with ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
        reading = {
            kind: begin(
                pool,
                held[kind].contents,
                {table: names for table, names in columns[kind].items() if table not in untouched[kind]},
                declared_tables(plan.way, kind),
            )
            for kind in reversed(KINDS)
        }
        return {
            kind: {**{table: was.contents[kind][table] for table in untouched[kind]}, **reading[kind].result()}
            for kind in KINDS
        }


def _left(was: Moment, kind: Database, contents: Mapping[str, TableContent], comparable: Set[str]) -> _Left:
    """Between tables that hold what they held a key cannot have been broken, unless it is a new one.

    The rows of `comparable` tables were compared as a whole, and their structure is the old one.
    """
    alike = {table for table, content in contents.items() if content == was.contents[kind].get(table)}
    return _Left(frozenset(alike & comparable), {table: was.columns[kind][table] for table in alike})


def _same_structure(kind: Database, plan: UpgradePlan, found: Structure) -> Set[str]:
    """The tables that have the structure which both versions share."""
    before, after = (
        (plan.before.sei_fingerprint, plan.after.sei_fingerprint)
        if kind == "sei"
        else (plan.before.sip_fingerprint, plan.after.sip_fingerprint)
    )
    return {
        table for table, parts in found.tables.items() if before.tables.get(table) == after.tables.get(table) == parts
    }


def _resting(instance: Instance, was: Moment) -> dict[Database, set[str]]:
    """The tables that nobody wrote since, as the server knows."""
    return {
        kind: read_resting(instance.server, schema, was.read_at - 1) for kind, schema in schemas_of(instance).items()
    }


def _refused(instance: Instance, problems: list[str]) -> IntegrityError:
    return IntegrityError(
        f"O resultado não é o da versão: {first_of(problems)}", instance.name.slug, "Leia os registros dos scripts."
    )
