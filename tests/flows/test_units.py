"""A prefeitura's units in a real SIP and SEI: planned, applied, moved and ended, whatever happens in between."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from prefect.artifacts import Artifact
from typer.testing import CliRunner

from blocks.settings import PROJECT_ROOT
from blocks.sip import SEI_SYSTEM_ID
from cli.__main__ import app
from cli.intake import send_sheets
from domain.change import Change
from domain.environment import Purpose
from domain.errors import GateClosedError, InvalidInputError, RetryableError
from domain.units_plan import Action, TreeReport
from flows.create_environment import create_environment
from flows.units import apply_units, plan_units
from registry import Registry
from tasks import doors
from tasks.instance import Instance, load_instance
from tasks.live import SHEET_APPLIED
from tasks.units import apply_environment_units
from tests.cli.examples import example_of
from tests.flows.conftest import Join
from tests.flows.planted import insert

ROOT = "PMA;Prefeitura Municipal;;prefeitura@andradas.example"
SEMAD = "SEMAD;Secretaria de Administração;PMA;"
COMPRAS = "COMP;Compras;SEMAD;"
ARQUIVO = "ARQ;Arquivo;SEMAD;"

Send = Callable[..., None]


@pytest.fixture(scope="module")
def instance(join: Join) -> Instance:
    """A training environment that has none of its prefeitura's units yet."""
    municipality = join("3102605", "Andradas")
    create_environment(municipality.slug, Purpose.TREINAMENTO)
    return load_instance(f"{municipality.slug}-treinamento")


@pytest.fixture
def send(instance: Instance, tmp_path: Path) -> Send:
    """Send rows of units, under further columns where given."""

    def run(*rows: str, columns: str = "") -> None:
        text = "\n".join([f"sigla;descricao;superior;email{columns}", *rows])
        (tmp_path / "unidades.csv").write_text(text, encoding="utf-8")
        send_sheets(instance.municipality.slug, [tmp_path / "unidades.csv"])

    return run


@pytest.fixture
def settled(instance: Instance, send: Send) -> Instance:
    """The environment with the four units, whatever the test before left."""
    rows(instance, "sei", "UPDATE atividade SET dth_conclusao = NOW()")
    send(ROOT, SEMAD, COMPRAS, ARQUIVO)
    apply_units(instance.name.slug)
    return instance


