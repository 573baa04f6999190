"""Prefect's own pages behind the door, in a real browser: nothing fails on them, and a refusal is told.

`IMPLANTA_SCREENSHOTS=DIRETÓRIO ./implanta test --slow tests/painel/test_door_in_browser.py` keeps the pictures.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Request, Response, TimeoutError, expect
from pydantic import SecretStr

from lab.state import LabState
from tests.painel.doorway import Prefect
from tests.slow.chromium import needs_chromium, open_prefect

pytestmark = [pytest.mark.slow, needs_chromium, pytest.mark.timeout(600)]

PAGES = (
    *("dashboard", "runs", "flows", "deployments", "work-pools", "blocks", "blocks/catalog", "variables"),
    *("automations", "events", "artifacts", "concurrency-limits", "settings"),
)
ERROR = 400
SETTLED_MS = 5_000
TOAST = "[data-sonner-toast]"


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: nowhere that lasts, unless somebody asks for them."""
    wanted = os.environ.get("IMPLANTA_SCREENSHOTS")
    return Path(wanted).resolve() if wanted else tmp_path_factory.mktemp("telas")


# A picture that Prefect's own pages lack.
MISSING = "/scheduled.svg"
# Whom the pages would tell of each visit, whatever Prefect's settings say; and the pictures of Prefect's own kinds of
# blocks, which lie elsewhere. The door's policy stops both, and the browser says so.
STATISTICS = "amplitude.com"
STOPPED_PICTURE = re.compile(r"Loading the image 'https://[^']+' violates the following Content Security Policy")
# What the browser adds to an answer that is judged by itself.
REPEATED = "Failed to load resource"


@dataclass
class Watch:
    """What went wrong on the pages of one visit, and where they asked for something else."""

    origin: str
    failed: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("response", self._answered)
        page.on("console", lambda line: self._told(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        # One that the policy stops fails, and never leaves the browser.
        page.on("requestfinished", self._asked)
        page.on("requestfailed", lambda asked: None if asked.failure == "csp" else self._asked(asked))

    def _asked(self, asked: Request) -> None:
        if not asked.url.startswith((self.origin, "data:", "blob:")):
            self.strangers.append(asked.url)

    def _answered(self, answer: Response) -> None:
        # Prefect on SQLite asks, in JSON, to be asked again while it is busy; a closed door says it in HTML.
        is_busy = answer.status == httpx.codes.SERVICE_UNAVAILABLE and "json" in answer.headers.get("content-type", "")
        if answer.status >= ERROR and not is_busy and not answer.url.endswith(MISSING):
            self.failed.append(f"{answer.status} {answer.url}")

    def _told(self, text: str) -> None:
        if STATISTICS not in text and REPEATED not in text and not STOPPED_PICTURE.match(text):
            self.said.append(text)


def test_a_reader_sees_every_page_and_none_of_them_fails(
    lab_state: LabState, registry_url: SecretStr, screenshots: Path
) -> None:
    assert registry_url
    prefect = Prefect(lab_state)
    deployment = prefect.ensure_deployment("rotina", ["frota"])
    run = prefect.start(deployment)
    watch, toasts = Watch(lab_state.porta.url), []
    with open_prefect(lab_state, "leitura") as page:
        watch.over(page)
        for name in (*PAGES, f"runs/flow-run/{run}", f"deployments/deployment/{deployment}"):
            page.goto(f"{lab_state.porta.url}/v2/{name}", wait_until="domcontentloaded")
            expect(page.locator("[data-sidebar=sidebar]").first).to_be_visible()
            with suppress(TimeoutError):  # some pages ask for news all the time
                page.wait_for_load_state("networkidle", timeout=SETTLED_MS)
            toasts += [f"{name}: {text}" for text in page.locator(TOAST).all_inner_texts()]
            page.screenshot(path=screenshots / f"porta-{name.replace('/', '-')[:40]}.png")
    assert (watch.failed, toasts, watch.said) == ([], [], [])
    assert watch.strangers == [], "nothing from anywhere else"


def test_a_reader_who_starts_a_run_is_told_why_not_and_an_operator_starts_it(
    lab_state: LabState, registry_url: SecretStr, screenshots: Path
) -> None:
    assert registry_url
    prefect = Prefect(lab_state)
    deployment = prefect.ensure_deployment("rotina", ["frota"])
    before = prefect.count_runs(deployment)
    with open_prefect(lab_state, "leitura") as page:
        start(page, lab_state, deployment)
        expect(page.locator(TOAST).first).to_be_visible()
        page.screenshot(path=screenshots / "porta-recusa.png")
        told = page.locator(TOAST).first.inner_text()
    assert prefect.count_runs(deployment) == before
    assert "Isto pede o papel operação" in told
    with open_prefect(lab_state, "operacao") as page:
        start(page, lab_state, deployment)
        page.wait_for_url("**/v2/**")
        expect(page.locator(TOAST).first).to_be_visible()
        page.screenshot(path=screenshots / "porta-execucao.png")
    assert prefect.count_runs(deployment) == before + 1


def start(page: Page, lab_state: LabState, deployment: str) -> None:
    page.goto(f"{lab_state.porta.url}/v2/deployments/deployment/{deployment}/run")
    page.get_by_role("button", name="Submit").click()
