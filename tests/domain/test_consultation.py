"""Consultations: what is lent of a backup, and what never is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.calendar import BRASILIA
from domain.consultation import Consultation, ConsultationRule, holds_keys, in_brasilia, judge_consultation
from tests.domain.examples import CATALOG

RULE = ConsultationRule(tables=("sei.orgao", "sei.unidade"), days=5, link_minutes=30)
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "table",
    ["sei.usuario", "sei.servico", "sei.acesso_externo", "sip.login", "sip.sistema", "sei.md_pen_x", "sei.infra_log"],
)
def test_no_catalog_lends_what_may_hold_passwords_or_keys(table: str) -> None:
    assert holds_keys(*table.split("."))
    with pytest.raises(ValidationError, match="senhas, chaves ou rastros"):
        ConsultationRule(tables=(table,), days=5, link_minutes=30)


@pytest.mark.parametrize("table", ["orgao", "mysql.user", "sei.", "sei.Orgao", "sei.orgao;x", "sei.a.b"])
def test_what_is_no_table_of_these_databases_is_refused(table: str) -> None:
    with pytest.raises(ValidationError):
        ConsultationRule(tables=(table,), days=5, link_minutes=30)


@given(st.text(max_size=30).filter(lambda name: name not in {"sei", "sip"}), st.text(max_size=30))
def test_whatever_is_of_no_known_database_is_never_lent(database: str, table: str) -> None:
    assert holds_keys(database, table)


@pytest.mark.parametrize(
    ("process", "tables", "moment", "reason"),
    [
        ("1", (), None, None),
        ("", ("sei.orgao",), NOW - timedelta(days=1), None),
        ("", (), None, "Peça um processo, ou tabelas"),
        ("1", ("sei.orgao",), None, "Peça um processo, ou tabelas"),
        ("", ("sei.segredo",), None, "não está entre as que se consultam: sei.orgao, sei.unidade."),
        ("1", (), NOW + timedelta(seconds=1), "ainda não chegou"),
        ("1", (), datetime(2027, 3, 1, 8, 59), None),  # noqa: DTZ001  # as people write it: Brasília's
        ("1", (), datetime(2027, 3, 1, 9, 1), "ainda não chegou"),  # noqa: DTZ001
    ],
)
def test_a_consultation_is_of_one_process_or_of_declared_tables_until_now(
    process: str, tables: tuple[str, ...], moment: datetime | None, reason: str | None
) -> None:
    found = judge_consultation(RULE, process, tables, moment, NOW)
    assert (found is None) if reason is None else (found is not None and reason in found)
    assert "segredo" not in (found or "")


def test_a_moment_without_a_zone_is_brasilias() -> None:
    assert in_brasilia(datetime(2027, 3, 1, 9)) == datetime(2027, 3, 1, 12, tzinfo=UTC)  # noqa: DTZ001
    assert in_brasilia(NOW) is NOW


def test_what_is_told_names_the_object_its_digest_and_its_end_and_no_way_in() -> None:
    until = datetime(2027, 3, 6, 9, tzinfo=BRASILIA)
    lent = Consultation(bucket="timoteo-entrada", key="consultas/1.zip", version_id="v1", sha256="a" * 64, until=until)
    told = " ".join(lent.told)
    assert all(part in told for part in ("consultas/1.zip", "a" * 64, "06/03/2027 09:00"))
    assert "http" not in told


def test_the_catalogs_own_rule_stands() -> None:
    rule = CATALOG.support().of("copia")
    assert rule is not None
    assert rule.consultation is not None
    assert rule.consultation.tables
