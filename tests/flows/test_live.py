"""A prefeitura that works in production: what its own people decide is not undone by a run of ours."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from cli.demo_people import Prefeitura, send_attendance
from cli.intake import send_sheets
from domain.assisted_operation import Watched
from domain.billing import USE_BILLED, BilledUse
from domain.calendar import BRASILIA, local_day
from domain.change import Change
from domain.errors import IntegrityError, InvalidInputError
from domain.instruments.words import long_day
from domain.lifecycle import Stage
from domain.monthly_report import Month
from domain.report import Journey
from flows.assisted_operation import assisted_operation
from flows.billing import bill_month
from flows.implantation import implantation
from flows.monthly_report import monthly_report
from flows.units import apply_units
from registry import Registry
from tasks import clock
from tasks.announcements import announce_go_live
from tasks.assisted_operation import assisted_environments
from tasks.billing import bills
from tasks.instance import Instance, load_instance
from tasks.live import LIVE
from tests.flows.conftest import EXAMPLES, Join


@pytest.fixture(scope="module")
def live(join: Join, registry: Registry) -> Instance:
    """The production of a municipality that just went live."""
    municipality = join("3101607", "Alfenas", EXAMPLES / "unidades.csv", EXAMPLES / "usuarios.csv")
    send_attendance(
        Prefeitura(
            ibge=municipality.ibge, name=municipality.name, slug=municipality.slug, population=1, example="rio-doce"
        ),
        local_day(datetime.now(tz=UTC)),
    )
    registry.record_decision(
        ibge=municipality.ibge, gate="go-live", decision="approve", name="Pessoa de Teste", reason="teste"
    )
    journey = implantation(municipality.slug)
    assert journey.waiting_for == ()
    return load_instance(f"{municipality.slug}-producao")


def rerun(live: Instance) -> Journey:
    return implantation(live.municipality.slug)


def test_who_was_deactivated_in_production_stays_out(live: Instance) -> None:
    with live.server.transaction(live.name.database_sip) as cursor:
        cursor.execute("UPDATE usuario SET sin_ativo = 'N' WHERE id_origem = '1014'")
        assert cursor.rowcount == 1
    assert rerun(live).change.total == 0
    (gone,) = [user for user in live.users.list_users() if user.state.id_origem == "1014"]
    assert not gone.state.ativo


def test_a_type_that_was_switched_off_in_production_stays_off(live: Instance) -> None:
    with live.server.transaction(live.name.database_sei) as cursor:
        cursor.execute("UPDATE tipo_procedimento SET sin_ativo = 'N' ORDER BY id_tipo_procedimento DESC LIMIT 1")
    assert rerun(live).change.total == 0


def test_passed_gates_are_not_judged_again(live: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training counts for 180 days; who went live before that is not sent back to the classroom by a run of ours."""
    later = datetime.now(tz=UTC) + timedelta(days=200)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert rerun(live).waiting_for == ()


def test_a_new_spreadsheet_is_applied_also_in_production(live: Instance, tmp_path: Path) -> None:
    # Without whom somebody deactivated by hand: that row would go back, and ask.
    whole = (EXAMPLES / "usuarios.csv").read_text(encoding="utf-8").splitlines()
    lines = [line for line in whole if not line.endswith(";1014")]
    lines.append(
        "Pessoa Nova de Teste;529.982.247-25;pessoa.nova@riodoce.example;pessoa.nova;"
        f"{lines[1].split(';')[4]};Básico;9999"
    )
    (tmp_path / "usuarios.csv").write_text("\n".join(lines), encoding="utf-8")
    send_sheets(live.municipality.slug, [tmp_path / "usuarios.csv"])
    assert rerun(live).change.total > 0
    assert "pessoa.nova" in live.users.list_ready_logins()
    assert rerun(live).change.total == 0


def test_another_spreadsheet_of_units_waits_for_an_operator_who_reads_the_plan(live: Instance, tmp_path: Path) -> None:
    """A sheet of one line, sent by mistake at night, would otherwise close a city's offices."""
    lines = (EXAMPLES / "unidades.csv").read_text(encoding="utf-8").splitlines()
    root = lines[1].split(";")[0]
    (tmp_path / "unidades.csv").write_text("\n".join([*lines, f"NOVA;Unidade nova;{root};"]), encoding="utf-8")
    send_sheets(live.municipality.slug, [tmp_path / "unidades.csv"])
    journey = rerun(live)
    assert journey.change.total == 0
    facts = [fact for stage in journey.stages if stage.stage is Stage.SEEDING for fact in stage.facts]
    assert any("mandou outra planilha de unidades" in fact and live.name.slug in fact for fact in facts)
    assert "NOVA" not in {unit.sigla for unit in live.people.list_units()}
    for purpose in ("treinamento", "producao"):
        apply_units(f"{live.municipality.slug}-{purpose}")
    assert "NOVA" in {unit.sigla for unit in live.people.list_units()}
    assert not [fact for stage in rerun(live).stages for fact in stage.facts if "mandou outra planilha" in fact]


