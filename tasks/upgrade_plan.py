"""From where to where an environment is upgraded, and whether it may be: all that is wrong is told at once."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from blocks.catalog import Catalog
from blocks.open_work import list_open_work, measure_schemas
from blocks.reference import find_reference
from blocks.rehearsal import rehearsing
from blocks.server_disk import read_disks
from blocks.settings import load_settings
from blocks.structure import read_reference_rows, read_structure
from domain.backup.sizes import shown_size
from domain.code import Code
from domain.errors import IntegrityError, InvalidInputError
from domain.quota import GIGABYTE
from domain.reference import Database, Version
from domain.structure import Structure
from domain.upgrade.compatibility import incompatibilities
from domain.upgrade.conditions import Drift, find_drift, find_missing_rows, judge_start, unaccepted
from domain.upgrade.release import ConfigurationStep, ReindexStep, Release, ReleaseKind, ReleaseTable, Upgrade
from domain.upgrade.versions import InstalledVersions
from registry.records import ReferenceRecord
from tasks import doors
from tasks.configuration import configuration
from tasks.instance import Instance
from tasks.live import has_gone_live
from tasks.measure import ensure_measured
from tasks.modules import installed_modules, installed_versions
from tasks.threads import begin

LONG_SECONDS = 60
"""A transaction that has been open for so long is somebody's work, or forgotten."""
# What is beside the databases while an upgrade is undone: the restored copy, and the tables that a step copies.
_COPIES = 2
_DISK_MARGIN_BYTES = 256 << 20
# Which script indexes what anew (`sei.md` 1.6). It may take days, so an operator starts it after the opening.
_INDEXING = {
    "protocolos": "sei/scripts/indexacao_protocolos_completa.php",
    "bases-conhecimento": "sei/scripts/indexacao_bases_conhecimento.php",
    "publicacoes": "sei/scripts/indexacao_publicacoes.php",
}
KINDS: tuple[Database, Database] = ("sip", "sei")


class UpgradePlan(NamedTuple):
    """One way from one release to another, with what the databases are held against before and afterwards."""

    source: Release
    target: Release
    way: Upgrade
    before: ReferenceRecord
    after: ReferenceRecord
    releases: ReleaseTable

    def code_over(self, modules: Mapping[str, Version]) -> Code:
        """The code afterwards, where these modules were installed."""
        if self.target.module and self.target.module_version:
            return Code(
                version=self.source.version, modules={**modules, self.target.module: self.target.module_version}
            )
        return Code(version=self.target.version, modules=dict(modules))


def schemas_of(instance: Instance) -> dict[Database, str]:
    """The environment's databases, SIP first: the order in which SEI's own installation works."""
    return {"sip": instance.name.database_sip, "sei": instance.name.database_sei}


def plan_upgrade(instance: Instance, version: str, reference: str | None = None) -> UpgradePlan:
    """The way from the release that the registry says the environment is of.

    `reference` is the target's digest where it was looked up before: reading the dumps takes time.

    Raises:
        InvalidInputError: the catalog does not know the version, or no way to it, or no reference of it is at hand.
        IntegrityError: the environment was never proved against a reference.
    """
    releases, where = Catalog().releases(), f"{instance.name.slug} → {version}"
    target, source = releases.find_any(version), releases.find(instance.record.release_version)
    if target is None:
        raise InvalidInputError(
            f"A versão {version!r} não está no catálogo", "catalog/releases.yaml", "Veja ./implanta release list."
        )
    if source is None or not target.can_be_installed:
        raise InvalidInputError(
            f"{version} é {target.kind.label} sem número: não há como saber quem já a tem",
            where,
            "Veja ./implanta release list.",
        )
    if target.module and not Catalog().modules().registrations([target.module]):
        raise InvalidInputError(
            f"Não se sabe como o SEI liga o módulo {target.module}",
            "catalog/modules.yaml",
            "Escreva lá a classe dele e execute de novo.",
        )
    way = target.upgrade_from(str(source.sei_version))
    if way is None:
        raise InvalidInputError(
            f"Não há caminho da {source.version} para a {version}",
            where,
            f"Veja de onde se chega a ela com ./implanta release show {version}.",
        )
    if told := [step.told for step in way.steps if isinstance(step, ConfigurationStep)]:
        raise InvalidInputError(
            f"A versão pede o que o programa ainda não sabe manter: {', '.join(told)}",
            where,
            "Ponha a chave na configuração que o programa gera (tasks/configuration.py) e tire o passo do catálogo.",
        )
    before = _find_reference(instance.record.reference_digest)
    if before is None:
        raise IntegrityError(
            "O ambiente não tem referência registrada", instance.name.slug, "Execute a criação do ambiente de novo."
        )
    if target.kind is not ReleaseKind.CORE:  # the structure of SEI's own stays as it is
        return UpgradePlan(source, target, way, before, before, releases)
    after = _find_reference(reference) or _measured(instance, version, before)
    return UpgradePlan(source, target, way, before, after, releases)


def _find_reference(digest: str | None) -> ReferenceRecord | None:
    with suppress(LookupError):
        return _read_reference(digest or "")
    return None


@lru_cache(maxsize=8)
def _read_reference(digest: str) -> ReferenceRecord:
    """A reference as it was measured: its digest says what it is, and it takes long to read.

    Raises:
        LookupError: it was not measured yet; that is not remembered.
    """
    found = doors.registry().reference(digest)
    if found is None:
        raise LookupError(digest)
    return found


