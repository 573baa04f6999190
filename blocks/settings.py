"""Where this installation is: read once at the edge, validated, never at import."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from blocks.file_version import FileVersion, version_of
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

    model_config = SettingsConfigDict(env_prefix="IMPLANTA_", extra="forbid", frozen=True)

    registry_url: SecretStr = Field(description="SQLAlchemy address of the registry, e.g. mysql+pymysql://….")
    board_registry_url: SecretStr | None = Field(
        default=None,
        description="The registry's address with the board's own account, which reads only what the board shows;"
        " without one it uses registry_url, in read-only transactions.",
    )
    board_url: str | None = Field(
        default=None, description="Where people find the board: https://painel.estado.example."
    )
    operators_url: str | None = Field(
        default=None, description="The operator's directory, ldaps://host or ldap://host with StartTLS, for the board."
    )
    operators_account: str = Field(default="", description="DN of the account that looks operators and groups up.")
    operators_password: SecretStr = Field(default=SecretStr(""), description="Its password.")
    operators_people: str = Field(default="", description="DN below which the operators' entries are.")
    operators_groups: str = Field(default="", description="DN below which their groups are.")
    operators_authority: Path | None = Field(
        default=None, description="PEM file with the authority of that directory's certificate; the system's without."
    )
    prefect_api_url: str = Field(description="Address of the Prefect API, ending in /api.")
    prefect_api_auth: SecretStr | None = Field(
        default=None,
        description="Account of programs at the Prefect server, usuario:senha, as its PREFECT_SERVER_API_AUTH_STRING"
        " has it; without one PREFECT_API_AUTH_STRING counts.",
    )
    door_url: str | None = Field(
        default=None, description="Where people reach Prefect and the board, behind the door: https://implanta.example."
    )
    door_trail: Path | None = Field(
        default=None, description="File that says who changed what through the door; without one nobody passes."
    )
    prefect_database: SecretStr | None = Field(
        default=None,
        description="Address of the Prefect server's own database, sqlite:////path/prefect.db, for Implanta's backup of"
        " itself; without one there is none.",
    )
    reference_dir: Path | None = Field(
        default=None, description="Directory with the official reference dumps; without it the reduced ones are used."
    )
    municipality_places: Path | None = Field(
        default=None,
        description="CSV of the municipalities' seats (ibge, name, lat, lon) for the board's map; without it, no map.",
    )
    runtime_block: str = Field(
        default="implanta-lab-runtime/principal", description="Block that runs the SEI application of new environments."
    )
    ssc_block: str = Field(
        default="implanta-ldap-ssc/principal", description="Block of the corporate security system, which keeps people."
    )
    edge_block: str = Field(
        default="implanta-nginx-edge/principal", description="Block of the edge that serves new environments."
    )
    certificate_block: str = Field(
        default="implanta-internal-ca/principal", description="Block that issues the certificates of new environments."
    )
    scratch_dir: Path = Field(
        default=Path.home() / ".cache" / "implanta" / "rascunhos",
        description="Where backups are restored for their examination; needs room for the largest database.",
    )
    certificate_anchors: Path | None = Field(
        default=None,
        description="PEM file with roots, such as ICP-Brasil's, that brought certificates may end at.",
    )
    users_channel: Literal["sql", "soap"] = Field(
        default="sql", description="How an import of users reaches SIP: its database (sql), or its web service (soap)."
    )
    training_block: str | None = Field(
        default=None,
        description="Block of the platform where people take their courses; without one only attendance lists tell.",
    )
    returns_block: str | None = Field(
        default=None,
        description="Block of the mailbox where undeliverable messages come back; without one nobody reads them.",
    )
    dns_block: str | None = Field(
        default=None,
        description="Block of the DNS zone of the public names; without one a wildcard record is taken to serve.",
    )
    fleet_parts_per_server: int | None = Field(
        default=None,
        ge=1,
        description="How many parts of a fleet's routine run at once on the databases of one server, on workers of that"
        " server's own pool; without it the whole fleet is worked through in the routine's own process.",
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
    """The settings as the file and the environment variables have them now.

    Raises:
        InvalidInputError: something is missing or malformed; the message lists where it looked.
    """
    file = settings_file()
    variables = frozenset((name, value) for name, value in os.environ.items() if name.upper().startswith("IMPLANTA_"))
    return _read(file, version_of(file), variables)


@lru_cache(maxsize=4)  # every step asks several times
def _read(file: Path, version: FileVersion, variables: frozenset[tuple[str, str]]) -> Settings:  # noqa: ARG001  # the key
    try:
        # The plugin of pydantic does not see that the fields come from the sources above.
        return Settings.model_validate({})
    except ValidationError as e:
        if not all(error["loc"] for error in e.errors()):  # no field is to blame: the reader of the file raised it
            raise InvalidInputError(
                "A configuração não é um arquivo TOML válido",
                str(file),
                "Corrija o arquivo, ou apague-o e gere-o de novo com ./implanta lab up.",
            ) from None
        fields = ", ".join(".".join(str(part) for part in error["loc"]) for error in e.errors())
        raise InvalidInputError(
            f"Configuração incompleta: {fields}",
            f"procurado em {file} e nas variáveis IMPLANTA_*",
            "Suba o laboratório com ./implanta lab up, ou aponte IMPLANTA_SETTINGS para o arquivo desta instalação.",
        ) from None
