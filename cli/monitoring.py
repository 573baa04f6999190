"""`./implanta monitoring now|show|availability`: how environments are, and how much of a month they could be used."""

from typing import Annotated

import typer
from rich.markup import escape

from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json

app = typer.Typer(no_args_is_help=True)


@app.command("now")
def now(as_json: JsonOption = False) -> None:
    """Faz uma varredura agora, como o Prefect a cada cinco minutos. Exemplo: ./implanta monitoring now

    Código de saída: 0 varreu, haja ou não incidentes; 10 o registro não responde; 30 outra varredura está gravando.
    """
    with errors_as_lines():
        from cli.prefect import connect, explaining_failures

        connect()
        from flows.monitoring import monitoring

        with explaining_failures():
            report = monitoring()
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    from domain.calendar import local_moment

    out.print(f"{report.summary()}.", highlight=False)
    rows = [
        {
            "subject": one.subject,
            "probe": one.probe.label,
            "since": local_moment(one.since),
            "incident": "sim" if one.incident else "ainda não",
            "detail": one.detail,
        }
        for one in report.troubles
    ]
    if rows:
        as_rows(rows, _TROUBLES, "O que não está bem")
        _advise(report.remedies)


def _advise(remedies: dict[str, str]) -> None:
    """What to do of each probe that fails, by its label."""
    for label, remedy in remedies.items():
        out.print(f"[bold]{label}[/bold]: {escape(remedy)}", highlight=False)


_TROUBLES = {
    "subject": "O quê",
    "probe": "Sonda",
    "since": "Desde",
    "incident": "Incidente",
    "detail": "Causa",
}


@app.command("show")
def show(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[AMBIENTE]", help="Todas as sondas de um ambiente; sem ele, o que não está bem."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Mostra como a última varredura viu os ambientes, sem perguntar a eles. Exemplo: ./implanta monitoring show"""
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from blocks.catalog import Catalog
        from domain.calendar import local_moment
        from tasks import doors

        probes = Catalog().monitoring().probes
        if target is not None:
            doors.registry().environment(target)
        states = [
            state
            for state in doors.registry().monitoring.states()
            if (state.subject == target if target else state.incident is not None or state.verdict == "ruim")
        ]
    if as_json:
        print_json([state.model_dump(mode="json") for state in states])
        return
    rows = [
        {
            "subject": state.subject,
            "probe": state.probe.label,
            "verdict": state.verdict.value,
            "since": local_moment(state.since),
            "seen": local_moment(state.seen_at),
            "incident": "sim" if state.incident else "",
            "detail": state.detail,
        }
        for state in states
    ]
    if not rows:
        out.print(
            "Nada a mostrar: tudo o que se viu está bem." if target is None else f"{target}: ainda sem varredura."
        )
        return
    columns = {
        "subject": "O quê",
        "probe": "Sonda",
        "verdict": "Resposta",
        "since": "Desde",
        "seen": "Vista em",
        "incident": "Incidente",
        "detail": "Detalhe",
    }
    as_rows(rows, columns, "Monitoração")
    _advise({state.probe.label: probes[state.probe].remedy for state in states if state.verdict == "ruim"})


@app.command("availability")
def availability(
    target: Annotated[str | None, typer.Argument(metavar="[AMBIENTE]", help="Uma produção; sem ela, todas.")] = None,
    month: Annotated[str | None, typer.Option("--month", help="O mês, como 2027-05; sem isso, o passado.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Mostra a disponibilidade de cada produção em um mês, e à parte o tempo fechado de propósito.

    Exemplo: ./implanta monitoring availability
    """
    with errors_as_lines():
        from cli.prefect import connect

        connect()
        from domain.monthly_report import Month
        from tasks import clock
        from tasks.availability import availability_of

        wanted = Month.before(clock.today()) if month is None else Month.parse(month)
        found = availability_of(wanted, target)
    if as_json:
        print_json(
            {
                "month": str(wanted),
                "environments": [{**one.model_dump(mode="json"), "percent": one.availability.percent} for one in found],
            }
        )
        return
    if not found:
        out.print(f"Nenhuma produção foi vista pela monitoração em {wanted.label}.")
    for one in found:
        out.print(f"{one.environment}: {one.availability.told}", highlight=False, markup=False, soft_wrap=True)
