"""The HTTP interface: what the contract says of authentication, limits, errors and repeated requests."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from pydantic import SecretStr

from blocks.settings import PROJECT_ROOT
from blocks.ssc_http import _POLICY_FIELDS, _REASONS, HttpSsc
from domain.account import Account, AccountsRefusedError, PasswordPolicy
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from tests.ssc.conftest import ENVIRONMENT, NEIGHBOUR, READER, WRITER, StandIn

ANA = Account(uid="ana.lima", name="Ana Lúcia Lima", email="ana.lima@ssc.mg.gov.br")
CONTRACT = (PROJECT_ROOT / "docs" / "contrato-ssc.md").read_text(encoding="utf-8")


def client(standin: StandIn, token: SecretStr = WRITER) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
    return httpx.Client(base_url=standin.url, headers=headers, trust_env=False)


@contextmanager
def answering(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[HttpSsc]:
    """A server that answers everything alike, as a broken one or a proxy in between does."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815  # the library's names

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield HttpSsc(url=f"http://127.0.0.1:{server.server_port}/v1", token=WRITER, timeout_seconds=5)
    server.shutdown()
    server.server_close()


def test_a_stranger_is_refused(http_ssc: HttpSsc) -> None:
    stranger = http_ssc.model_copy(update={"token": SecretStr("token-inventado")})
    with pytest.raises(InvalidInputError, match=r"recusou as credenciais \(código 401\)") as refusal:
        stranger.list_users(ENVIRONMENT)
    assert "token-inventado" not in str(refusal.value)


def test_who_may_only_read_does_not_write(http_ssc: HttpSsc) -> None:
    http_ssc.ensure_users(ENVIRONMENT, [ANA])
    reader = http_ssc.model_copy(update={"token": READER})
    assert len(reader.list_users(ENVIRONMENT)) == 1
    with pytest.raises(InvalidInputError, match=r"recusou as credenciais \(código 403\)"):
        reader.block_users(ENVIRONMENT, [ANA.uid])


def test_too_many_calls_may_be_made_again_later(serve: Callable[..., StandIn]) -> None:
    limited = HttpSsc(url=serve(per_second=3).url, token=WRITER)
    crowd = [ANA.model_copy(update={"uid": f"p{n}"}) for n in range(20)]
    with pytest.raises(RetryableError, match="código 429"):
        limited.ensure_users(ENVIRONMENT, crowd)


def test_an_environment_that_was_never_imported_is_said_so(http_ssc: HttpSsc) -> None:
    with pytest.raises(InvalidInputError, match="O ambiente não existe no SSC"):
        http_ssc.list_users(ENVIRONMENT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"uid": "com espaço"}, "O SSC recusou um login"),
        ({"name": "n" * 101}, "O SSC recusou um nome"),
        ({"email": "sem-arroba"}, "O SSC recusou um e-mail"),
    ],
)
def test_an_account_that_the_contract_refuses_is_named_by_its_field(
    http_ssc: HttpSsc, change: dict[str, str], reason: str
) -> None:
    with pytest.raises(InvalidInputError, match=reason) as refusal:
        http_ssc.ensure_users(ENVIRONMENT, [ANA.model_copy(update=change)])
    assert not any(value in str(refusal.value) for value in (*change.values(), ANA.name, ANA.email))


def test_a_login_of_url_characters_stays_one_login(http_ssc: HttpSsc) -> None:
    http_ssc.ensure_users(ENVIRONMENT, [ANA])
    with pytest.raises(ImplantaError):
        http_ssc.block_users(ENVIRONMENT, ["../usuarios/ana.lima"])
    assert not http_ssc.list_users(ENVIRONMENT)[0].blocked


def test_an_account_made_by_somebody_else_meanwhile_is_for_the_next_look() -> None:
    with answering(409, b'{"motivo": "login-existente"}') as ssc, pytest.raises(RetryableError, match="acabou de ser"):
        ssc.block_users(ENVIRONMENT, [ANA.uid])


def test_a_login_is_one_whatever_its_capitals(standin: StandIn, http_ssc: HttpSsc) -> None:
    http_ssc.ensure_users(ENVIRONMENT, [ANA])
    with client(standin) as caller:
        body = {"login": "ANA.LIMA", "nome": "Outra", "email": "outra@exemplo.org"}
        answer = caller.post(f"/ambientes/{ENVIRONMENT}/usuarios", json=body, headers={"Idempotency-Key": "outra"})
    assert (answer.status_code, answer.json()) == (409, {"motivo": "login-existente"})


def test_a_repeated_creation_is_answered_as_the_first(standin: StandIn, http_ssc: HttpSsc) -> None:
    http_ssc.ensure_users(ENVIRONMENT, [])
    path, body = f"/ambientes/{ENVIRONMENT}/usuarios", {"login": "ana", "nome": "Ana", "email": "a@exemplo.org"}
    with client(standin) as caller:
        first = caller.post(path, json=body, headers={"Idempotency-Key": "k1"})
        again = caller.post(path, json=body, headers={"Idempotency-Key": "k1"})
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        other = caller.post(path, json=body | {"nome": "Bia"}, headers={"Idempotency-Key": "k1"})
        assert (other.status_code, other.json()["motivo"]) == (422, "chave-de-idempotencia-reusada")
        assert caller.post(path, json=body).json()["motivo"] == "chave-de-idempotencia-ausente"
    assert len(http_ssc.list_users(ENVIRONMENT)) == 1


