"""The contracted plan of a prefeitura, chosen by population from the programme's price table."""

from typing import Self

from pydantic import Field, PositiveInt, model_validator

from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.model import Frozen


class Plan(Frozen):
    """How many users a prefeitura may have. A negotiated plan has no faixa."""

    faixa: PositiveInt | None
    users: PositiveInt
    concurrent_users: PositiveInt
    negotiated: bool = False

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.negotiated != (self.faixa is None):
            msg = "um plano tem faixa ou é negociado, nunca os dois"
            raise ValueError(msg)
        if self.concurrent_users > self.users:
            msg = "usuários simultâneos não podem passar do total de usuários"
            raise ValueError(msg)
        return self

    @property
    def label(self) -> str:
        """`faixa 3` or `plano negociado`."""
        return "plano negociado" if self.faixa is None else f"faixa {self.faixa}"


class PlanRange(CatalogEntry):
    """One line of the price table: what a population of up to `population_up_to` (inclusive) contracts."""

    faixa: PositiveInt
    population_up_to: PositiveInt = Field(alias="populacao_ate")
    users: PositiveInt = Field(alias="usuarios")
    concurrent_users: PositiveInt = Field(alias="usuarios_simultaneos")

    @property
    def plan(self) -> Plan:
        """The plan that this line grants."""
        return Plan(faixa=self.faixa, users=self.users, concurrent_users=self.concurrent_users)


class PlanTable(CatalogEntry):
    """The price table, in growing order of population and users."""

    ranges: tuple[PlanRange, ...] = Field(alias="faixas", min_length=1)

    @model_validator(mode="after")
    def _grows(self) -> Self:
        for previous, following in zip(self.ranges, self.ranges[1:], strict=False):
            grows = (
                previous.faixa < following.faixa
                and previous.population_up_to < following.population_up_to
                and previous.users < following.users
            )
            if not grows:
                msg = f"a faixa {following.faixa} não cresce em relação à faixa {previous.faixa}"
                raise ValueError(msg)
        return self


def choose_plan(population: int, table: PlanTable, negotiated: Plan | None = None) -> Plan:
    """The plan for a population, in inhabitants; a negotiated plan that a person entered comes first.

    The published table says "up to 10,000" and "10,000 to 50,000": here the upper limit belongs to the lower faixa, so
    10,000 inhabitants is faixa 1 and 10,001 is faixa 2. Raises InvalidInputError for a population without a plan and
    for a negotiated plan that gives less than the table does.
    """
    if population < 1:
        raise InvalidInputError(
            f"População {population} não é válida", "campo população", "Informe o número de habitantes do IBGE."
        )
    listed = next((line.plan for line in table.ranges if population <= line.population_up_to), None)
    if negotiated is not None:
        return _at_least(listed, negotiated)
    if listed is None:
        limit = _thousands(table.ranges[-1].population_up_to)
        raise InvalidInputError(
            f"A tabela de planos não tem faixa para {_thousands(population)} habitantes: acima de {limit} o plano é "
            "negociado",
            "catalog/plans.yaml",
            "Informe o plano negociado com ./implanta municipality add ou plan e as opções --users e --concurrent.",
        )
    return listed


def require_within_plan(user_count: int, plan: Plan, table: PlanTable, where: str) -> None:
    """Raise InvalidInputError when a prefeitura would have more users than its plan, with the choice it has."""
    excess = user_count - plan.users
    if excess <= 0:
        return
    bigger = next((line.plan for line in table.ranges if line.users >= user_count), None)
    choice = f"contrate a {bigger.label} ({_thousands(bigger.users)} usuários)" if bigger else "negocie um plano maior"
    raise InvalidInputError(
        f"São {_thousands(user_count)} usuários e o plano ({plan.label}) permite {_thousands(plan.users)}",
        where,
        f"Retire {_thousands(excess)} usuário{'s' if excess > 1 else ''} ou {choice}.",
    )


def _at_least(listed: Plan | None, negotiated: Plan) -> Plan:
    if listed and (negotiated.users < listed.users or negotiated.concurrent_users < listed.concurrent_users):
        raise InvalidInputError(
            f"O plano negociado ({negotiated.users} usuários, {negotiated.concurrent_users} simultâneos) oferece menos "
            f"que a {listed.label} ({listed.users} usuários, {listed.concurrent_users} simultâneos)",
            "plano negociado",
            "Corrija o plano negociado ou retire-o, para valer a tabela.",
        )
    return negotiated


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", ".")
