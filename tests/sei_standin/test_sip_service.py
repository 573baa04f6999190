"""SIP's web service, called with zeep."""

from typing import Any

import pytest
from zeep.exceptions import Fault

from domain.access_key import AccessKey
from tests.sei_standin.instance import (
    BASICO,
    CHILD_UNIT,
    OTHER_CHILD,
    SEI_SYSTEM_ID,
    SIP_SYSTEM_ID,
    Instance,
    Person,
    system_key,
)
from tests.sei_standin.soap_client import SoapClient

KEY = {"ChaveAcesso": system_key(SEI_SYSTEM_ID)[0].text.get_secret_value()}
NEW = {
    "StaOperacao": "C",
    "IdOrigem": "mat-77",
    "IdOrgao": "0",
    "Sigla": "joao.lima",
    "Nome": "João Lima",
    "Cpf": "52998224725",
    "Email": "joao@exemplo.mg.gov.br",
}


@pytest.fixture
def sip(instance: Instance) -> SoapClient:
    return SoapClient(instance, "sip")


def replicate_user(client: SoapClient, *systems: int, **changes: str) -> object:
    return client.call(
        "replicarUsuario",
        **KEY,
        Usuarios=client.array("Usuario", [client.make("Usuario", **{**NEW, **changes})]),
        SinConsiderarOrgao="N",
        SistemasReplicacao=client.array("String", [str(system) for system in systems]),
    )


def replicate_permission(client: SoapClient, **changes: str) -> object:
    fields = {
        "StaOperacao": "A",
        "IdSistema": str(SEI_SYSTEM_ID),
        "IdOrigemUsuario": "mat-77",
        "IdUnidade": str(CHILD_UNIT),
        "IdPerfil": str(BASICO),
        "DataInicial": "01/01/2026",
        "SinSubunidades": "N",
        **changes,
    }
    return client.call(
        "replicarPermissao", **KEY, Permissoes=client.array("Permissao", [client.make("Permissao", **fields)])
    )


def in_sei(instance: Instance) -> list[dict[str, Any]]:
    return instance.rows("sei", "SELECT u.*, c.cpf, c.email FROM usuario u JOIN contato c USING (id_contato)"
                         " WHERE u.sta_tipo = '0' AND u.id_usuario > 100000001")  # fmt: skip


def list_users(client: SoapClient, **filters: str) -> dict[int, dict[int, Any]]:
    """The answer of carregarUsuarios with PHP's arrays as dictionaries."""
    answer = client.call("carregarUsuarios", **KEY, IdSistema=SEI_SYSTEM_ID, **filters)
    return {user["key"]: {item["key"]: item["value"] for item in user["value"]["item"]} for user in answer or []}


def test_orgaos_come_with_their_acronym(any_version: Instance) -> None:
    client = SoapClient(any_version, "sip")
    (orgao,) = client.call("carregarOrgaos", **KEY, IdSistema=SEI_SYSTEM_ID, SinTodos="N")
    assert orgao[:2] == ["0", "PMTESTE"]
    assert client.address_in_wsdl() == f"{any_version.url}/sip/ws/SipWS.php"


def test_inactive_orgaos_come_only_when_all_are_asked_for(instance: Instance, sip: SoapClient) -> None:
    instance.execute("sip", "INSERT INTO orgao VALUES (1, 'FIM', 'Extinto', 'N', 'S', 1)")
    assert len(sip.call("carregarOrgaos", **KEY, IdSistema=SEI_SYSTEM_ID, SinTodos="N")) == 1
    assert len(sip.call("carregarOrgaos", **KEY, IdSistema=SEI_SYSTEM_ID, SinTodos="S")) == 2


