"""The directory's access rules: whatever differs from them is named, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from domain.directory_access import access_rules, judge_access_rules

WANTED = access_rules("dc=implanta")
TEXTS = [rule.text for rule in WANTED]
FOREIGN = 'to dn.base="uid=ana,dc=implanta" by users read'


def as_the_server_shows(texts: list[str]) -> list[str]:
    return [f"{{{number}}}{text.replace(' by ', '  by ')}" for number, text in enumerate(texts)]


def test_what_the_server_spells_with_positions_and_spaces_is_the_same() -> None:
    drift = judge_access_rules(WANTED, as_the_server_shows(TEXTS))
    assert (drift.details, drift.unchanged) == ((), len(WANTED))


@given(st.integers(0, len(TEXTS) - 1))
def test_a_rule_that_is_gone_is_named(gone: int) -> None:
    drift = judge_access_rules(WANTED, [text for number, text in enumerate(TEXTS) if number != gone])
    assert drift.missing == (f"regra de acesso do LDAP ausente: {WANTED[gone].promise}",)
    assert drift.details == drift.missing


@given(st.integers(0, len(TEXTS) - 1))
def test_a_rule_that_was_weakened_is_named(weak: int) -> None:
    texts = [text.replace("by * none", "by * read") if number == weak else text for number, text in enumerate(TEXTS)]
    drift = judge_access_rules(WANTED, texts)
    assert drift.details == (f"regra de acesso do LDAP alterada: {WANTED[weak].promise}",)


@given(st.integers(0, len(TEXTS)))
def test_a_foreign_rule_is_named_by_its_position_and_not_repeated(position: int) -> None:
    drift = judge_access_rules(WANTED, [*TEXTS[:position], FOREIGN, *TEXTS[position:]])
    assert drift.details == (f"regra de acesso do LDAP a mais, na posição {position}",)
    assert "ana" not in str(drift)


@given(st.lists(st.sampled_from([*TEXTS, FOREIGN]), max_size=7))
def test_rules_are_right_only_when_they_are_the_wanted_ones_in_their_order(texts: list[str]) -> None:
    drift = judge_access_rules(WANTED, texts)
    assert (not drift.details) is (texts == TEXTS)


def test_a_service_account_that_is_not_the_databases_root_is_let_in_by_every_rule() -> None:
    admin = "cn=implanta,dc=mg,dc=gov,dc=br"
    for rule in access_rules("dc=mg, dc=gov, dc=br", admin):
        assert f' by dn.base="{admin}" manage by ' in rule.text


def test_a_dot_in_the_base_matches_only_itself() -> None:
    assert any(r"o=implanta\.exemplo" in rule.text for rule in access_rules("o=implanta.exemplo"))
