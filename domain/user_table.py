"""The users' spreadsheet as it was sent: where its heading is, what each column means, and its filled rows."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.spreadsheet import column_letter, decode_sheet, head_of, refuse_size, split_rows
from domain.text import is_email, is_misread, plain, unaccent

Column = Literal["nome", "cpf", "email", "login", "unidade", "perfil", "matricula", "nome_social"]
COLUMNS: tuple[Column, ...] = get_args(Column)
REQUIRED_COLUMNS: tuple[Column, ...] = ("nome", "cpf", "email", "login", "unidade")
REASON_COLUMN = "Motivo da recusa"

MAX_ROWS_ABOVE_HEADING = 20  # a coat of arms, the prefeitura's name, how to fill in
# Brazilian Excel writes `;`, SEI's public macros read `,`, and what is copied from a spreadsheet has tabs.
_DELIMITERS = (";", "\t", ",")
_MAX_SHOWN_HEADING = 40
_FEW_EMAILS = 2


class UserSheetRule(CatalogEntry):
    """What prefeituras call the columns of the users' spreadsheet, and the perfil of those who have none written."""

    default_profile: str = Field(alias="perfil_padrao", min_length=1)
    spellings: dict[Column, tuple[str, ...]] = Field(alias="colunas")
    ignored: tuple[str, ...] = Field(alias="ignoradas", default=())

    @model_validator(mode="after")
    def _each_spelling_means_one_thing(self) -> Self:
        meanings: dict[str, str] = {}
        listed = [(column, spelling) for column in COLUMNS for spelling in (column, *self.spellings.get(column, ()))]
        for meaning, spelling in [*listed, *(("ignoradas", spelling) for spelling in self.ignored)]:
            key = heading_key(spelling)
            if not key:
                msg = f"{spelling!r}, em {meaning}, não tem letras"
                raise ValueError(msg)
            if meanings.setdefault(key, meaning) != meaning:
                msg = f"{spelling!r} está em {meanings[key]} e em {meaning}"
                raise ValueError(msg)
        return self

    @cached_property
    def _columns(self) -> dict[str, Column]:
        return {
            heading_key(spelling): column
            for column in COLUMNS
            for spelling in (column, *self.spellings.get(column, ()))
        }

    @cached_property
    def _ignored_keys(self) -> frozenset[str]:
        return frozenset(map(heading_key, self.ignored))

    def column_of(self, heading: str) -> Column | None:
        """Which column a heading means, if any."""
        return self._columns.get(heading_key(heading))

    def is_ignored(self, heading: str) -> bool:
        """Whether the column is known and of no use here."""
        return heading_key(heading) in self._ignored_keys

    def columns_of(self, line: Sequence[str]) -> set[Column]:
        """The columns that a row would name, were it the heading."""
        return {column for cell in line if (column := self.column_of(cell))}

    def heading_in(self, lines: Sequence[Sequence[str]]) -> int | None:
        """The index of the heading among the first rows: the first that has at least the columns required."""
        first = lines[: MAX_ROWS_ABOVE_HEADING + 1]
        return next(
            (index for index, line in enumerate(first) if self.columns_of(line).issuperset(REQUIRED_COLUMNS)), None
        )


@dataclass(frozen=True)
class UserTable:
    """A users' spreadsheet, unjudged; `rows` are those with something in a column of ours, by their numbers there."""

    heading: tuple[str, ...]
    columns: dict[Column, int]
    rows: tuple[tuple[int, tuple[str, ...]], ...] = field(repr=False)
    ignored_columns: tuple[str, ...]
    default_profile: str

    def values(self, cells: Sequence[str]) -> dict[Column, str]:
        """What a row says, cleaned; a column that the spreadsheet or the row has not got is empty."""
        found = {column: _typed(cells[at]) if at < len(cells) else "" for column, at in self.columns.items()}
        return {column: found.get(column, "") for column in COLUMNS}

    def untitled(self, cells: Sequence[str]) -> str | None:
        """The letter of the first column without a title where the row has something, right of what it should have."""
        first = min(self.columns.values())
        for at, cell in enumerate(cells):
            if at > first and (at >= len(self.heading) or not self.heading[at]) and plain(cell):
                return column_letter(at)
        return None

    def repeats_heading(self, cells: Sequence[str]) -> bool:
        """Whether the row says the titles again, as printed pages do."""
        return all(
            plain(cells[at]).lower() == self.heading[at].lower() for at in self.columns.values() if at < len(cells)
        )


def heading_key(heading: str) -> str:
    """What counts of a heading: its letters, without accents, case and what stands between parentheses."""
    return re.sub("[^a-z]", "", unaccent(re.sub(r"\([^()]*\)", "", plain(heading))).lower())


def parse_user_table(content: bytes, name: str, rule: UserSheetRule) -> UserTable:
    """Read a CSV of users in any delimiter, encoding and order of columns that spreadsheets save.

    Raises:
        InvalidInputError: what makes the whole file unreadable, naming no cell of anybody's row.
    """
    text = decode_sheet(content, name)
    delimiter, head = _head(text, rule)
    at = rule.heading_in(head)
    if at is None:
        raise _no_heading(text, head, name, rule)
    lines = split_rows(text, delimiter, name)
    refuse_size(lines, name)
    heading = tuple(plain(cell) for cell in lines[at])
    while not heading[-1]:
        heading = heading[:-1]
    columns = _columns(heading, f"{name}, linha {at + 1}", rule)
    positions = tuple(columns.values())
    rows = tuple(
        (number, tuple(cells))
        for number, cells in enumerate(lines[at + 1 :], start=at + 2)
        if any(plain(cells[position]) for position in positions if position < len(cells))
    )
    if not rows:
        raise InvalidInputError("A planilha não tem nenhuma linha preenchida", name, "Preencha e envie de novo.")
    return UserTable(heading, columns, rows, _unknown(heading, rule), rule.default_profile)


