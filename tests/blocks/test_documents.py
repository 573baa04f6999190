"""Word templates, their pictures and their PDF: real Word files, the real LibreOffice."""

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document
from docx.enum.section import WD_ORIENT
from PIL import Image
from pydantic import JsonValue
from pypdf import PdfReader

from blocks.catalog import Catalog
from blocks.gantt_picture import draw_gantt
from blocks.office import convert_to_pdf
from blocks.pdf_proof import prove_pdf
from blocks.word_template import Picture, render_template
from domain.errors import IntegrityError, InvalidInputError, RetryableError
from domain.instruments.instrument import Instrument
from domain.instruments.timetable import Timetable, plan_timetable
from domain.lifecycle import Stage
from domain.municipality import Municipality

START, TODAY = date(2026, 10, 5), date(2026, 11, 27)


@pytest.fixture(scope="module")
def timetable() -> Timetable:
    catalog = Catalog()
    timoteo = Municipality(ibge="3168705", name="Timóteo", uf="MG", slug="timoteo", population=91_268)
    return plan_timetable(
        catalog.timetable(),
        START,
        catalog.holidays().calendar_for(timoteo),
        environment_business_days=15,
        done={Stage.ENVIRONMENT_TRAINING: date(2026, 10, 20)},
    )


def make_template(path: Path, *paragraphs: str, font: str = "Liberation Sans") -> Path:
    document = Document()
    document.styles["Normal"].font.name = font
    for text in paragraphs:
        document.add_paragraph(text, style="Normal")
    document.save(str(path))
    return path


def render(path: Path, tags: Mapping[str, JsonValue] | None = None, **pictures: Picture) -> bytes:
    return render_template(path, tags or {}, title="Título", pictures=pictures)


def text_of(document: bytes) -> str:
    return "\n".join(paragraph.text for paragraph in Document(BytesIO(document)).paragraphs)


def test_words_are_text_whatever_they_hold(tmp_path: Path) -> None:
    name = 'Tom & Jerry <x> "d\'Água" {{ outra }} ]]> São João'
    made = render(make_template(tmp_path / "m.docx", "Sr. {{ nome }}!"), {"nome": name})
    assert text_of(made) == f"Sr. {name}!"
    assert Document(BytesIO(made)).core_properties.title == "Título"


@pytest.mark.parametrize(
    ("paragraphs", "message"),
    [
        (["Em {{ municipio.nomee }}."], r"pede um dado que não existe: \{\{ municipio.nomee \}\}.*m\.docx"),
        (["{{ plano.faixa }}"], r"pede um dado que não existe: \{\{ plano.faixa \}\}"),
        (["{%p for x in outros %}", "{{ x }}", "{%p endfor %}"], r"\{%p for x in outros %\}"),
        (["{{ municipio.nome "], "etiqueta mal escrita"),
        (["{%p if municipio %}", "texto"], "etiqueta mal escrita"),
        (["{{ municipio.nome | inexistente }}"], "inexistente"),
        (["{{ municipio.__class__.__mro__ }}"], "pede um dado que não existe|não pode ser preenchida"),
        (["{{ 1 / 0 }}"], "não pode ser preenchida"),
    ],
)
def test_a_tag_that_cannot_be_filled_is_refused_with_the_file_and_the_tag(
    tmp_path: Path, paragraphs: list[str], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        render(make_template(tmp_path / "m.docx", *paragraphs), {"municipio": {"nome": "Timóteo"}})


def test_a_file_that_is_no_word_document_is_refused_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "decreto.docx"
    for content in (
        b"",
        b"PK\x03\x04 cortado",
        Catalog().template(Catalog().instruments().instruments[0]).read_bytes()[:9000],
    ):
        broken.write_bytes(content)
        with pytest.raises(InvalidInputError, match=r"não é um documento do Word .*decreto\.docx"):
            render(broken)
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("nada.txt", "x")
    with pytest.raises(InvalidInputError, match="não é um documento do Word"):
        render(broken)
    with pytest.raises(InvalidInputError, match="Não consegui ler o modelo"):
        render(tmp_path / "outro.docx")


def test_the_picture_stands_in_its_place_with_words_for_those_who_do_not_see_it(
    tmp_path: Path, timetable: Timetable
) -> None:
    picture = Picture(draw_gantt(timetable, TODAY), 150, 'Gantt: "Capacitação" & outras')
    made = Document(BytesIO(render(make_template(tmp_path / "m.docx", "{{ gantt }}"), gantt=picture)))
    (shape,) = made.inline_shapes
    assert round(shape.width.mm) == 150
    assert shape._inline.docPr.get("descr") == 'Gantt: "Capacitação" & outras'


def test_the_gantt_is_the_same_for_the_same_days_and_differs_when_one_changes(timetable: Timetable) -> None:
    picture = draw_gantt(timetable, TODAY)
    assert draw_gantt(timetable, TODAY) == picture
    assert draw_gantt(timetable, date(2026, 11, 30)) != picture
    image = Image.open(BytesIO(picture)).convert("RGB")
    assert image.width > 1900
    colours = {colour for _, colour in image.getcolors(image.width * image.height) or []}
    green, blue, red = (0x1B, 0x5E, 0x20), (0x5B, 0x8D, 0xB8), (0xB7, 0x1C, 0x1C)
    assert {green, blue, red} <= colours, "finished, expected, today"
    years_later = draw_gantt(timetable, date(2031, 1, 1))
    assert Image.open(BytesIO(years_later)).width == image.width, "a day far away does not squeeze the rest"


def test_several_documents_become_archival_pdfs_in_one_call(tmp_path: Path) -> None:
    one = render(make_template(tmp_path / "a.docx", "Ação de São João: {{ x }}"), {"x": "çãõé"})
    two = render(make_template(tmp_path / "b.docx", "segunda"))
    made = convert_to_pdf({"primeiro-v1": one, "outro": two})
    assert list(made) == ["primeiro-v1", "outro"]
    facts = prove_pdf(made["primeiro-v1"], "primeiro-v1.pdf", template="a.docx")
    assert (facts.pages, facts.fonts, facts.archival) == (1, ("LiberationSans",), True)
    assert "Ação de São João: çãõé" in PdfReader(BytesIO(made["primeiro-v1"])).pages[0].extract_text()
    assert convert_to_pdf({}) == {}


def test_what_a_killed_run_left_of_a_document_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells who signs, and lies where nobody looks."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, running = tmp_path / f"implanta-pdf-{ended.pid}-abc", tmp_path / f"implanta-pdf-{os.getpid()}-abc"
    for folder in (left, running):
        folder.mkdir()
        (folder / "termo.docx").write_bytes(b"x")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(InvalidInputError):
        convert_to_pdf({"termo": b"x"})
    assert (left.exists(), running.exists()) == (False, True)


def test_a_font_that_is_not_the_templates_is_refused(tmp_path: Path) -> None:
    made = convert_to_pdf({"x": render(make_template(tmp_path / "m.docx", "texto", font="Fonte Que Não Existe"))})
    try:
        prove_pdf(made["x"], "x.pdf", template="m.docx")
    except InvalidInputError as refusal:
        assert re.search(r"fontes que não são as dos modelos: .*m\.docx", str(refusal))
    else:
        pytest.skip("the only fonts of this computer are those of the templates")


def test_what_is_no_pdf_is_refused() -> None:
    with pytest.raises(IntegrityError, match="não pode ser lido"):
        prove_pdf(b"%PDF-1.7 cortado", "x.pdf", template="m.docx")


def test_without_libreoffice_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidInputError, match="libreoffice-writer-nogui"):
        convert_to_pdf({"x": b""})


