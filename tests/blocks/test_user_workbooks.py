"""The users' workbook: which sheet is read, what goes back to the sender, and the second look at who was accepted."""

import io
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from openpyxl import Workbook, load_workbook

from blocks.mariadb import MariaDBServer
from blocks.returned_sheet import returned_sheet
from blocks.user_suite import judge_user_sheet
from blocks.workbook import user_sheet_as_csv
from domain.errors import InvalidInputError
from domain.person import Lotacao
from domain.plan import Plan
from domain.spreadsheet_users import UserSheet, read_user_rows
from domain.text import collation_key
from domain.user_table import UserTable, parse_user_table
from tests.blocks.workbooks import make_book, saved
from tests.domain.examples import CATALOG, PLANS, make_cpf, make_person, make_table, user_row
from tests.messy import HEADING, messy_workbook

RULE = CATALOG.users_sheet()
PLAN = Plan(faixa=None, users=20_000, concurrent_users=500, negotiated=True)
PROFILES = {"Básico", "Administrador", "Arquivamento"}
MESSY = messy_workbook()
HEADING_OF_USERS = ("Nome", "CPF", "E-mail", "Login", "Setor", "Perfil")


def read(content: bytes) -> UserTable:
    return parse_user_table(user_sheet_as_csv(content, "Usuários.xlsx", RULE), "Usuários.xlsx", RULE)


def units_of(table: UserTable) -> set[str]:
    return {values.upper() for _, cells in table.rows if (values := table.values(cells)["unidade"])} - {"SMA/T1"}


def judge(table: UserTable, units: set[str]) -> UserSheet:
    return read_user_rows(table, units=units, profiles=PROFILES, plan=PLAN, plans=PLANS)


def one_row(*cells: str) -> Sequence[Sequence[str]]:
    return (HEADING_OF_USERS, cells)


def test_a_careless_workbook_gives_exactly_the_people_and_the_refusals_that_were_planted() -> None:
    table = read(MESSY.content)
    sheet = judge(table, units_of(table))
    found = {row.linha: "; ".join(row.reasons) for row in sheet.rejected}
    assert found.keys() == MESSY.rejected.keys()
    assert all(reason in found[row] for row, reason in MESSY.rejected.items()), found
    assert (len(sheet.accepted), sheet.accepted_rows) == (MESSY.people, MESSY.accepted_rows)
    assert sheet.filled_rows == MESSY.filled_rows == 353 + 1
    assert tuple(remark.linha for remark in sheet.remarks) == MESSY.remarked
    assert sheet.ignored_columns == ("Ramal",)


@pytest.mark.parametrize(
    ("titles", "chosen"), [(["Plan1", "usuarios"], 1), (["USUÁRIOS ", "Plan2"], 0), (["Leia", "Plan2"], 1)]
)
def test_the_sheet_named_usuarios_wins_else_the_only_one_whose_heading_fits(titles: list[str], chosen: int) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    for at, title in enumerate(titles):
        page = book.create_sheet(title)
        page.append(HEADING_OF_USERS if at == chosen or "Leia" not in titles else ["x"])
        page.append([f"Pessoa {'AB'[at]} Souza"])
    table = read(saved(book))
    assert table.rows[0][1][0] == f"Pessoa {'AB'[chosen]} Souza"


@pytest.mark.parametrize(("heading", "told"), [(HEADING_OF_USERS, "mais de uma tem"), (("x",), "nenhuma tem")])
def test_sheets_that_could_be_either_are_refused_by_their_names(heading: Sequence[str], told: str) -> None:
    book = make_book([heading], title="Sede")
    book.create_sheet("Distrito").append(list(heading))
    with pytest.raises(InvalidInputError, match=rf"2 abas, e {told}.*'Sede', 'Distrito'"):
        read(saved(book))


def test_twelve_thousand_rows_are_read() -> None:
    rows = [(f"Pessoa {number}", number, "a@x.org", "a.b", "GAB", "") for number in range(12_000)]
    assert len(read(saved(make_book([HEADING_OF_USERS, *rows]))).rows) == 12_000


