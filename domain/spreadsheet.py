"""Spreadsheets that prefeituras send, as CSV: reading the text and naming rows as the sender sees them."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from itertools import islice

from pydantic import PositiveInt

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.text import clean, is_misread, unaccent

FIRST_DATA_ROW = 2  # the header is row 1
MAX_ROWS = 20_000  # ten times the people of the largest plan
_SHOWN_PLACES = 10
_DELIMITER_NAMES = {";": "ponto e vírgula", "\t": "tabulação", ",": "vírgula"}

# What stands for a cell whose value is not certain, and what is told of it.
MERGED_CELL = "(célula mesclada)"
BROKEN_FORMULA = "(fórmula com erro)"
UNSAVED_FORMULA = "(fórmula sem valor gravado)"
UNREADABLE_CELLS = {
    MERGED_CELL: "uma célula mesclada: desfaça a mesclagem e escreva o valor em cada linha",
    BROKEN_FORMULA: "uma fórmula com erro: corrija a fórmula ou escreva o valor",
    UNSAVED_FORMULA: "uma fórmula sem valor gravado: copie e cole só o valor",
}

Row = Mapping[str, str]


class RejectedRow(Frozen):
    """A row that cannot be used, with every reason in Portuguese and no personal data."""

    linha: PositiveInt
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"linha {self.linha}: {'; '.join(self.reasons)}"


def parse_sheet(content: bytes, name: str) -> list[dict[str, str]]:
    """The rows of a CSV separated by `;`, `,` or tabs, in UTF-8 (with or without BOM) or, as Excel saves it, in cp1252.

    Column names come in lower case without accents; a column without a name has blanks for one. Blank rows stay, so
    that positions are row numbers. Raises InvalidInputError naming the file, the row where there is one, and no cell:
    without a header, the first row is somebody's data.
    """
    text = decode_sheet(content, name)
    lines = split_rows(text, _delimiter(text), name)
    if not lines:
        raise InvalidInputError("O arquivo está vazio", name, "Envie a planilha preenchida.")
    refuse_size(lines, name)
    _refuse_misread(lines, name)
    header = [unaccent(clean(column)).lower() for column in lines[0]]
    _refuse_repeated_columns(header, name)
    # Each nameless column keeps a place of its own, or the columns after it would be counted wrong.
    header = [column or " " * position for position, column in enumerate(header, start=1)]
    for number, cells in enumerate(lines[1:], start=FIRST_DATA_ROW):
        if len(cells) > len(header):
            raise InvalidInputError(
                f"A linha {number} tem {len(cells)} colunas e o cabeçalho tem {len(header)}",
                name,
                "Veja se há um ponto e vírgula a mais na linha.",
            )
    return [dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=True)) for cells in lines[1:]]


def filled_rows(
    rows: Sequence[Row], columns: Sequence[str], where: str, *, optional: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that has anything written, with its number in the spreadsheet and its cleaned values.

    An optional column that is not there has empty values. Raises InvalidInputError when the spreadsheet has no rows, or
    not these columns.
    """
    check_columns(rows, columns, where, optional=optional)
    for number, row in enumerate(rows, start=FIRST_DATA_ROW):
        values = {column: clean(row.get(column, "")) for column in (*columns, *optional)}
        if any(values.values()):
            yield number, values


def check_columns(rows: Sequence[Row], columns: Sequence[str], where: str, *, optional: Sequence[str] = ()) -> None:
    """Raise InvalidInputError when the spreadsheet has no rows, lacks a column or has one that is not expected.

    A column that is not expected is told by its position: its name may be a person's, where the header was forgotten.
    """
    if not rows:
        raise InvalidInputError("A planilha não tem nenhuma linha preenchida", where, "Preencha e envie de novo.")
    missing = [column for column in columns if column not in rows[0]]
    known = {*columns, *optional}
    unknown = [position for position, column in enumerate(rows[0], 1) if column.strip() and column not in known]
    if missing or unknown:
        problems = [f"falta a coluna {column}" for column in missing]
        problems += [f"a {position}ª coluna é desconhecida" for position in unknown]
        raise InvalidInputError(
            f"As colunas não são as esperadas: {', '.join(problems)}"
            if len(missing) < len(columns)
            else "Falta o cabeçalho: a primeira linha não tem nenhuma das colunas esperadas",
            where,
            f"A primeira linha deve ser: {';'.join(columns)}."
            + (f" Pode ter também: {', '.join(optional)}." if optional else ""),
        )


