"""An environment for the stand-in's tests: real databases of one reference, a subtree of the lab's directory."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pymysql
from ldap3 import MODIFY_REPLACE, Connection, Server
from pymysql.cursors import DictCursor

from blocks.dump_loader import load_dump
from blocks.mariadb import MariaDBServer
from domain.access_key import AccessKey
from domain.reference import Reference
from lab.sei_standin.environments import Environment, Environments
from lab.state import LabState

SIGLA_ORGAO = "PMTESTE"
DIRECTORY_PASSWORD = "conta-de-pesquisa"
SIP_SYSTEM_ID = 100000099
SEI_SYSTEM_ID = 100000100
BASICO = 100000938
ADMINISTRADOR = 100000939
SEI_HIERARCHY = 100000018
ROOT_UNIT = 110000001
CHILD_UNIT = 110000002
OTHER_CHILD = 110000003
GLOBAL_UNIT = 110000000
# Everything that the stand-in or a test writes; the rest of a reference is never touched.
WRITTEN = {
    "sei": (
        *(
            "anexo",
            "arquivo_extensao",
            "assinatura",
            "atividade",
            "atributo_andamento",
            "contato",
            "documento",
            "documento_conteudo",
        ),
        *("infra_agendamento_tarefa", "infra_parametro", "infra_sequencia", "monitoramento_servico", "numeracao"),
        *("observacao", "operacao_servico", "orgao", "participante", "procedimento"),
        *("protocolo", "rel_protocolo_assunto", "rel_protocolo_protocolo"),
        *("seq_contato", "serie", "serie_restricao", "servico", "tarja_assinatura", "tipo_proced_restricao"),
        *("tipo_procedimento", "unidade", "unidade_historico", "usuario"),
    ),
    "sip": (
        *(
            "infra_agendamento_tarefa",
            "infra_sequencia",
            "orgao",
            "perfil",
            "permissao",
            "recurso",
            "rel_hierarquia_unidade",
        ),
        *("rel_orgao_autenticacao", "servidor_autenticacao", "sistema", "unidade", "usuario"),
    ),
}


@cache
def system_key(id_sistema: int) -> tuple[AccessKey, str]:
    """A key of SEI or SIP and its hash, made once: hashing takes long on purpose."""
    key = AccessKey.generate(id_sistema)
    return key, key.hash()


@cache
def service_key() -> tuple[AccessKey, str]:
    """The key of the tests' web-service account."""
    key = AccessKey.generate(7)
    return key, key.hash()


@dataclass(frozen=True)
class Person:
    """Someone of the tests; nothing of this may ever show in a log."""

    id_usuario: int
    sigla: str
    nome: str
    cpf: int
    email: str
    password: str


def server_of(lab_state: LabState) -> MariaDBServer:
    """The lab's server as our own blocks use it."""
    return MariaDBServer(
        host=lab_state.mariadb.host,
        port=lab_state.mariadb.port,
        user=lab_state.mariadb.admin_user,
        password=lab_state.mariadb.admin_password,
    )


