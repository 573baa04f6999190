"""Environments on Kubernetes: objects that the published schemas know, values that the chart knows, convergence."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from blocks.rehearsal import rehearsing
from blocks.runtime import KubernetesRuntime, ScheduledTask
from blocks.schemas import container_variables, helm_keys, refuse_invalid_manifests
from domain.change import Change
from domain.code import Code
from domain.environment import EnvironmentName
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.render_helm import HelmHost, leaves, render_helm
from domain.runtime_resources import Workload
from tests.blocks.fake_kubernetes import TOKEN, FakeKubernetes
from tests.domain.examples import PLANS, make_configuration
from tests.sizes import resources_for

ENVIRONMENT = EnvironmentName.parse("timoteo-treinamento")
WORKLOAD = Workload(release_version="4.1.0", resources=resources_for(PLANS.ranges[2].plan))
GROUPS = make_configuration().groups()
SECRETS = ("senha-banco", "chave-sei", "chave-sip", "senha-smtp", "senha-solr")
RUNTIME = KubernetesRuntime(
    api_url="https://api.example:6443",
    token=SecretStr(TOKEN),
    domain="sei.example.gov.br",
    solr_url="http://solr.sei.svc:8983/solr",
    jod_url="http://jod.sei.svc:8080/conversion?format=pdf",
)


@pytest.fixture(scope="session")
def cluster_server() -> Iterator[FakeKubernetes]:
    server = FakeKubernetes()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def cluster(cluster_server: FakeKubernetes) -> FakeKubernetes:
    cluster_server.clear()
    return cluster_server


@pytest.fixture
def runtime(cluster: FakeKubernetes) -> KubernetesRuntime:
    return RUNTIME.model_copy(update={"api_url": cluster.url})


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    """Every object by `kind/name`."""
    return {f"{m['kind']}/{m['metadata']['name']}": m for m in rendered()}


def rendered(runtime: KubernetesRuntime = RUNTIME, workload: Workload = WORKLOAD) -> tuple[Any, ...]:
    return runtime.render(ENVIRONMENT, GROUPS, workload)


def test_an_environment_is_everything_that_it_needs_in_a_namespace_of_its_own(manifests: dict[str, Any]) -> None:
    assert set(manifests) == {
        *("Namespace/timoteo-treinamento", "ResourceQuota/cota", "LimitRange/padroes"),
        *(f"NetworkPolicy/{name}" for name in ("nada-entra-nem-sai", "publico-ate-aplicacao", "entre-si", "para-fora")),
        *("Secret/configuracao", "Secret/segredos", "ConfigMap/ambiente", "ConfigMap/php"),
        *("PersistentVolumeClaim/fontes", "PersistentVolumeClaim/arquivos"),
        *("Deployment/memcached", "Deployment/app", "Deployment/agendador", "Service/memcached", "Service/app"),
        *("PodDisruptionBudget/app", "Ingress/sei"),
    }
    assert {m["metadata"].get("namespace") for name, m in manifests.items() if not name.startswith("Namespace")} == {
        "timoteo-treinamento"
    }


def test_the_clients_own_models_know_every_field(manifests: dict[str, Any]) -> None:
    from kubernetes import client

    serialise: Callable[[object], object] = client.ApiClient().sanitize_for_serialization
    for manifest in manifests.values():
        model = getattr(client, f"V1{manifest['kind']}").from_dict(manifest)
        assert json.loads(json.dumps(serialise(model))) == manifest


def test_the_published_schemas_refuse_what_kubernetes_does_not_know(manifests: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(manifests["Deployment/app"]))
    broken["spec"]["template"]["spec"]["containers"][0]["imagem"] = "x"
    with pytest.raises(IntegrityError, match="Deployment/app não segue o esquema"):
        refuse_invalid_manifests([broken], "x")


def test_there_is_never_a_second_scheduler(manifests: dict[str, Any]) -> None:
    scheduler = manifests["Deployment/agendador"]["spec"]
    assert (scheduler["replicas"], scheduler["strategy"]) == (1, {"type": "Recreate"})
    many = {
        m["metadata"]["name"]: m
        for m in rendered(RUNTIME.model_copy(update={"app_replicas": 3}))
        if m["kind"] == "Deployment"
    }
    assert (many["app"]["spec"]["replicas"], many["agendador"]["spec"]["replicas"]) == (3, 1)


def test_secrets_are_in_secrets_only(manifests: dict[str, Any]) -> None:
    for name, manifest in manifests.items():
        text = json.dumps(manifest)
        assert not [secret for secret in SECRETS if secret in text], name
        values = manifest.get("data", {}).values() if name.startswith("Secret/") else ()
        encoded = "".join(base64.b64decode(value).decode("latin-1") for value in values)
        assert bool(encoded) == any(secret in encoded for secret in SECRETS)
    source = base64.b64decode(manifests["Secret/configuracao"]["data"]["ConfiguracaoSEI.php"])
    assert "Timóteo".encode("iso-8859-1") in source
    told = manifests["ConfigMap/ambiente"]["data"].keys() | manifests["Secret/segredos"]["data"].keys()
    assert told <= container_variables()


def test_no_other_tenant_gets_in(manifests: dict[str, Any]) -> None:
    closed = manifests["NetworkPolicy/nada-entra-nem-sai"]["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    doors = [
        source
        for name, manifest in manifests.items()
        if name.startswith("NetworkPolicy/")
        for rule in manifest["spec"].get("ingress", [])
        for source in rule["from"]
    ]
    assert doors == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}},
        {"podSelector": {}},  # of the same namespace
    ]


def test_sizes_come_from_the_plan_and_everything_fits_the_quota(manifests: dict[str, Any]) -> None:
    resources = WORKLOAD.resources
    hard = manifests["ResourceQuota/cota"]["spec"]["hard"]

    def memory_of(deployment: Any) -> int:  # noqa: ANN401
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        return int(container["resources"]["limits"]["memory"].removesuffix("Mi")) * int(deployment["spec"]["replicas"])

    used = sum(memory_of(manifest) for name, manifest in manifests.items() if name.startswith("Deployment/"))
    assert used + resources.app_memory_mb <= int(hard["limits.memory"].removesuffix("Mi")), "and one script beside"
    claim = manifests["PersistentVolumeClaim/arquivos"]["spec"]["resources"]["requests"]["storage"]
    assert claim == f"{resources.files_gb}Gi"
    assert f"pm.max_children = {resources.php_workers}\n" in manifests["ConfigMap/php"]["data"]["sei-fpm.conf"]
    body = manifests["Ingress/sei"]["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert body == f"{resources.upload_mb + 10}m" == "160m", "the largest file, and the form around it"


def test_the_chart_knows_every_value_and_none_of_its_unsafe_defaults_is_left() -> None:
    file = RUNTIME.render_helm(ENVIRONMENT, GROUPS, WORKLOAD)
    values = yaml.safe_load(file.content)
    assert set(leaves(values)) <= helm_keys()
    app = values["app"]
    assert (app["db"]["apagarDatabases"], app["db"]["criarDatabases"], app["seiInstaladorInicial"]) == (False,) * 3
    assert app["db"]["seiPassword"] == app["db"]["db_root_password"] == "senha-banco"
    assert app["db"]["seiPassword"] != app["db"]["seiUser"]
    assert (app["db"]["sei_chave_acesso"], app["db"]["sip_chave_acesso"]) == ("chave-sei", "chave-sip")
    assert app["solr"]["password"] == "senha-solr"
    assert app["solr"]["idxProtocolo"] == "timoteo-treinamento-sei-protocolos"
    assert app["mod_estatistica"] == {"instalar": False}
    assert app["mail"]["protegido"] == "caixa@example.org"
    assert file.is_secret
    published = (
        b"P@ssword",
        b"SolrAdmin",
        b"7babf862",
        b"d27791b8",
        b"usiporg1",
        b"useiorg1",
        b"org1solr",
        b"YXNkZgo=",
    )
    assert not [text for text in published if text in file.content]


def test_a_value_that_the_chart_would_ignore_in_silence_is_refused() -> None:
    host = HelmHost(hostname="h", storage_class="c", image_tag="1", jod_host="j", memcached_host="m")
    keys = helm_keys() - {"app.db.apagarDatabases"}
    with pytest.raises(IntegrityError, match=r"não conhece app\.db\.apagarDatabases"):
        render_helm(ENVIRONMENT, GROUPS, WORKLOAD, host, keys)


def test_an_environment_converges_once_and_drift_is_named_and_mended(
    runtime: KubernetesRuntime, cluster: FakeKubernetes
) -> None:
    with rehearsing():
        planned = runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    assert cluster.objects == {}
    made = runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    assert (made.created, made.details) == (planned.created, planned.details)
    assert made.created == len(cluster.objects) - len([o for o in cluster.objects.values() if o["kind"] == "Pod"])
    cluster.writes()
    assert runtime.apply(ENVIRONMENT, GROUPS) == Change(unchanged=made.created), "release and sizes are remembered"
    assert cluster.writes() == []
    cluster.find("NetworkPolicy", "nada-entra-nem-sai")["spec"]["policyTypes"] = ["Egress"]
    cluster.find("Secret", "segredos")["data"]["APP_MAIL_SENHA"] = "b3V0cmE="
    expected = ("NetworkPolicy/nada-entra-nem-sai", "Secret/segredos")
    with rehearsing():
        assert runtime.apply(ENVIRONMENT, GROUPS).details == expected
    assert cluster.writes() == []
    mended = runtime.apply(ENVIRONMENT, GROUPS)
    assert (mended.updated, mended.details) == (2, expected)
    assert runtime.apply(ENVIRONMENT, GROUPS).total == 0


def test_another_release_is_another_directory_of_code_and_going_back_is_the_old_one(
    runtime: KubernetesRuntime, cluster: FakeKubernetes
) -> None:
    def code(pod: dict[str, Any]) -> set[str]:
        containers = [*pod.get("initContainers", []), *pod["containers"]]
        mounts = [mount for container in containers for mount in container["volumeMounts"]]
        return {mount["subPath"] for mount in mounts if mount["name"] == "fontes"}

    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    before = json.dumps(cluster.find("Deployment", "app")["spec"], sort_keys=True)
    newer = WORKLOAD.model_copy(update={"release_version": "4.1.5"})  # of one line: the images are the same
    for workload, directory in ((newer, "4.1.5"), (WORKLOAD, "4.1.0")):
        changed = runtime.apply(ENVIRONMENT, GROUPS, workload).details
        assert set(changed) == {"Namespace/timoteo-treinamento", "Deployment/app", "Deployment/agendador"}
        for name in ("app", "agendador"):
            assert code(cluster.find("Deployment", name)["spec"]["template"]["spec"]) == {directory}
        runtime.exec_script(ENVIRONMENT, "sip/scripts/a.php", [SecretStr("a")], timeout_seconds=20)
        assert code(cluster.created[-1]["spec"]) == {directory}, "a script is of the code that serves"
    assert json.dumps(cluster.find("Deployment", "app")["spec"], sort_keys=True) == before


def test_applying_neither_starts_nor_stops(runtime: KubernetesRuntime, cluster: FakeKubernetes) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    assert runtime.schedulers(ENVIRONMENT) == 0, "nothing serves before it is started"
    with rehearsing():
        assert runtime.start(ENVIRONMENT).updated == 2
    assert runtime.schedulers(ENVIRONMENT) == 0
    assert runtime.start(ENVIRONMENT).details == (
        "Deployment/app: 0 → 1 réplicas",
        "Deployment/agendador: 0 → 1 réplicas",
    )
    assert runtime.start(ENVIRONMENT) == Change(unchanged=2)
    assert runtime.schedulers(ENVIRONMENT) == 1
    assert runtime.apply(ENVIRONMENT, GROUPS).total == 0
    cluster.find("Deployment", "agendador")["spec"]["replicas"] = 2
    assert runtime.start(ENVIRONMENT).details == ("Deployment/agendador: 2 → 1 réplicas",)
    assert [runtime.stop(ENVIRONMENT).updated for _ in range(2)] == [2, 0]
    assert runtime.apply(ENVIRONMENT, GROUPS).total == 0
    assert runtime.schedulers(ENVIRONMENT) == 0


def test_what_was_never_applied_cannot_start_and_need_not_stop(runtime: KubernetesRuntime) -> None:
    assert runtime.stop(ENVIRONMENT).total == 0
    assert runtime.remove(ENVIRONMENT) == Change()
    with pytest.raises(InvalidInputError, match="não tem app"):
        runtime.start(ENVIRONMENT)
    with pytest.raises(InvalidInputError, match="ainda não tem versão e porte"):
        runtime.apply(ENVIRONMENT, GROUPS)


def test_removing_keeps_the_files_and_their_namespace(runtime: KubernetesRuntime, cluster: FakeKubernetes) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    runtime.start(ENVIRONMENT)
    with rehearsing():
        planned = runtime.remove(ENVIRONMENT)
    assert "Deployment/agendador" in planned.details
    assert runtime.schedulers(ENVIRONMENT) == 1
    assert runtime.remove(ENVIRONMENT) == planned
    assert {(o["kind"], o["metadata"]["name"]) for o in cluster.objects.values()} == {
        ("Namespace", "timoteo-treinamento"),
        ("PersistentVolumeClaim", "arquivos"),
    }
    assert runtime.remove(ENVIRONMENT) == Change()


def test_another_version_brings_its_images_and_going_back_brings_the_old_ones(
    runtime: KubernetesRuntime, cluster: FakeKubernetes
) -> None:
    assert runtime.deployed_code(ENVIRONMENT) is None
    with pytest.raises(InvalidInputError, match="ainda não tem versão e porte"):
        runtime.deploy(ENVIRONMENT, Code(version="5.0.0"), GROUPS)
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    assert runtime.deploy(ENVIRONMENT, Code(version="5.0.0"), GROUPS).updated
    assert runtime.deployed_code(ENVIRONMENT) == "5.0.0"
    assert "app-ci-php8:" in json.dumps(cluster.objects)
    assert runtime.deploy(ENVIRONMENT, Code(version="5.0.0"), GROUPS).total == 0
    runtime.deploy(ENVIRONMENT, WORKLOAD.code, GROUPS)
    assert runtime.deployed_code(ENVIRONMENT) == WORKLOAD.release_version
    assert "app-ci-php8:" not in json.dumps(cluster.objects)


def test_a_script_runs_in_a_pod_of_its_own_with_its_credentials_on_standard_input_only(
    runtime: KubernetesRuntime, cluster: FakeKubernetes
) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    cluster.exit_code = 4
    lines = [SecretStr("migracao"), SecretStr("senha-de-migração")]
    output = runtime.exec_script(ENVIRONMENT, "sip/scripts/atualizar_versao_sip.php", lines, timeout_seconds=20)
    assert (output.exit_code, output.output) == (4, "VERSÃO JÁ ESTÁ INSTALADA\n")
    assert cluster.stdin == "migracao\nsenha-de-migração\n".encode("latin-1")
    assert cluster.commands == [["php", "/opt/sip/scripts/atualizar_versao_sip.php"]]
    assert not [name for name in cluster.objects if "/pods/script" in name]
    assert "migracao" not in json.dumps(cluster.requests)
    cluster.writes()
    with rehearsing():
        assert not runtime.exec_script(ENVIRONMENT, "sip/scripts/a.php", lines, 5).executed
    assert cluster.writes() == []


def test_a_script_that_hangs_takes_its_pod_with_it(runtime: KubernetesRuntime, cluster: FakeKubernetes) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    cluster.hangs = True
    with pytest.raises(IntegrityError, match="não terminou em 1 s"):
        runtime.exec_script(ENVIRONMENT, "sip/scripts/presa.php", [SecretStr("a")], timeout_seconds=1)
    assert not [name for name in cluster.objects if "/pods/script" in name]


def test_a_script_whose_end_nobody_saw_is_neither_success_nor_failure(
    runtime: KubernetesRuntime, cluster: FakeKubernetes
) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    cluster.loses_connections = True
    with pytest.raises(IntegrityError, match="A conexão caiu antes do fim do comando"):
        runtime.exec_script(ENVIRONMENT, "sip/scripts/a.php", [SecretStr("a")], timeout_seconds=20)
    assert not [name for name in cluster.objects if "/pods/script" in name]


def test_a_scheduled_task_runs_in_the_scheduler(runtime: KubernetesRuntime, cluster: FakeKubernetes) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    with pytest.raises(RetryableError, match="O agendador não está no ar"):
        runtime.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT)
    runtime.start(ENVIRONMENT)
    assert runtime.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT).total == 0
    assert cluster.commands[-1][-1].endswith("(new AgendamentoRN())->testarAgendamento();")
    cluster.exit_code = 255
    with pytest.raises(IntegrityError, match="terminou com o código 255"):
        runtime.run_scheduled(ENVIRONMENT, ScheduledTask.HEARTBEAT)


def test_the_logs_are_those_of_the_application_and_its_scheduler(runtime: KubernetesRuntime) -> None:
    runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    runtime.start(ENVIRONMENT)
    assert runtime.logs(ENVIRONMENT, 2) == "app-0 0\napp-0 1\nagendador-0 0\nagendador-0 1\n"


@pytest.mark.parametrize(("status", "error"), [(403, InvalidInputError), (422, IntegrityError), (503, RetryableError)])
def test_a_refusal_is_told_by_what_to_do_next_and_without_the_servers_words(
    runtime: KubernetesRuntime, cluster: FakeKubernetes, status: int, error: type[Exception]
) -> None:
    cluster.failing = status
    with pytest.raises(error, match=f"HTTP {status}") as refusal:
        runtime.apply(ENVIRONMENT, GROUPS, WORKLOAD)
    assert "c2VuaGE=" not in str(refusal.value)


def test_a_wrong_token_and_a_server_that_is_not_there_are_told_apart(runtime: KubernetesRuntime) -> None:
    stranger = runtime.model_copy(update={"token": SecretStr("outro-token")})
    with pytest.raises(InvalidInputError, match="HTTP 401") as refusal:
        stranger.start(ENVIRONMENT)
    assert "outro-token" not in str(refusal.value)
    absent = runtime.model_copy(update={"api_url": "http://127.0.0.1:9"})
    with pytest.raises(RetryableError, match="O Kubernetes não respondeu"):
        absent.start(ENVIRONMENT)
