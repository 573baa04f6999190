"""The makers' scripts, laid as a lab does, run through the host on databases of the references."""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import pytest

from bench.synthetic import fill
from blocks.catalog import Catalog
from blocks.foreign_keys import check_foreign_keys
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.release_package import apply_package
from domain.reference import Database, Reference, missing_rows
from domain.structure import differences
from domain.upgrade.package import Kind, ReleasePackage, Statement
from domain.upgrade.script_output import ScriptOutcome
from lab.sei_code import ensure_code
from lab.sei_standin.vendor_code import (
    RESOURCES_SCRIPT,
    SEI_SCRIPT,
    SEI_SYSTEM_ID,
    SIP_SCRIPT,
    VendorCode,
    core_code,
    way_of,
)
from tests.upgrade.own_rows import AVERAGE, digests, own_columns
from tests.upgrade.vendor import VendorHost, release_of, script_steps

OLD, NEW = "4.0.0", "4.1.0"
DATABASES: tuple[Database, ...] = ("sip", "sei")
PEN_SIP = "sip/scripts/mod-pen/sip_atualizar_versao_modulo_pen.php"
WSSEI = "sei/scripts/mod-wssei/sei_atualizar_versao_modulo_wssei.php"


@pytest.fixture(scope="session")
def code_dir(tmp_path_factory: pytest.TempPathFactory, official_reference: Path | None) -> Path:
    """The code of every version, of the references that there are."""
    laid = tmp_path_factory.mktemp("codigo")
    assert ensure_code(laid, official_reference)
    return laid


Host = Callable[[str], VendorHost]


@pytest.fixture
def host(server: MariaDBServer, code_dir: Path, tmp_path: Path) -> Host:
    return lambda name: VendorHost(server, tmp_path, code_dir, f"{name}-treinamento")


def upgrade(host: VendorHost) -> None:
    """All scripts of the release, in its order."""
    host.deploy(NEW)
    for step in script_steps(NEW, OLD):
        output = host.run(step.path)
        assert host.judged_of(output) is ScriptOutcome.DONE, output.output


def changes_of(code_dir: Path, script: str, host: VendorHost) -> int:
    """How many changes a script makes to this host's databases as they are."""
    code = VendorCode.model_validate_json((code_dir / NEW / "codigo.json").read_bytes()).scripts[script]
    statements = code.statements_for(host.structure(code.database).tables)
    return sum(statement.kind is not Kind.REQUIRE for statement in statements)


def shared_out(statements: Iterable[Statement]) -> Counter[tuple[object, ...]]:
    """Each time that a statement runs, with its values; what sets a version is not counted."""
    return Counter(
        (statement.kind, statement.sql, row)
        for statement in statements
        for row in statement.rows or (None,)
        if not {"SEI_VERSAO", "SIP_VERSAO"} & set(row or ())
    )


def test_the_scripts_share_out_all_that_the_package_has(official: ReleasePackage, reduced: ReleasePackage) -> None:
    releases, release = Catalog().releases(), release_of(NEW)
    for package in (official, reduced):
        scripts = core_code(release, releases, [way_of(package.sip)], [way_of(package.sei)]).scripts
        brought = {path: script.ways[0].statements for path, script in scripts.items()}
        assert shared_out((*brought[SIP_SCRIPT], *brought[RESOURCES_SCRIPT])) == shared_out(package.sip.statements)
        assert shared_out(brought[SEI_SCRIPT]) == shared_out(package.sei.statements)
        of_sei = [row for statement in brought[RESOURCES_SCRIPT] for row in statement.rows]
        assert of_sei and all(SEI_SYSTEM_ID in row for row in of_sei)


@pytest.mark.parametrize("kind", ["oficial", "reduzida"])
def test_databases_of_either_kind_of_reference_become_those_of_the_next_version(
    host: Host, official_reference: Path | None, kind: str
) -> None:
    if kind == "oficial" and official_reference is None:
        pytest.skip("no official dumps: set IMPLANTA_REFERENCE_DIR to their directory")
    references = official_reference if kind == "oficial" else None
    old, new = host("antiga"), host("nova")
    old.load(find_reference(OLD, references))
    new.load(find_reference(NEW, references))
    upgrade(old)
    for database in DATABASES:
        assert differences(new.structure(database), old.structure(database)) == []
        assert missing_rows(new.reference_rows(database), old.reference_rows(database)) == []
    found, release = old.versions(), release_of(NEW)
    assert (found.sei, found.sip, found.resources) == (
        release.sei_version,
        release.sip_version,
        release.resources_version,
    )


