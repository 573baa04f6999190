"""People who will use SEI. Personal data: `repr` and validation errors never show it."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated

from brutils.cpf import is_valid
from pydantic import ConfigDict, Field, PositiveInt, StringConstraints
from pydantic.dataclasses import dataclass

from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.text import collation_key, plain

MAX_NOME = 100  # sip.usuario.nome
MAX_LOGIN = 100  # sip.usuario.sigla
MAX_EMAIL = 100  # sip.usuario.email
MAX_MATRICULA = 10  # sei.contato.matricula
MAX_ID_ORIGEM = 50  # sip.usuario.id_origem
CPF_DIGITS = 11
_DASHES = "\u2013\u2014"  # what a word processor makes of a hyphen; rarer ones never get here

# With which Implanta signs in to prove that signing in works.
TECHNICAL_LOGIN = "implanta"
# Accounts that the reference databases bring, and ours; a person must never take one over.
RESERVED_LOGINS = frozenset({"sip", "sei", "intranet", "internet", "teste", TECHNICAL_LOGIN})
_RESERVED_KEYS = frozenset(map(collation_key, RESERVED_LOGINS))

Cpf = Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$")]
# The login is also the `uid` of a directory entry and part of its DN: no character that either would have to escape.
LOGIN_PATTERN = r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"
Login = Annotated[str, StringConstraints(pattern=LOGIN_PATTERN, max_length=MAX_LOGIN)]


class Lotacao(Frozen):
    """A unit where a person works and a perfil with which: one permission of SIP."""

    unidade: str = Field(min_length=1)
    perfil: str = Field(min_length=1)


def every_lotacao(unidades: Iterable[str], perfis: Sequence[str]) -> tuple[Lotacao, ...]:
    """Each perfil in each unit, as one row of the spreadsheet means it."""
    return tuple(_lotacao(unidade, perfil) for unidade in unidades for perfil in perfis)


@lru_cache(maxsize=4096)  # a prefeitura has thousands of people and a few hundred of these
def _lotacao(unidade: str, perfil: str) -> Lotacao:
    return Lotacao(unidade=unidade, perfil=perfil)


# No model: that keeps the names of the fields that were set beside each of tens of thousands.
@dataclass(config=ConfigDict(extra="forbid", hide_input_in_errors=True), frozen=True, slots=True, kw_only=True)
class Person:
    """One person of the users' spreadsheet, ready to become a SIP user.

    `linhas` are the rows that tell of the person: several, where the spreadsheet has a row for each unit.
    """

    nome: str = Field(min_length=1, max_length=MAX_NOME, repr=False)
    cpf: Cpf = Field(repr=False)
    email: str = Field(min_length=1, max_length=MAX_EMAIL, repr=False)
    sigla: Login = Field(repr=False)
    nome_social: str | None = Field(default=None, min_length=1, max_length=MAX_NOME, repr=False)
    lotacoes: tuple[Lotacao, ...] = Field(min_length=1)
    matricula: str | None = Field(default=None, min_length=1, max_length=MAX_MATRICULA, repr=False)
    linhas: tuple[PositiveInt, ...] = ()

    @property
    def unidades(self) -> tuple[str, ...]:
        """The units where the person works, each one once, as the spreadsheet orders them."""
        return tuple(dict.fromkeys(lotacao.unidade for lotacao in self.lotacoes))

    @property
    def perfis(self) -> tuple[str, ...]:
        """The perfis that the person has in any unit, each one once."""
        return tuple(dict.fromkeys(lotacao.perfil for lotacao in self.lotacoes))

    @property
    def linha(self) -> int | None:
        """The first row that tells of the person, None for a person who is in no spreadsheet."""
        return self.linhas[0] if self.linhas else None

    @property
    def shown_name(self) -> str:
        """What SIP and SEI show: the social name of who has one (Decreto 8.727/2016)."""
        return self.nome_social or self.nome

    @property
    def id_origem(self) -> str:
        """What SIP keeps as the person's id at the source: the matrícula, else the login. Never the CPF.

        SIP's full replication skips users without it (installation manual).
        """
        return self.matricula or self.sigla


def parse_cpf(raw: str) -> str:
    """The 11 digits of a CPF, with or without punctuation, also where a spreadsheet took it for a number.

    The zeros that it dropped are put back; `81866201174,0` and `8.1866201174E+10` are read. Raises InvalidInputError,
    without the value, when the check digits are wrong or a number in E notation no longer has all its digits.
    """
    raw = _written_out(re.sub(f"[{_DASHES}]", "-", raw.strip()))
    if not re.fullmatch(r"[0-9.\-/\s]*", raw):
        raise _invalid_cpf("tem caracteres que não são dígitos")
    digits = re.sub(r"[^0-9]", "", raw)
    if not digits:
        raise _invalid_cpf("está vazio")
    if len(digits) > CPF_DIGITS:
        raise _invalid_cpf(f"tem {len(digits)} dígitos, e não 11")
    cpf = digits.zfill(CPF_DIGITS)
    if not is_valid(cpf):
        raise _invalid_cpf("não confere com os dígitos verificadores")
    return cpf


def _written_out(raw: str) -> str:
    """The digits of what a spreadsheet took for a number; anything else as it is."""
    if found := re.fullmatch(r"([0-9]+)\.0|([0-9.]+),0+", raw):
        return found[1] or found[2]
    found = re.fullmatch(r"([0-9])[.,]?([0-9]*)[Ee]\+?([0-9]{1,2})", raw)
    if found is None:
        return raw
    first, decimals, exponent = found[1], found[2], int(found[3])
    if exponent >= CPF_DIGITS or len(decimals.rstrip("0")) > exponent:
        raise _invalid_cpf("é um número fora do tamanho de um CPF")
    # The check digits tell the last digit from the others; of two that are gone they tell nothing.
    if len(decimals) < exponent - 1:
        raise _invalid_cpf("virou um número abreviado (com E+) e perdeu dígitos")
    return first + decimals[:exponent].ljust(exponent, "0")


def cpf_digits(raw: str) -> str | None:
    """The digits of a CPF with the zeros that were lost, right or wrong; None for what cannot be one."""
    try:
        written = _written_out(plain(raw))
    except InvalidInputError:
        return None
    digits = re.sub(r"[.\-/\s]", "", written)
    return digits.zfill(CPF_DIGITS) if re.fullmatch(f"[0-9]{{1,{CPF_DIGITS}}}", digits) else None


def cpf_from_number(number: int | None) -> str | None:
    """The 11 digits of a CPF as SIP and SEI store it (`bigint`: leading zeros lost), or None. Not verified."""
    return None if number is None else str(number).zfill(CPF_DIGITS)


def is_reserved_login(login: str) -> bool:
    """Whether the login belongs to an account of the system itself, compared as SIP's UNIQUE key does."""
    return collation_key(login) in _RESERVED_KEYS


def _invalid_cpf(problem: str) -> InvalidInputError:
    return InvalidInputError(f"O CPF {problem}", "coluna cpf", "Corrija o CPF.")
