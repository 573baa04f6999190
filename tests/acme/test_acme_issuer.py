"""Certificates by ACME: the whole conversation with a server that checks everything, and every way it may fail."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from blocks.acme_issuer import AcmeIssuer
from domain.certificate import CertificateRule, KeyType, judge_certificate, read_certificates
from domain.certificate_signing import key_as_pem, new_key
from domain.errors import ImplantaError, InvalidInputError, RetryableError
from lab.acme_standin.authority import AcmeAuthority, Operation
from lab.state import LabState
from tests.acme.conftest import PATH, Edge, MakeIssuer

HOSTS = ["timoteo-producao.sei.example", "sei.timoteo.example"]
CONTACT = "certificados@exemplo.mg.gov.br"


def now() -> datetime:
    return datetime.now(tz=UTC)


def fail_to_issue(issuer: AcmeIssuer, rule: CertificateRule, kind: type[ImplantaError]) -> str:
    """The message of an issue that must fail so; it holds no secret, and no file is left to serve."""
    with pytest.raises(ImplantaError) as failure:
        issuer.issue(HOSTS[:1], rule, now())
    assert type(failure.value) is kind
    assert failure.value.__suppress_context__ or failure.value.__cause__ is None
    message = str(failure.value)
    assert "\n" not in message
    assert CONTACT not in message
    assert issuer.account_key.get_secret_value() not in message
    if issuer.challenge_dir.is_dir():
        assert list(issuer.challenge_dir.iterdir()) == []
    return message


def test_a_certificate_is_issued_for_every_name_and_verifies(
    make_issuer: MakeIssuer, authority: AcmeAuthority, edge: Edge, rule: CertificateRule
) -> None:
    issuer = make_issuer()
    made = issuer.issue(HOSTS, rule, now())
    verdict = judge_certificate(
        made.chain_pem,
        hosts=HOSTS,
        anchors_pem=issuer.trust_anchors(),
        now=now(),
        key_pem=made.key_pem,
        min_validity=timedelta(days=80),
    )
    assert verdict.problems == ()
    assert {host for host, _ in edge.asked} == set(HOSTS)
    assert all(path.startswith(PATH) for _, path in edge.asked)
    assert list(edge.directory.iterdir()) == []
    assert [account.contact for account in authority.accounts.values()] == [[f"mailto:{CONTACT}"]]


def test_the_edge_answers_for_an_address_that_it_does_not_serve_yet(
    make_issuer: MakeIssuer, authority: AcmeAuthority, lab_state: LabState, rule: CertificateRule
) -> None:
    authority.validate_at = f"http://127.0.0.1:{lab_state.edge.http_port}"
    issuer = make_issuer(challenge_dir=lab_state.edge.challenge_dir)
    made = issuer.issue(["ainda-nao-criada-producao.sei.localhost"], rule, now())
    assert read_certificates(made.chain_pem)
    assert list(issuer.challenge_dir.iterdir()) == []


def test_the_same_account_is_used_again_and_another_key_is_another_account(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    first = make_issuer().issue(HOSTS[:1], rule, now())
    second = make_issuer().issue(HOSTS[:1], rule, now())
    assert len(authority.accounts) == 1
    assert first.key_pem != second.key_pem
    make_issuer(account_key=key_as_pem(new_key(KeyType.RSA_2048))).issue(HOSTS[:1], rule, now())
    assert len(authority.accounts) == 2


def test_the_key_is_of_the_kind_that_the_catalog_says(make_issuer: MakeIssuer, rule: CertificateRule) -> None:
    of_rsa = rule.model_copy(update={"key_type": KeyType.RSA_2048})
    made = make_issuer().issue(HOSTS[:1], of_rsa, now())
    key = read_certificates(made.chain_pem)[0].public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048


def test_the_directory_of_challenges_is_made_where_it_is_missing(
    make_issuer: MakeIssuer, edge: Edge, rule: CertificateRule
) -> None:
    edge.directory.rmdir()
    make_issuer().issue(HOSTS[:1], rule, now())
    assert list(edge.directory.iterdir()) == []


def test_a_slow_authority_is_waited_for(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    authority.slow_polls = 1
    assert make_issuer().issue(HOSTS[:1], rule, now()).chain_pem
    assert authority.asked.count("order") == 2


def test_an_authority_that_never_ends_is_left_after_the_time_allowed(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    authority.slow_polls = 100_000
    message = fail_to_issue(make_issuer(timeout_seconds=1), rule, RetryableError)
    assert "não terminou em 1 s" in message


def test_a_lost_nonce_is_survived_once(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    authority.fail_next("newOrder", "badNonce")
    assert make_issuer().issue(HOSTS[:1], rule, now()).chain_pem
    assert authority.asked.count("newOrder") == 2


@pytest.mark.parametrize(
    ("operation", "code", "times", "kind", "told"),
    [
        ("newOrder", "badNonce", 2, RetryableError, "badNonce"),
        ("newOrder", "rateLimited", 1, RetryableError, "o limite de pedidos foi atingido (rateLimited)"),
        ("newAccount", "serverInternal", 1, RetryableError, "a autoridade falhou por dentro"),
        ("newOrder", "html", 1, RetryableError, "não respondeu"),
        ("certificate", "serverInternal", 1, RetryableError, "serverInternal"),
        ("newAccount", "invalidContact", 1, InvalidInputError, "não aceita o contato"),
        ("newOrder", "unauthorized", 1, InvalidInputError, "unauthorized"),
        ("finalize", "badCSR", 1, InvalidInputError, "não aceita o tipo de chave"),
        ("finalize", "rejectedIdentifier", 1, InvalidInputError, "não emite certificados para este endereço"),
        ("finalize", "coisaNova", 1, InvalidInputError, "recusa (?)"),
    ],
)
def test_what_may_work_later_is_told_apart_from_what_a_person_must_correct(
    make_issuer: MakeIssuer,
    authority: AcmeAuthority,
    rule: CertificateRule,
    operation: Operation,
    code: str,
    times: int,
    kind: type[ImplantaError],
    told: str,
) -> None:
    authority.fail_next(operation, code, times, detail=f"recusado para {CONTACT}")
    assert told in fail_to_issue(make_issuer(), rule, kind)


def test_a_failure_leaves_nothing_and_the_next_run_issues(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    authority.fail_next("finalize", "serverInternal")
    issuer = make_issuer()
    fail_to_issue(issuer, rule, RetryableError)
    assert issuer.issue(HOSTS[:1], rule, now()).chain_pem
    assert len(authority.accounts) == 1


def test_a_host_that_the_authority_refuses_is_named(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    authority.refused_hosts = frozenset(HOSTS[:1])
    message = fail_to_issue(make_issuer(), rule, InvalidInputError)
    assert HOSTS[0] in message
    assert "rejectedIdentifier" in message


def test_an_edge_that_serves_another_directory_is_for_a_person_to_correct(
    make_issuer: MakeIssuer, tmp_path: Path, rule: CertificateRule
) -> None:
    elsewhere = make_issuer(challenge_dir=tmp_path / "outro")
    assert "a resposta do endereço não é a esperada" in fail_to_issue(elsewhere, rule, InvalidInputError)


def test_an_edge_that_is_down_may_work_later(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        authority.validate_at = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert "não conseguiu conectar no endereço" in fail_to_issue(make_issuer(), rule, RetryableError)


def test_an_authority_without_http_01_is_refused(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    authority.offers_http = False
    assert "não oferece o desafio http-01" in fail_to_issue(make_issuer(), rule, InvalidInputError)


def test_a_challenge_directory_that_cannot_be_written_is_named(
    make_issuer: MakeIssuer, tmp_path: Path, rule: CertificateRule
) -> None:
    (tmp_path / "arquivo").write_text("no lugar do diretório")
    message = fail_to_issue(make_issuer(challenge_dir=tmp_path / "arquivo"), rule, RetryableError)
    assert "não pôde ser gravada" in message
    assert "arquivo" in message


def test_terms_are_agreed_to_by_a_person_only(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    authority.terms = "https://ca.example/termos"
    message = fail_to_issue(make_issuer(), rule, InvalidInputError)
    assert "https://ca.example/termos" in message
    assert "newAccount" not in authority.asked
    assert make_issuer(agrees_to_terms=True).issue(HOSTS[:1], rule, now()).chain_pem


def test_a_contract_is_proved_with_its_secret(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    authority.contracts = {"contrato-7": b"segredo do contrato de trinta e dois bytes"}
    good = "c2VncmVkbyBkbyBjb250cmF0byBkZSB0cmludGEgZSBkb2lzIGJ5dGVz"
    assert "exige uma conta já contratada" in fail_to_issue(make_issuer(), rule, InvalidInputError)
    wrong = make_issuer(external_account_id="contrato-7", external_account_secret=SecretStr("b3V0cm8"))
    assert "unauthorized" in fail_to_issue(wrong, rule, InvalidInputError)
    right = make_issuer(external_account_id="contrato-7", external_account_secret=SecretStr(good))
    assert right.issue(HOSTS[:1], rule, now()).chain_pem


def test_an_authority_whose_own_certificate_is_unknown_is_not_talked_to(
    make_issuer: MakeIssuer, authority: AcmeAuthority, rule: CertificateRule
) -> None:
    message = fail_to_issue(make_issuer(ca_file=None), rule, InvalidInputError)
    assert "não é de confiança" in message
    assert "ca_file" in message
    assert authority.asked == []


def test_an_authority_that_is_away_may_come_back(make_issuer: MakeIssuer, rule: CertificateRule) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{taken.getsockname()[1]}/directory"
        assert "não respondeu" in fail_to_issue(make_issuer(directory_url=url), rule, RetryableError)


@pytest.mark.parametrize("key", ["lixo", key_as_pem(new_key(KeyType.ECDSA_P384)).get_secret_value()])
def test_an_account_key_that_acme_does_not_take_is_refused(
    make_issuer: MakeIssuer, rule: CertificateRule, key: str
) -> None:
    message = fail_to_issue(make_issuer(account_key=SecretStr(key)), rule, InvalidInputError)
    assert "A chave da conta ACME não pôde ser lida" in message


def test_what_is_not_an_acme_directory_is_told(make_issuer: MakeIssuer, edge: Edge, rule: CertificateRule) -> None:
    (edge.directory / "directory").write_text('{"nada": 1}')
    issuer = make_issuer(directory_url=f"{edge.address}{PATH}directory")
    with pytest.raises(ImplantaError, match="não segue a RFC 8555") as failure:
        issuer.issue(HOSTS[:1], rule, now())
    assert failure.value.exit_code == 40