@pytest.mark.slow
def test_a_municipality_is_carried_over_and_its_rows_stay(
    host: Host,
    references: tuple[Reference, Reference],
    official_back: ReleasePackage,
    tmp_path: Path,
) -> None:
    # The synthetic municipality is one of 4.1: carried back to 4.0 first, it is then one of 4.0 with everything in it.
    _, target = references
    municipality, new = host("municipio"), host("nova")
    new.load(target)
    municipality.load(target)
    schemas, server = municipality.schemas, municipality.server
    fill(server, schemas["sip"], schemas["sei"], tmp_path / "files", size=AVERAGE, seed=11, today=date(2026, 11, 27))
    for part in official_back.parts:
        apply_package(server, schemas[part.database], part)
    columns = {
        database: own_columns(server, database, schemas[database], new.schemas[database]) for database in DATABASES
    }
    before = {database: digests(server, schemas[database], columns[database]) for database in DATABASES}
    upgrade(municipality)
    for database in DATABASES:
        assert differences(new.structure(database), municipality.structure(database)) == []
        assert missing_rows(new.reference_rows(database), municipality.reference_rows(database)) == []
        assert digests(server, schemas[database], columns[database]) == before[database]
        assert check_foreign_keys(server, schemas[database]).broken == ()
    assert municipality.one("sei", "SELECT COUNT(*) FROM procedimento") == AVERAGE.processes
    found = municipality.versions()
    assert (found.sei, found.sip, found.resources) == ("4.1.1", "3.1.1", "4.1.0")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("script", [SIP_SCRIPT, SEI_SCRIPT])
def test_a_script_that_stopped_in_the_middle_cannot_be_repeated_and_says_so(
    host: Host, code_dir: Path, script: str, seed: int
) -> None:
    stopped = host("parada")
    stopped.load(find_reference(OLD, None))
    stopped.deploy(NEW)
    if script == SEI_SCRIPT:
        for earlier in (SIP_SCRIPT, RESOURCES_SCRIPT):
            assert stopped.judged(earlier) is ScriptOutcome.DONE
    at = random.Random(f"{script} {seed}").randint(2, changes_of(code_dir, script, stopped))
    stopped.fail_at(script, at)
    assert stopped.judged(script) is ScriptOutcome.FAILED, at
    stopped.fail_at(script, 0)
    versions = stopped.versions()
    again = stopped.run(script)
    assert stopped.judged_of(again) is ScriptOutcome.FAILED, at
    assert "ERRO" in again.output
    assert "MYSQL 10" in again.output or "IMPEDEM A ATUALIZAÇÃO" in again.output
    assert stopped.versions() == versions, "nobody takes it for done"


def test_a_script_of_recursos_that_stopped_after_the_first_recurso_cannot_be_repeated(
    host: Host, references: tuple[Reference, Reference], code_dir: Path
) -> None:
    stopped = host("recursos")
    stopped.load(references[0])
    stopped.deploy(NEW)
    assert stopped.judged(SIP_SCRIPT) is ScriptOutcome.DONE
    changes = changes_of(code_dir, RESOURCES_SCRIPT, stopped)
    stopped.fail_at(RESOURCES_SCRIPT, changes)
    assert stopped.judged(RESOURCES_SCRIPT) is ScriptOutcome.FAILED
    stopped.fail_at(RESOURCES_SCRIPT, 0)
    again = stopped.run(RESOURCES_SCRIPT)
    assert stopped.judged_of(again) is ScriptOutcome.FAILED
    assert "ERRO VERIFICANDO O BANCO DE DADOS: TABELA PERFIL, 1 LINHAS IMPEDEM A ATUALIZAÇÃO" in again.output


def test_a_database_that_is_not_as_required_stops_the_script_before_any_change(host: Host) -> None:
    odd = host("estranha")
    odd.load(find_reference(OLD, None))
    odd.deploy(NEW)
    odd.execute("sei", "INSERT INTO procedimento (id_procedimento, sta_ouvidoria, sin_ciencia) VALUES (1, 'N', 'N')")
    before = odd.structure("sei")
    output = odd.run(SEI_SCRIPT)
    assert odd.judged_of(output) is ScriptOutcome.FAILED
    assert "ERRO VERIFICANDO O BANCO DE DADOS: TABELA PROCEDIMENTO, 1 LINHAS IMPEDEM A ATUALIZAÇÃO" in output.output
    assert differences(before, odd.structure("sei")) == []
    assert odd.versions().sei == OLD


