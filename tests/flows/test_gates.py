"""Where an implantation stops, why, and how it goes on."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from openpyxl import load_workbook
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from pydantic import SecretStr
from typer.testing import CliRunner

from blocks.catalog import Catalog
from blocks.training_moodle import MoodlePlatform
from cli.__main__ import app
from cli.demo_people import Prefeitura
from cli.intake import send_sheets
from domain.calendar import local_day
from domain.change import Change
from domain.errors import GateClosedError, InvalidInputError
from domain.lifecycle import Stage
from domain.municipality import Municipality
from domain.practice import PracticeRule, PracticeStep, PracticeWorth
from domain.report import Journey
from domain.sla import SlaState
from flows.approve import approve
from flows.board import count_and_publish
from flows.implantation import implantation
from flows.open_gates import open_gates
from flows.users import plan_users
from lab.moodle_standin.server import serving
from lab.moodle_standin.store import Store, Token
from lab.ports import choose
from lab.sei_standin.environments import local_now
from lab.sei_standin.processes import NewProcess, create_process
from lab.sei_standin.protocols import Author
from lab.state import LabState
from registry import Registry
from tasks import clock, doors
from tasks.gate_notices import judge_and_tell
from tasks.gates import past_training, waiting_at_training
from tasks.instance import load_instance
from tasks.sla import read_clock
from tasks.training import ensure_training_record, judge_training_gate
from tasks.users_sheet import read_user_sheet
from tests.blocks.instance import working
from tests.cli.examples import example_of
from tests.flows.conftest import EXAMPLES, Join
from tests.waiting import wait_until

WORKER_SECONDS = 120


def run(municipality: str) -> tuple[State[Journey], Journey]:
    state: State[Journey] = implantation(municipality, return_state=True)
    journey = state.result()
    assert isinstance(journey, Journey)
    return state, journey


def test_a_prefeitura_that_sent_nothing_is_waited_for_and_stops_the_clock(join: Join, registry: Registry) -> None:
    municipality = join("3100104", "Abadia dos Dourados")
    state, journey = run(municipality.slug)
    assert state.name == "Aguardando"
    assert journey.waiting_for == (
        "A prefeitura ainda não enviou unidades.csv (./implanta municipality send abadia-dos-dourados ARQUIVO).",
    )
    clock = read_clock(registry, municipality)
    assert clock is not None
    assert clock.state is SlaState.MET  # the training environment itself is there
    paused = registry.events(municipality.ibge, kinds=["sla.paused"])
    assert [event.details["stage"] for event in paused] == [Stage.SEEDING.value]
    run(municipality.ibge)  # the IBGE code names it as well
    assert len(registry.events(municipality.ibge, kinds=["sla.paused"])) == 1, "waiting on is not waiting anew"
    (waits,) = registry.events(municipality.ibge, kinds=["stage.waiting"])
    assert waits.details == {
        "stage": "seeding",
        "reasons": [{"of": "prefeitura", "text": journey.waiting_for[0]}],
    }
    send_sheets(municipality.slug, [EXAMPLES / "unidades.csv"])
    _, journey = run(municipality.slug)
    assert "usuarios.csv" in journey.waiting_for[0]
    assert len(registry.events(municipality.ibge, kinds=["sla.resumed"])) == 1
    told = registry.events(municipality.ibge, kinds=["stage.waiting"])
    assert [(event.details["stage"], bool(event.details["reasons"])) for event in told] == [
        ("seeding", True),
        ("seeding", False),
        ("users", True),
    ]


def test_a_municipality_without_a_plan_is_not_touched(registry: Registry, join: Join) -> None:
    with pytest.raises(InvalidInputError, match="municipality list"):
        implantation("municipio-que-ninguem-registrou")


@pytest.fixture(scope="module")
def in_training(join: Join) -> Municipality:
    """A municipality at the training gate. The tests that follow take it further, each from where the last left it."""
    municipality = join("3100203", "Abaeté", EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    _, journey = run(municipality.slug)
    assert journey.stages[-1].stage is Stage.TRAINING
    return municipality


def test_one_bad_row_goes_back_and_the_others_wait_for_a_yes(in_training: Municipality, tmp_path: Path) -> None:
    lines = (EXAMPLES / "usuarios.csv").read_text(encoding="utf-8").splitlines()
    bad = lines[5].split(";")
    bad[1] = "111.111.111-11"
    unit = lines[1].split(";")[4]
    new = f"Pessoa Nova de Teste;529.982.247-25;pessoa.nova@riodoce.example;pessoa.nova;{unit};Básico;9999"
    (tmp_path / "usuarios.csv").write_text("\n".join([*lines[:5], ";".join(bad), *lines[6:], new]), encoding="utf-8")
    training = load_instance(f"{in_training.slug}-treinamento")
    before = training.users.list_users()
    send_sheets(in_training.slug, [tmp_path / "usuarios.csv"])
    try:
        _, journey = run(in_training.slug)
        (refused,) = plan_users(training.name.slug).refusals
    finally:
        send_sheets(in_training.slug, [EXAMPLES / "usuarios.csv"])
    assert journey.stages[-1].stage is Stage.USERS
    assert any("1 de 61 linhas foram recusadas" in reason for reason in journey.waiting_for)
    assert refused.startswith("linha 6:")
    told = refused + repr(journey)
    assert bad[0] not in told
    assert bad[3] not in told
    assert training.users.list_users() == before, "the good row of somebody new is not imported either"
    _, journey = run(in_training.slug)
    assert journey.stages[-1].stage is Stage.TRAINING, "the corrected spreadsheet goes on to the next gate"


def test_a_closed_training_gate_says_who_is_missing_by_unit(
    in_training: Municipality, registry: Registry, tmp_path: Path
) -> None:
    few = (EXAMPLES / "capacitacao.csv").read_text(encoding="utf-8").splitlines()[:8]
    (tmp_path / "capacitacao.csv").write_text("\n".join(few), encoding="utf-8")
    send_sheets(in_training.slug, [tmp_path / "capacitacao.csv"])
    state, journey = run(in_training.slug)
    assert state.name == "Aguardando"
    assert any("de 60 usuários capacitados" in reason and "80%" in reason for reason in journey.waiting_for)
    assert any(reason.startswith("Unidades com menos de 1 capacitado") for reason in journey.waiting_for)
    assert journey.stages[-1].stage is Stage.TRAINING
    assert [record.slug for record in registry.list_environments(in_training.ibge)] == [
        f"{in_training.slug}-treinamento"
    ], "production is not even created"


def told_of_gate(registry: Registry, municipality: Municipality) -> list[str]:
    return [message.key for message in registry.messages(municipality.ibge) if "portao" in message.event]


def test_the_prefeitura_is_told_of_the_closed_gate_once_however_often_it_is_judged(
    in_training: Municipality, registry: Registry
) -> None:
    key = f"resultado_portao:{in_training.ibge}:capacitacao:1:fechado"
    for _ in range(2):
        judge_and_tell.fn(in_training.slug)
        assert told_of_gate(registry, in_training) == [key]
    variables = registry.message(key).variables
    assert variables["resultado"] == "ainda não atendido"
    assert "./implanta" not in str(variables), "who reads it has no command line"


def test_a_waiver_lets_the_closed_gate_be_until_its_day_and_can_be_taken_back(
    in_training: Municipality, registry: Registry
) -> None:
    slug, today = in_training.slug, local_day(datetime.now(tz=UTC))
    answer = ("approve", slug, "--gate", "capacitacao", "--name", "Ana", "--reason", "Ofício 30/2026")
    waived = CliRunner().invoke(app, [*answer, "--until", str(today)])
    assert waived.exit_code == 0, waived.output
    finding = judge_training_gate(slug)
    assert finding.reasons == ()
    assert f"Portão dispensado até {today:%d/%m/%Y}: Ofício 30/2026." in finding.facts
    assert any(fact.startswith("Dispensado: ") and "80%" in fact for fact in finding.facts)
    judge_and_tell.fn(slug)
    judge_and_tell.fn(slug)
    assert CliRunner().invoke(app, [*answer, "--reject"]).exit_code == 0
    assert judge_and_tell.fn(slug).reasons
    assert [key.partition("capacitacao:")[2] for key in told_of_gate(registry, in_training)] == [
        "1:fechado",
        "2:dispensado",
        "3:fechado",
    ]
    ran_out = today - timedelta(days=1)
    registry.record_decision(
        ibge=in_training.ibge, gate="capacitacao", decision="waive", name="Ana", reason="Antiga", valid_until=ran_out
    )
    assert judge_training_gate(slug).reasons, "a waiver that ran out opens nothing"
    for until in ([], ["--until", str(ran_out)], ["--until", str(today + timedelta(days=181))]):
        assert CliRunner().invoke(app, [*answer, *until]).exit_code == InvalidInputError.exit_code
    with pytest.raises(InvalidInputError, match="não tem a resposta 'aprovar'"):
        approve(slug, gate="capacitacao", decision="aprovar", role="ponto focal", reason="de qualquer jeito")


def test_the_command_line_shows_the_gate_by_unit_and_who_is_missing_to_the_prefeitura_alone(
    in_training: Municipality, tmp_path: Path
) -> None:
    instead = {"timoteo": in_training.slug, "faltam.xlsx": str(tmp_path / "faltam.xlsx")}
    shown = CliRunner().invoke(app, [*example_of("training status", instead), "--json"])
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    people = sum(unit["users"] for unit in found["units"])
    trained = sum(unit["trained"] for unit in found["units"])
    assert not found["open"]
    told = CliRunner().invoke(app, example_of("training missing", instead))
    assert told.exit_code == 0, told.output
    page = load_workbook(tmp_path / "faltam.xlsx").active
    assert page is not None
    assert page.max_row - 1 == people - trained
    assert (tmp_path / "faltam.xlsx").stat().st_mode & 0o077 == 0
    names = {str(row[1]) for row in page.iter_rows(min_row=2, values_only=True)}
    assert not any(name in told.output + shown.output for name in names)


def test_what_people_finished_at_the_moodle_counts_beside_the_list(
    in_training: Municipality, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = read_user_sheet(load_instance(f"{in_training.slug}-treinamento")).sheet.accepted
    administrators = [person.sigla for person in people if "Administrador" in person.perfis]
    everybody = [person.sigla for person in people]
    store = Store(tmp_path / "moodle.sqlite")
    store.add_token("8c1f7d2e90b14a6f8d3c5e7a9b0c1d2e")
    store.add_people([*everybody, "servidora.de.outra.prefeitura"])
    for course, students in (
        ("sei-usar", [*everybody, "servidora.de.outra.prefeitura"]),
        ("sei-administrar", administrators),
    ):
        store.add_course(course, course, criteria=("Prova",))
        store.enrol(course, students, accessed_at=datetime.now(tz=UTC))
        store.complete(course, students, at=datetime.now(tz=UTC))
    (port,) = choose(["moodle"], avoid=()).values()
    with serving(store, port) as url:
        MoodlePlatform(url=url, token=SecretStr("8c1f7d2e90b14a6f8d3c5e7a9b0c1d2e")).save("teste", overwrite=True)
        monkeypatch.setenv("IMPLANTA_TRAINING_BLOCK", "implanta-moodle/teste")
        ensure_training_record.fn(in_training.slug)
        finding = judge_training_gate(in_training.slug)
    assert finding.reasons == ()
    assert finding.facts == ("60 de 60 usuários capacitados (100%), em 9 unidades.",)
    monkeypatch.delenv("IMPLANTA_TRAINING_BLOCK")
    ensure_training_record.fn(in_training.slug)
    assert judge_training_gate(in_training.slug).reasons, "each judgement is of what the sources tell now"


def test_what_people_did_in_the_training_environment_counts_when_the_catalog_says_so(
    in_training: Municipality, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = load_instance(f"{in_training.slug}-treinamento")
    people = read_user_sheet(training).sheet.accepted
    with training.server.transaction(training.name.database_sei) as cursor:
        cursor.execute(
            "SELECT id_usuario FROM usuario WHERE sta_tipo = '0' AND sigla IN %s", ([p.sigla for p in people],)
        )
        users = [int(user) for (user,) in cursor.fetchall()]
        cursor.execute("SELECT MIN(id_unidade) FROM unidade WHERE sigla = %s", (people[0].unidades[0],))
        (unit,) = cursor.fetchone() or ()
        cursor.execute(
            "SELECT MIN(t.id_tipo_procedimento) FROM tipo_procedimento t JOIN nivel_acesso_permitido n"
            " USING (id_tipo_procedimento) JOIN rel_tipo_procedimento_assunto r USING (id_tipo_procedimento)"
            " WHERE n.sta_nivel_acesso = '0' AND t.sin_ativo = 'S'"
        )
        (kind,) = cursor.fetchone() or ()
    assert len(users) == len(people) == 60
    exercise = NewProcess(id_tipo_procedimento=int(kind), especificacao="Exercício", nivel_acesso="0")
    with working(training.server, training.name) as sei:
        for user in users:
            create_process(sei, Author(user, int(unit)), exercise, local_now())

    def trained(worth: PracticeWorth) -> str:
        rule = PracticeRule(worth=worth, course="sei-usar", steps=(PracticeStep.STARTED_PROCESS,))
        table = Catalog().courses().model_copy(update={"practice": rule})
        with monkeypatch.context() as patch:
            patch.setattr(Catalog, "courses", lambda _: table)
            ensure_training_record.fn(in_training.slug)
            return judge_training_gate(in_training.slug).facts[0]

    without = trained(PracticeWorth.IGNORED)
    assert not without.startswith("60 de 60")
    assert trained(PracticeWorth.COUNTS).startswith("60 de 60 usuários capacitados")
    assert trained(PracticeWorth.REQUIRED) == without, "everybody did it, and it is nothing by itself"
    ensure_training_record.fn(in_training.slug)


def test_at_night_a_closed_gate_stays_and_completions_at_the_moodle_open_it_without_anybody(
    in_training: Municipality, registry: Registry, lab_state: LabState
) -> None:
    assert in_training.slug in waiting_at_training()
    (line,) = open_gates([in_training.slug]).lines
    assert line.reasons
    assert not line.started
    assert open_gates(["acucena"]).lines == (), "who does not wait there is not judged"
    finish_everything(in_training, Store(lab_state.moodle.state_file))
    (line,) = open_gates([in_training.slug]).lines
    assert (line.reasons, line.started) == ((), True)
    wait_until(
        lambda: "production" in str(registry.events(in_training.ibge, kinds=["stage.finished"])[-1].details),
        "the worker makes production with no other action",
        seconds=WORKER_SECONDS,
    )
    assert in_training.slug not in waiting_at_training()
    assert told_of_gate(registry, in_training)[-1].endswith(":4:aberto")
    artifact = cast("Artifact | None", Artifact.get("portoes-da-capacitacao"))
    assert artifact is not None
    assert f"| {in_training.slug} | **abriu** |" in str(artifact.data)


def finish_everything(municipality: Municipality, moodle: Store) -> None:
    """Everybody finishes at the lab's own training platform what they have to."""
    people = read_user_sheet(load_instance(f"{municipality.slug}-treinamento")).sheet.accepted
    moodle.add_people(person.sigla for person in people)
    for course in Catalog().courses().courses:
        students = [
            person.sigla for person in people if not course.profiles or set(course.profiles) & set(person.perfis)
        ]
        moodle.enrol(course.code, students)
        moodle.complete(course.code, students, at=datetime.now(tz=UTC))