def split_rows(text: str, delimiter: str, name: str) -> list[list[str]]:
    """All rows of a CSV, blank ones too: positions are row numbers, whatever line breaks the cells have inside.

    Raises:
        InvalidInputError: quotes that do not close, with the row where they open.
    """
    lines: list[list[str]] = []
    try:
        lines.extend(_reader(text, delimiter))
    except csv.Error as error:
        raise InvalidInputError(
            f"O arquivo não é um CSV separado por {_DELIMITER_NAMES[delimiter]}",
            f"{name}, linha {len(lines) + 1}",
            "Veja as aspas dessa linha, ou salve a planilha como XLSX ou CSV UTF-8 e reenvie.",
        ) from error
    return lines


def head_of(text: str, delimiter: str, count: int) -> list[list[str]]:
    """The first rows of a CSV, as far as they can be read."""
    lines: list[list[str]] = []
    with suppress(csv.Error):
        lines.extend(islice(_reader(text, delimiter), count))
    return lines


def refuse_size(lines: Sequence[Sequence[str]], name: str) -> None:
    """Raise InvalidInputError when there are more rows than any prefeitura has."""
    if len(lines) > MAX_ROWS:
        raise InvalidInputError(f"A planilha tem mais de {MAX_ROWS} linhas", name, "Apague as linhas vazias do fim.")


def column_letter(index: int) -> str:
    """The letters by which spreadsheet programs name a column: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def repeated(keys: Iterable[tuple[int, str]]) -> dict[int, list[int]]:
    """For each row whose key (not empty) appears in other rows, those other rows, in order."""
    rows_by_key: dict[str, list[int]] = {}
    for row, key in keys:
        if key:
            rows_by_key.setdefault(key, []).append(row)
    return {
        row: [other for other in rows if other != row] for rows in rows_by_key.values() if len(rows) > 1 for row in rows
    }


def name_rows(rows: Sequence[int]) -> str:
    """`linha 14` or `linha 14, 20 e 97`: what follows `na`."""
    return f"linha {', '.join(map(str, rows[:-1]))} e {rows[-1]}" if len(rows) > 1 else f"linha {rows[0]}"


def name_others(rows: Sequence[int], own: AbstractSet[int]) -> str:
    """The first of these rows, less one's own, as `name_rows` does, and how many more there are."""
    shown = list(islice((row for row in rows if row not in own), _SHOWN_PLACES))
    more = len(rows) - len(own) - len(shown)
    return f"linha {', '.join(map(str, shown))} e mais {more}" if more else name_rows(shown)


def decode_sheet(content: bytes, name: str) -> str:
    """The text of a CSV; raises InvalidInputError, with the row, for what is neither UTF-8 nor cp1252."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _wrong_encoding("O arquivo está em UTF-16, desde a linha 1", name)
    if b"\0" in content:
        raise _wrong_encoding(f"A linha {_row_at(content, content.index(0))} não é texto: tem um byte zero", name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            return content.decode("cp1252")
        except UnicodeDecodeError as error:
            raise _wrong_encoding(
                f"A linha {_row_at(content, error.start)} tem o byte 0x{content[error.start]:02X}, que não é letra em"
                " UTF-8 nem em cp1252",
                name,
            ) from error


def _row_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _wrong_encoding(what: str, name: str) -> InvalidInputError:
    return InvalidInputError(what, name, "Salve a planilha como XLSX ou como CSV UTF-8 e reenvie.")


def _delimiter(text: str) -> str:
    """What separates the columns of the header: Brazilian Excel writes `;`, SEI's public macros read `,`."""
    header = text.partition("\n")[0]
    return next((delimiter for delimiter in _DELIMITER_NAMES if delimiter in header), ";")


def _reader(text: str, delimiter: str) -> "Iterator[list[str]]":
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _refuse_misread(lines: Sequence[Sequence[str]], name: str) -> None:
    places = [
        f"linha {number}, {position}ª coluna"
        for number, cells in enumerate(lines, start=1)
        for position, cell in enumerate(cells, start=1)
        if is_misread(cell)
    ]
    if places:
        more = f" e mais {len(places) - _SHOWN_PLACES}" if len(places) > _SHOWN_PLACES else ""
        raise _wrong_encoding(
            f"Os acentos foram gravados na codificação errada ({'; '.join(places[:_SHOWN_PLACES])}{more})", name
        )


def _refuse_repeated_columns(header: list[str], name: str) -> None:
    twice = [position for position, column in enumerate(header, 1) if column and header.count(column) > 1]
    if twice:
        raise InvalidInputError(
            f"Coluna repetida no cabeçalho (posições {', '.join(map(str, twice))})",
            name,
            "A primeira linha deve ter os nomes das colunas, cada um uma só vez.",
        )
