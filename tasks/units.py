"""The units of one environment: what the prefeitura's spreadsheet would change, and changing it.

SIP and SEI share no transaction. What a run brings is remembered before SIP is touched, what it took away after SEI
was: killed anywhere, the next run finds in the two databases what is left to do.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import cast

from prefect.runtime import flow_run
from pydantic import JsonValue

from blocks.rehearsal import is_rehearsal
from blocks.runtime import ScheduledTask
from domain.change import Change
from domain.inspection import require_same_plan
from domain.text import collation_key
from domain.units_plan import TreePlan, TreeReport, plan_tree, report_tree
from tasks import clock, doors
from tasks.instance import Instance, load_instance
from tasks.intake import read_units
from tasks.step import step

UNITS_BROUGHT = "units.brought"
UNITS_LEFT = "units.left"
LOCK_WAIT_SECONDS = 60
_ACCEPTED: set[tuple[str | None, str, str | None]] = set()


@step("unidades")
def ensure_units(environment: str) -> Change:
    """Bring the prefeitura's units into SIP, let SIP replicate them into SEI, and complete them there."""
    plan, replicated = _apply(load_instance(environment), None)
    return plan.change + replicated


@step("plano das unidades")
def plan_environment_units(environment: str) -> TreeReport:
    """What applying the spreadsheet would change now, unit by unit; nothing is written."""
    return report_tree(environment, _plan(load_instance(environment)))


@step("aplicação das unidades")
def apply_environment_units(environment: str, digest: str | None = None) -> TreeReport:
    """Apply the spreadsheet, and only the plan of this digest where one is given; what was done.

    Raises:
        InvalidInputError: that is no code of a plan.
        GateClosedError: the plan is not the one that was shown; nothing was written.
    """
    plan, _ = _apply(load_instance(environment), digest)
    return report_tree(environment, plan)


def units_lock(environment: str) -> AbstractContextManager[None]:
    """What whoever changes an environment's units holds."""
    return doors.registry().lock(f"unidades:{environment}", wait_seconds=LOCK_WAIT_SECONDS)


def _plan(instance: Instance) -> TreePlan:
    wanted = read_units(instance.municipality.slug)
    people = instance.people
    return plan_tree(
        wanted,
        people.list_units(),
        instance.sei_units.read({unit.settings["cidade"] for unit in wanted.units if "cidade" in unit.settings}),
        brought=brought_units(instance),
        people=people.count_people_by_unit(),
        where="unidades.csv",
    )


def _apply(instance: Instance, digest: str | None) -> tuple[TreePlan, Change]:
    environment, today = instance.name.slug, clock.today()
    with units_lock(environment):
        plan = _plan(instance)
        # A retry of this run finds what its first try has done, which is no other plan.
        accepted = (flow_run.id, environment, digest)
        if digest is not None and accepted not in _ACCEPTED:
            now = plan.digest if plan.pending else None
            require_same_plan(digest, now, environment, f"./implanta units plan {environment}")
            _ACCEPTED.add(accepted)
        _remember(instance, UNITS_BROUGHT, plan.brought)
        instance.people.apply_units(plan.sip, retired=plan.retired, today=today)
        # Always, not only after a change: a run that was killed between the two has left SEI behind SIP.
        replicated = doors.runtime().run_scheduled(instance.name, ScheduledTask.REPLICATE_UNITS)
        instance.sei_units.apply(plan.units, [unit.id_unidade for unit in plan.retired], today)
        instance.sei.ensure_unit_codes()
        instance.sei.ensure_unit_emails(plan.units)
        _remember(instance, UNITS_LEFT, plan.left)
    return plan, replicated


def brought_units(instance: Instance) -> frozenset[str]:
    """The siglas that spreadsheets brought into the environment and did not take away since."""
    found: dict[str, str] = {}
    for event in doors.registry().events(ibge=instance.municipality.ibge, kinds=[UNITS_BROUGHT, UNITS_LEFT]):
        if event.environment != instance.name.slug:
            continue
        told = {collation_key(sigla): sigla for sigla in cast("list[str]", event.details["siglas"])}
        if event.kind == UNITS_BROUGHT:
            found |= told
        else:
            found = {key: sigla for key, sigla in found.items() if key not in told}
    return frozenset(found.values())


def _remember(instance: Instance, kind: str, siglas: Collection[str]) -> None:
    if siglas and not is_rehearsal():
        doors.registry().record_event(
            kind,
            ibge=instance.municipality.ibge,
            environment=instance.name.slug,
            actor="implanta",
            details={"siglas": list[JsonValue](sorted(siglas))},
        )
