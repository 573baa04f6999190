"""The rules about versions, releases and reference rows."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from domain.reference import (
    DumpFile,
    Reference,
    ReferenceRows,
    judge_reference,
    minor_line,
    missing_rows,
    version_key,
)
from tests.domain.upgrade.examples import make_release

_NUMBERS = st.lists(st.integers(0, 99), min_size=2, max_size=4)
_KEYS = st.frozensets(st.integers(1, 50).map(str), max_size=20)


def make_dump(*, sei: str | None = "4.1.1", sip: str | None = None, sha256: str = "0" * 64) -> DumpFile:
    database = "sip" if sip else "sei"
    return DumpFile.model_validate(
        {
            "database": database,
            "path": Path(f"{database}.sql"),
            "compression": "none",
            "sha256": sha256,
            "size_bytes": 1,
            "sei_version": sei,
            "sip_version": sip,
        }
    )


def make_reference(*, sei: DumpFile | None = None, sip: DumpFile | None = None) -> Reference:
    return Reference(version="4.1.0", kind="official", sei=sei or make_dump(), sip=sip or make_dump(sip="3.1.1"))


@given(_NUMBERS, _NUMBERS)
def test_versions_are_ordered_by_number(left: list[int], right: list[int]) -> None:
    left_text, right_text = (".".join(map(str, numbers)) for numbers in (left, right))
    assert (version_key(left_text) < version_key(right_text)) == (left < right)


@given(_NUMBERS)
def test_patches_stay_in_their_minor_line(numbers: list[int]) -> None:
    version = ".".join(map(str, numbers))
    assert minor_line(version) == f"{numbers[0]}.{numbers[1]}" == minor_line(f"{minor_line(version)}.7")


def test_digest_depends_on_both_dumps_and_on_which_is_which() -> None:
    sei, sip = make_dump(sha256="a" * 64), make_dump(sip="3.1.1", sha256="b" * 64)
    swapped = make_reference(sei=make_dump(sha256="b" * 64), sip=make_dump(sip="3.1.1", sha256="a" * 64))
    digests = {make_reference(sei=sei, sip=sip).digest, swapped.digest, make_reference(sei=sei).digest}
    assert len(digests) == 3


@given(sei=st.integers(0, 9), sip=st.integers(0, 9), copy=st.integers(0, 9))
def test_pair_is_good_exactly_when_all_three_versions_are_of_their_lines(sei: int, sip: int, copy: int) -> None:
    reference = make_reference(sei=make_dump(sei=f"4.{sei}.3"), sip=make_dump(sei=f"4.{copy}.0", sip=f"3.{sip}.8"))
    release = make_release(sei="4.1.9", sip="3.1.9")
    assert (judge_reference(reference, release) == []) == (sei == sip == copy == 1)


def test_sip_line_is_not_judged_for_a_version_that_the_catalog_does_not_know() -> None:
    assert judge_reference(make_reference(sip=make_dump(sei=None, sip="7.7.7")), None) == []


@given(expected=_KEYS, added=_KEYS, removed=_KEYS)
def test_rows_may_be_added_but_losing_one_is_always_reported(
    expected: frozenset[str], added: frozenset[str], removed: frozenset[str]
) -> None:
    found = (expected - removed) | (added - expected)
    problems = missing_rows(ReferenceRows(keys={"serie": expected}), ReferenceRows(keys={"serie": found}))
    lost = expected & removed
    assert bool(problems) == bool(lost)
    if lost:
        assert f"{len(lost)} de {len(expected)} linhas" in problems[0]


def test_table_that_was_not_read_counts_as_lost() -> None:
    keys = frozenset(str(number) for number in range(1, 13))
    problems = missing_rows(ReferenceRows(keys={"serie": keys}), ReferenceRows(keys={}))
    assert problems == ["tabela serie: faltam 12 de 12 linhas de referência (chaves 1, 2, 3, 4, 5, …)"]
