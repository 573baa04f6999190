"""What every corporate security system must do, asked of each implementation alike."""

import pytest
from pydantic import SecretStr

from blocks.rehearsal import rehearsing
from blocks.ssc import SecuritySystem
from domain.account import Account, PasswordPolicy, User
from domain.change import Change
from domain.errors import InvalidInputError
from tests.ssc.conftest import ENVIRONMENT, NEIGHBOUR

ANA = Account(uid="ana.lima", name="Ana Lúcia Lima", email="ana.lima@ssc.mg.gov.br")
JOSE = Account(uid="jose", name="José Conceição", email="jose@ssc.mg.gov.br")
CHOSEN, OTHER = SecretStr("escolhida-pela-pessoa"), SecretStr("outra-que-ela-escolheu")
WRONG = SecretStr("senha-errada")
ABSENT = "ninguem"


def user(ssc: SecuritySystem, uid: str = ANA.uid) -> User:
    (found,) = [one for one in ssc.list_users(ENVIRONMENT) if one.account.uid == uid]
    return found


def opens(ssc: SecuritySystem, password: SecretStr, uid: str = ANA.uid) -> bool:
    """Whether the password is the right one: a new one that the policy must refuse tells the two refusals apart."""
    with pytest.raises(InvalidInputError) as refusal:
        ssc.change_own_password(ENVIRONMENT, uid, password, SecretStr("x"))
    return "a política recusou a senha nova" in refusal.value.what


@pytest.fixture
def signed_up(ssc: SecuritySystem) -> SecuritySystem:
    """Ana has chosen her password; José has none yet."""
    ssc.ensure_policy(PasswordPolicy())
    ssc.ensure_users(ENVIRONMENT, [ANA, JOSE])
    first = ssc.reset_password(ENVIRONMENT, ANA.uid)
    ssc.change_own_password(ENVIRONMENT, ANA.uid, first, CHOSEN)
    return ssc


def test_accounts_are_made_once_and_again_changes_nothing(ssc: SecuritySystem) -> None:
    assert ssc.ensure_users(ENVIRONMENT, [ANA, JOSE]) == Change(created=2)
    assert ssc.ensure_users(ENVIRONMENT, [ANA, JOSE]) == Change(unchanged=2)
    new = {"blocked": False, "must_change": False, "uninvited": True}
    assert ssc.list_users(ENVIRONMENT) == [User(account=account, **new) for account in (ANA, JOSE)]


def test_a_correction_reaches_the_account_and_leaves_its_password(signed_up: SecuritySystem) -> None:
    married = Account(uid="Ana.Lima", name="Ana Lúcia Souza", email="ana@exemplo.org")
    assert signed_up.ensure_users(ENVIRONMENT, [married]) == Change(updated=1)
    found = user(signed_up).account
    assert (found.name, found.email) == (married.name, married.email)
    assert opens(signed_up, CHOSEN)
    assert len(signed_up.list_users(ENVIRONMENT)) == 2, "nobody else was touched"


def test_one_login_in_two_environments_is_two_people(signed_up: SecuritySystem) -> None:
    assert signed_up.ensure_users(NEIGHBOUR, [ANA]) == Change(created=1)
    with pytest.raises(InvalidInputError):
        signed_up.change_own_password(NEIGHBOUR, ANA.uid, CHOSEN, OTHER)
    assert signed_up.block_users(NEIGHBOUR, [ANA.uid]).updated == 1
    assert not user(signed_up).blocked


