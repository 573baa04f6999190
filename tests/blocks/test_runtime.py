"""The lab's application host: configuration in place whole, start and stop, health, scheduled tasks, SEI's services."""

import json
import stat
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from pydantic import SecretStr

from blocks.rehearsal import rehearsing
from blocks.runtime import Configuration, LabRuntime, ScheduledTask, ServiceAddress
from blocks.sei_services import SeiServices
from blocks.users_channel import SqlChannel
from domain.access_key import AccessKey
from domain.change import Change
from domain.configuration import WsSeiModule
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.runtime_resources import Workload
from domain.schedule import Schedule
from domain.spreadsheet_units import Unit, UnitTree
from domain.units_import import plan_units
from lab.ports import choose
from tests.blocks.application import SECRETS, Application
from tests.blocks.conftest import ENVIRONMENT, one_version
from tests.blocks.users import joining
from tests.domain.examples import PLANS, make_person
from tests.domain.examples import make_configuration as make_whole_configuration
from tests.domain.php_reader import read_class
from tests.sizes import resources_for
from tests.waiting import has_ended, wait_until

TODAY = date(2026, 11, 23)
WORKLOAD = Workload(release_version="4.1.0", resources=resources_for(PLANS.ranges[0].plan))


@pytest.fixture
def own_runtime(tmp_path: Path) -> LabRuntime:
    """A host of nothing yet, on a port where nobody answers."""
    (port,) = choose(["sei"], avoid=()).values()
    return LabRuntime(apps_dir=tmp_path / "apps", files_dir=tmp_path / "files", port=port, token=SecretStr("senha"))


def configuration_file(runtime: LabRuntime) -> Path:
    return runtime.apps_dir / ENVIRONMENT.slug / "configuracao.json"


def files_of(runtime: LabRuntime) -> list[Path]:
    return sorted(path for path in configuration_file(runtime).parent.iterdir() if path.is_file())


def test_a_configuration_is_put_in_place_once_and_for_its_owner_only(own_runtime: LabRuntime) -> None:
    configuration: Configuration = {"SEI": {"URL": "http://localhost", "Título": "Prefeitura de São João"}}
    assert own_runtime.apply(ENVIRONMENT, configuration).created == len(files_of(own_runtime)) == 2
    file = configuration_file(own_runtime)
    assert json.loads(file.read_text(encoding="utf-8")) == configuration
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert Path(own_runtime.repository_path(ENVIRONMENT)).is_dir()
    written = file.stat()
    assert own_runtime.apply(ENVIRONMENT, configuration) == Change(unchanged=2)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    change = own_runtime.apply(ENVIRONMENT, {"SEI": {"URL": "http://outra"}})
    assert (change.total, change.updated) == (2, 2)
    assert {"configuração SEI.URL", "configuração SEI.Título", "arquivo ConfiguracaoSEI.php refeito"} <= set(
        change.details
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in files_of(own_runtime)} == {0o600}


def test_a_copy_is_opened_under_a_name_of_its_own_and_gone_at_the_end(own_runtime: LabRuntime, tmp_path: Path) -> None:
    own_runtime.apps_dir.mkdir()
    left = own_runtime.apps_dir / "copia-00000000"
    left.mkdir()
    given = make_whole_configuration()
    with rehearsing():
        assert own_runtime.opened_on_copy(ENVIRONMENT, given, tmp_path) is None
    opening = own_runtime.opened_on_copy(ENVIRONMENT, given, tmp_path)
    assert opening
    with opening as copy:
        (home,) = own_runtime.apps_dir.iterdir()
        assert home != left, "what a killed run left is swept"
        assert copy.address == ServiceAddress(
            connect_to=f"http://127.0.0.1:{own_runtime.port}", host=f"{home.name}.localhost:{own_runtime.port}"
        )
        with pytest.raises(InvalidInputError):
            EnvironmentName.parse(home.name)
        written = json.loads((home / "configuracao.json").read_text())
        assert written["SEI"]["RepositorioArquivos"] == str(tmp_path)
        assert written["BancoSEI"] == given.groups()["BancoSEI"]
        assert given.sei.url not in str(written)
        assert (home / "sem-agendador").exists()
    assert not list(own_runtime.apps_dir.iterdir())


