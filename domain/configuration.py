"""Every group and key of SEI's and SIP's configuration files, and of the modules', as typed values.

`ConfiguracaoSEI.php` and `ConfiguracaoSip.php` (`sei.md` 1.2). The typed groups know SEI's spelling (their aliases) and
its defaults; `InstanceConfiguration.groups()` is the one dictionary from which each file and each runtime works.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Literal, Self

from pydantic import ConfigDict, Field, JsonValue, NonNegativeInt, PositiveInt, SecretStr, model_validator

from domain.catalog_entry import CatalogEntry
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.php import php_class

Configuration = dict[str, dict[str, JsonValue]]
MASK = "********"

_NO_SECRET = SecretStr("")


class _Group(CatalogEntry):
    """One group: English names in the code, SEI's keys as aliases."""

    model_config = ConfigDict(hide_input_in_errors=True)  # a refusal must not quote a password


class Sei(_Group):
    """Group `SEI`. `Modulos` maps each module's class to its directory below `sei/web/modulos`."""

    url: str = Field(alias="URL")
    is_production: bool = Field(alias="Producao")
    repository_path: str = Field(alias="RepositorioArquivos")
    modules: dict[str, str] = Field(default_factory=dict, alias="Modulos")
    has_web_services: bool = Field(default=True, alias="WebServices")
    document_digits: PositiveInt = Field(default=7, alias="DigitosDocumento")
    external_attempts_without_captcha: NonNegativeInt = Field(default=3, alias="NumLoginUsuarioExternoSemCaptcha")
    external_password_length: PositiveInt = Field(default=8, alias="TamSenhaUsuarioExterno")
    web_service_debug: NonNegativeInt = Field(default=0, alias="DebugWebServices")
    local_pdf_access: str = Field(default="", alias="PermitirAcessoLocalPdf")


class SeiPages(_Group):
    """Group `PaginaSEI`: names on the page, and which external pages exist."""

    system_name: str = Field(default="SEI", alias="NomeSistema")
    complement: str = Field(alias="NomeSistemaComplemento")
    menu_logo: str = Field(default="", alias="LogoMenu")
    login: bool = Field(default=True, alias="Login")
    ombudsman: bool = Field(default=True, alias="Ouvidoria")
    internal_publication: bool = Field(default=True, alias="PublicacaoInterna")
    external_users: bool = Field(default=True, alias="UsuariosExternos")
    document_validation: bool = Field(default=True, alias="ValidacaoDocumentos")
    process_consultation: bool = Field(default=True, alias="ConsultaProcessual")


class SystemSession(_Group):
    """Groups `SessaoSEI` and `SessaoSip`: how a system presents itself to SIP."""

    sigla_orgao: str = Field(alias="SiglaOrgaoSistema")
    sigla_sistema: Literal["SEI", "SIP"] = Field(alias="SiglaSistema")
    login_page: str = Field(alias="PaginaLogin")
    sip_wsdl: str = Field(alias="SipWsdl")
    access_key: SecretStr = Field(alias="ChaveAcesso")
    https: bool


class Database(_Group):
    """Groups `BancoSEI`, `BancoSip` and their optional audit and replica databases."""

    server: str = Field(alias="Servidor")
    port: PositiveInt = Field(alias="Porta")
    name: str = Field(alias="Banco")
    user: str = Field(alias="Usuario")
    password: SecretStr = Field(alias="Senha")
    kind: Literal["MySql", "SqlServer", "Oracle", "PostgreSql"] = Field(default="MySql", alias="Tipo")


class SeiDatabaseGroup(Database):
    """Group `BancoSEI`, which alone knows how it is searched."""

    # latin1_swedish_ci already compares without case; SEI must not do it a second time.
    case_insensitive_search: bool = Field(default=False, alias="PesquisaCaseInsensitive")


class Cache(_Group):
    """Groups `CacheSEI` and `CacheSip`: memcached."""

    server: str = Field(alias="Servidor")
    port: PositiveInt = Field(default=11211, alias="Porta")
    timeout_seconds: PositiveInt = Field(default=1, alias="Timeout")
    lifetime_seconds: PositiveInt = Field(default=3600, alias="Tempo")


