"""The pages as people read them: what they say, what they never say, and what they do when something is missing."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook
from pydantic import SecretStr
from pypdf import PdfReader

from blocks.municipality_places import places_of
from domain.board.board import Board
from domain.board.campaign import UnitState
from domain.board.columns import Column
from domain.board.tables import number
from domain.errors import InvalidInputError
from gateway.shield import HEADERS
from lab.state import LabState
from registry.board import BoardReader
from tasks.board_reading import read_board
from tests.painel.conftest import FLEET, PLANTED, ServeBoard, Visitor
from tests.registries import registry_apart

PAGES = (
    *("", "/prefeituras", "/prefeituras?todas=sim", "/prazos?situacao=todas", "/ambientes?todas=sim", "/mapa"),
    "/campanha?todas=sim",
)


@pytest.fixture(scope="module")
def board(registry_url: SecretStr) -> Board:
    """What the registry says, read beside the pages."""
    reader = BoardReader(registry_url)
    found = read_board(reader, datetime.now(UTC))
    reader.dispose()
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_whole_has_one_heading_and_strict_headers(
    visitor: Visitor, lab_state: LabState, page: str
) -> None:
    answer = visitor.open(page)
    assert answer.status_code == 200
    assert answer.text.rstrip().endswith("</html>")
    assert answer.text.count("<h1>") == 1
    assert '<html lang="pt-BR">' in answer.text
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    own = answer.text.replace(lab_state.porta.url, "")  # the way on to Prefect is through the door
    assert not re.search(r"<script|style=|\son\w+=|https?://(?!127\.0\.0\.1)", own), "nothing but our own file"


def test_no_page_and_no_file_tells_of_a_person(visitor: Visitor, board: Board) -> None:
    seen = [visitor.open(page).text for page in PAGES]
    seen += [visitor.open(f"/prefeituras/{line.place.slug}").text for line in board.lines]
    book = load_workbook(io.BytesIO(visitor.open("/painel.xlsx").content))
    seen += [repr([[cell.value for cell in row] for row in page.iter_rows()]) for page in book]
    seen += [page.extract_text() for page in PdfReader(io.BytesIO(visitor.open("/painel.pdf").content)).pages]
    assert len(seen) > len(FLEET)
    for text in seen:
        assert not any(word in text for word in (*PLANTED, "Pessoa Inventada", "@exemplo"))
    assert any("motivo não exibido" in text for text in seen), "what was planted was there to be seen"


def test_the_six_figures_are_the_registrys(visitor: Visitor, board: Board) -> None:
    said = visitor.open().text
    for name, value in board.figures.six:
        assert f"<dt>{name}</dt><dd>{number(value)}</dd>" in said


def test_the_matrix_has_a_row_for_each_prefeitura_and_a_cell_for_each_column(visitor: Visitor) -> None:
    said = visitor.open("/prefeituras?todas=sim").text
    assert said.count('<th scope="row"') == len(FLEET)
    for column in Column:
        assert said.count(f'data-rotulo="{column.heading}"') == len(FLEET)


def test_lines_are_chosen_by_stage_debt_team_lateness_and_name_and_paged(visitor: Visitor, board: Board) -> None:
    def shown(words: str) -> int:
        return visitor.open(f"/prefeituras?todas=sim&{words}").text.count('<th scope="row"')

    assert shown("etapa=live") == board.figures.live
    waits = sum(line.party == "prefeitura" for line in board.lines)
    assert shown("espera=prefeitura") == shown("equipe=prefeitura") == waits
    assert shown("atrasadas=sim") == sum(line.late for line in board.lines)
    assert shown(f"q={board.lines[3].place.ibge}") == 1
    assert shown(f"q={board.lines[3].place.name.upper()}") >= 1
    assert shown("q=nao+existe") == 0
    pages = [visitor.open(f"/prefeituras?pagina={page}").text.count('<th scope="row"') for page in (1, 2, 99)]
    assert pages == [50, 10, 10]


@pytest.mark.parametrize(
    "words", ["etapa=x", "ordem=x", "pagina=-1", "pagina=9999999999", "q=%00%ff", "uf=ZZ", "q=" + "a" * 900]
)
def test_words_that_are_none_of_ours_choose_nothing_and_break_nothing(visitor: Visitor, words: str) -> None:
    for page in ("/prefeituras", "/prazos", "/ambientes", "/campanha", "/mapa"):
        assert visitor.open(f"{page}?{words}").status_code == 200


def test_what_is_typed_comes_back_escaped(visitor: Visitor) -> None:
    said = visitor.open("/prefeituras?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script" not in said
    assert "&lt;script&gt;" in said


def test_the_campaign_is_told_wave_by_wave_and_environment_by_environment(visitor: Visitor, board: Board) -> None:
    (campaign,) = board.campaigns
    said = visitor.open("/campanha?todas=sim").text
    assert f"<h1>Campanha da versão {campaign.release}</h1>" in said
    assert said.count('data-rotulo="Motivo"') == len(campaign.units) > 60
    assert said.count('data-rotulo="Atualizados"') == len(campaign.waves) >= 3
    assert {unit.municipality for unit in campaign.units} <= {line.place.slug for line in board.lines}
    for state, count in campaign.counts:
        assert f"<b>{count}</b> {state.label}" in said
        chosen = visitor.open(f"/campanha?todas=sim&so={state.value}").text
        assert chosen.count('data-rotulo="Motivo"') == count
    assert campaign.count(UnitState.FAILED) == 1
    first = re.search(r'<th scope="row"[^>]*><a href="/painel/prefeituras/([^"]+)"', said)
    assert first is not None
    assert first[1] == campaign.units[0].municipality, "who failed comes first"
    assert said.count("falhou e voltou ao que era (erro-em-script)") == 1
    assert "infraestrutura" not in said, "who told it is nobody's business here"
    assert visitor.open("/campanha?nome=outra").status_code == 404
    assert visitor.open(f"/campanha?nome={campaign.name}&pagina=2").status_code == 200


def test_one_prefeitura_tells_its_story_newest_first(visitor: Visitor, board: Board) -> None:
    line = next(line for line in board.lines if line.live_on)
    said = visitor.open(f"/prefeituras/{line.place.slug}").text
    assert f"<h1>{line.place.name}" in said
    assert "Produção aberta à prefeitura" in said
    assert "Decisão sobre entrada em produção: aprovada" in said
    moments = re.findall(r'<li><time datetime="([^"]+)"', said)
    assert moments == sorted(moments, reverse=True)
    assert len(moments) > 5


@pytest.mark.parametrize("path", ["/prefeituras/nao-existe", "/x", "/prefeituras/..%2f..%2fetc"])
def test_a_page_that_is_not_there_is_said_so_in_portuguese(visitor: Visitor, path: str) -> None:
    answer = visitor.open(path)
    assert answer.status_code == 404
    assert "Página não encontrada" in answer.text


def test_the_spreadsheet_has_days_and_numbers_and_no_formula(visitor: Visitor, board: Board) -> None:
    answer = visitor.open("/painel.xlsx?etapa=live")
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    book = load_workbook(io.BytesIO(answer.content))
    results, matrix, *_ = book.worksheets
    assert [row[1].value for row in results.iter_rows(min_row=2)] == [value for _, value in board.figures.six]
    assert matrix.max_row - 1 == board.figures.live
    joined = matrix.cell(row=2, column=5)
    assert isinstance(joined.value, datetime)
    assert joined.number_format == "dd/mm/yyyy"
    assert not any(cell.data_type == "f" for page in book for row in page.iter_rows() for cell in row)


def test_the_pdf_says_on_every_page_when_it_is_of(visitor: Visitor) -> None:
    pages = PdfReader(io.BytesIO(visitor.open("/painel.pdf").content)).pages
    texts = [page.extract_text() for page in pages]
    assert len(texts) > 3
    assert all("Painel em" in text for text in texts)
    assert "Prefeituras em produção" in texts[0]
    assert any(FLEET[0].plain_name.title().split()[0] in text for text in texts)


def test_an_empty_programme_has_pages_that_say_so(serve_board: ServeBoard, lab_state: LabState) -> None:
    with registry_apart(lab_state, "painel") as url:
        visitor = serve_board(url=url).visitor
        visitor.sign_in()
        assert "Nenhuma prefeitura registrada ainda" in visitor.open().text
        for page in (*PAGES, "/painel.xlsx", "/painel.pdf"):
            assert visitor.open(page).status_code == 200


def test_news_are_shown_and_a_registry_that_fell_silent_leaves_the_last_board(
    serve_board: ServeBoard, lab_state: LabState
) -> None:
    import pymysql
    from sqlalchemy.engine import make_url

    from registry import Registry
    from tests.registry.examples import TIMOTEO, make_municipality

    with registry_apart(lab_state, "painel") as url:
        own = serve_board(url=url)
        own.visitor.sign_in()
        assert own.visitor.open("/prefeituras/timoteo").status_code == 404
        registry = Registry(url)
        registry.ensure_municipality(make_municipality())
        own.store.refresh()
        assert "Não aderiu" in own.visitor.open("/prefeituras/timoteo").text
        registry.record_event("stage.finished", ibge=TIMOTEO, actor="implanta", details={"stage": "adhesion"})
        own.store.refresh()
        assert "Ambiente de treinamento" in own.visitor.open("/prefeituras/timoteo").text
        registry.dispose()
        database = lab_state.mariadb
        name = make_url(url.get_secret_value()).database
        with pymysql.connect(
            host=database.host,
            port=database.port,
            user=database.admin_user,
            password=database.admin_password.get_secret_value(),
        ) as connection:
            connection.cursor().execute(f"RENAME TABLE `{name}`.municipality TO `{name}`.away")
            own.store.refresh()
            said = own.visitor.open("/prefeituras/timoteo")
            assert said.status_code == 200
            assert "O registro não responde desde" in said.text
            connection.cursor().execute(f"RENAME TABLE `{name}`.away TO `{name}`.municipality")
        own.store.refresh()
        assert "O registro não responde" not in own.visitor.open("/prefeituras/timoteo").text


def test_the_map_shows_the_seats_of_the_operator_s_file_and_says_how_to_name_one(
    visitor: Visitor, serve_board: ServeBoard
) -> None:
    assert "municipality_places" in visitor.open("/mapa").text, "the lab's board has no such file"
    own = serve_board()
    assert own.visitor.sign_in().status_code == 303
    said = own.visitor.open("/mapa").text
    assert said.count("<circle") == 6
    assert "Belo Horizonte: fora do programa" in said
    assert "Mapa: MG" in said


def test_a_file_of_places_that_is_none_is_refused_with_its_name(tmp_path: Path) -> None:
    wrong = tmp_path / "sedes.csv"
    wrong.write_text("ibge,name\n3100104,Abadia\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="coordenadas") as refusal:
        places_of(wrong, "31")
    assert refusal.value.where == str(wrong)
