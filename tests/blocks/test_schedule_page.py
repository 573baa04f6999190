"""The pages of a schedule and of the fleet's forecast: whole in one file, and the same in the drawing and the table."""

import shutil
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from lxml import html
from playwright.sync_api import Request, expect

from blocks.gantt_picture import draw_gantt
from blocks.schedule_page import Scale, fleet_page, schedule_page
from domain.lifecycle import Stage
from domain.planning.forecast import FleetForecast, Schedule, schedule_of
from domain.planning.progress import Progress
from domain.planning.simulation import plan_fleet, simulate
from tests.domain.planning.fleets import CODES, MONDAY, RULES, STAGES, TODAY, make_progress
from tests.slow.chromium import CHROMIUM, open_browser

NAME = "Olhos-d'Água <b>& Cia"
LIVE = dict(zip(STAGES, (MONDAY + timedelta(days=30 * n) for n in range(1, 7)), strict=True))
HALF = {Stage.ENVIRONMENT_TRAINING: date(2026, 9, 22), Stage.SEEDING: date(2026, 10, 9)}


def members() -> list[Progress]:
    named = make_progress(CODES[0], date(2026, 9, 1), done=HALF).model_copy(update={"name": NAME})
    return [named, make_progress(CODES[1], done=LIVE), make_progress(CODES[2], date(2026, 11, 3))]


@pytest.fixture(scope="module")
def pages() -> tuple[Schedule, FleetForecast]:
    fleet = members()
    simulation, plans = simulate(fleet, RULES, today=TODAY, rounds=50, seed=1), plan_fleet(fleet, RULES)
    forecast = FleetForecast.of(simulation, plans, RULES, rounds=50, seed=1, failures={})
    return schedule_of(CODES[0], simulation, plans[CODES[0]], RULES), forecast


def table_of(page: html.HtmlElement, label: str) -> list[list[str]]:
    rows = page.xpath(f'//div[@aria-label="{label}"]//tbody/tr')
    return [[" ".join(" ".join(cell.itertext()).split()) for cell in row.xpath("th|td")] for row in rows]


def test_a_schedule_is_drawn_and_tabled_with_the_same_activities(pages: tuple[Schedule, FleetForecast]) -> None:
    schedule, _ = pages
    page = html.fromstring(schedule_page(schedule))
    rows = table_of(page, "Tabela das atividades")
    assert len(rows) == len(schedule.activities) == 11
    for row, activity in zip(rows, schedule.activities, strict=True):
        assert activity.title in row[0]
        assert row[1] == activity.state.label
        assert row[2] == f"{activity.planned_start:%d/%m/%Y} a {activity.planned_end:%d/%m/%Y}"
        assert row[3] == f"{activity.start:%d/%m/%Y} a {activity.end:%d/%m/%Y}"
        assert row[5] == activity.deviation.told
    drawn = [text for text in page.xpath("//svg/g/title/text()") if "planejado" in text]
    assert [text.partition(":")[0] for text in drawn] == [activity.title for activity in schedule.activities]
    assert page.xpath('//svg/text[@class="hoje"]/text()') == ["hoje, 30/11"]
    assert "Encerramento do exercício" in page.text_content()


def test_what_was_concluded_without_a_record_is_not_called_real(pages: tuple[Schedule, FleetForecast]) -> None:
    rows = {
        row[0].split()[1]: row[6] for row in table_of(html.fromstring(schedule_page(pages[0])), "Tabela das atividades")
    }
    assert (rows["Reunião"], rows["Ambiente"]) == ("sem registro", "estimativa do catálogo")
    assert rows["Parametrização"] == "real"


@pytest.mark.parametrize("number", [0, 1])
def test_a_page_needs_nothing_else_and_takes_a_name_as_text(pages: tuple[Schedule, FleetForecast], number: int) -> None:
    text = (schedule_page(pages[0]), fleet_page(pages[1]))[number]
    page = html.fromstring(text)
    assert NAME in page.text_content()
    assert not page.xpath("//b|//script|//link|//img|//@src|//@href|//iframe")
    assert "url(" not in text.replace("url(#previsto)", "")
    assert page.get("lang") == "pt-BR"
    assert len(page.xpath("//h1")) == 1
    assert all(page.xpath("//svg[@role='img']/@aria-labelledby"))
    assert page.xpath("//table/caption")
    assert not page.xpath("//thead//th[not(@scope)]")


def test_the_fleet_shows_when_each_is_live_and_who_could_not_be_read(pages: tuple[Schedule, FleetForecast]) -> None:
    _, forecast = pages
    broken = forecast.model_copy(update={"failures": {"unai": "linha 3: não é <uma> data"}})
    rows = table_of(html.fromstring(fleet_page(broken)), "Tabela das prefeituras")
    assert rows[0] == ["unai", "fora da previsão: linha 3: não é <uma> data"]
    assert rows[1][3] == f"em produção desde {LIVE[Stage.GO_LIVE]:%d/%m/%Y}"
    assert [row[0] for row in rows[2:]] == [NAME, f"Município {CODES[2]}"]
    assert rows[2][3] == f"{forecast.lines[1].go_live.median:%d/%m/%Y}"


def test_a_fleet_of_nobody_has_a_page_too() -> None:
    nobody = FleetForecast.of(
        simulate([], RULES, today=TODAY, rounds=5, seed=1), {}, RULES, rounds=5, seed=1, failures={}
    )
    assert "Nenhuma prefeitura aderiu." in html.fromstring(fleet_page(nobody)).text_content()


@pytest.mark.parametrize("days", [5, 40, 400, 4000, 14000])
def test_the_names_of_the_months_do_not_touch_however_long_the_time_is(days: int) -> None:
    ticks = Scale.over([TODAY, TODAY + timedelta(days=days)]).ticks()
    assert len(ticks) <= 15
    places = [place for place, _ in ticks]
    assert all(later - earlier >= 40 for earlier, later in pairwise(places))


def test_the_picture_is_the_one_of_the_documents(pages: tuple[Schedule, FleetForecast]) -> None:
    picture = draw_gantt(pages[0].timetable, TODAY)
    assert picture.startswith(b"\x89PNG")
    assert picture == draw_gantt(pages[0].timetable, TODAY)


def note(asked: list[str], request: Request) -> None:
    asked.append(request.url)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which(CHROMIUM), reason="there is no chromium, and nobody who could install it")
def test_a_browser_shows_the_pages_and_asks_for_nothing(pages: tuple[Schedule, FleetForecast], tmp_path: Path) -> None:
    for name, text in (("cronograma", schedule_page(pages[0])), ("frota", fleet_page(pages[1]))):
        file = tmp_path / f"{name}.html"
        file.write_text(text, encoding="utf-8")
        asked: list[str] = []
        with open_browser() as page:
            page.on("request", partial(note, asked))
            page.goto(file.as_uri())
            expect(page.get_by_role("img").first).to_be_visible()
            expect(page.get_by_text("hoje, 30/11")).to_be_visible()
            expect(page.get_by_role("rowheader").first).to_be_visible()
            page.set_viewport_size({"width": 360, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth") == 360, "it is the drawing that scrolls"
        assert asked == [file.as_uri()]
