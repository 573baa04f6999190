"""The month that a report is of, and what it tells."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from domain.message import Event
from domain.monitoring.availability import Availability
from domain.monthly_report import Month, MonthOfService, MonthOfUse, report_variables
from tests.domain.examples import CATALOG

DAYS = st.dates(date(2020, 1, 1), date(2099, 12, 31))


@given(DAYS)
def test_the_month_before_a_day_ends_with_the_day_before_its_first(day: date) -> None:
    month = Month.before(day)
    assert month.after == day.replace(day=1)
    assert month.holds(month.after - timedelta(days=1))
    assert month.holds(month.first)
    assert not month.holds(month.first - timedelta(days=1))
    assert not month.holds(day)
    assert Month.parse(str(month)) == month


@pytest.mark.parametrize("text", ["2027-13", "2027-5", "maio", "2027-00", "2027-05-01", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="não é um mês"):
        Month.parse(text)


def test_a_report_tells_what_came_in_and_what_happened() -> None:
    use = MonthOfUse(users=35, processes=1204, documents=4310)
    service = MonthOfService(opened_on=date(2027, 5, 3), maintenances=2, incidents=0)
    variables = report_variables(Month.parse("2027-05"), use, service)
    shown = CATALOG.messages().rule(Event.RELATORIO_MENSAL).show(variables)
    assert shown == {
        "mes": "maio de 2027",
        "usuarios": "35",
        "processos": "1.204",
        "documentos": "4.310",
        "ocorrencias": [
            "O SEI entrou em produção em 3 de maio de 2027.",
            "2 manutenções programadas.",
            "Nenhum incidente comunicado.",
        ],
    }


def test_a_report_tells_how_much_of_the_month_there_was_service_where_somebody_looked() -> None:
    use = MonthOfUse(users=35, processes=1204, documents=4310)
    seen = Availability(total=43_200, planned=0, down=12, incidents=1, watched=1)
    service = MonthOfService(opened_on=None, maintenances=0, incidents=0, availability=seen)
    told = report_variables(Month.parse("2027-05"), use, service)["ocorrencias"]
    assert isinstance(told, list)
    assert told[-1] == "Disponibilidade de 99,97 %: 12 min sem serviço."
