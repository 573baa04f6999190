"""The mailbox of returns on a real IMAP server: read without losing anything, and refused without naming anybody."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr, ValidationError

from blocks.returns_mailbox import MOST_BYTES, ReturnsMailbox
from domain.errors import ImplantaError, InvalidInputError, RetryableError
from lab.ports import choose
from tests.imap import PASSWORD, USER, Imap, imap_server


@pytest.fixture(scope="module")
def server() -> Iterator[Imap]:
    with imap_server() as imap:
        yield imap


@pytest.fixture
def imap(server: Imap) -> Imap:
    server.clear()
    return server


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_what_nobody_read_comes_oldest_first_and_once_marked_never_again(imap: Imap, security: str) -> None:
    imap.deliver(b"Subject: um\n\n1\n", b"Subject: dois\n\n2\n")
    block = imap.block(security=security, port=imap.tls if security == "tls" else imap.starttls)
    with block.open() as reader:
        first, second = reader.unseen()
        assert (reader.fetch(first) or b"").startswith(b"Subject: um")
        assert (reader.fetch(second) or b"").startswith(b"Subject: dois")
    assert imap.unread() == 2, "reading marks nothing"
    with block.open() as reader:
        reader.mark_seen(first)
    with block.open() as reader:
        assert reader.unseen() == [second]


def test_of_a_huge_one_only_the_beginning_is_fetched(imap: Imap) -> None:
    imap.deliver(b"Subject: enorme\n\n" + b"0123456789abcdef\n" * 300_000)
    with imap.block().open() as reader:
        (number,) = reader.unseen()
        content = reader.fetch(number)
    assert content is not None
    assert content.startswith(b"Subject: enorme")
    assert len(content) == MOST_BYTES


def test_one_that_was_deleted_meanwhile_is_none(imap: Imap) -> None:
    imap.deliver(b"Subject: um\n\n1\n")
    with imap.block().open() as reader:
        (number,) = reader.unseen()
        imap.clear()
        assert reader.fetch(number) is None
        reader.mark_seen(number)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"password": SecretStr("errada")}, InvalidInputError, "recusou o usuário ou a senha"),
        ({"user": "outra@implanta.example"}, InvalidInputError, "recusou o usuário ou a senha"),
        ({"folder": "Nenhuma pasta"}, InvalidInputError, "não tem esta pasta"),
        ({"ca_file": None}, InvalidInputError, r"não é de confiança.*ca_file"),
        ({"ca_file": "/nao/existe.pem"}, InvalidInputError, "autoridade não existe"),
        ({"port": choose(["nada"], avoid=())["nada"]}, RetryableError, "não respondeu"),
    ],
)
def test_a_refusal_is_told_with_what_to_correct_and_nothing_secret(
    imap: Imap, change: dict[str, object], kind: type[ImplantaError], message: str
) -> None:
    with pytest.raises(kind, match=message) as refusal, imap.block(**change).open():
        pass
    assert PASSWORD not in repr(refusal.value)
    assert USER not in repr(refusal.value)


@pytest.mark.parametrize("folder", ['a"b', "a\\b", "Cópias", "", "a\r\nb"])
def test_a_folder_that_could_be_a_command_is_refused(folder: str) -> None:
    with pytest.raises(ValidationError, match="folder"):
        ReturnsMailbox(host="imap.exemplo", user="u", password=SecretStr("s"), folder=folder)
