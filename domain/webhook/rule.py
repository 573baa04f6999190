"""Which deployment each source starts, and with what: the catalog decides it, never the sender."""

from typing import Annotated, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from domain.catalog_entry import CatalogEntry
from domain.webhook.contracts import CONTRACTS, Contract, Source

DeploymentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,40}$")]


class WebhookRule(CatalogEntry):
    """What becomes of the messages of one source."""

    source: Source = Field(alias="origem")
    deployment: DeploymentName
    parameters: dict[ParameterName, str] = Field(alias="parametros", min_length=1)
    fixed: dict[ParameterName, int] = Field(alias="fixos", default_factory=dict)

    @model_validator(mode="after")
    def _gives_what_the_contract_offers(self) -> Self:
        offers = CONTRACTS[self.source].OFFERS
        if unknown := sorted(set(self.parameters.values()) - offers):
            msg = f"a origem {self.source.value} não tem {', '.join(unknown)}; tem {', '.join(sorted(offers))}"
            raise ValueError(msg)
        if twice := sorted(self.parameters.keys() & self.fixed.keys()):
            msg = f"o parâmetro aparece em parametros e em fixos: {', '.join(twice)}"
            raise ValueError(msg)
        return self

    def parameters_of(self, contract: Contract) -> dict[str, JsonValue]:
        """The parameters of the flow run that a message starts."""
        offered = contract.offered()
        return {**self.fixed, **{parameter: offered[name] for parameter, name in self.parameters.items()}}


class WebhookTable(CatalogEntry):
    """The sources that are listened to at all, and how long their messages are kept."""

    kept_days: Annotated[int, Field(alias="guarda_dias", ge=1, le=90)]
    rules: tuple[WebhookRule, ...] = Field(alias="webhooks")

    @model_validator(mode="after")
    def _names_each_source_once(self) -> Self:
        sources = [rule.source for rule in self.rules]
        if len(sources) != len(set(sources)):
            msg = "uma origem aparece duas vezes"
            raise ValueError(msg)
        return self

    def of(self, source: str) -> WebhookRule | None:
        """The rule of a source, or None when nobody listens to it."""
        return next((rule for rule in self.rules if rule.source == source), None)
