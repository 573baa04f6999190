"""Who waits at a gate, and what becomes of it."""

from prefect.deployments import run_deployment

from blocks.settings import load_settings
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.errors import GateClosedError, InvalidInputError
from domain.gates_report import GateLine, GatesReport
from domain.lifecycle import Stage, current_stage
from domain.party import Party
from tasks import doors
from tasks.closing import closing_of
from tasks.gate_notices import judge_and_tell
from tasks.go_live_checks import look_at
from tasks.history import remember_waiting
from tasks.inspection import publish_markdown
from tasks.instance import load_instance
from tasks.prefect_errors import explaining_prefect
from tasks.step import step
from tasks.training import ensure_training_record

IMPLANTATION = "implantação/implantacao"
WAIT_SECONDS = 900


def waiting_at_training() -> list[str]:
    """The municipalities whose next stage is the training gate, by slug."""
    return [slug for slug, stage in _stages() if stage is Stage.TRAINING]


def past_training() -> list[str]:
    """Those that are past the gate and not in production yet, by slug: it may close behind them."""
    return [slug for slug, stage in _stages() if stage in {Stage.ENVIRONMENT_PRODUCTION, Stage.GO_LIVE}]


def due_to_open() -> list[str]:
    """Those whose opening was approved and whose announced day, if there is one, has come, by slug."""
    return [slug for slug, stage in _stages() if stage is Stage.GO_LIVE and _is_due(slug)]


def _is_due(slug: str) -> bool:
    try:
        instance = load_instance(EnvironmentName(municipality=slug, purpose=Purpose.PRODUCAO).slug)
    except (InvalidInputError, GateClosedError):  # never registered, or on its way out: nothing opens there
        return False
    if closing_of(instance):  # an operator opens it again first
        return False
    return all(look_at(instance, code).passed for code in ("aprovacao_prefeitura", "data_anunciada"))


def _stages() -> list[tuple[str, Stage]]:
    registry = doors.registry()
    done = registry.stages_done()
    return [
        (municipality.slug, current_stage({*done.get(municipality.ibge, ()), Stage.ADHESION}))
        for municipality in registry.list_municipalities()
    ]


@step("portão da prefeitura")
def judge_and_resume(municipality: str) -> GateLine:
    """Count anew, judge, and start the implantation where the gate is open: it converges, once too often is no harm."""
    line = _judge(municipality)
    if line.started:
        start_implantation(municipality)
    else:
        owed = [(Party.PREFEITURA, reason) for reason in line.reasons]
        remember_waiting(doors.registry().find_municipality(municipality), Stage.TRAINING, owed)
    return line


@step("portão já passado")
def judge_again(municipality: str) -> GateLine | None:
    """Count anew and judge; the gate's line where it closed again, for completions and waivers run out."""
    line = _judge(municipality)
    return line if line.reasons else None


def _judge(municipality: str) -> GateLine:
    ensure_training_record.fn(municipality)
    finding = judge_and_tell.fn(municipality)
    return GateLine(municipality=municipality, facts=finding.facts, reasons=finding.reasons)


@step("abertura do dia")
def open_due(municipality: str) -> Change:
    """Start the implantation, which looks at the whole checklist again, and opens or tells what is missing."""
    start_implantation(municipality)
    return Change(updated=1)


def start_implantation(municipality: str) -> None:
    """Have the worker run the implantation, after one that is going on: past its checks, that would not see the news.

    Raises:
        RetryableError: Prefect does not answer.
    """
    with explaining_prefect(load_settings().prefect_api_url):
        run_deployment(IMPLANTATION, parameters={"municipality": municipality, "wait_seconds": WAIT_SECONDS}, timeout=0)


def publish_gates(report: GatesReport) -> None:
    """Publish the table of all who waited."""
    publish_markdown("portoes-da-capacitacao", report.markdown(), "Portões da capacitação")
