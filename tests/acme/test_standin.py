"""The stand-in itself: what a client that cheats is told. A lenient server would prove nothing of the client."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import josepy
import pytest
from acme.jws import JWS
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from domain.certificate import KeyType
from domain.certificate_signing import new_key, signing_request
from lab.acme_standin.authority import AcmeAuthority
from tests.acme.conftest import Edge

HOST = "timoteo-producao.sei.example"


class Client:
    """Speaks ACME by hand, so that it can say things that the library never would."""

    def __init__(self, directory_url: str, ca_file: Path) -> None:
        self.http = httpx.Client(verify=ssl.create_default_context(cafile=str(ca_file)), trust_env=False)
        self.base = directory_url.removesuffix("/directory")
        self.key = JWKEC(key=new_key(KeyType.ECDSA_P256))
        self.account: str | None = None

    def nonce(self) -> bytes:
        return josepy.b64.b64decode(self.http.head(f"{self.base}/nonce").headers["Replay-Nonce"])

    def post(
        self,
        path: str,
        payload: dict[str, Any] | None,
        *,
        nonce: bytes | None = None,
        signed_for: str | None = None,
        key: JWKEC | None = None,
        tamper: bool = False,
        content_type: str = "application/jose+json",
    ) -> httpx.Response:
        body = b"" if payload is None else json.dumps(payload).encode()
        signed = JWS.sign(
            body,
            key=key or self.key,
            alg=ES256,
            nonce=nonce or self.nonce(),
            url=signed_for or f"{self.base}{path}",
            kid=self.account,
        )
        document = json.loads(signed.json_dumps())
        if tamper:
            document["payload"] = josepy.b64.b64encode(b'{"identifiers": []}').decode()
        return self.http.post(
            f"{self.base}{path}", content=json.dumps(document), headers={"Content-Type": content_type}
        )

    def sign_up(self) -> None:
        answer = self.post("/account", {})
        assert answer.status_code == 201
        self.account = answer.headers["Location"]

    def order(self) -> dict[str, Any]:
        answer = self.post("/order", {"identifiers": [{"type": "dns", "value": HOST}]})
        assert answer.status_code == 201, answer.text
        return {**answer.json(), "path": answer.headers["Location"].removeprefix(self.base)}

    def path(self, address: str) -> str:
        return address.removeprefix(self.base)


@pytest.fixture
def client(
    authority: AcmeAuthority, server: tuple[AcmeAuthority, str], tls: tuple[Path, Path, Path]
) -> Iterator[Client]:
    made = Client(server[1], tls[2])
    made.sign_up()
    yield made
    made.http.close()


def code_of(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return str(answer.json()["type"]).rpartition(":")[2]


ORDER = {"identifiers": [{"type": "dns", "value": HOST}]}


def test_a_nonce_is_good_once_and_only_if_it_was_given(client: Client) -> None:
    nonce = client.nonce()
    assert client.post("/order", ORDER, nonce=nonce).status_code == 201
    assert code_of(client.post("/order", ORDER, nonce=nonce)) == "badNonce"
    assert code_of(client.post("/order", ORDER, nonce=b"inventado")) == "badNonce"


def test_a_request_is_refused_when_it_was_signed_for_elsewhere_or_by_another_or_changed(client: Client) -> None:
    assert code_of(client.post("/order", ORDER, signed_for=f"{client.base}/account")) == "unauthorized"
    stranger = JWKEC(key=new_key(KeyType.ECDSA_P256))
    assert code_of(client.post("/order", ORDER, key=stranger)) == "malformed"
    assert code_of(client.post("/order", ORDER, tamper=True)) == "malformed"
    assert code_of(client.post("/order", ORDER, content_type="application/json")) == "malformed"


def test_an_account_sees_nothing_of_another(client: Client) -> None:
    order = client.order()
    client.key = JWKEC(key=new_key(KeyType.ECDSA_P256))
    client.account = None
    client.sign_up()
    assert code_of(client.post(order["path"], None)) == "unauthorized"
    assert code_of(client.post(client.path(order["authorizations"][0]), None)) == "unauthorized"


def test_nothing_is_issued_before_the_host_answered_with_this_accounts_key(client: Client, edge: Edge) -> None:
    order = client.order()
    request = signing_request([HOST], new_key(KeyType.ECDSA_P256))
    csr = {"csr": josepy.json_util.encode_csr(request)}
    assert code_of(client.post(f"{order['path']}/finalize", csr)) == "orderNotReady"
    authorization = client.post(client.path(order["authorizations"][0]), None).json()
    challenge = next(one for one in authorization["challenges"] if one["type"] == "http-01")
    (edge.directory / challenge["token"]).write_text(f"{challenge['token']}.de-outra-conta")
    answer = client.post(client.path(challenge["url"]), {}).json()
    assert (answer["status"], answer["error"]["type"].rpartition(":")[2]) == ("invalid", "unauthorized")
    assert client.post(order["path"], None).json()["status"] == "invalid"
    assert code_of(client.post(f"{order['path']}/finalize", csr)) == "orderNotReady"


def test_a_request_for_other_names_than_the_orders_is_refused(client: Client, edge: Edge) -> None:
    order = client.order()
    authorization = client.post(client.path(order["authorizations"][0]), None).json()
    challenge = next(one for one in authorization["challenges"] if one["type"] == "http-01")
    thumbprint = josepy.b64.b64encode(client.key.thumbprint()).decode()
    (edge.directory / challenge["token"]).write_text(f"{challenge['token']}.{thumbprint}")
    assert client.post(client.path(challenge["url"]), {}).json()["status"] == "valid"
    other = signing_request(["outro.sei.example"], new_key(KeyType.ECDSA_P256))
    finalize = f"{order['path']}/finalize"
    assert code_of(client.post(finalize, {"csr": josepy.json_util.encode_csr(other)})) == "badCSR"
    mine = signing_request([HOST], new_key(KeyType.ECDSA_P256))
    assert client.post(finalize, {"csr": josepy.json_util.encode_csr(mine)}).json()["status"] == "valid"
