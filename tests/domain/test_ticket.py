"""Tickets of the help desk: who may ask, who may decide, and what a request may not show."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import InvalidInputError
from domain.municipality import Contact
from domain.ticket import (
    PasswordRequest,
    SupportRule,
    Ticket,
    TicketKind,
    TicketRule,
    judge_decider,
    judge_ticket,
    read_request,
)
from tests.domain.examples import CATALOG, make_municipality

FOCAL = Contact(name="Ana Lima", email="ana@timoteo.mg.example", role="Ponto Focal ")
MAYOR = Contact(name="Bento Sá", email="bento@timoteo.mg.example", role="prefeito")
CLERK = Contact(name="Célia Reis", email="celia@timoteo.mg.example", role="protocolo")
TIMOTEO = make_municipality().model_copy(update={"contacts": (FOCAL, MAYOR, CLERK)})
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
RULE = TicketRule(
    kind=TicketKind.USER, title="Inclusão", requesters=("ponto focal",), approvers=("prefeito", "ponto focal"), daily=3
)


def make_ticket(number: str = "2027-1", environment: str = "timoteo-treinamento") -> Ticket:
    return Ticket(id=number, kind="usuario", municipality="timoteo", environment=environment, sha256="0" * 64)


def asked_by(email: str) -> PasswordRequest:
    return PasswordRequest(solicitante=email, login="pessoa.1")


@pytest.mark.parametrize(
    ("email", "environment", "asked_today", "reason"),
    [
        (FOCAL.email, "timoteo-treinamento", 0, None),
        (" ANA@Timoteo.mg.example", "timoteo-producao", 2, None),
        (FOCAL.email, "lavras-producao", 0, "O ambiente não é da prefeitura do chamado"),
        (MAYOR.email, "timoteo-producao", 0, "Quem pede não é contato da prefeitura com um destes papéis: ponto focal"),
        ("ana@lavras.mg.example", "timoteo-producao", 0, "Quem pede não é contato"),
        (FOCAL.email, "timoteo-producao", 3, "já abriu 3 chamados deste tipo hoje"),
    ],
)
def test_a_ticket_is_refused_for_a_reason_that_names_nobody(
    email: str, environment: str, asked_today: int, reason: str | None
) -> None:
    found = judge_ticket(
        make_ticket(environment=environment), RULE, asked_by(email), TIMOTEO, asked_today=asked_today, now=NOW
    )
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert reason in found
        assert "ana" not in found.lower().replace("prefeitura", "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bento sa", None),
        ("Ana Lima", "Quem pediu não decide"),
        ("Célia Reis", "Quem decide precisa ser contato"),
        ("Ninguém", "Quem decide precisa ser contato"),
    ],
)
def test_a_contact_in_the_role_decides_and_never_who_asks(name: str, reason: str | None) -> None:
    found = judge_decider(name, RULE, asked_by(FOCAL.email), TIMOTEO)
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_who_has_two_roles_does_not_decide_on_what_they_asked_in_the_other() -> None:
    both = TIMOTEO.model_copy(update={"contacts": (FOCAL, FOCAL.model_copy(update={"role": "prefeito"}))})
    assert (
        judge_decider("Ana Lima", RULE, asked_by(FOCAL.email), both) == "Quem pediu não decide sobre o próprio pedido"
    )


@given(st.integers(0, 10), st.integers(0, 10))
def test_the_limit_of_a_day_is_monotonic(asked: int, more: int) -> None:
    judged = [
        judge_ticket(make_ticket(), RULE, asked_by(FOCAL.email), TIMOTEO, asked_today=count, now=NOW)
        for count in (asked, asked + more)
    ]
    assert not (judged[0] and not judged[1])


@pytest.mark.parametrize("number", ["", "2027/1", "chamado 1", "../x", "a" * 41, "-1"])
def test_a_number_that_is_no_safe_name_is_refused(number: str) -> None:
    with pytest.raises(ValidationError):
        make_ticket(number)


def test_a_number_is_the_same_in_capitals_and_names_its_object_and_gate() -> None:
    ticket = make_ticket(" INC-00123 ")
    assert (ticket.id, ticket.object_key, ticket.gate) == ("inc-00123", "chamados/inc-00123.json", "chamado-inc-00123")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"solicitante": "ana@timoteo.mg.example"}', "login"),
        (b'{"solicitante": 3, "login": "maria.segredo"}', "solicitante"),
        (b'{"solicitante": "a@b.c", "login": "x", "maria.segredo": 1}', "um que não se conhece"),
        (b"maria.segredo", "o arquivo todo"),
    ],
)
def test_a_request_that_is_wrong_is_told_without_showing_it(content: bytes, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem) as refusal:
        read_request(TicketKind.PASSWORD, content)
    assert "segredo" not in str(refusal.value)
    assert "ana" not in str(refusal.value)


def test_a_request_shows_nobody() -> None:
    request = read_request(TicketKind.PASSWORD, b'{"solicitante": "ana@timoteo.mg.example", "login": "maria.segredo"}')
    assert "segredo" not in repr(request)
    assert "ana@" not in repr(request)


def test_a_copy_shows_nothing_of_what_was_asked() -> None:
    request = read_request(TicketKind.COPY, b'{"solicitante": "ana@timoteo.mg.example", "processo": "1234"}')
    assert "1234" not in repr(request)


def test_a_copy_is_always_approved_by_somebody_and_has_an_end() -> None:
    copy = CATALOG.support().of("copia")
    assert copy is not None
    values = copy.model_dump()
    with pytest.raises(ValidationError, match="precisa de quem a aprove"):
        TicketRule.model_validate({**values, "approvers": ()})
    with pytest.raises(ValidationError, match="só dele"):
        TicketRule.model_validate({**values, "consultation": None})
    with pytest.raises(ValidationError, match="só dele"):
        TicketRule.model_validate({**values, "kind": "senha"})


def test_the_catalog_knows_each_kind_once_and_asks_for_approval_of_who_comes_in() -> None:
    assert CATALOG.support().of("senha") is not None
    assert CATALOG.support().of("restauracao") is None
    user = CATALOG.support().of("usuario")
    assert user is not None
    assert user.approvers
    with pytest.raises(ValidationError, match="duas vezes"):
        SupportRule(tickets=(RULE, RULE))
