"""The secrets of one environment, kept encrypted in Prefect's block store."""

import secrets
from typing import Self

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

from blocks.sip import SEI_SYSTEM_ID, SIP_SYSTEM_ID
from domain.access_key import AccessKey, system_crc


class EnvironmentSecrets(Block):
    """What only one environment may know: its database password, directory password and access keys."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Segredos do ambiente"
    _block_type_slug = "implanta-environment-secrets"

    database_password: SecretStr = Field(description="Senha do usuário de banco do ambiente.")
    directory_password: SecretStr = Field(description="Senha da conta de pesquisa do ambiente no LDAP.")
    sei_access_key: SecretStr = Field(description="ChaveAcesso do SEI no SIP.")
    sip_access_key: SecretStr = Field(description="ChaveAcesso do próprio SIP.")
    service_key_secret: SecretStr = Field(description="Parte secreta da chave do serviço IMPLANTA no SEI.")

    @classmethod
    def generate(cls) -> Self:
        """New random secrets; nothing of the published reference databases survives in them."""
        return cls(
            database_password=SecretStr(secrets.token_urlsafe(24)),
            directory_password=SecretStr(secrets.token_urlsafe(24)),
            sei_access_key=AccessKey.generate(SEI_SYSTEM_ID).text,
            sip_access_key=AccessKey.generate(SIP_SYSTEM_ID).text,
            service_key_secret=SecretStr(secrets.token_hex(32)),
        )

    def access_keys(self) -> dict[int, AccessKey]:
        """The keys of SEI and of SIP, by the system's id."""
        return {
            SEI_SYSTEM_ID: AccessKey(text=self.sei_access_key),
            SIP_SYSTEM_ID: AccessKey(text=self.sip_access_key),
        }

    def service_key(self, service_id: int) -> AccessKey:
        """The key of Implanta's own web-service account in SEI.

        That a service's prefix comes from its id as a system's does is inferred (`sei.md`, open question 4).
        """
        return AccessKey(text=SecretStr(system_crc(service_id) + self.service_key_secret.get_secret_value()))
