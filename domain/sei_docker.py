"""The images of the public sei-docker project: what they are called, where they look, what they want to be told.

Their environment variables are listed in `catalog/automation/sei_docker.yaml`. What Implanta does differently:

- No `app-atualizador`: it writes into both databases with a superuser's password, which is Implanta's own work
  (`sei.md` 1.5). A preparation takes its place: it copies the configuration files into the code and leaves the mark
  that the images wait for.
- No container knows a database superuser. The images demand `APP_DB_ROOT_*`: they get the environment's own account.
- The images install no module by themselves (`MODULO_*_INSTALAR=false`): their markers disagree with the database after
  a restore, and they edit the configuration that we own.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Final

from domain.application_facts import ApplicationFacts
from domain.model import Frozen
from domain.runtime_resources import Workload

# The directories inside the images.
CODE_PATH = "/opt"
REPOSITORY_PATH = "/sei/arquivos_externos_sei"
MARKS_PATH = "/sei/controlador-instalacoes"
CERTIFICATES_PATH = "/sei/certs"
PHP_INI_PATH = "/etc/php.d/99-implanta.ini"
PHP_POOL_PATH = "/etc/php-fpm.d/zz-implanta.conf"
INPUT_PATH = "/implanta"
"""Where a preparation finds the files that it copies."""

_APACHE = "apache"
_VERSION_FILE = f"{CODE_PATH}/sei/web/SEI.php"
_MODULES: Final = (
    *("ESTATISTICAS", "REST", "RESPOSTA", "GESTAODOCUMENTAL", "LOGINUNICO", "ASSINATURA"),
    *("PEN", "PETICIONAMENTO", "PI", "INCOM"),
)


class Images(Frozen):
    """Names of sei-docker's images for the line of a release."""

    app: str
    scheduler: str
    memcached: str
    solr: str
    jod: str

    @classmethod
    def choose(cls, workload: Workload, registry: str, tag: str) -> "Images":
        """SEI 4 runs on PHP 7 and Solr 8, SEI 5 on PHP 8 and Solr 9 (`sei.md` 1.1)."""
        php8 = "-php8" if workload.is_sei5 else ""
        names = {
            "app": f"app-ci{php8}",
            "scheduler": f"app-ci{php8}-agendador",
            "memcached": "memcached",
            "solr": "solr9.6.1" if workload.is_sei5 else "solr8.2.0",
            "jod": "jod4.4.8" if workload.is_sei5 else "jod",
        }
        return cls(**{use: f"{registry}/{name}:{tag}" for use, name in names.items()})


def container_environment(
    facts: ApplicationFacts, workload: Workload, *, protocol: str, hostname: str
) -> dict[str, str]:
    """The variables of a container of the application or of its scheduler that are no secret."""
    return {
        "APP_PROTOCOLO": protocol,
        "APP_HOST": hostname,
        "APP_ORGAO": facts.sigla_orgao,
        "APP_ORGAO_DESCRICAO": facts.complement,
        "APP_NOMECOMPLEMENTO": facts.complement,
        "APP_FEDERACAO_HABILITAR": str(facts.federation).lower(),
        "APP_MEMCACHED_HOST": "memcached",
        # Before SEI 5 sessions in memcached do not work (`sei.md` 1.1).
        "APP_MEMCACHED_SESSION": str(workload.is_sei5).lower(),
        "APP_DB_TIPO": facts.database_kind,
        "APP_DB_HOST": facts.database_host,
        "APP_DB_PORTA": str(facts.database_port),
        "APP_DB_SEI_BASE": facts.database_sei,
        "APP_DB_SIP_BASE": facts.database_sip,
        "APP_SOLR_URL": facts.solr["Servidor"],
        "APP_SOLR_CORE_PROTOCOLOS": facts.solr["CoreProtocolos"],
        "APP_SOLR_TEMPO_COMMIT_PROTOCOLOS": facts.solr["TempoCommitProtocolos"],
        "APP_SOLR_CORE_BASECONHECIMENTO": facts.solr["CoreBasesConhecimento"],
        "APP_SOLR_TEMPO_COMMIT_BASECONHECIMENTO": facts.solr["TempoCommitBasesConhecimento"],
        "APP_SOLR_CORE_PUBLICACOES": facts.solr["CorePublicacoes"],
        "APP_SOLR_TEMPO_COMMIT_PUBLICACOES": facts.solr["TempoCommitPublicacoes"],
        "APP_MAIL_TIPO": facts.mail["Tipo"],
        "APP_MAIL_SERVIDOR": facts.mail["Servidor"],
        "APP_MAIL_PORTA": facts.mail["Porta"],
        "APP_MAIL_CODIFICACAO": facts.mail["Codificacao"],
        "APP_MAIL_MAXDESTINATARIOS": facts.mail["MaxDestinatarios"],
        "APP_MAIL_MAXTAMANHOANEXOSMB": facts.mail["MaxTamAnexosMb"],
        "APP_MAIL_SEGURANCA": facts.mail["Seguranca"],
        "APP_MAIL_AUTENTICAR": facts.mail["Autenticar"],
        "APP_MAIL_USUARIO": facts.mail["Usuario"],
        "APP_MAIL_PROTEGIDO": facts.mail["Protegido"],
        "OPENLDAP_PRESENTE": "false",
        "SERVICO_PD_INSTALAR": "false",
        **{f"MODULO_{module}_INSTALAR": "false" for module in _MODULES},
    }


def secret_environment(facts: ApplicationFacts) -> dict[str, str]:
    """The variables that are: passwords, keys, and the accounts that go with them."""
    password = facts.database_password.get_secret_value()
    return {
        "APP_DB_SEI_USERNAME": facts.database_user,
        "APP_DB_SEI_PASSWORD": password,
        "APP_DB_SIP_USERNAME": facts.database_user,
        "APP_DB_SIP_PASSWORD": password,
        "APP_DB_ROOT_USERNAME": facts.database_user,
        "APP_DB_ROOT_PASSWORD": password,
        "APP_SEI_CHAVE_ACESSO": facts.sei_access_key.get_secret_value(),
        "APP_SIP_CHAVE_ACESSO": facts.sip_access_key.get_secret_value(),
        "APP_MAIL_SENHA": facts.mail_password.get_secret_value(),
    }


def preparation_script(copies: Mapping[str, str]) -> str:
    """The shell lines that put the configuration where the images look, readable by Apache and nobody else."""
    # Where a release's code is missing the mount is an empty directory, which would serve nothing for a reason unseen.
    lines = [f"test -f {_VERSION_FILE} || {{ echo 'Falta o código do SEI em {CODE_PATH}' >&2; exit 1; }}"]
    for name, path in sorted(copies.items()):
        target = PurePosixPath(CODE_PATH) / path
        lines.append(f"mkdir -p {target.parent}")
        lines.append(f"install -o {_APACHE} -g {_APACHE} -m 0400 {INPUT_PATH}/{name} {target}")
    lines.append(f"touch {MARKS_PATH}/instalado.ok")
    return "\n".join(lines)


def digest_of(contents: Iterable[bytes]) -> str:
    """One SHA-256 over several files, so that a container can be told by what it was configured with."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
