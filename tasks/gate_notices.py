"""The training gate as it is found and told: the one place from which a prefeitura is written about it."""

from pydantic import JsonValue

from blocks.catalog import Catalog
from domain.calendar import local_day
from domain.gate_notices import GATE_EVENTS, GateState, ToldOfGate, notice_variables, plan_notice
from domain.lifecycle import Stage
from domain.message import Event, message_key
from domain.municipality import Municipality
from tasks import clock, doors
from tasks.messages import put_in_queue, withdraw
from tasks.step import step
from tasks.training import TrainingFinding, judge_training_gate
from tasks.waivers import TRAINING_GATE

GATE_TITLE = "da capacitação"


@step("portão da capacitação")
def judge_and_tell(municipality: str) -> TrainingFinding:
    """Decide the gate anew, and queue what the prefeitura is to know of it."""
    finding = judge_training_gate(municipality)
    if finding.news is not None:
        _tell(doors.registry().find_municipality(municipality), finding)
    return finding


def _tell(municipality: Municipality, finding: TrainingFinding) -> None:
    """Queue what is new; what was queued of the gate before and still waits says less, or no longer holds."""
    news = finding.news
    assert news is not None  # noqa: S101  # the caller looked
    of_this_gate = tuple(message_key(event, municipality.ibge, TRAINING_GATE, "") for event in GATE_EVENTS)
    queued = [one for one in doors.registry().messages(municipality.ibge) if one.key.startswith(of_this_gate)]
    if not queued and news.state is GateState.OPEN and _was_passed(municipality):
        return  # before anybody was written about gates
    told = [
        ToldOfGate(
            event=Event(message.event),
            state=GateState(message.key.rpartition(":")[2]),
            reasons=_texts(message.variables["motivos"]),
            on=local_day(message.created_at),
        )
        for message in queued
    ]
    catalog = Catalog()
    calendar = catalog.holidays().calendar_for(municipality)
    notice = plan_notice(news, told, catalog.gates().training_notices, calendar, clock.today())
    if notice is None:
        return
    withdraw(municipality.ibge, [message.key for message in queued])
    key = message_key(notice.event, municipality.ibge, TRAINING_GATE, str(notice.order), news.state.value)
    put_in_queue(municipality.slug, notice.event, key, notice_variables(notice, news, GATE_TITLE))


def _texts(value: JsonValue) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _was_passed(municipality: Municipality) -> bool:
    return Stage.TRAINING in doors.registry().stages_done(municipality.ibge)[municipality.ibge]