def test_the_files_of_seis_own_code_say_what_the_stand_in_is_told(own_runtime: LabRuntime) -> None:
    groups = make_whole_configuration().groups()
    own_runtime.apply(ENVIRONMENT, groups, WORKLOAD)
    home = configuration_file(own_runtime).parent
    assert {path.name for path in files_of(own_runtime)} == {
        *("configuracao.json", "ConfiguracaoSEI.php", "ConfiguracaoSip.php", "sei.ini", "sei-fpm.conf"),
        "versao-do-codigo",
    }
    assert own_runtime.deployed_code(ENVIRONMENT) == "4.1.0"
    for name in ("ConfiguracaoSEI.php", "ConfiguracaoSip.php"):
        read = read_class((home / name).read_bytes())
        assert isinstance(read, dict)
        assert read["InfraMail"]["Protegido"] == groups["InfraMail"]["Protegido"]


def test_drift_by_hand_in_any_file_is_named_and_mended(own_runtime: LabRuntime) -> None:
    groups = make_whole_configuration().groups()
    own_runtime.apply(ENVIRONMENT, groups, WORKLOAD)
    for path in files_of(own_runtime):
        before = path.read_bytes()
        path.write_bytes(before + b" ")
        assert own_runtime.apply(ENVIRONMENT, groups, WORKLOAD).details == (f"arquivo {path.name} refeito",)
        assert path.read_bytes() == before
        path.chmod(0o644)
        assert own_runtime.apply(ENVIRONMENT, groups, WORKLOAD).details == (f"permissões do arquivo {path.name}",)
        path.unlink()
        change = own_runtime.apply(ENVIRONMENT, groups, WORKLOAD)
        assert (change.created, change.details) == (1, (f"arquivo {path.name} criado",))
    assert own_runtime.apply(ENVIRONMENT, groups, WORKLOAD).total == 0
    text = json.loads(configuration_file(own_runtime).read_text(encoding="utf-8"))
    text["InfraMail"]["Protegido"] = ""
    configuration_file(own_runtime).write_text(json.dumps(text), encoding="utf-8")
    assert "configuração InfraMail.Protegido" in own_runtime.apply(ENVIRONMENT, groups, WORKLOAD).details


def test_the_file_of_a_module_that_is_gone_goes_too(own_runtime: LabRuntime) -> None:
    with_module = make_whole_configuration(wssei=WsSeiModule(token_secret=SecretStr("t" * 30))).groups()
    own_runtime.apply(ENVIRONMENT, with_module)
    change = own_runtime.apply(ENVIRONMENT, make_whole_configuration().groups())
    assert change.removed == 1
    assert "arquivo ConfiguracaoMdWSSEI.php retirado" in change.details
    assert "ConfiguracaoMdWSSEI.php" not in {path.name for path in files_of(own_runtime)}


def test_a_rehearsal_names_every_change_and_makes_none(own_runtime: LabRuntime) -> None:
    groups = make_whole_configuration().groups()
    with rehearsing():
        assert own_runtime.apply(ENVIRONMENT, groups, WORKLOAD).created == 6
    assert not own_runtime.apps_dir.exists()
    assert not own_runtime.files_dir.exists()
    own_runtime.apply(ENVIRONMENT, groups, WORKLOAD)
    lay_script(own_runtime, "feito.sh", "touch feito")
    before = {path: path.read_bytes() for path in files_of(own_runtime)}
    (configuration_file(own_runtime).parent / "parado").touch()
    with rehearsing():
        changed = groups | {"Manutencao": {"Ativada": True}}
        assert "configuração Manutencao.Ativada" in own_runtime.apply(ENVIRONMENT, changed, WORKLOAD).details
        assert own_runtime.start(ENVIRONMENT).details == ("aplicação parada",)
        assert own_runtime.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT) == Change()
        assert not own_runtime.exec_script(ENVIRONMENT, "feito.sh", [], 5).executed
        assert own_runtime.remove(ENVIRONMENT).removed == 1
    assert {path: path.read_bytes() for path in files_of(own_runtime) if path.name != "parado"} == before
    assert own_runtime.schedulers(ENVIRONMENT) == 0
    assert not list(own_runtime.apps_dir.rglob("feito"))
    own_runtime.start(ENVIRONMENT)
    with rehearsing():
        assert own_runtime.stop(ENVIRONMENT).details == ("aplicação no ar",)
    assert own_runtime.schedulers(ENVIRONMENT) == 1


