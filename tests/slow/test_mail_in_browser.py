"""Every message as it arrived at the lab's mail server, opened in a real browser on a phone's width and in a reader.

`IMPLANTA_SCREENSHOTS=DIRETÓRIO ./implanta test --slow tests/slow/test_mail_in_browser.py` keeps the pictures.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks.catalog import Catalog
from domain.message import TEAM_ROLE, Event, message_key
from domain.municipality import Contact
from lab.state import LabState
from registry import Registry
from tasks.messages import queue_message, send_pending
from tests.domain.examples import make_municipality
from tests.flows.mailbox import arrived, future_examples, own_registry
from tests.slow.chromium import needs_chromium, open_browser

pytestmark = [pytest.mark.slow, needs_chromium]

IBGE, SLUG = "3168705", "timoteo"
TABLE = Catalog().messages()
NAME = "Maria Auxiliadora das Graças Vasconcelos de Albuquerque e Silva"
WIDTHS = (360, 640)
ENOUGH_CONTRAST = 4.5  # WCAG 2.1, 1.4.3, AA
SMALLEST_PX = 13
FEWEST_SIGNS_A_LINE = 10  # less is a column that another one squeezed
TOUCH_PX = 44  # WCAG 2.1, 2.5.5

# What the browser made of each text: its colours, its size, and how far to the right it goes.
MEASURE = """
() => {
  const parsed = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parsed(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim()) continue;
    const style = getComputedStyle(node.parentElement);
    const [a, b] = [light(parsed(style.color)), light(behind(node.parentElement))];
    const range = document.createRange();
    range.selectNodeContents(node);
    texts.push({
      text: node.data.trim(),
      font: style.fontFamily,
      size: parseFloat(style.fontSize),
      contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
      right: range.getBoundingClientRect().right,
      left: range.getBoundingClientRect().left,
      lines: new Set([...range.getClientRects()].map(box => Math.round(box.top))).size,
    });
  }
  const links = [...document.querySelectorAll('a')].map(link => ({
    href: link.href, height: link.getBoundingClientRect().height,
  }));
  const headings = [...document.querySelectorAll('h1')].map(heading => heading.innerText);
  return {
    texts, links, headings,
    width: document.documentElement.scrollWidth,
    language: document.documentElement.lang,
    said: document.body.innerText,
  };
}
"""


@pytest.fixture(scope="module")
def letters(programme: object, lab_state: LabState) -> Iterator[dict[Event, str]]:
    """The HTML of every event's message, from the bytes that the mail server stored."""
    domain = f"{secrets.token_hex(4)}.mg.example"
    contacts = tuple(Contact(name=NAME, email=f"ponto@{domain}", role=role) for role in ("ponto focal", TEAM_ROLE))
    found: dict[Event, str] = {}
    with own_registry(lab_state) as url:
        registry = Registry(url)
        registry.ensure_municipality(make_municipality().model_copy(update={"contacts": contacts}))
        for event in Event:
            queue_message.fn(SLUG, event, message_key(event, IBGE), future_examples(event))
            send_pending.fn()
            body = arrived(lab_state, domain)[-1].get_body(("html",))
            assert body is not None
            found[event] = body.get_content()
        registry.dispose()
    yield found


def test_every_message_reads_well_on_a_phone_and_in_a_reader(letters: dict[Event, str], screenshots: Path) -> None:
    """Nothing scrolls sideways, nothing is too pale or too small, nothing is fetched from anywhere."""
    seen: dict[tuple[Event, int], dict[str, Any]] = {}
    fetched: list[str] = []
    with open_browser() as page:
        page.on("request", lambda request: fetched.append(request.url))
        for event, html in letters.items():
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                page.set_content(html)
                seen[event, width] = page.evaluate(MEASURE)
                page.screenshot(path=screenshots / f"{event}-{width}.png", full_page=True)
    assert fetched == []
    for (event, width), found in seen.items():
        where = f"{event} at {width} px"
        assert found["width"] <= width, where
        assert found["language"] == "pt-BR", where
        assert len(found["headings"]) == 1, where
        assert f"Olá, {NAME}." in found["said"], where
        assert "Programa SEI!MG Municípios" in found["said"], where
        for text in found["texts"]:
            assert text["contrast"] >= ENOUGH_CONTRAST, (where, text)
            assert text["size"] >= SMALLEST_PX, (where, text)
            assert text["font"].startswith("Arial"), (where, text)
            assert text["left"] >= 0, (where, text)
            assert text["right"] <= width, (where, text)
            assert text["lines"] <= 1 + len(text["text"]) / FEWEST_SIGNS_A_LINE, (where, text)
        for link in found["links"]:
            assert link["href"].startswith("https://"), where
            assert link["height"] >= TOUCH_PX, (where, link)


# What these are about does not answer when people read them.
CLOSED_BY_THEN = {Event.JANELA_MANUTENCAO, Event.ENTRADA_DESFEITA}


@pytest.mark.parametrize("width", WIDTHS)
def test_what_a_message_tells_is_what_people_see(letters: dict[Event, str], width: int) -> None:
    """Every variable's text, and a link wherever the message is about a page."""
    seen: dict[Event, dict[str, Any]] = {}
    with open_browser() as page:
        page.set_viewport_size({"width": width, "height": 800})
        for event, html in letters.items():
            page.set_content(html)
            seen[event] = page.evaluate(MEASURE)
    for event, found in seen.items():
        rule = TABLE.rule(event)
        said = " ".join(found["said"].split())
        for name, shown in rule.show(future_examples(event)).items():
            for text in [shown] if isinstance(shown, str) else shown:
                assert text in said, (event, name)
            if name == "pagina":
                pages = [str(link["href"]).rstrip("/") for link in found["links"]]
                assert pages == ([] if event in CLOSED_BY_THEN else [shown]), "not to what will be away"


def test_a_very_long_word_and_a_long_list_do_not_break_the_frame(letters: dict[Event, str]) -> None:
    """An address without a space, and sixty units that are short of people."""
    units = ", ".join(f"SMEDUCACAO-{number}" for number in range(60))
    html = letters[Event.RESULTADO_PORTAO].replace("SEMAD", units)
    place = "https://reuniao.exemplo.gov.br/" + "sala-de-reuniao-" * 10
    other = letters[Event.CONVITE_CAPACITACAO].replace("https://reuniao.exemplo.gov.br/turma-1", place)
    with open_browser() as page:
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        for content in (html, other):
            page.set_content(content)
            found = page.evaluate(MEASURE)
            assert found["width"] <= WIDTHS[0]
            assert all(text["right"] <= WIDTHS[0] for text in found["texts"])
