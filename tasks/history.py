"""What the fleet remembers of a run, and what the Prefect UI shows of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from pydantic import JsonValue
from slugify import slugify

from blocks.settings import load_settings
from domain.environment import Purpose
from domain.errors import GateClosedError, InvalidInputError
from domain.lifecycle import (
    STAGE_FINISHED,
    STAGE_REOPENED,
    STAGE_WAITING,
    Stage,
    check_transition,
    missing_before,
)
from domain.message import Event
from domain.municipality import Municipality
from domain.party import Party
from domain.report import Journey, StageReport, StepResult
from registry import EventRecord
from registry.privacy import without_person
from tasks import doors
from tasks.messages import tell_of_environment
from tasks.prefect_errors import explaining_prefect
from tasks.step import step
from tasks.waivers import answer_gate

ACTOR = "implanta"
SLA_PAUSED = "sla.paused"
SLA_RESUMED = "sla.resumed"


def require_adhesion(municipality: str) -> str:
    """The slug of a municipality that joined the programme, given its slug or IBGE code.

    Raises:
        InvalidInputError: the registry does not know it.
        GateClosedError: it has no contract, so nobody knows its plan.
    """
    found = doors.registry().find_municipality(municipality)
    if doors.registry().contract(found.ibge) is None:
        raise GateClosedError(
            "O município não tem plano contratado",
            municipality,
            f"Registre o plano com ./implanta municipality plan {municipality}.",
        )
    return found.slug


@contextmanager
def exclusive(municipality: str, wait_seconds: int) -> Iterator[None]:
    """Keep a second run of the same municipality out; the database lets go by itself when this process dies."""
    with doors.registry().lock(f"implantacao:{municipality}", wait_seconds=wait_seconds):
        yield


@step("encerramento da etapa")
def finish_stage(
    subject: str,
    stage: Stage,
    steps: Sequence[StepResult],
    facts: Sequence[str],
    waiting_for: Sequence[str] = (),
    telling: Event | None = None,
    owed_by: Sequence[Party] = (),
) -> StageReport:
    """Record that a stage is done, or what it waits for; publish its artifact; return its report.

    While the prefeitura owes something the SLA clock is stopped; the stage's end, or a later run without that debt,
    lets it go on. `owed_by` is whom each reason waits for, the prefeitura unless it is said. `telling` is what the
    prefeitura is written when the stage of this environment is done for the first time; it only enters the queue here.

    Raises:
        GateClosedError: the stage is done before its turn; it is not recorded.
    """
    report = StageReport(
        stage=stage,
        subject=subject,
        steps=tuple(steps),
        facts=tuple(facts),
        waiting_for=tuple(waiting_for),
        owed_by=tuple(owed_by),
    )
    # Homologation is a service beside the lifecycle: nothing is reached by it, and no clock runs on it.
    if not subject.endswith(f"-{Purpose.HOMOLOGACAO}"):
        _remember(report, telling)
    _publish(slugify(f"{subject} {stage.label}"), _stage_markdown(report), f"{subject} · {stage.label}")
    return report


def _remember(report: StageReport, telling: Event | None) -> None:
    municipality = _municipality_of(report.subject)
    if not report.waiting_for:
        reached = set(doors.registry().stages_done(municipality.ibge)[municipality.ibge])
        if report.stage is Stage.ENVIRONMENT_PRODUCTION and missing_before(report.stage, reached):
            return  # made ahead of its turn: the implantation tells of it when it comes there
        check_transition(reached, report.stage)
    _keep_sla_clock(municipality, report.stage, paused=any(party is Party.PREFEITURA for party, _ in report.owed))
    remember_waiting(municipality, report.stage, report.owed)
    if not report.waiting_for:
        told = doors.registry().events(ibge=municipality.ibge, kinds=[STAGE_FINISHED, STAGE_REOPENED])
        key = _once_each_time(report, told)
        # Before the event: a run that dies between the two queues it again, which adds nothing. Not after it: who was
        # through with the stage when messages were introduced is told nothing that is long past.
        if telling is not None and all(event.key != key for event in told):
            tell_of_environment(report.subject, telling)
        doors.registry().record_event(
            STAGE_FINISHED,
            ibge=municipality.ibge,
            environment=None if report.subject == municipality.slug else report.subject,
            actor=ACTOR,
            flow_run_id=flow_run.id,
            details={"stage": report.stage.value},
            key=key,
        )


def _once_each_time(report: StageReport, told: Sequence[EventRecord]) -> str:
    """The key of a stage's end; a stage that was taken back may end once more."""
    reopened = [Stage(str(event.details["stage"])) for event in told if event.kind == STAGE_REOPENED]
    taken_back = sum(report.stage is stage or stage in missing_before(report.stage, set()) for stage in reopened)
    return f"{STAGE_FINISHED}:{report.stage}:{report.subject}{f':{taken_back + 1}' if taken_back else ''}"


