"""What the prefeitura's spreadsheet would change of its people, and whether it may."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from blocks.catalog import Catalog
from blocks.sip import SEI_SYSTEM_ID
from domain.errors import GateClosedError, InvalidInputError
from domain.inspection import SHOWN_DIGITS, require_same_plan
from domain.plan import require_within_plan
from domain.sip_user import Place, SipUser
from domain.spreadsheet import RejectedRow
from domain.spreadsheet_users import UserSheet
from domain.users_batch import Batch, as_kept, batch_id, plan_undo
from domain.users_guard import Alarm, Roles, judge_plan
from domain.users_plan import UsersPlan, mention, plan_users
from domain.users_report import UsersReport, report_batch, report_plan
from tasks import clock
from tasks.instance import Instance, load_instance
from tasks.intake import USERS
from tasks.step import step
from tasks.users_batches import (
    accept_sheet,
    find_applied,
    find_open,
    is_sheet_accepted,
    load_batch,
    load_brought,
    open_batch,
    undone_by,
    users_lock,
)
from tasks.users_sheet import ReadSheet, keep_returned, prove_accepted, read_user_sheet, working_units

_PLAN_COMMAND = "./implanta users plan {environment}"
_APPLY_COMMAND = "./implanta users apply {environment} --plan {code}"


@dataclass(frozen=True)
class Situation:
    """A spreadsheet held against SIP, with everything that a decision needs."""

    instance: Instance
    read: ReadSheet
    users: list[SipUser]
    brought: Mapping[int, frozenset[Place]]
    plan: UsersPlan
    today: date
    accepted: bool = False
    """Whether a person says yes to this very plan."""

    @property
    def sheet(self) -> UserSheet:
        return self.read.sheet

    @property
    def sheet_sha256(self) -> str:
        return self.read.sha256

    @property
    def environment(self) -> str:
        return self.instance.name.slug

    @cached_property
    def code(self) -> str:
        """SHA-256 of environment, spreadsheet and plan: what a person says yes to."""
        said = "\n".join((self.environment, self.sheet_sha256, self.plan.digest))
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def refused(self) -> tuple[RejectedRow, ...]:
        """Every row that goes back, in order."""
        return tuple(sorted((*self.sheet.rejected, *self.plan.refused), key=lambda row: row.linha))

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """What the plan stops for; what a person said yes to only if nobody may allow it."""
        known = is_sheet_accepted(self.instance, self.sheet_sha256)
        alarms = judge_plan(
            self.plan,
            self.users,
            Catalog().users().limits,
            _roles(self.instance, self.read.units),
            today=self.today,
            refused=0 if known else len(self.refused),
            rows=self.sheet.filled_rows,
        )
        withdrawn = undone_by(self.instance, self.sheet_sha256)
        if withdrawn is not None:
            alarms += (Alarm(text=f"esta planilha foi desfeita pelo lote {withdrawn}"),)
        return tuple(alarm for alarm in alarms if alarm.forbidden or not self.accepted)

    def report(self) -> UsersReport:
        """The plan, and what it waits for."""
        report = report_plan(self.environment, self.code, self.plan, self.today)
        return report.model_copy(
            update={
                "sheet_sha256": self.sheet_sha256,
                "refused": len(self.refused),
                "refusals": tuple(str(row) for row in self.refused),
                "remarks": tuple(str(row) for row in self.sheet.remarks),
                "ignored_columns": self.sheet.ignored_columns,
                "alarms": self.alarms,
                "waiting_for": _waiting_for(self.environment, self.code, self.alarms),
            }
        )


def look(instance: Instance, content: bytes | None = None) -> Situation:
    """Hold the newest spreadsheet, or the one given, against SIP as it is now.

    Raises:
        InvalidInputError: the spreadsheet as a whole cannot be read, or is of more people than were contracted.
    """
    read = read_user_sheet(instance, content)
    users = instance.users.list_users()
    brought = load_brought(instance, users)
    today = clock.today()
    plan = plan_users(
        read.sheet.accepted,
        users,
        units=read.units,
        profiles=read.profiles,
        system=SEI_SYSTEM_ID,
        brought=brought,
        today=today,
        mentioned={mention(cell) for cell in read.cells_of([row.linha for row in read.sheet.rejected])},
    )
    require_within_plan(plan.active_after, read.plan, Catalog().plans(), USERS)
    return Situation(
        instance=instance,
        read=read,
        users=users,
        brought=brought,
        plan=plan,
        today=today,
    )


@step("plano dos usuários")
def plan_environment_users(environment: str) -> UsersReport:
    """What applying the spreadsheet would change now; nothing is written but the rows that go back."""
    instance = load_instance(environment)
    if (batch := find_open(instance)) is not None:
        return report_batch(batch, resumed=True)
    return _with_returned(look(instance))


@step("lote de usuários")
def open_import(environment: str, code: str | None = None) -> UsersReport:
    """Judge the spreadsheet, and open the batch that brings it about; an open one is taken up again first.

    `code` is a person's yes to the plan of this code, limits and refused rows included. A report with reasons to wait,
    or with nothing to do, opens nothing.

    Raises:
        InvalidInputError: that is no code of a plan.
        GateClosedError: the plan is not the one that was shown, or does what nobody may allow; nothing was written.
        IntegrityError: what was accepted breaks a rule that it was accepted by.
    """
    instance = load_instance(environment)
    with users_lock(environment):
        batch = find_open(instance)
        if batch is not None:
            return report_batch(batch, resumed=True)
        situation = look(instance)
        if code is not None:
            situation = _say_yes(situation, code)
        report = _with_returned(situation)
        if report.waiting_for:
            return report
        applied = find_applied(instance)
        if applied is None or applied.sheet_sha256 != situation.sheet_sha256:
            partial = is_sheet_accepted(instance, situation.sheet_sha256)
            prove_accepted(situation.read, Catalog().users().limits, partial=partial)
        if not report.touched and dict(situation.brought) == _kept_places(situation.plan):
            return report
        opened = _as_batch(situation)
        open_batch(instance, opened)
        return report.model_copy(update={"batch": opened.id})


@step("lote de volta")
def open_undo(environment: str, batch: str, code: str | None = None) -> UsersReport:
    """Open the batch that takes another back, within the same limits.

    Raises:
        InvalidInputError: there is no such batch, or that is no code of a plan.
        GateClosedError: another batch is open, the plan is not the one that was shown, or does what nobody may allow.
    """
    instance = load_instance(environment)
    with users_lock(environment):
        pending = find_open(instance)
        if pending is not None:
            if pending.undoes == batch:
                return report_batch(pending, resumed=True)
            raise GateClosedError(
                f"O lote {pending.id} não terminou",
                environment,
                f"Termine-o com ./implanta users apply {environment} e desfaça depois.",
            )
        report, undo = _plan_undo(instance, batch)
        if code is not None:
            _require_allowed(report)
            require_same_plan(code, report.code, environment, f"./implanta users undo {environment} {batch}")
        elif report.waiting_for:
            return report
        if not undo.steps and undo.kept == undo.kept_before:
            return report.model_copy(update={"waiting_for": ()})
        open_batch(instance, undo)
        return report.model_copy(update={"batch": undo.id, "waiting_for": ()})


@step("plano da volta")
def plan_environment_undo(environment: str, batch: str) -> UsersReport:
    """What taking a batch back would change now; nothing is written."""
    report, _ = _plan_undo(load_instance(environment), batch)
    return report


def _plan_undo(instance: Instance, batch: str) -> tuple[UsersReport, Batch]:
    environment, today = instance.name.slug, clock.today()
    original = load_batch(instance, batch)
    if original.undoes:
        raise InvalidInputError(
            f"O lote {batch} já é a volta do lote {original.undoes}",
            environment,
            "Para refazer o que ele desfez, aplique de novo a planilha.",
        )
    users = instance.users.list_users()
    brought = load_brought(instance, users)
    plan = plan_undo(original, users, brought, today)
    code = hashlib.sha256(f"{environment}\n{batch}\n{plan.digest}".encode()).hexdigest()
    alarms = judge_plan(
        plan,
        users,
        Catalog().users().limits,
        _roles(instance, working_units(instance)),
        today=today,
        refused=0,
        rows=len(original.steps),
    )
    if plan.refused:
        alarms += (Alarm(text=f"{len(plan.refused)} pessoas mudaram no SIP depois do lote e ficariam como estão"),)
    undo = f"./implanta users undo {environment} {batch} --plan {code[:SHOWN_DIGITS]}"
    report = report_plan(environment, code, plan, today).model_copy(
        update={
            "refused": len(plan.refused),
            "refusals": tuple("; ".join(row.reasons) for row in plan.refused),
            "alarms": alarms,
            "waiting_for": _reasons(alarms, f"Veja o plano e, se for isso mesmo, {undo}"),
        }
    )
    return report, Batch(
        id=batch_id(clock.now(), code),
        environment=environment,
        sheet_sha256=None,
        undoes=batch,
        digest=code,
        day=today,
        steps=plan.steps,
        kept=plan.kept,
        kept_before=as_kept(brought),
    )


def _say_yes(situation: Situation, code: str) -> Situation:
    environment = situation.environment
    # With nothing left to do it is a run that is repeated: what it was to say yes to is done.
    left = situation.plan.steps or situation.alarms
    require_same_plan(
        code, situation.code if left else None, environment, _PLAN_COMMAND.format(environment=environment)
    )
    accepted = replace(situation, accepted=True)
    _require_allowed(accepted.report())
    accept_sheet(situation.instance, situation.sheet_sha256)
    return accepted


def _require_allowed(report: UsersReport) -> None:
    forbidden = [alarm.text for alarm in report.alarms if alarm.forbidden]
    if forbidden:
        raise GateClosedError(
            f"O plano faz o que ninguém pode permitir: {'; '.join(forbidden)}",
            report.environment,
            "Corrija a planilha. Nada foi gravado.",
        )


def _waiting_for(environment: str, code: str, alarms: tuple[Alarm, ...]) -> tuple[str, ...]:
    """Alarms as reasons to wait, the last of them with what the operator does next."""
    shown = _APPLY_COMMAND.format(environment=environment, code=code[:SHOWN_DIGITS])
    return _reasons(alarms, f"Veja {_PLAN_COMMAND.format(environment=environment)} e, se for isso mesmo, {shown}")


def _reasons(alarms: tuple[Alarm, ...], question: str) -> tuple[str, ...]:
    if not alarms:
        return ()
    forbidden = any(alarm.forbidden for alarm in alarms)
    last = "Corrija a planilha: isso ninguém pode permitir." if forbidden else f"{question}."
    return (*(f"{alarm.text[0].upper()}{alarm.text[1:]}." for alarm in alarms), last)


def _with_returned(situation: Situation) -> UsersReport:
    report = situation.report()
    if not situation.refused:
        return report
    key = keep_returned(situation.instance, situation.read, situation.refused)
    return report.model_copy(update={"returned": key})


def _kept_places(plan: UsersPlan) -> dict[int, frozenset[Place]]:
    return {kept.id_usuario: frozenset(kept.places) for kept in plan.kept if kept.id_usuario is not None}


def _as_batch(situation: Situation) -> Batch:
    return Batch(
        id=batch_id(clock.now(), situation.code),
        environment=situation.environment,
        sheet_sha256=situation.sheet_sha256,
        digest=situation.code,
        day=situation.today,
        steps=situation.plan.steps,
        kept=situation.plan.kept,
        kept_before=as_kept(situation.brought),
    )


def _roles(instance: Instance, units: Mapping[str, int]) -> Roles:
    return Roles(
        system=SEI_SYSTEM_ID,
        administrators=instance.users.administrator_profiles(),
        signers=instance.users.signing_profiles(),
        units={unit: sigla for sigla, unit in units.items()},
    )