def program(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in LibreOffice's place."""
    path = folder / "soffice"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_libreoffice_that_hangs_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, f"sleep 600 & echo $! > {tmp_path}/filho; wait", monkeypatch)
    with pytest.raises(RetryableError, match="soffice não terminou em 2 s"):
        convert_to_pdf({"x": b"x"}, timeout_seconds=2)
    child = Path(f"/proc/{(tmp_path / 'filho').read_text().strip()}/stat")
    assert not child.exists() or child.read_text().split()[2] == "Z"


def test_a_libreoffice_that_writes_nothing_is_told_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "echo source file could not be loaded; exit 0", monkeypatch)
    with pytest.raises(IntegrityError, match=r"não fez o PDF de x .*source file could not be loaded"):
        convert_to_pdf({"x": b"x"})


@pytest.mark.parametrize("instrument", Catalog().instruments().instruments, ids=lambda instrument: instrument.slug)
def test_every_shipped_template_is_a_word_file_with_styles_fields_and_our_fonts(instrument: Instrument) -> None:
    path = Catalog().template(instrument)
    document = Document(str(path))
    assert {style.name for style in document.styles} >= {"Artigo", "Ementa", "Assinatura", "Tabela do Instrumento"}
    turned = [section.orientation == WD_ORIENT.LANDSCAPE for section in document.sections]
    assert any(turned) is instrument.landscape
    for section in document.sections:
        sides = sorted(round(side.mm) for side in (section.page_width, section.page_height) if side)
        assert sides == [210, 297]
    with zipfile.ZipFile(path) as archive:
        footer = archive.read("word/footer1.xml").decode()
        fonts = set(re.findall(r'w:ascii="([^"]+)"', archive.read("word/styles.xml").decode()))
    assert " PAGE " in footer
    assert " NUMPAGES " in footer
    assert fonts == {"Liberation Sans"}


def test_every_template_of_the_catalog_is_declared(tmp_path: Path) -> None:
    catalog = Catalog()
    files = {path.name for path in (catalog.directory / "instruments").iterdir()}
    assert files == {instrument.template for instrument in catalog.instruments().instruments}
    shutil.copytree(catalog.directory, tmp_path / "catalog")
    copy = Catalog(tmp_path / "catalog")
    listed = copy.directory / "communication.yaml"
    listed.write_text(listed.read_text(encoding="utf-8").replace("atividade: abertura", "atividade: festa", 1), "utf-8")
    with pytest.raises(InvalidInputError, match="atividades que não existem: festa"):
        copy.communication()
    table = copy.directory / "instruments.yaml"
    table.write_text(table.read_text(encoding="utf-8").replace("assinam: [prefeito]", "assinam: [rei]", 1), "utf-8")
    with pytest.raises(InvalidInputError, match=r"'decreto' é assinado por 'rei'.*instruments\.yaml"):
        copy.instruments()
