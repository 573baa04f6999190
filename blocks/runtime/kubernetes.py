"""A host that runs each environment in a namespace of its own on Kubernetes."""

import secrets
import time
from collections.abc import Sequence

from pydantic import Field, SecretStr

from blocks.rehearsal import is_rehearsal
from blocks.runtime.interface import (
    ApplicationRuntime,
    ApplicationServices,
    Configuration,
    Health,
    ScheduledTask,
    ScriptOutput,
    ServiceAddress,
    ask_sign_in_page,
    checked_script,
    script_input,
)
from blocks.runtime.kubernetes_api import KubernetesApi, name_of, without_servers_own
from blocks.runtime.kubernetes_exec import exec_in_pod
from blocks.runtime.php_calls import scheduled_task_call
from blocks.schemas import helm_keys, refuse_invalid_manifests
from domain.application_facts import RenderedFile
from domain.change import Change
from domain.code import Code
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.render_helm import HelmHost, render_helm
from domain.render_manifests import (
    APP,
    FILES_CLAIM,
    MEMCACHED,
    SCHEDULER,
    WORKLOAD_ANNOTATION,
    KubernetesHost,
    Manifest,
    render_manifests,
    script_pod,
)
from domain.runtime_resources import Workload
from domain.sei_docker import CODE_PATH, REPOSITORY_PATH

_TASK_SECONDS = 3600
_POD_START_SECONDS = 300
_POLL_SECONDS = 0.5
# In this order nothing serves, then nothing runs, then what it ran with goes.
_REMOVED_KINDS = (
    *("Ingress", "Deployment", "PodDisruptionBudget", "Service", "Secret", "ConfigMap", "PersistentVolumeClaim"),
    *("NetworkPolicy", "LimitRange", "ResourceQuota"),
)
# It holds what people made, and outlives the application, as its namespace does.
_KEPT = ("PersistentVolumeClaim", FILES_CLAIM)


