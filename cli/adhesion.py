"""A municipality joins the programme: three facts in the registry, no system touched yet."""

from domain.change import Change
from domain.lifecycle import Stage
from domain.municipality import Municipality
from domain.plan import Plan
from registry import Registry

ADHERED = "stage.finished"


def adhere(registry: Registry, municipality: Municipality, plan: Plan) -> Change:
    """Register the municipality and its plan, and start its SLA clock once.

    A plan that was negotiated before stays when the one given comes from the table.
    """
    change = registry.ensure_municipality(municipality)
    contract = registry.contract(municipality.ibge)
    if contract is None or plan.negotiated or not contract.plan.negotiated:
        change += registry.ensure_contract(municipality.ibge, plan)
    started = registry.record_event(
        ADHERED,
        ibge=municipality.ibge,
        actor="implanta",
        details={"stage": Stage.ADHESION.value},
        key=f"{ADHERED}:{Stage.ADHESION}:{municipality.slug}",
    )
    return change + (Change(created=1) if started else Change(unchanged=1))
