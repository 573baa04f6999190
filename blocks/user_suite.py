"""A second look at the people whom the domain accepted, by Great Expectations, which shares no code with the rules.

The patterns are stated anew here on purpose: a mistake in `domain.spreadsheet_users` must not hide itself.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.errors import IntegrityError
from domain.person import MAX_EMAIL, MAX_ID_ORIGEM, MAX_LOGIN, MAX_MATRICULA, MAX_NOME
from domain.spreadsheet_users import UserSheet
from domain.user_verdict import UserRule, UserVerdict

if TYPE_CHECKING:
    import pandas as pd

_SUITE = "usuarios_aceitos"
_PER_PERSON = ("nome", "cpf", "email", "login", "matricula", "nome_social", "id_origem", "linhas")
_PER_LOTACAO = ("unidade", "perfil")
_IS_FIRST = "primeira"  # a person has a row for each lotação: 1 in the first, 0 in the others
_FILLED = ("nome", "cpf", "email", "login", "id_origem", *_PER_LOTACAO)
_TEXTS = ("nome", "nome_social", "email", "login", "matricula")
_CP1252 = "".join(
    character
    for byte in range(0x20, 0x100)
    if byte != 0x7F  # noqa: PLR2004  # the one control character of ASCII that is above the space
    if (character := bytes([byte]).decode("cp1252", "ignore"))
)


@dataclass(frozen=True)
class _Rule:
    """What to tell of an expectation, and what it needs."""

    says: str
    column: str
    expectation: str
    arguments: dict[str, object]

    @property
    def where(self) -> tuple[str, int] | None:
        """What is of the person counts once, in the first of the person's rows."""
        return (_IS_FIRST, 1) if self.column in _PER_PERSON else None


def judge_user_sheet(
    sheet: UserSheet, *, units: AbstractSet[str], profiles: AbstractSet[str], min_accepted_share: float
) -> UserVerdict:
    """State of the accepted people what must be true of them, and of the file that enough of it was accepted.

    `min_accepted_share` is a part of its filled rows, from 0 to 1.

    Raises:
        IntegrityError: a statement could not be judged, which is a defect of the suite.
    """
    from blocks.expectations import validate_frame  # noqa: PLC0415  # takes seconds

    rules = _rules(units, profiles, sheet.filled_rows * min_accepted_share, min_accepted_share)
    found = validate_frame(_SUITE, _frame(sheet), [(rule.expectation, rule.arguments, rule.where) for rule in rules])
    return UserVerdict(
        rules=tuple(
            UserRule(rule=rule.says, column=rule.column, holds=result.success, broken=_broken(rule, result))
            for rule, result in zip(rules, found, strict=True)
        )
    )


def _broken(rule: _Rule, result: Any) -> int:  # noqa: ANN401  # the library's own type would have to be imported
    if result.success:
        return 0
    if "unexpected_count" in result.result:
        return int(result.result["unexpected_count"])
    if "observed_value" in result.result:  # of the table as a whole: no row is to blame
        return 0
    raise IntegrityError(
        f"A regra '{rule.says}' não pôde ser julgada",
        f"usuários aceitos, coluna {rule.column}",
        "É um defeito do Implanta: avise quem o mantém. Nada foi mudado.",
    )


def _frame(sheet: UserSheet) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame(
        [
            (
                person.nome, person.cpf, person.email, person.sigla, person.matricula, person.nome_social,
                person.id_origem, len(person.linhas), lotacao.unidade, lotacao.perfil, 0 if at else 1,
            )
            for person in sheet.accepted
            for at, lotacao in enumerate(person.lotacoes)
        ],
        columns=[*_PER_PERSON, *_PER_LOTACAO, _IS_FIRST],
    )  # fmt: skip


def _rules(
    units: AbstractSet[str], profiles: AbstractSet[str], min_rows: float, min_accepted_share: float
) -> Sequence[_Rule]:
    present = _Rule(
        "as colunas existem",
        "todas",
        "expect_table_columns_to_match_set",
        {"column_set": [*_PER_PERSON, *_PER_LOTACAO, _IS_FIRST]},
    )
    share = _Rule(
        f"pelo menos {min_accepted_share:.0%} das linhas foram aceitas",
        "linhas",
        "expect_column_sum_to_be_between",
        {"column": "linhas", "min_value": min_rows},
    )
    return (
        present,
        *(_each("está preenchida", column, "expect_column_values_to_not_be_null") for column in _FILLED),
        _matches("tem 11 dígitos", "cpf", r"^[0-9]{11}$"),
        *(_each("não se repete", column, "expect_column_values_to_be_unique") for column in ("cpf", "login", "email")),
        _matches("tem a forma de um login", "login", r"^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$"),
        _matches("tem a forma de um e-mail", "email", r"^[^@\s,;<>]+@(?:[a-z0-9-]+\.)+[a-z]{2,}$"),
        _length("login", 1, MAX_LOGIN),
        _length("email", 1, MAX_EMAIL),
        _length("nome", 3, MAX_NOME),
        _length("nome_social", 1, MAX_NOME),
        _length("matricula", 1, MAX_MATRICULA),
        _length("id_origem", 1, MAX_ID_ORIGEM),
        *(_matches("cabe no alfabeto do SEI (cp1252)", column, f"^[{re.escape(_CP1252)}]*$") for column in _TEXTS),
        _each("existe no ambiente", "unidade", "expect_column_values_to_be_in_set", value_set=sorted(units)),
        _each("existe no SEI", "perfil", "expect_column_values_to_be_in_set", value_set=sorted(profiles)),
        share,
    )


def _matches(says: str, column: str, pattern: str) -> _Rule:
    return _each(says, column, "expect_column_values_to_match_regex", regex=pattern)


def _length(column: str, shortest: int, longest: int) -> _Rule:
    says = f"tem de {shortest} a {longest} caracteres"
    return _each(says, column, "expect_column_value_lengths_to_be_between", min_value=shortest, max_value=longest)


def _each(says: str, column: str, expectation: str, **arguments: object) -> _Rule:
    return _Rule(says, column, expectation, {"column": column, **arguments})
