"""The units' spreadsheet of a prefeitura: the tree of its unidades, parents first."""

from collections.abc import Sequence

from pydantic import Field

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.spreadsheet import Row, filled_rows, name_rows, repeated
from domain.text import collation_key, is_email, storage_problem

UNIT_COLUMNS = ("sigla", "descricao", "superior", "email")

MAX_SIGLA = 30  # unidade.sigla, in SIP and SEI
MAX_DESCRICAO = 250  # unidade.descricao
MAX_EMAIL = 50  # email_unidade.email

# `*` stands for all the units of an órgão in SIP; modules' scripts simulate a login in TESTE, which must stay as it is.
RESERVED_SIGLAS = ("*", "TESTE", "TESTE_1_1", "TESTE_1_2")


class Unit(Frozen):
    """One unidade that the prefeitura wants. `superior` is its parent's sigla, None for the root."""

    sigla: str = Field(min_length=1, max_length=MAX_SIGLA)
    descricao: str = Field(min_length=1, max_length=MAX_DESCRICAO)
    superior: str | None = None
    email: str | None = Field(default=None, max_length=MAX_EMAIL)


class UnitTree(Frozen):
    """The unidades of a prefeitura: one root, every parent before its children."""

    units: tuple[Unit, ...]

    @property
    def siglas(self) -> frozenset[str]:
        """The siglas, as the prefeitura writes them."""
        return frozenset(unit.sigla for unit in self.units)


def read_unit_rows(rows: Sequence[Row], *, where: str = "planilha de unidades") -> UnitTree:
    """The tree that the spreadsheet describes. A tree with a broken branch is of no use, so it is all or nothing.

    Exactly one unit has no superior: a second root is, nearly always, a superior that someone forgot to fill in, and
    SEI would leave that branch out of the prefeitura's hierarchy without a word. Raises InvalidInputError with every
    problem and its row.
    """
    numbered = list(filled_rows(rows, UNIT_COLUMNS, where))
    problems = {number: _row_problems(values) for number, values in numbered}
    for row, others in repeated((number, collation_key(values["sigla"])) for number, values in numbered).items():
        problems[row].append(f"sigla repetida (também na {name_rows(others)})")
    by_key = {collation_key(values["sigla"]): (number, values) for number, values in numbered}
    for number, values in numbered:
        if values["superior"] and collation_key(values["superior"]) not in by_key:
            problems[number].append(f"a unidade superior {values['superior']!r} não está na planilha")
    general = _root_problems(numbered)
    if not general and not any(problems.values()):
        ordered, in_cycle = _parents_first(by_key)
        for number in in_cycle:
            problems[number].append("a unidade está, direta ou indiretamente, subordinada a si mesma")
    _refuse(general, problems, where)
    return UnitTree(units=tuple(_unit(values, by_key) for values in ordered))


def _row_problems(values: dict[str, str]) -> list[str]:
    problems: list[str] = []
    for column, max_length, required in (
        ("sigla", MAX_SIGLA, True),
        ("descricao", MAX_DESCRICAO, True),
        ("email", MAX_EMAIL, False),
    ):
        if required and not values[column]:
            problems.append(f"falta o campo {column}")
        elif problem := storage_problem(values[column], max_length):
            problems.append(f"o campo {column} não pode ser gravado: {problem}")
    if values["email"] and not is_email(values["email"]):
        problems.append("o e-mail não é válido")
    if collation_key(values["sigla"]) in map(collation_key, RESERVED_SIGLAS):
        problems.append(f"a sigla {values['sigla']} é reservada pelo SEI")
    return problems


def _root_problems(numbered: list[tuple[int, dict[str, str]]]) -> list[str]:
    if not numbered:
        return ["nenhuma linha preenchida"]
    roots = [number for number, values in numbered if not values["superior"]]
    if not roots:
        return ["nenhuma unidade está sem superior: falta a raiz da árvore"]
    if len(roots) > 1:
        return [f"só uma unidade, a raiz, pode ficar sem superior; estão assim as da {name_rows(roots)}"]
    return []


def _parents_first(
    by_key: dict[str, tuple[int, dict[str, str]]],
) -> tuple[list[dict[str, str]], list[int]]:
    """The rows so that each follows its parent, else in spreadsheet order, and the rows that no root reaches."""
    children: dict[str, list[str]] = {}
    for key, (_, values) in by_key.items():
        children.setdefault(collation_key(values["superior"]), []).append(key)
    reached = list(children.get("", []))
    for key in reached:  # grows while it is walked: breadth first
        reached += children.get(key, [])
    in_cycle = [number for key, (number, _) in by_key.items() if key not in set(reached)]
    return [by_key[key][1] for key in reached], in_cycle


def _unit(values: dict[str, str], by_key: dict[str, tuple[int, dict[str, str]]]) -> Unit:
    superior = values["superior"]
    return Unit(
        sigla=values["sigla"],
        descricao=values["descricao"],
        superior=by_key[collation_key(superior)][1]["sigla"] if superior else None,
        email=values["email"] or None,
    )


def _refuse(general: list[str], problems: dict[int, list[str]], where: str) -> None:
    lines = [f"linha {number}: {'; '.join(reasons)}" for number, reasons in problems.items() if reasons]
    found = general + lines
    if found:
        raise InvalidInputError(
            f"A planilha tem {len(found)} problema{'s' if len(found) > 1 else ''}: {' | '.join(found)}",
            where,
            "Corrija e envie a planilha de novo.",
        )