class Federation(_Group):
    """Group `Federacao`: exchange of processes with other installations of SEI."""

    enabled: bool = Field(default=False, alias="Habilitado")
    remote_action_seconds: PositiveInt = Field(default=10, alias="NumSegundosAcaoRemota")
    clock_difference_seconds: PositiveInt = Field(default=300, alias="NumSegundosSincronizacao")
    replication_attempt_days: PositiveInt = Field(default=3, alias="NumDiasTentativasReplicacao")
    replicates_access_online: bool = Field(default=True, alias="ReplicarAcessosOnline")
    protocols_per_consultation: PositiveInt = Field(default=100, alias="NumMaxProtocolosConsulta")
    entries_per_consultation: PositiveInt = Field(default=100, alias="NumMaxAndamentosConsulta")


class Maintenance(_Group):
    """Group `Manutencao`: the application's own maintenance mode. `Usuarios` are `sigla/orgao` let in all the same."""

    active: bool = Field(default=False, alias="Ativada")
    users: tuple[str, ...] = Field(default=(), alias="Usuarios")
    message: str = Field(default="", alias="Mensagem")
    details: str = Field(default="", alias="Detalhes")


class Captcha(_Group):
    """Groups `hCaptcha`, `ReCaptchaV2` and `Cloudflare`; empty keys leave the service unused."""

    secret_key: SecretStr = Field(default=_NO_SECRET, alias="ChaveSecreta")
    site_key: str = Field(default="", alias="ChaveSite")


class ScoredCaptcha(Captcha):
    """Group `ReCaptchaV3`."""

    score: float = Field(default=0.5, ge=0, le=1, alias="Score")


class XssBasic(_Group):
    """Sub-group `NivelBasico`."""

    forbidden_values: tuple[str, ...] | None = Field(default=None, alias="ValoresNaoPermitidos")


class XssAdvanced(_Group):
    """Sub-group `NivelAvancado`: None means SEI's own lists."""

    allowed_tags: tuple[str, ...] | None = Field(default=None, alias="TagsPermitidas")
    allowed_attributes: tuple[str, ...] | None = Field(default=None, alias="TagsAtributosPermitidos")


class Xss(_Group):
    """Group `XSS`: how strictly SEI checks the HTML that it stores. A advanced, B basic, N none."""

    level: Literal["A", "B", "N"] = Field(default="A", alias="NivelVerificacao")
    exempt_protocols: tuple[str, ...] | None = Field(default=None, alias="ProtocolosExcecoes")
    basic: XssBasic = Field(default_factory=XssBasic, alias="NivelBasico")
    advanced: XssAdvanced = Field(default_factory=XssAdvanced, alias="NivelAvancado")


class Limits(_Group):
    """Group `Limites`, time in seconds and memory in MB: level 1 pages, 2 downloads and PDFs, 3 scripts and services.

    Only level 3 may be without a limit: 0 seconds, -1 MB.
    """

    level1_seconds: PositiveInt = Field(default=60, alias="Nivel1TempoSeg")
    level1_memory_mb: PositiveInt = Field(default=256, alias="Nivel1MemoriaMb")
    level2_seconds: PositiveInt = Field(default=600, alias="Nivel2TempoSeg")
    level2_memory_mb: PositiveInt = Field(default=2048, alias="Nivel2MemoriaMb")
    level3_seconds: NonNegativeInt = Field(default=0, alias="Nivel3TempoSeg")
    level3_memory_mb: int = Field(default=4096, ge=-1, alias="Nivel3MemoriaMb")


class HumanResources(_Group):
    """Group `RH`: the optional service that offers roles for signatures."""

    roles_service: str = Field(default="", alias="CargoFuncao")


class Solr(_Group):
    """Group `Solr`: each environment has cores of its own on a server that several may share."""

    server: str = Field(alias="Servidor")
    user: str = Field(alias="Usuario")
    password: SecretStr = Field(alias="Senha")
    protocols_core: str = Field(alias="CoreProtocolos")
    knowledge_core: str = Field(alias="CoreBasesConhecimento")
    publications_core: str = Field(alias="CorePublicacoes")
    protocols_commit_seconds: PositiveInt = Field(default=300, alias="TempoCommitProtocolos")
    knowledge_commit_seconds: PositiveInt = Field(default=60, alias="TempoCommitBasesConhecimento")
    publications_commit_seconds: PositiveInt = Field(default=60, alias="TempoCommitPublicacoes")


