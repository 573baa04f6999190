"""What people see: the Prefect UI of an operator, its form for decisions, and SEI itself, in a real browser.

`IMPLANTA_SCREENSHOTS=docs ./implanta test --slow tests/slow/test_browser.py` renews the pictures of the README.
"""

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.settings import Settings
from cli.demo_people import PREFEITURAS, Prefeitura, send_attendance
from cli.demo_visit import mailed_password
from cli.implantation import run_implantation
from cli.intake import send_sheets
from domain.calendar import local_day
from domain.environment import EnvironmentName, Purpose
from domain.lifecycle import Stage
from domain.municipality import Contact, municipality_from
from domain.plan import choose_plan
from domain.spreadsheet import parse_sheet
from lab.state import LabState
from registry import Registry
from tasks import doors
from tasks.adhesion import adhere
from tests.demo.conftest import run_demo
from tests.slow.chromium import needs_chromium, open_browser, open_prefect
from tests.waiting import wait_until

WORKER_SECONDS = 180
TIMOTEO, RIO_DOCE = PREFEITURAS
# A member that the demo leaves alone, with Rio Doce's example people; its population makes it the same plan.
WAITING = Prefeitura(
    ibge="3166600", name="Serra da Saudade", slug="serra-da-saudade", population=RIO_DOCE.population, example="rio-doce"
)
FOCAL_POINT = Contact(name="Pessoa do Teste", email="ponto-focal@serra.example.com", role="ponto focal")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    needs_chromium,
]


@pytest.fixture(scope="module")
def demo(lab: Path, programme: Settings) -> dict[str, Any]:
    """The demo, run as an operator does on the session's lab."""
    assert programme
    return run_demo(lab)


def find_all(state: LabState, collection: str, question: dict[str, Any]) -> list[dict[str, Any]]:
    """What the Prefect API answers to the question."""
    address = f"{state.prefect.api_url}/{collection}/filter"
    answer = httpx.post(address, json=question, auth=state.prefect.credentials, trust_env=False)
    found: list[dict[str, Any]] = answer.raise_for_status().json()
    return found


def find_one(state: LabState, collection: str, question: dict[str, Any]) -> dict[str, Any]:
    """The newest thing of the Prefect API that answers the question."""
    found = find_all(state, collection, question)
    assert found, question
    return found[0]


def find_run(state: LabState, name: str, state_name: str) -> dict[str, Any]:
    named = {"name": {"any_": [name]}, "state": {"name": {"any_": [state_name]}}}
    return find_one(state, "flow_runs", {"flow_runs": named, "sort": "START_TIME_DESC"})


def show_run(page: Page, state: LabState, run: dict[str, Any], tab: str) -> None:
    """Open a run's page, and wait for the graph of its subflows to be drawn."""
    page.goto(f"{state.porta.url}/v2/runs/flow-run/{run['id']}?tab={tab}")
    expect(page.get_by_role("tab", name="Subflow Runs")).to_be_visible()
    page.locator("canvas").first.wait_for()
    page.wait_for_load_state("networkidle")


def test_the_prefect_ui_shows_an_implantation_with_its_stages_and_its_reasons_to_wait(
    demo: dict[str, Any], lab_state: LabState, screenshots: Path
) -> None:
    assert demo
    done = find_run(lab_state, "timoteo · implantação", "Completed")
    waited = find_run(lab_state, "timoteo · implantação", "Aguardando")
    with open_prefect(lab_state, "leitura") as page:
        show_run(page, lab_state, waited, "SubflowRuns")
        expect(page.get_by_text("timoteo · implantação").first).to_be_visible()
        expect(page.get_by_text("município:timoteo").first).to_be_visible()
        expect(page.get_by_text("8 Subflow runs")).to_be_visible()
        for name in (
            "timoteo · produção · entrada em produção",
            "timoteo · produção · ambiente",
            "timoteo · produção · parametrização",
            "timoteo · produção · usuários",
            "timoteo · treinamento · ambiente",
            "timoteo · capacitação",
        ):
            expect(page.get_by_role("link", name=name).first).to_be_attached()
        expect(page.get_by_text("Aguardando", exact=True)).to_have_count(2)  # the run's own badge, and go-live's
        page.screenshot(path=screenshots / "prefect-ui.png")
        show_run(page, lab_state, waited, "Details")
        expect(page.get_by_text("falta a aprovação do ponto focal").first).to_be_visible()
        show_run(page, lab_state, done, "Details")
        expect(page.get_by_text(re.compile(r"^\d+ criados?, \d+ atualizado"))).to_be_visible()


def test_the_result_of_an_implantation_is_an_artifact_in_portuguese(
    demo: dict[str, Any], lab_state: LabState, screenshots: Path
) -> None:
    assert demo
    waited = find_run(lab_state, "timoteo · implantação", "Aguardando")
    mine = {"key": {"any_": ["implantacao-timoteo"]}, "flow_run_id": {"any_": [waited["id"]]}}
    artifact = find_one(lab_state, "artifacts", {"artifacts": mine})
    with open_prefect(lab_state, "leitura") as page:
        page.goto(f"{lab_state.porta.url}/v2/artifacts/artifact/{artifact['id']}")
        expect(page.get_by_role("heading", name=re.compile("Implantação de Timóteo"))).to_be_visible()
        for heading in ("Etapa", "Onde", "Mudanças", "Duração"):
            expect(page.get_by_role("columnheader", name=heading)).to_be_visible()
        expect(page.get_by_role("cell", name="Ambiente de produção")).to_be_visible()
        expect(page.get_by_text("falta a aprovação do ponto focal").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=screenshots / "artefato.png")


