"""Programs that get secrets on standard input only, and that end in time with everything they started."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from domain.errors import ImplantaError, IntegrityError, InvalidInputError


class Finished:
    """What a program left: its exit code, the bytes it wrote and how long it took."""

    def __init__(self, exit_code: int, output: bytes, seconds: float) -> None:
        self.exit_code = exit_code
        self.output = output
        self.seconds = seconds


def run_program(
    arguments: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout_seconds: float,
    where: str,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    dies_with_caller: bool = False,
    late: type[ImplantaError] = IntegrityError,
    when_late: str = "Confira o que ficou pela metade, pela versão em infra_parametro, antes de executar de novo.",
) -> Finished:
    """Run a program to its end, standard error mixed into its output as a terminal shows it.

    With `dies_with_caller` the kernel kills it when we are killed: nobody would watch its time any more.

    Raises:
        InvalidInputError: there is no such program, or no setpriv to tie it to us.
        IntegrityError: it did not end in time (or `late`); its whole process group was killed.
    """
    name, prefix = Path(arguments[0]).name, _dying_with_us() if dies_with_caller else []
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            [*prefix, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,  # a group of its own: what it starts dies with it
        )
    except OSError as e:
        raise InvalidInputError(
            f"Não foi possível executar {name} ({e.strerror})",
            where,
            "Instale o programa ou acerte suas permissões e execute de novo.",
        ) from None
    try:
        output, _ = process.communicate(stdin, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        raise late(f"{name} não terminou em {timeout_seconds:g} s e foi interrompido", where, when_late) from None
    except BaseException:
        _kill_group(process)
        raise
    return Finished(process.returncode, output, time.monotonic() - started)


def _dying_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise InvalidInputError("O programa setpriv não está instalado", "PATH", "Instale o pacote util-linux.")
    return [setpriv, "--pdeathsig", "KILL"]


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
