"""Who gets which message, what it tells, when it is tried again; the calendar's text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from domain.calendar_invitation import Invitation, calendar_text
from domain.errors import InvalidInputError
from domain.message import TEAM_ROLE, Event, MessageRule, message_key, next_attempt, recipients_of
from domain.municipality import Contact
from registry import QueuedMessage
from registry.privacy import refuse_personal_data
from tests.domain.examples import CATALOG

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
TABLE = CATALOG.messages()
INVITATION = TABLE.rule(Event.CONVITE_CAPACITACAO)


def make_contact(email: str, role: str = "ponto focal") -> Contact:
    return Contact(name="Fulana de Tal", email=email, role=role)


def make_invitation(**facts: object) -> Invitation:
    given: dict[str, object] = {
        "uid": "x@exemplo.org",
        "stamp": NOW,
        "starts": NOW,
        "ends": NOW + timedelta(hours=2),
        "summary": "Turma 1",
        "organizer": "sei@exemplo.org",
    }
    return Invitation.model_validate(given | facts)


@pytest.mark.parametrize("rule", TABLE.messages, ids=lambda rule: rule.event.value)
def test_every_shipped_event_tells_the_focal_point_and_its_examples_are_of_nobody(rule: MessageRule) -> None:
    # A copy that is missing or refused, and a campaign that stopped, are the operators' to mend.
    of_the_team = {Event.ALERTA_COPIA, Event.ALERTA_CAMPANHA, Event.ALERTA_WEBHOOK, Event.ALERTA_INCIDENTE}
    assert rule.roles == (TEAM_ROLE,) if rule.event in of_the_team else "ponto focal" in rule.roles
    assert rule.accept(rule.examples) == rule.examples
    refuse_personal_data(rule.examples, what="O exemplo")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"curso": None}, "curso não é um texto"),
        ({"curso": " "}, "curso não é um texto"),
        ({"vagas": "quarenta"}, "vagas não é um número inteiro"),
        ({"vagas": True}, "vagas não é um número inteiro"),
        ({"inicio": "2027-03-01T13:30:00"}, "inicio não é um momento com fuso"),
        ({"inicio": "amanhã"}, "inicio não é um momento com fuso"),
        ({"inicio": "2027-03-01T18:30:00-03:00"}, "fim não vem depois de inicio"),
        ({"instrutor": "x"}, "instrutor não é variável deste evento"),
    ],
)
def test_variables_that_are_not_those_of_the_event_are_refused(change: dict[str, JsonValue], problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        INVITATION.accept(INVITATION.examples | change)


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(InvalidInputError, match="falta usuarios; falta simultaneos; falta dias_uteis"):
        TABLE.rule(Event.ADESAO).accept({})
    with pytest.raises(
        InvalidInputError, match=r"Não há mensagem do evento 'aniversario' .* adesao, ambiente_entregue"
    ):
        TABLE.rule("aniversario")


def test_variables_are_shown_as_people_read_them() -> None:
    shown = INVITATION.show(INVITATION.examples | {"vagas": 1200, "inicio": "2027-03-01T16:30:00+00:00"})
    assert shown["vagas"] == "1.200"
    assert shown["inicio"] == "1º de março de 2027, às 13h30 (horário de Brasília)"


def test_an_address_gets_a_message_once_and_roles_are_found_however_they_are_typed() -> None:
    rule = TABLE.rule(Event.ENTRADA_EM_PRODUCAO)
    contacts = [
        make_contact("ana@a.example", "Prefeita"),
        make_contact("ANA@a.example", "PONTO FOCAL"),
        make_contact("bia@a.example", "responsavel de TI"),
        make_contact("caio@a.example", "vereador"),
    ]
    found = recipients_of(rule, "k", contacts)
    assert [(one.email, one.role) for one in found] == [
        ("ANA@a.example", "ponto focal"),
        ("bia@a.example", "responsável de TI"),
    ]
    assert recipients_of(rule, "k", contacts[3:]) == ()


def test_a_recipient_is_told_apart_by_a_digest_that_says_nothing_of_two_messages() -> None:
    rule, contacts = TABLE.rule(Event.ADESAO), [make_contact("ana@a.example")]
    (one,), (again,), (other,) = (recipients_of(rule, key, contacts) for key in ("k1", "k1", "k2"))
    assert one.digest == again.digest != other.digest
    assert "ana@a.example" not in repr(one) + str(one)
    assert "Fulana" not in repr(one)


def test_a_rule_that_does_not_hold_together_is_refused() -> None:
    sound = INVITATION.model_dump()
    for change, problem in (
        ({"variables": {**sound["variables"], "pessoa": sound["variables"]["curso"]}}, "já existe em todas"),
        ({"invitation": {**sound["invitation"], "ends": "vagas"}}, "'vagas', de tipo momento"),
        ({"variables": {"vagas": {"kind": "numero", "example": "x"}}}, "o exemplo não é um número inteiro"),
        ({"roles": ()}, "roles|papeis"),
    ):
        with pytest.raises(ValidationError, match=problem):
            MessageRule.model_validate(sound | change)


@given(st.integers(0, 10_000))
def test_a_message_is_tried_again_later_each_time_but_within_the_hour(attempts: int) -> None:
    wait = next_attempt(attempts, NOW) - NOW
    assert timedelta(minutes=5) <= wait <= timedelta(hours=1)
    assert next_attempt(attempts + 1, NOW) - NOW >= wait


def test_a_key_is_made_of_event_and_municipality_and_is_never_a_person() -> None:
    assert message_key(Event.ADESAO, "3168705") == "adesao:3168705"
    QueuedMessage(key="convite_capacitacao:3168705:turma-1#2", ibge="3168705", event="x", variables={})
    for wrong in ("adesao", "adesao:ana@a.example", "adesao:3168705:Ana Lima", "adesao:3168705#x"):
        with pytest.raises(ValidationError):
            QueuedMessage(key=wrong, ibge="3168705", event="x", variables={})


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")


def unescaped(value: str) -> str:
    return value.replace("\\\\", "\0").replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";").replace("\0", "\\")


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=300))
def test_a_calendar_says_any_text_in_lines_of_75_octets_that_fold_back_to_it(text: str) -> None:
    said = calendar_text(make_invitation(summary=text, location=text))
    assert said.endswith("\r\n")
    assert all(len(line.encode()) <= 75 for line in said.split("\r\n"))
    assert "\n" not in said.replace("\r\n", "")
    lines = unfolded(said)
    assert [unescaped(line.partition(":")[2]) for line in lines if line.startswith(("SUMMARY", "LOCATION"))] == [
        text
    ] * 2
    assert (lines[0], lines[-1]) == ("BEGIN:VCALENDAR", "END:VCALENDAR")


def test_a_calendar_is_in_utc_and_a_text_of_several_lines_injects_nothing() -> None:
    starts = datetime.fromisoformat("2027-03-01T13:30:00-03:00")
    said = calendar_text(
        make_invitation(starts=starts, ends=starts + timedelta(hours=4), summary="A; B, C\r\nUID:mau\\")
    )
    lines = unfolded(said)
    assert "DTSTART:20270301T163000Z" in lines
    assert "DTEND:20270301T203000Z" in lines
    assert "SUMMARY:A\\; B\\, C\\nUID:mau\\\\" in lines
    assert [line for line in lines if line.startswith("UID")] == ["UID:x@exemplo.org"]
    assert "METHOD:PUBLISH" in lines
    with pytest.raises(ValidationError, match="o fim não vem depois do início"):
        make_invitation(ends=NOW)
