"""What one sweep of the monitoring found, for operators."""

from collections.abc import Iterable

from pydantic import AwareDatetime, NonNegativeFloat, NonNegativeInt

from domain.calendar import local_moment
from domain.model import Frozen
from domain.monitoring.causes import Cause
from domain.monitoring.rules import MonitoringRule, Probe
from domain.monitoring.state import ProbeState
from domain.report import first_of, table_cell


class Trouble(Frozen):
    """One probe that fails, whether or not it is an incident yet."""

    subject: str
    probe: Probe
    since: AwareDatetime
    answers: NonNegativeInt
    incident: str | None
    detail: str
    remedy: str

    @property
    def row(self) -> str:
        """Its line of the table."""
        known = "sim" if self.incident else "ainda não"
        when = local_moment(self.since)
        return f"| {self.subject} | {self.probe.label} | {when} | {known} | {table_cell(self.detail)} |"


class SweepReport(Frozen):
    """One sweep: who was watched, what changed, and everything that is not well."""

    taken_at: AwareDatetime
    seconds: NonNegativeFloat
    environments: NonNegativeInt
    busy: NonNegativeInt
    unreached: tuple[str, ...]
    opened: tuple[Cause, ...]
    closed: tuple[Cause, ...]
    troubles: tuple[Trouble, ...]

    @property
    def is_news(self) -> bool:
        """Whether anything changed that operators are told."""
        return bool(self.opened or self.closed or self.unreached)

    @property
    def remedies(self) -> dict[str, str]:
        """What the team does, by the label of the probe."""
        return {one.probe.label: one.remedy for one in self.troubles}

    def summary(self) -> str:
        """One line."""
        bad = sum(one.incident is not None for one in self.troubles)
        return (
            f"{self.environments} ambientes em {self.seconds:.1f} s: {bad} sonda(s) em incidente,"
            f" {len(self.unreached)} não alcançado(s), {self.busy} em atualização ou restauração"
        )

    def markdown(self) -> list[str]:
        """The table that operators read."""
        lines = ["# Monitoração", "", f"{local_moment(self.taken_at)}. {self.summary()}.", ""]
        if self.troubles:
            lines += ["| O quê | Sonda | Desde | Incidente | Causa |", "|---|---|---|---|---|"]
            lines += [one.row for one in self.troubles]
            lines += ["", "O que fazer:", ""]
            lines += [f"- **{label}**: {remedy}" for label, remedy in self.remedies.items()]
            lines += [""]
        lines += [f"- **Abriu**: {cause.told}: {cause.detail}" for cause in self.opened]
        lines += [f"- **Encerrou**: {cause.told}, desde {local_moment(cause.since)}" for cause in self.closed]
        if self.unreached:
            lines += [f"- **Não alcançados no prazo**: {first_of(self.unreached)}"]
        return lines


def troubles_of(states: Iterable[ProbeState], rule: MonitoringRule) -> tuple[Trouble, ...]:
    """What is not well, incidents first, then by subject."""
    bad = [state for state in states if state.incident is not None or state.verdict == "ruim"]
    ordered = sorted(bad, key=lambda state: (state.incident is None, state.subject, state.probe))
    return tuple(
        Trouble(
            subject=state.subject,
            probe=state.probe,
            since=state.since,
            answers=state.streak,
            incident=state.incident,
            detail=state.detail,
            remedy=rule.probes[state.probe].remedy,
        )
        for state in ordered
    )
