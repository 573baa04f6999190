"""SIP's SOAP contract, for what we serve: parts and order as anpdgovbr/sei-integrations documents them (SEI 5.0.4).

Answers of `carregarUsuarios` are PHP arrays with keys, as in that project's recorded answer.
"""

from collections.abc import Mapping

from lab.sei_standin.contract import MAP, Contract, Fields, Operation, operations, strings

_STRUCTURES: Mapping[str, Fields] = {
    "Usuario": strings("StaOperacao", "IdOrigem", "IdOrgao", "Sigla", "Nome", "NomeSocial", "Cpf", "Email"),
    "Permissao": strings(
        "StaOperacao",
        "IdSistema",
        "IdOrgaoUsuario",
        "IdUsuario",
        "IdOrigemUsuario",
        "IdOrgaoUnidade",
        "IdUnidade",
        "IdOrigemUnidade",
        "IdPerfil",
        "DataInicial",
        "DataFinal",
        "SinSubunidades",
    ),
}

SIP = Contract(
    name="sipService",
    namespace="sipns",
    port_type="sipPortType",
    binding="sipBinding",
    port="sipPort",
    soap_action="sipnsAction",
    path="/sip/ws/SipWS.php",
    structures=_STRUCTURES,
    operations=operations(
        Operation(
            "carregarOrgaos",
            {"ChaveAcesso": "string", "IdSistema": "long", "SinTodos": "string"},
            "returnOrgaos",
            "string[][]",
        ),
        Operation(
            "carregarUsuarios",
            {
                "ChaveAcesso": "string",
                "IdSistema": "long",
                **strings(
                    "IdUnidade", "Recurso", "Perfil", "IdOrgaoUsuario", "IdUsuario", "IdOrigemUsuario", "SiglaUsuario"
                ),
            },
            "returnUsuarios",
            MAP,
        ),
        Operation(
            "replicarUsuario",
            {
                "ChaveAcesso": "string",
                "Usuarios": "Usuario[]",
                "SinConsiderarOrgao": "string",
                "SistemasReplicacao": "string[]",
            },
            "ret",
            "boolean",
        ),
        Operation("replicarPermissao", {"ChaveAcesso": "string", "Permissoes": "Permissao[]"}, "ret", "boolean"),
    ),
)
