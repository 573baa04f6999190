"""Accounts and the password policy, which is reinforced and never weakened."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account, PasswordPolicy, User, accounts_refused, plan_renames
from domain.errors import InvalidInputError

NUMBERS = st.integers(0, 2000)
POLICIES = st.builds(
    PasswordPolicy,
    min_length=NUMBERS,
    history=NUMBERS,
    max_failures=NUMBERS,
    lockout_seconds=NUMBERS,
    failure_window_seconds=NUMBERS,
    first_access_changes=st.booleans(),
)


def is_as_strict(policy: PasswordPolicy, than: PasswordPolicy) -> bool:
    for_ever = float("inf")
    return (
        policy.min_length >= than.min_length
        and policy.history >= than.history
        and (policy.max_failures or for_ever) <= (than.max_failures or for_ever)
        and (policy.lockout_seconds or for_ever) >= (than.lockout_seconds or for_ever)
        and (policy.failure_window_seconds or for_ever) >= (than.failure_window_seconds or for_ever)
        and policy.first_access_changes >= than.first_access_changes
    )


@given(POLICIES, POLICIES)
def test_a_reinforced_policy_is_as_strict_as_both(found: PasswordPolicy, minimum: PasswordPolicy) -> None:
    reinforced = found.reinforced(minimum)
    assert is_as_strict(reinforced, found)
    assert is_as_strict(reinforced, minimum)


@given(POLICIES, POLICIES)
def test_reinforcing_again_changes_nothing(found: PasswordPolicy, minimum: PasswordPolicy) -> None:
    once = found.reinforced(minimum)
    assert once.reinforced(minimum) == once


@given(POLICIES, POLICIES)
def test_differences_are_named_exactly_where_there_are_any(one: PasswordPolicy, other: PasswordPolicy) -> None:
    changed = [name for name in PasswordPolicy.model_fields if getattr(one, name) != getattr(other, name)]
    assert len(one.differences(other)) == len(changed)


def test_a_difference_says_from_what_to_what() -> None:
    weak = PasswordPolicy(min_length=6, first_access_changes=False)
    assert weak.differences(PasswordPolicy()) == (
        "política de senhas: tamanho mínimo: 6 → 8",
        "política de senhas: troca no primeiro acesso: não → sim",
    )


def test_a_user_says_nothing_about_its_person() -> None:
    ana = Account(uid="ana.lima", name="Ana Lima", email="ana@exemplo.org")
    assert repr(ana) == "Account()"
    shown = repr(User(account=ana, blocked=False, must_change=False, uninvited=True))
    assert not any(word in shown for word in ("ana", "Ana", "exemplo"))


LOGINS = st.text("abcd", min_size=1, max_size=2)


@given(st.dictionaries(LOGINS, LOGINS, max_size=5), st.sets(LOGINS, max_size=8))
def test_renames_that_are_planned_lose_nobody_and_are_done_once(renames: dict[str, str], existing: set[str]) -> None:
    try:
        moves = plan_renames(renames, existing, "teste")
    except InvalidInputError:
        return
    there = (existing - set(moves)) | set(moves.values())
    assert len(there) == len(existing), "each account is still one"
    assert set(renames.values()) <= there
    assert plan_renames(renames, there, "teste") == {}, "again: nothing left"


@given(st.dictionaries(LOGINS, LOGINS, max_size=5), st.sets(LOGINS, max_size=8), st.data())
def test_renames_that_were_cut_short_are_completed_by_the_same_call(
    renames: dict[str, str], existing: set[str], data: st.DataObject
) -> None:
    try:
        moves = plan_renames(renames, existing, "teste")
    except InvalidInputError:
        return
    done = data.draw(st.sets(st.sampled_from(sorted(moves)))) if moves else set()
    there = (existing - done) | {moves[old] for old in done}
    assert plan_renames(renames, there, "teste") == {old: new for old, new in moves.items() if old not in done}


@pytest.mark.parametrize(
    ("renames", "reason"),
    [
        ({"ana": "bia"}, "o login novo já tem outra conta: 1"),
        ({"ana": "nova", "bia": "NOVA"}, "logins que duas trocas disputam: 1"),
        ({"ana": "bia", "bia": "nova"}, "logins que duas trocas disputam: 1"),
        ({"ana": "bia", "bia": "ana"}, "logins que duas trocas disputam: 2"),
        ({"zeca": "nova"}, "contas que não existem: 1"),
        ({"ana": "nova", "ANA": "outra"}, "logins repetidos"),
    ],
)
def test_renames_that_nobody_could_tell_apart_are_refused_by_number(renames: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as refusal:
        plan_renames(renames, {"ana", "bia"}, "teste")
    assert "nova" not in str(refusal.value)


def test_another_way_of_writing_a_login_is_no_other_login() -> None:
    assert plan_renames({"ana": "ANA"}, {"Ana"}, "teste") == {}


def test_who_was_refused_is_known_here_and_nowhere_else() -> None:
    error = accounts_refused(["Ana.Lima"], 3, "teste")
    assert error.uids == {"ana.lima"}
    assert "ana" not in (str(error) + repr(error)).lower().replace("planilha", "")
    stored = pickle.dumps(error)
    assert b"ana.lima" not in stored
    assert (str(pickle.loads(stored)), pickle.loads(stored).uids) == (str(error), frozenset())  # our own
