"""Who is in the directory, in SIP and in SEI: compared, told, and mended once a person said yes."""

from datetime import date

from pydantic import JsonValue

from blocks.people_facts import PeopleFacts
from blocks.runtime import ScheduledTask
from blocks.sip import SEI_SYSTEM_ID
from domain.change import Change
from domain.errors import GateClosedError, IntegrityError
from domain.inspection import require_same_plan
from domain.report import first_of, table_cell
from domain.users_difference import Comparison, FleetComparison, Remedy
from domain.users_reconciliation import Mends, Snapshot, account_of_nobody, compare, user_by_id
from tasks import clock, doors
from tasks.environment_events import tell_event
from tasks.inspection import publish_markdown
from tasks.instance import Instance, is_copy, load_instance
from tasks.neighbourhood import list_delivered
from tasks.step import step
from tasks.users_batches import open_batch_id, users_lock

RECONCILED = "users.reconciled"
MENDED = "users.mended"
RECONCILE_COMMAND = "./implanta users reconcile {environment}"
_SHOWN = 200


@step("ambientes em serviço")
def list_reconcilable(fleet: str = "frota") -> list[str]:  # noqa: ARG001  # names the run, as every step's first argument
    """The environments whose people are compared: every one in service."""
    return list_delivered()


@step("conciliação dos usuários")
def compare_users(environment: str) -> Comparison:
    """Compare the three, and remember how many differences of each kind there are; nothing else is written."""
    return _compare_and_remember(load_instance(environment))


@step("conserto dos usuários")
def mend_users(environment: str, code: str) -> Comparison:
    """Mend what a machine may, if it still is what `code` was shown for; what is left of the differences.

    Whom SIP does not let in is shut out first. SEI is put right by SIP's own replication only.

    Raises:
        InvalidInputError: that is no code of a plan.
        GateClosedError: the plan is another one now, or shuts out most people, or an import is not finished.
        IntegrityError: something is not mended although it was tried.
    """
    instance = load_instance(environment)
    with users_lock(environment):
        if (batch := open_batch_id(instance)) is not None:
            raise GateClosedError(
                f"O lote de usuários {batch} não terminou",
                environment,
                f"Termine-o com ./implanta users apply {environment} e veja de novo o que difere.",
            )
        found, mends = _look(instance)
        again = RECONCILE_COMMAND.format(environment=environment)
        require_same_plan(code, found.code if found.mendable else None, environment, again)
        found.require_reasonable()
        if found.mendable:
            _mend(instance, mends)
            tell_event(instance, MENDED, {"code": found.code, **{r.name.lower(): found.count(r) for r in Remedy}})
        left = _compare_and_remember(instance)
    if left.mendable:
        told = [difference.told for difference in left.differences if difference.remedy]
        raise IntegrityError(
            f"Depois do conserto ainda há {left.mendable} diferença(s) que ele devia ter resolvido: {first_of(told)}",
            environment,
            f"Veja {again}; se a replicação pulou alguém, leia o registro do SIP.",
        )
    return left


@step("resultado da conciliação")
def publish_comparison(environment: str, found: Comparison) -> None:
    """Publish the counts by kind, then every difference with what mends it."""
    lines = [f"# {environment}: conciliação dos usuários", "", f"{found.summary()}.", ""]
    lines += [f"- **{remark}**" for remark in found.remarks]
    if found.differences:
        lines += ["", "| O que difere | Quantos |", "|---|---|"]
        lines += [f"| {kind.label} | {count} |" for kind, count in found.counts.items()]
        lines += ["", "| Diferença | O que resolve |", "|---|---|"]
        lines += [f"| {table_cell(item.told)} | {table_cell(item.to_do)} |" for item in found.differences[:_SHOWN]]
    if len(found.differences) > _SHOWN:
        lines += [f"| … e mais {len(found.differences) - _SHOWN} | |"]
    publish_markdown(f"conciliacao-{environment}", lines, f"Conciliação dos usuários de {environment}")


@step("resultado da conciliação da frota")
def publish_fleet_comparison(day: date, fleet: FleetComparison) -> None:
    """Publish one line an environment, those with an open door first, then its kinds of difference."""
    lines = [
        "# Conciliação dos usuários da frota",
        "",
        "| | Ambiente | Contas | SIP | SEI | Diferenças | Com conserto | Abertas de quem saiu |",
        "|---|---|---|---|---|---|---|---|",
    ]
    ordered = sorted(fleet.comparisons, key=lambda found: (-found.worst, -len(found.differences), found.environment))
    lines += [
        f"| {'✖' if found.worst else '✔'} | {found.environment} | {found.accounts} | {found.sip_users}"
        f" | {found.sei_users} | {len(found.differences)} | {found.mendable} | {found.worst} |"
        for found in ordered
    ]
    lines += ["", *(f"- **{name}**: {table_cell(why)}" for name, why in fleet.failures.items())]
    for found in ordered:
        if found.differences:
            lines += ["", f"## {found.environment}", ""]
            lines += [f"- {kind.label}: {count}" for kind, count in found.counts.items()]
    publish_markdown("conciliacao-dos-usuarios", lines, f"Conciliação dos usuários da frota em {day:%d/%m/%Y}")


def logins_by_name(environment: str) -> dict[str, str]:
    """The login of whatever a difference names, for the operator's own terminal: no task, so Prefect never sees it."""
    instance = load_instance(environment)
    snapshot = _read(instance)
    return {
        **{user_by_id(user.id_usuario): user.sigla for user in snapshot.facts.sei},
        **{user_by_id(user.id_usuario): user.state.sigla for user in snapshot.sip},
        **{account_of_nobody(user.account.uid): user.account.uid for user in snapshot.accounts},
    }


def _read(instance: Instance) -> Snapshot:
    return Snapshot(
        accounts=doors.ssc().list_users(instance.name),
        sip=instance.users.list_users(),
        facts=PeopleFacts(instance.server, instance.name).read(),
        system=SEI_SYSTEM_ID,
        copied=is_copy(instance),
    )


def _look(instance: Instance) -> tuple[Comparison, Mends]:
    found, mends = compare(instance.name.slug, _read(instance), clock.today())
    if (batch := open_batch_id(instance)) is None:
        return found, mends
    remark = (
        f"O lote de usuários {batch} não terminou: diferenças podem ser dele. Termine-o antes de consertar, com"
        f" ./implanta users apply {instance.name.slug}."
    )
    return found.model_copy(update={"remarks": (remark,)}), mends


def _compare_and_remember(instance: Instance) -> Comparison:
    found, _ = _look(instance)
    details: dict[str, JsonValue] = {
        "accounts": found.accounts,
        "sip_users": found.sip_users,
        "sei_users": found.sei_users,
        "differences": {kind.value: count for kind, count in found.counts.items()},
        "mendable": found.mendable,
    }
    tell_event(instance, RECONCILED, details)
    return found


def _mend(instance: Instance, mends: Mends) -> Change:
    ssc = doors.ssc()
    change = ssc.block_users(instance.name, mends.block)
    change += ssc.unblock_users(instance.name, mends.open)
    if mends.replicate:
        change += doors.runtime().run_scheduled(instance.name, ScheduledTask.REPLICATE_USERS)
    # Last: an account that the security system refuses keeps nobody else from being put right.
    return change + ssc.ensure_users(instance.name, mends.accounts)
