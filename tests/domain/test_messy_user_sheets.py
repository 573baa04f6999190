"""Users' spreadsheets as messy as they come: whatever is sent, every row is accepted or goes back with a reason."""

import csv
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.plan import Plan
from domain.spreadsheet_users import UserSheet, read_user_rows
from domain.user_table import COLUMNS, MAX_ROWS_ABOVE_HEADING, REQUIRED_COLUMNS, UserTable, parse_user_table
from tests.domain.examples import CATALOG, PLANS, make_cpf

RULE = CATALOG.users_sheet()
PLAN = Plan(faixa=None, users=20_000, concurrent_users=500, negotiated=True)
UNITS = {"SEMAD", "SME/TI", "Educação"}
PROFILES = {"Básico", "Arquivamento"}
NAMES = ["José da Silva", "Ana Lúcia D'Ávila", "MARIA DA CONCEIÇÃO", "Zé  Souza", "Ângela\u00a0Maria Ü", "João\nde Sá"]
CPFS = [make_cpf(number) for number in (*range(1_001, 1_007), *range(700_000_001, 700_000_004))]
MESSY = settings(
    max_examples=700, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def in_e_notation(cpf: str) -> str:
    number = str(int(cpf))
    return f"{number[0]},{number[1:]}E+{len(number) - 1}"


TITLE_SHAPES: list[Callable[[str], str]] = [str, str.upper, str.title, lambda title: f" {title}: "]
CPF_SHAPES: list[Callable[[str], str]] = [
    str,
    lambda cpf: cpf.lstrip("0"),
    lambda cpf: f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}",
    lambda cpf: f"{int(cpf)}.0",
    lambda cpf: f"\u00a0{cpf} ",
    lambda cpf: f"'{cpf}",
    in_e_notation,
]
# What spoils a row, by the column; the reason names no value.
FAULTS: dict[str, list[str]] = {
    "cpf": ["", "1", "8,18662E+10", "11111111111", "abc", "123456789012"],
    "nome": ["", "Maria", "José 2 da Silva", "a@b.org Souza", "x" * 60 + " " + "y" * 60, "JosÃ© da Silva"],
    "email": ["", "sem-arroba", "a@b", "maria silva@x.org"],
    "login": ["", "com espaço", "joão", "sip", "-a"],
    "unidade": ["", "SEMFAS", "SEMAD; Nenhuma", "(célula mesclada)"],
    "perfil": [",", "Rei", "Arquivamento"],
    "matricula": ["12345678901", "#REF!"],
}


@dataclass
class Sent:
    """A file, and what was planted where."""

    content: bytes
    good: set[int] = field(default_factory=set)
    bad: set[int] = field(default_factory=set)


def _row(draw: st.DrawFn, number: int) -> dict[str, str]:
    perfil = ["", "Básico", "BASICO", "básico, Arquivamento", "Arquivamento;Básico"]
    return {
        "nome": draw(st.sampled_from(NAMES)),
        "cpf": draw(st.sampled_from(CPF_SHAPES))(CPFS[number]),
        "email": f"P{number}@x.gov.br",
        "login": f"Pessoa.{number}",
        "unidade": draw(st.sampled_from(["SEMAD", "semad ", "educacao", "SME/TI; SEMAD", "Sme/Ti\n"])),
        "perfil": draw(st.sampled_from(perfil)),
        "matricula": draw(st.sampled_from(["", f"47{number}", f"00{number}"])),
        "nome_social": draw(st.sampled_from(["", "Ana"])),
    }


