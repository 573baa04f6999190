"""What people have made in a SEI, in numbers: enough to know whether anybody worked in it."""

from pydantic import NonNegativeInt

from domain.model import Frozen

TABLES = {
    "processos": "procedimento",
    "documentos": "documento",
    "anexos": "anexo",
    "assinaturas": "assinatura",
    "andamentos": "atividade",
}
"""The table that each number counts the rows of."""

_WORDS = {
    "processos": "processo(s)",
    "documentos": "documento(s)",
    "anexos": "arquivo(s)",
    "assinaturas": "assinatura(s)",
    "andamentos": "andamento(s)",
}


class Paperwork(Frozen):
    """Rows of `procedimento`, `documento`, `anexo`, `assinatura` and `atividade`."""

    processos: NonNegativeInt
    documentos: NonNegativeInt
    anexos: NonNegativeInt
    assinaturas: NonNegativeInt
    andamentos: NonNegativeInt

    @property
    def empty(self) -> bool:
        """Whether nobody has made anything yet."""
        return not any(dict(self).values())

    def less(self, before: "Paperwork") -> "Paperwork":
        """What came on top of what there was; what was removed since counts as nothing."""
        return Paperwork(
            **{field: max(0, getattr(self, field) - getattr(before, field)) for field in Paperwork.model_fields}
        )

    def changes_since(self, before: "Paperwork") -> tuple[str, ...]:
        """What differs, as `2 processo(s) a mais`; empty when nothing was made, nor removed, in between."""
        found = []
        for field, words in _WORDS.items():
            more = getattr(self, field) - getattr(before, field)
            if more:
                found.append(f"{abs(more)} {words} {'a mais' if more > 0 else 'a menos'}")
        return tuple(found)
