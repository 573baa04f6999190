"""A schedule, and the fleet's forecast, as one HTML file that needs nothing else: a drawing and the table it shows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from blocks.catalog_file import CATALOG_DIR
from domain.planning.forecast import FleetForecast, Schedule

WIDTH, LABELS, RIGHT, ROW, TOP = 1000, 250, 24, 34, 46
CHART_HEIGHT = 260
_MOST_TICKS = 14
_MONTHS = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Scale:
    """Where a day stands in a drawing, in its own units from the left."""

    first: date
    last: date

    @classmethod
    def over(cls, days: Iterable[date]) -> "Scale":
        """A scale on which all these days, and a little beside them, have room."""
        known = list(days)
        margin = max(2, (max(known) - min(known)).days // 40) * _ONE_DAY
        return cls(min(known) - margin, max(known) + margin)

    def at(self, day: date) -> float:
        """The place at which a day begins; of a day beyond its ends, the end."""
        share = (min(max(day, self.first), self.last) - self.first).days / (self.last - self.first).days
        return round(LABELS + share * (WIDTH - LABELS - RIGHT), 1)

    def after(self, day: date) -> float:
        """The place at which a day has ended."""
        return self.at(day + _ONE_DAY)

    def ticks(self) -> list[tuple[float, str]]:
        """Beginnings of months, so many that their names do not touch: `jan 2027`, `fev`."""
        months = list(self._months())
        every = 1 + (len(months) - 1) // _MOST_TICKS
        # Of every third, sixth or twelfth month January is one.
        every = next((step for step in (1, 2, 3, 6, 12, 24, 60, 120) if step >= every), every)
        shown = [day for day in months if (day.year * 12 + day.month - 1) % every == 0]
        return [
            (
                self.at(day),
                f"{_MONTHS[day.month - 1]} {day.year}" if day.month == 1 or not place else _MONTHS[day.month - 1],
            )
            for place, day in enumerate(shown)
        ]

    def _months(self) -> Iterator[date]:
        day = (self.first.replace(day=1) + 32 * _ONE_DAY).replace(day=1)
        while day <= self.last:
            yield day
            day = (day + 32 * _ONE_DAY).replace(day=1)


def schedule_page(schedule: Schedule) -> str:
    """One prefeitura: what was planned, what happened, what is expected, today, and when nobody goes live."""
    ends = [day for one in schedule.activities for day in (one.start, one.end, one.ends.late)]
    planned = [day for one in schedule.activities for day in (one.planned_start, one.planned_end)]
    scale = Scale.over([schedule.start, schedule.today, *ends, *planned])
    return _render(
        "cronograma.html.j2",
        cronograma=schedule,
        escala=scale,
        altura=TOP + ROW * len(schedule.activities) + 12,
    )


def fleet_page(forecast: FleetForecast) -> str:
    """The fleet: when all are live, what holds them up, and how many are live by when."""
    days = [day for line in forecast.lines for day in (line.planned_go_live, line.go_live.median)]
    scale = Scale.over([forecast.today, *days, *([forecast.all_live.late] if forecast.all_live else [])])
    return _render(
        "previsao.html.j2",
        previsao=forecast,
        escala=scale,
        planejado=_steps(scale, (line.planned_go_live for line in forecast.lines)),
        esperado=_steps(scale, (line.go_live.median for line in forecast.lines)),
        altura=CHART_HEIGHT,
    )


def _steps(scale: Scale, days: Iterable[date]) -> str:
    """The points of a line that rises by one at each day, from nobody to everybody."""
    ordered = sorted(days)
    floor, ceiling = CHART_HEIGHT - 30, TOP
    height = (floor - ceiling) / max(len(ordered), 1)
    points = [f"{scale.at(scale.first)},{floor}"]
    for number, day in enumerate(ordered, start=1):
        place, before = scale.after(day), floor - (number - 1) * height
        points += [f"{place},{before:.1f}", f"{place},{before - height:.1f}"]
    return " ".join(points)


def _render(template: str, **words: object) -> str:
    templates = Environment(
        loader=FileSystemLoader(CATALOG_DIR / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["dia"] = lambda day: f"{day:%d/%m/%Y}"
    layout = {"LARGURA": WIDTH, "ROTULOS": LABELS, "DIREITA": WIDTH - RIGHT, "LINHA": ROW, "TOPO": TOP}
    return templates.get_template(template).render(**layout, **words)
