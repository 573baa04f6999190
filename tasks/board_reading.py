"""The board, from the registry and the catalog alone: nothing of a prefeitura's own systems is ever opened for it."""

from datetime import datetime

from blocks.catalog import Catalog
from domain.board.board import Board, figures_of
from domain.board.campaign import campaign_board
from domain.board.environments import EnvironmentLine, EnvironmentRules, judge_environment
from domain.board.history import History, history_of
from domain.board.line import PREFEITURA_TEAM, LineJudge, Place
from domain.calendar import HolidayCatalog
from domain.municipality import Municipality
from domain.plan import Plan
from domain.retirement import Standing
from registry.board import BoardReader


def read_board(reader: BoardReader, now: datetime, catalog: Catalog | None = None) -> Board:
    """Everything that the board shows, as the registry has it now, judged at `now`.

    Raises:
        RetryableError: the registry does not answer.
        InvalidInputError: a file of the catalog is wrong, or the registry's address or structure.
    """
    known = catalog or Catalog()
    facts, rules, holidays = reader.read(now), known.planning(), known.holidays()
    judge = LineJudge(rules, known.sla(), now)
    histories = {ibge: history_of(events) for ibge, events in facts.events.items()}
    nothing = History()
    lines = tuple(
        judge.judge(_place(one, facts.plans.get(one.ibge), holidays), histories.get(one.ibge, nothing))
        for one in facts.municipalities
    )
    places = {line.place.ibge: line.place for line in lines}
    needs = EnvironmentRules.of(
        known.releases(),
        backup_hours=known.backup().night.late_after_hours,
        certificate_days=known.gates().go_live.certificate_days,
    )
    environments: list[EnvironmentLine] = []
    for environment in facts.environments:
        place, history = places[environment.ibge], histories.get(environment.ibge, nothing)
        environments.append(
            judge_environment(
                environment,
                needs,
                municipality=place.slug,
                name=place.name,
                standing=history.standings.get(environment.slug, Standing.ACTIVE),
                delivered_at=history.delivered.get(environment.slug),
                now=now,
            )
        )
    names = {one.facts.slug: (one.municipality, one.name) for one in environments}
    teams = {team.code: team.title for team in rules.teams.teams} | {PREFEITURA_TEAM: "Prefeitura"}
    return Board(
        taken_at=now,
        figures=figures_of(lines, environments, facts.classes),
        lines=lines,
        environments=tuple(environments),
        teams=teams,
        campaigns=tuple(campaign_board(name, told, names) for name, told in facts.campaigns.items()),
    )


def _place(municipality: Municipality, plan: Plan | None, holidays: HolidayCatalog) -> Place:
    return Place(
        ibge=municipality.ibge,
        slug=municipality.slug,
        name=municipality.name,
        uf=municipality.uf,
        population=municipality.population,
        plan=plan.label if plan else "",
        calendar=holidays.calendar_for(municipality),
    )