def test_at_night_a_moodle_that_refuses_is_told_and_no_gate_is_judged_by_half(
    in_training: Municipality, registry: Registry, lab_state: LabState
) -> None:
    """It says so with HTTP 200, in its own JSON; what was counted before stays."""
    store, token = Store(lab_state.moodle.state_file), lab_state.moodle.token.get_secret_value()
    before = registry.training(in_training.ibge)
    assert before is not None
    store.add_token(token, Token(refusal="wsaccessusersuspended"))
    try:
        with pytest.raises(InvalidInputError, match="não foram avaliados"):
            open_gates([in_training.slug])
    finally:
        store.add_token(token)
    artifact = cast("Artifact | None", Artifact.get("portoes-da-capacitacao"))
    assert artifact is not None
    assert "recusou o token (wsaccessusersuspended)" in str(artifact.data)
    assert registry.training(in_training.ibge) == before


def test_a_gate_that_closes_behind_a_prefeitura_is_found_at_night_and_told(
    in_training: Municipality, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Completions run out while production waits for its approval."""
    slug, far = in_training.slug, timedelta(days=400)
    assert slug in past_training()
    assert open_gates([slug]).lines == (), "an open gate behind it is no news, and starts nothing"
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: datetime.now(tz=UTC) + far)
        (line,) = open_gates([slug]).lines
    assert line.reasons
    assert told_of_gate(registry, in_training)[-1].endswith(":5:fechado")
    assert open_gates([slug]).lines == ()
    assert told_of_gate(registry, in_training)[-1].endswith(":6:aberto")


def prefeitura_of(municipality: Municipality) -> Prefeitura:
    return Prefeitura(
        ibge=municipality.ibge, name=municipality.name, slug=municipality.slug, population=1, example="rio-doce"
    )


def test_the_form_in_prefect_opens_the_last_gate_by_itself(in_training: Municipality, registry: Registry) -> None:
    """The decision is a run on the worker; it names a role, which the registry knows; then implantation runs."""
    municipality = in_training
    implantation(municipality.slug, wait_seconds=WORKER_SECONDS, return_state=True)  # once the night's own is done
    _, journey = run(municipality.slug)
    assert journey.stages[-1].stage is Stage.GO_LIVE
    assert [reason for reason in journey.waiting_for if "aprovação" in reason]
    production = load_instance(f"{municipality.slug}-producao")
    assert doors.runtime().health(production.name).maintenance

    decided = _run_on_worker(
        "decisão/decisao",
        {
            "municipality": municipality.slug,
            "gate": "go-live",
            "decision": "aprovar",
            "role": "ponto focal",
            "reason": "Lista conferida em teste.",
        },
    )
    assert decided.state is not None
    assert decided.state.is_completed(), decided.state.message
    (decision,) = registry.decisions(municipality.ibge, "go-live")
    assert (decision.decision, decision.name) == ("approve", "Pessoa de Teste")
    assert decision.flow_run_id == str(decided.id)
    wait_until(
        lambda: doors.runtime().health(production.name).serving,
        "production opens with no other action",
        seconds=WORKER_SECONDS,
    )
    wait_until(
        lambda: bool(registry.events(municipality.ibge, kinds=["production.opened"])),
        "the opening is recorded",
        seconds=WORKER_SECONDS,
    )
    wait_until(
        lambda: "entrada_em_producao" in {message.event for message in registry.messages(municipality.ibge)},
        "the prefeitura is told of it",
        seconds=WORKER_SECONDS,
    )
    told = {message.key: message.variables for message in registry.messages(municipality.ibge)}
    assert [key for key in told if "portao" not in key] == [
        f"{what}:{municipality.ibge}{where}"
        for what, where in (
            ("adesao", ""),
            ("ambiente_entregue", ":treinamento"),
            ("usuarios_prontos", ":treinamento"),
            ("ambiente_entregue", ":producao"),
            ("usuarios_prontos", ":producao"),
            ("entrada_em_producao", ":producao"),
        )
    ], "each once, whatever was run again on the way"
    assert told[f"usuarios_prontos:{municipality.ibge}:producao"]["usuarios"] == 60
    (opened,) = registry.events(municipality.ibge, kinds=["production.opened"])
    assert opened.details["host"] == production.record.hostname, "the public address"
    waits = registry.events(municipality.ibge, kinds=["stage.waiting"])
    last = [event.details["reasons"] for event in waits if event.details["stage"] == "go_live"]
    assert isinstance(last[0], list)
    assert {one["of"] for one in last[0] if isinstance(one, dict)} == {"prefeitura"}, "only its approval was missing"
    assert last[-1] == []


def test_the_night_counts_a_live_production_and_publishes_the_board(
    in_training: Municipality, registry: Registry
) -> None:
    """On from the opening: people are there, nobody has made a process yet."""
    report = count_and_publish()
    assert report.changes[f"{in_training.slug}-producao"] == Change(created=1)
    (counted,) = registry.events(in_training.ibge, kinds=["use.counted"])
    assert counted.details == {"users": 60, "processes": 0, "documents": 0}
    assert count_and_publish().changes[f"{in_training.slug}-producao"] == Change(unchanged=1), "once a day"
    artifact = cast(Artifact, Artifact.get("painel"))
    assert isinstance(artifact.data, str)
    assert "| Prefeituras em produção | " in artifact.data
    assert "| Abaeté | MG | 3100203 | Em produção |" in artifact.data


def test_a_role_that_nobody_has_decides_nothing(join: Join, registry: Registry) -> None:
    municipality = join("3100500", "Açucena")
    with pytest.raises(InvalidInputError, match="ponto focal"):
        approve(municipality.slug, gate="go-live", decision="aprovar", role="prefeito", reason="porque sim")
    assert registry.decisions(municipality.ibge) == []


def test_two_runs_of_one_municipality_do_not_work_at_once(join: Join, registry: Registry) -> None:
    municipality = join("3100609", "Água Boa")
    with registry.lock(f"implantacao:{municipality.slug}"), pytest.raises(GateClosedError):
        implantation(municipality.slug)


def _run_on_worker(deployment: str, parameters: dict[str, str]) -> FlowRun:
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(deployment)
        run_id = client.create_flow_run_from_deployment(found.id, parameters=parameters).id

        def finished() -> bool:
            state = client.read_flow_run(run_id).state
            return state is not None and state.is_final()

        wait_until(finished, f"{deployment} ends", seconds=WORKER_SECONDS)
        return client.read_flow_run(run_id)
