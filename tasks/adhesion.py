"""A municipality joins the programme: its facts and a first message in the registry, no system touched yet."""

from blocks.catalog import Catalog
from domain.change import Change
from domain.lifecycle import STAGE_FINISHED, Stage
from domain.message import Event, message_key
from domain.municipality import Municipality
from domain.plan import Plan
from registry import QueuedMessage, Registry


def adhere(registry: Registry, municipality: Municipality, plan: Plan) -> Change:
    """Register the municipality and its plan, and start its SLA clock once.

    A plan that was negotiated before stays when the one given comes from the table.
    """
    change = registry.ensure_municipality(municipality)
    contract = registry.contract(municipality.ibge)
    in_force = plan if contract is None or plan.negotiated or not contract.plan.negotiated else contract.plan
    change += registry.ensure_contract(municipality.ibge, in_force)
    key = f"{STAGE_FINISHED}:{Stage.ADHESION}:{municipality.slug}"
    # Before the event, which tells that it was done: who joined before there were messages gets none now.
    if all(event.key != key for event in registry.events(municipality.ibge, kinds=[STAGE_FINISHED])):
        change += _queue_welcome(registry, municipality.ibge, in_force)
    started = registry.record_event(
        STAGE_FINISHED,
        ibge=municipality.ibge,
        actor="implanta",
        details={"stage": Stage.ADHESION.value},
        key=key,
    )
    return change + (Change(created=1) if started else Change(unchanged=1))


def _queue_welcome(registry: Registry, ibge: str, plan: Plan) -> Change:
    # Not by the task of the same purpose: it would import Prefect, which takes two seconds.
    catalog = Catalog()
    variables = (
        catalog.messages()
        .rule(Event.ADESAO)
        .accept(
            {
                "usuarios": plan.users,
                "simultaneos": plan.concurrent_users,
                "dias_uteis": catalog.sla().agreed_business_days,
            }
        )
    )
    key = message_key(Event.ADESAO, ibge)
    added = registry.queue_message(QueuedMessage(key=key, ibge=ibge, event=Event.ADESAO.value, variables=variables))
    return Change(created=1) if added else Change(unchanged=1)
