"""The maker's update scripts as real programs on a real database, and code and databases of two versions."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.installed_versions import read_installed_versions
from blocks.rehearsal import rehearsing
from blocks.runtime import LabRuntime, ScheduledTask, ScriptOutput
from blocks.settings import PROJECT_ROOT
from domain.change import Change
from domain.code import Code
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError
from domain.upgrade.release import ScriptStep
from domain.upgrade.script_output import ExpectedOutput, ScriptOutcome, judge
from domain.upgrade.versions import InstalledVersions, judge_versions
from lab.sei_standin.scheduler import run_command
from lab.sei_standin.vendor_code import RESOURCES_SCRIPT, SEI_SCRIPT, SIP_SCRIPT, lay_code
from lab.state import LabState
from tests.sei_standin.code import MODULE_SCRIPT, code_of
from tests.sei_standin.conftest import REFERENCES, TOKEN
from tests.sei_standin.instance import Instance, at, server_of
from tests.waiting import end, has_ended, wait_until

USUAL = ExpectedOutput.model_validate({})
LOGIN = "/sip/login.php?sigla_sistema=SEI"
CONTROL = "/sei/controlador.php"
IN_ORDER = (SIP_SCRIPT, RESOURCES_SCRIPT, SEI_SCRIPT)
_NUMBERS = itertools.count(1)


class Upgradable:
    """An environment of 4.0.0 on a host that has the code of both versions."""

    def __init__(self, state: LabState, instance: Instance, name: EnvironmentName, runtime: LabRuntime) -> None:
        self.instance = instance
        self.name = name
        self.runtime = runtime
        self.server = server_of(state)
        self.credentials = [SecretStr(state.mariadb.admin_user), state.mariadb.admin_password]

    def deploy(self, version: str) -> Change:
        groups = json.loads((self.instance.home / "configuracao.json").read_bytes())
        return self.runtime.deploy(self.name, Code(version=version), groups)

    def run(self, script: str, *, seconds: float = 60) -> ScriptOutput:
        return self.runtime.exec_script(self.name, script, self.credentials, seconds)

    def outcome(self, script: str) -> ScriptOutcome:
        output = self.run(script)
        return judge(output.output, output.exit_code, USUAL).outcome

    def fail_at(self, script: str, statement: int, how: str) -> None:
        (self.instance.home / "falha-no-script").write_text(f"{Path(script).name} {statement} {how}")

    def versions(self) -> InstalledVersions:
        return read_installed_versions(self.server, self.name, Catalog().modules())

    def problems(self) -> list[str]:
        return judge_versions(self.versions(), Catalog().releases())

    def columns(self, table: str) -> dict[str, str]:
        rows = self.instance.rows(
            "sei",
            "SELECT column_name AS name, column_type AS type FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = %s",
            (table,),
        )
        return {str(row["name"]): str(row["type"]) for row in rows}

    def login_page(self) -> tuple[int, str]:
        with self.instance.client() as client:
            answer = client.get(LOGIN)
            return answer.status_code, answer.text


@pytest.fixture
def upgradable(lab_state: LabState, port: int, apps_dir: Path, tmp_path: Path) -> Iterator[Upgradable]:
    name = EnvironmentName.parse(f"atualizada-{next(_NUMBERS)}-treinamento")
    instance = Instance(lab_state, REFERENCES["4.0.0-reduzida"], name.slug)
    instance.reset(port, apps_dir)
    for version in ("4.0.0", "4.1.0"):
        lay_code(tmp_path / "codigo", code_of(version))
    runtime = LabRuntime(
        apps_dir=apps_dir,
        files_dir=tmp_path / "files",
        code_dir=tmp_path / "codigo",
        port=port,
        token=SecretStr(TOKEN),
    )
    made = Upgradable(lab_state, instance, name, runtime)
    made.deploy("4.0.0")
    yield made
    for schema in (name.database_sei, name.database_sip):
        for suffix in ("", "_modelo"):
            instance.execute("mysql", f"DROP DATABASE {schema}{suffix}")


def test_the_scripts_in_the_releases_order_bring_an_environment_to_the_new_line(upgradable: Upgradable) -> None:
    release = Catalog().releases().find("4.1.0")
    assert release
    upgrade = release.upgrade_from("4.0.0")
    assert upgrade
    steps = [step for step in upgrade.steps if isinstance(step, ScriptStep)]
    assert tuple(step.path for step in steps) == IN_ORDER
    upgradable.instance.execute("sei", "UPDATE serie SET descricao = 'da prefeitura' ORDER BY id_serie LIMIT 1")
    upgradable.deploy("4.1.0")
    for step in steps:
        output = upgradable.run(step.path)
        assert judge(output.output, output.exit_code, step.expected).outcome is ScriptOutcome.DONE, output.output
        assert output.seconds > 0
    found = upgradable.versions()
    assert (found.sei, found.sip, found.resources) == (
        release.sei_version,
        release.sip_version,
        release.resources_version,
    )
    assert upgradable.problems() == []
    assert upgradable.columns("serie")["nome"] == "varchar(100)"
    assert upgradable.columns("protocolo")["sin_eliminado"] == "char(1)"
    assert upgradable.instance.row("sei", "SELECT COUNT(*) AS n FROM serie WHERE descricao = 'da prefeitura'")["n"] == 1


def test_the_script_of_recursos_brings_what_is_seis_and_the_one_of_sip_the_rest(upgradable: Upgradable) -> None:
    upgradable.deploy("4.1.0")
    query = "SELECT COUNT(*) AS n FROM recurso WHERE nome = 'plano_trabalho_cadastrar'"
    assert upgradable.outcome(SIP_SCRIPT) is ScriptOutcome.DONE
    assert upgradable.instance.row("sip", query)["n"] == 0
    assert upgradable.problems() == ["o SIP está na linha 3.1 (3.1.1) e o SEI 4.0.0 pede o SIP da linha 3.0"]
    assert upgradable.outcome(RESOURCES_SCRIPT) is ScriptOutcome.DONE
    assert upgradable.instance.row("sip", query)["n"] == 1
    assert upgradable.versions().resources == "4.1.0"


def test_a_repeat_says_that_it_is_installed_and_changes_nothing(upgradable: Upgradable) -> None:
    upgradable.deploy("4.1.0")
    for script in IN_ORDER:
        upgradable.run(script)
    before = upgradable.versions()
    for script in IN_ORDER:
        output = upgradable.run(script)
        assert (output.exit_code, "JÁ ESTÁ INSTALADA" in output.output) == (1, True)
        assert judge(output.output, output.exit_code, USUAL).outcome is ScriptOutcome.ALREADY_INSTALLED
    assert upgradable.versions() == before


@pytest.mark.parametrize("version", ["3.1.0", "5.0.0", "4.1.9", "", "quatro"])
def test_an_unknown_start_version_is_refused_before_anything_changes(upgradable: Upgradable, version: str) -> None:
    upgradable.deploy("4.1.0")
    upgradable.instance.execute("sei", "UPDATE infra_parametro SET valor = %s WHERE nome = 'SEI_VERSAO'", (version,))
    assert upgradable.outcome(SEI_SCRIPT) is ScriptOutcome.UNKNOWN_START
    assert "sin_eliminado" not in upgradable.columns("protocolo")


def test_a_later_package_of_the_same_line_only_moves_the_version(upgradable: Upgradable) -> None:
    upgradable.deploy("4.1.0")
    upgradable.instance.execute("sei", "UPDATE infra_parametro SET valor = '4.1.0' WHERE nome = 'SEI_VERSAO'")
    assert upgradable.outcome(SEI_SCRIPT) is ScriptOutcome.DONE
    assert upgradable.versions().sei == "4.1.1"
    assert "sin_eliminado" not in upgradable.columns("protocolo")


def test_a_database_that_drifted_stops_the_script_by_itself_and_a_repeat_fails_too(upgradable: Upgradable) -> None:
    upgradable.deploy("4.1.0")
    upgradable.instance.execute("sei", "ALTER TABLE protocolo ADD sin_eliminado char(1) NULL")
    first, again = upgradable.run(SEI_SCRIPT), upgradable.run(SEI_SCRIPT)
    assert "ERRO ATUALIZANDO VERSÃO: COMANDO 3, TABELA PROTOCOLO, MYSQL 1060" in first.output
    assert "COMANDO 1, TABELA SEQ_TIPO_PRIORIDADE, MYSQL 1050" in again.output
    for output in (first, again):
        assert judge(output.output, output.exit_code, USUAL).outcome is ScriptOutcome.FAILED
    assert upgradable.columns("serie")["nome"] == "varchar(100)", "what was done until then stays"
    assert upgradable.versions().sei == "4.0.0"


@pytest.mark.parametrize(
    ("how", "outcome"), [("erro", ScriptOutcome.FAILED), ("silencio", ScriptOutcome.SILENT_PARTIAL)]
)
def test_a_script_that_is_asked_to_fails_in_the_middle(
    upgradable: Upgradable, how: str, outcome: ScriptOutcome
) -> None:
    upgradable.deploy("4.1.0")
    upgradable.fail_at(SEI_SCRIPT, 3, how)
    assert upgradable.outcome(SIP_SCRIPT) is ScriptOutcome.DONE, "another script than the one that was named"
    assert upgradable.outcome(SEI_SCRIPT) is outcome
    assert upgradable.columns("serie")["nome"] == "varchar(100)"
    assert upgradable.versions().sei == "4.0.0"


def test_a_module_is_installed_once_and_known_by_its_parameter(upgradable: Upgradable) -> None:
    assert upgradable.outcome(MODULE_SCRIPT) is ScriptOutcome.DONE
    (module,) = upgradable.versions().modules
    assert (module.code, module.version) == ("wssei", "2.2.0")
    assert upgradable.outcome(MODULE_SCRIPT) is ScriptOutcome.ALREADY_INSTALLED


def test_a_wrong_password_is_told_without_names_and_changes_nothing(upgradable: Upgradable) -> None:
    upgradable.deploy("4.1.0")
    output = upgradable.runtime.exec_script(
        upgradable.name, SIP_SCRIPT, [SecretStr("migracao"), SecretStr("senha-errada")], 60
    )
    assert output.output == "ERRO CONECTANDO AO BANCO DE DADOS: 1045\n"
    assert judge(output.output, output.exit_code, USUAL).outcome is ScriptOutcome.FAILED
    without = upgradable.runtime.exec_script(upgradable.name, SIP_SCRIPT, [], 60)
    assert "INFORME O USUÁRIO E A SENHA" in without.output
    assert upgradable.versions().sip == "3.0.0"


def test_a_script_that_hangs_is_ended_with_its_time(upgradable: Upgradable) -> None:
    upgradable.deploy("4.1.0")
    upgradable.fail_at(SEI_SCRIPT, 3, "trava")
    with pytest.raises(IntegrityError, match=r"atualizar_versao_sei\.php não terminou em 3 s"):
        upgradable.run(SEI_SCRIPT, seconds=3)
    assert not _scripts_of(upgradable)
    assert upgradable.versions().sei == "4.0.0"


def test_a_script_does_not_outlive_whoever_ran_it(upgradable: Upgradable) -> None:
    upgradable.deploy("4.1.0")
    upgradable.fail_at(SEI_SCRIPT, 3, "trava")
    runtime = upgradable.runtime
    caller = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from pydantic import SecretStr\n"
            "from blocks.runtime import LabRuntime; from domain.environment import EnvironmentName\n"
            "apps, slug, script, *lines = sys.stdin.read().splitlines()\n"
            "runtime = LabRuntime(apps_dir=Path(apps), files_dir=Path(apps), port=1, token=SecretStr('x'))\n"
            "runtime.exec_script(EnvironmentName.parse(slug), script, [SecretStr(line) for line in lines], 300)",
        ],
        stdin=subprocess.PIPE,
        cwd=PROJECT_ROOT,
    )
    secrets = [secret.get_secret_value() for secret in upgradable.credentials]
    given = "\n".join([str(runtime.apps_dir), upgradable.name.slug, SEI_SCRIPT, *secrets])
    assert caller.stdin
    caller.stdin.write(given.encode())
    caller.stdin.close()
    wait_until(lambda: upgradable.columns("serie")["nome"] == "varchar(100)", "the script is in the middle", seconds=60)
    (script,) = _scripts_of(upgradable)
    end(caller.pid)
    caller.wait()
    wait_until(lambda: has_ended(script), "the script ends with its caller")


def _scripts_of(upgradable: Upgradable) -> list[int]:
    """The update scripts that run for this environment now."""
    home = str(upgradable.instance.home)
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(part.startswith(home) for part in process.info["cmdline"] or ())
    ]


def test_a_half_done_upgrade_serves_nobody_until_it_is_finished(upgradable: Upgradable) -> None:
    assert upgradable.login_page()[0] == 200
    assert "SEI 4.0.0" in upgradable.login_page()[1]
    upgradable.deploy("4.1.0")
    told = []
    for script in IN_ORDER:
        status, page = upgradable.login_page()
        assert status == 503
        assert not upgradable.runtime.health(upgradable.name).serving
        told.append(page)
        assert upgradable.outcome(script) is ScriptOutcome.DONE
    assert "o banco do SEI da versão 4.0.0" in told[0]
    environment = upgradable.instance.load()
    assert run_command(environment, ScheduledTask.HEARTBEAT, at("2026-11-23 10:05")).problem is None
    assert upgradable.login_page()[0] == 200
    assert "SEI 4.1.0" in upgradable.login_page()[1]


def test_every_place_is_looked_at(upgradable: Upgradable) -> None:
    for database, parameter, value, told in (
        ("sip", "SEI_VERSAO", "4.1.0", "os recursos do SEI no SIP da versão 4.1.0"),
        ("sip", "SIP_VERSAO", "3.1.1", "o banco do SIP da versão 3.1.1"),
        ("sei", "SEI_VERSAO", "", "o banco do SEI da versão desconhecida"),
    ):
        upgradable.instance.execute(
            database, "UPDATE infra_parametro SET valor = %s WHERE nome = %s", (value, parameter)
        )
        assert told in upgradable.login_page()[1]
    environment = upgradable.instance.load()
    refused = run_command(environment, ScheduledTask.HEARTBEAT, at("2026-11-23 10:05")).problem
    assert refused and "atualize ou volte o código" in refused
    with upgradable.instance.client() as client:
        fault = client.post("/sei/ws/SeiWS.php", content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert "O código é do SEI 4.0.0" in fault.text


def test_the_page_of_maintenance_stays_one_while_versions_differ(upgradable: Upgradable) -> None:
    upgradable.instance.configure(Manutencao={"Ativada": True, "Mensagem": "Em manutenção até as 22h."})
    upgradable.deploy("4.1.0")
    health = upgradable.runtime.health(upgradable.name)
    assert (health.serving, health.maintenance) == (False, True)
    assert "Em manutenção até as 22h." in upgradable.login_page()[1]


def test_the_code_goes_back_to_the_old_version_and_serves_again(upgradable: Upgradable) -> None:
    runtime, scripts = upgradable.runtime, upgradable.instance.home / "scripts"
    assert runtime.deployed_code(upgradable.name) == "4.0.0"
    change = upgradable.deploy("4.1.0")
    assert "código da versão 4.1.0" in change.details
    assert upgradable.deploy("4.1.0").total == 0
    assert runtime.deployed_code(upgradable.name) == "4.1.0"
    (scripts / "sei" / "scripts" / "de-outra-versao.php").write_text("sobra")
    assert upgradable.login_page()[0] == 503
    upgradable.deploy("4.0.0")
    assert runtime.deployed_code(upgradable.name) == "4.0.0"
    assert upgradable.login_page()[0] == 200
    assert not (scripts / "sei" / "scripts" / "de-outra-versao.php").exists()
    assert upgradable.outcome(SIP_SCRIPT) is ScriptOutcome.ALREADY_INSTALLED, "the scripts are the old ones again"


def test_code_that_the_host_does_not_have_is_not_deployed(upgradable: Upgradable) -> None:
    with pytest.raises(InvalidInputError, match=r"Não há código da versão 4\.9\.0"):
        upgradable.deploy("4.9.0")
    with rehearsing():
        assert "código da versão 4.1.0" in upgradable.deploy("4.1.0").details
    assert upgradable.runtime.deployed_code(upgradable.name) == "4.0.0"
    assert upgradable.login_page()[0] == 200
    other = EnvironmentName.parse("ninguem-treinamento")
    assert upgradable.runtime.deployed_code(other) is None
    with pytest.raises(InvalidInputError, match="O ambiente não está neste servidor"):
        upgradable.runtime.deploy(other, Code(version="4.1.0"), {})
