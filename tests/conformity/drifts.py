"""Each part of an environment, changed by hand behind Implanta's back."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ldap3 import MODIFY_REPLACE

from blocks.environment_certificate import EnvironmentCertificate
from blocks.nginx_edge import NginxEdge
from blocks.runtime import LabRuntime
from blocks.secrets import EnvironmentSecrets
from domain.storage_identity import POLICY_NAME, identity_name
from tasks import doors
from tasks.instance import Instance
from tests.conformity.breakage import connect_iam, execute, weaken_directory


@dataclass(frozen=True)
class Drift:
    """One change made by hand, and the text by which it must be told."""

    make: Callable[[Instance], None]
    told: str


def sei(statement: str, *values: object) -> Callable[[Instance], None]:
    return lambda instance: execute(instance, statement, values, database=instance.name.database_sei)


def sip(statement: str, *values: object) -> Callable[[Instance], None]:
    return lambda instance: execute(instance, statement, values, database=instance.name.database_sip)


def account(statement: str) -> Callable[[Instance], None]:
    """One statement about the application's account."""

    def run(instance: Instance) -> None:
        places = {"sei": f"`{instance.name.database_sei}`", "sip": f"`{instance.name.database_sip}`"}
        # As the product grants it: an underscore would be a wildcard.
        escaped = {name: place.replace("_", r"\_") for name, place in places.items()}
        execute(instance, statement.format(**escaped), (instance.name.database_user,))

    return run


def directory_password(cn: str) -> Callable[[Instance], None]:
    def run(instance: Instance) -> None:
        directory = doors.directory()
        with directory.connect(directory.admin_dn, directory.admin_password) as connection:
            dn = cn.format(top=directory.environment_dn(instance.name))
            connection.modify(dn, {"userPassword": [(MODIFY_REPLACE, ["trocada-por-alguem"])]})

    return run


def site_file(change: Callable[[Path], object], ending: str = ".conf") -> Callable[[Instance], None]:
    def run(instance: Instance) -> None:
        edge = doors.edge()
        assert isinstance(edge, NginxEdge)
        change(edge.home / "live" / "sites" / f"{instance.name.slug}{ending}")

    return run


def forget_open(instance: Instance) -> None:
    edge = doors.edge()
    assert isinstance(edge, NginxEdge)
    (edge.home / "open" / instance.name.slug).unlink()


def application_file(name: str, change: Callable[[Path], object]) -> Callable[[Instance], None]:
    def run(instance: Instance) -> None:
        runtime = doors.runtime()
        assert isinstance(runtime, LabRuntime)
        change(runtime.apps_dir / instance.name.slug / name)

    return run


def append(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes() + text.encode())


def set_upload_limit(path: Path) -> None:
    """Change one value of the JSON, as somebody with an editor would."""
    configuration = json.loads(path.read_bytes())
    configuration["SEI"]["RepositorioArquivos"] = "/tmp/outro-lugar"
    path.write_text(json.dumps(configuration), encoding="utf-8")


def repository_mode(instance: Instance) -> None:
    Path(doors.runtime().repository_path(instance.name)).chmod(0o755)


def forget_certificate(instance: Instance) -> None:
    EnvironmentCertificate.delete(instance.name.slug)


def drop_lifecycle(instance: Instance) -> None:
    doors.object_storage().client.delete_bucket_lifecycle(Bucket=instance.name.bucket)


def shorten_retention(instance: Instance) -> None:
    doors.object_storage().client.put_object_lock_configuration(
        Bucket=instance.name.bucket,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
        },
    )


def delete_storage_key(instance: Instance) -> None:
    connect_iam().delete_access_key(
        UserName=identity_name(instance.name),
        AccessKeyId=str(doors.environment_secrets(instance.name.slug).s3_access_key),
    )


def delete_storage_policy(instance: Instance) -> None:
    connect_iam().delete_user_policy(UserName=identity_name(instance.name), PolicyName=POLICY_NAME)


