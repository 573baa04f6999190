"""`prefeitura.csv`: what a prefeitura tells of itself for its documents, one field a row."""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime

from brutils import cnpj, cpf
from pydantic import Field

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.spreadsheet import FIRST_DATA_ROW, Row
from domain.text import clean

COLUMNS = ("campo", "valor")
_LONGEST = 200
_YEARS = range(2020, 2051)  # a year that was typed wrong makes a timetable without holidays


class PrefeituraSheet(Frozen):
    """The fields that were told; each may be missing. The CPF is personal data, and `repr` does not show it."""

    cnpj: str | None = None
    endereco: str | None = None
    cpf_prefeito: str | None = Field(default=None, repr=False)
    comarca: str | None = None
    diario_oficial: str | None = None
    unidade_gestora: str | None = None
    inicio_do_cronograma: date | None = None


def read_prefeitura_rows(rows: Sequence[Row], where: str) -> PrefeituraSheet:
    """The fields of the sheet; a row whose value is empty tells nothing.

    Raises:
        InvalidInputError: a column is missing, or a row is wrong; every one is named by its number, no value is shown.
    """
    missing = [column for column in COLUMNS if rows and column not in rows[0]]
    if missing:
        raise InvalidInputError(f"Falta a coluna {missing[0]}", where, f"As colunas são {';'.join(COLUMNS)}.")
    found: dict[str, object] = {}
    problems: list[str] = []
    for line, row in enumerate(rows, start=FIRST_DATA_ROW):
        name, value = clean(row["campo"]).lower(), clean(row["valor"])
        if not name and not value:
            continue
        if name not in PrefeituraSheet.model_fields:
            problems.append(f"linha {line}: o campo não é conhecido")
        elif name in found:
            problems.append(f"linha {line}: {name} aparece duas vezes")
        elif value:
            try:
                found[name] = _READERS.get(name, _text)(value)
            except ValueError as error:
                problems.append(f"linha {line}: {name} {error}")
    if problems:
        raise InvalidInputError(
            "; ".join(problems), where, f"Os campos são {', '.join(PrefeituraSheet.model_fields)}. Corrija e reenvie."
        )
    return PrefeituraSheet.model_validate(found)


def _text(value: str) -> str:
    if len(value) > _LONGEST:
        msg = f"passa de {_LONGEST} caracteres"
        raise ValueError(msg)
    return value


def _day(value: str) -> date:
    try:
        day = datetime.strptime(value, "%d/%m/%Y").date()  # noqa: DTZ007  # a day has no time zone
    except ValueError:
        msg = "não é uma data dd/mm/aaaa"
        raise ValueError(msg) from None
    if day.year not in _YEARS:
        msg = f"não é um dia de {_YEARS[0]} a {_YEARS[-1]}"
        raise ValueError(msg)
    return day


def _cnpj(value: str) -> str:
    digits = re.sub(r"[./-]", "", value)
    formatted = cnpj.format_cnpj(digits) if cnpj.is_valid(digits) else None
    return _known(formatted, "não é um CNPJ válido")


def _cpf(value: str) -> str:
    digits = re.sub(r"[.-]", "", value)
    return _known(cpf.format_cpf(digits) if cpf.is_valid(digits) else None, "não é um CPF válido")


def _known(value: str | None, problem: str) -> str:
    if value is None:
        raise ValueError(problem)
    return value


_READERS: dict[str, Callable[[str], object]] = {
    "cnpj": _cnpj,
    "cpf_prefeito": _cpf,
    "inicio_do_cronograma": _day,
}
