"""A night of the fleet: whose backup comes first, whether all of them fit, and what came of it."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Self

from pydantic import AwareDatetime, Field, NonNegativeFloat, PositiveInt, model_validator

from domain.backup.certificate import BackupCertificate
from domain.backup.sizes import shown_size
from domain.calendar import BRASILIA
from domain.catalog_entry import CatalogEntry
from domain.environment import Purpose
from domain.errors import IntegrityError
from domain.fleet_failures import FleetFailures
from domain.model import Frozen
from domain.report import table_cell

_DAY = timedelta(days=1)


class NightRule(CatalogEntry):
    """When backups are taken and how many at once. SEI's own tasks delete files from 02h to 06h (`sei.md` 3)."""

    begins: time = Field(alias="inicio")
    ends: time = Field(alias="fim")
    at_once: PositiveInt = Field(alias="ao_mesmo_tempo")
    per_server: PositiveInt = Field(alias="por_servidor")
    expected_seconds: PositiveInt = Field(alias="segundos_previstos")
    late_after_hours: PositiveInt = Field(alias="em_falta_apos_horas")

    @model_validator(mode="after")
    def _is_a_night(self) -> Self:
        if self.begins == self.ends:
            msg = "a janela das cópias não pode começar e terminar na mesma hora"
            raise ValueError(msg)
        return self

    def next_begin(self, moment: datetime) -> datetime:
        """When the next window begins."""
        local = moment.astimezone(BRASILIA)
        begin = datetime.combine(local.date(), self.begins, BRASILIA)
        return begin if begin > local else begin + _DAY

    def end_of(self, started: datetime) -> datetime:
        """When the window ends that is open at a moment, or that opens next."""
        local = started.astimezone(BRASILIA)
        end = datetime.combine(local.date(), self.ends, BRASILIA)
        return end if end > local else end + _DAY


class Candidate(Frozen):
    """An environment whose backup is due."""

    environment: str
    purpose: Purpose
    server: str
    proved_at: AwareDatetime | None
    expected_seconds: NonNegativeFloat


def in_order(candidates: Iterable[Candidate], now: datetime) -> tuple[Candidate, ...]:
    """Who goes first: who was longest without a proved backup, counted in nights; then production; then the largest."""

    def risk(candidate: Candidate) -> tuple[int, bool, float, str]:
        nights = (now - candidate.proved_at) // _DAY if candidate.proved_at else 10**6
        return (-nights, candidate.purpose is not Purpose.PRODUCAO, -candidate.expected_seconds, candidate.environment)

    return tuple(sorted(candidates, key=risk))


class NightForecast(Frozen):
    """When a night will be over, by what its backups took the last time."""

    finishes_at: AwareDatetime
    window_ends_at: AwareDatetime
    late: tuple[str, ...] = Field(description="Environments that would not be done when the window ends.")

    @property
    def fits(self) -> bool:
        """Whether everybody's backup is done in time."""
        return not self.late


def forecast(candidates: Sequence[Candidate], rule: NightRule, now: datetime) -> NightForecast:
    """Go through the night as it will go: in order, so many at once, so many on each database server."""
    window_ends_at = rule.end_of(now)
    waiting = list(candidates)
    running: list[tuple[float, int, Candidate]] = []
    clock, late, last = 0.0, [], 0.0
    number = 0
    while waiting or running:
        while len(running) < rule.at_once and (chosen := first_free(waiting, [c for *_, c in running], rule)):
            waiting.remove(chosen)
            number += 1
            heapq.heappush(running, (clock + chosen.expected_seconds, number, chosen))
        clock, _, done = heapq.heappop(running)
        last = max(last, clock)
        if now + timedelta(seconds=clock) > window_ends_at:
            late.append(done.environment)
    return NightForecast(
        finishes_at=now + timedelta(seconds=last), window_ends_at=window_ends_at, late=tuple(sorted(late))
    )


def first_free(waiting: Sequence[Candidate], running: Sequence[Candidate], rule: NightRule) -> Candidate | None:
    """The first whose database server is not as busy as it may be."""
    busy: dict[str, int] = {}
    for candidate in running:
        busy[candidate.server] = busy.get(candidate.server, 0) + 1
    return next((candidate for candidate in waiting if busy.get(candidate.server, 0) < rule.per_server), None)


class NightReport(Frozen):
    """What came of a night, for operators."""

    started_at: AwareDatetime
    ended_at: AwareDatetime
    forecast: NightForecast
    certificates: dict[str, BackupCertificate]
    failures: FleetFailures

    @classmethod
    def of(
        cls, results: Mapping[str, object], *, started_at: datetime, ended_at: datetime, forecast: NightForecast
    ) -> Self:
        """Sort what came of each environment: its certificate, or the error with which it failed."""
        return cls(
            started_at=started_at,
            ended_at=ended_at,
            forecast=forecast,
            certificates={name: result for name, result in results.items() if isinstance(result, BackupCertificate)},
            failures=FleetFailures.of(results),
        )

    @property
    def refused(self) -> tuple[str, ...]:
        """The environments whose backup of this night is none."""
        return tuple(name for name, certificate in self.certificates.items() if not certificate.proved)

    def markdown(self) -> list[str]:
        """The table that operators read: what needs a person first."""
        proved = len(self.certificates) - len(self.refused)
        lines = [
            f"# Cópias da noite de {self.started_at.astimezone(BRASILIA):%d/%m/%Y}",
            "",
            f"**{proved} provadas, {len(self.refused)} recusadas, {len(self.failures.reasons)} não feitas.**"
            f" Das {self.started_at.astimezone(BRASILIA):%H:%M} às {self.ended_at.astimezone(BRASILIA):%H:%M};"
            f" a janela vai até {self.forecast.window_ends_at.astimezone(BRASILIA):%H:%M}.",
            "",
            "| Ambiente | Resultado | Nível | Linhas | Anexos | Guardado | RTO | Tempo |",
            "|---|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {name} | **não feita**: {table_cell(why)} | | | | | | |" for name, why in self.failures.reasons.items()
        ]
        for name in sorted(self.certificates, key=lambda name: (self.certificates[name].proved, name)):
            lines.append(_line(name, self.certificates[name]))
        return lines

    def raise_if_any_failed(self) -> None:
        """Fail the run when an environment is without a proved backup of this night.

        Raises:
            IntegrityError: a backup was refused.
            ImplantaError: of the kind of the worst failure.
        """
        reasons = {name: f"recusada: {self.certificates[name].reasons}" for name in self.refused}
        FleetFailures(
            reasons={**self.failures.reasons, **reasons},
            worst_exit_code=max(self.failures.worst_exit_code, IntegrityError.exit_code if reasons else 0),
        ).raise_if_any(
            "{number} ambientes ficaram sem cópia provada nesta noite",
            "Veja a tabela no artefato copias-da-noite; corrija a causa e execute de novo só estes ambientes.",
        )


def _line(name: str, certificate: BackupCertificate) -> str:
    alerts = f", {len(certificate.alerts)} alertas da origem" if certificate.alerts else ""
    result = f"provada{alerts}" if certificate.proved else f"**recusada**: {table_cell(certificate.reasons)}"
    cells = (
        name,
        result,
        certificate.level or "nenhum",
        f"{certificate.rows:,}".replace(",", "."),
        certificate.attachments,
        shown_size(certificate.stored_bytes),
        f"{certificate.rto_seconds:.0f} s",
        f"{certificate.whole_seconds:.0f} s",
    )
    return f"| {' | '.join(map(str, cells))} |"
