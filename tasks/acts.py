"""The acts by which a prefeitura bound itself, as operators registered them."""

from domain.act import ACT_REGISTERED, Act, RegisteredAct, require_past
from domain.change import Change
from tasks import clock, doors


def find_acts(ibge: str) -> dict[Act, RegisteredAct]:
    """The newest act of each kind; an older one is history."""
    events = doors.registry().events(ibge, kinds=[ACT_REGISTERED])
    acts = [RegisteredAct.model_validate(event.details) for event in events]
    return {act.act: act for act in acts}


def register_act(municipality: str, act: RegisteredAct) -> Change:
    """Register an act once; a corrected one comes after the one that it corrects.

    Raises:
        InvalidInputError: its day is still to come, or the municipality is not registered.
        IntegrityError: the text holds personal data.
    """
    found = doors.registry().find_municipality(municipality)
    require_past(act, clock.today(), found.slug)
    known = find_acts(found.ibge).get(act.act)
    if known == act:
        return Change(unchanged=1)
    doors.registry().record_event(
        ACT_REGISTERED, ibge=found.ibge, actor="operador", details=act.model_dump(mode="json")
    )
    return Change(updated=1) if known else Change(created=1)
