"""One prefeitura on the board: a cell for each column, whom it waits for, and whose time it took."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from domain.board.clock import Clock, Split, split_days
from domain.board.columns import Column
from domain.board.days import DayCount, day_count
from domain.board.history import History, Wait
from domain.calendar import BusinessCalendar, local_day
from domain.instruments.timetable import Activity
from domain.lifecycle import Stage, current_stage
from domain.party import Party
from domain.planning.rules import Rules
from domain.sla import SlaRule, SlaState, sla_status

PREFEITURA_TEAM = "prefeitura"


class CellState(StrEnum):
    """Where a column of one prefeitura stands."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"
    TODO = "todo"

    @property
    def label(self) -> str:
        """The state as people read it."""
        return {"done": "concluída", "running": "em andamento", "waiting": "aguardando", "todo": "a fazer"}[self.value]


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of one prefeitura; `day` is its end, its beginning, or the day on which it is planned to begin."""

    column: Column
    state: CellState
    day: date | None
    planned_end: date | None
    late_days: int
    """Business days after its planned end, while it is not done."""
    party: Party | None
    """Who has to act; None of what is done, or not due."""
    reasons: tuple[str, ...]

    @property
    def late(self) -> bool:
        """Whether its planned end has passed."""
        return self.late_days > 0


@dataclass(frozen=True, slots=True)
class Place:
    """Which municipality it is."""

    ibge: str
    slug: str
    name: str
    uf: str
    population: int
    plan: str
    calendar: BusinessCalendar


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One prefeitura."""

    place: Place
    stage: Stage
    joined_on: date | None
    live_on: date | None
    cells: tuple[Cell, ...]
    party: Party | None
    """Whom it waits for; None of who has not joined, or is live."""
    reasons: tuple[str, ...]
    waiting_since: date | None
    team: str
    """The code of the team at work, `prefeitura`, or nothing."""
    late_days: int
    clock: Clock | None
    split: Split

    def cell(self, column: Column) -> Cell:
        """Its cell of a column."""
        return next(cell for cell in self.cells if cell.column is column)

    @property
    def stage_label(self) -> str:
        """Where it is, for people: nobody who has not joined is at a stage."""
        if self.joined_on is None:
            return "Não aderiu"
        return "Em produção" if self.live_on else self.stage.label

    @property
    def late(self) -> bool:
        """Whether anything is past its planned end or its agreed time."""
        return self.late_days > 0 or (
            self.clock is not None and self.clock.finished_on is None and self.clock.state is SlaState.LATE
        )


