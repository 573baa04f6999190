"""What looks for personal data finds it."""

import pytest

from tests.leaks import leaked

WORDS = ("José da Silva", "123.456.789-09", "jose.silva")


@pytest.mark.parametrize("word", WORDS)
def test_a_place_that_holds_any_of_the_words_is_told(word: str) -> None:
    places = {"log": f"entrou\n('x', '{word}')\n", "outro": "josé da silva 123.456.789-08\n\x00\xff", "vazio": ""}
    assert leaked(places, WORDS) == {"log"}


def test_looking_for_nothing_is_no_proof() -> None:
    for words in ((), ("",)):
        with pytest.raises(AssertionError):
            leaked({}, words)
