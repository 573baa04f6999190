"""`./implanta demo`: two prefeituras from nothing to live, on the lab's real servers."""

import csv
import io
import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TypeVar

from pydantic import Field
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from blocks.settings import PROJECT_ROOT, lab_dir
from cli.output import out, print_json, talk
from domain.change import Change
from domain.errors import IntegrityError
from domain.lifecycle import Stage
from domain.model import Frozen
from domain.report import Journey, StageReport

T = TypeVar("T")

APPROVER = "Ponto focal da demonstração"
ROLE = "ponto focal"
GATE = "go-live"
RUNS_TO_LIVE = 3  # one to each gate, one through the last


class Prefeitura(Frozen):
    """One municipality of the demo; population by the price table's year (2021)."""

    ibge: str
    name: str
    slug: str
    population: int
    example: str = Field(description="Folder of its spreadsheets under examples/.")

    @property
    def folder(self) -> Path:
        """Where its example spreadsheets are."""
        return PROJECT_ROOT / "examples" / self.example


PREFEITURAS = (
    Prefeitura(ibge="3168705", name="Timóteo", slug="timoteo", population=91268, example="timoteo"),
    Prefeitura(ibge="3155009", name="Rio Doce", slug="rio-doce", population=2630, example="rio-doce"),
)


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
                "prefect_ui": settings.prefect_api_url.removesuffix("/api"),
                "environments": [address for _, address in _addresses()],
            }
        )
        return
    _print_table(demo, total, settings.prefect_api_url.removesuffix("/api"))


def implant_one(demo: Demo, prefeitura: Prefeitura) -> None:
    """Carry one prefeitura through its gates, answering each as its people would."""
    from cli.implantation import run_implantation

    slug = prefeitura.slug
    demo.do(slug, "adesão", lambda: _adhere(prefeitura), lambda change: (str(change), change))
    demo.do(
        slug,
        "planilhas de unidades e usuários",
        lambda: _send(slug, [prefeitura.folder / name for name in ("unidades.csv", "usuarios.csv")]),
        lambda change: (str(change), change),
    )
    for _ in range(RUNS_TO_LIVE):
        journey = demo.implant(slug, lambda: run_implantation(slug))
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
    slug = prefeitura.slug
    if journey.stages[-1].stage is Stage.TRAINING:
        demo.do(
            slug,
            "lista de presença das turmas",
            lambda: send_attendance(prefeitura, date.today()),  # noqa: DTZ011  # a demo's classes end yesterday, here
            lambda change: (str(change), change),
        )
    elif _is_approved(prefeitura):  # it waits for something else, and nobody is asked twice
        raise _stuck(journey)
    else:
        demo.do(slug, "contrato e decreto", lambda: prepare_go_live(slug), lambda change: (str(change), change))
        demo.do(
            slug, "aprovação da entrada em produção", lambda: _approve(prefeitura), lambda change: (str(change), change)
        )


def _adhere(prefeitura: Prefeitura) -> Change:
    from blocks.catalog import Catalog
    from cli.adhesion import adhere
    from cli.municipality import open_registry
    from domain.municipality import Contact, municipality_from
    from domain.plan import choose_plan

    catalog = Catalog()
    municipality = municipality_from(
        prefeitura.ibge,
        prefeitura.name,
        prefeitura.population,
        catalog.ibge_table(),
        contacts=[Contact(name=APPROVER, email=f"ponto-focal@{prefeitura.slug}.example.com", role=ROLE)],
    )
    return adhere(open_registry(), municipality, choose_plan(prefeitura.population, catalog.plans()))


def _send(slug: str, files: list[Path]) -> Change:
    from cli.intake import send_sheets

    return Change.sum(send_sheets(slug, files).values())


