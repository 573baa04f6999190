"""Classes from the command line to the mailboxes and calendars of a prefeitura."""

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.__main__ import app
from domain.calendar import BRASILIA
from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError
from domain.municipality import Contact
from domain.training_class import Meeting
from flows.messages import send_messages
from flows.remind_of_classes import remind_of_classes
from lab.state import LabState
from registry import Registry
from tasks import clock
from tasks.classes import cancel_class, schedule_class
from tests.cli.examples import example_of
from tests.domain.examples import make_municipality
from tests.flows.mailbox import arrived, calendar_of

IBGE, SLUG = "3168705", "timoteo"


@pytest.fixture
def registry(registry_url: SecretStr, domain: str) -> Iterator[Registry]:
    """The registry with the focal point of one test."""
    opened = Registry(registry_url)
    contact = Contact(name="Pessoa", email=f"ponto@{domain}", role="ponto focal")
    opened.ensure_municipality(make_municipality().model_copy(update={"contacts": (contact,)}))
    yield opened
    opened.dispose()


@pytest.fixture
def code() -> str:
    """A class of one test."""
    return secrets.token_hex(4)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    def move(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return move


def meeting(code: str, day: str = "2097-03-13", place: str = "Sala 2") -> Meeting:
    starts = datetime.fromisoformat(f"{day}T13:30").replace(tzinfo=BRASILIA)
    return Meeting(
        course="SEI Usar", code=code, starts_at=starts, ends_at=starts + timedelta(hours=4), place=place, seats=40
    )


def test_a_class_is_invited_to_corrected_and_cancelled_as_one_entry_of_the_calendar(
    registry: Registry, domain: str, code: str, lab_state: LabState
) -> None:
    def entry() -> dict[str, str]:
        send_messages()
        messages = [one for one in arrived(lab_state, domain) if code in str(one["Subject"])]
        subjects.append(str(messages[-1]["Subject"]))
        return calendar_of(messages[-1])

    subjects: list[str] = []
    _, change = schedule_class(SLUG, meeting(code))
    assert change == Change(created=1)
    first = entry()
    assert (first["METHOD"], first["SEQUENCE"], first["LOCATION"]) == ("PUBLISH", "0", "Sala 2")
    assert schedule_class(SLUG, meeting(code))[1] == Change(unchanged=1)
    assert send_messages().is_empty, "the same again tells nobody anything"
    _, change = schedule_class(SLUG, meeting(code, place="Sala 3"))
    assert change == Change(updated=1)
    second = entry()
    assert (second["METHOD"], second["SEQUENCE"], second["LOCATION"]) == ("PUBLISH", "1", "Sala 3")
    for change in (Change(updated=1), Change(unchanged=1)):
        assert cancel_class(SLUG, "sei-usar", code)[1] == change
    third = entry()
    assert (third["METHOD"], third["SEQUENCE"], third["STATUS"]) == ("CANCEL", "2", "CANCELLED")
    assert send_messages().is_empty
    assert first["UID"] == second["UID"] == third["UID"]
    assert subjects == [
        f"Timóteo: capacitação SEI Usar, turma {code} marcada",
        f"Timóteo: capacitação SEI Usar, turma {code} remarcada",
        f"Timóteo: cancelada a capacitação SEI Usar, turma {code}",
    ]
    with pytest.raises(InvalidInputError, match="foi cancelada"):
        schedule_class(SLUG, meeting(code))


def test_an_invitation_that_nobody_has_yet_is_taken_back_without_a_word(
    registry: Registry, domain: str, code: str, lab_state: LabState
) -> None:
    schedule_class(SLUG, meeting(code))
    schedule_class(SLUG, meeting(code, place="Sala 3"))
    cancel_class(SLUG, "sei-usar", code)
    assert send_messages().is_empty
    assert [one for one in arrived(lab_state, domain) if code in str(one["Subject"])] == []
    states = {one.key: one.dropped_because for one in registry.messages(IBGE) if code in one.key}
    assert states == {
        f"convite_capacitacao:{IBGE}:sei-usar:{code}": "withdrawn",
        f"convite_capacitacao:{IBGE}:sei-usar:{code}#1": "withdrawn",
    }
    kinds = [one.kind for one in registry.events(IBGE) if one.details.get("code") == code]
    assert kinds == ["class.scheduled", "class.scheduled", "class.cancelled"]


def test_an_interruption_between_the_class_and_its_invitation_is_made_good_by_the_same_command(
    registry: Registry, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> Change:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tasks.classes.put_in_queue", die)
        with pytest.raises(KeyboardInterrupt):
            schedule_class(SLUG, meeting(code))
    assert not [one for one in registry.messages(IBGE) if code in one.key]
    assert schedule_class(SLUG, meeting(code))[1] == Change(unchanged=1)
    assert [one.key for one in registry.messages(IBGE) if code in one.key]


def test_at_night_the_focal_point_is_reminded_once_of_each_correction(
    registry: Registry, code: str, at: Callable[[datetime], None]
) -> None:
    def reminders() -> list[str]:
        return [one.key for one in registry.messages(IBGE) if f"lembrete_capacitacao:{IBGE}:sei-usar:{code}" in one.key]

    def night(day: str) -> int:
        at(datetime.fromisoformat(f"{day}T05:45").replace(tzinfo=BRASILIA))
        before = len(reminders())
        assert remind_of_classes().changes[SLUG].created >= len(reminders()) - before
        return len(reminders()) - before

    at(datetime(2097, 3, 1, 12, tzinfo=UTC))
    schedule_class(SLUG, meeting(code, "2097-03-13"))  # a Wednesday
    assert night("2097-03-10") == 0
    assert night("2097-03-11") == 1
    assert night("2097-03-12") == 0
    at(datetime(2097, 3, 12, 12, tzinfo=UTC))
    schedule_class(SLUG, meeting(code, "2097-03-20"))
    assert registry.message(reminders()[0]).dropped_because == "withdrawn", "it names the wrong day"
    assert night("2097-03-15") == 0
    assert night("2097-03-18") == 1
    assert reminders()[1].endswith(f"{code}#1")


def test_a_class_of_no_course_or_with_a_person_in_it_is_refused(registry: Registry, code: str) -> None:
    with pytest.raises(InvalidInputError, match=r"Não há curso .* sei-usar, sei-administrar"):
        schedule_class(SLUG, meeting(code).model_copy(update={"course": "sei-dançar"}))
    with pytest.raises(InvalidInputError, match="Não há turma"):
        cancel_class(SLUG, "sei-usar", code)
    with pytest.raises(IntegrityError, match="dado pessoal"):
        schedule_class(SLUG, meeting(code, place="fale com ana@example.org"))
    assert code not in {one.code for one in registry.training_classes(IBGE)}


def run(*words: str) -> Any:  # noqa: ANN401  # whatever the command prints
    outcome = CliRunner().invoke(app, [*words, "--json"])
    assert outcome.exit_code == 0, outcome.output
    return json.loads(outcome.stdout)


def test_the_command_line_schedules_lists_and_cancels(registry: Registry, code: str) -> None:
    instead = {"1": code}
    added = run(*example_of("training class add", instead))
    assert (added["change"]["created"], added["correction"], added["state"]) == (1, 0, "scheduled")
    assert added["starts_at"] == "2097-03-04T13:30:00-03:00"
    listed = {one["code"]: one for one in run(*example_of("training class list"))}
    assert listed[code]["place"] == "Sala de informática"
    assert run(*example_of("training class cancel", instead))["state"] == "cancelled"
    shown = CliRunner().invoke(app, example_of("training class list"))
    assert "cancelada" in shown.output
    wrong = [word.replace("T17:30", "T12:30") for word in example_of("training class add", instead)]
    refused = CliRunner().invoke(app, wrong)
    assert refused.exit_code == InvalidInputError.exit_code
    assert "o fim não vem depois do início" in " ".join(refused.output.split())
