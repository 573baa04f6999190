"""The stages of an implantation, in the order of the programme, and which may follow which."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from domain.errors import GateClosedError

STAGE_FINISHED = "stage.finished"
STAGE_REOPENED = "stage.reopened"
STAGE_WAITING = "stage.waiting"
"""Kinds of the registry's events; each names its stage."""


class Stage(StrEnum):
    """One stage of a prefeitura's implantation; iteration gives them in order."""

    ADHESION = "adhesion"
    ENVIRONMENT_TRAINING = "environment_training"
    SEEDING = "seeding"
    USERS = "users"
    TRAINING = "training"
    ENVIRONMENT_PRODUCTION = "environment_production"
    GO_LIVE = "go_live"
    OPERATION = "operation"

    @property
    def label(self) -> str:
        """The name of the stage as operators read it."""
        return _LABELS[self]


_LABELS = {
    Stage.ADHESION: "Adesão",
    Stage.ENVIRONMENT_TRAINING: "Ambiente de treinamento",
    Stage.SEEDING: "Parametrização",
    Stage.USERS: "Usuários",
    Stage.TRAINING: "Capacitação",
    Stage.ENVIRONMENT_PRODUCTION: "Ambiente de produção",
    Stage.GO_LIVE: "Entrada em produção",
    Stage.OPERATION: "Operação assistida",
}
_ORDER = tuple(Stage)


class StageEvent(NamedTuple):
    """That the work of a stage was proved done, or was taken back."""

    kind: str
    stage: Stage
    at: datetime


def stages_done(events: Iterable[StageEvent]) -> dict[Stage, datetime]:
    """Which stages are done, and since when, after what happened, oldest first.

    What takes a stage back takes its later ones back as well: nothing is in operation that was not opened.
    """
    done: dict[Stage, datetime] = {}
    for event in events:
        if event.kind == STAGE_FINISHED:
            done.setdefault(event.stage, event.at)
        elif event.kind == STAGE_REOPENED:
            gone = _ORDER.index(event.stage)
            done = {stage: at for stage, at in done.items() if _ORDER.index(stage) < gone}
    return done


def current_stage(reached: AbstractSet[Stage]) -> Stage:
    """The stage a prefeitura is working on, given the stages whose work was proved done.

    It is the first one not done; a later stage done out of turn does not count. OPERATION has no end: it stays.
    """
    return next((stage for stage in _ORDER if stage not in reached), Stage.OPERATION)


def missing_before(stage: Stage, reached: AbstractSet[Stage]) -> list[Stage]:
    """The stages still to be done before this one, in order."""
    return [earlier for earlier in _ORDER[: _ORDER.index(stage)] if earlier not in reached]


def check_transition(reached: AbstractSet[Stage], to: Stage) -> None:
    """Raise GateClosedError when a prefeitura cannot work on `to` yet. Going back to a stage already done is fine."""
    missing = missing_before(to, reached)
    if missing:
        names = ", ".join(stage.label for stage in missing)
        raise GateClosedError(
            f"A etapa {to.label} ainda não pode começar: falta concluir {names}",
            "etapas da implantação",
            f"Conclua antes a etapa {missing[0].label}.",
        )
