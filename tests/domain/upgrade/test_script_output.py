"""What a script's output and exit code mean, and that no half-done script passes for a finished one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.upgrade.script_output import ExpectedOutput, ScriptOutcome, judge

USUAL = ExpectedOutput.model_validate({})
DONE = (
    "INICIANDO A INSTALAÇÃO/ATUALIZAÇÃO DA VERSÃO 4.1.1 DO SEI\n"
    "CRIANDO TABELA edital_eliminacao_erro\nATUALIZANDO TABELA infra_erro_php\n"
    "ATUALIZANDO PARÂMETRO SEI_VERSAO\nTEMPO TOTAL: 12 s\nFIM\n"
)
_HARMLESS = st.text(st.sampled_from("abcçãé 0123456789_-:().\n"), max_size=200)


@pytest.mark.parametrize(
    ("output", "exit_code", "outcome"),
    [
        (DONE, 0, ScriptOutcome.DONE),
        (DONE + "TEMPO TOTAL DE EXECUÇÃO: 00:12\n\n", 0, ScriptOutcome.DONE),
        (DONE.replace("TEMPO", "SEM ERRO. TEMPO"), 0, ScriptOutcome.DONE),
        ("A VERSÃO 4.1.1 DO SEI JÁ ESTÁ INSTALADA\n", 1, ScriptOutcome.ALREADY_INSTALLED),
        ("a versão mais nova já está\xa0instalada\nFIM", 0, ScriptOutcome.ALREADY_INSTALLED),
        ("ERRO: A VERSÃO DO SEI NÃO CORRESPONDE COM A ÚLTIMA VERSÃO", 255, ScriptOutcome.ALREADY_INSTALLED),
        ("VERSÃO 3.0.5 NÃO ENCONTRADA NO CONJUNTO DE VERSÕES", 1, ScriptOutcome.UNKNOWN_START),
        ("ERRO: VERSÃO 3.0.5 NÃO ENCONTRADA NO CONJUNTO DE VERSÕES", 0, ScriptOutcome.UNKNOWN_START),
        (DONE, 1, ScriptOutcome.FAILED),
        ("", 1, ScriptOutcome.FAILED),
        ("CRIANDO TABELA aviso\nERRO ATUALIZANDO VERSÃO: 1050\n", 1, ScriptOutcome.FAILED),
        ("", 0, ScriptOutcome.SILENT_PARTIAL),
        ("CRIANDO TABELA aviso\n", 0, ScriptOutcome.SILENT_PARTIAL),
        ("CRIANDO TABELA aviso\nPHP Fatal error:  Uncaught InfraException\n", 0, ScriptOutcome.SILENT_PARTIAL),
        (DONE.replace("TEMPO", "ERRO NA TABELA serie\nTEMPO"), 0, ScriptOutcome.SILENT_PARTIAL),
        ("MÓDULO PEN JÁ ESTÁ INSTALADO\nFIMX", 0, ScriptOutcome.SILENT_PARTIAL),
        ("FIM DO PRIMEIRO PASSO\n" + "CRIANDO TABELA aviso\n" * 9, 0, ScriptOutcome.SILENT_PARTIAL),
    ],
)
def test_an_ending_is_known_by_words_and_code(output: str, exit_code: int, outcome: ScriptOutcome) -> None:
    assert judge(output, exit_code, USUAL).outcome is outcome


@given(cut=st.integers(0, len(DONE.rstrip()) - 1))
def test_an_output_that_is_cut_anywhere_is_never_a_finished_script(cut: int) -> None:
    assert judge(DONE[:cut], 0, USUAL).outcome is ScriptOutcome.SILENT_PARTIAL


@given(place=st.integers(0, DONE.count("\n")), word=st.sampled_from(["ERRO", "erro:", "SQLSTATE[42S01]", "Falha"]))
def test_an_error_anywhere_is_never_success(place: int, word: str) -> None:
    lines = DONE.splitlines()
    lines.insert(place, f"{word} na tabela serie")
    assert judge("\n".join(lines), 0, USUAL).outcome is ScriptOutcome.SILENT_PARTIAL
    assert judge("\n".join(lines), 1, USUAL).outcome is ScriptOutcome.FAILED


@given(_HARMLESS, st.integers(0, 255))
def test_only_code_zero_and_the_final_mark_make_a_finished_script(text: str, exit_code: int) -> None:
    assert judge(text, exit_code, USUAL).outcome is (
        ScriptOutcome.FAILED if exit_code else ScriptOutcome.SILENT_PARTIAL
    )
    assert (judge(f"{text}\nFim.\n", exit_code, USUAL).outcome is ScriptOutcome.DONE) == (exit_code == 0)


@given(_HARMLESS)
def test_the_bytes_of_any_script_can_be_judged(text: str) -> None:
    raw = f"{text}\nJÁ ESTÁ INSTALADA".encode("iso-8859-1")
    assert judge(raw.decode("iso-8859-1"), 1, USUAL).outcome is ScriptOutcome.ALREADY_INSTALLED


def test_the_words_are_the_releases_own() -> None:
    own = ExpectedOutput.model_validate({"sucesso": ["Atualização concluída"], "ja_instalada": ["nada a fazer"]})
    assert judge("ATUALIZACAO   CONCLUIDA", 0, own).outcome is ScriptOutcome.DONE
    assert judge("Nada a fazer", 3, own).outcome is ScriptOutcome.ALREADY_INSTALLED
    assert judge("FIM", 0, own).outcome is ScriptOutcome.SILENT_PARTIAL


def test_the_reason_quotes_nothing_of_the_output() -> None:
    reason = judge("ERRO: Duplicate entry 'maria.araujo'", 1, USUAL).reason
    assert "maria" not in reason
    assert "linha 1 de 1" in reason


def test_only_the_first_two_endings_leave_the_target_behind() -> None:
    assert [outcome for outcome in ScriptOutcome if outcome.leaves_target] == [
        ScriptOutcome.DONE,
        ScriptOutcome.ALREADY_INSTALLED,
    ]
    assert not any(outcome.leaves_target and outcome.may_have_changed for outcome in ScriptOutcome)
