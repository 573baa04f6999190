"""A stand-in of Kubernetes' API server, as far as Implanta speaks to it: no cluster can run where these tests do.

It keeps objects, merges what is applied into what is there as server-side apply does, adds defaults and bookkeeping
of its own as the real one does, starts pods at once, and runs commands by the v4 exec protocol.
"""

import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

Object = dict[str, Any]
TOKEN = "token-do-cluster"
_STDOUT, _ERROR = b"\x01", b"\x03"


def _merge(old: Any, new: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: _merge(old.get(key), value) for key, value in new.items()}
    return new


class FakeKubernetes:
    """The server, on a free port of 127.0.0.1; what it was asked is in `requests`, what was posted in `created`."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.requests: list[tuple[str, str]] = []
        self.created: list[Object] = []
        self.commands: list[list[str]] = []
        self.stdin = b""
        self.exit_code = 0
        self.hangs = False
        self.loses_connections = False
        self.failing: int | None = None
        self._version = 0
        self._ready = threading.Event()
        exec_path = "/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        app = Starlette(
            routes=[
                WebSocketRoute(exec_path, self._exec),
                Route("/api/v1/namespaces/{namespace}/pods/{pod}/log", self._log),
                Route("/{path:path}", self._object, methods=["GET", "POST", "PATCH", "DELETE"]),
            ]
        )
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            threading.Event().wait(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def clear(self) -> None:
        self.objects.clear()
        self.requests.clear()
        self.created.clear()
        self.commands.clear()
        self.exit_code, self.hangs, self.loses_connections, self.failing = 0, False, False, None

    def find(self, kind: str, name: str) -> Object:
        (found,) = (o for o in self.objects.values() if (o["kind"], o["metadata"]["name"]) == (kind, name))
        return found

    def writes(self) -> list[tuple[str, str]]:
        """The requests since the last look that really wrote."""
        found = [(method, path) for method, path in self.requests if method != "GET" and "dryRun" not in path]
        self.requests.clear()
        return found

    async def _object(self, request: Request) -> Response:
        path = request.url.path
        self.requests.append((request.method, f"{path}?{request.url.query}"))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"message": "quem é?"}, 401)
        if self.failing:
            return JSONResponse({"message": "c2VuaGE="}, self.failing)
        handlers: dict[str, Callable[[Request, str], Awaitable[Response]]] = {
            "GET": self._get,
            "POST": self._post,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }
        return await handlers[request.method](request, path)

    async def _get(self, request: Request, path: str) -> Response:
        if path in self.objects:
            return JSONResponse(self.objects[path])
        if "labelSelector" not in request.query_params:
            return JSONResponse({"message": "not found"}, 404)
        wanted = dict(pair.split("=") for pair in request.query_params["labelSelector"].split(","))
        items = [
            {key: value for key, value in found.items() if key not in {"kind", "apiVersion"}}
            for place, found in self.objects.items()
            if place.startswith(f"{path}/") and wanted.items() <= found["metadata"].get("labels", {}).items()
        ]
        return JSONResponse({"items": items})

    async def _post(self, request: Request, path: str) -> Response:
        wanted = await request.json()
        place = f"{path}/{wanted['metadata']['name']}"
        if place in self.objects:
            return JSONResponse({"message": "exists"}, 409)
        self.created.append(wanted)
        self._keep(place, wanted)
        return JSONResponse(self.objects[place], 201)

    async def _patch(self, request: Request, path: str) -> Response:
        applied = request.headers["content-type"] == "application/apply-patch+yaml"
        if path not in self.objects and not applied:
            return JSONResponse({"message": "not found"}, 404)
        namespace = path.partition("/namespaces/")[2].partition("/")[0]
        if f"/api/v1/namespaces/{namespace}" not in {*self.objects, path}:
            return JSONResponse({"message": "no namespace"}, 404)
        old = self.objects.get(path, {})
        merged = _merge(old, json.loads(await request.body()))
        if request.query_params.get("dryRun"):
            return JSONResponse(self._with_defaults(merged))
        if self._with_defaults(merged) != old:
            self._keep(path, merged)
        return JSONResponse(self.objects[path])

    async def _delete(self, request: Request, path: str) -> Response:
        found = self.objects.pop(path, None)
        self._run_pods()
        return JSONResponse(found or {"message": "not found"}, 200 if found else 404)

    def _keep(self, place: str, wanted: Object) -> None:
        self._version += 1
        kept = self._with_defaults(wanted)
        kept["metadata"] |= {"resourceVersion": str(self._version), "uid": f"uid-{place}", "managedFields": []}
        if kept["kind"] == "Pod":
            kept["status"] = {"phase": "Running"}
        self.objects[place] = kept
        self._run_pods()

    def _with_defaults(self, wanted: Object) -> Object:
        made: Object = json.loads(json.dumps(wanted))
        if made["kind"] == "Deployment":
            made["spec"] = {"revisionHistoryLimit": 10, "replicas": 1, **made["spec"]}
        if made["kind"] == "Service":
            made["spec"] = {"type": "ClusterIP", **made["spec"]}
        return made

    def _run_pods(self) -> None:
        """As many pods of each Deployment as it has replicas."""
        self.objects = {place: found for place, found in self.objects.items() if not found.get("ofDeployment")}
        for place, found in list(self.objects.items()):
            if found["kind"] != "Deployment":
                continue
            for number in range(found["spec"]["replicas"]):
                namespace, name = found["metadata"]["namespace"], f"{found['metadata']['name']}-{number}"
                self.objects[f"/api/v1/namespaces/{namespace}/pods/{name}"] = {
                    "kind": "Pod",
                    "ofDeployment": place,
                    "metadata": {
                        "name": name,
                        "namespace": namespace,
                        "labels": found["spec"]["template"]["metadata"]["labels"],
                    },
                    "status": {"phase": "Running"},
                }

    async def _log(self, request: Request) -> Response:
        lines = int(request.query_params["tailLines"])
        return PlainTextResponse("".join(f"{request.path_params['pod']} {n}\n" for n in range(lines)))

    async def _exec(self, socket: WebSocket) -> None:
        if socket.headers.get("authorization") != f"Bearer {TOKEN}":
            await socket.close(1008)
            return
        await socket.accept(subprotocol="v4.channel.k8s.io")
        self.commands.append(socket.query_params.getlist("command"))
        if socket.query_params.get("stdin", "").lower() == "true":
            self.stdin = (await socket.receive_bytes())[1:]
        if self.loses_connections:
            return
        if self.hangs:
            await socket.receive()  # until the client goes away
            return
        await socket.send_bytes(_STDOUT + "VERSÃO ".encode("latin-1"))
        await socket.send_bytes(_STDOUT + "JÁ ESTÁ INSTALADA\n".encode("latin-1"))
        status: Object = {"status": "Success"}
        if self.exit_code:
            cause = {"reason": "ExitCode", "message": str(self.exit_code)}
            status = {"status": "Failure", "details": {"causes": [cause]}}
        await socket.send_bytes(_ERROR + json.dumps(status).encode())
        await socket.close()
