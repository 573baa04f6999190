"""One environment as plain Kubernetes objects: a namespace of its own, shut against every other."""

import base64
from collections.abc import Iterator, Mapping

from pydantic import JsonValue, PositiveInt

from domain.application_facts import ApplicationFacts, RenderedFile
from domain.configuration import Configuration, ConfigurationFile, render_php
from domain.environment import EnvironmentName
from domain.model import Frozen
from domain.runtime_resources import PHP_SETTINGS_FILES, Workload, render_php_settings
from domain.sei_docker import (
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

Manifest = dict[str, JsonValue]

APP, SCHEDULER, MEMCACHED = "app", "agendador", "memcached"
CONFIGURATION_SECRET = "configuracao"  # noqa: S105  # the name of an object
ENVIRONMENT_SECRET = "segredos"  # noqa: S105  # the name of an object
FILES_CLAIM = "arquivos"
WORKLOAD_ANNOTATION = "implanta/porte"
MANIFESTS_FILE = "manifestos.yaml"
_SCHEDULER_CPU_MILLIS = 250
_MEMCACHED_CPU_MILLIS = 100
_MEMCACHED_OVERHEAD_MB = 64
_CODE_GB = 5


class KubernetesHost(Frozen):
    """What all environments of one cluster share."""

    hostname: str
    registry: str
    tag: str
    ingress_class: str
    ingress_namespace: str
    storage_class: str
    app_replicas: PositiveInt
    outside_ports: tuple[PositiveInt, ...]
    """TCP ports of the servers outside the namespace: database, LDAP, mail, Solr, document converter."""


def render_manifests(
    environment: EnvironmentName, configuration: Configuration, workload: Workload, host: KubernetesHost
) -> tuple[Manifest, ...]:
    """Every object of the environment, in an order in which each finds what it refers to.

    Raises:
        InvalidInputError: the configuration lacks something, or cannot be written in ISO-8859-1.
    """
    builder = _Builder(ApplicationFacts.read(environment, configuration), workload, host, render_php(configuration))
    return tuple(builder.objects())


def manifests_file(manifests: tuple[Manifest, ...]) -> RenderedFile:
    """All objects as one file of documents. It holds the secrets."""
    return RenderedFile(name=MANIFESTS_FILE, content=yaml_text(*manifests), is_secret=True)


def script_pod(
    environment: EnvironmentName, workload: Workload, host: KubernetesHost, name: str, timeout_seconds: int
) -> Manifest:
    """A pod in which one script of SEI runs; the cluster itself ends it when its time is over."""
    resources = workload.resources
    labels = {**_labels(environment.slug), "app.kubernetes.io/component": "script"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": environment.slug, "labels": dict(labels)},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": timeout_seconds,
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "script",
                    "image": Images.choose(workload, host.registry, host.tag).app,
                    "command": ["sleep", str(timeout_seconds)],
                    "volumeMounts": [
                        _code_mount(workload),
                        {"name": FILES_CLAIM, "mountPath": REPOSITORY_PATH},
                    ],
                    "resources": _resources(resources.app_cpu_millis, resources.app_memory_mb),
                    "securityContext": {"allowPrivilegeEscalation": False},
                }
            ],
            "volumes": [_claim_volume("fontes"), _claim_volume(FILES_CLAIM)],
        },
    }


