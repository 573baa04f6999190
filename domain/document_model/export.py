"""An instance's model as the files of a layer: what it says again elsewhere gives the same model."""

from collections.abc import Mapping

from domain.document_model.entries import EVERYWHERE
from domain.document_model.kinds import FILES, KINDS, MODELOS, SECOES, TEXTOS, Kind
from domain.document_model.model import Value
from domain.document_model.plan import Current

Written = dict[str, object]


def export_model(current: Current, units: tuple[str, ...]) -> dict[str, list[Written]]:
    """By kind, the entries in the order of their ids, each with what is not its kind's default.

    Sections stand inside their template; a text that every unit has in the same words is written once.
    """
    exported = {kind.name: _entries(kind, current) for kind in KINDS}
    sections: dict[object, list[Written]] = {}
    for section in sorted(exported.pop(SECOES.name), key=lambda entry: int(str(entry["ordem"]))):
        sections.setdefault(section.pop("modelo"), []).append(section)
    for template in exported[MODELOS.name]:
        if template["nome"] in sections:
            template[SECOES.name] = sections[template["nome"]]
    exported[TEXTOS.name] = _once(exported[TEXTOS.name], units)
    return {kind.name: exported[kind.name] for kind in FILES}


def _entries(kind: Kind, current: Current) -> list[Written]:
    rows = sorted(current.get(kind.name, {}).values(), key=lambda row: row.id)
    return [_written(kind, row.fields) for row in rows]


def _written(kind: Kind, fields: Mapping[str, Value]) -> Written:
    needed = {name for need in kind.needs for name in need.split("|")} | set(kind.key)
    entry: Written = {}
    for name, info in kind.entry.model_fields.items():
        if name not in fields:
            continue
        value = fields[name]
        if name in needed or not kind.creatable or value != _plain(info.default):
            entry[name] = list(value) if isinstance(value, tuple) else value
    return entry


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(sorted(str(part) for part in value))
    return str(value) if isinstance(value, str) else value


def _once(texts: list[Written], units: tuple[str, ...]) -> list[Written]:
    same: dict[str, list[Written]] = {}
    for text in texts:
        said = repr(sorted((name, value) for name, value in text.items() if name != "unidade"))
        same.setdefault(said, []).append(text)
    written: list[Written] = []
    for group in same.values():
        everywhere = {str(text["unidade"]) for text in group} == set(units)
        written += [{**group[0], "unidade": EVERYWHERE}] if everywhere else group
    return written
