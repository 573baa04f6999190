"""`./implanta units plan|apply`: what a prefeitura's spreadsheet of units changes in an environment."""

from typing import TYPE_CHECKING

import typer

from cli.output import JsonOption, PlanOption, Target, as_rows, errors_as_lines, out, print_json

if TYPE_CHECKING:
    from domain.units_plan import TreeReport

app = typer.Typer(no_args_is_help=True)


@app.command("plan")
def plan(target: Target, as_json: JsonOption = False) -> None:
    """Mostra o que a planilha de unidades mudaria; não muda nada. Exemplo: ./implanta units plan timoteo-treinamento"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.units import plan_units

        with explaining_failures():
            found = plan_units(target)
        from domain.inspection import SHOWN_DIGITS
    _show(found, as_json=as_json, verb="mudariam")
    if not as_json and found.changes:
        out.print(f"Para aplicar só este plano: ./implanta units apply {target} --plan {found.digest[:SHOWN_DIGITS]}")


@app.command("apply")
def apply(
    target: Target,
    plan_digest: PlanOption = None,
    as_json: JsonOption = False,
) -> None:
    """Aplica a planilha de unidades, no SIP e no SEI. Exemplo: ./implanta units apply timoteo-treinamento"""
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.units import apply_units

        with explaining_failures():
            done = apply_units(target, plan_digest)
    _show(done, as_json=as_json, verb="mudaram")


def _show(found: "TreeReport", *, as_json: bool, verb: str) -> None:
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    if found.steps:
        rows = [{"told": step.told} for step in found.steps]
        as_rows(rows, {"told": "O que muda"}, f"Unidades · {found.environment}")
    out.print(
        f"{found.environment}: {len(found.changes)} unidades {verb}, {len(found.kept)} saíram da planilha e ficam,"
        f" {found.unchanged} estão como ela diz."
    )
