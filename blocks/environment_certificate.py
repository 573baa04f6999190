"""The certificate of one environment, its key encrypted in Prefect's block store."""

from datetime import datetime
from typing import Literal

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr


class EnvironmentCertificate(Block):
    """What the edge serves for one environment."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Certificado do ambiente"
    _block_type_slug = "implanta-environment-certificate"

    chain_pem: str = Field(description="Certificado do endereço e intermediários, nesta ordem, em PEM.")
    key_pem: SecretStr = Field(description="Chave privada, em PEM.")
    source: Literal["internal", "acme", "brought"] = Field(
        description="Origem: internal (autoridade interna), acme, ou brought (trazido pela prefeitura)."
    )
    issued_at: datetime = Field(description="Quando entrou no Implanta, em UTC.")
