"""Fleets to plan and to forecast: prefeituras that joined in one year, each some way along."""

from datetime import date, timedelta

from hypothesis import strategies as st

from domain.calendar import BusinessCalendar, HolidayRule
from domain.freeze import FreezeRule, FreezeWindow
from domain.lifecycle import Stage
from domain.planning.progress import Progress
from domain.planning.teams import TeamTable
from tests.domain.examples import CATALOG

RULES = CATALOG.planning()
TODAY = date(2026, 11, 30)
MONDAY = date(2026, 3, 2)
CODES = ("3168705", "3155009", "3138203", "3144805", "3170404", "3152006", "3117504", "3121605", "3154606", "3168606")
CALENDARS = (
    BusinessCalendar(uf="MG"),
    BusinessCalendar(uf="MG", rules=(HolidayRule(description="Festa", yearly="14/04"),)),
    BusinessCalendar(uf="SP"),
)
STAGES = tuple(Stage)[1:7]  # what is left after the adhesion, until a prefeitura is live


def make_progress(
    ibge: str = CODES[0],
    joined: date = MONDAY,
    *,
    calendar: BusinessCalendar = CALENDARS[0],
    done: dict[Stage, date] | None = None,
    begun: dict[Stage, date] | None = None,
) -> Progress:
    return Progress(
        ibge=ibge,
        slug=f"municipio-{ibge}",
        name=f"Município {ibge}",
        joined=joined,
        start=joined,
        calendar=calendar,
        done=done or {},
        begun=begun or {},
    )


@st.composite
def progresses(draw: st.DrawFn, ibge: str) -> Progress:
    """One prefeitura: the stages that are done, in order, and perhaps the next one begun; never after TODAY."""
    joined = MONDAY + timedelta(days=draw(st.integers(0, 250)))
    done, day = {}, joined
    for stage in STAGES[: draw(st.integers(0, len(STAGES)))]:
        day = min(day + timedelta(days=draw(st.integers(0, 40))), TODAY)
        done[stage] = day
    upcoming = next((stage for stage in STAGES if stage not in done), None)
    begun = {upcoming: day} if upcoming and draw(st.booleans()) else {}
    return make_progress(ibge, joined, calendar=draw(st.sampled_from(CALENDARS)), done=done, begun=begun)


@st.composite
def fleets(draw: st.DrawFn, most: int = 7) -> list[Progress]:
    """Up to `most` prefeituras, in any order."""
    codes = draw(st.lists(st.sampled_from(CODES), unique=True, min_size=1, max_size=most))
    return [draw(progresses(code)) for code in codes]


@st.composite
def team_tables(draw: st.DrawFn) -> TeamTable:
    """The teams of the catalog, with few slots."""
    return RULES.teams.with_slots({team.code: draw(st.integers(1, 3)) for team in RULES.teams.teams})


@st.composite
def freeze_rules(draw: st.DrawFn) -> FreezeRule:
    """One freeze of every year, some weeks long, and one of a single municipality."""
    first = date(2026, draw(st.integers(1, 12)), draw(st.integers(1, 28)))
    last = first + timedelta(days=draw(st.integers(0, 90)))
    yearly = FreezeWindow(reason="Todo ano", first=f"{first:%d/%m}", last=f"{last:%d/%m}")
    own = FreezeWindow(reason="Só aqui", first="2026-08-03", last="2026-09-11")
    return FreezeRule(national=(yearly,), by_municipality={CODES[0]: (own,)})
