"""Municipalities, contracts, environments and references converge, and refuse what would mix two of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from domain.change import Change
from domain.environment import Purpose
from domain.errors import IntegrityError, InvalidInputError
from domain.municipality import Municipality
from domain.plan import Plan
from registry import Registry
from tests.registry.conftest import Schema
from tests.registry.examples import (
    DIGEST,
    TIMOTEO,
    make_contact,
    make_environment,
    make_municipality,
    make_reference,
)

FAIXA_3 = Plan(faixa=3, users=750, concurrent_users=50)
NEGOTIATED = Plan(faixa=None, users=4000, concurrent_users=300, negotiated=True)


def test_registering_a_municipality_again_changes_nothing(registry: Registry) -> None:
    municipality = make_municipality(contacts=(make_contact(),))
    assert registry.ensure_municipality(municipality) == Change(created=2)
    assert registry.ensure_municipality(municipality) == Change(unchanged=2)
    assert registry.find_municipality("timoteo") == municipality
    assert registry.find_municipality(TIMOTEO) == municipality


def test_name_population_and_contacts_follow_the_declaration(registry: Registry) -> None:
    first, second = make_contact(email="a@example.org"), make_contact(email="b@example.org")
    registry.ensure_municipality(make_municipality(population=80000, contacts=(first, second)))
    changed = make_contact(name="Outra Pessoa", email="B@example.org")
    assert registry.ensure_municipality(make_municipality(contacts=(changed,))) == Change(updated=2, removed=1)
    found = registry.find_municipality(TIMOTEO)
    assert (found.population, found.contacts) == (91268, (changed,))


def test_one_person_in_two_roles_is_two_contacts_and_never_more(registry: Registry) -> None:
    roles = (make_contact(role="ponto focal"), make_contact(role="gestora"), make_contact(role="gestora"))
    assert registry.ensure_municipality(make_municipality(contacts=roles)) == Change(created=3)
    assert registry.ensure_municipality(make_municipality(contacts=roles)) == Change(unchanged=3)
    assert registry.find_municipality(TIMOTEO).contacts == roles[:2]


def test_a_declaration_without_contacts_keeps_the_registered_ones(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality(contacts=(make_contact(),)))
    assert registry.ensure_municipality(make_municipality()) == Change(unchanged=1)
    assert registry.find_municipality(TIMOTEO).contacts == (make_contact(),)


def test_a_slug_belongs_to_one_municipality(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality())
    with pytest.raises(InvalidInputError, match=r"O apelido 'timoteo' já é do município 3168705 \(Timóteo/MG\)"):
        registry.ensure_municipality(make_municipality(ibge="3155009", name="Rio Doce"))
    assert [found.ibge for found in registry.list_municipalities()] == [TIMOTEO]


def test_a_code_keeps_its_slug(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality())
    with pytest.raises(InvalidInputError, match="3168705 já está registrado como 'timoteo', não 'rio-doce'"):
        registry.ensure_municipality(make_municipality(slug="rio-doce"))


@pytest.mark.parametrize("ref", ["lavras", "3138203", "TIMOTEO", "timóteo", "' OR 1=1 -- ", "", "timoteo%"])
def test_an_unknown_municipality_is_refused_with_the_way_to_find_it(registry: Registry, ref: str) -> None:
    registry.ensure_municipality(make_municipality())
    with pytest.raises(InvalidInputError, match=r"não está registrado .* \./implanta municipality list") as refusal:
        registry.find_municipality(ref)
    assert repr(ref) in str(refusal.value)


def test_municipalities_are_listed_by_name_however_it_is_written(registry: Registry) -> None:
    names = {"3145455": "Olhos-d'Água", "3162500": "São João del-Rei", "3100203": "Abaeté", "3103405": "Água Boa"}
    for ibge, name in names.items():
        registry.ensure_municipality(make_municipality(ibge=ibge, name=name, slug=f"m-{ibge}"))
    listed = registry.list_municipalities()
    assert [found.name for found in listed] == ["Abaeté", "Água Boa", "Olhos-d'Água", "São João del-Rei"]


def test_eight_runs_at_once_register_one_municipality(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        changes = list(pool.map(registry.ensure_municipality, [make_municipality()] * 8))
    assert Change.sum(changes) == Change(created=1, unchanged=7)


def test_the_newest_plan_is_in_force_and_the_old_ones_stay(registry: Registry, migrated: Schema) -> None:
    registry.ensure_municipality(make_municipality())
    assert registry.contract(TIMOTEO) is None
    assert registry.ensure_contract(TIMOTEO, FAIXA_3) == Change(created=1)
    assert registry.ensure_contract(TIMOTEO, FAIXA_3) == Change(unchanged=1)
    assert registry.ensure_contract(TIMOTEO, NEGOTIATED) == Change(created=1)
    assert registry.ensure_contract(TIMOTEO, FAIXA_3) == Change(created=1)
    current = registry.contract(TIMOTEO)
    assert current is not None
    assert current.plan == FAIXA_3
    assert abs(current.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    with migrated.raw() as cursor:
        assert cursor.execute("SELECT faixa FROM contract ORDER BY id") == 3


def test_the_plans_in_force_are_told_by_municipality(registry: Registry) -> None:
    assert registry.contracts() == {}
    for ibge, name, slug in ((TIMOTEO, "Timóteo", "timoteo"), ("3155009", "Rio Doce", "rio-doce")):
        registry.ensure_municipality(make_municipality(ibge, name, slug))
    registry.ensure_contract(TIMOTEO, NEGOTIATED)
    registry.ensure_contract(TIMOTEO, FAIXA_3)
    assert registry.contracts() == {TIMOTEO: registry.contract(TIMOTEO)}
    registry.ensure_contract("3155009", NEGOTIATED)
    assert {ibge: record.plan for ibge, record in registry.contracts().items()} == {
        TIMOTEO: FAIXA_3,
        "3155009": NEGOTIATED,
    }


def test_a_contract_needs_its_municipality(registry: Registry) -> None:
    with pytest.raises(InvalidInputError, match="O município 3168705 não está registrado"):
        registry.ensure_contract(TIMOTEO, FAIXA_3)


def test_eight_runs_at_once_add_one_contract(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality())
    with ThreadPoolExecutor(8) as pool:
        changes = list(pool.map(lambda _: registry.ensure_contract(TIMOTEO, FAIXA_3), range(8)))
    assert Change.sum(changes) == Change(created=1, unchanged=7)


def test_registering_an_environment_again_changes_nothing(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality())
    assert registry.ensure_environment(make_environment()) == Change(created=1)
    assert registry.ensure_environment(make_environment()) == Change(unchanged=1)
    found = registry.environment("timoteo-treinamento")
    assert found.created_at is not None
    assert found.model_copy(update={"created_at": None}) == make_environment()


def test_environments_are_listed_for_one_municipality_or_for_all(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality())
    registry.ensure_municipality(make_municipality(ibge="3155009", name="Rio Doce", slug="rio-doce"))
    registry.ensure_environment(make_environment())
    registry.ensure_environment(make_environment(slug="rio-doce-treinamento", ibge="3155009"))
    assert [found.slug for found in registry.list_environments()] == ["rio-doce-treinamento", "timoteo-treinamento"]
    assert [found.slug for found in registry.list_environments(TIMOTEO)] == ["timoteo-treinamento"]


def test_an_environment_keeps_its_release_once_it_is_proved(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality())
    registry.ensure_environment(make_environment(release_version="4.0.0"))
    assert registry.ensure_environment(make_environment(reference_digest=DIGEST)) == Change(updated=1)
    assert registry.ensure_environment(make_environment()) == Change(unchanged=1)
    for another in (
        make_environment(release_version="4.0.0"),
        make_environment(reference_digest="b" * 64),
    ):
        with pytest.raises(InvalidInputError, match=r"pronto na versão 4\.1\.0 \(referência aaaaaaaaaaaa\)"):
            registry.ensure_environment(another)
    moved = make_environment(hostname="timoteo-treinamento.sei.mg.gov.br")
    assert registry.ensure_environment(moved) == Change(updated=1)
    found = registry.environment("timoteo-treinamento")
    assert (found.reference_digest, found.hostname) == (DIGEST, moved.hostname)


def test_an_environment_belongs_to_one_municipality_and_purpose(registry: Registry) -> None:
    registry.ensure_municipality(make_municipality())
    registry.ensure_environment(make_environment())
    with pytest.raises(InvalidInputError, match="já está registrado para o município 3168705, de treinamento"):
        registry.ensure_environment(make_environment(purpose=Purpose.PRODUCAO))


@pytest.mark.parametrize("slug", ["timoteo-producao", "timóteo-treinamento", ""])
def test_an_unknown_environment_is_refused_with_the_way_to_find_it(registry: Registry, slug: str) -> None:
    with pytest.raises(InvalidInputError, match=r"não está registrado .* \./implanta environment list"):
        registry.environment(slug)


def test_an_environment_needs_its_municipality(registry: Registry) -> None:
    with pytest.raises(InvalidInputError, match="ainda não está no registro"):
        registry.ensure_environment(make_environment())


def test_a_reference_comes_back_as_it_was_saved(registry: Registry) -> None:
    assert registry.reference(DIGEST) is None
    assert registry.save_reference(make_reference()) == Change(created=1)
    assert registry.save_reference(make_reference()) == Change(unchanged=1)
    assert registry.reference(DIGEST) == make_reference()


def test_a_fingerprint_read_anew_replaces_the_old_one(registry: Registry) -> None:
    registry.save_reference(make_reference())
    newer = make_reference(coluna="int not null")
    assert registry.save_reference(newer) == Change(updated=1)
    assert registry.reference(DIGEST) == newer


def test_one_digest_is_one_release(registry: Registry) -> None:
    registry.save_reference(make_reference())
    with pytest.raises(IntegrityError, match=r"registrada como 4\.1\.0 \(reduced\), não 4\.0\.0"):
        registry.save_reference(make_reference(version="4.0.0"))


def test_contacts_never_show_in_messages(registry: Registry) -> None:
    municipality = Municipality.model_construct(
        **{**dict(make_municipality()), "contacts": (make_contact(name="Fulana de Tal " * 40),)}
    )
    with pytest.raises(InvalidInputError, match="longo demais") as refusal:
        registry.ensure_municipality(municipality)
    assert "Fulana" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_proved_environment_moves_to_another_release_together_with_the_event_that_says_so(
    registry: Registry,
) -> None:
    registry.ensure_municipality(make_municipality())
    registry.save_reference(make_reference())
    registry.save_reference(make_reference(digest="b" * 64))
    wanted = make_environment()
    registry.ensure_environment(wanted)
    moved = {"kind": "upgrade.proved", "actor": "implanta", "flow_run_id": None, "occurred_at": datetime.now(tz=UTC)}
    with pytest.raises(InvalidInputError, match="não está pronto"):
        registry.finish_upgrade(wanted.slug, "4.2.0", "b" * 64, **moved)  # type: ignore[arg-type]
    assert registry.events(kinds=["upgrade.proved"]) == []
    registry.ensure_environment(wanted.model_copy(update={"reference_digest": DIGEST}))
    change = registry.finish_upgrade(wanted.slug, "4.2.0", "b" * 64, **moved)  # type: ignore[arg-type]
    assert change == Change(updated=1)
    found = registry.environment(wanted.slug)
    assert (found.release_version, found.reference_digest) == ("4.2.0", "b" * 64)
    (told,) = registry.events(kinds=["upgrade.proved"])
    assert (told.environment, told.ibge) == (wanted.slug, TIMOTEO)
    with pytest.raises(InvalidInputError, match="só muda por uma atualização"):
        registry.ensure_environment(wanted)
