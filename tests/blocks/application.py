"""One environment as the lab's stand-in serves it, over the databases of a test."""

from dataclasses import dataclass

from pydantic import SecretStr

from blocks.runtime import Configuration, LabRuntime
from blocks.secrets import EnvironmentSecrets
from tests.blocks.instance import Databases

SECRETS = EnvironmentSecrets.generate()


@dataclass(frozen=True)
class Application:
    """An environment that the lab's stand-in serves."""

    runtime: LabRuntime
    databases: Databases
    configuration: Configuration

    def set_maintenance(self, *, active: bool) -> None:
        maintenance: Configuration = {"Manutencao": {"Ativada": active, "Mensagem": "Em manutenção."}}
        self.runtime.apply(self.databases.name, self.configuration | maintenance)


def make_configuration(runtime: LabRuntime, databases: Databases) -> Configuration:
    name = databases.name

    def session(system: str, key: SecretStr) -> dict[str, str]:
        return {"SiglaOrgaoSistema": "PM-BLOCOS", "SiglaSistema": system, "ChaveAcesso": key.get_secret_value()}

    def database(schema: str) -> dict[str, str | int]:
        return {
            "Servidor": databases.server.host,
            "Porta": databases.server.port,
            "Banco": schema,
            "Usuario": name.database_user,
            "Senha": SECRETS.database_password.get_secret_value(),
        }

    return {
        "SEI": {
            "URL": f"{runtime.url(name)}/sei",
            "Producao": False,
            "RepositorioArquivos": runtime.repository_path(name),
        },
        "SessaoSEI": {**session("SEI", SECRETS.sei_access_key)},
        "SessaoSip": {**session("SIP", SECRETS.sip_access_key)},
        "BancoSEI": {**database(name.database_sei)},
        "BancoSip": {**database(name.database_sip)},
        "Manutencao": {"Ativada": False, "Mensagem": ""},
    }
