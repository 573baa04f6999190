"""The names that derive from an environment's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.environment import EnvironmentName, Purpose, intake_bucket, orgao_description, orgao_sigla
from domain.errors import InvalidInputError
from tests.domain.examples import make_municipality

ENVIRONMENTS = st.builds(
    EnvironmentName,
    municipality=st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,3}", fullmatch=True),
    purpose=st.sampled_from(Purpose),
)


def test_every_name_derives_from_the_slug() -> None:
    environment = EnvironmentName(municipality="rio-doce", purpose=Purpose.PRODUCAO)
    assert environment.slug == environment.bucket == environment.ou == str(environment) == "rio-doce-producao"
    assert environment.database_sei == "rio_doce_producao_sei"
    assert environment.database_sip == "rio_doce_producao_sip"
    assert environment.database_user == "rio_doce_producao"
    assert environment.hostname("localhost") == "rio-doce-producao.localhost"
    assert environment.label == "rio-doce · produção"
    assert intake_bucket("rio-doce") == "rio-doce-entrada"


@given(ENVIRONMENTS)
def test_a_slug_reads_back_as_its_environment(environment: EnvironmentName) -> None:
    assert EnvironmentName.parse(environment.slug) == environment


@given(ENVIRONMENTS, ENVIRONMENTS)
def test_two_environments_never_share_a_name(one: EnvironmentName, other: EnvironmentName) -> None:
    names = {name for item in (one, other) for name in (item.database_sei, item.database_sip, item.database_user)}
    assert len(names) == (3 if one == other else 6)


@pytest.mark.parametrize(
    "slug", ["timoteo", "timoteo-teste", "-producao", "Timoteo-producao", "timoteo`;--producao", "a--b-producao", ""]
)
def test_what_is_not_an_environment_is_refused(slug: str) -> None:
    with pytest.raises(InvalidInputError, match="não é nome de ambiente"):
        EnvironmentName.parse(slug)


@pytest.mark.parametrize("municipality", ["", "São-João", "a_b", "a.b", "1a", "a" * 41, "a\n"])
def test_only_a_slug_makes_an_environment(municipality: str) -> None:
    with pytest.raises(ValidationError):
        EnvironmentName(municipality=municipality, purpose=Purpose.TREINAMENTO)


def test_the_orgao_has_a_short_sigla_and_the_official_name() -> None:
    rio_doce = make_municipality("3155009", "Rio Doce", "rio-doce")
    assert orgao_sigla(rio_doce) == "PM-RIO-DOCE"
    assert orgao_description(rio_doce) == "Prefeitura Municipal de Rio Doce"


def test_a_long_sigla_is_cut_and_closed_with_the_ibge_code() -> None:
    long = make_municipality("3168705", "Vila Bela", "vila-bela-da-santissima-trindade")
    assert orgao_sigla(long) == "PM-VILA-BELA-DA-SANTIS-3168705"
