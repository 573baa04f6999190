"""The test of use: what it does, what it says when a step fails, and that it leaves nothing whatever happens."""

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any

import pytest
from pydantic import SecretStr

from blocks import use_test
from blocks.paperwork import count_paperwork, give_back_numbers
from blocks.rehearsal import rehearsing
from blocks.runtime import ServiceAddress
from blocks.sei_browser import SeiBrowser
from blocks.table_facts import read_database_facts
from domain.archive import TableFacts
from domain.change import Change
from domain.person import TECHNICAL_LOGIN
from domain.use_test import UseStep, UseTest
from lab.ports import choose
from lab.sei_standin.environments import local_now
from lab.sei_standin.replication import replicate_all_units, replicate_all_users
from lab.state import LabState
from tests.sei_standin.desk import a_type, log_in, number_on, start_process
from tests.sei_standin.instance import ROOT_UNIT, SIGLA_ORGAO, Instance, Person, at, server_of

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
LEFT_TO_SEI = ("seq_", "infra_sequencia", "infra_auditoria", "infra_log")


def employ(instance: Instance) -> Person:
    """The technical account in unit TESTE, in an environment that is closed to everybody else."""
    made = instance.add_person(TECHNICAL_LOGIN, number=9)
    instance.grant(made, ROOT_UNIT)
    replicate_all_units(instance.load(), at("2026-11-23 08:00"))
    replicate_all_users(instance.load(), at("2026-11-23 08:00"))
    instance.configure(
        Manutencao={"Ativada": True, "Usuarios": [f"{TECHNICAL_LOGIN}/{SIGLA_ORGAO}"], "Mensagem": "Em breve."}
    )
    return made


@pytest.fixture
def account(instance: Instance) -> Person:
    return employ(instance)


def try_out(instance: Instance, account: Person) -> UseTest:
    address = ServiceAddress(connect_to=f"http://127.0.0.1:{instance.port}", host=f"{instance.host}:{instance.port}")
    return use_test.test_use(address, account.sigla, SecretStr(account.password), NOW)


def tables(instance: Instance, lab_state: LabState) -> dict[str, TableFacts]:
    """Every table of SEI and SIP but those that only SEI's own counting and logging changes."""
    configured = instance.load().configuration
    found: dict[str, TableFacts] = {}
    for schema in (configured.sei_database.name, configured.sip_database.name):
        facts = read_database_facts(server_of(lab_state), schema)
        found |= {f"{schema}.{name}": table for name, table in facts.tables.items() if not name.startswith(LEFT_TO_SEI)}
    return found


def files(instance: Instance) -> list[str]:
    return [path.name for path in instance.repository.rglob("*") if path.is_file()]


def steps_of(test: UseTest) -> list[UseStep]:
    return [result.step for result in test.passed]


def failure_of(test: UseTest) -> tuple[UseStep, str]:
    (failed,) = test.failed
    return failed.step, failed.why


def test_a_closed_environment_is_used_and_nothing_stays_but_counters(
    any_version: Instance, lab_state: LabState
) -> None:
    account = employ(any_version)
    schema = any_version.load().configuration.sei_database.name
    before = tables(any_version, lab_state)
    sequences = any_version.rows("sei", "SELECT * FROM infra_sequencia ORDER BY 1")
    test = try_out(any_version, account)
    assert test.ok, test.evidence
    assert steps_of(test) == list(UseStep)
    assert all(result.milliseconds < 20_000 for result in test.passed)
    assert test.evidence.startswith(f"{len(UseStep)} passos em ")
    assert tables(any_version, lab_state) == before
    assert files(any_version) == []
    assert count_paperwork(server_of(lab_state), schema).empty
    assert give_back_numbers(server_of(lab_state), schema).removed == 1
    assert any_version.rows("sei", "SELECT * FROM infra_sequencia ORDER BY 1") == sequences
    assert give_back_numbers(server_of(lab_state), schema) == Change()


def test_the_citys_first_process_has_number_one(instance: Instance, account: Person, lab_state: LabState) -> None:
    schema = instance.load().configuration.sei_database.name
    assert try_out(instance, account).ok
    with rehearsing():
        assert give_back_numbers(server_of(lab_state), schema).removed == 1
    assert give_back_numbers(server_of(lab_state), schema).removed == 1
    with log_in(instance, account) as client:
        number = number_on(start_process(client, selTipoProcedimento=a_type(instance)))
    assert number.split("/")[0].endswith("000001")
    found = count_paperwork(server_of(lab_state), schema)
    assert (found.processos, found.documentos, found.andamentos, found.empty) == (1, 0, 1, False)
    assert give_back_numbers(server_of(lab_state), schema) == Change(unchanged=1)
    year = local_now().year
    kept = instance.rows("sei", "SELECT num_atual FROM infra_sequencia WHERE nome_tabela LIKE %s", (f"seq_{year}%",))
    assert kept == [{"num_atual": 1}]


