"""The way in, against the real directory: who comes in, who does not, and that nobody learns why."""

import pytest
from ldap3 import MODIFY_ADD, MODIFY_DELETE, Connection, Server
from pydantic import SecretStr

from blocks.operators import OperatorDirectory
from blocks.settings import Settings
from domain.errors import InvalidInputError, RetryableError
from gateway.form_tokens import FIELD
from lab.painel import GROUPS_DN, PEOPLE_DN
from lab.state import LabState
from painel.gate import LOGIN_ATTEMPTS, LOGIN_SECONDS, own_page
from painel.sessions import IDLE_SECONDS, LONGEST_SECONDS, RECHECK_SECONDS
from tests.painel.conftest import Own, ServeBoard


@pytest.fixture
def own(serve_board: ServeBoard) -> Own:
    return serve_board()


@pytest.fixture
def admin(lab_state: LabState) -> Connection:
    """Who keeps the operator's directory."""
    server = Server(lab_state.ldap.host, port=lab_state.ldap.port)
    password = lab_state.ldap.admin_password.get_secret_value()
    return Connection(server, lab_state.ldap.admin_dn, password, auto_bind=True)


@pytest.mark.parametrize("path", ["", "/prefeituras", "/prefeituras/timoteo", "/painel.xlsx", "/painel.pdf", "/mapa"])
def test_nobody_sees_anything_without_signing_in(own: Own, path: str) -> None:
    answer = own.visitor.open(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/painel/entrar")
    assert answer.text == ""


def test_who_signs_in_goes_on_to_the_page_that_was_asked_for(own: Own) -> None:
    there = own.visitor.open("/prefeituras?etapa=live").headers["location"]
    assert there == "/painel/entrar?para=%2Fpainel%2Fprefeituras%3Fetapa%3Dlive"
    answer = own.visitor.sign_in(to="/painel/prefeituras?etapa=live")
    assert (answer.status_code, answer.headers["location"]) == (303, "/painel/prefeituras?etapa=live")
    assert own.visitor.open().status_code == 200


@pytest.mark.parametrize(
    "page",
    ["https://x.example", "//x.example", "/painel//x", "/painel/../x", "/acesso", "/painel?\r\nX: y", "javascript:1"],
)
def test_nobody_is_led_away_from_the_board(page: str) -> None:
    assert own_page(page) == "/painel"


def test_the_cookie_is_for_this_site_only_and_no_script_reads_it(serve_board: ServeBoard) -> None:
    plain = serve_board().visitor.sign_in().headers["set-cookie"]
    assert "HttpOnly" in plain and "SameSite=lax" in plain
    behind = serve_board(proxies=("127.0.0.1",)).visitor
    behind.client.headers["x-forwarded-proto"] = "https"
    behind.client.base_url = str(behind.client.base_url)
    form = {FIELD: "x", "login": "leitura", "senha": "x"}
    assert behind.client.post("/painel/entrar", data=form).headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("leitura", "errada"),
        ("leitura", ""),
        ("nao-existe", "errada"),
        ("*", "errada"),
        ("leitura)(uid=*", "errada"),
        ("", "x"),
        ("a" * 65, "x"),
    ],
)
def test_a_wrong_login_and_a_wrong_password_are_refused_alike(own: Own, login: str, password: str) -> None:
    answer = own.visitor.sign_in(login, password)
    assert answer.status_code in {403, 422}
    assert "Usuário ou senha incorretos, ou conta bloqueada." in answer.text
    assert own.visitor.open().status_code == 303


def test_after_some_wrong_passwords_even_the_right_one_has_to_wait(own: Own) -> None:
    for _ in range(LOGIN_ATTEMPTS):
        assert own.visitor.sign_in("ninguem-aqui", "errada").status_code == 403
    answer = own.visitor.sign_in("ninguem-aqui", "errada")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= LOGIN_SECONDS
    assert own.visitor.sign_in().status_code == 303, "others are not kept out"
    own.clock.seconds += LOGIN_SECONDS + 1
    assert own.visitor.sign_in("ninguem-aqui", "errada").status_code == 403


