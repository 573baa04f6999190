"""What SEI keeps of its units: read whole, written only where it differs, in every version that the project brings."""

from datetime import date

import pytest

from domain.change import Change
from domain.errors import IntegrityError
from domain.spreadsheet_units import SETTING_COLUMNS, Unit
from domain.units_plan import SeiUnit
from tests.blocks.instance import Databases

TODAY = date(2026, 11, 23)
# The reference's own units stand in for the prefeitura's, which replication would bring.
UNIT = Unit(
    sigla="TESTE_1_1",
    descricao="Unidade de Testes 1.1",
    settings={
        "codigo": "7",
        "protocolo": "S",
        "ouvidoria": "S",
        "envio_processo": "N",
        "endereco_do_orgao": "N",
        "endereco": "Praça 1º de Maio, 94 – térreo",
        "bairro": "Centro",
        "cep": "35180-018",
        "cnpj": "00000000000191",
        "telefone": "(31) 3847-4718",
        "site": "https://timoteo.example/",
    },
)


def unit_of(databases: Databases, sigla: str) -> SeiUnit:
    (found,) = [unit for unit in databases.sei_units.read().units if unit.sigla == sigla]
    return found


def some_city(databases: Databases) -> tuple[str, str]:
    city, state = databases.row(
        "sei", "SELECT m.nome, f.sigla FROM cidade m JOIN uf f USING (id_uf) ORDER BY 1 LIMIT 1"
    )
    return str(city), str(state)


def test_settings_are_written_once_and_read_back_as_the_spreadsheet_says_them(databases: Databases) -> None:
    city, state = some_city(databases)
    wanted = UNIT.model_copy(update={"settings": UNIT.settings | {"cidade": city.upper(), "uf": state}})
    before = unit_of(databases, UNIT.sigla)
    assert before.settings.keys() == set(SETTING_COLUMNS)
    assert databases.sei_units.apply([wanted], (), TODAY).updated == 2
    found = unit_of(databases, UNIT.sigla).settings
    assert found == before.settings | wanted.settings | {"cidade": city}
    contents = databases.contents()
    assert databases.sei_units.apply([wanted], (), TODAY).total == 0
    assert databases.contents() == contents


def test_what_a_row_does_not_say_stays_as_people_left_it(databases: Databases) -> None:
    before = databases.contents()
    assert databases.sei_units.apply([Unit(sigla="TESTE", descricao="Outra")], (), TODAY).total == 0
    assert databases.contents() == before


def test_a_code_with_other_zeros_is_not_rewritten_for_it_names_the_counter(databases: Databases) -> None:
    databases.rows("sei", "UPDATE unidade SET codigo_sei = '007' WHERE sigla = 'TESTE_1_1'")
    wanted = UNIT.model_copy(update={"settings": {"codigo": "7"}})
    assert databases.sei_units.apply([wanted], (), TODAY).total == 0
    assert unit_of(databases, UNIT.sigla).settings["codigo"] == "007"


def test_a_unit_that_sei_lacks_is_told_and_none_is_written(databases: Databases) -> None:
    before = databases.contents()
    with pytest.raises(IntegrityError, match="A unidade NENHUMA não está no SEI"):
        databases.sei_units.apply([UNIT, UNIT.model_copy(update={"sigla": "NENHUMA"})], (), TODAY)
    assert databases.contents() == before


def test_a_unit_that_ended_is_off_with_its_contato_and_its_history_closed(databases: Databases) -> None:
    found = unit_of(databases, "TESTE_1_2")
    assert (found.ativo, found.in_history) == (True, True)
    databases.sei_units.apply((), [found.id_unidade], TODAY)
    found = unit_of(databases, "TESTE_1_2")
    assert (found.ativo, found.in_history) == (False, False)
    assert databases.row(
        "sei",
        "SELECT c.sin_ativo, h.dta_fim = %s FROM unidade u JOIN contato c USING (id_contato)"
        " JOIN unidade_historico h ON h.id_unidade = u.id_unidade WHERE u.sigla = 'TESTE_1_2'",
        (TODAY,),
    ) == ("N", 1)
    assert databases.sei_units.apply((), [found.id_unidade], TODAY).total == 0
    assert unit_of(databases, "TESTE_1_1").ativo


def test_a_process_is_open_where_an_entry_of_its_history_has_no_end(databases: Databases) -> None:
    unit_id = unit_of(databases, "TESTE_1_1").id_unidade
    for number, end in ((1, None), (1, None), (2, "2026-01-02"), (3, None)):
        databases.unchecked(
            "sei",
            "INSERT INTO atividade (id_atividade, id_protocolo, id_unidade, dth_abertura, dth_conclusao, id_tarefa,"
            " id_unidade_origem, sin_inicial, tipo_visualizacao, id_usuario_origem)"
            " SELECT COALESCE(MAX(id_atividade), 0) + 1, %s, %s, '2026-01-01', %s, 1, %s, 'N', 0, 1 FROM atividade",
            (number, unit_id, end, unit_id),
        )
    assert unit_of(databases, "TESTE_1_1").open_processes == 2
    assert unit_of(databases, "TESTE").open_processes == 0


def test_the_cities_that_sei_knows_are_told_with_their_states(databases: Databases) -> None:
    city, state = some_city(databases)
    contents = databases.sei_units.read([city, "Atlântida Submersa"])
    assert (city, state) in contents.cities
    assert not any(name == "Atlântida Submersa" for name, _ in contents.cities)
    assert contents.mask is not None


def test_nothing_is_changed_by_looking(databases: Databases) -> None:
    before = databases.contents()
    databases.sei_units.read()
    assert databases.contents() == before
    assert databases.sei_units.apply((), (), TODAY) == Change()