def test_users_come_with_the_units_where_they_may_work(instance: Instance, sip: SoapClient, person: Person) -> None:
    user = list_users(sip)[person.id_usuario]
    assert (user[3], user[4], user[8], user[5]) == (person.sigla, person.nome, "52998224725", "S")
    assert user[6]["_value_1"] == [str(CHILD_UNIT)]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"SiglaUsuario": "maria.conceição"}, True),
        ({"SiglaUsuario": "outra"}, False),
        ({"IdUnidade": str(CHILD_UNIT)}, True),
        ({"IdUnidade": str(OTHER_CHILD)}, False),
        ({"Perfil": "Básico"}, True),
        ({"Perfil": "Administrador"}, False),
        ({"IdOrigemUsuario": "mat-1"}, True),
        ({"IdOrgaoUsuario": "0"}, True),
        ({"Recurso": "recurso_que_nao_existe"}, False),
    ],
)
def test_users_are_filtered(
    instance: Instance, sip: SoapClient, person: Person, filters: dict[str, str], found: bool
) -> None:
    assert (person.id_usuario in list_users(sip, **filters)) is found


def test_a_grant_with_subunits_outside_the_hierarchy_breaks_the_query(
    instance: Instance, sip: SoapClient, person: Person
) -> None:
    instance.execute("sip", "UPDATE permissao SET sin_subunidades = 'S'")
    instance.execute("sip", "DELETE FROM rel_hierarquia_unidade WHERE id_unidade = %s", (CHILD_UNIT,))
    with pytest.raises(Fault, match="fora da hierarquia"):
        list_users(sip)


@pytest.mark.parametrize(
    "key",
    ["", "curta", "0" * 72, AccessKey.generate(SEI_SYSTEM_ID).text.get_secret_value()],
    ids=["none", "short", "zeros", "another of the system"],
)
def test_a_wrong_key_is_refused(sip: SoapClient, key: str) -> None:
    with pytest.raises(Fault, match="Chave de acesso inválida"):
        sip.call("carregarOrgaos", ChaveAcesso=key, IdSistema=SEI_SYSTEM_ID)


def test_a_system_without_released_services_is_refused_but_not_sip_itself(instance: Instance, sip: SoapClient) -> None:
    instance.execute("sip", "UPDATE sistema SET servicos_liberados = NULL")
    with pytest.raises(Fault, match="Nenhum serviço foi liberado"):
        sip.call("carregarOrgaos", **KEY, IdSistema=SEI_SYSTEM_ID)
    own = system_key(SIP_SYSTEM_ID)[0].text.get_secret_value()
    assert sip.call("carregarOrgaos", ChaveAcesso=own, IdSistema=SEI_SYSTEM_ID)


def test_a_created_user_gets_the_next_id_and_stays_out_of_sei(instance: Instance, sip: SoapClient) -> None:
    assert replicate_user(sip) is True
    user = instance.row("sip", "SELECT * FROM usuario WHERE id_origem = 'mat-77'")
    assert user["id_usuario"] == 100000002
    assert (user["sigla"], user["nome"], user["cpf"]) == ("joao.lima", "João Lima", 52998224725)
    counter = instance.row("sip", "SELECT num_atual FROM infra_sequencia WHERE nome_tabela = 'usuario'")
    assert counter["num_atual"] == 100000002
    assert in_sei(instance) == []


def test_the_first_permission_in_sei_brings_the_user_there(any_version: Instance) -> None:
    client = SoapClient(any_version, "sip")
    replicate_user(client)
    assert replicate_permission(client) is True
    (user,) = in_sei(any_version)
    assert (user["id_usuario"], user["sigla"], user["nome"]) == (100000002, "joao.lima", "João Lima")
    assert (user["cpf"], user["email"]) == (52998224725, "joao@exemplo.mg.gov.br")
    replicate_permission(client, IdUnidade=str(OTHER_CHILD))
    assert len(in_sei(any_version)) == 1


def test_a_permission_in_another_system_does_not_bring_the_user_to_sei(instance: Instance, sip: SoapClient) -> None:
    replicate_user(sip)
    replicate_permission(sip, IdSistema=str(SIP_SYSTEM_ID), IdPerfil="100000932")
    assert in_sei(instance) == []


def test_a_system_that_is_named_gets_the_user_at_once(instance: Instance, sip: SoapClient) -> None:
    replicate_user(sip, SEI_SYSTEM_ID)
    assert len(in_sei(instance)) == 1


