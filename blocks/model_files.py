"""The layers of the document model under `catalog/document_model/`, one folder a layer, one file a kind."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from blocks.catalog_file import CATALOG_DIR, CatalogFile, read_catalog_file, shown
from domain.catalog_problem import problem_in
from domain.document_model.kinds import FILES, MODELOS, SECOES, Kind
from domain.document_model.model import BASE, MUNICIPALITY_LAYERS, Layer, Model, ModelProblems, Source, Written, merge
from domain.errors import InvalidInputError

MODEL_DIR = CATALOG_DIR / "document_model"
FIX = "Corrija os arquivos do modelo. Nada foi aplicado."
_SHOWN_PROBLEMS = 20

Client = Literal["prefeitura", "camara"]
_CLIENTS = TypeAdapter(dict[str, Client])


def client_of(slug: str, directory: Path = MODEL_DIR) -> Client:
    """What kind of client the municipality of this slug is, as `clientes.yaml` says; a prefeitura when it does not.

    Raises:
        InvalidInputError: the file is not a mapping of slugs to kinds.
    """
    file = read_catalog_file(directory / "clientes.yaml")
    try:
        clients = _CLIENTS.validate_python(file.value or {})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(
            f"Tipo de cliente: {problem_in(first)}",
            f"{shown(file.path)}, linha {file.line_of(first['loc'])}",
            "Use prefeitura ou camara.",
        ) from error
    return clients.get(slug, "prefeitura")


def load_model(names: Sequence[str], directory: Path = MODEL_DIR) -> Model:
    """The model that the layers of these names declare together; a layer without a folder declares nothing.

    Raises:
        InvalidInputError: something in the files is wrong; every problem is named with its file and line.
    """
    try:
        return merge([read_layer(directory, name) for name in names])
    except ModelProblems as error:
        raise refusal(error.problems, shown(directory)) from error


def check_layers(directory: Path = MODEL_DIR) -> dict[str, int]:
    """How many entries each layer makes together with those below it; the base, then the base with each other one.

    Raises:
        InvalidInputError: something in the files is wrong.
    """
    layers = list_layers(directory)
    counts = {BASE: _count((BASE,), directory)}
    for name in layers:
        if name != BASE:
            counts[f"{BASE} + {name}"] = _count_any(_below(name, layers), directory)
    return counts


def _below(name: str, layers: Sequence[str]) -> list[tuple[str, ...]]:
    """A layer on those that it may be laid over: which state a municipality is of, its folder does not say."""
    if not name.startswith(MUNICIPALITY_LAYERS):
        return [(BASE, name)]
    client = f"cliente/{client_of(name.removeprefix(MUNICIPALITY_LAYERS))}"
    states = [layer for layer in layers if layer.startswith("uf/")]
    return [(BASE, client, state, name) for state in states] or [(BASE, client, name)]


def _count_any(choices: Sequence[tuple[str, ...]], directory: Path) -> int:
    for names in choices[:-1]:
        with suppress(InvalidInputError):
            return _count(names, directory)
    return _count(choices[-1], directory)


def _count(names: Sequence[str], directory: Path) -> int:
    return sum(map(len, load_model(names, directory).values()))


def refusal(problems: Sequence[str], where: str) -> InvalidInputError:
    """What is told of a model with these problems, the first twenty of them in full."""
    more = f" | e mais {len(problems) - _SHOWN_PROBLEMS}" if len(problems) > _SHOWN_PROBLEMS else ""
    count = f"{len(problems)} problema{'s' if len(problems) > 1 else ''} no modelo de documentos"
    return InvalidInputError(f"{count}: {' | '.join(problems[:_SHOWN_PROBLEMS])}{more}", where, FIX)


def list_layers(directory: Path = MODEL_DIR) -> list[str]:
    """The layers that have a folder."""
    return sorted({str(path.parent.relative_to(directory)) for path in directory.rglob("*.yaml")} - {"."})


def read_layer(directory: Path, name: str) -> Layer:
    """The entries of one layer.

    Raises:
        InvalidInputError: a file is not readable, is of no known kind, or is not a list of entries.
    """
    folder = directory / name
    known = {f"{kind.name}.yaml" for kind in FILES}
    unknown = [path for path in sorted(folder.glob("*")) if path.is_file() and path.name not in known]
    if unknown:
        raise InvalidInputError(
            f"{unknown[0].name} não é arquivo do modelo de documentos",
            shown(folder),
            f"Use um destes nomes: {', '.join(sorted(kind.name for kind in FILES))}, com .yaml.",
        )
    written = [
        entry
        for kind in FILES
        if (folder / f"{kind.name}.yaml").is_file()
        for entry in _entries(kind, name, read_catalog_file(folder / f"{kind.name}.yaml"))
    ]
    return Layer(name, tuple(written))


def _entries(kind: Kind, layer: str, file: CatalogFile) -> Iterator[Written]:
    if kind.single:
        if file.value is not None:
            yield _written(kind.name, layer, file, (), _mapping(file, file.value, ()))
        return
    for at, value in enumerate(_list(file, file.value, ())):
        data = _mapping(file, value, (at,))
        sections = data.pop(SECOES.name, None) if kind is MODELOS else None
        yield _written(kind.name, layer, file, (at,), data)
        if sections is not None:
            for below, section in enumerate(_list(file, sections, (at, SECOES.name))):
                place = (at, SECOES.name, below)
                owner = {SECOES.key[0]: data.get(MODELOS.key[0])}
                yield _written(SECOES.name, layer, file, place, owner | _mapping(file, section, place))


def _written(
    kind: str, layer: str, file: CatalogFile, place: tuple[int | str, ...], data: Mapping[str, object]
) -> Written:
    lines = {name: file.line_of((*place, name)) for name in data}
    return Written(kind, data, Source(layer, shown(file.path), file.line_of(place)), lines)


def _list(file: CatalogFile, value: object, place: tuple[int | str, ...]) -> Iterable[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _refused(file, place, "deve ser uma lista de itens")
    return value


def _mapping(file: CatalogFile, value: object, place: tuple[int | str, ...]) -> dict[str, object]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _refused(file, place, "deve ser um grupo de campos")
    return dict(value)


def _refused(file: CatalogFile, place: tuple[int | str, ...], problem: str) -> InvalidInputError:
    return InvalidInputError(
        f"O modelo de documentos {problem}", f"{shown(file.path)}, linha {file.line_of(place)}", FIX
    )
