"""What the webhooks of one source are signed with, kept encrypted in Prefect's block store."""

import base64
import secrets
from typing import Self

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr

SECRET_PREFIX = "whsec_"  # noqa: S105  # of the Standard Webhooks specification
SECRET_BYTES = 32


class WebhookSecrets(Block):
    """The secret of one source, and the one before it for as long as the sender still signs with that."""

    model_config = ConfigDict(extra="forbid")
    _block_type_name = "Implanta Segredos de webhooks"
    _block_type_slug = "implanta-webhook-secrets"

    secret: SecretStr = Field(description="Segredo da origem, em base64 depois de whsec_.")
    previous_secret: SecretStr | None = Field(
        default=None, description="Segredo anterior, aceito até que quem envia troque o seu."
    )

    @classmethod
    def generate(cls) -> Self:
        """A new random secret."""
        return cls(secret=_new_secret())

    def rotated(self) -> Self:
        """A new secret; the one that was in force stays accepted."""
        return self.model_copy(update={"secret": _new_secret(), "previous_secret": self.secret})

    def settled(self) -> Self:
        """The same secret alone: the previous one is accepted no more."""
        return self.model_copy(update={"previous_secret": None})

    def accepted(self) -> tuple[SecretStr, ...]:
        """Every secret that a signature may be of, the newest first."""
        return (self.secret,) if self.previous_secret is None else (self.secret, self.previous_secret)


def _new_secret() -> SecretStr:
    return SecretStr(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii"))
