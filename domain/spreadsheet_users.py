"""The users' spreadsheet of a prefeitura: which rows become people, and why the others do not."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from difflib import get_close_matches

from pydantic import PositiveInt

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.person import (
    LOGIN_PATTERN,
    MAX_EMAIL,
    MAX_ID_ORIGEM,
    MAX_LOGIN,
    MAX_MATRICULA,
    MAX_NOME,
    Lotacao,
    Person,
    every_lotacao,
    is_reserved_login,
    parse_cpf,
)
from domain.plan import Plan, PlanTable, require_within_plan
from domain.spreadsheet import UNREADABLE_CELLS, RejectedRow, name_others
from domain.text import collation_key, is_email, is_misread, storage_problem
from domain.user_table import Column, UserTable

# Every other perfil of SEI only adds rights to one of these (reference database: Básico has 864 recursos).
BASE_PROFILES = ("Básico", "Colaborador (Básico sem Assinatura)")

_MIN_WORDS_OF_A_NAME = 2
_WORD = re.compile(r"(?:^|(?<= ))[^ ]*[^\W\d_][^ ]*")  # anything between spaces that has a letter
# Looking for what somebody meant takes a millisecond or so; a column that is wrong in every row is told well enough.
_MAX_SUGGESTIONS = 200
_MAX_SUGGESTED_LENGTH = 60
_FORMULA_ERROR = re.compile(r"#(REF!|N/[DA]|VALOR!|VALUE!|NOME\?|NAME\?|DIV/0!|N[UÚ]M!|NULO!|NULL!)")
_WHO_IS_IT: dict[Column, str] = {
    "nome": "outro nome",
    "email": "outro e-mail",
    "login": "outro login",
    "matricula": "outra matrícula",
    "nome_social": "outro nome social",
}


class Remark(Frozen):
    """What somebody should look at in a row that was accepted all the same; no personal data."""

    linha: PositiveInt
    text: str

    def __str__(self) -> str:
        return f"linha {self.linha}: {self.text}"


class UserSheet(Frozen):
    """The judged spreadsheet: people by their first row, the rest in row order."""

    accepted: tuple[Person, ...]
    rejected: tuple[RejectedRow, ...]
    remarks: tuple[Remark, ...] = ()
    ignored_columns: tuple[str, ...] = ()

    @property
    def accepted_rows(self) -> int:
        """How many rows became people; one person may have several."""
        return sum(len(person.linhas) for person in self.accepted)

    @property
    def filled_rows(self) -> int:
        """How many rows have something written: each was either accepted or rejected."""
        return self.accepted_rows + len(self.rejected)


def read_user_rows(
    table: UserTable,
    *,
    units: AbstractSet[str],
    profiles: AbstractSet[str],
    plan: Plan,
    plans: PlanTable,
    where: str = "planilha de usuários",
) -> UserSheet:
    """Judge every row of a users' spreadsheet, gathering all the problems of each.

    `units` are the siglas and `profiles` the names that exist in the environment; both are found as the collation
    compares and come back as they are written there. Rows of one CPF that differ only in unit and perfil are one
    person. Rows of different people with one login, e-mail or matrícula, and of one CPF with two names, are all
    rejected: nobody here knows which is right. Raises InvalidInputError when the accepted people are more than the
    plan allows.
    """
    reader = _RowReader(units, profiles, table)
    rows = [reader.read(number, cells) for number, cells in table.rows]
    people = _by_person(rows)
    _refuse_two_identities(people)
    _refuse_shared(people)
    for person_rows in people:
        _refuse_without_base(person_rows)
    remarks: list[Remark] = []
    accepted = [person for person_rows in people if (person := _person(person_rows, remarks))]
    remarks += _homonyms(accepted)
    require_within_plan(len(accepted), plan, plans, where)
    return UserSheet(
        accepted=tuple(sorted(accepted, key=lambda person: person.linhas)),
        rejected=tuple(RejectedRow(linha=row.number, reasons=tuple(row.reasons)) for row in rows if row.reasons),
        remarks=tuple(sorted(remarks, key=lambda remark: remark.linha)),
        ignored_columns=table.ignored_columns,
    )


@dataclass(slots=True)
class _JudgedRow:
    """A row while it is judged: `cpf` is empty where it is not valid."""

    number: int
    values: Mapping[Column, str]
    cpf: str = ""
    unidades: list[str] = field(default_factory=list)
    perfis: list[str] = field(default_factory=list)
    perfis_known: bool = False
    reasons: list[str] = field(default_factory=list)


class _RowReader:
    """Reads one row by itself, against what the environment has."""

    def __init__(self, units: AbstractSet[str], profiles: AbstractSet[str], table: UserTable) -> None:
        self._units = _Known("a", "unidade", "no ambiente", units)
        self._profiles = _Known("o", "perfil", "no SEI", profiles)
        self._table = table

    def read(self, number: int, cells: Sequence[str]) -> _JudgedRow:
        row = _JudgedRow(number, self._table.values(cells))
        if self._table.repeats_heading(cells):
            row.reasons.append("a linha repete o cabeçalho")
            return row
        if letter := self._table.untitled(cells):
            row.reasons.append(
                f"há algo escrito na coluna {letter}, que não tem título: veja se a linha está deslocada"
            )
        unreadable = _unreadable_cells(row.values)
        if unreadable:
            row.reasons += unreadable
            return row
        row.perfis, problems = self._profiles.read(row.values["perfil"] or self._table.default_profile)
        row.perfis_known = not problems
        row.unidades, more = self._units.read(row.values["unidade"])
        row.reasons += problems + more
        try:
            row.cpf = parse_cpf(row.values["cpf"])
        except InvalidInputError as error:
            row.reasons.append(error.what[0].lower() + error.what[1:])
        row.reasons += _text_problems(row.values)
        return row


class _Known:
    """What the environment has of one kind, found as its database compares names."""

    def __init__(self, article: str, what: str, where: str, names: Iterable[str]) -> None:
        self._article, self._what, self._where = article, what, where
        self._names = {collation_key(name): name for name in names}
        self._suggestions: dict[str, str] = {}

    def read(self, cell: str) -> tuple[list[str], list[str]]:
        """The names in a cell, as they are written there, and a reason for each that does not exist."""
        whole = self._names.get(collation_key(cell))
        if whole:  # also a name that has a comma itself
            return [whole], []
        keys = [collation_key(name.strip()) for name in re.split("[,;]", cell) if name.strip()]
        found = [self._names[key] for key in keys if key in self._names]
        if not keys:
            return [], [f"falta {self._article} {self._what}"]
        ordinal = {"a": "ª", "o": "º"}[self._article]
        reasons = [
            f"{self._article} {f'{position}{ordinal} ' if len(keys) > 1 else ''}{self._what} não existe {self._where}"
            f"{self._resembling(key)}"
            for position, key in enumerate(keys, start=1)
            if key not in self._names
        ]
        return list(dict.fromkeys(found)), reasons

    def _resembling(self, key: str) -> str:
        # The value itself is not shown: a shifted column puts a name or an e-mail there.
        if key not in self._suggestions:
            if len(self._suggestions) >= _MAX_SUGGESTIONS or len(key) > _MAX_SUGGESTED_LENGTH:
                return ""
            close = get_close_matches(key, self._names, n=1)
            self._suggestions[key] = f" (existe {self._names[close[0]]})" if close else ""
        return self._suggestions[key]


def _unreadable_cells(values: Mapping[Column, str]) -> list[str]:
    reasons = []
    for column, value in values.items():
        if value in UNREADABLE_CELLS:
            reasons.append(f"o campo {column} está em {UNREADABLE_CELLS[value]}")
        elif value.startswith("#") and _FORMULA_ERROR.fullmatch(value):
            reasons.append(f"o campo {column} tem um erro de fórmula: corrija a fórmula ou escreva o valor")
        elif not value.isascii() and is_misread(value):
            reasons.append(f"o campo {column} tem acentos gravados na codificação errada: escreva-o de novo")
    return reasons


def _text_problems(values: Mapping[Column, str]) -> list[str]:
    reasons: list[str] = []
    sizes: tuple[tuple[Column, int, bool], ...] = (
        ("nome", MAX_NOME, True),
        ("email", MAX_EMAIL, True),
        ("login", MAX_LOGIN, True),
        ("matricula", MAX_MATRICULA, False),
        ("nome_social", MAX_NOME, False),
    )
    for column, max_length, required in sizes:
        value = values[column]
        if not value:
            reasons += [f"falta o campo {column}"] * required
        elif problem := storage_problem(value, max_length):
            reasons.append(f"o campo {column} não pode ser gravado: {problem}")
        elif problem := _SHAPES[column](value):
            reasons.append(problem)
    if not values["matricula"] and len(values["login"]) > MAX_ID_ORIGEM:
        reasons.append(f"sem matrícula, o login pode ter no máximo {MAX_ID_ORIGEM} caracteres")
    return reasons


def _name_problem(name: str) -> str | None:
    if len(_WORD.findall(name)) < _MIN_WORDS_OF_A_NAME:
        return "o nome não está completo: falta o sobrenome"
    return _not_a_name(name)


def _not_a_name(name: str) -> str | None:
    if "@" in name:
        return "há um e-mail no lugar do nome"
    return "o nome tem números" if re.search(r"\d", name) else None


def _login_problem(login: str) -> str | None:
    if is_reserved_login(login):
        return "o login é de uma conta do próprio sistema"
    if not re.fullmatch(LOGIN_PATTERN, login.lower()):
        return (
            "o login só pode ter letras sem acento, números, ponto, hífen e sublinhado, e começa e termina por letra "
            "ou número"
        )
    return None


_SHAPES: dict[Column, Callable[[str], str | None]] = {
    "nome": _name_problem,
    "email": lambda email: None if is_email(email) else "o e-mail não é válido",
    "login": _login_problem,
    "matricula": lambda _: None,
    "nome_social": _not_a_name,
}


def _by_person(rows: Iterable[_JudgedRow]) -> list[list[_JudgedRow]]:
    """The rows of each CPF together; a row without a valid one stands alone."""
    people: dict[str, list[_JudgedRow]] = {}
    for row in rows:
        people.setdefault(row.cpf or f"linha {row.number}", []).append(row)
    return list(people.values())


def _refuse_two_identities(people: Iterable[Sequence[_JudgedRow]]) -> None:
    for rows in people:
        if len(rows) == 1:
            continue
        keys = {column: {collation_key(row.values[column]) for row in rows} for column in _WHO_IS_IT}
        differing = [told for column, told in _WHO_IS_IT.items() if len(keys[column]) > 1]
        if differing:
            numbers = [row.number for row in rows]
            for row in rows:
                others = name_others(numbers, {row.number})
                row.reasons.append(f"CPF repetido com {' e '.join(differing)} (também na {others})")


def _refuse_shared(people: Sequence[Sequence[_JudgedRow]]) -> None:
    """Reject the rows of different people that have something which only one may have."""
    shared: tuple[tuple[str, Callable[[Mapping[Column, str]], str]], ...] = (
        ("login repetido", lambda values: values["login"]),
        ("e-mail repetido", lambda values: values["email"]),
        ("matrícula repetida", lambda values: values["matricula"]),
    )
    for reason, value in shared:
        for holders in _shared(people, value):
            _tell_shared(reason, holders)
    for holders in _shared(people, lambda values: values["matricula"] or values["login"]):
        if len({bool(row.values["matricula"]) for rows in holders for row in rows}) > 1:
            _tell_shared("a matrícula de uma pessoa é o login de outra que não tem matrícula", holders)


def _shared(
    people: Sequence[Sequence[_JudgedRow]], value: Callable[[Mapping[Column, str]], str]
) -> Iterator[list[list[_JudgedRow]]]:
    """For each value that more than one person has, their rows, person by person."""
    holders: dict[str, dict[int, list[_JudgedRow]]] = {}
    for person, rows in enumerate(people):
        for row in rows:
            if key := collation_key(value(row.values)):
                holders.setdefault(key, {}).setdefault(person, []).append(row)
    return (list(by_person.values()) for by_person in holders.values() if len(by_person) > 1)


def _tell_shared(reason: str, holders: Sequence[Sequence[_JudgedRow]]) -> None:
    everybody = sorted(row.number for rows in holders for row in rows)
    for rows in holders:
        others = name_others(everybody, {row.number for row in rows})
        for row in rows:
            row.reasons.append(f"{reason} (também na {others})")


def _refuse_without_base(rows: Sequence[_JudgedRow]) -> None:
    """Reject the rows that give rights in a unit where the person has no perfil to which they could be added."""
    good = [row for row in rows if not row.reasons]
    with_base = {unit for row in good if set(row.perfis) & set(BASE_PROFILES) for unit in row.unidades}
    for row in rows:
        covered = bool(row.unidades) and with_base.issuperset(row.unidades)
        if row.perfis_known and not covered and not set(row.perfis) & set(BASE_PROFILES):
            row.reasons.append(f"falta o perfil {BASE_PROFILES[0]}, sem o qual os outros não funcionam no SEI")


def _person(rows: Sequence[_JudgedRow], remarks: list[Remark]) -> Person | None:
    """Who the rows that can be used tell of, or None; a row that says nothing new is remarked upon."""
    good = [row for row in rows if not row.reasons]
    if not good:
        return None
    lotacoes: dict[Lotacao, None] = {}
    for row in good:
        mine = every_lotacao(row.unidades, row.perfis)
        if lotacoes.keys() >= set(mine):
            remarks.append(Remark(linha=row.number, text=f"repete a linha {good[0].number}: contou uma só vez"))
        lotacoes |= dict.fromkeys(mine)
    values = good[0].values
    return Person(
        nome=values["nome"],
        cpf=good[0].cpf,
        email=values["email"].lower(),
        sigla=values["login"].lower(),
        nome_social=values["nome_social"] or None,
        lotacoes=tuple(lotacoes),
        matricula=values["matricula"] or None,
        linhas=tuple(row.number for row in good),
    )


def _homonyms(people: Iterable[Person]) -> list[Remark]:
    by_name: dict[str, list[int]] = {}
    for person in people:
        by_name.setdefault(collation_key(person.nome), []).append(person.linhas[0])
    return [
        Remark(
            linha=row,
            text=f"mesmo nome e outro CPF na {name_others(rows, {row})}: confira se são pessoas diferentes",
        )
        for rows in by_name.values()
        if len(rows) > 1
        for row in rows
    ]