def test_a_form_of_another_site_is_refused(own: Own) -> None:
    form = {FIELD: "outro", "login": "leitura", "senha": own.visitor.password}
    assert own.visitor.client.post("/painel/entrar", data=form).status_code == 403
    good = {**form, FIELD: own.visitor.token()}
    strange = {"origin": "https://outro.exemplo", "sec-fetch-site": "cross-site"}
    assert own.visitor.client.post("/painel/entrar", data=good, headers=strange).status_code == 403


def test_a_password_is_not_taken_over_a_connection_that_others_can_read(serve_board: ServeBoard) -> None:
    own = serve_board(proxies=("127.0.0.1",))
    own.visitor.client.headers["x-forwarded-for"] = "203.0.113.9"
    answer = own.visitor.sign_in()
    assert answer.status_code == 403
    assert "não é cifrada" in answer.text


@pytest.mark.parametrize("seconds", [IDLE_SECONDS, LONGEST_SECONDS])
def test_a_session_ends_by_itself(own: Own, seconds: int) -> None:
    own.visitor.sign_in()
    step = IDLE_SECONDS - 1 if seconds == LONGEST_SECONDS else seconds + 1
    for _ in range(0, seconds + 1, step):
        assert own.visitor.open("/mapa").status_code == 200
        own.clock.seconds += step
    assert own.visitor.open("/mapa").status_code == 303


def test_who_signs_out_is_out_even_with_the_old_cookie(own: Own) -> None:
    own.visitor.sign_in()
    kept = own.visitor.client.cookies["painel"]
    assert own.visitor.client.post("/painel/sair").status_code == 303
    assert own.visitor.client.get("/painel", cookies={"painel": kept}).status_code == 303


def test_the_role_decides_what_is_offered(serve_board: ServeBoard) -> None:
    for login, offered in (("leitura", False), ("operacao", True), ("aprovacao", True)):
        visitor = serve_board().visitor
        assert visitor.sign_in(login).status_code == 303
        assert ("https://prefect.exemplo" in visitor.open().text) is offered


def test_who_is_in_no_group_is_told_so_and_who_leaves_the_group_is_out_soon(own: Own, admin: Connection) -> None:
    person, group = f"uid=leitura,{PEOPLE_DN}", f"cn=implanta-leitura,{GROUPS_DN}"
    own.visitor.sign_in()
    assert own.visitor.open().status_code == 200
    assert admin.modify(group, {"member": [(MODIFY_ADD, ["cn=ninguem"]), (MODIFY_DELETE, [person])]})
    try:
        assert own.visitor.open().status_code == 200, "for some minutes nobody is looked up again"
        own.clock.seconds += RECHECK_SECONDS + 1
        assert own.visitor.open().status_code == 303
        answer = own.visitor.sign_in()
        assert answer.status_code == 403
        assert "não tem papel no programa" in answer.text
    finally:
        assert admin.modify(group, {"member": [(MODIFY_ADD, [person]), (MODIFY_DELETE, ["cn=ninguem"])]})


def settings(lab_state: LabState, **changes: object) -> Settings:
    lab = lab_state.painel
    values = {name: getattr(lab, name) for name in type(lab).model_fields if name.startswith("operators_")}
    return Settings.model_construct(**{**values, **changes})


def test_without_a_directory_nobody_serves_a_board(lab_state: LabState) -> None:
    for missing in ({"operators_url": None}, {"operators_url": "http://x"}, {"operators_people": ""}):
        with pytest.raises(InvalidInputError, match="operators_"):
            OperatorDirectory(settings(lab_state, **missing))


def test_a_directory_of_an_unknown_authority_or_that_is_down_is_not_asked(lab_state: LabState) -> None:
    for change in ({"operators_authority": None}, {"operators_url": "ldap://127.0.0.1:1"}):
        with pytest.raises(RetryableError, match="não respondeu"):
            OperatorDirectory(settings(lab_state, **change)).authenticate("leitura", SecretStr("x"))


def test_a_service_account_that_is_refused_is_a_setting_to_correct(lab_state: LabState) -> None:
    wrong = settings(lab_state, operators_password=SecretStr("errada"))
    with pytest.raises(InvalidInputError, match="operators_account"):
        OperatorDirectory(wrong).groups_of("leitura")
