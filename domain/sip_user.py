"""A user of SIP with the permissions in it. Personal data: `repr` and validation errors never show it."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Self

from pydantic import ConfigDict, Field, PositiveInt

from domain.model import Frozen


class Place(Frozen):
    """What a permission is about: a perfil of a system in a unidade, by SIP's ids."""

    id_sistema: PositiveInt
    id_perfil: PositiveInt
    id_unidade: PositiveInt


class Grant(Frozen):
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
        return self if self.has_ended(today) else self.model_copy(update={"fim": today - timedelta(days=1)})

    def reopened(self, today: date) -> Self:
        """This permission in force from today on; one that is in force already stays as it is."""
        return self if self.in_force(today) else self.model_copy(update={"inicio": today, "fim": None})


class UserState(Frozen):
    """Everything of a user that an import may change. `nome` is the civil name, `cpf` has its 11 digits."""

    model_config = ConfigDict(hide_input_in_errors=True)

    sigla: str = Field(repr=False)
    nome: str = Field(repr=False)
    nome_social: str | None = Field(default=None, repr=False)
    cpf: str | None = Field(default=None, repr=False)
    email: str | None = Field(default=None, repr=False)
    id_origem: str | None = Field(default=None, repr=False)
    ativo: bool = True
    grants: tuple[Grant, ...] = ()

    @property
    def shown_name(self) -> str:
        """What SIP and SEI show: the social name of who has one (Decreto 8.727/2016)."""
        return self.nome_social or self.nome

    @property
    def by_place(self) -> dict[Place, Grant]:
        """The permissions by what they are about."""
        return {grant.place: grant for grant in self.grants}

    def with_grants(self, grants: Iterable[Grant]) -> Self:
        """This user with exactly these permissions, in an order of their own."""
        return self.model_copy(update={"grants": ordered(grants)})

    def deactivated(self, today: date) -> Self:
        """This user without access anywhere from today on."""
        return self.model_copy(update={"ativo": False, "grants": ordered(grant.ended(today) for grant in self.grants)})


class SipUser(Frozen):
    """A user as SIP has it. `bloqueado` is a person's decision, which no import touches."""

    id_usuario: PositiveInt
    state: UserState
    bloqueado: bool = False


def ordered(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Permissions in the order of what they are about, so that equal sets are equal tuples."""
    return tuple(
        sorted(grants, key=lambda grant: (grant.place.id_sistema, grant.place.id_perfil, grant.place.id_unidade))
    )