def with_person(content: bytes, name: str, rule: UserSheetRule, values: Mapping[Column, str]) -> bytes:
    """The same CSV with one person more in its last row; unchanged when just that person is in it.

    Raises:
        InvalidInputError: the file cannot be read, lacks a column that the person needs, or has somebody else by this
            login.
    """
    table = parse_user_table(content, name, rule)
    login = plain(values["login"]).lower()
    found = [table.values(cells) for _, cells in table.rows if table.values(cells)["login"].lower() == login]
    told = {column: plain(value) for column, value in values.items() if plain(value)}
    if found and all(all(row[column] == value for column, value in told.items()) for row in found):
        return content
    if found:
        raise InvalidInputError("A planilha já tem este login, com outros dados", name, "Peça a correção da planilha.")
    missing = sorted(told.keys() - table.columns.keys())
    if missing:
        raise InvalidInputError(
            f"A planilha não tem a coluna {missing[0]}", name, "Acrescente a coluna e envie a planilha de novo."
        )
    cells = [""] * len(table.heading)
    for column, value in told.items():
        cells[table.columns[column]] = value
    text = decode_sheet(content, name)
    line = StringIO()
    csv.writer(line, delimiter=_head(text, rule)[0], lineterminator="\n").writerow(cells)
    return f"{text.rstrip()}\n{line.getvalue()}".encode()


def _head(text: str, rule: UserSheetRule) -> tuple[str, list[list[str]]]:
    """The delimiter by which the first rows name the most columns, and those rows."""
    heads = {delimiter: head_of(text, delimiter, MAX_ROWS_ABOVE_HEADING + 1) for delimiter in _DELIMITERS}
    delimiter = max(heads, key=lambda found: max((len(rule.columns_of(line)) for line in heads[found]), default=0))
    return delimiter, heads[delimiter]


def _typed(cell: str) -> str:
    """What was typed, without the marks that keep a spreadsheet program from taking it for a number: '012, ="012"."""
    value = plain(cell)
    if value.startswith('="') and value.endswith('"'):
        return value[2:-1]
    return value.removeprefix("'")


def _columns(heading: Sequence[str], where: str, rule: UserSheetRule) -> dict[Column, int]:
    places: dict[Column, list[int]] = {}
    for at, title in enumerate(heading):
        if column := rule.column_of(title):
            places.setdefault(column, []).append(at)
    twice = [
        f"{' e '.join(f'{heading[at]!r} ({column_letter(at)})' for at in found)} dizem a mesma coisa: {column}"
        for column, found in places.items()
        if len(found) > 1
    ]
    if twice:
        raise InvalidInputError(f"As colunas {'; '.join(twice)}", where, "Deixe uma só delas.")
    return {column: places[column][0] for column in COLUMNS if column in places}


def _unknown(heading: Sequence[str], rule: UserSheetRule) -> tuple[str, ...]:
    # What does not look like a title may be somebody's data, in a heading written over.
    return tuple(
        title if len(title) <= _MAX_SHOWN_HEADING and not re.search(r"[\d@]", title) else f"coluna {column_letter(at)}"
        for at, title in enumerate(heading)
        if title and not rule.column_of(title) and not rule.is_ignored(title)
    )


def _no_heading(text: str, head: Sequence[Sequence[str]], name: str, rule: UserSheetRule) -> InvalidInputError:
    if not text.strip():
        return InvalidInputError("O arquivo está vazio", name, "Envie a planilha preenchida.")
    at, found = max(
        ((at, rule.columns_of(line)) for at, line in enumerate(head)), key=lambda line: len(line[1]), default=(0, set())
    )
    if any(is_misread(cell) for line in head for cell in line):
        return InvalidInputError(
            "Os acentos foram gravados na codificação errada e não se acha o cabeçalho",
            name,
            "Salve a planilha como XLSX ou como CSV UTF-8 e reenvie.",
        )
    if not found:
        return InvalidInputError(
            f"Falta o cabeçalho: nenhuma das {MAX_ROWS_ABOVE_HEADING + 1} primeiras linhas tem os nomes das colunas",
            name,
            f"Escreva, em uma linha acima das pessoas: {'; '.join(REQUIRED_COLUMNS)}. Pode ter também:"
            f" {', '.join(column for column in COLUMNS if column not in REQUIRED_COLUMNS)}.",
        )
    missing = [column for column in REQUIRED_COLUMNS if column not in found]
    fix = "Complete o cabeçalho e envie de novo."
    if missing == ["login"]:
        fix = f"O login é a prefeitura que decide: acrescente a coluna.{_suggestion(head, at, rule)}"
    return InvalidInputError(
        f"No cabeçalho falta{'m' if len(missing) > 1 else ''} {', '.join(f'a coluna {column}' for column in missing)}",
        f"{name}, linha {at + 1}",
        fix,
    )


def _suggestion(head: Sequence[Sequence[str]], at: int, rule: UserSheetRule) -> str:
    place = next(place for place, title in enumerate(head[at]) if rule.column_of(title) == "email")
    emails = [cell for line in head[at + 1 :] if place < len(line) and (cell := plain(line[place]))]
    domains = {email.partition("@")[2].lower() for email in emails}
    if len(emails) < _FEW_EMAILS or len(domains) > 1 or not all(map(is_email, emails)):
        return ""
    return (
        f" Todos os e-mails são de {domains.pop()}: o login pode ser o que vem antes da arroba, se a rede usa o mesmo."
    )
