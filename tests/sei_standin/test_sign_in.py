"""Who may log in: every condition of `sei.md` 2.7, broken one at a time."""

import logging
from collections.abc import Callable

import httpx
import pytest

from domain.access_key import AccessKey
from lab.ports import choose
from lab.sei_standin.replication import replicate_users
from tests.sei_standin.conftest import make_worker
from tests.sei_standin.instance import (
    BASICO,
    CHILD_UNIT,
    GLOBAL_UNIT,
    OTHER_CHILD,
    ROOT_UNIT,
    SEI_SYSTEM_ID,
    Instance,
    Person,
    at,
)

REFUSED = "Não foi possível entrar"


def log_in(instance: Instance, person: Person, password: str | None = None) -> httpx.Response:
    form = {"txtUsuario": person.sigla, "pwdSenha": password or person.password, "selOrgao": "0"}
    with instance.client() as client:
        return client.post("/sip/login.php", data=form)


def test_a_person_who_meets_every_condition_reaches_the_unit(any_version: Instance) -> None:
    answer = log_in(any_version, make_worker(any_version))
    assert answer.status_code == 200
    assert "Controle de Processos — TESTE_1_1" in answer.text
    assert "Maria da Conceição Araújo" in answer.text


@pytest.mark.parametrize(
    ("database", "query", "reason"),
    [
        ("sip", "UPDATE usuario SET sin_ativo = 'N'", "usuario_inativo_no_sip"),
        ("sip", "UPDATE usuario SET sin_bloqueado = 'S'", "usuario_bloqueado"),
        ("sip", "DELETE FROM usuario", "usuario_inexistente"),
        ("sip", "UPDATE orgao SET sin_ativo = 'N'", "orgao_inexistente_ou_inativo"),
        ("sip", "DELETE FROM rel_orgao_autenticacao", "orgao_sem_servidor_de_autenticacao"),
        ("sip", "UPDATE unidade SET sin_ativo = 'N' WHERE id_unidade = 110000002", "unidade_inativa_no_sip"),
        (
            "sip",
            "DELETE FROM rel_hierarquia_unidade WHERE id_unidade = 110000002",
            "unidade_fora_da_hierarquia",
        ),
        (
            "sip",
            "UPDATE rel_hierarquia_unidade SET sin_ativo = 'N' WHERE id_unidade = 110000002",
            "unidade_fora_da_hierarquia",
        ),
        (
            "sip",
            "UPDATE rel_hierarquia_unidade SET dta_fim = CURDATE() - INTERVAL 1 DAY WHERE id_unidade = 110000002",
            "unidade_fora_da_hierarquia",
        ),
        (
            "sip",
            "UPDATE rel_hierarquia_unidade SET dta_inicio = CURDATE() + INTERVAL 1 DAY WHERE id_unidade = 110000002",
            "unidade_fora_da_hierarquia",
        ),
        ("sip", "UPDATE sistema SET id_hierarquia = 100000099 WHERE sigla = 'SEI'", "unidade_fora_da_hierarquia"),
        ("sip", "DELETE FROM permissao", "sem_permissao_vigente"),
        ("sip", "UPDATE permissao SET dta_fim = CURDATE() - INTERVAL 1 DAY", "sem_permissao_vigente"),
        ("sip", "UPDATE permissao SET dta_inicio = CURDATE() + INTERVAL 1 DAY", "sem_permissao_vigente"),
        ("sip", "UPDATE permissao SET id_sistema = 100000099", "sem_permissao_vigente"),
        ("sip", "UPDATE perfil SET sin_ativo = 'N' WHERE id_perfil = 100000938", "sem_permissao_vigente"),
        ("sei", "UPDATE usuario SET sin_ativo = 'N'", "usuario_inexistente_ou_inativo_no_sei"),
        ("sei", "UPDATE usuario SET sta_tipo = '3'", "usuario_inexistente_ou_inativo_no_sei"),
        ("sei", "DELETE FROM usuario WHERE id_usuario > 100000001", "usuario_inexistente_ou_inativo_no_sei"),
        ("sei", "DELETE c FROM contato c JOIN usuario u USING (id_contato)", "usuario_inexistente_ou_inativo_no_sei"),
        ("sei", "UPDATE unidade SET sin_ativo = 'N'", "unidade_inexistente_ou_inativa_no_sei"),
        ("sei", "DELETE FROM unidade WHERE id_unidade = 110000002", "unidade_inexistente_ou_inativa_no_sei"),
        ("sei", "DELETE c FROM contato c JOIN unidade u USING (id_contato)", "unidade_inexistente_ou_inativa_no_sei"),
        ("sei", "UPDATE unidade_historico SET dta_fim = CURDATE()", "unidade_inexistente_ou_inativa_no_sei"),
    ],
)
def test_one_broken_condition_refuses_the_person(
    instance: Instance, person: Person, caplog: pytest.LogCaptureFixture, database: str, query: str, reason: str
) -> None:
    instance.execute(database, query)
    with caplog.at_level(logging.INFO):
        answer = log_in(instance, person)
    assert answer.status_code == 403
    assert REFUSED in answer.text
    assert f"motivo={reason} " in caplog.text
    for private in (person.sigla, person.nome, str(person.cpf), person.email, person.password):
        assert private not in caplog.text


@pytest.mark.parametrize("password", ["outra-senha", "", "*"])
def test_a_wrong_password_is_refused(instance: Instance, person: Person, password: str) -> None:
    form = {"txtUsuario": person.sigla, "pwdSenha": password, "selOrgao": "0"}
    with instance.client() as client:
        answer = client.post("/sip/login.php", data=form)
    assert (answer.status_code, REFUSED in answer.text) == (403, True)


