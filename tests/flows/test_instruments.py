"""The instruments of a prefeitura on real storage, with the real LibreOffice."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from pydantic import SecretStr
from pypdf import PdfReader
from sqlalchemy import create_engine, text

import tasks.instruments
from blocks.catalog import Catalog
from blocks.catalog_file import CATALOG_DIR
from blocks.settings import PROJECT_ROOT, Settings
from domain.environment import instruments_bucket, intake_bucket
from domain.errors import GateClosedError, InvalidInputError
from domain.instruments.version import InstrumentsReport, Standing
from domain.municipality import Contact, Municipality
from domain.plan import Plan
from flows.instruments import instruments
from registry import Registry
from tasks import doors
from tasks.instruments import INSTRUMENT_GENERATED, ensure_instruments, fetch_instruments, inspect_instruments
from tests.domain.examples import make_cpf
from tests.flows.conftest import Join
from tests.marks import slow

MAYOR = "Zulmira Tom & Jerry <x> d'Ávila"
CPF = make_cpf(777)
SHEET = f"campo;valor\ncnpj;11222333000181\ncpf_prefeito;{CPF}\nunidade_gestora;Secretaria de Administração\n"


@pytest.fixture
def storage_of() -> Iterator[list[str]]:
    """The municipalities whose buckets go away with the test."""
    slugs: list[str] = []
    yield slugs
    for slug in slugs:
        for bucket in (instruments_bucket(slug), intake_bucket(slug)):
            doors.object_storage().remove_bucket(bucket)


@pytest.fixture
def jequitai(join: Join, registry: Registry, storage_of: list[str]) -> Municipality:
    """A municipality whose mayor has a name that would break markup, with a sheet of its own facts."""
    found = join("3135605", "Jequitaí")
    contacts = (
        Contact(name="Pessoa de Teste", email="ponto@teste.example.com", role="ponto focal"),
        Contact(name=MAYOR, email="prefeita@teste.example.com", role="Prefeita"),
    )
    registry.ensure_municipality(found.model_copy(update={"contacts": contacts}))
    storage_of.append(found.slug)
    doors.object_storage().ensure_bucket(intake_bucket(found.slug))
    doors.object_storage().ensure_object(intake_bucket(found.slug), "prefeitura.csv", SHEET.encode())
    return found


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the catalog, for operators' mistakes; the tasks read it."""
    shutil.copytree(CATALOG_DIR, tmp_path / "catalog")
    monkeypatch.setattr(tasks.instruments, "Catalog", partial(Catalog, tmp_path / "catalog"))
    return tmp_path / "catalog"


def edit(template: Path, old: str, new: str) -> None:
    """Change the text of a template as somebody does in Word."""
    document = Document(str(template))
    found = [run for paragraph in document.paragraphs for run in paragraph.runs if old in run.text]
    assert found, old
    found[0].text = found[0].text.replace(old, new)
    document.save(str(template))


def pdf_text(report: InstrumentsReport, name: str) -> str:
    """The text of a PDF with single spaces, as a reader sees it across lines."""
    pages = PdfReader(BytesIO(fetch_instruments(report)[name])).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def events(registry: Registry, ibge: str) -> list[tuple[object, object]]:
    told = registry.events(ibge=ibge, kinds=[INSTRUMENT_GENERATED])
    return [(event.details["instrument"], event.details["version"]) for event in told]


