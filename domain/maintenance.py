"""An environment that an operator closed to the public: since when, by whom and why."""

from enum import StrEnum

from pydantic import AwareDatetime

from domain.calendar import BRASILIA
from domain.change import Change
from domain.model import Frozen


class Door(StrEnum):
    """What an operator does to an environment, as it is typed: maintenance on, maintenance off."""

    CLOSE = "on"
    OPEN = "off"


class Closing(Frozen):
    """A closing that is in force."""

    since: AwareDatetime
    role: str
    reason: str

    @property
    def told(self) -> str:
        """Who, when and why, as operators read it."""
        moment = self.since.astimezone(BRASILIA)
        return f"Fechado ao público em {moment:%d/%m/%Y %H:%M} por {self.role}: {self.reason.rstrip('.')}"

    @staticmethod
    def way_back(environment: str) -> str:
        """What lets the public in again."""
        return f"Reabra com ./implanta environment maintenance {environment} off."

    def reopening(self, environment: str) -> str:
        """Why something waits for an operator, and for what."""
        return f"{self.told}. {self.way_back(environment)}"


class MaintenanceReport(Frozen):
    """What closing or opening an environment changed, and the closing that is in force now."""

    environment: str
    closing: Closing | None
    change: Change
