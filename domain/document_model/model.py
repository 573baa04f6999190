"""The model of one client: every entry that its layers declare, merged, and where each word of it comes from.

A later layer overrides the fields that it gives of an entry with the same key, adds entries, and drops one with
`remover: true`; a list is replaced whole. An entry is complete when it gives everything that its kind needs: what it
does not say then has the kind's default. Any other is a patch of those of its fields that it gives.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.catalog_problem import problem_in
from domain.document_model.entries import Posse
from domain.document_model.kinds import BY_NAME, KINDS, MODELOS, SECOES, Kind
from domain.text import collation_key

Value = str | int | bool | None | tuple[str, ...]
Key = tuple[str, ...]
"""The values of an entry's key as SEI's collation compares them."""

BASE = "base"
MUNICIPALITY_LAYERS = "municipio/"
_META = ("posse", "remover")


@dataclass(frozen=True, slots=True)
class Source:
    """Where something is written."""

    layer: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, linha {self.line}"


@dataclass(frozen=True, slots=True)
class Written:
    """One entry as a file of a layer has it, not yet judged; `lines` gives the line of each field."""

    kind: str
    data: Mapping[str, object]
    source: Source
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """The entries of one folder, in the order of its files."""

    name: str
    entries: tuple[Written, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a client's model. `fields` are those that the catalog decides, as JSON would hold them."""

    kind: Kind
    key: Key
    fields: Mapping[str, Value]
    complete: bool
    posse: Posse
    sources: Mapping[str, Source]

    @property
    def label(self) -> str:
        """The key as people write it."""
        return label_of(self.kind, self.fields)

    def source_of(self, name: str = "") -> Source:
        """Where a field was decided; where the entry was last declared when nobody gave the field."""
        return self.sources.get(name) or self.sources[""]


Model = Mapping[str, Mapping[Key, Item]]
"""By the name of the kind; every kind is there, be it empty."""


class ModelProblems(Exception):  # noqa: N818  # not an error by itself: the reader of files tells it as one
    """Everything that is wrong with a model, a Portuguese sentence each, with file and line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)


def layer_names(*, client: str, uf: str, faixa: int | None, slug: str) -> tuple[str, ...]:
    """The layers of one client, the most general first; a negotiated plan has no faixa."""
    size = (f"faixa/{faixa}",) if faixa is not None else ()
    return (BASE, f"cliente/{client}", f"uf/{uf.lower()}", *size, f"{MUNICIPALITY_LAYERS}{slug}")


@lru_cache(maxsize=16_384)  # the same few thousand names are compared over and over
def name_key(name: str) -> str:
    """The name as SEI's collation compares it."""
    return collation_key(name)


def key_of(kind: Kind, fields: Mapping[str, object]) -> Key:
    """The comparable key of an entry; a part that is not given is empty."""
    return tuple(name_key(str(fields.get(part) or "")) for part in kind.key)


def names_in(value: Value) -> tuple[str, ...]:
    """The names that a field holds, be it one or a list; none when it holds nothing."""
    if value is None or value == "":
        return ()
    return value if isinstance(value, tuple) else (str(value),)


def lacking(kind: Kind, fields: Mapping[str, object]) -> list[str]:
    """What an entry of these fields needs besides, to be created."""
    return [
        need.replace("|", " ou ") for need in kind.needs if all(fields.get(name) is None for name in need.split("|"))
    ]


def label_of(kind: Kind, fields: Mapping[str, object]) -> str:
    """The key as people write it."""
    return " · ".join(str(fields[part]) for part in kind.key if fields.get(part)) or kind.label


