"""The page of passwords, sent as a browser sends it, before real security systems."""

import logging
import re
import secrets
import socket
import time

import httpx
import pytest
from ldap3 import NONE, SAFE_SYNC, Connection, Server
from ldap3.core.exceptions import LDAPInvalidCredentialsResult

from blocks.directory import Directory
from blocks.ssc import SecuritySystem
from blocks.ssc_ldap import LdapSsc
from domain.account import PasswordPolicy
from gateway.access import LOGIN_ATTEMPTS, LOGIN_SECONDS, REFUSAL_STEP_SECONDS
from gateway.body import MAX_BODY_BYTES
from lab.ports import choose
from tests.gateway.conftest import CHOSEN, ENVIRONMENT, MARIA, UNKNOWN, Serve, Visitor, accepts, only_ldap
from tests.waiting import wait_until

WRONG = "senha-errada-da-maria"
FIRST_ACCESS = f"/acesso/{ENVIRONMENT.slug}/primeiro-acesso"


def alert_of(answer: httpx.Response) -> str:
    """What the box at the top says, without its tags."""
    found = re.search(r'role="alert".*?</div>', answer.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", found[0] if found else "").split())


def test_the_provisional_password_is_changed_for_ones_own(
    visitor: Visitor, ssc: SecuritySystem, provisional: str
) -> None:
    visitor.page = FIRST_ACCESS
    assert ssc.list_users(ENVIRONMENT)[0].must_change
    answer = visitor.send(provisional)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/acesso/{ENVIRONMENT.slug}/concluido")
    done = visitor.open(answer.headers["location"])
    assert 'href="https://olhos-dagua-treinamento.sei.localhost:18443/sei"' in done.text
    assert not ssc.list_users(ENVIRONMENT)[0].must_change
    assert not accepts(ssc, provisional)
    assert accepts(ssc, CHOSEN)


@only_ldap
def test_the_directory_itself_takes_the_new_password_and_not_the_old(
    visitor: Visitor, directory: Directory, provisional: str
) -> None:
    visitor.send(provisional)
    dn = f"uid={MARIA.uid},{directory.people_dn(ENVIRONMENT)}"

    def bind(password: str) -> Connection:
        server = Server(directory.host, directory.port, get_info=NONE)
        return Connection(server, dn, password, client_strategy=SAFE_SYNC, raise_exceptions=True, auto_bind=True)

    bind(CHOSEN).unbind()
    assert not LdapSsc(directory=directory).list_users(ENVIRONMENT)[0].must_change
    with pytest.raises(LDAPInvalidCredentialsResult):
        bind(provisional)


@pytest.mark.parametrize(
    "new", ["Açaí-e-pão-de-queijo", "ção\"'<b>&amp;; --", "£uro €200 sempre", "com espaço no meio"]
)
def test_passwords_with_accents_and_signs_are_kept_as_they_were_typed(
    visitor: Visitor, ssc: SecuritySystem, provisional: str, new: str
) -> None:
    assert visitor.send(provisional, new).status_code == 303
    assert accepts(ssc, new)


def test_a_login_is_taken_in_capitals_and_with_spaces_around_it(visitor: Visitor, provisional: str) -> None:
    assert visitor.send(provisional, login=f" {MARIA.uid.upper()} ").status_code == 303


def test_the_page_tells_the_policy_in_force_before_anybody_chooses(visitor: Visitor, ssc: SecuritySystem) -> None:
    ssc.ensure_policy(PasswordPolicy(min_length=11, history=7))
    text = visitor.open().text
    assert "Ter pelo menos 11 caracteres." in text
    assert "das 7 anteriores" in text
    assert "Olhos-d&#39;Água · treinamento" in text


@pytest.mark.parametrize(
    ("new", "repeated", "told"),
    [
        ("curta", "curta", "pelo menos 8 caracteres"),
        (CHOSEN, f"{CHOSEN}x", "diferentes"),
        ("", "", "Digite a senha nova"),
        ("x" * 129, "x" * 129, "no máximo 128"),
        (None, None, "diferente da atual"),
        ("Segredo-do-1º-dia", "Segredo-do-1º-dia", "a tela de entrada do SEI não envia"),
    ],
)
def test_what_the_page_itself_refuses_changes_nothing_and_shows_no_password(
    visitor: Visitor, ssc: SecuritySystem, provisional: str, new: str | None, repeated: str | None, told: str
) -> None:
    answer = visitor.send(provisional, provisional if new is None else new, repeated)
    assert answer.status_code == 422
    assert told in alert_of(answer)
    assert answer.text.count("<title>Erro: ") == 1
    for typed in (provisional, new, repeated):
        assert not typed or typed not in answer.text
    assert f'value="{MARIA.uid}"' in answer.text
    assert accepts(ssc, provisional)


def test_what_the_policy_refuses_is_told_and_does_not_count_as_an_attempt(
    visitor: Visitor, ssc: SecuritySystem, provisional: str
) -> None:
    assert visitor.send(provisional).status_code == 303
    assert visitor.send(CHOSEN, "outra-senha-boa").status_code == 303
    for _ in range(LOGIN_ATTEMPTS + 1):
        answer = visitor.send("outra-senha-boa", CHOSEN)  # one of the last three
        assert (answer.status_code, CHOSEN in answer.text) == (422, False)
        assert "não foi aceita" in alert_of(answer)
    assert accepts(ssc, "outra-senha-boa")


def without_token(text: str) -> str:
    return re.sub(r'(name="hdnToken" value=")[^"]*', r"\1", text)


def test_nobody_learns_whether_a_login_exists(visitor: Visitor, ssc: SecuritySystem, provisional: str) -> None:
    answers, seconds = {}, {}
    ssc.block_users(ENVIRONMENT, [MARIA.uid])
    blocked = visitor.send(provisional)
    ssc.unblock_users(ENVIRONMENT, [MARIA.uid])
    for login in (MARIA.uid, UNKNOWN, "a,ou=outro", "ção"):
        taken = []
        for _ in range(3):
            started = time.monotonic()
            answers[login] = visitor.send(WRONG, login=login, token=visitor.token())
            taken.append(time.monotonic() - started)
        seconds[login] = min(taken)  # a busy machine only adds
    assert {answer.status_code for answer in (blocked, *answers.values())} == {422}
    texts = {without_token(answer.text).replace(login, "") for login, answer in answers.items()}
    texts.add(without_token(blocked.text).replace(MARIA.uid, ""))
    assert len(texts) == 1
    assert max(seconds.values()) - min(seconds.values()) < REFUSAL_STEP_SECONDS / 2
    assert min(seconds.values()) >= REFUSAL_STEP_SECONDS


def test_after_too_many_wrong_passwords_a_login_waits_and_is_not_locked(
    visitor: Visitor, ssc: SecuritySystem, provisional: str
) -> None:
    token = visitor.token()
    for _ in range(LOGIN_ATTEMPTS):
        assert visitor.send(WRONG, token=token).status_code == 422
    refused = visitor.send(provisional, login=MARIA.uid.upper(), token=token)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= LOGIN_SECONDS
    assert "15 minutos" in refused.text
    visitor.clock.seconds += LOGIN_SECONDS + 1
    assert visitor.send(provisional, token=token).status_code == 303


@only_ldap
def test_a_client_address_may_not_try_one_login_after_the_other(served: Serve) -> None:
    visitor = served(proxies=("127.0.0.1",), address_attempts=3)
    token = visitor.token()

    def attempt(number: int, address: str) -> int:
        visitor.headers = {"X-Forwarded-For": address}
        return visitor.send(WRONG, login=f"pessoa{number}", token=token).status_code

    assert [attempt(n, "203.0.113.7") for n in range(4)] == [422, 422, 422, 429]
    assert attempt(5, "203.0.113.8") == 422


@only_ldap
def test_without_a_configured_proxy_an_address_that_a_client_claims_is_not_believed(served: Serve) -> None:
    visitor = served(address_attempts=2)
    token = visitor.token()
    found = []
    for number in range(3):
        visitor.headers = {"X-Forwarded-For": f"203.0.113.{number}", "X-Forwarded-Proto": "https"}
        answer = visitor.send(WRONG, login=f"pessoa{number}", token=token)
        found.append(answer.status_code)
        assert "strict-transport-security" not in answer.headers
    assert found == [422, 422, 429]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://mal.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@only_ldap
def test_a_form_of_another_site_changes_nothing(
    visitor: Visitor, ssc: SecuritySystem, provisional: str, headers: dict[str, str]
) -> None:
    token = visitor.token()
    visitor.headers = headers
    answer = visitor.send(provisional, token=token)
    assert (answer.status_code, provisional in answer.text) == (403, False)
    assert "Envie o formulário de novo" in alert_of(answer)
    assert accepts(ssc, provisional)


@only_ldap
def test_a_token_counts_only_with_its_cookie_and_signed_for_the_environment(
    visitor: Visitor, ssc: SecuritySystem, provisional: str
) -> None:
    token = visitor.token()
    cookie = visitor.client.cookies["acesso"]
    assert cookie == token
    assert re.fullmatch(r"t[0-9a-f]{106}", token), "a sign in it could look like an attack to the edge's firewall"
    for forged in ("", "x", f"{token}x", f"9{token}", "é", token[:-64], token[-64:], "t" + "0" * 106):
        assert visitor.send(provisional, token=forged).status_code == 403
        visitor.client.cookies.clear()
        visitor.client.cookies.set("acesso", forged.encode("ascii", "ignore").decode(), path="/")
        assert visitor.send(provisional, token=forged).status_code == 403
        visitor.client.cookies.clear()
    assert visitor.send(provisional, token=token).status_code == 403
    assert accepts(ssc, provisional)


@only_ldap
def test_the_own_origin_is_the_one_that_the_visitor_asked_for(served: Serve, provisional: str) -> None:
    visitor = served(proxies=("127.0.0.1",))
    host = "olhos-dagua-treinamento.sei.localhost:18443"
    visitor.headers = {"Host": host, "X-Forwarded-Proto": "https", "Origin": f"https://{host}"}
    first = visitor.open()
    (cookie,) = first.headers.get_list("set-cookie")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly",
        "max-age=7200",
        f"path=/acesso/{ENVIRONMENT.slug}",
        "samesite=strict",
        "secure",
    }
    assert first.headers["strict-transport-security"] == "max-age=31536000"
    # httpx, which came without TLS, would not send a cookie that wants it.
    visitor.headers["Cookie"] = cookie.partition(";")[0]
    token = cookie.partition(";")[0].partition("=")[2]
    assert visitor.send(provisional, token=token).status_code == 303