def remove_repository(instance: Instance) -> None:
    shutil.rmtree(doors.runtime().repository_path(instance.name))


def delete_search_account(instance: Instance) -> None:
    directory = doors.directory()
    with directory.connect(directory.admin_dn, directory.admin_password) as connection:
        connection.delete(directory.search_dn(instance.name))


def forget_a_secret(instance: Instance) -> None:
    """As if an older version had saved the block, before there was such a secret."""
    secrets = EnvironmentSecrets.load(instance.name.slug)
    assert isinstance(secrets, EnvironmentSecrets)
    secrets.model_copy(update={"solr_password": None}).save(instance.name.slug, overwrite=True)
    doors.forget_blocks()


CHANGED = {
    "a grant too many": Drift(
        account("GRANT DROP ON {sei}.* TO %s@'%%'"),
        "usuário de banco: conta da aplicação: privilégio a mais em pequi_treinamento_sei retirado (DROP)",
    ),
    "a grant missing": Drift(
        account("REVOKE INSERT ON {sip}.* FROM %s@'%%'"),
        "usuário de banco: conta da aplicação: privilégio em pequi_treinamento_sip devolvido (INSERT)",
    ),
    "another limit of connections": Drift(
        account("ALTER USER %s@'%%' WITH MAX_USER_CONNECTIONS 999"),
        "usuário de banco: conta da aplicação pequi_treinamento: conexões 999 → ",
    ),
    "a parameter of SEI": Drift(
        sei("UPDATE infra_parametro SET valor = '999' WHERE nome = 'SEI_TAM_MB_DOC_EXTERNO'"),
        "parâmetros: parâmetro SEI_TAM_MB_DOC_EXTERNO: 999 → ",
    ),
    "a parameter of SIP": Drift(
        sip("UPDATE infra_parametro SET valor = '1' WHERE nome = 'SIP_TIPO_CAPTCHA'"),
        "parâmetros: parâmetro SIP_TIPO_CAPTCHA: 1 → 5",
    ),
    "an address": Drift(
        sip("UPDATE sistema SET pagina_inicial = 'https://outro.invalid/' WHERE sigla = 'SEI'"),
        "endereços: endereço do SEI, pagina_inicial: https://outro.invalid/ → ",
    ),
    "an access key": Drift(
        sip("UPDATE sistema SET chave_acesso = 'outra' WHERE sigla = 'SEI'"),
        "chaves de acesso: chave de acesso do sistema 100000100 trocada",
    ),
    "the sigla in SIP": Drift(
        sip("UPDATE orgao SET sigla = 'OUTRA'"), "identidade do órgão: órgão no SIP, sigla: OUTRA → PM-PEQUI"
    ),
    "the sigla in SEI": Drift(
        sei("UPDATE orgao SET sigla = 'OUTRA'"), "identidade do órgão: órgão no SEI, sigla: OUTRA → PM-PEQUI"
    ),
    "a scheduled task": Drift(
        sip("UPDATE infra_agendamento_tarefa SET sin_ativo = 'N' WHERE comando LIKE '%%replicarTodosUsuariosSEI'"),
        "tarefas agendadas: tarefa agendada replicarTodosUsuariosSEI, sin_ativo: N → S",
    ),
    "the authentication server": Drift(
        sip("UPDATE servidor_autenticacao SET porta = 1 WHERE nome = 'pequi-treinamento'"),
        "autenticação LDAP: servidor de autenticação pequi-treinamento, porta: 1 → ",
    ),
    "the published test user": Drift(
        sip("UPDATE usuario SET sin_bloqueado = 'N' WHERE sigla = 'teste'"),
        "usuário de teste: usuário teste, sin_bloqueado",
    ),
    "the service's key": Drift(
        sei("UPDATE servico SET chave_acesso = 'outra' WHERE identificacao = 'implanta'"),
        "serviço de verificação: chave do serviço implanta trocada",
    ),
    "a holiday": Drift(
        sei("DELETE FROM feriado WHERE dta_feriado LIKE '%%-12-25%%' ORDER BY dta_feriado DESC LIMIT 1"),
        "feriados: feriado 25/12/",
    ),
    "a city": Drift(
        sei("DELETE FROM cidade WHERE codigo_ibge = 5006275"), "cidades: cidade Paraíso das Águas (5006275)"
    ),
    "an access rule": Drift(
        lambda instance: weaken_directory("expand")(instance, instance),
        "árvore LDAP: regra de acesso do LDAP alterada: a conta de pesquisa lê só o próprio ambiente",
    ),
    "the search account's password": Drift(
        directory_password("cn=sip,{top}"), "árvore LDAP: pequi-treinamento: conta de pesquisa do LDAP: senha"
    ),
    "the technical account's password": Drift(
        directory_password("uid=implanta,ou=usuarios,{top}"),
        "conta técnica: pequi-treinamento: conta técnica do LDAP: senha",
    ),
    "a site edited": Drift(site_file(append("\n# por alguém\n")), "borda: site pequi-treinamento: configuração"),
    "no certificate": Drift(forget_certificate, "certificado TLS: certificado de pequi-treinamento."),
    "no lifecycle": Drift(
        drop_lifecycle,
        "armazenamento: regra de ciclo de vida implanta-versoes-antigas do bucket pequi-treinamento: faltava",
    ),
    "a shorter retention": Drift(
        shorten_retention,
        "armazenamento: retenção padrão do bucket pequi-treinamento: GOVERNANCE 1 dia → GOVERNANCE 7 dias",
    ),
    "the repository's mode": Drift(
        repository_mode, "repositório de arquivos: permissões do repositório de arquivos pequi-treinamento: 755 → 750"
    ),
    "the storage key": Drift(delete_storage_key, "chave do S3: chave da identidade ambiente-pequi-treinamento no S3"),
    "the JSON configuration": Drift(
        application_file("configuracao.json", set_upload_limit), "aplicação: configuração SEI"
    ),
    "the PHP configuration": Drift(
        application_file("ConfiguracaoSip.php", append("// por alguém\n")),
        "aplicação: arquivo ConfiguracaoSip.php refeito",
    ),
}

