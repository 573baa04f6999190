"""`./implanta users …`: a prefeitura's people, from the spreadsheet to SIP, and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import users_reconciliation
from cli.output import JsonOption, PlanOption, Target, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.users_report import UsersReport

app = typer.Typer(no_args_is_help=True)
app.command("reconcile")(users_reconciliation.reconcile)
app.command("mend")(users_reconciliation.mend)

_SHOWN_STEPS = 60


@app.command("plan")
def plan(target: Target, as_json: JsonOption = False) -> None:
    """Mostra o que a planilha de usuários mudaria; não muda nada. Exemplo: ./implanta users plan timoteo-treinamento"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.users import plan_users

        with explaining_failures():
            found = plan_users(target)
        from domain.inspection import SHOWN_DIGITS
    _show(found, as_json=as_json)
    if not as_json and found.touched:
        out.print(f"Para aplicar só este plano: ./implanta users apply {target} --plan {found.code[:SHOWN_DIGITS]}")


@app.command("apply")
def apply(target: Target, plan_code: PlanOption = None, as_json: JsonOption = False) -> None:
    """Aplica a planilha: SSC, SIP, SEI e primeiro acesso. Exemplo: ./implanta users apply timoteo-treinamento"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.users import apply_users

        with explaining_failures():
            done = apply_users(target, plan_code)
    _show(done, as_json=as_json)
    _exit_if_waiting(done)


@app.command("batches")
def batches(target: Target, as_json: JsonOption = False) -> None:
    """Lista os lotes aplicados, do mais novo ao mais antigo. Exemplo: ./implanta users batches timoteo-treinamento"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.instance import load_instance
        from tasks.users_batches import list_batches

        found = list_batches(load_instance(target))
    rows = [
        {
            "batch": event.details["batch"],
            "when": f"{event.occurred_at:%Y-%m-%dT%H:%M:%SZ}",
            "undoes": event.details["undoes"] or "",
            "outcome": outcome.value if outcome else "open",
            **{name: event.details[name] for name in ("joining", "changing", "returning", "leaving")},
        }
        for event, outcome in reversed(found)
    ]
    if as_json:
        print_json(rows)
        return
    as_rows(
        rows,
        {
            "batch": "Lote",
            "when": "Quando",
            "joining": "Entram",
            "changing": "Mudam",
            "returning": "Voltam",
            "leaving": "Saem",
            "undoes": "Desfaz",
            "outcome": "Situação",
        },
        f"Lotes de usuários · {target}",
    )


@app.command("undo")
def undo(
    target: Target,
    batch: Annotated[str, typer.Argument(help="Lote a desfazer, como em users batches.")],
    plan_code: PlanOption = None,
    show: Annotated[bool, typer.Option("--dry-run", help="Só mostra o que mudaria.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Põe as pessoas de um lote como estavam. Exemplo: ./implanta users undo timoteo-treinamento LOTE --dry-run"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.users import plan_undo, undo_users

        with explaining_failures():
            done = plan_undo(target, batch) if show else undo_users(target, batch, plan_code)
    _show(done, as_json=as_json)
    if not show:
        _exit_if_waiting(done)


@app.command("returned")
def returned(
    target: Target,
    to: Annotated[Path, typer.Option("--to", help="Arquivo XLSX que será criado, só para o dono da conta.")],
    as_json: JsonOption = False,
) -> None:
    """Baixa as linhas recusadas e os motivos. Exemplo: ./implanta users returned timoteo-treinamento --to volta.xlsx"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from blocks.private_files import replace_private_file
        from tasks.instance import load_instance
        from tasks.users_sheet import load_returned

        body = load_returned(load_instance(target))
        replace_private_file(to, body)
    if as_json:
        print_json({"file": str(to), "bytes": len(body)})
        return
    out.print(f"Linhas recusadas em {to}: devolva à prefeitura e apague o arquivo.")


def _exit_if_waiting(done: "UsersReport") -> None:
    if done.waiting_for:
        from domain.errors import GateClosedError

        raise typer.Exit(GateClosedError.exit_code)


def _show(found: "UsersReport", *, as_json: bool) -> None:
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    for column, sentences in (
        ("O que muda", found.told),
        ("Linha que volta, e por quê", found.refusals),
        ("Observação", found.remarks),
    ):
        if sentences:
            as_rows([{"told": sentence} for sentence in sentences[:_SHOWN_STEPS]], {"told": column}, found.environment)
            if len(sentences) > _SHOWN_STEPS:
                out.print(f"… e mais {len(sentences) - _SHOWN_STEPS} (veja todas com --json)")
    if found.batch:
        out.print(f"Lote {found.batch}. Para desfazer: ./implanta users undo {found.environment} {found.batch}")
    out.print(f"{found.environment}: {found.summary()}.")
    for reason in found.waiting_for:
        out.print(f"[yellow]Aguardando:[/] {reason}", highlight=False, soft_wrap=True)
