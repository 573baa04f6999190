"""A new version of one module by the way of every upgrade: SEI stays as it is, and the module comes whole or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.catalog import Catalog
from blocks.installed_versions import read_installed_versions
from blocks.runtime import LabRuntime, ScheduledTask
from domain.code import PACKAGES_DIRECTORY
from domain.errors import GateClosedError, IntegrityError, InvalidInputError
from domain.upgrading import UpgradeEvent
from flows.upgrade_environment import upgrade_environment
from flows.verify_environment import verify_environment
from tasks import doors
from tasks.backup_cycle import back_up
from tasks.clone import record_clone
from tasks.closing import closing_of
from tasks.environment import ensure_application
from tasks.instance import Instance, load_instance
from tasks.modules import installed_modules
from tasks.upgrading import last_upgrade, rehearsals_of
from tests.flows.conftest import Join
from tests.flows.upgradable import NEW, OLD, fault_file, files, make, rows, run

pytestmark = pytest.mark.timeout(900)
PEN, WSSEI = "pen-3.7.0", "wssei-2.2.0"


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    return make(join, "3107109", "Boa Esperança")


@pytest.fixture
def lacking_package(instance: Instance) -> Iterator[Path]:
    """The package of a module, which is put aside while a test runs."""
    runtime = doors.runtime()
    assert isinstance(runtime, LabRuntime) and runtime.code_dir
    package = runtime.code_dir / PACKAGES_DIRECTORY / PEN
    aside = package.with_name("de-lado")
    package.rename(aside)
    yield package
    aside.rename(package)


def modules_on(instance: Instance) -> set[str]:
    """The modules that the application's configuration switches on."""
    home = doors.runtime().file_roots(instance.name)[0]
    text = (home / "ConfiguracaoSEI.php").read_text(encoding="iso-8859-1")
    return {
        module.code
        for module in Catalog().modules().modules
        for name, directory in module.registration.items()
        if f"'{name}' => '{directory}'" in text
    }


def test_a_module_whose_code_is_not_on_the_host_begins_nothing(instance: Instance, lacking_package: Path) -> None:
    with pytest.raises(GateClosedError, match="não há código da versão pen-3"):
        upgrade_environment(instance.name.slug, PEN)
    assert last_upgrade(instance) is None


def test_a_module_that_was_not_published_for_this_version_of_sei_begins_nothing(instance: Instance) -> None:
    with pytest.raises(InvalidInputError, match=r"Não há caminho da 4\.0\.0 para a wssei-2\.2\.0"):
        upgrade_environment(instance.name.slug, WSSEI)


def test_a_module_is_rehearsed_installed_and_switched_on(instance: Instance) -> None:
    slug, stored = instance.name.slug, files(instance)
    assert run("upgrade", "rehearse", slug, "--to", PEN).exit_code == 0
    assert rehearsals_of(instance, PEN)[-1].ok
    assert installed_modules(instance) == {}, "the copy alone was touched"
    report = upgrade_environment(slug, PEN, "operação", "Adesão ao Tramita")
    assert (report.from_version, report.to_version, report.next_step) == (OLD, PEN, "")
    assert len(report.logs) == 2
    now = load_instance(slug)
    assert now.record.release_version == OLD
    assert now.record.reference_digest == instance.record.reference_digest
    assert installed_modules(now) == {"pen": "3.7.0"}
    assert doors.runtime().deployed_code(now.name) == f"{OLD}+{PEN}"
    assert modules_on(now) == {"pen"}
    assert doors.runtime().health(now.name).serving
    assert closing_of(now) is None
    assert files(now) == stored
    verify_environment(slug)
    assert back_up(now).proved
    with pytest.raises(GateClosedError, match=r"o módulo pen já está na 3\.7\.0"):
        upgrade_environment(slug, PEN)


def test_a_version_of_sei_takes_the_modules_along(instance: Instance) -> None:
    report = upgrade_environment(instance.name.slug, NEW, "operação", "Nova versão")
    assert report.next_step == ""
    now = load_instance(instance.name.slug)
    assert now.record.release_version == NEW
    assert installed_modules(now) == {"pen": "3.7.0"}
    assert doors.runtime().deployed_code(now.name) == f"{NEW}+{PEN}"
    assert modules_on(now) == {"pen"}
    assert doors.runtime().health(now.name).serving


def test_a_module_whose_script_fails_leaves_all_as_it_was(instance: Instance) -> None:
    now, stored = load_instance(instance.name.slug), files(instance)
    for task in (ScheduledTask.REPLICATE_UNITS, ScheduledTask.REPLICATE_USERS):
        doors.runtime().run_scheduled(now.name, task)  # or the agendador changes contacts meanwhile, by the clock
    before = rows(now)
    fault = fault_file(now)
    fault.write_text("sei_atualizar_versao_modulo_wssei.php 1 erro")
    try:
        with pytest.raises(IntegrityError, match="não terminou bem"):
            upgrade_environment(now.name.slug, WSSEI, "operação", "Aplicativo")
    finally:
        fault.unlink()
    undone = last_upgrade(now)
    assert undone is not None
    assert UpgradeEvent.UNDONE in undone.reached
    after = rows(now)
    assert {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)} == set()
    assert files(now) == stored
    assert doors.runtime().deployed_code(now.name) == f"{NEW}+{PEN}"
    assert modules_on(now) == {"pen"}
    assert doors.runtime().health(now.name).serving


def test_two_modules_are_on_at_once(instance: Instance) -> None:
    now = load_instance(instance.name.slug)
    upgrade_environment(now.name.slug, WSSEI, "operação", "Aplicativo")
    assert installed_modules(now) == {"pen": "3.7.0", "wssei": "2.2.0"}
    assert doors.runtime().deployed_code(now.name) == f"{NEW}+{PEN}+{WSSEI}"
    assert modules_on(now) == {"pen", "wssei"}
    found = read_installed_versions(now.server, now.name, Catalog().modules())
    assert found.versions_of("wssei") == {"sei": "2.2.0"}, "it has no script for SIP"


def test_in_a_copy_of_production_they_are_off_as_they_would_send_to_others(instance: Instance) -> None:
    slug = instance.name.slug
    record_clone.fn(slug, "boa-esperanca-mg-producao", False, None)
    ensure_application.fn(slug)
    now = load_instance(slug)
    assert installed_modules(now) == {"pen": "3.7.0", "wssei": "2.2.0"}
    assert modules_on(now) == set()
    assert doors.runtime().deployed_code(now.name) == f"{NEW}+{PEN}+{WSSEI}"
    assert doors.runtime().health(now.name).serving
