"""XLSX files as prefeituras save them."""

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

HEADER = ("sigla", "descricao", "superior", "email")
ROWS = (HEADER, ("GAB", "Gabinete do Prefeito", None, None), ("SME", "Educação", "GAB", None))


def make_book(rows: Sequence[Sequence[Any]] = ROWS, *, title: str = "Plan1") -> Workbook:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    return book


def saved(book: Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def zip_bomb() -> bytes:
    """A workbook whose sheet is a hundred megabytes of blanks."""
    target = io.BytesIO(saved(make_book()))
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b" " * 100_000_000)
    return target.getvalue()


def with_cached_values(content: bytes, values: dict[str, str]) -> bytes:
    """The workbook as Excel saves it, which writes each formula's value beside it; openpyxl writes none."""
    name = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = archive.read(name).decode()
    for formula, value in values.items():
        fresh = re.sub(rf"(<f>{re.escape(formula)}</f>)<v( ?/>|></v>)", rf"\g<1><v>{value}</v>", body)
        assert fresh != body, formula
        body = fresh
    return with_part(content, name, body.encode())


def with_part(content: bytes, part: str, body: bytes) -> bytes:
    """The workbook with one of its parts replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, body if name == part else source.read(name))
    return target.getvalue()
