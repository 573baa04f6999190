"""The first weeks of a prefeitura in production."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assisted_operation import AssistedReport, Watch, Watched, watch_on
from domain.calendar import BusinessCalendar
from domain.errors import IntegrityError, RetryableError
from domain.paperwork import Paperwork

NOTHING = Paperwork(processos=0, documentos=0, anexos=0, assinaturas=0, andamentos=0)
CALENDAR = BusinessCalendar(uf="MG")


def make_watched(environment: str, *problems: str) -> Watched:
    return Watched(environment=environment, watch=Watch(day=3, of=20), made=NOTHING, errors=0, problems=problems)


def test_the_days_are_business_days_and_the_day_of_the_opening_is_none_of_them() -> None:
    friday, monday = date(2026, 11, 27), date(2026, 11, 30)
    assert watch_on(friday, friday, 20, CALENDAR).day == 0
    assert watch_on(friday, monday, 20, CALENDAR) == Watch(day=1, of=20)


@given(st.integers(0, 60), st.integers(1, 40))
def test_it_is_over_on_the_day_after_the_last_one_and_stays_over(day: int, of: int) -> None:
    assert Watch(day=day, of=of).over == (day > of)


def test_what_is_wrong_stands_first_and_fails_the_run_with_its_reason() -> None:
    report = AssistedReport.of(
        {
            "lavras-producao": make_watched("lavras-producao"),
            "unai-producao": make_watched("unai-producao", "a aplicação não atende (HTTP 502)"),
            "pompeu-producao": RetryableError("O MariaDB não responde", "127.0.0.1", "Tente de novo."),
        }
    )
    table = [line.split(" | ")[0] for line in report.markdown()[6:]]
    assert table == ["| pompeu-producao", "| unai-producao", "| lavras-producao"]
    with pytest.raises(RetryableError, match="1 ambientes em operação assistida não foram conferidos"):
        report.raise_if_any_ails()
    with pytest.raises(IntegrityError, match=r"com problema: a aplicação não atende \(HTTP 502\)"):
        AssistedReport.of({"unai-producao": report.lines[1]}).raise_if_any_ails()


def test_nobody_with_a_problem_ends_well() -> None:
    AssistedReport.of({"lavras-producao": make_watched("lavras-producao")}).raise_if_any_ails()


@given(*[st.integers(0, 9)] * 2)
def test_paperwork_tells_what_came_and_what_went(before: int, after: int) -> None:
    then, now = (NOTHING.model_copy(update={"processos": number}) for number in (before, after))
    changes = now.changes_since(then)
    assert bool(changes) == (before != after)
    assert now.less(then).processos == max(0, after - before)
    if after < before:
        assert changes == (f"{before - after} processo(s) a menos",)
