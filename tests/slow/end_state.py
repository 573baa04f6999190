"""Everything that a demo leaves behind in one lab, as text that two labs must share, line by line.

Only what two undisturbed runs do not share either is taken out, and as little of it as can be:
- secrets, by proving that each is its environment's own, and writing that down in its place;
- the lab's own ports and directory;
- moments within the runs, down to the day; a moment of the reference is compared whole;
- ids from counter tables (AUTO_INCREMENT, which no rollback gives back): the rank of the id in its table is compared;
- what a clock or a caller decides, not the runs: `CLOCKWORK` and `CALLS`.
"""

import email
import email.policy
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import pymysql
from ldap3 import SUBTREE
from ldap3.core.exceptions import LDAPException
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from pymysql.cursors import Cursor

from blocks.secrets import EnvironmentSecrets
from blocks.sip import SEI_SYSTEM_ID, SIP_SYSTEM_ID
from domain.access_key import AccessKey
from domain.delivery import DeliveryCertificate
from domain.environment import EnvironmentName
from lab.state import DatabaseServerState, LabState
from registry.models import Base
from tasks.certificate import JSON_KEY, PAGE_KEY
from tests.demo.conftest import ENVIRONMENTS
from tests.lab.clients import bind, bind_admin, connect_s3

NAMES = tuple(EnvironmentName.parse(slug) for slug in ENVIRONMENTS)
# Moved every ten minutes by the lab's own scheduler, demo or not.
CLOCKWORK = {("infra_agendamento_tarefa", "dth_ultima_execucao"), ("infra_agendamento_tarefa", "dth_ultima_conclusao")}
# A log of web-service calls, a row each time that a run looks whether an instance serves. After a kill the next run
# looks at what an undisturbed one need not look at.
CALLS = {"monitoramento_servico", "seq_monitoramento_servico"}
# Of what the flows write, these get their ids from counter tables.
COUNTED = ("servico", "contato", "feriado", "hipotese_legal", "tipo_procedimento", "nivel_acesso_permitido")
# Written anew at each run, or the moment and the orchestrator's number of it.
REGISTRY_OWN = {"id", "created_at", "recorded_at", "remembered_at", "decided_at", "occurred_at", "flow_run_id"}
ANY_MOMENT = "<durante a execução>"
FIRST_PASSWORD = re.compile(r"^Senha provisória: (\S+)$", re.MULTILINE)
LOGIN = re.compile(r"^Usuário: (\S+)$", re.MULTILINE)
ADDRESS = re.compile(r"^Endereço: https://([a-z-]+)\.sei\.localhost", re.MULTILINE)
# Of an event: digests of certificates, which hold keys or addresses of one lab, and when they end or were made.
DIGEST = re.compile(r"\b[0-9a-f]{16}(?:[0-9a-f]{48})?\b")
STAMP = re.compile(r"\b\d{8}T\d{6}(?:\.\d+)?\b|\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d|Z)?")

Lines = Counter[str]


@dataclass(frozen=True)
class EndState:
    """What is compared, by part (`timoteo_producao_sip.usuario`, `ldap`, …), and what is only counted."""

    parts: dict[str, Lines]
    invitations: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many first-access messages each person of each environment got."""

    def differences(self, other: "EndState") -> list[str]:
        """One line for each that only one of the two has: `-` this one, `+` the other."""
        found = []
        for part in sorted(self.parts.keys() | other.parts.keys()):
            mine, theirs = self.parts.get(part, Counter()), other.parts.get(part, Counter())
            found += [f"- {part}: {line}" for line in (mine - theirs).elements()]
            found += [f"+ {part}: {line}" for line in (theirs - mine).elements()]
        return found


def read_end_state(state: LabState, days: set[date]) -> EndState:
    """Look at everything, on the real servers; `days` are those of the runs, in the programme's time zone."""
    parts: dict[str, Lines] = {}
    for name in NAMES:
        own = _Own.load(state, name)
        with _connect(_server_of(state, name)) as connection, connection.cursor() as cursor:
            for database in (name.database_sei, name.database_sip):
                for table, lines in _read_database(cursor, database, own, days):
                    parts[f"{database}.{table}"] = lines
    with _connect(state.mariadb) as connection, connection.cursor() as cursor:
        for remembered in Base.metadata.tables:
            parts[f"registro.{remembered}"] = _read_registry(cursor, remembered, state)
    parts["ldap"] = Counter(_read_directory(state))
    parts["s3"] = Counter(_read_buckets(state))
    parts["aplicações"] = Counter(_read_applications(state))
    invitations = _read_invitations(state)
    return EndState(parts=parts, invitations={key: len(passwords) for key, passwords in invitations.items()})


