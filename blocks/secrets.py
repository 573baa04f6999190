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
    # Later additions come last and may be absent from what an older version saved; `ensure_secrets` fills them in.
    migration_password: SecretStr | None = Field(
        default=None, description="Senha do usuário de banco que só existe durante atualizações, com DDL."
    )
    s3_access_key: str | None = Field(default=None, description="Chave de acesso do ambiente no S3.")
    s3_secret_key: SecretStr | None = Field(default=None, description="Chave secreta do ambiente no S3.")
    solr_password: SecretStr | None = Field(default=None, description="Senha do ambiente no Solr.")
    probe_password: SecretStr | None = Field(
        default=None, description="Senha da conta técnica com que o Implanta prova que é possível entrar."
    )

    @classmethod
    def generate(cls) -> Self:
        """New random secrets; nothing of the published reference databases survives in them."""
        return cls(
            database_password=SecretStr(secrets.token_urlsafe(24)),
            directory_password=SecretStr(secrets.token_urlsafe(24)),
            sei_access_key=AccessKey.generate(SEI_SYSTEM_ID).text,
            sip_access_key=AccessKey.generate(SIP_SYSTEM_ID).text,
            service_key_secret=SecretStr(secrets.token_hex(32)),
        ).completed()[0]

    def completed(self) -> tuple[Self, tuple[str, ...]]:
        """These secrets with those added that an older version did not know, and the names of the added ones."""
        added: dict[str, SecretStr] = {}
        if self.migration_password is None:
            added["migration_password"] = SecretStr(secrets.token_urlsafe(24))
        if self.solr_password is None:
            added["solr_password"] = SecretStr(secrets.token_urlsafe(24))
        if self.probe_password is None:
            added["probe_password"] = SecretStr(secrets.token_urlsafe(24))
        return self.model_copy(update=added), tuple(added)

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
