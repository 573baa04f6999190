"""`./implanta lab`: the private servers of the demo and the tests."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, as_rows, errors_as_lines, print_json, talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.orchestration import Progress

app = typer.Typer(help="Servidores privados de demonstração e teste.", no_args_is_help=True)

PROJECT_ROOT = Path(__file__).resolve().parent.parent
STATES = {
    "starting": "iniciando",
    "ready": "pronto",
    "running": "no ar",
    "failed": "falhou",
    "stopping": "parando",
    "stopped": "parado",
    "silent": "sem resposta",
}

LabDirOption = Annotated[
    Path,
    typer.Option("--lab-dir", envvar="IMPLANTA_LAB_DIR", help="Diretório do laboratório.", show_default=False),
]
DEFAULT_LAB_DIR = PROJECT_ROOT / ".lab"


@contextmanager
def watching() -> Iterator["Callable[[Progress], None]"]:
    """A line for each service, with its state and seconds; live on a terminal, the last state elsewhere."""
    from rich.progress import Progress as Lines
    from rich.progress import SpinnerColumn, TaskID, TextColumn

    columns = (
        SpinnerColumn(finished_text="·"),
        TextColumn("{task.description:<20}", markup=False),
        TextColumn("{task.fields[state]:<13}", markup=False),
        TextColumn("{task.fields[seconds]}", markup=False),
    )
    with Lines(*columns, console=talk) as lines:
        shown: dict[str, TaskID] = {}
        lock = Lock()

        def tell(progress: "Progress") -> None:
            if progress.state == "waiting":
                lines.print("Outro comando trabalha neste laboratório; aguardando a vez…", highlight=False)
                return
            with lock:  # services report from threads of their own
                task = shown.get(progress.service)
                if task is None:
                    task = lines.add_task(progress.title, total=1, state="", seconds="")
                    shown[progress.service] = task
                goes_on = progress.state in {"starting", "stopping"}
                seconds = "" if goes_on else f"{progress.seconds:.1f} s"
                lines.update(task, state=STATES[progress.state], seconds=seconds, completed=0 if goes_on else 1)

        yield tell


def _status(lab_dir: Path) -> list[dict[str, str | int | None]]:
    import lab

    return [
        {"service": s.service, "title": s.title, "state": s.state, "pid": s.pid, "address": s.address}
        for s in lab.status(lab_dir)
    ]


@app.command("up")
def lab_up(
    lab_dir: LabDirOption = DEFAULT_LAB_DIR,
    new_ports: Annotated[
        bool, typer.Option("--new-ports", help="Troca as portas que outros programas ocuparam.")
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            help="Perfil de um laboratório novo: embedded, tudo em uma máquina, ou scale, o Prefect em partes.",
            show_default="embedded",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sobe o que falta do laboratório, com seus dados. Exemplo: ./implanta lab up

    Código de saída: 0 tudo no ar; 10 um servidor não subiu; 20 porta ocupada, disco cheio ou programa ausente.
    """
    import lab

    with errors_as_lines(), watching() as tell:
        state = lab.up(lab_dir, profile=profile, new_ports=new_ports, on_progress=tell)
    if as_json:
        print_json({"lab_dir": str(state.lab_dir), "ok": True, "services": _status(lab_dir)})
        return
    typer.echo(f"Laboratório no ar em {state.lab_dir}")
    typer.echo(f"Prefect: {state.porta.url} (quem entra: ./implanta board url)")
    typer.echo(f"Painel: {state.painel.url}")


@app.command("status")
def lab_status(lab_dir: LabDirOption = DEFAULT_LAB_DIR, as_json: JsonOption = False) -> None:
    """Mostra cada servidor, perguntando a ele mesmo. Exemplo: ./implanta lab status

    Código de saída: 0 tudo no ar; 10 algum servidor parado ou sem resposta.
    """
    from domain.errors import RetryableError

    with errors_as_lines():
        services = _status(lab_dir)
    ok = all(service["state"] == "running" for service in services)
    if as_json:
        print_json({"lab_dir": str(lab_dir.resolve()), "ok": ok, "services": services})
    else:
        rows = [
            {
                "title": s["title"],
                "state": STATES[str(s["state"])],
                "pid": s["pid"] or "",
                "address": s["address"] or "",
                "service": s["service"],
            }
            for s in services
        ]
        columns = {"service": "serviço", "title": "servidor", "state": "estado", "pid": "pid", "address": "endereço"}
        as_rows(rows, columns, f"Laboratório em {lab_dir.resolve()}")
    if not ok:
        raise typer.Exit(RetryableError.exit_code)


@app.command("logs")
def lab_logs(
    service: Annotated[
        str,
        typer.Argument(
            metavar="SERVIÇO", help="prefect, mariadb, ldap, s3, worker, ou outro que ./implanta lab status nomeia."
        ),
    ],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Continua mostrando o que chega.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="Quantas linhas mostrar.")] = 50,
    lab_dir: LabDirOption = DEFAULT_LAB_DIR,
) -> None:
    """Mostra o registro de um servidor. Exemplo: ./implanta lab logs prefect -n 20

    Código de saída: 0; 20 se o servidor não existe ou ainda não escreveu nada.
    """
    import lab

    with errors_as_lines():
        path = lab.log_file(lab_dir, service)
    # tail waits for what arrives and survives a log that is cut, which is more than we would write.
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(path)]
    try:
        raise typer.Exit(subprocess.run(command, check=False).returncode)
    except KeyboardInterrupt:
        raise typer.Exit from None


@app.command("down")
def lab_down(
    destroy: Annotated[bool, typer.Option("--destroy", help="Apaga também os dados do laboratório.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Não pergunta antes de apagar.")] = False,
    lab_dir: LabDirOption = DEFAULT_LAB_DIR,
    as_json: JsonOption = False,
) -> None:
    """Para o que o laboratório iniciou; os dados ficam. Exemplo: ./implanta lab down

    Código de saída: 0; 20 se a pergunta de --destroy não pôde ser feita.
    """
    import lab
    from domain.errors import InvalidInputError

    with errors_as_lines():
        if destroy and not yes:
            if not sys.stdin.isatty():
                raise InvalidInputError(
                    "Falta confirmar a destruição dos dados",
                    str(lab_dir.resolve()),
                    "Sem terminal para perguntar, acrescente --yes.",
                )
            typer.confirm(f"Apagar todos os dados do laboratório em {lab_dir.resolve()}?", abort=True, err=True)
        with watching() as tell:
            stopped = lab.down(lab_dir, destroy=destroy, on_progress=tell)
    if as_json:
        print_json({"lab_dir": str(lab_dir.resolve()), "stopped": list(stopped), "destroyed": destroy})
        return
    typer.echo("Laboratório apagado." if destroy else "Laboratório parado." if stopped else "Nada estava no ar.")