class JodConverter(_Group):
    """Group `JODConverter`: office documents to PDF."""

    server: str = Field(alias="Servidor")


class MailKind(IntEnum):
    """`InfraMail.Tipo`."""

    SENDMAIL = 1
    SMTP = 2


class MailAccount(_Group):
    """What `InfraMail` says of a mail server, in general and for each sender's domain."""

    kind: MailKind = Field(default=MailKind.SMTP, alias="Tipo")
    server: str = Field(alias="Servidor")
    port: PositiveInt = Field(default=25, alias="Porta")
    encoding: Literal["8bit", "7bit", "binary", "base64", "quoted-printable"] = Field(
        default="8bit", alias="Codificacao"
    )
    max_recipients: PositiveInt = Field(default=25, alias="MaxDestinatarios")
    max_attachments_mb: PositiveInt = Field(default=15, alias="MaxTamAnexosMb")
    security: Literal["", "TLS", "SSL"] = Field(default="", alias="Seguranca")
    authenticates: bool = Field(default=False, alias="Autenticar")
    user: str = Field(default="", alias="Usuario")
    password: SecretStr = Field(default=_NO_SECRET, alias="Senha")
    protected_box: str = Field(default="", alias="Protegido")


class Mail(MailAccount):
    """Group `InfraMail`, in both files."""

    domains: dict[str, MailAccount] = Field(default_factory=dict, alias="Dominios")


class Sip(_Group):
    """Group `Sip`."""

    url: str = Field(alias="URL")
    is_production: bool = Field(alias="Producao")


class SipPages(_Group):
    """Group `PaginaSip`."""

    system_name: str = Field(default="SIP", alias="NomeSistema")


class Gearman(_Group):
    """The optional queue of module PEN; without a server SEI's own scheduler does the work."""

    server: str = Field(default="", alias="Servidor")
    port: str = Field(default="", alias="Porta")


class PenModule(_Group):
    """Group `PEN` of `mod-pen/ConfiguracaoModPEN.php`: Tramita.gov.br."""

    web_service: str = Field(alias="WebService")
    pending_web_service: str = Field(default="", alias="WebServicePendencias")
    certificate_path: str = Field(
        default="/opt/sei/config/mod-pen/certificado.pem",
        alias="LocalizacaoCertificado",
    )
    certificate_password: SecretStr = Field(alias="SenhaCertificado")
    attempts: PositiveInt = Field(default=3, alias="NumeroTentativasErro")
    gearman: Gearman = Field(default_factory=Gearman, alias="Gearman")
    only_pending_components: bool = Field(default=False, alias="EnviarApenasComponentesDigitaisPendentes")


class WsSeiModule(_Group):
    """Group `WSSEI` of `mod-wssei/ConfiguracaoMdWSSEI.php`: REST services and the mobile application."""

    notification_url: str = Field(default="", alias="UrlServicoNotificacao")
    application_id: str = Field(default="", alias="IdApp")
    authorization_key: SecretStr = Field(default=_NO_SECRET, alias="ChaveAutorizacao")
    token_secret: SecretStr = Field(alias="TokenSecret", min_length=25)


class RepositoryQuota(_Group):
    """How much the file repository may hold: a group of Implanta's own, which SEI itself does not look at."""

    max_bytes: int = Field(alias="QuotaBytes", gt=0)
    max_files: int = Field(alias="QuotaArquivos", gt=0)


