"""The first access as a person lives it, in a real browser and by the keyboard."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from blocks.ssc import SecuritySystem
from tests.gateway.conftest import CHOSEN, ENVIRONMENT, MARIA, Visitor, accepts, only_ldap
from tests.slow.chromium import CHROMIUM, open_browser

pytestmark = [
    only_ldap,
    pytest.mark.skipif(not shutil.which(CHROMIUM), reason="there is no chromium, and nobody who could install it"),
]


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures go: nowhere that lasts, unless somebody asks for them."""
    wanted = os.environ.get("IMPLANTA_SCREENSHOTS")
    return Path(wanted).resolve() if wanted else tmp_path


def fill(page: Page, current: str, new: str, repeated: str) -> None:
    page.get_by_label("Senha provisória").fill(current)
    page.get_by_label("Senha nova", exact=True).fill(new)
    page.get_by_label("Repita a senha nova").fill(repeated)
    page.keyboard.press("Enter")


def test_a_person_chooses_their_password_at_the_first_access(
    visitor: Visitor, ssc: SecuritySystem, provisional: str, screenshots: Path
) -> None:
    refused: list[str] = []
    with open_browser() as page:
        page.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
        page.goto(f"{visitor.client.base_url}/acesso/{ENVIRONMENT.slug}/primeiro-acesso")
        expect(page.get_by_role("heading", name="Primeiro acesso: escolha a sua senha")).to_be_visible()
        page.screenshot(path=screenshots / "primeiro-acesso.png", full_page=True)
        page.get_by_label("Usuário").fill(MARIA.uid)

        fill(page, provisional, CHOSEN, f"{CHOSEN}x")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("As duas senhas novas são diferentes")
        expect(alert).to_be_focused()
        expect(page.get_by_label("Repita a senha nova")).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_label("Usuário")).to_have_value(MARIA.uid)
        for label in ("Senha provisória", "Senha nova", "Repita a senha nova"):
            expect(page.get_by_label(label, exact=True)).to_have_value("")
        page.screenshot(path=screenshots / "primeiro-acesso-erro.png", full_page=True)
        # From the message straight to the field that it is about.
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Repita a senha nova")).to_be_focused()

        fill(page, "senha-errada", CHOSEN, CHOSEN)
        expect(alert).to_contain_text("Usuário ou senha atual incorretos")

        fill(page, provisional, CHOSEN, CHOSEN)
        expect(page.get_by_role("heading", name="Senha trocada")).to_be_visible()
        expect(page.get_by_role("link", name="Entrar no SEI")).to_have_attribute(
            "href", f"https://{ENVIRONMENT.slug}.sei.localhost:18443/sei"
        )
        page.screenshot(path=screenshots / "primeiro-acesso-concluido.png", full_page=True)
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto(f"{visitor.client.base_url}/acesso/{ENVIRONMENT.slug}/senha")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.screenshot(path=screenshots / "senha-celular.png", full_page=True)
    assert refused == []
    assert not ssc.list_users(ENVIRONMENT)[0].must_change
    assert not accepts(ssc, provisional)
    assert accepts(ssc, CHOSEN)
