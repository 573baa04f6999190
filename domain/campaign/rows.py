"""A plan as operators read it: one row an environment, and who is left out."""

from collections.abc import Mapping

from domain.calendar import local_moment
from domain.campaign.facts import CampaignFacts, EnvironmentFacts
from domain.campaign.plan import CampaignPlan
from domain.model import Frozen
from domain.report import table_cell


class PlanRow(Frozen):
    """One environment of a plan, each field as it is shown."""

    wave: str
    environment: str
    server: str
    begins: str
    until: str
    minutes: int
    state: str
    why: str


def rows_of(found: CampaignPlan, facts: CampaignFacts) -> tuple[PlanRow, ...]:
    """The rows of a plan in order of time."""
    known: Mapping[str, EnvironmentFacts] = {one.slug: one for one in facts.environments}
    return tuple(
        PlanRow(
            wave=wave.title,
            environment=unit.environment,
            server=known[unit.environment].server if unit.environment in known else "",
            begins=local_moment(unit.begins_at),
            until=local_moment(unit.appointment.ends_at),
            minutes=unit.appointment.minutes,
            state="atualizado" if unit.done else "marcado",
            why=unit.why,
        )
        for wave in found.waves
        for unit in wave.units
    )


def markdown(found: CampaignPlan, facts: CampaignFacts) -> list[str]:
    """The plan as a report."""
    done = sum(unit.done for unit in found.units)
    end = f"previsão do fim: {found.ends_on:%d/%m/%Y}" if found.ends_on else "sem ninguém a atualizar"
    lines = [
        f"# Campanha da versão {found.release}",
        "",
        f"Campanha {found.status.label}. **{done} atualizados, {len(found.appointments)} marcados,"
        f" {len(found.left_out)} de fora**; {end}.",
        "",
        "| Onda | Ambiente | Servidor | Começa | Até | Minutos | Situação | Por que nesta onda |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows_of(found, facts):
        cells = (row.wave, row.environment, row.server, row.begins, row.until, row.minutes, row.state, row.why)
        lines.append(f"| {' | '.join(table_cell(str(cell)) for cell in cells)} |")
    if found.left_out:
        lines += ["", "| De fora | Motivo |", "|---|---|"]
        lines += [f"| {one.environment} | {table_cell(one.reason)} |" for one in found.left_out]
    return lines
