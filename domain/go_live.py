"""The go-live checklist: what must be proved before a prefeitura works in its production environment."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import Field, PositiveInt, model_validator

from domain.act import Act
from domain.catalog_entry import CatalogEntry
from domain.model import Frozen
from domain.party import Party
from domain.waiver import Waiver


class ItemResult(StrEnum):
    """What was found when an item was checked."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"

    @property
    def label(self) -> str:
        """The result as operators read it."""
        return {"passed": "aprovado", "failed": "reprovado", "waived": "dispensado"}[self.value]


class ChecklistItem(CatalogEntry):
    """One item that the catalog demands; a person may waive it, with a reason, only when it is `dispensavel`.

    `responsavel` is who can mend what is lacking.
    """

    code: str = Field(alias="codigo", pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(alias="titulo", min_length=1)
    waivable: bool = Field(default=False, alias="dispensavel")
    party: Party = Field(default=Party.ESTADO, alias="responsavel")


class GoLiveRule(CatalogEntry):
    """The items of the checklist, in the order of the report, and what some of them ask for."""

    backup_hours: PositiveInt = Field(alias="copia_vale_horas")
    certificate_days: PositiveInt = Field(alias="certificado_minimo_dias")
    required_roles: tuple[str, ...] = Field(alias="papeis_exigidos", min_length=1)
    required_acts: tuple[Act, ...] = Field(alias="atos_exigidos", min_length=1)
    items: tuple[ChecklistItem, ...] = Field(alias="itens", min_length=1)

    @model_validator(mode="after")
    def _codes_are_unique(self) -> Self:
        codes = [item.code for item in self.items]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            msg = f"código repetido: {', '.join(twice)}"
            raise ValueError(msg)
        return self

    def item(self, code: str) -> ChecklistItem | None:
        """The item of this code."""
        return next((item for item in self.items if item.code == code), None)


class Evidence(Frozen):
    """What one look at a system showed: with what an item is proved, or why it is not."""

    passed: bool
    text: str = Field(min_length=1)


def proved(text: str) -> Evidence:
    """An item that holds, and what shows it."""
    return Evidence(passed=True, text=text)


def lacking(text: str) -> Evidence:
    """An item that does not hold, and why."""
    return Evidence(passed=False, text=text)


class CheckedItem(Frozen):
    """What one check found. `evidence` says with what it was proved, why it failed, or why it was waived."""

    code: str
    result: ItemResult
    evidence: str = Field(min_length=1)


def check_item(code: str, evidence: Evidence, waiver: Waiver | None) -> CheckedItem:
    """The outcome of one item; a waiver counts only where something is lacking."""
    if evidence.passed:
        return CheckedItem(code=code, result=ItemResult.PASSED, evidence=evidence.text)
    if waiver is None:
        return CheckedItem(code=code, result=ItemResult.FAILED, evidence=evidence.text)
    return CheckedItem(code=code, result=ItemResult.WAIVED, evidence=f"{evidence.text} ({waiver})")


class ChecklistLine(Frozen):
    """One line of the verdict; `result` is None for an item that nobody checked."""

    code: str
    title: str
    result: ItemResult | None
    evidence: str


class GoLiveVerdict(Frozen):
    """Whether the prefeitura may go live, why not (Portuguese), whom each reason waits for, and the whole checklist."""

    ready: bool
    reasons: tuple[str, ...]
    owed_by: tuple[Party, ...]
    lines: tuple[ChecklistLine, ...]

    def markdown(self, title: str) -> list[str]:
        """The checklist as a table, in the order of the catalog."""
        passed = sum(line.result is ItemResult.PASSED for line in self.lines)
        return [
            f"# {title}",
            "",
            f"**{'Pronta' if self.ready else 'Ainda não'}**: {passed} de {len(self.lines)} itens aprovados.",
            "",
            "| Item | Resultado | Evidência |",
            "|---|---|---|",
            *(f"| {line.title} | {_shown(line.result)} | {_cell(line.evidence)} |" for line in self.lines),
        ]


def _shown(result: ItemResult | None) -> str:
    if result is None:
        return "não verificado"
    return result.label if result is ItemResult.PASSED else f"**{result.label}**"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def judge_go_live(checked: Iterable[CheckedItem], rule: GoLiveRule) -> GoLiveVerdict:
    """Decide the go-live: every item of the rule passed, or was waived where it may be.

    The last check of an item counts. A check that the rule does not know is an error of ours, not of the prefeitura:
    it raises ValueError.
    """
    found = {check.code: check for check in checked}
    unknown = sorted(set(found) - {item.code for item in rule.items})
    if unknown:
        msg = f"checks without an item in catalog/gates.yaml: {', '.join(unknown)}"
        raise ValueError(msg)
    lines = tuple(_line(item, found.get(item.code)) for item in rule.items)
    problems = [(item.party, _problem(item, line)) for item, line in zip(rule.items, lines, strict=True)]
    reasons = tuple(problem for _, problem in problems if problem)
    owed_by = tuple(party for party, problem in problems if problem)
    return GoLiveVerdict(ready=not reasons, reasons=reasons, owed_by=owed_by, lines=lines)


def _line(item: ChecklistItem, check: CheckedItem | None) -> ChecklistLine:
    return ChecklistLine(
        code=item.code,
        title=item.title,
        result=check.result if check else None,
        evidence=check.evidence if check else "",
    )


def _problem(item: ChecklistItem, line: ChecklistLine) -> str | None:
    if line.result is None:
        return f"{item.title}: não verificado"
    if line.result is ItemResult.FAILED:
        return f"{item.title}: {line.evidence}"
    if line.result is ItemResult.WAIVED and not item.waivable:
        return f"{item.title}: este item não pode ser dispensado"
    return None
