"""What a test of use found: a SEI does what a person at work asks of it, or which step failed and why."""

from enum import StrEnum

from pydantic import Field, NonNegativeInt

from domain.model import Frozen


class UseStep(StrEnum):
    """What the test does, in this order; the last two also when an earlier one failed."""

    SIGN_IN = "sign_in"
    CLEAR = "clear"
    START_PROCESS = "start_process"
    INCLUDE_DOCUMENT = "include_document"
    SIGN = "sign"
    SEARCH = "search"
    ATTACH_FILE = "attach_file"
    READ_BACK = "read_back"
    UNDO = "undo"

    @property
    def label(self) -> str:
        """The step as operators read it."""
        return _LABELS[self]


_LABELS = {
    UseStep.SIGN_IN: "entrar",
    UseStep.CLEAR: "limpar o que um teste interrompido deixou",
    UseStep.START_PROCESS: "abrir um processo",
    UseStep.INCLUDE_DOCUMENT: "incluir um documento",
    UseStep.SIGN: "assinar o documento",
    UseStep.SEARCH: "pesquisar o processo",
    UseStep.ATTACH_FILE: "anexar um arquivo",
    UseStep.READ_BACK: "ler tudo de volta",
    UseStep.UNDO: "desfazer",
}


class PassedStep(Frozen):
    """A step that did what it should."""

    step: UseStep
    milliseconds: NonNegativeInt


class FailedStep(Frozen):
    """A step that did not; `why` is what the application said, in Portuguese and without personal data."""

    step: UseStep
    why: str = Field(min_length=1)


class UseTest(Frozen):
    """What was tried in one environment, in order; `failed` has two steps at most, the second one being the undoing."""

    passed: tuple[PassedStep, ...]
    failed: tuple[FailedStep, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every step did what it should, and nothing of the test is left."""
        return not self.failed and {result.step for result in self.passed} == set(UseStep)

    @property
    def evidence(self) -> str:
        """The result in one Portuguese sentence."""
        if self.failed:
            return "; ".join(f"falhou ao {failure.step.label}: {failure.why}" for failure in self.failed)
        total = sum(result.milliseconds for result in self.passed)
        return f"{len(self.passed)} passos em {total} ms: {', '.join(result.step.label for result in self.passed)}"
