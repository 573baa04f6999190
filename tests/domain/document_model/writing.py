"""Layers of a document model as a test writes them."""

from collections.abc import Mapping

from domain.document_model.kinds import KINDS
from domain.document_model.model import Key, Layer, Model, Source, Value, Written, merge
from domain.document_model.plan import Row

Entries = Mapping[str, list[dict[str, object]]]


def layer(name: str, entries: Entries) -> Layer:
    """A layer whose entries stand on lines 10, 20, 30… of a file of their kind, each field a line further."""
    return Layer(
        name,
        tuple(
            Written(
                kind,
                data,
                Source(name, f"{name}/{kind}.yaml", at * 10),
                {field: at * 10 + below for below, field in enumerate(data)},
            )
            for kind, values in entries.items()
            for at, data in enumerate(values, start=1)
        ),
    )


def model_of(entries: Entries, **others: Entries) -> Model:
    """The model of a base and of other layers, each named by its keyword with `_` for `/`."""
    return merge([layer("base", entries), *(layer(name.replace("_", "/", 1), more) for name, more in others.items())])


def rows_of(model: Model) -> dict[str, dict[Key, Row]]:
    """An instance that has every entry of the model just as declared."""
    return {
        kind.name: {key: Row(number, dict(item.fields)) for number, (key, item) in enumerate(model[kind.name].items())}
        for kind in KINDS
    }


def with_field(rows: Mapping[str, Mapping[Key, Row]], kind: str, field: str, value: Value) -> dict[str, dict[Key, Row]]:
    """The same instance, after somebody changed one field of every entry of a kind."""
    changed = {name: dict(found) for name, found in rows.items()}
    changed[kind] = {key: Row(row.id, {**row.fields, field: value}) for key, row in rows[kind].items()}
    return changed
