"""Ways to break the segregation of two environments by hand, each with who mends it and how it is found."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from ldap3 import MODIFY_REPLACE, SUBTREE

from domain.change import Change
from domain.storage_identity import POLICY_NAME, identity_name, identity_policy
from tasks import doors
from tasks.environment import ensure_database_account, ensure_directory, ensure_service
from tasks.instance import Instance
from tasks.segregation import ensure_technical_account
from tasks.storage import ensure_file_repository, ensure_storage_identity


@dataclass(frozen=True)
class Breakage:
    """One door opened by hand."""

    open: Callable[[Instance, Instance], None]
    """Gives the first environment something of the second's."""
    doors: tuple[str, ...]
    """The attempts that must now be told as let through, by title."""
    mend: Callable[[str], Change]
    """The step that takes it back."""
    drift: str
    """What a rehearsal of that step says."""
    at_neighbour: bool = False
    """Whether it is the second environment's declaration that the door contradicts."""

    def mended_at(self, attacker: Instance, neighbour: Instance) -> str:
        return (neighbour if self.at_neighbour else attacker).name.slug


def execute(
    instance: Instance, statement: str, values: tuple[object, ...] = (), *, database: str | None = None
) -> None:
    """Run one statement as the server's administrator, past every rule of ours."""
    with instance.server.transaction(database) as cursor:
        cursor.execute(statement, values)


def grant(privilege: str, on: str) -> Callable[[Instance, Instance], None]:
    """Grant the attacker's account a privilege; `{sei}` is the neighbour's SEI database."""

    def run(attacker: Instance, neighbour: Instance) -> None:
        place = on.format(sei=f"`{neighbour.name.database_sei}`")
        execute(attacker, f"GRANT {privilege} ON {place} TO %s@'%%'", (attacker.name.database_user,))

    return run


def unlock_migration(attacker: Instance, neighbour: Instance) -> None:
    execute(attacker, "ALTER USER %s@'%%' ACCOUNT UNLOCK", (attacker.name.database_migration_user,))


def weaken_directory(part: str) -> Callable[[Instance, Instance], None]:
    """Let every account that is signed in read what the rule with this text protects, as one written in haste would."""

    def run(attacker: Instance, neighbour: Instance) -> None:
        change_access_rules(
            lambda rule: f"{rule.partition(' by ')[0]} by users read by * none" if part in rule else rule
        )

    return run


def change_access_rules(change: Callable[[str], str]) -> None:
    """Rewrite the directory's access rules, one by one, in its running configuration."""
    directory = doors.directory()
    assert directory.config_dn is not None
    assert directory.config_password is not None
    with directory.connect(directory.config_dn, directory.config_password) as connection:
        _ok, _result, found, _request = connection.search(
            "cn=config", f"(olcSuffix={directory.base_dn})", SUBTREE, attributes=["olcAccess"]
        )
        rules = [str(rule) for rule in found[0]["attributes"]["olcAccess"]]
        weak = [change(rule) for rule in rules]
        assert weak != rules
        connection.modify(found[0]["dn"], {"olcAccess": [(MODIFY_REPLACE, weak)]})


def set_directory_password(dn_of: Callable[[Instance], str], password_of: str) -> Callable[[Instance, Instance], None]:
    """Give an entry of the neighbour's the password that the attacker knows."""

    def run(attacker: Instance, neighbour: Instance) -> None:
        known = getattr(doors.environment_secrets(attacker.name.slug), password_of)
        directory = doors.directory()
        with directory.connect(directory.admin_dn, directory.admin_password) as connection:
            connection.modify(dn_of(neighbour), {"userPassword": [(MODIFY_REPLACE, [known.get_secret_value()])]})

    return run


def share_service_key(attacker: Instance, neighbour: Instance) -> None:
    """Let the neighbour's SEI accept the attacker's key, as a copied database would."""
    theirs, mine = f"`{neighbour.name.database_sei}`", f"`{attacker.name.database_sei}`"
    execute(
        neighbour,
        f"UPDATE {theirs}.servico t JOIN {mine}.servico m ON m.identificacao = t.identificacao"
        " SET t.crc = m.crc, t.chave_acesso = m.chave_acesso WHERE t.identificacao = 'implanta'",
    )


def connect_iam() -> Any:  # noqa: ANN401  # the types of this client are not among our dependencies
    """The storage's identities, as their administrator."""
    storage = doors.object_storage()
    return boto3.client(
        "iam",
        endpoint_url=storage.iam_endpoint,
        region_name=storage.region,
        aws_access_key_id=storage.access_key,
        aws_secret_access_key=storage.secret_key.get_secret_value(),
    )