@pytest.fixture(scope="module")
def waiting(demo: dict[str, Any], programme: Settings) -> Registry:
    """The registry, with one more prefeitura that has all it needs for production but the decision."""
    assert demo
    registry = Registry(programme.registry_url)
    catalog = Catalog()
    municipality = municipality_from(
        WAITING.ibge, WAITING.name, WAITING.population, catalog.ibge_table(), contacts=[FOCAL_POINT]
    )
    adhere(registry, municipality, choose_plan(WAITING.population, catalog.plans()))
    send_sheets(WAITING.slug, [WAITING.folder / name for name in ("unidades.csv", "usuarios.csv")])
    send_attendance(WAITING, local_day(datetime.now(tz=UTC)))
    journey = run_implantation(WAITING.slug)
    assert journey.stages[-1].stage is Stage.GO_LIVE
    assert journey.waiting_for
    return registry


def test_a_decision_given_in_the_form_reaches_the_registry_and_opens_production(
    waiting: Registry, lab_state: LabState, screenshots: Path
) -> None:
    deployment = find_one(lab_state, "deployments", {"deployments": {"name": {"any_": ["decisao"]}}})
    with open_prefect(lab_state, "aprovacao") as page:
        page.goto(f"{lab_state.porta.url}/v2/deployments/deployment/{deployment['id']}/run")
        expect(page.get_by_label("Portão")).to_have_value("go-live")
        page.get_by_label("Município").fill(WAITING.slug)
        page.get_by_label("Decisão").click()
        page.get_by_role("option", name="aprovar").click()
        page.get_by_role("listbox").wait_for(state="detached")
        page.get_by_label("Papel").fill(FOCAL_POINT.role)
        page.get_by_label("Motivo").fill("Lista de verificação conferida na reunião de entrada em produção.")
        page.screenshot(path=screenshots / "decisao.png")
        page.get_by_role("button", name="Submit").click()
        # The notice that leads to the run is gone in seconds, on a busy machine before anybody could click it.
        asked = {"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "START_TIME_DESC"}
        wait_until(
            lambda: bool(find_all(lab_state, "flow_runs", asked)), "the form's run is there", seconds=WORKER_SECONDS
        )
        (run,) = find_all(lab_state, "flow_runs", asked)
        page.goto(f"{lab_state.porta.url}/v2/runs/flow-run/{run['id']}")
        expect(page.get_by_text(f"{WAITING.slug} · decisão · go-live").first).to_be_visible(
            timeout=WORKER_SECONDS * 1000
        )
        wait_until(
            lambda: bool(waiting.events(WAITING.ibge, kinds=["production.opened"])),
            "the next run opens production",
            seconds=WORKER_SECONDS,
        )
    (decision,) = waiting.decisions(WAITING.ibge, "go-live")
    assert (decision.decision, decision.name) == ("approve", FOCAL_POINT.name)
    assert decision.reason.startswith("Lista de verificação conferida")
    stages = [str(event.details["stage"]) for event in waiting.events(WAITING.ibge, kinds=["stage.finished"])]
    assert stages[-1] == Stage.GO_LIVE
    assert doors.runtime().health(EnvironmentName(municipality=WAITING.slug, purpose=Purpose.PRODUCAO)).serving


def test_a_person_of_timoteo_signs_in_with_the_new_password_and_starts_a_process(
    demo: dict[str, Any], lab_state: LabState
) -> None:
    assert demo
    training = EnvironmentName(municipality=TIMOTEO.slug, purpose=Purpose.TREINAMENTO)
    login = parse_sheet((TIMOTEO.folder / "usuarios.csv").read_bytes(), "usuarios.csv")[1]["login"]
    chosen = SecretStr(secrets.token_urlsafe(12))
    address = doors.edge().url(training)
    certificate = doors.environment_certificate(training.slug)
    assert certificate is not None
    doors.ssc().change_own_password(training, login, mailed_password(lab_state, training, login), chosen)
    with open_browser(trusting=certificate.chain_pem) as page:
        page.goto(f"{address}/sei")
        page.get_by_label("Usuário").fill(login)
        page.get_by_label("Senha").fill("senha errada")
        page.get_by_role("button", name="Acessar").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_label("Usuário").fill(login)
        page.get_by_label("Senha").fill(chosen.get_secret_value())
        page.get_by_role("button", name="Acessar").click()
        expect(page.get_by_role("heading", name="Controle de Processos")).to_be_visible()
        page.get_by_role("link", name="Iniciar processo").click()
        page.get_by_label("Especificação").fill("Exercício da capacitação")
        page.get_by_role("button", name="Salvar").click()
        expect(page.locator("#protocolo")).to_have_text(re.compile(r"^\d{5,}\.\d{6}/\d{4}-\d{2}$"))