def test_more_people_than_a_page_are_all_listed(ssc: SecuritySystem, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("blocks.ssc_ldap", "blocks.ssc_http"):
        monkeypatch.setattr(f"{module}.PAGE_SIZE", 4)
    crowd = [Account(uid=f"p{n:04}", name=f"Pessoa {n}", email=f"p{n}@exemplo.org") for n in range(13)]
    assert ssc.ensure_users(ENVIRONMENT, crowd) == Change(created=13)
    assert [one.account for one in ssc.list_users(ENVIRONMENT)] == crowd


@pytest.mark.parametrize("attempt", ["", "x", "senha-adivinhada"])
def test_nobody_signs_in_to_an_account_that_has_no_password_yet(ssc: SecuritySystem, attempt: str) -> None:
    ssc.ensure_users(ENVIRONMENT, [ANA])
    with pytest.raises(InvalidInputError, match="senha atual incorreta"):
        ssc.change_own_password(ENVIRONMENT, ANA.uid, SecretStr(attempt), CHOSEN)


def test_an_invitation_is_given_and_remembered(ssc: SecuritySystem) -> None:
    ssc.ensure_users(ENVIRONMENT, [ANA, JOSE])
    with ssc.inviting(ENVIRONMENT) as inviter:
        lost = inviter.give_password(JOSE)
        first = inviter.give_password(ANA)
        inviter.mark_invited(ANA)
    assert ssc.list_uninvited(ENVIRONMENT) == [JOSE]
    assert user(ssc).must_change
    ssc.change_own_password(ENVIRONMENT, ANA.uid, first, CHOSEN)
    assert not user(ssc).must_change
    assert not opens(ssc, first)
    with ssc.inviting(ENVIRONMENT) as inviter:
        assert inviter.give_password(JOSE).get_secret_value() != lost.get_secret_value()
    assert not opens(ssc, lost, JOSE.uid)


def test_a_reset_password_is_good_only_for_choosing_another(signed_up: SecuritySystem) -> None:
    given = signed_up.reset_password(ENVIRONMENT, ANA.uid)
    assert user(signed_up).must_change
    assert not opens(signed_up, CHOSEN)
    signed_up.change_own_password(ENVIRONMENT, ANA.uid, given, OTHER)
    assert not user(signed_up).must_change
    assert opens(signed_up, OTHER)


def test_each_given_password_is_another(signed_up: SecuritySystem) -> None:
    given = {signed_up.reset_password(ENVIRONMENT, ANA.uid).get_secret_value() for _ in range(3)}
    assert len(given) == 3
    assert min(map(len, given)) >= 12


def test_a_blocked_person_does_not_get_in_until_unblocked(signed_up: SecuritySystem) -> None:
    assert signed_up.block_users(ENVIRONMENT, [ANA.uid]) == Change(updated=1)
    assert signed_up.block_users(ENVIRONMENT, [ANA.uid]) == Change(unchanged=1)
    assert user(signed_up).blocked
    assert not opens(signed_up, CHOSEN)
    assert signed_up.unblock_users(ENVIRONMENT, [ANA.uid]) == Change(updated=1)
    assert signed_up.unblock_users(ENVIRONMENT, [ANA.uid]) == Change(unchanged=1)
    assert not user(signed_up).blocked
    assert opens(signed_up, CHOSEN)


def test_a_reset_does_not_open_a_blocked_account(signed_up: SecuritySystem) -> None:
    signed_up.block_users(ENVIRONMENT, [ANA.uid])
    with pytest.raises(InvalidInputError, match="A conta está bloqueada"):
        signed_up.reset_password(ENVIRONMENT, ANA.uid)
    assert user(signed_up).blocked


def test_a_blocked_person_is_not_invited(ssc: SecuritySystem) -> None:
    ssc.ensure_users(ENVIRONMENT, [ANA, JOSE])
    ssc.block_users(ENVIRONMENT, [ANA.uid])
    assert ssc.list_uninvited(ENVIRONMENT) == [JOSE]


def test_wrong_passwords_lock_an_account_and_unblocking_opens_it(signed_up: SecuritySystem) -> None:
    for _ in range(5):
        assert not opens(signed_up, WRONG)
    assert not opens(signed_up, CHOSEN), "locked"
    assert not user(signed_up).blocked, "nobody blocked it"
    assert signed_up.unblock_users(ENVIRONMENT, [ANA.uid]) == Change(updated=1)
    assert not opens(signed_up, WRONG), "the earlier failures are forgotten: one more does not lock"
    assert opens(signed_up, CHOSEN)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("senha-errada", "uma-senha-bem-longa", "senha atual incorreta"),
        ("escolhida-pela-pessoa", "curta12", "a política recusou"),
        ("escolhida-pela-pessoa", "escolhida-pela-pessoa", "a política recusou"),
    ],
    ids=["wrong", "too short", "the same"],
)
def test_a_refused_change_says_why_and_shows_nobody(signed_up: SecuritySystem, old: str, new: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason) as refusal:
        signed_up.change_own_password(ENVIRONMENT, ANA.uid, SecretStr(old), SecretStr(new))
    text = str(refusal.value) + repr(refusal.value.__cause__)
    for value in (ANA.uid, ANA.name, ANA.email, old, new):
        assert value not in text
    assert opens(signed_up, CHOSEN)


def test_an_earlier_password_does_not_come_back(signed_up: SecuritySystem) -> None:
    signed_up.change_own_password(ENVIRONMENT, ANA.uid, CHOSEN, OTHER)
    with pytest.raises(InvalidInputError, match="a política recusou"):
        signed_up.change_own_password(ENVIRONMENT, ANA.uid, OTHER, CHOSEN)


