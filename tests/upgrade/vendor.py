"""An environment of 4.0.0 on a host of the lab, to whose databases the makers' scripts are let."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue, SecretStr

from blocks.catalog import Catalog
from blocks.dump_loader import load_dump
from blocks.installed_versions import read_installed_versions
from blocks.mariadb import MariaDBServer
from blocks.runtime import LabRuntime, ScriptOutput
from blocks.structure import read_reference_rows, read_structure
from domain.code import Code
from domain.environment import EnvironmentName
from domain.reference import Database, Reference, ReferenceRows
from domain.structure import Structure
from domain.upgrade.release import Release, ScriptStep
from domain.upgrade.script_output import ExpectedOutput, ScriptOutcome, judge
from domain.upgrade.versions import InstalledVersions

USUAL = ExpectedOutput.model_validate({})
_SECONDS = 600


def release_of(version: str) -> Release:
    found = Catalog().releases().find_any(version)
    assert found
    return found


def script_steps(version: str, installed: str) -> list[ScriptStep]:
    """The scripts that lead to a version, in the order that the catalog asks for."""
    upgrade = release_of(version).upgrade_from(installed)
    assert upgrade
    return [step for step in upgrade.steps if isinstance(step, ScriptStep)]


class VendorHost:
    """Databases with a reference's content, and the host that runs scripts on them."""

    def __init__(self, server: MariaDBServer, home: Path, code_dir: Path, name: str) -> None:
        self.server = server
        self.name = EnvironmentName.parse(name)
        self.schemas: Mapping[Database, str] = {"sip": self.name.database_sip, "sei": self.name.database_sei}
        self.runtime = LabRuntime(
            apps_dir=home / "apps", files_dir=home / "files", code_dir=code_dir, port=1, token=SecretStr("x")
        )
        self.home = home / "apps" / self.name.slug
        self.home.mkdir(parents=True)

    def load(self, reference: Reference) -> None:
        """Make the databases anew, of a reference."""
        for dump in reference.dumps:
            schema = self.schemas[dump.database]
            self.server.drop_database(schema)
            self.server.ensure_database(schema)
            load_dump(dump, self.server, schema)

    def deploy(self, version: str, **modules: str) -> None:
        database: dict[str, JsonValue] = {
            "Servidor": self.server.host,
            "Porta": self.server.port,
            "Usuario": "ninguem",
            "Senha": "a do script vem pela entrada",
        }
        session: dict[str, JsonValue] = {"SiglaOrgaoSistema": "PMTESTE", "SiglaSistema": "SEI", "ChaveAcesso": "x"}
        configuration: dict[str, dict[str, JsonValue]] = {
            "SEI": {"URL": "http://x", "RepositorioArquivos": "/nada"},
            "SessaoSEI": session,
            "SessaoSip": session,
            "BancoSEI": {**database, "Banco": self.schemas["sei"]},
            "BancoSip": {**database, "Banco": self.schemas["sip"]},
        }
        (self.home / "configuracao.json").write_text(json.dumps(configuration))
        self.runtime.deploy(self.name, Code(version=version, modules=modules), configuration)

    def run(self, script: str) -> ScriptOutput:
        return self.runtime.exec_script(
            self.name, script, [SecretStr(self.server.user), self.server.password], _SECONDS
        )

    def judged(self, script: str) -> ScriptOutcome:
        return self.judged_of(self.run(script))

    @staticmethod
    def judged_of(output: ScriptOutput) -> ScriptOutcome:
        return judge(output.output, output.exit_code, USUAL).outcome

    def fail_at(self, script: str, change: int, how: str = "erro") -> None:
        """Have the script stop before so-many-th change; at 0, no more."""
        file = self.home / "falha-no-script"
        if change:
            file.write_text(f"{Path(script).name} {change} {how}")
        else:
            file.unlink(missing_ok=True)

    def structure(self, database: Database) -> Structure:
        schema = self.schemas[database]
        with self.server.transaction(schema) as cursor:
            return read_structure(cursor, schema)

    def reference_rows(self, database: Database, like: ReferenceRows | None = None) -> ReferenceRows:
        schema = self.schemas[database]
        with self.server.transaction(schema) as cursor:
            return read_reference_rows(cursor, schema, database, like=like)

    def versions(self) -> InstalledVersions:
        return read_installed_versions(self.server, self.name, Catalog().modules())

    def one(self, database: Database, sql: str) -> object:
        with self.server.transaction(self.schemas[database]) as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
        return row[0] if row else None

    def execute(self, database: Database, sql: str) -> None:
        with self.server.transaction(self.schemas[database]) as cursor:
            cursor.execute("SET SESSION foreign_key_checks = 0")
            cursor.execute(sql)
