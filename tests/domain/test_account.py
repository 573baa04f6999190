"""Accounts and the password policy, which is reinforced and never weakened."""

from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account, PasswordPolicy, User

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
