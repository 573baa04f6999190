"""What a person decides to tell: a go-live day, a maintenance window, an incident."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from cli.__main__ import app
from domain.change import Change
from domain.environment import Purpose
from domain.errors import IntegrityError, InvalidInputError
from domain.municipality import Contact
from flows.messages import send_messages
from lab.state import LabState
from registry import Registry
from tasks import clock
from tasks.announcements import announce, announce_go_live
from tasks.certificate import DELIVERED
from tests.cli.conftest import register_environment
from tests.cli.examples import example_of
from tests.domain.examples import make_municipality
from tests.flows.mailbox import arrived, calendar_of

IBGE, SLUG = "3168705", "timoteo"
OTHER = "rio-doce"
WINDOW = {
    "motivo": "Atualização do SEI para a versão 4.1.1.",
    "inicio": "2097-05-08T22:00",
    "fim": "2097-05-09T02:00",
}


@pytest.fixture
def registry(registry_url: SecretStr, domain: str) -> Iterator[Registry]:
    """Timóteo with a training environment in service, and Rio Doce without one."""
    opened = Registry(registry_url)
    contact = Contact(name="Pessoa", email=f"ponto@{domain}", role="ponto focal")
    opened.ensure_municipality(make_municipality().model_copy(update={"contacts": (contact,)}))
    opened.ensure_municipality(
        make_municipality().model_copy(update={"ibge": "3155009", "name": "Rio Doce", "slug": OTHER, "contacts": ()})
    )
    register_environment(opened, f"{SLUG}-treinamento", IBGE)
    opened.record_event(
        DELIVERED, ibge=IBGE, environment=f"{SLUG}-treinamento", actor="teste", details={}, key="entregue"
    )
    yield opened
    opened.dispose()


def test_a_go_live_day_is_told_with_the_calendar_and_another_day_replaces_it(
    registry: Registry, domain: str, lab_state: LabState
) -> None:
    day, later = date(2097, 4, 4), date(2097, 4, 8)
    assert announce_go_live(SLUG, day) == Change(created=1)
    assert announce_go_live(SLUG, day) == Change(unchanged=1)
    send_messages()
    assert announce_go_live(SLUG, later) == Change(updated=1)
    send_messages()
    assert send_messages().is_empty
    first, second = arrived(lab_state, domain)
    assert str(first["Subject"]) == "Timóteo: data da entrada do SEI em produção marcada"
    assert str(second["Subject"]) == "Timóteo: data da entrada do SEI em produção remarcada"
    before, after = calendar_of(first), calendar_of(second)
    assert before["UID"] == after["UID"]
    assert (before["SEQUENCE"], before["DTSTART"]) == ("0", "20970404T110000Z")
    assert (after["SEQUENCE"], after["DTSTART"]) == ("1", "20970408T110000Z")
    assert "timoteo-producao" in after["LOCATION"]
    days = [event.details["day"] for event in registry.events(IBGE, kinds=["go_live.scheduled"])]
    assert days == ["2097-04-04", "2097-04-08"]
    assert announce_go_live(SLUG, day) == Change(updated=1), "back to the first day is one more correction"


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("day", [date(2020, 1, 2), date(2097, 4, 6), date(2097, 4, 21), date(2097, 12, 25)])
def test_a_day_on_which_nobody_works_is_refused_and_the_next_one_named(day: date) -> None:
    with pytest.raises(InvalidInputError, match=r"não é um dia útil futuro do município .* O seguinte é"):
        announce_go_live(SLUG, day)


@pytest.mark.usefixtures("registry")
def test_today_is_too_late_to_announce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2097, 4, 4, 9, tzinfo=UTC))
    with pytest.raises(InvalidInputError, match="05/04/2097"):
        announce_go_live(SLUG, date(2097, 4, 4))


def test_a_window_goes_to_all_who_have_the_environment_once_for_each_reference(
    registry: Registry, domain: str, lab_state: LabState
) -> None:
    def tell(reference: str, **changed: str) -> dict[str, Change]:
        said = WINDOW | changed
        report = announce(
            "janela_manutencao", said, municipalities=None, purpose=Purpose.TREINAMENTO, reference=reference
        )
        report.raise_if_any_failed()
        return report.changes

    assert tell("Manutencao-4.1.1") == {SLUG: Change(created=1)}, "Rio Doce has no training environment"
    assert tell("manutencao-4.1.1") == {SLUG: Change(unchanged=1)}
    send_messages()
    with pytest.raises(InvalidInputError, match=r"com outro texto .*#1"):
        tell("manutencao-4.1.1", inicio="2097-05-08T23:00")
    assert tell("manutencao-4.1.1#1", inicio="2097-05-08T23:00") == {SLUG: Change(created=1)}
    send_messages()
    first, second = (calendar_of(one) for one in arrived(lab_state, domain) if "manutenção" in str(one["Subject"]))
    assert first["UID"] == second["UID"]
    assert (first["SEQUENCE"], second["SEQUENCE"]) == ("0", "1")
    assert second["DTSTART"] == "20970509T020000Z", "what is typed is Brasília's time"
    message = registry.message(f"janela_manutencao:{IBGE}:treinamento:manutencao-4.1.1")
    assert message.variables["ambiente"] == "treinamento"
    assert "timoteo-treinamento" in str(message.variables["pagina"])


def test_a_correction_takes_back_what_it_corrects_and_nobody_has(registry: Registry) -> None:
    for reference, text in (("troca", "Troca de servidor."), ("troca#1", "Troca de servidores.")):
        said = WINDOW | {"motivo": text}
        announce("janela_manutencao", said, municipalities=[SLUG], purpose=Purpose.TREINAMENTO, reference=reference)
    key = f"janela_manutencao:{IBGE}:treinamento:troca"
    assert registry.message(key).dropped_because == "withdrawn"
    assert registry.message(f"{key}#1").dropped_at is None


def test_one_prefeitura_that_cannot_be_told_stops_no_other(registry: Registry) -> None:
    report = announce(
        "janela_manutencao", WINDOW, municipalities=[OTHER, "lugar-nenhum", SLUG], purpose=Purpose.TREINAMENTO
    )
    assert report.changes == {SLUG: Change(created=1)}
    assert set(report.failures) == {OTHER, "lugar-nenhum"}
    assert "| rio-doce | **falhou** |" in "\n".join(report.markdown())
    with pytest.raises(InvalidInputError, match="2 prefeituras ficaram sem mensagem"):
        report.raise_if_any_failed()


@pytest.mark.parametrize(
    ("event", "said", "purpose", "problem"),
    [
        ("adesao", {}, None, "sai sozinho, e ninguém o manda"),
        ("aniversario", {}, None, "Não há mensagem do evento"),
        ("janela_manutencao", WINDOW, None, "Falta dizer de que ambiente se fala"),
        ("janela_manutencao", {"motivo": "x"}, Purpose.PRODUCAO, "falta inicio; falta fim"),
        ("janela_manutencao", WINDOW | {"inicio": "amanhã"}, Purpose.PRODUCAO, "inicio não é um momento"),
        (
            "janela_manutencao",
            WINDOW | {"inicio": "2020-05-08T22:00", "fim": "2020-05-09"},
            Purpose.PRODUCAO,
            "já passou",
        ),
        ("janela_manutencao", WINDOW | {"quem": "x"}, Purpose.PRODUCAO, "quem não é variável"),
    ],
)
def test_what_cannot_be_announced_is_refused_before_anybody_is_told(
    registry: Registry, event: str, said: dict[str, str], purpose: Purpose | None, problem: str
) -> None:
    before = len(registry.messages(IBGE))
    with pytest.raises(InvalidInputError, match=problem):
        announce(event, said, municipalities=[SLUG], purpose=purpose)
    assert len(registry.messages(IBGE)) == before


def test_a_person_in_an_announcement_is_refused(registry: Registry) -> None:
    report = announce(
        "janela_manutencao",
        WINDOW | {"motivo": "fale com ana@example.org"},
        municipalities=[SLUG],
        purpose=Purpose.TREINAMENTO,
    )
    assert "dado pessoal" in report.failures[SLUG]
    assert report.worst_exit_code == IntegrityError.exit_code


def run(*words: str) -> dict[str, object]:
    outcome = CliRunner().invoke(app, [*words, "--json"])
    assert outcome.exit_code == 0, outcome.output
    found: dict[str, object] = json.loads(outcome.stdout)
    return found


@pytest.mark.usefixtures("registry")
def test_the_command_line_announces_and_schedules() -> None:
    assert run(*example_of("message announce"))["changes"]
    assert run(*example_of("go-live schedule"))["day"] == "2097-04-05"
    for words, problem in (
        (("message", "announce", "incidente"), "Use --to ou --all"),
        (("message", "announce", "incidente", "--to", SLUG, "--environment", "casa"), "Não há ambiente 'casa'"),
        (("message", "announce", "incidente", "--to", SLUG, "--set", "x"), "Escreva nome=valor"),
        (("go-live", "schedule", SLUG, "2097-04-06"), "não é um dia útil"),
    ):
        refused = CliRunner().invoke(app, words)
        assert refused.exit_code == InvalidInputError.exit_code
        assert problem in " ".join(refused.output.split())