class Instance:
    """One environment, as it looks right after Implanta created it."""

    def __init__(self, state: LabState, reference: Reference, slug: str) -> None:
        self._state = state
        self.slug = slug
        self.version = reference.version
        self.port = 0
        self._databases = {name: f"{slug.replace('-', '_')}_{name}" for name in ("sei", "sip")}
        administrator = MariaDBServer(
            host=state.mariadb.host,
            port=state.mariadb.port,
            user=state.mariadb.admin_user,
            password=state.mariadb.admin_password,
        )
        for dump in reference.dumps:
            for suffix in ("", "_modelo"):
                self.execute(
                    "mysql",
                    f"CREATE DATABASE {self._databases[dump.database]}{suffix} CHARACTER SET latin1"
                    " COLLATE latin1_swedish_ci",
                )
            load_dump(dump, administrator, self._databases[dump.database])
            own, model = self._databases[dump.database], f"{self._databases[dump.database]}_modelo"
            for table in WRITTEN[dump.database]:
                self.execute("mysql", f"CREATE TABLE {model}.{table} AS SELECT * FROM {own}.{table}")
        self._make_subtree()

    # -- the databases

    @contextmanager
    def cursor(self, database: str) -> Iterator[DictCursor]:
        """The administrator's door to `sei` or `sip`, without foreign key checks, so that a test can break things."""
        with (
            pymysql.connect(
                host=self._state.mariadb.host,
                port=self._state.mariadb.port,
                user=self._state.mariadb.admin_user,
                password=self._state.mariadb.admin_password.get_secret_value(),
                database=self._databases.get(database, database),
                charset="latin1",
                autocommit=True,
                ssl_disabled=True,
                cursorclass=DictCursor,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SET foreign_key_checks = 0")
            yield cursor

    def execute(self, database: str, query: str, values: Sequence[Any] = ()) -> None:
        with self.cursor(database) as cursor:
            cursor.execute(query, values)

    def rows(self, database: str, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        with self.cursor(database) as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def row(self, database: str, query: str, values: Sequence[Any] = ()) -> dict[str, Any]:
        (row,) = self.rows(database, query, values)
        return row

    # -- a fresh start

    def reset(self, port: int, home: Path) -> None:
        """Put everything back as a new environment has it, served on `port` from `home`."""
        self.port = port
        for database, tables in WRITTEN.items():
            with self.cursor(database) as cursor:
                for table in tables:
                    cursor.execute(f"DELETE FROM {table}")
                    cursor.execute(f"INSERT INTO {table} SELECT * FROM {self._databases[database]}_modelo.{table}")
        self._close_known_weaknesses()
        shutil.rmtree(home / self.slug, ignore_errors=True)
        self.home = home / self.slug
        self.repository = home / f"{self.slug}-arquivos"
        shutil.rmtree(self.repository, ignore_errors=True)
        self.repository.mkdir(parents=True)
        self.configure()

    def _close_known_weaknesses(self) -> None:
        self.execute("sip", "UPDATE orgao SET sigla = %s, sin_autenticar = 'S'", (SIGLA_ORGAO,))
        self.execute("sip", "DELETE FROM permissao")
        for id_sistema in (SEI_SYSTEM_ID, SIP_SYSTEM_ID):
            self.execute(
                "sip",
                "UPDATE sistema SET chave_acesso = %s WHERE id_sistema = %s",
                (system_key(id_sistema)[1], id_sistema),
            )
        self.execute("sip", "DELETE FROM rel_orgao_autenticacao")
        self.execute(
            "sip",
            "INSERT INTO servidor_autenticacao VALUES (9, 'LDAP', 'LDAP', %s, %s, NULL, %s, %s, %s, 'uid',"
            " 'distinguishedName', 3)",
            (
                self._state.ldap.host,
                self._state.ldap.port,
                f"cn=sip,{self.ou}",
                DIRECTORY_PASSWORD,
                f"ou=usuarios,{self.ou}",
            ),
        )
        self.execute("sip", "INSERT INTO rel_orgao_autenticacao VALUES (0, 9, 0)")
        self.execute("sei", "UPDATE orgao SET sigla = %s", (SIGLA_ORGAO,))
        self.execute("sei", "UPDATE infra_parametro SET nome = REPLACE(nome, 'ABC_', %s)", (f"{SIGLA_ORGAO}_",))

    def configure(self, **groups: Mapping[str, Any]) -> None:
        """Write the configuration anew, with changes to its groups."""
        mariadb = self._state.mariadb
        database = {
            "Servidor": mariadb.host,
            "Porta": mariadb.port,
            "Usuario": mariadb.admin_user,
            "Senha": mariadb.admin_password.get_secret_value(),
        }
        configuration: dict[str, dict[str, Any]] = {
            "SEI": {"URL": self.url, "Producao": False, "RepositorioArquivos": str(self.repository)},
            "SessaoSEI": _session("SEI", SEI_SYSTEM_ID),
            "SessaoSip": _session("SIP", SIP_SYSTEM_ID),
            "BancoSEI": {**database, "Banco": self._databases["sei"]},
            "BancoSip": {**database, "Banco": self._databases["sip"]},
            "Manutencao": {"Ativada": False, "Mensagem": ""},
        }
        for group, changes in groups.items():
            configuration[group] = configuration.get(group, {}) | dict(changes)
        self.home.mkdir(parents=True, exist_ok=True)
        fresh = self.home / "configuracao.json.novo"
        fresh.write_text(json.dumps(configuration), encoding="utf-8")
        fresh.replace(self.home / "configuracao.json")

    @property
    def host(self) -> str:
        return f"{self.slug}.localhost"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def load(self) -> Environment:
        """The environment as the stand-in sees it."""
        environment = Environments(self.home.parent).find(self.slug)
        assert environment is not None
        return environment

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Host": f"{self.host}:{self.port}"},
            trust_env=False,
            follow_redirects=True,
            timeout=60,
        )

    # -- the directory

    @property
    def ou(self) -> str:
        return f"ou={self.slug},{self._state.ldap.base_dn}"

    @contextmanager
    def _directory(self) -> Iterator[Connection]:
        server = Server(self._state.ldap.host, self._state.ldap.port)
        password = self._state.ldap.admin_password.get_secret_value()
        with Connection(server, self._state.ldap.admin_dn, password, raise_exceptions=True) as connection:
            yield connection

    def _make_subtree(self) -> None:
        with self._directory() as connection:
            connection.add(self.ou, "organizationalUnit")
            connection.add(f"ou=usuarios,{self.ou}", "organizationalUnit")
            connection.add(
                f"cn=sip,{self.ou}",
                ["organizationalRole", "simpleSecurityObject"],
                {"cn": "sip", "userPassword": DIRECTORY_PASSWORD},
            )

    # -- people, units, accounts

    def add_person(self, sigla: str = "maria.conceição", *, number: int = 1, in_directory: bool = True) -> Person:
        """A person in SIP and in the directory, without any permission yet."""
        person = Person(
            id_usuario=100000100 + number,
            sigla=sigla,
            nome="Maria da Conceição Araújo",
            cpf=52998224725,
            email="maria.araujo@exemplo.mg.gov.br",
            password=f"senha-secreta-{number}",
        )
        self.execute(
            "sip",
            "INSERT INTO usuario (id_usuario, id_orgao, sigla, nome, sin_ativo, id_origem, cpf, nome_registro_civil,"
            " email, sin_bloqueado) VALUES (%s, 0, %s, %s, 'S', %s, %s, %s, %s, 'N')",
            (person.id_usuario, sigla, person.nome, f"mat-{number}", person.cpf, person.nome, person.email),
        )
        if in_directory:
            dn = f"uid={sigla},ou=usuarios,{self.ou}"
            with self._directory() as connection:
                if connection.search(self.ou, f"(uid={sigla})") and connection.entries:
                    connection.modify(dn, {"userPassword": [(MODIFY_REPLACE, [person.password])]})
                else:
                    connection.add(
                        dn,
                        "inetOrgPerson",
                        {"cn": person.nome, "sn": "Araújo", "uid": sigla, "userPassword": person.password},
                    )
        return person

    def grant(self, person: Person, unit: int, *, below: str = "N", profile: int = BASICO) -> None:
        """Give a person a profile in a unit of SEI."""
        self.execute(
            "sip",
            "INSERT INTO permissao VALUES (%s, %s, %s, %s, 1, '2020-01-01', NULL, %s)",
            (profile, SEI_SYSTEM_ID, person.id_usuario, unit, below),
        )

    def add_service(self, *operations: tuple[Any, ...]) -> None:
        """A web-service account `SISTEMA`/`servico` with a key; operations as (code, type, serie, unit)."""
        self.execute(
            "sei",
            "INSERT INTO usuario (id_usuario, sin_ativo, sigla, nome, nome_registro_civil, id_contato, id_orgao,"
            f" sta_tipo{', sin_acessibilidade' if self.version.startswith('4.0') else ''})"
            f" VALUES (8, 'S', 'SISTEMA', 'Sistema', 'Sistema', 100000002, 0, '1'"
            f"{', %s' if self.version.startswith('4.0') else ''})",
            ("N",) if self.version.startswith("4.0") else (),
        )
        key, stored = service_key()
        self.execute(
            "sei",
            "INSERT INTO servico VALUES (1, 8, 'servico', NULL, NULL, 'N', 'S', 'S', 'N', %s, %s)",
            (key.crc, stored),
        )
        for number, (code, id_type, id_serie, id_unidade) in enumerate(operations, start=1):
            self.execute(
                "sei",
                "INSERT INTO operacao_servico VALUES (%s, %s, %s, %s, %s, 1)",
                (number, code, id_type, id_serie, id_unidade),
            )


def _session(sigla: str, id_sistema: int) -> dict[str, str]:
    return {
        "SiglaOrgaoSistema": SIGLA_ORGAO,
        "SiglaSistema": sigla,
        "ChaveAcesso": system_key(id_sistema)[0].text.get_secret_value(),
    }


def at(text: str) -> datetime:
    """A moment, as `2026-11-23 10:05`."""
    return datetime.fromisoformat(text)
