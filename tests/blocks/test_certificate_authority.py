"""The programme's own authority: what it signs is believed by a real TLS client that trusts its root, and only so."""

import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.catalog import Catalog
from blocks.certificate_authority import InternalCA, read_anchors, system_anchors
from domain.certificate import IssuedCertificate, KeyType, describe, judge_certificate, read_certificates
from domain.errors import InvalidInputError
from lab.state import LabState

HOST = "timoteo-producao.sei.example"
RULE = Catalog().certificates()
# The handshake below is judged by the system's clock.
NOW = datetime.now(tz=UTC)
CA = InternalCA.generate("AC de teste", NOW)


@contextmanager
def served(made: IssuedCertificate, directory: Path) -> Iterator[int]:
    """A TLS server with this certificate, until the block ends; gives its port."""
    (directory / "chain.pem").write_text(made.chain_pem)
    (directory / "key.pem").write_text(made.key_pem.get_secret_value())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "chain.pem", directory / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed below
                return
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    tls.sendall(b"ola")
            except OSError:  # the client refused the certificate: that is what it may do
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def handshake(port: int, host: str, anchors: str) -> bytes:
    """Connect as a browser does: verify the chain, the dates and the name."""
    context = ssl.create_default_context(cadata=anchors)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        return tls.recv(10)


@pytest.mark.parametrize("kind", KeyType)
def test_a_client_that_trusts_the_root_accepts_what_it_signed(kind: KeyType, tmp_path: Path) -> None:
    made = CA.issue([HOST], RULE.model_copy(update={"key_type": kind}), NOW)
    with served(made, tmp_path) as port:
        assert handshake(port, HOST, CA.trust_anchors()) == b"ola"


def test_a_client_refuses_another_name_another_root_and_another_time(tmp_path: Path) -> None:
    made = CA.issue([HOST], RULE, NOW)
    other = InternalCA.generate("AC de teste", NOW)
    with served(made, tmp_path) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            handshake(port, "outro.sei.example", CA.trust_anchors())
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
            handshake(port, HOST, other.trust_anchors())
    past = NOW - timedelta(days=RULE.validity_days + 1)
    old = InternalCA.generate("AC de teste", past - timedelta(days=1))
    with (
        served(old.issue([HOST], RULE, past), tmp_path) as port,
        pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"),
    ):
        handshake(port, HOST, old.trust_anchors())


def test_a_host_name_longer_than_a_common_name_is_signed_too(tmp_path: Path) -> None:
    host = f"{'municipio-de-nome-longo-' * 2}producao.{'sei-dos-municipios.' * 2}mg.example"
    assert len(host) > 64
    made = CA.issue([host, HOST], RULE, NOW)
    with served(made, tmp_path) as port:
        assert handshake(port, host, CA.trust_anchors()) == b"ola"
        assert handshake(port, HOST, CA.trust_anchors()) == b"ola"


def test_what_it_signs_is_without_flaws_lasts_as_the_catalog_says_and_is_never_the_same() -> None:
    one, other = (CA.issue([HOST], RULE, NOW) for _ in range(2))
    verdict = judge_certificate(
        one.chain_pem, hosts=[HOST], anchors_pem=CA.trust_anchors(), now=NOW, key_pem=one.key_pem
    )
    assert verdict.problems == ()
    facts = verdict.certificate
    assert facts is not None
    assert facts.days_left(NOW) in {RULE.validity_days, RULE.validity_days - 1}
    assert facts.issuer == "AC de teste"
    assert one.key_pem != other.key_pem
    assert facts.serial != describe(read_certificates(other.chain_pem)[0]).serial


def test_a_machine_whose_clock_is_behind_takes_it_and_it_does_not_outlive_its_root() -> None:
    made = describe(read_certificates(CA.issue([HOST], RULE, NOW).chain_pem)[0])
    assert made.not_before <= NOW - timedelta(minutes=59)
    root = describe(read_certificates(CA.root_certificate)[0])
    late = root.not_after - timedelta(days=10)
    last = describe(read_certificates(CA.issue([HOST], RULE, late).chain_pem)[0])
    assert last.not_after == root.not_after


def test_a_root_that_cannot_sign_is_refused_by_name() -> None:
    other = InternalCA.generate("AC de teste", NOW)
    mixed = InternalCA(root_certificate=CA.root_certificate, root_key=other.root_key)
    with pytest.raises(InvalidInputError, match=r"não é a do seu certificado raiz \(bloco implanta-internal-ca\)"):
        mixed.issue([HOST], RULE, NOW)
    unreadable = InternalCA(root_certificate=CA.root_certificate, root_key=SecretStr("não é uma chave"))
    with pytest.raises(InvalidInputError, match="não pôde ser lida") as refusal:
        unreadable.issue([HOST], RULE, NOW)
    assert "não é uma chave" not in str(refusal.value)
    with pytest.raises(InvalidInputError, match="fora da validade"):
        CA.issue([HOST], RULE, NOW + timedelta(days=3651))


def test_the_systems_roots_are_many_and_a_file_of_roots_is_read_or_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a warning would be printed into an operator's command
        assert len(read_certificates(system_anchors())) > 50
    file = tmp_path / "raizes.pem"
    with pytest.raises(InvalidInputError, match="não pôde ser lido"):
        read_anchors(file)
    file.write_text("nenhuma raiz")
    with pytest.raises(InvalidInputError, match=r"raizes\.pem"):
        read_anchors(file)
    file.write_text(f"# raiz da ICP-Brasil, a comentário com acento\n{CA.root_certificate}", encoding="utf-8")
    assert read_certificates(read_anchors(file)) == read_certificates(CA.root_certificate)


def test_the_labs_root_is_the_one_of_its_block_and_of_its_file(lab_state: LabState, tmp_path: Path) -> None:
    block = InternalCA(root_certificate=lab_state.authority.certificate, root_key=lab_state.authority.key)
    made = block.issue([HOST], RULE, NOW)
    with served(made, tmp_path) as port:
        assert handshake(port, HOST, lab_state.ca_file.read_text()) == b"ola"
    assert "PRIVATE KEY" not in lab_state.ca_file.read_text()
    assert "PRIVATE KEY" not in repr(lab_state)
