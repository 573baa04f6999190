"""The lab as a configuration: its servers, saved as the blocks that flows load."""

from prefect.blocks.core import Block

from blocks.directory import Directory
from blocks.mailer import Mailer
from blocks.mariadb import MariaDBServer
from blocks.object_storage import ObjectStorage
from blocks.runtime import LabRuntime
from domain.change import Change
from lab.state import LabState

MAIN = "principal"


def ensure_blocks(state: LabState) -> Change:
    """Save the lab's servers as the main block of each kind, where what is saved differs."""
    wanted: tuple[Block, ...] = (
        MariaDBServer(
            host=state.mariadb.host,
            port=state.mariadb.port,
            user=state.mariadb.admin_user,
            password=state.mariadb.admin_password,
        ),
        Directory(
            host=state.ldap.host,
            port=state.ldap.port,
            base_dn=state.ldap.base_dn,
            admin_dn=state.ldap.admin_dn,
            admin_password=state.ldap.admin_password,
        ),
        ObjectStorage(
            endpoint=state.s3.endpoint,
            access_key=state.s3.access_key,
            secret_key=state.s3.secret_key,
        ),
        Mailer(host=state.smtp.host, port=state.smtp.port, sender="nao-responda@implanta.example"),
        LabRuntime(
            apps_dir=state.sei.apps_dir,
            files_dir=state.sei.files_dir,
            port=state.sei.port,
            token=state.sei.token,
        ),
    )
    return Change.sum(_ensure(block) for block in wanted)


def _ensure(wanted: Block) -> Change:
    try:
        saved = type(wanted).load(MAIN)
    except ValueError:
        wanted.save(MAIN)
        return Change(created=1)
    fields = set(type(wanted).model_fields)
    if isinstance(saved, Block) and saved.model_dump(include=fields) == wanted.model_dump(include=fields):
        return Change(unchanged=1)
    wanted.save(MAIN, overwrite=True)
    return Change(updated=1)
