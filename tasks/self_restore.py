"""Implanta brought back from its own backup: into an empty registry and an empty Prefect, then settled.

Nothing starts before it is settled: the work pools come back paused, and runs that were at work, or whose time has
passed, are ended, for the registry alone knows what was done. Every flow converges, so the next run goes on.
"""

import re
from datetime import datetime

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate, WorkPoolUpdate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled, Crashed

from blocks.dump_restorer import Remainder, restore_tables
from blocks.dump_writer import digest
from blocks.mariadb import MariaDBServer, identifier
from blocks.prefect_database import PrefectDatabase
from blocks.prefect_databases import examine, prefect_database
from blocks.settings import load_settings
from blocks.streams import ahead, as_file
from domain.backup.facts import DumpFacts, SchemaDigest
from domain.backup.judge import judge_dump
from domain.change import Change
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.self_backup import OWN, PREFECT, SelfManifest
from tasks.own_vault import OwnVault
from tasks.prefect_errors import explaining_prefect
from tasks.self_backup import registry_server
from tasks.self_proof import prove, write_part

_PAGE = 200
_ANSWER_SECONDS = 5
# Whoever the author was on the lost server: here it is the registry's own account.
_DEFINER = re.compile(rb"/\*!\d+ DEFINER=`[^`]*`@`[^`]*`\s*\*/|DEFINER=`[^`]*`@`[^`]*`")


def restore_itself(vault: OwnVault, stamp: str | None, *, confirm: str | None) -> SelfManifest:
    """Put a backup, the newest proved one unless named, into the registry and the Prefect of the settings.

    It is proved anew first: a damaged one touches nothing. Cut off, it is run again with the confirmation.

    Raises:
        InvalidInputError: the Prefect server runs, or there is no such backup.
        GateClosedError: the registry or Prefect holds something, and that was not confirmed.
        IntegrityError: the backup is none, or what was restored is not equal to it.
    """
    settings = load_settings()
    target = prefect_database(settings.prefect_database)
    _require_stopped(settings.prefect_api_url)
    server, schema = registry_server()
    _require_empty(server, schema, target, confirmed=confirm == OWN)
    stamp = stamp or vault.newest_proved()
    reference, manifest = vault.manifest(stamp)
    _require_same_kind(target, manifest)
    certificate = prove(vault, reference, manifest, settings.scratch_dir)
    if not certificate.proved:
        raise IntegrityError(f"A cópia foi recusada: {certificate.reasons}", stamp, "Nada foi tocado; use outra cópia.")
    _restore_registry(vault, manifest, server, schema)
    with target.receiving(settings.scratch_dir) as copy:
        write_part(vault, manifest.prefect, copy)
        found = examine(copy, manifest.prefect_kind, settings.scratch_dir).facts
        _compare({PREFECT: manifest.dump.schemas[PREFECT]}, {PREFECT: found})
        target.put_in_place(copy)
    return manifest


def settle(pool: str, now: datetime) -> Change:
    """Let a restored Prefect go on: end what was at work and what is late, free what they held, open the work pool."""
    api_url = load_settings().prefect_api_url
    with explaining_prefect(api_url), get_client(sync_client=True) as client:
        ended = 0
        for run in _runs(client, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING):
            client.set_flow_run_state(run.id, Crashed(message="Estava em andamento na cópia restaurada."), force=True)
            ended += 1
        late = [
            run
            for run in _runs(client, StateType.SCHEDULED)
            if run.expected_start_time is not None and run.expected_start_time < now
        ]
        for run in late:
            client.set_flow_run_state(run.id, Cancelled(message="A hora passou antes da restauração."), force=True)
        held = [limit for limit in client.read_global_concurrency_limits(limit=_PAGE) if limit.active_slots]
        for limit in held:
            client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=0))
        # With it those of the database servers, whose names go on where its own ends.
        paused = [
            one.name for one in client.read_work_pools() if one.is_paused and f"{one.name}-".startswith(f"{pool}-")
        ]
        for name in paused:
            client.update_work_pool(name, WorkPoolUpdate(is_paused=False))
    details = (
        f"{ended} execuções em andamento encerradas",
        f"{len(late)} execuções vencidas canceladas",
        f"{len(held)} limites liberados",
        f"filas reabertas: {', '.join(paused) or 'nenhuma, já estavam abertas'}",
    )
    return Change(updated=ended + len(late) + len(held) + len(paused), details=details)


def _runs(client: SyncPrefectClient, *types: StateType) -> list[FlowRun]:
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))))
    found: list[FlowRun] = []
    while page := client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE, offset=len(found)):
        found += page
    return found


def _require_stopped(api_url: str) -> None:
    try:
        httpx.get(f"{api_url}/health", timeout=_ANSWER_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return
    raise InvalidInputError(
        "O servidor do Prefect está no ar", api_url, "Pare o servidor e os workers, e execute de novo."
    )


def _require_same_kind(target: PrefectDatabase, manifest: SelfManifest) -> None:
    if target.kind != manifest.prefect_kind:
        raise InvalidInputError(
            f"A cópia é de um Prefect em {manifest.prefect_kind}, e a configuração aponta para {target.kind}",
            target.where,
            "Aponte prefect_database para um banco do mesmo tipo: um não se converte no outro.",
        )


def _require_empty(server: MariaDBServer, schema: str, target: PrefectDatabase, *, confirmed: bool) -> None:
    with server.transaction() as cursor:
        cursor.execute("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = %s", (schema,))
        row = cursor.fetchone()
    full = [f"o registro {schema}"] if row and row[0] else []
    full += [] if target.is_unused() else [f"o Prefect em {target.where}"]
    if full and not confirmed:
        raise GateClosedError(
            f"Não está vazio: {' e '.join(full)}",
            "restauração do Implanta",
            f"Se o que há ali pode ser perdido, repita com --confirm {OWN}.",
        )


def _restore_registry(vault: OwnVault, manifest: SelfManifest, server: MariaDBServer, schema: str) -> None:
    with server.transaction() as cursor:
        server.define(cursor, f"DROP DATABASE IF EXISTS {identifier(schema)}")
        server.define(cursor, f"CREATE DATABASE {identifier(schema)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
    names = {manifest.schema_name: schema}
    lines = as_file(ahead(vault.read(manifest.registry)))
    rest = restore_tables(lines, server, names, manifest.registry.key)
    Remainder(tuple((of, _DEFINER.sub(b"", text)) for of, text in rest.statements)).run(server, names)
    found = digest(server, [schema]).schemas[schema]
    source = manifest.dump.schemas[manifest.schema_name]
    # The triggers' author and the schema's own defaults may be others here; the tables may not.
    _compare({schema: source}, {schema: found.model_copy(update={"others": source.others})})


def _compare(source: dict[str, SchemaDigest], found: dict[str, SchemaDigest]) -> None:
    findings = judge_dump(DumpFacts(schemas=source), DumpFacts(schemas=found))
    if findings:
        raise IntegrityError(
            f"O que foi restaurado difere da cópia: {findings[0]}",
            "restauração do Implanta",
            "Não suba o Prefect; confira o servidor e repita com --confirm.",
        )
