"""`./implanta demo`: two prefeituras from nothing to live, on the lab's real servers."""

from collections.abc import Callable
from datetime import date
from time import monotonic
from typing import TypeVar

from pydantic import Field
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from blocks.settings import lab_dir
from cli.demo_people import (
    FIRST_CLASSES,
    PREFEITURAS,
    WORKER_SECONDS,
    Prefeitura,
    adhere_to_programme,
    approve,
    finish_at_moodle,
    has_told_of_classes,
    is_approved,
    pass_a_night,
    prepare_go_live,
    send_attendance,
    send_files,
    waive_training,
)
from cli.output import out, print_json, talk
from domain.change import Change
from domain.errors import IntegrityError
from domain.lifecycle import Stage
from domain.model import Frozen
from domain.report import Journey, StageReport

T = TypeVar("T")

RUNS_TO_LIVE = 4  # two to the gate of the training, one to the last gate, one through it


class DoneStep(Frozen):
    """One line of the demo's table."""

    subject: str
    name: str
    outcome: str
    change: Change = Field(default_factory=Change)
    seconds: float


class Demo:
    """The demo's run: what it did so far, one line a step, with a progress display."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.lines: list[DoneStep] = []
        self._quiet = quiet
        self._started = monotonic()

    @property
    def seconds(self) -> float:
        """How long the demo has been running."""
        return monotonic() - self._started

    def do(self, subject: str, name: str, work: Callable[[], T], outcome: Callable[[T], tuple[str, Change]]) -> T:
        """Run one step with a spinner and keep its line."""
        result, text, change, seconds = self._watch(f"{subject} · {name}", work, outcome)
        self.lines.append(DoneStep(subject=subject, name=name, outcome=text, change=change, seconds=seconds))
        return result

    def implant(self, subject: str, work: Callable[[], Journey]) -> Journey:
        """Run an implantation with a spinner and keep a line for each stage, added up over the runs to each gate."""
        journey, *_ = self._watch(f"{subject} · implantação", work, _describe)
        for stage in journey.stages:
            self._add_stage(stage)
        return journey

    def _watch(
        self, label: str, work: Callable[[], T], outcome: Callable[[T], tuple[str, Change]]
    ) -> tuple[T, str, Change, float]:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=talk, transient=True, disable=self._quiet or not talk.is_terminal) as progress:
            progress.add_task(label)
            started = monotonic()
            result = work()
            seconds = monotonic() - started
        text, change = outcome(result)
        if not self._quiet:
            talk.print(f"[green]✓[/] {label}: {text} [dim]({seconds:.1f} s)[/]", highlight=False)
        return result, text, change, seconds

    def _add_stage(self, stage: StageReport) -> None:
        place = next(
            (
                at
                for at, line in enumerate(self.lines)
                if (line.subject, line.name) == (stage.subject, stage.stage.label)
            ),
            None,
        )
        before = self.lines[place] if place is not None else None
        change = (before.change if before else Change()) + stage.change
        line = DoneStep(
            subject=stage.subject,
            name=stage.stage.label,
            outcome="aguardando" if stage.waiting_for else str(change),
            change=change,
            seconds=(before.seconds if before else 0) + stage.seconds,
        )
        if place is None:
            self.lines.append(line)
        else:
            self.lines[place] = line


def _describe(journey: Journey) -> tuple[str, Change]:
    where = f"aguardando {journey.stages[-1].stage.label.lower()}" if journey.waiting_for else "em produção"
    return f"{where}, {journey.change}", journey.change


def run_demo(*, as_json: bool) -> None:
    """Run everything and print the table; a second run finds everything done.

    Raises:
        ImplantaError: as the failing step raised it; a rerun goes on from there.
    """
    import lab

    demo = Demo()
    state = demo.do("laboratório", "servidores no ar", lambda: lab.up(lab_dir()), lambda _: ("pronto", Change()))
    from cli.prefect import connect

    settings = connect()
    from cli.deploy import deploy

    def summed(changes: dict[str, Change]) -> tuple[str, Change]:
        total = Change.sum(changes.values())
        return str(total), total

    demo.do("laboratório", "registro, blocos e deployments", lambda: deploy(settings), summed)
    for prefeitura in PREFEITURAS:
        implant_one(demo, prefeitura)
    from cli.demo_visit import visit

    demo.do(
        PREFEITURAS[0].slug,
        "uma pessoa entra e abre um processo",
        lambda: visit(state, PREFEITURAS[0].slug, PREFEITURAS[0].folder),
        lambda seen: (seen.text, seen.change),
    )
    total = Change.sum(line.change for line in demo.lines)
    if as_json:
        print_json(
            {
                "steps": [line.model_dump(mode="json") for line in demo.lines],
                "change": total.model_dump(),
                "seconds": demo.seconds,
                "prefect_ui": state.porta.url,
                "board": state.painel.url,
                "environments": [address for _, address in _addresses()],
            }
        )
        return
    _print_table(demo, total, state.porta.url, state.painel.url)


def implant_one(demo: Demo, prefeitura: Prefeitura) -> None:
    """Carry one prefeitura through its gates, answering each as its people would."""
    from cli.implantation import run_implantation

    slug = prefeitura.slug
    demo.do(slug, "adesão", lambda: adhere_to_programme(prefeitura), lambda change: (str(change), change))
    demo.do(
        slug,
        "planilhas de unidades e usuários",
        lambda: send_files(slug, [prefeitura.folder / name for name in ("unidades.csv", "usuarios.csv")]),
        lambda change: (str(change), change),
    )
    for _ in range(RUNS_TO_LIVE):
        journey = demo.implant(slug, lambda: run_implantation(slug, WORKER_SECONDS))
        if not journey.waiting_for:
            return
        _answer(demo, prefeitura, journey)
    raise _stuck(journey)


def _stuck(journey: Journey) -> IntegrityError:
    return IntegrityError(
        f"A prefeitura da demonstração não chegou à produção: {' '.join(journey.waiting_for)}",
        journey.municipality,
        f"Corrija o que falta e veja com ./implanta implant {journey.municipality}.",
    )


def _answer(demo: Demo, prefeitura: Prefeitura, journey: Journey) -> None:
    slug, today = prefeitura.slug, date.today()  # noqa: DTZ011  # a demo's classes end yesterday, here

    def does(name: str, work: Callable[[], Change]) -> None:
        demo.do(slug, name, work, lambda change: (str(change), change))

    if journey.stages[-1].stage is Stage.TRAINING:
        if not has_told_of_classes(prefeitura):
            share = f"lista de presença: {FIRST_CLASSES:.0%} capacitados"
            does(share, lambda: send_attendance(prefeitura, today, FIRST_CLASSES))
        elif prefeitura.waives_training:
            does("dispensa do portão da capacitação", lambda: waive_training(prefeitura, today))
        else:
            does("últimas turmas concluídas no Moodle", lambda: finish_at_moodle(prefeitura, today))
            does("à noite, o portão abre e a implantação segue sozinha", lambda: pass_a_night(prefeitura))
    elif is_approved(prefeitura):  # it waits for something else, and nobody is asked twice
        raise _stuck(journey)
    else:
        does("contrato e decreto", lambda: prepare_go_live(slug))
        does("aprovação da entrada em produção", lambda: approve(prefeitura))


def _addresses() -> list[tuple[str, str]]:
    from cli.municipality import open_registry

    return [(record.slug, f"https://{record.hostname}/sei") for record in open_registry().list_environments()]


def _print_table(demo: Demo, total: Change, prefect_ui: str, board: str) -> None:
    table = Table(title="O que foi feito", title_justify="left", header_style="bold", show_footer=True)
    table.add_column("Onde", footer="Total")
    table.add_column("Etapa")
    table.add_column("Resultado", footer=str(total))
    table.add_column("Duração", justify="right", footer=f"{demo.seconds:.1f} s")
    for line in demo.lines:
        table.add_row(line.subject, line.name, line.outcome, f"{line.seconds:.1f} s")
    out.print(table)
    out.print(f"Prefect: {prefect_ui}")
    out.print(f"Painel: {board}")
    out.print("Quem entra em um e no outro: ./implanta board url")
    for slug, address in _addresses():
        out.print(f"{slug}: {address}")