def test_a_person_without_an_entry_in_the_directory_is_refused(instance: Instance) -> None:
    stranger = instance.add_person("sem.entrada", number=2, in_directory=False)
    instance.grant(stranger, CHILD_UNIT)
    assert log_in(instance, stranger).status_code == 403


@pytest.mark.parametrize("login", ["*", "maria*", "maria.conceição)(uid=*"])
def test_a_login_cannot_carry_a_search_expression(instance: Instance, person: Person, login: str) -> None:
    instance.execute("sip", "UPDATE usuario SET sigla = %s WHERE id_usuario = %s", (login, person.id_usuario))
    form = {"txtUsuario": login, "pwdSenha": person.password, "selOrgao": "0"}
    with instance.client() as client:
        assert client.post("/sip/login.php", data=form).status_code == 403


def test_another_server_is_asked_when_the_first_refuses(instance: Instance, person: Person) -> None:
    instance.execute(
        "sip",
        "INSERT INTO servidor_autenticacao SELECT 10, 'Outra base', sta_tipo, endereco, porta, sufixo,"
        " usuario_pesquisa, senha_pesquisa, usuario_pesquisa, atributo_filtro_pesquisa, atributo_retorno_pesquisa,"
        " versao FROM servidor_autenticacao WHERE id_servidor_autenticacao = 9",
    )
    instance.execute("sip", "INSERT INTO rel_orgao_autenticacao VALUES (0, 10, -1)")
    assert log_in(instance, person).status_code == 200


def test_a_suffix_completes_the_login(instance: Instance) -> None:
    person = instance.add_person("ana@exemplo", number=3)
    instance.grant(person, CHILD_UNIT)
    instance.execute("sip", "UPDATE usuario SET sigla = 'ana' WHERE id_usuario = %s", (person.id_usuario,))
    instance.execute("sip", "UPDATE servidor_autenticacao SET sta_tipo = 'AD', sufixo = '@exemplo'")
    replicate_users(instance.load(), [person.id_usuario], at("2026-11-23 08:00"), create=True)
    form = {"txtUsuario": "ana", "pwdSenha": person.password, "selOrgao": "0"}
    with instance.client() as client:
        assert client.post("/sip/login.php", data=form).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda port: f"UPDATE servidor_autenticacao SET porta = {port}",
        lambda _: "UPDATE servidor_autenticacao SET senha_pesquisa = 'trocada'",
        lambda _: "UPDATE servidor_autenticacao SET sta_tipo = 'RADIUS'",
    ],
)
def test_a_directory_that_cannot_be_asked_is_said_so(
    instance: Instance, person: Person, change: Callable[[int], str]
) -> None:
    instance.execute("sip", change(choose(["livre"], avoid=())["livre"]))
    answer = log_in(instance, person)
    assert answer.status_code == 503
    assert "O servidor de autenticação não respondeu" in answer.text


def test_without_authentication_the_password_is_the_login(instance: Instance, person: Person) -> None:
    instance.execute("sip", "UPDATE orgao SET sin_autenticar = 'N'")
    assert log_in(instance, person).status_code == 403
    assert log_in(instance, person, person.sigla).status_code == 200


def test_a_permission_on_the_global_unit_reaches_every_unit(instance: Instance, person: Person) -> None:
    instance.execute("sip", "DELETE FROM permissao")
    instance.grant(person, GLOBAL_UNIT)
    text = log_in(instance, person).text
    assert all(f'value="{unit}"' in text for unit in (ROOT_UNIT, CHILD_UNIT, OTHER_CHILD))
    assert f'value="{GLOBAL_UNIT}"' not in text


def test_a_permission_with_subunits_reaches_the_units_below_and_no_other(instance: Instance, person: Person) -> None:
    instance.execute("sip", "DELETE FROM permissao")
    instance.execute(
        "sip",
        "UPDATE rel_hierarquia_unidade SET id_unidade_pai = 110000002 WHERE id_unidade = 110000003",
    )
    instance.grant(person, CHILD_UNIT, below="S")
    text = log_in(instance, person).text
    assert all(f'value="{unit}"' in text for unit in (CHILD_UNIT, OTHER_CHILD))
    assert f'value="{ROOT_UNIT}"' not in text


def test_a_key_that_is_not_sips_lets_nobody_in(instance: Instance, person: Person) -> None:
    instance.configure(SessaoSEI={"ChaveAcesso": AccessKey.generate(SEI_SYSTEM_ID).text.get_secret_value()})
    answer = log_in(instance, person)
    assert answer.status_code == 500
    assert "Erro validando acesso no Sistema de Permissões" in answer.text


def test_the_orgao_of_the_configuration_has_to_be_that_of_sip(instance: Instance, person: Person) -> None:
    instance.configure(SessaoSEI={"SiglaOrgaoSistema": "ABC"})
    answer = log_in(instance, person)
    assert answer.status_code == 500
    assert "Sistema SEI/ABC não encontrado no SIP" in answer.text


def test_of_two_accounts_with_one_login_the_active_one_counts(instance: Instance, person: Person) -> None:
    instance.execute(
        "sip",
        "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, sin_ativo, nome_registro_civil, sin_bloqueado)"
        " VALUES (100000050, 0, %s, 'Antiga', 'N', 'Antiga', 'N')",
        (person.sigla,),
    )
    assert log_in(instance, person).status_code == 200


def test_profile_basico_has_the_id_that_these_tests_use(any_version: Instance) -> None:
    row = any_version.row("sip", "SELECT nome FROM perfil WHERE id_perfil = %s", (BASICO,))
    assert row["nome"] == "Básico"
