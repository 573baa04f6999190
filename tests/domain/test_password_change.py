"""What is told before a new password is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from domain.account import PasswordPolicy
from domain.password_change import MAX_PASSWORD, PasswordForm, find_problems, rules_of

POLICY = PasswordPolicy(min_length=8, history=3)
LETTERS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789çãéÀ!@#$%&*()-_=+ ", max_size=200)


def make_form(
    *, login: str = "maria", current: str = "provisoria1", new: str = "escolhida-2", repeated: str | None = None
) -> PasswordForm:
    return PasswordForm(
        login=login,
        current=SecretStr(current),
        new=SecretStr(new),
        repeated=SecretStr(new if repeated is None else repeated),
    )


def fields_of(form: PasswordForm, policy: PasswordPolicy | None = POLICY) -> list[str]:
    return [problem.field for problem in find_problems(form, policy)]


@given(LETTERS, LETTERS, st.booleans(), st.integers(0, 20))
def test_a_new_password_is_fine_exactly_when_it_keeps_every_rule(
    current: str, new: str, is_repeated: bool, min_length: int
) -> None:
    form = make_form(current=current, new=new, repeated=new if is_repeated else f"{new}x")
    is_fine = (
        0 < len(current) <= MAX_PASSWORD
        and max(min_length, 1) <= len(new) <= MAX_PASSWORD
        and new != current
        and is_repeated
    )
    assert (fields_of(form, PasswordPolicy(min_length=min_length)) == []) == is_fine


@given(st.text(), st.text(), st.text(), st.text())
def test_neither_problems_nor_repr_repeat_what_was_typed(login: str, current: str, new: str, repeated: str) -> None:
    marked = [f"{text}\u20ac\u20ac{n}" for n, text in enumerate((login, current, new, repeated))]
    form = make_form(login=marked[0], current=marked[1], new=marked[2], repeated=marked[3])
    told = repr(form) + "".join(problem.text for problem in find_problems(form, POLICY))
    assert not any(text in told for text in marked)


@pytest.mark.parametrize(
    "new",
    [
        *("segredo-do-1º", "meia½-senha", "emoji-🌳-aqui", "sem\u00a0quebra", "e\u0301-decomposto"),
        *("hífen\u00admole", "tab\tulação", "grego-Ω-aqui", "zero\u200blargura"),
    ],
)
def test_what_seis_own_page_would_send_otherwise_is_refused(new: str) -> None:
    assert fields_of(make_form(new=new)) == ["new"]


@pytest.mark.parametrize("new", ["Ação-e-pão", "€uro-2026", "“aspas”-sim", "a b c d e f"])
def test_what_a_brazilian_keyboard_writes_is_taken(new: str) -> None:
    assert fields_of(make_form(new=new)) == []


def test_an_empty_form_is_told_field_by_field() -> None:
    assert fields_of(make_form(login=" ", current="", new="")) == ["login", "current", "new"]
    assert fields_of(make_form(login="x" * 101, current="x" * 129)) == ["login", "current"]


def test_the_rules_are_those_of_the_policy() -> None:
    assert rules_of(POLICY) == ("Ter pelo menos 8 caracteres.", "Ser diferente da atual e das 3 anteriores.")
    assert rules_of(None) == ("Ser diferente da atual.",)
    assert fields_of(make_form(new="x"), None) == []
