"""Training: what is known of who finished what, and whether the gate is open."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Literal

from prefect.runtime import flow_run

from blocks.catalog import Catalog
from blocks.sei_use import SeiUse
from blocks.settings import load_settings
from domain.change import Change
from domain.completion import Completion
from domain.environment import EnvironmentName, Purpose
from domain.gate_notices import GateNews, GateState
from domain.model import Frozen
from domain.municipality import Municipality
from domain.party import Party
from domain.person import Person
from domain.practice import PracticeWorth, completions_of
from domain.spreadsheet import parse_sheet
from domain.spreadsheet_training import read_training_rows
from domain.text import collation_key
from domain.training import GateVerdict, TrainingFacts, judge_training, percent
from domain.training_count import Missing, count_training, list_missing
from registry.records import TrainingRecord
from tasks import clock, doors
from tasks.instance import load_instance
from tasks.intake import read_sheet
from tasks.live import has_gone_live
from tasks.step import step
from tasks.users_sheet import read_user_sheet
from tasks.waivers import TRAINING_GATE, find_waiver

SHEET: Literal["capacitacao.csv"] = "capacitacao.csv"
SOURCES = "capacitacao"
"""How a record names what it was counted from."""
KEPT_SECONDS = 120
_ONE_ASKS = Lock()


class GateFinding(Frozen):
    """A judged gate, ready for a stage's report."""

    facts: tuple[str, ...]
    reasons: tuple[str, ...]
    owed_by: tuple[Party, ...] = ()
    """Whom each reason waits for; without any, all wait for the prefeitura."""


class TrainingFinding(GateFinding):
    """The training gate, and what of it the prefeitura may be told: nothing once its production is open."""

    news: GateNews | None = None


@dataclass(frozen=True)
class Training:
    """A prefeitura's people and what every source tells of them. Personal data."""

    people: tuple[Person, ...]
    completions: tuple[Completion, ...]


@step("registro da capacitação")
def ensure_training_record(municipality: str) -> Change:
    """Count what every source tells into the registry, once for each state of it; people stay in the sources."""
    found = doors.registry().find_municipality(municipality)
    training = read_training(found)
    if training is None:
        return Change()
    facts = count_training(training.people, training.completions, Catalog().courses(), clock.today())
    counts = facts.model_dump(mode="json")
    return doors.registry().record_training(
        ibge=found.ibge,
        object_key=SOURCES,
        sha256=hashlib.sha256(facts.model_dump_json().encode()).hexdigest(),
        counts=counts,
    )


def read_training(municipality: Municipality) -> Training | None:
    """What the sources tell today, or None while none of them has told anything.

    Raises:
        InvalidInputError: the attendance list is refused, with every row at fault, or the platform refuses to answer.
        RetryableError: the platform does not answer.
    """
    courses = Catalog().courses()
    body, platform = read_sheet(municipality.slug, SHEET), load_settings().training_block
    practice = courses.practice
    if body is None and platform is None and practice.worth is PracticeWorth.IGNORED:
        return None
    instance = load_instance(EnvironmentName(municipality=municipality.slug, purpose=Purpose.TREINAMENTO).slug)
    people = read_user_sheet(instance).sheet.accepted
    told: list[Completion] = []
    if body is not None:
        told += read_training_rows(parse_sheet(body, SHEET), courses, clock.today(), where=SHEET)
    mine = {collation_key(person.sigla) for person in people}  # the platform tells of every prefeitura's people
    if platform is not None:
        codes = frozenset(course.code for course in courses.courses)
        told += (one for one in _told_by(platform, codes) if one.login in mine)
    if practice.worth is not PracticeWorth.IGNORED:
        done = SeiUse(instance.server, instance.name).list_practice(practice.steps)
        told += (one for one in completions_of(done, practice, clock.today()) if one.login in mine)
    return Training(people=people, completions=tuple(told))


def _told_by(platform: str, courses: frozenset[str]) -> tuple[Completion, ...]:
    with _ONE_ASKS:
        return _told_lately(platform, courses, flow_run.id, int(clock.now().timestamp() // KEPT_SECONDS))


# At night every prefeitura asks, and the platform answers of all of them together; the next run looks anew.
@lru_cache(maxsize=1)
def _told_lately(_platform: str, courses: frozenset[str], _run: str | None, _slot: int) -> tuple[Completion, ...]:
    platform = doors.training_platform()
    return () if platform is None else tuple(platform.list_completions(courses))


def missing_people(municipality: Municipality) -> Iterator[Missing]:
    """Who has still to finish what, by name: for the prefeitura's own eyes."""
    training = read_training(municipality)
    if training is None:
        return iter(())
    return list_missing(
        training.people, training.completions, Catalog().courses(), Catalog().gates().training, clock.today()
    )


def judge_record(municipality: Municipality) -> tuple[TrainingFacts, GateVerdict] | None:
    """The newest record, judged by the catalog's rule as of today; None before the first."""
    record = doors.registry().training(municipality.ibge)
    facts = facts_of(record) if record else None
    return (facts, judge_training(facts, Catalog().gates().training, clock.today())) if facts else None


def facts_of(record: TrainingRecord) -> TrainingFacts | None:
    """What a record tells; None of one from before each person counted once."""
    return TrainingFacts.model_validate(record.counts) if "prefeitura" in record.counts else None


def judge_training_gate(municipality: str) -> TrainingFinding:
    """Decide the gate anew from the newest record, by the catalog's rule, as of today; a waiver lets it be."""
    found = doors.registry().find_municipality(municipality)
    if has_gone_live(found.ibge):
        return TrainingFinding(facts=("Portão já passado: a produção está aberta.",), reasons=())
    judged = judge_record(found)
    if judged is None:
        reasons: tuple[str, ...] = (
            f"Nenhuma lista de presença foi enviada (./implanta municipality send {municipality} {SHEET}).",
        )
        facts: tuple[str, ...] = ()
        owed: tuple[str, ...] = ("Nenhuma conclusão de curso foi informada ainda.",)
    else:
        facts = _facts(*judged)
        reasons = owed = tuple(f"{reason}." for reason in judged[1].reasons)
    if not reasons:
        return TrainingFinding(facts=facts, reasons=(), news=GateNews(state=GateState.OPEN, reasons=facts[:1]))
    waiver = find_waiver(found, TRAINING_GATE)
    if waiver is None:
        return TrainingFinding(facts=facts, reasons=reasons, news=GateNews(state=GateState.CLOSED, reasons=owed))
    waived = (f"Portão {waiver}.", *(f"Dispensado: {reason}" for reason in reasons))
    until = f"A dispensa vale até {waiver.until:%d/%m/%Y}."
    return TrainingFinding(facts=(*facts, *waived), reasons=(), news=GateNews(state=GateState.WAIVED, reasons=(until,)))


def _facts(facts: TrainingFacts, verdict: GateVerdict) -> tuple[str, ...]:
    whole = verdict.prefeitura
    told = [
        f"{whole.trained} de {whole.users} usuários capacitados ({percent(whole.trained, whole.users)}), em"
        f" {len(verdict.units)} unidades."
    ]
    told += [
        f"Unidade {line.unidade}: {line.trained} de {line.users} capacitados."
        for line in verdict.units
        if not line.enough
    ]
    if unknown := facts.desconhecidos:
        who = "1 pessoa" if unknown == 1 else f"{unknown} pessoas"
        told.append(f"Com curso concluído e fora da planilha de usuários: {who}.")
    return tuple(told)