@st.composite
def sent_files(draw: st.DrawFn) -> Sent:
    """A CSV in some encoding, delimiter, order and spelling of columns, with titles above, blank rows and faults."""
    optional = [column for column in COLUMNS if column not in REQUIRED_COLUMNS]
    columns = draw(st.permutations([*REQUIRED_COLUMNS, *draw(st.lists(st.sampled_from(optional), unique=True))]))
    titles = [draw(st.sampled_from([column, *RULE.spellings[column]])) for column in columns]
    titles = [draw(st.sampled_from(TITLE_SHAPES))(title) for title in titles]
    extra = draw(st.sampled_from([[], ["Telefone"], ["Nº"]]))
    above = draw(st.lists(st.sampled_from(["", "PREFEITURA, Secretaria; RH", "Nome"]), max_size=MAX_ROWS_ABOVE_HEADING))
    lines: list[list[str]] = [*([cell] if cell else [] for cell in above), [*titles, *extra]]
    sent = Sent(b"")
    for number in range(draw(st.integers(1, 6))):
        if draw(st.integers(0, 5)) == 0:
            lines.append(draw(st.sampled_from([[], ["", " ", "\u00a0"]])))
        row = _row(draw, number)
        spoiled = draw(st.sampled_from([None, None, None, *(column for column in FAULTS if column in columns)]))
        if spoiled:
            row[spoiled] = draw(st.sampled_from(FAULTS[spoiled]))
        lines.append([row[column] for column in columns])
        (sent.bad if spoiled else sent.good).add(len(lines))
        again = draw(st.integers(0, 9))
        if again == 0 and not spoiled:  # the same person, in another place
            lines.append([{**row, "unidade": "SEMAD"}[column] for column in columns])
            sent.good.add(len(lines))
        elif again == 1 and not spoiled:  # nobody knows which e-mail is right
            lines.append([{**row, "email": "outro@x.org"}[column] for column in columns])
            sent.bad |= {len(lines), len(lines) - 1}
            sent.good.discard(len(lines) - 1)
    if draw(st.booleans()):
        lines.append(["" if column != "nome" else "Total: 350" for column in columns])
        sent.bad.add(len(lines))
    text = io.StringIO()
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    csv.writer(text, delimiter=draw(st.sampled_from(";,\t")), lineterminator=ending).writerows(lines)
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]))
    sent.content = text.getvalue().encode(encoding)
    return sent


def judge(table: UserTable) -> UserSheet:
    return read_user_rows(table, units=UNITS, profiles=PROFILES, plan=PLAN, plans=PLANS)


def require_nothing_lost(table: UserTable, sheet: UserSheet) -> None:
    """Every filled row is once in the answer, and each refusal has a reason without the row's own cells."""
    lines = [line for person in sheet.accepted for line in person.linhas]
    lines += [row.linha for row in sheet.rejected]
    assert sorted(lines) == [number for number, _ in table.rows]
    assert sheet.filled_rows == len(table.rows)
    assert all(row.reasons for row in sheet.rejected)
    assert all(person.id_origem for person in sheet.accepted)
    assert len({person.cpf for person in sheet.accepted}) == len(sheet.accepted)


@MESSY
@given(sent_files())
def test_rows_without_a_fault_are_accepted_and_the_others_go_back(sent: Sent) -> None:
    table = parse_user_table(sent.content, "usuarios.csv", RULE)
    sheet = judge(table)
    require_nothing_lost(table, sheet)
    accepted = {line for person in sheet.accepted for line in person.linhas}
    rejected = {row.linha: row.reasons for row in sheet.rejected}
    assert accepted == sent.good, rejected
    assert rejected.keys() == sent.bad
    said = str([*sheet.rejected, *sheet.remarks])
    for _, cells in table.rows:
        values = table.values(cells)
        assert all(values[column] not in said for column in ("email", "login") if len(values[column]) > 5)
        assert not values["cpf"].isdigit() or len(values["cpf"]) < 9 or values["cpf"] not in said


@settings(MESSY, max_examples=500)
@given(sent_files(), st.data())
def test_a_damaged_file_is_refused_or_read_and_never_half_of_it(sent: Sent, data: st.DataObject) -> None:
    content = bytearray(sent.content)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.binary(max_size=2) | st.sampled_from([b'"', b";"])
        )
        if not content:
            return
    read_if_readable(bytes(content))


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_pure_noise_is_refused_as_input(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        parse_user_table(content, "usuarios.csv", RULE)


CELLS = st.text(st.sampled_from('aé1@.;,\t"\n\r\u200b€=+-Ł '), max_size=12)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(CELLS, max_size=8), max_size=6))
def test_noise_below_a_heading_is_refused_or_judged_row_by_row(lines: list[list[str]]) -> None:
    body = "\n".join(";".join(line) for line in lines)
    read_if_readable(f"nome;cpf;email;login;unidade;matricula\n{body}".encode())


def read_if_readable(content: bytes) -> None:
    try:
        table = parse_user_table(content, "usuarios.csv", RULE)
    except InvalidInputError:
        return
    require_nothing_lost(table, judge(table))


