"""What the people of the demo's prefeituras bring, decide and wait for."""

import csv
import io
import math
from datetime import date, datetime, time, timedelta
from pathlib import Path

from pydantic import Field
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from blocks.settings import PROJECT_ROOT
from domain.calendar import BRASILIA
from domain.change import Change
from domain.errors import IntegrityError
from domain.lifecycle import Stage
from domain.model import Frozen

APPROVER = "Ponto focal da demonstração"
ROLE = "ponto focal"
FIRST_CLASSES = 0.62
"""Which share of the people finished the first classes: too few for the gate."""

WORKER_SECONDS = 600


class Prefeitura(Frozen):
    """One municipality of the demo; population by the price table's year (2021)."""

    ibge: str
    name: str
    slug: str
    population: int
    example: str = Field(description="Folder of its spreadsheets under examples/.")
    waives_training: bool = Field(
        default=False, description="Asks to begin before its last classes, instead of waiting."
    )

    @property
    def folder(self) -> Path:
        """Where its example spreadsheets are."""
        return PROJECT_ROOT / "examples" / self.example


PREFEITURAS = (
    Prefeitura(ibge="3168705", name="Timóteo", slug="timoteo", population=91268, example="timoteo"),
    Prefeitura(
        ibge="3155009", name="Rio Doce", slug="rio-doce", population=2630, example="rio-doce", waives_training=True
    ),
)


def adhere_to_programme(prefeitura: Prefeitura) -> Change:
    """Join, with one contact."""
    from blocks.catalog import Catalog
    from cli.municipality import open_registry
    from domain.municipality import Contact, municipality_from
    from domain.plan import choose_plan
    from tasks.adhesion import adhere

    catalog = Catalog()
    municipality = municipality_from(
        prefeitura.ibge,
        prefeitura.name,
        prefeitura.population,
        catalog.ibge_table(),
        contacts=[Contact(name=APPROVER, email=f"ponto-focal@{prefeitura.slug}.example.com", role=ROLE)],
    )
    return adhere(open_registry(), municipality, choose_plan(prefeitura.population, catalog.plans()))


def send_files(slug: str, files: list[Path]) -> Change:
    """Send spreadsheets."""
    from cli.intake import send_sheets

    return Change.sum(send_sheets(slug, files).values())


def send_attendance(prefeitura: Prefeitura, today: date, share: float = 1) -> Change:
    """Send the example list as `attendance_text` makes it."""
    from cli.intake import send_text

    return send_text(prefeitura.slug, "capacitacao.csv", attendance_text(prefeitura, today, share))


def attendance_text(prefeitura: Prefeitura, today: date, share: float = 1) -> str:
    """The example list with its days moved so that the newest class ended yesterday: old classes do not count.

    Of the list only so many rows, from the top, make up the given share of the prefeitura's people.
    """
    header, body = _example_list(prefeitura)
    if share < 1:
        body = _rows_of_share(body, wanted=math.ceil(share * _people_of(prefeitura)))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerows([header, *([*row[:3], f"{day:%d/%m/%Y}"] for row, day in _moved(body, today))])
    return text.getvalue()


def _example_list(prefeitura: Prefeitura) -> tuple[list[str], list[list[str]]]:
    text = (prefeitura.folder / "capacitacao.csv").read_text(encoding="utf-8")
    header, *body = csv.reader(io.StringIO(text), delimiter=";")
    return header, body


def _moved(body: list[list[str]], today: date) -> list[tuple[list[str], date]]:
    """The rows, each with its day as far from yesterday as it was from the newest of them."""
    days = [datetime.strptime(row[3], "%d/%m/%Y").date() for row in body]  # noqa: DTZ007  # days, not moments
    shift = today - timedelta(days=1) - max(days)
    return [(row, day + shift) for row, day in zip(body, days, strict=True)]


def finish_at_moodle(prefeitura: Prefeitura, today: date) -> Change:
    """Who was not in the first classes finishes the courses at the training platform of the lab."""
    from blocks.catalog import Catalog
    from blocks.settings import lab_dir
    from lab.moodle_standin.store import Store
    from lab.state import load_state

    moodle = Store(load_state(lab_dir()).moodle.state_file)
    courses = {course.title: course.code for course in Catalog().courses().courses}
    _, body = _example_list(prefeitura)
    first = _rows_of_share(body, wanted=math.ceil(FIRST_CLASSES * _people_of(prefeitura)))
    finished = [(row, day) for row, day in _moved(body[len(first) :], today) if row[2] == "concluído"]
    moodle.add_people(dict.fromkeys(row[0] for row, _ in finished))
    for row, day in finished:
        at = datetime.combine(day, time(17), BRASILIA)
        moodle.enrol(courses[row[1]], [row[0]], accessed_at=at)
        moodle.complete(courses[row[1]], [row[0]], at)
    return Change(created=len(finished))


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


def is_approved(prefeitura: Prefeitura) -> bool:
    """Whether the focal point approved the opening."""
    from cli.municipality import open_registry

    return bool(open_registry().decisions(prefeitura.ibge, "go-live"))


def approve(prefeitura: Prefeitura) -> Change:
    """The focal point approves the opening."""
    from cli.municipality import open_registry

    open_registry().record_decision(
        ibge=prefeitura.ibge,
        gate="go-live",
        decision="approve",
        name=APPROVER,
        reason="Demonstração: lista de verificação conferida.",
    )
    return Change(created=1)


def has_told_of_classes(prefeitura: Prefeitura) -> bool:
    """Whether a first attendance list was sent."""
    from tasks.intake import read_sheet

    return read_sheet(prefeitura.slug, "capacitacao.csv") is not None


def waive_training(prefeitura: Prefeitura, today: date) -> Change:
    """The focal point asks to begin before the last classes, for a month."""
    from cli.municipality import open_registry
    from tasks.waivers import TRAINING_GATE, answer_gate

    found = open_registry().find_municipality(prefeitura.slug)
    reason = "Demonstração: as últimas turmas terminam depois da entrada em produção."
    answer_gate(found, TRAINING_GATE, "dispensar", name=APPROVER, reason=reason, until=today + timedelta(days=30))
    return Change(created=1)


def pass_a_night(prefeitura: Prefeitura) -> Change:
    """The nightly look at the gates, which starts the implantation; until that has made the production environment.

    Raises:
        IntegrityError: the worker did not come so far in time.
    """
    from cli.municipality import open_registry
    from flows.open_gates import open_gates

    registry = open_registry()

    def has_production() -> bool:
        return Stage.ENVIRONMENT_PRODUCTION in registry.stages_done(prefeitura.ibge)[prefeitura.ibge]

    open_gates([prefeitura.slug])
    asking = Retrying(
        retry=retry_if_result(lambda held: not held), stop=stop_after_delay(WORKER_SECONDS), wait=wait_fixed(0.2)
    )
    try:
        asking(has_production)
    except RetryError:
        raise IntegrityError(
            "A implantação que o portão iniciou não chegou ao ambiente de produção",
            prefeitura.slug,
            "Veja ./implanta lab logs worker e execute ./implanta demo de novo.",
        ) from None
    return Change(created=1)
