"""One YAML file of the catalog: its value, and the line of every part of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from blocks.file_version import FileVersion, version_of
from domain.errors import InvalidInputError

CATALOG_DIR = Path(__file__).resolve().parent.parent / "catalog"


class _Loader(yaml.CSafeLoader):
    """YAML that leaves dates as text: pydantic reads them, and reports a day that does not exist with its line."""


def _as_text(_: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


@dataclass(frozen=True)
class CatalogFile:
    """What a file says: `value` as YAML reads it, `root` with the places where it stands."""

    path: Path
    root: yaml.Node | None
    value: object

    def line_of(self, location: tuple[int | str, ...]) -> int:
        """The line of the deepest part of the location that the file has."""
        node, line = self.root, 1
        for step in location:
            found: yaml.Node | None = None
            if isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    if key.value == str(step):
                        line, found = key.start_mark.line + 1, value
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = node.value[step]
                line = found.start_mark.line + 1
            if found is None:
                break
            node = found
        return line


def read_catalog_file(path: Path) -> CatalogFile:
    """The file as it is now; parsed once while nobody changes it.

    Raises:
        InvalidInputError: it cannot be read, is not YAML in UTF-8, or says a key twice; the line is named.
    """
    return _read(path, version_of(path))


def forget_catalog_files() -> None:
    """Let every file be parsed again: for a bench that measures just that."""
    _read.cache_clear()


def shown(path: Path) -> str:
    """The path as an operator knows it, from the root of the project when it is there."""
    root = CATALOG_DIR.parent
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


@lru_cache(maxsize=256)  # one creation asks for the same few files dozens of times
def _read(path: Path, version: FileVersion) -> CatalogFile:  # noqa: ARG001  # the cache's key
    root = _parse(path)
    return CatalogFile(path, root, _Loader("").construct_document(root) if root else None)


def _parse(path: Path) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise InvalidInputError(
            f"Não consegui ler o catálogo: {error.strerror}", shown(path), "Restaure o arquivo do repositório."
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError("O arquivo não está em UTF-8", shown(path), "Salve-o em UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidInputError(
            "O arquivo não é YAML válido", f"{shown(path)}, linha {line}", "Veja a indentação e as aspas nessa linha."
        ) from error
    for line, key in _repeated_keys(root):
        # YAML would silently keep the last one.
        raise InvalidInputError(f"A chave {key!r} aparece duas vezes", f"{shown(path)}, linha {line}", "Deixe uma só.")
    return root


def _repeated_keys(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, key.value
            seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)
