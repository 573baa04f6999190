"""What an operator closes stays closed until an operator opens it, and opens only when it answers."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner, Result

from blocks.http_client import client_for
from cli.__main__ import app
from cli.demo_people import Prefeitura, send_attendance
from domain.calendar import local_day
from domain.environment import EnvironmentName
from domain.errors import GateClosedError, InvalidInputError, RetryableError
from domain.maintenance import Door, MaintenanceReport
from flows.go_live import go_live
from flows.implantation import implantation
from flows.maintenance import maintenance
from flows.renew_certificates import renew_certificates
from flows.undo_go_live import undo_go_live
from flows.verify_environment import verify_environment
from registry import Registry
from tasks import doors
from tasks.assisted_operation import watch_environment
from tasks.closing import CLOSED, REOPENED, closings
from tasks.gates import due_to_open
from tasks.instance import Instance, load_instance
from tasks.live import is_open, is_public
from tasks.rollback import begin_closing
from tasks.waivers import answer_gate
from tests.cli.examples import example_of
from tests.flows.conftest import EXAMPLES, Join

ROLE, REASON = "infraestrutura", "Troca de disco"


@pytest.fixture(scope="module")
def production(join: Join) -> Instance:
    """The production of a municipality that waits for its last gate, and for nothing but the approval."""
    municipality = join("3104106", "Arceburgo", EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    send_attendance(
        Prefeitura(
            ibge=municipality.ibge, name=municipality.name, slug=municipality.slug, population=1, example="rio-doce"
        ),
        local_day(datetime.now(tz=UTC)),
    )
    assert len(implantation(municipality.slug).waiting_for) == 1
    return load_instance(f"{municipality.slug}-producao")


def ask(environment: str) -> int:
    """What a visitor gets at the public address."""
    with client_for(doors.edge().address(EnvironmentName.parse(environment))) as visitor:
        return visitor.get("/sip/login.php", params={"sigla_sistema": "SEI"}).status_code


def close(instance: Instance) -> MaintenanceReport:
    return maintenance(instance.name.slug, Door.CLOSE, ROLE, REASON)


def reopen(instance: Instance) -> MaintenanceReport:
    return maintenance(instance.name.slug, Door.OPEN, ROLE, "Disco trocado")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_production_that_never_opened_is_not_opened_by_this_and_waits_while_it_is_closed(
    production: Instance, registry: Registry
) -> None:
    slug = production.municipality.slug
    before = ask(production.name.slug)
    with pytest.raises(GateClosedError, match="A produção não foi aberta à prefeitura"):
        reopen(production)
    assert close(production).change.total == 1
    answer_gate(production.municipality, "go-live", "aprovar", name="Pessoa de Teste", reason="Tudo conferido")
    assert slug not in due_to_open()
    for report in (go_live(slug), implantation(slug)):
        (reason,) = report.waiting_for
        assert reason.startswith("Fechado ao público em ")
        assert f"por {ROLE}: {REASON}. Reabra com ./implanta environment maintenance" in reason
    checked = run("go-live", "check", slug, "--json")
    assert checked.exit_code == GateClosedError.exit_code
    assert json.loads(checked.stdout)["ready"]
    assert json.loads(checked.stdout)["closing"]["reason"] == REASON
    assert ask(production.name.slug) == 503
    assert reopen(production).closing is None
    assert (ask(production.name.slug), is_open(production)) == (before, False), "as it was: in its own maintenance"
    with pytest.raises(GateClosedError, match="não foi aberta"):
        reopen(production)
    assert slug in due_to_open()
    assert go_live(slug).waiting_for == ()
    assert ask(production.name.slug) == 200
    assert [event.kind for event in closings(production)] == [CLOSED, REOPENED]


def test_one_in_use_is_closed_with_reason_and_role_and_nothing_that_runs_by_itself_opens_it(
    production: Instance, registry: Registry
) -> None:
    name = production.name.slug
    here = {"timoteo-producao": name}
    closed = run(*example_of("environment maintenance", here))
    assert closed.exit_code == 0, closed.stderr
    assert f"por {ROLE}: {REASON}" in " ".join(closed.stdout.split())
    assert ask(name) == 503
    again = run(*example_of("environment maintenance", here), "--json")
    assert set(json.loads(again.stdout)) == {"environment", "closing", "change"}
    assert json.loads(again.stdout)["change"]["updated"] == 0
    told = [event for event in closings(production) if event.kind == CLOSED][-1]
    assert (told.actor, told.details) == (ROLE, {"reason": REASON})
    assert told.flow_run_id

    assert implantation(production.municipality.slug).change.total == 0
    assert go_live(production.municipality.slug).change.total == 0
    renew_certificates([name])
    watched = watch_environment.fn(name)
    assert (watched.problems, watched.handed_over) == ((), False)
    assert watched.closed
    found = verify_environment(name)
    found.raise_if_wrong()
    assert f"{watched.closed}." in found.facts
    assert ask(name) == 503
    assert doors.runtime().health(production.name).serving, "only the edge is closed"

    shown = run("environment", "show", name)
    assert REASON in " ".join(shown.stdout.split())
    assert json.loads(run("environment", "show", name, "--json").stdout)["closing"]["role"] == ROLE

    opened = run("environment", "maintenance", name, "off", "--role", ROLE, "--reason", "Disco trocado", "--json")
    assert opened.exit_code == 0, opened.stderr
    assert json.loads(opened.stdout)["closing"] is None
    assert ask(name) == 200
    assert reopen(production).change.total == 0
    assert close(production).change.total == 1, "and it can be closed once more"
    assert reopen(production).change.total == 1
    assert len(closings(production)) == 6
    assert json.loads(run("environment", "show", name, "--json").stdout)["closing"] is None


def test_a_closing_that_was_cut_off_before_the_edge_is_done_by_the_next_run(
    production: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("tasks.maintenance.closing_of", lambda _: object())  # as if it had been told already
        assert close(production).change.total == 1
    assert ask(production.name.slug) == 503
    assert reopen(production).change.total == 1


def test_one_whose_application_does_not_answer_stays_closed(
    production: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLANTA_RETRIES", "0")
    close(production)
    doors.runtime().stop(production.name)
    try:
        with pytest.raises(RetryableError, match="A aplicação não atende"):
            reopen(production)
        assert ask(production.name.slug) == 503
        assert closings(production)[-1].kind == CLOSED
    finally:
        doors.runtime().start(production.name)
    assert reopen(production).closing is None
    assert ask(production.name.slug) == 200


def test_one_whose_sign_in_page_does_not_come_through_is_closed_again(
    production: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with an opening: whoever opens sees the page as the public does."""
    monkeypatch.setenv("IMPLANTA_RETRIES", "0")
    close(production)
    (site,) = [site for site in doors.edge().list_sites() if site.slug == production.name.slug]
    doors.edge().ensure_site(site.model_copy(update={"upstream": "http://127.0.0.1:9"}))
    try:
        with pytest.raises(Exception, match=r"O endereço público não serve a página de entrada \(HTTP 502\)"):
            reopen(production)
        (now,) = [site for site in doors.edge().list_sites() if site.slug == production.name.slug]
        assert now.closed
        assert closings(production)[-1].kind == CLOSED
    finally:
        doors.edge().ensure_site(site)
    assert reopen(production).closing is None


