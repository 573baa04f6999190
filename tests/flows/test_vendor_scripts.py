"""The makers' scripts, as the lab's host has them, on environments that the product made and filled."""

import secrets
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.dump_loader import load_dump
from blocks.installed_versions import read_installed_versions
from blocks.mariadb import MariaDBServer
from blocks.reference import find_reference
from blocks.structure import read_reference_rows, read_structure
from domain.code import Code
from domain.environment import Purpose
from domain.reference import Database, DumpFile, ReferenceRows, missing_rows
from domain.structure import Structure, differences
from domain.upgrade.script_output import ScriptOutcome, judge
from domain.upgrade.versions import judge_versions
from flows.create_environment import create_environment
from flows.import_users import import_users
from flows.seed import seed
from tasks import doors
from tasks.configuration import configuration
from tasks.instance import Instance, load_instance
from tests.flows.conftest import EXAMPLES, Join
from tests.upgrade.vendor import script_steps

OLD, NEW = "4.0.0", "4.1.0"
pytestmark = pytest.mark.slow
SHEETS = (EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
TRAINING = Purpose.TREINAMENTO
OWN_PROFILE = "Consulta (somente leitura)"  # of the document model
SEI_PROFILES = "SELECT nome FROM perfil WHERE id_sistema = 100000100"
RIGHTS_OF_OWN_PROFILE = (
    "SELECT r.nome FROM rel_perfil_recurso JOIN recurso r USING (id_sistema, id_recurso)"
    f" JOIN perfil p USING (id_sistema, id_perfil) WHERE p.nome = '{OWN_PROFILE}'"
)
LAST_STYLE_SETS = (
    "SELECT c.id_conjunto_estilos, COUNT(i.nome), (SELECT COUNT(*) FROM estilo),"
    " (SELECT COUNT(*) FROM rel_secao_mod_cj_estilos_item r JOIN conjunto_estilos_item o"
    "  USING (id_conjunto_estilos_item) WHERE o.id_conjunto_estilos = c.id_conjunto_estilos),"
    " (SELECT COUNT(*) FROM rel_secao_modelo_estilo)"
    " FROM conjunto_estilos c LEFT JOIN conjunto_estilos_item i USING (id_conjunto_estilos)"
    " WHERE c.sin_ultimo = 'S' GROUP BY 1"
)


@pytest.fixture(
    params=[("oficial", "3172004", "Visconde do Rio Branco"), ("reduzida", "3172103", "Volta Grande")], ids=str
)
def filled(
    request: pytest.FixtureRequest,
    join: Join,
    lab: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    official_reference: Path | None,
) -> Instance:
    """An environment of 4.0.0 of each kind of reference, with document model, units and people."""
    kind, ibge, name = request.param
    if kind == "reduzida":
        monkeypatch.delenv("IMPLANTA_REFERENCE_DIR", raising=False)
        lines = (lab / "settings.toml").read_text(encoding="utf-8").splitlines()
        (tmp_path / "settings.toml").write_text("\n".join(line for line in lines if "reference_dir" not in line))
        monkeypatch.setenv("IMPLANTA_SETTINGS", str(tmp_path / "settings.toml"))
    elif official_reference is None:
        pytest.skip("no official dumps: set IMPLANTA_REFERENCE_DIR to their directory")
    slug = join(ibge, name, *SHEETS).slug
    assert create_environment(slug, TRAINING, release=OLD).waiting_for == ()
    assert seed(slug, TRAINING).waiting_for == ()
    assert import_users(slug, TRAINING).waiting_for == ()
    return load_instance(f"{slug}-treinamento")


@pytest.fixture
def wanted(filled: Instance, official_reference: Path | None) -> dict[Database, tuple[Structure, ReferenceRows]]:
    """What databases of 4.1.0 are, of the same kind of reference."""
    server = filled.server
    kind = official_reference if filled.record.ibge == "3172004" else None
    return {dump.database: _facts_of(server, dump) for dump in find_reference(NEW, kind).dumps}


def _facts_of(server: MariaDBServer, dump: DumpFile) -> tuple[Structure, ReferenceRows]:
    schema = f"alvo_{secrets.token_hex(4)}_{dump.database}"
    server.ensure_database(schema)
    try:
        load_dump(dump, server, schema)
        return facts(server, dump.database, schema)
    finally:
        server.drop_database(schema)


def facts(
    server: MariaDBServer, database: Database, schema: str, like: ReferenceRows | None = None
) -> tuple[Structure, ReferenceRows]:
    with server.transaction(schema) as cursor:
        return read_structure(cursor, schema), read_reference_rows(cursor, schema, database, like=like)


def schema_of(instance: Instance, database: Database) -> str:
    return instance.name.database_sei if database == "sei" else instance.name.database_sip


def rows(instance: Instance, database: Database, sql: str) -> list[tuple[object, ...]]:
    with instance.server.transaction(schema_of(instance, database)) as cursor:
        cursor.execute(sql)
        return sorted(cursor.fetchall())


def test_an_environment_with_its_model_and_people_is_carried_over(
    filled: Instance, wanted: dict[Database, tuple[Structure, ReferenceRows]]
) -> None:
    runtime, keys = doors.runtime(), doors.environment_secrets(filled.name.slug)
    profiles, rights = rows(filled, "sip", SEI_PROFILES), rows(filled, "sip", RIGHTS_OF_OWN_PROFILE)
    assert (OWN_PROFILE,) in profiles
    made = configuration(filled, runtime, keys, maintenance=True, modules=()).groups()
    runtime.deploy(filled.name, Code(version=NEW), made)
    account = [SecretStr(filled.name.database_migration_user), keys.migration_password or SecretStr("")]
    with filled.server.unlock_migration_user(filled.name):
        for step in script_steps(NEW, OLD):
            output = runtime.exec_script(filled.name, step.path, account, 300)
            assert judge(output.output, output.exit_code, step.expected).outcome is ScriptOutcome.DONE, output.output
    found = read_installed_versions(filled.server, filled.name, Catalog().modules())
    assert judge_versions(found, Catalog().releases()) == []
    assert (found.sei, found.sip, found.resources) == ("4.1.1", "3.1.1", "4.1.0")
    for database, (structure, reference) in wanted.items():
        now, kept = facts(filled.server, database, schema_of(filled, database), reference)
        assert differences(structure, now) == []
        assert missing_rows(reference, kept) == []
    assert set(rows(filled, "sip", SEI_PROFILES)) == {*profiles, ("CPAD",)}
    assert rows(filled, "sip", RIGHTS_OF_OWN_PROFILE) == rights
    ((_, items, styles, uses, declared),) = rows(filled, "sei", LAST_STYLE_SETS)
    assert (items, uses) == (styles, declared)
