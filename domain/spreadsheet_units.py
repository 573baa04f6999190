"""The units' spreadsheet of a prefeitura: the tree of its unidades, parents first, and what SEI keeps about each.

Its columns go by our names or by those of the public macros that type units into SIP and SEI (pengovbr/macros-SEI-SIP,
`exemploUnidades.csv`): `2-siglaUnidade`, `4-PAI`, `5-emailUnidade`…
"""

import re
from collections.abc import Iterable, Sequence

from brutils.cnpj import is_valid as is_valid_cnpj
from pydantic import Field

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.spreadsheet import Row, filled_rows, name_rows, repeated
from domain.text import collation_key, is_email, storage_problem, unaccent

UNIT_COLUMNS = ("sigla", "descricao", "superior", "email")
FLAGS = ("protocolo", "arquivamento", "ouvidoria", "envio_processo", "mail_pendencia")
ADDRESS = ("endereco", "complemento", "bairro", "cep", "cidade", "uf")
SETTING_COLUMNS = ("codigo", *FLAGS, "endereco_do_orgao", *ADDRESS, "cnpj", "telefone", "site")
_ORGAO = "orgao"

MAX_SIGLA = 30  # unidade.sigla, in SIP and SEI
MAX_DESCRICAO = 250  # unidade.descricao
MAX_EMAIL = 50  # email_unidade.email
# Columns of `contato`; the telephone's has grown to 100 in SEI 4.1.
_MAX_LENGTHS = {"endereco": 130, "complemento": 130, "bairro": 70, "cidade": 50, "telefone": 50, "site": 50}
_CNPJ_DIGITS = 14

# `*` stands for all the units of an órgão in SIP; modules' scripts simulate a login in TESTE, which must stay as it is.
RESERVED_SIGLAS = ("*", "TESTE", "TESTE_1_1", "TESTE_1_2")

# How headers are spelt: by the macros, whose two published sheets differ, and by whoever types one. Compared without
# their number, accents, case and punctuation; what is None is read over.
_SPELLINGS = {
    **{"seq": None, "idorigemunidade": None, "idorigem": None},
    **{"orgaounidade": _ORGAO, "siglaorgao": _ORGAO},
    **{"siglaunidade": "sigla", "descricaounidade": "descricao", "nome": "descricao", "nomeunidade": "descricao"},
    **{"superiornahierarquia": "superior", "pai": "superior", "unidadesuperior": "superior", "emailunidade": "email"},
    **{"codigosei": "codigo", "codigounidade": "codigo"},
    **{"usaenderecodoorgao": "endereco_do_orgao", "enderecounidade": "endereco", "complementoendereco": "complemento"},
    **{"bairrounidade": "bairro", "ufunidade": "uf", "cidadeunidade": "cidade", "cepunidade": "cep"},
    **{"cnpjunidade": "cnpj", "telefoneunidade": "telefone", "siteunidade": "site"},
}
_COLUMNS = {re.sub("[^a-z]", "", column): column for column in (*UNIT_COLUMNS, *SETTING_COLUMNS, _ORGAO)}
_YES_OR_NO = {"s": "S", "sim": "S", "x": "S", "n": "N", "nao": "N"}


class Unit(Frozen):
    """One unidade that the prefeitura wants. `superior` is its parent's sigla, None for the root.

    `settings` are the values that its row has for SEI, by column; flags are S or N. What the row leaves empty is left
    as SEI has it.
    """

    sigla: str = Field(min_length=1, max_length=MAX_SIGLA)
    descricao: str = Field(min_length=1, max_length=MAX_DESCRICAO)
    superior: str | None = None
    email: str | None = Field(default=None, max_length=MAX_EMAIL, repr=False)
    settings: dict[str, str] = Field(default_factory=dict)


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
    optional = (*SETTING_COLUMNS, _ORGAO)
    numbered = list(filled_rows(_by_our_names(rows, where), UNIT_COLUMNS, where, optional=optional))
    readings = {number: _read_settings(values) for number, values in numbered}
    problems = {number: [*_row_problems(values), *readings[number][1]] for number, values in numbered}
    for column in ("sigla", "codigo"):
        keys = ((number, _identity(column, values[column])) for number, values in numbered)
        for row, others in repeated(keys).items():
            problems[row].append(f"{_NAMES[column]} (também na {name_rows(others)})")
    by_key = {collation_key(values["sigla"]): (number, values) for number, values in numbered}
    for number, values in numbered:
        if values["superior"] and collation_key(values["superior"]) not in by_key:
            problems[number].append(f"a unidade superior {values['superior']!r} não está na planilha")
    general = [*_root_problems(numbered), *_orgao_problems(numbered)]
    ordered: list[tuple[int, dict[str, str]]] = []
    if not general and not any(problems.values()):
        ordered, in_cycle = _parents_first(by_key)
        for number in in_cycle:
            problems[number].append("a unidade está, direta ou indiretamente, subordinada a si mesma")
    _refuse(general, problems, where)
    return UnitTree(units=tuple(_unit(values, readings[number][0], by_key) for number, values in ordered))


def same_setting(column: str, one: str | None, other: str | None) -> bool:
    """Whether two values of a unit's column mean the same to SEI: 7 is 07 as a code, and a city has no case."""
    return _identity(column, one or "") == _identity(column, other or "")


_NAMES = {"sigla": "sigla repetida", "codigo": "código repetido"}


