"""How PHP reads a form: `options[0][name]=x` is an array of arrays."""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

Value = str | dict[str, "Value"]

_NAME = re.compile(r"(?P<first>[^\[]+)(?P<rest>(?:\[[^\]]*\])*)")
_KEY = re.compile(r"\[([^\]]*)\]")


def read_form(text: str) -> dict[str, Value]:
    """The fields of a query or of an `application/x-www-form-urlencoded` body; arrays are keyed by text, in order."""
    return _nested(parse_qsl(text, keep_blank_values=True))


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Value]:
    fields: dict[str, Value] = {}
    for name, value in pairs:
        match = _NAME.match(name)
        if match is None:
            continue
        # PHP makes variables of the outer names, which must be words.
        keys = [re.sub(r"[. ]", "_", match["first"]), *_KEY.findall(match["rest"])]
        place = fields
        for key in keys[:-1]:
            inner = place.get(_key(key, place))
            if not isinstance(inner, dict):
                inner = {}
                place[_key(key, place)] = inner
            place = inner
        place[_key(keys[-1], place)] = value
    return fields


def _key(key: str, place: dict[str, Value]) -> str:
    """`[]` is the next free number."""
    return key or str(len(place))
