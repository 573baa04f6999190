"""A signature is of one text and one key, and nothing else passes for it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from blocks.signing_key import BackupSigningKey, is_signed
from domain.errors import IntegrityError

KEY = BackupSigningKey.generate()


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_signature_is_of_its_text_and_its_key_only(text: bytes, other: bytes) -> None:
    signature = KEY.sign(text)
    assert is_signed(text, signature, KEY.public_pem)
    assert is_signed(other, signature, KEY.public_pem) == (other == text)
    assert not is_signed(text, signature, BackupSigningKey.generate().public_pem)
    assert not is_signed(text, other, KEY.public_pem)


def test_a_changed_or_cut_signature_is_none() -> None:
    raw = base64.b64decode(KEY.sign(b"texto"))
    for broken in (raw[:-1], raw + b"0", bytes([raw[0] ^ 1]) + raw[1:], b""):
        assert not is_signed(b"texto", base64.b64encode(broken), KEY.public_pem)
    for text in (b"", b"\xff\xfe", KEY.sign(b"texto")[:-2]):
        assert not is_signed(b"texto", text, KEY.public_pem)


def test_a_block_that_holds_no_key_is_refused_without_showing_it() -> None:
    for text in ("nada", KEY.public_pem):
        with pytest.raises(IntegrityError, match="não é uma chave Ed25519") as failure:
            BackupSigningKey(private_pem=SecretStr(text)).sign(b"texto")
        assert text not in str(failure.value)
    assert "PRIVATE" not in repr(KEY)
