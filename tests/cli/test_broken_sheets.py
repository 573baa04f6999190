"""Every way in which a prefeitura's spreadsheet is broken: refused with file, place and reason, and nothing stored."""

from pathlib import Path

import pytest
from openpyxl import Workbook

from blocks.object_storage import ObjectStorage
from blocks.settings import PROJECT_ROOT
from domain.spreadsheet import parse_sheet
from tests.blocks.workbooks import ROWS, make_book, saved
from tests.cli.conftest import CommandLine
from tests.messy import messy_workbook

HEADER = "sigla;descricao;superior;email\n"
GOOD = f"{HEADER}GAB;Gabinete do Prefeito;;\nSME;Secretaria de Educação;GAB;\n"
USERS = PROJECT_ROOT / "examples" / "timoteo" / "usuarios.csv"


def merged() -> bytes:
    book = make_book()
    book.worksheets[0].merge_cells("A2:A3")
    return saved(book)


def several_sheets() -> bytes:
    book = make_book()
    book.create_sheet("Plan2")
    return saved(book)


def with_formula() -> bytes:
    book: Workbook = make_book()
    book.worksheets[0]["A3"] = "=A2"
    return saved(book)


BROKEN: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "cycle": ("unidades.csv", f"{GOOD}A;Aa;B;\nB;Bb;A;\n".encode(), ("linha 4", "linha 5", "subordinada a si mesma")),
    "unknown parent": ("unidades.csv", f"{GOOD}A;Aa;SMS;\n".encode(), ("linha 4", "'SMS' não está na planilha")),
    "two roots": ("unidades.csv", f"{GOOD}A;Aa;;\n".encode(), ("linha 2 e 4", "sem superior")),
    "duplicate sigla": ("unidades.csv", f"{GOOD}sme;Aa;GAB;\n".encode(), ("linha 3", "linha 4", "sigla repetida")),
    "name too long": ("unidades.csv", f"{GOOD}A;{'x' * 251};GAB;\n".encode(), ("linha 4", "descricao", "250")),
    "outside latin1": ("unidades.csv", f"{GOOD}A;Seção Ω;GAB;\n".encode(), ("linha 4", "U+03A9", "posição 7")),
    "wrong encoding": ("unidades.csv", GOOD.encode() + b"A;Se\x8d\x8bo;GAB;\n", ("linha 4", "0x8D")),
    "utf-16": ("unidades.csv", GOOD.encode("utf-16"), ("linha 1", "UTF-16")),
    "misread": ("unidades.csv", GOOD.encode().decode("cp1252").encode(), ("linha 3, 2ª coluna", "codificação")),
    "two orgaos": (
        "unidades.csv",
        b"1-ORGAO;sigla;descricao;superior;email\nPMT;GAB;Gabinete;;\nCMT;SEC;Secretaria;GAB;\n",
        ("linha 2 e 3", "2 órgãos"),
    ),
    "bad flag": ("unidades.csv", b"sigla;descricao;superior;email;ouvidoria\nGAB;Aa;;;?\n", ("linha 2", "S ou N")),
    "missing column": ("unidades.csv", b"sigla;descricao\nGAB;Gabinete\n", ("falta a coluna superior",)),
    "missing sheet": ("unidades.xlsx", several_sheets(), ("2 abas", "'unidades'")),
    "merged cells": ("unidades.xlsx", merged(), ("linha 2", "A2:A3", "mescladas")),
    "formula": ("unidades.xlsx", with_formula(), ("A3", "sem valor gravado")),
    "not a workbook": ("unidades.xlsx", GOOD.encode(), ("não é um XLSX",)),
    "cycle in a workbook": (
        "unidades.xlsx",
        saved(make_book([*ROWS, ("A", "Aa", "B"), ("B", "Bb", "A")])),
        ("linha 4", "linha 5"),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_sheet_of_units_is_refused_and_nothing_is_stored(
    cli: CommandLine, olhos_dagua: str, storage: ObjectStorage, tmp_path: Path, case: str
) -> None:
    name, content, told = BROKEN[case]
    (tmp_path / name).write_bytes(content)
    line = cli.refuse("municipality", "send", olhos_dagua, str(USERS), str(tmp_path / name))
    assert all(text in line for text in (name, *told)), line
    assert not storage.has_object("olhos-dagua-entrada", "unidades.csv")
    assert not storage.has_object("olhos-dagua-entrada", "usuarios.csv"), "the good one that came with it"


def test_a_good_workbook_is_stored_as_the_csv_that_every_step_reads(
    cli: CommandLine, olhos_dagua: str, storage: ObjectStorage, tmp_path: Path
) -> None:
    (tmp_path / "unidades.xlsx").write_bytes(saved(make_book()))
    sent = cli.run("municipality", "send", olhos_dagua, str(tmp_path / "unidades.xlsx"), "--json").json_result
    assert sent["unidades.csv"]["created"] == 1
    stored = storage.find_object("olhos-dagua-entrada", "unidades.csv")
    assert stored is not None
    assert [row["sigla"] for row in parse_sheet(stored, "unidades.csv")] == ["GAB", "SME"]
    again = cli.run("municipality", "send", olhos_dagua, str(tmp_path / "unidades.xlsx"), "--json").json_result
    assert again["unidades.csv"]["unchanged"] == 1


def test_one_spreadsheet_in_two_files_is_refused(
    cli: CommandLine, olhos_dagua: str, storage: ObjectStorage, tmp_path: Path
) -> None:
    (tmp_path / "unidades.xlsx").write_bytes(saved(make_book()))
    (tmp_path / "unidades.csv").write_text(GOOD, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("unidades.xlsx", "unidades.csv")]
    assert "unidades.csv veio duas vezes" in cli.refuse("municipality", "send", olhos_dagua, *files)
    assert not storage.has_object("olhos-dagua-entrada", "unidades.csv")


def test_users_are_sent_under_any_name_that_begins_so_or_with_as_and_what_is_ignored_is_told(
    cli: CommandLine, olhos_dagua: str, storage: ObjectStorage, tmp_path: Path
) -> None:
    by_name, by_option = tmp_path / "Usuários Olhos d'Água (2).XLSX", tmp_path / "RH.txt"
    by_name.write_bytes(messy_workbook().content)
    told = cli.run("municipality", "send", olhos_dagua, str(by_name)).stdout
    assert "usuarios.csv: 1 criado" in told
    assert "coluna ignorada: Ramal" in told
    stored = storage.find_object("olhos-dagua-entrada", "usuarios.csv")
    assert stored is not None
    assert stored.decode().splitlines()[3].startswith("Nº;Lotação;Nome do Servidor;C.P.F.;")
    by_option.write_bytes(USERS.read_bytes())
    assert "Planilha desconhecida: RH.txt" in cli.refuse("municipality", "send", olhos_dagua, str(by_option))
    assert "Planilha desconhecida: rh" in cli.refuse("municipality", "send", olhos_dagua, str(by_option), "--as", "rh")
    sent = cli.run("municipality", "send", olhos_dagua, str(by_option), "--as", "usuarios", "--json").json_result
    assert sent["usuarios.csv"]["updated"] == 1
    assert storage.find_object("olhos-dagua-entrada", "usuarios.csv") == USERS.read_bytes()


def test_the_header_of_another_spreadsheet_is_refused(
    cli: CommandLine, olhos_dagua: str, storage: ObjectStorage, tmp_path: Path
) -> None:
    for name in ("usuarios.csv", "capacitacao.csv"):
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
        assert "falta" in cli.refuse("municipality", "send", olhos_dagua, str(tmp_path / name)).lower()
        assert not storage.has_object("olhos-dagua-entrada", name)