def test_an_account_that_does_not_exist_is_said_so_before_anything_is_written(signed_up: SecuritySystem) -> None:
    signed_up.block_users(ENVIRONMENT, [ANA.uid])
    before = signed_up.list_users(ENVIRONMENT)
    with pytest.raises(InvalidInputError, match="A conta não existe neste ambiente"):
        signed_up.reset_password(ENVIRONMENT, ABSENT)
    for method in (signed_up.unblock_users, signed_up.mark_uninvited):
        with pytest.raises(InvalidInputError, match="2 contas não existem neste ambiente") as refusal:
            method(ENVIRONMENT, [ANA.uid, ABSENT, "outro"])
        assert ABSENT not in str(refusal.value)
    with pytest.raises(InvalidInputError, match="contas que não existem: 1"):
        signed_up.rename_users(ENVIRONMENT, {ANA.uid: "ana.souza", ABSENT: "alguem"})
    assert signed_up.list_users(ENVIRONMENT) == before


def test_who_is_not_there_need_be_neither_blocked_nor_removed(ssc: SecuritySystem) -> None:
    ssc.ensure_users(ENVIRONMENT, [ANA, JOSE])
    assert ssc.block_users(ENVIRONMENT, [ABSENT, JOSE.uid]) == Change(updated=1, unchanged=1)
    assert ssc.remove_users(ENVIRONMENT, [ABSENT, JOSE.uid]) == Change(removed=1, unchanged=1)
    assert ssc.remove_users(ENVIRONMENT, [JOSE.uid]) == Change(unchanged=1)
    assert [one.account for one in ssc.list_users(ENVIRONMENT)] == [ANA]


def test_many_are_blocked_opened_marked_renamed_and_removed_at_once(ssc: SecuritySystem) -> None:
    """More than either asks for by name: they read everybody, and change only those."""
    crowd = [Account(uid=f"p{n:04}", name=f"Pessoa {n}", email=f"p{n}@exemplo.org") for n in range(230)]
    ssc.ensure_users(ENVIRONMENT, [*crowd, ANA])
    some = [account.uid.upper() for account in crowd[:220]]
    assert ssc.block_users(ENVIRONMENT, some) == Change(updated=220)
    assert sum(one.blocked for one in ssc.list_users(ENVIRONMENT)) == 220
    assert ssc.unblock_users(ENVIRONMENT, some[:219]) == Change(updated=219)
    assert sum(one.blocked for one in ssc.list_users(ENVIRONMENT)) == 1
    assert ssc.mark_uninvited(ENVIRONMENT, some) == Change(unchanged=220)
    assert ssc.rename_users(ENVIRONMENT, {uid: f"n{uid}" for uid in some}) == Change(updated=220)
    assert sum(one.account.uid.startswith("n") for one in ssc.list_users(ENVIRONMENT)) == 220
    assert ssc.remove_users(ENVIRONMENT, [f"n{uid}" for uid in some]) == Change(removed=220)
    assert [one.account for one in ssc.list_users(ENVIRONMENT)] == [ANA, *crowd[220:]]


def test_another_login_keeps_password_history_and_situation(signed_up: SecuritySystem) -> None:
    signed_up.block_users(ENVIRONMENT, [JOSE.uid])
    renames = {"ANA.lima": "ana.souza", JOSE.uid: "jose.conceicao"}
    assert signed_up.rename_users(ENVIRONMENT, renames) == Change(updated=2)
    assert signed_up.rename_users(ENVIRONMENT, renames) == Change(unchanged=2)
    assert user(signed_up, "jose.conceicao").blocked
    assert user(signed_up, "jose.conceicao").uninvited
    found = user(signed_up, "ana.souza")
    assert (found.account.name, found.account.email, found.uninvited) == (ANA.name, ANA.email, True)
    assert opens(signed_up, CHOSEN, "ana.souza")
    signed_up.change_own_password(ENVIRONMENT, "ana.souza", CHOSEN, OTHER)
    with pytest.raises(InvalidInputError, match="a política recusou"):
        signed_up.change_own_password(ENVIRONMENT, "ana.souza", OTHER, CHOSEN)


