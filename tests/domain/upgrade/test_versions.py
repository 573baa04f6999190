"""Versions are ordered by number, and what two databases say is compared by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.upgrade.versions import InstalledModule, InstalledVersions, VersionRange, judge_versions, order_of
from tests.domain.upgrade.examples import make_releases

_NUMBERS = st.lists(st.integers(0, 99), min_size=2, max_size=4)
_FOUR = st.lists(st.integers(0, 99), min_size=4, max_size=4)


def text_of(numbers: list[int]) -> str:
    return ".".join(map(str, numbers))


@given(_NUMBERS, _NUMBERS)
def test_missing_parts_count_as_zero(left: list[int], right: list[int]) -> None:
    padded = [numbers + [0] * (4 - len(numbers)) for numbers in (left, right)]
    assert (order_of(text_of(left)) < order_of(text_of(right))) == (padded[0] < padded[1])


def test_a_security_line_comes_between_its_patch_and_the_next_version() -> None:
    in_order = ["4.0.9", "4.0.12", "4.0.12.15", "4.0.13", "4.1", "4.1.1", "4.10.0"]
    assert sorted(set(in_order), key=order_of) == in_order
    assert order_of("4.1") == order_of("4.1.0") == order_of("4.1.0.0")


@given(_FOUR, _FOUR, _FOUR)
def test_a_range_holds_exactly_what_is_between_its_ends(first: list[int], last: list[int], version: list[int]) -> None:
    first, last = sorted((first, last))
    span = VersionRange(first=text_of(first), last=text_of(last))
    assert (text_of(version) in span) == (first <= version <= last)


def test_a_range_may_be_a_line_or_open() -> None:
    line, since = VersionRange(line="4.0"), VersionRange(line="4.1", first="4.1.2")
    assert [version for version in ("4.0", "4.0.12.15", "4.1.0") if version in line] == ["4.0", "4.0.12.15"]
    assert [version for version in ("4.1.1", "4.1.2", "4.1.9", "5.0.0") if version in since] == ["4.1.2", "4.1.9"]
    assert [span.told for span in (line, since, VersionRange(first="4.0.0", last="4.0.0"))] == [
        "4.0.x",
        "4.1.x a partir de 4.1.2",
        "4.0.0",
    ]


@pytest.mark.parametrize("span", [{}, {"de": "4.1.0", "ate": "4.0.12"}, {"de": "quatro"}])
def test_a_range_of_nothing_is_refused(span: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        VersionRange.model_validate(span)


@given(sei=st.integers(0, 1), sip=st.integers(0, 1), copy=st.integers(0, 1), patch=st.integers(0, 30))
def test_the_three_places_agree_exactly_when_they_are_of_one_line(sei: int, sip: int, copy: int, patch: int) -> None:
    found = InstalledVersions(sei=f"4.{sei}.{patch}", sip=f"3.{sip}.{patch}", resources=f"4.{copy}.0")
    assert (judge_versions(found, make_releases()) == []) == (sei == sip == copy)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            InstalledVersions(sei="4.1.1", sip="3.1.1", resources="4.0.0"),
            ["o SEI está na linha 4.1 (4.1.1) e os recursos do SEI no SIP na linha 4.0 (4.0.0): o SIP ficou para trás"],
        ),
        (
            InstalledVersions(sei="4.0.0", sip="3.0.0", resources="4.1.0"),
            ["o SEI está na linha 4.0 (4.0.0) e os recursos do SEI no SIP na linha 4.1 (4.1.0): o SEI ficou para trás"],
        ),
        (
            InstalledVersions(sei="4.0.0", sip="3.1.1", resources="4.0.0"),
            ["o SIP está na linha 3.1 (3.1.1) e o SEI 4.0.0 pede o SIP da linha 3.0"],
        ),
        (InstalledVersions(sei="4.1.1", sip=None, resources="4.1.0"), ["SIP_VERSAO no SIP não existe"]),
        (InstalledVersions(sei="4.1.1", sip="3.1.1", resources="4.x"), ["SEI_VERSAO no SIP não é uma versão"]),
        (
            InstalledVersions(sei="9.9.9", sip="3.1.1", resources="9.9.1"),
            ["a linha 9.9 do SEI não está no catálogo de versões"],
        ),
    ],
)
def test_a_disagreement_is_named(found: InstalledVersions, told: list[str]) -> None:
    assert judge_versions(found, make_releases()) == told


def test_a_module_of_two_versions_is_named() -> None:
    half = InstalledModule(code="pen", parameter="VERSAO_MODULO_PEN", in_sei="3.7.0", in_sip="3.6.0")
    alone = InstalledModule(code="wssei", parameter="VERSAO_MODULO_WSSEI", in_sei="2.2.0", in_sip=None)
    found = InstalledVersions(sei="4.1.1", sip="3.1.1", resources="4.1.0", modules=(half, alone))
    assert judge_versions(found, make_releases()) == ["o módulo pen é 3.7.0 no SEI e 3.6.0 no SIP"]
    assert (half.version, alone.version) == (None, "2.2.0")
