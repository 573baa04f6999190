"""SEI's side: the órgão's name everywhere it is written, the service account, unit codes, holidays, the heartbeat."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from pydantic import SecretStr

from blocks.runtime import ScheduledTask
from blocks.secrets import EnvironmentSecrets
from blocks.sei import SERVICE_USER, SeiDatabase
from domain.access_key import AccessKey, system_crc
from domain.change import Change
from domain.errors import IntegrityError
from domain.schedule import Schedule
from domain.spreadsheet_units import Unit
from tests.blocks.conftest import one_version
from tests.blocks.instance import Databases

SECRETS = EnvironmentSecrets.generate()
TIMOTEO, RIO_DOCE = "3168705", "3155009"
DESCRICAO = "Prefeitura Municipal de São Conceição"
STEPS: dict[str, Callable[[SeiDatabase], Change]] = {
    "órgão": lambda sei: sei.ensure_orgao("PM-BLOCOS", DESCRICAO, TIMOTEO),
    "parâmetros": lambda sei: sei.ensure_parameters({"SEI_SUFIXO_EMAIL": ".mg.gov.br", "NAO_EXISTE": "1"}),
    "agendamentos": lambda sei: sei.ensure_schedules([Schedule(command=ScheduledTask.HEARTBEAT, active=True)]),
    "serviço": lambda sei: sei.ensure_service(SECRETS.service_key),
}
NAMES_OF_THE_ORGAO = {
    "orgao": "SELECT sigla, descricao, idx_orgao FROM orgao",
    "histórico aberto": "SELECT sigla, descricao FROM orgao_historico WHERE dta_fim IS NULL",
    "contato": "SELECT k.sigla, k.nome, k.idx_contato FROM orgao o JOIN contato k USING (id_contato)",
    "cidade": (
        "SELECT c.nome, u.sigla FROM orgao o JOIN contato k USING (id_contato) JOIN cidade c USING (id_cidade)"
        " JOIN uf u ON u.id_uf = k.id_uf"
    ),
    "parâmetros": (
        "SELECT nome, valor FROM infra_parametro WHERE nome LIKE '%%\\_ID\\_TIPO\\_CONTATO\\_%%' ORDER BY nome"
    ),
    "tipos de contato": (
        "SELECT t.nome FROM tipo_contato t JOIN infra_parametro p ON p.valor = t.id_tipo_contato"
        " AND p.nome LIKE '%%\\_ID\\_TIPO\\_CONTATO\\_U%%' ORDER BY t.nome"
    ),
}


def names_of_the_orgao(databases: Databases) -> dict[str, list[tuple[object, ...]]]:
    return {place: databases.rows("sei", query) for place, query in NAMES_OF_THE_ORGAO.items()}


def test_each_step_converges_once_and_again_changes_nothing(databases: Databases) -> None:
    for name, step in STEPS.items():
        first = step(databases.sei)
        assert first.total > 0, name
        before = databases.contents()
        again = step(databases.sei)
        assert (again.total, again.unchanged > 0) == (0, True), name
        assert databases.contents() == before, name


def test_a_renamed_orgao_carries_everything_that_has_its_name(databases: Databases) -> None:
    databases.sei.ensure_orgao("PM-BLOCOS", DESCRICAO, TIMOTEO)
    assert names_of_the_orgao(databases) == {
        "orgao": [("PM-BLOCOS", DESCRICAO, "pm-blocos prefeitura municipal de sao conceicao")],
        "histórico aberto": [("PM-BLOCOS", DESCRICAO)],
        "contato": [("PM-BLOCOS", DESCRICAO, "pm-blocos prefeitura municipal de sao conceicao")],
        "cidade": [("Timóteo", "MG")],
        "parâmetros": [
            ("PM-BLOCOS_ID_TIPO_CONTATO_UNIDADES", "5"),
            ("PM-BLOCOS_ID_TIPO_CONTATO_USUARIOS", "1"),
        ],
        "tipos de contato": [("Unidades PM-BLOCOS",), ("Usuários PM-BLOCOS",)],
    }
    for table, column in (("orgao", "sigla"), ("contato", "sigla"), ("orgao_historico", "sigla")):
        assert databases.rows("sei", f"SELECT 1 FROM {table} WHERE {column} = 'ABC'") == [], table


def test_an_orgao_renamed_once_more_leaves_no_double_behind(databases: Databases) -> None:
    databases.sei.ensure_orgao("PM-BLOCOS", DESCRICAO, TIMOTEO)
    counts = {table: databases.one("sei", f"SELECT COUNT(*) FROM {table}") for table in ("tipo_contato", "contato")}
    databases.sei.ensure_orgao("PM-OUTRA", "Prefeitura de Outra", RIO_DOCE)
    found = names_of_the_orgao(databases)
    assert [name for name, _ in found["parâmetros"]] == [
        "PM-OUTRA_ID_TIPO_CONTATO_UNIDADES",
        "PM-OUTRA_ID_TIPO_CONTATO_USUARIOS",
    ]
    assert found["cidade"] == [("Rio Doce", "MG")]
    for table, count in counts.items():
        assert databases.one("sei", f"SELECT COUNT(*) FROM {table}") == count, table


def test_a_closed_period_of_the_orgaos_history_keeps_its_name(databases: Databases) -> None:
    databases.rows(
        "sei",
        "INSERT INTO orgao_historico (id_orgao_historico, id_orgao, sigla, descricao, dta_inicio, dta_fim)"
        " VALUES (900, 0, 'ANTES', 'Órgão de antes', '2020-01-01', '2025-12-31')",
    )
    databases.sei.ensure_orgao("PM-BLOCOS", DESCRICAO, TIMOTEO)
    assert databases.rows("sei", "SELECT sigla FROM orgao_historico WHERE dta_fim IS NOT NULL") == [("ANTES",)]


def test_a_rename_that_fails_midway_leaves_nothing_half_applied(databases: Databases) -> None:
    databases.rows("sei", "INSERT INTO infra_parametro VALUES ('PM-BLOCOS_ID_TIPO_CONTATO_USUARIOS', '1')")
    before = databases.contents()
    with pytest.raises(IntegrityError, match=r"violar uma chave \(erro 1062\)") as refusal:
        databases.sei.ensure_orgao("PM-BLOCOS", DESCRICAO, TIMOTEO)
    assert databases.contents() == before
    assert "PM-BLOCOS" not in str(refusal.value)


def test_an_environment_without_the_orgao_is_told(databases: Databases) -> None:
    databases.rows("sei", "SET STATEMENT foreign_key_checks = 0 FOR DELETE FROM orgao")
    with pytest.raises(IntegrityError, match="O órgão 0 não existe"):
        databases.sei.ensure_orgao("PM-BLOCOS", DESCRICAO, TIMOTEO)


def test_the_service_account_is_an_integrated_system_that_may_only_list(databases: Databases) -> None:
    assert databases.sei.service_id() is None
    assert databases.sei.ensure_service(SECRETS.service_key) == Change(
        created=2, details=("sistema IMPLANTA incluído no SEI", "serviço implanta incluído no SEI")
    )
    service_id = databases.sei.service_id()
    assert service_id is not None
    key = SECRETS.service_key(service_id)
    user, kind, active, with_key, crc, stored = databases.row(
        "sei",
        "SELECT u.sigla, u.sta_tipo, s.sin_ativo, s.sin_chave_acesso, s.crc, s.chave_acesso"
        " FROM servico s JOIN usuario u USING (id_usuario) WHERE s.id_servico = %s",
        (service_id,),
    )
    assert (user, kind, active, with_key, crc) == (SERVICE_USER, "1", "S", "S", key.crc)
    assert key.matches(stored)
    assert databases.rows("sei", "SELECT 1 FROM operacao_servico WHERE id_servico = %s", (service_id,)) == []
    assert databases.one("sei", "SELECT MAX(id) FROM seq_servico") == service_id
    assert databases.one("sei", "SELECT MAX(id) FROM seq_contato") == databases.one(
        "sei", "SELECT MAX(id_contato) FROM contato"
    )
    system = databases.one("sei", "SELECT num_atual FROM infra_sequencia WHERE nome_tabela = 'usuario_sistema'")
    assert databases.rows("sei", "SELECT id_usuario FROM usuario WHERE sigla = %s", (SERVICE_USER,)) == [(system,)]


@one_version
def test_a_service_whose_key_changed_gets_it_back_and_stays_the_same_service(databases: Databases) -> None:
    databases.sei.ensure_service(SECRETS.service_key)
    service_id = databases.sei.service_id()
    renewed = EnvironmentSecrets.generate().service_key
    assert databases.sei.ensure_service(renewed) == Change(updated=1, details=("chave do serviço implanta trocada",))
    assert databases.sei.service_id() == service_id
    (stored,) = databases.row("sei", "SELECT chave_acesso FROM servico WHERE id_servico = %s", (service_id,))
    assert renewed(service_id or 0).matches(stored)
    assert not SECRETS.service_key(service_id or 0).matches(stored)


def test_a_service_that_cannot_be_entered_leaves_no_half_account(databases: Databases) -> None:
    databases.rows(
        "sei",
        "INSERT INTO servico (id_servico, id_usuario, identificacao, sin_link_externo, sin_ativo, sin_chave_acesso,"
        " sin_servidor) VALUES (%s, 1, 'de outro', 'N', 'S', 'N', 'N')",
        (databases.next_id("seq_servico"),),
    )
    before = databases.contents()
    with pytest.raises(IntegrityError, match="erro 1062"):
        databases.sei.ensure_service(quick_key)
    assert databases.contents() == before


def test_units_without_a_code_are_numbered_and_no_code_ever_changes(databases: Databases) -> None:
    databases.rows("sei", "UPDATE unidade SET codigo_sei = '01' WHERE sigla = 'TESTE_1_1'")
    databases.rows("sei", "UPDATE unidade SET codigo_sei = NULL WHERE sigla IN ('TESTE', 'TESTE_1_2')")
    assert databases.sei.ensure_unit_codes() == Change(updated=2, unchanged=1)
    assert databases.rows("sei", "SELECT sigla, codigo_sei FROM unidade ORDER BY sigla") == [
        ("TESTE", "02"),
        ("TESTE_1_1", "01"),
        ("TESTE_1_2", "03"),
    ]
    assert databases.sei.ensure_unit_codes() == Change(unchanged=3)


def emails_of(databases: Databases, unit: str) -> list[tuple[object, ...]]:
    return databases.rows(
        "sei",
        "SELECT e.email, e.descricao FROM email_unidade e JOIN unidade u USING (id_unidade) WHERE u.sigla = %s"
        " ORDER BY e.id_email_unidade",
        (unit,),
    )


def test_units_get_their_email_once_and_a_new_one_when_it_changes(databases: Databases) -> None:
    theirs = emails_of(databases, "TESTE")
    silent = Unit(sigla="TESTE_1_1", descricao="Sem e-mail")
    unit = Unit(sigla="teste", descricao="Unidade de Recepção", email="recepcao@blocos.mg.gov.br")
    assert databases.sei.ensure_unit_emails([unit, silent]) == Change(created=1)
    assert emails_of(databases, "TESTE") == [*theirs, (unit.email, unit.descricao)]
    assert databases.one("sei", "SELECT MAX(id_email_unidade) FROM email_unidade") == databases.one(
        "sei", "SELECT MAX(id) FROM seq_email_unidade"
    )
    before = databases.contents()
    assert databases.sei.ensure_unit_emails([unit, silent]) == Change(unchanged=1)
    assert databases.contents() == before
    moved = unit.model_copy(update={"email": "protocolo@blocos.mg.gov.br"})
    assert databases.sei.ensure_unit_emails([moved]) == Change(updated=1)
    assert emails_of(databases, "TESTE") == [*theirs, (moved.email, unit.descricao)]
    renamed = moved.model_copy(update={"descricao": "Protocolo Geral"})
    assert databases.sei.ensure_unit_emails([renamed]) == Change(unchanged=1), "the address is there already"


def test_a_unit_of_another_orgao_does_not_get_the_prefeituras_email(databases: Databases) -> None:
    (row,) = databases.rows("sei", "SELECT * FROM orgao WHERE id_orgao = 0")
    columns = databases.rows(
        "sei",
        "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'orgao'"
        " ORDER BY ordinal_position",
    )
    values = [1 if name == "id_orgao" else value for (name,), value in zip(columns, row, strict=True)]
    databases.rows("sei", f"INSERT INTO orgao VALUES ({', '.join(['%s'] * len(values))})", values)
    databases.rows("sei", "UPDATE unidade SET id_orgao = 1, sigla = 'TESTE_1_1' WHERE sigla = 'TESTE_1_2'")
    unit = Unit(sigla="TESTE_1_1", descricao="Recepção", email="recepcao@blocos.mg.gov.br")
    assert databases.sei.ensure_unit_emails([unit]) == Change(created=1)
    found = "SELECT u.id_orgao FROM email_unidade e JOIN unidade u USING (id_unidade) WHERE e.email = %s"
    assert databases.rows("sei", found, (unit.email,)) == [(0,)]


def test_an_email_for_a_unit_that_sei_lacks_is_told_and_none_is_written(databases: Databases) -> None:
    before = databases.contents()
    units = [Unit(sigla=sigla, descricao="Uma", email="uma@blocos.mg.gov.br") for sigla in ("TESTE", "NENHUMA")]
    with pytest.raises(IntegrityError, match="A unidade NENHUMA não está no SEI"):
        databases.sei.ensure_unit_emails(units)
    assert databases.contents() == before


def test_a_holiday_of_another_orgao_is_not_ours(databases: Databases) -> None:
    before = databases.sei.list_holidays()
    databases.rows(
        "sei",
        "SET STATEMENT foreign_key_checks = 0 FOR INSERT INTO feriado (id_feriado, id_orgao, descricao, dta_feriado)"
        " VALUES (900, 7, 'De outro', '2026-04-29'), (901, NULL, 'De todos', '2026-04-30')",
    )
    assert databases.sei.list_holidays() == before | {(date(2026, 4, 30), "De todos")}


def test_holidays_are_added_with_ids_from_their_counter(databases: Databases) -> None:
    wanted = {(date(2026, 4, 29), "Aniversário da cidade"), (date(2026, 12, 25), "Natal")}
    before = databases.sei.list_holidays()
    assert databases.sei.insert_holidays(sorted(wanted)) == Change(
        created=2, details=("feriado 29/04/2026: Aniversário da cidade", "feriado 25/12/2026: Natal")
    )
    assert databases.sei.list_holidays() == before | wanted
    assert databases.one("sei", "SELECT MAX(id_feriado) FROM feriado") == databases.one(
        "sei", "SELECT MAX(id) FROM seq_feriado"
    )


def test_a_holiday_that_does_not_fit_takes_the_others_of_its_list_with_it(databases: Databases) -> None:
    before = databases.contents()
    with pytest.raises(IntegrityError, match="erro 1406") as refusal:
        databases.sei.insert_holidays([(date(2026, 4, 29), "Aniversário"), (date(2026, 12, 25), "Natal" * 21)])
    assert databases.contents() == before
    assert "Natal" not in str(refusal.value)


def test_a_fresh_environment_has_no_work_of_anybody(databases: Databases) -> None:
    assert databases.sei.count_work() == {"procedimento": 0, "documento": 0, "anexo": 0}


def test_the_heartbeats_age_is_told_by_the_databases_own_clock(databases: Databases) -> None:
    ran = (
        "UPDATE infra_agendamento_tarefa SET dth_ultima_execucao = NOW() - INTERVAL %s MINUTE, sin_sucesso = %s"
        " WHERE comando LIKE %s"
    )
    databases.rows("sei", ran, (7, "S", "%testarAgendamento"))
    age = databases.sei.heartbeat_age()
    assert age is not None
    assert timedelta(minutes=7) <= age < timedelta(minutes=8)
    databases.rows("sei", ran, (1, "N", "%testarAgendamento"))
    assert databases.sei.heartbeat_age() is None, "a heartbeat that failed is no sign of life"


def quick_key(service_id: int) -> AccessKey:
    return AccessKey(text=SecretStr(system_crc(service_id) + "a" * 64))