def test_the_whole_set_is_made_once_and_a_change_makes_only_what_it_touches_anew(
    jequitai: Municipality, registry: Registry, programme: Settings, lab: Path
) -> None:
    slug = jequitai.slug
    assert {status.standing for status in inspect_instruments(slug).instruments} == {Standing.MISSING}

    first = instruments(slug)
    assert [(status.instrument, status.version, status.created) for status in first.instruments] == [
        (name, 1, True)
        for name in ("decreto", "cronograma", "plano-de-classificacao", "plano-de-comunicacao", "termo-de-adesao")
    ]
    decree = pdf_text(first, f"decreto-{slug}-v1.pdf")
    assert "A PREFEITA MUNICIPAL DE JEQUITAÍ, Estado de Minas Gerais" in decree
    assert MAYOR in decree
    assert "Art. 22. Este Decreto entra em vigor na data de sua publicação." in decree
    assert "Lei Estadual nº 19.420" in decree
    assert f"Página 1 de {first.instruments[0].pages}" in decree
    assert "Secretaria de Administração" in decree
    term = pdf_text(first, f"termo-de-adesao-{slug}-v1.pdf")
    assert "8.000 habitantes Faixa 1 até 150 até 10" in term
    assert "11.222.333/0001-81" in term
    assert f"{CPF[:3]}.{CPF[3:6]}.{CPF[6:9]}-{CPF[9:]}" in term
    plan = pdf_text(first, f"plano-de-classificacao-{slug}-v1.pdf")
    assert "GOVERNO MUNICIPAL E ADMINISTRAÇÃO TRIBUTÁRIA" in plan
    assert "ICMS PATRIMÔNIO CULTURAL" in plan
    schedule = PdfReader(BytesIO(fetch_instruments(first)[f"cronograma-{slug}-v1.pdf"]))
    assert len({image.data for page in schedule.pages for image in page.images}) == 1
    assert any(page.mediabox.width > page.mediabox.height for page in schedule.pages)

    unsigned = {status.instrument: status.unsigned for status in first.instruments}
    assert unsigned["decreto"] == ()
    assert unsigned["plano-de-classificacao"] == ("Presidente da Comissão Permanente de Avaliação de Documentos",)
    assert "gerado agora; sem nome de quem assina: Presidente" in first.instruments[2].told

    again = instruments(slug)
    assert [status.created for status in again.instruments] == [False] * 5
    keys = doors.object_storage().list_keys(instruments_bucket(slug))
    assert len(keys) == 5 * 3

    registry.ensure_contract(jequitai.ibge, Plan(faixa=None, users=400, concurrent_users=40, negotiated=True))
    states = {status.instrument: status.told for status in inspect_instruments(slug).instruments}
    assert states["termo-de-adesao"] == "os dados mudaram: plano"
    assert states["decreto"] == "em dia"
    third = instruments(slug)
    assert [status.version for status in third.instruments] == [1, 1, 1, 1, 2]
    assert "até 400 até 40" in pdf_text(third, f"termo-de-adesao-{slug}-v2.pdf")
    old = doors.object_storage().find_object(
        instruments_bucket(slug), f"termo-de-adesao/v1/termo-de-adesao-{slug}-v1.pdf"
    )
    assert old, "earlier versions stay"
    assert sorted(events(registry, jequitai.ibge)) == sorted(
        [(status.instrument, 1) for status in first.instruments] + [("termo-de-adesao", 2)]
    )
    refuse_personal_data(programme, lab)


def refuse_personal_data(programme: Settings, lab: Path) -> None:
    """Neither the orchestrator, nor the registry's history, nor a log has the mayor's name or CPF."""
    words = (MAYOR, "Zulmira", CPF, f"{CPF[:3]}.{CPF[3:6]}.{CPF[6:9]}-{CPF[9:]}")
    with get_client(sync_client=True) as client:
        of_it = ArtifactFilter(key=ArtifactFilterKey(any_=["instrumentos-jequitai"]))
        told = " ".join(str(artifact.data) for artifact in client.read_artifacts(artifact_filter=of_it))
    assert "termo-de-adesao/v2/" in told
    assert "Entrada em produção" in told
    assert not [word for word in words if word in told]
    engine = create_engine(programme.registry_url.get_secret_value())
    with engine.connect() as connection:
        rows = repr(connection.execute(text("SELECT * FROM event")).fetchall())
    engine.dispose()
    assert not [word for word in words if word in rows]
    logs = "".join(path.read_text("utf-8", errors="replace") for path in (lab / "log").glob("*.log"))
    assert not [word for word in words if word in logs]


def test_a_template_that_asks_for_what_is_not_there_leaves_nothing_behind(
    jequitai: Municipality, registry: Registry, catalog: Path
) -> None:
    edit(catalog / "instruments" / "termo-de-adesao.docx", "{{ municipio.nome }}", "{{ municipio.bairro }}")
    with pytest.raises(InvalidInputError, match=r"\{\{ municipio.bairro \}\}.*termo-de-adesao\.docx"):
        ensure_instruments.fn(jequitai.slug)
    assert doors.object_storage().list_keys(instruments_bucket(jequitai.slug)) == ()
    assert events(registry, jequitai.ibge).count(("decreto", 3)) == 0
    (catalog / "instruments" / "decreto.docx").write_bytes(b"quebrado")
    with pytest.raises(InvalidInputError, match=r"não é um documento do Word .*decreto\.docx"):
        ensure_instruments.fn(jequitai.slug, ("decreto",))


def test_a_template_that_somebody_edited_makes_the_next_version_and_a_lost_file_another(
    jequitai: Municipality, catalog: Path
) -> None:
    slug, bucket = jequitai.slug, instruments_bucket(jequitai.slug)
    assert ensure_instruments.fn(slug, ("decreto",)).instruments[0].version == 1
    edit(catalog / "instruments" / "decreto.docx", "ação administrativa", "atuação administrativa")
    assert inspect_instruments(slug).instruments[0].standing is Standing.TEMPLATE_CHANGED
    report = ensure_instruments.fn(slug, ("decreto",))
    assert report.instruments[0].version == 2
    assert "atuação administrativa" in pdf_text(report, f"decreto-{slug}-v2.pdf")
    doors.object_storage().client.delete_object(Bucket=bucket, Key=f"decreto/v2/decreto-{slug}-v2.pdf")
    assert inspect_instruments(slug).instruments[0].standing is Standing.DAMAGED
    assert ensure_instruments.fn(slug, ("decreto",)).instruments[0].version == 3
    assert inspect_instruments(slug).instruments[0].standing is Standing.CURRENT