def lay_script(runtime: LabRuntime, name: str, *lines: str) -> Path:
    path = runtime.apps_dir / ENVIRONMENT.slug / "scripts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o700)
    return path


def test_a_script_gets_its_credentials_on_standard_input_and_answers_in_iso_8859_1(own_runtime: LabRuntime) -> None:
    lay_script(
        own_runtime,
        "sip/scripts/atualizar_versao_sip.sh",
        "read user; read password",
        r"printf 'VERS\303O J\301 EST\301 INSTALADA %s %s %s\n' $# ${#password} $user",
        "env | grep -c IMPLANTA",
        "exit 3",
    )
    secret = SecretStr("senha de migração")
    output = own_runtime.exec_script(
        ENVIRONMENT, "sip/scripts/atualizar_versao_sip.sh", [SecretStr("migracao"), secret], timeout_seconds=10
    )
    assert output.exit_code == 3
    assert output.executed
    assert output.output.splitlines() == ["VERSÃO JÁ ESTÁ INSTALADA 0 17 migracao", "0"]


def test_a_script_that_hangs_is_killed_with_everything_it_started(own_runtime: LabRuntime, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    lay_script(own_runtime, "presa.sh", f"sleep 300 & echo $! > {mark}; wait")
    with pytest.raises(IntegrityError, match=r"presa\.sh não terminou em 2 s"):
        own_runtime.exec_script(ENVIRONMENT, "presa.sh", [], timeout_seconds=2)
    child = int(mark.read_text())
    # A killed process closes its files, which ends our reading, a moment before it counts as ended.
    wait_until(lambda: has_ended(child), "what the script started is gone")


@pytest.mark.parametrize("script", ["../fora.sh", "/bin/true", "a b.sh", "", "atalho.sh", "nada.sh"])
def test_only_a_script_of_the_code_is_run(own_runtime: LabRuntime, script: str) -> None:
    lay_script(own_runtime, "um.sh", "true")
    outside = own_runtime.apps_dir / "fora.sh"
    outside.write_text("#!/bin/sh\n")
    (own_runtime.apps_dir / ENVIRONMENT.slug / "scripts" / "atalho.sh").symlink_to(outside)
    with pytest.raises(InvalidInputError):
        own_runtime.exec_script(ENVIRONMENT, script, [], timeout_seconds=5)


@pytest.mark.parametrize("text", ["duas\nlinhas", "fora → latin1"])
def test_a_password_that_no_line_can_carry_is_refused_and_not_quoted(own_runtime: LabRuntime, text: str) -> None:
    lay_script(own_runtime, "um.sh", "cat")
    with pytest.raises(InvalidInputError) as refusal:
        own_runtime.exec_script(ENVIRONMENT, "um.sh", [SecretStr(text)], timeout_seconds=5)
    assert text not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_an_environment_reads_the_log_of_no_other(own_runtime: LabRuntime, tmp_path: Path) -> None:
    assert own_runtime.logs(ENVIRONMENT, 5) == ""
    log = tmp_path / "sei.log"
    slug = ENVIRONMENT.slug
    log.write_text(
        "".join(f"INFO ambiente={name} linha={n}\n" for n in range(9) for name in (slug, f"{slug}2", "outra"))
    )
    runtime = own_runtime.model_copy(update={"log_file": log})
    assert runtime.logs(ENVIRONMENT, 2) == f"INFO ambiente={slug} linha=7\nINFO ambiente={slug} linha=8\n"


def test_a_reader_never_sees_half_a_configuration(own_runtime: LabRuntime) -> None:
    versions: list[Configuration] = [{"SEI": {"Texto": letter * 100_000}} for letter in "ab"]
    own_runtime.apply(ENVIRONMENT, versions[0])
    file, done = configuration_file(own_runtime), Event()

    def write() -> None:
        for number in range(100):
            own_runtime.apply(ENVIRONMENT, versions[number % 2])
        done.set()

    writer = Thread(target=write)
    writer.start()
    seen = 0
    while not done.is_set():
        assert json.loads(file.read_text(encoding="utf-8")) in versions
        seen += 1
    writer.join()
    assert seen
    names = {path.name for path in file.parent.iterdir()}
    assert names == {"configuracao.json", "ConfiguracaoSEI.php"}, "no draft is left"


def test_a_configuration_that_cannot_be_written_is_told_without_its_secrets(own_runtime: LabRuntime) -> None:
    own_runtime.apps_dir.write_text("um arquivo no lugar do diretório", encoding="utf-8")
    with pytest.raises(RetryableError, match="Não foi possível gravar a configuração") as refusal:
        own_runtime.apply(ENVIRONMENT, {"BancoSEI": {"Senha": "sigilosa"}})
    assert str(configuration_file(own_runtime).parent) in str(refusal.value)
    assert "sigilosa" not in repr(refusal.value) + repr(refusal.value.__cause__)


def test_stop_and_start_are_done_once(own_runtime: LabRuntime) -> None:
    own_runtime.apply(ENVIRONMENT, {"SEI": {}})
    steps = [own_runtime.stop, own_runtime.stop, own_runtime.start, own_runtime.start]
    assert [step(ENVIRONMENT).updated for step in steps] == [1, 0, 1, 0]


def test_an_application_is_forgotten_once_and_its_files_stay(own_runtime: LabRuntime) -> None:
    own_runtime.apply(ENVIRONMENT, {"SEI": {}})
    own_runtime.stop(ENVIRONMENT)
    kept = Path(own_runtime.repository_path(ENVIRONMENT)) / "anexo.pdf"
    kept.write_bytes(b"%PDF")
    assert own_runtime.remove(ENVIRONMENT) == Change(removed=1, details=("aplicação",))
    assert own_runtime.remove(ENVIRONMENT) == Change()
    assert kept.exists()


def test_forgetting_an_application_takes_what_a_killed_run_left_of_its_passwords(own_runtime: LabRuntime) -> None:
    own_runtime.apply(ENVIRONMENT, {"SEI": {}})
    home = own_runtime.apps_dir / ENVIRONMENT.slug
    (home / ".implanta-x1y2z3").write_text('{"Senha": "segredo"}')
    assert own_runtime.remove(ENVIRONMENT).removed == 1
    assert not home.exists()


def test_what_cannot_be_removed_is_told_with_its_place(own_runtime: LabRuntime) -> None:
    own_runtime.apply(ENVIRONMENT, {"SEI": {}})
    home = own_runtime.apps_dir / ENVIRONMENT.slug
    (home / "alheio.txt").write_text("fica")
    with pytest.raises(RetryableError, match=rf"remover a configuração .*{home}"):
        own_runtime.remove(ENVIRONMENT)
    assert (home / "alheio.txt").exists()


def test_what_was_never_configured_needs_no_stop_and_no_start(own_runtime: LabRuntime) -> None:
    assert own_runtime.stop(ENVIRONMENT) == own_runtime.start(ENVIRONMENT) == Change(unchanged=1)


def test_the_address_is_asked_for_by_name_and_reached_by_number(own_runtime: LabRuntime) -> None:
    port = own_runtime.port
    assert own_runtime.address(ENVIRONMENT) == ServiceAddress(
        connect_to=f"http://127.0.0.1:{port}", host=f"blocos-a-treinamento.localhost:{port}"
    )
    assert own_runtime.url(ENVIRONMENT) == f"http://blocos-a-treinamento.localhost:{port}"


def test_health_tells_serving_maintenance_and_stopped_apart(application: Application) -> None:
    def health() -> tuple[bool, bool]:
        seen = application.runtime.health(ENVIRONMENT)
        return seen.serving, seen.maintenance

    assert health() == (True, False)
    application.set_maintenance(active=True)
    assert health() == (False, True)
    application.set_maintenance(active=False)
    assert health() == (True, False)
    application.runtime.stop(ENVIRONMENT)
    assert health() == (False, False)
    application.runtime.start(ENVIRONMENT)
    assert health() == (True, False)
    application.runtime.remove(ENVIRONMENT)
    assert health() == (False, False)


def test_sips_own_replication_makes_units_and_people_ready_to_work(application: Application) -> None:
    application.databases.sip.ensure_access_keys(SECRETS.access_keys())
    people, users = application.databases.people, application.databases.users
    units = UnitTree(
        units=(
            Unit(sigla="GAB", descricao="Gabinete do Prefeito"),
            Unit(sigla="SEMAD", descricao="Administração", superior="GAB"),
        )
    )
    people.apply_units(plan_units(units, people.list_units()), today=TODAY)
    assert application.runtime.run_scheduled(ENVIRONMENT, ScheduledTask.REPLICATE_UNITS).created >= 2
    channel = SqlChannel(application.databases.server, ENVIRONMENT)
    channel.apply(joining(application.databases, make_person(1), make_person(2)), today=TODAY)
    assert application.runtime.run_scheduled(ENVIRONMENT, ScheduledTask.REPLICATE_USERS).created >= 2
    assert set(users.count_replication_gaps().values()) == {0}
    assert users.list_ready_logins() == set(), "nobody is ready while the órgão checks no password"
    application.databases.rows("sip", "UPDATE orgao SET sin_autenticar = 'S'")
    assert users.list_ready_logins() == {"pessoa.1", "pessoa.2"}
    assert application.databases.sei.ensure_unit_codes() == Change(updated=2, unchanged=3)
    for task in (ScheduledTask.REPLICATE_UNITS, ScheduledTask.REPLICATE_USERS):
        assert application.runtime.run_scheduled(ENVIRONMENT, task).total == 0, task


def test_the_heartbeat_leaves_its_mark_in_the_database(application: Application) -> None:
    application.databases.sei.ensure_schedules([Schedule(command=ScheduledTask.HEARTBEAT, active=True)])
    application.runtime.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT)
    age = application.databases.sei.heartbeat_age()
    assert age is not None
    assert age < timedelta(minutes=1)


