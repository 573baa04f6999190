"""The stand-in as the public sees it: through the edge, under the public name, by HTTPS."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from blocks.nginx_edge import NginxEdge
from domain.edge import Site, SiteLimits
from domain.environment import EnvironmentName, Purpose
from lab.edge import make_block
from lab.state import LabState
from tests.edge.certificates import Authority
from tests.edge.client import Browser
from tests.edge.corpus import FORM
from tests.sei_standin.instance import Instance, Person


@pytest.fixture
def edge(lab_state: LabState, instance: Instance, tmp_path: Path) -> Iterator[NginxEdge]:
    """The lab's edge, with a site for the instance."""
    authority = Authority()
    (tmp_path / "autoridade.pem").write_text(authority.pem)
    block = make_block(
        lab_state.edge.home, lab_state.edge.port, lab_state.edge.http_port, lab_state.edge.status_port
    ).model_copy(update={"ca_file": tmp_path / "autoridade.pem"})
    name = environment_of(instance)
    leaf = authority.issue(block.server_name(name))
    block.ensure_site(
        Site(
            environment=name,
            server_name=block.server_name(name),
            upstream=f"http://127.0.0.1:{instance.port}",
            upstream_host=f"{instance.slug}.localhost:{instance.port}",
            max_upload_mb=40,
            limits=SiteLimits(requests_per_second=500, burst=500, connections=200),
            chain_pem=leaf.chain_pem,
            key_pem=leaf.key_pem,
        )
    )
    instance.configure(SEI={"URL": block.url(name), "Producao": False, "RepositorioArquivos": str(instance.repository)})
    yield block
    block.remove_site(name)


def environment_of(instance: Instance) -> EnvironmentName:
    # The name of an environment ends in its purpose; the tests' schemas need none.
    return EnvironmentName(municipality=instance.slug, purpose=Purpose.TREINAMENTO)


def sign_in(browser: Browser, person: Person) -> dict[str, str]:
    body = f"txtUsuario={quote(person.sigla)}&pwdSenha={quote(person.password)}&selOrgao=0".encode()
    answer = browser.request("POST", "/sip/login.php", headers={"Content-Type": FORM}, body=body)
    assert answer.status == 303, answer.text
    return answer.headers


def test_a_person_signs_in_through_the_edge_with_a_cookie_for_https_alone(
    edge: NginxEdge, instance: Instance, person: Person
) -> None:
    with Browser(edge.address(environment_of(instance))) as browser:
        page = browser.get("/sei/")
        assert page.status == 302
        assert page.headers["location"].startswith("/sip/login.php?"), "whatever the public name is"
        assert "txtUsuario" in browser.get(page.headers["location"]).text
        headers = sign_in(browser, person)
        cookie = headers["set-cookie"]
        assert {"httponly", "samesite=lax", "secure"} <= {part.strip().lower() for part in cookie.split(";")}
        desk = browser.get(headers["location"], {"Cookie": cookie.partition(";")[0]})
        assert "Controle de Processos — TESTE_1_1" in desk.text
        assert edge.url(environment_of(instance)) in browser.get("/sei/controlador_ws.php?servico=sei").text


def test_direct_access_goes_on_without_https(edge: NginxEdge, instance: Instance, person: Person) -> None:
    form = {"txtUsuario": person.sigla, "pwdSenha": person.password, "selOrgao": "0"}
    with instance.client() as client:
        answer = client.post("/sip/login.php", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert "secure" not in answer.headers["set-cookie"].lower()
    assert "httponly" in answer.headers["set-cookie"].lower()


def test_the_public_name_and_the_labs_own_are_one_environment_and_a_third_is_none(
    edge: NginxEdge, instance: Instance
) -> None:
    public = edge.server_name(environment_of(instance))
    with instance.client() as client:
        for host, status in (
            (f"{instance.slug}.localhost", 200),
            (f"{instance.slug}.example.org", 404),
            (public.replace(instance.slug, "outro"), 404),
        ):
            assert client.get("/sip/login.php", headers={"Host": host}).status_code == status, host