class KubernetesRuntime(ApplicationRuntime):
    """A Kubernetes cluster: one namespace per environment, converged by server-side apply.

    Checked without a cluster: the objects against the published schemas, the calls against a stand-in of the API
    server that speaks its protocol.
    """

    _block_type_name = "Implanta Aplicação (Kubernetes)"
    _block_type_slug = "implanta-kubernetes-runtime"

    api_url: str = Field(description="Endereço da API do Kubernetes.")
    token: SecretStr = Field(description="Token da conta de serviço do Implanta.")
    api_ca_file: str | None = Field(default=None, description="Arquivo da CA da API.")
    domain: str = Field(description="Domínio DNS em que cada ambiente tem seu nome.")
    registry: str = Field(default="processoeletronico", description="Registro das imagens do sei-docker.")
    tag: str = Field(default="3.6.11", description="Versão das imagens do sei-docker.")
    helm_image_tag: str = Field(default="0.5.0", description="Versão das imagens do sei-helm.")
    ingress_class: str = Field(default="nginx", description="Classe dos Ingress.")
    ingress_namespace: str = Field(default="ingress-nginx", description="Namespace do controlador de Ingress.")
    storage_class: str = Field(default="nfs-client", description="Classe dos volumes, que precisa aceitar RWX.")
    app_replicas: int = Field(default=1, ge=1, description="Réplicas da aplicação.")
    solr_url: str = Field(description="Endereço do Solr, como http://solr.exemplo.gov.br:8983/solr.")
    jod_url: str = Field(description="Endereço do conversor de documentos.")
    outside_ports: tuple[int, ...] = Field(
        default=(25, 389, 443, 587, 636, 3306, 8080, 8983),
        description="Portas TCP dos servidores que a aplicação usa fora do namespace.",
    )
    ca_file: str | None = Field(default=None, description="Arquivo da CA que assina os certificados dos Ingress.")

    def url(self, environment: EnvironmentName) -> str:
        return f"https://{environment.hostname(self.domain)}"

    def address(self, environment: EnvironmentName) -> ServiceAddress:
        return ServiceAddress(connect_to=self.url(environment), host=environment.hostname(self.domain))

    def repository_path(self, environment: EnvironmentName) -> str:  # noqa: ARG002  # each pod has its own
        return REPOSITORY_PATH

    def services(self, environment: EnvironmentName) -> ApplicationServices:  # noqa: ARG002  # the same for all
        return ApplicationServices(
            solr_url=self.solr_url, memcached_host=MEMCACHED, memcached_port=11211, jod_url=self.jod_url
        )

    def _host(self, environment: EnvironmentName) -> KubernetesHost:
        return KubernetesHost(
            hostname=environment.hostname(self.domain),
            registry=self.registry,
            tag=self.tag,
            ingress_class=self.ingress_class,
            ingress_namespace=self.ingress_namespace,
            storage_class=self.storage_class,
            app_replicas=self.app_replicas,
            outside_ports=self.outside_ports,
        )

    def render(
        self, environment: EnvironmentName, configuration: Configuration, workload: Workload
    ) -> tuple[Manifest, ...]:
        """Every object of the environment, valid by Kubernetes' schemas."""
        manifests = render_manifests(environment, configuration, workload, self._host(environment))
        refuse_invalid_manifests(manifests, environment.slug)
        return manifests

    def render_helm(
        self, environment: EnvironmentName, configuration: Configuration, workload: Workload
    ) -> RenderedFile:
        """The values with which the same environment would be an installation of the chart `sei-app`."""
        host = HelmHost(
            hostname=environment.hostname(self.domain),
            storage_class=self.storage_class,
            image_tag=self.helm_image_tag,
            jod_host=self.jod_url.partition("://")[2].partition("/")[0].partition(":")[0],
            memcached_host=MEMCACHED,
        )
        return render_helm(environment, configuration, workload, host, helm_keys())

    @property
    def _api(self) -> KubernetesApi:
        return KubernetesApi(self.api_url, self.token.get_secret_value(), self.api_ca_file)

    def apply(
        self, environment: EnvironmentName, configuration: Configuration, workload: Workload | None = None
    ) -> Change:
        """Converge every object; what runs stays running, what is stopped stays stopped."""
        api = self._api
        manifests = self.render(environment, configuration, workload or self._workload(api, environment))
        if is_rehearsal() and api.find(manifests[0]) is None:
            # Nothing can be tried in a namespace that does not exist.
            return Change(created=len(manifests), details=tuple(_label(manifest) for manifest in manifests))
        return Change.sum(_converge(api, manifest) for manifest in manifests)

    def _workload(self, api: KubernetesApi, environment: EnvironmentName) -> Workload:
        found = self._find_workload(api, environment)
        if found is None:
            raise InvalidInputError(
                "O ambiente ainda não tem versão e porte neste cluster",
                f"{self.api_url}, namespace {environment.slug}",
                "Crie o ambiente antes.",
            )
        return found

    def _find_workload(self, api: KubernetesApi, environment: EnvironmentName) -> Workload | None:
        found = api.find({"kind": "Namespace", "metadata": {"name": environment.slug}}) or {}
        metadata = found.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        text = annotations.get(WORKLOAD_ANNOTATION) if isinstance(annotations, dict) else None
        try:
            return Workload.model_validate_json(str(text))
        except ValueError:
            return None

    def deployed_code(self, environment: EnvironmentName) -> str | None:
        workload = self._find_workload(self._api, environment)
        return workload.code.name if workload else None

    def deploy(self, environment: EnvironmentName, code: Code, configuration: Configuration) -> Change:
        """Let the pods follow: the images are those of the version, the code its own directory of the volume."""
        workload = self._workload(self._api, environment).running(code)
        return self.apply(environment, configuration, workload)

    def start(self, environment: EnvironmentName) -> Change:
        return self._scale(environment, {APP: self.app_replicas, SCHEDULER: 1})

    def stop(self, environment: EnvironmentName) -> Change:
        return self._scale(environment, {APP: 0, SCHEDULER: 0})

    def _scale(self, environment: EnvironmentName, wanted: dict[str, int]) -> Change:
        api, change = self._api, Change()
        for name, replicas in wanted.items():
            deployment = _deployment(environment, name)
            found = api.find(deployment)
            if found is None and replicas == 0:  # what was never configured serves nothing anyway
                change += Change(unchanged=1)
                continue
            if found is None:
                raise InvalidInputError(
                    f"O ambiente não tem {name} neste cluster", self.api_url, "Aplique a configuração antes."
                )
            now = _replicas(found)
            if now == replicas:
                change += Change(unchanged=1)
                continue
            if not is_rehearsal():
                api.scale(deployment, replicas)
            change += Change(updated=1, details=(f"Deployment/{name}: {now} → {replicas} réplicas",))
        return change

    def health(self, environment: EnvironmentName) -> Health:
        return ask_sign_in_page(self.address(environment), verify=self.ca_file or True)

    def schedulers(self, environment: EnvironmentName) -> int:
        return len(self._running_pods(self._api, environment, SCHEDULER))

    def _running_pods(self, api: KubernetesApi, environment: EnvironmentName, component: str) -> list[str]:
        pods = api.list_objects("Pod", environment.slug, {"app.kubernetes.io/component": component})
        return sorted(name_of(pod) for pod in pods if _phase(pod) == "Running")

    def run_scheduled(self, environment: EnvironmentName, task: ScheduledTask) -> Change:
        """Have PHP call the task's own method. What it did is not told: count afterwards, in the databases."""
        if is_rehearsal():
            return Change()
        api = self._api
        pods = self._running_pods(api, environment, SCHEDULER)
        if not pods:
            raise RetryableError(
                "O agendador não está no ar",
                f"{self.api_url}, {environment.slug}",
                "Inicie o ambiente e tente de novo.",
            )
        command = ["php", "-r", scheduled_task_call(task, CODE_PATH)]
        output = exec_in_pod(
            api, environment.slug, pods[0], SCHEDULER, command, timeout_seconds=_TASK_SECONDS, where=f"{task}"
        )
        if output.exit_code:
            raise IntegrityError(
                f"A tarefa agendada terminou com o código {output.exit_code}",
                f"{environment.slug}, {task}",
                "Leia o registro do pod do agendador.",
            )
        return Change(unchanged=1)

    def exec_script(
        self, environment: EnvironmentName, script: str, stdin_lines: Sequence[SecretStr], timeout_seconds: float
    ) -> ScriptOutput:
        """Run the script in a pod of its own, whether the application is up or down."""
        path = f"{CODE_PATH}/{checked_script(script)}"
        if is_rehearsal():
            return ScriptOutput(exit_code=0, output="", executed=False)
        api = self._api
        name = f"script-{secrets.token_hex(4)}"
        lifetime = int(timeout_seconds) + _POD_START_SECONDS
        pod = script_pod(environment, self._workload(api, environment), self._host(environment), name, lifetime)
        api.create(pod)
        try:
            self._wait_for(api, pod)
            finished = exec_in_pod(
                api,
                environment.slug,
                name,
                "script",
                ["php", path],
                stdin=script_input(stdin_lines),
                timeout_seconds=timeout_seconds,
                where=f"{environment.slug}, {script}",
            )
        finally:
            api.delete(pod, at_once=True)  # whatever still runs in it ends with it
        return ScriptOutput.of(finished)

    def _wait_for(self, api: KubernetesApi, pod: Manifest) -> None:
        deadline = time.monotonic() + _POD_START_SECONDS
        while (phase := _phase(api.find(pod) or {})) != "Running":
            if phase in {"Failed", "Succeeded"} or time.monotonic() > deadline:
                raise RetryableError(
                    f"O pod do script não começou ({phase})", name_of(pod), "Confira a cota e as imagens no cluster."
                )
            time.sleep(_POLL_SECONDS)

    def logs(self, environment: EnvironmentName, lines: int) -> str:
        api = self._api
        pods = [pod for component in (APP, SCHEDULER) for pod in self._running_pods(api, environment, component)]
        return "".join(api.pod_log(environment.slug, pod, lines) for pod in pods)

    def remove(self, environment: EnvironmentName) -> Change:
        """Delete all objects but the namespace and the volume with the files."""
        api = self._api
        if api.find({"kind": "Namespace", "metadata": {"name": environment.slug}}) is None:
            return Change()
        removed = []
        for kind in _REMOVED_KINDS:
            for found in api.list_objects(kind, environment.slug, {"app.kubernetes.io/managed-by": "implanta"}):
                manifest: Manifest = {**found, "kind": kind}  # the items of a list do not say what they are
                if (kind, name_of(manifest)) == _KEPT:
                    continue
                if not is_rehearsal():
                    api.delete(manifest)
                removed.append(_label(manifest))
        return Change(removed=1, details=tuple(removed)) if removed else Change()


