"""A users' spreadsheet as a prefeitura really sends it: Timóteo's 350 people, carelessly typed, the same each time."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from openpyxl import Workbook

from blocks.settings import PROJECT_ROOT

EXAMPLE = PROJECT_ROOT / "examples" / "timoteo" / "usuarios.csv"
HEADING = (
    "Nº",
    "Lotação",
    "Nome do Servidor",
    "C.P.F.",
    "E-mail institucional",
    "USUÁRIO",
    "Perfil SEI",
    "Matr.",
    "Ramal",
)
HEADING_ROW = 4
_COLUMN = {"unidade": 1, "nome": 2, "cpf": 3, "email": 4, "login": 5, "perfil": 6, "matricula": 7}
_BLANK_EVERY = 50
_BROKEN_FORMULA = "#N/A"

# One fault in one cell of one person, by the person's place in the example.
_FAULTS: dict[int, tuple[str, str, str]] = {
    30: ("cpf", "123.456.789-00", "dígitos verificadores"),
    31: ("cpf", "", "o CPF está vazio"),
    32: ("cpf", "8,18662E+10", "perdeu dígitos"),
    40: ("nome", "Maria", "falta o sobrenome"),
    50: ("unidade", "SMA/T1", "a unidade não existe no ambiente"),
    60: ("email", "fulano(a)timoteo.example", "o e-mail não é válido"),
    70: ("login", "joão.silva", "o login só pode ter"),
    100: ("matricula", _BROKEN_FORMULA, "fórmula com erro"),
    120: ("nome", "Łukasz Souza", "U+0141"),
    130: ("perfil", "Basico; Arquivo", "o 2º perfil não existe"),
}
_SAME_LOGIN = (80, 81)
_SECOND_NAME = "Outra Pessoa de Souza"
_NAMING = {"nome", "cpf", "email", "login"}
_TWO_NAMES, _TWO_UNITS, _TWICE, _MERGED = 90, 10, 20, 110


@dataclass(frozen=True)
class MessySheet:
    """The file, how many people must come out of it, and why which rows must not."""

    content: bytes
    people: int
    accepted_rows: int
    rejected: Mapping[int, str]
    remarked: tuple[int, ...]
    personal: frozenset[str]
    """What must be nowhere else: everybody's name, CPF, e-mail and login, and what stands for them in bad rows."""

    @property
    def filled_rows(self) -> int:
        """How many rows must be either accepted or rejected."""
        return self.accepted_rows + len(self.rejected)


def messy_workbook() -> MessySheet:
    """The XLSX: a title in merged cells, synonyms for headings, blank rows, a total at the foot, and planted faults."""
    with EXAMPLE.open(encoding="utf-8-sig", newline="") as file:
        people = list(csv.DictReader(file, delimiter=";"))
    lines = [line for place, person in enumerate(people) for line in _lines(place, person, people)]
    lines.append(_Line([None, None, f"Total: {len(people)}"], reason="falta o campo"))
    book = Workbook()
    book.worksheets[0].title = "Instruções"
    book.worksheets[0].append(["Preencha a aba ao lado"])
    page = book.create_sheet("Servidores")
    page.append(["PREFEITURA MUNICIPAL DE TIMÓTEO"])
    page.merge_cells("A1:I1")
    page.append([])
    page.append(["Relação de usuários do SEI", None, "dúvidas: RH"])
    page.append(list(HEADING))
    for row, line in enumerate(lines, start=HEADING_ROW + 1):
        page.append(line.cells)
        if line.merged_below:
            page.merge_cells(start_row=row, end_row=row + 1, start_column=2, end_column=2)
        for cell in page[row]:
            if cell.value == _BROKEN_FORMULA:
                cell.data_type = "e"
    target = io.BytesIO()
    book.save(target)
    lost = len(_FAULTS) + len(_SAME_LOGIN) + 1 + 1  # who has two names, and who lost the unit to a merged cell
    numbered = list(enumerate(lines, start=HEADING_ROW + 1))
    return MessySheet(
        content=target.getvalue(),
        people=len(people) - lost,
        accepted_rows=len(people) - lost + 2,  # who works in two units, and who comes twice
        rejected={row: line.reason for row, line in numbered if line.reason},
        remarked=tuple(row for row, line in numbered if line.remarked),
        personal=frozenset(_personal(people)),
    )


def _personal(people: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for person in people:
        yield from (person["nome"], person["email"], person["login"], person["cpf"])
        yield "".join(filter(str.isdigit, person["cpf"]))
    yield from (value for column, value, _ in _FAULTS.values() if column in _NAMING and len(value) > len("Maria"))
    yield _SECOND_NAME


@dataclass
class _Line:
    """One row as it is typed, and what must become of it: blank, accepted or rejected for this reason."""

    cells: list[object]
    reason: str = ""
    remarked: bool = False
    merged_below: bool = False


def _lines(place: int, person: Mapping[str, str], people: Sequence[Mapping[str, str]]) -> list[_Line]:
    cells = _typed(place, person)
    blank = [_Line([])] if place and place % _BLANK_EVERY == 0 else []
    if place in _FAULTS:
        column, value, reason = _FAULTS[place]
        return [*blank, _Line(_with(cells, column, value), reason)]
    lines = {
        _SAME_LOGIN[0]: [_Line(cells, "login repetido")],
        _SAME_LOGIN[1]: [_Line(_with(cells, "login", people[_SAME_LOGIN[0]]["login"].upper()), "login repetido")],
        _TWO_NAMES: [
            _Line(cells, "CPF repetido com outro nome"),
            _Line(_with(cells, "nome", _SECOND_NAME), "CPF repetido com outro nome"),
        ],
        _TWO_UNITS: [_Line(cells), _Line(_with(cells, "unidade", people[place - 1]["unidade"]))],
        _TWICE: [_Line(cells), _Line(cells, remarked=True)],
        _MERGED: [_Line(cells, merged_below=True)],
        _MERGED + 1: [_Line(_with(cells, "unidade", None), "célula mesclada")],
    }
    return [*blank, *lines.get(place, [_Line(cells)])]


def _with(cells: list[object], column: str, value: str | None) -> list[object]:
    changed = list(cells)
    changed[_COLUMN[column]] = value
    return changed


def _typed(place: int, person: Mapping[str, str]) -> list[object]:
    digits = "".join(filter(str.isdigit, person["cpf"]))
    number = str(int(digits))
    cpf: object = [
        int(digits),
        f"{number[0]}.{number[1:]}E+{len(number) - 1}",
        f"\u00a0{person['cpf']}\u200b ",
        f"{number}.0",
        person["cpf"].replace("-", "–"),
    ][place % 5]
    name = [person["nome"], person["nome"].upper(), f" {person['nome'].replace(' ', '  ')} ", f"{person['nome']}\ufeff"]
    profile = None if person["perfil"] == "Básico" and place % 3 else person["perfil"].replace(",", ";").upper()
    unit = person["unidade"].lower() if place % 2 else f"{person['unidade']}\n"
    return [
        place + 1, unit, name[place % 4], cpf, person["email"].title(), person["login"].upper(), profile,
        int(person["matricula"]) if place % 2 else person["matricula"], "",
    ]  # fmt: skip