def test_a_module_that_the_prefeitura_installed_is_told_and_does_not_stop_the_run(live: Instance) -> None:
    with live.server.transaction(live.name.database_sei) as cursor:
        cursor.execute("CREATE TABLE md_exemplo (id_md_exemplo int NOT NULL PRIMARY KEY)")
    journey = rerun(live)
    (facts,) = [stage.facts for stage in journey.stages if stage.stage is Stage.ENVIRONMENT_PRODUCTION]
    (told,) = [fact for fact in facts if "diferença(s) em relação à referência" in fact]
    assert "1 diferença(s)" in told
    assert "md_exemplo" in told


def test_on_the_first_of_the_month_the_last_one_is_reported_once(
    live: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = local_day(datetime.now(tz=UTC))
    month = Month(first=today.replace(day=1))
    with pytest.raises(InvalidInputError, match="ainda não acabou"):
        monthly_report(str(month))
    monkeypatch.setattr(clock, "now", lambda: datetime.combine(month.after, time(7), BRASILIA))
    assert monthly_report().changes[live.name.slug] == Change(created=1)
    assert monthly_report().changes[live.name.slug] == Change(unchanged=1)
    variables = registry.message(f"relatorio_mensal:{live.municipality.ibge}:{month}").variables
    assert (variables["mes"], variables["processos"]) == (month.label, 0)
    assert f"O SEI entrou em produção em {long_day(today)}." in str(variables["ocorrencias"])


def test_a_prefeitura_whose_database_is_away_keeps_no_other_from_its_report(
    live: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = load_instance

    def broken(slug: str) -> Instance:
        if slug == live.name.slug:
            raise InvalidInputError("O banco não está aqui", slug, "Veja.")
        return asked(slug)

    monkeypatch.setattr("tasks.monthly_report.load_instance", broken)
    monkeypatch.setattr("flows.monthly_report.list_in_production", lambda _: [live.name.slug, "outro-producao"])
    with pytest.raises(InvalidInputError, match="2 prefeituras ficaram sem mensagem: O banco não está aqui"):
        monthly_report("2026-10")


def test_a_live_prefeitura_gets_no_other_day_of_going_live(live: Instance) -> None:
    with pytest.raises(InvalidInputError, match="já está em produção"):
        announce_go_live(live.municipality.slug, date(2097, 4, 5))


def test_a_unit_that_changed_only_in_sip_reaches_sei_at_the_next_run(join: Join) -> None:
    """What a run leaves that was killed after SIP's transaction and before the replication."""
    municipality = join("3101706", "Almenara", EXAMPLES / "unidades.csv")
    implantation(municipality.slug)
    training = load_instance(f"{municipality.slug}-treinamento")
    with training.server.transaction(training.name.database_sei) as cursor:
        cursor.execute("UPDATE unidade SET descricao = 'antiga' WHERE sigla = 'GAB'")
    implantation(municipality.slug)
    assert set(training.users.count_replication_gaps().values()) == {0}


def test_in_the_first_weeks_it_is_watched_and_then_handed_over(live: Instance, registry: Registry) -> None:
    def line() -> Watched:
        (found,) = [line for line in assisted_operation().lines if line.environment == live.name.slug]
        return found

    watched = line()
    assert watched.problems == ()
    assert not watched.handed_over
    assert Stage.OPERATION not in registry.stages_done(live.municipality.ibge)[live.municipality.ibge]

    opened = registry.events(live.municipality.ibge, kinds=[LIVE])[-1].occurred_at
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: opened + timedelta(days=35))
        with live.server.transaction(live.name.database_sei) as cursor:
            cursor.execute("UPDATE infra_agendamento_tarefa SET dth_ultima_execucao = NOW() - INTERVAL 3 HOUR")
        with pytest.raises(IntegrityError, match="o último sinal de vida do agendador foi há 180 minutos"):
            assisted_operation()
        assert Stage.OPERATION not in registry.stages_done(live.municipality.ibge)[live.municipality.ibge]
        with live.server.transaction(live.name.database_sei) as cursor:
            cursor.execute("UPDATE infra_agendamento_tarefa SET dth_ultima_execucao = NOW()")
        assert line().handed_over
    assert Stage.OPERATION in registry.stages_done(live.municipality.ibge)[live.municipality.ibge]
    assert live.name.slug not in assisted_environments(), "regular service has its own monitoring"


def test_the_month_of_a_production_is_measured_once_in_its_real_databases(live: Instance, registry: Registry) -> None:
    month = Month.before(clock.today())
    assert bill_month(str(month)) >= 1
    assert bill_month(str(month)) >= 1
    told = registry.events(live.municipality.ibge, kinds=[USE_BILLED])
    assert sorted(event.environment or "" for event in told) == sorted(
        record.slug for record in registry.list_environments(live.municipality.ibge)
    ), "each once"
    used = BilledUse.model_validate(next(one for one in told if one.environment == live.name.slug).details)
    assert used.month == str(month)
    assert used.databases_bytes > 10**6
    assert used.files_bytes is not None
    (line,) = (one for one in bills(month) if one.municipality == live.municipality.slug)
    assert line.month.stored_bytes >= used.databases_bytes
