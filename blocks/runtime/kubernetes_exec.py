"""A command in a running pod, by the API server's exec protocol."""

from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from websocket import WebSocketException

from blocks.runtime.kubernetes_api import KubernetesApi
from blocks.scripts import Finished
from domain.errors import IntegrityError, RetryableError

_LOST = -1


def exec_in_pod(
    api: KubernetesApi,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout_seconds: float,
    where: str,
) -> Finished:
    """Run a command to its end, standard error mixed into its output.

    The protocol cannot end standard input: the command must stop reading by itself, as SEI's scripts do after two
    lines.

    Raises:
        RetryableError: the API server did not take the command.
        IntegrityError: the command did not end in time, or the connection was lost and nobody knows how it ended.
    """
    from kubernetes import client
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream import stream

    try:
        # A client of its own: `stream` turns all of a client's calls into websockets while it runs.
        conversation = stream(
            client.CoreV1Api(api.new_client()).connect_get_namespaced_pod_exec,
            pod,
            namespace,
            container=container,
            command=list(command),
            stdin=bool(stdin),
            stdout=True,
            stderr=True,
            tty=False,
            binary=True,
            _preload_content=False,
        )
    except ApiException as e:
        raise RetryableError(
            f"O Kubernetes não executou o comando (HTTP {e.status})", where, "Confira o pod e execute de novo."
        ) from None
    started = monotonic()
    deadline = started + timeout_seconds
    try:
        with suppress(WebSocketException):  # lost: then there is no exit code, and that is what is told
            if stdin:
                conversation.write_stdin(stdin)
            conversation.run_forever(timeout=timeout_seconds)
        if conversation.is_open() and monotonic() >= deadline:
            raise IntegrityError(
                f"{command[-1]} não terminou em {timeout_seconds:g} s e foi interrompido",
                where,
                "Confira o que ficou pela metade, pela versão em infra_parametro, antes de executar de novo.",
            )
        try:
            exit_code = int(conversation.returncode)
        except (TypeError, ValueError, KeyError, IndexError):
            exit_code = _LOST
        output: bytes = conversation.read_all()  # forgets every channel, that of the exit code too
    finally:
        conversation.close()
    if exit_code == _LOST:
        raise IntegrityError(
            "A conexão caiu antes do fim do comando",
            where,
            "Confira o que ficou pela metade, pela versão em infra_parametro, antes de executar de novo.",
        )
    return Finished(exit_code, output, monotonic() - started)
