"""The browser of the slow tests."""

import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, expect, sync_playwright

from domain.certificate import read_certificates
from lab.state import LabState

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTH, HEIGHT = 1400, 900
PATIENCE_MS = 30_000

needs_chromium = pytest.mark.skipif(
    not shutil.which(CHROMIUM), reason="there is no chromium; ./implanta test --slow installs it"
)


def trust(chain_pem: str | None) -> tuple[str, ...]:
    """The argument that excuses one certificate, by the digest of its key, and no other."""
    if chain_pem is None:
        return ()
    key = read_certificates(chain_pem)[0].public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return (f"--ignore-certificate-errors-spki-list={b64encode(sha256(der).digest()).decode()}",)


@contextmanager
def open_browser(trusting: str | None = None) -> Iterator[Page]:
    """A browser of its own for one visit, which takes that certificate as if its authority were installed.

    While it is open this thread counts as asynchronous, in which Prefect's own calls do not work: prepare before,
    judge after.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *trust(trusting)])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, locale="pt-BR", timezone_id="America/Sao_Paulo"
        )
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield page
        finally:
            browser.close()


@contextmanager
def open_prefect(state: LabState, login: str, path: str = "/v2/dashboard") -> Iterator[Page]:
    """A browser at a page of Prefect's, in which somebody has come through the door."""
    with open_browser((state.lab_dir / "porta" / "servidor.pem").read_text()) as page:
        page.goto(state.porta.url + path)
        expect(page.get_by_label("Usuário")).to_be_focused()
        page.keyboard.type(login)
        page.keyboard.press("Tab")
        page.keyboard.type(state.painel.password.get_secret_value())
        page.keyboard.press("Enter")
        page.wait_for_url(f"{state.porta.url}/v2/**")
        yield page