class InstanceConfiguration(Frozen):
    """Everything that one environment's SEI, SIP and modules are configured with."""

    model_config = ConfigDict(hide_input_in_errors=True)

    sei: Sei
    sei_pages: SeiPages
    sei_session: SystemSession
    sei_database: SeiDatabaseGroup
    sei_audit_database: Database | None = None
    sei_replica_database: Database | None = None
    sip: Sip
    sip_pages: SipPages = Field(default_factory=SipPages)
    sip_session: SystemSession
    sip_database: Database
    sip_audit_database: Database | None = None
    cache: Cache
    federation: Federation = Field(default_factory=Federation)
    maintenance: Maintenance = Field(default_factory=Maintenance)
    hcaptcha: Captcha = Field(default_factory=Captcha)
    recaptcha_v2: Captcha = Field(default_factory=Captcha)
    recaptcha_v3: ScoredCaptcha = Field(default_factory=ScoredCaptcha)
    cloudflare: Captcha = Field(default_factory=Captcha)
    xss: Xss = Field(default_factory=Xss)
    limits: Limits = Field(default_factory=Limits)
    human_resources: HumanResources = Field(default_factory=HumanResources)
    solr: Solr
    jod: JodConverter
    mail: Mail
    quota: RepositoryQuota | None = None
    pen: PenModule | None = None
    wssei: WsSeiModule | None = None

    @model_validator(mode="after")
    def _stays_apart_from_the_world_outside_production(self) -> Self:
        if self.sei.is_production != self.sip.is_production:
            msg = "o SEI e o SIP são ambos de produção ou nenhum"
            raise ValueError(msg)
        if not self.sei.is_production:
            accounts = (self.mail, *self.mail.domains.values())
            if not all(account.protected_box for account in accounts):
                msg = "fora da produção todo e-mail vai para uma caixa só (InfraMail.Protegido)"
                raise ValueError(msg)
            if self.federation.enabled:
                msg = "fora da produção o SEI não participa da federação (Federacao.Habilitado)"
                raise ValueError(msg)
        if {self.sei_session.sigla_orgao} != {self.sip_session.sigla_orgao}:
            msg = "o SEI e o SIP têm o mesmo órgão (SiglaOrgaoSistema)"
            raise ValueError(msg)
        return self

    def at(self, url: str, repository_path: str) -> Self:
        """The same at another public address (without a path), with its files in another place."""
        addresses = {
            "login_page": f"{url}/sip/login.php",
            "sip_wsdl": f"{url}/sip/controlador_ws.php?servico=sip",
            "https": url.startswith("https:"),
        }
        return self.model_copy(
            update={
                "sei": self.sei.model_copy(update={"url": f"{url}/sei", "repository_path": repository_path}),
                "sip": self.sip.model_copy(update={"url": f"{url}/sip"}),
                "sei_session": self.sei_session.model_copy(update=addresses),
                "sip_session": self.sip_session.model_copy(update=addresses),
            }
        )

    def groups(self) -> Configuration:
        """Groups and keys as SEI spells them, secrets in clear: for the runtime that puts them in place."""
        return self._groups(masked=False)

    def masked_groups(self) -> Configuration:
        """The same with every secret as asterisks: for people who review."""
        return self._groups(masked=True)

    def _groups(self, *, masked: bool) -> Configuration:
        modules = dict(self.sei.modules)
        if self.pen:
            modules["PENIntegracao"] = "pen"
        if self.wssei:
            modules["MdWsSeiRest"] = "wssei"
        found: dict[str, _Group | None] = {
            "SEI": self.sei.model_copy(update={"modules": modules}),
            "PaginaSEI": self.sei_pages,
            "SessaoSEI": self.sei_session,
            "BancoSEI": self.sei_database,
            "BancoAuditoriaSEI": self.sei_audit_database,
            "BancoReplicaSEI": self.sei_replica_database,
            "CacheSEI": self.cache,
            "Sip": self.sip,
            "PaginaSip": self.sip_pages,
            "SessaoSip": self.sip_session,
            "BancoSip": self.sip_database,
            "BancoAuditoriaSip": self.sip_audit_database,
            "CacheSip": self.cache,
            "Federacao": self.federation,
            "Manutencao": self.maintenance,
            "hCaptcha": self.hcaptcha,
            "ReCaptchaV2": self.recaptcha_v2,
            "ReCaptchaV3": self.recaptcha_v3,
            "Cloudflare": self.cloudflare,
            "XSS": self.xss,
            "Limites": self.limits,
            "RH": self.human_resources,
            "Solr": self.solr,
            "JODConverter": self.jod,
            "InfraMail": self.mail,
            "Implanta": self.quota,
            "PEN": self.pen,
            "WSSEI": self.wssei,
        }
        return {name: _keys(group, masked=masked) for name, group in found.items() if group is not None}