def _measured(instance: Instance, version: str, before: ReferenceRecord) -> ReferenceRecord:
    """What the target's databases look like, of the kind from which the environment was made."""
    folder = load_settings().reference_dir if before.kind == "official" else None
    reference = find_reference(version, folder)
    ensure_measured(instance.server, reference)
    found = doors.registry().reference(reference.digest)
    assert found is not None  # noqa: S101  # it was measured
    return found


def reindexing_of(version: str, from_version: str) -> tuple[str, ...]:
    """The scripts that an operator starts after the opening."""
    releases = Catalog().releases()
    target, source = releases.find(version), releases.find(from_version)
    way = target.upgrade_from(str(source.sei_version)) if target and source else None
    steps = way.steps if way else ()
    return tuple(_INDEXING[core] for step in steps if isinstance(step, ReindexStep) for core in step.cores)


def judge_conditions(instance: Instance, plan: UpgradePlan, accepted: Collection[str]) -> list[str]:
    """Everything that speaks against it now, in Portuguese; nothing is changed to find out.

    Raises:
        RetryableError: a server does not answer.
    """
    return list(_conditions(instance, plan, accepted))


def _conditions(instance: Instance, plan: UpgradePlan, accepted: Collection[str]) -> Iterator[str]:
    yield from judge_databases(instance, plan, accepted)
    yield from _room(instance)
    for work in list_open_work(instance.server, list(schemas_of(instance).values())):
        if work.oldest_seconds >= LONG_SECONDS:
            yield f"a conta {work.account} tem uma transação aberta há {work.oldest_seconds} s"
    yield from _code(instance, plan)


def judge_databases(instance: Instance, plan: UpgradePlan, accepted: Collection[str]) -> Iterator[str]:
    """What the databases themselves say against it: versions, modules, references, drift."""
    modules = Catalog().modules()
    installed = installed_versions(instance)
    yield from judge_start(installed, plan.source, plan.target, plan.releases)
    versions = {module.code or module.parameter: module.version for module in installed.modules}
    if plan.target.module:
        versions[plan.target.module] = plan.target.module_version
    yield from incompatibilities(plan.target.sei_version or str(installed.sei), versions, modules)
    for known, digests in ((plan.before, plan.way.reference_before), (plan.after, plan.way.reference_after)):
        if digests and known.digest not in digests:
            yield f"a referência {known.version} ({known.digest[:12]}) não é nenhuma das que a versão admite"
    for drift in unaccepted(read_drift(instance, plan.before, installed), accepted):
        yield f"difere da referência: {drift}"


def read_drift(
    instance: Instance,
    pristine: ReferenceRecord,
    installed: InstalledVersions,
    structures: dict[Database, Structure] | None = None,
) -> list[Drift]:
    """How the databases differ from a reference; a prefeitura that is live may remove rows of its catalogues."""
    expected = {"sip": pristine.sip_fingerprint, "sei": pristine.sei_fingerprint}
    found = structures or read_structures(instance)
    has_modules, live = bool(installed.modules), has_gone_live(instance.municipality.ibge)
    drift: list[Drift] = []
    for kind, schema in schemas_of(instance).items():
        drift += find_drift(kind, expected[kind], found[kind], has_modules=has_modules)
        if not live:
            with instance.server.transaction(schema) as cursor:
                rows = read_reference_rows(cursor, schema, kind, like=pristine.rows[kind])
                drift += find_missing_rows(kind, pristine.rows[kind], rows)
    return drift


def read_structures(instance: Instance) -> dict[Database, Structure]:
    """Both databases' structures as they are now."""

    def read(schema: str) -> Structure:
        with instance.server.transaction(schema) as cursor:
            return read_structure(cursor, schema)

    with ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
        reading = {kind: begin(pool, read, schema) for kind, schema in schemas_of(instance).items()}
        return {kind: found.result() for kind, found in reading.items()}


def _room(instance: Instance) -> Iterator[str]:
    server = instance.server
    own = measure_schemas(server, list(schemas_of(instance).values()))
    free = {"do que o bloco declara": server.storage_gb * GIGABYTE - measure_schemas(server)}
    free |= {f"no disco em {disk.path}": disk.free_bytes for disk in read_disks(server)}
    for where, left in free.items():
        if left < _COPIES * own:
            yield (
                f"o servidor de banco tem {shown_size(max(0, left))} livres {where}, e são precisos"
                f" {shown_size(_COPIES * own)}"
            )
    needed = _COPIES * own + _DISK_MARGIN_BYTES
    for what, folder in (
        ("a pasta de rascunho", load_settings().scratch_dir),
        ("o repositório de arquivos", Path(doors.runtime().repository_path(instance.name))),
    ):
        there = next((path for path in (folder, *folder.parents) if path.exists()), None)
        if there is not None and (left := shutil.disk_usage(there).free) < needed:
            yield f"o disco d{what} tem {shown_size(left)} livres, e são precisos {shown_size(needed)}"


def _code(instance: Instance, plan: UpgradePlan) -> Iterator[str]:
    application = doors.runtime()
    secrets = doors.environment_secrets(instance.name.slug)
    modules = installed_modules(instance)
    made = configuration(instance, application, secrets, maintenance=True, modules=modules).groups()
    try:
        with rehearsing():
            application.deploy(instance.name, plan.code_over(modules), made)
    except (InvalidInputError, IntegrityError) as e:
        yield f"{e.what[:1].lower()}{e.what[1:]} ({e.where})"
    if secrets.migration_password is None:
        yield "a senha de migração ainda não foi gerada: execute a criação do ambiente de novo"


def is_announced(window_from: datetime | None, window_until: datetime | None, now: datetime) -> bool:
    """Whether this is the time that the prefeitura was told."""
    return window_from is not None and window_until is not None and window_from <= now < window_until
