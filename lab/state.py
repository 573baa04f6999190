"""What the rest of the project needs to know of a lab that is up: addresses, users, passwords."""

from pathlib import Path

from pydantic import SecretStr

from domain.errors import InvalidInputError
from domain.model import Frozen
from lab import dns, edge, gateway, ldap, mariadb, painel, prefect_server, processes, s3
from lab.certificate_authority import AuthorityState, read_authority
from lab.layout import Layout
from lab.ports import HOST
from lab.record import Record, read_record


class DatabaseServerState(Frozen):
    host: str
    port: int
    root_user: str
    root_password: SecretStr
    admin_user: str
    """May do everything and grant it; for the block, so that root stays unused."""
    admin_password: SecretStr


class MariaDBState(DatabaseServerState):
    registry_url: SecretStr
    """SQLAlchemy address of the registry's schema."""


class LdapState(Frozen):
    host: str
    port: int
    url: str
    base_dn: str
    admin_dn: str
    admin_password: SecretStr
    config_dn: str
    config_password: SecretStr
    ca_file: Path


class S3State(Frozen):
    endpoint: str
    region: str
    access_key: str
    secret_key: SecretStr
    iam_endpoint: str


class SmtpState(Frozen):
    host: str
    port: int
    mail_dir: Path
    """Maildir with every message that was sent."""


class DnsState(Frozen):
    host: str
    port: int
    zone: str
    key_name: str
    key_secret: SecretStr


class PrefectState(Frozen):
    api_url: str
    ui_url: str
    account: tuple[str, SecretStr]
    """As whom programs come to it: user and password."""
    database_url: SecretStr
    """Where the server keeps what it knows: an SQLite file, or PostgreSQL with its password."""
    is_in_parts: bool

    @property
    def auth(self) -> SecretStr:
        """The account as Prefect's settings have it."""
        user, password = self.account
        return SecretStr(f"{user}:{password.get_secret_value()}")

    @property
    def credentials(self) -> tuple[str, str]:
        """The account as an HTTP client takes it."""
        user, password = self.account
        return user, password.get_secret_value()


class SeiState(Frozen):
    port: int
    base_url: str
    token: SecretStr
    apps_dir: Path
    files_dir: Path
    code_dir: Path
    log_file: Path


class MoodleState(Frozen):
    url: str
    token: SecretStr
    state_file: Path
    """For whoever plays its people: `lab.moodle_standin.store.Store`."""


class EdgeState(Frozen):
    home: Path
    port: int
    http_port: int
    status_port: int
    gateway_url: str
    """Where the pages of the gateway are, behind the edge."""
    public_domain: str
    challenge_dir: Path
    """What an ACME authority finds at every name over HTTP."""
    log_dir: Path
    """nginx's own logs, and the audit log of the WAF."""


class PainelState(Frozen):
    """The board; its people are `lab.painel.LOGINS`, all with one password."""

    url: str
    password: SecretStr
    operators_url: str
    operators_account: str
    operators_password: SecretStr
    operators_people: str
    operators_groups: str
    operators_authority: Path


class PortaState(Frozen):
    """The door before Prefect and the board, for people; and the one for programs of other machines."""

    url: str
    name: str
    port: int
    machines_port: int
    trail: Path


class LabState(Frozen):
    """Everything needed to build the blocks of a lab, and to look behind them in tests."""

    lab_dir: Path
    settings_file: Path
    mariadb: MariaDBState
    mariadb2: DatabaseServerState
    ldap: LdapState
    s3: S3State
    smtp: SmtpState
    dns: DnsState
    prefect: PrefectState
    sei: SeiState
    moodle: MoodleState
    painel: PainelState
    porta: PortaState
    edge: EdgeState
    ca_file: Path
    """The root of every certificate of the lab, to trust."""
    authority: AuthorityState


def load_state(lab_dir: Path) -> LabState:
    """The addresses and passwords of a lab of which at least one server runs.

    Raises:
        InvalidInputError: there is no lab there, or all of it is down.
    """
    layout = Layout(lab_dir.resolve())
    record = read_record(layout.record_file)
    if record is None or not any(processes.find(p, layout.root) for p in record.processes.values()):
        raise InvalidInputError(
            "O laboratório não está no ar", str(layout.root), "Suba-o com ./implanta lab up e tente de novo."
        )
    try:
        return _state_of(layout, record)
    except KeyError as missing:
        raise InvalidInputError(
            f"O laboratório é de uma versão anterior: falta a porta {missing}",
            str(layout.root),
            "Execute ./implanta lab up e ./implanta deploy.",
        ) from None


