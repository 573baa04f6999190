"""What a script of SEI, SIP or a module did, judged from its exit code and everything that it wrote.

The exit code alone is not enough: a repeat ends badly though nothing is wrong, and a script that dies in the middle may
end well (`sei.md` 1.5). No text of the output is quoted: it may repeat a row.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from domain.catalog_entry import CatalogEntry
from domain.model import Frozen
from domain.text import unaccent

# Lines after the final mark: scripts may still tell how long they took.
_TAIL = 3
# `\b` keeps table names such as `infra_erro_php` out.
_ERROR = re.compile(
    r"(?<!SEM )(?<!NENHUM )(?<!\b0 )\b(?:ERRO|ERROR|EXCEPTION|EXCECAO|SQLSTATE|UNCAUGHT|FALHA|FALHOU)\b"
)


class ExpectedOutput(CatalogEntry):
    """The words by which a script tells how it ended; compared without accents and case, as whole words."""

    done: tuple[str, ...] = Field(default=("FIM",), alias="sucesso", min_length=1)
    already_installed: tuple[str, ...] = Field(
        default=("JA ESTA INSTALADA", "NAO CORRESPONDE COM A ULTIMA VERSAO"), alias="ja_instalada"
    )
    unknown_start: tuple[str, ...] = Field(
        default=("NAO ENCONTRADA NO CONJUNTO DE VERSOES", "VERSAO INSTALADA NAO ENCONTRADA"), alias="desconhecida"
    )


class ScriptOutcome(StrEnum):
    """How a script ended."""

    DONE = "concluido"
    ALREADY_INSTALLED = "ja-instalado"
    UNKNOWN_START = "versao-de-partida-desconhecida"
    FAILED = "falhou"
    SILENT_PARTIAL = "parcial-silencioso"

    @property
    def leaves_target(self) -> bool:
        """Whether the database is now what the script brings."""
        return self in {ScriptOutcome.DONE, ScriptOutcome.ALREADY_INSTALLED}

    @property
    def may_have_changed(self) -> bool:
        """Whether something was changed and not finished: only the backup leads back."""
        return self in {ScriptOutcome.FAILED, ScriptOutcome.SILENT_PARTIAL}


class ScriptJudgement(Frozen):
    """The verdict, and its reason in Portuguese."""

    outcome: ScriptOutcome
    reason: str


def judge(output: str, exit_code: int, expected: ExpectedOutput) -> ScriptJudgement:
    """How a script ended that wrote `output` and ended with `exit_code`."""
    lines = [" ".join(line.split()) for line in unaccent(output).upper().splitlines()]
    lines = [line for line in lines if line]
    already = _first(lines, expected.already_installed)
    unknown = _first(lines, expected.unknown_start)
    answers = {*_numbers(lines, expected.already_installed), *_numbers(lines, expected.unknown_start)}
    error = next((n for n, line in enumerate(lines, 1) if n not in answers and _ERROR.search(line)), None)
    ended = bool(_numbers(lines[-_TAIL:], expected.done))
    if error is not None:
        told = f"a linha {error} de {len(lines)} fala de erro, e o código de saída é {exit_code}"
        return _as(ScriptOutcome.FAILED if exit_code else ScriptOutcome.SILENT_PARTIAL, told)
    if unknown is not None:
        return _as(ScriptOutcome.UNKNOWN_START, f"a linha {unknown} diz que não conhece a versão instalada")
    if already is not None:
        return _as(ScriptOutcome.ALREADY_INSTALLED, f"a linha {already} diz que a versão já está instalada")
    if exit_code:
        return _as(ScriptOutcome.FAILED, f"terminou com o código {exit_code}, depois de {len(lines)} linhas")
    if not ended:
        told = f"terminou com o código 0 sem a marca de fim, depois de {len(lines)} linhas"
        return _as(ScriptOutcome.SILENT_PARTIAL, told)
    return _as(ScriptOutcome.DONE, f"{len(lines)} linhas, com a marca de fim")


def error_line(output: str) -> str:
    """The first line that speaks of an error, without accents and in capitals; it may repeat a row, so nobody keeps it.

    Empty where there is none.
    """
    lines = (" ".join(line.split()) for line in unaccent(output).upper().splitlines())
    return next((line for line in lines if _ERROR.search(line)), "")


def _as(outcome: ScriptOutcome, reason: str) -> ScriptJudgement:
    return ScriptJudgement(outcome=outcome, reason=reason)


def _first(lines: Iterable[str], words: Iterable[str]) -> int | None:
    return next(iter(_numbers(lines, words)), None)


def _numbers(lines: Iterable[str], words: Iterable[str]) -> list[int]:
    """Which lines, from 1, have one of the words whole."""
    wanted = [re.compile(rf"(?<!\w){re.escape(' '.join(unaccent(word).upper().split()))}(?!\w)") for word in words]
    return [number for number, line in enumerate(lines, 1) if any(word.search(line) for word in wanted)]
