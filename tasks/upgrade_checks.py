"""What an upgrade must leave as it was, and what must be true when its steps have run: of an environment or a copy."""

from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

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
from tasks.upgrade_plan import KINDS, UpgradePlan, read_drift, read_structures, schemas_of


def read_moment(instance: Instance, plan: UpgradePlan, *, with_meaning: bool = False) -> Moment:
    """The rows of the prefeitura before the first step, over the columns that they keep, and what is wrong already.

    The rules of meaning take as long as all the rest, and equal rows mean the same: only rehearsals judge them.
    """
    structures = read_structures(instance)
    after = {"sip": plan.after.sip_fingerprint, "sei": plan.after.sei_fingerprint}
    columns = {kind: tenant_columns(kind, structures[kind], after[kind]) for kind in KINDS}
    with frozen_schemas(instance) as held:
        return _read(instance, plan, held, columns, with_meaning=with_meaning)


@contextmanager
def frozen_schemas(instance: Instance) -> Iterator[Mapping[Database, FrozenSchema]]:
    """Hold both schemas as they are now, until the block ends."""
    with ExitStack() as held:
        yield {
            kind: held.enter_context(frozen(instance.server, schema)) for kind, schema in schemas_of(instance).items()
        }


def _read(
    instance: Instance,
    plan: UpgradePlan,
    held: Mapping[Database, FrozenSchema],
    columns: dict[Database, dict[str, tuple[str, ...]]],
    untouched: Mapping[Database, Set[str]] | None = None,
    *,
    with_meaning: bool,
) -> Moment:
    """What is held; of tables that are `untouched` neither rows nor keys between them are read again.

    Whose rows the release says it changes are only counted: what they hold is compared with nothing.
    """
    server, schemas, alone = instance.server, schemas_of(instance), untouched or dict.fromkeys(KINDS, frozenset())
    read_at = read_clock(server)
    left = {
        kind: {table: names for table, names in columns[kind].items() if table not in alone[kind]} for kind in KINDS
    }
    with ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
        meaning = pool.submit(_oddities, instance) if with_meaning else None
        contents = {
            kind: pool.submit(held[kind].contents, left[kind], declared_tables(plan.way, kind))
            for kind in reversed(KINDS)
        }
        keys = {kind: pool.submit(check_foreign_keys, server, schemas[kind], alone[kind]) for kind in KINDS}
        return Moment(
            read_at=read_at,
            columns=columns,
            contents={kind: contents[kind].result() for kind in KINDS},
            broken_keys=tuple(
                f"{kind}.{key.table} ({key.key})" for kind in KINDS for key in keys[kind].result().broken
            ),
            oddities=meaning.result() if meaning else None,
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
    rehearsal = was.oddities is not None  # in which nobody waits for the opening
    untouched = dict.fromkeys(KINDS, frozenset()) if rehearsal else _untouched(instance, plan, was, found)
    columns = {kind: columns_left(was.columns[kind], found[kind], declared_tables(plan.way, kind)) for kind in KINDS}
    now = _read(instance, plan, held, columns, untouched, with_meaning=rehearsal)
    contents = {
        kind: {**{table: was.contents[kind][table] for table in untouched[kind]}, **now.contents[kind]}
        for kind in KINDS
    }
    problems = judge_contents(was.contents, contents, plan.way)
    problems += [f"{key}: há linhas sem par, e não havia" for key in now.broken_keys if key not in was.broken_keys]
    problems += [f"{oddity}, e não era assim" for oddity in now.oddities or () if oddity not in (was.oddities or ())]
    if problems:
        raise _refused(instance, problems)
    tables, alone = sum(map(len, was.contents.values())), sum(map(len, untouched.values()))
    rows = sum(content.rows for kind in was.contents.values() for content in kind.values())
    return (
        f"versões {installed.sei} no SEI, {installed.sip} no SIP e {installed.resources} nos recursos",
        f"estrutura igual à referência {plan.after.version} ({plan.after.digest[:12]})",
        f"{tables} tabelas da prefeitura, {rows} linhas, iguais às de antes por SHA-256"
        f" ({alone} delas ninguém gravou desde então), menos o que a versão muda em {len(plan.way.tables)}",
        f"chaves estrangeiras{' e regras de significado' if now.oddities is not None else ''} como antes",
    )


def _untouched(
    instance: Instance, plan: UpgradePlan, was: Moment, found: Mapping[Database, Structure]
) -> dict[Database, Set[str]]:
    """The tables that have the structure which both versions share, and that nobody wrote since, as the server knows.

    Of a table that was made anew, or closed meanwhile, it does not know it: such a one is read.
    """
    before = {"sip": plan.before.sip_fingerprint, "sei": plan.before.sei_fingerprint}
    after = {"sip": plan.after.sip_fingerprint, "sei": plan.after.sei_fingerprint}
    untouched: dict[Database, Set[str]] = {}
    for kind, schema in schemas_of(instance).items():
        resting = read_resting(instance.server, schema, was.read_at - 1)
        untouched[kind] = {
            table
            for table in resting & was.contents[kind].keys()
            if before[kind].tables.get(table) == after[kind].tables.get(table) == found[kind].tables[table]
        }
    return untouched


def _refused(instance: Instance, problems: list[str]) -> IntegrityError:
    return IntegrityError(
        f"O resultado não é o da versão: {first_of(problems)}", instance.name.slug, "Leia os registros dos scripts."
    )
