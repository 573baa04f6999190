"""The lab as a configuration: its servers, saved as the blocks that flows load."""

from prefect.blocks.core import Block

from blocks.certificate_authority import InternalCA
from blocks.directory import Directory
from blocks.dns import Rfc2136Zone
from blocks.mailer import Mailer
from blocks.mariadb import MariaDBServer
from blocks.object_storage import ObjectStorage
from blocks.runtime import LabRuntime
from blocks.ssc_ldap import LdapSsc
from blocks.training_moodle import MoodlePlatform
from domain.change import Change
from lab.edge import make_block as make_edge
from lab.state import DatabaseServerState, LabState

MAIN = "principal"
SECOND = "segundo"


def ensure_blocks(state: LabState) -> Change:
    """Save the lab's servers as the main block of each kind, where what is saved differs."""
    wanted: tuple[Block, ...] = (
        _mariadb(state.mariadb),
        Directory(
            host=state.ldap.host,
            port=state.ldap.port,
            base_dn=state.ldap.base_dn,
            admin_dn=state.ldap.admin_dn,
            admin_password=state.ldap.admin_password,
            config_dn=state.ldap.config_dn,
            config_password=state.ldap.config_password,
            ca_file=state.ldap.ca_file,
        ),
        ObjectStorage(
            endpoint=state.s3.endpoint,
            access_key=state.s3.access_key,
            secret_key=state.s3.secret_key,
            iam_endpoint=state.s3.iam_endpoint,
        ),
        Mailer(
            host=state.smtp.host,
            port=state.smtp.port,
            sender="nao-responda@implanta.example",
            team="equipe@implanta.example",
            per_minute=None,
        ),
        LabRuntime(
            apps_dir=state.sei.apps_dir,
            files_dir=state.sei.files_dir,
            code_dir=state.sei.code_dir,
            port=state.sei.port,
            token=state.sei.token,
            log_file=state.sei.log_file,
        ),
        make_edge(
            state.edge.home,
            state.edge.port,
            state.edge.http_port,
            state.edge.status_port,
            state.ca_file,
            gateway_url=state.edge.gateway_url,
        ),
        Rfc2136Zone(
            server=state.dns.host,
            port=state.dns.port,
            zone=state.dns.zone,
            key_name=state.dns.key_name,
            key_secret=state.dns.key_secret,
            ttl_seconds=60,
        ),
        MoodlePlatform(url=state.moodle.url, token=state.moodle.token),
        InternalCA(root_certificate=state.authority.certificate, root_key=state.authority.key),
    )
    change = Change.sum(_ensure(block) for block in wanted) + _ensure(_mariadb(state.mariadb2), SECOND)
    # By reference to the saved block: a directory that moves takes its security system along.
    directory = Directory.load(MAIN)
    assert isinstance(directory, Directory)  # noqa: S101  # Prefect types the call for async callers too
    return change + _ensure(LdapSsc(directory=directory))


def _mariadb(server: DatabaseServerState) -> MariaDBServer:
    return MariaDBServer(host=server.host, port=server.port, user=server.admin_user, password=server.admin_password)


def _ensure(wanted: Block, name: str = MAIN) -> Change:
    try:
        saved = type(wanted).load(name)
    except ValueError:
        wanted.save(name)
        return Change(created=1)
    fields = set(type(wanted).model_fields)
    if isinstance(saved, Block) and saved.model_dump(include=fields) == wanted.model_dump(include=fields):
        return Change(unchanged=1)
    wanted.save(name, overwrite=True)
    return Change(updated=1)
