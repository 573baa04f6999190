"""The authority itself: one method an operation of RFC 8555, and the failures that tests order."""

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.errors import Error as JoseError
from josepy.json_util import decode_b64jose
from josepy.jwk import JWK

from blocks.certificate_authority import InternalCA
from domain.certificate import as_pem, read_certificates
from domain.certificate_signing import sign_site
from lab.acme_standin.orders import Authorization, Order, new_id
from lab.acme_standin.problems import ProblemError
from lab.acme_standin.signed import Nonces, SignedRequest, verify_binding

VALIDITY_DAYS = 90

Operation = Literal["newAccount", "newOrder", "authorization", "challenge", "finalize", "order", "certificate"]


@dataclass
class Account:
    """Who asks."""

    key: JWK
    contact: list[str]


@dataclass(frozen=True)
class Answer:
    """What goes back; paths become addresses of the server, in `document` below the keys that RFC 8555 names."""

    document: dict[str, Any] | str
    status: int = 200
    location: str | None = None
    up: str | None = None


class AcmeAuthority:
    """Signs for whoever proves by http-01 to hold a host name, which it looks for at `validate_at`."""

    def __init__(self, ca: InternalCA, validate_at: str) -> None:
        self.ca = ca
        self.nonces = Nonces()
        self._lock = threading.Lock()
        self.start_over(validate_at)

    def start_over(self, validate_at: str) -> None:
        """Forget everybody, and be an authority that asks for nothing in particular."""
        self.validate_at = validate_at
        self.terms: str | None = None
        self.contracts: dict[str, bytes] | None = None
        """Secrets of external accounts by their identifiers; None when anybody may have an account."""
        self.refused_hosts: frozenset[str] = frozenset()
        self.offers_http = True
        self.slow_polls = 0
        """How often an order is `processing` before it is `valid`."""
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, Order] = {}
        self.asked: list[str] = []
        """The operations in the order in which they came, refused ones too."""
        self._failures: defaultdict[str, deque[ProblemError]] = defaultdict(deque)

    def fail_next(self, operation: Operation, code: str, times: int = 1, detail: str = "pedido pelo teste") -> None:
        """Refuse the next calls of an operation with this code; `html` answers as a broken proxy does."""
        self._failures[operation].extend([ProblemError(code, detail)] * times)

    def directory(self, base: str) -> dict[str, Any]:
        """Where everything is."""
        meta: dict[str, Any] = {"externalAccountRequired": self.contracts is not None}
        if self.terms:
            meta["termsOfService"] = self.terms
        return {
            "newNonce": f"{base}/nonce",
            "newAccount": f"{base}/account",
            "newOrder": f"{base}/order",
            "meta": meta,
        }

    def key_of(self, base: str) -> Callable[[str], JWK | None]:
        """Finds the key of an account by its address."""

        def find(address: str) -> JWK | None:
            account = self.accounts.get(address.removeprefix(f"{base}/account/"))
            return account.key if account else None

        return find

    def answer(self, path: str, request: SignedRequest, base: str) -> Answer:
        """Do what a signed request asks for.

        Raises:
            ProblemError: it is refused.
        """
        account = (request.account or "").removeprefix(f"{base}/account/")
        parts = path.strip("/").split("/")
        with self._lock:
            match parts:
                case ["account"]:
                    answer = self._new_account(request, base)
                case ["order"]:
                    answer = self._new_order(request, account)
                case ["order", order_id]:
                    answer = self._read_order(self._order(order_id, account))
                case ["order", order_id, "finalize"]:
                    answer = self._finalize(request, self._order(order_id, account))
                case ["order", order_id, "certificate"]:
                    answer = self._certificate(self._order(order_id, account))
                case ["authorization", authorization_id]:
                    answer = self._read_authorization(self._authorization(authorization_id, account))
                case ["challenge", authorization_id]:
                    answer = self._challenge(request, self._authorization(authorization_id, account))
                case _:
                    raise ProblemError("malformed", "endereço desconhecido")
        return answer

    def _begin(self, operation: Operation) -> None:
        self.asked.append(operation)
        if self._failures[operation]:
            raise self._failures[operation].popleft()

    def _new_account(self, request: SignedRequest, base: str) -> Answer:
        self._begin("newAccount")
        wanted = request.payload or {}
        known = next((id_ for id_, account in self.accounts.items() if account.key == request.key), None)
        if known is not None:
            return Answer(self._account(known), location=f"/account/{known}")
        if wanted.get("onlyReturnExisting"):
            raise ProblemError("accountDoesNotExist", "conta desconhecida")
        if self.terms and not wanted.get("termsOfServiceAgreed"):
            raise ProblemError("userActionRequired", "aceite os termos de uso")
        if self.contracts is not None:
            if "externalAccountBinding" not in wanted:
                raise ProblemError("externalAccountRequired", "só para contas contratadas")
            verify_binding(wanted["externalAccountBinding"], request.key, f"{base}/account", self.contracts)
        made = new_id()
        self.accounts[made] = Account(key=request.key, contact=list(wanted.get("contact", ())))
        return Answer(self._account(made), status=201, location=f"/account/{made}")

    def _account(self, account_id: str) -> dict[str, Any]:
        return {"status": "valid", "contact": self.accounts[account_id].contact}

    def _new_order(self, request: SignedRequest, account: str) -> Answer:
        self._begin("newOrder")
        identifiers = (request.payload or {}).get("identifiers") or []
        if not identifiers:
            raise ProblemError("malformed", "nenhum endereço no pedido")
        for identifier in identifiers:
            if identifier.get("type") != "dns":
                raise ProblemError("unsupportedIdentifier", "só nomes de DNS")
            if identifier["value"] in self.refused_hosts:
                raise ProblemError("rejectedIdentifier", f"{identifier['value']} está na lista de recusas")
        order = Order(
            account=account,
            authorizations=[Authorization(host=identifier["value"], account=account) for identifier in identifiers],
        )
        self.orders[order.id] = order
        return Answer(self._shown(order), status=201, location=f"/order/{order.id}")

    def _read_order(self, order: Order) -> Answer:
        self._begin("order")
        answer = Answer(self._shown(order))
        if order.polls_until_issued:
            order.polls_until_issued -= 1
        return answer

    def _read_authorization(self, authorization: Authorization) -> Answer:
        self._begin("authorization")
        challenges: list[dict[str, Any]] = [
            {
                "type": "dns-01",
                "url": f"/challenge/{authorization.id}",
                "token": authorization.token,
                "status": "pending",
            }
        ]
        if self.offers_http:
            challenges.append(self._shown_challenge(authorization))
        return Answer(
            {
                "identifier": {"type": "dns", "value": authorization.host},
                "status": authorization.status,
                "challenges": challenges,
            }
        )

    def _challenge(self, request: SignedRequest, authorization: Authorization) -> Answer:
        self._begin("challenge")
        # An empty object says "look now"; no content at all only reads.
        if request.payload is not None and authorization.status == "pending":
            authorization.validate(request.key, self.validate_at)
        return Answer(self._shown_challenge(authorization), up=f"/authorization/{authorization.id}")

    def _finalize(self, request: SignedRequest, order: Order) -> Answer:
        try:
            self._begin("finalize")
        except ProblemError as problem:
            if problem.code == "rejectedIdentifier":  # told by the order itself: it is lost
                order.error = problem
                return Answer(self._shown(order))
            raise
        if order.status != "ready":
            raise ProblemError("orderNotReady", f"o pedido está {order.status}")
        asked = self._read_request(request, order)
        root = read_certificates(self.ca.root_certificate)[0]
        root_key = load_pem_private_key(self.ca.root_key.get_secret_value().encode(), None)
        certificate = sign_site(
            sorted(order.hosts),
            asked.public_key(),
            root=root,
            root_key=root_key,  # type: ignore[arg-type]  # the block makes only kinds that sign
            now=datetime.now(tz=UTC),
            validity_days=VALIDITY_DAYS,
        )
        order.issued = as_pem([certificate])
        order.polls_until_issued = self.slow_polls
        return Answer(self._shown(order))

    def _read_request(self, request: SignedRequest, order: Order) -> x509.CertificateSigningRequest:
        try:
            asked = x509.load_der_x509_csr(decode_b64jose((request.payload or {})["csr"]))
            names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (KeyError, ValueError, JoseError, x509.ExtensionNotFound):
            raise ProblemError("badCSR", "o pedido não pôde ser lido") from None
        if not asked.is_signature_valid or set(names.get_values_for_type(x509.DNSName)) != order.hosts:
            raise ProblemError("badCSR", "o pedido não combina com a ordem")
        return asked

    def _certificate(self, order: Order) -> Answer:
        self._begin("certificate")
        if order.status != "valid" or order.issued is None:
            raise ProblemError("malformed", "ainda não há certificado")
        return Answer(order.issued)

    def _shown(self, order: Order) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "status": order.status,
            "identifiers": [{"type": "dns", "value": host} for host in sorted(order.hosts)],
            "authorizations": [f"/authorization/{one.id}" for one in order.authorizations],
            "finalize": f"/order/{order.id}/finalize",
        }
        if order.error is not None:
            shown["error"] = order.error.document()
        if order.status == "valid":
            shown["certificate"] = f"/order/{order.id}/certificate"
        return shown

    def _shown_challenge(self, authorization: Authorization) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "type": "http-01",
            "url": f"/challenge/{authorization.id}",
            "token": authorization.token,
            "status": authorization.status,
        }
        if authorization.error is not None:
            shown["error"] = authorization.error.document()
        return shown

    def _order(self, order_id: str, account: str) -> Order:
        order = self.orders.get(order_id)
        if order is None or order.account != account:
            raise ProblemError("unauthorized", "pedido de outra conta")
        return order

    def _authorization(self, authorization_id: str, account: str) -> Authorization:
        for order in self.orders.values():
            for authorization in order.authorizations:
                if authorization.id == authorization_id and authorization.account == account:
                    return authorization
        raise ProblemError("unauthorized", "autorização de outra conta")