def rows(instance: Instance, database: str, query: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
    schema = instance.name.database_sei if database == "sei" else instance.name.database_sip
    with instance.server.transaction(schema) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(query, values)
        return list(cursor.fetchall())


def actions(report: TreeReport) -> dict[str, Action]:
    return {step.sigla: step.action for step in report.steps}


def states(instance: Instance, sigla: str) -> tuple[str, str, bool]:
    """Whether the unit is active in SIP, in SEI, and in SEI's history."""
    ((in_sip, unit_id),) = rows(instance, "sip", "SELECT sin_ativo, id_unidade FROM unidade WHERE sigla = %s", sigla)
    ((in_sei, is_open),) = rows(
        instance,
        "sei",
        "SELECT u.sin_ativo, EXISTS (SELECT 1 FROM unidade_historico h WHERE h.id_unidade = u.id_unidade"
        " AND h.dta_fim IS NULL) FROM unidade u WHERE u.id_unidade = %s",
        unit_id,
    )
    return in_sip, in_sei, bool(is_open)


def open_process(instance: Instance, sigla: str) -> None:
    ((unit_id,),) = rows(instance, "sei", "SELECT id_unidade FROM unidade WHERE sigla = %s", sigla)
    with instance.server.transaction(instance.name.database_sei) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute("SELECT COALESCE(MAX(id_protocolo), 0) + 1 FROM protocolo")
        ((protocol_id,),) = cursor.fetchall()
        insert(
            cursor, "protocolo", id_protocolo=protocol_id, sta_protocolo="P", id_unidade_geradora=unit_id,
            protocolo_formatado=f"teste-{protocol_id}",
        )  # fmt: skip
        insert(cursor, "atividade", id_atividade=protocol_id, id_protocolo=protocol_id, id_unidade=unit_id)


def test_an_operator_sees_the_plan_and_applies_exactly_that_one(
    instance: Instance, send: Send, registry: Registry
) -> None:
    slug = instance.name.slug
    send(ROOT, SEMAD, COMPRAS)
    before = len(instance.people.list_units())
    instead = {"timoteo-treinamento": slug}
    shown = CliRunner().invoke(app, example_of("units plan", instead))
    assert shown.exit_code == 0, shown.stderr
    assert len(instance.people.list_units()) == before, "a plan writes nothing"
    planned = json.loads(CliRunner().invoke(app, ["units", "plan", slug, "--json"]).stdout)
    assert {step["sigla"]: step["action"] for step in planned["steps"]} == dict.fromkeys(
        ("PMA", "SEMAD", "COMP"), "criar"
    )
    assert planned["digest"][:12] in shown.stdout

    send(ROOT, SEMAD, COMPRAS, ARQUIVO)
    refused = CliRunner().invoke(app, ["units", "apply", slug, "--plan", planned["digest"][:12]])
    assert (refused.exit_code, refused.stdout) == (30, "")
    assert "O plano mudou desde que foi mostrado" in refused.stderr
    assert len(instance.people.list_units()) == before

    fresh = plan_units(slug)
    assert actions(apply_units(slug, fresh.digest[:12])) == actions(fresh)
    assert instance.users.count_replication_gaps().keys()
    assert set(instance.users.count_replication_gaps().values()) == {0}
    again = CliRunner().invoke(app, example_of("units apply", instead))
    assert again.exit_code == 0, again.stderr
    assert "0 unidades mudaram" in again.stdout
    assert actions(plan_units(slug)) == {}
    assert registry.events(ibge=instance.municipality.ibge, kinds=[SHEET_APPLIED])[-1].environment == slug


def test_what_the_prefect_ui_shows_has_no_address_of_mail(instance: Instance, send: Send) -> None:
    send(ROOT.replace("prefeitura@", "gabinete.do.prefeito@"), SEMAD)
    plan_units(instance.name.slug)
    artifact = cast("Artifact | None", Artifact.get(key=f"unidades-{instance.name.slug}"))  # sync outside of a loop
    assert artifact is not None
    assert "alterar PMA" in str(artifact.data)
    assert "gabinete" not in str(artifact.data)


def test_flags_code_contato_and_email_reach_sei_and_leave_the_rest(settled: Instance, send: Send) -> None:
    columns = ";codigo;protocolo;mail_pendencia;telefone;site;cnpj;endereco"
    send(
        ROOT + ";71;x;;(35) 3739-2000;https://andradas.example;00.000.000/0001-91;",
        SEMAD + ";;N;sim;;;;Praça 22 de Fevereiro, 1",
        columns=columns,
    )
    told = {step.sigla: step.told for step in plan_units(settled.name.slug).steps}
    assert "protocolo: N → S" in told["PMA"]
    apply_units(settled.name.slug)
    query = (
        "SELECT u.codigo_sei, u.sin_protocolo, u.sin_mail_pendencia, u.sin_envio_processo, c.telefone_comercial,"
        " c.sitio_internet, c.cnpj, c.endereco, c.sin_endereco_associado, m.nome"
        " FROM unidade u JOIN contato c USING (id_contato) LEFT JOIN cidade m ON m.id_cidade = c.id_cidade"
        " WHERE u.sigla = %s"
    )
    (root,) = rows(settled, "sei", query, "PMA")
    assert root == (
        *("71", "S", "N", "S", "(35) 3739-2000", "https://andradas.example", 191, None),
        *("S", None),
    )
    (semad,) = rows(settled, "sei", query, "SEMAD")
    assert semad[1:4] == ("N", "S", "S")
    assert semad[7:] == ("Praça 22 de Fevereiro, 1", "N", "Andradas"), "the órgão's city"
    emails = rows(
        settled, "sei", "SELECT e.email FROM email_unidade e JOIN unidade u USING (id_unidade) WHERE u.sigla = 'PMA'"
    )
    assert ("prefeitura@andradas.example",) in emails
    rows(settled, "sei", "UPDATE unidade SET sin_protocolo = 'N' WHERE sigla = 'PMA'")
    send(ROOT, SEMAD)
    assert "PMA" not in actions(plan_units(settled.name.slug)), "an absent column has no opinion"


def test_a_code_that_numbers_processes_is_not_given_up(settled: Instance, send: Send) -> None:
    open_process(settled, "COMP")
    send(f"{ROOT};", f"{SEMAD};", f"{COMPRAS};72", columns=";codigo")
    with pytest.raises(InvalidInputError, match=r"COMP: o código \d+ já numera processos e não muda para 72"):
        apply_units(settled.name.slug)


def test_a_unit_moves_with_its_processes_and_keeps_its_id(settled: Instance, send: Send) -> None:
    open_process(settled, "COMP")
    ids = {unit.sigla: unit.id_unidade for unit in settled.people.list_units()}
    send(ROOT, SEMAD, COMPRAS.replace("SEMAD", "PMA"), ARQUIVO)
    assert actions(apply_units(settled.name.slug)) == {"COMP": Action.MOVE}
    (moved,) = [unit for unit in settled.people.list_units() if unit.sigla == "COMP"]
    assert (moved.id_unidade, moved.superior) == (ids["COMP"], "PMA")


def test_a_unit_with_open_processes_stays_until_they_are_concluded(settled: Instance, send: Send) -> None:
    open_process(settled, "COMP")
    send(ROOT)
    done = apply_units(settled.name.slug)
    assert {step.sigla: step.told for step in done.steps} == {
        "ARQ": "desativar ARQ, ativo: sim → não",
        "COMP": "manter COMP, tem processos abertos (1)",
        "SEMAD": "manter SEMAD, tem unidades subordinadas que ficam",
    }
    assert states(settled, "ARQ") == ("N", "N", False)
    assert states(settled, "COMP") == ("S", "S", True)
    ((ended,),) = rows(
        settled,
        "sip",
        "SELECT h.sin_ativo = 'N' AND h.dta_fim IS NOT NULL FROM rel_hierarquia_unidade h JOIN unidade u"
        " USING (id_unidade) WHERE u.sigla = 'ARQ'",
    )
    assert ended
    rows(settled, "sei", "UPDATE atividade SET dth_conclusao = NOW()")
    assert actions(apply_units(settled.name.slug)) == {"COMP": Action.DEACTIVATE, "SEMAD": Action.DEACTIVATE}
    assert states(settled, "COMP") == states(settled, "SEMAD") == ("N", "N", False)
    assert actions(plan_units(settled.name.slug)) == {}


def test_an_ended_unit_comes_back_whole(settled: Instance, send: Send) -> None:
    send(ROOT, SEMAD, COMPRAS)
    apply_units(settled.name.slug)
    assert states(settled, "ARQ") == ("N", "N", False)
    send(ROOT, SEMAD, COMPRAS, ARQUIVO)
    apply_units(settled.name.slug)
    assert states(settled, "ARQ") == ("S", "S", True)
    assert actions(plan_units(settled.name.slug)) == {}


def test_a_unit_where_people_may_still_work_stays(settled: Instance, send: Send) -> None:
    ((user_id, unit_id),) = rows(
        settled,
        "sip",
        "SELECT u.id_usuario, n.id_unidade FROM usuario u JOIN unidade n ON n.sigla = 'ARQ'"
        " WHERE u.sin_ativo = 'S' ORDER BY u.id_usuario LIMIT 1",
    )
    with settled.server.transaction(settled.name.database_sip) as cursor:
        cursor.execute("SET foreign_key_checks = 0")
        insert(cursor, "permissao", id_usuario=user_id, id_unidade=unit_id, id_perfil=1, id_sistema=1)
    send(ROOT, SEMAD, COMPRAS)
    try:
        (kept,) = plan_units(settled.name.slug).steps
        assert kept.told == "manter ARQ, tem usuários ativos com permissão (1)"
    finally:
        rows(settled, "sip", "DELETE FROM permissao WHERE id_sistema = 1 AND id_unidade = %s", unit_id)


def test_what_the_prefeitura_made_by_hand_and_the_test_units_are_never_touched(settled: Instance, send: Send) -> None:
    with settled.server.transaction(settled.name.database_sip) as cursor:
        insert(cursor, "unidade", id_unidade=119999999, id_orgao=0, sigla="MANUAL", descricao="Manual", sin_ativo="S")
    try:
        send(ROOT)
        assert not actions(plan_units(settled.name.slug)).keys() & {"MANUAL", "TESTE", "TESTE_1_1", "TESTE_1_2"}
    finally:
        rows(settled, "sip", "DELETE FROM unidade WHERE sigla = 'MANUAL'")


KILLED = """
import os, signal, sys
from {module} import {name} as target
setattr(target, {method!r}, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
from flows.units import apply_units
apply_units(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("module", "name", "method"),
    [
        ("blocks.sip_people", "SipPeople", "apply_units"),
        ("blocks.runtime", "LabRuntime", "run_scheduled"),
        ("blocks.sei_units", "SeiUnits", "apply"),
        ("blocks.sei", "SeiDatabase", "ensure_unit_emails"),
    ],
    ids=["before SIP", "between SIP and the replication", "between the replication and SEI", "inside SEI's half"],
)
def test_a_run_that_is_killed_is_finished_by_the_next(
    settled: Instance, send: Send, module: str, name: str, method: str
) -> None:
    send(ROOT, SEMAD, "NOVA;Nova;SEMAD;nova@andradas.example;S", columns=";protocolo")
    assert actions(plan_units(settled.name.slug)).keys() == {"NOVA", "COMP", "ARQ"}
    program = KILLED.format(module=module, name=name, method=method)
    run = subprocess.run(
        [sys.executable, "-c", program, settled.name.slug], cwd=PROJECT_ROOT, capture_output=True, check=False
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    apply_units(settled.name.slug)
    assert actions(plan_units(settled.name.slug)) == {}
    assert states(settled, "NOVA") == ("S", "S", True)
    assert states(settled, "COMP") == states(settled, "ARQ") == ("N", "N", False)
    ((flag, emails),) = rows(
        settled,
        "sei",
        "SELECT u.sin_protocolo, (SELECT COUNT(*) FROM email_unidade e WHERE e.id_unidade = u.id_unidade)"
        " FROM unidade u WHERE u.sigla = 'NOVA'",
    )
    assert (flag, emails) == ("S", 1)
    send(ROOT, SEMAD, COMPRAS)
    assert actions(plan_units(settled.name.slug))["NOVA"] is Action.DEACTIVATE, "what a killed run brought is known"


def test_units_of_another_orgao_are_not_the_prefeituras(settled: Instance, send: Send) -> None:
    """An autarquia in the same instance has an ARQ of its own: leaving the spreadsheet does not end that one."""
    theirs = 110_090_001
    rows(settled, "sip", "INSERT INTO orgao (id_orgao, sigla, descricao, sin_ativo, sin_autenticar, ordem)"
         " VALUES (7, 'SAAE', 'Serviço de Água', 'S', 'S', 7)")  # fmt: skip
    rows(settled, "sip", "INSERT INTO unidade (id_unidade, id_orgao, sigla, descricao, sin_ativo, sin_global)"
         " VALUES (%s, 7, 'ARQ', 'Arquivo do SAAE', 'S', 'N')", theirs)  # fmt: skip
    rows(
        settled,
        "sip",
        "INSERT INTO rel_hierarquia_unidade (id_unidade, id_hierarquia, dta_inicio, sin_ativo)"
        " SELECT %s, id_hierarquia, CURDATE(), 'S' FROM sistema WHERE id_sistema = %s",
        theirs,
        SEI_SYSTEM_ID,
    )
    try:
        assert plan_units(settled.name.slug).steps == ()
        assert theirs not in {unit.id_unidade for unit in settled.people.list_units()}
        send(ROOT, SEMAD, COMPRAS)
        assert actions(plan_units(settled.name.slug)) == {"ARQ": Action.DEACTIVATE}
    finally:
        rows(settled, "sip", "DELETE FROM rel_hierarquia_unidade WHERE id_unidade = %s", theirs)
        rows(settled, "sip", "DELETE FROM unidade WHERE id_unidade = %s", theirs)
        rows(settled, "sip", "DELETE FROM orgao WHERE id_orgao = 7")


def test_people_of_the_units_above_may_work_in_a_unit_too(settled: Instance, send: Send) -> None:
    ((unit_id,),) = rows(settled, "sip", "SELECT id_unidade FROM unidade WHERE sigla = 'SEMAD'")
    rows(settled, "sip", "INSERT INTO permissao (id_perfil, id_sistema, id_usuario, id_unidade, id_tipo_permissao,"
         " dta_inicio, sin_subunidades) SELECT MIN(id_perfil), id_sistema, 1, %s, 1, CURDATE(), 'S' FROM perfil"
         " WHERE id_sistema = %s GROUP BY id_sistema", unit_id, SEI_SYSTEM_ID)  # fmt: skip
    try:
        send(ROOT, SEMAD, ARQUIVO)
        (kept,) = plan_units(settled.name.slug).kept
        assert "COMP" in kept.told
        assert "tem usuários ativos com permissão (1)" in kept.told
    finally:
        rows(settled, "sip", "DELETE FROM permissao WHERE id_unidade = %s", unit_id)


def test_a_history_that_was_ended_by_hand_is_opened_again(settled: Instance) -> None:
    rows(settled, "sei", "UPDATE unidade_historico h JOIN unidade u USING (id_unidade) SET h.dta_fim = '2031-01-01'"
         " WHERE u.sigla = 'COMP' AND h.dta_fim IS NULL")  # fmt: skip
    assert actions(plan_units(settled.name.slug)) == {"COMP": Action.CHANGE}
    apply_units(settled.name.slug)
    assert states(settled, "COMP") == ("S", "S", True)
    assert plan_units(settled.name.slug).steps == ()


def test_a_retry_finishes_the_plan_that_was_accepted(
    settled: Instance, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIP is written, replication fails once: the same run goes on, and does not take its own work for another plan."""
    send(ROOT, SEMAD, COMPRAS, ARQUIVO, "NOVA2;Nova;SEMAD;")
    digest = plan_units(settled.name.slug).digest
    real, failures = doors.runtime(), iter([RetryableError("caiu", "teste", "repita")])

    class Failing:
        def run_scheduled(self, *arguments: Any) -> Change:  # noqa: ANN401
            for failure in failures:
                raise failure
            return real.run_scheduled(*arguments)

    monkeypatch.setattr(doors, "runtime", Failing)
    monkeypatch.setattr(apply_environment_units, "retry_delay_seconds", [0])
    assert apply_units(settled.name.slug, digest).environment == settled.name.slug
    assert states(settled, "NOVA2") == ("S", "S", True)


def test_a_plan_that_is_not_the_shown_one_is_not_applied(settled: Instance, send: Send) -> None:
    send(ROOT, SEMAD)
    with pytest.raises(GateClosedError, match="O plano mudou"):
        apply_units(settled.name.slug, "0" * 12)
    assert states(settled, "COMP")[0] == "S"
