"""SEI's own maintenance mode: closed to everybody but those whom the configuration names."""

import httpx
import pytest
from zeep.exceptions import Fault

from blocks.runtime import ServiceAddress
from blocks.runtime.interface import ask_sign_in_page
from tests.sei_standin.conftest import make_worker
from tests.sei_standin.desk import CONTROL, START, a_type, log_in, number_on, start_process
from tests.sei_standin.instance import SIGLA_ORGAO, Instance, Person
from tests.sei_standin.soap_client import SoapClient, caller

LOGIN = "/sip/login.php?sigla_sistema=SEI"


def close(instance: Instance, *users: str) -> None:
    instance.configure(Manutencao={"Ativada": True, "Usuarios": users, "Mensagem": "Voltamos às 18h."})


def post_login(instance: Instance, person: Person) -> httpx.Response:
    form = {"txtUsuario": person.sigla, "pwdSenha": person.password, "selOrgao": "0"}
    with instance.client() as client:
        return client.post("/sip/login.php", data=form)


def test_who_is_named_signs_in_and_works(any_version: Instance) -> None:
    person = make_worker(any_version)
    close(any_version, "outra/OUTRO", f"{person.sigla.upper()}/{SIGLA_ORGAO}")
    with log_in(any_version, person) as client:
        assert client.get(CONTROL).status_code == 200
        assert number_on(start_process(client, selTipoProcedimento=a_type(any_version)))


@pytest.mark.parametrize("users", [(), ("maria.conceição",), ("maria.conceição/OUTRO",), (f"outra/{SIGLA_ORGAO}",)])
def test_who_is_not_named_is_told_of_the_maintenance(
    instance: Instance, person: Person, users: tuple[str, ...]
) -> None:
    close(instance, *users)
    answer = post_login(instance, person)
    assert (answer.status_code, "Voltamos às 18h." in answer.text) == (503, True)
    assert "set-cookie" not in answer.headers


def test_who_came_in_before_is_put_out_and_who_is_named_stays(instance: Instance, person: Person) -> None:
    with log_in(instance, person) as client:
        close(instance)
        for path in (CONTROL, START, "/sei", "/sei/controlador_externo.php?acao=usuario_externo_logar"):
            answer = client.get(path)
            assert (answer.status_code, "Voltamos às 18h." in answer.text) == (503, True), path
        close(instance, f"{person.sigla}/{SIGLA_ORGAO}")
        assert client.get(CONTROL).status_code == 200


def test_it_is_maintenance_to_a_probe_whoever_is_let_in(instance: Instance, person: Person) -> None:
    address = ServiceAddress(connect_to=f"http://127.0.0.1:{instance.port}", host=f"{instance.host}:{instance.port}")
    assert ask_sign_in_page(address).serving
    close(instance, f"{person.sigla}/{SIGLA_ORGAO}")
    health = ask_sign_in_page(address)
    assert (health.serving, health.maintenance) == (False, True)
    with instance.client() as client:
        page = client.get(LOGIN)
        assert (page.status_code, 'name="txtUsuario"' in page.text, "Voltamos às 18h." in page.text) == (
            503,
            True,
            True,
        )


def test_no_system_is_let_in(instance: Instance, person: Person) -> None:
    instance.add_service()
    client = SoapClient(instance, "sei")
    close(instance, f"SISTEMA/{SIGLA_ORGAO}", f"{person.sigla}/{SIGLA_ORGAO}")
    with pytest.raises(Fault, match="Voltamos às 18h"):
        client.call("listarUnidades", **caller())
