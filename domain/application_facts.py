"""What a host has to know of one application beside its configuration files, read from the configuration itself."""

from collections.abc import Iterable
from typing import Self

from pydantic import Field, JsonValue, PositiveInt, SecretStr

from domain.configuration import Configuration
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.model import Frozen


class RenderedFile(Frozen):
    """One file of what an operator reviews and a host is given."""

    name: str
    content: bytes = Field(repr=False)
    is_secret: bool


class ApplicationFacts(Frozen):
    """One application in the words of containers: names, addresses, accounts."""

    environment: EnvironmentName
    sigla_orgao: str
    complement: str
    federation: bool
    database_kind: str
    database_host: str
    database_port: PositiveInt
    database_sei: str
    database_sip: str
    database_user: str
    database_password: SecretStr
    sei_access_key: SecretStr
    sip_access_key: SecretStr
    solr: dict[str, str]
    solr_password: SecretStr
    mail: dict[str, str]
    mail_password: SecretStr

    @classmethod
    def read(cls, environment: EnvironmentName, configuration: Configuration) -> Self:
        """Take them out of a whole configuration. Raises InvalidInputError naming what it lacks."""
        missing = [
            f"{group}.{key}"
            for group, keys in _NEEDED.items()
            for key in keys
            if key not in configuration.get(group, {})
        ]
        if missing:
            raise InvalidInputError(
                f"A configuração não está completa: {', '.join(missing)}",
                environment.slug,
                "Monte-a com ./implanta environment render, que usa todos os grupos.",
            )
        sei, sip = configuration["BancoSEI"], configuration["BancoSip"]
        mail, solr = configuration["InfraMail"], configuration["Solr"]
        return cls(
            environment=environment,
            sigla_orgao=_text(configuration["SessaoSEI"]["SiglaOrgaoSistema"]),
            complement=_text(configuration["PaginaSEI"]["NomeSistemaComplemento"]),
            federation=bool(configuration["Federacao"]["Habilitado"]),
            database_kind=_text(sei["Tipo"]),
            database_host=_text(sei["Servidor"]),
            database_port=int(_text(sei["Porta"])),
            database_sei=_text(sei["Banco"]),
            database_sip=_text(sip["Banco"]),
            database_user=_text(sei["Usuario"]),
            database_password=SecretStr(_text(sei["Senha"])),
            sei_access_key=SecretStr(_text(configuration["SessaoSEI"]["ChaveAcesso"])),
            sip_access_key=SecretStr(_text(configuration["SessaoSip"]["ChaveAcesso"])),
            solr={key: _text(value) for key, value in solr.items() if key != "Senha"},
            solr_password=SecretStr(_text(solr["Senha"])),
            mail={key: _text(value) for key, value in mail.items() if key not in {"Senha", "Dominios"}},
            mail_password=SecretStr(_text(mail["Senha"])),
        )


_NEEDED: dict[str, Iterable[str]] = {
    "SessaoSEI": ("SiglaOrgaoSistema", "ChaveAcesso"),
    "SessaoSip": ("ChaveAcesso",),
    "PaginaSEI": ("NomeSistemaComplemento",),
    "Federacao": ("Habilitado",),
    "BancoSEI": ("Tipo", "Servidor", "Porta", "Banco", "Usuario", "Senha"),
    "BancoSip": ("Banco",),
    "Solr": (
        *("Servidor", "Usuario", "Senha", "CoreProtocolos", "CoreBasesConhecimento", "CorePublicacoes"),
        *("TempoCommitProtocolos", "TempoCommitBasesConhecimento", "TempoCommitPublicacoes"),
    ),
    "InfraMail": (
        *("Tipo", "Servidor", "Porta", "Codificacao", "MaxDestinatarios", "MaxTamAnexosMb", "Seguranca"),
        *("Autenticar", "Usuario", "Senha", "Protegido"),
    ),
}


def _text(value: JsonValue) -> str:
    """As a container's environment spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
