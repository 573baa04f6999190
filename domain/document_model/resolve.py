"""A model brought down to one instance: what stands for several units or rights is spelled out, and everything holds.

What the files alone cannot tell is judged here: whether what an entry names exists, in the model or in the instance,
and whether the instance's version has the column and the room for it.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from domain.document_model.entries import EVERYWHERE
from domain.document_model.kinds import (
    ASSINANTES,
    ASSUNTOS,
    BY_NAME,
    ORDERED_FIELDS,
    ORGAO,
    PERFIS,
    SERIES,
    TEXTOS,
    TIPOS,
    Kind,
)
from domain.document_model.model import (
    Item,
    Key,
    Model,
    ModelProblems,
    Value,
    items_of,
    key_of,
    lacking,
    name_key,
    names_in,
)
from domain.document_model.plan import Current, Row

CLASS_DIGITS = 3
_UNIT_LISTS = {ASSINANTES.name: "unidades", SERIES.name: "restrito_a", TIPOS.name: "restrito_a"}
_UNIT_FIELDS = {**_UNIT_LISTS, TEXTOS.name: "unidade"}


@dataclass(frozen=True)
class Instance:
    """What an instance is besides its entries.

    `units` are the siglas of its active units, `inactive_units` of the others; `lengths` the room of each field, by
    kind, in characters; `missing` the fields that its version of SEI has not got; `rights` are SIP's recursos for SEI,
    and `menu_right` the one behind each menu item.
    """

    current: Current
    units: tuple[str, ...]
    inactive_units: tuple[str, ...]
    lengths: Mapping[str, Mapping[str, int]]
    missing: Mapping[str, frozenset[str]]
    rights: frozenset[str]
    menu_right: Mapping[str, str]
    has_processes: bool
    reserved: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    """By kind, the comparable names that entries beyond the model already have."""

    @cached_property
    def unit_by_key(self) -> Mapping[str, str]:
        """The active units as the instance writes them, by comparable sigla."""
        return {name_key(sigla): sigla for sigla in self.units}

    @cached_property
    def gone_units(self) -> frozenset[str]:
        """The comparable siglas that only units switched off have."""
        return frozenset(map(name_key, self.inactive_units)).difference(self.unit_by_key)


def resolve(model: Model, instance: Instance, retiring: Mapping[str, frozenset[Key]] | None = None) -> Model:
    """The model as this instance must have it; `retiring` are the entries, by kind, that leave it with this model.

    Raises:
        ModelProblems: an entry names what does not exist, does not fit, is too little to be created, or would change
            the numbers of processes once there is one.
    """
    resolved = {
        name: {key: item for item in items.values() for key, item in _spelled_out(item, model, instance)}
        for name, items in model.items()
    }
    problems = [
        problem for item in items_of(resolved) for problem in _problems(item, resolved, instance, retiring or {})
    ]
    if problems:
        raise ModelProblems(problems)
    return resolved


def _spelled_out(item: Item, model: Model, instance: Instance) -> Iterator[tuple[Key, Item]]:
    fields = item.fields
    if absent := instance.missing.get(item.kind.name):
        fields = {name: value for name, value in fields.items() if name not in absent}
    if item.kind is TEXTOS and fields.get("unidade", EVERYWHERE) == EVERYWHERE:
        for sigla in instance.units:
            one = {**fields, "unidade": sigla}
            key = key_of(item.kind, one)
            yield key, replace(item, key=key, fields=one)
        return
    if item.kind is PERFIS:
        fields = _rights(fields, instance)
    written = _as_written(item.kind, fields, model, instance)
    # Nearly all are written that way already, and comparing one costs less than copying it.
    yield item.key, item if written == item.fields else replace(item, fields=written)


def _as_written(kind: Kind, fields: Mapping[str, Value], model: Model, instance: Instance) -> dict[str, Value]:
    """Names as the entry that they name has its own, lists in one order: what differs only so does not differ."""
    written = dict(fields)
    for field, other in kind.references:
        if value := fields.get(field):
            written[field] = _renamed(value, partial(_own_name, other, model=model, instance=instance))
    if (unit_field := _UNIT_LISTS.get(kind.name)) and unit_field in fields:
        written[unit_field] = _units(fields[unit_field], instance)
    for field, value in written.items():
        if isinstance(value, tuple) and field not in ORDERED_FIELDS:
            written[field] = tuple(sorted(value))
    return written


def _units(value: Value, instance: Instance) -> Value:
    """A list of units as the instance reads it: all of them are `*`, and one that was switched off is none."""
    named = [instance.unit_by_key.get(name_key(sigla), sigla) for sigla in names_in(value)]
    siglas = [sigla for sigla in named if name_key(sigla) not in instance.gone_units]
    if EVERYWHERE in siglas or (siglas and set(siglas) == set(instance.units)):
        return (EVERYWHERE,)
    return tuple(siglas)


def _renamed(value: Value, rename: Callable[[str], str]) -> Value:
    if isinstance(value, tuple):
        return tuple(rename(part) for part in value)
    return rename(value) if isinstance(value, str) else value


def _own_name(kind: str, value: str, model: Model, instance: Instance) -> str:
    key = (name_key(value),)
    wanted, row = model[kind].get(key), instance.current.get(kind, {}).get(key)
    found = wanted.fields if wanted else row.fields if row else {}
    return str(found.get(BY_NAME[kind].key[-1], value))


def _rights(fields: Mapping[str, Value], instance: Instance) -> dict[str, Value]:
    given = {name: value for name, value in fields.items() if name not in PERFIS.derived}
    start = fields.get("a_partir_de")
    if start is None:
        return given
    given = {name: value for name, value in given.items() if name not in {"recursos", "menus"}}
    origin = instance.current.get(PERFIS.name, {}).get((name_key(str(start)),))
    if origin is None:
        return given  # refused below
    rights = (set(names_in(origin.fields["recursos"])) | set(names_in(fields.get("com")))) - set(
        names_in(fields.get("sem"))
    )
    menus = [menu for menu in names_in(origin.fields["menus"]) if instance.menu_right.get(menu) in rights]
    return given | {"recursos": tuple(sorted(rights)), "menus": tuple(menus)}


def _problems(item: Item, model: Model, instance: Instance, retiring: Mapping[str, frozenset[Key]]) -> Iterator[str]:
    kind, row = item.kind, instance.current.get(item.kind.name, {}).get(item.key)
    if row is None and kind.creatable and not item.complete and item.fields.get("ativo") is not False:
        needed = ", ".join(lacking(kind, item.fields))
        yield f"{item.source_of()}: {kind} {item.label!r} não existe na instância e falta, para criá-lo: {needed}"
    if row is None and item.key and item.key[-1] in instance.reserved.get(kind.name, ()):
        yield f"{item.source_of()}: {kind} {item.label!r} tem o nome de um formulário desta instância: use outro nome"
    for name, room in instance.lengths.get(kind.name, {}).items():
        value = item.fields.get(name)
        if isinstance(value, str) and len(value) > room:
            what = f"{item.source_of(name)}, {name}: {kind} {item.label!r}"
            yield f"{what} tem {len(value)} caracteres e esta versão do SEI aceita {room}"
    for name, other in kind.references:
        if item.fields.get(name):
            yield from _dangling(item, name, other, model, instance, retiring.get(other, frozenset()))
    if unit_field := _UNIT_FIELDS.get(kind.name):
        yield from _unknown_units(item, unit_field, instance)
    if kind is PERFIS:
        yield from _unknown_rights(item, instance)
    if kind is ASSUNTOS and row is None:
        yield from _orphan(item, model, instance)
    if kind is ORGAO and instance.has_processes and row is not None:
        for name in ("mascara_processo", "codigo"):
            if name in item.fields and item.fields[name] != row.fields[name]:
                source = item.source_of(name)
                yield f"{source}, {name}: não muda mais: a instância já tem processos com o número antigo"


def _dangling(
    item: Item, name: str, other: str, model: Model, instance: Instance, retiring: frozenset[Key]
) -> Iterator[str]:
    exists = item.key in instance.current.get(item.kind.name, {})
    if item.fields.get("ativo") is False and exists:
        return  # what is switched off may name what was switched off before it
    for value in names_in(item.fields.get(name)):
        key = (name_key(value),)
        wanted, row = model[other].get(key), instance.current.get(other, {}).get(key)
        problem = _wrong_with(wanted, None if key in retiring else row, other)
        if problem and not (item.fields.get("ativo") is False and (wanted or row)):
            yield f"{item.source_of(name)}, {name}: {item.kind} {item.label!r} cita {value!r}, {problem}"


def _wrong_with(wanted: Item | None, row: Row | None, kind: str) -> str | None:
    """Why an entry, as the model and the instance have it, is not to be named by another; None when it is."""
    if wanted is None and row is None:
        return "que não existe nem no modelo nem na instância"
    if _stated("ativo", wanted, row) is False:
        return "que está desativado"
    if kind == ASSUNTOS.name and _stated("estrutural", wanted, row) is True:
        return "que só agrupa outros assuntos: use um que classifique"
    return None


def _stated(name: str, wanted: Item | None, row: Row | None) -> Value:
    """A field of an entry as the model decides it, else as the instance has it."""
    if wanted and name in wanted.fields:
        return wanted.fields[name]
    return row.fields.get(name) if row else None


def _unknown_units(item: Item, name: str, instance: Instance) -> Iterator[str]:
    for sigla in names_in(item.fields.get(name)):
        if sigla != EVERYWHERE and name_key(sigla) not in instance.unit_by_key:
            what = f"{item.source_of(name)}, {name}: {item.kind} {item.label!r}"
            yield f"{what}: a unidade {sigla!r} não existe ou não está ativa"


def _unknown_rights(item: Item, instance: Instance) -> Iterator[str]:
    origin = item.sources.get("a_partir_de")
    if origin is not None and "recursos" not in item.fields:
        yield f"{origin}, a_partir_de: {item.kind} {item.label!r} parte de um perfil que a instância não tem"
    for right in names_in(item.fields.get("recursos")):
        if right not in instance.rights:
            yield f"{item.source_of('recursos')}: {item.kind} {item.label!r}: o recurso {right!r} não existe no SIP"
    for menu in names_in(item.fields.get("menus")):
        if menu not in instance.menu_right:
            yield f"{item.source_of('menus')}: {item.kind} {item.label!r}: o item de menu {menu!r} não existe no SIP"


def _orphan(item: Item, model: Model, instance: Instance) -> Iterator[str]:
    """A subject below another must have it: the tree of codes is what people browse."""
    code = str(item.fields["codigo"])
    above = list(codes_above(code))
    known = [key for key in ((name_key(one),) for one in above) if _has_subject(key, model, instance)]
    if above and not known:
        told = " ou ".join(above)
        yield f"{item.source_of('codigo')}, codigo: assunto {item.label!r}: nenhum assunto acima dele existe ({told})"


def codes_above(code: str) -> Iterator[str]:
    """The codes of the subjects above one, the nearest first: 111.12 → 111.1, 111, 110, 100.

    The levels of CONARQ's plans: hundreds are classes, tens subclasses, units groups, and each digit after the point
    goes one level further down.
    """
    plain, point, below = code.partition(".")
    for length in range(len(below) - 1, 0, -1):
        yield f"{plain}.{below[:length]}"
    if point:
        yield plain
    if len(plain) == CLASS_DIGITS and plain.isdigit():
        for shorter in (plain[:2] + "0", plain[0] + "00"):
            if shorter != plain:
                yield shorter


def _has_subject(key: Key, model: Model, instance: Instance) -> bool:
    return key in model[ASSUNTOS.name] or key in instance.current.get(ASSUNTOS.name, {})