def _converge(api: KubernetesApi, manifest: Manifest) -> Change:
    found = api.find(manifest)
    if manifest["kind"] == "Deployment" and name_of(manifest) in {APP, SCHEDULER}:
        # Whether it runs is what `start` and `stop` decide.
        manifest = _with_replicas(manifest, 0 if found is None else _replicas(found))
    if found is not None:
        wanted = api.apply(manifest, dry_run=True)
        if without_servers_own(wanted) == without_servers_own(found):
            return Change(unchanged=1)
    if not is_rehearsal():
        api.apply(manifest, dry_run=False)
    counted = {"updated": 1} if found is not None else {"created": 1}
    return Change.model_validate({**counted, "details": (_label(manifest),)})


def _with_replicas(manifest: Manifest, replicas: int) -> Manifest:
    spec = manifest["spec"]
    assert isinstance(spec, dict)  # noqa: S101  # our own manifest
    return {**manifest, "spec": {**spec, "replicas": replicas}}


def _replicas(deployment: Manifest) -> int:
    spec = deployment.get("spec")
    return int(str(spec.get("replicas", 1))) if isinstance(spec, dict) else 1


def _phase(pod: Manifest) -> str:
    status, metadata = pod.get("status"), pod.get("metadata")
    if isinstance(metadata, dict) and metadata.get("deletionTimestamp"):
        return "Terminating"
    return str(status.get("phase")) if isinstance(status, dict) else "Pending"


def _label(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{name_of(manifest)}"


def _deployment(environment: EnvironmentName, name: str) -> Manifest:
    return {"kind": "Deployment", "metadata": {"name": name, "namespace": environment.slug}}