def _municipality_of(subject: str) -> Municipality:
    known = {municipality.slug: municipality for municipality in doors.registry().list_municipalities()}
    return known.get(subject) or known[subject.rpartition("-")[0]]


def remember_waiting(municipality: Municipality, stage: Stage, owed: Sequence[tuple[Party, str]]) -> None:
    """Tell why a stage waits, and for whom, whenever that changes; nothing owed ends it.

    A reason that somebody may be known by is told without its text: the history is no reason to stop.
    """
    told = [
        event.details
        for event in doors.registry().events(ibge=municipality.ibge, kinds=[STAGE_WAITING])
        if event.details.get("stage") == stage.value
    ]
    reasons: list[JsonValue] = [{"of": party.value, "text": without_person(text)} for party, text in owed]
    if (told[-1]["reasons"] if told else []) == reasons:
        return
    doors.registry().record_event(
        STAGE_WAITING,
        ibge=municipality.ibge,
        actor=ACTOR,
        flow_run_id=flow_run.id,
        details={"stage": stage.value, "reasons": reasons},
        key=f"{STAGE_WAITING}:{stage}:{municipality.slug}:{len(told)}",
    )


def _keep_sla_clock(municipality: Municipality, stage: Stage, *, paused: bool) -> None:
    history = doors.registry().events(ibge=municipality.ibge, kinds=[SLA_PAUSED, SLA_RESUMED])
    mine = [event for event in history if event.details.get("stage") == stage.value]
    is_paused = bool(mine) and mine[-1].kind == SLA_PAUSED
    if paused == is_paused:
        return
    kind = SLA_PAUSED if paused else SLA_RESUMED
    doors.registry().record_event(
        kind,
        ibge=municipality.ibge,
        actor=ACTOR,
        flow_run_id=flow_run.id,
        details={"stage": stage.value},
        key=f"{kind}:{stage}:{municipality.slug}:{len(mine)}",
    )


def _stage_markdown(report: StageReport) -> str:
    lines = [f"# {report.subject} · {report.stage.label}", ""]
    if report.waiting_for:
        lines += ["**Aguardando:**", "", *(f"- {reason}" for reason in report.waiting_for), ""]
    if report.steps:
        lines += ["| Passo | Resultado |", "|---|---|"]
        lines += [f"| {item.name} | {item.change} |" for item in report.steps]
        lines += [f"| **total** | **{report.change}** |", ""]
    lines += [f"- {fact}" for fact in report.facts]
    return "\n".join(lines)


@step("resultado da implantação")
def publish_journey(municipality: str, journey: Journey) -> None:
    """Publish the table of the whole run."""
    title = f"Implantação de {doors.registry().find_municipality(municipality).name}"
    lines = [
        f"# {title}: {'aguardando' if journey.waiting_for else 'em produção'}",
        "",
        "| Etapa | Onde | Mudanças | Duração |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {stage.stage.label} | {stage.subject} | "
        f"{'**aguardando**' if stage.waiting_for else stage.change} | {stage.seconds:.1f} s |"
        for stage in journey.stages
    ]
    lines += [f"| **total** | | **{journey.change}** | **{sum(s.seconds for s in journey.stages):.1f} s** |", ""]
    if journey.waiting_for:
        lines += ["## Aguardando", "", *(f"- {reason}" for reason in journey.waiting_for)]
    _publish(f"implantacao-{municipality}", "\n".join(lines), title)


def _publish(key: str, markdown: str, description: str) -> None:
    with explaining_prefect(load_settings().prefect_api_url):
        create_markdown_artifact(key=key, markdown=markdown, description=description)


@step("registro da decisão")
def record_answer(municipality: str, gate: str, decision: str, role: str, reason: str, until: date | None) -> None:
    """Record a person's answer to a gate. The person is named by role, so that no name passes through Prefect.

    Raises:
        InvalidInputError: the municipality has no contact in that role, or the gate knows no such answer.
    """
    found = doors.registry().find_municipality(municipality)
    answer_gate(
        found, gate, decision, name=_person_in_role(found, role), reason=reason, until=until, run_id=flow_run.id
    )


def _person_in_role(municipality: Municipality, role: str) -> str:
    found = [contact for contact in municipality.contacts if contact.role == role]
    if len(found) == 1:
        return found[0].name
    if found:
        raise InvalidInputError(
            f"{len(found)} contatos têm o papel {role!r}: não se sabe quem decidiu",
            municipality.slug,
            f"Decida com ./implanta approve {municipality.slug} --name, ou dê papéis diferentes aos contatos.",
        )
    roles = ", ".join(contact.role for contact in municipality.contacts) or "nenhum"
    raise InvalidInputError(
        f"O município não tem contato no papel {role!r} (papéis registrados: {roles})",
        municipality.slug,
        f"Registre a pessoa com ./implanta municipality contact {municipality.slug}.",
    )
