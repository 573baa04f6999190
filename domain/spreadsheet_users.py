"""The users' spreadsheet of a prefeitura: which rows become people, and why the others do not."""

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from difflib import get_close_matches

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.person import (
    LOGIN_PATTERN,
    MAX_EMAIL,
    MAX_LOGIN,
    MAX_MATRICULA,
    MAX_NOME,
    Person,
    every_lotacao,
    is_reserved_login,
    parse_cpf,
)
from domain.plan import Plan, PlanTable, require_within_plan
from domain.spreadsheet import RejectedRow, Row, filled_rows, name_rows, repeated
from domain.text import collation_key, is_email, storage_problem

USER_COLUMNS = ("nome", "cpf", "email", "login", "unidade", "perfil", "matricula")

# Every other perfil of SEI only adds rights to one of these (reference database: Básico has 864 recursos).
BASE_PROFILES = ("Básico", "Colaborador (Básico sem Assinatura)")


class UserSheet(Frozen):
    """The judged spreadsheet, both lists in row order."""

    accepted: tuple[Person, ...]
    rejected: tuple[RejectedRow, ...]


def read_user_rows(
    rows: Sequence[Row],
    *,
    units: AbstractSet[str],
    profiles: AbstractSet[str],
    plan: Plan,
    plans: PlanTable,
    where: str = "planilha de usuários",
) -> UserSheet:
    """Judge every row of a users' spreadsheet, gathering all the problems of each.

    `units` are the siglas and `profiles` the names that exist in the environment; both are found as the collation
    compares and come back as they are written there. Two rows with one CPF, login, e-mail or matrícula are both
    rejected: nobody here knows which is right. Raises InvalidInputError for wrong columns, and when the accepted
    people are more than the plan allows.
    """
    numbered = list(filled_rows(rows, USER_COLUMNS, where))
    reader = _RowReader(units, profiles)
    judged = [(number, values, *reader.read(number, values)) for number, values in numbered]
    repeats = _repetitions(numbered)
    accepted: list[Person] = []
    rejected: list[RejectedRow] = []
    for number, _, person, reasons in judged:
        all_reasons = reasons + repeats.get(number, [])
        if person and not all_reasons:
            accepted.append(person)
        else:
            rejected.append(RejectedRow(linha=number, reasons=tuple(all_reasons)))
    require_within_plan(len(accepted), plan, plans, where)
    return UserSheet(accepted=tuple(accepted), rejected=tuple(rejected))


class _RowReader:
    """Turns one row into a person or into reasons, against what the environment has."""

    def __init__(self, units: AbstractSet[str], profiles: AbstractSet[str]) -> None:
        self._units = {collation_key(unit): unit for unit in units}
        self._profiles = {collation_key(profile): profile for profile in profiles}

    def read(self, number: int, values: dict[str, str]) -> tuple[Person | None, list[str]]:
        perfis, reasons = self._read_profiles(values["perfil"])
        unidades, problems = self._read_units(values["unidade"])
        reasons += problems
        cpf, problems = _read_cpf(values["cpf"])
        reasons += problems
        reasons += _text_problems(values)
        if reasons:
            return None, reasons
        person = Person(
            nome=values["nome"],
            cpf=cpf,
            email=values["email"].lower(),
            sigla=values["login"].lower(),
            lotacoes=every_lotacao(unidades, perfis),
            matricula=values["matricula"] or None,
            linhas=(number,),
        )
        return person, []

    def _read_profiles(self, cell: str) -> tuple[list[str], list[str]]:
        names = _listed(cell)
        if not names:
            return [], ["falta o perfil"]
        keys = [collation_key(name) for name in names]
        reasons = [
            f"o {position}º perfil não existe no SEI{_resembling(key, self._profiles)}"
            for position, key in enumerate(keys, start=1)
            if key not in self._profiles
        ]
        found = list(dict.fromkeys(self._profiles[key] for key in keys if key in self._profiles))
        if not reasons and not set(found) & set(BASE_PROFILES):
            reasons.append(f"falta o perfil {BASE_PROFILES[0]}, sem o qual os outros não funcionam no SEI")
        return found, reasons

    def _read_units(self, cell: str) -> tuple[list[str], list[str]]:
        keys = [collation_key(name) for name in _listed(cell)]
        if not keys:
            return [], ["falta a unidade"]
        reasons = [
            f"a {f'{position}ª ' if len(keys) > 1 else ''}unidade não existe no ambiente{_resembling(key, self._units)}"
            for position, key in enumerate(keys, start=1)
            if key not in self._units
        ]
        return list(dict.fromkeys(self._units[key] for key in keys if key in self._units)), reasons


def _listed(cell: str) -> list[str]:
    return [name.strip() for name in re.split("[,;]", cell) if name.strip()]


def _read_cpf(cell: str) -> tuple[str, list[str]]:
    try:
        return parse_cpf(cell), []
    except InvalidInputError as error:
        return "", [error.what[0].lower() + error.what[1:]]


def _text_problems(values: dict[str, str]) -> list[str]:
    reasons: list[str] = []
    for column, max_length, required in (
        ("nome", MAX_NOME, True),
        ("email", MAX_EMAIL, True),
        ("login", MAX_LOGIN, True),
        ("matricula", MAX_MATRICULA, False),
    ):
        value = values[column]
        if not value and required:
            reasons.append(f"falta o campo {column}")
        elif problem := storage_problem(value, max_length):
            reasons.append(f"o campo {column} não pode ser gravado: {problem}")
    if values["email"] and not is_email(values["email"]):
        reasons.append("o e-mail não é válido")
    if values["login"]:
        reasons += _login_problems(values["login"])
    return reasons


def _login_problems(login: str) -> list[str]:
    if is_reserved_login(login):
        return ["o login é de uma conta do próprio sistema"]
    if not re.fullmatch(LOGIN_PATTERN, login.lower()):
        return [
            "o login só pode ter letras sem acento, números, ponto, hífen e sublinhado, e começa e termina por letra "
            "ou número"
        ]
    return []


def _resembling(key: str, known: Mapping[str, str]) -> str:
    # The value itself is not shown: a shifted column puts a name or an e-mail there.
    close = get_close_matches(key, known, n=1)
    return f" (existe {known[close[0]]})" if close else ""


def _repetitions(numbered: list[tuple[int, dict[str, str]]]) -> dict[int, list[str]]:
    reasons: dict[int, list[str]] = {}
    keys: tuple[tuple[str, Callable[[dict[str, str]], str]], ...] = (
        ("CPF repetido", lambda values: _read_cpf(values["cpf"])[0]),
        ("login repetido", lambda values: collation_key(values["login"])),
        ("e-mail repetido", lambda values: collation_key(values["email"])),
        ("matrícula repetida", lambda values: collation_key(values["matricula"])),
    )
    for reason, key in keys:
        for row, others in repeated((number, key(values)) for number, values in numbered).items():
            reasons.setdefault(row, []).append(f"{reason} (também na {name_rows(others)})")
    return reasons
