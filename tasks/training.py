"""Training: what the newest attendance list proves, and whether the gate is open."""

import hashlib
from typing import Literal

from pydantic import TypeAdapter

from blocks.catalog import Catalog
from domain.calendar import local_day
from domain.change import Change
from domain.environment import EnvironmentName, Purpose
from domain.model import Frozen
from domain.spreadsheet import parse_sheet
from domain.spreadsheet_training import read_training_rows
from domain.training import UnitTraining, judge_training
from tasks import clock, doors
from tasks.instance import load_instance
from tasks.intake import read_sheet
from tasks.live import has_gone_live
from tasks.step import step
from tasks.users_sheet import read_user_sheet

SHEET: Literal["capacitacao.csv"] = "capacitacao.csv"
_UNITS = TypeAdapter(tuple[UnitTraining, ...])


class GateFinding(Frozen):
    """A judged gate, ready for a stage's report."""

    facts: tuple[str, ...]
    reasons: tuple[str, ...]


@step("lista de presença")
def ensure_training_record(municipality: str) -> Change:
    """Count the newest attendance list into the registry, once for each list; people stay in the list."""
    body = read_sheet(municipality, SHEET)
    if body is None:
        return Change()
    training = load_instance(EnvironmentName(municipality=municipality, purpose=Purpose.TREINAMENTO).slug)
    people = read_user_sheet(training).sheet.accepted
    attendance = read_training_rows(parse_sheet(body, SHEET), people, where=SHEET)
    return doors.registry().record_training(
        ibge=training.municipality.ibge,
        object_key=SHEET,
        # The counts depend on the users' list too: a new list of users makes a new record of the same attendance.
        sha256=hashlib.sha256(body + attendance.model_dump_json().encode()).hexdigest(),
        counts={
            "unidades": _UNITS.dump_python(attendance.units, mode="json"),
            "desconhecidos": attendance.unknown_people,
        },
    )


@step("portão da capacitação")
def judge_training_gate(municipality: str) -> GateFinding:
    """Decide the gate anew from the newest record, by the catalog's rule, as of today."""
    found = doors.registry().find_municipality(municipality)
    if has_gone_live(found.ibge):
        return GateFinding(facts=("Portão já passado: a produção está aberta.",), reasons=())
    record = doors.registry().training(found.ibge)
    if record is None:
        return GateFinding(
            facts=(),
            reasons=(f"Nenhuma lista de presença foi enviada (./implanta municipality send {municipality} {SHEET}).",),
        )
    units = _UNITS.validate_python(record.counts["unidades"])
    verdict = judge_training(units, Catalog().gates().training, local_day(clock.now()))
    users, trained = sum(line.users for line in verdict.units), sum(line.trained for line in verdict.units)
    facts = [f"{trained} de {users} usuários capacitados, em {len(verdict.units)} unidades."]
    facts += [
        f"Unidade {line.unidade}: {line.trained} de {line.users} capacitados."
        for line in verdict.units
        if not line.enough
    ]
    if unknown := record.counts["desconhecidos"]:
        who = (
            "1 pessoa da lista de presença não está"
            if unknown == 1
            else f"{unknown} pessoas da lista de presença não estão"
        )
        facts.append(f"{who} na planilha de usuários.")
    return GateFinding(facts=tuple(facts), reasons=tuple(f"{reason}." for reason in verdict.reasons))
