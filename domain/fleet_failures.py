"""What went wrong in a run over the whole fleet: one tenant's failure stops no other, and fails the run at its end."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from domain.errors import exit_code_of, kind_of, told
from domain.model import Frozen


class FleetFailures(Frozen):
    """Whose work failed, with the reasons as operators read them."""

    reasons: dict[str, str] = Field(default_factory=dict)
    worst_exit_code: int = 0

    @classmethod
    def of(cls, results: Mapping[str, object]) -> Self:
        """Those of the results that are exceptions, by the name of the tenant."""
        errors = {name: result for name, result in results.items() if isinstance(result, BaseException)}
        return cls(
            reasons={name: told(error) for name, error in errors.items()},
            worst_exit_code=max(map(exit_code_of, errors.values()), default=0),
        )

    def raise_if_any(self, what: str, fix: str) -> None:
        """Fail the run as its worst tenant failed, naming all of them; `what` may count them with `{number}`.

        Raises:
            ImplantaError: of the kind with the highest exit code.
        """
        if self.reasons:
            raise kind_of(self.worst_exit_code)(what.format(number=len(self.reasons)), ", ".join(self.reasons), fix)