def test_an_account_that_was_removed_meanwhile_is_really_made_again(standin: StandIn, http_ssc: HttpSsc) -> None:
    assert http_ssc.ensure_users(ENVIRONMENT, [ANA]).created == 1
    standin.store.clear()
    assert http_ssc.ensure_users(ENVIRONMENT, [ANA]).created == 1
    assert [user.account for user in http_ssc.list_users(ENVIRONMENT)] == [ANA]


def test_the_key_of_a_request_is_its_own_and_tells_nobody_whose_it_is(http_ssc: HttpSsc) -> None:
    with http_ssc._conversation() as ssc:
        key = ssc._idempotency_key("POST", "/x", {"login": ANA.uid})
        assert key == ssc._idempotency_key("POST", "/x", {"login": ANA.uid})
        assert key != ssc._idempotency_key("POST", "/x", {"login": "outra"})
    with http_ssc.model_copy(update={"token": READER})._conversation() as ssc:
        assert key != ssc._idempotency_key("POST", "/x", {"login": ANA.uid}), "not guessable without the token"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b"Ana Lima falhou", RetryableError),
        (503, b"", RetryableError),
        (429, b"", RetryableError),
        (400, b'{"motivo": "corpo-invalido"}', IntegrityError),
        (404, b"<html>Ana Lima</html>", IntegrityError),
        (409, b'{"motivo": "Ana Lima"}', IntegrityError),
        (422, b'{"motivo": "nome-invalido", "detalhe": "Ana Lima"}', InvalidInputError),
        (302, b"", IntegrityError),
        (200, b"<html>Ana Lima</html>", IntegrityError),
        (200, b"[]", IntegrityError),
        (200, b"{}", IntegrityError),
        (200, b'{"usuarios": [{"login": "Ana Lima"}], "proximo": null}', IntegrityError),
        (200, b'{"usuarios": [{"login": 1, "nome": "Ana Lima"}], "proximo": null}', IntegrityError),
    ],
)
def test_an_answer_is_sorted_by_what_to_do_and_its_text_not_repeated(
    status: int, body: bytes, kind: type[ImplantaError]
) -> None:
    with answering(status, body) as ssc, pytest.raises(kind) as refusal:
        ssc.list_users(ENVIRONMENT)
    assert "Ana" not in str(refusal.value) + repr(refusal.value.__cause__)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_policy_of_another_shape_is_not_believed() -> None:
    body = json.dumps(dict.fromkeys(_POLICY_FIELDS.values(), "muitos")).encode()
    with answering(200, body) as ssc, pytest.raises(IntegrityError, match="fora do contrato"):
        ssc.policy()


def test_a_server_that_is_down_or_silent_may_be_asked_again(http_ssc: HttpSsc) -> None:
    from socket import AF_INET, SOCK_STREAM, socket

    with socket(AF_INET, SOCK_STREAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        ssc = HttpSsc(url=f"http://127.0.0.1:{port}/v1", token=WRITER, timeout_seconds=0.3)
        with pytest.raises(RetryableError, match="O SSC não respondeu"):
            ssc.list_users(ENVIRONMENT)
        silent.listen()
        with pytest.raises(RetryableError, match=r"O SSC não respondeu \(ReadTimeout\)"):
            ssc.ensure_users(ENVIRONMENT, [ANA])


def test_a_lockout_ends_by_itself(standin: StandIn, http_ssc: HttpSsc) -> None:
    http_ssc.ensure_policy(PasswordPolicy())
    http_ssc.ensure_users(ENVIRONMENT, [ANA])
    given = http_ssc.reset_password(ENVIRONMENT, ANA.uid)
    for _ in range(5):
        with pytest.raises(InvalidInputError):
            http_ssc.change_own_password(ENVIRONMENT, ANA.uid, SecretStr("errada"), SecretStr("uma-senha-longa"))
    with pytest.raises(InvalidInputError, match="senha atual incorreta"):
        http_ssc.change_own_password(ENVIRONMENT, ANA.uid, given, SecretStr("uma-senha-longa"))
    standin.clock.seconds += 901
    http_ssc.change_own_password(ENVIRONMENT, ANA.uid, given, SecretStr("uma-senha-longa"))


@pytest.mark.parametrize("word", [*_REASONS, *_POLICY_FIELDS.values(), "login-existente"])
def test_the_contract_documents_what_the_client_understands(word: str) -> None:
    assert f"`{word}`" in CONTRACT


def test_the_contract_documents_every_route_of_the_stand_in() -> None:
    from lab.ssc_standin.app import create_app
    from lab.ssc_standin.store import Store

    (mount,) = create_app(Store(), {}).routes
    documented = {line.split("`")[1] for line in CONTRACT.splitlines() if line.startswith("| `")}
    for route in mount.routes:  # type: ignore[attr-defined]  # a Mount has them
        for method in route.methods - {"HEAD"}:
            assert f"{method} {route.path}" in documented


def test_an_e_mail_of_another_environment_is_refused_by_number_after_all_others(
    standin: StandIn, http_ssc: HttpSsc
) -> None:
    http_ssc.ensure_users(NEIGHBOUR, [ANA])
    standin.store.emails_are_unique = True
    bia, caio = (Account(uid=uid, name=uid, email=f"{uid}@ssc.mg.gov.br") for uid in ("bia", "caio"))
    with pytest.raises(AccountsRefusedError, match="recusou 1 de 3 contas") as refusal:
        http_ssc.ensure_users(ENVIRONMENT, [bia, ANA, caio])
    assert refusal.value.uids == {ANA.uid}
    assert ANA.uid not in str(refusal.value) + repr(refusal.value)
    assert [user.account for user in http_ssc.list_users(ENVIRONMENT)] == [bia, caio]