def _identity(column: str, value: str) -> str:
    if column == "codigo" and value.isdigit():
        return str(int(value))
    return collation_key(value) if column in {"sigla", "cidade", "uf"} else value


def _by_our_names(rows: Sequence[Row], where: str) -> list[dict[str, str]]:
    """The rows under our columns' names; a column that nobody knows keeps its name, one that is read over has none."""
    if not rows:
        return []
    names = [_our_name(column, position) for position, column in enumerate(rows[0], start=1)]
    for name in names:
        if name.strip() and names.count(name) > 1:
            positions = [str(position) for position, found in enumerate(names, start=1) if found == name]
            raise InvalidInputError(
                f"As colunas {' e '.join(positions)} dizem a mesma coisa: {name}", where, "Deixe uma só delas."
            )
    return [dict(zip(names, row.values(), strict=True)) for row in rows]


def _our_name(column: str, position: int) -> str:
    bare = re.sub("[^a-z]", "", unaccent(column).lower())
    if bare in _COLUMNS:
        return _COLUMNS[bare]
    name = _SPELLINGS.get(bare, column)
    return " " * position if name is None else name


def _row_problems(values: dict[str, str]) -> list[str]:
    problems: list[str] = []
    for column, max_length, required in (
        ("sigla", MAX_SIGLA, True),
        ("descricao", MAX_DESCRICAO, True),
        ("email", MAX_EMAIL, False),
        *((column, length, False) for column, length in _MAX_LENGTHS.items()),
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


def _read_settings(values: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What the row says to SEI, in SEI's own writing, and why some of it cannot be used."""
    found = {column: values[column] for column in SETTING_COLUMNS if values[column]}
    problems = []
    for column in (column for column in (*FLAGS, "endereco_do_orgao") if column in found):
        flag = _YES_OR_NO.get(unaccent(found[column]).lower())
        if flag is None:
            problems.append(f"o campo {column} deve ser S ou N")
        else:
            found[column] = flag
    if not re.fullmatch(r"\d{1,10}", found.get("codigo", "0"), re.ASCII):
        problems.append("o código deve ter de 1 a 10 algarismos")
    if "cnpj" in found:
        found["cnpj"] = re.sub(r"[.\-/\s]", "", found["cnpj"]).zfill(_CNPJ_DIGITS)  # spreadsheets drop zeros
        if not is_valid_cnpj(found["cnpj"]):
            problems.append("o CNPJ não confere com os dígitos verificadores")
    if "cep" in found:
        digits = re.sub(r"[.\-\s]", "", found["cep"]).zfill(8)
        found["cep"] = f"{digits[:5]}-{digits[5:]}"
        if not re.fullmatch(r"\d{8}", digits, re.ASCII):
            problems.append("o CEP deve ter 8 algarismos")
    return found, problems + _address_problems(found)


def _address_problems(found: dict[str, str]) -> list[str]:
    given = [column for column in ADDRESS if column in found]
    if found.get("endereco_do_orgao") == "S" and given:
        return [f"usa o endereço do órgão e traz outro ({', '.join(given)})"]
    if "endereco" not in found and (given or found.get("endereco_do_orgao") == "N"):
        return ["falta o campo endereco, o endereço próprio da unidade"]
    if ("cidade" in found) != ("uf" in found):
        return ["cidade e uf vêm juntas"]
    if given:
        found["endereco_do_orgao"] = "N"
    return []


def _root_problems(numbered: list[tuple[int, dict[str, str]]]) -> list[str]:
    if not numbered:
        return ["nenhuma linha preenchida"]
    roots = [number for number, values in numbered if not values["superior"]]
    if not roots:
        return ["nenhuma unidade está sem superior: falta a raiz da árvore"]
    if len(roots) > 1:
        return [f"só uma unidade, a raiz, pode ficar sem superior; estão assim as da {name_rows(roots)}"]
    return []


def _orgao_problems(numbered: Iterable[tuple[int, dict[str, str]]]) -> list[str]:
    rows: dict[str, int] = {}
    for number, values in numbered:
        if values[_ORGAO]:
            rows.setdefault(collation_key(values[_ORGAO]), number)
    if len(rows) > 1:
        return [f"a planilha traz {len(rows)} órgãos, os da {name_rows(list(rows.values()))}; cada um tem seu ambiente"]
    return []


def _parents_first(
    by_key: dict[str, tuple[int, dict[str, str]]],
) -> tuple[list[tuple[int, dict[str, str]]], list[int]]:
    """The rows so that each follows its parent, else in spreadsheet order, and the rows that no root reaches."""
    children: dict[str, list[str]] = {}
    for key, (_, values) in by_key.items():
        children.setdefault(collation_key(values["superior"]), []).append(key)
    reached = list(children.get("", []))
    for key in reached:  # grows while it is walked: breadth first
        reached += children.get(key, [])
    in_cycle = [number for key, (number, _) in by_key.items() if key not in set(reached)]
    return [by_key[key] for key in reached], in_cycle


def _unit(values: dict[str, str], settings: dict[str, str], by_key: dict[str, tuple[int, dict[str, str]]]) -> Unit:
    superior = values["superior"]
    return Unit(
        sigla=values["sigla"],
        descricao=values["descricao"],
        superior=by_key[collation_key(superior)][1]["sigla"] if superior else None,
        email=values["email"] or None,
        settings=settings,
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
