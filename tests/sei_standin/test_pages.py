"""What a person does in the browser, and what they may not."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from lab.sei_standin.environments import local_now
from tests.sei_standin.conftest import make_worker
from tests.sei_standin.desk import CONTROL, START, a_type, log_in, move, number_on, start_process, token_of
from tests.sei_standin.instance import ADMINISTRADOR, CHILD_UNIT, GLOBAL_UNIT, OTHER_CHILD, Instance, Person

SYSTEM_USERS = "/sei/controlador.php?acao=usuario_sistema_listar"


@pytest.fixture
def browser(instance: Instance, person: Person) -> Iterator[httpx.Client]:
    with log_in(instance, person) as client:
        yield client


def test_what_only_an_administrator_may_depends_on_the_unit(any_version: Instance) -> None:
    """As in SEI, by the recursos of the perfis that SIP gives the person in the unit."""
    person = make_worker(any_version)
    any_version.grant(person, OTHER_CHILD)
    any_version.grant(person, OTHER_CHILD, profile=ADMINISTRADOR)
    with log_in(any_version, person) as client:
        refused = client.get(SYSTEM_USERS)
        assert (refused.status_code, "Acesso negado" in refused.text) == (403, True)
        assert SYSTEM_USERS not in client.get(CONTROL).text
        assert SYSTEM_USERS in move(client, OTHER_CHILD).text
        assert "INTRANET" in client.get(SYSTEM_USERS).text


def test_a_process_gets_a_number_a_subject_and_an_open_entry_in_the_unit(any_version: Instance) -> None:
    instance = any_version
    person = make_worker(instance)
    with log_in(instance, person) as client:
        page = start_process(client, selTipoProcedimento=a_type(instance))
        number = number_on(page)
        assert re.fullmatch(rf"99991\.000001/{local_now().year}-\d\d", number)
        assert "Processo público " in page.text
        assert number in client.get(CONTROL).text
    protocol = instance.row("sei", "SELECT * FROM protocolo")
    assert protocol["protocolo_formatado"] == number
    assert protocol["descricao"] == "Férias — março"
    assert protocol["protocolo_formatado_pesquisa"] == re.sub(r"\D", "", number)
    assert protocol["protocolo_formatado_pesq_inv"] == re.sub(r"\D", "", number)[::-1]
    assert (protocol["id_usuario_gerador"], protocol["id_unidade_geradora"]) == (person.id_usuario, CHILD_UNIT)
    assert instance.row("sei", "SELECT COUNT(*) AS n FROM rel_protocolo_assunto")["n"] >= 1
    assert instance.row("sei", "SELECT id_tarefa, dth_conclusao FROM atividade") == {
        "id_tarefa": 1,
        "dth_conclusao": None,
    }


def test_numbers_follow_each_other_within_the_unit_even_at_the_same_time(instance: Instance, person: Person) -> None:
    tipo = a_type(instance)

    def start(_: int) -> str:
        with log_in(instance, person) as client:
            return number_on(start_process(client, selTipoProcedimento=tipo))

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(start, range(8)))
    assert sorted(int(number[6:12]) for number in numbers) == list(range(1, 9))
    row = instance.row("sei", "SELECT num_atual FROM infra_sequencia WHERE nome_tabela LIKE 'seq%%uni_sei_91'")
    assert row["num_atual"] == 8


def test_a_refused_process_takes_no_number(instance: Instance, browser: httpx.Client) -> None:
    instance.execute("sei", "UPDATE unidade SET codigo_sei = NULL")
    answer = start_process(browser, selTipoProcedimento=a_type(instance))
    assert answer.status_code == 400
    assert "O código da unidade no SEI não foi preenchido" in answer.text
    instance.execute("sei", "UPDATE unidade SET codigo_sei = '91'")
    answer = start_process(browser, selTipoProcedimento=a_type(instance), txtEspecificacao="não cabe: 😀")
    assert answer.status_code == 400
    assert number_on(start_process(browser, selTipoProcedimento=a_type(instance)))[6:12] == "000001"


def test_a_restricted_process_needs_its_legal_basis(instance: Instance, browser: httpx.Client) -> None:
    tipo = a_type(instance, "1")
    refused = start_process(browser, selTipoProcedimento=tipo, selNivelAcesso="1")
    assert "Hipótese legal não informada" in refused.text
    basis = instance.rows("sei", "SELECT id_hipotese_legal AS id FROM hipotese_legal WHERE sta_nivel_acesso = '1'")[0]
    page = start_process(browser, selTipoProcedimento=tipo, selNivelAcesso="1", selHipoteseLegal=str(basis["id"]))
    assert "restrito" in page.text


@pytest.mark.parametrize("level", ["2", "9", ""])
def test_a_level_that_the_type_does_not_allow_is_refused(instance: Instance, browser: httpx.Client, level: str) -> None:
    answer = start_process(browser, selTipoProcedimento=a_type(instance), selNivelAcesso=level)
    assert answer.status_code == 400


def test_a_type_for_other_units_is_neither_offered_nor_taken(instance: Instance, browser: httpx.Client) -> None:
    tipo = a_type(instance)
    instance.execute("sei", "INSERT INTO tipo_proced_restricao VALUES (1, %s, 0, %s)", (tipo, OTHER_CHILD))
    assert f'value="{tipo}"' not in browser.get(START).text
    assert start_process(browser, selTipoProcedimento=tipo).status_code == 400
    instance.execute("sei", "INSERT INTO tipo_proced_restricao VALUES (2, %s, 0, %s)", (tipo, CHILD_UNIT))
    assert start_process(browser, selTipoProcedimento=tipo).status_code == 200


def test_a_form_without_the_sessions_token_changes_nothing(instance: Instance, browser: httpx.Client) -> None:
    answer = start_process(browser, selTipoProcedimento=a_type(instance), hdnToken="inventado")
    assert answer.status_code == 403
    assert instance.rows("sei", "SELECT 1 FROM protocolo") == []


def test_a_restricted_process_is_shown_only_where_it_passed(instance: Instance, person: Person) -> None:
    instance.execute("sip", "DELETE FROM permissao")
    instance.grant(person, GLOBAL_UNIT)
    with log_in(instance, person) as client:
        basis = instance.rows("sei", "SELECT id_hipotese_legal AS id FROM hipotese_legal WHERE sta_nivel_acesso = '1'")
        page = start_process(
            client,
            selTipoProcedimento=a_type(instance, "1"),
            selNivelAcesso="1",
            selHipoteseLegal=str(basis[0]["id"]),
        )
        address = str(page.url)
        assert "Controle de Processos — TESTE_1_2" in move(client, OTHER_CHILD).text
        assert client.get(address).status_code == 404


def test_without_a_session_one_is_sent_to_the_login_page(instance: Instance) -> None:
    with instance.client() as client:
        for path in (CONTROL, START, "/sei", "/sip", "/", "/sei/inicializar.php"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert 'name="txtUsuario"' in answer.text
            assert answer.url.path == "/sip/login.php"
            assert answer.url.params["sigla_orgao_sistema"] == "PMTESTE"


def test_logging_out_ends_the_session(instance: Instance, browser: httpx.Client) -> None:
    cookies = dict(browser.cookies)
    browser.post("/sei/controlador.php?acao=sair", data={"hdnToken": token_of(browser.get(CONTROL))})
    with instance.client() as client:
        client.cookies.update(cookies)
        assert 'name="txtUsuario"' in client.get(CONTROL).text


def test_the_sessions_cookie_is_out_of_a_scripts_reach(instance: Instance, person: Person) -> None:
    form = {"txtUsuario": person.sigla, "pwdSenha": person.password, "selOrgao": "0"}
    with instance.client() as client:
        answer = client.post("/sip/login.php", data=form, follow_redirects=False)
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]


def test_what_a_person_writes_is_shown_as_text(instance: Instance, browser: httpx.Client) -> None:
    page = start_process(browser, selTipoProcedimento=a_type(instance), txtEspecificacao="<script>alert(1)</script>")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize(
    ("path", "title"),
    [
        (
            "/sei/controlador_externo.php?acao=usuario_externo_logar&id_orgao_acesso_externo=0",
            "Acesso para Usuários Externos",
        ),
        (
            "/sei/controlador_externo.php?acao=documento_conferir&id_orgao_acesso_externo=0",
            "Conferência de Autenticidade",
        ),
        ("/sei/publicacoes/controlador_publicacoes.php", "Publicações Eletrônicas"),
    ],
)
def test_external_pages_answer(instance: Instance, path: str, title: str) -> None:
    with instance.client() as client:
        answer = client.get(path)
    assert (answer.status_code, title in answer.text) == (200, True)
