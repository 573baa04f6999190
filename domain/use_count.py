"""How much there is in a SEI: what the programme publishes of all of them together."""

from pydantic import NonNegativeInt

from domain.model import Frozen

USE_COUNTED = "use.counted"
"""Kind of the registry's event, one a night for each production."""


class UseCount(Frozen):
    """What one environment holds. Counts only."""

    users: NonNegativeInt
    """Active internal users, without those that SEI itself brings and our own technical one."""
    processes: NonNegativeInt
    documents: NonNegativeInt
    """Without those that were cancelled."""
