"""A private edge of the tests' own, an application behind it, and an authority for its certificates."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.nginx_edge import NginxEdge
from domain.edge import Site, SiteLimits
from domain.environment import EnvironmentName
from lab import down, up
from lab.edge import make_block
from lab.state import LabState
from tests.edge.certificates import Authority
from tests.edge.client import Browser
from tests.edge.upstream import Upstream, running_upstream

PLENTY = SiteLimits(requests_per_second=5000, burst=5000, connections=1000)


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Who signs the tests' certificates."""
    return Authority()


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """An application that answers anything."""
    with running_upstream() as running:
        yield running


@pytest.fixture(scope="session")
def edge_state() -> Iterator[LabState]:
    """A lab of which only the edge runs, so that its tests may break it."""
    directory = Path(tempfile.mkdtemp(prefix="implanta-edge-")).resolve()
    try:
        yield up(directory, services=["edge"])
    finally:
        down(directory, destroy=True)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def edge(edge_state: LabState, authority: Authority) -> NginxEdge:
    """The door to it."""
    block = make_block(
        edge_state.edge.home,
        edge_state.edge.port,
        edge_state.edge.http_port,
        edge_state.edge.status_port,
        gateway_url=edge_state.edge.gateway_url,
    )
    ca_file = edge_state.lab_dir / "edge" / "autoridade.pem"
    ca_file.write_text(authority.pem)
    return block.model_copy(update={"ca_file": ca_file})


class Sites:
    """Makes valid sites; a test states only what matters to it."""

    def __init__(self, edge: NginxEdge, authority: Authority, upstream: Upstream) -> None:
        self._edge = edge
        self._authority = authority
        self._upstream = upstream
        self._made: dict[str, Site] = {}

    def make(self, slug: str, **changes: object) -> Site:
        environment = EnvironmentName.parse(slug)
        if slug not in self._made:
            leaf = self._authority.issue(self._edge.server_name(environment))
            self._made[slug] = Site(
                environment=environment,
                server_name=self._edge.server_name(environment),
                upstream=self._upstream.url,
                upstream_host=environment.hostname("localhost"),
                max_upload_mb=40,
                limits=PLENTY,
                chain_pem=leaf.chain_pem,
                key_pem=leaf.key_pem,
            )
        return self._made[slug].model_copy(update=changes)

    def browser(self, slug: str) -> Browser:
        return Browser(self._edge.address(EnvironmentName.parse(slug)))


@pytest.fixture(scope="session")
def sites(edge: NginxEdge, authority: Authority, upstream: Upstream) -> Sites:
    """Sites for this edge."""
    return Sites(edge, authority, upstream)


@pytest.fixture(scope="session")
def light_edge(edge: NginxEdge, tmp_path_factory: pytest.TempPathFactory) -> NginxEdge:
    """The same nginx with one file of the CRS: reading all 921 rules twice a change would take most of the time."""
    rules = tmp_path_factory.mktemp("crs")
    shutil.copy(edge.crs_rules_dir / "REQUEST-901-INITIALIZATION.conf", rules)
    return edge.model_copy(update={"crs_rules_dir": rules})


@pytest.fixture
def empty_edge(light_edge: NginxEdge) -> Iterator[NginxEdge]:
    """The edge without a site, before and after the test; for what does not depend on the firewall's rules."""
    yield light_edge
    _empty(light_edge)


@pytest.fixture
def full_edge(edge: NginxEdge) -> Iterator[NginxEdge]:
    """The edge as it is in production, without a site before and after the test."""
    yield edge
    _empty(edge)


def _empty(edge: NginxEdge) -> None:
    # All at once: one by one, each removal would be a configuration of its own.
    declared = edge.list_sites()
    for site in declared[1:]:
        (edge.home / "declared" / f"{site.slug}.json").unlink()
    for site in declared[:1]:
        edge.remove_site(site.environment)
