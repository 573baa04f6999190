"""A user of SIP with the permissions in it. Personal data: `repr` and validation errors never show it.

Tuples and dataclasses, not models: a city has tens of thousands of them, compared, copied and stored every night.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from operator import attrgetter
from typing import ClassVar, NamedTuple, Self

from pydantic import ConfigDict, PositiveInt

from domain.text import collation_key

STORED = ConfigDict(extra="forbid", hide_input_in_errors=True)
"""How what is stored of a user is read again."""


class Place(NamedTuple):
    """What a permission is about: a perfil of a system in a unidade, by SIP's ids."""

    id_sistema: PositiveInt
    id_perfil: PositiveInt
    id_unidade: PositiveInt


class Grant(NamedTuple):
    """A row of `sip.permissao`; SIP keeps one a place, with the days from and to which it is in force."""

    place: Place
    inicio: date
    fim: date | None = None
    subunidades: bool = False

    def in_force(self, today: date) -> bool:
        """Whether it gives access on this day."""
        return self.inicio <= today and not self.has_ended(today)

    def has_ended(self, today: date) -> bool:
        """Whether it will never give access again."""
        return self.fim is not None and self.fim < today

    def ended(self, today: date) -> Self:
        """This permission without access from today on; SIP counts the last day in."""
        return self if self.has_ended(today) else self._replace(fim=today - timedelta(days=1))

    def reopened(self, today: date) -> Self:
        """This permission in force from today on, in its own unit alone; one that is in force stays as it is."""
        return self if self.in_force(today) else self._replace(inicio=today, fim=None, subunidades=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    """Everything of a user that an import may change. `nome` is the civil name, `cpf` has its 11 digits."""

    __pydantic_config__: ClassVar = STORED

    sigla: str = field(repr=False)
    nome: str = field(repr=False)
    nome_social: str | None = field(default=None, repr=False)
    cpf: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    id_origem: str | None = field(default=None, repr=False)
    ativo: bool = True
    grants: tuple[Grant, ...] = ()

    @property
    def shown_name(self) -> str:
        """What SIP and SEI show: the social name of who has one (Decreto 8.727/2016)."""
        return self.nome_social or self.nome

    @property
    def login_key(self) -> tuple[str, bool]:
        """What SIP's UNIQUE(sigla, id_orgao, sin_ativo) compares: an inactive user may share an active one's login."""
        return collation_key(self.sigla), self.ativo

    @property
    def by_place(self) -> dict[Place, Grant]:
        """The permissions by what they are about."""
        return {grant.place: grant for grant in self.grants}

    def with_grants(self, grants: Iterable[Grant]) -> Self:
        """This user with exactly these permissions, in an order of their own."""
        return replace(self, grants=ordered(grants))

    def deactivated(self, today: date) -> Self:
        """This user without access anywhere from today on."""
        return replace(self, ativo=False, grants=tuple(grant.ended(today) for grant in self.grants))


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUser:
    """A user as SIP has it. `bloqueado` is a person's decision, which no import touches."""

    __pydantic_config__: ClassVar = STORED

    id_usuario: PositiveInt
    state: UserState
    bloqueado: bool = False


def ordered(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Permissions in the order of what they are about, so that equal sets are equal tuples."""
    return tuple(sorted(grants, key=attrgetter("place")))