def count_duplicates(state: LabState) -> dict[str, int]:
    """What nobody may have twice, counted where no key of the database forbids it."""
    queries = {
        "sei.usuario": "SELECT COUNT(*) - COUNT(DISTINCT sigla, sta_tipo) FROM {sei}.usuario",
        "sip.usuario": "SELECT COUNT(*) - COUNT(DISTINCT sigla) FROM {sip}.usuario",
        "sei.unidade": "SELECT COUNT(*) - COUNT(DISTINCT sigla) FROM {sei}.unidade",
        "sip.unidade": "SELECT COUNT(*) - COUNT(DISTINCT sigla) FROM {sip}.unidade",
        "permissao": (
            "SELECT COUNT(*) - COUNT(DISTINCT id_usuario, id_unidade, id_perfil, id_sistema) FROM {sip}.permissao"
        ),
        "procedimento": "SELECT COUNT(*) - COUNT(DISTINCT descricao) FROM {sei}.protocolo",
    }
    found = {}
    for name in NAMES:
        with _connect(_server_of(state, name)) as connection, connection.cursor() as cursor:
            for what, query in queries.items():
                cursor.execute(query.format(sei=name.database_sei, sip=name.database_sip))
                ((extra,),) = cursor.fetchall()
                found[f"{name.slug} {what}"] = int(extra)
    with _connect(state.mariadb) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) - COUNT(DISTINCT ibge, purpose) FROM implanta.environment")
        ((extra,),) = cursor.fetchall()
    return found | {"ambiente": int(extra)}


def find_useless_invitations(state: LabState) -> list[tuple[str, str]]:
    """Whose newest message holds a password that does not open their account."""
    useless = []
    for (environment, login), passwords in _read_invitations(state).items():
        name = EnvironmentName.parse(environment)
        try:
            bind(state, f"uid={login},ou=usuarios,ou={name.ou},{state.ldap.base_dn}", passwords[-1]).unbind()
        except LDAPException:
            useless.append((environment, login))
    return useless


@dataclass(frozen=True)
class _Own:
    """What belongs to one environment of one lab alone, and the words that stand for it."""

    words: Mapping[str, str]
    hashes: tuple[AccessKey, ...]

    @classmethod
    def load(cls, state: LabState, name: EnvironmentName) -> "_Own":
        as_connected = {
            PREFECT_API_URL: state.prefect.api_url,
            PREFECT_API_AUTH_STRING: state.prefect.auth.get_secret_value(),
        }
        with temporary_settings(as_connected):
            secrets = EnvironmentSecrets.load(name.slug)
        assert isinstance(secrets, EnvironmentSecrets)
        with _connect(_server_of(state, name)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT id_servico FROM {name.database_sei}.servico")
            services = [secrets.service_key(int(row[0])) for row in cursor.fetchall()]
        return cls(
            words={
                f"localhost:{state.edge.port}": "localhost:<porta da borda>",
                str(state.ldap.port): "<porta do LDAP>",
                secrets.directory_password.get_secret_value(): "<senha de pesquisa do ambiente>",
            },
            hashes=(*secrets.access_keys().values(), *services),
        )

    def hide(self, text: str) -> str:
        """Put words in the place of what belongs to the environment; anything else is left to be seen."""
        if text.startswith("$2a$"):
            return "<chave do ambiente>" if any(key.matches(text) for key in self.hashes) else text
        for value, word in self.words.items():
            text = text.replace(value, word) if value.startswith("localhost") else (word if text == value else text)
        return text


def _server_of(state: LabState, name: EnvironmentName) -> DatabaseServerState:
    """The one server that holds the environment: on both would be one too many."""
    holders: list[DatabaseServerState] = []
    for server in (state.mariadb, state.mariadb2):
        with _connect(server) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (name.database_sei,))
            if cursor.fetchone():
                holders.append(server)
    (holder,) = holders
    return holder


def _connect(server: DatabaseServerState) -> "pymysql.Connection[Cursor]":
    return pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.admin_user,
        password=server.admin_password.get_secret_value(),
        charset="latin1",
    )


def _read_database(cursor: Cursor, database: str, own: _Own, days: set[date]) -> Iterator[tuple[str, Lines]]:
    cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1", (database,))
    tables = [str(row[0]) for row in cursor.fetchall() if row[0] not in CALLS]
    ranks = {table: _read_ranks(cursor, database, table) for table in COUNTED if table in tables}
    for table in tables:
        cursor.execute(f"SELECT * FROM `{database}`.`{table}`")
        columns = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
        yield (
            table,
            Counter(
                " | ".join(
                    _cell(table, column, value, ranks, own, days)
                    for column, value in zip(columns, row, strict=True)
                    if (table, column) not in CLOCKWORK
                )
                for row in rows
            ),
        )


def _read_ranks(cursor: Cursor, database: str, table: str) -> dict[int, int]:
    cursor.execute(f"SELECT id_{table} FROM `{database}`.`{table}` ORDER BY 1")
    return {int(row[0]): rank for rank, row in enumerate(cursor.fetchall())}


