"""The whole way of a prefeitura's people: from the workbook as it really comes to processes that they started.

They come to the application itself, because the edge would stop so many from one address. The people are Timóteo's;
the municipality is its neighbour, because other tests have Timóteo itself.
"""

import json
import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from ldap3 import BASE, Connection
from ldap3.core.exceptions import LDAPInsufficientAccessRightsResult
from prefect.logging.handlers import APILogWorker
from pydantic import SecretStr
from typer.testing import CliRunner

from blocks.catalog import Catalog
from blocks.http_client import client_for
from blocks.sei_browser import SeiBrowser
from blocks.settings import PROJECT_ROOT, Settings
from cli.__main__ import app
from cli.intake import send_sheets
from domain.environment import Purpose
from domain.municipality import municipality_from
from domain.person import Person
from domain.plan import choose_plan
from flows.create_environment import create_environment
from flows.seed import seed
from lab.state import LabState
from registry import Registry
from tasks import doors
from tasks.adhesion import adhere
from tasks.instance import Instance, load_instance
from tasks.units import ensure_units
from tasks.users_sheet import read_user_sheet
from tests.leaks import leaked, logs_of, tables_of_the_orchestrator, tables_of_the_registry
from tests.messy import messy_workbook

pytestmark = pytest.mark.slow
POPULATION = 110_000
EXAMPLES = PROJECT_ROOT / "examples" / "timoteo"
MESSY = messy_workbook()
CHOSEN = SecretStr("escolhida-no-primeiro-acesso-7")
SAMPLE = 25
SYSTEM_USERS = "/sei/controlador.php?acao=usuario_sistema_listar"
PASSWORD = re.compile(r"^Senha provisória: (\S+)$", re.MULTILINE)
LOGIN = re.compile(r"^Usuário: (\S+)$", re.MULTILINE)


def implanta(*words: str) -> dict[str, Any]:
    """Run a command as an operator does; its exit code beside what it says."""
    outcome = CliRunner().invoke(app, [*words, "--json"])
    assert outcome.exit_code in {0, 30}, outcome.output
    return {"exit": outcome.exit_code, **json.loads(outcome.stdout)}


@pytest.fixture(scope="module")
def instance(registry: Registry) -> Instance:
    """A training environment with Timóteo's units and document model, and nobody in it."""
    catalog = Catalog()
    municipality = municipality_from("3119401", "Coronel Fabriciano", POPULATION, catalog.ibge_table())
    adhere(registry, municipality, choose_plan(POPULATION, catalog.plans()))
    send_sheets(municipality.slug, [EXAMPLES / "unidades.csv"])
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    found = load_instance(f"{municipality.slug}-treinamento")
    ensure_units(found.name.slug)
    seed(municipality.slug, Purpose.TREINAMENTO)
    return found


