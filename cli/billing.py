"""`./implanta billing show|export`: what each prefeitura used of its plan in a month."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json, write_file

app = typer.Typer(no_args_is_help=True)

MonthOption = Annotated[str | None, typer.Option("--month", help="O mês, como 2027-05; sem isso, o mês passado.")]


@app.command("show")
def show(month: MonthOption = None, as_json: JsonOption = False) -> None:
    """Mostra o uso do mês de cada prefeitura, o plano e a faixa que se propõe. Exemplo: ./implanta billing show"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from tasks.billing import bills, month_to_bill

        wanted = month_to_bill(month)
        found = bills(wanted)
    if as_json:
        print_json({"month": str(wanted), "municipalities": [one.model_dump(mode="json") for one in found]})
        return
    from domain.backup.sizes import shown_size
    from domain.board.tables import shown

    rows = [
        {
            "name": one.name,
            "plan": one.plan.label,
            "users": f"{shown(one.month.users)} de {shown(one.plan.users)}",
            "peak": f"{shown(one.month.concurrent_users)} de {shown(one.plan.concurrent_users)}",
            "stored": shown_size(one.month.stored_bytes),
            "told": one.told,
        }
        for one in found
    ]
    columns = {
        "name": "Prefeitura",
        "plan": "Plano",
        "users": "Usuários",
        "peak": "Pico",
        "stored": "Armazenado",
        "told": "Proposta",
    }
    as_rows(rows, columns, f"Base do faturamento de {wanted.label}")
    for one in found:
        if one.proposal.reasons:
            out.print(f"{one.name}: {'; '.join(one.proposal.reasons)}", highlight=False, markup=False, soft_wrap=True)


@app.command("export")
def export(
    target: Annotated[Path, typer.Argument(metavar="ARQUIVO", help="O arquivo a gravar: .xlsx ou .csv.")],
    month: MonthOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grava a base do faturamento de um mês. Exemplo: ./implanta billing export faturamento.xlsx"""
    from domain.errors import InvalidInputError

    with errors_as_lines():
        if target.suffix not in {".xlsx", ".csv"}:
            raise InvalidInputError(
                "Não sei gravar esse tipo de arquivo", str(target), "Use um nome que termine em .xlsx ou .csv."
            )
        from cli.prefect import connect

        connect()
        from blocks.board_files import board_workbook
        from tasks import clock
        from tasks.billing import billing_csv, billing_table, bills, month_to_bill

        wanted = month_to_bill(month)
        table = billing_table(wanted, bills(wanted))
        content = billing_csv(table) if target.suffix == ".csv" else board_workbook([table], clock.now())
        write_file(target, content, "Indique outro lugar.")
    if as_json:
        print_json({"file": str(target), "month": str(wanted), "rows": len(table.rows)})
        return
    out.print(f"Gravado em {target}", soft_wrap=True, highlight=False, markup=False)
