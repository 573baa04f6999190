"""The few calls that Implanta makes to a Kubernetes API server, in the words of its published protocol."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3.exceptions

from domain.errors import ImplantaError, IntegrityError, InvalidInputError, RetryableError
from domain.render_manifests import Manifest

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

FIELD_MANAGER = "implanta"
_TIMEOUT_SECONDS = (10, 60)
_OK = range(200, 300)
_NOT_FOUND = 404
_REFUSED = (401, 403)
_PLACES = {
    "Namespace": ("api/v1", "namespaces"),
    "Secret": ("api/v1", "secrets"),
    "ConfigMap": ("api/v1", "configmaps"),
    "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims"),
    "Service": ("api/v1", "services"),
    "ResourceQuota": ("api/v1", "resourcequotas"),
    "LimitRange": ("api/v1", "limitranges"),
    "Pod": ("api/v1", "pods"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "Ingress": ("apis/networking.k8s.io/v1", "ingresses"),
    "NetworkPolicy": ("apis/networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": ("apis/policy/v1", "poddisruptionbudgets"),
}
# What the server adds to any object, and changes at will.
_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")


class KubernetesApi:
    """One API server, with the token of Implanta's own account in it."""

    def __init__(self, url: str, token: str, ca_file: str | None) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._ca_file = ca_file

    def new_client(self) -> "ApiClient":
        """A client of the library. Its import takes two seconds: nobody pays for it who does not need it."""
        from kubernetes import client

        configuration = client.Configuration(host=self._url, ssl_ca_cert=self._ca_file)
        configuration.retries = False  # blocks do not loop: tasks retry
        made = client.ApiClient(configuration)
        # In lower case: the library looks for it so when it opens a websocket.
        made.set_default_header("authorization", f"Bearer {self._token}")
        return made

    @cached_property
    def _client(self) -> "ApiClient":
        return self.new_client()

    def find(self, manifest: Manifest) -> Manifest | None:
        """The object of the same kind and name as it is now."""
        return self._call("GET", _path(manifest), may_be_missing=True)

    def list_objects(self, kind: str, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        """Every object of a kind that has these labels."""
        prefix, plural = _PLACES[kind]
        selector = urlencode({"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())})
        answer = self._call("GET", f"/{prefix}/namespaces/{namespace}/{plural}?{selector}", may_be_missing=True) or {}
        items = answer.get("items")
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []

    def apply(self, manifest: Manifest, *, dry_run: bool) -> Manifest:
        """Server-side apply: the server merges, and keeps what other managers own."""
        options = {"fieldManager": FIELD_MANAGER, "force": "true", **({"dryRun": "All"} if dry_run else {})}
        answer = self._call("PATCH", f"{_path(manifest)}?{urlencode(options)}", body=manifest)
        assert answer is not None  # noqa: S101  # only `may_be_missing` allows it
        return answer

    def create(self, manifest: Manifest) -> None:
        """Create an object that is no part of the declared state, such as a pod for one script."""
        self._call("POST", _path(manifest).rpartition("/")[0], body=manifest, content_type="application/json")

    def scale(self, manifest: Manifest, replicas: int) -> None:
        """Set the replicas of a Deployment, as the same manager who applies it."""
        self._call(
            "PATCH",
            f"{_path(manifest)}?{urlencode({'fieldManager': FIELD_MANAGER})}",
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
        )

    def delete(self, manifest: Manifest, *, at_once: bool = False) -> bool:
        """Delete an object; whether there was one."""
        options = {"propagationPolicy": "Background", **({"gracePeriodSeconds": "0"} if at_once else {})}
        path = f"{_path(manifest)}?{urlencode(options)}"
        return self._call("DELETE", path, may_be_missing=True) is not None

    def pod_log(self, namespace: str, pod: str, lines: int) -> str:
        """The last lines that a pod's only container said."""
        status, body = self._send("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log?tailLines={lines}")
        if status == _NOT_FOUND:
            return ""
        self._refuse(status, "o registro de um pod")
        return body.decode("utf-8", errors="replace")

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Manifest | None = None,
        content_type: str = "application/apply-patch+yaml",
        may_be_missing: bool = False,
    ) -> Manifest | None:
        status, answer = self._send(method, path, body=body, content_type=content_type)
        if status == _NOT_FOUND and may_be_missing:
            return None
        self._refuse(status, path.partition("?")[0])
        found: Manifest = json.loads(answer or b"{}")
        return found

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Manifest | None = None,
        content_type: str = "application/json",
    ) -> tuple[int, bytes]:
        from kubernetes.client.exceptions import ApiException

        headers = {"Accept": "application/json", **self._client.default_headers}
        if body is not None:
            headers["Content-Type"] = content_type
        text: Any = body
        if body is not None and not content_type.endswith("json"):  # the library serialises those types itself
            text = json.dumps(body)
        try:
            answer = self._client.call_api(
                method, self._url + path, header_params=headers, body=text, _request_timeout=_TIMEOUT_SECONDS
            )
            return int(answer.status), bytes(answer.read())
        except (ApiException, urllib3.exceptions.HTTPError) as e:
            raise RetryableError(
                f"O Kubernetes não respondeu ({type(e).__name__})",
                self._url,
                "Confira o endereço e o certificado no bloco, e se o servidor está no ar.",
            ) from None

    def _refuse(self, status: int, where: str) -> None:
        # The answer's own text is not quoted: it repeats values of the object, a Secret's among them.
        if status in _OK:
            return
        place = f"{self._url}, {where}"
        error: ImplantaError
        if status in _REFUSED:
            error = InvalidInputError(
                f"O Kubernetes recusou o acesso (HTTP {status})", place, "Confira o token e os papéis da conta."
            )
        elif status < 500:  # noqa: PLR2004  # the class of the client's errors
            error = IntegrityError(
                f"O Kubernetes recusou o objeto (HTTP {status})",
                place,
                "Aplique os manifestos com kubectl apply --dry-run=server para ler o motivo.",
            )
        else:
            error = RetryableError(f"O Kubernetes falhou (HTTP {status})", place, "Execute de novo mais tarde.")
        raise error


def without_servers_own(manifest: Manifest) -> Manifest:
    """The object without status and without what the server adds and changes at will."""
    metadata = manifest.get("metadata")
    kept = (
        {key: value for key, value in metadata.items() if key not in _SERVERS_OWN} if isinstance(metadata, dict) else {}
    )
    return {**{key: value for key, value in manifest.items() if key != "status"}, "metadata": kept}


def name_of(manifest: Manifest) -> str:
    """The object's name."""
    metadata = manifest["metadata"]
    return str(metadata["name"]) if isinstance(metadata, dict) else "?"


def _path(manifest: Manifest) -> str:
    metadata = manifest["metadata"]
    assert isinstance(metadata, dict)  # noqa: S101  # our own manifests
    prefix, plural = _PLACES[str(manifest["kind"])]
    parts: Sequence[str] = ("namespaces", str(metadata["namespace"])) if "namespace" in metadata else ()
    return "/".join(("", prefix, *parts, plural, str(metadata["name"])))