def table_of(text: str) -> UserTable:
    return parse_user_table(text.encode(), "usuarios.csv", RULE)


def test_the_columns_of_the_public_macros_are_read() -> None:
    (person,) = judge(
        table_of(
            "1-orgao,2-sigla,3-nome,4-nomeSocial,5-cpf,6-emailInstitucional,7-unidadePrimeiraPermissao,"
            f"8-perfilPrimeiraPermissao\nPMT,ana.lima,Ana Lima,,{CPFS[0]},ana@x.org,SEMAD,Básico\n"
        )
    ).accepted
    assert (person.sigla, person.nome, person.unidades, person.linhas) == ("ana.lima", "Ana Lima", ("SEMAD",), (2,))


@pytest.mark.parametrize("title", ["CPF", "Nº CPF", "Número do CPF", "C.P.F.", "CPF (somente números)", "N.º do c.p.f"])
def test_a_heading_is_known_in_any_spelling(title: str) -> None:
    assert RULE.column_of(title) == ("cpf" if title != "N.º do c.p.f" else None)


def test_rows_keep_the_numbers_of_the_spreadsheet_program_past_line_breaks_inside_cells() -> None:
    table = table_of(
        f'"Prefeitura\nde\nTimóteo"\n\nnome;cpf;email;login;unidade\n"Ana\nLima";{CPFS[0]};a@x.org;a.l;SEMAD\n'
    )
    assert [number for number, _ in table.rows] == [4]
    assert judge(table).accepted[0].nome == "Ana Lima"


def test_unknown_columns_are_told_and_known_useless_ones_are_not() -> None:
    table = table_of("Nº;nome;cpf;email;login;unidade;Telefone;3199999;Órgão;Motivo da recusa\n1;Ana;;;;;;;;\n")
    assert table.ignored_columns == ("Telefone", "coluna H")


def test_what_stands_in_a_column_without_title_is_not_lost_in_silence() -> None:
    (row,) = judge(table_of(f"nome;cpf;email;login;unidade\nAna Lima;{CPFS[0]};a@x.org;a.l;SEMAD;SME/TI\n")).rejected
    assert "há algo escrito na coluna F, que não tem título" in str(row)


HEAD = "nome;cpf;email;login;unidade"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "está vazio"),
        (" \n\n", "está vazio"),
        (f"{HEAD}\n;;;;\n", "nenhuma linha preenchida"),
        ("Ana Lima;123;a@x.org\n", "Falta o cabeçalho: nenhuma das 21 primeiras linhas"),
        ("\n" * 21 + f"{HEAD}\n", "Falta o cabeçalho"),
        ("nome;cpf;login\nAna;1;a\n", r"faltam a coluna email, a coluna unidade \(usuarios.csv, linha 1\)"),
        (f"{HEAD};Setor\n", r"As colunas 'unidade' \(E\) e 'Setor' \(F\) dizem a mesma coisa: unidade"),
        (
            "nome;cpf;email;unidade\nA;1;ana@pmt.gov.br;x\nB;2;bia@PMT.gov.br;x\n",
            r"falta a coluna login .*é a prefeitura que decide.*Todos os e-mails são de pmt\.gov\.br",
        ),
        ("nome;cpf;email;unidade\nA;1;ana@pmt.gov.br;x\nB;2;b@gmail.com;x\n", "acrescente a coluna.$"),
        ("nome;cpf;e-mail;login;LotaÃ§Ã£o\n", "codificação errada"),
        (f'{HEAD}\na;b;c;d;e\n"a;b;c;d;e\n', r"separado por ponto e vírgula \(usuarios.csv, linha 3\)"),
    ],
)
def test_what_makes_the_whole_file_unreadable_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        table_of(text)


def test_ten_thousand_rows_are_read_and_judged_in_a_second_or_so() -> None:
    body = "".join(
        f"José da Conceição {'abcdefghij'[n % 10]};{cpf};p{n}@pmt.mg.gov.br;pessoa.{n};SEMAD;Básico;{n}\n"
        for n, cpf in enumerate(CPFS * 1_112, start=1)
    )
    content = f"{HEAD};perfil;matricula\n{body}".encode()
    started = time.process_time()
    sheet = judge(parse_user_table(content, "usuarios.csv", RULE))
    assert time.process_time() - started < 4, "1.0 s on an idle machine"
    assert sheet.filled_rows > 10_000