class _Builder:
    def __init__(
        self,
        facts: ApplicationFacts,
        workload: Workload,
        host: KubernetesHost,
        php: Mapping[ConfigurationFile, bytes],
    ) -> None:
        self._facts = facts
        self._workload = workload
        self._host = host
        self._php = php
        self._settings = render_php_settings(workload.resources)
        self._images = Images.choose(workload, host.registry, host.tag)
        self._slug = facts.environment.slug

    def objects(self) -> Iterator[Manifest]:
        yield {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": self._slug,
                "labels": {**_labels(self._slug), "pod-security.kubernetes.io/enforce": "baseline"},
                "annotations": {WORKLOAD_ANNOTATION: self._workload.model_dump_json()},
            },
        }
        yield from self._limits()
        yield from self._network_policies()
        yield self._secret(CONFIGURATION_SECRET, {file.name: source for file, source in self._php.items()})
        secrets = {name: value.encode() for name, value in secret_environment(self._facts).items()}
        yield self._secret(ENVIRONMENT_SECRET, secrets)
        yield self._config_map("ambiente", self._environment())
        yield self._config_map("php", {name: content.decode() for name, content in self._settings.items()})
        yield self._claim("fontes", _CODE_GB)
        yield self._claim(FILES_CLAIM, self._workload.resources.files_gb)
        yield self._memcached()
        yield self._service(MEMCACHED, 11211)
        yield self._application()
        yield self._service(APP, 80)
        yield self._scheduler()
        yield self._disruption_budget()
        yield self._ingress()

    def _environment(self) -> dict[str, str]:
        return container_environment(self._facts, self._workload, protocol="https", hostname=self._host.hostname)

    def _object(self, api: str, kind: str, name: str, **rest: JsonValue) -> Manifest:
        metadata: JsonValue = {"name": name, "namespace": self._slug, "labels": dict(_labels(self._slug))}
        return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}

    def _limits(self) -> Iterator[Manifest]:
        resources = self._workload.resources
        # The application, its scheduler, memcached, and one script as big as the application beside them.
        copies = self._host.app_replicas + 1
        cpu = copies * resources.app_cpu_millis + _SCHEDULER_CPU_MILLIS + _MEMCACHED_CPU_MILLIS
        memory = copies * resources.app_memory_mb + self._scheduler_memory_mb + self._memcached_memory_mb
        yield self._object(
            "v1",
            "ResourceQuota",
            "cota",
            spec={
                "hard": {
                    "limits.cpu": f"{cpu}m",
                    "limits.memory": f"{memory}Mi",
                    "requests.cpu": f"{cpu}m",
                    "requests.memory": f"{memory}Mi",
                    "requests.storage": f"{_CODE_GB + resources.files_gb}Gi",
                    "persistentvolumeclaims": "2",
                    "pods": str(copies + 3),
                    "services.nodeports": "0",
                    "services.loadbalancers": "0",
                }
            },
        )
        yield self._object(
            "v1",
            "LimitRange",
            "padroes",
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "default": {"cpu": "250m", "memory": "256Mi"},
                        "defaultRequest": {"cpu": "50m", "memory": "128Mi"},
                        "max": {"cpu": f"{max(500, resources.app_cpu_millis)}m", "memory": f"{memory}Mi"},
                    }
                ]
            },
        )

    @property
    def _scheduler_memory_mb(self) -> int:
        return max(512, self._workload.resources.app_memory_mb // 2)

    @property
    def _memcached_memory_mb(self) -> int:
        return self._workload.resources.memcached_mb + _MEMCACHED_OVERHEAD_MB

    def _network_policies(self) -> Iterator[Manifest]:
        api, kind = "networking.k8s.io/v1", "NetworkPolicy"
        yield self._object(
            api, kind, "nada-entra-nem-sai", spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        )
        yield self._object(
            api,
            kind,
            "publico-ate-aplicacao",
            spec={
                "podSelector": {"matchLabels": _component(APP)},
                "policyTypes": ["Ingress"],
                "ingress": [
                    {
                        "from": [
                            {
                                "namespaceSelector": {
                                    "matchLabels": {"kubernetes.io/metadata.name": self._host.ingress_namespace}
                                }
                            }
                        ],
                        "ports": [{"protocol": "TCP", "port": 80}],
                    }
                ],
            },
        )
        # The application calls itself by its own name, and memcached; nobody of another namespace gets in here.
        inside: JsonValue = [{"podSelector": {}}]
        yield self._object(
            api,
            kind,
            "entre-si",
            spec={
                "podSelector": {},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": inside}],
                "egress": [{"to": inside}],
            },
        )
        yield self._object(
            api,
            kind,
            "para-fora",
            spec={
                "podSelector": {},
                "policyTypes": ["Egress"],
                "egress": [
                    {
                        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
                        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
                    },
                    {"ports": [{"protocol": "TCP", "port": port} for port in self._host.outside_ports]},
                ],
            },
        )

    def _secret(self, name: str, contents: Mapping[str, bytes]) -> Manifest:
        data: JsonValue = {key: base64.b64encode(value).decode("ascii") for key, value in contents.items()}
        return self._object("v1", "Secret", name, type="Opaque", data=data)

    def _config_map(self, name: str, data: Mapping[str, str]) -> Manifest:
        return self._object("v1", "ConfigMap", name, data=dict(data))

    def _claim(self, name: str, size_gb: int) -> Manifest:
        return self._object(
            "v1",
            "PersistentVolumeClaim",
            name,
            spec={
                "accessModes": ["ReadWriteMany"],  # the application and its scheduler may be on two machines
                "storageClassName": self._host.storage_class,
                "resources": {"requests": {"storage": f"{size_gb}Gi"}},
            },
        )

    def _service(self, component: str, port: int) -> Manifest:
        return self._object(
            "v1",
            "Service",
            component,
            spec={
                "selector": _component(component),
                "ports": [{"name": component, "protocol": "TCP", "port": port, "targetPort": port}],
            },
        )

    def _deployment(
        self, component: str, replicas: int, pod: dict[str, JsonValue], *, strategy: JsonValue, annotations: JsonValue
    ) -> Manifest:
        labels: JsonValue = {**_labels(self._slug), **_component(component)}
        return self._object(
            "apps/v1",
            "Deployment",
            component,
            spec={
                "replicas": replicas,
                "selector": {"matchLabels": _component(component)},
                "strategy": strategy,
                "template": {
                    "metadata": {"labels": labels, "annotations": annotations},
                    "spec": {"automountServiceAccountToken": False, "enableServiceLinks": False, **pod},
                },
            },
        )

    def _memcached(self) -> Manifest:
        return self._deployment(
            MEMCACHED,
            1,
            {
                "containers": [
                    {
                        "name": MEMCACHED,
                        "image": self._images.memcached,
                        "args": ["memcached", "-m", str(self._workload.resources.memcached_mb), "-c", "1024"],
                        "ports": [{"name": MEMCACHED, "containerPort": 11211, "protocol": "TCP"}],
                        "resources": _resources(_MEMCACHED_CPU_MILLIS, self._memcached_memory_mb),
                        "securityContext": {"allowPrivilegeEscalation": False},
                    }
                ]
            },
            strategy={"type": "RollingUpdate"},
            annotations={},
        )

    def _application(self) -> Manifest:
        resources = self._workload.resources
        probe: dict[str, JsonValue] = {
            "httpGet": {
                "path": "/sip/login.php?sigla_sistema=SEI",
                "port": 80,
                "httpHeaders": [{"name": "Host", "value": self._host.hostname}],
            },
            "timeoutSeconds": 10,
        }
        container: dict[str, JsonValue] = {
            "ports": [{"name": APP, "containerPort": 80, "protocol": "TCP"}],
            # Maintenance answers 503 on purpose: it must take pods out of service, not have them killed.
            "readinessProbe": {**probe, "periodSeconds": 10},
            "livenessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 30, "failureThreshold": 5},
            "startupProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 10, "failureThreshold": 60},
            "resources": _resources(resources.app_cpu_millis, resources.app_memory_mb),
        }
        return self._deployment(
            APP,
            self._host.app_replicas,
            self._sei_pod(APP, self._images.app, container),
            strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            annotations=self._digests(),
        )

    def _scheduler(self) -> Manifest:
        container: dict[str, JsonValue] = {"resources": _resources(_SCHEDULER_CPU_MILLIS, self._scheduler_memory_mb)}
        return self._deployment(
            SCHEDULER,
            1,
            self._sei_pod(SCHEDULER, self._images.scheduler, container),
            strategy={"type": "Recreate"},  # never two at once, not even while one replaces the other
            annotations=self._digests(),
        )

    def _digests(self) -> JsonValue:
        sources = [source for _, source in sorted((file.name, text) for file, text in self._php.items())]
        return {
            "implanta/configuracao": digest_of(sources),
            "implanta/php": digest_of(self._settings.values()),
            "implanta/ambiente": digest_of(
                f"{name}={value}".encode()
                for name, value in {**self._environment(), **secret_environment(self._facts)}.items()
            ),
        }

    def _sei_pod(self, name: str, image: str, container: dict[str, JsonValue]) -> dict[str, JsonValue]:
        hardened: JsonValue = {"allowPrivilegeEscalation": False}
        code = _code_mount(self._workload)
        marks: JsonValue = {"name": "marcas", "mountPath": MARKS_PATH}
        ini, pool = PHP_SETTINGS_FILES
        return {
            "initContainers": [
                {
                    "name": "preparacao",
                    "image": self._images.app,
                    "command": ["/bin/sh", "-euc", preparation_script({file.name: file.path for file in self._php})],
                    "volumeMounts": [
                        code,
                        marks,
                        {"name": CONFIGURATION_SECRET, "mountPath": INPUT_PATH, "readOnly": True},
                    ],
                    "resources": _resources(100, 128),
                    "securityContext": hardened,
                }
            ],
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "envFrom": [
                        {"configMapRef": {"name": "ambiente"}},
                        {"secretRef": {"name": ENVIRONMENT_SECRET}},
                    ],
                    "volumeMounts": [
                        code,
                        marks,
                        {"name": FILES_CLAIM, "mountPath": REPOSITORY_PATH},
                        {"name": "php", "mountPath": PHP_INI_PATH, "subPath": ini, "readOnly": True},
                        {"name": "php", "mountPath": PHP_POOL_PATH, "subPath": pool, "readOnly": True},
                    ],
                    "securityContext": hardened,
                    **container,
                }
            ],
            "volumes": [
                _claim_volume("fontes"),
                _claim_volume(FILES_CLAIM),
                {"name": "marcas", "emptyDir": {}},
                {"name": CONFIGURATION_SECRET, "secret": {"secretName": CONFIGURATION_SECRET, "defaultMode": 0o400}},
                {"name": "php", "configMap": {"name": "php"}},
            ],
        }

    def _disruption_budget(self) -> Manifest:
        return self._object(
            "policy/v1",
            "PodDisruptionBudget",
            APP,
            spec={"maxUnavailable": 1, "selector": {"matchLabels": _component(APP)}},
        )

    def _ingress(self) -> Manifest:
        upload_mb = self._workload.resources.upload_mb
        service: JsonValue = {"service": {"name": APP, "port": {"number": 80}}}
        made = self._object(
            "networking.k8s.io/v1",
            "Ingress",
            "sei",
            spec={
                "ingressClassName": self._host.ingress_class,
                "tls": [{"hosts": [self._host.hostname], "secretName": f"{self._slug}-tls"}],
                "rules": [
                    {
                        "host": self._host.hostname,
                        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": service}]},
                    }
                ],
            },
        )
        metadata = made["metadata"]
        assert isinstance(metadata, dict)  # noqa: S101  # `_object` made it
        metadata["annotations"] = {
            "nginx.ingress.kubernetes.io/proxy-body-size": f"{upload_mb + 10}m",
            # Sessions live in one pod's files (`sei.md` 1.1).
            "nginx.ingress.kubernetes.io/affinity": "cookie",
            "nginx.ingress.kubernetes.io/session-cookie-name": "IMPLANTA",
        }
        return made


def _labels(slug: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "sei",
        "app.kubernetes.io/instance": slug,
        "app.kubernetes.io/managed-by": "implanta",
    }


def _component(name: str) -> dict[str, JsonValue]:
    return {"app.kubernetes.io/component": name}


def _code_mount(workload: Workload) -> JsonValue:
    """Each code beside the others in one volume: going back to one is going back to its directory."""
    return {"name": "fontes", "mountPath": CODE_PATH, "subPath": workload.code.name}


def _claim_volume(name: str) -> JsonValue:
    return {"name": name, "persistentVolumeClaim": {"claimName": name}}


def _resources(cpu_millis: int, memory_mb: int) -> JsonValue:
    """Memory is promised in full, processor time by half: memory cannot be given back."""
    memory = f"{memory_mb}Mi"
    return {
        "requests": {"cpu": f"{max(50, cpu_millis // 2)}m", "memory": memory},
        "limits": {"cpu": f"{max(100, cpu_millis)}m", "memory": memory},
    }
