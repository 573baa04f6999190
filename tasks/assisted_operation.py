"""Watching the prefeituras that went live a short while ago."""

from datetime import timedelta

from blocks.catalog import Catalog
from blocks.paperwork import count_log_errors, count_paperwork
from domain.assisted_operation import AssistedReport, Watch, Watched, watch_on
from domain.calendar import local_day
from domain.environment import Purpose
from domain.go_live import Evidence
from domain.lifecycle import Stage
from domain.paperwork import Paperwork
from registry import EventRecord
from tasks import clock, doors
from tasks.closing import closing_of
from tasks.go_live_checks import look_at
from tasks.history import finish_stage
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.live import opening
from tasks.neighbourhood import list_delivered
from tasks.step import step

# Of the go-live checklist, what may stop working again.
WATCHED_ITEMS = ("agendador_ativo", "certificado_valido", "waf_atuante")
LOG_WINDOW = timedelta(hours=24)


def assisted_environments() -> list[str]:
    """The environments whose prefeitura went live and was not handed over yet, by slug."""
    registry = doors.registry()
    done = registry.stages_done()
    ibges = {ibge for ibge, stages in done.items() if Stage.GO_LIVE in stages and Stage.OPERATION not in stages}
    in_service = set(list_delivered())
    productions = [
        record
        for record in registry.list_environments()
        if record.purpose is Purpose.PRODUCAO and record.slug in in_service
    ]
    return [record.slug for record in productions if record.ibge in ibges]


@step("operação assistida")
def watch_environment(environment: str) -> Watched:
    """Look at one environment as its people see it; on the last day without a problem hand it over.

    Raises:
        RetryableError: a system does not answer, so nothing can be said.
    """
    instance = load_instance(environment)
    opened = opening(instance)
    if opened is None:  # closed again since it was asked for
        return Watched(environment=environment, watch=Watch(day=0, of=_business_days()), made=_made(instance), errors=0)
    calendar = Catalog().holidays().calendar_for(instance.municipality)
    watch = watch_on(local_day(opened.occurred_at), clock.today(), _business_days(), calendar)
    problems, closed = tuple(_problems(instance)), closing_of(instance)
    seen = Watched(
        environment=environment,
        watch=watch,
        made=_made(instance, opened),
        errors=count_log_errors(instance.server, instance.name.database_sei, LOG_WINDOW),
        problems=problems,
        closed=closed.told if closed else None,
        handed_over=watch.over and not problems and closed is None,
    )
    if seen.handed_over:
        facts = (f"Operação assistida concluída: {watch.of} dias úteis, {seen.made.processos} processos.",)
        finish_stage.fn(environment, Stage.OPERATION, (), facts)
    return seen


def publish_assisted(report: AssistedReport) -> None:
    """Publish the table of everybody who is watched."""
    publish_markdown("operacao-assistida", report.markdown(), "Operação assistida")


def _business_days() -> int:
    return Catalog().timetable().business_days_of(Stage.OPERATION)


def _problems(instance: Instance) -> list[str]:
    health = doors.runtime().health(instance.name)
    problems = [] if health.serving else [f"a aplicação não atende ({health.detail})"]
    found: list[Evidence] = [look_at(instance, code) for code in WATCHED_ITEMS]
    return problems + [evidence.text for evidence in found if not evidence.passed]


def _made(instance: Instance, opened: EventRecord | None = None) -> Paperwork:
    now = count_paperwork(instance.server, instance.name.database_sei)
    before = opened.details.get("paperwork") if opened else None
    return now.less(Paperwork.model_validate(before)) if before else now
