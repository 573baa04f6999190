"""What happened to a prefeitura, as its page tells it: only kinds and details that are listed here are ever shown.

Of a kind that is not listed nothing is told, and of a listed one only what its sentence takes: a stage, a day, a number
or a word of a fixed list. Free texts and names of people stay in the registry.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import JsonValue

from domain.act import ACT_REGISTERED, Act
from domain.board import kinds
from domain.certificate_renewal import CERTIFICATE_ISSUED
from domain.environment import EnvironmentName
from domain.errors import InvalidInputError
from domain.lifecycle import STAGE_FINISHED, STAGE_REOPENED, Stage
from domain.retirement import Milestone

Details = Mapping[str, JsonValue]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CODE = re.compile(r"[a-z]+([.-][a-z]+){0,8}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline."""

    at: datetime
    text: str
    place: str
    """The environment, as people call it, or nothing."""


def _stage(details: Details) -> str:
    return Stage(str(details["stage"])).label


def _day(value: JsonValue) -> str:
    found = _DAY.match(str(value))
    return f"{date.fromisoformat(found[0]):%d/%m/%Y}" if found else "dia desconhecido"


def _code(value: JsonValue) -> str:
    return str(value) if isinstance(value, str) and _CODE.fullmatch(value) else "outro"


def _act(details: Details) -> str:
    what = {Act.DECRETO: "Decreto", Act.CONTRATO: "Contrato"}[Act(str(details["act"]))]
    return f"{what} de {_day(details['day'])} registrado"


SENTENCES: Mapping[str, Callable[[Details], str]] = {
    STAGE_FINISHED: lambda d: f"{_stage(d)}: concluída",
    STAGE_REOPENED: lambda d: f"{_stage(d)}: reaberta",
    kinds.SLA_PAUSED: lambda d: f"{_stage(d)}: passou a aguardar a prefeitura",
    kinds.SLA_RESUMED: lambda d: f"{_stage(d)}: deixou de aguardar a prefeitura",
    kinds.PLANNED: lambda _: "Cronograma registrado",
    kinds.SHEET_APPLIED: lambda d: f"Planilha {_code(d.get('sheet'))} aplicada",
    kinds.INSTRUMENT_GENERATED: lambda d: f"Documento gerado: {_code(d.get('instrument'))}",
    kinds.GO_LIVE_SCHEDULED: lambda d: f"Entrada em produção anunciada para {_day(d.get('day'))}",
    ACT_REGISTERED: _act,
    kinds.DELIVERED: lambda _: "Ambiente entregue, com certificado",
    kinds.OPENED: lambda _: "Produção aberta à prefeitura",
    kinds.CLOSED_AGAIN: lambda _: "Abertura desfeita: ninguém havia trabalhado",
    kinds.BACKUP_REFUSED: lambda _: "Cópia de segurança recusada",
    CERTIFICATE_ISSUED: lambda d: f"Certificado TLS instalado, vale até {_day(d.get('not_after'))}",
    "environment.closed": lambda _: "Ambiente fechado para manutenção",
    "environment.reopened": lambda _: "Ambiente reaberto",
    "environment.cloned": lambda _: "Ambiente refeito a partir de uma cópia",
    "class.scheduled": lambda d: f"Turma marcada para {_day(d.get('starts_at'))}",
    "class.cancelled": lambda d: f"Turma de {_day(d.get('starts_at'))} cancelada",
    "restore.finished": lambda _: "Dados restaurados de uma cópia provada",
    Milestone.ANNOUNCED: lambda _: "Encerramento anunciado",
    Milestone.RETIRED: lambda _: "Ambiente encerrado",
    Milestone.REINSTATED: lambda _: "Encerramento desfeito",
    Milestone.DESTROYED: lambda _: "Dados do ambiente destruídos",
}

GATES: Mapping[str, str] = {"go-live": "entrada em produção", "capacitacao": "capacitação"}
RULINGS: Mapping[str, str] = {
    "approve": "aprovada",
    "reject": "recusada",
    "revoke": "aprovação ou dispensa retirada",
    "waive": "dispensada",
}


def entry_of(at: datetime, kind: str, environment: str | None, details: Details) -> Entry | None:
    """An event as a line of the timeline; None of what is not for everybody's eyes, or is not understood."""
    sentence = SENTENCES.get(kind)
    if sentence is None:
        return None
    try:
        return Entry(at, sentence(details), _place(environment))
    except (KeyError, ValueError):  # of another version: better nothing than something wrong
        return None


def decision_entry(at: datetime, gate: str, decision: str, until: date | None) -> Entry:
    """A person's answer to a gate, without the person and the reason."""
    name, _, item = gate.partition(":")
    what = GATES.get(name, "um pedido")
    of_item = f", item {_code(item.replace('_', '-'))}" if item else ""
    end = f" até {until:%d/%m/%Y}" if until else ""
    return Entry(at, f"Decisão sobre {what}{of_item}: {RULINGS.get(decision, 'registrada')}{end}", "")


def _place(environment: str | None) -> str:
    if environment is None:
        return ""
    try:
        return EnvironmentName.parse(environment).purpose.label
    except InvalidInputError:
        return ""
