"""The board's rules: whose a day is, what a cell says and why, what is late, and what may be told."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blocks.catalog import Catalog
from domain.board import kinds
from domain.board.access import BoardRule, Role
from domain.board.board import LIVE, OUTSIDE, Choice, Order, figures_of, stage_key
from domain.board.clock import split_days
from domain.board.columns import Column
from domain.board.days import day_count
from domain.board.environments import EnvironmentFacts, EnvironmentRules, ProvedBackup, judge_environment
from domain.board.history import Told, Wait, history_of
from domain.board.line import BoardLine, CellState, LineJudge, Place
from domain.board.tables import Table, cell_told, matrix_table, shown
from domain.board.timeline import SENTENCES, decision_entry, entry_of
from domain.calendar import BRASILIA, BusinessCalendar, HolidayRule, local_day
from domain.environment import Purpose
from domain.lifecycle import STAGE_FINISHED, STAGE_REOPENED, STAGE_WAITING, Stage
from domain.party import Party
from domain.retirement import Standing
from domain.sla import Pause, SlaRule, sla_status
from domain.use_count import UseCount

NOW = datetime(2027, 3, 10, 15, tzinfo=UTC)
CALENDAR = BusinessCalendar(uf="MG", rules=(HolidayRule.model_validate({"descricao": "Aniversário", "dia": "15/03"}),))
PLACE = Place("3168705", "timoteo", "Timóteo", "MG", 91268, "faixa 3", CALENDAR)


def at(day: str, hour: int = 12) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=BRASILIA).replace(hour=hour)


def told(when: str, kind: str, **details: object) -> Told:
    return Told(at(when), kind, None, details)  # type: ignore[arg-type]


def finished(day: str, stage: Stage) -> Told:
    return told(day, STAGE_FINISHED, stage=stage.value)


def waiting(day: str, stage: Stage, *owed: tuple[Party, str]) -> Told:
    return told(day, STAGE_WAITING, stage=stage.value, reasons=[{"of": one.value, "text": text} for one, text in owed])


def line_of(*events: Told) -> BoardLine:
    catalog = Catalog()
    return LineJudge(catalog.planning(), catalog.sla(), NOW).judge(PLACE, history_of(events))


moments = st.integers(0, 60 * 24 * 120).map(lambda minutes: at("2026-11-02", 0) + timedelta(minutes=minutes))


@st.composite
def pauses(draw: st.DrawFn) -> Pause:
    since = draw(moments)
    until = draw(st.none() | moments.map(lambda moment: max(moment, since)))
    return Pause(since=since, until=until)


@settings(deadline=None)  # the first one reads the law
@given(moments, moments, st.lists(pauses(), max_size=5))
def test_the_prefeituras_days_are_those_on_which_the_agreed_clock_stands(
    first: datetime, second: datetime, found: Sequence[Pause]
) -> None:
    """Two ways to count: by walking through the days, and by places in a row."""
    start, stop = sorted((first, second))
    waits = [Wait(Stage.USERS, one.since, one.since, ((Party.PREFEITURA, ""),), one.until) for one in found]
    rule = SlaRule.model_validate({"prazo_dias_uteis": 15})
    clock = sla_status(start, found, finished_at=stop, now=stop, rule=rule, calendar=CALENDAR)
    split = split_days(start, stop, waits, day_count(CALENDAR, 2027))
    assert (split.prefeitura, split.estado) == (clock.paused_business_days, clock.elapsed_business_days)


@settings(deadline=None)  # the first one reads the law
@given(moments, moments, st.lists(st.tuples(pauses(), st.sampled_from(Party)), max_size=6))
def test_every_business_day_is_exactly_one_partys(
    first: datetime, second: datetime, found: Sequence[tuple[Pause, Party]]
) -> None:
    start, stop = sorted((first, second))
    waits = [Wait(Stage.GO_LIVE, one.since, one.since, ((party, ""),), one.until) for one, party in found]
    split = split_days(start, stop, waits, day_count(CALENDAR, 2027))
    days = sum(
        CALENDAR.is_business_day(local_day(start) + timedelta(days=n))
        for n in range(1, (local_day(stop) - local_day(start)).days + 1)
    )
    assert split.total == days
    assert min(split.estado, split.prefeitura, split.terceiros) >= 0


def test_who_has_not_joined_has_no_stage_no_clock_and_is_late_in_nothing() -> None:
    line = line_of()
    assert (line.stage_label, line.clock, line.late, line.party) == ("Não aderiu", None, False, None)
    assert {cell.state for cell in line.cells} == {CellState.TODO}
    assert stage_key(line) == OUTSIDE


def test_a_stage_that_waits_says_for_whom_since_when_and_why_without_commands() -> None:
    reason = "A prefeitura ainda não enviou unidades.csv (./implanta municipality send timoteo ARQUIVO)."
    line = line_of(
        finished("2027-02-01", Stage.ADHESION),
        finished("2027-02-15", Stage.ENVIRONMENT_TRAINING),
        told("2027-02-16", kinds.SLA_PAUSED, stage="seeding"),
        waiting("2027-02-16", Stage.SEEDING, (Party.PREFEITURA, reason)),
    )
    cell = line.cell(Column.PARAMETRIZACAO)
    assert (cell.state, cell.party, cell.day) == (CellState.WAITING, Party.PREFEITURA, date(2027, 2, 16))
    assert cell.reasons == ("A prefeitura ainda não enviou unidades.csv.",)
    assert line.cell(Column.MAPEAMENTO).state is CellState.WAITING
    assert (line.party, line.team, line.waiting_since) == (Party.PREFEITURA, "prefeitura", date(2027, 2, 16))
    assert line.split.prefeitura == 16, "from 17/02 to 10/03, each business day as it began"
    assert cell_told(cell) == "Prefeitura, desde 16/02/2027"


def test_new_reasons_do_not_begin_the_wait_anew_and_its_end_gives_the_time_back_to_the_state() -> None:
    history = history_of(
        [
            finished("2027-01-04", Stage.ADHESION),
            waiting("2027-02-01", Stage.TRAINING, (Party.PREFEITURA, "10 de 40")),
            waiting("2027-02-08", Stage.TRAINING, (Party.PREFEITURA, "20 de 40")),
        ]
    )
    open_wait = history.open_wait(Stage.TRAINING)
    assert open_wait is not None
    assert (local_day(open_wait.held_since), open_wait.reasons) == (date(2027, 2, 1), ("20 de 40",))
    assert (
        history_of(
            [waiting("2027-02-01", Stage.TRAINING, (Party.PREFEITURA, "x")), waiting("2027-02-08", Stage.TRAINING)]
        ).open_wait(Stage.TRAINING)
        is None
    )


def test_a_debt_of_the_prefeitura_comes_before_the_states_and_both_before_the_calendars() -> None:
    owed = ((Party.TERCEIROS, "eleição"), (Party.ESTADO, "agendador"), (Party.PREFEITURA, "aprovação"))
    assert [Wait(Stage.GO_LIVE, NOW, NOW, owed[:count]).party for count in (1, 2, 3)] == [
        Party.TERCEIROS,
        Party.ESTADO,
        Party.PREFEITURA,
    ]


def test_a_pause_of_before_reasons_were_told_still_waits_for_the_prefeitura() -> None:
    line = line_of(
        finished("2027-02-01", Stage.ADHESION),
        finished("2027-02-15", Stage.ENVIRONMENT_TRAINING),
        told("2027-02-16", kinds.SLA_PAUSED, stage="seeding"),
    )
    assert (line.party, line.reasons) == (Party.PREFEITURA, ("Aguarda a prefeitura.",))


def test_a_column_whose_planned_end_has_passed_is_late_by_business_days_until_it_is_done() -> None:
    plan = told("2027-02-01", kinds.PLANNED, activities={"ambiente_de_treinamento": ["2027-02-02", "2027-03-03"]})
    late = line_of(finished("2027-02-01", Stage.ADHESION), plan)
    assert (late.cell(Column.AMBIENTE).late_days, late.late_days, late.late) == (5, 5, True)
    assert (late.party, late.team) == (Party.ESTADO, "nuvem")
    done = line_of(finished("2027-02-01", Stage.ADHESION), plan, finished("2027-03-09", Stage.ENVIRONMENT_TRAINING))
    assert done.cell(Column.AMBIENTE).late_days == 0


def test_every_column_is_done_by_what_really_happened() -> None:
    events = [
        *(finished("2027-01-04", stage) for stage in Stage if stage is not Stage.OPERATION),
        told("2027-01-05", "act.registered", act="decreto", day="2027-01-05"),
        told("2027-01-06", kinds.SHEET_APPLIED, sheet="unidades.csv"),
        told("2027-01-07", kinds.INSTRUMENT_GENERATED, instrument="plano-de-comunicacao"),
        told("2027-01-08", kinds.GO_LIVE_SCHEDULED, day="2027-02-01"),
        told("2027-02-01", kinds.OPENED),
    ]
    line = line_of(*events)
    assert {cell.state for cell in line.cells} == {CellState.DONE}
    assert (stage_key(line), line.live_on, line.late) == (LIVE, date(2027, 2, 1), False)
    assert line.cell(Column.NORMATIZACAO).day == date(2027, 1, 5)
    assert line.cell(Column.COMUNICACAO).day == date(2027, 1, 8)
    undone = line_of(
        *events, told("2027-02-02", kinds.CLOSED_AGAIN), told("2027-02-02", STAGE_REOPENED, stage="go_live")
    )
    assert (undone.live_on, undone.stage) == (None, Stage.GO_LIVE)


RULES = EnvironmentRules(backup_hours=26, certificate_days=30, versions=("4.0.0", "4.1.0"))


def judged(facts: EnvironmentFacts, standing: Standing = Standing.ACTIVE) -> tuple[tuple[str, ...], int]:
    line = judge_environment(
        facts, RULES, municipality="timoteo", name="Timóteo", standing=standing, delivered_at=NOW, now=NOW
    )
    return line.problems, line.versions_behind


def test_an_environment_says_what_somebody_has_to_look_at() -> None:
    bare = EnvironmentFacts("timoteo-producao", PLACE.ibge, Purpose.PRODUCAO, "4.0.0", NOW)
    assert judged(bare) == (("sem cópia provada", "certificado desconhecido"), 1)
    assert judged(bare, Standing.RETIRED)[0] == ()
    good = EnvironmentFacts(
        *("timoteo-producao", PLACE.ibge, Purpose.PRODUCAO, "4.1.0", NOW),
        backup=ProvedBackup(NOW - timedelta(hours=20), None),
        certificate_ends=date(2027, 6, 1),
    )
    assert judged(good) == ((), 0)
    old = EnvironmentFacts(
        *("timoteo-producao", PLACE.ibge, Purpose.PRODUCAO, "4.1.0", NOW),
        backup=ProvedBackup(NOW - timedelta(hours=30), None),
        refused_at=NOW,
        certificate_ends=date(2027, 3, 1),
    )
    assert judged(old)[0] == ("última cópia recusada", "certificado vencido")


def test_the_six_figures_count_use_of_live_productions_only_and_say_how_far_they_reach() -> None:
    live = line_of(finished("2027-01-04", Stage.ADHESION), told("2027-02-01", kinds.OPENED))
    use = UseCount(users=40, processes=300, documents=1200)
    facts = [
        EnvironmentFacts("timoteo-treinamento", PLACE.ibge, Purpose.TREINAMENTO, "4.1.0", NOW, use=use, counted_at=NOW),
        EnvironmentFacts("timoteo-producao", PLACE.ibge, Purpose.PRODUCAO, "4.1.0", NOW, use=use, counted_at=NOW),
    ]
    environments = [
        judge_environment(
            one, RULES, municipality="timoteo", name="Timóteo", standing=Standing.ACTIVE, delivered_at=NOW, now=NOW
        )
        for one in facts
    ]
    found = figures_of([live], environments, classes=3)
    assert [value for _, value in found.six] == [1, 2, 3, 40, 300, 1200]
    assert (found.counted, found.counted_on) == (1, date(2027, 3, 10))


@pytest.mark.parametrize(
    ("text", "found"), [("timo", True), ("TIMÓTEO", True), ("31687", True), ("lavras", False), ("", True)]
)
def test_a_prefeitura_is_found_by_name_however_it_is_typed_or_by_code(text: str, found: bool) -> None:
    assert bool(Choice(text=text).of([line_of()])) is found


def test_an_address_says_a_choice_and_another_choice_begins_at_its_first_page() -> None:
    choice = Choice(text=" Timóteo ", late=True, order=Order.ATRASO, page=3)
    assert choice.words == {"q": "Timóteo", "atrasadas": "sim", "ordem": "atraso", "pagina": "3"}
    assert choice.but(party="estado").page == 1


def test_values_are_shown_as_brazilians_write_them_and_a_cell_never_breaks_a_table() -> None:
    assert [shown(value) for value in (116851, date(2026, 3, 1), None, "a")] == ["116.851", "01/03/2026", "–", "a"]
    assert Table("t", "T", ("A",), (("x | y\nz",),)).markdown()[-1] == "| x \\| y z |"
    table = matrix_table([line_of()])
    assert all(len(row) == len(table.headings) for row in table.rows)


@given(
    st.sampled_from([*SENTENCES, "message.sent", "users.opened"]),
    st.dictionaries(
        st.sampled_from(
            ["stage", "day", "act", "reason", "name", "sheet", "code", "instrument", "starts_at", "not_after"]
        ),
        st.sampled_from(["Maria da Silva", "111.444.777-35", "maria@exemplo.br", "seeding", "2027-01-01", "decreto"]),
    ),
)
def test_nothing_that_somebody_typed_reaches_the_timeline(kind: str, details: dict[str, str]) -> None:
    entry = entry_of(NOW, kind, "timoteo-producao", dict(details))
    words = repr(entry)
    assert not any(word in words for word in ("Maria", "111.444", "@"))


def test_a_decision_is_told_without_who_and_why() -> None:
    assert decision_entry(NOW, "go-live", "approve", None).text == "Decisão sobre entrada em produção: aprovada"
    waived = decision_entry(NOW, "go-live:atos_registrados", "waive", date(2027, 4, 1))
    assert waived.text == "Decisão sobre entrada em produção, item atos-registrados: dispensada até 01/04/2027"


def test_who_is_in_several_groups_has_the_highest_role_and_in_none_has_none() -> None:
    rule = Catalog().board()
    assert isinstance(rule, BoardRule)
    assert rule.role_of({"implanta-leitura", "IMPLANTA-APROVACAO"}) is Role.APROVACAO
    assert rule.role_of({"implanta-leitura"}) is Role.LEITURA
    assert rule.role_of({"outro"}) is None


def test_the_board_reads_the_kinds_that_the_tasks_write() -> None:
    from tasks import announcements, certificate, instruments, live, schedule, sla

    assert (kinds.SLA_PAUSED, kinds.SLA_RESUMED) == (sla.PAUSED, sla.RESUMED)
    assert (kinds.PLANNED, kinds.DELIVERED) == (schedule.PLANNED, certificate.DELIVERED)
    assert (kinds.INSTRUMENT_GENERATED, kinds.SHEET_APPLIED) == (instruments.INSTRUMENT_GENERATED, live.SHEET_APPLIED)
    assert kinds.GO_LIVE_SCHEDULED == announcements.GO_LIVE_SCHEDULED
    assert live._STATES == (kinds.OPENED, kinds.CLOSING, kinds.KEPT_OPEN, kinds.CLOSED_AGAIN)
