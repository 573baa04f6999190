"""IBGE codes, names as people type them, slugs."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.environment import EnvironmentName, Purpose, intake_bucket, orgao_sigla
from domain.errors import InvalidInputError
from domain.municipality import Contact, Municipality, municipality_from
from tests.domain.examples import CATALOG

TABLE = CATALOG.ibge_table()
ALL_MUNICIPALITIES = Path("/work/shared/data/municipios_br.csv")

# The file gives 12 rows the slug of their neighbour (the Igarapé…, Olho d'Água…, Entre Rios… and Entre-Ijuís), and
# eight municipalities a name or spelling that is not the table's.
SLUG_DIFFERS_IN_THE_FILE = {
    "1503200", "2105153", "2105203", "2207108", "2408409", "2705804", "2705903", "2910503", "3123908", "4107538",
    "4306932", "4306957",
    "1708254", "2401206", "2405306", "2613107", "2800100", "2928505", "3122900", "5107800",
}  # fmt: skip


@pytest.mark.parametrize(
    ("ibge", "name", "slug"),
    [
        ("3168705", "Timóteo", "timoteo"),
        ("3155009", "Rio Doce", "rio-doce"),
        ("3145455", "Olhos-d'Água", "olhos-dagua"),
        ("3145455", "OLHOS D’AGUA", "olhos-dagua"),
        ("3162500", "São João del-Rei", "sao-joao-del-rei"),
        ("3162500", "sao joao del rei", "sao-joao-del-rei"),
        ("2201903", "Bom Jesus", "bom-jesus-pi"),
        ("4302303", "Bom Jesus", "bom-jesus-rs"),
        ("2928505", "Santa Teresinha", "santa-terezinha-ba"),
    ],
)
def test_a_municipality_gets_its_slug_however_its_name_is_typed(ibge: str, name: str, slug: str) -> None:
    found = municipality_from(ibge, name, 1000, TABLE)
    assert (found.slug, found.name) == (slug, name)


@pytest.mark.parametrize(
    ("ibge", "name", "message"),
    [
        ("316870", "Timóteo", "não tem 7 dígitos"),
        ("31687O5", "Timóteo", "não tem 7 dígitos"),
        ("9968705", "Timóteo", "não começa com o código de uma UF"),
        ("3100000", "Timóteo", "não é de nenhum município de MG"),
        ("3168705", "Lavras", "é de Timoteo/MG, não de 'Lavras'.*O código de Lavras/MG é 3138203"),
        ("3168705", "", "não de ''"),
        ("3168705", "Timóteo Velho", "não de 'Timóteo Velho'"),
        ("3168705", "Timóteo\u200b", "U\\+200B"),
    ],
)
def test_a_code_and_a_name_that_do_not_agree_are_refused(ibge: str, name: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        municipality_from(ibge, name, 1000, TABLE)


@pytest.mark.parametrize("population", [0, -1])
def test_nobody_lives_nowhere(population: int) -> None:
    with pytest.raises(InvalidInputError, match=f"População {population} de Timóteo/MG"):
        municipality_from("3168705", "Timóteo", population, TABLE)


def test_a_municipality_in_a_state_that_is_not_its_codes_does_not_build() -> None:
    with pytest.raises(ValidationError, match="não é da UF SP"):
        Municipality(ibge="3168705", name="Timóteo", uf="SP", slug="timoteo", population=1)


def test_a_contact_never_shows_who_it_is() -> None:
    contact = Contact(name="Fulana de Tal", email="fulana@example.org", role="ponto focal")
    assert "ulana" not in repr(contact) + str(contact)
    with pytest.raises(ValidationError) as refusal:
        Contact(name="Fulana de Tal", email="fulana", role="ponto focal")
    assert "ulana" not in str(refusal.value)


@pytest.mark.skipif(not ALL_MUNICIPALITIES.exists(), reason="the list of municipalities is not on this machine")
def test_every_municipality_of_brazil_builds_with_names_that_servers_accept() -> None:
    with ALL_MUNICIPALITIES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    built = [municipality_from(row["ibge"], row["name"], int(row["population_2021"]), TABLE) for row in rows]

    assert len(built) == 5570
    assert max(Counter(item.slug for item in built).values()) == 1
    assert max(Counter(orgao_sigla(item) for item in built).values()) == 1
    assert max(len(orgao_sigla(item)) for item in built) <= 30
    longest = max(built, key=lambda item: len(item.slug)).slug
    environment = EnvironmentName(municipality=longest, purpose=Purpose.TREINAMENTO)
    assert len(environment.database_sei) <= 64  # MariaDB identifiers
    assert max(len(environment.bucket), len(intake_bucket(longest))) <= 63  # S3 bucket and DNS label
    different = {
        row["ibge"]
        for row, item in zip(rows, built, strict=True)
        if item.slug not in (row["slug"], f"{row['slug']}-{item.uf.lower()}")
    }
    assert different == SLUG_DIFFERS_IN_THE_FILE