@pytest.mark.parametrize(
    ("recurso", "step"),
    [
        ("procedimento_controlar", UseStep.SIGN_IN),
        ("procedimento_gerar", UseStep.START_PROCESS),
        ("documento_gerar", UseStep.INCLUDE_DOCUMENT),
        ("documento_assinar", UseStep.SIGN),
        ("protocolo_pesquisar", UseStep.SEARCH),
        ("documento_receber", UseStep.ATTACH_FILE),
        ("documento_visualizar", UseStep.READ_BACK),
        ("documento_download_anexo", UseStep.READ_BACK),
        ("documento_excluir", UseStep.UNDO),
        ("procedimento_excluir", UseStep.UNDO),
    ],
)
def test_a_missing_permission_is_told_by_its_step_and_nothing_stays(
    instance: Instance, account: Person, lab_state: LabState, recurso: str, step: UseStep
) -> None:
    before = tables(instance, lab_state)
    instance.execute("sip", "UPDATE recurso SET sin_ativo = 'N' WHERE nome = %s", (recurso,))
    test = try_out(instance, account)
    assert not test.ok
    assert failure_of(test)[0] is step
    assert recurso in test.evidence or "não permite isto" in test.evidence
    instance.execute("sip", "UPDATE recurso SET sin_ativo = 'S' WHERE nome = %s", (recurso,))
    if step is UseStep.UNDO:
        assert try_out(instance, account).ok, "the next test clears what this one had to leave"
    assert tables(instance, lab_state) == before


@pytest.mark.parametrize(
    ("database", "statement", "step", "why"),
    [
        ("sip", "DELETE FROM permissao", UseStep.SIGN_IN, "Não foi possível entrar"),
        ("sip", "UPDATE usuario SET sin_bloqueado = 'S'", UseStep.SIGN_IN, "Não foi possível entrar"),
        ("sei", "UPDATE usuario SET sin_ativo = 'N'", UseStep.SIGN_IN, "Não foi possível entrar"),
        ("sei", "UPDATE unidade SET codigo_sei = NULL", UseStep.START_PROCESS, "O código da unidade no SEI"),
        ("sei", "UPDATE orgao SET numeracao = NULL", UseStep.START_PROCESS, "não tem numeração"),
        ("sei", "UPDATE tipo_procedimento SET sin_ativo = 'N'", UseStep.START_PROCESS, "Escolha o tipo"),
        ("sei", "UPDATE serie SET sin_ativo = 'N'", UseStep.INCLUDE_DOCUMENT, "não oferece tipo de documento"),
        ("sei", "UPDATE tarja_assinatura SET sin_ativo = 'N'", UseStep.SIGN, "Não há tarja de assinatura"),
        ("sei", "UPDATE arquivo_extensao SET sin_ativo = 'N'", UseStep.ATTACH_FILE, "A extensão 'pdf' não é permitida"),
    ],
)
def test_what_is_wrong_in_the_databases_is_told_as_the_page_says_it(  # a case and its fixtures
    instance: Instance, account: Person, database: str, statement: str, step: UseStep, why: str
) -> None:
    instance.execute(database, statement)
    test = try_out(instance, account)
    failed_step, said = failure_of(test)
    assert (failed_step, why in said) == (step, True), said
    for private in (account.nome, account.password, account.email):
        assert private not in test.evidence
    assert instance.rows("sei", "SELECT 1 FROM protocolo") == []
    assert files(instance) == []


def test_a_broken_sequence_is_told(instance: Instance, account: Person) -> None:
    instance.execute("sei", "RENAME TABLE seq_documento TO seq_perdida")
    try:
        step, why = failure_of(try_out(instance, account))
    finally:
        instance.execute("sei", "RENAME TABLE seq_perdida TO seq_documento")
    assert step is UseStep.INCLUDE_DOCUMENT
    assert "O banco de dados recusou um comando (erro 1146)" in why
    assert instance.rows("sei", "SELECT 1 FROM protocolo") == []


def fill_quota(instance: Instance) -> None:
    instance.configure(
        Implanta={"QuotaBytes": 10, "QuotaArquivos": 10},
        Manutencao={"Ativada": True, "Usuarios": [f"{TECHNICAL_LOGIN}/{SIGLA_ORGAO}"]},
    )