GONE = {
    "the database account": Drift(
        account("DROP USER %s@'%%'"), "usuário de banco: conta da aplicação pequi_treinamento criada"
    ),
    "the órgão's authentication": Drift(
        sip("DELETE FROM rel_orgao_autenticacao"),
        "autenticação LDAP: ligação do órgão ao servidor de autenticação incluída",
    ),
    "the technical user's permission": Drift(
        sip("DELETE p FROM permissao p JOIN usuario u USING (id_usuario) WHERE u.sigla = 'implanta'"),
        "conta técnica: permissão do usuário técnico implanta",
    ),
    "the service": Drift(
        sei("SET STATEMENT foreign_key_checks = 0 FOR DELETE FROM servico WHERE identificacao = 'implanta'"),
        "serviço de verificação: serviço implanta incluído no SEI",
    ),
    "the holidays": Drift(sei("DELETE FROM feriado"), "feriados: feriado 01/01/"),
    "the search account": Drift(delete_search_account, "árvore LDAP: pequi-treinamento: conta de pesquisa do LDAP"),
    "a site": Drift(site_file(Path.unlink), "borda: site pequi-treinamento: configuração"),
    "the mark that it is open": Drift(forget_open, "borda: site pequi-treinamento: aberto ao público"),
    "a site's key": Drift(site_file(Path.unlink, ".key"), "borda: site pequi-treinamento: chave do certificado"),
    "the repository": Drift(remove_repository, "repositório de arquivos: repositório de arquivos pequi-treinamento"),
    "the storage policy": Drift(
        delete_storage_policy, "chave do S3: política da identidade ambiente-pequi-treinamento no S3: faltava"
    ),
    "the JSON configuration": Drift(
        application_file("configuracao.json", Path.unlink), "aplicação: arquivo configuracao.json criado"
    ),
    "a secret": Drift(forget_a_secret, "segredos: segredo solr_password gerado"),
}