@pytest.mark.parametrize("dies_at", [*slow("manifesto.json", ".pdf"), "event"])
def test_a_run_that_is_killed_leaves_one_whole_version_to_the_next(
    jequitai: Municipality, registry: Registry, dies_at: str
) -> None:
    script = f"""
        import os, signal
        import tasks.instruments as module
        from blocks.object_storage import ObjectStorage
        from registry import Registry
        store, told = ObjectStorage.ensure_object, Registry.record_event
        def ensure_object(self, bucket, key, body):
            if key.endswith({dies_at!r}):
                os.kill(os.getpid(), signal.SIGKILL)
            return store(self, bucket, key, body)
        def record_event(self, kind, **facts):
            if {dies_at!r} == "event":
                os.kill(os.getpid(), signal.SIGKILL)
            return told(self, kind, **facts)
        ObjectStorage.ensure_object, Registry.record_event = ensure_object, record_event
        module.ensure_instruments.fn({jequitai.slug!r}, ("decreto",))
    """
    before = events(registry, jequitai.ibge)
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=PROJECT_ROOT, env=os.environ, check=False, timeout=200
    )
    assert killed.returncode == -signal.SIGKILL
    assert events(registry, jequitai.ibge) == before
    report = ensure_instruments.fn(jequitai.slug, ("decreto",))
    assert (report.instruments[0].version, report.instruments[0].standing) == (1, Standing.CURRENT)
    assert report.instruments[0].created is (dies_at != "event")
    keys = doors.object_storage().list_keys(instruments_bucket(jequitai.slug))
    assert keys == tuple(
        f"decreto/v1/{name}"
        for name in (f"decreto-{jequitai.slug}-v1.docx", f"decreto-{jequitai.slug}-v1.pdf", "manifesto.json")
    )
    manifest = json.loads(
        doors.object_storage().find_object(instruments_bucket(jequitai.slug), "decreto/v1/manifesto.json") or b""
    )
    assert {file["name"] for file in manifest["files"]} == set(fetch_instruments(report))
    assert ("decreto", 1) in events(registry, jequitai.ibge)


def test_real_dates_replace_the_planned_ones_and_a_start_that_was_told_counts(
    jequitai: Municipality, registry: Registry
) -> None:
    sheet = SHEET + "inicio_do_cronograma;05/10/2026\n"
    doors.object_storage().ensure_object(intake_bucket(jequitai.slug), "prefeitura.csv", sheet.encode())
    report = ensure_instruments.fn(jequitai.slug, ("cronograma",))
    told = pdf_text(report, f"cronograma-{jequitai.slug}-v1.pdf")
    assert "O dia do início, 5 de outubro de 2026, não é contado." in told
    assert "12/10/2026 Nossa Senhora Aparecida" in told
    assert "Concluída" not in told
    registry.record_event(
        "stage.finished",
        ibge=jequitai.ibge,
        environment=f"{jequitai.slug}-treinamento",
        actor="implanta",
        details={"stage": "environment_training"},
        key=f"stage.finished:environment_training:{jequitai.slug}-treinamento",
    )
    again = ensure_instruments.fn(jequitai.slug, ("cronograma",))
    assert again.instruments[0].version == 2
    assert "Concluída; previsão inicial: 06/10/2026 a 27/10/2026" in " ".join(
        pdf_text(again, f"cronograma-{jequitai.slug}-v2.pdf").split()
    )


def test_what_nobody_told_is_a_blank_and_a_wrong_sheet_is_refused(join: Join, storage_of: list[str]) -> None:
    found = join("3160306", "Santo Antônio do Jacinto")
    storage_of.append(found.slug)
    report = ensure_instruments.fn(found.slug, ("termo-de-adesao",))
    told = pdf_text(report, f"termo-de-adesao-{found.slug}-v1.pdf")
    assert "inscrito no CNPJ sob o nº ____________________" in told
    assert "Prefeito(a) Municipal" in told
    doors.object_storage().ensure_bucket(intake_bucket(found.slug))
    doors.object_storage().ensure_object(intake_bucket(found.slug), "prefeitura.csv", b"campo;valor\ncnpj;1\n")
    with pytest.raises(InvalidInputError, match="linha 2: cnpj não é um CNPJ válido"):
        ensure_instruments.fn(found.slug)


def test_two_runs_of_one_municipality_do_not_write_over_each_other(
    jequitai: Municipality, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.instruments, "LOCK_WAIT_SECONDS", 0)
    with registry.lock(f"instrumentos:{jequitai.slug}"), pytest.raises(GateClosedError, match="instrumentos:jequitai"):
        ensure_instruments.fn(jequitai.slug, ("decreto",))


def test_a_stranger_cannot_read_them(jequitai: Municipality) -> None:
    ensure_instruments.fn(jequitai.slug, ("decreto",))
    stranger = doors.object_storage().as_identity("estranho", SecretStr("senha-de-ninguem"))
    with pytest.raises(InvalidInputError):
        stranger.list_keys(instruments_bucket(jequitai.slug))