@one_version
def test_a_scheduled_task_that_cannot_run_is_told(application: Application) -> None:
    stranger = application.runtime.model_copy(update={"token": SecretStr("senha-errada")})
    with pytest.raises(IntegrityError, match="A tarefa agendada falhou: HTTP 401") as refusal:
        stranger.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT)
    assert "senha-errada" not in str(refusal.value)
    application.runtime.remove(ENVIRONMENT)
    with pytest.raises(IntegrityError, match="A tarefa agendada falhou"):
        application.runtime.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT)


def test_nobody_answers_where_no_application_runs(own_runtime: LabRuntime) -> None:
    for ask in (
        lambda: own_runtime.health(ENVIRONMENT),
        lambda: own_runtime.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT),
    ):
        with pytest.raises(RetryableError, match=rf"A aplicação não respondeu .*127\.0\.0\.1:{own_runtime.port}"):
            ask()


def test_seis_service_lists_the_units_to_the_one_who_has_the_key(application: Application) -> None:
    sei = application.databases.sei
    sei.ensure_service(SECRETS.service_key)
    service_id = sei.service_id()
    assert service_id is not None
    services = SeiServices(application.runtime.address(ENVIRONMENT))
    assert set(services.list_units(SECRETS.service_key(service_id))) == {"TESTE", "TESTE_1_1", "TESTE_1_2"}
    stranger = AccessKey.generate(service_id)
    with pytest.raises(IntegrityError, match="O web service do SEI recusou a chamada") as refusal:
        services.list_units(stranger)
    assert stranger.text.get_secret_value() not in repr(refusal.value) + repr(refusal.value.__cause__)
    application.runtime.stop(ENVIRONMENT)
    with pytest.raises((IntegrityError, RetryableError), match="O web service do SEI"):
        services.list_units(SECRETS.service_key(service_id))


def test_a_service_where_nobody_answers_may_be_asked_again_later(own_runtime: LabRuntime) -> None:
    services = SeiServices(own_runtime.address(ENVIRONMENT))
    with pytest.raises(RetryableError, match="O web service do SEI não respondeu") as refusal:
        services.list_units(SECRETS.service_key(1))
    assert SECRETS.service_key(1).text.get_secret_value() not in repr(refusal.value)
