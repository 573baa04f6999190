"""The edge: one TLS virtual host an environment, behind one web application firewall for all of them."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from prefect.blocks.core import Block
from pydantic import AfterValidator, ConfigDict, Field

from blocks.runtime import ServiceAddress
from domain.change import Change
from domain.edge import Site, Switch, UpstreamUrl
from domain.environment import EnvironmentName
from domain.model import Frozen

HTTPS_PORT = 443

PublicAddress = Annotated[str, AfterValidator(lambda given: str(ip_address(given)))]


class EdgeAddress(ServiceAddress):
    """How this machine reaches an environment through the edge: where to connect, which host to ask for and verify."""

    ca_file: Path | None
    """The authority to trust; None means those that the system trusts."""


class EdgeHealth(Frozen):
    """What a probe of the edge saw."""

    serving: bool
    sites: int
    detail: str


class Edge(Block, ABC):
    """The way in from the internet: TLS, WAF, limits and maintenance pages, one site an environment."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Borda (interface)"
    _block_type_slug = "implanta-edge"

    public_domain: str = Field(description="Domínio sob o qual cada ambiente tem seu endereço público.")
    public_port: int = Field(default=HTTPS_PORT, description="Porta em que o público é atendido por HTTPS.")

    public_addresses: tuple[PublicAddress, ...] = Field(
        default=(), description="Endereços IP em que o público alcança a borda, para os nomes no DNS."
    )

    gateway_url: UpstreamUrl | None = Field(
        default=None,
        description="Endereço interno das páginas de acesso (./implanta gateway serve), como http://10.0.0.5:8600;"
        " vazio: nenhuma.",
    )

    def server_name(self, environment: EnvironmentName) -> str:
        """The public host name of one environment."""
        return environment.hostname(self.public_domain)

    def url(self, environment: EnvironmentName) -> str:
        """The public address of one environment, without a path."""
        return f"https://{self.public_host(environment)}"

    def public_host(self, environment: EnvironmentName) -> str:
        """The public name, with the port where it is not the usual one."""
        name = self.server_name(environment)
        return name if self.public_port == HTTPS_PORT else f"{name}:{self.public_port}"

    def access_url(self, environment: EnvironmentName) -> str | None:
        """The page where people choose their own password at the first access; None when no gateway serves it."""
        return f"{self.url(environment)}/acesso/{environment.slug}/primeiro-acesso" if self.gateway_url else None

    @abstractmethod
    def address(self, environment: EnvironmentName) -> EdgeAddress:
        """How this machine reaches the environment as the public does, without asking the DNS."""

    @abstractmethod
    def ensure_site(self, site: Site, *, keeping: Collection[Switch] = ()) -> Change:
        """Serve one environment as declared; returns when it is really served.

        `keeping` are the switches that the caller does not mean to change: they stay as they are at the moment of
        writing, whatever the site says of them, for somebody may have closed it since it was read. A site that is not
        there yet has its own.

        Raises:
            InvalidInputError: the server refuses the site's configuration; what was served before still is.
            RetryableError: the edge is down or does not take the configuration over.
        """

    @abstractmethod
    def switch_site(
        self, environment: EnvironmentName, *, maintenance: bool | None = None, closed: bool | None = None
    ) -> Change:
        """Close a site to the public or open it, by the given switches; everything else stays as it is.

        It asks nobody but the edge: a site has to close also while the registry is away.

        Raises:
            InvalidInputError: the site is not declared.
            RetryableError: the edge is down or does not take the configuration over.
        """

    @abstractmethod
    def remove_site(self, environment: EnvironmentName) -> Change:
        """Serve the environment no more; nothing of its certificate and key is left."""

    @abstractmethod
    def list_sites(self) -> tuple[Site, ...]:
        """What is declared, by slug."""

    @abstractmethod
    def probe(self) -> EdgeHealth:
        """Whether the edge serves what is declared."""
