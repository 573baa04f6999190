"""Taking an opening back while nothing was created in it: the state is as it was before."""

from blocks.paperwork import count_paperwork
from domain.change import Change
from domain.errors import GateClosedError, InvalidInputError
from domain.lifecycle import STAGE_REOPENED, Stage
from domain.message import Event
from domain.paperwork import Paperwork
from domain.report import StepResult
from registry import EventRecord
from tasks import doors
from tasks.configuration import apply_application
from tasks.edge import ensure_edge_maintenance
from tasks.environment_events import tell_event
from tasks.inspection import publish_markdown
from tasks.instance import Instance, load_instance
from tasks.live import CLOSED_AGAIN, CLOSING, KEPT_OPEN, is_closing, number_of_openings, opening
from tasks.messages import tell_of_environment
from tasks.step import step

AFTER_USE = (
    "Ela não se desfaz: há trabalho de pessoas nela. Feche-a com ./implanta environment maintenance e veja no guia do"
    ' operador "Depois do primeiro processo".'
)


@step("nada criado")
def begin_closing(environment: str) -> Change:
    """Refuse to take back an opening in which somebody worked; else say that it is being taken back.

    From here on, until it is closed or kept open, the production counts as closed: what is cut off in between does not
    open again by itself, and another run of this goes on or gives up.

    Raises:
        InvalidInputError: the production is not open.
        GateClosedError: processes, documents, files or signatures were created since.
    """
    instance = load_instance(environment)
    opened = _require_open(instance)
    _keep_what_is_used(instance, opened)
    if is_closing(instance):
        return Change(unchanged=1)
    _record(instance, CLOSING, None)
    return Change(created=1)


@step("borda fechada")
def close_to_public(environment: str) -> Change:
    """Let nobody in any more; whoever created something up to this moment keeps the production open.

    Raises:
        GateClosedError: somebody did, between the question and this; the public is let in again.
    """
    instance = load_instance(environment)
    change = ensure_edge_maintenance.fn(environment, active=True)
    _keep_what_is_used(instance, _require_open(instance))
    return change


@step("aplicação em manutenção")
def close_application(environment: str) -> Change:
    """Put the application into maintenance, as it was before the opening; what was on its way has arrived by then.

    Raises:
        GateClosedError: somebody's work came through the closing edge; the public is let in again.
    """
    instance = load_instance(environment)
    change = apply_application(instance, doors.runtime(), maintenance=True)
    _keep_what_is_used(instance, _require_open(instance))
    return change


@step("borda como antes")
def restore_edge(environment: str) -> Change:
    """Let the application, closed as it is, answer through the edge again, as before the opening."""
    return ensure_edge_maintenance.fn(environment, active=False)


@step("registro da volta")
def record_rollback(environment: str) -> Change:
    """Tell the prefeitura, and the registry: the stage is to be done again, and asks for a new approval."""
    instance = load_instance(environment)
    number = number_of_openings(instance)
    tell_of_environment(environment, Event.ENTRADA_DESFEITA)
    # The closing last: as long as it is not told, another run does all of this again.
    for kind, key in (
        (STAGE_REOPENED, f"{STAGE_REOPENED}:{Stage.GO_LIVE}:{environment}:{number}"),
        (CLOSED_AGAIN, f"{CLOSED_AGAIN}:{environment}:{number}"),
    ):
        _record(instance, kind, key)
    return Change(created=1)


@step("resultado da volta")
def publish_rollback(environment: str, steps: tuple[StepResult, ...]) -> None:
    """Publish what was closed."""
    title = f"{environment}: entrada em produção desfeita"
    lines = [
        f"# {title}",
        "",
        "| Passo | Resultado |",
        "|---|---|",
        *(f"| {one.name} | {one.change} |" for one in steps),
    ]
    publish_markdown(f"volta-{environment}", lines, title)


def _require_open(instance: Instance) -> EventRecord:
    opened = opening(instance)
    if opened is None:
        raise InvalidInputError(
            "A produção não está aberta", instance.name.slug, "Não há entrada em produção a desfazer."
        )
    return opened


def _keep_what_is_used(instance: Instance, opened: EventRecord) -> None:
    """Raise when somebody worked in there, with the production open again if it was being closed."""
    before = opened.details.get("paperwork")
    if before is None:  # opened by a version that did not count
        raise GateClosedError("Não se sabe o que havia nesta produção quando foi aberta", instance.name.slug, AFTER_USE)
    now = count_paperwork(instance.server, instance.name.database_sei)
    made = now.changes_since(Paperwork.model_validate(before))
    if not made:
        return
    if is_closing(instance):
        apply_application(instance, doors.runtime(), maintenance=False)
        ensure_edge_maintenance.fn(instance.name.slug, active=False)
        _record(instance, KEPT_OPEN, None)
    raise GateClosedError(f"A produção já foi usada: {', '.join(made)}", instance.name.slug, AFTER_USE)


def _record(instance: Instance, kind: str, key: str | None) -> None:
    tell_event(instance, kind, {"stage": Stage.GO_LIVE.value}, key=key)
