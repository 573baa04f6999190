"""What a round of messages to several prefeituras put in the queue, for operators."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from domain.change import Change
from domain.errors import exit_code_of, kind_of
from domain.model import Frozen
from domain.report import first_of, sort_results, table_cell


class TellingReport(Frozen):
    """Each prefeitura's queued messages, and why of each one that could not be told."""

    title: str
    changes: dict[str, Change]
    failures: dict[str, str] = Field(default_factory=dict)
    worst_exit_code: int = 0

    @classmethod
    def of(cls, title: str, results: Mapping[str, object]) -> Self:
        """Sort what came of each prefeitura: its change, or the error with which it failed."""
        changes, failures = sort_results(results, Change)
        return cls(
            title=title,
            changes=dict(zip((name for name in results if name not in failures), changes, strict=True)),
            failures=failures,
            worst_exit_code=max((exit_code_of(results[name]) for name in failures), default=0),
        )

    @property
    def queued(self) -> int:
        """How many messages entered the queue."""
        return sum(change.created for change in self.changes.values())

    def markdown(self) -> list[str]:
        """The table that operators read: failures first."""
        lines = [f"# {self.title}", "", f"{self.queued} mensagens na fila, {len(self.failures)} falhas.", ""]
        lines += ["| Prefeitura | Na fila | |", "|---|---|---|"]
        lines += [f"| {name} | **falhou** | {table_cell(why)} |" for name, why in self.failures.items()]
        lines += [f"| {name} | {change.created} | |" for name, change in self.changes.items()]
        return lines

    def raise_if_any_failed(self) -> None:
        """Fail the run as its worst prefeitura failed, naming all of them.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        if self.failures:
            raise kind_of(self.worst_exit_code)(
                f"{len(self.failures)} prefeituras ficaram sem mensagem: {first_of(list(self.failures.values()))}",
                ", ".join(self.failures),
                "Corrija a causa e execute de novo: quem já foi avisado não recebe outra vez.",
            )