def send_attendance(prefeitura: Prefeitura, today: date, share: float = 1) -> Change:
    """Send the example list with its days moved so that the newest class ended yesterday: old classes do not count.

    Of the list only so many rows, from the top, make up the given share of the prefeitura's people.
    """
    from cli.intake import send_text

    rows = list(
        csv.reader(io.StringIO((prefeitura.folder / "capacitacao.csv").read_text(encoding="utf-8")), delimiter=";")
    )
    header, body = rows[0], rows[1:]
    if share < 1:
        body = _rows_of_share(body, wanted=math.ceil(share * _people_of(prefeitura)))
    days = [datetime.strptime(row[3], "%d/%m/%Y").date() for row in body]  # noqa: DTZ007  # days, not moments
    shift = today - timedelta(days=1) - max(days)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerows([header, *([*row[:3], f"{day + shift:%d/%m/%Y}"] for row, day in zip(body, days, strict=True))])
    return send_text(prefeitura.slug, "capacitacao.csv", text.getvalue())


def _people_of(prefeitura: Prefeitura) -> int:
    with (prefeitura.folder / "usuarios.csv").open(encoding="utf-8", newline="") as file:
        return len({row["login"] for row in csv.DictReader(file, delimiter=";")})


def _rows_of_share(body: list[list[str]], *, wanted: int) -> list[list[str]]:
    """The rows from the top until so many people have finished something."""
    finished: set[str] = set()
    kept = []
    for row in body:
        if row[2] == "concluído":
            finished.add(row[0])
        if len(finished) > wanted:
            break
        kept.append(row)
    return kept


def prepare_go_live(slug: str) -> Change:
    """What a prefeitura brings before it may go live: its contract, its decree, and on a frozen day a good reason."""
    from blocks.catalog import Catalog
    from cli.municipality import open_registry
    from domain.act import Act, RegisteredAct
    from domain.freeze import freeze_on
    from tasks import clock
    from tasks.acts import register_act
    from tasks.waivers import answer_gate, find_waiver, item_gate

    today, found = clock.today(), open_registry().find_municipality(slug)
    # Always the same: a second demo changes nothing.
    acts = [RegisteredAct(act=act, number="1/2026", day=date(2026, 1, 2)) for act in Act]
    change = Change.sum(register_act(slug, act) for act in acts)
    gate = item_gate("fora_de_congelamento")
    if freeze_on(today, Catalog().freezes(), found.ibge) is None or find_waiver(found, gate):
        return change
    reason = "Demonstração: ninguém trabalha neste ambiente."
    answer_gate(found, gate, "dispensar", name=APPROVER, reason=reason, until=today + timedelta(days=30))
    return change + Change(created=1)


def _is_approved(prefeitura: Prefeitura) -> bool:
    from cli.municipality import open_registry

    return bool(open_registry().decisions(prefeitura.ibge, GATE))


def _approve(prefeitura: Prefeitura) -> Change:
    from cli.municipality import open_registry

    open_registry().record_decision(
        ibge=prefeitura.ibge,
        gate=GATE,
        decision="approve",
        name=APPROVER,
        reason="Demonstração: lista de verificação conferida.",
    )
    return Change(created=1)


def _addresses() -> list[tuple[str, str]]:
    from cli.municipality import open_registry

    return [(record.slug, f"https://{record.hostname}/sei") for record in open_registry().list_environments()]


def _print_table(demo: Demo, total: Change, prefect_ui: str) -> None:
    table = Table(title="O que foi feito", title_justify="left", header_style="bold", show_footer=True)
    table.add_column("Onde", footer="Total")
    table.add_column("Etapa")
    table.add_column("Resultado", footer=str(total))
    table.add_column("Duração", justify="right", footer=f"{demo.seconds:.1f} s")
    for line in demo.lines:
        table.add_row(line.subject, line.name, line.outcome, f"{line.seconds:.1f} s")
    out.print(table)
    out.print(f"Prefect: {prefect_ui}")
    for slug, address in _addresses():
        out.print(f"{slug}: {address}")
