"""Word documents made of templates with Jinja tags, which operators edit in Word."""

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.parts.story import StoryPart
from docx.shared import Mm
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment
from lxml.etree import XMLSyntaxError

from blocks.catalog_file import shown
from domain.errors import InvalidInputError

if TYPE_CHECKING:
    from pydantic import JsonValue

_TAG = re.compile(r"\{[{%].*?[%}]\}")
_WORD_BODY = re.compile(r"word/(document|header\d*|footer\d*|footnotes)\.xml")
_NAME_IN_ERROR = re.compile(r"'(\w+)' is undefined|has no attribute '(\w+)'")
_SHOWN_TAGS = 3


@dataclass(frozen=True)
class Picture:
    """A PNG for a tag of the same name: how wide it stands, and what it shows for those who do not see it."""

    content: bytes
    width_mm: int
    alternative: str


@dataclass(frozen=True)
class _PlacedPicture:
    """A picture in one document; docxtpl's own has no alternative text."""

    template: DocxTemplate
    picture: Picture

    def __html__(self) -> str:
        part = cast("StoryPart", self.template.current_rendering_part)
        inline = part.new_pic_inline(BytesIO(self.picture.content), width=Mm(self.picture.width_mm))
        inline.docPr.set("descr", self.picture.alternative)
        # Out of the text in which the tag stands, and into it again.
        return f'</w:t></w:r><w:r><w:drawing>{inline.xml}</w:drawing></w:r><w:r><w:t xml:space="preserve">'


def render_template(
    path: Path, tags: Mapping[str, "JsonValue"], *, title: str, pictures: Mapping[str, Picture] | None = None
) -> bytes:
    """The document that a template makes of these words; they are text wherever they stand, never markup.

    Raises:
        InvalidInputError: the file is no Word document, a tag is written wrong, or a tag has no datum; the file and the
            tag are named.
    """
    where = shown(path)
    try:
        template = DocxTemplate(BytesIO(path.read_bytes()))
        template.init_docx()
    except OSError as error:
        raise InvalidInputError(
            f"Não consegui ler o modelo: {error.strerror}", where, "Restaure o arquivo do repositório."
        ) from error
    except (PackageNotFoundError, zipfile.BadZipFile, KeyError, ValueError, XMLSyntaxError) as error:
        raise InvalidInputError(
            "O modelo não é um documento do Word (.docx)", where, "Salve-o no Word como .docx, ou restaure-o."
        ) from error
    placed = {name: _PlacedPicture(template, picture) for name, picture in (pictures or {}).items()}
    try:
        # The sandbox: a template is data, and must not reach into the program.
        template.render({**tags, **placed}, SandboxedEnvironment(undefined=StrictUndefined, autoescape=True))
    except TemplateSyntaxError as error:
        raise InvalidInputError(
            f"O modelo tem uma etiqueta mal escrita ({error.message}){_near(error)}",
            where,
            "Corrija a etiqueta no Word.",
        ) from error
    except UndefinedError as error:
        raise _without_datum(path, error) from error
    except (TemplateError, TypeError, ArithmeticError) as error:
        raise InvalidInputError(
            f"O modelo tem uma etiqueta que não pode ser preenchida ({error})", where, "Corrija a etiqueta no Word."
        ) from error
    except XMLSyntaxError as error:
        raise InvalidInputError(
            "As etiquetas do modelo desmontam o documento",
            where,
            "Ponha o começo e o fim de cada repetição em parágrafos ou linhas próprios ({%p … %}, {%tr … %}).",
        ) from error
    document = cast("Document", template.docx)
    # As the document's own title, which PDF readers show; tags there would be escaped twice.
    document.core_properties.title = title
    made = BytesIO()
    template.save(made)
    return made.getvalue()


def _without_datum(path: Path, error: UndefinedError) -> InvalidInputError:
    found = _NAME_IN_ERROR.search(error.message or "")
    name = next((group for group in found.groups() if group), "") if found else ""
    tags = [tag for tag in _tags_of(path) if re.search(rf"\b{re.escape(name)}\b", tag)] if name else []
    told = " ou ".join(tags[:_SHOWN_TAGS]) or name or str(error.message)
    return InvalidInputError(
        f"O modelo pede um dado que não existe: {told}",
        shown(path),
        "Corrija a etiqueta no Word, ou inclua a parte que falta em dados (catalog/instruments.yaml).",
    )


def _tags_of(path: Path) -> list[str]:
    """The tags of a template as they were typed; Word keeps them in pieces."""
    with zipfile.ZipFile(path) as archive:
        bodies = [archive.read(name).decode() for name in archive.namelist() if _WORD_BODY.fullmatch(name)]
    text = "\n".join(re.sub(r"<[^>]+>", "", body) for body in bodies)
    return list(dict.fromkeys(_TAG.findall(text)))


def _near(error: TemplateSyntaxError) -> str:
    """The tag where the mistake was noticed, for one who looks for it in Word."""
    lines = [str(line).strip() for line in getattr(error, "docx_context", ())]
    tags = [tag for line in lines for tag in _TAG.findall(line)] or [line for line in lines if "{" in line]
    return f", perto de {tags[min(len(tags) - 1, len(tags) // 2)]}" if tags else ""
