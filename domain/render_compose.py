"""One environment as a Docker Compose project, in the terms of the public sei-docker project."""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from domain.application_facts import ApplicationFacts, RenderedFile
from domain.configuration import CONFIGURATION_FILES, Configuration, render_php
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.runtime_resources import PHP_SETTINGS_FILES, Workload, render_php_settings
from domain.sei_docker import (
    CERTIFICATES_PATH,
    CODE_PATH,
    INPUT_PATH,
    MARKS_PATH,
    PHP_INI_PATH,
    PHP_POOL_PATH,
    REPOSITORY_PATH,
    Images,
    container_environment,
    digest_of,
    preparation_script,
    secret_environment,
)
from domain.yaml_text import yaml_text

COMPOSE_FILE = "compose.yaml"
SECRETS_FILE = "segredos.env"
WORKLOAD_FILE = "porte.json"
FILE_NAMES = (
    COMPOSE_FILE,
    SECRETS_FILE,
    WORKLOAD_FILE,
    *PHP_SETTINGS_FILES,
    *(file.name for file in CONFIGURATION_FILES),
)
APP, SCHEDULER, PREPARATION = "app", "app-agendador", "preparacao"


class ComposeHost(Frozen):
    """Where projects run: names, directories and images that all environments of one host share."""

    hostname: str
    protocol: str
    registry: str
    tag: str
    code_dir: str
    files_dir: str
    edge_network: str


def render_compose(
    environment: EnvironmentName, configuration: Configuration, workload: Workload, host: ComposeHost
) -> tuple[RenderedFile, ...]:
    """Every file of the project's directory. Only the compose file and PHP's settings are free of secrets.

    Raises:
        InvalidInputError: the configuration lacks something, or cannot be written in ISO-8859-1.
    """
    facts = ApplicationFacts.read(environment, configuration)
    php = render_php(configuration)
    settings = render_php_settings(workload.resources)
    project = _project(
        facts,
        workload,
        host,
        configuration_digest=digest_of(source for _, source in sorted((file.name, text) for file, text in php.items())),
        settings_digest=digest_of(settings.values()),
        copies={file.name: file.path for file in php},
    )
    return (
        *(RenderedFile(name=file.name, content=source, is_secret=True) for file, source in php.items()),
        *(RenderedFile(name=name, content=content, is_secret=False) for name, content in settings.items()),
        RenderedFile(name=SECRETS_FILE, content=_secrets_file(facts), is_secret=True),
        RenderedFile(
            name=WORKLOAD_FILE,
            content=(json.dumps(workload.model_dump(), indent=2, sort_keys=True) + "\n").encode(),
            is_secret=False,
        ),
        # Last: with it in place, everything that it points to is.
        RenderedFile(name=COMPOSE_FILE, content=yaml_text(project), is_secret=False),
    )


def _project(
    facts: ApplicationFacts,
    workload: Workload,
    host: ComposeHost,
    *,
    configuration_digest: str,
    settings_digest: str,
    copies: Mapping[str, str],
) -> dict[str, JsonValue]:
    resources, slug = workload.resources, facts.environment.slug
    images = Images.choose(workload, host.registry, host.tag)
    # Each code beside the others: going back to one is going back to its directory.
    code = f"{host.code_dir}/{slug}/{workload.code.name}:{CODE_PATH}"
    volumes: list[JsonValue] = [
        code,
        f"{host.files_dir}/{slug}:{REPOSITORY_PATH}",
        f"marcas:{MARKS_PATH}",
        f"certificados:{CERTIFICATES_PATH}",
        f"./{PHP_SETTINGS_FILES[0]}:{PHP_INI_PATH}:ro",
        f"./{PHP_SETTINGS_FILES[1]}:{PHP_POOL_PATH}:ro",
    ]
    labels = {"implanta.ambiente": slug, "implanta.php": settings_digest}
    application: dict[str, JsonValue] = {
        "restart": "unless-stopped",
        "environment": _unexpanded(
            container_environment(facts, workload, protocol=host.protocol, hostname=host.hostname)
        ),
        "env_file": [SECRETS_FILE],
        "volumes": volumes,
        "labels": dict(labels),
        "security_opt": ["no-new-privileges:true"],
        "depends_on": {
            PREPARATION: {"condition": "service_completed_successfully"},
            "memcached": {"condition": "service_started"},
        },
    }
    app: dict[str, JsonValue] = {
        "image": images.app,
        **application,
        "networks": {"default": {}, "borda": {"aliases": [slug]}},
        "deploy": _deploy(resources.app_cpu_millis, resources.app_memory_mb),
        "healthcheck": {
            "test": ["CMD", "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1/sip/login.php?sigla_sistema=SEI"],
            "interval": "30s",
            "timeout": "10s",
            "retries": 3,
            "start_period": "120s",
        },
    }
    scheduler: dict[str, JsonValue] = {
        "image": images.scheduler,
        # A name of its own: Compose then refuses to run a second one.
        "container_name": f"{slug}-agendador",
        **application,
        "deploy": _deploy(max(250, resources.app_cpu_millis // 2), max(512, resources.app_memory_mb // 2)),
    }
    return {
        "name": slug,
        "services": {
            PREPARATION: {
                "image": images.app,
                "entrypoint": ["/bin/sh", "-euc", preparation_script(copies)],
                "network_mode": "none",
                "restart": "no",
                "volumes": [code, f"marcas:{MARKS_PATH}", f".:{INPUT_PATH}:ro"],
                "labels": {"implanta.ambiente": slug, "implanta.configuracao": configuration_digest},
            },
            APP: app,
            SCHEDULER: scheduler,
            "memcached": {
                "image": images.memcached,
                "restart": "unless-stopped",
                "command": ["memcached", "-m", str(resources.memcached_mb), "-c", "1024"],
                "deploy": _deploy(250, resources.memcached_mb + 64),
            },
            "solr": {
                "image": images.solr,
                "restart": "unless-stopped",
                "environment": {"SOLR_HEAP": f"{resources.solr_heap_mb}m"},
                "volumes": ["solr:/dados"],
                "deploy": _deploy(500, 2 * resources.solr_heap_mb),
            },
            "jod": {
                "image": images.jod,
                "restart": "unless-stopped",
                "deploy": _deploy(500, 1024),
            },
        },
        "networks": {"default": {}, "borda": {"name": host.edge_network, "external": True}},
        "volumes": {"marcas": {}, "certificados": {}, "solr": {}},
    }


def _deploy(cpu_millis: int, memory_mb: int) -> JsonValue:
    return {"resources": {"limits": {"cpus": f"{cpu_millis / 1000:.3f}", "memory": f"{memory_mb}M"}}}


def _unexpanded(values: Mapping[str, str]) -> JsonValue:
    """Compose would replace `$NAME` by what its own environment has."""
    return {name: value.replace("$", "$$") for name, value in values.items()}


def _secrets_file(facts: ApplicationFacts) -> bytes:
    """An env file of Compose. Between apostrophes it takes everything literally, but knows no way to write one.

    Raises:
        InvalidInputError: a value would be read back as another one.
    """
    values = secret_environment(facts)
    for name, value in values.items():
        if "'" in value or "\n" in value or "\r" in value or value.endswith("\\"):
            raise InvalidInputError(
                f"A variável {name} tem apóstrofo, quebra de linha ou barra invertida no fim",
                f"{facts.environment.slug}/{SECRETS_FILE}",
                "Troque essa senha por outra sem esses sinais e execute de novo.",
            )
    return "".join(f"{name}='{value}'\n" for name, value in values.items()).encode()