@only_ldap
@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/acesso/{ENVIRONMENT.slug}/senha", 200),
        (FIRST_ACCESS, 200),
        (f"/acesso/{ENVIRONMENT.slug}/concluido", 200),
        ("/acesso/estilo.css", 200),
        ("/saude", 200),
        ("/acesso/olhos-dagua-producao/senha", 404),
        ("/acesso/olhos-dagua-producao/concluido", 404),
        ("/acesso/nao-existe/senha", 404),
        ("/acesso/..%2f..%2fetc/senha", 404),
        ("/acesso/%F0%9F%8C%B3-producao/primeiro-acesso", 404),
        (f"/acesso/{ENVIRONMENT.slug}/outra", 404),
        ("/docs", 404),
        ("/openapi.json", 404),
        ("/", 404),
    ],
)
def test_every_answer_carries_the_strict_headers(visitor: Visitor, path: str, status: int) -> None:
    answer = visitor.open(path)
    assert answer.status_code == status
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    if answer.headers["content-type"].startswith("text/html"):
        assert '<html lang="pt-BR">' in answer.text
        assert not re.search(r"<script|<style|style=|https?://(?!olhos-dagua)", answer.text)


@only_ldap
def test_every_field_has_a_label_and_is_filled_in_by_a_password_manager(visitor: Visitor) -> None:
    text = visitor.open().text
    inputs = re.findall(r'<input id="(\w+)" name="\1" type="(\w+)" autocomplete="([\w-]+)"', text)
    assert [(kind, fills) for _, kind, fills in inputs] == [
        ("text", "username"),
        ("password", "current-password"),
        ("password", "new-password"),
        ("password", "new-password"),
    ]
    assert all(f'<label for="{name}">' in text for name, _, _ in inputs)


