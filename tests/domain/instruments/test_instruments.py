"""What documents say, who signs them, when a new version is due."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from blocks.model_files import load_model
from domain.document_model.entries import Destinacao
from domain.errors import InvalidInputError
from domain.instruments import words
from domain.instruments.records_plan import records_plan
from domain.instruments.version import (
    Inputs,
    Manifest,
    Standing,
    StoredFile,
    folder_of,
    newest_version,
    status_of,
)
from domain.instruments.words import Words
from domain.municipality import Contact, Municipality
from domain.plan import choose_plan
from domain.spreadsheet_prefeitura import PrefeituraSheet
from tests.domain.examples import CATALOG, PLANS, make_municipality

TABLE = CATALOG.instruments()
DECREE = TABLE.choose(("decreto",), "prefeitura")[0]
INPUTS = Inputs(template_sha256="a" * 64, data_sha256={"municipio": "b" * 64})


def make_words(municipality: Municipality) -> Words:
    return Words(
        instrumento=words.instrument_words(DECREE),
        programa=words.programme_words(TABLE.programme),
        municipio=words.municipality_words(municipality),
        assinaturas={"prefeito": words.signature_words(TABLE.signers["prefeito"], municipality)},
        prefeitura=words.prefeitura_words(PrefeituraSheet()),
        plano=words.plan_words(choose_plan(municipality.population, PLANS), 15),
    )


def make_contact(name: str, role: str) -> Contact:
    return Contact(name=name, email="pessoa@exemplo.mg.gov.br", role=role)


def make_manifest(version: int = 1) -> Manifest:
    return Manifest(
        instrument="decreto",
        version=version,
        template_version=1,
        template_sha256=INPUTS.template_sha256,
        data_sha256=INPUTS.data_sha256,
        generated_at=datetime(2026, 11, 27, tzinfo=UTC),
        pages=5,
        files=(StoredFile(name="decreto.pdf", sha256="c" * 64, size_bytes=1),),
    )


def test_the_office_of_who_signs_follows_the_role_of_the_contact() -> None:
    signer = TABLE.signers["prefeito"]
    her = make_municipality().model_copy(update={"contacts": (make_contact("Ana Lima", "prefeita"),)})
    signature = words.signature_words(signer, her)
    assert (signature.nome, signature.cargo, signature.artigo) == ("Ana Lima", "Prefeita Municipal", "A")
    nobody = words.signature_words(signer, make_municipality())
    assert (nobody.conhecida, nobody.cargo) == (False, "Prefeito(a) Municipal")
    assert set(nobody.nome) == {"_"}


def test_two_people_who_could_sign_are_refused_without_their_names() -> None:
    both = (make_contact("Ana Sigilosa", "prefeita"), make_contact("Rui Sigiloso", "prefeito"))
    with pytest.raises(InvalidInputError, match="2 contatos podem assinar") as refusal:
        words.signature_words(TABLE.signers["prefeito"], make_municipality().model_copy(update={"contacts": both}))
    assert "Sigilos" not in str(refusal.value)


def test_an_instrument_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(InvalidInputError, match=r"Não há instrumento 'ata' para prefeitura.*decreto, cronograma"):
        TABLE.choose(("ata",), "prefeitura")
    with pytest.raises(InvalidInputError, match="Não há instrumentos para camara"):
        TABLE.choose((), "camara")


def test_words_are_equal_whenever_they_are_put_together_and_one_part_that_differs_is_told() -> None:
    one, again = make_words(make_municipality()), make_words(make_municipality())
    assert one.digests() == again.digests()
    assert one.tags(1, date(2026, 1, 1)) != one.tags(2, date(2026, 1, 2)), "the stamp is on the document"
    other = make_words(make_municipality().model_copy(update={"population": 91_269}))
    assert {name for name, digest in one.digests().items() if digest != other.digests()[name]} == {"municipio"}


def test_numbers_and_days_are_written_as_official_documents_do() -> None:
    assert words.number(91_268) == "91.268"
    assert words.long_day(date(2027, 1, 1)) == "1º de janeiro de 2027"
    assert words.long_day(date(2026, 3, 17)) == "17 de março de 2026"


def test_every_municipality_of_brazil_has_words_and_characters_of_control_are_in_none() -> None:
    table = CATALOG.ibge_table()
    for uf, codes in table.codes_by_uf.items():
        for name, ibge in codes.items():
            found = Municipality(ibge=ibge, name=name, uf=uf, slug=f"m{ibge}", population=1)
            said = words.municipality_words(found)
            assert said.estado.startswith(("Estado d", "Distrito Federal"))
            assert said.prefeitura == f"Prefeitura Municipal de {name}"
    odd = make_municipality().model_copy(update={"contacts": (make_contact("Ana\x0b\x00Lima", "prefeita"),)})
    assert words.signature_words(TABLE.signers["prefeito"], odd).nome in {"AnaLima", "Ana Lima"}


def test_the_records_plan_has_every_active_subject_below_what_groups_it() -> None:
    plan = records_plan(load_model(("base", "cliente/prefeitura", "uf/mg", "municipio/timoteo")))
    codes = [subject.code for subject in plan.subjects]
    assert len(codes) == len(set(codes)) > 400
    assert codes == sorted(codes)
    assert plan.subjects[codes.index("100")].level == 1
    assert plan.subjects[codes.index("111.1")].level == 4
    assert plan.subjects[codes.index("191")].level == 3, "the state's own subjects are there"
    for before, subject in pairwise(plan.subjects):
        assert subject.level <= before.level + 1, subject.code
    told = [subject for subject in plan.subjects if not subject.structural]
    assert plan.count(Destinacao.ELIMINACAO) + plan.count(Destinacao.GUARDA_PERMANENTE) == len(told)
    assert all(subject.destination for subject in told)


def test_a_version_is_current_until_template_data_or_files_change() -> None:
    keys = {"decreto/v1/decreto.pdf"}
    assert status_of(DECREE, None, INPUTS, ()).standing is Standing.MISSING
    current = status_of(DECREE, make_manifest(), INPUTS, keys)
    assert (current.standing, current.version, current.files) == (Standing.CURRENT, 1, tuple(keys))
    template = INPUTS.model_copy(update={"template_sha256": "d" * 64})
    assert status_of(DECREE, make_manifest(), template, keys).standing is Standing.TEMPLATE_CHANGED
    data = INPUTS.model_copy(update={"data_sha256": {"municipio": "b" * 64, "plano": "e" * 64}})
    changed = status_of(DECREE, make_manifest(), data, keys)
    assert (changed.standing, changed.told) == (Standing.DATA_CHANGED, "os dados mudaram: plano")
    assert status_of(DECREE, make_manifest(), INPUTS, ()).standing is Standing.DAMAGED


def test_only_a_manifest_makes_a_version() -> None:
    keys = ["decreto/v1/manifesto.json", "decreto/v10/manifesto.json", "decreto/v11/decreto-x-v11.pdf"]
    assert newest_version([*keys, "decreto-b/v12/manifesto.json", "decreto/v013/manifesto.json"], "decreto") == 10
    assert newest_version([], "decreto") == 0
    assert folder_of("decreto", 10) == "decreto/v10/"
