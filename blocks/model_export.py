"""Writing a layer of the document model: files that people read, review and edit."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from domain.document_model.kinds import BY_NAME
from domain.errors import InvalidInputError

_WIDTH = 120
_NOT_IN_A_BLOCK = re.compile(r"[^\S\n ]|[ \t]\n|[ \t]$|^\s")
"""What a YAML block (`|`) does not give back as it was: returns, tabs, spaces at the ends."""


class _Dumper(yaml.CSafeDumper):
    """YAML with texts of several lines as blocks, and codes always in inverted commas."""


def _represent_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    if "\n" in value and not _NOT_IN_A_BLOCK.search(value):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if value[:1].isdigit() else None)


_Dumper.add_representer(str, _represent_text)


def write_layer(folder: Path, entries: Mapping[str, Sequence[Mapping[str, object]]], about: str) -> list[Path]:
    """Write one file a kind that has entries, each headed by `about`, into a folder that has none yet; their paths.

    Raises:
        InvalidInputError: the folder already holds a layer: nothing of it is overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if present := sorted(path.name for path in folder.glob("*.yaml")):
        raise InvalidInputError(
            f"A pasta já tem arquivos do modelo ({', '.join(present[:3])}…)",
            str(folder),
            "Escolha outra pasta, ou apague estes arquivos antes.",
        )
    written = []
    for kind, values in entries.items():
        if not values:
            continue
        content = values[0] if BY_NAME[kind].single else [dict(value) for value in values]
        text = yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=_WIDTH)
        path = folder / f"{kind}.yaml"
        path.write_text(f"# {about}\n{text}", encoding="utf-8")
        written.append(path)
    return written