def test_a_login_that_somebody_else_has_is_not_taken(signed_up: SecuritySystem) -> None:
    before = signed_up.list_users(ENVIRONMENT)
    with pytest.raises(InvalidInputError, match="o login novo já tem outra conta: 1") as refusal:
        signed_up.rename_users(ENVIRONMENT, {ANA.uid: JOSE.uid.upper()})
    assert ANA.uid not in str(refusal.value)
    assert signed_up.list_users(ENVIRONMENT) == before


def test_who_comes_back_is_invited_again(signed_up: SecuritySystem) -> None:
    with signed_up.inviting(ENVIRONMENT) as inviter:
        inviter.mark_invited(ANA)
    signed_up.block_users(ENVIRONMENT, [ANA.uid])
    assert signed_up.mark_uninvited(ENVIRONMENT, [ANA.uid, JOSE.uid]) == Change(updated=1, unchanged=1)
    assert signed_up.list_uninvited(ENVIRONMENT) == [JOSE], "a blocked one waits"
    assert signed_up.list_logins(ENVIRONMENT) == {ANA.uid: True, JOSE.uid: False}
    signed_up.unblock_users(ENVIRONMENT, [ANA.uid])
    assert signed_up.list_uninvited(ENVIRONMENT) == [ANA, JOSE]


def test_an_address_that_was_refused_waits_for_another(ssc: SecuritySystem) -> None:
    ssc.ensure_users(ENVIRONMENT, [ANA, JOSE])
    with ssc.inviting(ENVIRONMENT) as inviter:
        inviter.give_password(ANA)
        inviter.mark_bounced(ANA)
    assert (user(ssc).bounced, user(ssc).uninvited) == (True, False)
    assert ssc.list_uninvited(ENVIRONMENT) == [JOSE]
    renamed = ANA.model_copy(update={"name": "Ana Lúcia Souza"})
    assert ssc.ensure_users(ENVIRONMENT, [renamed]) == Change(updated=1)
    assert user(ssc).bounced, "another name is not another address"
    corrected = renamed.model_copy(update={"email": "ana@exemplo.org"})
    assert ssc.ensure_users(ENVIRONMENT, [corrected]) == Change(updated=1)
    assert not user(ssc).bounced
    assert ssc.list_uninvited(ENVIRONMENT) == [corrected, JOSE]


def test_a_refused_address_is_tried_again_for_who_comes_back(ssc: SecuritySystem) -> None:
    ssc.ensure_users(ENVIRONMENT, [ANA])
    with ssc.inviting(ENVIRONMENT) as inviter:
        inviter.mark_bounced(ANA)
    assert ssc.mark_uninvited(ENVIRONMENT, [ANA.uid]) == Change(updated=1)
    assert (user(ssc).bounced, user(ssc).uninvited) == (False, True)


def test_the_policy_is_reinforced_once(ssc: SecuritySystem) -> None:
    ssc.ensure_policy(PasswordPolicy())
    before = ssc.policy()
    assert before is not None
    longer = PasswordPolicy(min_length=before.min_length + 1)
    with rehearsing():
        planned = ssc.ensure_policy(longer)
    assert ssc.policy() == before
    changed = ssc.ensure_policy(longer)
    assert changed == planned
    assert changed.details == (f"política de senhas: tamanho mínimo: {before.min_length} → {before.min_length + 1}",)
    assert ssc.ensure_policy(longer) == Change(unchanged=1)
    assert ssc.ensure_policy(PasswordPolicy()) == Change(unchanged=1), "and never weakened"


def test_a_rehearsal_counts_the_change_and_makes_none(signed_up: SecuritySystem) -> None:
    before = signed_up.list_users(ENVIRONMENT)
    new = Account(uid="nova", name="Nova Pessoa", email="nova@exemplo.org")
    renamed = ANA.model_copy(update={"name": "Outro Nome"})
    with rehearsing():
        assert signed_up.ensure_users(ENVIRONMENT, [renamed, JOSE, new]) == Change(created=1, updated=1, unchanged=1)
        assert signed_up.block_users(ENVIRONMENT, [ANA.uid]) == Change(updated=1)
        signed_up.reset_password(ENVIRONMENT, ANA.uid)
        with signed_up.inviting(ENVIRONMENT) as inviter:
            inviter.give_password(JOSE)
            inviter.mark_invited(JOSE)
            inviter.mark_bounced(JOSE)
        assert signed_up.rename_users(ENVIRONMENT, {ANA.uid: "ana.souza"}) == Change(updated=1)
        assert signed_up.remove_users(ENVIRONMENT, [JOSE.uid]) == Change(removed=1)
    assert signed_up.list_users(ENVIRONMENT) == before
    assert opens(signed_up, CHOSEN)