def test_while_an_opening_is_taken_back_nobody_is_let_in_and_the_closing_outlives_it(production: Instance) -> None:
    name, slug = production.name.slug, production.municipality.slug
    close(production)
    begin_closing.fn(name)
    with pytest.raises(GateClosedError, match="está sendo fechada"):
        reopen(production)
    undo_go_live(slug, "ponto focal", "Data adiada", wait_seconds=60)
    assert not is_open(production)
    assert ask(name) == 503
    assert reopen(production).closing is None
    assert not is_public(production)


def test_a_training_environment_closes_and_opens_as_well(production: Instance) -> None:
    training = load_instance(f"{production.municipality.slug}-treinamento")
    assert close(training).change.total == 1
    assert ask(training.name.slug) == 503
    assert reopen(training).change.total == 1
    assert ask(training.name.slug) == 200


@pytest.mark.parametrize(
    ("role", "reason", "said"),
    [(ROLE, "Pedido de ana@exemplo.com", "dado pessoal"), (ROLE, "x", "reason"), ("x", REASON, "role")],
)
def test_a_reason_that_says_nothing_or_names_somebody_is_refused(
    production: Instance, role: str, reason: str, said: str
) -> None:
    known = len(closings(production))
    outcome = run("environment", "maintenance", production.name.slug, "on", "--role", role, "--reason", reason)
    assert outcome.exit_code == InvalidInputError.exit_code, outcome.output
    assert said in outcome.stderr
    assert "ana@exemplo.com" not in outcome.stderr
    assert len(closings(production)) == known


def test_an_environment_that_nobody_knows_is_refused_in_one_line() -> None:
    outcome = run("environment", "maintenance", "ninguem-producao", "on", "--role", ROLE, "--reason", REASON)
    assert outcome.exit_code == InvalidInputError.exit_code
    assert outcome.stderr.startswith("Erro: ")
