"""Environments of small data for the sweep of the monitoring: real schemas, certificates, sites, secrets, LDAP trees.

One environment is created as every other and its application answers behind all sites. The rest have the tables that a
sweep reads, with a few rows: what a sweep costs does not depend on how much is in them.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from itertools import islice
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from sqlalchemy import insert

if TYPE_CHECKING:
    from domain.environment import EnvironmentName
    from domain.municipality import Municipality
    from domain.plan import Plan

_UF = "MG"
_POPULATION = 8_000
_AT_ONCE = 8
_ASKED = {"name", "data", "block_schema_id", "block_type_id"}
_READ = {"sei": ("usuario", "infra_agendamento_tarefa"), "sip": ("usuario", "infra_agendamento_tarefa", "login")}


def make_first() -> str:
    """The environment whose application all others share; its slug."""
    from cli.municipality import open_registry
    from domain.environment import Purpose
    from flows.create_environment import create_environment
    from tasks.adhesion import adhere

    ((municipality, plan),) = _members(0, 1)
    adhere(open_registry(), municipality, plan)
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    return f"{municipality.slug}-treinamento"


def grow(first: str, have: int, count: int) -> None:
    """Bring the fleet from `have` environments to `count`."""
    from domain.environment import EnvironmentName, Purpose

    members = _members(have, count)
    names = [EnvironmentName(municipality=one.slug, purpose=Purpose.TREINAMENTO) for one, _ in members]
    _fill_databases(first, names)
    _fill_secrets(names)
    _fill_edge(first, names)
    _fill_registry(members)


def _members(begin: int, end: int) -> list[tuple["Municipality", "Plan"]]:
    """Municipalities of one state, in the order of their names, with the plan that the table gives them."""
    from blocks.catalog import Catalog
    from domain.municipality import municipality_from
    from domain.plan import choose_plan

    catalog = Catalog()
    table, plan = catalog.ibge_table(), choose_plan(_POPULATION, catalog.plans())
    places = islice(sorted(table.codes_by_uf[_UF].items()), begin, end)
    return [(municipality_from(code, name.title(), _POPULATION, table), plan) for name, code in places]


def _fill_databases(first: str, names: Sequence["EnvironmentName"]) -> None:
    from domain.environment import EnvironmentName
    from tasks import doors

    source = EnvironmentName.parse(first)
    schemas = {"sei": source.database_sei, "sip": source.database_sip}
    with doors.mariadb_server().transaction() as cursor:
        for name in names:
            for kind, schema in (("sei", name.database_sei), ("sip", name.database_sip)):
                cursor.execute(f"CREATE DATABASE `{schema}` CHARACTER SET latin1")
                for table in _READ[kind]:
                    cursor.execute(f"CREATE TABLE `{schema}`.`{table}` LIKE `{schemas[kind]}`.`{table}`")
                    cursor.execute(
                        f"INSERT INTO `{schema}`.`{table}` SELECT * FROM `{schemas[kind]}`.`{table}` LIMIT 100"
                    )
            # No scheduler runs here, and none is to be late while the bench takes its time.
            cursor.execute(
                f"UPDATE `{name.database_sei}`.infra_agendamento_tarefa"
                " SET dth_ultima_execucao = NOW() + INTERVAL 1 DAY, sin_sucesso = 'S'"
                " WHERE comando = 'AgendamentoRN::testarAgendamento'"
            )


def _fill_secrets(names: Sequence["EnvironmentName"]) -> None:
    """For each a tree in the directory with a password of its own; the access keys, slow to make, are alike.

    The block's type is registered once: `save` would do so with each of them, in ten times as many calls.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import BlockDocumentCreate

    from blocks.secrets import EnvironmentSecrets
    from tasks import doors

    made, directory = EnvironmentSecrets.generate(), doors.directory()
    made.save(names[0].slug, overwrite=True)

    def fill(name: "EnvironmentName") -> None:
        password = SecretStr(token_urlsafe(24))
        own = made.model_copy(update={"directory_password": password})
        document = own._to_block_document(
            name=name.slug,
            block_schema_id=made._block_schema_id,
            block_type_id=made._block_type_id,
            include_secrets=True,
        )
        asked = BlockDocumentCreate.model_validate(document.model_dump(include=_ASKED))
        with get_client(sync_client=True) as client:
            client.create_block_document(asked)
        directory.ensure_environment(name, password)

    directory.ensure_environment(names[0], made.directory_password)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(copy_context().run, fill, name) for name in names[1:]]:
            done.result()


def _fill_edge(first: str, names: Sequence["EnvironmentName"]) -> None:
    """A site and a certificate of its own for each. All are declared, and the last one that is ensured publishes them:
    one after the other, each would write the whole configuration."""
    from blocks.catalog import Catalog
    from blocks.nginx_edge import NginxEdge
    from domain.environment import EnvironmentName
    from tasks import doors
    from tasks.edge import declared_site

    edge, issuer, rule = doors.edge(), doors.certificate_issuer(), Catalog().certificates()
    assert isinstance(edge, NginxEdge)
    model = declared_site(EnvironmentName.parse(first))
    assert model is not None
    for name in names:
        issued = issuer.issue([edge.server_name(name)], rule, datetime.now(UTC))
        site = model.model_copy(
            update={
                "environment": name,
                "server_name": edge.server_name(name),
                "chain_pem": issued.chain_pem,
                "key_pem": issued.key_pem,
            }
        )
        if name is names[-1]:
            edge.ensure_site(site)
        else:
            edge._records.write(name.slug, site)


def _fill_registry(members: Sequence[tuple["Municipality", "Plan"]]) -> None:
    from blocks.settings import load_settings
    from domain.environment import EnvironmentName, Purpose
    from registry.engine import open_engine, parse_url
    from registry.models import ContractRow, EnvironmentRow, EventRow, MunicipalityRow
    from tasks.certificate import DELIVERED

    now = datetime.now(UTC)
    rows: dict[Any, list[dict[str, Any]]] = {
        table: [] for table in (MunicipalityRow, ContractRow, EnvironmentRow, EventRow)
    }
    for municipality, plan in members:
        name = EnvironmentName(municipality=municipality.slug, purpose=Purpose.TREINAMENTO)
        rows[MunicipalityRow].append(municipality.model_dump(exclude={"contacts"}))
        rows[ContractRow].append({"ibge": municipality.ibge, "created_at": now, **plan.model_dump()})
        rows[EnvironmentRow].append(
            {
                "slug": name.slug,
                "ibge": municipality.ibge,
                "purpose": name.purpose.value,
                "release_version": "4.1.0",
                "reference_digest": None,
                "hostname": f"{name.slug}.localhost",
                "database_server": "principal",
                "database_sei": name.database_sei,
                "database_sip": name.database_sip,
                "directory_ou": name.ou,
                "bucket": name.bucket,
                "orgao_sigla": "PM",
                "created_at": now,
            }
        )
        rows[EventRow].append(
            {
                "occurred_at": now,
                "kind": DELIVERED,
                "ibge": municipality.ibge,
                "environment": name.slug,
                "actor": "bench",
                "flow_run_id": None,
                "details": {},
                "key": None,
            }
        )
    engine = open_engine(parse_url(load_settings().registry_url))
    with engine.begin() as connection:
        for table, values in rows.items():
            connection.execute(insert(table), values)
    engine.dispose()
