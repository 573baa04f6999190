"""kill -9 at random moments of an import of two thousand people, then a rerun: exactly those, in every system."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blocks.catalog import Catalog
from blocks.settings import PROJECT_ROOT, Settings
from cli.intake import send_sheets
from cli.output import talk
from domain.environment import Purpose
from domain.municipality import municipality_from
from domain.plan import Plan
from flows.create_environment import create_environment
from flows.users import apply_users, plan_users
from lab import up
from lab.layout import Layout
from lab.processes import find
from lab.profiles import SERVICE_NAMES
from lab.record import read_record
from registry import Registry
from tasks import doors
from tasks.adhesion import adhere
from tasks.instance import Instance, load_instance
from tasks.units import ensure_units
from tasks.users_batches import find_open
from tests.domain.examples import make_cpf
from tests.operator import operator_environment

PEOPLE = 2_000
KILLS = int(os.environ.get("IMPLANTA_KILLS", "20"))
UNITS = ("sigla;descricao;superior;email", "PM;Prefeitura;;", "SEC1;Secretaria 1;PM;", "SEC2;Secretaria 2;PM;")
LETTERS = "abcdefghij"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def spell(number: int) -> str:
    return "".join(LETTERS[int(digit)] for digit in f"{number:04d}")


def sheet(generation: int) -> str:
    """Two thousand people, others in each of the two generations; everybody works in one unit."""
    rows = ["nome;cpf;email;login;unidade;perfil;matricula"]
    for number in range(generation * PEOPLE, (generation + 1) * PEOPLE):
        profile = "Básico, Administrador" if number % 500 == 0 else "Básico"
        rows.append(
            f"Pessoa {spell(number)} de Teste;{make_cpf(400_000_000 + number)};p{number}@formiga.example;p.{number};"
            f"{'PM' if number % 3 == 0 else f'SEC{number % 3}'};{profile};{number}"
        )
    return "\n".join(rows)


@pytest.fixture(scope="module")
def instance(programme: Settings, tmp_path_factory: pytest.TempPathFactory) -> Instance:
    folder = tmp_path_factory.mktemp("formiga")
    (folder / "unidades.csv").write_text("\n".join(UNITS), encoding="utf-8")
    registry = Registry(programme.registry_url)
    municipality = municipality_from("3126109", "Formiga", 67_000, Catalog().ibge_table())
    adhere(registry, municipality, Plan(faixa=None, users=PEOPLE, concurrent_users=100, negotiated=True))
    registry.dispose()
    send_sheets(municipality.slug, [folder / "unidades.csv"])
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    found = load_instance(f"{municipality.slug}-treinamento")
    ensure_units(found.name.slug)
    return found


@pytest.fixture
def chance(capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[random.Random, Callable[[str], None]]]:
    """Chance that can be repeated: IMPLANTA_SEED takes the seed that is shown."""
    seed = int(os.environ.get("IMPLANTA_SEED") or random.SystemRandom().randrange(2**32))

    def tell(line: str) -> None:
        with capsys.disabled():
            talk.print(line, highlight=False, soft_wrap=True)

    tell(f"\nIMPLANTA_SEED={seed}")
    yield random.Random(seed), tell


def send(instance: Instance, folder: Path, generation: int) -> str:
    """Send a generation's spreadsheet; the code of its plan, which replaces everybody and so needs a yes."""
    (folder / "usuarios.csv").write_text(sheet(generation), encoding="utf-8")
    send_sheets(instance.municipality.slug, [folder / "usuarios.csv"])
    return plan_users(instance.name.slug).code


def start(lab: Path, instance: Instance, code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "cli", "users", "apply", instance.name.slug, "--plan", code],
        cwd=PROJECT_ROOT,
        env=operator_environment(lab),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end(instance: Instance, code: str) -> None:
    """What an operator does after a run that ended badly: the same command again."""
    apply_users(instance.name.slug, code)


