"""An authority that is asked by ACME (RFC 8555): it fetches a file from each host name to see whether we hold it."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import requests
from acme import challenges, errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from josepy.errors import Error as JoseError
from josepy.jwa import ES256, RS256, JWASignature
from josepy.jwk import JWK, JWKEC, JWKRSA
from pydantic import Field, SecretStr

from blocks.certificate_authority import CertificateIssuer, read_anchors, system_anchors
from domain.certificate import CertificateRule, IssuedCertificate, KeyType
from domain.certificate_signing import key_as_pem, new_key, signing_request
from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError

_ANSWER_SECONDS = 30
_USER_AGENT = "implanta"

# What an authority answers (RFC 8555 6.7), and whether the same request may succeed later.
_LATER = {
    "badNonce": "a conversa perdeu o número de sequência",
    "rateLimited": "o limite de pedidos foi atingido",
    "serverInternal": "a autoridade falhou por dentro",
    "connection": "a autoridade não conseguiu conectar no endereço",
    "dns": "a autoridade não conseguiu resolver o endereço no DNS",
    "tls": "a autoridade falhou na conexão TLS com o endereço",
}
_NEVER = {
    "unauthorized": "a resposta do endereço não é a esperada, ou a conta não tem permissão",
    "incorrectResponse": "a resposta do endereço não é a esperada",
    "rejectedIdentifier": "a autoridade não emite certificados para este endereço",
    "unsupportedIdentifier": "a autoridade não emite certificados para este tipo de endereço",
    "malformed": "a autoridade não entende o pedido",
    "caa": "o registro CAA do domínio não permite esta autoridade",
    "dnssec": "a assinatura DNSSEC do domínio não confere",
    "accountDoesNotExist": "a conta não existe na autoridade",
    "externalAccountRequired": "a autoridade exige uma conta já contratada",
    "invalidContact": "a autoridade não aceita o contato",
    "unsupportedContact": "a autoridade não aceita o contato",
    "badCSR": "a autoridade não aceita o tipo de chave",
    "badPublicKey": "a autoridade não aceita a chave da conta",
    "badSignatureAlgorithm": "a autoridade não aceita a chave da conta",
}


class AcmeIssuer(CertificateIssuer):
    """An ACME authority, asked by http-01: the edge serves `challenge_dir` at /.well-known/acme-challenge/."""

    _block_type_name = "Implanta Autoridade certificadora ACME"
    _block_type_slug = "implanta-acme-issuer"
    source = "acme"

    directory_url: str = Field(description="Endereço do diretório ACME da autoridade.")
    contact: str | None = Field(default=None, description="E-mail da equipe que a autoridade avisa.")
    account_key: SecretStr = Field(description="Chave privada da conta na autoridade, em PEM.")
    challenge_dir: Path = Field(description="Diretório que a borda publica em /.well-known/acme-challenge/.")
    agrees_to_terms: bool = Field(default=False, description="A empresa leu e aceita os termos de uso da autoridade.")
    external_account_id: str | None = Field(
        default=None, description="Identificador da conta já contratada (EAB), se a autoridade exige."
    )
    external_account_secret: SecretStr | None = Field(
        default=None, description="Segredo HMAC da conta já contratada (EAB), em base64url."
    )
    ca_file: Path | None = Field(default=None, description="Raiz em que confiar ao falar com a autoridade, em PEM.")
    anchors_file: Path | None = Field(
        default=None, description="Raízes dos certificados que ela emite, em PEM; vazio: as do sistema."
    )
    timeout_seconds: int = Field(default=120, ge=1, description="Quanto esperar que a autoridade confira e emita.")

    @staticmethod
    def new_account_key() -> SecretStr:
        """A key for a new account; the authority knows the account by it."""
        return key_as_pem(new_key(KeyType.ECDSA_P256))

    def issue(self, names: Sequence[str], rule: CertificateRule, now: datetime) -> IssuedCertificate:
        """Order a certificate, answer the challenges, fetch it; a run killed on the way leaves an order that lapses.

        The authority decides how long the certificate lasts; from `now` on we wait for it `timeout_seconds`.

        Raises:
            RetryableError: the authority is away, overloaded, or could not reach the host names.
            InvalidInputError: it refuses the names, the account or the answer, or the block is incomplete.
        """
        key = new_key(rule.key_type)
        with self._explaining(names), ExitStack() as published:
            client = self._client()
            published.callback(client.net.session.close)
            order = client.new_order(signing_request(names, key).public_bytes(Encoding.PEM))
            for authorization in order.authorizations:
                if authorization.body.status == messages.STATUS_PENDING:
                    challenge = _http_challenge(authorization, self.directory_url)
                    response, text = challenge.response_and_validation(client.net.key)
                    published.enter_context(self._published(challenge.chall, text))
                    client.answer_challenge(challenge, response)
            # The library compares with its own clock, which shows local time and does not say so.
            deadline = now.astimezone().replace(tzinfo=None) + timedelta(seconds=self.timeout_seconds)
            chain = client.poll_and_finalize(order, deadline).fullchain_pem
        return IssuedCertificate(chain_pem=chain, key_pem=key_as_pem(key))

    def trust_anchors(self) -> str:
        return read_anchors(self.anchors_file) if self.anchors_file else system_anchors()

    def _client(self) -> ClientV2:
        key, algorithm = self._account()
        network = ClientNetwork(key, alg=algorithm, user_agent=_USER_AGENT, timeout=_ANSWER_SECONDS)
        if self.ca_file is not None:
            read_anchors(self.ca_file)
            # The library hands this to `requests`, which takes a path too.
            network.verify_ssl = str(self.ca_file)  # type: ignore[assignment]
        client = ClientV2(ClientV2.get_directory(self.directory_url, network), network)
        try:
            client.new_account(self._registration(client.directory, key))
        except errors.ConflictError as known:  # by this key the authority already knows us
            network.account = messages.RegistrationResource(body=messages.Registration(), uri=known.location)
        return client

    def _registration(self, directory: messages.Directory, key: JWK) -> messages.NewRegistration:
        meta = directory.meta
        if meta.terms_of_service and not self.agrees_to_terms:
            raise InvalidInputError(
                "A autoridade ACME pede que se aceitem os termos de uso",
                self.directory_url,
                f"Leia-os em {meta.terms_of_service} e marque agrees_to_terms no bloco.",
            )
        binding = None
        if self.external_account_id and self.external_account_secret:
            binding = messages.ExternalAccountBinding.from_data(
                account_public_key=key.public_key(),
                kid=self.external_account_id,
                hmac_key=self.external_account_secret.get_secret_value(),
                directory=directory,
            )
        elif meta.external_account_required:
            raise InvalidInputError(
                "A autoridade ACME exige uma conta já contratada",
                self.directory_url,
                "Preencha external_account_id e external_account_secret no bloco.",
            )
        return messages.NewRegistration.from_data(
            email=self.contact, external_account_binding=binding, terms_of_service_agreed=self.agrees_to_terms
        )

    def _account(self) -> tuple[JWK, JWASignature]:
        try:
            key = load_pem_private_key(self.account_key.get_secret_value().encode(), None)
        except (ValueError, TypeError):
            key = None
        if isinstance(key, rsa.RSAPrivateKey):
            return JWKRSA(key=key), RS256
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return JWKEC(key=key), ES256
        raise InvalidInputError(
            "A chave da conta ACME não pôde ser lida",
            f"bloco {self.get_block_type_slug()}",
            "Cadastre no bloco uma chave RSA ou ECDSA P-256, em PEM, sem senha.",
        )

    @contextmanager
    def _published(self, challenge: challenges.HTTP01, text: str) -> Iterator[None]:
        """The answer to one challenge, where the edge serves it, for as long as the authority looks."""
        # Decoded and encoded anew by the library, a token has only letters, digits, - and _: it cannot leave the place.
        target = self.challenge_dir / challenge.encode("token")
        try:
            if not self.challenge_dir.is_dir():
                self.challenge_dir.mkdir(parents=True)
                self.challenge_dir.chmod(0o755)  # as the file below
            handle, temporary = tempfile.mkstemp(dir=self.challenge_dir, prefix=".")
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(text)
            Path(temporary).chmod(0o644)  # the edge runs as somebody else, and the text is public
            Path(temporary).replace(target)
        except OSError as e:
            raise RetryableError(
                f"A resposta ao desafio ACME não pôde ser gravada ({e.strerror})",
                str(self.challenge_dir),
                "Confira o espaço e as permissões do diretório e execute de novo.",
            ) from None
        try:
            yield
        finally:
            target.unlink(missing_ok=True)

    @contextmanager
    def _explaining(self, names: Sequence[str]) -> Iterator[None]:
        """Turn what the library raises into one line. What an authority writes may quote the contact: it stays out."""
        try:
            yield
        except errors.ValidationError as e:
            raise self._refusal(_challenge_codes(e), ", ".join(names)) from None
        except errors.IssuanceError as e:
            raise self._refusal([e.error.code or "?"], ", ".join(names)) from None
        except messages.Error as e:
            raise self._refusal([*_subproblem_codes(e), e.code or "?"], ", ".join(names)) from None
        except errors.TimeoutError:
            raise RetryableError(
                f"A autoridade ACME não terminou em {self.timeout_seconds} s",
                self.directory_url,
                "Execute de novo; se repetir, aumente timeout_seconds no bloco.",
            ) from None
        except requests.exceptions.SSLError:
            raise InvalidInputError(
                "O certificado da própria autoridade ACME não é de confiança",
                self.directory_url,
                "Informe a raiz dela em ca_file, no bloco.",
            ) from None
        except (errors.ClientError, requests.exceptions.RequestException) as e:
            raise RetryableError(
                f"A autoridade ACME não respondeu ({type(e).__name__})",
                self.directory_url,
                "Confira o endereço e a rede e execute de novo.",
            ) from None
        except (errors.Error, JoseError, KeyError, ValueError) as e:
            raise IntegrityError(
                f"A resposta da autoridade ACME não segue a RFC 8555 ({type(e).__name__})",
                self.directory_url,
                "Confira se directory_url é o endereço do diretório ACME.",
            ) from None

    def _refusal(self, codes: Sequence[str], names: str) -> ImplantaError:
        known = _LATER | _NEVER
        told = "; ".join(dict.fromkeys(f"{known.get(code, 'recusa')} ({code})" for code in codes))
        where = f"{self.directory_url}, {names}"
        if all(code in _LATER for code in codes):
            return RetryableError(f"A autoridade ACME não emitiu o certificado: {told}", where, "Execute mais tarde.")
        return InvalidInputError(
            f"A autoridade ACME recusou o certificado: {told}",
            where,
            "Confira o DNS do endereço, a borda e o bloco da autoridade.",
        )


def _http_challenge(authorization: messages.AuthorizationResource, where: str) -> messages.ChallengeBody:
    for challenge in authorization.body.challenges:
        if isinstance(challenge.chall, challenges.HTTP01):
            return challenge
    raise InvalidInputError(
        f"A autoridade ACME não oferece o desafio http-01 para {authorization.body.identifier.value}",
        where,
        "Use outra autoridade, ou traga o certificado pronto.",
    )


def _challenge_codes(error: errors.ValidationError) -> list[str]:
    return [
        challenge.error.code or "?"
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    ]


def _subproblem_codes(error: messages.Error) -> list[str]:
    return [problem.code or "?" for problem in error.subproblems or ()]
