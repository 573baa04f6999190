"""The index of files comes back as it was written, and nothing else passes for one."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.archive import ArchivePart, Measure
from domain.backup.files import FileIndex, IndexedFile
from domain.errors import IntegrityError

DIGESTS = st.sampled_from(["a" * 64, "b" * 64])
MD5 = st.sampled_from(["a" * 32, "b" * 32])
MEASURE = Measure(size_bytes=1, sha256="a" * 64)
NAMES = st.binary().map(os.fsdecode)  # a name on disk is bytes, not always UTF-8
FILES = st.dictionaries(
    NAMES, st.builds(IndexedFile, st.integers(0), st.integers(0), DIGESTS, MD5, st.integers(1, 3)), max_size=6
)
PACKS = {number: ArchivePart(key=f"p{number}", version_id="v", content=MEASURE, stored=MEASURE) for number in (1, 2, 3)}


@given(FILES)
def test_an_index_comes_back_as_it_was_written(files: dict[str, IndexedFile]) -> None:
    index = FileIndex(PACKS, files)
    again = FileIndex.parse(index.lines(), "teste")
    assert again.files == files
    assert again.packs == index.used_packs() == {number: PACKS[number] for number in {f.pack for f in files.values()}}
    assert list(again.lines()) == list(index.lines())
    assert (again.facts.files, again.facts.size_bytes) == (len(files), sum(f.size_bytes for f in files.values()))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"[]\n"],
        [b"{\n"],
        [b'{"1": 2}\n'],
        [b'{"x": {}}\n'],
        [b"{}\n", b'["a", 1]\n'],
        [b"{}\n", b"3\n"],
        [b"{}\n", b'["a", 1, 2, "' + b"a" * 64 + b'", 1]\n'],
        [b"{}\n", b'[7, 1, 2, "' + b"a" * 64 + b'", 1]\n'],
    ],
)
def test_what_is_no_index_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(IntegrityError, match="índice dos arquivos está danificado"):
        FileIndex.parse(lines, "teste")