def _cell(
    table: str, column: str, value: object, ranks: Mapping[str, Mapping[int, int]], own: _Own, days: set[date]
) -> str:
    if isinstance(value, int):
        for counted, rank_of in ranks.items():
            if column == f"id_{counted}" or column.startswith(f"id_{counted}_") or table == f"seq_{counted}"[:30]:
                return f"nº {rank_of[value]}" if value in rank_of else str(value)
    if isinstance(value, datetime | date):
        day = value.date() if isinstance(value, datetime) else value
        return ANY_MOMENT if day in days else str(value)
    return own.hide(value.hex() if isinstance(value, bytes) else str(value))


def _read_registry(cursor: Cursor, table: str, state: LabState) -> Lines:
    cursor.execute(f"SELECT * FROM implanta.`{table}`")
    columns = [column[0] for column in cursor.description or ()]
    return Counter(
        " | ".join(
            _told(str(value), table).replace(f"localhost:{state.edge.port}", "localhost:<porta da borda>")
            for column, value in zip(columns, row, strict=True)
            if column not in REGISTRY_OWN
        )
        for row in cursor.fetchall()
    )


def _told(text: str, table: str) -> str:
    return STAMP.sub(ANY_MOMENT, DIGEST.sub("<resumo>", text)) if table == "event" else text


def _read_directory(state: LabState) -> Iterator[str]:
    with bind_admin(state) as connection:
        entries = connection.extend.standard.paged_search(
            state.ldap.base_dn,
            "(objectClass=*)",
            SUBTREE,
            attributes=["*", "pwdReset"],  # the mark of a password that must be changed, though it is operational
            paged_size=500,
            generator=False,
        )
    for entry in entries:
        attributes = {key: sorted(values) for key, values in entry["raw_attributes"].items()}
        # Whether there is a password, not which.
        attributes["userPassword"] = [b"sim" if attributes.get("userPassword") else b"nenhuma"]
        yield f"{entry['dn']} {sorted(attributes.items())}"


def _read_buckets(state: LabState) -> Iterator[str]:
    client = connect_s3(state)
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        yield f"{name} versões: {client.get_bucket_versioning(Bucket=name).get('Status')}"
        for version in client.list_object_versions(Bucket=name).get("Versions", []):
            body = client.get_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
            if version["Key"] == JSON_KEY:
                delivered = DeliveryCertificate.model_validate_json(body)
                url = delivered.url.replace(f":{state.edge.port}", ":<porta da borda>")
                yield f"{name}/{JSON_KEY} {delivered.model_copy(update={'url': url}).substance}"
            elif version["Key"] != PAGE_KEY:  # the same certificate for the eye, with its moment
                yield f"{name}/{version['Key']} {hashlib.sha256(body).hexdigest()}"
            elif version["IsLatest"]:  # a run that was killed may have written it once more
                yield f"{name}/{PAGE_KEY}"


def _read_applications(state: LabState) -> Iterator[str]:
    for directory in sorted(state.sei.apps_dir.iterdir()):
        files = sorted(path.name for path in directory.iterdir())
        configuration = json.loads((directory / "configuracao.json").read_text(encoding="utf-8"))
        for group, system in (("SessaoSEI", SEI_SYSTEM_ID), ("SessaoSip", SIP_SYSTEM_ID)):
            key = AccessKey.parse(configuration[group].pop("ChaveAcesso"), group)
            assert key.belongs_to(system)
        for group in ("BancoSEI", "BancoSip"):
            assert configuration[group].pop("Senha")
            assert configuration[group].pop("Porta") == _server_of(state, EnvironmentName.parse(directory.name)).port
        assert configuration["InfraMail"].pop("Porta") == state.smtp.port
        assert configuration["Solr"].pop("Senha")
        text = json.dumps(configuration, ensure_ascii=False, sort_keys=True)
        text = text.replace(str(state.lab_dir), "<laboratório>").replace(f":{state.edge.port}", ":<porta da borda>")
        yield f"{directory.name} {files} {text}"


def _read_invitations(state: LabState) -> dict[tuple[str, str], list[str]]:
    """The passwords that were sent to each person of each environment, oldest first."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted((Path(state.smtp.mail_dir) / "new").iterdir(), key=lambda path: path.stat().st_mtime_ns):
        body = email.message_from_bytes(path.read_bytes(), policy=email.policy.default).get_body(("plain",))
        assert body is not None
        text = body.get_content()
        words = [pattern.search(text) for pattern in (ADDRESS, LOGIN, FIRST_PASSWORD)]
        if not all(words):
            continue  # a message to the prefeitura
        environment, login, password = (match[1] for match in words if match)
        found.setdefault((environment, login), []).append(password)
    return found
