"""Bringing an environment back to one of its backups: how far that is, from what the registry was told, in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field, NonNegativeFloat

from domain.backup.history import BackupRecord, last_proved
from domain.backup.log import Replay
from domain.backup.manifest import BackupManifest, BackupReference, stamp_of
from domain.backup.sizes import shown_seconds
from domain.calendar import local_moment, local_second
from domain.errors import InvalidInputError
from domain.model import Frozen
from domain.paperwork import TABLES, Paperwork
from domain.report import StepResult, table_cell


class RestoreEvent(StrEnum):
    """Kinds of the registry's events, in the order in which a restoration comes to them."""

    BEGUN = "restore.begun"
    SAVED = "restore.saved"
    """What was there is kept, or it is told why it cannot be: from here on the data may be half the one, half the
    other."""
    REPLACED = "restore.replaced"
    """Both databases are those of the backup, or of the moment to which its server's log led."""
    RECONCILED = "restore.reconciled"
    """The files are as well: the application may run."""
    FINISHED = "restore.finished"


class Restoration(Frozen):
    """One restoration, as far as it came."""

    number: int
    begun_at: AwareDatetime
    backup: BackupReference
    role: str
    reason: str
    closed_before: bool = Field(description="Whether an operator had closed the environment before.")
    lost_server: str | None = Field(default=None, description="The database server that it had to be moved from.")
    until: AwareDatetime | None = Field(
        default=None, description="The first moment that is not wanted, of those after the backup that the log has."
    )
    reached: frozenset[RestoreEvent] = frozenset({RestoreEvent.BEGUN})
    saved: str = Field(default="", description="What became of the backup of what was there.")
    replay: Replay | None = Field(default=None, description="What the log gave back, once it did.")

    @property
    def stamp(self) -> str:
        """The backup as people name it."""
        return stamp_of(self.backup.taken_at)

    @property
    def touching(self) -> bool:
        """Whether the data may be half of one and half of the other: nobody may be let to them."""
        return RestoreEvent.SAVED in self.reached and RestoreEvent.RECONCILED not in self.reached

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return RestoreEvent.FINISHED in self.reached


class RestoreHappening(Frozen):
    """One event of a restoration; a beginning tells which, by whom and why."""

    kind: RestoreEvent
    at: AwareDatetime
    backup: BackupReference | None = None
    role: str = ""
    reason: str = ""
    closed_before: bool = False
    lost_server: str | None = None
    until: AwareDatetime | None = None
    saved: str = ""
    replay: Replay | None = None


def restoration_of(happenings: Iterable[RestoreHappening]) -> Restoration | None:
    """The last restoration of an environment; None when there was none.

    One that begins while another had the data in its hands takes over: what was there before is saved already, and
    what lies there now is nobody's.
    """
    found: Restoration | None = None
    for happening in happenings:
        if happening.kind is RestoreEvent.BEGUN and happening.backup is not None:
            takes_over = found if found is not None and found.touching else None
            found = Restoration(
                number=found.number + 1 if found else 1,
                begun_at=happening.at,
                backup=happening.backup,
                role=happening.role,
                reason=happening.reason,
                closed_before=takes_over.closed_before if takes_over else happening.closed_before,
                lost_server=happening.lost_server,
                until=happening.until,
                reached=frozenset({RestoreEvent.BEGUN, *((RestoreEvent.SAVED,) if takes_over else ())}),
                saved=takes_over.saved if takes_over else "",
            )
        elif found is not None:
            told = {"saved": happening.saved or found.saved, "replay": happening.replay or found.replay}
            found = found.model_copy(update={"reached": found.reached | {happening.kind}, **told})
    return found


