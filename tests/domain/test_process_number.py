"""Process numbers: check digits and masks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.process_number import Codes, NumberMask, check_digits

DEFAULT_MASK = (
    "@cod_orgao_sei_03d@@cod_unidade_sei_02d@.@seq_anual_cod_unidade_sei_06d@/@ano_4d@-@dv_mod11_executivo_federal_2d@"
)
NIPE_MASK = (
    "17.@cod_orgao_sei_03d@@cod_unidade_sei_03d@.@seq_anual_cod_unidade_sei_06d@/@ano_4d@-"
    "@dv_mod11_executivo_federal_2d@"
)
CODES = Codes(org_sei="999", uni_sei="90", org_sip="0", uni_sip="110000001")


def test_check_digits_are_those_of_numbers_in_use() -> None:
    # 60041.001093/2020-97: the process cited by Portaria GM-MD 1.342/2021.
    assert check_digits("60041" + "001093" + "2020") == "97"
    # 17.137001.000001/2026-21: the example of the NIPE manual (pen-docs).
    assert check_digits("17" + "137001" + "000001" + "2026") == "21"


@given(st.text("0123456789", min_size=15, max_size=15), st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_is_nearly_always_noticed(base: str, position: int, shift: int) -> None:
    # "Nearly": 10 and 0 give the same digit, so does 11 and 1; the second digit then still covers the first.
    wrong = base[:position] + str((int(base[position]) + shift) % 10) + base[position + 1 :]
    first, second = check_digits(base), check_digits(wrong)
    assert len(first) == 2
    assert first.isdigit()
    assert check_digits(base) == first
    if first == second:
        total = [sum(int(d) * w for w, d in enumerate(reversed(text), 2)) % 11 for text in (base, wrong)]
        assert {total[0], total[1]} <= {0, 1, 10} or total[0] == total[1]


@given(st.integers(1, 999999), st.integers(2014, 2099))
def test_the_default_mask_gives_seventeen_digits_that_check(sequence: int, year: int) -> None:
    number = NumberMask(DEFAULT_MASK).fill(CODES, year, sequence)
    digits = "".join(filter(str.isdigit, number))
    assert number == f"99990.{sequence:06d}/{year}-{digits[-2:]}"
    assert check_digits(digits[:-2]) == digits[-2:]


def test_the_mask_of_a_state_starts_with_its_own_prefix() -> None:
    codes = Codes(org_sei="137", uni_sei="1", org_sip="0", uni_sip="110000001")
    assert NumberMask(NIPE_MASK).fill(codes, 2026, 1) == "17.137001.000001/2026-21"


def test_units_with_one_code_share_the_counter_of_the_year() -> None:
    mask = NumberMask(DEFAULT_MASK)
    twin = Codes(org_sei="999", uni_sei="90", org_sip="0", uni_sip="110000007")
    assert mask.counter(CODES, 2026) == mask.counter(twin, 2026) == "seq_2026_uni_sei_90"
    assert mask.counter(CODES, 2027) != mask.counter(CODES, 2026)


@pytest.mark.parametrize(
    ("field", "counter"),
    [
        ("seq_anual_cod_orgao_sei_06d", "seq_2026_org_sei_999"),
        ("seq_anual_cod_unidade_sip_06d", "seq_2026_uni_sip_110000001"),
        ("seq_anual_cod_orgao_sip_06d", "seq_2026_org_sip_0"),
    ],
)
def test_the_mask_says_whose_counter_it_uses(field: str, counter: str) -> None:
    assert NumberMask(f"@{field}@/@ano_4d@").counter(CODES, 2026) == counter


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("@cod_secreto_03d@.@seq_anual_cod_unidade_sei_06d@", "campo cod_secreto"),
        ("@cod_orgao_sei@.@seq_anual_cod_unidade_sei_06d@", "malformado"),
        ("@cod_orgao_sei_03d@/@ano_4d@", "sequência anual"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused(mask: str, said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        NumberMask(mask)


def test_a_value_that_does_not_fit_is_refused_and_not_cut() -> None:
    with pytest.raises(InvalidInputError, match="1000000 não cabe"):
        NumberMask(DEFAULT_MASK).fill(CODES, 2026, 1_000_000)


@pytest.mark.parametrize("code", [None, "", "A1"])
def test_a_unit_without_a_numeric_code_gets_no_number(code: str | None) -> None:
    codes = Codes(org_sei="999", uni_sei=code, org_sip="0", uni_sip="110000001")
    with pytest.raises(InvalidInputError, match="código da unidade"):
        NumberMask(DEFAULT_MASK).fill(codes, 2026, 1)
