"""Which events other systems are told, under which name, and how hard it is tried (`webhook_events.yaml`)."""

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Self

from pydantic import Field, JsonValue, PositiveInt, StringConstraints, model_validator

from domain.catalog_entry import CatalogEntry
from domain.webhook.outgoing import CONTENTS, Content, Told

NoticeType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*\.[a-z][a-z_]*$", max_length=60)]
EventKind = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=60)]
TEST_TYPE = "teste.enviado"
"""What `webhook endpoint test` sends, to nobody else."""


class NoticeRule(CatalogEntry):
    """One kind of notice: the registry's event, the contract of what it says, and which of those events it tells."""

    type: NoticeType = Field(alias="tipo")
    event: EventKind = Field(alias="evento")
    content: Content = Field(alias="conteudo")
    when: dict[str, bool] = Field(alias="quando", default_factory=dict)

    @model_validator(mode="after")
    def _asks_for_what_the_contract_has(self) -> Self:
        fields = CONTENTS[self.content].model_fields
        if unknown := sorted(self.when.keys() - fields.keys()):
            msg = f"o conteúdo {self.content.value} não tem {', '.join(unknown)}"
            raise ValueError(msg)
        return self

    def tells(self, told: Told) -> bool:
        """Whether this event is one of those."""
        return all(getattr(told, name) is wanted for name, wanted in self.when.items())


class OutgoingRule(CatalogEntry):
    """Everything about the notices to other systems."""

    try_days: PositiveInt = Field(alias="tenta_dias", le=10)
    kept_days: PositiveInt = Field(alias="guarda_dias", le=90)
    timeout_seconds: PositiveInt = Field(alias="prazo_segundos", le=60)
    pauses_seconds: tuple[PositiveInt, ...] = Field(alias="pausas_segundos", min_length=1)
    jitter: Annotated[float, Field(alias="variacao", ge=0, le=0.5)]
    networks: tuple[IPv4Network | IPv6Network, ...] = Field(alias="redes_permitidas")
    notices: tuple[NoticeRule, ...] = Field(alias="eventos", min_length=1)

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        types = [rule.type for rule in self.notices]
        if len(types) != len(set(types)) or TEST_TYPE in types:
            msg = f"um tipo aparece duas vezes, ou é {TEST_TYPE}, que é do comando de teste"
            raise ValueError(msg)
        if list(self.pauses_seconds) != sorted(self.pauses_seconds):
            msg = "as pausas têm de crescer"
            raise ValueError(msg)
        if self.kept_days <= self.try_days:
            msg = "guarda_dias tem de ser mais que tenta_dias"
            raise ValueError(msg)
        return self

    @property
    def types(self) -> frozenset[str]:
        """What an endpoint may ask for."""
        return frozenset(rule.type for rule in self.notices)

    def rules_of(self, kind: str) -> Sequence[NoticeRule]:
        """The notices that events of a kind may be."""
        return [rule for rule in self.notices if rule.event == kind]

    def pause_after(self, attempts: int, chance: float) -> timedelta:
        """How long to wait after so many attempts; `chance`, from 0 to 1, spreads those that failed together."""
        pause = self.pauses_seconds[min(max(attempts, 1), len(self.pauses_seconds)) - 1]
        return timedelta(seconds=pause * (1 + self.jitter * (2 * chance - 1)))

    def allows_inside(self, address: str) -> bool:
        """Whether the catalog names the network of this address, which may then be an internal one."""
        found = ip_address(address.partition("%")[0])
        return any(found in network for network in self.networks)

    def allows(self, address: str) -> bool:
        """Whether anything may be sent to an IP address: a public one, or one of the networks that are named."""
        found = ip_address(address.partition("%")[0])
        mapped = getattr(found, "ipv4_mapped", None)
        real = found if mapped is None else mapped
        return (real.is_global and not real.is_multicast) or self.allows_inside(str(real))


def fields_of(content: Content) -> dict[str, JsonValue]:
    """The JSON schema of a contract, for who receives it."""
    return CONTENTS[content].model_json_schema()