def break_disk(instance: Instance) -> None:
    instance.repository.rmdir()
    instance.repository.write_bytes(b"")


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (fill_quota, "O repositório de arquivos está cheio"),
        (break_disk, "O repositório de arquivos recusou a gravação"),
    ],
)
def test_no_room_for_the_file_is_told(
    instance: Instance, account: Person, break_it: Callable[[Instance], None], why: str
) -> None:
    break_it(instance)
    step, said = failure_of(try_out(instance, account))
    assert (step, why in said) == (UseStep.ATTACH_FILE, True), said
    assert instance.rows("sei", "SELECT 1 FROM protocolo") == []
    if instance.repository.is_file():
        instance.repository.unlink()


def stop_directory(instance: Instance) -> None:
    instance.execute("sip", "UPDATE servidor_autenticacao SET porta = %s", (choose(["livre"], avoid=())["livre"],))


def damage_file(instance: Instance) -> None:
    for path in instance.repository.rglob("*"):
        if path.is_file():
            path.write_bytes(b"outra coisa")


@pytest.mark.parametrize(
    ("method", "break_it", "step", "why"),
    [
        ("require_sign_in", stop_directory, UseStep.SIGN_IN, "O servidor de autenticação não respondeu"),
        ("sign", stop_directory, UseStep.SIGN, "O servidor de autenticação não respondeu"),
        ("download", damage_file, UseStep.READ_BACK, "o arquivo baixado não é o que foi anexado"),
    ],
)
def test_what_breaks_on_the_way_is_told(  # a case and its fixtures
    instance: Instance,
    account: Person,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    break_it: Callable[[Instance], None],
    step: UseStep,
    why: str,
) -> None:
    whole = getattr(SeiBrowser, method)

    def break_first(self: SeiBrowser, *arguments: Any) -> Any:  # noqa: ANN401  # any method
        break_it(instance)
        return whole(self, *arguments)

    monkeypatch.setattr(SeiBrowser, method, break_first)
    failed_step, said = failure_of(try_out(instance, account))
    assert (failed_step, why in said) == (step, True), said
    assert instance.rows("sei", "SELECT 1 FROM protocolo") == []
    assert files(instance) == []


def test_an_application_that_serves_nothing_is_told(instance: Instance, account: Person) -> None:
    (instance.home / "parado").touch()
    assert failure_of(try_out(instance, account)) == (
        UseStep.SIGN_IN,
        "A página de entrada não deixou entrar: A aplicação deste ambiente está parada (HTTP 503)",
    )
    instance.port = choose(["livre"], avoid=())["livre"]
    assert failure_of(try_out(instance, account)) == (UseStep.SIGN_IN, "O SEI não respondeu (ConnectError)")


def test_what_somebody_else_signed_is_neither_removed_nor_hidden(instance: Instance, account: Person) -> None:
    instance.execute("sip", "UPDATE recurso SET sin_ativo = 'N' WHERE nome = 'documento_excluir'")
    assert failure_of(try_out(instance, account))[0] is UseStep.UNDO
    instance.execute("sip", "UPDATE recurso SET sin_ativo = 'S' WHERE nome = 'documento_excluir'")
    instance.execute("sei", "UPDATE assinatura SET id_usuario = 100000001")
    test = try_out(instance, account)
    assert [failed.step for failed in test.failed] == [UseStep.CLEAR, UseStep.UNDO]
    assert test.evidence.count("tem assinatura de outra pessoa") == 2
    assert len(instance.rows("sei", "SELECT 1 FROM assinatura")) == 1


def count_posts(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Call `act` with the number of each form that the browser has just sent."""
    whole = SeiBrowser._send
    sent = 0

    def send(self: SeiBrowser, *arguments: Any) -> Any:  # noqa: ANN401  # as the method
        nonlocal sent
        answer = whole(self, *arguments)
        sent += 1
        act(sent)
        return answer

    monkeypatch.setattr(SeiBrowser, "_send", send)


def test_killed_after_any_form_and_run_again_nothing_is_left(
    instance: Instance, account: Person, lab_state: LabState
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        forms: list[int] = []
        count_posts(patch, forms.append)
        assert try_out(instance, account).ok
    assert len(forms) == 10, "sign-in, process, document, signature, two searches, file, three exclusions"
    before = tables(instance, lab_state)
    left = 0
    for last in forms:

        def die(sent: int, last: int = last) -> None:
            if sent == last:
                os.kill(os.getpid(), signal.SIGKILL)

        def run(act: Callable[[int], None] = die) -> None:
            with pytest.MonkeyPatch.context() as patch:
                count_posts(patch, act)
                try_out(instance, account)

        child = get_context("fork").Process(target=run)
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL, f"killed after form {last}"
        left += len(instance.rows("sei", "SELECT 1 FROM procedimento"))
        assert try_out(instance, account).ok
        assert tables(instance, lab_state) == before, f"killed after form {last}"
        assert files(instance) == []
    assert left == len(forms) - 2, "after the sign-in there is nothing yet, and after the last one nothing any more"