def test_a_user_is_changed_deactivated_reactivated_and_deleted(instance: Instance, sip: SoapClient) -> None:
    replicate_user(sip)
    replicate_permission(sip)
    replicate_user(sip, StaOperacao="A", Nome="João Lima Souza", NomeSocial="Joana Lima")
    (user,) = in_sei(instance)
    assert (user["nome"], user["nome_registro_civil"]) == ("Joana Lima", "João Lima Souza")
    assert user["idx_usuario"] == "joao.lima joana lima"
    replicate_user(sip, StaOperacao="D")
    assert in_sei(instance)[0]["sin_ativo"] == "N"
    replicate_user(sip, StaOperacao="R")
    assert in_sei(instance)[0]["sin_ativo"] == "S"
    with pytest.raises(Fault, match="tem permissões"):
        replicate_user(sip, StaOperacao="E")
    replicate_permission(sip, StaOperacao="E")
    replicate_user(sip, StaOperacao="E")
    assert instance.rows("sip", "SELECT 1 FROM usuario WHERE id_origem = 'mat-77'") == []


def test_a_change_to_someone_who_is_not_in_sei_does_not_bring_them(instance: Instance, sip: SoapClient) -> None:
    replicate_user(sip)
    replicate_user(sip, StaOperacao="A", Nome="Outro Nome")
    assert in_sei(instance) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"StaOperacao": "Z"}, "Operação 'Z' inválida"),
        ({"IdOrigem": ""}, "IdOrigem não informado"),
        ({"Sigla": ""}, "Sigla ou Nome"),
        ({"Nome": "x" * 101}, "campo Nome"),
        ({"IdOrgao": "9"}, "Órgão 9 não encontrado"),
        ({"StaOperacao": "A"}, "Não existe usuário"),
        ({"Cpf": "529.982"}, "Cpf inválido"),
        ({"Nome": "Ниёз"}, "campo Nome"),
    ],
)
def test_a_user_that_is_not_right_is_refused(
    instance: Instance, sip: SoapClient, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(Fault, match=said):
        replicate_user(sip, **changes)
    assert instance.rows("sip", "SELECT 1 FROM usuario WHERE id_usuario > 100000001") == []


def test_one_wrong_item_undoes_the_whole_call(instance: Instance, sip: SoapClient) -> None:
    items = [sip.make("Usuario", **NEW), sip.make("Usuario", **{**NEW, "IdOrigem": "mat-78"})]
    with pytest.raises(Fault, match="item 2"):
        sip.call("replicarUsuario", **KEY, Usuarios=sip.array("Usuario", items), SinConsiderarOrgao="N")
    assert instance.rows("sip", "SELECT 1 FROM usuario WHERE id_usuario > 100000001") == []


def test_a_permission_is_changed_and_taken_away(instance: Instance, sip: SoapClient) -> None:
    replicate_user(sip)
    replicate_permission(sip)
    replicate_permission(sip, DataFinal="31/12/2026", SinSubunidades="S")
    row = instance.row("sip", "SELECT * FROM permissao")
    assert (f"{row['dta_fim']:%d/%m/%Y}", row["sin_subunidades"], row["id_tipo_permissao"]) == ("31/12/2026", "S", 1)
    replicate_permission(sip, StaOperacao="E")
    assert instance.rows("sip", "SELECT 1 FROM permissao") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"IdPerfil": "1"}, "Perfil 1 não encontrado"),
        ({"IdUnidade": "1"}, "Unidade não encontrado"),
        ({"IdOrigemUsuario": "ninguem"}, "Usuario não encontrado"),
        ({"StaOperacao": "C"}, "Operação 'C' inválida"),
        ({"DataInicial": "2026-01-01"}, "Data '2026-01-01' inválida"),
    ],
)
def test_a_permission_that_is_not_right_is_refused(sip: SoapClient, changes: dict[str, str], said: str) -> None:
    replicate_user(sip)
    with pytest.raises(Fault, match=said):
        replicate_permission(sip, **changes)


def test_a_wrong_sip_key_keeps_users_out_of_sei(instance: Instance, sip: SoapClient) -> None:
    replicate_user(sip)
    instance.configure(SessaoSip={"ChaveAcesso": AccessKey.generate(SIP_SYSTEM_ID).text.get_secret_value()})
    with pytest.raises(Fault, match="Erro validando acesso"):
        replicate_permission(sip)
    assert in_sei(instance) == []
