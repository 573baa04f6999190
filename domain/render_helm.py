"""The values file of one environment for the chart `sei-app` of the public sei-helm project.

The chart is a demonstration that installs itself: by its defaults it drops and creates databases, and comes with
published keys and passwords (`sei.md` 1.4). Every one of those values is set here, so that none of them is left to the
chart: Implanta makes the databases, and gives each environment passwords, keys and cores of its own. What the chart
fixes in its templates cannot be set: it calls every environment a production, and has no maintenance mode.
"""

from collections.abc import Iterator, Mapping, Set
from urllib.parse import urlsplit

from pydantic import JsonValue

from domain.application_facts import ApplicationFacts, RenderedFile
from domain.configuration import Configuration
from domain.environment import EnvironmentName
from domain.errors import IntegrityError
from domain.model import Frozen
from domain.runtime_resources import Workload
from domain.yaml_text import yaml_text

VALUES_FILE = "valores.yaml"


class HelmHost(Frozen):
    """What all environments of one cluster share."""

    hostname: str
    storage_class: str
    image_tag: str
    jod_host: str
    memcached_host: str


def render_helm(
    environment: EnvironmentName,
    configuration: Configuration,
    workload: Workload,
    host: HelmHost,
    known_keys: Set[str],
) -> RenderedFile:
    """The values file; it holds secrets.

    Raises:
        IntegrityError: a key is none of the chart's: Helm would ignore it in silence.
    """
    values = helm_values(ApplicationFacts.read(environment, configuration), workload, host)
    if strangers := sorted(set(leaves(values)) - known_keys):
        raise IntegrityError(
            f"O chart sei-app não conhece {', '.join(strangers)}",
            "catalog/automation/sei_helm.yaml",
            "Confira a versão do chart e atualize a lista de chaves.",
        )
    return RenderedFile(name=VALUES_FILE, content=yaml_text(values), is_secret=True)


def helm_values(facts: ApplicationFacts, workload: Workload, host: HelmHost) -> dict[str, JsonValue]:
    """The values as data. Passwords are in clear: the chart itself makes Secrets of them."""
    slug = facts.environment.slug
    password = facts.database_password.get_secret_value()
    image: JsonValue = {"tag": host.image_tag, "pullPolicy": "IfNotPresent"}
    return {
        "app": {
            "storage": {"storageClass": host.storage_class},
            **dict.fromkeys(("imagePhp", "imageCron", "imageWeb", "imageInstall"), image),
            "fullnameOverride": slug,
            "ingress": {
                "proxyBodySize": f"{workload.resources.upload_mb + 10}m",
                "tls_secret_name": f"{slug}-tls",
            },
            "servicoExterno": {
                "db": facts.database_host,
                "jod": host.jod_host,
                "solr": urlsplit(facts.solr["Servidor"]).hostname or "",
                "memcached": host.memcached_host,
                "mail": facts.mail["Servidor"],
            },
            "tz": "America/Sao_Paulo",
            "db": {
                "seiDbName": facts.database_sei,
                "sipDbName": facts.database_sip,
                "seiUser": facts.database_user,
                "seiPassword": password,
                "sipUser": facts.database_user,
                "sipPassword": password,
                "db_tipo": facts.database_kind,
                "db_host": facts.database_host,
                "db_porta": str(facts.database_port),
                # The chart's installer gets no superuser: it has nothing to create here.
                "db_root_username": facts.database_user,
                "db_root_password": password,
                "criarDatabases": False,
                "apagarDatabases": False,
                "sei_chave_acesso": facts.sei_access_key.get_secret_value(),
                "sip_chave_acesso": facts.sip_access_key.get_secret_value(),
            },
            "solr": {
                "idxProtocolo": facts.solr["CoreProtocolos"],
                "idxBaseConhecimento": facts.solr["CoreBasesConhecimento"],
                "idxPublicacoes": facts.solr["CorePublicacoes"],
                "idxProtocoloTime": int(facts.solr["TempoCommitProtocolos"]),
                "idxBaseConhecimentoTime": int(facts.solr["TempoCommitBasesConhecimento"]),
                "idxPublicacoesTime": int(facts.solr["TempoCommitPublicacoes"]),
                "username": facts.solr["Usuario"],
                "password": facts.solr_password.get_secret_value(),
                "solr_url": facts.solr["Servidor"],
            },
            "seiInstaladorInicial": False,
            "ldap": {"enable": False},  # the rows in SIP are Implanta's
            "host": host.hostname,
            "orgao": facts.sigla_orgao,
            "orgao_descricao": facts.complement,
            "nome_complemento": facts.complement,
            "memcached_host": host.memcached_host,
            "memcached_session": str(workload.is_sei5).lower(),
            "federacao_habilitar": facts.federation,
            "mail": {
                "tipo": int(facts.mail["Tipo"]),
                "servidor": facts.mail["Servidor"],
                "porta": facts.mail["Porta"],
                "codificacao": facts.mail["Codificacao"],
                "maxdestinatarios": int(facts.mail["MaxDestinatarios"]),
                "max_tamanho_anexos": int(facts.mail["MaxTamAnexosMb"]),
                "seguranca": facts.mail["Seguranca"],
                "autenticar": facts.mail["Autenticar"],
                "usuario": facts.mail["Usuario"],
                "senha": facts.mail_password.get_secret_value(),
                "protegido": facts.mail["Protegido"],
            },
            "mod_estatistica": {"instalar": False},  # by default it would report to a public test service
            "mod_resposta": {"instalar": False},
            "mod_assinatura": {"instalar": False},
            "mod_pen": {"instalar": False},
        }
    }


def leaves(values: Mapping[str, JsonValue], prefix: str = "") -> Iterator[str]:
    """`app.db.seiUser` for every value of nested groups."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
