"""Gates that a person lets stay closed for a while: recorded with who, why and until when."""

from datetime import date

from blocks.catalog import Catalog
from domain.errors import InvalidInputError
from domain.municipality import Municipality
from domain.ticket import GATE_PREFIX
from domain.waiver import Waiver, require_expiry
from registry.records import Ruling
from tasks import clock, doors
from tasks.ticket_record import require_may_decide

TRAINING_GATE = "capacitacao"
GO_LIVE_GATE = "go-live"
UNDO = "desfazer"
WAIVERS: dict[str, Ruling] = {"dispensar": "waive", "retirar dispensa": "revoke"}
ANSWERS: dict[str, dict[str, Ruling]] = {
    GO_LIVE_GATE: {"aprovar": "approve", "recusar": "reject", UNDO: "revoke"},
    TRAINING_GATE: WAIVERS,
    GATE_PREFIX: {"aprovar": "approve", "recusar": "reject"},
}
"""What a person may answer to each gate.

Nobody approves the training, which is counted: it can only be let be for a while. So it is with an item of the go-live
checklist that the catalog lets people waive (`item_gate`).
"""


def item_gate(code: str) -> str:
    """The gate under which the registry keeps people's answers about one item of the go-live checklist."""
    return f"{GO_LIVE_GATE}:{code}"


def waivable_items() -> tuple[str, ...]:
    """The items of the go-live checklist that a person may waive, by code."""
    return tuple(item.code for item in Catalog().gates().go_live.items if item.waivable)


def _answers_of(gate: str) -> dict[str, Ruling]:
    if gate in map(item_gate, waivable_items()):
        return WAIVERS
    return ANSWERS.get(GATE_PREFIX if gate.startswith(GATE_PREFIX) else gate, {})


def find_waiver(municipality: Municipality, gate: str) -> Waiver | None:
    """The waiver that counts today: the newest answer to the gate, unless it was taken back or ran out."""
    decisions = doors.registry().decisions(municipality.ibge, gate)
    last = decisions[-1] if decisions else None
    if last is None or last.decision != "waive" or last.valid_until is None:
        return None
    waiver = Waiver(reason=last.reason, until=last.valid_until)
    return waiver if waiver.in_force(clock.today()) else None


def answer_gate(
    municipality: Municipality,
    gate: str,
    answer: str,
    *,
    name: str,
    reason: str,
    until: date | None = None,
    run_id: str | None = None,
) -> Ruling:
    """Record a person's answer to a gate, in the words of the form; what the registry keeps it as.

    Raises:
        InvalidInputError: the gate knows no such answer; a waiver without its last day, or with one that is past or
            too far away; no name or no reason; a ticket that waits for none, or not for this person's.
    """
    is_ticket = gate.startswith(GATE_PREFIX)
    ruling = _answers_of(gate).get(answer)
    if ruling is None:
        known = "; ".join(f"{one}: {', '.join(answers)}" for one, answers in ANSWERS.items())
        known += f"; itens que se dispensam: {', '.join(waivable_items())}"
        raise InvalidInputError(f"O portão {gate} não tem a resposta {answer!r}", municipality.slug, f"Use {known}.")
    if ruling == "waive":
        if until is None:
            raise InvalidInputError("A dispensa não diz até quando vale", municipality.slug, "Informe o último dia.")
        require_expiry(until, clock.today(), municipality.slug)
    if is_ticket:
        require_may_decide(municipality, gate, name)
    doors.registry().record_decision(
        ibge=municipality.ibge,
        gate=gate,
        decision=ruling,
        name=name,
        reason=reason,
        flow_run_id=run_id,
        valid_until=until if ruling == "waive" else None,
    )
    return ruling
