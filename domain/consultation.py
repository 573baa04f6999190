"""Data of a backup handed out for consultation: what may be asked for, and how long it lies there."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, Field, PositiveInt, model_validator

from domain.calendar import BRASILIA, local_moment
from domain.catalog_entry import CatalogEntry
from domain.model import Frozen

PREFIX = "consultas/"
"""Where consultations lie in the prefeitura's own bucket."""

# Tables that keep their rows in a masked copy and yet hold passwords, keys or settings of other systems.
_WITH_KEYS = {
    "sei": frozenset({"usuario", "servico", "infra_parametro", "infra_agendamento_tarefa"}),
    "sip": frozenset({"sistema", "servidor_autenticacao", "infra_parametro", "infra_agendamento_tarefa"}),
}
_TABLE = re.compile(r"(sei|sip)\.([a-z][a-z0-9_]*)")


def holds_keys(database: str, table: str) -> bool:
    """Whether a table may hold passwords, keys or traces of sessions: nobody is given it for consultation."""
    from domain.masking import is_emptied  # noqa: PLC0415  # it knows CPF, whose rules the registry never needs

    if database == "sei":
        return table in _WITH_KEYS["sei"] or is_emptied("sei", table)
    return database != "sip" or table in _WITH_KEYS["sip"] or is_emptied("sip", table)


class ConsultationRule(CatalogEntry):
    """Which tables may be asked for, for how many days the result lies there, and for how long a link opens it."""

    tables: tuple[str, ...] = Field(alias="tabelas", default=())
    days: PositiveInt = Field(alias="dias", le=30)
    link_minutes: PositiveInt = Field(alias="minutos_do_link", le=24 * 60)

    @model_validator(mode="after")
    def _gives_no_keys_away(self) -> Self:
        for name in self.tables:
            found = _TABLE.fullmatch(name)
            if found is None:
                msg = f"{name!r} não é o nome de uma tabela, como sei.protocolo"
                raise ValueError(msg)
            if holds_keys(found[1], found[2]):
                msg = f"{name} pode ter senhas, chaves ou rastros de acesso e não se entrega a ninguém"
                raise ValueError(msg)
        return self


class Consultation(Frozen):
    """One result that lies in a prefeitura's bucket; nothing of its content."""

    bucket: str
    key: str
    version_id: str
    sha256: str
    until: AwareDatetime

    @property
    def told(self) -> tuple[str, ...]:
        """What the prefeitura is told: where it is, how to know it, and until when. No way to open it."""
        return (
            f"Objeto {self.key}, no balde {self.bucket}.",
            f"SHA-256 {self.sha256}.",
            f"Disponível até {local_moment(self.until)} (hora de Brasília); o link, que vale pouco tempo, é dado pela"
            " equipe do programa a quem pediu.",
        )


def judge_consultation(
    rule: ConsultationRule, process: str, tables: Sequence[str], moment: datetime | None, now: datetime
) -> str | None:
    """Why a consultation is refused, or None. What was asked is not repeated: it may be anything."""
    if bool(process) == bool(tables):
        return "Peça um processo, ou tabelas, e não os dois."
    if set(tables) - set(rule.tables):
        allowed = ", ".join(rule.tables) or "nenhuma"
        return f"Uma das tabelas pedidas não está entre as que se consultam: {allowed}."
    if moment is not None and in_brasilia(moment) > now:
        return "O momento pedido ainda não chegou."
    return None


def in_brasilia(moment: datetime) -> datetime:
    """A moment as it was meant: the prefeituras' own time, where nothing else is said."""
    return moment if moment.tzinfo else moment.replace(tzinfo=BRASILIA)
