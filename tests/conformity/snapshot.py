"""Everything that a rehearsal could have touched, as text: two looks at a world that nobody changed are equal."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from ldap3 import BASE, SUBTREE
from prefect.client.orchestration import get_client

from blocks.environment_certificate import EnvironmentCertificate
from blocks.mariadb import MariaDBServer
from blocks.nginx_edge import NginxEdge
from blocks.runtime import LabRuntime
from blocks.secrets import EnvironmentSecrets
from domain.storage_identity import identity_name
from registry import Registry
from tasks import doors
from tasks.instance import Instance
from tests.conformity.breakage import connect_iam

# What the application itself writes: each web-service call and each sign-in of a probe, and its own scheduler's clock.
APPLICATIONS_OWN = {
    "monitoramento_servico",
    "seq_monitoramento_servico",
    "infra_agendamento_tarefa",
    "infra_auditoria",
    "seq_infra_auditoria",
    "login",
    "acesso_externo",
}

Facts = dict[str, str]


def look(instance: Instance, registry_schema: str) -> Facts:
    """One environment in all its systems, and the registry."""
    facts: Facts = {}
    for database in (instance.name.database_sei, instance.name.database_sip, registry_schema):
        facts |= _checksums(instance.server if database != registry_schema else doors.mariadb_server(), database)
    facts |= _accounts(instance)
    facts |= _directory(instance)
    facts |= _storage(instance)
    facts |= _files(instance)
    return facts | _blocks(instance)


def differences(one: Facts, other: Facts) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def registry_schema(registry: Registry) -> str:
    return repr(registry).rpartition("/")[2].rstrip(")")


def _checksums(server: MariaDBServer, database: str) -> Facts:
    with server.transaction() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1", (database,)
        )
        tables = [str(name) for (name,) in cursor.fetchall() if name not in APPLICATIONS_OWN]
        if not tables:
            return {}
        cursor.execute("CHECKSUM TABLE " + ", ".join(f"`{database}`.`{table}`" for table in tables))
        return {f"banco {name}": str(checksum) for name, checksum in cursor.fetchall()}


def _accounts(instance: Instance) -> Facts:
    with instance.server.transaction() as cursor:
        facts = {}
        for table in ("global_priv", "db", "tables_priv", "roles_mapping"):
            cursor.execute(f"SELECT * FROM mysql.{table} WHERE user LIKE %s", (f"{instance.name.database_user}%",))
            facts[f"contas {table}"] = repr(cursor.fetchall())
        return facts


def _directory(instance: Instance) -> Facts:
    directory = doors.directory()
    facts = {}
    with directory.connect(directory.admin_dn, directory.admin_password) as connection:
        # The server itself notes the time of a wrong password, which is what `verify` meets where one was changed.
        _ok, _result, entries, _request = connection.search(
            directory.environment_dn(instance.name), "(objectClass=*)", SUBTREE, attributes=["*", "pwdReset"]
        )
        for entry in entries:
            facts[f"ldap {entry['dn']}"] = repr(sorted(entry["raw_attributes"].items()))
    assert directory.config_dn is not None
    assert directory.config_password is not None
    with directory.connect(directory.config_dn, directory.config_password) as connection:
        _ok, _result, entries, _request = connection.search(
            "cn=config", f"(olcSuffix={directory.base_dn})", SUBTREE, attributes=["olcAccess"]
        )
        facts["ldap regras"] = repr(entries[0]["attributes"]["olcAccess"])
        assert connection.search("cn=config", "(objectClass=*)", BASE)[0]
    return facts


def _storage(instance: Instance) -> Facts:
    storage, bucket = doors.object_storage(), instance.name.bucket
    client = storage.client
    facts: Facts = {}
    if bucket in storage.list_buckets():
        found = client.list_object_versions(Bucket=bucket)
        facts["balde versões"] = repr(
            [(item["Key"], item["VersionId"], item["ETag"]) for item in found.get("Versions", [])]
        )
        for name in (
            "get_bucket_versioning",
            "get_bucket_lifecycle_configuration",
            "get_object_lock_configuration",
            "get_bucket_tagging",
            "get_bucket_policy",
        ):
            try:
                answer = getattr(client, name)(Bucket=bucket)
            except client.exceptions.ClientError as e:
                answer = {"erro": e.response["Error"]["Code"]}
            facts[f"balde {name}"] = json.dumps(
                {k: v for k, v in answer.items() if k != "ResponseMetadata"}, default=str
            )
    iam = connect_iam()
    user = identity_name(instance.name)
    try:
        facts["identidade chaves"] = repr(
            sorted(key["AccessKeyId"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"])
        )
        facts["identidade políticas"] = repr(
            [
                (name, iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"])
                for name in iam.list_user_policies(UserName=user)["PolicyNames"]
            ]
        )
    except iam.exceptions.NoSuchEntityException:
        pass
    return facts


def _files(instance: Instance) -> Facts:
    runtime, edge = doors.runtime(), doors.edge()
    assert isinstance(runtime, LabRuntime)
    assert isinstance(edge, NginxEdge)
    roots = [*runtime.file_roots(instance.name), *(edge.home / part for part in ("releases", "declared", "open"))]
    facts = {str(path): fact for root in roots for path, fact in _tree(root)}
    return facts | {"borda viva": str((edge.home / "live").readlink())}


def _tree(root: Path) -> Iterator[tuple[Path, str]]:
    for path in (root, *root.rglob("*")):
        if path.is_symlink():
            yield path, f"→ {path.readlink()}"
        elif path.exists():
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            yield path, f"{path.stat().st_mode:o} {path.stat().st_mtime_ns if path.is_file() else ''} {content}"


def _blocks(instance: Instance) -> Facts:
    facts = {}
    with get_client(sync_client=True) as client:
        for kind in (EnvironmentSecrets, EnvironmentCertificate):
            documents = client.read_block_documents_by_type(kind.get_block_type_slug(), include_secrets=True)
            for document in documents:
                if document.name == instance.name.slug:
                    facts[f"bloco {kind.__name__}"] = repr((document.updated, sorted(document.data.items())))
    return facts
