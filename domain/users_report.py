"""What an import of users found and did, as operators read it. No personal data: people are rows and SIP's ids."""

from datetime import date

from pydantic import Field, NonNegativeInt

from domain.model import Frozen
from domain.users_batch import Batch
from domain.users_guard import Alarm
from domain.users_plan import StepKind, UsersPlan, UserStep

_COLUMNS = (
    ("joining", "entram"),
    ("changing", "mudam"),
    ("returning", "voltam"),
    ("leaving", "saem"),
    ("unchanged", "já estão como a planilha diz"),
)


class UsersReport(Frozen):
    """One plan or batch of users of one environment."""

    environment: str
    code: str = Field(description="SHA-256 of the plan.")
    sheet_sha256: str | None = None
    batch: str | None = Field(default=None, description="The batch that is open or was applied; None for a mere plan.")
    resumed: bool = Field(default=False, description="It was opened by an earlier run, which did not finish it.")
    joining: NonNegativeInt = 0
    changing: NonNegativeInt = 0
    returning: NonNegativeInt = 0
    leaving: NonNegativeInt = 0
    unchanged: NonNegativeInt = 0
    refused: NonNegativeInt = Field(default=0, description="Rows that go back to the prefeitura.")
    strangers: NonNegativeInt = Field(default=0, description="Active in SIP, and brought by no spreadsheet.")
    left_ended: NonNegativeInt = Field(default=0, description="Permissions that stay as somebody ended them in SIP.")
    returned: str | None = Field(default=None, description="Where the refused rows are, in the prefeitura's bucket.")
    told: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    waiting_for: tuple[str, ...] = Field(default=(), description="Why nothing is applied; empty when all may be.")

    @property
    def touched(self) -> int:
        """How many people are changed."""
        return self.joining + self.changing + self.returning + self.leaving

    def summary(self) -> str:
        """`3 entram, 1 sai…` in one line."""
        parts = [f"{count} {word}" for name, word in _COLUMNS if (count := getattr(self, name))]
        if self.refused:
            parts.append(f"{self.refused} linhas voltam para correção")
        if self.strangers:
            parts.append(f"{self.strangers} usuários ativos no SIP não vieram de planilha e ficam")
        if self.left_ended:
            parts.append(f"{self.left_ended} permissões encerradas à mão no SIP ficam encerradas")
        return ", ".join(parts) or "nada a fazer"


def counts_of(steps: tuple[UserStep, ...]) -> dict[str, int]:
    """How many people each kind of step touches, by the report's own names."""
    names = {
        "joining": StepKind.JOIN,
        "changing": StepKind.CHANGE,
        "returning": StepKind.RETURN,
        "leaving": StepKind.LEAVE,
    }
    return {name: sum(step.kind is kind for step in steps) for name, kind in names.items()}


def report_plan(environment: str, code: str, plan: UsersPlan, today: date) -> UsersReport:
    """A plan as a report."""
    return UsersReport(
        environment=environment,
        code=code,
        **counts_of(plan.steps),
        unchanged=plan.unchanged,
        strangers=plan.strangers,
        left_ended=plan.left_ended,
        told=tuple(step.told(today) for step in plan.steps),
    )


def report_batch(batch: Batch, *, resumed: bool) -> UsersReport:
    """A batch as a report."""
    return UsersReport(
        environment=batch.environment,
        code=batch.digest,
        sheet_sha256=batch.sheet_sha256,
        batch=batch.id,
        resumed=resumed,
        **counts_of(batch.steps),
        told=tuple(step.told(batch.day) for step in batch.steps),
    )