@only_ldap
def test_a_body_larger_than_a_form_is_refused_told_or_not(visitor: Visitor) -> None:
    big = b"txtUsuario=" + b"x" * MAX_BODY_BYTES
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert visitor.client.post(visitor.page, content=big, headers=form).status_code == 413
    assert visitor.client.post(visitor.page, content=iter([big[:9000], big[9000:]]), headers=form).status_code == 413


@only_ldap
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"txtUsuario=%FF", "application/x-www-form-urlencoded", 400),
        ("txtUsuario=ç".encode(), "application/x-www-form-urlencoded", 400),
        (b"pwdNovaSenha=a&pwdNovaSenha=b", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % n for n in range(40)), "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded; charset=utf-8", 403),
    ],
)
def test_a_malformed_form_is_refused_with_a_page(visitor: Visitor, body: bytes, kind: str, status: int) -> None:
    answer = visitor.client.post(visitor.page, content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert "<h1>" in answer.text


@only_ldap
def test_while_the_security_system_is_down_a_page_says_to_come_back(
    served: Serve, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = served()
    token = visitor.token()
    nobody = choose(["ldap"], avoid=())["ldap"]
    directory.model_copy(update={"port": nobody}).save("caido", overwrite=True)
    silent = Directory.load("caido")
    assert isinstance(silent, Directory)
    LdapSsc(directory=silent).save("caido", overwrite=True)
    monkeypatch.setenv("IMPLANTA_SSC_BLOCK", "implanta-ldap-ssc/caido")
    for answer in (visitor.open(), visitor.send(WRONG, token=token)):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "Serviço fora do ar" in answer.text
        assert "LDAP" not in answer.text
    assert visitor.open("/saude").status_code == 200


@only_ldap
def test_a_defect_shows_and_logs_nothing_that_was_typed(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = visitor.token()
    monkeypatch.setattr("gateway.access.find_problems", lambda form, policy: 1 / 0 if form.login else None)
    caplog.set_level(logging.DEBUG)
    answer = visitor.send(WRONG, token=token)
    assert answer.status_code == 500
    assert "Algo deu errado do nosso lado" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    wait_until(lambda: "ZeroDivisionError" in caplog.text, "the server says what it was, after its answer")
    assert WRONG not in caplog.text


@only_ldap
def test_a_visitor_who_leaves_in_the_middle_of_a_form_is_no_defect(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("gateway").setLevel(logging.INFO)
    head = (
        f"POST {visitor.page} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 500\r\n\r\ntxtUsuario="
    )
    url = visitor.client.base_url
    with socket.create_connection((url.host, url.port)) as leaving:
        leaving.sendall(head.encode())
    wait_until(lambda: "POST /acesso/{environment}/senha 400" in caplog.text, "the request is given up")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_no_login_and_no_password_reach_a_log(
    visitor: Visitor, provisional: str, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("gateway").setLevel(logging.INFO)
    secret = secrets.token_urlsafe(12)
    visitor.open(f"/acesso/{secret}/senha?txtUsuario={MARIA.uid}")
    visitor.open(f"/{secret}")
    visitor.send(WRONG)
    visitor.send(provisional)

    def said() -> str:
        return "\n".join(record.getMessage() for record in caplog.records if record.name == "gateway")

    last = re.compile(r"^POST /acesso/\{environment\}/senha 303 \d+ ms$", re.MULTILINE)
    wait_until(lambda: last.search(said()) is not None, "the change is logged")
    ours = said()
    assert re.search(r"^GET - 404 \d+ ms$", ours, re.MULTILINE)
    for typed in (MARIA.uid, WRONG, provisional, CHOSEN, secret, "127.0.0.1"):
        assert typed not in ours
