"""What the catalog says of the programme in time."""

from domain.errors import InvalidInputError
from domain.freeze import FreezeRule
from domain.instruments.timetable import Activity, TimetableRule
from domain.lifecycle import Stage
from domain.model import Frozen
from domain.planning.teams import TeamTable


class Rules(Frozen):
    """The activities, who does them, how many at once, and when nobody goes live."""

    timetable: TimetableRule
    teams: TeamTable
    freezes: FreezeRule
    environment_business_days: int

    @property
    def go_live(self) -> Activity:
        """The activity at whose end a prefeitura is live.

        Raises:
            InvalidInputError: the timetable has none.
        """
        found = self.timetable.activity_of(Stage.GO_LIVE)
        if found is None:
            raise InvalidInputError(
                f"Nenhuma atividade tem a etapa {Stage.GO_LIVE}", "catalog/timetable.yaml", "Diga qual é."
            )
        return found

    def planned_days(self) -> dict[str, int]:
        """How many business days the plan gives each activity."""
        return {one.code: one.planned_days(self.environment_business_days) for one in self.timetable.activities}
