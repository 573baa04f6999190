"""`./implanta schedule show|fleet`: a prefeitura in time, and when the whole fleet will be live."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import JsonOption, as_rows, errors_as_lines, out, print_json, write_file
from domain.planning import DEFAULT_ROUNDS, DEFAULT_SEED, MOST_ROUNDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.planning.forecast import FleetForecast, Schedule
    from domain.planning.rules import Rules

app = typer.Typer(no_args_is_help=True)

Rounds = Annotated[
    int, typer.Option("--rounds", min=1, max=MOST_ROUNDS, help="Quantas vezes o que falta é simulado até o fim.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="A mesma semente dá a mesma previsão.")]
Slots = Annotated[
    list[str] | None,
    typer.Option("--with", metavar="EQUIPE=VAGAS", help="Como se a equipe tivesse tantas vagas. Repita para várias."),
]


@app.command("show")
def show(
    ref: Annotated[str, typer.Argument(help="Nome curto (timoteo) ou código IBGE do município.")],
    target: Annotated[
        Path | None, typer.Option("--to", help="Grava a página (.html) ou a figura (.png) do cronograma.")
    ] = None,
    rounds: Rounds = DEFAULT_ROUNDS,
    seed: Seed = DEFAULT_SEED,
    as_json: JsonOption = False,
) -> None:
    """Mostra o planejado, o que aconteceu e a previsão de uma prefeitura. Exemplo: ./implanta schedule show timoteo"""
    with errors_as_lines():
        kind = _kind(target, ".html", ".png")
        from cli.prefect import connect

        connect()
        from blocks.catalog import Catalog
        from tasks.schedule import read_schedule

        found = read_schedule(ref, Catalog().planning(), rounds=rounds, seed=seed)
        if target and kind == ".png":
            from blocks.gantt_picture import draw_gantt

            write_file(target, draw_gantt(found.timetable, found.today))
        elif target:
            from blocks.schedule_page import schedule_page

            write_file(target, schedule_page(found).encode())
    if as_json:
        print_json(found.model_dump(mode="json") | {"file": str(target) if target else None})
        return
    _tell_schedule(found)
    _tell_file(target)


@app.command("fleet")
def fleet(
    slots: Slots = None,
    target: Annotated[Path | None, typer.Option("--to", help="Grava a página (.html) da previsão.")] = None,
    rounds: Rounds = DEFAULT_ROUNDS,
    seed: Seed = DEFAULT_SEED,
    as_json: JsonOption = False,
) -> None:
    """Diz quando todas as prefeituras estarão em produção, e que equipe é o gargalo.

    Exemplo: ./implanta schedule fleet --with instrutores=4
    """
    with errors_as_lines():
        _kind(target, ".html")
        from cli.prefect import connect

        connect()
        from blocks.catalog import Catalog
        from tasks.schedule import forecast

        found = forecast(_with_slots(Catalog().planning(), slots or ()), rounds=rounds, seed=seed)
        if target:
            from blocks.schedule_page import fleet_page

            write_file(target, fleet_page(found).encode())
    if as_json:
        print_json(found.model_dump(mode="json") | {"file": str(target) if target else None})
        return
    _tell_fleet(found)
    _tell_file(target)


def _with_slots(rules: "Rules", texts: "Sequence[str]") -> "Rules":
    from domain.errors import InvalidInputError

    slots: dict[str, int] = {}
    for text in texts:
        team, _, number = text.partition("=")
        if not number.isdecimal():
            raise InvalidInputError("Não entendi a equipe", f"--with {text}", "Escreva EQUIPE=VAGAS: instrutores=4.")
        slots[team.strip()] = int(number)
    return rules.model_copy(update={"teams": rules.teams.with_slots(slots)})


def _kind(target: Path | None, *known: str) -> str | None:
    from domain.errors import InvalidInputError

    if target is None or target.suffix in known:
        return target.suffix if target else None
    raise InvalidInputError(
        "Não sei gravar esse tipo de arquivo", str(target), f"Use um nome que termine em {' ou '.join(known)}."
    )


def _tell_file(target: Path | None) -> None:
    if target:
        out.print(f"Gravado em {target}", soft_wrap=True, highlight=False, markup=False)


def _tell_schedule(found: "Schedule") -> None:
    rows = [
        {
            "title": one.title,
            "state": one.state.label,
            "planned": f"{one.planned_start:%d/%m/%Y} a {one.planned_end:%d/%m/%Y}",
            "expected": f"{one.start:%d/%m/%Y} a {one.end:%d/%m/%Y}",
            "deviation": one.deviation.told,
        }
        for one in found.activities
    ]
    columns = {
        "title": "Atividade",
        "state": "Situação",
        "planned": "Planejado",
        "expected": "Real ou previsto",
        "deviation": "Desvio",
    }
    as_rows(rows, columns, f"Cronograma de {found.name}")
    if found.live:
        out.print(f"Em produção desde {found.go_live.median:%d/%m/%Y}.", highlight=False)
        return
    basis = sorted({one.basis.label for one in found.activities if one.basis})
    out.print(
        f"Entrada em produção: {found.go_live.median:%d/%m/%Y} (mediana), até {found.go_live.likely:%d/%m/%Y} (80 %),"
        f" até {found.go_live.late:%d/%m/%Y} (95 %); planejada para {found.planned_go_live:%d/%m/%Y}."
        f" Durações: {', '.join(basis)}.",
        highlight=False,
        soft_wrap=True,
    )


def _tell_fleet(found: "FleetForecast") -> None:
    rows = [
        {
            "name": line.name,
            "now": line.now,
            "planned": f"{line.planned_go_live:%d/%m/%Y}",
            "median": f"{line.go_live.median:%d/%m/%Y}",
            "likely": "em produção" if line.live else f"{line.go_live.likely:%d/%m/%Y}",
            "late": f"{line.business_days_late:+d}",
        }
        for line in found.lines
    ]
    columns = {
        "name": "Prefeitura",
        "now": "Agora",
        "planned": "Planejada",
        "median": "Mediana",
        "likely": "80 %",
        "late": "Dias úteis",
    }
    as_rows(rows, columns, "Previsão da entrada em produção")
    for team in found.teams:
        out.print(
            f"{team.title}: {team.slots} vagas, {team.queued_days:.0f} dias de espera;"
            f" com uma a mais, {team.gain_days} dias antes",
            highlight=False,
            soft_wrap=True,
        )
    for slug, reason in found.failures.items():
        out.print(f"Fora da previsão: {slug}: {reason}", highlight=False, markup=False, soft_wrap=True)
    out.print(found.told, highlight=False, soft_wrap=True)