def assert_exactly(instance: Instance, generation: int) -> None:
    """The generation's people, once each, in every system; nobody else but the instance's own accounts."""
    expected = {f"p.{number}" for number in range(generation * PEOPLE, (generation + 1) * PEOPLE)}
    assert find_open(instance) is None
    users = [user for user in instance.users.list_users() if user.state.sigla.startswith("p.")]
    assert {user.state.sigla for user in users if user.state.ativo} == expected
    assert max(Counter(user.state.sigla for user in users).values()) == 1
    for user in users:
        in_force = [grant for grant in user.state.grants if grant.fim is None]
        wanted = 0 if not user.state.ativo else 2 if int(user.state.sigla[2:]) % 500 == 0 else 1
        assert len(in_force) == wanted, user.id_usuario
    assert expected <= instance.users.list_ready_logins()
    accounts = {user.account.uid: user for user in doors.ssc().list_users(instance.name)}
    assert {uid for uid, user in accounts.items() if not user.blocked} == expected
    assert not any(user.uninvited for uid, user in accounts.items() if uid in expected)
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SELECT sigla FROM usuario WHERE sin_ativo = 'S' AND sigla LIKE 'p.%'")
        assert sorted(row[0] for row in cursor.fetchall()) == sorted(expected)
    with instance.server.transaction(instance.name.database_sip) as cursor:
        cursor.execute(
            "SELECT (SELECT num_atual FROM infra_sequencia WHERE nome_tabela = 'usuario') >= MAX(id_usuario)"
            " FROM usuario"
        )
        assert cursor.fetchone() == (1,)


def test_killed_at_twenty_random_moments_and_run_again_it_is_exactly_the_two_thousand(
    lab: Path, instance: Instance, tmp_path: Path, chance: tuple[random.Random, Callable[[str], None]]
) -> None:
    dice, tell = chance
    code = send(instance, tmp_path, 0)
    started = time.monotonic()
    assert start(lab, instance, code).wait() == 0
    whole = time.monotonic() - started
    assert_exactly(instance, 0)
    tell(f"sem perturbação: {whole:.0f} s")
    for number in range(1, KILLS + 1):
        generation = number % 2
        code = send(instance, tmp_path, generation)
        process = start(lab, instance, code)
        moment = (number - 1 + dice.random()) / KILLS * whole
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        pending = find_open(instance)
        left = "lote aberto" if pending else "sem lote aberto"
        end(instance, code)
        assert_exactly(instance, generation)
        tell(f"{number}: kill -9 depois de {moment:.1f} s, {left}; refeito e conferido")


@pytest.mark.parametrize("server", ["mariadb", "ldap"])
def test_a_server_that_dies_and_comes_back_in_the_middle_loses_and_doubles_nobody(
    lab: Path, instance: Instance, tmp_path: Path, chance: tuple[random.Random, Callable[[str], None]], server: str
) -> None:
    dice, tell = chance
    accept(lab, instance, send(instance, tmp_path, 0))
    code = send(instance, tmp_path, 1)
    process = start(lab, instance, code)
    moment = dice.uniform(4, 14)
    time.sleep(moment)
    kill_server(lab, server)
    restart = threading.Timer(dice.uniform(1, 6), up, (lab,), {"services": SERVICE_NAMES})
    restart.start()
    ended = process.wait()
    restart.join()
    tell(f"{server} morto depois de {moment:.1f} s: a execução terminou com {ended}")
    end(instance, code)
    assert_exactly(instance, 1)


def accept(lab: Path, instance: Instance, code: str) -> None:
    assert start(lab, instance, code).wait() == 0
    assert_exactly(instance, 0)


def kill_server(lab: Path, name: str) -> None:
    """kill -9 of a server of this lab, and of nothing else."""
    record = read_record(Layout(lab).record_file)
    assert record is not None
    process = find(record.processes[name], lab)
    assert process is not None
    process.kill()