def widen_storage_policy(attacker: Instance, neighbour: Instance) -> None:
    """Put the neighbour's bucket into the attacker's policy."""
    both = [identity_policy(instance.name)["Statement"] for instance in (attacker, neighbour)]
    wide = {"Version": "2012-10-17", "Statement": [statement for part in both for statement in part]}  # type: ignore[union-attr]
    connect_iam().put_user_policy(
        UserName=identity_name(attacker.name), PolicyName=POLICY_NAME, PolicyDocument=json.dumps(wide)
    )


def open_repository(attacker: Instance, neighbour: Instance) -> None:
    Path(doors.runtime().repository_path(neighbour.name)).chmod(0o777)


def link_to_neighbour(attacker: Instance, neighbour: Instance) -> Path:
    """A link from one repository into the other, which no declaration knows of; whoever made it takes it away."""
    link = Path(doors.runtime().repository_path(attacker.name)) / "atalho"
    link.symlink_to(doors.runtime().repository_path(neighbour.name))
    return link


BREAKAGES = {
    "a grant on the neighbour's schema": Breakage(
        open=grant("SELECT", "{sei}.*"),
        doors=("ver os bancos do vizinho", "ler os usuários do SEI do vizinho", "abrir o banco do SEI do vizinho"),
        mend=ensure_database_account.fn,
        drift="conta da aplicação: acesso a mais ao banco serrania",
    ),
    "a grant on one table of the neighbour's": Breakage(
        open=grant("SELECT", "{sei}.documento_conteudo"),
        doors=("ler os documentos do vizinho",),
        mend=ensure_database_account.fn,
        drift="permissão a mais em tabela serrania",
    ),
    "a global privilege to see": Breakage(
        open=grant("PROCESS", "*.*"),
        doors=("listar conexões alheias",),
        mend=ensure_database_account.fn,
        drift="privilégio global a mais retirado (PROCESS)",
    ),
    "a global privilege on files": Breakage(
        open=grant("FILE", "*.*"),
        doors=("gravar um arquivo no servidor", "ler um arquivo do servidor"),
        mend=ensure_database_account.fn,
        drift="privilégio global a mais retirado (FILE)",
    ),
    "an open migration account": Breakage(
        open=unlock_migration,
        doors=("entrar com a conta de migração",),
        mend=ensure_database_account.fn,
        drift="conta de migração pequi_treinamento_mig estava desbloqueada",
    ),
    "a weakened access rule": Breakage(
        open=weaken_directory("expand"),
        doors=("ler a árvore do vizinho", "ler as pessoas do vizinho", "ler a política de senhas"),
        mend=ensure_directory.fn,
        drift="regra de acesso do LDAP alterada: a conta de pesquisa lê só o próprio ambiente",
    ),
    "an access rule that hides nothing": Breakage(
        open=weaken_directory("to * "),
        doors=("ver entradas fora da própria árvore",),
        mend=ensure_directory.fn,
        drift="regra de acesso do LDAP alterada: o que não é permitido é recusado",
    ),
    "a search account with a password that another knows": Breakage(
        open=set_directory_password(lambda victim: doors.directory().search_dn(victim.name), "directory_password"),
        doors=("entrar na conta do vizinho com a própria senha",),
        mend=ensure_directory.fn,
        drift="serrania-treinamento: conta de pesquisa do LDAP: senha",
        at_neighbour=True,
    ),
    "a technical account with a password that another knows": Breakage(
        open=set_directory_password(
            lambda victim: f"uid=implanta,{doors.directory().people_dn(victim.name)}", "probe_password"
        ),
        doors=("entrar no vizinho com a própria senha",),
        mend=ensure_technical_account.fn,
        drift="serrania-treinamento: conta técnica do LDAP: senha",
        at_neighbour=True,
    ),
    "a web service that takes another's key": Breakage(
        open=share_service_key,
        doors=("chamar o web service do vizinho com a própria chave",),
        mend=ensure_service.fn,
        drift="chave do serviço implanta trocada",
        at_neighbour=True,
    ),
    "a storage policy with the neighbour's bucket": Breakage(
        open=widen_storage_policy,
        doors=("listar o balde do vizinho", "gravar no balde do vizinho", "ler um objeto do vizinho"),
        mend=ensure_storage_identity.fn,
        drift="política da identidade ambiente-pequi-treinamento no S3: concedia outra coisa",
    ),
    "a repository open to everybody": Breakage(
        open=open_repository,
        doors=("abrir files/serrania-treinamento como outro usuário",),
        mend=ensure_file_repository.fn,
        drift="permissões do repositório de arquivos serrania-treinamento: 777 → 750",
        at_neighbour=True,
    ),
}
