"""The step that gives an environment its place at the edge, from what the registry knows of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import blocks.nginx_edge
from blocks.catalog import Catalog
from blocks.environment_certificate import EnvironmentCertificate
from blocks.http_client import client_for
from blocks.rehearsal import rehearsing
from blocks.settings import Settings
from domain.change import Change
from domain.edge import Site
from domain.environment import EnvironmentName
from domain.municipality import Contact, municipality_from
from domain.plan import choose_plan
from registry import Registry
from tasks import doors
from tasks.adhesion import adhere
from tasks.capacity import size_for
from tasks.certificates import ensure_certificate, publish_certificate
from tasks.edge import ensure_edge_maintenance, ensure_edge_site, remove_edge_site
from tasks.environment import ensure_environment_record

CONTACT = Contact(name="Pessoa de Teste", email="ponto@teste.example.com", role="ponto focal")


@pytest.fixture
def environment(programme: Settings) -> Iterator[str]:
    """A registered environment whose prefeitura has a plan, and a certificate for its public name."""
    municipality = municipality_from("3106309", "Belo Oriente", 25_000, Catalog().ibge_table(), contacts=[CONTACT])
    adhere(Registry(programme.registry_url), municipality, choose_plan(25_000, Catalog().plans()))
    slug = f"{municipality.slug}-treinamento"
    ensure_environment_record.fn(slug, None)
    ensure_certificate.fn(slug)
    yield slug
    remove_edge_site.fn(slug)


def sites_of(environment: str) -> list[Site]:
    """What the edge has of it; others may be there."""
    return [site for site in doors.edge().list_sites() if site.slug == environment]


def test_an_environment_gets_its_place_at_the_edge_once(environment: str) -> None:
    with rehearsing():
        assert ensure_edge_site.fn(environment) == Change(created=1, details=(f"site {environment}",))
    assert sites_of(environment) == []
    assert ensure_edge_site.fn(environment) == Change(created=1, details=(f"site {environment}",))
    assert ensure_edge_site.fn(environment) == Change(unchanged=1)
    (site,) = sites_of(environment)
    application = doors.runtime().address(EnvironmentName.parse(environment))
    assert (site.upstream, site.upstream_host) == (application.connect_to, application.host)
    size = size_for(EnvironmentName.parse(environment))
    assert site.limits.connections == size.edge_connections, "the plan of 25,000 inhabitants"
    assert site.max_upload_mb > size.upload_mb, "the other fields of a form have to fit as well"


def test_an_environment_in_maintenance_stays_so_until_it_is_lifted(environment: str) -> None:
    ensure_edge_site.fn(environment)
    assert ensure_edge_maintenance.fn(environment, active=True).updated == 1
    assert ensure_edge_site.fn(environment) == Change(unchanged=1)
    assert sites_of(environment)[0].maintenance
    assert ensure_edge_maintenance.fn(environment, active=False).updated == 1
    assert remove_edge_site.fn(environment) == Change(removed=1, details=(f"site {environment}",))


@pytest.mark.parametrize("renews", [False, True])
def test_who_closes_an_environment_while_it_is_converged_finds_it_closed(
    environment: str, renews: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A creation, or a renewal, has looked everything up and waits for the edge; somebody closes it first."""
    ensure_edge_site.fn(environment)
    if renews:
        EnvironmentCertificate.delete(environment)
        ensure_certificate.fn(environment)
    real = blocks.nginx_edge._wait_for_lock

    def slow(descriptor: int, home: Path) -> None:
        monkeypatch.setattr(blocks.nginx_edge, "_wait_for_lock", real)
        assert ensure_edge_maintenance.fn(environment, active=True).updated == 1
        real(descriptor, home)

    monkeypatch.setattr(blocks.nginx_edge, "_wait_for_lock", slow)
    assert publish_certificate(environment).updated == renews
    assert sites_of(environment)[0].maintenance
    with client_for(doors.edge().address(EnvironmentName.parse(environment))) as visitor:
        assert visitor.get("/sip/login.php").status_code == 503