def _keys(group: _Group, *, masked: bool) -> dict[str, JsonValue]:
    return {
        field.alias or name: _plain(getattr(group, name), masked=masked)
        for name, field in type(group).model_fields.items()
    }


def _plain(value: object, *, masked: bool) -> JsonValue:
    match value:
        case SecretStr():
            text = value.get_secret_value()
            return MASK if masked and text else text
        case _Group():
            return dict(_keys(value, masked=masked))
        case tuple():
            return [_plain(item, masked=masked) for item in value]
        case dict():
            return {str(key): _plain(item, masked=masked) for key, item in value.items()}
        case IntEnum():
            return int(value)
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(type(value).__name__)


class ConfigurationFile(Frozen):
    """One PHP file of SEI's configuration: its class, its place below the code's root, and the groups in it."""

    class_name: str
    directory: str
    own_groups: tuple[str, ...]
    shared_groups: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`ConfiguracaoSEI.php`."""
        return f"{self.class_name}.php"

    @property
    def path(self) -> str:
        """`sei/config/ConfiguracaoSEI.php`, below the directory that holds `sei`, `sip` and `infra`."""
        return f"{self.directory}/{self.name}"


_BOTH = ("hCaptcha", "ReCaptchaV2", "ReCaptchaV3", "Cloudflare", "InfraMail")

CONFIGURATION_FILES = (
    ConfigurationFile(
        class_name="ConfiguracaoSEI",
        directory="sei/config",
        own_groups=(
            *("SEI", "PaginaSEI", "SessaoSEI", "BancoSEI", "BancoAuditoriaSEI", "BancoReplicaSEI", "CacheSEI"),
            *("Federacao", "Manutencao", "XSS", "Limites", "RH", "Solr", "JODConverter", "Implanta"),
        ),
        shared_groups=_BOTH,
    ),
    ConfigurationFile(
        class_name="ConfiguracaoSip",
        directory="sip/config",
        own_groups=("Sip", "PaginaSip", "SessaoSip", "BancoSip", "BancoAuditoriaSip", "CacheSip"),
        shared_groups=_BOTH,
    ),
    ConfigurationFile(class_name="ConfiguracaoModPEN", directory="sei/config/mod-pen", own_groups=("PEN",)),
    ConfigurationFile(class_name="ConfiguracaoMdWSSEI", directory="sei/config/mod-wssei", own_groups=("WSSEI",)),
)


def render_php(configuration: Mapping[str, Mapping[str, JsonValue]]) -> dict[ConfigurationFile, bytes]:
    """The PHP files of a configuration: those that have a group of their own in it.

    Raises:
        InvalidInputError: a group belongs to no file, or a value cannot be written in ISO-8859-1.
    """
    known = {group for file in CONFIGURATION_FILES for group in (*file.own_groups, *file.shared_groups)}
    if strangers := sorted(configuration.keys() - known):
        raise InvalidInputError(
            f"Grupo de configuração desconhecido: {', '.join(strangers)}",
            "configuração do SEI",
            f"Use um destes: {', '.join(sorted(known))}.",
        )
    return {
        file: php_class(
            file.class_name,
            {
                group: configuration[group]
                for group in (*file.own_groups, *file.shared_groups)
                if group in configuration
            },
        )
        for file in CONFIGURATION_FILES
        if any(group in configuration for group in file.own_groups)
    }


def changed_keys(before: Configuration, after: Configuration) -> tuple[str, ...]:
    """`InfraMail.Porta` for every key that differs, without its values, in alphabetical order."""
    return tuple(
        f"{group}.{key}"
        for group in sorted(before.keys() | after.keys())
        for key in sorted(before.get(group, {}).keys() | after.get(group, {}).keys())
        if before.get(group, {}).get(key) != after.get(group, {}).get(key)
    )


def solr_cores(environment_slug: str) -> dict[str, str]:
    """The names of an environment's three cores, by field of `Solr`."""
    return {
        "protocols_core": f"{environment_slug}-sei-protocolos",
        "knowledge_core": f"{environment_slug}-sei-bases-conhecimento",
        "publications_core": f"{environment_slug}-sei-publicacoes",
    }
