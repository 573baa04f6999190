"""What a PDF really is, read from its bytes: nothing is an instrument until it is known to be whole."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, cast

from pydantic import PositiveInt
from pypdf import PdfReader
from pypdf.errors import PdfReadError
from pypdf.generic import DictionaryObject

from domain.errors import IntegrityError, InvalidInputError
from domain.model import Frozen

FONT_FAMILY = "Liberation"
"""The fonts of the templates, of the Debian package fonts-liberation; with others, lines and pages break elsewhere."""

_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_SYMBOLS = "OpenSymbol"  # LibreOffice's own, for bullets


class PdfFacts(Frozen):
    """What was found in a PDF."""

    pages: PositiveInt
    fonts: tuple[str, ...]
    archival: bool


def prove_pdf(content: bytes, name: str, *, template: str) -> PdfFacts:
    """Read a PDF that was made of a template, and refuse one that would not print the same everywhere.

    Raises:
        IntegrityError: it cannot be read, has no page, is not PDF/A or lacks a font.
        InvalidInputError: it uses fonts that are not those of the templates.
    """
    try:
        facts, embedded = _read(PdfReader(BytesIO(content)))
    except (PdfReadError, KeyError, ValueError) as error:
        raise IntegrityError(
            f"O PDF feito pelo LibreOffice não pode ser lido ({type(error).__name__})",
            name,
            "Execute de novo; se persistir, chame o suporte.",
        ) from error
    if not embedded or not facts.archival:
        raise IntegrityError(
            "O PDF feito pelo LibreOffice não é PDF/A com as fontes dentro dele",
            name,
            "Confira a versão do LibreOffice (7.4 ou mais nova) e chame o suporte.",
        )
    strange = [font for font in facts.fonts if not font.startswith((FONT_FAMILY, _SYMBOLS))]
    if strange:
        raise InvalidInputError(
            f"O PDF saiu com fontes que não são as dos modelos: {', '.join(strange)}",
            template,
            f"Instale o pacote fonts-liberation, ou use no Word só as fontes {FONT_FAMILY}.",
        )
    return facts


def _read(reader: PdfReader) -> tuple[PdfFacts, bool]:
    fonts: dict[str, bool] = {}
    for page in reader.pages:
        for font in _fonts_of(page):
            name = str(font["/BaseFont"]).lstrip("/").partition("+")
            described = _descriptor(font)
            fonts[name[2] or name[0]] = any(file in described for file in _FONT_FILES)
    metadata = reader.xmp_metadata
    facts = PdfFacts(
        pages=len(reader.pages),
        fonts=tuple(sorted(fonts)),
        archival=metadata is not None and str(metadata.pdfaid_part) == "2",
    )
    return facts, all(fonts.values())


def _fonts_of(page: Any) -> Iterator[DictionaryObject]:  # noqa: ANN401  # pypdf's objects are what the file has
    resources = page.get("/Resources", DictionaryObject()).get_object()
    for font in resources.get("/Font", DictionaryObject()).get_object().values():
        yield cast("DictionaryObject", font.get_object())


def _descriptor(font: DictionaryObject) -> DictionaryObject:
    below = font.get("/DescendantFonts")
    owner = below.get_object()[0].get_object() if below is not None else font
    found = owner.get("/FontDescriptor")
    return cast("DictionaryObject", found.get_object()) if found is not None else DictionaryObject()