def choose_backup(
    records: Sequence[BackupRecord], environment: str, *, stamp: str | None, at: datetime | None, now: datetime
) -> BackupRecord:
    """The backup to go back to: the one named, the newest not after a moment, or the newest; always a proved one.

    Raises:
        InvalidInputError: there is none such, or it was refused, or its time is over.
    """
    see = f"Veja as que há com ./implanta backup list {environment}."
    if stamp is not None and at is not None:
        raise InvalidInputError("A cópia e o momento foram dados juntos", environment, "Use só um dos dois.")
    good = last_proved(records)
    usable = [record for record in records if record.proved and (record.keep_until > now or record is good)]
    if stamp is not None:
        named = [record for record in records if record.stamp == stamp]
        if not named:
            raise InvalidInputError(f"Não há a cópia {stamp} deste ambiente", environment, see)
        if named[0] not in usable:
            why = "o prazo dela acabou" if named[0].proved else "ela não está provada"
            raise InvalidInputError(f"A cópia {stamp} não se restaura: {why}", environment, see)
        return named[0]
    if at is not None and at > now:
        raise InvalidInputError(f"O momento {local_second(at)} ainda não chegou", environment, see)
    if at is not None:
        usable = [record for record in usable if record.reference.taken_at <= at]
    if not usable:
        until = f" até {local_moment(at)}" if at else ""
        raise InvalidInputError(f"O ambiente não tem cópia provada{until}", environment, see)
    return usable[-1]


def paperwork_in(manifest: BackupManifest) -> Paperwork:
    """What people had made when the backup was taken, by what its manifest counts."""
    tables = manifest.dump.schemas[manifest.schemas["sei"]].tables
    return Paperwork(**{field: tables[table].rows if table in tables else 0 for field, table in TABLES.items()})


class RestoreReport(Frozen):
    """What a restoration did, for operators; no personal data."""

    environment: str
    stamp: str
    taken_at: AwareDatetime
    role: str
    reason: str
    saved: str
    steps: tuple[StepResult, ...]
    facts: tuple[str, ...] = ()
    next_step: str = ""
    seconds: NonNegativeFloat = 0
    until: AwareDatetime | None = None
    replay: Replay | None = None

    def markdown(self) -> list[str]:
        """The table that operators read."""
        lines = [
            f"# {self.environment}: {self._whereto()}",
            "",
            f"Por {self.role}: {self.reason.rstrip('.')}. Cópia do que havia: {self.saved}.",
            "",
            "| Passo | Resultado | Tempo |",
            "|---|---|---|",
        ]
        lines += [
            f"| {step.name} | {table_cell('; '.join(step.change.details) or str(step.change))} | {step.seconds:.1f} s |"
            for step in self.steps
        ]
        lines += [f"| **total** | | **{shown_seconds(self.seconds)}** |", "", *(f"- {fact}" for fact in self.facts)]
        if self.replay is not None:
            lines += ["", *self._replayed(self.replay)]
        return [*lines, *(["", f"**{self.next_step}**"] if self.next_step else [])]

    def _whereto(self) -> str:
        backup = f"cópia de {local_moment(self.taken_at)}"
        if self.until is None:
            return f"restaurado da {backup}"
        return f"como estava antes de {local_second(self.until)} (da {backup} e do log binário)"

    @staticmethod
    def _replayed(replay: Replay) -> list[str]:
        reached = f"a última às {local_second(replay.reached_at)}" if replay.reached_at else "nada mudou desde a cópia"
        broken = f", sem par em {', '.join(replay.broken_keys)}" if replay.broken_keys else ", nenhuma linha sem par"
        lines = [
            f"Do log binário: {replay.transactions} transações, {reached}; {replay.commands} comandos de estrutura ou"
            f" por extenso. {replay.untouched} tabelas de que o log não fala comparadas com a cópia por SHA-256;"
            f" {replay.foreign_keys} chaves estrangeiras conferidas{broken}.",
        ]
        if replay.tables:
            lines += ["", "| Tabela | Eventos que incluem | que alteram | que excluem |", "|---|---|---|---|"]
            lines += [
                f"| {name} | {changes.inserts} | {changes.updates} | {changes.deletes} |"
                for name, changes in replay.tables.items()
            ]
        return lines
