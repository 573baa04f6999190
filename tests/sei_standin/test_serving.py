"""Hosts, maintenance, stops, the control address, and the program itself."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from zeep.exceptions import Fault

from blocks.settings import PROJECT_ROOT
from lab.ports import choose
from tests.sei_standin.conftest import TOKEN, wait_for
from tests.sei_standin.instance import Instance, Person
from tests.sei_standin.soap_client import SoapClient, caller

USERS = "AgendamentoRN::replicarTodosUsuariosSEI"
LOGIN = "/sip/login.php?sigla_sistema=SEI"


def post(instance: Instance, path: str, token: str = TOKEN) -> httpx.Response:
    return httpx.post(
        f"http://127.0.0.1:{instance.port}{path}", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )


@pytest.mark.parametrize("host", ["outro-treinamento.localhost", "localhost", "127.0.0.1", "..", "teste-410.exemplo"])
def test_a_host_of_no_environment_is_not_found(instance: Instance, host: str) -> None:
    with instance.client() as client:
        answer = client.get("/sei", headers={"Host": host})
    assert answer.status_code == 404


def test_a_changed_configuration_counts_at_once(instance: Instance) -> None:
    with instance.client() as client:
        assert client.get(LOGIN).status_code == 200
        instance.configure(Manutencao={"Ativada": True, "Mensagem": "Voltamos às 18h."})
        closed = client.get(LOGIN)
        assert (closed.status_code, "Voltamos às 18h." in closed.text) == (503, True)
        assert "manuten" in closed.text.lower()
        instance.configure()
        assert client.get(LOGIN).status_code == 200


def test_maintenance_answers_calls_with_its_message(instance: Instance) -> None:
    instance.add_service()
    client = SoapClient(instance, "sei")
    instance.configure(Manutencao={"Ativada": True, "Mensagem": "Voltamos às 18h."})
    with pytest.raises(Fault, match="Voltamos às 18h"):
        client.call("listarUnidades", **caller())


def test_a_stopped_application_serves_nothing(instance: Instance) -> None:
    instance.add_service()
    client = SoapClient(instance, "sei")
    (instance.home / "parado").touch()
    with instance.client() as browser:
        answers = [browser.get(path) for path in (LOGIN, "/sei", "/sei/controlador_ws.php?servico=sei")]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    with pytest.raises(Fault, match="Aplicação parada"):
        client.call("listarUnidades", **caller())


def test_a_database_that_is_down_is_said_so_without_its_details(instance: Instance) -> None:
    instance.configure(BancoSip={"Porta": choose(["livre"], avoid=())["livre"]})
    with instance.client() as client:
        answer = client.get(LOGIN)
    assert answer.status_code == 503
    assert "O banco de dados não respondeu" in answer.text
    assert "127.0.0.1" not in answer.text


def test_an_unexpected_error_says_nothing_of_the_data(
    instance: Instance, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    # A login that the driver cannot even encode; and a table that is not there.
    instance.execute("sip", "ALTER TABLE servidor_autenticacao RENAME TO escondida")
    try:
        with instance.client() as client, caplog.at_level(logging.DEBUG, logger="lab"):
            form = {"txtUsuario": person.sigla, "pwdSenha": person.password, "selOrgao": "0"}
            answer = client.post("/sip/login.php", data=form)
            strange = client.post("/sip/login.php", data={**form, "txtUsuario": "Ниёз"})
    finally:
        instance.execute("sip", "ALTER TABLE escondida RENAME TO servidor_autenticacao")
    assert (answer.status_code, strange.status_code) == (500, 400)
    for private in (person.sigla, person.password, person.nome, "Ниёз"):
        assert private not in caplog.text


def test_the_control_address_runs_a_task_that_is_not_active(instance: Instance) -> None:
    instance.add_person()
    path = f"/_lab/{instance.slug}/agendamentos/{USERS}"
    assert post(instance, path).json() == {"sucesso": True, "criados": 1, "atualizados": 0, "inalterados": 0}
    assert post(instance, path).json() == {"sucesso": True, "criados": 0, "atualizados": 0, "inalterados": 1}
    row = instance.row("sip", "SELECT * FROM infra_agendamento_tarefa WHERE comando = %s", (USERS,))
    assert (row["sin_ativo"], row["sin_sucesso"]) == ("N", "S")


def test_the_control_address_reports_a_failure_in_words(instance: Instance) -> None:
    instance.add_person()
    instance.execute("sei", "DELETE FROM infra_parametro WHERE nome = 'ID_UNIDADE_TESTE'")
    answer = post(instance, f"/_lab/{instance.slug}/agendamentos/{USERS}")
    assert answer.status_code == 200
    assert answer.json()["sucesso"] is False
    assert "ID_UNIDADE_TESTE" in answer.json()["mensagem"]
    unknown = post(instance, f"/_lab/{instance.slug}/agendamentos/AgendamentoRN::otimizarIndicesSolr")
    assert "não existe no substituto" in unknown.json()["mensagem"]


def test_the_control_address_serves_maintenance_but_not_a_stopped_application(instance: Instance) -> None:
    path = f"/_lab/{instance.slug}/agendamentos/AgendamentoRN::testarAgendamento"
    instance.configure(Manutencao={"Ativada": True})
    assert post(instance, path).json()["sucesso"] is True
    (instance.home / "parado").touch()
    assert post(instance, path).json() == {"sucesso": False, "mensagem": "A aplicação está parada"}


def test_the_control_address_asks_for_its_password(instance: Instance) -> None:
    path = f"/_lab/{instance.slug}/agendamentos/{USERS}"
    for token in ("errada", TOKEN[:-1], TOKEN + "x"):
        assert post(instance, path, token).status_code == 401
    assert httpx.post(f"http://127.0.0.1:{instance.port}{path}", trust_env=False).status_code == 401
    assert post(instance, f"/_lab/outro/agendamentos/{USERS}").status_code == 404


def test_a_service_that_does_not_exist_has_no_wsdl(instance: Instance) -> None:
    with instance.client() as client:
        assert client.get("/sei/controlador_ws.php?servico=outro").status_code == 404


def test_the_program_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    token, apps = tmp_path / "token", tmp_path / "apps"
    token.write_text(TOKEN, encoding="utf-8")
    port = choose(["sei"], avoid=())["sei"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.sei_standin", "--port", str(port), "--apps-dir", apps, "--token-file", token],
        cwd=PROJECT_ROOT,
        env=dict(os.environ),
    )
    try:
        wait_for(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()
