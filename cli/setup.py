"""`./implanta demo`, `./implanta test`, `./implanta deploy`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.output import JsonOption, errors_as_lines, out, print_json, talk


def demo(as_json: JsonOption = False) -> None:
    """Do zero: sobe o laboratório e implanta Timóteo e Rio Doce de ponta a ponta. Exemplo: ./implanta demo"""
    from blocks.settings import lab_dir
    from cli.demo import run_demo
    from lab.disk import naming_full_disk

    with errors_as_lines(), naming_full_disk(lab_dir()):
        run_demo(as_json=as_json)


def test(
    context: typer.Context,
    slow: Annotated[
        bool, typer.Option("--slow", help="Só as provas demoradas: kill -9, navegador, disco cheio.")
    ] = False,
) -> None:
    """Executa os testes contra servidores reais. Exemplo: ./implanta test"""
    import subprocess

    from blocks.settings import PROJECT_ROOT

    # The whole suite has two workers, each with a lab of its own. The long proofs kill and measure, and want the
    # machine to themselves; a choice of tests is faster on one lab.
    if slow:
        selection = ["-m", "slow"]
    elif context.args:
        selection = []
    else:
        selection = ["--numprocesses=2", "--dist=loadscope", "--no-loadscope-reorder"]
    done = subprocess.run([sys.executable, "-m", "pytest", *selection, *context.args], cwd=PROJECT_ROOT, check=False)
    raise typer.Exit(done.returncode)


def check() -> None:
    """Confere o código: ruff, mypy e os contratos entre os andares. Exemplo: ./implanta check"""
    import subprocess

    from blocks.settings import PROJECT_ROOT

    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"], ["lint-imports"]):
        program = Path(sys.executable).parent / command[0]
        done = subprocess.run([program, *command[1:]], cwd=PROJECT_ROOT, check=False)
        if done.returncode:
            raise typer.Exit(done.returncode)


def deploy(as_json: JsonOption = False) -> None:
    """Registra blocos e deployments no Prefect e atualiza o registro. Exemplo: ./implanta deploy"""
    with errors_as_lines():
        from cli.prefect import connect

        settings = connect()
        from cli.deploy import deploy as run
        from cli.deploy import missing_blocks

        changes = run(settings)
        missing = missing_blocks(settings)
    if missing:
        talk.print(f"Faltam blocos: {', '.join(missing)}. Cadastre-os na tela Blocks do Prefect.", highlight=False)
    if as_json:
        print_json({name: change.model_dump() for name, change in changes.items()})
        return
    for name, change in changes.items():
        out.print(f"{name}: {change}")
