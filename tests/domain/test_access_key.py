"""ChaveAcesso."""

import re

import pytest

from domain import access_key
from domain.access_key import AccessKey, system_crc
from domain.errors import InvalidInputError

SEI, SIP = 100_000_100, 100_000_099


@pytest.mark.parametrize(("id_sistema", "crc"), [(SEI, "7babf862"), (SIP, "d27791b8")])
def test_the_prefix_is_the_one_of_the_reference_databases(id_sistema: int, crc: str) -> None:
    assert system_crc(id_sistema) == crc
    assert AccessKey.generate(id_sistema).crc == crc


def test_a_key_matches_its_own_hash_and_no_other(
    bcrypt_cost_of_the_product: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_key, "BCRYPT_COST", bcrypt_cost_of_the_product)
    key, other = AccessKey.generate(SEI), AccessKey.generate(SEI)
    stored = key.hash()
    assert re.fullmatch(r"\$2a\$12\$[./A-Za-z0-9]{53}", stored)  # 60 characters: sistema.chave_acesso
    assert key.matches(stored)
    assert not other.matches(stored)


@pytest.mark.parametrize("stored", [None, "", "7babf862", "não é hash"])
def test_what_is_not_a_hash_does_not_match(stored: str | None) -> None:
    assert not AccessKey.generate(SEI).matches(stored)


def test_a_key_reads_back_from_its_text() -> None:
    key = AccessKey.generate(SIP)
    text = key.text.get_secret_value()
    assert re.fullmatch(r"[0-9a-f]{72}", text)
    assert AccessKey.parse(text, "configuracao.json") == key
    assert key.belongs_to(SIP)
    assert not key.belongs_to(SEI)


@pytest.mark.parametrize("text", ["", "7babf862", "G" * 72, "A" * 72, "a" * 73, "a" * 72 + "\n"])
def test_what_is_not_a_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"configuracao\.json") as refusal:
        AccessKey.parse(text, "configuracao.json")
    assert not text or text not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_key_never_shows_itself() -> None:
    key = AccessKey.generate(SEI)
    text = key.text.get_secret_value()
    assert text not in repr(key) + str(key) + key.model_dump_json()