@pytest.fixture(scope="module")
def imported(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """The workbook sent and applied from the command line: stopped because of its bad rows, then with a yes."""
    book = tmp_path_factory.mktemp("planilha") / "Servidores SEI (versão final 2).xlsx"
    book.write_bytes(MESSY.content)
    sent = CliRunner().invoke(app, ["municipality", "send", instance.municipality.slug, str(book), "--as", "usuarios"])
    assert sent.exit_code == 0, sent.output
    name = instance.name.slug
    stopped = implanta("users", "apply", name)
    assert stopped["exit"] == 30
    assert stopped["refused"] == len(MESSY.rejected)
    assert doors.ssc().list_users(instance.name) == [], "nothing is half-applied"
    done = implanta("users", "apply", name, "--plan", stopped["code"][:12])
    assert (done["exit"], done["joining"]) == (0, MESSY.people)
    return instance


@pytest.fixture(scope="module")
def people(imported: Instance) -> tuple[Person, ...]:
    return read_user_sheet(imported).sheet.accepted


@pytest.fixture(scope="module")
def mailed(imported: Instance, lab_state: LabState) -> dict[str, SecretStr]:
    return first_passwords(imported, lab_state)


def first_passwords(imported: Instance, lab_state: LabState) -> dict[str, SecretStr]:
    """The first password of each login, as its owner's mailbox has it."""
    found: dict[str, SecretStr] = {}
    page = doors.edge().access_url(imported.name)
    for path in (lab_state.smtp.mail_dir / "new").iterdir():
        message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
        body = message.get_body()
        said = body.get_content() if body else ""
        if imported.name.slug in said and (login := LOGIN.search(said)) and (password := PASSWORD.search(said)):
            assert login[1] not in found, "one message for each"
            assert f"troque-a antes de entrar, em {page}\n" in said
            found[login[1]] = SecretStr(password[1])
    return found


def test_everybody_accepted_signs_in_with_the_first_password_and_no_one_else_got_one(
    imported: Instance, people: tuple[Person, ...], mailed: dict[str, SecretStr]
) -> None:
    assert len(people) == MESSY.people
    assert mailed.keys() == {person.sigla for person in people}
    address = doors.runtime().address(imported.name)
    refused = []
    for person in people:
        with SeiBrowser(address) as browser:
            if not browser.sign_in(person.sigla, mailed[person.sigla]):
                refused.append(person.linha)
    assert refused == []


def test_the_first_password_is_good_only_for_choosing_another(
    imported: Instance, people: tuple[Person, ...], mailed: dict[str, SecretStr]
) -> None:
    """And with the one that was chosen each starts a process in the own unit."""
    directory, address = doors.directory(), doors.runtime().address(imported.name)
    accounts = {user.account.uid: user for user in doors.ssc().list_users(imported.name)}
    assert all(accounts[person.sigla].must_change for person in people)
    for number, person in enumerate(people[::SAMPLE]):
        first, dn = mailed[person.sigla], directory.account_dn(imported.name, person.sigla)
        with directory.connect(dn, first) as connection, pytest.raises(LDAPInsufficientAccessRightsResult):
            look(connection, dn)
        doors.ssc().change_own_password(imported.name, person.sigla, first, CHOSEN)
        with SeiBrowser(address) as browser:
            assert not browser.sign_in(person.sigla, first)
            assert browser.sign_in(person.sigla, CHOSEN)
            started = browser.start_process(f"Primeiro processo {number}")
            assert browser.find_process(f"Primeiro processo {number}") == started
        assert unit_of(imported, started) in person.unidades
    changed = {user.account.uid for user in doors.ssc().list_users(imported.name) if not user.must_change}
    assert changed == {person.sigla for person in people[::SAMPLE]}


def look(connection: Connection, dn: str) -> None:
    """The simplest thing that an account may do in the directory."""
    connection.search(dn, "(objectClass=*)", BASE)


def unit_of(instance: Instance, process: str) -> str:
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute(
            "SELECT u.sigla FROM protocolo p JOIN unidade u ON u.id_unidade = p.id_unidade_geradora"
            " WHERE p.protocolo_formatado = %s",
            (process,),
        )
        return "".join(str(sigla) for (sigla,) in cursor.fetchall())


def test_only_an_administrator_opens_what_only_an_administrator_may(
    imported: Instance, people: tuple[Person, ...], mailed: dict[str, SecretStr]
) -> None:
    (basic, administrator) = (
        next(person for person in people[1:] if ("Administrador" in person.perfis) is wanted)
        for wanted in (False, True)
    )
    assert status_for(imported, basic, mailed) == httpx.codes.FORBIDDEN
    assert status_for(imported, administrator, mailed) == httpx.codes.OK


def status_for(instance: Instance, person: Person, mailed: dict[str, SecretStr]) -> int:
    address = doors.runtime().address(instance.name)
    with SeiBrowser(address) as browser:
        assert browser.sign_in(person.sigla, mailed[person.sigla]) or browser.sign_in(person.sigla, CHOSEN)
        with client_for(address) as client:
            client.cookies = browser.cookies
            return client.get(SYSTEM_USERS).status_code


def test_the_same_workbook_again_changes_nothing_and_writes_to_nobody(
    imported: Instance, mailed: dict[str, SecretStr], lab_state: LabState
) -> None:
    again = implanta("users", "apply", imported.name.slug)
    assert (again["exit"], again["batch"], again["unchanged"]) == (0, None, len(mailed))
    assert first_passwords(imported, lab_state) == mailed


def test_nothing_of_anybody_is_anywhere_else(
    imported: Instance, mailed: dict[str, SecretStr], lab: Path, programme: Settings
) -> None:
    """Not in capital letters either: every server's log, all of Prefect's database, the registry's history."""
    APILogWorker.drain_all(timeout=30)
    words = MESSY.personal | {password.get_secret_value() for password in (*mailed.values(), CHOSEN)}
    assert len(words) > 5 * MESSY.people
    places = logs_of(lab)
    assert {"prefect", "sei", "mariadb", "ldap", "smtp", "s3"} <= set(places)
    places |= tables_of_the_orchestrator(lab)
    assert {"flow_run", "task_run", "log", "artifact", "events"} <= set(places)
    tables = tables_of_the_registry(programme.registry_url)
    places |= {f"registro: {name}": tables[name] for name in ("event", "environment", "municipality")}
    assert leaked({name: said.lower() for name, said in places.items()}, {word.lower() for word in words}) == set()
