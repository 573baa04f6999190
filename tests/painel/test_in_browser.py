"""The board in a real browser: nothing for axe to find, usable by keyboard alone, whole on a phone and on paper.

`IMPLANTA_SCREENSHOTS=DIRETÓRIO ./implanta test --slow tests/painel/test_in_browser.py` keeps the pictures.
"""

import os
import shutil
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from pydantic import SecretStr

from lab.state import LabState
from tests.slow.chromium import needs_chromium, open_browser

pytestmark = [pytest.mark.slow, needs_chromium]

AXE, AXE_SHA256 = "axe-core@4.14.1", "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = {1280: 900, 360: 760}
PAGES = {
    "resultados": "",
    "prefeituras": "/prefeituras",
    "prefeitura": "/prefeituras/abaete",
    "prazos": "/prazos?situacao=todas",
    "ambientes": "/ambientes",
    "campanha": "/campanha",
    "mapa": "/mapa",
    "nada": "/prefeituras?q=nao+existe",
    "perdida": "/nao-existe",
}
MOST_TABS = 400


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checker's own program, of exactly one version."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm to fetch axe-core with")
    folder = tmp_path_factory.mktemp("axe")
    got = subprocess.run([npm, "pack", AXE], cwd=folder, capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip("axe-core cannot be fetched here")
    with tarfile.open(folder / got.stdout.split()[-1]) as package:
        member = package.extractfile("package/axe.min.js")
        assert member is not None
        program = member.read()
    assert sha256(program).hexdigest() == AXE_SHA256
    return program.decode()


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: nowhere that lasts, unless somebody asks for them."""
    wanted = os.environ.get("IMPLANTA_SCREENSHOTS")
    return Path(wanted).resolve() if wanted else tmp_path_factory.mktemp("telas")


def enter(page: Page, lab_state: LabState) -> None:
    """Sign in without touching a mouse: the form's first field has the focus."""
    page.goto(lab_state.painel.url)
    page.keyboard.type("operacao")
    page.keyboard.press("Tab")
    page.keyboard.type(lab_state.painel.password.get_secret_value())
    page.keyboard.press("Enter")
    page.wait_for_selector("dl.numeros")


def found_by(axe: str, page: Page) -> list[str]:
    page.evaluate(axe)
    result: dict[str, Any] = page.evaluate("rules => axe.run({runOnly: rules})", RULES)
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in result["violations"]
    ]


def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    lab_state: LabState, registry_url: SecretStr, axe: str, screenshots: Path
) -> None:
    assert registry_url
    problems: dict[tuple[str, int], list[str]] = {}
    widths: dict[tuple[str, int], int] = {}
    fetched: set[str] = set()
    with open_browser() as page:
        page.on("request", lambda request: fetched.add(request.url))
        page.goto(lab_state.painel.url)
        problems["entrar", 1280] = found_by(axe, page)
        enter(page, lab_state)
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            for name, path in PAGES.items():
                page.goto(lab_state.painel.url + path)
                problems[name, width] = found_by(axe, page)
                widths[name, width] = page.evaluate("document.documentElement.scrollWidth")
                page.screenshot(path=screenshots / f"painel-{name}-{width}.png")
    assert {where: found for where, found in problems.items() if found} == {}
    assert {where: width for where, width in widths.items() if width > where[1]} == {}
    own = lab_state.painel.url.removesuffix("/painel")
    assert {address for address in fetched if not address.startswith(own)} == set(), "nothing from anywhere else"


def test_the_board_is_used_by_keyboard_alone(lab_state: LabState, registry_url: SecretStr) -> None:
    """The way past the menu, choosing lines and opening one; whatever has the focus shows it."""
    assert registry_url
    focus = (
        "() => { const e = document.activeElement, s = getComputedStyle(e); return [e.tagName, e.id, s.outlineStyle] }"
    )
    with open_browser() as page:
        enter(page, lab_state)
        page.goto(f"{lab_state.painel.url}/prefeituras")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "salto"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate(focus)[1] == "q", "past the menu comes the first field"
        page.keyboard.type("Abaeté")
        page.keyboard.press("Enter")
        page.wait_for_url("**/prefeituras?q=*")
        seen: list[list[str]] = []
        for _ in range(MOST_TABS):
            page.keyboard.press("Tab")
            seen.append(page.evaluate(focus))
            if page.evaluate("document.activeElement.closest('tbody') !== null"):
                break
        assert all(outline != "none" for tag, _, outline in seen if tag not in {"BODY", "INPUT", "SELECT"})
        page.keyboard.press("Enter")
        page.wait_for_url("**/prefeituras/abaete")
        assert page.locator("h1").inner_text().startswith("Abaeté")


def test_what_is_printed_has_all_columns_and_no_menu(
    lab_state: LabState, registry_url: SecretStr, screenshots: Path
) -> None:
    assert registry_url
    with open_browser() as page:
        enter(page, lab_state)
        page.goto(f"{lab_state.painel.url}/prefeituras?todas=sim")
        page.emulate_media(media="print")
        assert not page.locator("nav").first.is_visible()
        assert not page.locator("form.filtros").is_visible()
        assert page.locator("thead th").last.is_visible()
        page.pdf(path=screenshots / "painel-impresso.pdf", prefer_css_page_size=True)
    assert (screenshots / "painel-impresso.pdf").stat().st_size > 10_000