def test_what_a_prefeitura_has_under_an_id_of_the_version_stays_its_own(
    host: Host, references: tuple[Reference, Reference]
) -> None:
    own, new = host("propria"), host("nova")
    own.load(references[0])
    new.load(references[1])
    own.execute(
        "sip",
        "INSERT INTO perfil (id_perfil, id_sistema, nome, sin_coordenado, sin_ativo)"
        " VALUES (100000950, 100000100, 'Da prefeitura', 'N', 'S')",
    )
    own.execute("sip", "UPDATE infra_sequencia SET num_atual = 100000950 WHERE nome_tabela = 'perfil'")
    upgrade(own)
    assert own.one("sip", "SELECT nome FROM perfil WHERE id_perfil = 100000950") == "Da prefeitura"
    assert own.one("sip", "SELECT id_perfil FROM perfil WHERE nome = 'CPAD'") == 100000951
    assert own.one("sip", "SELECT num_atual FROM infra_sequencia WHERE nome_tabela = 'perfil'") == 100000951
    rights = "SELECT COUNT(*) FROM rel_perfil_recurso WHERE id_perfil = "
    assert own.one("sip", f"{rights} 100000950") == 0
    assert own.one("sip", f"{rights} 100000951") == new.one("sip", f"{rights} 100000950")
    wanted = new.reference_rows("sip")
    assert missing_rows(wanted, own.reference_rows("sip")), "by its id it would be another row"
    assert missing_rows(wanted, own.reference_rows("sip", like=wanted)) == []


def test_modules_are_installed_with_a_version_and_brought_to_the_next(host: Host) -> None:
    modular = host("modulos")
    modular.load(find_reference(OLD, None))
    modular.deploy(OLD, pen="3.7.0", wssei="2.0.0")
    for script in (*(step.path for step in script_steps("pen-3.7.0", OLD)), WSSEI):
        assert modular.judged(script) is ScriptOutcome.DONE
        assert modular.judged(script) is ScriptOutcome.ALREADY_INSTALLED
    upgrade(modular)
    modular.deploy(NEW, pen="3.7.0", wssei="2.2.0")
    assert modular.judged(PEN_SIP) is ScriptOutcome.ALREADY_INSTALLED, "this version runs on both"
    for step in script_steps("wssei-2.2.0", "4.1.1"):
        assert modular.judged(step.path) is ScriptOutcome.DONE
    pen, wssei = sorted(modular.versions().modules, key=lambda module: str(module.code))
    assert (pen.code, pen.in_sip, pen.in_sei) == ("pen", "3.7.0", "3.7.0")
    assert (wssei.code, wssei.in_sip, wssei.in_sei) == ("wssei", None, "2.2.0")
    modular.fail_at(WSSEI, 1)
    assert modular.judged(WSSEI) is ScriptOutcome.ALREADY_INSTALLED


def test_a_correction_moves_the_versions_and_nothing_else(host: Host) -> None:
    patched = host("corrigida")
    patched.load(find_reference(NEW, None))
    before = [patched.structure(database) for database in DATABASES]
    patched.deploy("4.1.5")
    for step in script_steps("4.1.5", "4.1.1"):
        assert patched.judged(step.path) is ScriptOutcome.DONE
        assert patched.judged(step.path) is ScriptOutcome.ALREADY_INSTALLED
    found = patched.versions()
    assert (found.sei, found.sip, found.resources) == ("4.1.5", "3.1.5", "4.1.0")
    assert [patched.structure(database) for database in DATABASES] == before
    patched.deploy(NEW)
    assert patched.judged(SEI_SCRIPT) is ScriptOutcome.UNKNOWN_START, "an older version knows no later one"


def test_code_is_laid_once_and_again_when_it_is_made_of_other_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.sei_code.CACHE", tmp_path / "pacotes")
    built: list[str] = []
    laid = tmp_path / "codigo"
    assert ensure_code(laid, None, on_build=lambda: built.append("x"))
    assert built == ["x"]
    assert not ensure_code(laid, None, on_build=lambda: built.append("x"))
    code = (laid / NEW / "codigo.json").read_bytes()
    (laid / "feito-de").write_text("outra coisa")
    (laid / NEW / "codigo.json").write_text("{}")
    assert ensure_code(laid, None, on_build=lambda: built.append("x"))
    assert built == ["x"], "the package is kept"
    assert (laid / NEW / "codigo.json").read_bytes() == code
    (kept,) = (tmp_path / "pacotes").glob("*.pacote")
    kept.write_bytes(kept.read_bytes()[:-1])
    assert ensure_code(tmp_path / "outro", None, on_build=lambda: built.append("x"))
    assert built == ["x", "x"], "a damaged one is built anew"
