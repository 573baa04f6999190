"""From the message of another system to what the worker did: completions, an adhesion, an HR spreadsheet."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from prefect.client.orchestration import get_client

from blocks.settings import Settings
from cli.demo_people import Prefeitura, send_attendance
from cli.intake import send_text
from domain.calendar import local_day
from domain.environment import EnvironmentName, Purpose, intake_bucket
from domain.errors import InvalidInputError
from domain.lifecycle import Stage
from domain.municipality import Municipality
from domain.webhook.contracts import Source
from flows.adhesion import adhesion
from flows.implantation import implantation
from flows.receive_users import receive_users
from gateway.app import create_app
from registry import Registry
from tasks import doors
from tasks.gates import waiting_at_training
from tasks.intake import USERS, read_sheet
from tasks.webhook_secrets import rotate_secret
from tasks.webhooks import deliver_due
from tests.flows.conftest import EXAMPLES, Join
from tests.gateway.running import running
from tests.gateway.webhook_sender import Sender, new_id, runs_of
from tests.waiting import wait_until

WORKER_SECONDS = 180

pytestmark = pytest.mark.timeout(900)
# Of this module alone.
IBGE, NAME, SLUG = "3165602", "Senador Cortes", "senador-cortes"
JOINING = {"ibge": "3166006", "name": "Senhora de Oliveira", "population": 6000}
JOINING_SLUG = "senhora-de-oliveira"


@pytest.fixture(scope="module")
def at_the_gate(join: Join) -> Municipality:
    """A prefeitura whose people are in training, and of whom too few finished."""
    found = join(IBGE, NAME, EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    assert found.slug == SLUG
    journey = implantation(found.slug)
    assert journey.stages[-1].stage is Stage.TRAINING
    return found


@pytest.fixture
def training(programme: Settings) -> Iterator[Sender]:
    """The training platform, before a gateway on this installation's own registry."""
    secret = rotate_secret(Source.TRAINING).secret
    with running(create_app()) as client:
        yield Sender(client, Source.TRAINING, secret)


def finish(source: Source, number: str) -> str:
    """Deliver, and wait for the end of what that started; the state of the run."""
    deliver_due()  # the lab's own gateway may be faster
    wait_until(lambda: len(runs_of(source, number)) == 1, "the flow is started")
    (run,) = runs_of(source, number)

    def ended() -> bool:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(run.id).state
        return state is not None and state.is_final()

    wait_until(ended, "the worker ran it", seconds=WORKER_SECONDS)
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run.id).state
    return str(state.name) if state else ""


def deliver_object(slug: str, key: str, content: bytes) -> str:
    """Put an object into a bucket as another system does; its digest."""
    storage = doors.object_storage()
    storage.ensure_bucket(intake_bucket(slug))
    storage.ensure_object(intake_bucket(slug), key, content)
    return hashlib.sha256(content).hexdigest()


def test_a_spreadsheet_of_the_hr_system_is_taken_in_planned_and_not_applied(at_the_gate: Municipality) -> None:
    slug, before = at_the_gate.slug, read_sheet(at_the_gate.slug, USERS)
    assert before is not None
    text = before.decode()
    unit = text.splitlines()[1].split(";")[4]
    person = f"Pessoa Nova de Teste;529.982.247-25;pessoa.nova@riodoce.example;pessoa.nova;{unit};Básico;9999"
    key = "rh/2026-12-01.csv"
    bad = deliver_object(slug, key, b"isto;nao\ne;uma planilha")
    with pytest.raises(InvalidInputError):
        receive_users(key, bad, slug)
    with pytest.raises(InvalidInputError, match="não é o que foi anunciado"):
        receive_users(key, "0" * 64, slug)
    assert read_sheet(slug, USERS) == before, "what is refused takes nobody's place"
    digest = deliver_object(slug, key, f"{text.rstrip()}\n{person}\n".encode())
    reports = receive_users(key, digest, slug)
    assert [(one.environment, one.joining, one.touched) for one in reports] == [(f"{slug}-treinamento", 1, 1)]
    assert b"pessoa.nova" in (read_sheet(slug, USERS) or b"")
    people = doors.ssc().list_users(EnvironmentName(municipality=slug, purpose=Purpose.TREINAMENTO))
    assert "pessoa.nova" not in {user.account.uid for user in people}, "who applies the plan is a person"
    assert receive_users(key, digest, slug)[0].code == reports[0].code
    send_text(slug, USERS, text)


def test_completions_that_are_told_open_the_gate_and_the_implantation_goes_on(
    at_the_gate: Municipality, training: Sender, registry: Registry
) -> None:
    slug, closed, opened = at_the_gate.slug, new_id(), new_id()
    assert training.send(closed, municipality=slug).status_code == 202
    assert finish(Source.TRAINING, closed) == "Completed"
    assert slug in waiting_at_training(), "too few finished: the gate stays closed"
    assert [record.slug for record in registry.list_environments(at_the_gate.ibge)] == [f"{slug}-treinamento"]

    prefeitura = Prefeitura(ibge=at_the_gate.ibge, name=NAME, slug=slug, population=1, example="rio-doce")
    send_attendance(prefeitura, local_day(datetime.now(tz=UTC)))
    assert training.send(opened, municipality=slug).status_code == 202
    assert finish(Source.TRAINING, opened) == "Completed"
    wait_until(
        lambda: Stage.ENVIRONMENT_PRODUCTION in registry.stages_done(at_the_gate.ibge)[at_the_gate.ibge],
        "the worker makes production with no other action",
        seconds=WORKER_SECONDS,
    )


def form(**changes: object) -> bytes:
    contacts = [{"name": "Pessoa de Teste", "email": "ponto@teste.example.com", "role": "ponto focal"}]
    return json.dumps({**JOINING, "contacts": contacts, **changes}).encode()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{}", "campos errados ou faltando: contacts, ibge, name, population"),
        (form(cpf="529.982.247-25"), "campos errados ou faltando: um que não se conhece"),
        (form(contacts=[]), "campos errados ou faltando: contacts"),
        (form(name="Outro Nome"), "é de"),
        (form(population=900_000), "negociado"),
        (form(ibge="3106200", name="Belo Horizonte"), "não do município do aviso"),
    ],
)
def test_a_form_that_is_not_right_registers_nobody(registry: Registry, content: bytes, problem: str) -> None:
    digest = deliver_object(JOINING_SLUG, "adesao.json", content)
    with pytest.raises(InvalidInputError, match=problem) as refusal:
        adhesion(digest, JOINING_SLUG)
    assert "teste.example" not in str(refusal.value)
    assert JOINING["ibge"] not in {found.ibge for found in registry.list_municipalities()}


def test_a_form_registers_the_municipality_once_and_changes_no_contact_afterwards(registry: Registry) -> None:
    digest = deliver_object(JOINING_SLUG, "adesao.json", form())
    assert adhesion(digest, JOINING_SLUG).created
    found = registry.find_municipality(JOINING_SLUG)
    assert [contact.role for contact in found.contacts] == ["ponto focal"]
    assert Stage.ADHESION in registry.stages_done(found.ibge)[found.ibge]
    assert registry.contract(found.ibge) is not None
    assert adhesion(digest, JOINING_SLUG).total == 0, "again changes nothing"
    stranger = [{"name": "Outra Pessoa", "email": "outra@teste.example.com", "role": "prefeito"}]
    digest = deliver_object(JOINING_SLUG, "adesao.json", form(contacts=stranger))
    with pytest.raises(InvalidInputError, match="já aderiu, com outros dados"):
        adhesion(digest, JOINING_SLUG)
    assert registry.find_municipality(JOINING_SLUG) == found
