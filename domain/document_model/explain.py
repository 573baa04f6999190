"""Where each word of an entry comes from."""

from domain.document_model.model import Model, items_of
from domain.document_model.plan import as_text
from domain.drift import shown
from domain.model import Frozen
from domain.text import collation_key


class ExplainedField(Frozen):
    """One field of an entry: its value, cut for reading, and the layer, file and line that decide it."""

    field: str
    value: str
    layer: str | None
    source: str


class ExplainedItem(Frozen):
    """One entry of a client's model, explained."""

    kind: str
    label: str
    posse: str
    lines: tuple[ExplainedField, ...]


def explain_items(model: Model, name: str) -> list[ExplainedItem]:
    """The entries whose name is `name`, or that have it in theirs when none is; case and accents do not count."""
    wanted = collation_key(name)
    items = list(items_of(model))
    found = [item for item in items if collation_key(item.label) == wanted]
    found = found or [item for item in items if wanted in collation_key(item.label)]
    return [
        ExplainedItem(
            kind=item.kind.label,
            label=item.label,
            posse=item.posse.value,
            lines=tuple(
                ExplainedField(
                    field=field,
                    value=shown(as_text(value)),
                    layer=item.sources[field].layer if field in item.sources else None,
                    source=str(item.sources[field]) if field in item.sources else "padrão do tipo de item",
                )
                for field, value in item.fields.items()
            ),
        )
        for item in found
    ]
