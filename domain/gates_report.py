"""What the night found at the gates."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from domain.errors import exit_code_of, kind_of, told
from domain.model import Frozen
from domain.report import table_cell


class GateLine(Frozen):
    """One prefeitura at a gate; with `reasons` it is closed."""

    municipality: str
    facts: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def started(self) -> bool:
        """Whether the implantation was started again, for the gate is open."""
        return not self.reasons


class GatesReport(Frozen):
    """Every prefeitura that waited at the gate, in the order in which it was asked for."""

    lines: tuple[GateLine, ...] = ()
    failures: dict[str, str] = Field(default_factory=dict)
    worst_exit_code: int = 0

    @classmethod
    def of(cls, results: Mapping[str, GateLine | BaseException | None]) -> Self:
        """Sort what each prefeitura's step gave: its line, nothing to tell, or the error with which it failed."""
        errors = {name: result for name, result in results.items() if isinstance(result, BaseException)}
        return cls(
            lines=tuple(result for result in results.values() if isinstance(result, GateLine)),
            failures={name: told(error) for name, error in errors.items()},
            worst_exit_code=max(map(exit_code_of, errors.values()), default=0),
        )

    def markdown(self) -> list[str]:
        """The table that operators read: failures first, then what opened."""
        opened = [line for line in self.lines if not line.reasons]
        lines = [
            "# Portões da capacitação",
            "",
            f"{len(opened)} abertos, {len(self.lines) - len(opened)} fechados, {len(self.failures)} com falha.",
            "",
            "| Prefeitura | Portão | Por quê |",
            "|---|---|---|",
        ]
        lines += [f"| {name} | **falhou** | {table_cell(reason)} |" for name, reason in self.failures.items()]
        lines += [
            f"| {line.municipality} | {'fechado' if line.reasons else '**abriu**'} "
            f"| {table_cell(' '.join(line.reasons or line.facts))} |"
            for line in sorted(self.lines, key=lambda line: bool(line.reasons))
        ]
        return lines

    def raise_if_any_failed(self) -> None:
        """Fail the run as its worst prefeitura failed, naming all of them.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        if self.failures:
            raise kind_of(self.worst_exit_code)(
                f"{len(self.failures)} portões não foram avaliados",
                ", ".join(self.failures),
                "Veja o motivo de cada um no artefato portoes-da-capacitacao.",
            )