class LineJudge:
    """The rules of the catalog, looked up once for the whole fleet."""

    def __init__(self, rules: Rules, sla: SlaRule, now: datetime) -> None:
        """Take the rules, and the moment at which everything is judged."""
        self._activities: dict[str, Activity] = {one.code: one for one in rules.timetable.activities}
        self._teams = {code: team for team in rules.teams.teams for code in team.activities}
        self._sla = sla
        self._now = now
        self._today = local_day(now)

    def judge(self, place: Place, history: History) -> BoardLine:
        """What happened to a prefeitura, as a line of the board."""
        days = day_count(place.calendar, self._today.year)
        joined = history.done.get(Stage.ADHESION)
        stage = current_stage(history.done.keys())
        cells = tuple(self._cell(column, stage, history, days) for column in Column)
        wait = history.open_wait(stage)
        live_on = local_day(history.live_at) if history.live_at else None
        acts = joined is not None and live_on is None
        current = next((cell for cell in cells if cell.column.stage is stage), None)
        party = current.party if current and acts else None
        stop = history.live_at or self._now
        return BoardLine(
            place=place,
            stage=stage,
            joined_on=local_day(joined) if joined else None,
            live_on=live_on,
            cells=cells,
            party=party,
            reasons=current.reasons if current and acts else (),
            waiting_since=local_day(wait.held_since) if wait and acts else None,
            team=self._team(current, party) if current and acts else "",
            late_days=max((cell.late_days for cell in cells), default=0) if acts else 0,
            clock=self._clock(place, history, joined, days),
            split=split_days(joined, stop, history.waits, days) if joined else Split(),
        )

    def _team(self, cell: Cell, party: Party | None) -> str:
        team = self._teams.get(cell.column.activity)
        return PREFEITURA_TEAM if party is Party.PREFEITURA else team.code if team else ""

    def _clock(self, place: Place, history: History, joined: datetime | None, days: DayCount) -> Clock | None:
        if joined is None:
            return None
        finished = history.done.get(Stage.ENVIRONMENT_TRAINING)
        status = sla_status(
            joined, history.pauses, finished_at=finished, now=self._now, rule=self._sla, calendar=place.calendar
        )
        return Clock(
            started_on=local_day(joined),
            finished_on=local_day(finished) if finished else None,
            due_on=status.due_date,
            state=status.state,
            agreed=status.agreed_business_days,
            split=split_days(joined, finished or self._now, history.waits, days),
        )

    def _cell(self, column: Column, stage: Stage, history: History, days: DayCount) -> Cell:
        planned = history.planned.get(column.activity)
        done_on = _done_on(column, history)
        if done_on is not None:
            return Cell(column, CellState.DONE, done_on, planned[1] if planned else None, 0, None, _proof(column))
        late = days.after(planned[1], self._today) if planned else 0
        wait = self._wait(column, stage, history)
        if wait is not None:
            why = wait.reasons or ("Aguarda a prefeitura.",)
            since = local_day(wait.held_since)
            return Cell(column, CellState.WAITING, since, planned[1] if planned else None, late, wait.party, why)
        began_on = self._began_on(column, stage, history)
        if began_on is not None:
            party, told = self._at_work(column)
            return Cell(column, CellState.RUNNING, began_on, planned[1] if planned else None, late, party, (told,))
        return Cell(
            column,
            CellState.TODO,
            planned[0] if planned else None,
            planned[1] if planned else None,
            late,
            None,
            ("Ainda não começou.",),
        )

    def _wait(self, column: Column, stage: Stage, history: History) -> Wait | None:
        if column.stage is not None:
            return history.open_wait(column.stage) if column.stage is stage else None
        # The units are mapped when the parametrisation does not wait for their spreadsheet any more.
        return history.open_wait(Stage.SEEDING) if column is Column.MAPEAMENTO else None

    def _began_on(self, column: Column, stage: Stage, history: History) -> date | None:
        joined = history.done.get(Stage.ADHESION)
        if joined is None:
            return None
        if column.stage is not None:
            return _latest(history) if column.stage is stage else None
        if column is Column.COMUNICACAO:
            begun = history.communication_at
            return local_day(begun) if begun else None
        return local_day(joined)

    def _at_work(self, column: Column) -> tuple[Party, str]:
        team = self._teams.get(column.activity)
        if team is not None:
            return Party.ESTADO, f"Com a equipe {team.title}."
        if column is Column.NORMATIZACAO:
            return Party.PREFEITURA, "Decreto ainda não registrado."
        if column is Column.MAPEAMENTO:
            return Party.PREFEITURA, "Planilha de unidades ainda não aplicada."
        if column is Column.COMUNICACAO:
            return Party.PREFEITURA, "Plano de comunicação gerado; data da entrada ainda não anunciada."
        activity = self._activities.get(column.activity)
        return Party.ESTADO, f"Com {activity.responsible}." if activity else "Em andamento."


def _latest(history: History) -> date | None:
    """The day on which the current stage's turn came."""
    return local_day(max(history.done.values())) if history.done else None


def _done_on(column: Column, history: History) -> date | None:
    done: datetime | date | None
    if column.stage is not None:
        done = history.done.get(column.stage)
    elif column is Column.MAPEAMENTO:
        done = history.units_at or history.done.get(Stage.SEEDING)
    elif column is Column.NORMATIZACAO:
        done = history.decree_on
    else:
        told = history.announced_at if history.communication_at else None
        done = told or history.done.get(Stage.GO_LIVE)
    return local_day(done) if isinstance(done, datetime) else done


def _proof(column: Column) -> tuple[str, ...]:
    return (_PROOFS[column],)


_PROOFS = {
    Column.AMBIENTE: "Ambiente de treinamento criado e conferido.",
    Column.MAPEAMENTO: "Planilha de unidades aplicada.",
    Column.NORMATIZACAO: "Decreto registrado.",
    Column.PARAMETRIZACAO: "Unidades e modelo de documentos aplicados e validados.",
    Column.USUARIOS: "Contas e permissões da planilha criadas.",
    Column.COMUNICACAO: "Plano de comunicação gerado e data da entrada anunciada.",
    Column.CAPACITACAO: "Portão da capacitação atendido ou dispensado.",
    Column.PRODUCAO: "Ambiente de produção criado e conferido.",
    Column.ENTRADA: "Lista de verificação cumprida e produção aberta.",
}
