"""The agendador: what is due, when, and what becomes of it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInputError
from lab.sei_standin.environments import Environments
from lab.sei_standin.scheduler import Schedule, run_command, run_due
from tests.sei_standin.instance import Instance, at

HEARTBEAT = "AgendamentoRN::testarAgendamento"
USERS = "AgendamentoRN::replicarTodosUsuariosSEI"
MOMENTS = st.datetimes(at("2026-01-01 00:00"), at("2027-01-01 00:00"))
EVERY_FIVE = "0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55"


def task(instance: Instance, database: str, command: str = HEARTBEAT) -> dict[str, Any]:
    return instance.row(database, "SELECT * FROM infra_agendamento_tarefa WHERE comando = %s", (command,))


@given(MOMENTS)
def test_a_task_of_minutes_is_due_in_those_minutes_of_any_hour(moment: datetime) -> None:
    assert Schedule("N", EVERY_FIVE).is_due(moment, None) is (moment.minute % 5 == 0)


@given(MOMENTS)
def test_a_task_of_hours_is_due_once_in_each_of_them(moment: datetime) -> None:
    assert Schedule("D", "3").is_due(moment, None) is ((moment.hour, moment.minute) == (3, 0))
    assert Schedule("D", "00:01,01:30").is_due(moment, None) is ((moment.hour, moment.minute) in {(0, 1), (1, 30)})


@given(MOMENTS, st.integers(0, 59))
def test_a_task_never_runs_twice_in_one_minute(moment: datetime, second: int) -> None:
    schedule = Schedule("N", ", ".join(map(str, range(60))))
    assert not schedule.is_due(moment, moment.replace(second=second))
    assert schedule.is_due(moment, moment - timedelta(minutes=1))


@pytest.mark.parametrize(
    ("kind", "complement"), [("S", "2"), ("N", "60"), ("N", "00:05"), ("D", "24"), ("D", "3:60"), ("D", ""), ("N", "x")]
)
def test_a_period_that_is_not_understood_is_refused(kind: str, complement: str) -> None:
    with pytest.raises(InvalidInputError, match="não entendida"):
        Schedule(kind, complement)


def test_the_heartbeat_of_sip_beats_and_that_of_sei_when_it_is_switched_on(
    any_version: Instance, apps_dir: Path
) -> None:
    environments = Environments(apps_dir)
    sei_before = task(any_version, "sei")
    run_due(environments, at("2026-11-23 10:05"))
    assert task(any_version, "sip")["dth_ultima_execucao"] == at("2026-11-23 10:05")
    assert task(any_version, "sip")["sin_sucesso"] == "S"
    assert task(any_version, "sip")["dth_ultima_conclusao"].year >= 2026
    assert task(any_version, "sei") == sei_before
    any_version.execute("sei", "UPDATE infra_agendamento_tarefa SET sin_ativo = 'S'")
    run_due(environments, at("2026-11-23 10:10"))
    assert task(any_version, "sei")["dth_ultima_execucao"] == at("2026-11-23 10:10")


def test_nothing_runs_between_its_times_nor_while_the_application_is_stopped(
    instance: Instance, apps_dir: Path
) -> None:
    before = task(instance, "sip")
    run_due(Environments(apps_dir), at("2026-11-23 10:06"))
    (instance.home / "parado").touch()
    run_due(Environments(apps_dir), at("2026-11-23 10:10"))
    assert task(instance, "sip") == before


def test_a_temporary_copy_is_served_and_has_no_agendador(instance: Instance, apps_dir: Path) -> None:
    before = task(instance, "sip")
    (instance.home / "sem-agendador").touch()
    environments = Environments(apps_dir)
    run_due(environments, at("2026-11-23 10:10"))
    environment = environments.find(instance.slug)
    assert environment and not environment.stopped
    outcome = run_command(environment, "AgendamentoRN::testarAgendamento", at("2026-11-23 10:10"))
    assert outcome.problem == "Esta aplicação não tem agendador"
    assert task(instance, "sip") == before


def test_maintenance_does_not_stop_the_agendador(instance: Instance, apps_dir: Path) -> None:
    instance.configure(Manutencao={"Ativada": True})
    run_due(Environments(apps_dir), at("2026-11-23 10:10"))
    assert task(instance, "sip")["dth_ultima_execucao"] == at("2026-11-23 10:10")


def test_replication_runs_at_its_hour_when_it_is_active(instance: Instance, apps_dir: Path) -> None:
    instance.add_person()
    run_due(Environments(apps_dir), at("2026-11-23 06:00"))
    assert task(instance, "sip", USERS)["dth_ultima_execucao"] is None
    instance.execute("sip", "UPDATE infra_agendamento_tarefa SET sin_ativo = 'S'")
    run_due(Environments(apps_dir), at("2026-11-24 06:00"))
    assert task(instance, "sip", USERS)["sin_sucesso"] == "S"
    assert len(instance.rows("sei", "SELECT 1 FROM usuario WHERE id_origem = 'mat-1'")) == 1


def test_a_task_that_the_stand_in_does_not_know_is_left_alone(instance: Instance, apps_dir: Path) -> None:
    before = task(instance, "sip", "AgendamentoRN::removerDadosLogin")
    run_due(Environments(apps_dir), at("2026-11-23 01:00"))
    assert task(instance, "sip", "AgendamentoRN::removerDadosLogin") == before


def test_one_environments_trouble_stops_no_other(
    instance: Instance, apps_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = instance.home.parent / "aaa-quebrado"
    broken.mkdir()
    text = (instance.home / "configuracao.json").read_text(encoding="utf-8")
    (broken / "configuracao.json").write_text(text.replace("_sip", "_inexistente"), encoding="utf-8")
    unreadable = instance.home.parent / "bbb-quebrado"
    unreadable.mkdir()
    (unreadable / "configuracao.json").write_text("{", encoding="utf-8")
    try:
        run_due(Environments(apps_dir), at("2026-11-23 10:15"))
    finally:
        for home in (broken, unreadable):
            (home / "configuracao.json").unlink()
            home.rmdir()
    assert task(instance, "sip")["dth_ultima_execucao"] == at("2026-11-23 10:15")
    assert "ambiente=aaa-quebrado" in caplog.text
    assert "ambiente=bbb-quebrado" in caplog.text


def test_a_failed_task_is_on_record_as_failed(instance: Instance) -> None:
    instance.add_person()
    instance.execute("sei", "DELETE FROM infra_parametro WHERE nome LIKE '%%CONTATO_USUARIOS'")
    outcome = run_command(instance.load(), USERS, at("2026-11-23 06:00"))
    assert outcome.problem is not None
    assert "PMTESTE_ID_TIPO_CONTATO_USUARIOS" in outcome.problem
    row = task(instance, "sip", USERS)
    assert (row["sin_sucesso"], row["dth_ultima_execucao"], row["dth_ultima_conclusao"]) == (
        "N",
        at("2026-11-23 06:00"),
        None,
    )
