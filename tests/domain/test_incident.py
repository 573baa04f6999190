"""Incidents of people and of the monitoring, folded from events."""

from datetime import UTC, datetime, timedelta

from domain.incident import CLOSED, OPENED, IncidentDetails, IncidentHappening, Incidents, Span

AT = datetime(2027, 6, 1, 12, tzinfo=UTC)


def by_hand(kind: str) -> IncidentHappening:
    return IncidentHappening(kind, "casa", AT, {"reason": "Lentidão"})


def of_monitoring(kind: str, incident: str, until: datetime | None = None) -> IncidentHappening:
    details = IncidentDetails(
        incident=incident, cause="pagina", scope="casa", since=AT, until=until, leads=True, affected=1, reason="x"
    )
    return IncidentHappening(kind, "casa", AT + timedelta(minutes=10), details.model_dump(mode="json"))


def test_what_a_person_opened_only_a_person_closes_and_what_the_monitoring_opened_only_itself() -> None:
    both = [by_hand(OPENED), of_monitoring(OPENED, "pagina-casa-1")]
    found = Incidents(both)
    assert (found.counts()["casa"], found.open_by_hand("casa")) == (2, 1)
    assert Incidents([*both, by_hand(CLOSED)]).open_of_monitoring == {("casa", "pagina-casa-1")}
    assert Incidents([*both, by_hand(CLOSED), by_hand(CLOSED)]).counts()["casa"] == 1, "one closing too many"
    over = Incidents([*both, of_monitoring(CLOSED, "pagina-casa-1", AT + timedelta(hours=1))])
    assert (over.counts()["casa"], over.open_by_hand("casa")) == (1, 1)
    assert over.spans("casa") == [Span("pagina", AT, AT + timedelta(hours=1))]


def test_each_is_closed_by_itself_and_one_that_is_open_has_no_end() -> None:
    told = [of_monitoring(OPENED, "pagina-casa-1"), of_monitoring(OPENED, "bancos-casa-2")]
    found = Incidents([*told, of_monitoring(CLOSED, "bancos-casa-2")])
    assert found.open_of_monitoring == {("casa", "pagina-casa-1")}
    assert found.spans("casa")[-1] == Span("pagina", AT, None)
    assert found.spans("outra") == []
    assert Incidents([of_monitoring(CLOSED, "nunca-aberto")]).counts()["casa"] == 0
