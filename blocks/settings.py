"""Where this installation is: read once at the edge, validated, never at import."""

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from domain.errors import InvalidInputError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def lab_dir() -> Path:
    """The lab's directory: `IMPLANTA_LAB_DIR`, or `.lab` in the project."""
    return Path(os.environ.get("IMPLANTA_LAB_DIR", PROJECT_ROOT / ".lab")).resolve()


def settings_file() -> Path:
    """The settings file: `IMPLANTA_SETTINGS`, or the one that `./implanta lab up` writes."""
    return Path(os.environ.get("IMPLANTA_SETTINGS", lab_dir() / "settings.toml")).resolve()


class Settings(BaseSettings):
    """Addresses that every command needs; each may also come as an `IMPLANTA_…` environment variable."""

    model_config = SettingsConfigDict(env_prefix="IMPLANTA_", extra="forbid")

    registry_url: SecretStr = Field(description="SQLAlchemy address of the registry, e.g. mysql+pymysql://….")
    prefect_api_url: str = Field(description="Address of the Prefect API, ending in /api.")
    reference_dir: Path | None = Field(
        default=None, description="Directory with the official reference dumps; without it the reduced ones are used."
    )
    runtime_block: str = Field(
        default="implanta-lab-runtime/principal", description="Block that runs the SEI application of new environments."
    )
    retries: int = Field(default=3, ge=0, le=3, description="How often a step is tried again while a system is down.")
    lab_dir: Path | None = Field(default=None, description="The lab's directory, where the lab wrote these settings.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the signature is the library's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=settings_file())


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        InvalidInputError: something is missing or malformed; the message lists where it looked.
    """
    try:
        # The plugin of pydantic does not see that the fields come from the sources above.
        return Settings.model_validate({})
    except ValidationError as e:
        if not all(error["loc"] for error in e.errors()):  # no field is to blame: the reader of the file raised it
            raise InvalidInputError(
                "A configuração não é um arquivo TOML válido",
                str(settings_file()),
                "Corrija o arquivo, ou apague-o e gere-o de novo com ./implanta lab up.",
            ) from None
        fields = ", ".join(".".join(str(part) for part in error["loc"]) for error in e.errors())
        raise InvalidInputError(
            f"Configuração incompleta: {fields}",
            f"procurado em {settings_file()} e nas variáveis IMPLANTA_*",
            "Suba o laboratório com ./implanta lab up, ou aponte IMPLANTA_SETTINGS para o arquivo desta instalação.",
        ) from None