def test_the_returned_sheet_has_the_senders_cells_as_text_and_the_reasons_last() -> None:
    table = read(MESSY.content)
    book = load_workbook(io.BytesIO(returned_sheet(table, judge(table, units_of(table)))))
    (page,) = book.worksheets
    rows = list(page.iter_rows())
    assert [cell.value for cell in rows[0]] == [*HEADING, "Motivo da recusa"]
    assert all(cell.font.b for cell in rows[0])
    assert (page.freeze_panes, page.auto_filter.ref) == ("A2", f"A1:J{len(MESSY.rejected) + 1}")
    assert [str(row[-1].value).partition(":")[0] for row in rows[1:]] == [f"linha {row}" for row in MESSY.rejected]
    assert {cell.data_type for row in rows for cell in row if cell.value is not None} == {"s"}
    assert rows[1][3].value == "12345678900"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", '=HYPERLINK("http://x")&', "\x01="])
def test_no_cell_of_a_returned_sheet_is_a_formula(start: str) -> None:
    table = make_table(user_row(1, nome=f"{start}1+1", cpf="=1+1"))
    page = load_workbook(io.BytesIO(returned_sheet(table, judge(table, {"SEMAD"})))).worksheets[0]
    cells = [cell for row in page.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.number_format for cell in cells} == {"@"}
    assert f"{start}1+1".replace("\x01", " ") in [cell.value for cell in cells]


def test_a_returned_sheet_keeps_the_zeros_of_a_cpf() -> None:
    cpf = make_cpf(1_234)
    table = make_table(user_row(1, cpf=cpf.lstrip("0"), nome="Maria"))
    page = load_workbook(io.BytesIO(returned_sheet(table, judge(table, {"SEMAD"})))).worksheets[0]
    assert page["B2"].value == cpf


def test_a_returned_sheet_corrected_is_accepted_and_corrected_twice_has_one_column_of_reasons() -> None:
    table = read(MESSY.content)
    units = units_of(table)
    once = read(returned_sheet(table, judge(table, units)))
    assert once.ignored_columns == ("Ramal",)
    again = judge(once, units)
    # Both rows of a pair go back together, so whatever was wrong with them still is.
    assert len(again.rejected) == len(MESSY.rejected)
    book = load_workbook(io.BytesIO(returned_sheet(once, again)))
    page = book.worksheets[0]
    assert [cell.value for cell in page[1]] == [*HEADING, "Motivo da recusa"]
    for row in range(page.max_row, 1, -1):
        if page.cell(row, 3).value == "Maria":
            page.cell(row, 3, "Maria de Souza")
        else:
            page.delete_rows(row)
    corrected = judge(read(saved(book)), units)
    assert [person.nome for person in corrected.accepted] == ["Maria de Souza"]
    assert not corrected.rejected


def test_a_second_look_at_accepted_people_finds_nothing() -> None:
    table = read(MESSY.content)
    units = units_of(table)
    verdict = judge_user_sheet(judge(table, units), units=units, profiles=PROFILES, min_accepted_share=0.9)
    assert verdict.holds, verdict.broken


def broken_sheet(**changes: object) -> UserSheet:
    people = [make_person(number, matricula=str(number)) for number in range(1, 6)]
    for name, value in changes.items():  # past the rules of the class itself, which would refuse it
        object.__setattr__(people[0], name, value)
    return UserSheet(accepted=(*people[1:], people[0]), rejected=())


