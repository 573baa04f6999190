"""Programs that get secrets on standard input only, and that end in time with everything they started."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from domain.errors import ImplantaError, IntegrityError, InvalidInputError


class Finished:
    """What a program left: its exit code and the bytes it wrote."""

    def __init__(self, exit_code: int, output: bytes) -> None:
        self.exit_code = exit_code
        self.output = output


def run_program(
    arguments: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout_seconds: float,
    where: str,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    late: type[ImplantaError] = IntegrityError,
    when_late: str = "Confira o que ficou pela metade, pela versão em infra_parametro, antes de executar de novo.",
) -> Finished:
    """Run a program to its end, standard error mixed into its output as a terminal shows it.

    Raises:
        InvalidInputError: there is no such program.
        IntegrityError: it did not end in time (or `late`); its whole process group was killed.
    """
    try:
        process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,  # a group of its own: what it starts dies with it
        )
    except OSError as e:
        raise InvalidInputError(
            f"Não foi possível executar {Path(arguments[0]).name} ({e.strerror})",
            where,
            "Instale o programa ou acerte suas permissões e execute de novo.",
        ) from None
    try:
        output, _ = process.communicate(stdin, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        raise late(
            f"{Path(arguments[0]).name} não terminou em {timeout_seconds:g} s e foi interrompido", where, when_late
        ) from None
    except BaseException:
        _kill_group(process)
        raise
    return Finished(process.returncode, output)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