def merge(layers: Sequence[Layer]) -> Model:
    """The model that the layers declare together.

    Raises:
        ModelProblems: an entry is wrong, is declared twice in one layer, or removes what is not there.
    """
    problems: list[str] = []
    drafts: dict[str, dict[Key, _Draft]] = {kind.name: {} for kind in KINDS}
    for layer in layers:
        seen: dict[tuple[str, Key], Source] = {}
        for written in layer.entries:
            kind = BY_NAME[written.kind]
            defaults = _key_defaults(kind)
            required = [part for part in kind.key if part not in defaults]
            missing = [part for part in required if not isinstance(written.data.get(part), str)]
            if missing:
                problems.append(f"{written.source}: falta {missing[0]} (um texto), que identifica o item")
                continue
            key = key_of(kind, defaults | dict(written.data))
            if (kind.name, key) in seen:
                problems.append(
                    f"{written.source}: {kind} {label_of(kind, written.data)!r} já está em {seen[kind.name, key]}"
                )
                continue
            seen[kind.name, key] = written.source
            if not written.data.get("remover"):
                _lay_over(drafts[kind.name], key, written)
            elif drafts[kind.name].pop(key, None) is None:
                problems.append(f"{written.source}: nada a remover: nenhuma camada anterior declara este item")
            elif kind is MODELOS:
                for section in [section for section in drafts[SECOES.name] if section[0] == key[0]]:
                    del drafts[SECOES.name][section]
    model: dict[str, dict[Key, Item]] = {}
    for name, found in drafts.items():
        model[name] = {}
        for key, draft in found.items():
            item = draft.judge(BY_NAME[name], key, problems)
            if item is not None:
                model[name][key] = item
    if problems:
        raise ModelProblems(problems)
    return model


def items_of(model: Model) -> Iterator[Item]:
    """Every entry, kinds in the order in which they are applied."""
    for kind in KINDS:
        yield from model[kind.name].values()


@dataclass(slots=True)
class _Draft:
    """An entry while layers are laid over one another."""

    data: dict[str, object]
    sources: dict[str, Source]
    posse: object = None

    def judge(self, kind: Kind, key: Key, problems: list[str]) -> Item | None:
        try:
            entry = kind.entry.model_validate(self.data)
            complete = kind.creatable and not lacking(kind, self.data)
            posse = Posse(str(self.posse)) if self.posse is not None else self._default_posse(complete=complete)
        except ValidationError as error:
            label = label_of(kind, self.data)
            problems += [
                f"{self._where(problem)}: {kind} {label!r}: {problem_in(problem)}" for problem in error.errors()
            ]
            return None
        except ValueError:
            choices = ", ".join(Posse)
            problems.append(f"{self.sources['']}: posse {self.posse!r} não existe: use {choices}")
            return None
        given = entry.model_dump(mode="json", exclude_unset=not complete)
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        for name, value in fields.items():
            if isinstance(value, tuple) and len({name_key(part) for part in value}) < len(value):
                source = self.sources.get(name) or self.sources[""]
                problems.append(f"{source}, {name}: {kind} {label_of(kind, self.data)!r}: valor repetido na lista")
        return Item(kind, key, fields, complete, posse, self.sources)

    def _default_posse(self, *, complete: bool) -> Posse:
        # A patch is an order: as a proposal it would never be more than a remark beside what is there.
        of_municipality = self.sources["first"].layer.startswith(MUNICIPALITY_LAYERS)
        return Posse.PREFEITURA if of_municipality and complete else Posse.PROGRAMA

    def _where(self, problem: ErrorDetails) -> str:
        name = str(problem["loc"][0]) if problem["loc"] else ""
        source = self.sources.get(name) or self.sources[""]
        return f"{source}, {name}" if name else str(source)


def _lay_over(drafts: dict[Key, _Draft], key: Key, written: Written) -> None:
    data = {name: value for name, value in written.data.items() if name not in _META}
    draft = drafts.setdefault(key, _Draft({}, {"first": written.source}))
    draft.data |= data
    draft.sources[""] = written.source
    for name in data:
        line = written.lines.get(name, written.source.line)
        draft.sources[name] = Source(written.source.layer, written.source.file, line)
    if "posse" in written.data:
        draft.posse = written.data["posse"]


def _key_defaults(kind: Kind) -> dict[str, object]:
    return {
        part: kind.entry.model_fields[part].default
        for part in kind.key
        if not kind.entry.model_fields[part].is_required()
    }