@pytest.mark.parametrize(
    ("changes", "column", "rule", "broken"),
    [
        ({"cpf": "1234567890"}, "cpf", "tem 11 dígitos", 1),
        ({"cpf": make_cpf(2)}, "cpf", "não se repete", 2),
        ({"cpf": None}, "cpf", "está preenchida", 1),
        ({"sigla": "pessoa.3"}, "login", "não se repete", 2),
        ({"sigla": "Pessoa."}, "login", "tem a forma de um login", 1),
        ({"sigla": "a" * 101}, "login", "tem de 1 a 100 caracteres", 1),
        ({"email": "pessoa2@example.org"}, "email", "não se repete", 2),
        ({"email": "sem-arroba"}, "email", "tem a forma de um e-mail", 1),
        ({"email": "a" * 100 + "@x.org"}, "email", "tem de 1 a 100 caracteres", 1),
        ({"nome": "Al"}, "nome", "tem de 3 a 100 caracteres", 1),
        ({"nome": "Łukasz Souza"}, "nome", "cabe no alfabeto do SEI (cp1252)", 1),
        ({"nome": "Ana\nLima"}, "nome", "cabe no alfabeto do SEI (cp1252)", 1),
        ({"nome_social": "x" * 101}, "nome_social", "tem de 1 a 100 caracteres", 1),
        ({"matricula": "12345678901"}, "matricula", "tem de 1 a 10 caracteres", 1),
        ({"matricula": None, "sigla": ""}, "id_origem", "tem de 1 a 50 caracteres", 1),
        ({"lotacoes": (Lotacao(unidade="EXTINTA", perfil="Básico"),) * 2}, "unidade", "existe no ambiente", 2),
        ({"lotacoes": (Lotacao(unidade="SEMAD", perfil="Rei"),)}, "perfil", "existe no SEI", 1),
    ],
)
def test_the_second_look_finds_what_a_mistake_of_the_rules_would_let_through(
    changes: dict[str, object], column: str, rule: str, broken: int
) -> None:
    sheet = broken_sheet(**changes)
    verdict = judge_user_sheet(sheet, units={"SEMAD"}, profiles={"Básico"}, min_accepted_share=0.5)
    found = {(one.column, one.rule): one.broken for one in verdict.broken}
    assert found.get((column, rule)) == broken, found
    for person in sheet.accepted:
        assert str(person.nome) not in str(verdict)
        assert str(person.email) not in str(verdict)


def test_a_person_in_two_units_is_no_repetition_and_too_few_accepted_rows_are_told() -> None:
    person = make_person(1, unidades=("SEMAD", "SME"), linha=2)
    bad = judge(make_table(user_row(1, nome="x"), user_row(2, nome="x"), user_row(3, nome="x")), {"SEMAD"}).rejected
    sheet = UserSheet(accepted=(person,), rejected=bad)
    kept = judge_user_sheet(sheet, units={"SEMAD", "SME"}, profiles={"Básico"}, min_accepted_share=0.25)
    assert kept.holds, kept.broken
    (told,) = judge_user_sheet(sheet, units={"SEMAD", "SME"}, profiles={"Básico"}, min_accepted_share=0.3).broken
    assert str(told) == "linhas: pelo menos 30% das linhas foram aceitas"


def test_the_second_look_at_ten_thousand_people_takes_a_second() -> None:
    base = make_person(1)
    people = tuple(replace(base, cpf=f"{n:011d}", sigla=f"p{n}", email=f"p{n}@x.org") for n in range(10_000))
    sheet = UserSheet.model_construct(accepted=people, rejected=(), remarks=(), ignored_columns=())
    judge_user_sheet(broken_sheet(), units={"SEMAD"}, profiles={"Básico"}, min_accepted_share=0.5)  # imports
    started = time.process_time()
    verdict = judge_user_sheet(sheet, units={"SEMAD"}, profiles={"Básico"}, min_accepted_share=0.0)
    assert time.process_time() - started < 3  # a second on an idle machine
    assert verdict.holds


def test_keys_of_the_collation_are_equal_exactly_where_the_real_server_finds_characters_equal(
    server: MariaDBServer,
) -> None:
    characters = [text for byte in range(0x20, 0x100) if (text := bytes([byte]).decode("cp1252", "ignore"))]
    weights = {}
    with server.transaction() as cursor:
        for character in characters:
            cursor.execute(
                "SELECT HEX(WEIGHT_STRING(CONVERT(%s USING latin1) COLLATE latin1_swedish_ci))", (f"{character}.",)
            )
            ((weights[character],),) = cursor.fetchall()
    groups: dict[object, set[str]] = {}
    keys: dict[object, set[str]] = {}
    for character in characters:
        groups.setdefault(weights[character], set()).add(character)
        keys.setdefault(collation_key(f"{character}."), set()).add(character)
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, keys.values()))
