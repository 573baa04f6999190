"""What the edge must know to serve one environment to the internet."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt, SecretStr

from domain.environment import EnvironmentName
from domain.model import Frozen

_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"


def _matching(pattern: str) -> AfterValidator:
    expression = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not expression.fullmatch(value):
            msg = f"{value!r} não serve na configuração do servidor de borda"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


# These go into configuration files: what does not look exactly so never gets there.
HostName = Annotated[str, Field(max_length=253), _matching(_HOST)]
HostAndPort = Annotated[str, Field(max_length=259), _matching(rf"{_HOST}(:[0-9]{{1,5}})?")]
UpstreamUrl = Annotated[str, _matching(rf"https?://{_HOST}(:[0-9]{{1,5}})?")]


class SiteLimits(Frozen):
    """How much of the edge and of the application one environment may take from its neighbours.

    They count by environment, not by address: a whole prefeitura reaches the internet through one address.
    """

    requests_per_second: PositiveInt
    burst: PositiveInt
    connections: PositiveInt


Switch = Literal["maintenance", "closed"]
"""The two who close a site to the public, each without a say in what the other closed."""


class Site(Frozen):
    """One virtual host: the public name and certificate of an environment, and the application behind it."""

    environment: EnvironmentName
    server_name: HostName
    upstream: UpstreamUrl
    upstream_host: HostAndPort
    maintenance: bool = Field(default=False, description="A procedure, such as an opening, keeps the public out.")
    closed: bool = Field(default=False, description="An operator keeps the public out; only an operator lets it in.")
    max_upload_mb: PositiveInt
    limits: SiteLimits
    chain_pem: str = Field(description="The certificate, then those that lead to the authority.", repr=False)
    key_pem: SecretStr

    @property
    def slug(self) -> str:
        """The environment's slug: the name of the site's files."""
        return self.environment.slug

    @property
    def shut(self) -> bool:
        """Whether the edge answers for the application with its maintenance page."""
        return self.maintenance or self.closed
