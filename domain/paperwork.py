"""What has been created in a SEI: whoever goes back to what was before looks here first."""

from pydantic import NonNegativeInt

from domain.model import Frozen


class Paperwork(Frozen):
    """How much was created in a SEI."""

    procedimento: NonNegativeInt
    documento: NonNegativeInt
    anexo: NonNegativeInt
    assinatura: NonNegativeInt
    atividade: NonNegativeInt

    @property
    def empty(self) -> bool:
        """Whether nobody has created anything yet."""
        return not any(dict(self).values())
