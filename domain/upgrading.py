"""Bringing an environment from one version to the next: how far that is, from what the registry was told, in order."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import AwareDatetime, Field, NonNegativeFloat, PositiveInt

from domain.backup.manifest import BackupReference, stamp_of
from domain.backup.sizes import shown_seconds
from domain.calendar import local_moment
from domain.model import Frozen
from domain.reference import Database, ReleaseCode, Sha256, Version
from domain.report import StepResult, table_cell


class UpgradeEvent(StrEnum):
    """Kinds of the registry's events."""

    BEGUN = "upgrade.begun"
    SAVED = "upgrade.saved"
    """A proved backup of this very moment is there: from here on the data may be half the one, half the other."""
    APPLIED = "upgrade.applied"
    """Every step of the release ran to its end."""
    PROVED = "upgrade.proved"
    """What came of it was examined, and the registry says the new version: from here on there is no way back."""
    FINISHED = "upgrade.finished"
    """Who was let in before is let in again."""
    FAILED = "upgrade.failed"
    """Something went wrong before it was proved, and all goes back."""
    RETURNED = "upgrade.returned"
    """Databases, files and code are those of the moment before."""
    UNDONE = "upgrade.undone"
    """And so is whoever was let in."""


_E = UpgradeEvent
# What must have happened, and what must not, for the next to be possible.
_AFTER: Mapping[UpgradeEvent, UpgradeEvent] = {
    _E.SAVED: _E.BEGUN,
    _E.APPLIED: _E.SAVED,
    _E.PROVED: _E.APPLIED,
    _E.FINISHED: _E.PROVED,
    _E.FAILED: _E.BEGUN,
    _E.RETURNED: _E.FAILED,
    _E.UNDONE: _E.RETURNED,
}
_NEVER_AFTER: Mapping[UpgradeEvent, UpgradeEvent] = {
    _E.SAVED: _E.FAILED,
    _E.APPLIED: _E.FAILED,
    _E.PROVED: _E.FAILED,
    _E.FAILED: _E.PROVED,
}


class UpgradeFailure(Frozen):
    """Why an upgrade goes back; no personal data."""

    step: str = Field(description="As operators read it.")
    cause: str
    signature: str = Field(default="", description="What it shares with others' failures (`domain.campaign.failure`).")


class UpgradeHappening(Frozen):
    """One event of an upgrade; a beginning tells from where to where, by whom and why."""

    kind: UpgradeEvent
    at: AwareDatetime
    from_version: Version | None = None
    to_version: ReleaseCode | None = None
    role: str = ""
    reason: str = ""
    window: str = Field(default="", description="The announced one, as operators read it.")
    closed_before: bool = Field(default=False, description="Whether an operator had closed the environment before.")
    accepted: tuple[str, ...] = Field(default=(), description="What may differ from the reference, for this reason.")
    reference: Sha256 | None = Field(default=None, description="Of the target, which the databases are held against.")
    backup: BackupReference | None = None
    structures: dict[Database, Sha256] = Field(default_factory=dict, description="Fingerprints of the moment before.")
    failure: UpgradeFailure | None = None


class Upgrade(Frozen):
    """One upgrade, as far as it came."""

    number: PositiveInt
    begun_at: AwareDatetime
    from_version: Version
    to_version: ReleaseCode
    role: str
    reason: str
    window: str = ""
    closed_before: bool = False
    accepted: tuple[str, ...] = ()
    reference: Sha256 | None = None
    reached: frozenset[UpgradeEvent] = frozenset({UpgradeEvent.BEGUN})
    backup: BackupReference | None = None
    structures: dict[Database, Sha256] = Field(default_factory=dict)
    failure: UpgradeFailure | None = None
    ended_at: AwareDatetime | None = None

    @property
    def stamp(self) -> str:
        """The backup of the moment before as people name it; empty while there is none."""
        return stamp_of(self.backup.taken_at) if self.backup else ""

    @property
    def is_over(self) -> bool:
        """Whether it came to its end, the good or the other one."""
        return bool({UpgradeEvent.FINISHED, UpgradeEvent.UNDONE} & self.reached)

    @property
    def is_touching(self) -> bool:
        """Whether the data may be half of one version and half of another: nobody may be let to them."""
        decided = {UpgradeEvent.PROVED, UpgradeEvent.RETURNED}
        return UpgradeEvent.SAVED in self.reached and not decided & self.reached

    @property
    def must_go_back(self) -> bool:
        """Whether whoever finds it so has to undo it: it failed, or was cut off before it was proved."""
        return not self.is_over and (UpgradeEvent.FAILED in self.reached or self.is_touching)

    @property
    def result(self) -> str:
        """How it stands, as operators read it."""
        if UpgradeEvent.FINISHED in self.reached:
            return "concluída"
        if UpgradeEvent.UNDONE in self.reached:
            return "desfeita"
        return "em volta" if self.must_go_back else "em andamento"

    def allows(self, kind: UpgradeEvent) -> bool:
        """Whether this can happen next."""
        if kind is UpgradeEvent.BEGUN:
            return self.is_over
        never = _NEVER_AFTER.get(kind)
        return (
            not self.is_over and kind not in self.reached and _AFTER[kind] in self.reached and never not in self.reached
        )

    def after(self, happening: UpgradeHappening) -> "Upgrade":
        """The same, one event later; what cannot happen now changes nothing."""
        if not self.allows(happening.kind):
            return self
        if happening.kind is UpgradeEvent.BEGUN:
            return _begun(happening, self.number + 1) or self
        ends = happening.kind in {UpgradeEvent.FINISHED, UpgradeEvent.UNDONE}
        return self.model_copy(
            update={
                "reached": self.reached | {happening.kind},
                "backup": happening.backup or self.backup,
                "structures": happening.structures or self.structures,
                "failure": happening.failure or self.failure,
                "ended_at": happening.at if ends else self.ended_at,
            }
        )


