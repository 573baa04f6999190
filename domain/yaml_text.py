"""YAML as people review it: no references between its parts, long texts line by line, keys in the order given."""

from collections.abc import Iterable

import yaml
from pydantic import JsonValue


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # the signature is the library's
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def yaml_text(*documents: JsonValue) -> bytes:
    """One document, or several with `---` before each, in UTF-8."""
    return _dump(documents).encode()


def _dump(documents: Iterable[JsonValue]) -> str:
    values = list(documents)
    return str(
        yaml.dump_all(
            values,
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            width=1000,
            explicit_start=len(values) > 1,
        )
    )
