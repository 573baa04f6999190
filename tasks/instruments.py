"""The instruments of a prefeitura: what they say, their versions in its bucket, making those that are due."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from prefect.runtime import flow_run
from pydantic import ValidationError

from blocks.catalog import Catalog
from blocks.gantt_picture import WIDTH_MM, draw_gantt
from blocks.model_files import client_of, load_model
from blocks.object_storage import ObjectStorage
from blocks.office import convert_to_pdf
from blocks.pdf_proof import prove_pdf
from blocks.word_template import Picture, render_template
from domain.calendar import local_day
from domain.environment import instruments_bucket
from domain.errors import IntegrityError, InvalidInputError
from domain.freeze import freeze_on
from domain.instruments import words
from domain.instruments.communication import date_messages
from domain.instruments.instrument import Instrument, Part
from domain.instruments.records_plan import records_plan
from domain.instruments.timetable import Timetable, plan_timetable
from domain.instruments.version import (
    MANIFEST,
    Inputs,
    InstrumentsReport,
    Manifest,
    Standing,
    Status,
    StoredFile,
    file_stem,
    folder_of,
    newest_version,
    status_of,
)
from domain.instruments.words import Words
from domain.lifecycle import Stage
from domain.municipality import Municipality
from domain.plan import Plan
from domain.spreadsheet_prefeitura import PrefeituraSheet
from tasks import doors
from tasks.clock import now
from tasks.document_model import layers_of
from tasks.history import ACTOR
from tasks.inspection import publish_markdown
from tasks.intake import read_prefeitura
from tasks.step import step

INSTRUMENT_GENERATED = "instrument.generated"
LOCK_WAIT_SECONDS = 300

GANTT = "gantt"
"""The tag in whose place a template with the timetable shows its picture."""


@dataclass(frozen=True)
class _Facts:
    """A prefeitura as the registry, the catalog and its own sheet have it now."""

    municipality: Municipality
    sheet: PrefeituraSheet
    plan: Plan
    timetable: Timetable


@dataclass(frozen=True)
class _Draft:
    """One instrument as it would be made now, and how its newest version stands to that."""

    instrument: Instrument
    template: Path
    said: Words
    inputs: Inputs
    status: Status

    @property
    def next_version(self) -> int:
        return self.status.version + 1


@dataclass(frozen=True)
class _Made:
    """The files of a version, not yet stored."""

    manifest: Manifest
    contents: dict[str, bytes]


@step("instrumentos")
def ensure_instruments(municipality: str, names: Sequence[str] = ()) -> InstrumentsReport:
    """Make the next version of every instrument named, or of all, whose template or data changed; earlier ones stay.

    All of them are made before the first is stored, so a template that is wrong leaves nothing behind.

    Raises:
        InvalidInputError: a template, the prefeitura's sheet or a name is wrong.
        GateClosedError: another run makes instruments of the same municipality, and still does after five minutes.
    """
    registry, moment = doors.registry(), now()
    with registry.lock(f"instrumentos:{municipality}", wait_seconds=LOCK_WAIT_SECONDS):
        facts = _facts(municipality)
        drafts = _drafts(facts, names)
        made = _make([draft for draft in drafts if draft.status.standing is not Standing.CURRENT], facts, moment)
        for version in made.values():
            _store(municipality, version)
        report = _report(
            municipality,
            (
                _stored(draft, made[draft.instrument.slug]) if draft.instrument.slug in made else draft.status
                for draft in drafts
            ),
        )
        # Of every version that is there: a run that was killed after storing one has not told it.
        for draft, status in zip(drafts, report.instruments, strict=True):
            registry.record_event(
                INSTRUMENT_GENERATED,
                ibge=facts.municipality.ibge,
                actor=ACTOR,
                flow_run_id=flow_run.id,
                details={
                    "instrument": status.instrument,
                    "version": status.version,
                    "template_version": draft.instrument.template_version,
                    "pages": status.pages,
                },
                key=f"{INSTRUMENT_GENERATED}:{municipality}:{status.instrument}:{status.version}",
            )
    return report


def inspect_instruments(municipality: str) -> InstrumentsReport:
    """Every instrument of a prefeitura: its newest version, and whether template or data changed since.

    Raises:
        InvalidInputError: a template cannot be read, or the prefeitura's sheet is wrong.
    """
    return _report(municipality, (draft.status for draft in _drafts(_facts(municipality), ())))


def fetch_instruments(report: InstrumentsReport) -> dict[str, bytes]:
    """The files of the versions in a report, by name.

    Raises:
        IntegrityError: one of them is gone, or is not what was stored.
    """
    storage = doors.object_storage()
    found: dict[str, bytes] = {}
    for key in (key for status in report.instruments for key in status.files):
        content = storage.find_object(report.bucket, key)
        if content is None:
            raise IntegrityError("Um instrumento não está mais no balde", f"{report.bucket}/{key}", "Gere-o de novo.")
        found[Path(key).name] = content
    return found


@step("resultado dos instrumentos")
def publish_instruments(municipality: str, report: InstrumentsReport) -> None:
    """Publish one line an instrument, and the timetable as a table; neither tells of people."""
    lines = [
        f"# Instrumentos de {municipality}",
        "",
        f"Balde `{report.bucket}`.",
        "",
        "| Instrumento | Versão | Páginas | Resultado | Arquivos |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {status.title} | {status.version} | {status.pages} | {status.told} | {'<br>'.join(status.files)} |"
        for status in report.instruments
    ]
    lines += ["", "## Cronograma", "", "| Atividade | Início | Fim | Situação |", "|---|---|---|---|"]
    lines += [
        f"| {activity.titulo} | {activity.inicio} | {activity.fim} | {activity.situacao} |"
        for activity in words.timetable_words(_facts(municipality).timetable).atividades
    ]
    publish_markdown(f"instrumentos-{municipality}", lines, f"Instrumentos de {municipality}")


def _facts(slug: str) -> _Facts:
    registry, catalog = doors.registry(), Catalog()
    municipality = registry.find_municipality(slug)
    contract = registry.contract(municipality.ibge)
    if contract is None:
        raise InvalidInputError(
            "O município não tem plano contratado",
            slug,
            f"Registre o plano com ./implanta municipality plan {slug}.",
        )
    sheet = read_prefeitura(slug)
    done = registry.stages_done(municipality.ibge)[municipality.ibge]
    ended = {stage: local_day(at) for stage, at in done.items()}
    start = sheet.inicio_do_cronograma or ended.get(Stage.ADHESION)
    if start is None:
        raise InvalidInputError(
            "Não se sabe quando o município aderiu",
            slug,
            "Registre a adesão com ./implanta municipality add, ou informe inicio_do_cronograma em prefeitura.csv.",
        )
    freezes = catalog.freezes()
    timetable = plan_timetable(
        catalog.timetable(),
        start,
        catalog.holidays().calendar_for(municipality),
        environment_business_days=catalog.sla().agreed_business_days,
        done=ended,
        frozen=lambda day: freeze_on(day, freezes, municipality.ibge) is not None,
    )
    return _Facts(municipality, sheet, contract.plan, timetable)


def _drafts(facts: _Facts, names: Sequence[str]) -> list[_Draft]:
    catalog, storage, slug = Catalog(), doors.object_storage(), facts.municipality.slug
    bucket = instruments_bucket(slug)
    keys = storage.list_keys(bucket)
    drafts = []
    for instrument in catalog.instruments().choose(tuple(names), client_of(slug)):
        template = catalog.template(instrument)
        said = _words(instrument, facts, catalog)
        inputs = Inputs(template_sha256=_template_digest(template), data_sha256=said.digests())
        found = _manifest(storage, bucket, instrument.slug, newest_version(keys, instrument.slug))
        status = status_of(instrument, found, inputs, set(keys))
        unsigned = tuple(
            said.assinaturas[name].cargo
            for name in instrument.signers
            if catalog.instruments().signers[name].contatos and not said.assinaturas[name].conhecida
        )
        drafts.append(_Draft(instrument, template, said, inputs, status.model_copy(update={"unsigned": unsigned})))
    return drafts


def _words(instrument: Instrument, facts: _Facts, catalog: Catalog) -> Words:
    table, municipality = catalog.instruments(), facts.municipality
    parts: dict[str, object] = {}
    if Part.PREFEITURA in instrument.parts:
        parts["prefeitura"] = words.prefeitura_words(facts.sheet)
    if Part.PLANO in instrument.parts:
        parts["plano"] = words.plan_words(facts.plan, catalog.sla().agreed_business_days)
    if Part.CRONOGRAMA in instrument.parts:
        parts["cronograma"] = words.timetable_words(facts.timetable)
    if Part.CLASSIFICACAO in instrument.parts:
        parts["classificacao"] = words.records_words(records_plan(load_model(layers_of(municipality))))
    if Part.COMUNICACAO in instrument.parts:
        rule = catalog.communication()
        messages = date_messages(rule, facts.timetable, catalog.holidays().calendar_for(municipality))
        parts["comunicacao"] = words.communication_words(rule, messages)
    return Words.model_validate(
        {
            "instrumento": words.instrument_words(instrument),
            "programa": words.programme_words(table.programme),
            "municipio": words.municipality_words(municipality),
            "assinaturas": {
                name: words.signature_words(table.signers[name], municipality) for name in instrument.signers
            },
            **parts,
        }
    )


def _make(due: Sequence[_Draft], facts: _Facts, moment: datetime) -> dict[str, _Made]:
    """The next version of each draft: written, converted in one call, proved."""
    today, slug = local_day(moment), facts.municipality.slug
    has_picture = any(Part.CRONOGRAMA in draft.instrument.parts for draft in due)
    pictures = {GANTT: _gantt_of(facts.timetable, today)} if has_picture else {}
    documents = {
        file_stem(draft.instrument, slug, draft.next_version): render_template(
            draft.template,
            draft.said.tags(draft.next_version, today),
            title=f"{draft.instrument.title} – {facts.municipality.name}/{facts.municipality.uf}",
            pictures=pictures if Part.CRONOGRAMA in draft.instrument.parts else {},
        )
        for draft in due
    }
    converted = convert_to_pdf(documents)
    made = {}
    for draft in due:
        stem = file_stem(draft.instrument, slug, draft.next_version)
        contents = {f"{stem}.docx": documents[stem], f"{stem}.pdf": converted[stem]}
        proved = prove_pdf(converted[stem], f"{stem}.pdf", template=draft.instrument.template)
        manifest = Manifest(
            instrument=draft.instrument.slug,
            version=draft.next_version,
            template_version=draft.instrument.template_version,
            template_sha256=draft.inputs.template_sha256,
            data_sha256=draft.inputs.data_sha256,
            generated_at=moment,
            pages=proved.pages,
            files=tuple(
                StoredFile(name=name, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
                for name, content in contents.items()
            ),
        )
        made[draft.instrument.slug] = _Made(manifest, contents)
    return made


def _gantt_of(timetable: Timetable, today: date) -> Picture:
    told = "; ".join(f"{w.title}, de {w.start:%d/%m/%Y} a {w.end:%d/%m/%Y}" for w in timetable.windows)
    return Picture(draw_gantt(timetable, today), WIDTH_MM, f"Gráfico de Gantt do cronograma: {told}.")


def _store(municipality: str, made: _Made) -> None:
    """The manifest goes last: until it is there, the version is not."""
    storage, bucket = doors.object_storage(), instruments_bucket(municipality)
    storage.ensure_bucket(bucket)
    folder = folder_of(made.manifest.instrument, made.manifest.version)
    for name, content in made.contents.items():
        storage.ensure_object(bucket, folder + name, content)
    storage.ensure_object(bucket, folder + MANIFEST, made.manifest.model_dump_json(indent=2).encode())


def _stored(draft: _Draft, made: _Made) -> Status:
    folder = folder_of(draft.instrument.slug, made.manifest.version)
    keys = {folder + name for name in made.contents}
    status = status_of(draft.instrument, made.manifest, draft.inputs, keys)
    return status.model_copy(update={"created": True, "unsigned": draft.status.unsigned})


def _report(municipality: str, instruments: Iterable[Status]) -> InstrumentsReport:
    return InstrumentsReport(
        municipality=municipality, bucket=instruments_bucket(municipality), instruments=tuple(instruments)
    )


def _manifest(storage: ObjectStorage, bucket: str, instrument: str, version: int) -> Manifest | None:
    if not version:
        return None
    key = folder_of(instrument, version) + MANIFEST
    try:
        return Manifest.model_validate_json(storage.find_object(bucket, key) or b"")
    except ValidationError as error:
        raise IntegrityError(
            "O manifesto de um instrumento não pode ser lido",
            f"{bucket}/{key}",
            "Restaure a versão anterior desse objeto, ou chame o suporte.",
        ) from error


def _template_digest(template: Path) -> str:
    try:
        return hashlib.sha256(template.read_bytes()).hexdigest()
    except OSError as error:
        raise InvalidInputError(
            f"Não consegui ler o modelo: {error.strerror}", str(template), "Restaure o arquivo do repositório."
        ) from error
