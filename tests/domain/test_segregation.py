"""What counts as a proof of segregation, and who tries to reach whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IntegrityError, RetryableError
from domain.segregation import FleetSegregation, ProbeResult, SegregationReport, Way, choose_neighbours

RESULTS = st.lists(
    st.builds(
        ProbeResult,
        way=st.sampled_from(Way),
        title=st.sampled_from(["ler", "gravar", "entrar"]),
        got_through=st.booleans(),
        evidence=st.just("resposta"),
        control=st.booleans(),
    )
).map(tuple)
SLUGS = st.sets(
    st.builds(
        "{}-{}".format,
        st.sampled_from(["timoteo", "rio-doce", "unai", "lavras"]),
        st.sampled_from(["treinamento", "homologacao", "producao"]),
    )
)


def make_report(*results: ProbeResult, environment: str = "timoteo-producao") -> SegregationReport:
    return SegregationReport(environment=environment, neighbour="unai-producao", results=results)


def make_result(*, got_through: bool = False, control: bool = False, title: str = "ler os usuários") -> ProbeResult:
    return ProbeResult(way=Way.SQL, title=title, got_through=got_through, evidence="erro 1142", control=control)


@given(RESULTS)
def test_it_is_a_proof_only_when_all_was_refused_but_the_controls(results: tuple[ProbeResult, ...]) -> None:
    report = make_report(*results)
    proved = all(result.got_through is result.control for result in results)
    assert (report.problems() == []) is proved
    assert len(report.open_doors) + len(report.failed_controls) == len(report.problems())
    assert report.refused + len(report.open_doors) == sum(not result.control for result in results)


@given(RESULTS, RESULTS)
def test_more_attempts_never_make_up_for_an_open_door(
    results: tuple[ProbeResult, ...], more: tuple[ProbeResult, ...]
) -> None:
    report = make_report(*results, make_result(got_through=True), *more)
    assert any(
        "timoteo-producao alcança unai-producao: SQL, ler os usuários (erro 1142)" in p for p in report.problems()
    )


def test_a_control_that_fails_is_told_as_what_it_is() -> None:
    report = make_report(make_result(), make_result(control=True, title="entrar no próprio banco"))
    assert report.problems() == [
        "o controle falhou e a recusa nada prova: SQL, entrar no próprio banco (erro 1142)",
    ]
    assert [result.label for result in report.results] == ["recusado", "CONTROLE FALHOU"]


@given(SLUGS)
def test_everybody_tries_a_stranger_where_there_is_one_and_never_itself(slugs: set[str]) -> None:
    pairs = choose_neighbours(slugs)
    assert set(pairs) == slugs
    for slug, neighbour in pairs.items():
        others = slugs - {slug}
        strangers = {other for other in others if other.rpartition("-")[0] != slug.rpartition("-")[0]}
        if strangers:
            assert neighbour in strangers
        elif others:
            assert neighbour in others
        else:
            assert neighbour is None


@given(st.sets(st.sampled_from(["timoteo", "rio-doce", "unai", "lavras", "pompeu"]), min_size=2))
def test_of_one_environment_each_everybody_is_a_victim_once(municipalities: set[str]) -> None:
    pairs = choose_neighbours(f"{name}-producao" for name in municipalities)
    assert sorted(filter(None, pairs.values())) == sorted(pairs)


def test_a_fleet_fails_as_broken_for_a_door_and_as_unreachable_for_silence() -> None:
    silent = RetryableError("O LDAP não respondeu", "ldap 127.0.0.1:389", "Execute de novo.")
    closed, opened = make_report(make_result()), make_report(make_result(got_through=True))
    FleetSegregation.of({"timoteo-producao": closed}).raise_if_any_failed()
    with pytest.raises(RetryableError, match="unai-producao não foi sondado: O LDAP não respondeu"):
        FleetSegregation.of({"timoteo-producao": closed, "unai-producao": silent}).raise_if_any_failed()
    with pytest.raises(IntegrityError, match=r"alcança unai-producao.* e mais 1"):
        FleetSegregation.of({"timoteo-producao": opened, "unai-producao": silent}).raise_if_any_failed()


def test_a_defect_is_told_without_what_it_held() -> None:
    fleet = FleetSegregation.of({"unai-producao": ValueError("segredo")})
    assert fleet.problems() == ["unai-producao não foi sondado: defeito do programa (ValueError)"]