def _state_of(layout: Layout, record: Record) -> LabState:
    ports, keys = record.ports, record.secrets
    return LabState(
        lab_dir=layout.root,
        settings_file=layout.settings_file,
        mariadb=MariaDBState(
            host=HOST,
            port=ports["mariadb"],
            root_user=mariadb.ROOT_USER,
            root_password=SecretStr(keys.mariadb_root),
            admin_user=mariadb.ADMIN_USER,
            admin_password=SecretStr(keys.mariadb_admin),
            registry_url=SecretStr(mariadb.registry_url(record)),
        ),
        mariadb2=DatabaseServerState(
            host=HOST,
            port=ports["mariadb2"],
            root_user=mariadb.ROOT_USER,
            root_password=SecretStr(keys.mariadb2_root),
            admin_user=mariadb.ADMIN_USER,
            admin_password=SecretStr(keys.mariadb2_admin),
        ),
        ldap=LdapState(
            host=HOST,
            port=ports["ldap"],
            url=f"ldap://{HOST}:{ports['ldap']}",
            base_dn=ldap.BASE_DN,
            admin_dn=ldap.ADMIN_DN,
            admin_password=SecretStr(keys.ldap_admin),
            config_dn=ldap.CONFIG_DN,
            config_password=SecretStr(keys.ldap_config),
            ca_file=layout.ldap_tls_dir / "ca.pem",
        ),
        s3=S3State(
            endpoint=f"http://{HOST}:{ports['s3']}",
            region=s3.REGION,
            access_key=keys.s3_access_key,
            secret_key=SecretStr(keys.s3_secret_key),
            iam_endpoint=f"http://{HOST}:{ports['s3']}",
        ),
        smtp=SmtpState(host=HOST, port=ports["smtp"], mail_dir=layout.mail_dir),
        dns=DnsState(
            host=HOST,
            port=ports["dns"],
            zone=edge.PUBLIC_DOMAIN,
            key_name=dns.KEY_NAME,
            key_secret=SecretStr(keys.dns_key),
        ),
        prefect=PrefectState(
            api_url=prefect_server.api_url(ports["prefect"]),
            ui_url=f"http://{HOST}:{ports['prefect']}",
            account=(prefect_server.USER, SecretStr(keys.prefect_password)),
            database_url=SecretStr(_prefect_database(layout, record)),
            is_in_parts=record.profile == "scale",
        ),
        sei=SeiState(
            port=ports["sei"],
            base_url=f"http://{HOST}:{ports['sei']}",
            token=SecretStr(keys.sei_token),
            apps_dir=layout.apps_dir,
            files_dir=layout.files_dir,
            code_dir=layout.code_dir,
            log_file=layout.log("sei"),
        ),
        moodle=MoodleState(
            url=f"http://{HOST}:{ports['moodle']}",
            token=SecretStr(keys.moodle_token),
            state_file=layout.moodle_state_file,
        ),
        painel=PainelState(
            url=painel.url(ports["painel"]),
            password=SecretStr(keys.board),
            operators_url=f"ldap://{HOST}:{ports['ldap']}",
            operators_account=ldap.ADMIN_DN,
            operators_password=SecretStr(keys.ldap_admin),
            operators_people=painel.PEOPLE_DN,
            operators_groups=painel.GROUPS_DN,
            operators_authority=layout.ldap_tls_dir / "ca.pem",
        ),
        porta=PortaState(
            url=painel.door_url(ports["porta"]),
            name=painel.DOOR_NAME,
            port=ports["porta"],
            machines_port=ports["porta_maquinas"],
            trail=layout.door_trail,
        ),
        edge=EdgeState(
            home=layout.service_dir("edge"),
            port=ports["edge"],
            http_port=ports["edge_http"],
            status_port=ports["edge_status"],
            gateway_url=gateway.url(ports["gateway"]),
            public_domain=edge.PUBLIC_DOMAIN,
            challenge_dir=edge.challenge_dir(layout.service_dir("edge")),
            log_dir=layout.service_dir("edge") / "log",
        ),
        ca_file=layout.ca_file,
        authority=read_authority(layout),
    )


def _prefect_database(layout: Layout, record: Record) -> str:
    if record.profile == "embedded":
        return f"sqlite:///{layout.service_dir('prefect') / prefect_server.DATABASE}"
    from lab.scale.postgres import database_url  # noqa: PLC0415  # nothing to an ordinary lab

    return database_url(record)
