"""A reader of what `domain.php` writes, by PHP's own rules, for machines without PHP."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<word>[A-Za-z]+)|(?P<number>-?\d[\d.e+-]*)|(?P<sign>=>|[(),;]))",
    re.DOTALL,
)
_WORDS: dict[bytes, object] = {b"null": None, b"true": True, b"false": False}


@dataclass
class _Reader:
    source: bytes
    position: int

    def take(self, kind: str = "") -> tuple[str, bytes]:
        found = _TOKEN.match(self.source, self.position)
        assert found, self.source[self.position : self.position + 40]
        assert found.lastgroup
        assert not kind or found.lastgroup == kind
        self.position = found.end()
        return found.lastgroup, found[found.lastgroup]

    def peek(self) -> bytes:
        before = self.position
        _, text = self.take()
        self.position = before
        return text

    def value(self) -> object:
        kind, text = self.take()
        if kind == "string":
            # Between apostrophes PHP knows \\ and \' and leaves every other backslash alone.
            return re.sub(rb"\\([\\'])", rb"\1", text[1:-1], flags=re.DOTALL).decode("cp1252")
        if kind == "number":
            return float(text) if re.search(rb"[.e]", text) else int(text)
        if text == b"array":
            return self.array()
        return _WORDS[text]

    def array(self) -> object:
        assert self.take("sign")[1] == b"("
        keyed: dict[object, object] = {}
        listed: list[object] = []
        while self.peek() != b")":
            first = self.value()
            if self.peek() == b"=>":
                self.take()
                keyed[first] = self.value()
            else:
                listed.append(first)
            assert self.take("sign")[1] == b","
        self.take("sign")
        assert not (keyed and listed)
        return keyed or listed


def read_class(source: bytes) -> object:
    """The array that the class of this source returns; an empty PHP array is an empty list."""
    assert source.startswith(b"<?php\n")
    start = source.index(b"return array(", source.index(b"getArrConfiguracoes")) + len(b"return ")
    reader = _Reader(source, start)
    value = reader.value()
    assert reader.take("sign")[1] == b";"
    assert source[reader.position :].split() == [b"}", b"}"]
    return value