def _begun(happening: UpgradeHappening, number: int) -> Upgrade | None:
    if happening.kind is not UpgradeEvent.BEGUN or not (happening.from_version and happening.to_version):
        return None
    return Upgrade(
        number=number,
        begun_at=happening.at,
        from_version=happening.from_version,
        to_version=happening.to_version,
        role=happening.role,
        reason=happening.reason,
        window=happening.window,
        closed_before=happening.closed_before,
        accepted=happening.accepted,
        reference=happening.reference,
    )


def upgrades_of(happenings: Iterable[UpgradeHappening]) -> tuple[Upgrade, ...]:
    """Every upgrade of one environment, oldest first."""
    found: list[Upgrade] = []
    for happening in happenings:
        if not found:
            if (first := _begun(happening, 1)) is not None:
                found.append(first)
            continue
        later = found[-1].after(happening)
        if later.number == found[-1].number:
            found[-1] = later
        else:
            found.append(later)
    return tuple(found)


REHEARSED = "rehearsal.finished"
"""Kind of the registry's event of a rehearsal, whatever came of it."""


class RehearsalRecord(Frozen):
    """The upgrade of a restored copy of one environment, and what came of it."""

    release: ReleaseCode
    stamp: str = Field(description="Of the backup that was restored.")
    at: AwareDatetime
    ok: bool
    seconds: NonNegativeFloat = Field(description="How long the environment would be closed.")
    steps: dict[str, NonNegativeFloat] = Field(default_factory=dict, description="Seconds of each, in order.")
    failure: UpgradeFailure | None = None

    @property
    def signatures(self) -> tuple[str, ...]:
        """Of every error met."""
        return (self.failure.signature,) if self.failure and self.failure.signature else ()

    def markdown(self, environment: str) -> list[str]:
        """The table that operators read."""
        lines = [
            f"# {environment}: ensaio da {self.release} {'aprovado' if self.ok else 'reprovado'}",
            "",
            f"Sobre a cópia {self.stamp}, restaurada em um servidor de rascunho: o ambiente não foi tocado.",
            "",
            "| Passo | Tempo |",
            "|---|---|",
            *(f"| {table_cell(name)} | {shown_seconds(seconds)} |" for name, seconds in self.steps.items()),
            f"| **previsto de fechamento** | **{shown_seconds(self.seconds)}** |",
        ]
        if self.failure:
            lines += ["", f"**Falhou em {self.failure.step}: {self.failure.cause}.**"]
        return lines


class UpgradeReport(Frozen):
    """What an upgrade did, for operators; no personal data."""

    environment: str
    from_version: Version
    to_version: ReleaseCode
    role: str
    reason: str
    window: str = ""
    stamp: str = Field(description="The backup of the moment before.")
    steps: tuple[StepResult, ...]
    logs: tuple[str, ...] = Field(default=(), description="Where each script's output is kept.")
    facts: tuple[str, ...] = ()
    next_step: str = ""
    closed_seconds: NonNegativeFloat = Field(default=0, description="How long nobody was let in.")
    seconds: NonNegativeFloat = 0

    def markdown(self) -> list[str]:
        """The table that operators read."""
        lines = [
            f"# {self.environment}: da {self.from_version} para a {self.to_version}",
            "",
            f"Por {self.role}: {self.reason.rstrip('.')}. Cópia do momento anterior: {self.stamp}."
            + (f" Janela: {self.window}." if self.window else ""),
            "",
            "| Passo | Resultado | Tempo |",
            "|---|---|---|",
        ]
        lines += [
            f"| {step.name} | {table_cell('; '.join(step.change.details) or str(step.change))} | {step.seconds:.1f} s |"
            for step in self.steps
        ]
        lines += [
            f"| **total** | fechado ao público por {shown_seconds(self.closed_seconds)} |"
            f" **{shown_seconds(self.seconds)}** |",
            "",
            *(f"- Registro: `{log}`" for log in self.logs),
            *(f"- {fact}" for fact in self.facts),
        ]
        return [*lines, *(["", f"**{self.next_step}**"] if self.next_step else [])]


def failure_markdown(environment: str, upgrade: Upgrade, logs: Iterable[str]) -> list[str]:
    """What operators read of an upgrade that went back."""
    failure = upgrade.failure
    return [
        f"# {environment}: a atualização para a {upgrade.to_version} foi desfeita",
        "",
        f"Começou em {local_moment(upgrade.begun_at)}, por {upgrade.role}: {upgrade.reason.rstrip('.')}.",
        f"Falhou em {failure.step}: {failure.cause}." if failure else "",
        f"O ambiente está na {upgrade.from_version}, com bancos, arquivos e código do momento anterior"
        + (f" (cópia {upgrade.stamp}, comparada por SHA-256)." if upgrade.stamp else "; nada tinha sido mudado."),
        "",
        *(f"- Registro: `{log}`" for log in logs),
    ]
