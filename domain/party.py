"""Who the others wait for."""

from enum import StrEnum


class Party(StrEnum):
    """Whose turn it is."""

    ESTADO = "estado"
    PREFEITURA = "prefeitura"
    TERCEIROS = "terceiros"
    """Neither of the two can hasten it: an election's freeze, a day that was announced."""

    @property
    def label(self) -> str:
        """The party as people read it."""
        return {"estado": "Estado", "prefeitura": "Prefeitura", "terceiros": "Terceiros"}[self.value]
